"""Experiment: a scenario under a policy as the arrays that the model reads, week by week."""

import datetime
import hashlib
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import yaml

from muster.defaults import with_setting
from muster.errors import UserError
from muster.evidence import Citation, Override, Parameter, checked, library, parameters
from muster.lever_values import lump_of, numbers, told
from muster.model.levers import AGES, AXES, EXPERIENCES, SKILLS, WOMEN_AGES, Ground, Levers, Setting
from muster.model.quantity import axes, units
from muster.model.structure import Structure, asked, choices
from muster.posterior import Posterior, shipped
from muster.reading import convert, read_yaml
from muster.regional import find, regional_setting
from muster.scenario import (
    PATHS,
    Dated,
    Decree,
    Event,
    Path_,
    Scenario,
    Sourced,
    load,
    load_policy,
    overlay,
    parameter_streams,
    set_value,
)

SIZES = {"age": len(AGES), "women_age": len(WOMEN_AGES), "skill": len(SKILLS), "experience": len(EXPERIENCES)}
SIZES |= {axis: len(names) for axis, names in AXES.items()}
RECENT = 26  # weeks before the last observation whose decisions go on
MOST = 1_000_000  # draws of one command
RESOLUTIONS = ("national", "regional")
ESCALATION = 26  # weeks after the last observation at which a second decree comes


@dataclass(frozen=True)
class Experiment:
    """A scenario under a policy, ready to run; arrays have the step as leading axis."""

    name: str
    scenario: Scenario
    sides: tuple[str, str]
    start: datetime.date
    steps: int
    dt: float
    observation_step: int
    draws: int
    seed: int
    structure: Structure
    policy: str
    continuation: str
    levers: tuple[Levers, Levers]
    base_levers: tuple[Levers, Levers]
    settings: tuple[Setting, Setting]
    ground: Ground
    text: str
    sha256: str
    fixed: dict[str, float] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    regions: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())  # codes of the regions of both sides; none where a side is run whole
    citations: tuple[tuple[str, Citation], ...] = ()
    posterior: Posterior | None = None  # none: the draws are of the prior
    note: str = ""  # why the draws are of the prior although a posterior was asked for


def structures_of(text: str) -> dict[str, Structure]:
    """The structures that a user asks for, by name: default, all (each rival one at a time), or QUESTION=ANSWER."""
    try:
        return asked(text)
    except KeyError:
        question = text.split(",")[0].partition("=")[0]
        known = choices().get(question)
        expected = f"{question}= with {', '.join(known)}" if known else f"default, all or one of {', '.join(f'{q}=' for q in choices())}"
        raise UserError(f"--structures {text}: {expected} was expected.") from None


def weeks_between(start: datetime.date, day: datetime.date) -> float:
    """Weeks from start to day."""
    return (day - start).days / 7


def path_values(lever: Path_, key: str, times: np.ndarray, start: datetime.date, where: str) -> np.ndarray:
    """A lever at the given times [week]: held from each date to the next, or joined by lines."""
    if lever.path is None:
        return np.broadcast_to(numbers(lever.value, key, where), (len(times), *numbers(lever.value, key, where).shape))
    knots = np.array([weeks_between(start, day) for day in lever.path])
    values = np.stack([numbers(value, key, f"{where}.{day}") for day, value in lever.path.items()])
    if lever.between == "linear":
        flat = values.reshape(len(knots), -1)
        return np.stack([np.interp(times, knots, column) for column in flat.T], axis=-1).reshape(len(times), *values.shape[1:])
    return values[np.searchsorted(knots, times, side="right") - 1]


def lump(begins: float, duration: float, amount: float, steps: int, dt: float) -> np.ndarray:
    """An amount spread evenly over a duration [week] as a rate per week by step; the integral is exact."""
    edges = np.arange(steps + 1) * dt
    overlap = np.clip(np.minimum(edges[1:], begins + duration) - np.maximum(edges[:-1], begins), 0, None)
    return overlap / duration * amount / dt


def dated_lump(
    item: Dated | Decree | Event, amount: str | float, unit: str, scenario: Scenario, steps: int, dt: float, where: str
) -> np.ndarray:
    """A dated amount as a rate per week by step."""
    size, duration = lump_of(amount, item.duration, unit, where)
    return lump(weeks_between(scenario.start, item.date), duration, size, steps, dt)


def side_levers(scenario: Scenario, side: str, steps: int, dt: float) -> Levers:
    """The levers of one side by step, as the scenario gives them."""
    given = scenario.sides[side].levers
    where = f"{scenario.file}, key sides.{side}.levers"
    times = (np.arange(steps) + 1e-9) * dt
    arrays: dict[str, np.ndarray] = {}
    for key in PATHS:
        arrays[key] = path_values(checked(Path_, given[key], f"{where}.{key}"), key, times, scenario.start, f"{where}.{key}")
    age = np.full(steps, -1.0)
    for key, name in (("decree_quota", "decree"), ("later_decree_quota", "later_decree")):
        arrays[key] = np.zeros(steps)
        if given.get(name):
            decree = checked(Decree, given[name], f"{where}.{name}")
            arrays[key] = dated_lump(decree, decree.announced, "person", scenario, steps, dt, f"{where}.{name}.announced")
            since = np.arange(1, steps + 1) * dt - weeks_between(scenario.start, decree.date)
            age = np.where(since > 0, since, age)
    arrays["decree_age"] = age
    arrays["withdrawal"] = np.zeros(steps)
    for number, item in enumerate(given.get("withdrawals") or []):
        dated = checked(Dated, item, f"{where}.withdrawals[{number}]")
        arrays["withdrawal"] = arrays["withdrawal"] + dated_lump(
            dated, dated.area, "km2", scenario, steps, dt, f"{where}.withdrawals[{number}].area"
        )
    arrays["forced_advance"] = np.zeros(steps)
    for event in scenario.events:
        if event.side == side:
            arrays["forced_advance"] = arrays["forced_advance"] + dated_lump(
                event, event.area, "km2", scenario, steps, dt, f"{scenario.file}, event {event.id}.area"
            )
    for key in ("withdrawal", "forced_advance"):  # what fighting brought about; none where a policy has no war
        arrays[key] = arrays[key] * arrays["war"]
    whole: dict[str, Any] = {key: np.array(value, dtype=float) for key, value in arrays.items()}
    return Levers(**whole)


def continued(levers: Levers, observed: int, dt: float, continuation: str) -> Levers:
    """Levers after the last observation: as in the last half-year, with talks, or with a second decree."""
    past = max(observed - round(RECENT / dt), 0)
    arrays: dict[str, Any] = {}
    for item in fields(Levers):
        path = np.array(getattr(levers, item.name))
        if item.name not in ("decree_age", "decree_quota", "later_decree_quota", "withdrawal", "forced_advance") and observed < len(path):
            path[observed:] = path[past:observed].mean(axis=0)
        arrays[item.name] = path
    for name in ("decree_quota", "later_decree_quota", "withdrawal", "forced_advance"):
        arrays[name][observed:] = 0
    if 0 < observed < len(arrays["decree_age"]):  # of a decree that is dated later nobody knows yet
        last = arrays["decree_age"][observed - 1]
        arrays["decree_age"][observed:] = last if last < 0 else last + np.arange(1, len(arrays["decree_age"]) - observed + 1) * dt
    if continuation == "ceasefire":
        arrays["talks"][observed:] = 1
    if continuation == "escalates":
        first = observed + round(ESCALATION / dt)
        quota = arrays["decree_quota"][arrays["decree_quota"] > 0]
        count = min(len(quota), len(arrays["later_decree_quota"]) - first)
        if count > 0:
            arrays["later_decree_quota"][first : first + count] = quota[:count]
            arrays["decree_age"][first:] = np.arange(1, len(arrays["decree_age"]) - first + 1) * dt
    return Levers(**arrays)


def nested(value, unit: str, where: str):
    """Numbers in nested lists, each converted."""
    if isinstance(value, list):
        return [nested(item, unit, f"{where}[{index}]") for index, item in enumerate(value)]
    return convert(value, unit, where)


def numbers_of(value, unit: str, where: str) -> np.ndarray:
    """Numbers in nested lists as an array."""
    try:
        return np.array(nested(value, unit, where), dtype=float)
    except ValueError:
        raise UserError(f"{where}: lists of equal length were expected.") from None


def setting_of(scenario: Scenario, side: str) -> tuple[Setting, list[tuple[str, Citation]]]:
    """The fixed data of one side, and its sources."""
    given = scenario.sides[side].setting
    where = f"{scenario.file}, key sides.{side}.setting"
    if set(given) == {"file"}:
        known = {path.stem: path for path in (library() / "settings").glob("*.yaml")}
        if given["file"] not in known:
            expected = f"one of {', '.join(sorted(known))} was expected, found {given['file']!r}"
            raise UserError(f"{where}.file: {expected}; data of your own stand under setting itself.")
        path = known[given["file"]]
        given, where = read_yaml(path), path.name
    given = with_setting(given)
    arrays: dict[str, Any] = {}
    citations: list[tuple[str, Citation]] = []
    regions = None
    for item in fields(Setting):
        if item.name not in given:
            raise UserError(f"{where}, key {item.name}: missing.")
        entry = checked(Sourced, given[item.name], f"{where}, key {item.name}")
        place, unit = f"{where}, key {item.name}", units(Setting)[item.name]
        dims = axes(Setting)[item.name]
        array = numbers_of(entry.value, unit, place)
        if array.ndim == 0 and dims and unit != "person":  # one number for every part; persons are counted part by part
            array = np.full([regions or 1 if dim == "region" else SIZES[dim] for dim in dims], array)
        regions = (array.shape or (1,))[0] if regions is None else regions
        expected = tuple(regions if dim == "region" else SIZES[dim] for dim in dims)
        if array.shape != expected:
            raise UserError(f"{place}: numbers of shape {expected} ({', '.join(dims)}) were expected, found {array.shape}.")
        if np.any(array < 0) and item.name not in ("poverty", "titular_share"):
            raise UserError(f"{where}, key {item.name}: no negative number was expected, found {array.min():g}.")
        arrays[item.name] = array
        citations.append((f"{side}/setting.{item.name}", entry.source))
    for key in given:
        if key not in arrays:
            raise UserError(f"{where}, key {key}: unknown key. Known keys: {', '.join(arrays)}.")
    if arrays["register"] > arrays["men"].sum():
        raise UserError(
            f"{where}, key register: at most the {arrays['men'].sum():,.0f} men of key men were expected, found {arrays['register']:,.0f}."
        )
    return Setting(**arrays), citations


def lever_citations(scenario: Scenario) -> list[tuple[str, Citation]]:
    """The sources of the levers, the ground and the events."""
    found = [(f"ground.{key}", entry.source) for key, entry in scenario.ground.items()]
    for side, text in scenario.sides.items():
        for key, value in text.levers.items():
            for item in value if isinstance(value, list) else [value]:
                if item:
                    found.append((f"{side}/levers.{key}", Citation.model_validate(item["source"])))
    return [*found, *((f"event {event.id}", event.source) for event in scenario.events)]


def overrides_of(scenario: Scenario) -> dict[str, Override]:
    """The scenario's own priors by stream, in the unit of the parameter."""
    found = {}
    for key, text in scenario.overrides.items():
        where = f"{scenario.file}, key overrides.{key}"
        streams = parameter_streams(scenario, key, where)
        subsystem, name = key.split(".")[-2:]
        unit = parameters()[subsystem][name].unit
        value, low, high = (convert(number, unit, where) for number in (text.value, *text.range))
        data = {"meaning": text.reason, "unit": unit, "value": value, "range": (low, high), "prior": text.prior, "per": "war"}
        held = checked(Parameter, {**data, "sources": text.sources}, where)  # the same checks as in the library
        override = Override(value=held.value, range=held.range, prior=held.prior, reason=text.reason, sources=held.sources)
        found |= dict.fromkeys(streams, override)
    return found


def ground_of(scenario: Scenario) -> Ground:
    """The ground fought over, in the model's units."""
    places: dict[str, Any] = {}
    for key, entry in scenario.ground.items():
        where, unit = f"{scenario.file}, key ground.{key}", units(Ground)[key]
        places[key] = np.array(convert(entry.value, unit, where))
        if not 0 < places[key] <= (1 if unit == "1" else np.inf):
            raise UserError(f"{where}: a number above 0, and of a share at most 1, was expected, found {told(places[key], unit)}.")
    return Ground(**places)


def text_of(scenario: Scenario) -> str:
    """The scenario with everything decided, as the text that a manifest keeps; own sources only where there are any."""
    held = scenario.model_dump(mode="json", exclude=None if scenario.sources else {"sources"})
    return yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=160)


def decided_on(base: Scenario, policies: tuple[str, ...], sets: tuple[str, ...]) -> tuple[Scenario, dict[str, float]]:
    """The scenario under policies and single settings, and the parameters that the settings fix."""
    under, fixed = base, {}
    for name in policies:
        under = overlay(under, load_policy(name))
    named = [text.partition("=")[0].strip() for text in sets]
    for path in named:
        if named.count(path) > 1:
            raise UserError(f"--set {path}: it is set more than once; one value was expected.")
    for text in sets:
        under, numbers_fixed = set_value(under, text)
        fixed |= numbers_fixed
    return under, fixed


def settings_of(scenario: Scenario, resolution: str) -> tuple[list[Setting], list[tuple[str, ...]], list[tuple[str, Citation]]]:
    """Both sides' fixed data at a resolution, the codes of their regions, and the sources."""
    if resolution not in RESOLUTIONS:
        raise UserError(f'resolution: {" or ".join(RESOLUTIONS)} was expected, found "{resolution}".')
    if resolution == "regional" and not any(side.regions for side in scenario.sides.values()):
        raise UserError(f"{scenario.name}: no side has a table of regions; name one under sides.SIDE.regions, or run it national.")
    settings, codes, citations = [], [], []
    for side, text in scenario.sides.items():
        setting, cited = setting_of(scenario, side)
        citations += cited
        names: tuple[str, ...] = ()
        where = f"{scenario.file}, key sides.{side}.regions"
        if text.regions:
            find(text.regions, where)  # so that a wrong name is told before somebody runs by region
        if resolution == "regional" and text.regions:
            setting, table, sources = regional_setting(setting, text.regions, side, where)
            names = table.ids
            citations += sources
        settings.append(setting)
        codes.append(names)
    return settings, codes, citations


def sha256_of(text: str, scenario: Scenario, resolution: str) -> str:
    """What tells an experiment's inputs from others: its text and, by region, tables of regions that are the user's own."""
    digest = hashlib.sha256(text.encode())
    for side in scenario.sides.values() if resolution == "regional" else ():
        if side.regions and library() not in (path := find(side.regions, scenario.file)).parents:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def same(decided: tuple[Levers, Levers], happened: tuple[Levers, Levers]) -> bool:
    """Whether both sides decide as it happened."""
    pairs = zip(decided, happened, strict=True)
    return all(np.array_equal(getattr(x, item.name), getattr(y, item.name)) for x, y in pairs for item in fields(Levers))


def build(
    scenario: str | Scenario,
    policies: tuple[str, ...] = ("as-happened",),
    continuation: str | None = None,
    draws: int = 200,
    seed: int = 1,
    structure: Structure | None = None,
    sets: tuple[str, ...] = (),
    dt: float = 1.0,
    resolution: str = "national",
    posterior: Posterior | Literal["shipped"] | None = None,
) -> Experiment:
    """The experiment of a scenario under policies and single settings (`sets`: PATH=VALUE), with draws of a posterior or the prior."""
    if not 1 <= draws <= MOST:
        raise UserError(f"draws: 1 to {MOST:,} were expected, found {draws}.")
    if not 0 < dt <= 1 or abs(round(1 / dt) * dt - 1) > 1e-9:
        raise UserError(f"--dt {dt:g}: 1 over a whole number was expected, such as 1, 0.5 or 0.25.")
    base = load(scenario) if isinstance(scenario, str) else scenario
    under, fixed = decided_on(base, policies, sets)
    ending = continuation or base.continuation
    if ending not in ("goes-on", "ceasefire", "escalates"):
        raise UserError(f'continuation: goes-on, ceasefire or escalates was expected, found "{ending}".')
    steps = int(np.floor(weeks_between(base.start, base.end) / dt))
    observed = int(np.floor(weeks_between(base.start, base.last_observation) / dt))
    first, second = base.sides
    settings, codes, citations = settings_of(under, resolution)

    def levers(which: Scenario) -> tuple[Levers, Levers]:
        a, b = (continued(side_levers(which, side, steps, dt), observed, dt, ending) for side in (first, second))
        return a, b

    decided, happened, text = levers(under), levers(base), text_of(under)
    fitted, note = shipped(base.name, hashlib.sha256(text_of(base).encode()).hexdigest()) if posterior == "shipped" else (posterior, "")
    return Experiment(
        name=base.name,
        scenario=under,
        sides=(first, second),
        start=base.start,
        steps=steps,
        dt=dt,
        observation_step=observed,
        draws=draws,
        seed=seed,
        structure=structure or Structure(),
        policy=" + ".join(policies) + "".join(f" + {text}" for text in sets),
        continuation=ending,
        levers=decided,
        base_levers=decided if same(decided, happened) else happened,
        settings=(settings[0], settings[1]),
        ground=ground_of(under),
        text=text,
        sha256=sha256_of(text, under, resolution),
        fixed=fixed,
        overrides=overrides_of(under),
        regions=(codes[0], codes[1]),
        citations=(*citations, *lever_citations(under)),
        posterior=fitted,
        note=note,
    )
