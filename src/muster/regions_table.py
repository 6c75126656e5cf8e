"""Tables of regions: one row a region, read and checked at the door.

library/regions/<country>.csv, or a user's own file with the same columns -> RegionsTable. An empty cell is a number that is not
known, NaN here; it becomes a prior in the model, never a zero. docs/regions-tables.md says what each column means.
"""

import csv
import datetime
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from muster.errors import UserError, nearest
from muster.evidence import Grade, Strict, checked, sources
from muster.reading import read_text, read_yaml

LARGEST_TABLE = 200  # regions
LARGEST_NUMBER = 10_000_000_000  # persons of a region: more than there are on earth
LARGEST_TILE = 99  # rows and columns of a grid of tiles
LONGEST_TEXT = 80  # characters of a name
MEN_AGES = tuple(range(15, 65, 5))  # first years of the ten five-year bands
WOMEN_AGES = MEN_AGES[:7]

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
TILE = re.compile(r"[0-9]{1,2}", re.ASCII)

Kind = Literal["identifier", "name", "text", "tile", "persons", "ratio", "share", "flag", "neighbours"]
EXPECTED: dict[str, str] = {
    "identifier": "a word of letters, digits, - and _ (at most 40) was expected",
    "name": f"a text of 1 to {LONGEST_TEXT} printable characters was expected",
    "text": f"a text of at most {LONGEST_TEXT} printable characters, or nothing, was expected",
    "tile": f"a whole number from 0 to {LARGEST_TILE} was expected",
    "persons": f"a number from 0 to {LARGEST_NUMBER:,}, or an empty cell where it is not known, was expected",
    "ratio": f"a number above 0 (at most {LARGEST_NUMBER:,}), or an empty cell where it is not known, was expected",
    "share": "a share from 0 to 1, or an empty cell where it is not known, was expected",
    "flag": "0, 1, or an empty cell where it is not known, was expected",
}


@dataclass(frozen=True)
class Column:
    """What one column holds: the only home of its unit and meaning."""

    unit: str
    meaning: str
    kind: Kind


MEN = {f"men_{age}_{age + 4}": Column("person", f"men of {age} to {age + 4} years", "persons") for age in MEN_AGES}
WOMEN = {f"women_{age}_{age + 4}": Column("person", f"women of {age} to {age + 4} years", "persons") for age in WOMEN_AGES}
COLUMNS: dict[str, Column] = {
    "id": Column("text", "code of the region (ISO 3166-2 where there is one)", "identifier"),
    "name": Column("text", "name in English", "name"),
    "district": Column("text", "larger part of the country that the region belongs to", "text"),
    "row": Column("1", "row of the region's tile on the grid, 0 in the north", "tile"),
    "column": Column("1", "column of the region's tile on the grid, 0 in the west", "tile"),
    **MEN,
    **WOMEN,
    "others": Column("person", "everybody else: children, women from 50 on, men from 65 on", "persons"),
    "urban_share": Column("1", "share of people who live in towns", "share"),
    "income": Column("1", "money income per head over the region's subsistence minimum, national mean 1", "ratio"),
    "nominal_income": Column("1", "money income per head, national mean 1", "ratio"),
    "poverty_rate": Column("1", "share of people below the poverty line", "share"),
    "unemployment_rate": Column("1", "unemployed of the labour force", "share"),
    "titular_people": Column("text", "people after whom the region is named; empty where there is none", "text"),
    "titular_share": Column("1", "share of the titular people; empty where there is none or it is not known", "share"),
    "core_share": Column("1", "share of the people after whom the country is named", "share"),
    "autonomy_event": Column(
        "1", "1 where since 1990 a republic, sovereignty or independence was claimed or a status conflict was armed, else 0", "flag"
    ),
    "external_border": Column("1", "1 where the region has a land, river or lake border with another state, else 0", "flag"),
    "held_by_enemy": Column("1", "share of the region's area under the other side's control on the date of the table", "share"),
    "exposure": Column("1", "weight of the region in fire and new occupation, 1 where fought over", "ratio"),
    "garrison": Column("person", "men of brigades and regiments of ground, airborne and naval troops there at the start", "persons"),
    "neighbours": Column("text", "codes of the neighbours within the table, separated by blanks", "neighbours"),
}
MAY_BE_MISSING = ("garrison",)  # a column that came later: a table without it is one where it is not known
Rights = Literal["open", "official", "fact", "own"]  # `local` is never shipped


@dataclass(frozen=True, eq=False)
class RegionsTable:
    """Regions in the order of their file; numbers are NaN where not known, arrays cannot be written to."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    districts: tuple[str, ...]
    tiles: np.ndarray  # [region, 2] row and column
    men: np.ndarray  # [region, 10] person
    women: np.ndarray  # [region, 7] person
    others: np.ndarray  # [region] person
    urban_share: np.ndarray  # [region] 1
    income: np.ndarray  # [region] 1
    nominal_income: np.ndarray  # [region] 1
    poverty_rate: np.ndarray  # [region] 1
    unemployment_rate: np.ndarray  # [region] 1
    titular_people: tuple[str, ...]  # empty where there is none
    titular_share: np.ndarray  # [region] 1
    core_share: np.ndarray  # [region] 1
    autonomy_event: np.ndarray  # [region] 1
    external_border: np.ndarray  # [region] 1
    held_by_enemy: np.ndarray  # [region] 1
    exposure: np.ndarray  # [region] 1
    garrison: np.ndarray  # [region] person
    neighbours: tuple[tuple[str, ...], ...]
    neighbour_matrix: np.ndarray  # [region, region] 1, each row sums to 1, or to 0 without neighbours


class ColumnSource(Strict):
    """Where a column of one table comes from."""

    unit: str
    meaning: str
    source: str
    grade: Grade
    rights: Rights
    note: str | None = None


class Description(Strict):
    """What stands beside a table: <table>.yaml."""

    title: str
    date: datetime.date
    note: str
    columns: dict[str, ColumnSource]


def describe(path: Path) -> Description:
    """The description beside a table of the library: a source, a grade and a rights word for each column."""
    found = checked(Description, read_yaml(path), path.name)
    for name in found.columns:
        if name not in COLUMNS:
            raise UserError(f"{path.name}, columns: {name} is no column of a table of regions.{nearest(name, COLUMNS)}")
    for name, column in COLUMNS.items():
        if name not in found.columns:
            raise UserError(f"{path.name}, columns: {name} is missing.")
        given = found.columns[name]
        if (given.unit, given.meaning) != (column.unit, column.meaning):
            expected = f"unit and meaning must be those of regions_table.py ({column.unit}; {column.meaning})"
            raise UserError(f"{path.name}, columns, {name}: {expected}.")
        if given.source not in sources():
            raise UserError(f"{path.name}, columns, {name}: sources.yaml has no entry {given.source!r}.{nearest(given.source, sources())}")
    return found


def wrong(path: Path, line: int, column: str, expected: str, found: str | None = None) -> UserError:
    """The error for one cell."""
    seen = "" if found is None else f', found "{found[:40]}"'
    return UserError(f"{path}, line {line}, column {column}: {expected}{seen}.")


def lines_of(path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a CSV file that are not blank, each with its number."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; a table of regions (CSV) was expected.")
    text = read_text(path).removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as problem:
        raise UserError(f"{path}, line {reader.line_num}: not valid CSV ({problem}).") from None


def heading(path: Path, line: int, cells: list[str]) -> list[str]:
    """The names of the columns: each of COLUMNS once (but those that may be missing), in any order."""
    if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
        raise UserError(f"{path}, line {line}: the columns must be separated by commas.")
    for place, name in enumerate(cells):
        if name not in COLUMNS:
            known = f"{nearest(name, COLUMNS)} Known columns: {', '.join(COLUMNS)}."
            raise UserError(f'{path}, line {line}: unknown column "{name[:40]}".{known}')
        if name in cells[:place]:
            raise UserError(f"{path}, line {line}: the column {name} stands twice.")
    missing = [name for name in COLUMNS if name not in cells and name not in MAY_BE_MISSING]
    if missing:
        raise UserError(f"{path}, line {line}: missing columns: {', '.join(missing)}; leave cells empty where nothing is known.")
    return cells


def number(text: str) -> float:
    """A number as it stands in a cell; NaN for an empty one, infinite for what is no number."""
    if not text:
        return float("nan")
    return float(text) if NUMBER.fullmatch(text) else float("inf")


def fits(kind: Kind, text: str) -> bool:
    """Whether a cell holds what its kind of column needs."""
    if kind == "neighbours":
        return True  # checked when all the rows are known
    if kind in ("name", "text"):
        return text.isprintable() and len(text) <= LONGEST_TEXT and (kind == "text" or bool(text))
    if kind in ("identifier", "tile"):
        return bool((IDENTIFIER if kind == "identifier" else TILE).fullmatch(text))
    value = number(text)
    if np.isnan(value):
        return True
    if kind == "flag":
        return value in (0, 1)
    low_enough = value <= (1 if kind == "share" else LARGEST_NUMBER)
    return low_enough and (value > 0 if kind == "ratio" else value >= 0)


def rows_of(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers, each cell of the right kind."""
    lines = lines_of(path)
    if not lines:
        raise UserError(f"{path} is empty; a line with the names of the columns was expected.")
    names = heading(path, lines[0][0], [cell.strip() for cell in lines[0][1]])
    rows = []
    for line, cells in lines[1:]:
        if len(cells) != len(names):
            raise UserError(f"{path}, line {line}: {len(names)} cells were expected, found {len(cells)}.")
        row = dict.fromkeys(MAY_BE_MISSING, "") | {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
        for name, text in row.items():
            if not fits(COLUMNS[name].kind, text):
                raise wrong(path, line, name, EXPECTED[COLUMNS[name].kind], text)
        rows.append((line, row))
    if not rows:
        raise UserError(f"{path} has no region; at least one row was expected.")
    if len(rows) > LARGEST_TABLE:
        raise UserError(f"{path} has {len(rows)} regions; at most {LARGEST_TABLE} are read.")
    return rows


def check_regions(path: Path, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Refuses a code or a tile that stands twice, and a share of nobody."""
    codes, tiles = {}, {}
    for line, row in rows:
        code, tile = row["id"], (int(row["row"]), int(row["column"]))
        if code in codes:
            raise wrong(path, line, "id", f"a code of its own was expected, but line {codes[code]} has it too", code)
        if tile in tiles:
            raise wrong(path, line, "row", f"a tile of its own was expected, but {tiles[tile]} is on row {tile[0]}, column {tile[1]} too")
        if row["titular_share"] and not row["titular_people"]:
            raise wrong(path, line, "titular_share", "nothing was expected where titular_people names nobody", row["titular_share"])
        codes[code], tiles[tile] = line, code


def check_neighbours(path: Path, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Refuses neighbours that are unknown, named twice, the region itself, or not mutual."""
    named = {row["id"]: row["neighbours"].split() for _, row in rows}
    for line, row in rows:
        code = row["id"]
        for place, other in enumerate(named[code]):
            if other not in named:
                close = nearest(other, named)
                raise UserError(f'{path}, line {line}, column neighbours: there is no region "{other[:40]}" in the table.{close}')
            if other == code:
                raise wrong(path, line, "neighbours", "other regions were expected, no region is its own neighbour", other)
            if other in named[code][:place]:
                raise wrong(path, line, "neighbours", "each neighbour was expected once", other)
            if code not in named[other]:
                raise wrong(path, line, "neighbours", f"neighbours must name each other, but {other} does not name {code}")


def frozen(values, kind=float) -> np.ndarray:
    """An array that cannot be written to."""
    array = np.array(values, dtype=kind)
    array.setflags(write=False)
    return array


def read(path: str | Path) -> RegionsTable:
    """The table of regions of a CSV file; a wrong thing is told in one sentence with its line and column."""
    path = Path(path)
    numbered = rows_of(path)
    check_regions(path, numbered)
    check_neighbours(path, numbered)
    rows = [row for _, row in numbered]
    ids = tuple(row["id"] for row in rows)
    neighbours = tuple(tuple(row["neighbours"].split()) for row in rows)
    matrix = [[1 / len(named) if code in named else 0.0 for code in ids] for named in neighbours]

    def numbers(name: str) -> np.ndarray:
        return frozen([number(row[name]) for row in rows])

    return RegionsTable(
        ids=ids,
        names=tuple(row["name"] for row in rows),
        districts=tuple(row["district"] for row in rows),
        tiles=frozen([[int(row["row"]), int(row["column"])] for row in rows], int),
        men=frozen(np.stack([numbers(name) for name in MEN], axis=1)),
        women=frozen(np.stack([numbers(name) for name in WOMEN], axis=1)),
        others=numbers("others"),
        urban_share=numbers("urban_share"),
        income=numbers("income"),
        nominal_income=numbers("nominal_income"),
        poverty_rate=numbers("poverty_rate"),
        unemployment_rate=numbers("unemployment_rate"),
        titular_people=tuple(row["titular_people"] for row in rows),
        titular_share=numbers("titular_share"),
        core_share=numbers("core_share"),
        autonomy_event=numbers("autonomy_event"),
        external_border=numbers("external_border"),
        held_by_enemy=numbers("held_by_enemy"),
        exposure=numbers("exposure"),
        garrison=numbers("garrison"),
        neighbours=neighbours,
        neighbour_matrix=frozen(matrix),
    )
