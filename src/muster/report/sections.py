"""The parts of the report that belong to no single claim: policies, regions, battles, sources."""

from collections import Counter

import numpy as np

from muster import charts
from muster.battle_answers import LEFT_OUT, OF_ALL, elasticities
from muster.battle_posterior import shipped
from muster.compare import REFERENCE, Comparison
from muster.evidence import library
from muster.judgement import Judgement
from muster.regional import find
from muster.regions_table import read
from muster.report.drawing import Figure, drawn
from muster.report.words import MINUS, band, number
from muster.results import Results
from muster.scenario import load_policy

WEEKS = 52  # after the first difference at which policies are compared
OUTCOMES = ("own dead", "area", "combat power", "approval", "output")
ERAS = ("1861-1913", "1914-1918", "1919-1945")
GAPS = (0.99, 0.9, 0.8, 0.7, 0.6, 0.5)
NO_EFFECT = 1e-9
NO_DECISION = ("no-war", "no-war-of-ukraine")  # what claims are measured against, and nobody's to decide here


def named_policies(sides: tuple[str, ...]) -> tuple[str, ...]:
    """The policies of the library that are about one of the sides, but what was decided."""
    names = (path.stem for path in sorted((library() / "policies").glob("*.yaml")))
    return tuple(name for name in names if name not in (REFERENCE, *NO_DECISION) and load_policy(name).side in sides)


def policies(comparison: Comparison) -> tuple[list[Figure], list[str]]:
    """A chart an outcome, and the policies that change nothing in this run."""
    told = comparison.as_dict()
    labels = {side["name"]: side["label"] for side in told["sides"]}
    first, second = labels.values()
    rows = [row for row in told["differences"] if row["weeks"] == WEEKS and row["median"] is not None]
    moving = {row["policy"] for row in rows if max(abs(row["low"]), abs(row["high"])) > NO_EFFECT}
    order = [policy["name"] for policy in told["policies"] if policy["name"] in moving]
    still = [policy["name"] for policy in told["policies"] if policy["name"] not in moving]
    found = []
    for outcome in OUTCOMES:
        own = [row for row in rows if row["quantity"] == outcome and row["policy"] in moving]
        if not own:
            continue
        unit = own[0]["unit"].replace("km2", "km²").replace("1,000", "thousand")
        unit = "points" if unit == "%" else "points of pre-war output" if unit == "% of pre-war" else unit
        flat = [
            {"policy": row["policy"], "side": labels[row["side"]], **{key: row[key] for key in ("low", "median", "high")}} for row in own
        ]
        cells = [
            [row["policy"], labels[row["side"]], number(row["median"]), band(row["low"], row["high"]), f"{row['p_above_zero']:.2f}"]
            for row in own
        ]
        caption = f"{outcome[0].upper()}{outcome[1:]}, {unit}: policy less what was decided, {WEEKS} weeks later"
        most = max(own, key=lambda row: abs(row["median"]))
        largest = f"{number(most['median'])} (90 %: {band(most['low'], most['high'])})"
        label = f"{caption}. Largest median: {most['policy']} for {labels[most['side']]}, {largest}."
        spec = charts.differences(flat, (first, second), order, unit)
        found.append(Figure(caption, label, drawn(spec, label), ["policy", "side", "median difference", "90 % band", "P above 0"], cells))
    return found, still


def battles() -> Figure:
    """How many more men offset a gap in quality, with what the law is worth in a war that it has not seen."""
    posterior = shipped()
    rows = [row for gap in GAPS for row in elasticities(posterior, gap, (OF_ALL,)) if row["era"] in ERAS]
    middle, low, high = LEFT_OUT
    note = [
        "In a war left out of the fit the law is level with force ratio",
        f"alone: log score {middle:+.3f} against it (90 % interval".replace("-", MINUS),
        f"{low:.3f} to {high:.3f}; smaller is better).".replace("-", MINUS),
    ]
    spec = charts.quality_gap(rows, note=note, size=charts.ALONE)
    caption = "How many times the men a side needs to win as often, if its men are worse by so much; 457 battles, all postures"
    at = {row["era"]: row["men_that_offset_it_in_winning"] for row in rows if row["gap"] == 0.7}
    told = "; ".join(f"{era}: {number(three[1])} times (90 %: {band(three[0], three[2])})" for era, three in at.items())
    label = f"{caption}. At three tenths worse: {told}. {' '.join(note)}"
    cells = [
        [
            row["era"],
            f"{100 * (1 - row['gap']):.0f} %",
            number(row["men_that_offset_it_in_winning"][1]),
            ends(row["men_that_offset_it_in_winning"]),
        ]
        for row in rows
    ]
    return Figure(caption, label, drawn(spec, label), ["era", "quality below the enemy's", "times the men, median", "90 % band"], cells)


def ends(three: list[float]) -> str:
    """A band, its upper end cut where no number of men helps."""
    return f"{number(three[0])} to {number(three[2])}" if three[2] < 1000 else f"{number(three[0])} to more than 1,000"


def tile_map(rows: list[dict], label_of_side: str, bounds: list[float]) -> Figure:
    """Deaths per 10,000 men by region on tiles of equal size. rows: code, name, row, column, low, value, high."""
    caption = f"{label_of_side}: own dead per 10,000 men by region, median of the draws"
    known = [row for row in rows if row["value"] is not None]
    middle = sorted(row["value"] for row in known)[len(known) // 2]
    label = f"{caption}. {len(known)} regions as tiles in five shades; the median region has {number(middle)}."
    cells = [[row["name"], number(row["value"]), band(row["low"], row["high"])] for row in sorted(known, key=lambda row: row["name"])]
    spec = charts.tiles(rows, "dead per 10,000 men", bounds)
    return Figure(
        caption, label, drawn(spec, label), ["region", "median", "90 % band"], cells, "Alphabetical: no ranking of regions is made."
    )


def regions(judgement: Judgement) -> list[Figure]:
    """A map a side of own dead per 10,000 men at the last observation; none where nothing was run by region."""
    results, scenario, maps = judgement.by_region, judgement.experiment.scenario, []
    if results is None:
        return []
    labels, day = [text.label for text in scenario.sides.values()], scenario.last_observation
    for side, text in scenario.sides.items():
        table = read(find(str(text.regions), f"{scenario.name}, key sides.{side}.regions"))
        men = results.by_region(f"{side}/men", day).values.astype(float)
        dead = results.by_region(f"{side}/dead", day).values
        rates = 1e4 * np.divide(dead, men, out=np.full(men.shape, np.nan), where=men > 0)
        bands, codes = np.quantile(rates, (0.05, 0.5, 0.95), axis=0).T, letters(list(table.ids), list(table.names))
        maps.append([
            {"code": code, "name": name, "row": int(row), "column": int(column)}
            | dict(zip(("low", "value", "high"), [None] * 3 if np.isnan(three[1]) else [float(x) for x in three], strict=True))
            for code, name, row, column, three in zip(codes, table.names, *table.tiles.T, bands, strict=True)
        ])  # fmt: skip
    shades = bounds_of([row["value"] for rows in maps for row in rows if row["value"] is not None])
    return [tile_map(rows, label, shades) for label, rows in zip(labels, maps, strict=True)]


def bounds_of(values: list[float]) -> list[float]:
    """Four steps of two digits that part the regions of all maps together in five groups of about one size."""
    found: list[float] = []
    for place in np.quantile(values or [0.0], (0.2, 0.4, 0.6, 0.8)):
        step = 10 ** (np.floor(np.log10(max(place, 1e-9))) - 1)
        least = found[-1] + step if found else step
        found.append(float(max(round(place / step) * step, least)))
    return found


def letters(codes: list[str], names: list[str]) -> list[str]:
    """Three letters for each region's tile: its code within its country, or letters of its name where the code is a number."""
    own = [code.rpartition("-")[2] for code in codes]
    words = [name.upper().rpartition(" OF ")[2].split() for name in names]
    first = [found[0] for found in words]
    starts = Counter(word[:3] for word in first)
    told = []
    for code, word, rest in zip(own, first, words, strict=True):
        twins = starts[word[:3]] > 1
        last = rest[1][0] if first.count(word) > 1 and len(rest) > 1 else word[-1] if twins and first.count(word) == 1 else word[2:3]
        told.append(word[:2] + last if code.isdigit() else code)
    return told if len(set(told)) == len(told) else own


def sources(results: Results) -> tuple[list[dict], dict[str, int]]:
    """The bibliography of the numbers that were used, and how many of them have each grade."""
    rows, grades = results.bibliography(), Counter()
    for row in rows:
        grades.update(row["grades"])
    order = ("measured", "estimated", "expert", "tuned", "assumed")
    return rows, {grade: grades[grade] for grade in order}
