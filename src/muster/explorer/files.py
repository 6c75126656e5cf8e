"""Files that a visitor saves, opens and exports. Nothing is read from or left on the server's disk; paths never come from the page."""

import csv
import datetime
import io
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from muster.assess import assess
from muster.errors import UserError
from muster.evidence import checked, parameters
from muster.experiment import text_of
from muster.explorer.answers import bands, course, days_of, horizon, labels_of, told_as
from muster.explorer.engine import Engine, Fan
from muster.explorer.view import Turn, View, told, turned_scenario, whole
from muster.layout import QUANTILES
from muster.lever_values import parts_of
from muster.output import RESULTS
from muster.reading import parse_yaml
from muster.report import page
from muster.results import Results
from muster.scenario import OverrideText, Scenario, check, load

FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEAD = "# Made by muster explore: {told}\n# muster run FILE{more} runs it; {how}.\n"
NOTES = ("set in the explorer", "set by the user")


def cell(value) -> str:
    """A cell that no spreadsheet takes for a formula; a number stays a number."""
    if isinstance(value, float | int):
        return f"{value:.6g}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def table(engine: Engine, found: Fan, path: str, since: bool, whole_run: bool) -> str:
    """The bands of a series week by week as CSV."""
    unit, scale, _ = told_as(path, since)
    weeks, text = horizon(engine, whole_run), io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["day", "side", "series", "unit", *(f"p{100 * level:.0f}" for level in QUANTILES), "settings"])
    settings = found.experiment.policy
    for label, side in zip(labels_of(engine), found.readings, strict=True):
        values = bands(course(side, path, since, scale)[:, :weeks])
        for day, numbers in zip(days_of(engine, weeks), values.T, strict=True):
            rows.writerow([cell(part) for part in (day, label, path, unit or "1", *map(float, numbers), settings)])
    return text.getvalue()


def scenario_of(engine: Engine, view: View) -> Scenario:
    """The scenario of a view: its levers, and fixed parameters as priors without spread."""
    held = whole(engine.base, engine.name, view)
    overrides = dict(held.scenario.overrides)
    for stream, number in held.fixed.items():
        scope, _, name = stream.partition("/")
        key = name if scope == "war" else f"{scope}.{name}"
        overrides[key] = OverrideText(
            value=number,
            range=(number, number),
            reason="set in the explorer",
            sources=[{"key": "user", "grade": "assumed"}],  # type: ignore[arg-type]
            prior="constant",
        )
    return held.scenario.model_copy(update={"overrides": overrides, "continuation": held.continuation})


def command(engine: Engine, view: View) -> str | None:
    """The view as a command line, nothing where it cannot be said in one: muster run knows no day of a turn and no levers of a file."""
    if view.levers or any("@" in text for text in view.sets):
        return None
    parts = [f"muster run {engine.base.name}"]
    parts += [f"--policy {view.policy}"] if view.policy != "as-happened" else []
    parts += [f"--continuation {view.continuation}"] if view.continuation else []
    parts += [structures_of(view)] if view.structure else []
    return " ".join([*parts, *(f'--set "{text}"' for text in view.sets)])


def structures_of(view: View) -> str:
    """The rival equations of a view as an option."""
    return f"--structures {','.join(f'{question}={answer}' for question, answer in view.structure.items())}"


def scenario_text(engine: Engine, view: View) -> str:
    """The scenario file of a view. Rival equations are no part of a scenario and stand in its first lines."""
    line, more = command(engine, view), f" {structures_of(view)}" if view.structure else ""
    how = "the command above runs it from the scenario of the library" if line else "no single command gives these settings without it"
    return HEAD.format(told=" ".join((line or told(view)).split()), more=more, how=how) + text_of(scenario_of(engine, view))


def opened(engine: Engine, text: str) -> dict[str, Any]:
    """A view from a scenario file of the same war: what its levers and fixed parameters say otherwise."""
    base, where = load(engine.name), "the opened file"
    scenario = checked(Scenario, parse_yaml(text, where), where)
    check(with_base_levers(scenario, base), where)
    for key in ("name", "start", "end", "last_observation", "ground", "events"):
        if getattr(scenario, key) != getattr(base, key):
            raise UserError(f"{where}, key {key}: it is of another war than {base.name}; start muster explore with this file instead.")
    levers: dict[str, dict[str, Any]] = {}
    sets: list[str] = []
    for side, own in scenario.sides.items():
        was = base.sides.get(side)
        if was is None or (own.label, own.regions, own.setting) != (was.label, was.regions, was.setting):
            raise UserError(f"{where}, key sides.{side}: of another war than {base.name}; start muster explore with this file.")
        for key, lever in own.levers.items():
            if plain(lever) == plain(was.levers.get(key)):
                continue
            turns = as_sets(base, side, key, lever)
            if turns is None:
                levers.setdefault(side, {})[key] = plain(lever)
            else:
                sets += turns
    sets += fixed_of(scenario, base)
    ending = None if scenario.continuation == base.continuation else scenario.continuation
    return View(sets=tuple(sets), levers=levers, continuation=ending).model_dump(mode="json")


def with_base_levers(scenario: Scenario, base: Scenario) -> Scenario:
    """The scenario with the base's levers where it names none."""
    sides = {
        name: side.model_copy(update={"levers": (base.sides[name].levers if name in base.sides else {}) | side.levers})
        for name, side in scenario.sides.items()
    }
    return scenario.model_copy(update={"sides": sides})


def plain(data) -> Any:
    """Data as JSON has it: days as texts."""
    return json.loads(json.dumps(data, default=str, sort_keys=True), parse_float=float) if not has_days(data) else plain(dated(data))


def has_days(data) -> bool:
    """Whether any key is a day."""
    if isinstance(data, dict):
        return any(isinstance(key, datetime.date) or has_days(value) for key, value in data.items())
    return isinstance(data, list) and any(has_days(item) for item in data)


def dated(data):
    """The same with days as texts for keys."""
    if isinstance(data, dict):
        return {str(key): dated(value) for key, value in data.items()}
    return [dated(item) for item in data] if isinstance(data, list) else data


def as_sets(base: Scenario, side: str, key: str, lever) -> list[str] | None:
    """The turns that make a lever out of the base's, nothing where it is none of the explorer's."""
    if not isinstance(lever, dict) or lever.get("source", {}).get("note") not in NOTES or key.endswith("decree") or key == "withdrawals":
        return None
    path: dict[str, Any] = {str(day): value for day, value in (lever.get("path") or {base.start: lever.get("value")}).items()}
    before: dict[str, Any] = plain(base.sides[side].levers[key]).get("path") or {}
    for day in [day for day in path if day not in before or path[day] != before[day]] or list(path):
        since = datetime.date.fromisoformat(day)
        parts = parts_of(key)
        values = [(part, path[day][part]) for part in parts] if isinstance(path[day], dict) else [(None, path[day])]
        held = held_at(base.sides[side].levers[key], since)
        changed = [(part, value) for part, value in values if part is None or value != (held[part] if isinstance(held, dict) else held)]
        candidate, texts = base, []
        for part, value in changed:
            try:
                candidate = turned_scenario(candidate, Turn(side, key, part, str(value), since))
            except (UserError, KeyError, IndexError):
                break
            at = f"@{day}" if since > base.start else ""
            texts.append(f"{side}.levers.{key}{f'.{part}' if part else ''}={value}{at}")
        if texts and plain(candidate.sides[side].levers[key]) == plain(lever):
            return texts
    return None


def held_at(lever: dict, day: datetime.date):
    """The value that a lever as it is written has on a day."""
    path = {str(since): value for since, value in (lever.get("path") or {"": lever.get("value")}).items()}
    return [value for since, value in path.items() if since <= day.isoformat()][-1]


def fixed_of(scenario: Scenario, base: Scenario) -> list[str]:
    """Parameters that the file fixes; another prior of one's own is not for the explorer to take over."""
    found = []
    for key, entry in scenario.overrides.items():
        if entry == base.overrides.get(key):
            continue
        subsystem, name = key.split(".")[-2:]
        if entry.prior != "constant" or name not in parameters().get(subsystem, {}):
            raise UserError(f"the opened file, key overrides.{key}: only a number without spread can be taken over (prior: constant).")
        found.append(f"{key}={entry.value}")
    return found


def results_file(engine: Engine, view: View, found: Fan) -> bytes:
    """results.nc of a view."""
    named = replace(whole(engine.base, engine.name, view), draws=found.experiment.draws)
    results = Fan(named, found.readings, found.regional).results
    return saved(results)


def saved(results: Results) -> bytes:
    """results.nc, made in a folder of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="muster-") as folder:
        results.save(Path(folder) / "run")
        return (Path(folder) / "run" / RESULTS).read_bytes()


def report_file(engine: Engine, view: View, draws: int) -> bytes:
    """report.html of a view: all claims judged on its scenario, with the draws of the shipped fit."""
    begun, settings = time.monotonic(), told_whole(view)
    with tempfile.TemporaryDirectory(prefix="muster-") as folder:
        path = Path(folder) / f"{engine.base.name}.yaml"
        path.write_text(scenario_text(engine, view), encoding="utf-8")
        structures = ",".join(f"{question}={answer}" for question, answer in view.structure.items()) or "default"
        judgement = assess(str(path), draws, engine.base.seed, structures=structures, posterior=engine.base.posterior)
    return page(judgement, seconds=time.monotonic() - begun, told=settings).encode()


def told_whole(view: View) -> str:
    """A view in words, with its ending and its rival equations, nothing where nothing differs from what was decided."""
    more = [f"ending: {view.continuation}"] if view.continuation else []
    more += [structures_of(view)] if view.structure else []
    return "" if view == View() else " + ".join([told(view), *more])


def file_of(engine: Engine, kind: str, view: View, found: Fan | None, path: str, since: bool, whole_run: bool) -> tuple[bytes, str]:
    """The bytes of a file and its media type."""
    if kind == "scenario.yaml":
        return scenario_text(engine, view).encode(), "application/yaml"
    if kind == "report.html":
        return report_file(engine, view, engine.draws), "text/html"
    if found is None:
        raise UserError(f"{kind}: there is no such file.")
    if kind == "csv":
        return table(engine, found, path, since, whole_run).encode(), "text/csv"
    return results_file(engine, view, found), "application/x-netcdf"
