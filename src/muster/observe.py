"""Observations: published figures as rows, and what each should have read in a run.

library/observations/*.csv has the columns of docs/validation.md; `predict` is the one place where a row is read from a run.
"""

import csv
from functools import cache
from typing import Literal

import numpy as np

from muster.errors import UserError
from muster.evidence import Strict, checked, library
from muster.results import Results


class Observation(Strict):
    """One published figure: where it is in the model, its value, and where it stands."""

    id: str
    side: str
    path: str
    cohort: str | None
    region: str | None
    operator: Literal["at", "over", "mean"]
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


@cache
def observations() -> tuple[Observation, ...]:
    """All observations of the library."""
    found = []
    for path in sorted((library() / "observations").glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                filled = {key: value if value != "" else None for key, value in row.items()}
                if filled.get("published") is None:
                    raise UserError(f"{path.name}, line {line}: published is missing.")
                found.append(checked(Observation, filled, f"{path.name}, line {line}"))
    return tuple(found)


def predict(results: Results, observation: Observation) -> np.ndarray:
    """What the observation should have read in each draw [draw], in its own unit; paths joined by + are added."""
    parts = [f"{observation.side}/{path}" for path in observation.path.split("+")]
    match observation.operator:
        case "at":
            found = [results.at(path, observation.end, observation.cohort) for path in parts]
        case "over":
            found = [results.total(path, observation.start, observation.end, observation.cohort) for path in parts]
        case "mean":
            found = [results.mean(path, observation.start, observation.end, observation.cohort) for path in parts]
    return np.sum(found, axis=0)


def agrees(observation: Observation, low: float, high: float) -> bool:
    """Whether a band of the model meets the published range, or the right side of a bound."""
    least = observation.low if observation.low is not None else observation.central
    most = observation.high if observation.high is not None else observation.central
    if observation.relation == "at_least":
        return high >= least
    if observation.relation == "at_most":
        return low <= most
    return low <= most and high >= least
