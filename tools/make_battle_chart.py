"""Draw docs/battles.svg: how many more men offset a given gap in quality, from the shipped posterior.

python tools/make_battle_chart.py
"""

import sys
from pathlib import Path

import vl_convert

from muster.battle_answers import OF_ALL, elasticities
from muster.battle_posterior import shipped
from muster.charts import quality_gap

TARGET = Path(__file__).resolve().parent.parent / "docs" / "battles.svg"
GAPS = (0.99, 0.9, 0.8, 0.7, 0.6, 0.5)
SHOWN = ("1861-1913", "1914-1918", "1919-1945")
POSTURES = (OF_ALL, "hasty", "fortified")


def main() -> int:
    """Writes the chart."""
    every = [row for gap in GAPS for row in elasticities(shipped(), gap)]
    rows = [row for row in every if row["era"] in SHOWN and row["posture"] in POSTURES]
    TARGET.write_text(vl_convert.vegalite_to_svg(quality_gap(rows) | {"background": "white"}), encoding="utf-8")
    print(TARGET.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
