"""Historical cases: a table of belligerents in closed wars, and each of them as a scenario of the same model.

library/cases/cases.csv or a user's own file with the same columns -> Case; library/cases/war.yaml is what all are given alike.
A case gives people, men mobilised, training, ratio of forces, groups of second standing, dates and dead. What came of it (army,
regime, break-up) is never given: `muster validate cases` asks the model for it.
"""

import csv
import datetime
import io
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from muster.errors import UserError
from muster.evidence import Strict, checked, library
from muster.experiment import Experiment, build
from muster.reading import read_text, read_yaml
from muster.scenario import OverrideText, Scenario, Sourced, scenario_from

LONGEST = datetime.timedelta(weeks=702)  # every case runs as long, so that one compiled program serves all
AFTER = 52  # weeks after the end that count: what fell or broke up within a year belongs to the war
NEEDED = "case_id war start end population_m mobilized_m deaths_k army_code regime_code secession_code".split()
OWN, OPPONENT = "own", "opponent"
LEAST_FRONT = 20.0  # km
WIDTH = 1.3  # of the 90 % range of the men under arms on the first day, either way


@dataclass(frozen=True)
class Case:
    """A belligerent in a closed war. Codes: 0 held or none, 1 in part, 2 and more as in docs/cases.md; None where nothing is known."""

    name: str
    war: str
    start: datetime.date
    end: datetime.date
    people: float  # person
    mobilised: float  # person, of the whole war
    dead: float  # person, of all causes
    training: tuple[float | None, float | None]  # week, before the war and late in it
    ratios: tuple[float | None, float | None]  # own over the opponent's men, early and late
    noncore: float | None  # share of people in groups of second standing before the war
    captured: float | None  # per 100 dead
    deserters: float | None  # share of the men mobilised
    army: tuple[int, int]  # code, and the other defensible one
    regime: tuple[int, int]
    secession: tuple[int, int]
    broke_on: datetime.date | None
    fell_on: datetime.date | None

    @property
    def weeks(self) -> int:
        """Weeks of the war."""
        return (self.end - self.start).days // 7

    @property
    def group(self) -> str:
        """The war without what stands in brackets: belligerents of one war are not independent."""
        return self.war.split("(")[0].strip()


@dataclass(frozen=True)
class Army:
    """What a side puts into the field."""

    at_start: float  # person under arms on the first day
    mobilised: float  # person, of the whole war


class Alike(Strict):
    """What every case is given alike: library/cases/war.yaml."""

    people: float
    men_per_km: Sourced
    at_start: Sourced
    in_theatre: Sourced
    largest: Sourced
    longest_training: Sourced
    unknown: dict[str, Sourced]
    ground: dict[str, Sourced]
    setting: dict[str, Sourced]
    call_up_age: Sourced
    people_per_km2: Sourced
    levers: dict[str, Sourced]
    by_men: dict[str, OverrideText]
    by_front: dict[str, OverrideText]
    by_density: dict[str, OverrideText]
    intensity: Sourced
    overrides: dict[str, OverrideText]


@cache
def alike() -> Alike:
    """The library's values for every case."""
    path = library() / "cases" / "war.yaml"
    return checked(Alike, read_yaml(path), path.name)


def number(entry: Sourced) -> float:
    """A value of the library as a number."""
    assert isinstance(entry.value, (int, float))
    return float(entry.value)


def load(where: Path | None = None) -> tuple[list[Case], dict[str, str]]:
    """The closed cases of the library, or of a file or a folder that holds cases.csv; and why others are left out, by name."""
    path = where or library() / "cases"
    path = path / "cases.csv" if path.is_dir() else path
    rows = list(csv.DictReader(io.StringIO(read_text(path).removeprefix("\ufeff"), newline="")))
    lacking = [name for name in NEEDED if not rows or name not in rows[0]]
    if lacking:
        raise UserError(f"{path}: the column {lacking[0]} is missing, or there is no row; needed: {', '.join(NEEDED)}.")
    found, left_out = [], {}
    for line, cells in enumerate(rows, start=2):
        row = Row(cells, f"{path}, line {line}")
        reason = row.unusable()
        if reason:
            left_out[row.text("case_id")] = reason
        else:
            found.append(row.case())
    if not found:
        raise UserError(f"{path}: no case can be used; {'; '.join(f'{name}: {reason}' for name, reason in left_out.items())}.")
    return found, left_out


class Row:
    """A line of the table."""

    def __init__(self, cells: dict[str, Any], where: str):
        self.cells, self.where = cells, where

    def text(self, column: str) -> str:
        """A cell; empty where the column is missing."""
        found = self.cells.get(column)
        return found.strip() if isinstance(found, str) else ""

    def number(self, column: str, least: float = 0.0, most: float = 1e5) -> float | None:
        """A number between two others, or nothing."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise UserError(
                f'{self.where}, column {column}: a number from {least:g} to {most:g} or nothing was expected, found "{text[:40]}".'
            )
        return value

    def unusable(self) -> str | None:
        """Why the case is left out, if it is: it is not closed, too long or short, or lacks a number that must be there."""
        if self.text("censored") not in ("", "0"):
            return "the war is not closed"
        empty = [name for name in NEEDED if not self.text(name)]
        if empty:
            return f"{empty[0]} is empty"
        start, end = self.date("start"), self.date("end")
        if start and end and end - start > LONGEST - datetime.timedelta(weeks=AFTER):
            return f"it lasted more than {LONGEST.days // 7 - AFTER} weeks"
        if start and end and datetime.timedelta() < end - start < datetime.timedelta(weeks=1):
            return "it lasted less than a week"
        return None

    def needed(self, column: str, least: float, most: float) -> float:
        """A number that is there (unusable() has looked)."""
        value = self.number(column, least, most)
        assert value is not None
        return value

    def date(self, column: str) -> datetime.date | None:
        """A date, or nothing."""
        text = self.text(column)
        try:
            return datetime.date.fromisoformat(text) if text else None
        except ValueError:
            raise UserError(f'{self.where}, column {column}: a date such as 1914-08-01 was expected, found "{text[:40]}".') from None

    def codes(self, column: str) -> tuple[int, int]:
        """A code and the other defensible one, which is the same where there is none."""
        main = int(self.needed(column, 0, 3))
        other = self.number(f"{column}_alt", 0, 3)
        return main, main if other is None else int(other)

    def case(self) -> Case:
        """The case of this line."""
        start, end = self.date("start"), self.date("end")
        if start is None or end is None or end <= start:
            raise UserError(f"{self.where}, columns start and end: a later date at the end was expected.")
        people = self.needed("population_m", 0.01, 5_000) * 1e6
        early, late = (self.number(f"force_ratio_{when}", 0.001, 1000) for when in ("early", "late"))
        noncore, deserters = self.number("noncore_pop_pct", 0, 100), self.number("deserters_pct_mobilized", 0, 100)
        return Case(
            name=self.text("case_id"),
            war=self.text("war"),
            start=start,
            end=end,
            people=people,
            mobilised=self.needed("mobilized_m", 0.001, people / 2.5e6) * 1e6,
            dead=self.needed("deaths_k", 0.01, people / 1e4) * 1e3,
            training=(self.number("training_weeks_prewar", 0, 520), self.number("training_weeks_late", 0, 520)),
            ratios=(early or late, late or early),
            noncore=None if noncore is None else noncore / 100,
            captured=self.number("captured_per_100_dead"),
            deserters=None if deserters is None else deserters / 100,
            army=self.codes("army_code"),
            regime=self.codes("regime_code"),
            secession=self.codes("secession_code"),
            broke_on=self.date("army_onset_date"),
            fell_on=self.date("regime_fall_date"),
        )


def experiment_of(case: Case, intensity: float, draws: int, seed: int) -> Experiment:
    """The case as an experiment of prior draws at an intensity of fighting; nothing that happened is conditioned on."""
    made = build(scenario_of(case, intensity), draws=draws, seed=seed, posterior=None)
    return replace(made, observation_step=1)


def scenario_of(case: Case, intensity: float) -> Scenario:
    """The case and an opponent of the size that the ratios of forces give, at an intensity of fighting.

    The ratio early in the war sets what the opponent has on the first day, the late one how many it mobilises in all.
    """
    given = alike()
    early, late = (ratio or number(given.unknown["force_ratio"]) for ratio in case.ratios)
    at_start = number(given.at_start)
    own = Army(case.mobilised * at_start, case.mobilised)
    opponent = Army(own.at_start / early, max(case.mobilised / late, own.at_start / early))
    front = max(LEAST_FRONT, (own.at_start + opponent.at_start) / 2 * number(given.in_theatre) / number(given.men_per_km))  # km
    noncore = number(given.unknown["noncore_share"])
    people = case.people * opponent.mobilised / own.mobilised
    sides = {
        OWN: side_of(case, case.people, own, noncore if case.noncore is None else case.noncore, case.training, front, intensity),
        OPPONENT: side_of(case, people, opponent, noncore, (None, None), front, intensity),
    }
    overrides = {key: override.model_dump() for key, override in given.overrides.items()}
    overrides |= {key: times(override, front) for key, override in given.by_front.items()}
    overrides |= {key: times(override, number(given.men_per_km)) for key, override in given.by_density.items()}
    for side, army in ((OWN, own), (OPPONENT, opponent)):
        overrides |= {f"{side}.{key}": times(override, army.at_start) for key, override in given.by_men.items()}
        overrides |= on_the_first_day(side, army)
    return scenario_from(
        {
            "name": case.name,
            "title": case.war,
            "start": case.start,
            "end": case.start + LONGEST,
            "last_observation": case.start + LONGEST,  # the paths of the file hold to the end
            "ground": {"front_length": scaled(given.men_per_km, front / number(given.men_per_km))}
            | {key: scaled(entry, 1 if key == "attack_width" else front) for key, entry in given.ground.items()},
            "sides": sides,
            "overrides": overrides,
        },
        f"case {case.name}",
    )


def times(override: OverrideText, factor: float) -> dict:
    """An override whose value and range are so many times as large."""
    text = override.model_dump()
    return text | {"value": factor * text["value"], "range": tuple(factor * bound for bound in text["range"])}


def scaled(entry: Sourced, factor: float) -> dict:
    """A value, or lists of values, times a factor, with its source."""

    def product(value):
        return [product(part) for part in value] if isinstance(value, list) else factor * value

    return {"value": product(entry.value), "source": entry.source.model_dump()}


def side_of(
    case: Case, people: float, army: Army, noncore: float, training: tuple[float | None, float | None], front: float, intensity: float
) -> dict:
    """One side: the people of war.yaml scaled, in two regions, and its levers by the dates of the war."""
    given, factor = alike(), people / alike().people
    inside = min(max(noncore, 0.01), 0.99)
    shares = (1 - inside, inside)
    source = given.at_start.source.model_dump()
    setting = {key: scaled(entry, factor) for key, entry in given.setting.items()}
    for key in ("men", "women"):
        setting[key]["value"] = [scaled(given.setting[key], factor * share)["value"] for share in shares]
    area = scaled(given.ground["total_area"], front / 2)
    regions = {
        "titular_share": [-float(np.sqrt(inside / (1 - inside))), float(np.sqrt((1 - inside) / inside))],  # standardised over people
        "has_hazard": [0, 1],
        "titular_groups": [0, 1],
        "neighbours": [[0, 1], [1, 0]],
    }
    two_regions = given.unknown["noncore_share"].source.model_dump()
    setting |= {key: {"value": value, "source": two_regions} for key, value in regions.items()}
    home = {"value": people / number(given.people_per_km2), "source": given.people_per_km2.source.model_dump()}
    setting |= {"call_up_age": given.call_up_age.model_dump(), "area": area, "home_area": home}
    before, late = (
        min(number(given.unknown[key]) if weeks is None else weeks, number(given.longest_training))
        for key, weeks in zip(("training_weeks_prewar", "training_weeks_late"), training, strict=True)
    )
    middle = case.start + (case.end - case.start) / 2
    levers = {key: entry.model_dump() for key, entry in given.levers.items()} | {
        "war": {"path": {case.start: 1, case.end: 0}, "source": source},
        "establishment": {"value": army.mobilised, "source": source},
        "decree": {
            "date": case.start,
            "announced": army.mobilised - army.at_start,
            "duration": case.weeks,
            "source": source,
        },
        "course_length": {"path": {case.start: before, middle: late}, "between": "linear", "source": source},
        "intensity": {"value": intensity, "source": given.intensity.source.model_dump()},
        "theatre_share": given.in_theatre.model_dump(),
        "theatre_goal_share": scaled(given.largest, number(given.in_theatre)),
    }
    return {"label": case.name, "setting": setting, "levers": levers}


def on_the_first_day(side: str, army: Army) -> dict[str, dict]:
    """Men in the theatre and outside it on the first day."""
    given, found = alike(), {}
    share = number(given.in_theatre)
    for name, part in (("theatre_at_start", share), ("rear_at_start", 1 - share)):
        value = army.at_start * part
        found[f"{side}.front.{name}"] = {
            "value": value,
            "range": (value / WIDTH, value * WIDTH),
            "reason": "a share of the men mobilised in the whole war",
            "sources": [given.at_start.source.model_dump()],
        }
    return found
