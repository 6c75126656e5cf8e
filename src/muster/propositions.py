"""Propositions: what the quantities of readings mean in a run, and the four ways of holding one against a threshold.

`value` gives a quantity by draw; every claim of the library and of a user is answered by these functions.
"""

from collections.abc import Callable
from typing import Literal, Protocol, assert_never

import numpy as np

from muster import regional_answers
from muster.errors import UserError
from muster.evidence import Strict
from muster.quantities import (
    Adjusted,
    At,
    Average,
    BayesFactor,
    Difference,
    Effect,
    Explained,
    Fitted,
    Fought,
    Lag,
    LagShare,
    Largest,
    Mean,
    Over,
    Quantity,
    Ratio,
    Regional,
    Regions,
    Scaled,
    Smallest,
    Sum,
    mirrored,
)
from muster.results import Results

RESAMPLES = 400  # of the draws, for a number of the whole ensemble


class Runs(Protocol):
    """Where the results of a policy come from; all on the same parameters and luck."""

    @property
    def weights(self) -> np.ndarray | None:
        """Weights of the draws, where they do not count alike."""
        ...

    def results(self, policy: str, fixed: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Results:
        """The results under a policy, with some parameters fixed and some loops cut."""
        ...


class One:
    """Runs of which there is one only, whatever is asked: for a quantity without a counterfactual."""

    weights: np.ndarray | None = None

    def __init__(self, results: Results):
        self.only = results

    def results(self, policy: str, fixed: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Results:
        """The one."""
        if fixed or cut or policy != "as-happened":
            raise UserError(f"A run under {policy} was asked for, and there is one run only.")
        return self.only


def value(quantity: Quantity, runs: Runs, policy: str = "as-happened", fixed: tuple[str, ...] = (), cut: tuple[str, ...] = ()):
    """The values of a quantity: [draw] of a run, [resample] of a number of the whole ensemble, [draw of the fit] of battles."""

    def inner(part) -> np.ndarray:
        return value(part, runs, policy, fixed, cut)

    match quantity:
        case Ratio():
            return over_each(*(inner(part) for part in quantity.ratio))
        case Difference():
            first, second = alike(*(inner(part) for part in quantity.difference))
            return first - second
        case Sum():
            return np.sum(alike(*(inner(part) for part in quantity.sum)), axis=0)
        case Scaled():
            return quantity.factor * inner(quantity.scaled)
        case Effect():
            under = value(quantity.effect, runs, quantity.policy)
            without = value(quantity.effect, runs, quantity.against, quantity.fixed, quantity.cut)
            return over_each(under - without, without) if quantity.relative else under - without
        case Average():
            return resampled(np.mean, inner(quantity.average), weights=runs.weights)
        case Explained():
            by, beside = (np.stack([inner(part) for part in group]) for group in (quantity.by, quantity.beside))
            return explained(inner(quantity.explained), by, beside, quantity.less, runs.weights)
        case BayesFactor():
            first, second = inner(quantity.first), inner(quantity.second)
            return bayes_factor(inner(quantity.bayes_factor), first, second, quantity.top, quantity.neither, runs.weights)
        case Fitted():
            from muster import battle_answers  # slow to import, and few readings need it

            return battle_answers.fitted(quantity.battles, quantity.era, quantity.posture, quantity.gap)
        case Fought():
            from muster import battle_answers

            return battle_answers.fought(quantity.table, quantity.since, quantity.until, RESAMPLES)
        case _:
            return of_run(quantity, runs.results(policy, fixed, cut))


def of_run(quantity, results: Results) -> np.ndarray:
    """The values [draw] of a quantity that one run gives."""
    match quantity:
        case At():
            return results.at(quantity.at, quantity.day, quantity.cohort)
        case Over():
            parts = [results.total(path, quantity.start, quantity.end, quantity.cohort) for path in quantity.over]
            return np.sum(parts, axis=0)
        case Mean():
            return results.mean(quantity.mean, quantity.start, quantity.end, quantity.cohort)
        case Largest():
            return window(results, quantity.largest, quantity).max(axis=1)
        case Smallest():
            return window(results, quantity.smallest, quantity).min(axis=1)
        case Lag():
            starts, ends = (crossing(results, path, quantity.level) for path in quantity.lag)
            return np.where(np.isfinite(starts), ends - np.where(np.isfinite(starts), starts, 0), np.nan)
        case LagShare():
            first = crossing(results, quantity.reached[0], quantity.of / 2)
            return count_at(results, quantity.reached[1], first + quantity.weeks) / quantity.of
        case Regional():
            grouped = regional_answers.averaged if quantity.mean else regional_answers.summed
            return grouped(results, quantity.regional, quantity.group, quantity.day, quantity.cohort)
        case Regions():
            return regional_answers.counted(results, quantity.regions, quantity.per, quantity.above, quantity.day, quantity.cohort)
        case Adjusted():
            return regional_answers.adjusted(results, quantity.adjusted, quantity.per, quantity.for_, quantity.day, quantity.cohort)
        case _:
            assert_never(quantity)


def over_each(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """One over the other; infinite where something stands over nothing, NaN where nothing does."""
    top, bottom = alike(top, bottom)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.true_divide(top, bottom)


def alike(*values: np.ndarray) -> list[np.ndarray]:
    """Values of one length: independent samples (battles beside a run) are repeated to the longest."""
    length = max(len(part) for part in values)
    return [part if len(part) == length else np.resize(part, length) for part in values]


def resampled(statistic: Callable, *values: np.ndarray, weights: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """A statistic of the whole ensemble on resamples of its draws [resample]; the last axis of each array is the draw."""
    random = np.random.default_rng(seed)
    count = values[0].shape[-1]
    chosen = (random.choice(count, count, p=weights) for _ in range(RESAMPLES))
    return np.array([statistic(*(part[..., rows] for part in values)) for rows in chosen])


def explained(values: np.ndarray, by: np.ndarray, beside: np.ndarray, less: bool, weights: np.ndarray | None = None) -> np.ndarray:
    """Shapley shares of the variance of ranks: of `by` [quantity, draw], less that of `beside` where asked [resample]."""

    def share(own: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
        both = fit(own, np.concatenate([first, second]))
        alone = fit(own, first), fit(own, second)
        shares = (alone[0] + both - alone[1]) / 2, (alone[1] + both - alone[0]) / 2
        return shares[0] - shares[1] if less else shares[0]

    return resampled(share, ranks(values[None])[0], ranks(by), ranks(beside), weights=weights)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, less their mean."""
    order = np.argsort(np.argsort(values, axis=-1), axis=-1).astype(float)
    return order - order.mean(axis=-1, keepdims=True)


def fit(values: np.ndarray, causes: np.ndarray) -> float:
    """Share of the variance of values [draw] that least squares on causes [cause, draw] explain, less what as many dummies would."""
    centred, rows = values - values.mean(), causes - causes.mean(axis=1, keepdims=True)
    left = centred - rows.T @ np.linalg.lstsq(rows.T, centred, rcond=None)[0]
    freedom = (len(values) - 1) / max(len(values) - 1 - len(causes), 1)
    return float(1 - freedom * np.sum(left**2) / max(float(np.sum(centred**2)), 1e-300))


def bayes_factor(
    observed: np.ndarray, first: np.ndarray, second: np.ndarray, top: float, neither: bool, weights: np.ndarray | None = None
) -> np.ndarray:
    """P(observation | first, not second) over P(observation | second, not first) or, `neither`, over P(observation | none) [resample].

    Half an observation is added to each count and one draw to each class, so that an empty class does not decide.
    """

    def factor(own: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
        seen = own >= np.quantile(own, 1 - top)
        a, b = one > np.median(one), other > np.median(other)
        classes = (a & ~b), (~a & ~b if neither else b & ~a)
        chances = [(np.sum(seen & part) + 0.5) / (np.sum(part) + 1) for part in classes]
        return float(chances[0] / chances[1])

    return resampled(factor, observed, first, second, weights=weights)


def counts_of(results: Results, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Weeks [step + 1] and a growing count [draw, step + 1], from 0 at the start."""
    counts = results.series(path).values.astype(float)
    from_zero = np.concatenate([np.zeros((len(counts), 1)), counts], axis=1)
    return np.arange(from_zero.shape[1]) * results.dt, from_zero


def crossing(results: Results, path: str, level: float) -> np.ndarray:
    """Weeks from the start at which a growing count reaches a level [draw], by linear interpolation; infinite where it never does."""
    weeks, counts = counts_of(results, path)
    return np.array([np.interp(level, row, weeks) if row[-1] >= level else np.inf for row in counts])


def count_at(results: Results, path: str, when: np.ndarray) -> np.ndarray:
    """A growing count at a week of its own in every draw [draw]; 0 where that week is infinite."""
    weeks, counts = counts_of(results, path)
    return np.array([np.interp(week, weeks, row) if np.isfinite(week) else 0.0 for week, row in zip(when, counts, strict=True)])


def window(results: Results, path: str, quantity: Largest | Smallest) -> np.ndarray:
    """The values [draw, step] of a stock at the ends of weeks after the start, to the end; where none ends there that on the last day."""
    values = results.series(path, quantity.cohort).values.astype(float)  # the first at the end of the first week
    first, last = (int(np.floor(results.weeks(day) / results.dt + 1e-9)) for day in (quantity.start, quantity.end))
    held = values[:, first:last]
    return held if held.size else results.at(path, quantity.end, quantity.cohort)[:, None]


PROPOSITIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "exceeds": np.greater,
    "below": np.less,
    "at_least": np.greater_equal,
    "at_most": np.less_equal,
}


class Proposition(Strict):
    """A quantity against a threshold: a number in the quantity's unit, or a text with a unit."""

    name: Literal["exceeds", "below", "at_least", "at_most"]
    quantity: Quantity
    threshold: float | str


def holds(proposition: Proposition, values: np.ndarray, threshold: float) -> np.ndarray:
    """Whether the proposition holds [draw]; not where there is no value."""
    with np.errstate(invalid="ignore"):
        return PROPOSITIONS[proposition.name](values, threshold)


__all__ = ["PROPOSITIONS", "One", "Proposition", "Quantity", "Runs", "holds", "mirrored", "value"]
