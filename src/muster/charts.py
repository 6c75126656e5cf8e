"""Charts, each once, as a Vega-Lite specification: report, explorer and documentation draw the same."""

from typing import Any

import altair as alt

WIDTH, HEIGHT = 190, 120  # pixels of one panel
CAP = 30.0  # men per man at which a band is cut


def quality_gap(rows: list[dict], measure: str = "men_that_offset_it_in_winning") -> dict[str, Any]:
    """How many more men offset a given gap in quality: median and 90 % band by era, a panel a posture of the defender.

    rows: era, posture, gap and the measure as [5 %, median, 95 %], as muster.battle_answers.elasticities gives them for several gaps.
    """
    flat = []
    for row in rows:
        low, middle, high = (min(x, CAP) for x in row[measure])
        worse = round(100 * (1 - row["gap"]))
        flat.append({"era": row["era"], "posture": row["posture"], "worse": worse, "low": low, "middle": middle, "high": high})
    base = alt.Chart(alt.Data(values=flat)).encode(
        x=alt.X("worse:Q", title="quality below the enemy's, %"), color=alt.Color("era:N", title="era", sort=None)
    )
    scale = alt.Scale(type="log", domain=[1, CAP])
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title="times the men", scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(
        y=alt.Y("middle:Q", title="times the men", scale=scale),
        tooltip=["era:N", "posture:N", "worse:Q", "low:Q", "middle:Q", "high:Q"],
    )
    panels = (band + line).properties(width=WIDTH, height=HEIGHT).facet(facet=alt.Facet("posture:N", title="defence", sort=None), columns=3)
    return panels.properties(title=f"How many more men offset a gap in quality (median, 90 % band; cut at {CAP:g})").to_dict()


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
