"""Observations: published figures as rows, and what each should have read in a run.

library/observations/*.csv has the columns of docs/validation.md; `predict` is the one place where a row is read from a run.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from muster.errors import UserError
from muster.evidence import Z95, Strict, checked, library
from muster.reading import read_text, read_yaml
from muster.results import Results


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
    found = []
    rows = csv.DictReader(read_text(path).splitlines())
    lacking = [name for name in Observation.model_fields if name not in (rows.fieldnames or [])]
    if lacking:
        raise UserError(f"{path.name}: the column {lacking[0]} is missing; expected were {', '.join(Observation.model_fields)}.")
    for line, row in enumerate(rows, start=2):
        filled = {key: value if value != "" else None for key, value in row.items()}
        if filled.get("published") is None:
            raise UserError(f"{path.name}, line {line}: published is missing.")
        found.append(checked(Observation, filled, f"{path.name}, line {line}"))
    return found


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
    if results.series(series, cohort).attrs["units"] in ("km2", "person", "vehicle", "shell"):
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
