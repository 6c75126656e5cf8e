"""The second method: the most likely numbers by damped Gauss-Newton steps, and a normal around them (Laplace).

Readings are of runs without weekly noise and with one draw's thresholds; the covariance of chance is part of the errors. The slopes
are differences of whole runs, all in one batch.
"""

from dataclasses import dataclass

import numpy as np

from muster.calibration import Problem, chance_covariance, readings

STEP = 0.1  # prior s.d. by which a number is moved for its slope
DAMPING = (0.3, 3.0, 30.0)  # tried in each step, least first
ENOUGH = 0.05  # fall of the objective with which a step is the last


@dataclass(frozen=True)
class Mode:
    """A most likely point: scores [stream], their covariance, minus the log posterior, the steps taken."""

    scores: np.ndarray
    covariance: np.ndarray
    objective: float
    steps: int


def told(problem: Problem, scores: np.ndarray) -> np.ndarray:
    """What is told of runs without weekly noise [row, member]."""
    return problem.likelihood.told(readings(problem, scores, np.zeros(scores.shape[1], dtype=int), quiet=True))


def errors(problem: Problem, noise: np.ndarray, told_now: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that say anything at a point, their innovations, and the covariance of their errors."""
    known = problem.likelihood
    innovation = known.innovation(told_now[:, None])[:, 0]
    active = (innovation != 0) | (known.low == known.high)
    covariance = (known.covariance(known.weights(told_now[:, None])) + noise)[np.ix_(active, active)]
    return active, innovation, covariance


def objective(problem: Problem, noise: np.ndarray, scores: np.ndarray, told_now: np.ndarray) -> float:
    """Minus the log posterior, but for a constant; outliers count with their weights.

    Bounds and ranges come last and bring no determinant: a point that meets a bound must be comparable with one that breaks it.
    """
    active, innovation, covariance = errors(problem, noise, told_now)
    exact = (problem.likelihood.low == problem.likelihood.high)[active]
    order = np.argsort(~exact, kind="stable")
    root = np.linalg.cholesky(covariance[np.ix_(order, order)])
    white = np.linalg.solve(root, innovation[active][order])
    return float(0.5 * scores @ scores + 0.5 * white @ white + np.sum(np.log(np.diag(root)[: exact.sum()])))


def slopes(problem: Problem, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is told at a point [row], and its slope on every number [row, stream]."""
    count = len(scores)
    moved = np.concatenate([scores[:, None], scores[:, None] + STEP * np.eye(count)], axis=1)
    found = told(problem, moved)
    return found[:, 0], (found[:, 1:] - found[:, :1]) / STEP


def mode(problem: Problem, start: np.ndarray, noise: np.ndarray, most: int = 6) -> Mode:
    """The most likely point that is reached from a start, and the curvature there."""
    scores, value = start, np.inf
    for step in range(most + 1):
        here, slope = slopes(problem, scores)
        active, innovation, covariance = errors(problem, noise, here)
        weighted = np.linalg.solve(covariance, slope[active])
        curvature = np.eye(len(scores)) + slope[active].T @ weighted
        before, value = value, objective(problem, noise, scores, here)
        if step == most or before - value < ENOUGH:
            return Mode(scores, np.linalg.inv(curvature), value, step)
        down = weighted.T @ innovation[active] - scores
        tried = [scores + np.linalg.solve(curvature + damping * np.eye(len(scores)), down) for damping in (0.0, *DAMPING)]
        values = told(problem, np.stack(tried, axis=1))
        found = [objective(problem, noise, one, values[:, i]) for i, one in enumerate(tried)]
        best = int(np.argmin(found))
        if found[best] >= value:
            return Mode(scores, np.linalg.inv(curvature), value, step)
        scores = tried[best]
    raise AssertionError("the last step returns")


def modes(problem: Problem, starts: list[np.ndarray]) -> list[Mode]:
    """The points that are reached from some starts, most likely first."""
    noise = chance_covariance(problem)
    return sorted((mode(problem, start, noise) for start in starts), key=lambda found: found.objective)
