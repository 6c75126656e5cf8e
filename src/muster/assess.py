"""The main job: every reading of every claim judged on one ensemble, with its mirror, its drivers and its resolution."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args, get_type_hints

import numpy as np

from muster import evidence, simulate
from muster.claims import Claim, Judged, Reading, claims, judge, scores, variance_shares
from muster.experiment import Experiment, build
from muster.model.structure import Structure
from muster.output import CLAIMS
from muster.posterior import Posterior
from muster.propositions import PROPOSITIONS, mirrored, value
from muster.results import Results

CONTINUATIONS = ("goes-on", "ceasefire", "escalates")
UNFITTED = "the draws are of the prior: no fit to published figures is in use"
UNMOVED = "the fit hardly moved it: less than 0.1 in probability, and the middle half of the quantity is no fifth narrower"
SHIFT, NARROWED = 0.1, 0.8  # from where on a reading counts as moved by figures
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class JudgedReading:
    """A reading with everything that is told about it."""

    reading: Reading
    judged: Judged
    quantiles: tuple[float, float, float]
    mirror: tuple[float, float, float]
    drivers: list[dict]
    flips: list[str]
    by_continuation: dict[str, float]
    scores: dict[str, float] | None
    prior_probability: float | None  # with draws of the prior; none where these are


@dataclass(frozen=True)
class Judgement:
    """All claims of one assessment, and the run of the default structure under as-happened."""

    claims: list[tuple[Claim, list[JudgedReading]]]
    results: Results
    experiment: Experiment
    structures: tuple[Structure, ...]

    def as_list(self) -> list[dict]:
        """The contract of claims.json."""
        return [
            {
                "id": claim.id,
                "title": claim.title,
                "paraphrase": claim.paraphrase,
                "source": [said.model_dump() for said in claim.said_by],
                "not_testable_part": claim.not_testable,
                "readings": [reading_as_dict(item) for item in items],
            }
            for claim, items in self.claims
        ]

    def save(self, directory: Path, force: bool = False) -> list[Path]:
        """results.nc, manifest.json and claims.json; returns their paths."""
        claims = json.dumps(self.as_list(), indent=1, ensure_ascii=False, default=str)
        return self.results.save(directory, force, texts={CLAIMS: claims}, structures=self.structures)


def reading_as_dict(item: JudgedReading) -> dict:
    """One reading as claims.json holds it; a number that is not finite is null."""
    reading, judged = item.reading, item.judged

    def finite(numbers):
        return [float(x) if np.isfinite(x) else None for x in numbers]

    return {
        "id": reading.id,
        "headline": reading.headline,
        "statement": reading.statement,
        "probability": judged.probability,
        "mcse": judged.mcse,
        "range_over_structures": [judged.low, judged.high],
        "verdict": judged.verdict,
        "by_construction": judged.by_construction,
        "prior_driven": judged.prior_driven,
        "prior_driven_because": (UNFITTED if item.prior_probability is None else UNMOVED) if judged.prior_driven else None,
        "prior_probability": item.prior_probability,
        "quantity": {"quantiles": [0.05, 0.5, 0.95], "values": finite(item.quantiles), "threshold": reading.proposition.threshold},
        "mirror": {"quantiles": [0.05, 0.5, 0.95], "values": finite(item.mirror)},
        "resolution": {"outcome": reading.outcome, **reading.resolution.model_dump(mode="json")},
        "scores": item.scores,
        "drivers": item.drivers,
        "flips": item.flips,
        "by_continuation": item.by_continuation,
    }


def alternatives() -> dict[str, Structure]:
    """The default structure, and each rival one at a time."""
    found = {"default": Structure()}
    hints = get_type_hints(Structure)
    for item in fields(Structure):
        for choice in get_args(hints[item.name]):
            if choice != item.default:
                found[f"{item.name}={choice}"] = replace(Structure(), **{item.name: choice})
    return found


def quantiles(values: np.ndarray) -> tuple[float, float, float]:
    """5 %, median and 95 % of the values that are numbers."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95], method="nearest")
    return float(low), float(middle), float(high)


def truth(reading: Reading, results: Results) -> tuple[np.ndarray, np.ndarray]:
    """The quantity's values and the reading's truth by draw."""
    values = value(reading.proposition.quantity, results)
    return values, PROPOSITIONS[reading.proposition.name](values, reading.proposition.threshold)


def moved(after: tuple[np.ndarray, np.ndarray], before: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether a fit moved a reading: (values, truths) by draw with it and without."""
    if abs(float(np.mean(after[1])) - float(np.mean(before[1]))) >= SHIFT:
        return True
    widths = [np.subtract(*np.nanquantile(np.where(np.isfinite(values), values, np.nan), [0.75, 0.25])) for values, _ in (after, before)]
    return bool(widths[1] > 0 and widths[0] <= NARROWED * widths[1])


def assess(
    scenario: str = "russia-ukraine-2022",
    draws: int = 200,
    seed: int = 1,
    claim_names: tuple[str, ...] = (),
    structures: str = "default",
    sets: tuple[str, ...] = (),
    progress: Progress | None = None,
    posterior: Posterior | Literal["shipped"] | None = "shipped",
) -> Judgement:
    """Judge claims (all of the library, or by name or path) on a scenario; structures 'default' or 'all'; of a posterior."""
    asked = claims(claim_names)
    chosen = alternatives() if structures == "all" else {"default": Structure()}
    runs: dict[tuple[str, str, str, bool], Results] = {}
    experiment = build(scenario, ("as-happened",), "goes-on", draws, seed, None, sets, posterior=posterior)

    def run(policy: str, continuation: str, structure: str, prior: bool = False) -> Results:
        key = (policy, continuation, structure, prior)
        if key not in runs:
            fitted = None if prior else experiment.posterior
            own = build(scenario, (policy,), continuation, draws, seed, chosen[structure], sets, posterior=fitted)
            words = (policy, continuation if continuation != "goes-on" else "", structure, "prior" if prior else "")
            label = ", ".join(part for part in words if part != "default" and part)
            runs[key] = simulate.ensemble(own, partial(progress, label) if progress else None)
        return runs[key]

    names, drawn = evidence.drawn_matrix(experiment, np.arange(draws))

    def judged(reading: Reading) -> JudgedReading:
        observed = reading.until <= experiment.scenario.last_observation
        answers = {name: truth(reading, run(reading.policy, "goes-on", name)) for name in chosen}
        values, _ = answers["default"]
        spread = np.ptp(values) if np.all(np.isfinite(values)) else np.inf
        varies = bool(spread > 1e-9 * max(abs(float(np.nanmedian(np.where(np.isfinite(values), values, 0)))), 1e-12))
        before = truth(reading, run(reading.policy, "goes-on", "default", prior=True)) if experiment.posterior else None
        unmoved = before is None or not moved(answers["default"], before)
        verdict = judge({name: answer for name, (_, answer) in answers.items()}, unmoved, varies, complete=structures == "all")
        sides = experiment.sides
        mirror = value(mirrored(reading.proposition.quantity, sides), run(reading.policy, "goes-on", "default"))
        side = verdict.probability > 0.5
        flips = [name for name, (_, answer) in answers.items() if (float(np.mean(answer)) > 0.5) != side]
        endings = (
            {} if observed else {name: float(np.mean(truth(reading, run(reading.policy, name, "default"))[1])) for name in CONTINUATIONS}
        )
        drivers = variance_shares(np.where(np.isfinite(values), values, 1e12), names, drawn)
        told = scores(verdict.probability, reading.outcome)
        at_prior = None if before is None else float(np.mean(before[1]))
        return JudgedReading(reading, verdict, quantiles(values), quantiles(mirror), drivers, flips, endings, told, at_prior)

    found = [(claim, [judged(reading) for reading in claim.readings]) for claim in asked]
    return Judgement(found, run("as-happened", "goes-on", "default"), experiment, tuple(chosen.values()))
