"""Evidence: the library of parameters and sources, the priors, and what a run rests on.

library/parameters/<subsystem>.yaml -> Parameter -> values per draw (model.SideParams). Units are converted here, once.
"""

import datetime
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar, get_args
from zlib import crc32

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from scipy.special import expit, logit, ndtr, ndtri

from muster.errors import UserError, nearest
from muster.model import luck
from muster.model.quantity import units
from muster.model.world import SideParams
from muster.programs import Program
from muster.reading import read_yaml

SUBSYSTEMS = tuple(SideParams.__dataclass_fields__)
Z95 = 1.6448536269514722  # a prior's range is its 5 and 95 % points
HALF_NORMAL_95 = 1.959963984540054
EXPECTED = {"tuple_type": "a list", "list_type": "a list", "too_short": "at least one", "dict_type": "a mapping"}  # by pydantic's names
BY_USER = "user"  # the source of what a user sets
NORMALS = Program("normals", (), luck.parameter_normals, lambda *_: 0)

Grade = Literal["measured", "estimated", "expert", "tuned", "assumed"]
Prior = Literal["lognormal", "logitnormal", "normal", "halfnormal", "constant"]
DefaultClass = Literal["slope", "slope_contested", "time", "share", "elasticity", "base_hazard", "weight", "anchored"]


class Strict(BaseModel):
    """A record of a file: an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(Strict):
    """Where a value comes from."""

    key: str
    grade: Grade
    locator: str | None = None
    note: str | None = None


class Value(Strict):
    """A central value with its 5 and 95 % points."""

    value: float
    range: tuple[float, float]


class SideValue(Value):
    """One side's own value; without sources of its own it rests on the entry's."""

    sources: tuple[Citation, ...] = ()


class Parameter(Strict):
    """One uncertain number of one equation."""

    meaning: str
    unit: str
    value: float
    range: tuple[float, float]
    prior: Prior
    per: Literal["war", "side"]
    sources: tuple[Citation, ...]
    symbol: str | None = None
    default_class: DefaultClass | None = None
    by_side: dict[str, SideValue] = {}

    @model_validator(mode="after")
    def sensible(self) -> "Parameter":
        """The range holds the value and suits the prior; each value has a source."""
        if not self.sources:
            raise ValueError("sources: at least one source with a grade is needed ('assumed' is an honest one)")
        if self.by_side and self.per == "war":
            raise ValueError("by_side: only an entry with `per: side` may have values by side")
        for entry in (self, *self.by_side.values()):
            low, high = entry.range
            if not low <= entry.value <= high:
                raise ValueError(f"range: [{low}, {high}] does not hold the value {entry.value}")
            if self.prior == "lognormal" and low <= 0:
                raise ValueError("range: a log-normal prior needs positive numbers")
            if self.prior == "logitnormal" and not (low > 0 and high < 1):
                raise ValueError("range: a logit-normal prior needs numbers between 0 and 1")
        return self

    def of(self, side: str) -> Value:
        """The value and range that hold for a side."""
        return self.by_side.get(side, Value(value=self.value, range=self.range))


class Source(BaseModel):
    """A publication, once for all its uses."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    title: str
    publisher: str
    published: str
    kind: str
    rights: Literal["open", "official", "fact", "local", "own"]
    read: str
    url: str | None = None

    @field_validator("published", mode="before")
    @classmethod
    def written(cls, day):
        """A date as it is written."""
        return day.isoformat() if isinstance(day, datetime.date) else day


@dataclass(frozen=True)
class Override:
    """A scenario's own prior for one side's parameter, with its reason."""

    value: float
    range: tuple[float, float]
    prior: Prior
    reason: str
    sources: tuple[Citation, ...]


def library() -> Path:
    """The folder of the library."""
    return Path(__file__).parent / "library"


Checked = TypeVar("Checked", bound=BaseModel)


def checked(model: type[Checked], data, where: str) -> Checked:
    """data as a record of a model; a wrong key or value is told in one sentence."""
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        first = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")[0]  # a misspelt key first
        path = ".".join(str(part) for part in first["loc"])
        place = f"{where}, key {path}" if path else where
        if first["type"] == "extra_forbidden":
            known = sorted(record_at(model, first["loc"][:-1]).model_fields)
            raise UserError(f"{place}: unknown key.{nearest(str(first['loc'][-1]), known)} Known keys: {', '.join(known)}.") from None
        expected = "a date like 2022-09-21" if first["type"].startswith("date") else EXPECTED.get(first["type"])
        reason = f"{expected} was expected" if expected else first["msg"].removeprefix("Value error, ")
        raise UserError(f"{place}: {reason[0].lower() + reason[1:]}.") from None


def record_at(model: type[BaseModel], place: tuple) -> type[BaseModel]:
    """The record in which a key stands: `place` = the keys and numbers that lead to it."""
    for part in place:
        if part in model.model_fields:
            inner = [kind for kind in kinds(model.model_fields[part].annotation) if issubclass(kind, BaseModel)]
            model = inner[0] if inner else model
    return model


def kinds(annotation) -> list[type]:
    """The classes that an annotation names, however deep."""
    if inner := get_args(annotation):
        return [kind for part in inner for kind in kinds(part)]
    return [annotation] if isinstance(annotation, type) else []


@cache
def parameters() -> dict[str, dict[str, Parameter]]:
    """The library of parameters by subsystem and name, checked against the code's units."""
    found = {}
    for subsystem in SUBSYSTEMS:
        path = library() / "parameters" / f"{subsystem}.yaml"
        entries = {}
        for name, entry in read_yaml(path).items():
            data = dict(entry)
            if "class" in data:
                data["default_class"] = data.pop("class")
            entries[name] = checked(Parameter, data, f"{path.name}, {name}")
        declared = units(importlib.import_module(f"muster.model.{subsystem}").Params)
        given = {name: entry.unit for name, entry in entries.items()}
        if given != declared:
            wrong = sorted(set(given.items()) ^ set(declared.items()))
            raise UserError(f"{path.name} and the code disagree on {wrong[0][0]} ({wrong[0][1]}): names and units must be the same.")
        found[subsystem] = entries
    return found


@cache
def sources() -> dict[str, Source]:
    """The library of sources by key."""
    path = library() / "sources.yaml"
    return {
        key: checked(Source, {**entry, "published": str(entry.get("published"))}, f"{path.name}, {key}")
        for key, entry in read_yaml(path).items()
    }


def quantile(value: float, spread: tuple[float, float], prior: Prior, z):
    """Value at standard normal z: the central value at 0, the ends of the range at -1.645 and 1.645."""
    z = np.asarray(z, dtype=float)
    if prior == "constant":
        return np.full_like(z, value)
    if prior == "halfnormal":
        return spread[1] / HALF_NORMAL_95 * ndtri((1 + ndtr(z)) / 2)
    to, back = {"lognormal": (np.log, np.exp), "logitnormal": (logit, expit), "normal": (float, lambda x: x)}[prior]
    centre, low, high = to(value), to(spread[0]), to(spread[1])
    return back(centre + z / Z95 * np.where(z < 0, centre - low, high - centre))


def entries(experiment):
    """Every parameter of an experiment once: (stream, subsystem, name, side or None, Value, prior)."""
    for subsystem, named in parameters().items():
        for name, entry in named.items():
            if entry.per == "war":
                override = experiment.overrides.get(f"war/{subsystem}.{name}")
                yield from one_entry("war", subsystem, name, None, entry, override)
            else:
                for side in experiment.sides:
                    yield from one_entry(side, subsystem, name, side, entry, experiment.overrides.get(f"{side}/{subsystem}.{name}"))


def one_entry(scope: str, subsystem: str, name: str, side: str | None, entry: Parameter, override: Override | None):
    """The stream's name and prior of one parameter."""
    held = override if override else entry.of(side or "")
    yield f"{scope}/{subsystem}.{name}", subsystem, name, side, held, override.prior if override else entry.prior


def cited(experiment, stream: str, subsystem: str, name: str, held: Value | Override) -> tuple[Citation, ...]:
    """What a parameter's value rests on: the user who fixed it, else its own sources or the entry's."""
    if stream in experiment.fixed:
        return (Citation(key=BY_USER, grade="assumed", note="set by the user"),)
    return getattr(held, "sources", ()) or parameters()[subsystem][name].sources


def sample(experiment, z_of) -> tuple[SideParams, SideParams]:
    """Both sides' parameters; z_of(streams) gives standard normals [stream, ...]."""
    every = list(entries(experiment))
    z = z_of([stream for stream, *_ in every])
    values: dict[tuple[str | None, str, str], np.ndarray] = {}
    for row, (stream, subsystem, name, side, held, prior) in zip(z, every, strict=True):
        fixed = experiment.fixed.get(stream)
        values[side, subsystem, name] = np.full_like(row, fixed) if fixed is not None else quantile(held.value, held.range, prior, row)

    def side_params(side: str) -> SideParams:
        parts = {}
        for subsystem, named in parameters().items():
            record = importlib.import_module(f"muster.model.{subsystem}").Params
            own = {n: values[None if e.per == "war" else side, subsystem, n] for n, e in named.items()}
            parts[subsystem] = record(**own)
        return SideParams(**parts)

    first, second = experiment.sides
    return side_params(first), side_params(second)


def normals(experiment, draws, streams: list[str]) -> np.ndarray:
    """Normal scores [stream, draw] of named parameters, of the posterior or the prior; a draw is the same whatever else is asked for."""
    names = np.array([crc32(name.encode()) for name in streams], dtype=np.uint32)
    prior = np.asarray(NORMALS(np.asarray(experiment.seed), np.asarray(draws, dtype=np.uint32), names))
    return prior if experiment.posterior is None else experiment.posterior.applied(prior, streams, draws, experiment.seed)


def draw(experiment, draws) -> tuple[SideParams, SideParams]:
    """Draws of both sides' parameters, from the experiment's posterior or the prior, arrays [draw]."""
    return sample(experiment, lambda streams: normals(experiment, draws, streams))


def medians(experiment) -> tuple[SideParams, SideParams]:
    """Both sides' parameters at their central values, arrays []."""
    return sample(experiment, lambda streams: np.zeros((len(streams),)))


def drawn_matrix(experiment, draws) -> tuple[list[str], np.ndarray]:
    """Names and values [parameter, draw] of everything that varies, for the shares of variance."""
    every = [entry for entry in entries(experiment) if entry[5] != "constant" and entry[0] not in experiment.fixed]
    names = [entry[0] for entry in every]
    return names, normals(experiment, draws, names)


def bibliography(experiment) -> list[dict]:
    """The sources of exactly the numbers that a run uses: key, title, publisher, published, url, and the values it carries."""
    used: dict[str, list[str]] = {}
    grades: dict[str, dict[str, int]] = {}

    def note(citation: Citation, what: str) -> None:
        used.setdefault(citation.key, []).append(what + (f" ({citation.locator})" if citation.locator else ""))
        counts = grades.setdefault(citation.key, {})
        counts[citation.grade] = counts.get(citation.grade, 0) + 1

    for stream, subsystem, name, _side, held, _ in entries(experiment):
        for citation in cited(experiment, stream, subsystem, name, held):
            note(citation, stream)
    for what, citation in experiment.citations:
        note(citation, what)
    known = sources() | experiment.scenario.sources
    rows = []
    for key in sorted(used):
        if key not in known:
            raise UserError(
                f'Neither sources.yaml nor the scenario has a source "{key}", which {used[key][0]} cites.{nearest(key, known)}'
                " A scenario names its own sources under the key sources."
            )
        rows.append({"key": key, **known[key].model_dump(), "grades": grades[key], "values": used[key]})
    return rows
