"""Published figures that settle readings: library/claims/figures.csv, one row an id."""

import csv
from functools import cache

from muster.evidence import Strict, checked, library


class Figure(Strict):
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
        rows = [{key: cell or None for key, cell in row.items()} for row in csv.DictReader(file)]
    return {str(row["id"]): checked(Figure, row, f"{path.name}, {row['id']}") for row in rows}
