"""Diagnosis of a fit: what the figures say of it, what they moved, what they cannot tell apart."""

from dataclasses import dataclass

import numpy as np

from muster.calibration import Fit
from muster.likelihood import told_by_others

BAND = 0.9
PRIOR_DRIVEN = 0.9  # of the prior's s.d., and less than half of it moved: a number that the figures hardly bear on
ALIKE = 0.9  # correlation from which two numbers cannot be told apart


@dataclass(frozen=True)
class Residual:
    """A figure beside what the model says its source would have told."""

    id: str
    side: str
    path: str
    source_class: str
    camp: str
    ratio: float  # published over the model's median, through the class's expected bias; a difference off the log scale
    place: float  # share of what its source would tell by the other figures that lies below the figure
    inside: bool


def residuals(fit: Fit, seed: int = 1) -> list[Residual]:
    """Every figure beside 90 % of what its source would tell by the other figures."""
    known = fit.problem.likelihood
    again = told_by_others(known, fit.told, np.random.default_rng(seed))
    low, high = np.quantile(again, [(1 - BAND) / 2, (1 + BAND) / 2], axis=1)
    inside = (known.high >= low) & (known.low <= high)
    centre, middle = known.centre, np.median(fit.told, axis=1)
    place = np.mean(again < centre[:, None], axis=1)
    return [
        Residual(
            row.id, row.side, row.path, row.source_class, row.camp,
            float(np.exp(centre[i] - middle[i])) if known.logs[i] else float(centre[i] - middle[i]),
            float(place[i]), bool(inside[i]),
        )
        for i, row in enumerate(known.rows)
    ]  # fmt: skip


def coverage(found: list[Residual]) -> dict[str, dict[str, float]]:
    """By class of source, and over all: how many figures, and the share inside the 90 % band."""
    groups: dict[str, list[Residual]] = {}
    for item in found:
        groups.setdefault(item.source_class, []).append(item)
    groups["all"] = found
    return {name: {"figures": len(items), "inside": float(np.mean([x.inside for x in items]))} for name, items in groups.items()}


def by_series(fit: Fit, found: list[Residual]) -> list[dict]:
    """By series on the log scale: how many figures, and the median of published over the model through the expected bias."""
    groups: dict[tuple[str, str], list[float]] = {}
    for item, log in zip(found, fit.problem.likelihood.logs, strict=True):
        if log:
            groups.setdefault((item.side, item.path), []).append(item.ratio)
    return [
        {"side": side, "path": path, "figures": len(ratios), "ratio": round(float(np.median(ratios)), 3)}
        for (side, path), ratios in groups.items()
    ]


def moved(fit: Fit) -> list[dict]:
    """Every uncertain number: its mean in the prior's s.d. and its s.d. over the prior's; what the figures moved most comes first."""
    ratio = fit.scores.std(axis=1) / fit.prior_scores.std(axis=1)
    mean = fit.scores.mean(axis=1) - fit.prior_scores.mean(axis=1)
    rows = [
        {"number": name, "mean": round(float(m), 3), "ratio": round(float(r), 3), "prior_driven": bool(r > PRIOR_DRIVEN and abs(m) < 0.5)}
        for name, m, r in zip(fit.problem.streams, mean, ratio, strict=True)
    ]
    return sorted(rows, key=lambda row: row["ratio"])


def spectrum(fit: Fit) -> np.ndarray:
    """Eigenvalues of the prior-whitened Fisher matrix, from the members of the prior, less what chance alone gives, largest first."""
    known, members = fit.problem.likelihood, fit.prior_told.shape[1]
    root = np.linalg.cholesky(known.covariance(known.weights(fit.told)))
    whitened = np.linalg.solve(root, fit.prior_told - fit.prior_told.mean(axis=1, keepdims=True)) / np.sqrt(members - 1)
    return np.linalg.svd(whitened, compute_uv=False) ** 2


def pairs(fit: Fit) -> list[tuple[str, str, float]]:
    """Pairs of numbers whose correlation in the posterior is so close that only their combination is known."""
    correlation = np.corrcoef(fit.scores)
    first, second = np.nonzero(np.triu(np.abs(correlation) > ALIKE, k=1))
    names = fit.problem.streams
    return [(names[i], names[j], float(correlation[i, j])) for i, j in zip(first, second, strict=True)]


def closest(fit: Fit, count: int = 10) -> list[tuple[str, str, float]]:
    """The pairs that are closest to it."""
    correlation = np.triu(np.corrcoef(fit.scores), k=1)
    order = np.argsort(-np.abs(correlation), axis=None)[:count]
    names = fit.problem.streams
    return [(names[i], names[j], float(correlation[i, j])) for i, j in (divmod(int(k), len(names)) for k in order)]


def report(fit: Fit) -> dict:
    """Everything that is told of a fit."""
    found, numbers, eigen = residuals(fit), moved(fit), spectrum(fit)
    return {
        "scenario": fit.problem.experiment.name,
        "until": fit.problem.until.isoformat(),
        "figures": len(fit.problem.likelihood),
        "numbers": len(numbers),
        "members": fit.scores.shape[1],
        "steps": fit.steps,
        "seed": fit.seed,
        "misfit": [round(value, 4) for value in fit.residuals],
        "error_sizes": {name: round(value, 3) for name, value in fit.sizes.items()},
        "coverage": coverage(found),
        "outside": [item.id for item in found if not item.inside],
        "series": by_series(fit, found),
        "moved": [row for row in numbers if not row["prior_driven"]],
        "prior_driven": [row["number"] for row in numbers if row["prior_driven"]],
        "eigenvalues": [round(float(value), 3) for value in eigen[:30]],
        "cannot_be_told_apart": pairs(fit),
        "closest_pairs": closest(fit),
    }
