"""The course in time behind a reading's quantity, and the published figures that belong on the same axes."""

import datetime
from dataclasses import dataclass

import numpy as np

from muster.observe import Observation, observations
from muster.output import series_of
from muster.propositions import At, Difference, Lag, LagShare, Largest, Mean, Over, Quantity, Ratio, Scaled, Smallest, value
from muster.report.words import day
from muster.results import Results

STEPS = 60  # points of a course
AROUND = 26  # weeks that are shown after the day of a stock
NEAR = 10  # days by which a published window may begin elsewhere
LATER = 13  # weeks after the window within which a published figure is still shown

Leaf = At | Over | Mean | Largest | Smallest


@dataclass(frozen=True)
class Course:
    """A quantity over time: days, and values [draw, day] of both sides."""

    days: list[datetime.date]
    values: tuple[np.ndarray, np.ndarray]
    window: tuple[str, str]


def leaves(quantity: Quantity) -> list[Leaf]:
    """The series that a quantity is made of, from left to right."""
    match quantity:
        case Ratio():
            return [leaf for part in quantity.ratio for leaf in leaves(part)]
        case Difference():
            return [leaf for part in quantity.difference for leaf in leaves(part)]
        case Scaled():
            return leaves(quantity.scaled)
        case At() | Over() | Mean() | Largest() | Smallest():
            return [quantity]
        case _:
            return []


def paths(leaf: Leaf) -> list[str]:
    """The paths of a series."""
    match leaf:
        case At():
            return [leaf.at]
        case Over():
            return list(leaf.over)
        case Mean():
            return [leaf.mean]
        case Largest():
            return [leaf.largest]
        case Smallest():
            return [leaf.smallest]


def window(leaf: Leaf) -> tuple[str, str]:
    """First and last day of a series' window."""
    return (leaf.day, leaf.day) if isinstance(leaf, At) else (leaf.start, leaf.end)


def unit_of(quantity: Quantity, results: Results) -> str:
    """The unit of a quantity's values."""
    match quantity:
        case Ratio():
            above, below = (unit_of(part, results) for part in quantity.ratio)
            return "1" if above == below or below == "1" else f"{above}/{below}"
        case Difference():
            return unit_of(quantity.difference[0], results)
        case Scaled():
            return unit_of(quantity.scaled, results)
        case Lag():
            return "week"
        case LagShare():
            return "1"
        case Over():
            return series_of(results.tree, quantity.over[0]).attrs["units"].removesuffix("/week")
        case _:
            return series_of(results.tree, paths(quantity)[0]).attrs["units"]


def described(quantity: Quantity, results: Results) -> str:
    """What a quantity counts, in the words of the model."""
    match quantity:
        case Ratio():
            above, below = (described(part, results) for part in quantity.ratio)
            return f"{above}, over {below}"
        case Difference():
            first, second = (described(part, results) for part in quantity.difference)
            return f"{first}, less {second}"
        case Scaled():
            return described(quantity.scaled, results)
        case Lag():
            return f"weeks from {named(results, quantity.lag[0])} to {named(results, quantity.lag[1])}, {quantity.level:,.0f} of each"
        case LagShare():
            return f"share of {named(results, quantity.reached[1])} within {quantity.weeks:g} weeks"
        case At():
            return whose(named(results, quantity.at), quantity.cohort)
        case Over():
            return (
                whose(" and ".join(named(results, path) for path in quantity.over), quantity.cohort)
                + f", summed from {day(quantity.start)}"
            )
        case Mean():
            return "mean " + whose(named(results, quantity.mean), quantity.cohort)
        case Largest():
            return "largest " + whose(named(results, quantity.largest), quantity.cohort)
        case Smallest():
            return "smallest " + whose(named(results, quantity.smallest), quantity.cohort)


def named(results: Results, path: str) -> str:
    """The name of a series."""
    return series_of(results.tree, path).attrs["long_name"]


def whose(name: str, cohort: str | None) -> str:
    """A series and the cohort of men that it is about."""
    return f"{name}, {cohort.replace('_', ' ')} cohort" if cohort else name


def moved(quantity: Quantity, last: str, to: str) -> Quantity:
    """The quantity with its last day put elsewhere."""

    def swap(item):
        if isinstance(item, dict):
            return {key: to if key in ("day", "end") and part == last else swap(part) for key, part in item.items()}
        return [swap(part) for part in item] if isinstance(item, (list, tuple)) else item

    return type(quantity).model_validate(swap(quantity.model_dump()))


def grid(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """Evenly spaced days from first to last."""
    span = (last - first).days
    places = np.unique(np.round(np.linspace(0, span, min(STEPS, span + 1))).astype(int))
    return [first + datetime.timedelta(days=int(place)) for place in places]


def course(quantity: Quantity, mirror: Quantity, results: Results, until: datetime.date) -> Course | None:
    """How a quantity came to its value as its last day moved on; nothing where it has no last day. `until`: no later than that."""
    found = leaves(quantity)
    if not found:
        return None
    windows = [window(leaf) for leaf in found]
    last = max(end for _, end in windows)
    opened = [start for start, end in windows if end == last and start != end]
    start, ends = run_of(results)
    if opened:
        first, stop = datetime.date.fromisoformat(min(opened)), datetime.date.fromisoformat(last)
        days = [day for day in grid(first, stop) if (day - first).days >= 6]
    else:
        stop = max(datetime.date.fromisoformat(last) + datetime.timedelta(weeks=AROUND), min(until, ends))
        days = grid(start + datetime.timedelta(days=7), min(stop, ends))
    values = tuple(np.stack([value(moved(side, last, day.isoformat()), results) for day in days], axis=1) for side in (quantity, mirror))
    return Course(days, (values[0], values[1]), (min(opened) if opened else last, last))


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


def counted(quantity: Quantity, sides: tuple[str, str]) -> dict[str, dict[str, int]]:
    """How many published figures of the library are about the series of a quantity: by side and camp."""
    wanted = {path.partition("/")[2] for leaf in leaves(quantity) for path in paths(leaf)}
    found: dict[str, dict[str, int]] = {side: {} for side in sides}
    for row in observations():
        if row.side in found and wanted & set(row.path.replace(" / ", "+").split("+")):
            found[row.side][row.camp] = found[row.side].get(row.camp, 0) + 1
    return found
