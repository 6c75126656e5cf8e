"""Write the table of docs/forecasts.md: what the model says of the year after the last observation, before anyone here looks.

python tools/make_forecasts_page.py  (four minutes)
"""

import math
import sys
from datetime import date
from pathlib import Path

from muster.score import score

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "forecasts.md"
ORIGIN = date(2025, 6, 30)
BEGIN, END = "<!-- forecasts -->", "<!-- end -->"


def number(value: float) -> str:
    """Three digits of a number."""
    if abs(value) < 1e3:
        return f"{value:.3g}"
    step = 10 ** (math.floor(math.log10(abs(value))) - 2)
    return f"{round(value / step) * step:,.0f}"


def cell(one: dict[str, float], unit: str) -> str:
    """A median and its band; money in billions."""
    low, middle, high = (number(one[key] / (1e9 if unit == "EUR" else 1)) for key in ("low", "median", "high"))
    return f"{middle} ({low} to {high})"


def main() -> int:
    """Fits to what was published by the origin, forecasts, and writes the page."""
    found = score("russia-ukraine-2022", ORIGIN, progress=lambda *what: print(*what, file=sys.stderr))
    lines = ["| series | weeks | unit | Muster | last value | drift |", "|---|---|---|---|---|---|"]
    for row in found["scores"]:
        if "forecast" in row:
            cells = " | ".join(cell(row["forecast"][name], row["unit"]) for name in ("Muster", "last value", "drift"))
            lines.append(f"| {row['target']} | {row['weeks']} | {row['unit'].replace('EUR', 'billion EUR')} | {cells} |")
    missing = {row["target"]: row["missing"] for row in found["scores"] if "forecast" not in row}
    lines += ["", *(f"Not forecast: {target}: {reason}." for target, reason in missing.items())]
    known = found["summary"]
    words = f"{known['widening']:.2f} times as wide as the fit alone says, from {known['earlier_forecasts']} forecasts of earlier origins"
    lines += ["", f"Muster's bands are {words}."]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
