"""Charts, each once, as a Vega-Lite specification: report, explorer and documentation draw the same.

Colours are fixed words here; a page gives each its own light, dark or printed shade. A chart is narrow enough for a telephone.
"""

import datetime
import itertools
from typing import Any

import altair as alt

WIDTH, HEIGHT = 190, 120  # pixels of one panel of several
ALONE = (300, 190)  # pixels of a panel that stands alone
FEW = 120  # days of an axis below which its labels name days
CAP = 30.0  # men per man at which a band is cut
SIDES = ("#1f5fa8", "#b3541e")  # the first and the second side of a war
NEITHER = "all"  # what is about no single side
ERAS = ("#6a4fa3", "#1f7a6d", "#a8327d")  # spans of time
INK, MUTED, GRID, PAPER = "#1f2328", "#57606b", "#d8dee5", "#fdfdfe"
SHADES = ("#eef3f9", "#c6d7ea", "#8fb1d6", "#4f83ba", "#1f4e8c")  # from little to much
FONT = 12
LABELS = {"left": 18, "right": 8, "top": 5, "bottom": 5}  # room for names where the reader's letters are wider

Spec = dict[str, Any]


def styled(chart: alt.TopLevelMixin) -> Spec:
    """A chart in the common style, as a specification."""
    axis = {"labelColor": INK, "titleColor": INK, "gridColor": GRID, "domainColor": MUTED, "tickColor": MUTED, "labelLimit": 150}
    text = {"labelFontSize": FONT - 1, "titleFontSize": FONT, "titleFontWeight": "normal"}
    legend = {"labelColor": INK, "titleColor": INK, "labelFontSize": FONT, "orient": "top", "symbolOpacity": 1, "labelLimit": 260}
    look = {"aria": False, "background": None, "font": "system-ui, sans-serif", "view": {"stroke": None}, "axis": axis | text}
    return chart.to_dict(validate=False) | {
        "config": look
        | {"legend": legend, "title": {"color": INK, "fontSize": FONT, "anchor": "start", "frame": "bounds", "subtitleFontSize": FONT - 1}}
    }


def of_sides(labels: tuple[str, str], field: str = "side:N", legend: bool = True) -> alt.Color:
    """The colour of a side, the same in every chart."""
    shown = alt.Legend(title=None) if legend else None
    return alt.Color(field, scale=alt.Scale(domain=list(labels), range=list(SIDES)), legend=shown)


def values(rows: list[dict]) -> alt.Data:
    """Rows as the data of a chart."""
    return alt.Data(values=rows)


def days(scale_from: str, scale_to: str) -> alt.X:
    """An axis of days: years and months, or days where there are few."""
    domain = [f"{scale_from}T00:00:00", f"{scale_to}T00:00:00"]
    few = (datetime.date.fromisoformat(scale_to) - datetime.date.fromisoformat(scale_from)).days < FEW
    by_month = "timeFormat(datum.value, '%b') == 'Jan' ? timeFormat(datum.value, '%Y') : timeFormat(datum.value, '%b %y')"
    axis = alt.Axis(tickCount=5, labelExpr="timeFormat(datum.value, '%-d %b')" if few else by_month, grid=False, labelOverlap=True)
    return alt.X("day:T", title=None, scale=alt.Scale(domain=domain), axis=axis)


def marks_of_time(threshold: dict | None, window: tuple[str, str] | None, last: str | None) -> list[alt.Chart]:
    """The window as a shade, the threshold as a dashed line with its word, the last observation as a dotted one."""
    found = []
    if window and window[0] != window[1]:
        shade = alt.Chart(values([{"day": f"{window[0]}T00:00:00", "to": f"{window[1]}T00:00:00"}]))
        found.append(shade.mark_rect(color=MUTED, opacity=0.1, clip=True).encode(x="day:T", x2="to:T"))
    if window:
        day = alt.Chart(values([{"day": f"{window[1]}T00:00:00"}]))
        found.append(day.mark_rule(color=MUTED, strokeWidth=1).encode(x="day:T"))
    if last:
        day = alt.Chart(values([{"day": f"{last}T00:00:00", "word": "last observation"}]))
        found.append(day.mark_rule(color=MUTED, strokeDash=[1, 3]).encode(x="day:T"))
        found.append(day.mark_text(color=MUTED, align="right", dx=-4, fontSize=FONT - 2).encode(x="day:T", y=alt.value(6), text="word:N"))
    if threshold:
        line = alt.Chart(values([threshold]))
        found.append(line.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.3).encode(y="value:Q"))
        label = line.mark_text(color=INK, align="left", baseline="bottom", dx=3, dy=-2, fontSize=FONT - 1)
        found.append(label.encode(x=alt.value(0), y="value:Q", text="word:N"))
    return found


def fan(
    rows: list[dict],
    labels: tuple[str, str],
    unit: str,
    *,
    points: list[dict],
    threshold: dict | None = None,
    window: tuple[str, str] | None = None,
    last: str | None = None,
    beside: list[dict] | None = None,
    live: bool = False,
) -> Spec:
    """Both sides' bands over time: 90 %, 50 % and median; published figures as points with their range.

    rows: day, side, p5, p25, p50, p75, p95; points: day, side, low, value, high; threshold: value, word; beside: day, side, value of a
    course to compare with. `live`: a page has a legend of its own, and may draw courses over the chart, for which it puts numbers into the
    data named room.
    """
    x, every = days(rows[0]["day"], max(row["day"] for row in rows)), [row | {"day": f"{row['day']}T00:00:00"} for row in rows]
    base = alt.Chart(values(every)).encode(x=x, color=of_sides(labels, legend=not live))
    outer = base.mark_area(opacity=0.18, clip=True).encode(y=alt.Y("p5:Q", title=unit), y2="p95:Q")
    inner = base.mark_area(opacity=0.3, clip=True).encode(y="p25:Q", y2="p75:Q")
    layers = [*marks_of_time(None, window, last), outer, inner, base.mark_line(strokeWidth=2, clip=True).encode(y="p50:Q")]
    if points:
        dots = alt.Chart(values([row | {"day": f"{row['day']}T00:00:00"} for row in points])).encode(x="day:T")
        layers.append(dots.mark_rule(color=INK, strokeWidth=1.2).encode(y="low:Q", y2="high:Q"))
        layers.append(
            dots.mark_point(shape="diamond", size=46, filled=True, opacity=1, stroke=INK, strokeWidth=1).encode(
                y="value:Q", fill=alt.Fill("side:N", scale=alt.Scale(domain=list(labels), range=list(SIDES)), legend=None)
            )
        )
    if beside:
        course = alt.Chart(values([row | {"day": f"{row['day']}T00:00:00"} for row in beside]))
        layers.append(
            course.mark_line(strokeWidth=1.5, strokeDash=[5, 4], clip=True).encode(
                x="day:T", y="value:Q", color=of_sides(labels, legend=not live)
            )
        )
    layers += [*marks_of_time(threshold, None, None), *([room()] if live else [])]
    return styled(alt.layer(*layers).properties(width=ALONE[0], height=ALONE[1]))


def room() -> alt.Chart:
    """Marks that nobody sees: a page that draws over the chart puts the ends of its courses in, so that the axis holds them."""
    return alt.Chart(alt.Data(name="room", values=[])).mark_point(opacity=0).encode(y="value:Q")


def chances(rows: list[dict], labels: tuple[str, str], *, window: tuple[str, str] | None = None, last: str | None = None) -> Spec:
    """Share of draws in which something has happened, over time. rows: day, side, share."""
    x, every = days(rows[0]["day"], max(row["day"] for row in rows)), [row | {"day": f"{row['day']}T00:00:00"} for row in rows]
    top = max(0.1, *(row["share"] for row in rows))
    scale = alt.Scale(domain=[0, min(1.0, 1.15 * top)])
    line = alt.Chart(values(every)).mark_line(strokeWidth=2.2).encode(
        x=x, y=alt.Y("share:Q", title="share of draws", scale=scale, axis=alt.Axis(format=".0%")), color=of_sides(labels)
    )  # fmt: skip
    return styled(alt.layer(*marks_of_time(None, window, last), line).properties(width=ALONE[0], height=ALONE[1]))


def intervals(rows: list[dict], labels: tuple[str, str], unit: str, *, threshold: dict | None = None) -> Spec:
    """A quantity of both sides that has no course in time: 90 % and 50 % intervals and median.

    rows: side, p5, p50, p95, and p25 and p75 where they are known.
    """
    scale = alt.Scale(domain=[*labels, NEITHER], range=[*SIDES, MUTED])
    colour = alt.Color("side:N", scale=scale, legend=None)
    base = alt.Chart(values(rows)).encode(y=alt.Y("side:N", title=None, sort=list(labels)), color=colour)
    halves = base.properties(data=values([row for row in rows if "p25" in row and "p75" in row]))
    outer = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=alt.X("p5:Q", title=unit, scale=alt.Scale(zero=False)), x2="p95:Q")
    inner = halves.mark_rule(strokeWidth=9, opacity=0.55).encode(x="p25:Q", x2="p75:Q")
    middle = base.mark_point(filled=True, size=90, opacity=1, stroke=PAPER, strokeWidth=1).encode(x="p50:Q")
    layers = [outer, inner, middle]
    if threshold:
        line = alt.Chart(values([threshold]))
        layers.append(line.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.3).encode(x="value:Q"))
        layers.append(line.mark_text(color=INK, dy=-6, fontSize=FONT - 1).encode(x="value:Q", y=alt.value(0), text="word:N"))
    return styled(alt.layer(*layers).properties(width=ALONE[0] - 20, height=90))


def differences(rows: list[dict], labels: tuple[str, str], order: list[str], unit: str) -> Spec:
    """What each policy changes in one quantity, both sides: median and 90 % band of the paired difference.

    rows: policy, side, low, median, high.
    """
    offset = alt.YOffset("side:N", sort=list(labels))
    y = alt.Y("policy:N", title=None, sort=order, axis=alt.Axis(grid=True, labelLimit=190))
    base = alt.Chart(values(rows)).encode(y=y, yOffset=offset, color=of_sides(labels))
    zero = alt.Chart(values([{"at": 0}])).mark_rule(color=INK, strokeWidth=1).encode(x="at:Q")
    band = base.mark_rule(strokeWidth=3, opacity=0.5).encode(
        x=alt.X("low:Q", title=unit, axis=alt.Axis(tickCount=4, labelOverlap=True)), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=42, opacity=1).encode(x="median:Q")
    return styled(alt.layer(zero, band, dots).properties(width=200, height=alt.Step(12), padding=LABELS))


def steps_of(bounds: list[float]) -> list[str]:
    """The steps of a map in words."""
    ends = [f"{bound:g}" for bound in bounds]
    return [f"below {ends[0]}", *(f"{low} to {high}" for low, high in itertools.pairwise(ends)), f"{ends[-1]} and more"]


def tiles(rows: list[dict], measure: str, bounds: list[float], live: bool = False) -> Spec:
    """A map of equal tiles, one a region, in five steps. rows: code, row, column, value (nothing where not known).

    `bounds`: the four values at which the steps change, the same for every map that is to be compared. `live`: a page may put other
    rows into the data named tiles.
    """
    rows = [row | {"step": min(sum(row["value"] >= bound for bound in bounds), 4)} for row in rows if row["value"] is not None]
    words = steps_of(bounds)
    rows = [row | {"word": words[row["step"]], "dark": row["step"] >= 3} for row in rows]
    across, down = 1 + max(row["column"] for row in rows), 1 + max(row["row"] for row in rows)
    side = min(30, round(380 / across))
    base = alt.Chart(alt.Data(name="tiles", values=rows) if live else values(rows)).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.06)), y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.06))
    )
    shades = alt.Scale(domain=words, range=list(SHADES))
    legend = alt.Legend(title=measure, columns=3, titleLimit=340)
    boxes = base.mark_rect(stroke=MUTED, strokeWidth=0.4).encode(color=alt.Color("word:N", scale=shades, legend=legend))
    names = base.mark_text(fontSize=round(side / 3)).encode(
        text="code:N", color=alt.condition("datum.dark", alt.value(PAPER), alt.value("#14171a"))
    )
    return styled(alt.layer(boxes, names).properties(width=side * across, height=side * down))


def quality_gap(
    rows: list[dict], measure: str = "men_that_offset_it_in_winning", note: str | list[str] = "", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Spec:
    """How many more men offset a given gap in quality: median and 90 % band by era, a panel a posture of the defender.

    rows: era, posture, gap and the measure as [5 %, median, 95 %], as muster.battle_answers.elasticities gives them for several gaps.
    `note` stands under the title, in the chart itself.
    """
    flat = []
    for row in rows:
        low, middle, high = (min(x, CAP) for x in row[measure])
        worse = round(100 * (1 - row["gap"]))
        flat.append({"era": row["era"], "posture": row["posture"], "worse": worse, "low": low, "middle": middle, "high": high})
    eras = list(dict.fromkeys(row["era"] for row in flat))
    colour = alt.Scale(domain=eras, range=list(ERAS)) if len(eras) <= len(ERAS) else alt.Undefined
    base = alt.Chart(values(flat)).encode(
        x=alt.X("worse:Q", title="quality below the enemy's, %", axis=alt.Axis(values=[0, 10, 20, 30, 40, 50])),
        color=alt.Color("era:N", title="era", sort=None, scale=colour),
    )
    scale = alt.Scale(type="log", domain=[1, CAP])
    axis = alt.Axis(values=[1, 2, 3, 5, 10, 20, 30])
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title="times the men", scale=scale, axis=axis), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(
        y=alt.Y("middle:Q", title="times the men", scale=scale),
        tooltip=["era:N", "posture:N", "worse:Q", "low:Q", "middle:Q", "high:Q"],
    )
    panel = (band + line).properties(width=size[0], height=size[1])
    postures = {row["posture"] for row in flat}
    said = f"Men that offset a gap in quality (median, 90 % band; cut at {CAP:g})"
    if len(postures) == 1:
        title = alt.TitleParams(
            ["Men that offset a gap in quality", f"(median, 90 % band; cut at {CAP:g})"], subtitle=note or [], subtitleColor=INK
        )
        return styled(panel.properties(title=title))
    panels = panel.facet(facet=alt.Facet("posture:N", title="defence", sort=None), columns=3, titleLimit=340)
    return styled(panels.properties(title=said))


def fans(bands: list[dict], points: list[dict], columns: int = 3) -> dict[str, Any]:
    """Median and 90 % band of some series under prior and posterior, with published figures: a panel a series.

    bands: panel, date, draws (prior or posterior), low, middle, high. points: panel, date, value, kind.
    """
    panels = []
    colours = alt.Scale(domain=["prior", "posterior"], range=["#bbbbbb", "#2a6f97"])
    shapes = alt.Scale(domain=["a party's claim", "other"], range=["#d1495b", "#222222"])
    for panel in dict.fromkeys(row["panel"] for row in bands):
        own = alt.Chart(alt.Data(values=[row for row in bands if row["panel"] == panel])).encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%Y", tickCount=4)), color=alt.Color("draws:N", title=None, scale=colours)
        )
        layers = [
            own.mark_area(opacity=0.35).encode(y=alt.Y("low:Q", title=None, scale=alt.Scale(zero=False)), y2="high:Q"),
            own.mark_line(strokeWidth=1.5).encode(y="middle:Q"),
        ]
        found = [row for row in points if row["panel"] == panel]
        if found:
            dots = alt.Chart(alt.Data(values=found)).mark_point(size=12, filled=True, opacity=0.8)
            layers.append(dots.encode(x="date:T", y="value:Q", fill=alt.Fill("kind:N", title="published", scale=shapes)))
        panels.append(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=panel))
    return alt.concat(*panels, columns=columns).resolve_scale(color="shared", fill="shared").to_dict()
