"""Writes library/posteriors/russia-ukraine-2022.misses.csv: how far forecasts from earlier origins lay from what happened.

Each is fitted to what was published by its origin. `muster score` widens a forecast by the misses whose horizon had ended by its own
origin. The draws of a forecast that are compared are not widened here.

    MUSTER_DATA=FOLDER .venv/bin/python tools/forecast_misses.py [--scores FILE]
"""

import argparse
import csv
import datetime
import json
from pathlib import Path

from muster.evidence import Z95, library
from muster.score import MISSES, edge, month, score

NAME = "russia-ukraine-2022"
ORIGINS = ("2022-12-31", "2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31")


def missed(origin: datetime.date, rows: list[dict]) -> list[dict[str, str]]:
    """The rows of the table that belong to the scores from one origin."""
    found = []
    for row in rows:
        if "methods" not in row:
            continue
        last = month(origin, round(row["weeks"] * 12 / 52))
        own = row["methods"]["Muster"]
        deviation = (own["high"] - own["low"]) / (2 * Z95)
        found.append({
            "target": row["target"], "origin": origin.isoformat(), "weeks": str(row["weeks"]),
            "ends": str(datetime.date.fromisoformat(edge(last, after=True)) - datetime.timedelta(days=1)),
            "missed": f"{(row['truth'] - own['median']) / deviation:.2f}",
        })  # fmt: skip
    return found


def main() -> None:
    """Forecasts from every origin, or takes the scores that `muster score --json` printed, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, help="scores of all origins, not widened, as printed by muster score --json")
    given = parser.parse_args().scores
    if given:
        told = json.loads(given.read_text(encoding="utf-8"))
    else:
        told = [{"origin": day, **score(NAME, datetime.date.fromisoformat(day), widened=False)} for day in ORIGINS]
    rows = [row for entry in told for row in missed(datetime.date.fromisoformat(entry["origin"]), entry["scores"])]
    path = library() / MISSES.format(scenario=NAME)
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path.name}: {len(rows)} forecasts from {len(told)} origins.")


if __name__ == "__main__":
    main()
