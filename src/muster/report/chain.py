"""The picture of the first screen: what each link of the chain did, with its band, for both sides."""

import datetime
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from muster.experiment import Experiment
from muster.report.drawing import Figure
from muster.report.words import band, day, number, rough
from muster.results import Results
from muster.weights import weighted_quantile

WEEKS = 52  # after the decree
ARMY, COUNTRY, STATE = "The army", "Society, economy, partners", "The state"
BOX, GAP, LINE = (174, 132), 14, 13
WRAP = 25  # letters in a line of a box
REGIME_BY = datetime.date(2028, 12, 31)


@dataclass(frozen=True)
class Link:
    """A link of the chain: its name, what is told of it, in which group it stands, and low, middle, high of both sides."""

    name: str
    told: str
    group: str
    numbers: tuple[tuple[float, float, float], tuple[float, float, float]]
    unit: str


def decree_day(experiment: Experiment) -> datetime.date | None:
    """The day of the first decree of either side."""
    found = [side.levers["decree"]["date"] for side in experiment.scenario.sides.values() if side.levers["decree"] is not None]
    return min(datetime.date.fromisoformat(str(one)) for one in found) if found else None


def year(experiment: Experiment) -> tuple[datetime.date, datetime.date]:
    """The 52 weeks from the decree, or from the start where there is none; not beyond the run."""
    start = decree_day(experiment) or experiment.start
    end = experiment.start + datetime.timedelta(weeks=int(experiment.steps * experiment.dt))
    return start, min(start + datetime.timedelta(weeks=WEEKS), end)


def links(results: Results, experiment: Experiment, weights: np.ndarray | None) -> list[Link]:
    """The thirteen links in their order."""
    start, end = year(experiment)
    last = experiment.start + datetime.timedelta(weeks=int(experiment.steps * experiment.dt))
    by = min(REGIME_BY, last)

    def total(path: str, factor: float = 1.0) -> Callable[[str], np.ndarray]:
        return lambda side: factor * results.total(f"{side}/{path}", start, end)

    def change(path: str, relative: bool = True) -> Callable[[str], np.ndarray]:
        def of(side: str) -> np.ndarray:
            before, after = (results.at(f"{side}/{path}", moment) for moment in (start, end))
            return 100 * (share(after, before) - 1 if relative else after - before)

        return of

    def outside(side: str) -> np.ndarray:
        return 100 * share(
            results.total(f"{side}/callup/outside_criteria", start, end), results.total(f"{side}/callup/notices", start, end)
        )

    def leaving(side: str) -> np.ndarray:
        gone = results.total(f"{side}/morale/desertions", start, end) + results.total(f"{side}/morale/surrenders", start, end)
        return 100 * share(gone, results.mean(f"{side}/front/troops", start, end))

    def told(side: str) -> np.ndarray:
        return 100 * (share(results.at(f"{side}/command/perceived_strength", start), results.at(f"{side}/front/troops", start)) - 1)

    def ended(side: str) -> np.ndarray:
        found = [results.at(f"{side}/regime/{name}", by) for name in ("coup_succeeded", "overthrown", "collapsed")]
        return np.max(found, axis=0)

    def at_end(path: str, factor: float = 1.0) -> Callable[[str], np.ndarray]:
        return lambda side: factor * results.at(f"{side}/{path}", end)

    every: list[tuple[str, str, str, str, Callable[[str], np.ndarray]]] = [
        ("Call-up", "thousand men called up", ARMY, "", total("callup/called_up", 1e-3)),
        ("Selection", "of notices go to men outside the stated criteria", ARMY, "%", outside),
        ("Training", "mean course, at the end of the year", ARMY, "weeks", at_end("training/course_length")),
        ("Front", "thousand own soldiers killed", ARMY, "", total("front/killed", 1e-3)),
        ("Morale", "desertions and surrenders per force in theatre", ARMY, "%", leaving),
        ("Command", "strength as reported over true strength, first day", ARMY, "%", told),
        ("Society", "change of reported approval, points", COUNTRY, "", change("society/approval_reported", False)),
        ("Demography", "change of men aged 18 to 39", COUNTRY, "%", change("people/men_18_39")),
        ("Economy", "change of output", COUNTRY, "%", change("economy/output")),
        ("Industry", "change of armoured vehicles in the field", COUNTRY, "%", change("arms/afv")),
        ("Partners", "billion EUR delivered", COUNTRY, "", total("partners/deliveries", 1e-9)),
        ("Regions", "own dead per 10,000 men since the start", COUNTRY, "", at_end("regions/deaths_per_10k_men")),
        ("Regime", f"draws with a coup, an overthrow or a collapse by {day(by)}", STATE, "%", ended),
    ]
    return [Link(name, what, group, both(results, of, group == STATE, weights), unit) for name, what, group, unit, of in every]


def share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom; not a number where there is no bottom."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan, dtype=float), where=bottom != 0)


def both(results: Results, of: Callable[[str], np.ndarray], event: bool, weights: np.ndarray | None):
    """Low, middle and high of both sides; of an event its share in percent, with two Monte-Carlo errors on either side."""
    first, second = (three(of(side), event, weights) for side in results.sides)
    return first, second


def three(values: np.ndarray, event: bool, weights: np.ndarray | None = None) -> tuple[float, float, float]:
    """5 %, median and 95 %; of an event its share."""
    if event:
        p = float(np.average(values, weights=weights))
        count = len(values) if weights is None else 1 / float(np.sum(weights**2))
        error = 2 * float(np.sqrt(p * (1 - p) / count))
        return 100 * max(p - error, 0.0), 100 * p, 100 * min(p + error, 1.0)
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    levels = (0.05, 0.5, 0.95)
    found = np.quantile(known, levels) if weights is None else [weighted_quantile(values, weights, level) for level in levels]
    low, middle, high = (float(x) for x in found)
    return low, middle, high


def figure(results: Results, experiment: Experiment, weights: np.ndarray | None = None) -> Figure:
    """The chain as a picture in two widths, and as a table."""
    found, labels = links(results, experiment, weights), tuple(str(label) for label in results.tree.attrs["labels"])
    start, end = year(experiment)
    when = f"{day(start)} to {day(end)}"
    caption = f"{when[0].upper()}{when[1:]}: median and 90 % band of {results.draws:,} draws, both sides"
    order = ", ".join(link.name.lower() for link in found)
    label = f"The chain from the call-up to the regime, in this order: {order}. One number a side in each box; a table follows."
    picture = Markup("").join([picture_of(found, labels, 6, "wide", label), picture_of(found, labels, 2, "narrow", label)])
    rows = [[link.name, link.told, *(told_band(numbers, link.unit) for numbers in link.numbers)] for link in found]
    note = "Of the regime the share of draws with twice its Monte-Carlo error. Rare events rest on priors."
    return Figure(caption, label, picture, ["link", "what is counted", *labels], rows, note)


def told_band(numbers: tuple[float, float, float], unit: str) -> str:
    """A median with its band in words."""
    low, middle, high = numbers
    return f"{with_unit(middle, unit)} ({band(low, high)})" if np.isfinite(middle) else "none"


def with_unit(value: float, unit: str) -> str:
    """A number with its unit."""
    return f"{number(value)} {unit}".strip() if np.isfinite(value) else "none"


def picture_of(found: list[Link], labels: tuple[str, ...], columns: int, name: str, label: str) -> Markup:
    """One width of the picture: boxes from left to right, group under group, with arrows between them."""
    width = columns * BOX[0] + (columns - 1) * GAP + 4
    parts, y = [legend(labels, width)], 40
    for group in (ARMY, COUNTRY, STATE):
        own = [link for link in found if link.group == group]
        at = (width - 2 * BOX[0] - GAP) / 2 if group == STATE else 2
        parts.append(f'<text class="group" x="{at}" y="{y}">{escape(group)}</text>')
        y += 10
        for place, link in enumerate(own):
            row, column = divmod(place, columns)
            x, top = at + column * (BOX[0] + GAP), y + row * (BOX[1] + GAP)
            wide = 2 * BOX[0] + GAP if group == STATE else BOX[0]
            parts.append(box(link, x, top, wide))
            if column and group == ARMY:
                parts.append(arrow(x - GAP, top + BOX[1] / 2, GAP, 0))
            if not column and row and group == ARMY:
                parts.append(arrow(width / 2, top - GAP, 0, GAP))
        y += -(-len(own) // columns) * (BOX[1] + GAP) if group != STATE else int(height_of(2 * BOX[0])) + 4
        if group != STATE:
            parts.append(arrow(width / 2, y - GAP + 1, 0, 22))
            y += 26
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chain {name}" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {y}">'
    )
    return Markup(f"{head}{''.join(parts)}</svg>")


def legend(labels: tuple[str, ...], width: int) -> str:
    """Which colour is which side."""
    parts, x = [], 2
    for place, label in enumerate(labels):
        parts.append(
            f'<rect class="side{place}" x="{x}" y="4" width="11" height="11"/><text class="key" x="{x + 17}" y="14">{escape(label)}</text>'
        )
        x += min(width // 2, 40 + 9 * len(label))
    return "".join(parts)


def box(link: Link, x: float, y: float, width: float) -> str:
    """A link: its name, what is counted, and a number with its band for each side; in a wide box beside each other."""
    wide = width > BOX[0]
    lines = textwrap.wrap(link.told, WRAP if not wide else 2 * WRAP)
    parts = [f'<rect class="box" x="{x}" y="{y}" width="{width}" height="{height_of(width)}" rx="6"/>']
    parts.append(f'<text class="name" x="{x + 10}" y="{y + 21}">{escape(link.name)}</text>')
    parts += [f'<text class="what" x="{x + 10}" y="{y + 38 + LINE * row}">{escape(line)}</text>' for row, line in enumerate(lines)]
    for place, (low, middle, high) in enumerate(link.numbers):
        line, left = (y + 74, x + 10 + 150 * place) if wide else (y + 84 + 31 * place, x + 10)
        known = f"{rough(middle)} {link.unit}".strip() if np.isfinite(middle) else "none"
        parts.append(f'<rect class="side{place}" x="{left}" y="{line - 12}" width="5" height="26"/>')
        parts.append(f'<text class="number" x="{left + 11}" y="{line}">{escape(known)}</text>')
        if np.isfinite(middle):
            parts.append(f'<text class="band" x="{left + 11}" y="{line + 13}">{escape(f"{rough(low)} to {rough(high)}")}</text>')
    return "".join(parts)


def height_of(width: float) -> float:
    """How tall a box of a width is."""
    return BOX[1] if width <= BOX[0] else BOX[1] - 34


def arrow(x: float, y: float, across: float, down: float) -> str:
    """An arrow of a length to the right or downwards."""
    end_x, end_y = x + across, y + down
    head = (
        f"M{end_x - 5} {end_y - 4}L{end_x} {end_y}L{end_x - 5} {end_y + 4}"
        if across
        else f"M{end_x - 5} {end_y - 6}L{end_x} {end_y}L{end_x + 5} {end_y - 6}"
    )
    return f'<path class="arrow" d="M{x} {y}L{end_x} {end_y}{head}"/>'
