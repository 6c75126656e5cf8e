"""One claim as a section of the report: its reading, its charts, why, and what would change it."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from muster import charts
from muster.claims import Claim
from muster.evidence import parameters
from muster.judgement import JudgedReading, Judgement
from muster.observe import Observation
from muster.output import series_of
from muster.propositions import One, holds, value
from muster.published import Figure as Published
from muster.quantities import At, Lag, LagShare, Over, mirrored, of_battles, of_ensemble, paths
from muster.report import series
from muster.report.described import compares, described
from muster.report.drawing import Figure, drawn
from muster.report.words import NAMES, band, capital, cells, count, day, listed, number, percent, probability, quantiles, scaled
from muster.results import Results

ROWS = 14  # lines of a table of a course


@dataclass(frozen=True)
class Section:
    """All that the page says of a claim."""

    claim: Claim
    headline: JudgedReading
    others: list[JudgedReading]
    figures: list[Figure]
    why: list[str]
    change: list[str]
    counted: list[str]
    rows: list[list[str]]
    endings: list[tuple[JudgedReading, list[str]]]


def section(claim: Claim, items: list[JudgedReading], judgement: Judgement) -> Section:
    """The section of a claim."""
    headline = next(item for item in items if item.reading.headline)
    return Section(
        claim=claim,
        headline=headline,
        others=[item for item in items if item is not headline],
        figures=figures(headline, judgement),
        why=drivers(headline, judgement),
        change=changes(headline, judgement),
        counted=evidence(headline, judgement),
        rows=[resolved(row) for row in headline.resolution.figures],
        endings=[(item, [probability(p) for p in item.by_continuation.values()]) for item in items if item.by_continuation],
    )


def in_percent(item: JudgedReading) -> bool:
    """Whether the reading speaks of percent or of points: then so do its charts."""
    return item.unit == "1" and bool(re.search(r"%|\bpoints?\b", item.reading.statement))


def figures(item: JudgedReading, judgement: Judgement) -> list[Figure]:
    """The chart of the quantity, and of the first series behind it of which figures were published, unless it is that itself."""
    proposition, results = item.reading.proposition, judgement.results
    if proposition is None or not np.isfinite(item.judged.probability):
        return []
    quantity = proposition.quantity
    if item.reading.policy != judgement.experiment.policy or not series.has_course(quantity):
        found = [] if item.reading.event else [interval(item, judgement)]
    else:
        found = [chance(item, judgement) if item.reading.event else fan_of(item, judgement)]
    if not isinstance(quantity, At | Over):
        behind = next((leaf for leaf in series.leaves(quantity) if series.published(leaf, results.sides)), None)
        if behind is not None:
            found.append(background(behind, judgement))
    return [figure for figure in found if figure is not None]


def pair(item: JudgedReading, judgement: Judgement) -> list:
    """The quantity of a reading and, where it has one, its mirror."""
    assert item.reading.proposition is not None
    quantity = item.reading.proposition.quantity
    return [quantity, mirrored(quantity, judgement.results.sides)] if item.reading.mirror else [quantity]


def owners(quantity, judgement: Judgement) -> list[str]:
    """The label of the side that a quantity is about, and of the other."""
    sides, labels = judgement.results.sides, labels_of(judgement.results)
    return list(labels) if series.side_of(quantity, sides) == sides[0] else list(labels[::-1])


def fan_of(item: JudgedReading, judgement: Judgement) -> Figure:
    """The quantity over time against its threshold."""
    assert item.reading.proposition is not None
    proposition, results = item.reading.proposition, judgement.results
    quantity = proposition.quantity
    found = series.course(pair(item, judgement), results, judgement.experiment.scenario.last_observation)
    points = series.published(quantity, results.sides) if isinstance(quantity, At | Over) else []
    said = counted_in(item, judgement, found.window[1])
    caption = f"{said}. {threshold_words(proposition.name)} on {day(found.window[1])}, the reading is true"
    return fan(found, owners(quantity, judgement), points, caption, judgement, item.unit, in_percent(item), item.threshold)


def counted_in(item: JudgedReading, judgement: Judgement, moving: str | None = None) -> str:
    """What the quantity of a reading counts, and what the line of the other side is where both stand in each."""
    assert item.reading.proposition is not None
    quantity = item.reading.proposition.quantity
    said = capital(described(quantity, judgement.results, moving))
    mutual = np.isfinite(item.mirror[1]) and compares(quantity, judgement.results.sides)
    return f"{said}; of {owners(quantity, judgement)[1]} the reverse" if mutual else said


def threshold_words(name: str) -> str:
    """What a proposition asks."""
    return {"exceeds": "Above the dashed line", "at_least": "On or above the dashed line"}.get(name, "Below the dashed line")


def background(leaf: series.Leaf, judgement: Judgement) -> Figure:
    """A series behind a quantity, with the published figures."""
    results, last = judgement.results, judgement.experiment.scenario.last_observation
    shown: series.Leaf = leaf
    if not isinstance(leaf, At | Over):
        shown = At(at=paths(leaf)[0], cohort=leaf.cohort, day=series.window(leaf)[1])
    found = series.course([shown, mirrored(shown, results.sides)], results, last)
    said = described(shown, results, series.window(shown)[1])
    unit = series_of(results.tree, paths(shown)[0]).attrs["units"]
    unit = unit.removesuffix("/week") if isinstance(shown, Over) else unit
    found = series.Course(found.days, found.values, series.window(leaf))
    points = series.published(shown, results.sides)
    shares = unit == "1" and said.startswith("share")
    return fan(found, owners(shown, judgement), points, f"Behind it: {said}", judgement, unit, shares, None)


def fan(
    found: series.Course,
    owned: list[str],
    points: list[Observation],
    caption: str,
    judgement: Judgement,
    unit: str,
    shares: bool,
    threshold: float | None,
) -> Figure:
    """A course of both sides as a fan with its published figures."""
    labels = labels_of(judgement.results)
    kept = [row for row in points if found.days[0] <= series.middle(row) <= max(found.days[-1], series.date(row.end))]
    everything = np.concatenate([side[np.isfinite(side)] for side in found.values])
    factor, words = scaled(unit, float(np.quantile(np.abs(everything), 0.95)) if len(everything) else 0.0, shares)
    rows = []
    for at, moment in enumerate(found.days):
        for label, side in zip(owned, found.values, strict=False):
            points_of = {name: number * factor for name, number in quantiles(side[:, at], judgement.weights).items()}
            if all(np.isfinite(list(points_of.values()))):
                rows.append({"day": moment.isoformat(), "side": label, **points_of})
    dots = [dot(row, factor, dict(zip(judgement.results.sides, labels, strict=True))) for row in kept]
    last = judgement.experiment.scenario.last_observation
    line = None if threshold is None else {"value": threshold * factor, "word": f"threshold {number(threshold * factor)} {words}".strip()}
    late = last.isoformat() if found.days[0] < last < found.days[-1] else None
    if dots:
        caption += f". Diamonds: {count(len(dots), 'published figure')}"
    label = f"{caption}. {ends(rows, labels, words)}"
    spec = charts.fan(rows, labels, words or "ratio", points=dots, threshold=line, window=found.window, last=late)
    figures = told(kept, judgement, factor)
    return Figure(caption, label, drawn(spec, label), ["day", "side", *heads(words)], table(rows, labels), camps(kept), figures, words)


def heads(words: str) -> list[str]:
    """The headings of the five points of a fan, with their unit."""
    return ["5 %", "25 %", f"median, in {words}" if words else "median", "75 %", "95 %"]


def ends(rows: list[dict], labels: tuple[str, str], words: str) -> str:
    """What the last day shows, in a sentence."""
    told = []
    for label in labels:
        own = [row for row in rows if row["side"] == label]
        if own:
            told.append(f"{label} {number(own[-1]['p50'])} {words} (90 %: {band(own[-1]['p5'], own[-1]['p95'])}) on {day(own[-1]['day'])}")
    return f"{'; '.join(told)}."


def dot(row: Observation, factor: float, labels: dict[str, str]) -> dict:
    """A published figure as a point with its range."""
    low = row.central if row.low is None else row.low
    high = row.central if row.high is None else row.high
    numbers = {"low": low * factor, "value": row.central * factor, "high": high * factor}
    return {"day": series.middle(row).isoformat(), "side": labels[row.side], **numbers}


def camps(rows: list[Observation]) -> str:
    """Who published the points."""
    if not rows:
        return "No published figure of the library reads exactly this quantity."
    many = Counter(row.camp.replace("-", " ") for row in rows)
    return f"Published figures by camp: {', '.join(f'{camp} {times}' for camp, times in sorted(many.items()))}. They are listed below."


def told(rows: list[Observation], judgement: Judgement, factor: float) -> tuple[tuple[str, ...], ...]:
    """The points, one a line, in the unit of the chart."""
    labels = dict(zip(judgement.results.sides, labels_of(judgement.results), strict=True))
    return tuple(
        (labels[row.side], number(row.central * factor), series.middle(row).isoformat(), row.camp.replace("-", " "), row.published, row.id)
        for row in rows
    )


def table(rows: list[dict], labels: tuple[str, str]) -> list[list[str]]:
    """Some days of a course, in words."""
    found = []
    for label in labels:
        own = [row for row in rows if row["side"] == label]
        places = sorted(set(np.linspace(0, len(own) - 1, min(ROWS, len(own))).astype(int))) if own else []
        found += [[own[place]["day"], label, *cells(own[place])] for place in places]
    return found


def chance(item: JudgedReading, judgement: Judgement) -> Figure:
    """An event: the share of draws in which it has happened by each day."""
    assert item.reading.proposition is not None
    proposition, results = item.reading.proposition, judgement.results
    found = series.course(pair(item, judgement), results, item.reading.until)
    labels, rows = labels_of(results), []
    owned = owners(proposition.quantity, judgement)[: len(found.values)]
    for label, side in zip(owned, found.values, strict=True):
        shares = np.average(holds(proposition, side, item.threshold), axis=0, weights=judgement.weights)
        rows += [{"day": at.isoformat(), "side": label, "share": float(p)} for at, p in zip(found.days, shares, strict=True)]
    last = judgement.experiment.scenario.last_observation
    caption = "Share of draws in which it has happened by the day"
    ending = "; ".join(f"{label} {percent([row for row in rows if row['side'] == label][-1]['share'])}" for label in owned)
    label = f"{caption}. At the end: {ending}."
    late = last.isoformat() if found.days[0] < last < found.days[-1] else None
    cells = [[row["day"], row["side"], percent(row["share"])] for row in rows[:: max(1, len(rows) // (2 * ROWS))]]
    spec = charts.chances(rows, labels, window=found.window, last=late)
    return Figure(caption, label, drawn(spec, label), ["day", "side", "share of draws"], cells, "A rare event rests on priors.")


def interval(item: JudgedReading, judgement: Judgement) -> Figure | None:
    """A quantity without a course in time: intervals, as far as they are known."""
    assert item.reading.proposition is not None
    quantity, results = item.reading.proposition.quantity, judgement.results
    found = list(zip(owners(quantity, judgement), points_of(item, judgement), strict=False))
    found = [(charts.NEITHER, found[0][1])] if of_battles(quantity) or of_ensemble(quantity) else found
    middles = [abs(points["p50"]) for _, points in found if np.isfinite(points["p50"])]
    if not middles:
        return None
    factor, words = scaled(item.unit, max(middles), in_percent(item))
    found = [(label, {name: x * factor for name, x in points.items()}) for label, points in found]
    lines = [[label, *cells(points)] for label, points in found]
    rows = [{"side": label, **drawable(points)} for label, points in found if np.isfinite(points["p50"])]
    line = {"value": item.threshold * factor, "word": f"threshold {number(item.threshold * factor)} {words}".strip()}
    halves = ", thick line 50 %" if any("p25" in row for row in rows) else ""
    caption = f"{counted_in(item, judgement)}. Thin line: 90 % of the draws{halves}, dot: median"
    bands = "; ".join(f"{row[0]} {f'{row[3]} {words}'.strip()} (90 %: {row[1]} to {row[5]})" for row in lines)
    label = f"{caption}. {bands}. {capital(line['word'])}."
    spec = charts.intervals(rows, labels_of(results), words or "ratio", threshold=line)
    note = "Never: in this part of the draws it does not happen." if any("never" in row for row in lines) else ""
    return Figure(caption, label, drawn(spec, label), ["side", *heads(words)], lines, note)


def drawable(points: dict[str, float]) -> dict[str, float]:
    """The points of a bar: what never happens is drawn at the largest that does, what is not known is left out."""
    known = [x for x in points.values() if np.isfinite(x)]
    return {name: min(max(x, min(known)), max(known)) for name, x in points.items() if not np.isnan(x)}


def points_of(item: JudgedReading, judgement: Judgement) -> list[dict[str, float]]:
    """The five points of a reading's quantity and of its mirror; where it needs other runs, the three that were kept of them."""
    assert item.reading.proposition is not None
    quantity = item.reading.proposition.quantity
    lags = isinstance(quantity, Lag | LagShare) and item.reading.policy == judgement.experiment.policy
    if lags:
        return [quantiles(value(one, One(judgement.results)), judgement.weights) for one in pair(item, judgement)]
    kept = [item.quantiles, item.mirror] if np.isfinite(item.mirror[1]) else [item.quantiles]
    unknown = float("nan")
    return [dict(zip(NAMES, (low, unknown, middle, unknown, high), strict=True)) for low, middle, high in kept]


def labels_of(results: Results) -> tuple[str, str]:
    """The two sides as they are called."""
    first, second = results.tree.attrs["labels"]
    return str(first), str(second)


def drivers(item: JudgedReading, judgement: Judgement) -> list[str]:
    """The uncertain numbers that carry most of the spread, in words."""
    labels = dict(zip(judgement.results.sides, labels_of(judgement.results), strict=True))
    told = []
    for driver in item.drivers:
        scope, _, name = driver["parameter"].partition("/")
        subsystem, _, parameter = name.partition(".")
        whose = f" ({labels[scope]})" if scope in labels else ""
        told.append(f"{parameters()[subsystem][parameter].meaning}{whose}: {percent(driver['share'])} of the spread")
    return told


def changes(item: JudgedReading, judgement: Judgement) -> list[str]:
    """What would turn the answer."""
    told = []
    middle, threshold = item.quantiles[1], item.threshold
    factor = 100.0 if in_percent(item) else 1.0
    unit = " %" if in_percent(item) else ""
    if np.isfinite(middle) and not item.reading.event:
        even, asked = number(middle * factor) + unit, number(threshold * factor) + unit
        told.append(f"Another threshold: at {even} the odds would be even; the reading asks for {asked}.")
    if item.flips:
        told.append(f"Other equations or continuations: under {listed(item.flips)} the answer falls on the other side of one half.")
    elif len(judgement.structures) > 1:
        told.append(f"None of {len(judgement.structures) - 1} rival equations puts the answer on the other side of one half.")
    else:
        told.append("Rival equations were not run; muster assess --structures all runs them.")
    told += by_exponent(item)
    if item.judged.by_construction:
        told.append("By construction: every draw under every equation gives this answer.")
    if item.judged.prior_driven:
        told.append(f"Data: {item.remark or 'no fit has moved this number'}.")
    return told


def by_exponent(item: JudgedReading) -> list[str]:
    """The answer by slices of the loss law's exponent, where they differ by more than chance."""
    parts = item.by_number_exponent
    if len(parts) < 2:
        return []
    first, *_, last = sorted(parts.values(), key=lambda part: part.probability)
    if last.probability - first.probability <= 3 * np.hypot(first.mcse, last.mcse):
        return []
    shares = ", ".join(f"{probability(part.probability)} {name}" for name, part in parts.items())
    return [f"The loss law: by its exponent of numbers (omega) the probability is {shares}."]


def evidence(item: JudgedReading, judgement: Judgement) -> list[str]:
    """How many published figures speak of the quantity, by side and camp."""
    labels = dict(zip(judgement.results.sides, labels_of(judgement.results), strict=True))
    told = []
    for side, label in labels.items():
        camps = item.evidence.get(side, {})
        parts = ", ".join(f"{camp.replace('-', ' ')} {many}" for camp, many in sorted(camps.items()))
        told.append(f"{label}: {sum(camps.values())}" + (f" ({parts})" if parts else ""))
    return told


def resolved(row: Published) -> list[str]:
    """A figure that settles a reading: what it says, of which camp, when it was published."""
    spread = "" if row.low is None or row.high is None else f" ({band(row.low, row.high)})"
    when = row.start if row.start == row.end else f"{row.start} to {row.end}"
    figure = f"{row.quantity.replace('_', ' ')}, {row.side}: {number(row.central)} {row.unit}{spread}"
    return [row.id, figure, when, row.camp.replace("-", " "), f"{row.publisher}, {row.published or 'undated'}"]
