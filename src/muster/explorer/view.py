"""A view: everything that a visitor has chosen, as the page sends it; nothing of it is kept between two requests."""

import datetime
import json
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from muster import experiment as experiments
from muster.errors import UserError
from muster.evidence import library
from muster.experiment import Experiment
from muster.lever_values import numbers, parts_of
from muster.model.levers import Levers
from muster.model.structure import Structure, choices
from muster.reading import date
from muster.scenario import PATHS, Scenario, load_policy, overlay, set_value

MOST_SETS = 60
MOST_TEXT = 200_000  # letters of the levers that an opened file brings
REFERENCE = "as-happened"
Text = Annotated[str, Field(max_length=120)]


class View(BaseModel):
    """What is asked: a policy, single settings (PATH=VALUE, of a lever also PATH=VALUE@DATE), an ending, rival equations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Text = REFERENCE
    sets: Annotated[tuple[Text, ...], Field(max_length=MOST_SETS)] = ()
    levers: dict[Text, dict[Text, Any]] = Field(default_factory=dict, description="levers of an opened file, by side and name")
    continuation: Literal["goes-on", "ceasefire", "escalates"] | None = None
    structure: dict[Text, Text] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """A text that is the same for the same view."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def with_sets(view: View, sets: tuple[str, ...]) -> View:
    """A view with further settings."""
    return view.model_copy(update={"sets": (*view.sets, *sets)})


@dataclass(frozen=True)
class Turn:
    """One lever of one side, or a part of it, turned to a value from a day on."""

    side: str
    key: str
    part: str | None
    value: str
    since: datetime.date


def known_policies(sides: tuple[str, ...]) -> dict[str, str]:
    """Titles of the policies of the library that are about one of the sides, by name; first what was decided."""
    names = [REFERENCE, *sorted(path.stem for path in (library() / "policies").glob("*.yaml") if path.stem != REFERENCE)]
    held = [load_policy(name) for name in names]
    return {policy.name: policy.title for policy in held if policy.name == REFERENCE or policy.side in sides}


def structure_of(view: View) -> Structure:
    """The rival equations that a view asks for."""
    known = choices()
    for question, answer in view.structure.items():
        if answer not in known.get(question, ()):
            raise UserError(f"structure: one of {', '.join(known)} with one of its answers was expected, found {question}={answer}.")
    return replace(Structure(), **dict(view.structure))


def is_turn(text: str, scenario: Scenario) -> bool:
    """Whether a setting turns a lever that is a path over time."""
    parts = text.partition("=")[0].strip().split(".")
    return len(parts) in (3, 4) and parts[0] in scenario.sides and parts[1] == "levers" and parts[2] in PATHS


def turn_of(text: str, scenario: Scenario) -> Turn:
    """SIDE.levers.NAME[.PART]=VALUE[@DATE]."""
    path, _, value = text.partition("=")
    value, at, day = value.partition("@")
    side, _, key, *rest = path.strip().split(".")
    part = rest[0] if rest else None
    if part is not None and part not in parts_of(key):
        raise UserError(f'{text}: {key} has no part "{part}". Known: {", ".join(parts_of(key)) or "none"}.')
    since = date(day.strip(), text) if at else scenario.start
    if not scenario.start <= since <= scenario.last_observation:
        raise UserError(f"{text}: {since} lies outside what was observed, {scenario.start} to {scenario.last_observation}.")
    return Turn(side, key, part, value.strip(), since)


def turned_scenario(scenario: Scenario, turn: Turn) -> Scenario:
    """The scenario with a lever turned: as it is written into a file."""
    if turn.since <= scenario.start:
        path = f"{turn.side}.levers.{turn.key}" + (f".{turn.part}" if turn.part else "")
        return with_setting(scenario, f"{path}={turn.value}")[0]
    levers = dict(scenario.sides[turn.side].levers)
    levers[turn.key] = turned_path(levers[turn.key], turn, scenario.start)
    side = scenario.sides[turn.side].model_copy(update={"levers": levers})
    return scenario.model_copy(update={"sides": {**scenario.sides, turn.side: side}})


def with_setting(scenario: Scenario, text: str) -> tuple[Scenario, dict[str, float]]:
    """As set_value; what is wrong is told in the words of the page, which knows no --set."""
    side, decree, _ = text.partition(".levers.decree.")
    if decree and side in scenario.sides and not scenario.sides[side].levers.get("decree"):
        label = scenario.sides[side].label
        raise UserError(f"Under these decisions {label} issues no decree that could be changed; take back {text.strip()}.")
    try:
        return set_value(scenario, text)
    except UserError as problem:
        raise UserError(str(problem).replace("--set ", "")) from None


def turned_path(lever: dict, turn: Turn, start: datetime.date) -> dict:
    """A lever's path that is its own until a day, and from then on the value."""
    path = {date(day, turn.key): value for day, value in (lever.get("path") or {start: lever["value"]}).items()}
    if lever.get("between") == "linear":
        path = with_knots(path, turn, start)
    held = [value for day, value in path.items() if day <= turn.since][-1]

    def patched(old):
        whole = old if isinstance(old, dict) else dict.fromkeys(parts_of(turn.key), old)
        return {**whole, turn.part: turn.value} if turn.part else turn.value

    after = {day: patched(value) for day, value in path.items() if day > turn.since} if turn.part else {}
    before = {day: value for day, value in path.items() if day < turn.since}
    source = {"key": "user", "grade": "assumed", "note": "set in the explorer"}
    return {"path": before | {turn.since: patched(held)} | after, "between": lever.get("between", "hold"), "source": source}


def with_knots(path: dict, turn: Turn, start: datetime.date) -> dict:
    """A path that is joined by lines, with its own value on the day before a turn and on the day itself."""
    days = list(path)
    values = np.stack([numbers(value, turn.key, turn.key) for value in path.values()])
    knots = [(day - start).days for day in days]
    added = {}
    for day in (turn.since - datetime.timedelta(days=1), turn.since):
        flat = [np.interp((day - start).days, knots, column) for column in values.reshape(len(days), -1).T]
        parts = parts_of(turn.key)
        added[day] = {part: float(x) for part, x in zip(parts, flat, strict=True)} if parts else float(flat[0])
    return dict(sorted({**path, **added}.items()))


def with_levers(scenario: Scenario, levers: dict[str, dict[str, Any]]) -> Scenario:
    """The scenario with the levers of an opened file; they are checked as those of a policy are."""
    from muster.scenario import Policy

    for side, named in levers.items():
        if side not in scenario.sides:
            raise UserError(f'levers: "{side}" is no side of {scenario.name}.')
        scenario = overlay(scenario, Policy(name="opened file", title="opened file", side=side, set=named))
    return scenario


@lru_cache(maxsize=64)
def decided(base: str, policy: str, levers: str, slow: tuple[str, ...]) -> tuple[Scenario, tuple[Levers, Levers], tuple]:
    """A scenario under a policy, opened levers and settings of decrees and parameters; levers by step; (stream, value) that are fixed."""
    scenario = experiments.load(base)
    if policy not in known_policies(tuple(scenario.sides)):
        raise UserError(f'There is no policy "{policy}" about {scenario.name}.')
    scenario = with_levers(overlay(scenario, load_policy(policy)), json.loads(levers))
    fixed: dict[str, float] = {}
    for text in slow:
        scenario, parameters_fixed = with_setting(scenario, text)
        fixed |= parameters_fixed
    steps = int(np.floor(experiments.weeks_between(scenario.start, scenario.end)))
    first, second = (experiments.side_levers(scenario, side, steps, 1.0) for side in scenario.sides)
    return scenario, (first, second), tuple(fixed.items())


def split(view: View, scenario: Scenario) -> tuple[list[Turn], tuple[str, ...], str]:
    """The settings that turn a path, the others, and the opened levers as a text."""
    levers = json.dumps(view.levers, sort_keys=True)
    if len(levers) > MOST_TEXT:
        raise UserError(f"levers: at most {MOST_TEXT:,} letters were expected.")
    for text in view.sets:
        if "=" not in text:
            raise UserError(f"sets: PATH=VALUE was expected, found {text}.")
    turns = [turn_of(text, scenario) for text in view.sets if is_turn(text, scenario)]
    return turns, tuple(text for text in view.sets if not is_turn(text, scenario)), levers


def step_of(count: int, day: datetime.date, start: datetime.date) -> int:
    """The first of `count` weeks in which a lever is turned from a day on."""
    return int(np.searchsorted((np.arange(count) + 1e-9) * 7, (day - start).days))


def turned(levers: Levers, turns: list[Turn], start: datetime.date) -> Levers:
    """Levers by step with some turned: the same as turned_scenario gives, without reading a scenario again."""
    arrays = {item.name: getattr(levers, item.name) for item in fields(Levers)}
    for turn in turns:
        array = np.array(arrays[turn.key])
        value = numbers(turn.value, turn.key, f"{turn.side}.levers.{turn.key}")
        first = step_of(len(array), turn.since, start)
        if turn.part:
            place = parts_of(turn.key).index(turn.part)
            array[first:, place] = value[place]
        else:
            array[first:] = value
        arrays[turn.key] = array
    if any(turn.key == "war" for turn in turns):
        raise UserError("war: whether there is a war is decided by a policy, not by a lever.")
    return Levers(**arrays)


def experiment_of(base: Experiment, name: str, view: View, draws: int) -> Experiment:
    """The base experiment (of scenario `name`) as a view asks for it."""
    turns, slow, opened = split(view, base.scenario)
    scenario, levers, fixed = decided(name, view.policy, opened, slow)
    ending = view.continuation or base.scenario.continuation
    by_side = [
        experiments.continued(
            turned(own, [turn for turn in turns if turn.side == side], base.start), base.observation_step, base.dt, ending
        )
        for side, own in zip(base.sides, levers, strict=True)
    ]
    happened = reference_levers(name, base.observation_step, ending)
    mine = by_side[0], by_side[1]
    return replace(
        base,
        scenario=scenario,
        structure=structure_of(view),
        policy=told(view),
        continuation=ending,
        levers=happened if experiments.same(mine, happened) else mine,
        base_levers=happened,
        fixed=dict(fixed),
        draws=draws,
    )


@lru_cache(maxsize=8)
def reference_levers(name: str, observed: int, ending: str) -> tuple[Levers, Levers]:
    """What was decided, by step."""
    first, second = (experiments.continued(own, observed, 1.0, ending) for own in decided(name, REFERENCE, "{}", ())[1])
    return first, second


def told(view: View) -> str:
    """A view in the words of the command line."""
    opened = [f"levers of {side} from a file" for side in view.levers]
    return " + ".join([view.policy, *opened, *view.sets])


def whole(base: Experiment, name: str, view: View) -> Experiment:
    """As experiment_of, with every setting written into the scenario and its text: what is saved and what a manifest keeps."""
    import hashlib

    turns, _, _ = split(view, base.scenario)
    held = experiment_of(base, name, view, base.draws)
    scenario = held.scenario
    for turn in turns:
        scenario = turned_scenario(scenario, turn)
    text = experiments.text_of(scenario)
    return replace(held, scenario=scenario, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
