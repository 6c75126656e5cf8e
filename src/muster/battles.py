"""Battles: the table of outside data as numbers, with the traps of such tables kept apart from what was known before the fight.

Columns are those of cdb90/battles_wide.csv. Judged scores and what was known only afterwards are read, but stand in arrays of their own.
"""

import csv
import datetime
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from muster.data import COLUMNS, file
from muster.errors import UserError

ERAS = ("1600-1791", "1792-1860", "1861-1913", "1914-1918", "1919-1945", "since 1946")
ERA_STARTS = (1792, 1861, 1914, 1919, 1946)
POSTURES = ("hasty", "prepared", "fortified", "delay")  # of the defender
POSTURE_CODES = {"HD": 0, "PD": 1, "FD": 2, "DL": 3, "WD": 3}
GROUND = ("rugged", "flat", "wooded", "bare", "urban", "wet", "winter")
MATERIEL = ("tanks", "guns", "sorties", "cavalry")
SCORES = ("cea", "leada", "trnga", "morala", "logsa", "momnta", "intela", "techa", "inita")
NEEDED = "isqno war4 war3 parent post1 wina actors_att actors_def str_att str_def cas_att cas_def datetime_min".split()
LARGEST_SHARE = 0.98  # a side that lost all, or prisoners beyond its first strength, is read as having lost this share
USUAL_ERROR = 0.15  # greatest judged error of a strength where none is recorded: the median of those that are
REFERENCE_DENSITY = 4000.0  # person/km of one side: about the median
REFERENCE_STRENGTH = 1e4  # person: the size at which intensity is stated


@dataclass(frozen=True)
class Battles:
    """One entry a battle in each array; NaN where the source has nothing."""

    number: np.ndarray  # the source's
    war: np.ndarray  # names
    attacker: np.ndarray  # belligerent and war
    defender: np.ndarray
    year: np.ndarray
    era: np.ndarray  # index into ERAS
    whole: np.ndarray  # True for a battle whose parts stand in the table too
    posture: np.ndarray  # [battle, posture] shares
    strength: np.ndarray  # [battle, side] person; the attacker first
    losses: np.ndarray  # [battle, side] person
    strength_error: np.ndarray  # [battle] log s.d. of the ratio of strengths
    ground: np.ndarray  # [battle, GROUND]
    materiel: np.ndarray  # [battle, MATERIEL] attacker over defender, logs
    density: np.ndarray  # log of men of one side per km over the reference; 0 where unknown
    men_per_km: np.ndarray  # [battle] person/km, men of one side, mean of both
    outcome: np.ndarray  # 1 attacker won, -1 lost, 0 drawn: known afterwards
    days: np.ndarray  # days touched: known afterwards
    surprise: np.ndarray  # -1 to 1 for the attacker: known afterwards
    air: np.ndarray  # -1 to 1: known afterwards
    scores: np.ndarray  # [battle, SCORES] judged afterwards

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows) -> "Battles":
        """Some of the battles."""
        return Battles(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def log_ratio(self) -> np.ndarray:
        """Log of the attacker's over the defender's men."""
        return np.log(self.strength[:, 0] / self.strength[:, 1])

    @property
    def log_size(self) -> np.ndarray:
        """Log of the geometric mean of both strengths over the reference."""
        return np.log(self.strength / REFERENCE_STRENGTH).mean(axis=1)

    @property
    def shares(self) -> np.ndarray:
        """Share lost [battle, side]: losses over strength, at most LARGEST_SHARE."""
        return np.minimum(self.losses / self.strength, LARGEST_SHARE)

    @property
    def log_hazard(self) -> np.ndarray:
        """Log of the cumulated loss rate [battle, side]: share lost = 1 - exp(-hazard), as in the front."""
        return np.log(-np.log1p(-self.shares))

    @property
    def decided(self) -> np.ndarray:
        """True where one side won."""
        return self.outcome != 0


def load(where: Path | None = None) -> Battles:
    """The battles of a folder that holds battles_wide.csv (or cdb90/battles_wide.csv), else of the folder of outside data."""
    if where is None:
        return read(file("battles", "battles_wide.csv"))
    for path in (where, where / "battles_wide.csv", where / "cdb90" / "battles_wide.csv"):
        if path.is_file():
            return read(path)
    raise UserError(f"{where} holds no battles_wide.csv: name a folder that does, or run `muster data fetch battles`.")


def read(path: Path) -> Battles:
    """The battles of a table with the columns of battles_wide.csv; rows without two strengths are left out."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            lacking = [name for name in NEEDED if name not in (reader.fieldnames or [])]
            if lacking:
                raise UserError(f"{path}: the column {lacking[0]} is missing; the columns of battles_wide.csv were expected.")
            rows = [{name: row.get(name) or "" for name in COLUMNS} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise UserError(f"{path} cannot be read as a CSV file in UTF-8 ({problem}).") from None
    columns = Columns(path, rows)
    strength = columns.sides("str")
    usable = np.all(np.nan_to_num(strength) > 0, axis=1) & np.isfinite(columns.years())
    if not usable.any():
        raise UserError(f"{path}: no battle has a date and the strengths of both sides.")
    return assemble(columns, strength).take(usable)


class Columns:
    """The columns of a table as numbers."""

    def __init__(self, path: Path, rows: list[dict[str, str]]):
        self.path, self.rows = path, rows

    def text(self, name: str) -> np.ndarray:
        """A column as it stands."""
        return np.array([row[name] for row in self.rows], dtype=object)

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers; NaN where it is empty."""
        values = np.full(len(self.rows), np.nan)
        for index, row in enumerate(self.rows):
            try:
                values[index] = float(row[name]) if row[name] else np.nan
            except ValueError:
                raise UserError(f'{self.path}, line {index + 2}, column {name}: a number was expected, found "{row[name]}".') from None
        return values

    def sides(self, name: str) -> np.ndarray:
        """A column of both sides [battle, side], the attacker first."""
        return np.stack([self.numbers(f"{name}_att"), self.numbers(f"{name}_def")], axis=1)

    def dates(self, name: str) -> list[datetime.date | None]:
        """A column of dates."""
        found: list[datetime.date | None] = []
        for index, row in enumerate(self.rows):
            try:
                found.append(datetime.date.fromisoformat(row[name][:10]) if row[name] else None)
            except ValueError:
                raise UserError(f'{self.path}, line {index + 2}, column {name}: a date was expected, found "{row[name]}".') from None
        return found

    def years(self) -> np.ndarray:
        """Year of the first day, else of the last."""
        pairs = zip(self.dates("datetime_min"), self.dates("datetime_max"), strict=True)
        return np.array([(first or last).year if first or last else np.nan for first, last in pairs], dtype=float)  # type: ignore[union-attr]

    def days(self) -> np.ndarray:
        """Days from first to last, both counted."""
        pairs = zip(self.dates("datetime_min"), self.dates("datetime_max"), strict=True)
        return np.array([(last - first).days + 1 if first and last else np.nan for first, last in pairs], dtype=float)

    def posture(self) -> np.ndarray:
        """Shares of the defender's postures [battle, posture]; two postures count half each, none is read as hasty."""
        shares = np.zeros((len(self.rows), len(POSTURES)))
        for index, row in enumerate(self.rows):
            codes = [POSTURE_CODES[row[name]] for name in ("post1", "post2") if row[name] in POSTURE_CODES] or [0]
            for code in codes:
                shares[index, code] += 1 / len(codes)
        return shares

    def ground(self) -> np.ndarray:
        """Terrain, weather and season [battle, GROUND] as 0 and 1."""
        kind, cover, more, rain, season = (self.text(name) for name in ("terra1", "terra2", "terra3", "wx1", "wx4"))
        marks = (kind == "G", kind == "F", cover == "W", (cover == "B") | (cover == "D"), more == "U", rain == "W", season == "W")
        return np.stack(marks, axis=1).astype(float)

    def materiel(self, strength: np.ndarray) -> np.ndarray:
        """Logs of tanks, guns, sorties and cavalry per thousand men, attacker over defender [battle, MATERIEL]; 0 where unknown."""
        found = []
        for name, scale in (("tank", 1.0), ("arty", 1.0), ("fly", 1.0), ("cav", 100.0)):
            per_thousand = 1000 * np.maximum(self.sides(name), 0) / strength / scale
            found.append(np.nan_to_num(np.diff(np.log1p(per_thousand), axis=1)[:, 0] * -1))
        return np.stack(found, axis=1)


def era_of(years: np.ndarray) -> np.ndarray:
    """Index into ERAS of each year."""
    return np.searchsorted(np.array(ERA_STARTS), np.nan_to_num(years), side="right")


def assemble(columns: Columns, strength: np.ndarray) -> Battles:
    """The record of a table."""
    war = np.where(columns.text("war4") != "", columns.text("war4"), columns.text("war3"))
    numbers, years = columns.text("isqno"), columns.years()
    attacked, defended = columns.numbers("wofa"), columns.numbers("wofd")
    widths = np.where(np.isnan(attacked), defended, np.where(np.isnan(defended), attacked, (attacked + defended) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        men_per_km = strength.mean(axis=1) / np.where(widths > 0, widths, np.nan)
        judged = [np.abs(columns.sides(name)) / 100 for name in ("strpl", "strmi")]
        error = np.where(np.isfinite(judged[0] + judged[1]) & (judged[0] + judged[1] > 0), (judged[0] + judged[1]) / 2, USUAL_ERROR)
        density = np.log(men_per_km / REFERENCE_DENSITY)
        materiel = columns.materiel(strength)
    parents = {parent for parent in columns.text("parent") if parent}
    return Battles(
        number=numbers,
        war=war,
        attacker=columns.text("actors_att") + " | " + war,
        defender=columns.text("actors_def") + " | " + war,
        year=years,
        era=era_of(years),
        whole=np.array([number in parents for number in numbers]),
        posture=columns.posture(),
        strength=strength,
        losses=np.where(columns.sides("cas") > 0, columns.sides("cas"), np.nan),
        strength_error=np.sqrt(np.sum((error / 2) ** 2, axis=1)),  # the greatest judged error is read as two standard deviations
        ground=columns.ground(),
        materiel=materiel,
        density=np.nan_to_num(density),
        men_per_km=men_per_km,
        outcome=np.nan_to_num(columns.numbers("wina")),
        days=columns.days(),
        surprise=np.nan_to_num(columns.numbers("surpa")) / 3,
        air=np.nan_to_num(columns.numbers("aeroa")),
        scores=np.stack([columns.numbers(name) for name in SCORES], axis=1),
    )
