"""Calibration: an ensemble of parameters fitted to published figures by ES-MDA; resumed after an interruption.

Scores of all uncertain numbers go through `esmda.update` some times; the figures are those that were published by a day.
"""

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from muster import esmda, evidence, simulate
from muster.errors import UserError
from muster.experiment import Experiment, build
from muster.likelihood import WORTH, Likelihood, likelihood, published_by, sizes
from muster.observe import Observation, Read, observations, reader
from muster.posterior import Posterior, rests_on_sha256
from muster.scenario import Scenario, load

MEMBERS, STEPS, SEED = 2080, 6, 1
THRESHOLD = 2.5  # standard errors of a correlation that count as chance; chosen on twin data (docs/calibration.md)
FEWEST = 50  # members
NOISE_DRAWS = 208
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Problem:
    """What is fitted: an experiment up to a day, its uncertain numbers, and the figures."""

    experiment: Experiment
    streams: tuple[str, ...]  # of the uncertain numbers
    likelihood: Likelihood
    read: Read
    until: datetime.date
    scenario_sha256: str


@dataclass
class Fit:
    """An ensemble after some steps: scores [stream, member], what members told before the first and after the last step, error sizes.

    The likelihood of its problem has single errors of these sizes.
    """

    problem: Problem
    scores: np.ndarray
    prior_scores: np.ndarray
    prior_told: np.ndarray
    told: np.ndarray
    sizes: dict[str, float]  # of single errors by class, times what was guessed
    seed: int
    steps: int
    threshold: float
    residuals: list[float] = field(default_factory=list)  # mean squared innovation over error, before each step and after the last

    def posterior(self) -> Posterior:
        """The members with what they rest on."""
        problem = self.problem
        about = {
            "scenario": problem.experiment.name,
            "scenario_sha256": problem.scenario_sha256,
            "rests_on_sha256": rests_on_sha256(),
            "until": problem.until.isoformat(),
            "figures": len(problem.likelihood),
            "roots": sorted({row.root for row in problem.likelihood.rows}),
            "rows": [row.id for row in problem.likelihood.rows],
            "local_data": [],  # the figures are the library's own; no set of rights `local` serves the fit
            "method": f"ES-MDA, {self.steps} steps, threshold {self.threshold}",
            "seed": self.seed,
            "version": version("muster"),
            "error_sizes": {name: round(value, 4) for name, value in self.sizes.items()},
            "residuals": [round(value, 4) for value in self.residuals],
        }
        return Posterior(problem.streams, self.scores.astype(np.float32).astype(float), about)


def cut(scenario: str | Scenario, until: datetime.date | None) -> tuple[Scenario, Scenario, datetime.date]:
    """A scenario, the same up to a day (the day is its last observation), and the day."""
    whole = load(scenario) if isinstance(scenario, str) else scenario
    day = min(until or whole.last_observation, whole.last_observation)
    if day <= whole.start + datetime.timedelta(weeks=26):
        raise UserError(f"--until {day}: at least half a year after the start ({whole.start}) was expected.")
    return whole, whole.model_copy(update={"last_observation": day, "end": day + datetime.timedelta(days=8)}), day


def forecast_scenario(scenario: str | Scenario, origin: datetime.date, weeks: int) -> Scenario:
    """A scenario whose last observation is the origin, so that decisions after it go on as before; it ends after the horizon."""
    whole = load(scenario) if isinstance(scenario, str) else scenario
    return whole.model_copy(update={"last_observation": origin, "end": origin + datetime.timedelta(weeks=weeks + 7)})


def problem_of(
    scenario: str | Scenario, until: datetime.date | None = None, seed: int = SEED, rows: tuple[Observation, ...] | None = None
) -> Problem:
    """What is to be fitted: figures (`rows`, or all of the library) that were published by a day."""
    whole, short, day = cut(scenario, until)
    sides = set(whole.sides)
    used = tuple(row for row in published_by(observations() if rows is None else rows, day) if row.side in sides)
    if not used or (whole.name != "russia-ukraine-2022" and rows is None):
        raise UserError(f"{whole.name}: there are no published figures of this scenario to fit to.")
    experiment = build(short, draws=1, seed=seed)
    uncertain = tuple(entry[0] for entry in evidence.entries(experiment) if entry[5] != "constant" and entry[0] not in experiment.fixed)
    return Problem(experiment, uncertain, likelihood(used), reader(experiment, used), day, build(whole, draws=1).sha256)


def with_likelihood(problem: Problem, known: Likelihood) -> Problem:
    """The same problem with other figures of the same table."""
    return replace(problem, likelihood=known)


def readings(
    problem: Problem, scores: np.ndarray, luck: np.ndarray, update: Callable[[int], None] = lambda _: None, quiet: bool = False
) -> np.ndarray:
    """What the rows should have read [row, member] with scores [stream, member] and the luck of some draws; `quiet` = no weekly noise."""
    width, count = simulate.LANE * jax.device_count(), scores.shape[1]
    found = []
    for first in range(0, count, width):
        chosen = np.minimum(np.arange(first, first + width), count - 1)
        draws = simulate.draws_of(problem.experiment, luck[chosen], params_of(problem, scores[:, chosen]))
        if quiet:
            draws = replace(draws, noise=jax.tree.map(lambda x: x * 0, draws.noise))
        _, sides, _ = simulate.outcome(problem.experiment, draws)
        found.append(problem.read(sides)[:, : min(width, count - first)])
        update(min(first + width, count))
    return np.concatenate(found, axis=1)


def params_of(problem: Problem, scores: np.ndarray) -> tuple:
    """Both sides' parameters from scores [stream, member]."""
    place = {name: number for number, name in enumerate(problem.streams)}
    rest = np.zeros(scores.shape[1])
    return evidence.sample(problem.experiment, lambda streams: [scores[place[name]] if name in place else rest for name in streams])


def chance_covariance(problem: Problem) -> np.ndarray:
    """The covariance of what chance alone does to what is told, at the centre of the prior [row, row]."""
    centre = np.zeros((len(problem.streams), NOISE_DRAWS))
    told = esmda.drawn_in(problem.likelihood.told(readings(problem, centre, np.arange(NOISE_DRAWS))))
    return np.cov(told)


def key_of(problem: Problem, members: int, steps: int, seed: int, threshold: float) -> str:
    """What a state must have been written for, to be taken up."""
    known = problem.likelihood
    words = [
        problem.scenario_sha256,
        rests_on_sha256(),
        problem.until.isoformat(),
        str((members, steps, seed, threshold, WORTH)),
        hashlib.sha256(known.low.tobytes() + known.high.tobytes()).hexdigest(),  # figures of a twin have the rows of the real ones
        version("muster"),
    ]
    return hashlib.sha256("\n".join([*words, *problem.streams, *(str(row) for row in known.rows)]).encode()).hexdigest()


def calibrate(
    problem: Problem | str,
    members: int = MEMBERS,
    steps: int = STEPS,
    seed: int = SEED,
    progress: Progress = lambda *_: None,
    state: Path | None = None,
    threshold: float = THRESHOLD,
) -> Fit:
    """The fitted ensemble of a problem, or of a scenario by name with all its figures.

    After each step it is kept in `state`; a state of the same fit is taken up.
    """
    if isinstance(problem, str):
        problem = problem_of(problem, seed=seed)
    if members < FEWEST or steps < 1:
        raise UserError(f"calibrate: at least {FEWEST} members and 1 step were expected, found {members} and {steps}.")
    problem = replace(problem, experiment=replace(problem.experiment, seed=seed))  # which keys the members and their luck
    with threadpool_limits(1, "blas"):  # how many threads share a product moves its last bits, and a fit makes whole digits of them
        return fitted(problem, members, steps, seed, progress, state, threshold)


def fitted(problem: Problem, members: int, steps: int, seed: int, progress: Progress, state: Path | None, threshold: float) -> Fit:
    """The fitted ensemble of a problem: `steps` updates, and a last run of the members with draws of chance of their own."""
    key = key_of(problem, members, steps, seed, threshold)
    prior = evidence.normals(problem.experiment, np.arange(members), list(problem.streams))
    done, scores, prior_told, residuals = taken_up(state, key) or (0, prior.copy(), None, [])
    noise = chance_covariance(problem)
    whole, found = (steps + 1) * members, None
    for step in range(done, steps + 1):
        luck = np.arange(members) + (0 if step == steps else (step + 1) * members)
        label = f"step {min(step + 1, steps)} of {steps}"
        read = readings(problem, scores, luck, lambda n, step=step, label=label: progress(label, step * members + n, whole))
        told = esmda.drawn_in(problem.likelihood.told(read))
        prior_told = told if prior_told is None else prior_told
        found = found or sizes(problem.likelihood, prior_told)
        known = problem.likelihood.sized(found)
        residuals.append(misfit(known, told))
        if step == steps:
            return Fit(with_likelihood(problem, known), scores, prior, prior_told, told, found, seed, steps, threshold, residuals)
        generator = np.random.default_rng([seed, step])
        errors = esmda.inflated(known.covariance(known.weights(told)), noise, steps)
        error = np.linalg.cholesky(errors) @ generator.standard_normal(told.shape)
        scores = esmda.update(scores, told, known.innovation(told, error), errors, threshold)
        keep(state, key, step + 1, scores, prior_told, residuals)
    raise AssertionError("the last step returns")


def misfit(known: Likelihood, told: np.ndarray) -> float:
    """Mean squared innovation of the members' mean in units of all errors and the spread of the members."""
    distance = np.mean(known.innovation(told), axis=1)
    return float(np.mean(distance**2 / (np.diag(known.covariance()) + np.var(told, axis=1))))


def keep(state: Path | None, key: str, step: int, scores: np.ndarray, prior_told: np.ndarray, residuals: list[float]) -> None:
    """Writes the state of a fit, beside and renamed."""
    if state is None:
        return
    state.parent.mkdir(parents=True, exist_ok=True)
    beside = state.with_name(state.name + ".part")
    with beside.open("wb") as file:
        np.savez(file, key=key, step=step, scores=scores, prior_told=prior_told, residuals=json.dumps(residuals))
    beside.replace(state)


def taken_up(state: Path | None, key: str) -> tuple[int, np.ndarray, np.ndarray, list[float]] | None:
    """The state of the same fit, where there is one that is whole."""
    if state is None or not state.is_file():
        return None
    try:
        with np.load(state, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return None
            return int(kept["step"]), kept["scores"], kept["prior_told"], json.loads(str(kept["residuals"]))
    except (OSError, ValueError, KeyError):
        return None
