"""Observations: published figures as rows, and what each should have read in a run.

library/observations/*.csv has the columns of docs/validation.md; `predict` is the one place where a row is read from a run.
"""

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from muster.errors import UserError, nearest
from muster.evidence import Z95, Strict, checked, library
from muster.experiment import Experiment
from muster.model.levers import AXES, COHORTS
from muster.model.quantity import Record, axes, units
from muster.model.world import READINGS
from muster.reading import date, read_text, read_yaml
from muster.results import Results

CAMPS = ("academic", "independent", "poll", "press", "russia-official", "ukraine-official", "western-official")
STOCKS = ("km2", "person", "vehicle", "shell")


class Observation(Strict):
    """One published figure: where it is in the model, its value, and where it stands."""

    id: str
    side: str
    path: str
    cohort: str | None
    region: str | None
    operator: Literal["at", "over", "mean", "ratio"]
    start: str
    end: str
    low: float | None
    central: float
    high: float | None
    unit: str
    relation: Literal["about", "at_least", "at_most"]
    source_class: str
    camp: str
    bias_group: str
    root: str
    published: str
    read: str
    locator: str
    grade: str
    use: Literal["fit", "score", "show", "set_aside"]
    reason: str

    def says_as(self, other: "Observation") -> bool:
        """Whether another row is the same number of the same series and window."""
        return all(getattr(self, name) == getattr(other, name) for name in ("side", "path", "cohort", "start", "end", "central", "use"))


class Bias(Strict):
    """What a figure of one class says of the truth: reported over true (5, 50, 95 % points), and an absolute error (s.d.)."""

    factor: tuple[float, float, float] = (1, 1, 1)
    absolute: float = 0


@cache
def biases() -> dict[str, Bias]:
    """The bias classes by name."""
    path = library() / "observations" / "bias.yaml"
    return {name: checked(Bias, entry, f"{path.name}, {name}") for name, entry in read_yaml(path).items()}


@cache
def observations() -> tuple[Observation, ...]:
    """All observations of the library."""
    return tuple(row for path in sorted((library() / "observations").glob("*.csv")) for row in read_rows(path))


def read_rows(path: Path) -> list[Observation]:
    """The observations of a file with the columns of docs/validation.md."""
    found, seen = [], set()
    rows = csv.DictReader(read_text(path).splitlines())
    heading = list(rows.fieldnames or [])
    if len(heading) == 1 and any(sign in heading[0] for sign in ";\t"):
        raise UserError(f"{path.name}, line 1: the columns must be separated by commas.")
    lacking = [name for name in Observation.model_fields if name not in heading]
    if lacking:
        raise UserError(f"{path.name}: the column {lacking[0]} is missing; expected were {', '.join(Observation.model_fields)}.")
    for line, row in enumerate(rows, start=2):
        filled = {key: value if value != "" else None for key, value in row.items()}
        if filled.get("published") is None:
            raise UserError(f"{path.name}, line {line}: published is missing.")
        found.append(checked(Observation, filled, f"{path.name}, line {line}"))
        check(found[-1], f"{path.name}, line {line}")
        if found[-1].id in seen:
            raise UserError(f"{path.name}, line {line}, id: {found[-1].id} stands twice; each figure counts once.")
        seen.add(found[-1].id)
    return found


def check(row: Observation, where: str) -> None:
    """Refuses a row that no run could be read for, or that would be read as something else."""
    if row.source_class not in biases():
        raise UserError(f'{where}, source_class: there is no class "{row.source_class}".{nearest(row.source_class, biases())}')
    if row.camp not in CAMPS and nearest(row.camp, CAMPS):  # a camp of one's own is no slip of the pen
        raise UserError(f'{where}, camp: there is no camp "{row.camp}".{nearest(row.camp, CAMPS)} Known: {", ".join(CAMPS)}.')
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", row.published):
        raise UserError(f'{where}, published: a date like 2022-09-21, a month or a year was expected, found "{row.published}".')
    if row.region is not None:
        raise UserError(f"{where}, region: an empty cell was expected; figures of single regions are not read.")
    if date(row.start, f"{where}, start") > date(row.end, f"{where}, end"):
        raise UserError(f"{where}: the window from {row.start} to {row.end} ends before it begins.")
    if not (row.low is None or row.low <= row.central) or not (row.high is None or row.central <= row.high):
        raise UserError(f"{where}: low <= central <= high was expected, found {row.low}, {row.central}, {row.high}.")
    if (row.operator == "ratio") != (row.path.count(" / ") == 1):
        raise UserError(f"{where}, path: two series joined by ' / ' were expected for a ratio, and for nothing else, found {row.path!r}.")
    known = {name for part in row.path.split(" / ") for name in part.split("+")}
    for name in known:
        if name not in series():
            raise UserError(f'{where}, path: there is no series "{name}".{nearest(name, series())}')
        if row.cohort is not None and (row.cohort not in COHORTS or not series()[name][1]):
            raise UserError(f'{where}, cohort: {name} has no cohort "{row.cohort}".')
    found = {unit_told(series()[name][0], row.operator) for name in known}
    if found != {row.unit}:
        raise UserError(f"{where}, unit: {' or '.join(sorted(found))} was expected of {row.path} ({row.operator}), found {row.unit}.")


@cache
def series() -> dict[str, tuple[str, bool]]:
    """node/name -> (unit, whether by cohort) of every series of one side."""
    return {
        f"{node}/{name}": (unit, "cohort" in axes(record)[name])
        for node, record in READINGS.items()
        for name, unit in units(record).items()
    }


def unit_told(unit: str, operator: str) -> str:
    """The unit of what an operator reads of a series: of a flow over a window its sum, of a stock its change, of an index its weeks."""
    if operator == "ratio":
        return "1"
    if operator != "over" or unit in STOCKS:
        return unit
    return unit.removesuffix("/week") if unit.endswith("/week") else "week"


def predict(results: Results, observation: Observation) -> np.ndarray:
    """What the observation should have read in each draw [draw], in its own unit; paths joined by + are added, by / divided."""
    if observation.operator == "ratio":
        above, below = (summed(results, observation, text, "over") for text in observation.path.split(" / "))
        return above / below
    return summed(results, observation, observation.path, observation.operator)


def summed(results: Results, observation: Observation, path: str, operator: str) -> np.ndarray:
    """One reading of some series added together [draw]."""
    cohort, found = observation.cohort, []
    for part in path.split("+"):
        series = f"{observation.side}/{part}"
        match operator:
            case "at":
                found.append(results.at(series, observation.end, cohort))
            case "over":
                found.append(over(results, series, observation.start, observation.end, cohort))
            case "mean":
                found.append(results.mean(series, observation.start, observation.end, cohort))
    return np.sum(found, axis=0)


def over(results: Results, series: str, start: str, end: str, cohort: str | None) -> np.ndarray:
    """A flow summed over a window; of a stock its change, of an index its integral in weeks [draw]."""
    if results.series(series, cohort).attrs["units"] in STOCKS:
        return results.at(series, end, cohort) - results.at(series, start, cohort)
    return results.total(series, start, end, cohort)


def agrees(observation: Observation, low: float, high: float) -> bool:
    """Whether a band of the model meets the published range, or the right side of a bound."""
    least = observation.low if observation.low is not None else observation.central
    most = observation.high if observation.high is not None else observation.central
    if observation.relation == "at_least":
        return high >= least
    if observation.relation == "at_most":
        return low <= most
    return low <= most and high >= least


def reported(results: Results, observation: Observation, generator: np.random.Generator) -> np.ndarray:
    """What a source of the row's class would have reported in each draw [draw]: the reading through bias and error."""
    values = predict(results, observation)
    change = observation.unit == "km2" and observation.operator == "over"
    bias = biases()["change" if change else observation.source_class]
    low, middle, high = np.log(bias.factor)
    z = generator.standard_normal(len(values))
    factor = np.exp(middle + z / Z95 * np.where(z < 0, middle - low, high - middle))
    return values * factor + bias.absolute * generator.standard_normal(len(values))


Read = Callable[[tuple], np.ndarray]


def reader(experiment: Experiment, rows: tuple[Observation, ...]) -> Read:
    """What `predict` gives for many rows at once: a function of both sides' readings (simulate.outcome) -> [row, draw].

    Every operator but the ratio of two is linear in the weekly series; its weights are read once, from a run in which draw k is one
    in week k and zero in all others.
    """
    unit_runs = Results.from_record(experiment, dict(zip(experiment.sides, unit_readings(experiment.steps), strict=True)), 0.0)
    top, bottom = [], []
    for row in rows:
        above, _, below = row.path.partition(" / ")
        how = "over" if row.operator == "ratio" else row.operator
        top.append(linear(unit_runs, row, above, how))
        bottom.append(linear(unit_runs, row, below, how) if below else [])

    def read(sides: tuple) -> np.ndarray:
        kept: dict[tuple[str, str | None], np.ndarray] = {}

        def of(parts: list) -> np.ndarray:
            found = []
            for path, cohort, weights in parts:
                if (path, cohort) not in kept:
                    side, node, name = path.split("/")
                    series = getattr(sides[experiment.sides.index(side)][node], name)
                    kept[path, cohort] = np.asarray(series if cohort is None else series[..., COHORTS.index(cohort)], dtype=float)
                used = np.flatnonzero(weights)
                found.append(kept[path, cohort][:, used] @ weights[used])
            return np.sum(found, axis=0)

        return np.stack([of(above) / of(below) if below else of(above) for above, below in zip(top, bottom, strict=True)])

    return read


def linear(unit_runs: Results, row: Observation, path: str, operator: str) -> list[tuple[str, str | None, np.ndarray]]:
    """The series that a reading adds together, and the weight of each week: (series, cohort, weights [step])."""
    return [(f"{row.side}/{part}", row.cohort, summed(unit_runs, row, part, operator)) for part in path.split("+")]


def unit_readings(steps: int) -> tuple[dict[str, Record], dict[str, Record]]:
    """Readings of both sides in which draw k is one in step k, and zero in all others."""
    one = np.eye(steps, dtype=np.float32)

    def whole(record: type[Record]) -> Record:
        shape = {name: tuple(len(AXES[axis]) for axis in dims) for name, dims in axes(record).items()}
        return record(**{name: np.broadcast_to(one.reshape(steps, steps, *[1] * len(s)), (steps, steps, *s)) for name, s in shape.items()})

    sides = {node: whole(record) for node, record in READINGS.items()}
    return sides, sides
