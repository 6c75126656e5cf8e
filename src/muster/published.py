"""Published figures that settle readings: library/claims/figures.csv, one row an id."""

import csv
from dataclasses import dataclass
from functools import cache

from muster.evidence import library


@dataclass(frozen=True)
class Figure:
    """One published figure as its source gives it."""

    id: str
    quantity: str
    side: str
    region: str | None
    start: str
    end: str
    low: float | None
    central: float | None
    high: float | None
    unit: str
    kind: str
    camp: str
    grade: str
    publisher: str
    published: str | None


@cache
def figures() -> dict[str, Figure]:
    """Every figure that a claim of the library names, by id."""
    path = library() / "claims" / "figures.csv"
    with path.open(encoding="utf-8") as file:
        return {row["id"]: figure_of(row) for row in csv.DictReader(file)}


def figure_of(row: dict[str, str]) -> Figure:
    """A row of the table; an empty cell is nothing."""
    numbers = {name: float(row[name]) if row[name] else None for name in ("low", "central", "high")}
    texts = {name: row[name] for name in ("id", "quantity", "side", "start", "end", "unit", "kind", "camp", "grade", "publisher")}
    return Figure(**texts, **numbers, region=row["region"] or None, published=row["published"] or None)
