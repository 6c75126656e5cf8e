"""Scenarios and policies: their schema, how they are read, how a policy is laid over a scenario."""

import datetime
import itertools
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from muster.defaults import with_levers
from muster.errors import UserError, nearest
from muster.evidence import Citation, Source, Strict, checked, library, parameters, sources
from muster.lever_values import DIVIDED, lump_of, numbers, parts_of
from muster.model.levers import Ground, Levers
from muster.model.quantity import units
from muster.reading import convert, parse_yaml, read_text

DERIVED = ("decree_quota", "later_decree_quota", "decree_age", "withdrawal", "forced_advance")
PATHS = tuple(name for name in units(Levers) if name not in DERIVED)  # the time paths that a scenario may give: decisions and weather
NAME, SIDE = re.compile(r"[^/\\\s][^/\\\r\n]{0,99}"), re.compile(r"[\w-]+")
LONGEST = 50  # years: a mistyped end would take all memory

Scalar = float | str | dict[str, float | str]


class Sourced(Strict):
    """A value with its source."""

    value: Scalar | list
    source: Citation


class Path_(Strict):
    """A lever: one value, or dated values held or joined by lines."""

    source: Citation
    value: Scalar | None = None
    path: dict[datetime.date, Scalar] | None = None
    between: Literal["hold", "linear"] = "hold"


class Decree(Strict):
    """A dated decree: announced men over a duration."""

    date: datetime.date
    announced: float | str
    duration: float | str
    source: Citation


class Dated(Strict):
    """Ground given up by order, over a duration."""

    date: datetime.date
    area: float | str
    duration: float | str
    source: Citation


class Event(Strict):
    """What happened and is forced, until a policy can have changed it."""

    id: str
    side: str
    kind: Literal["advance"]
    date: datetime.date
    area: float | str
    duration: float | str
    source: Citation
    until: str


class OverrideText(Strict):
    """A scenario's own prior for a parameter."""

    value: float | str
    range: tuple[float | str, float | str]
    reason: str
    sources: tuple[Citation, ...]
    prior: Literal["lognormal", "logitnormal", "normal", "halfnormal", "constant"] = "lognormal"


class SideText(Strict):
    """One belligerent."""

    label: str
    setting: dict
    levers: dict
    regions: str | None = None  # a table of regions of the library by name, or the path of a CSV file


class Scenario(Strict):
    """A war: its sides, their levers, what happened, and when."""

    name: str
    title: str
    start: datetime.date
    end: datetime.date
    last_observation: datetime.date
    ground: dict[str, Sourced]
    sides: dict[str, SideText]
    events: tuple[Event, ...] = ()
    overrides: dict[str, OverrideText] = Field(default_factory=dict)
    sources: dict[str, Source] = Field(default_factory=dict)  # the scenario's own, beside those of the library
    continuation: Literal["goes-on", "ceasefire", "escalates"] = "goes-on"
    _file: str = PrivateAttr("")

    @property
    def file(self) -> str:
        """What its errors begin with: the file that it was read from, else its name."""
        return self._file or self.name


class Policy(Strict):
    """Other decisions of one side, each with its reason."""

    name: str
    title: str
    side: str | None = None
    extends: str | None = None
    set: dict = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    _file: str = PrivateAttr("")

    @property
    def file(self) -> str:
        """What its errors begin with: the file that it was read from, else its name."""
        return self._file or f"policy {self.name}"


def find(kind: str, name_or_path: str) -> Path:
    """The file of a library item by name, else a path."""
    folder = library() / kind
    known = {path.stem: path for path in folder.glob("*.yaml")}
    if name_or_path in known:
        return known[name_or_path]
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        return Path(name_or_path)
    word = kind.removesuffix("ies") + "y" if kind.endswith("ies") else kind.removesuffix("s")
    raise UserError(
        f'There is no {word} "{name_or_path}".{nearest(name_or_path, known)} Known: {", ".join(sorted(known))}; a file has a path.'
    )


def load(name_or_path: str) -> Scenario:
    """A scenario of the library by name, or a user's own by path, as the file is now; levers that it does not name are neutral."""
    path = find("scenarios", name_or_path)
    return read(read_text(path), str(path))


@lru_cache(maxsize=16)
def read(text: str, where: str) -> Scenario:
    """The scenario that a text holds."""
    return scenario_from(parse_yaml(text, where), where)


def scenario_from(data: dict, where: str) -> Scenario:
    """A scenario from what a file holds; levers that it does not name are neutral."""
    text = checked(Scenario, data, where)
    sides = {name: side.model_copy(update={"levers": with_levers(side.levers)}) for name, side in text.sides.items()}
    scenario = text.model_copy(update={"sides": sides})
    scenario._file = where
    check(scenario, where)
    return scenario


def load_policy(name_or_path: str) -> Policy:
    """A policy of the library by name, or a user's own by path."""
    path = find("policies", name_or_path)
    policy = checked(Policy, parse_yaml(read_text(path), str(path)), str(path))
    policy._file = str(path)
    for key in policy.set:
        check_name(key, str(path))
        if key not in policy.reasons:
            raise UserError(f"{path}, key set.{key}: a reason is needed under reasons.{key}.")
    return policy


def check_name(key: str, where: str) -> None:
    """Refuses what is no lever among those that a policy sets."""
    if key not in lever_names():
        raise UserError(f"{where}, key set.{key}: a policy sets levers only, and this is none.{nearest(key, lever_names())}")


def sides_of(policy: str) -> set[str]:
    """The sides whose decisions a policy changes, with those of the policies that it extends."""
    asked = load_policy(policy)
    return ({asked.side} if asked.side else set()) | (sides_of(asked.extends) if asked.extends else set())


def lever_names() -> tuple[str, ...]:
    """The names that a side's levers may have in a file."""
    return (*PATHS, "decree", "later_decree", "withdrawals")


def check(scenario: Scenario, where: str) -> None:
    """Dates in order, two sides, known names, levers and events that are what they can be; the rest where it is turned into numbers."""
    if not NAME.fullmatch(scenario.name):
        raise UserError(f"{where}, key name: at most 100 letters without / and line breaks were expected, found {scenario.name[:100]!r}.")
    if not scenario.start < scenario.last_observation <= scenario.end:
        raise UserError(
            f"{where}: start < last_observation <= end was expected, found {scenario.start}, {scenario.last_observation}, {scenario.end}."
        )
    if (scenario.last_observation - scenario.start).days < 7:
        raise UserError(f"{where}, key last_observation: at least a week after the start was expected, found {scenario.last_observation}.")
    if (scenario.end - scenario.start).days > 365.25 * LONGEST:
        raise UserError(f"{where}, key end: at most {LONGEST} years after the start were expected, found {scenario.end}.")
    for name in scenario.sides:
        if not SIDE.fullmatch(name):
            raise UserError(f'{where}, key sides: letters, digits, - and _ were expected in a name, found "{name}".')
    if len(scenario.sides) != 2:
        raise UserError(f"{where}, key sides: two sides were expected, found {len(scenario.sides)}.")
    missing = set(units(Ground)) - set(scenario.ground)
    unknown = set(scenario.ground) - set(units(Ground))
    if missing or unknown:
        key = sorted(missing | unknown)[0]
        raise UserError(f"{where}, key ground.{key}: {'missing' if missing else 'unknown key'}. Known keys: {', '.join(units(Ground))}.")
    for name, side in scenario.sides.items():
        for key, value in side.levers.items():
            if key not in lever_names():
                raise UserError(f"{where}, key sides.{name}.levers.{key}: unknown lever.{nearest(key, lever_names())}")
            check_lever(key, value, scenario, f"{where}, key sides.{name}.levers.{key}")
        for key in PATHS:
            if key not in side.levers:
                raise UserError(f"{where}, key sides.{name}.levers.{key}: missing.")
    for event in scenario.events:
        if event.side not in scenario.sides:
            raise UserError(f"{where}, event {event.id}: unknown side.{nearest(event.side, scenario.sides)}")
        lump_of(event.area, event.duration, "km2", f"{where}, event {event.id}.area")
    for key in set(scenario.sources) & set(sources()):
        raise UserError(f"{where}, key sources.{key}: the library has a source of this name; choose another.")
    for key in scenario.overrides:
        parameter_streams(scenario, key, f"{where}, key overrides.{key}")


def check_lever(key: str, value, scenario: Scenario, where: str) -> None:
    """The shape, dates and numbers of one lever."""
    if key in ("decree", "later_decree"):
        if value is not None:
            decree = checked(Decree, value, where)
            inside(decree.date, scenario, where)
            lump_of(decree.announced, decree.duration, "person", f"{where}.announced")
        return
    if key == "withdrawals":
        if not isinstance(value, list):
            raise UserError(f"{where}: a list was expected.")
        for number, item in enumerate(value):
            dated = checked(Dated, item, f"{where}[{number}]")
            inside(dated.date, scenario, f"{where}[{number}]")
            lump_of(dated.area, dated.duration, "km2", f"{where}[{number}].area")
        return
    if not isinstance(value, dict):
        raise UserError(f"{where}: {{value: ..., source: ...}} or {{path: ..., source: ...}} was expected, found {value!r}.")
    lever = checked(Path_, value, where)
    if (lever.value is None) == (lever.path is None):
        raise UserError(f"{where}: exactly one of value and path was expected.")
    if lever.path is not None and not lever.path:
        raise UserError(f"{where}, key path: at least one date with its value was expected.")
    dates = list(lever.path or ())
    if dates != sorted(dates):
        late = next(b for a, b in itertools.pairwise(dates) if b < a)
        raise UserError(f"{where}: the dates are not in order; {late} stands after a later one.")
    if dates and dates[0] > scenario.start:
        raise UserError(f"{where}: the path begins on {dates[0]}, after the start on {scenario.start}.")
    for day in dates:
        decided_by_then(day, scenario, where)
    for day, entry in ((lever.path or {}) or {None: lever.value}).items():
        numbers(entry, key, f"{where}.{day}" if day else where)


def inside(day: datetime.date, scenario: Scenario, where: str) -> None:
    """Refuses the date of a decision outside of what was observed."""
    if day < scenario.start:
        raise UserError(f"{where}: {day} lies before the start on {scenario.start}.")
    decided_by_then(day, scenario, where)


def decided_by_then(day: datetime.date, scenario: Scenario, where: str) -> None:
    """Refuses the date of a decision after the last observation, which would be without effect: an ending decides from there on."""
    if day > scenario.last_observation:
        raise UserError(
            f"{where}: {day} lies after the last observation on {scenario.last_observation}; the continuation decides from there on."
        )


def overlay(scenario: Scenario, policy: Policy, seen: tuple[str, ...] = ()) -> Scenario:
    """The scenario under a policy: its levers replace those of one side, last wins; nothing else changes."""
    if policy.name in seen:
        raise UserError(f"policy {policy.name}: it extends itself ({' -> '.join((*seen, policy.name))}).")
    if policy.extends:
        scenario = overlay(scenario, load_policy(policy.extends), (*seen, policy.name))
    if not policy.set:
        return scenario
    where, side = policy.file, policy.side
    if side is None:
        raise UserError(f"{where}, key side: missing; {' or '.join(scenario.sides)} was expected.")
    if side not in scenario.sides:
        raise UserError(f'{where}, key side: "{side}" is not a side of {scenario.name}.{nearest(side, scenario.sides)}')
    levers = dict(scenario.sides[side].levers)
    for key, value in policy.set.items():
        check_name(key, where)
        check_lever(key, value, scenario, f"{where}, key set.{key}")
        levers[key] = value
    sides = {**scenario.sides, side: scenario.sides[side].model_copy(update={"levers": levers})}
    return scenario.model_copy(update={"sides": sides})


def parameter_streams(scenario: Scenario, path: str, where: str) -> list[str]:
    """The streams that [SIDE.]SUBSYSTEM.PARAMETER names: one, or one a side."""
    parts = path.split(".")
    side = parts[0] if len(parts) == 3 else None
    subsystem, name = parts[-2:] if len(parts) in (2, 3) else (path, "")
    known = parameters()
    if side is not None and side not in scenario.sides:
        raise UserError(f'{where}: "{side}" is not a side.{nearest(side, scenario.sides)}')
    if subsystem not in known:
        raise UserError(f'{where}: "{subsystem}" is no subsystem.{nearest(subsystem, known)}')
    if name not in known[subsystem]:
        raise UserError(f'{where}: {subsystem} has no parameter "{name}".{nearest(name, known[subsystem])}')
    if known[subsystem][name].per == "war":
        if side is not None:
            raise UserError(f"{where}: {subsystem}.{name} is the same for both sides; leave the side out.")
        return [f"war/{subsystem}.{name}"]
    return [f"{one}/{subsystem}.{name}" for one in ([side] if side else scenario.sides)]


def set_value(scenario: Scenario, text: str) -> tuple[Scenario, dict[str, float]]:
    """A --set: SIDE.levers.NAME[.PART]=VALUE changes a lever for the whole run; [SIDE.]SUBSYSTEM.PARAMETER=VALUE fixes a parameter."""
    path, sign, value = text.partition("=")
    path, where = path.strip(), f"--set {text}"
    if not sign or not path:
        raise UserError(f"{where}: PATH=VALUE was expected.")
    parts = path.split(".")
    if len(parts) >= 3 and parts[1] == "levers":
        return set_lever(scenario, parts, value.strip().strip('"'), where), {}
    streams = parameter_streams(scenario, path, where)
    entry = parameters()[parts[-2]][parts[-1]]
    number = convert(value.strip().strip('"'), entry.unit, where)
    if (entry.prior in ("lognormal", "halfnormal") and number < 0) or (entry.prior == "logitnormal" and not 0 <= number <= 1):
        raise UserError(
            f"{where}: {number:g} is outside what {parts[-1]} can be ({'0 to 1' if entry.prior == 'logitnormal' else 'at least 0'})."
        )
    return scenario, dict.fromkeys(streams, number)


def set_lever(scenario: Scenario, parts: list[str], value: str, where: str) -> Scenario:
    """The scenario with one lever of one side, or one part of it, replaced by a constant."""
    side, _, key, *rest = parts
    if side not in scenario.sides:
        raise UserError(f'{where}: "{side}" is not a side.{nearest(side, scenario.sides)}')
    levers = dict(scenario.sides[side].levers)
    source = {"key": "user", "grade": "assumed", "note": "set by the user"}
    if key not in lever_names():
        raise UserError(f'{where}: there is no lever "{key}".{nearest(key, lever_names())}')
    if key in ("decree", "later_decree"):
        if value in ("null", "none") and not rest:
            levers[key] = None
        elif len(rest) == 1 and rest[0] in ("date", "announced", "duration") and levers.get(key):
            levers[key] = {**levers[key], rest[0]: value, "source": source}
        else:
            raise UserError(f"{where}: {side}.levers.{key} takes null, or .date, .announced, .duration of a decree that is there.")
    elif key == "withdrawals":
        raise UserError(f"{where}: withdrawals are changed in a policy file.")
    elif rest:
        parts_known = parts_of(key)
        if len(rest) != 1 or rest[0] not in parts_known:
            raise UserError(f'{where}: {key} has no part "{".".join(rest)}".{nearest(rest[0], parts_known)}')
        levers[key] = with_part(levers[key], rest[0], parts_known, value)
    else:
        levers[key] = {"value": value, "source": source}
    if not (rest and key in DIVIDED):  # another setting may make the whole whole again
        check_lever(key, levers[key], scenario, where)
    sides = {**scenario.sides, side: scenario.sides[side].model_copy(update={"levers": levers})}
    return scenario.model_copy(update={"sides": sides})


def with_part(lever: dict, part: str, parts: tuple[str, ...], value: str) -> dict:
    """A lever whose one part is a constant, the others as they were."""

    def patched(old):
        whole = old if isinstance(old, dict) else dict.fromkeys(parts, old)
        return {**whole, part: value}

    if lever.get("path"):
        return {**lever, "path": {day: patched(old) for day, old in lever["path"].items()}}
    return {**lever, "value": patched(lever["value"])}


__all__ = ["Policy", "Scenario", "load", "load_policy", "overlay", "scenario_from", "set_value"]
