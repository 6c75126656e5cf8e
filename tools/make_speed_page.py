"""Draw docs/speed.png, and write the tables of docs/speed.md, from benchmarks/measured.json, which `make bench` writes.

python tools/make_speed_page.py
"""

import json
import sys
from pathlib import Path

import vl_convert

ROOT = Path(__file__).resolve().parent.parent
CHART, PAGE, MEASURED = ROOT / "docs" / "speed.png", ROOT / "docs" / "speed.md", ROOT / "benchmarks" / "measured.json"
END = "<!-- end -->"
NAMES = {
    "c": "C, hand-written, all cores", "c-one-thread": "C, hand-written, one core", "c-single": "C, float32, all cores",
    "muster": "Muster, a device a core", "muster-1": "Muster, one device", "muster-single": "Muster, float32, a device a core",
    "muster-1-single": "Muster, float32, one device", "sdeverywhere": "SDEverywhere C", "numba": "numba, all cores", "numpy": "NumPy",
    "pysimlin": "pysimlin", "pysd": "PySD", "bptk": "BPTK-Py",
}  # fmt: skip


def chart(measured: dict) -> dict:
    """Seconds of every engine on a logarithmic scale, Muster's own in another colour."""
    rows = [
        {"engine": NAMES[name], "seconds": row["alone"], "whose": "Muster" if name.startswith("muster") else "others"}
        for name, row in measured["engines"].items()
        if "alone" in row
    ]
    size = f"{measured['draws']:,} draws of the benchmark model over 520 weeks, seconds"
    place = {"field": "engine", "type": "nominal", "sort": {"field": "seconds"}, "title": None, "axis": {"labelLimit": 240}}
    length = {"field": "seconds", "type": "quantitative", "scale": {"type": "log"}, "title": size}
    colour = {
        "field": "whose",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["Muster", "others"], "range": ["#0072b2", "#999999"]},
    }
    told = {"mark": {"type": "text", "align": "left", "dx": 6}, "encoding": {"text": {"field": "seconds", "format": ".2~r"}}}
    points = {"mark": {"type": "circle", "size": 90, "opacity": 1}, "encoding": {"color": colour}}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 520,
        "height": 24 * len(rows),
        "background": "white",
        "data": {"values": rows},
        "encoding": {"y": place, "x": length},
        "layer": [points, told],
    }


def engines(measured: dict) -> list[str]:
    """The rows of the engines, the quickest first."""
    own = measured["engines"]["muster"]["alone"]
    rows = ["| engine | seconds alone | wall here | times Muster | draws run | difference from plain Python |", "|---|---|---|---|---|---|"]
    for name, row in sorted(measured["engines"].items(), key=lambda item: item[1].get("alone", float("inf"))):
        if "alone" in row:
            times = f"{row['alone']:,.3g} | {row['seconds']:,.3g} | {row['alone'] / own:,.2f}"
            rows.append(f"| {NAMES[name]} | {times} | {row['draws_run']:,} | {row['difference']:.0e} |")
        else:
            rows.append(f"| {NAMES[name]} | not measured: {row['failed']} | | | | |")
    return rows


def targets(measured: dict) -> list[str]:
    """The rows of the targets."""
    return ["| work | target | reached | |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in measured["targets"])]


def conditions(measured: dict) -> list[str]:
    """What the figures were measured on."""
    about, load = measured["machine"], measured["load"]
    return [
        f"Measured on {measured['day']} on {about['cores']} cores ({about['processor']}), Python {about['python']}; other work used"
        f" {load['cores_of_others']} of the {about['cores']} cores on average."
    ]


def main() -> int:
    """Writes the chart and the tables."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    CHART.write_bytes(vl_convert.vegalite_to_png(chart(measured), scale=2))
    page = PAGE.read_text(encoding="utf-8")
    for part in (conditions, targets, engines):
        text = "\n".join(part(measured))
        before, begin, rest = page.partition(f"<!-- {part.__name__} -->\n")
        page = before + begin + text + "\n" + rest[rest.index(END) :]
    PAGE.write_text(page, encoding="utf-8")
    print(f"{CHART.name} {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
