"""What the page is told once: the war, the links of the chain, and the controls, made from what code and library say of each number."""

import datetime
from dataclasses import dataclass
from functools import cache

import numpy as np

from muster import evidence
from muster.errors import UserError
from muster.experiment import Experiment
from muster.explorer.engine import AHEAD, MOST_DRAWS, Engine
from muster.explorer.view import REFERENCE, View, known_policies, step_of
from muster.lever_values import ABOVE_0, LARGEST, SHARES, SIGNED, numbers, parts_of
from muster.model.levers import AXES, Levers
from muster.model.quantity import axes, meanings, units
from muster.model.structure import choices
from muster.model.world import READINGS
from muster.scenario import Scenario, load, load_policy

ENDINGS = ("goes-on", "ceasefire", "escalates")


@dataclass(frozen=True)
class Link:
    """A link of the chain: the series of its one number, in which unit it is told, and the levers that act on it first."""

    name: str
    path: str
    unit: str
    scale: float
    since_start: bool
    levers: tuple[str, ...]


def link(name: str, path: str, unit: str, scale: float = 1.0, since_start: bool = False, levers: str = "") -> Link:
    """A link, its levers as words."""
    return Link(name, path, unit, scale, since_start, tuple(levers.split()))


CHAIN = (
    link(
        "callup", "callup/called_up", "thousand", 1e-3, True, "decree minimum_age selection quota_rule pay prisoner_offers penal_severity"
    ),
    link(
        "training", "training/course_length", "weeks", 1, False, "course_length hasty_course_length commitment cadre_to_front partner_men"
    ),
    link(
        "front",
        "front/killed",
        "thousand",
        1e-3,
        True,
        "attack_share intensity theatre_share time_in_line outside_men allied_men fire_plan",
    ),
    link("morale", "morale/desertions", "thousand", 1e-3, True, "coercion forward_care"),
    link("command", "command/perceived_strength", "thousand", 1e-3, False, "candour"),
    link("society", "society/approval_reported", "%", 100, False, "media_freedom repression under_fire"),
    link("demography", "people/abroad", "million", 1e-6, False, "border"),
    link("economy", "economy/output", "% of pre-war", 100, False, "military_spending civil_spending policy_rate sanctions export_price"),
    link("arms", "arms/afv", "thousand", 1e-3, False, "shell_line_plan vehicle_line_plan"),
    link("partners", "partners/deliveries", "bn EUR", 1e-9, True, "partner_decision shell_offer"),
    link("regions", "regions/deaths_per_10k_men", "per 10,000 men", 1, False, ""),
    link("regime", "regime/loyalty", "loyalty, 0 to 1", 1, False, "security_at_home"),
)
NODES = {"callup": ("callup", "register"), "demography": ("people",), "front": ("front",), "morale": ("morale",)}
BY_COHORT = ("course_length", "hasty_course_length", "commitment")
COHORTS_SHOWN = ("decree", "volunteer", "prisoner")  # men who are trained while a war goes on; the standing force has no intake


def series_of(name: str) -> list[dict]:
    """Every series without cohorts of a link: path, meaning and unit."""
    found = []
    for node in NODES.get(name, (name,)):
        unit, meaning, dims = units(READINGS[node]), meanings(READINGS[node]), axes(READINGS[node])
        found += [{"path": f"{node}/{key}", "unit": unit[key], "meaning": meaning[key]} for key in unit if not dims[key]]
    return found


def chain_told() -> list[dict]:
    """The links as the page draws them."""
    return [
        {
            "name": one.name,
            "path": one.path,
            "unit": one.unit,
            "since": one.since_start,
            "levers": one.levers,
            "series": series_of(one.name),
        }
        for one in CHAIN
    ]


@cache
def tops() -> dict[str, float]:
    """The largest value of each lever in the library's policies, for the range of a slider."""
    found: dict[str, float] = {}
    for name in known_policies(("russia", "ukraine", "north", "south")):
        for key, lever in load_policy(name).set.items():
            found[key] = max(found.get(key, 0.0), *(np.max(np.abs(value)) for value in numbers_in(lever, key)))
    return found


def numbers_in(lever, key: str) -> list[np.ndarray]:
    """The numbers of a lever as it is written; none of a decree."""
    if not isinstance(lever, dict) or not ({"value", "path"} & set(lever)):
        return [np.zeros(1)]
    return [numbers(value, key, key) for value in (lever.get("path") or {"": lever["value"]}).values()]


def nice(value: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9)))


def lever_range(key: str, values: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """From where to where a slider goes: a share from 0 to 1, any other to twice the largest that is known; not to 0 where 0 is refused."""
    if key in SHARES:
        return 0.0, 1.0
    most = max(float(np.max(np.abs(values))), float(np.max(np.abs(other))), tops().get(key, 0.0))
    if key in SIGNED:
        return -nice(2 * most), nice(2 * most)
    high = min(nice(2 * most), LARGEST.get(key, np.inf))
    return (15.0, 60.0) if key == "minimum_age" else (high / 50 if key in ABOVE_0 else 0.0, high)


def in_force(engine: Engine, view: View, day: datetime.date) -> dict:
    """Levers and decrees as they are on a day under a view's policy and opened levers, which its single settings turn."""
    experiment = engine.experiment(view.model_copy(update={"sets": ()}))
    if not experiment.start <= day <= experiment.scenario.last_observation:
        raise UserError(f"day: {experiment.start} to {experiment.scenario.last_observation} was expected, found {day}.")
    return {
        "levers": levers_told(experiment, step_of(experiment.steps, day, experiment.start)),
        "decrees": decrees_told(experiment.scenario),
    }


def levers_told(experiment: Experiment, step: int) -> dict[str, list[dict]]:
    """Both sides' levers: unit, meaning, range, value in a week, and source."""
    found: dict[str, list[dict]] = {}
    scenario, sides = experiment.scenario, experiment.sides
    unit, meaning, dims = units(Levers), meanings(Levers), axes(Levers)
    for side, own, other in zip(sides, experiment.levers, reversed(experiment.levers), strict=True):
        rows = []
        for key in [name for one in CHAIN for name in one.levers if name != "decree"]:
            parts = [part for part in parts_of(key) if part in COHORTS_SHOWN] if dims[key] == ("cohort",) else list(parts_of(key))
            given = scenario.sides[side].levers[key]["source"]
            for part in parts or [None]:
                place = AXES[dims[key][0]].index(part) if part else ...
                values, others = (np.asarray(getattr(levers, key)) for levers in (own, other))
                values, others = (values[:, place], others[:, place]) if part else (values, others)
                low, high = lever_range(key, values, others)
                rows.append(
                    {
                        "key": key,
                        "part": part,
                        "unit": unit[key],
                        "meaning": meaning[key],
                        "low": low,
                        "high": high,
                        "value": float(f"{values[step]:.6g}"),
                        "source": source_told(given, scenario),
                    }
                )
        found[side] = rows
    return found


def source_told(citation: dict, scenario) -> str:
    """A source in a line: title, publisher, grade and note."""
    known = evidence.sources() | scenario.sources
    key = citation["key"]
    title = f"{known[key].title} ({known[key].publisher})" if key in known else key
    return ". ".join(filter(None, [title, f"grade: {citation['grade']}", citation.get("note")]))


def parameters_told(engine: Engine) -> list[dict]:
    """The uncertain numbers: symbol, unit, meaning, value and range of each side, and sources."""
    known, found = evidence.sources() | engine.base.scenario.sources, []
    for stream, subsystem, name, side, held, prior in evidence.entries(engine.base):
        if prior == "constant":
            continue
        entry = evidence.parameters()[subsystem][name]
        citations = getattr(held, "sources", ()) or entry.sources
        titles = [f"{known[one.key].title if one.key in known else one.key}, {one.grade}" for one in citations]
        path = f"{subsystem}.{name}" if side is None else f"{side}.{subsystem}.{name}"
        found.append(
            {
                "path": path,
                "stream": stream,
                "subsystem": subsystem,
                "name": name,
                "side": side,
                "symbol": entry.symbol,
                "unit": entry.unit,
                "meaning": entry.meaning,
                "value": held.value,
                "low": held.range[0],
                "high": held.range[1],
                "log": prior in ("lognormal", "halfnormal") and held.range[0] > 0,
                "source": "; ".join(titles),
            }
        )
    return found


def decrees_told(scenario: Scenario) -> dict[str, dict | None]:
    """The decree of each side, as it is written."""
    found: dict[str, dict | None] = {}
    for side, text in scenario.sides.items():
        decree = text.levers.get("decree")
        parts = ("date", "announced", "duration")
        source = {"source": source_told(decree["source"], scenario)} if decree else {}
        found[side] = {part: str(decree[part]) for part in parts} | source if decree else None
    return found


def facts(engine: Engine) -> dict:
    """All of it."""
    base, held = engine.base, load(engine.name)
    first = min((decree["date"] for decree in decrees_told(base.scenario).values() if decree), default=base.start.isoformat())
    return {
        "scenario": base.name,
        "title": held.title,
        "sides": [{"name": side, "label": base.scenario.sides[side].label} for side in base.sides],
        "start": base.start.isoformat(),
        "weeks": min(engine.steps, base.steps),
        "all_weeks": base.steps,
        "ahead": AHEAD,
        "last_observation": held.last_observation.isoformat(),
        "turn_from": first,
        "chain": chain_told(),
        "parameters": parameters_told(engine),
        "policies": [{"name": name, "title": title} for name, title in known_policies(base.sides).items()],
        "reference": REFERENCE,
        "structures": choices(),
        "continuations": ENDINGS,
        "posterior": str(base.posterior) if base.posterior else None,
        "note": base.note,
        "draws": engine.draws,
        "most_draws": MOST_DRAWS,
        "regional": all(side.regions for side in held.sides.values()),
    }
