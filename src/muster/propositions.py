"""Propositions: the few questions that a claim's reading may ask of a run. No claim has Python of its own.

Each takes the values of a quantity by draw and answers true or false by draw; `quantity` says how a value is read.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from muster.evidence import Strict


class At(Strict):
    """A stock or index on a day."""

    at: str
    cohort: str | None = None
    day: str


class Over(Strict):
    """A weekly flow summed over a window; several paths are added."""

    over: list[str]
    cohort: str | None = None
    start: str
    end: str


class Mean(Strict):
    """The mean of a stock or index over a window."""

    mean: str
    cohort: str | None = None
    start: str
    end: str


class Largest(Strict):
    """The largest value of a stock or index in a window."""

    largest: str
    cohort: str | None = None
    start: str
    end: str


class Smallest(Strict):
    """The smallest value of a stock or index in a window."""

    smallest: str
    cohort: str | None = None
    start: str
    end: str


class Lag(Strict):
    """Weeks between two cumulated counts reaching a level; infinite where the second never does."""

    lag: tuple[str, str]
    level: float


class LagShare(Strict):
    """Share of a count that the second cumulated count has reached a number of weeks after the first reached half of it."""

    reached: tuple[str, str]
    of: float
    weeks: float


class Ratio(Strict):
    """One quantity over another."""

    ratio: tuple["Quantity", "Quantity"]


class Difference(Strict):
    """One quantity less another."""

    difference: tuple["Quantity", "Quantity"]


class Scaled(Strict):
    """A quantity times a constant."""

    scaled: "Quantity"
    factor: float


Quantity = Annotated[At | Over | Mean | Largest | Smallest | Lag | LagShare | Ratio | Difference | Scaled, Field(union_mode="smart")]
for model in (Ratio, Difference, Scaled):
    model.model_rebuild()


def value(quantity: Quantity, results) -> np.ndarray:
    """The values [draw] of a quantity in a run."""
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
            return ends - starts
        case LagShare():
            first = crossing(results, quantity.reached[0], quantity.of / 2)
            return count_at(results, quantity.reached[1], first + quantity.weeks) / quantity.of
        case Ratio():
            top, bottom = (value(part, results) for part in quantity.ratio)
            return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)
        case Difference():
            first_value, second_value = (value(part, results) for part in quantity.difference)
            return first_value - second_value
        case Scaled():
            return quantity.factor * value(quantity.scaled, results)


def counts_of(results, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Weeks [step + 1] and a growing count [draw, step + 1], from 0 at the start."""
    counts = results.series(path).values.astype(float)
    from_zero = np.concatenate([np.zeros((len(counts), 1)), counts], axis=1)
    return np.arange(from_zero.shape[1]) * float(results.tree.attrs["dt"]), from_zero


def crossing(results, path: str, level: float) -> np.ndarray:
    """Weeks from the start at which a growing count reaches a level [draw], by linear interpolation; infinite where it never does."""
    weeks, counts = counts_of(results, path)
    return np.array([np.interp(level, row, weeks) if row[-1] >= level else np.inf for row in counts])


def count_at(results, path: str, when: np.ndarray) -> np.ndarray:
    """A growing count at a week of its own in every draw [draw]; 0 where that week is infinite."""
    weeks, counts = counts_of(results, path)
    return np.array([np.interp(week, weeks, row) if np.isfinite(week) else 0.0 for week, row in zip(when, counts, strict=True)])


def window(results, path: str, quantity: Largest | Smallest) -> np.ndarray:
    """The values [draw, step] of a stock at the ends of the weeks from start to end."""
    values = results.series(path, quantity.cohort).values.astype(float)
    dt = float(results.tree.attrs["dt"])
    first, last = (int(np.ceil(results.weeks(day) / dt)) for day in (quantity.start, quantity.end))
    return values[:, max(first, 0) : max(last, first + 1)]


def exceeds(values: np.ndarray, threshold: float) -> np.ndarray:
    """values > threshold."""
    return values > threshold


def below(values: np.ndarray, threshold: float) -> np.ndarray:
    """values < threshold."""
    return values < threshold


def at_least(values: np.ndarray, threshold: float) -> np.ndarray:
    """values >= threshold."""
    return values >= threshold


def at_most(values: np.ndarray, threshold: float) -> np.ndarray:
    """values <= threshold."""
    return values <= threshold


PROPOSITIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "exceeds": exceeds,
    "below": below,
    "at_least": at_least,
    "at_most": at_most,
}


class Proposition(Strict):
    """A quantity against a threshold."""

    name: Literal["exceeds", "below", "at_least", "at_most"]
    quantity: Quantity
    threshold: float


def mirrored(quantity: Quantity, sides: tuple[str, str]) -> Quantity:
    """The same quantity of the other side."""
    other = dict(zip(sides, sides[::-1], strict=True))

    def swap(item):
        if isinstance(item, str):
            head, _, tail = item.partition("/")
            return f"{other[head]}/{tail}" if head in other and tail else item
        if isinstance(item, dict):
            return {key: swap(part) for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return [swap(part) for part in item]
        return item

    return type(quantity).model_validate(swap(quantity.model_dump()))
