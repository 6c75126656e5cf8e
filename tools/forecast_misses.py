"""The forecast test from many origins: renews the tables of docs/calibration.md, and the misses by which later forecasts are widened.

    MUSTER_DATA=FOLDER .venv/bin/python tools/forecast_misses.py

Each forecast is fitted to what was published by its origin, and widened by the misses whose horizon had ended by then, as `muster score`
does. How far a forecast lay from what happened, before it is widened, goes to library/posteriors/russia-ukraine-2022.misses.csv.
"""

import csv
import datetime
from math import exp
from pathlib import Path

import numpy as np

from make_validation import replaced
from muster.evidence import Z95, library
from muster.score import METHODS, MISSES, edge, forecast, month, scores, summary, widening

NAME = "russia-ukraine-2022"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
ORIGINS = ("2022-12-31", "2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31")
SHOWN = "2024-06-30"  # the origin of which every forecast is told
WEEKS = 26, 52


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


def known_by(origin: str, rows: list[dict[str, str]]) -> np.ndarray:
    """The misses whose horizon had ended by a day."""
    return np.array([float(row["missed"]) for row in rows if row["ends"] <= origin])


def number(row: dict, value: float) -> str:
    """A value in its own unit."""
    real = exp(value) if row["scale"] == "log" else value
    return f"{real:,.0f}" if abs(real) >= 100 else f"{real:.3g}"


def line(row: dict) -> str:
    """One forecast as a line of the table."""
    own, methods = row["methods"]["Muster"], row["methods"]
    low, median, high = (number(row, own[key]) for key in ("low", "median", "high"))
    crps = [f"{methods[name]['crps']:.3g}" if name in methods else "-" for name in METHODS]
    skill = 1 - own["crps"] / methods["last value"]["crps"]
    outside = "" if own["inside"] else " (outside)"
    words = [row["target"], row["weeks"], number(row, row["truth"]) + outside, f"{median} [{low}, {high}]", *crps, f"{skill:+.2f}"]
    return f"| {' | '.join(map(str, words))} |"


def in_full(rows: list[dict], factor: float) -> str:
    """Every forecast from one origin, and what they come to."""
    head = ["target", "weeks", "happened", "Muster: median, 90 % band", "CRPS: Muster", *METHODS[1:], "skill over last value"]
    told = summary(rows)
    held = ", ".join(f"{name} {share:.0%}" for name, share in told["inside"].items())
    skill = ", ".join(f"{name} {value:+.2f}" for name, value in told["skill"].items())
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(line(row) for row in rows if "methods" in row)]
    end = f"Scored: {told['scored']}. Bands are {factor:.2f} times as wide as the fit alone says. Those of 90 % that hold: {held}. Median"
    return "\n".join([*lines, "", f"{end} skill over {skill}."])


def main() -> None:
    """Forecasts from every origin, and writes the tables."""
    misses: list[dict[str, str]] = []
    lines = ["| origin | scored | widened | hold, %; unwidened | skill over last value | drift | ETS |", "|---" * 7 + "|"]
    for origin in ORIGINS:
        day = datetime.date.fromisoformat(origin)
        results, sizes = forecast(NAME, day)
        factor = widening(known_by(origin, misses))
        alone, rows = (scores(results, day, WEEKS, factor=width, sizes=sizes) for width in (1.0, factor))
        misses += missed(day, alone)
        told, held = summary(rows), summary(alone)["inside"]["Muster"]
        skill = " | ".join(f"{told['skill'][name]:+.2f}" for name in METHODS[1:])
        lines.append(f"| {origin} | {told['scored']} | {factor:.2f} | {100 * told['inside']['Muster']:.0f}; {100 * held:.0f} | {skill} |")
        print(lines[-1], flush=True)
        if origin == SHOWN:
            shown = in_full(rows, factor)
    last = known_by("2025-06-30", misses)
    lines += ["", f"A forecast from June 2025 is widened by {widening(last):.2f}, from {len(last)} earlier ones."]
    text = replaced(PAGE.read_text(encoding="utf-8"), "forecasts", shown)
    PAGE.write_text(replaced(text, "origins", "\n".join(lines)), encoding="utf-8")
    with (library() / MISSES.format(scenario=NAME)).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(misses[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(misses)


if __name__ == "__main__":
    main()
