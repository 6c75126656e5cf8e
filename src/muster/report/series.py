"""The course in time behind a reading's quantity, and the published figures that belong on the same axes."""

import datetime
from dataclasses import dataclass

import numpy as np

from muster.observe import Observation, observations
from muster.propositions import One, Quantity, value
from muster.quantities import (
    At,
    Difference,
    Largest,
    Mean,
    Over,
    Ratio,
    Scaled,
    Smallest,
    Sum,
    every,
    paths,
)
from muster.results import Results

STEPS = 60  # points of a course
AROUND = 26  # weeks that are shown after the day of a stock
NEAR = 10  # days by which a published window may begin elsewhere
LATER = 13  # weeks after the window within which a published figure is still shown

Leaf = At | Over | Mean | Largest | Smallest


@dataclass(frozen=True)
class Course:
    """A quantity over time: days, and values [draw, day] of a side and, where there is a mirror, of the other."""

    days: list[datetime.date]
    values: list[np.ndarray]
    window: tuple[str, str]


def leaves(quantity: Quantity) -> list[Leaf]:
    """The series that a quantity is made of, from left to right."""
    return [part for part in every(quantity) if isinstance(part, At | Over | Mean | Largest | Smallest)]


def has_course(quantity: Quantity) -> bool:
    """Whether a quantity is read from one run, draw by draw, with a last day that can be moved."""
    known = At | Over | Mean | Largest | Smallest | Ratio | Difference | Sum | Scaled
    return all(isinstance(part, known) for part in every(quantity))


def side_of(quantity: Quantity, sides: tuple[str, str]) -> str:
    """The side whose series a quantity names first."""
    named_first = [path.partition("/")[0] for part in every(quantity) for path in paths(part)]
    return next((side for side in named_first if side in sides), sides[0])


def window(leaf: Leaf) -> tuple[str, str]:
    """First and last day of a series' window."""
    return (leaf.day, leaf.day) if isinstance(leaf, At) else (leaf.start, leaf.end)


def moved(quantity: Quantity, last: str, to: str) -> Quantity:
    """The quantity with its last day put elsewhere."""

    def swap(item):
        if isinstance(item, dict):
            return {key: to if key in ("day", "end") and part == last else swap(part) for key, part in item.items()}
        return [swap(part) for part in item] if isinstance(item, (list, tuple)) else item

    return type(quantity).model_validate(swap(quantity.model_dump(by_alias=True)))


def grid(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """Evenly spaced days from first to last."""
    span = (last - first).days
    places = np.unique(np.round(np.linspace(0, span, min(STEPS, span + 1))).astype(int))
    return [first + datetime.timedelta(days=int(place)) for place in places]


def course(quantities: list, results: Results, until: datetime.date) -> Course:
    """How a quantity, and its mirror, came to their values as their last day moved on; of a stock at least to `until`."""
    windows = [window(leaf) for leaf in leaves(quantities[0])]
    last = max(end for _, end in windows)
    opened = [start for start, end in windows if end == last and start != end]
    start, ends = run_of(results)
    if opened:
        first = datetime.date.fromisoformat(min(opened))
        days = [moment for moment in grid(first, datetime.date.fromisoformat(last)) if (moment - first).days >= 6]
    else:
        stop = max(datetime.date.fromisoformat(last) + datetime.timedelta(weeks=AROUND), min(until, ends))
        days = grid(start + datetime.timedelta(days=7), min(stop, ends))
    runs = One(results)
    values = [np.stack([value(moved(one, last, moment.isoformat()), runs) for moment in days], axis=1) for one in quantities]
    return Course(days, values, (min(opened) if opened else last, last))


def run_of(results: Results) -> tuple[datetime.date, datetime.date]:
    """First and last day of a run."""
    start = datetime.date.fromisoformat(results.tree.attrs["start"])
    return start, start + datetime.timedelta(weeks=int(results.tree.sizes["time"] * results.dt))


def published(leaf: Leaf, sides: tuple[str, str]) -> list[Observation]:
    """The library's figures of exactly this series, of either side: same paths and cohort, and for a sum the same first day."""
    wanted = sorted(path.partition("/")[2] for path in paths(leaf))
    found = []
    for row in observations():
        if row.side not in sides or row.cohort != leaf.cohort or sorted(row.path.split("+")) != wanted:
            continue
        if isinstance(leaf, Over):
            near = row.operator == "over" and abs((date(row.start) - date(leaf.start)).days) <= NEAR
            if near and date(row.end) <= date(leaf.end) + datetime.timedelta(weeks=LATER):
                found.append(row)
        elif row.operator in ("at", "mean"):
            found.append(row)
    return found


def date(text: str) -> datetime.date:
    """A day from its text."""
    return datetime.date.fromisoformat(text[:10])


def middle(row: Observation) -> datetime.date:
    """The day at which a figure is drawn: the end of its window, of a mean its middle."""
    end = date(row.end)
    return date(row.start) + (end - date(row.start)) / 2 if row.operator == "mean" else end
