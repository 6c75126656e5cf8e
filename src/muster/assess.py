"""The main job: every reading of every claim judged on one ensemble, with its mirror, its drivers and its resolution."""

import datetime
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from muster import evidence, vintage
from muster.before_fit import before_the_fit, prior_answers, reading_key
from muster.claims import Claim, Reading, check_claim, claims, threshold_of
from muster.drivers import RESOLVED, variance_shares
from muster.ensembles import Ensembles, Key, Under
from muster.errors import NotComputed, UserError
from muster.experiment import Experiment, structures_of
from muster.judgement import NO_BAND, QUANTILES, Band, JudgedReading, Judgement, Settled, Slice
from muster.model.structure import Structure, alternatives
from muster.observe import observations
from muster.posterior import Posterior
from muster.propositions import holds, value
from muster.published import figures
from muster.quantities import Effect, every, mirrored, of_battles, of_ensemble, of_regions, paths
from muster.regional_answers import ONE_REGION
from muster.scenario import load, sides_of
from muster.spoken import evidence_of
from muster.verdict import NO_FIT, Judged, judge, prior_driven, scores, standard_error, varies, whole_ensemble_error
from muster.weights import Weighed, camp_of, rows_to_weigh, weigh, weighted_quantile

CONTINUATIONS = ("goes-on", "ceasefire", "escalates")
FROM_BATTLES = "answered by the fit to battles alone"
SLICES = {"below 0.4": (-np.inf, 0.4), "0.4 to 0.6": (0.4, 0.6), "above 0.6": (0.6, np.inf)}  # of omega, the loss law's exponent of numbers
FEWEST = 20  # draws of a slice from which on its answer is told
Progress = Callable[[str, int, int], None]


def beside_default(text: str) -> dict[str, Structure]:
    """The structures that a user asks for (as of structures_of), the default first."""
    return {"default": Structure()} | structures_of(text)


@dataclass
class Judge:
    """What all readings are judged with."""

    ensembles: Ensembles
    structures: dict[str, Structure]
    experiment: Experiment
    names: list[str]
    drawn: np.ndarray  # [parameter, draw]
    exponents: np.ndarray  # omega [draw]
    weighed: Weighed | None = None
    regional: bool = False
    at_prior: dict[str, float] = field(default_factory=dict)  # probabilities of readings before the fit, where they are known
    agreed_before: Container[str] = ()  # those that had one answer before the fit, under every structure
    known: dict[tuple, np.ndarray] = field(default_factory=dict)  # values by quantity and run; thresholds share them
    told: dict[str, list[dict]] = field(default_factory=dict)  # drivers by quantity

    @property
    def weights(self) -> np.ndarray | None:
        """Weights of the draws, where they do not count alike."""
        return self.weighed.weights if self.weighed else None

    def share(self, quantity, truths: np.ndarray, weighted: bool = True) -> tuple[float, float]:
        """Probability and its Monte-Carlo error: of draws, of draws of the battle fit, or of a number of the whole ensemble."""
        if of_ensemble(quantity):
            return whole_ensemble_error(truths)
        weights = self.weights if weighted and self.weights is not None and len(truths) == len(self.weights) else None
        return standard_error(truths, weights)

    def answer(self, reading: Reading, threshold: float, continuation: str, structure: str, prior: bool = False):
        """(the quantity's values, the reading's truth) by draw."""
        assert reading.proposition is not None
        values = self.values(reading.proposition.quantity, reading.policy, continuation, structure, prior)
        return values, holds(reading.proposition, values, threshold)

    def values(self, quantity, policy: str, continuation: str = "goes-on", structure: str = "default", prior: bool = False) -> np.ndarray:
        """The values of a quantity in a run."""
        key = quantity.model_dump_json(), policy, continuation, structure, prior
        if key not in self.known:
            under = Under(self.ensembles, continuation, structure, None if prior else self.weights, prior, of_regions(quantity))
            self.known[key] = value(quantity, under, policy)
        return self.known[key]

    def hear(self, asked: list[Claim], structure: str) -> None:
        """What all readings are under a rival structure; then its runs are forgotten, as all of them at once took 18 GB."""
        for reading in (reading for claim in asked for reading in claim.readings):
            quantity = reading.proposition.quantity if reading.proposition else None
            if quantity and not of_battles(quantity) and (self.regional or not of_regions(quantity)):
                with suppress(NotComputed):
                    self.values(quantity, reading.policy, structure=structure)
        self.ensembles.forget(structure)

    def before(self, reading: Reading, threshold: float, unweighted: np.ndarray) -> float:
        """Probability of a reading before figures moved it: of the prior's draws, or of these draws where they are the prior's."""
        if reading_key(reading) in self.at_prior:
            return self.at_prior[reading_key(reading)]
        assert reading.proposition is not None
        fitted = self.experiment.posterior is not None
        truths = self.answer(reading, threshold, "goes-on", "default", prior=True)[1] if fitted else unweighted
        return self.share(reading.proposition.quantity, truths, weighted=False)[0]

    def drivers(self, quantity, values: np.ndarray) -> list[dict]:
        """The parameters that carry most of the variance of a quantity."""
        key = quantity.model_dump_json()
        if key not in self.told:
            self.told[key] = variance_shares(values, self.names, self.drawn)
        return self.told[key]

    def band(self, values: np.ndarray) -> Band:
        """5 %, median and 95 % of the values that are numbers."""
        low, middle, high = (weighted_quantile(values, self.weights, level) for level in QUANTILES)
        return low, middle, high


def judged_reading(reading: Reading, side: str, using: Judge) -> JudgedReading:
    """One reading judged, or why it cannot be."""
    settled = settled_by(reading)
    if reading.proposition is None:
        reason = reading.not_testable or reading.not_computed
        return without(reading, "not testable" if reading.not_testable else "not computed", reason, settled)
    threshold, unit = threshold_of(reading, reading.id)
    if of_regions(reading.proposition.quantity) and not using.regional:
        return without(reading, "not computed", ONE_REGION, settled, unit, threshold)
    try:
        return computed(reading, side, using, threshold, unit, settled)
    except NotComputed as problem:
        return without(reading, "not computed", str(problem), settled, unit, threshold)


def agreed(truths: Iterable[np.ndarray]) -> bool:
    """Whether all draws of some runs give the same answer."""
    return len({bool(answer) for draws in truths for answer in np.unique(draws)}) == 1


def has_tables(experiment: Experiment) -> bool:
    """Whether both sides have a table of regions."""
    return all(side.regions for side in experiment.scenario.sides.values())


def without(reading: Reading, verdict, reason: str | None, settled: Settled, unit: str = "1", threshold: float = float("nan")):
    """A reading without numbers, and why."""
    return JudgedReading(
        reading=reading, judged=Judged.without(verdict), unit=unit, threshold=threshold, quantiles=NO_BAND, mirror=NO_BAND, drivers=[],
        flips=[], by_continuation={}, by_structure={}, by_number_exponent={}, scores=None, evidence={}, resolution=settled, why_not=reason,
    )  # fmt: skip


def computed(reading: Reading, side: str, using: Judge, threshold: float, unit: str, settled: Settled) -> JudgedReading:
    """A reading with its probability, verdict and all that stands beside it."""
    assert reading.proposition is not None
    quantity = reading.proposition.quantity
    battles, whole = of_battles(quantity), of_ensemble(quantity)
    forms = ["default"] if battles else list(using.structures)
    answers = {name: using.answer(reading, threshold, "goes-on", name) for name in forms}
    values, truths = answers["default"]
    shares = {name: using.share(quantity, truth) for name, (_, truth) in answers.items()}
    p, band = shares["default"][0], using.band(values)
    before = using.before(reading, threshold, truths) if not battles else p
    remark = None if battles else prior_driven_because(reading, quantity, using, p, before)
    complete = set(forms) == set(alternatives()) or battles
    unanimous = not whole and agreed(truth for _, truth in answers.values())
    if using.experiment.posterior:  # so must every draw of the prior under every structure
        unanimous &= reading_key(reading) in using.agreed_before
    moves = reading.event or varies(values)  # an event that no draw has seen has a probability all the same
    judged = judge(shares, remark is not None, moves, complete, unanimous)
    over = p > 0.5
    beyond = told_by_continuation(reading, using.experiment.scenario.last_observation)
    endings = {} if battles or not beyond else {
        name: using.share(quantity, using.answer(reading, threshold, name, "default")[1])[0] for name in CONTINUATIONS
    }  # fmt: skip
    flips = [name for name, (share, _) in shares.items() if (share > 0.5) != over]
    flips += [name for name, share in endings.items() if (share > 0.5) != over]
    per_draw = not (whole or battles) and len(values) == len(using.exponents)
    scored = scores(p, settled.outcome) if judged.verdict != "not testable" else None
    return JudgedReading(
        reading=reading,
        judged=judged,
        unit=unit,
        threshold=threshold,
        quantiles=band,
        mirror=mirror_of(reading, side, using) if reading.mirror and not battles else NO_BAND,
        drivers=using.drivers(quantity, values) if per_draw else [],
        flips=flips,
        by_continuation=endings,
        by_structure={name: share for name, (share, _) in shares.items()},
        by_number_exponent=by_slice(truths, using.exponents, using.weights) if per_draw else {},
        scores=scored,
        evidence=evidence_of(quantity, using.experiment.sides, using.weighed),
        resolution=settled,
        why_not="its quantity does not vary in this model" if judged.verdict == "not testable" else None,
        resolved_drivers=per_draw and len(values) >= RESOLVED,
        prior=before if (using.weighed or using.experiment.posterior) and not battles else None,
        remark=FROM_BATTLES if battles else remark,
    )


def by_slice(truths: np.ndarray, exponents: np.ndarray, weights: np.ndarray | None) -> dict[str, Slice]:
    """The answer by slices of omega, which decides whether a front is stable: of a slice with too few draws nothing is told."""
    found = {}
    for name, (low, high) in SLICES.items():
        inside = (exponents >= low) & (exponents < high)
        if np.count_nonzero(inside) >= FEWEST:
            p, error = standard_error(truths[inside], None if weights is None else weights[inside] / np.sum(weights[inside]))
            found[name] = Slice(p, error, int(np.count_nonzero(inside)))
    return found


def told_by_continuation(reading: Reading, last_observation: datetime.date) -> bool:
    """Whether a reading looks beyond the last observation; one that cuts loops or is of regions is told for goes-on alone."""
    assert reading.proposition is not None
    quantity = reading.proposition.quantity
    cuts = any(isinstance(part, Effect) and part.cut for part in every(quantity))
    return reading.until > last_observation and not cuts and not of_regions(quantity)


def mirror_of(reading: Reading, side: str, using: Judge) -> Band:
    """The band of the same quantity of the other side; none where it asks for a policy of one side or what is not known there."""
    assert reading.proposition is not None
    quantity, sides = reading.proposition.quantity, using.experiment.sides
    effects = [part for part in every(quantity) if isinstance(part, Effect)]
    asked = {reading.policy, *(policy for part in effects for policy in (part.policy, part.against))} - {"as-happened"}
    if any(sides_of(policy) != set(sides) for policy in asked) or any(part.fixed for part in effects):
        return NO_BAND
    if side not in sides:
        return NO_BAND
    try:
        return using.band(using.values(mirrored(quantity, sides), reading.policy))
    except NotComputed:
        return NO_BAND


def prior_driven_because(reading: Reading, quantity, using: Judge, after: float, before: float) -> str | None:
    """Why a reading is the prior's, nothing where figures moved it."""
    if using.weighed is None and using.experiment.posterior is None:
        return NO_FIT
    return prior_driven(reading.event, bool(evidence_of(quantity, using.experiment.sides, using.weighed)), after, before)


def settled_by(reading: Reading) -> Settled:
    """The outcome and the published figures that settle a reading; a claim of one's own may name figures that Muster does not ship."""
    known = figures()
    return Settled(reading.outcome, tuple(known[row] for row in reading.resolution.rows if row in known))


def series_of(asked: list[Claim], sides: tuple[str, str]) -> frozenset[str]:
    """Every series that readings and their mirrors ask for."""
    found: set[str] = set()
    for claim in asked:
        for reading in claim.readings:
            if reading.proposition is not None:
                for part in every(reading.proposition.quantity):
                    found |= {f"{side}/{path.partition('/')[2]}" for path in paths(part) for side in sides}
    return frozenset("/".join(path.split("/")[:3]) for path in found)


def keys_of(
    asked: list[Claim],
    last_observation: datetime.date,
    structures: dict[str, Structure],
    tables: bool = False,
    at_prior: Container[str] | None = None,
) -> list[Key]:
    """Every run that the readings need, each once; as-happened comes first.

    `tables`: both sides can be run by region; `at_prior`: keys of readings of which it is known what they gave before the fit, so that
    all others are also run with draws of the prior (none: nothing was fitted).
    """
    found = dict.fromkeys(Key(structure=name) for name in structures)
    for claim in asked:
        for reading in claim.readings:
            if reading.proposition is None or of_battles(reading.proposition.quantity):
                continue
            regional = of_regions(reading.proposition.quantity)
            if regional and not tables:
                continue
            runs = [Key(reading.policy, regional=regional)]
            for part in every(reading.proposition.quantity):
                if isinstance(part, Effect):
                    runs += [Key(part.policy, regional=regional), Key(part.against, fixed=part.fixed, cut=part.cut, regional=regional)]
            endings = CONTINUATIONS if told_by_continuation(reading, last_observation) else CONTINUATIONS[:1]
            for run in runs:
                found |= dict.fromkeys(replace(run, continuation=ending) for ending in endings)
                found |= dict.fromkeys(replace(run, structure=name) for name in structures)
                if at_prior is not None and reading_key(reading) not in at_prior:
                    found |= dict.fromkeys([replace(run, prior=True)])
    return list(found)


def assess(
    scenario: str = "russia-ukraine-2022",
    draws: int = 200,
    seed: int = 1,
    claim_names: tuple[str, ...] = (),
    structures: str = "default",
    sets: tuple[str, ...] = (),
    progress: Progress | None = None,
    as_of: datetime.date | None = None,
    observe: Path | str | None = None,
    without: str | None = None,
    posterior: Posterior | Literal["shipped"] | None = "shipped",
    regional: bool = False,
    keep: tuple[str, ...] = (),
) -> Judgement:
    """Judge claims (all of the library about the scenario, or by name or path).

    `structures`: default, all, or one rival NAME=VALUE; `as_of`: only numbers public on a day keep their spread; `observe`: a file of
    figures that weigh the draws; `without`: camp:NAME, whose figures are left out; `posterior`: the draws' (none: of the prior);
    `regional`: also run by regions, for the readings that ask for it; `keep`: series (NODE/NAME) kept of every run beside those
    that readings need.
    """
    held = load(scenario)
    asked = claims(claim_names, held.name)
    for claim in asked:
        check_claim(claim, held, f"claim {claim.id}")
    if without and observe is None:
        raise UserError(f"--without camp:{camp_of(without)} leaves figures out of --observe FILE; name the file.")
    figures_given = rows_to_weigh(Path(observe), without, held) if observe is not None else []
    chosen = beside_default(structures)
    first, second = held.sides
    kept = series_of(asked, (first, second)) | {f"{side}/{path}" for side in held.sides for path in keep}
    ensembles = Ensembles(scenario, draws, seed, chosen, sets, kept, progress)
    if as_of is None:
        ensembles.posterior = posterior
    else:
        ensembles.prepare = lambda experiment: vintage.as_of(experiment, as_of)
    experiment = ensembles.experiment(Key())
    by_region = regional and has_tables(experiment)
    as_shipped = posterior == "shipped" and not sets
    at_prior = prior_answers(held.name) if experiment.posterior and as_shipped else {}
    keys = keys_of(asked, held.last_observation, chosen, by_region, at_prior if experiment.posterior else None)
    ensembles.expected = len(keys)
    for key in keys:
        if key.structure == "default":
            ensembles.run(key)
    results = ensembles.run(Key())
    names, drawn = evidence.drawn_matrix(experiment, np.arange(draws))
    exponents = np.broadcast_to(evidence.draw(experiment, np.arange(draws))[0].front.number_exponent, draws)
    weighed = weigh(results, figures_given, Path(observe)) if observe is not None else None
    using = Judge(ensembles, chosen, experiment, names, drawn, exponents, weighed, by_region, at_prior, before_the_fit(held.name)["agreed"])
    for structure in [name for name in chosen if name != "default"]:
        using.hear(asked, structure)
    found = [(claim, [judged_reading(reading, claim.side, using) for reading in claim.readings]) for claim in asked]
    notes = notes_of(experiment, as_of, weighed, without)
    return Judgement(
        found, results, experiment, tuple(chosen.values()), notes, weighed.effective if weighed else None, ensembles, using.weights
    )


def notes_of(experiment: Experiment, day: datetime.date | None, weighed: Weighed | None, without: str | None) -> list[str]:
    """What holds for all readings."""
    found = [experiment.note] if experiment.note else []
    if day is not None:
        wide, whole = len(vintage.later(experiment, day)), sum(1 for _ in evidence.entries(experiment))
        found.append(
            f"As of {day}: {wide} of {whole} uncertain numbers rest on a later source or were tuned on this war; they keep that centre and"
            " have twice the spread. Decisions after that day are still those taken. This is no forecast, and its scores are no test."
        )
    if weighed:
        left = f", without {without}" if without else ""
        found.append(f"Weighed by {len(weighed.used)} figures{left}: {len(weighed.weights)} draws are worth {weighed.effective:.0f}.")
        found += weighed.moved
        twice = [row.id for row in weighed.used if experiment.posterior and any(map(row.says_as, observations()))]
        if twice:
            found.append(
                f"The fit used {', '.join(twice)} already, so that they count twice; --prior weighs draws of the prior by them alone."
            )
    return found
