"""What the page is answered: numbers of a run as lists, bands of an ensemble as charts, differences draw by draw."""

import datetime
import math

import numpy as np

from muster import charts
from muster.errors import UserError
from muster.explorer.engine import Engine, Fan, Readings, read
from muster.explorer.facts import CHAIN
from muster.explorer.view import View
from muster.layout import QUANTILES
from muster.model.quantity import meanings, units
from muster.model.world import READINGS
from muster.observe import observations

FLOWS = "/week"
NEAR = 10  # days by which a published sum may begin elsewhere than the war


def rounded(value: float, digits: int = 5) -> float | None:
    """A number in so many digits, nothing where it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def listed(values) -> list[float | None]:
    """Numbers as a list, in five digits; nothing where one is not finite."""
    array = np.asarray(values, dtype=float)
    known = np.isfinite(array)
    size = np.where(known & (array != 0), np.abs(array), 1.0)
    scale = 10.0 ** (4 - np.floor(np.log10(size)))
    short = np.round(np.where(known, array, 0.0) * scale) / scale
    return [value if fine else None for value, fine in zip(short.tolist(), known.tolist(), strict=True)]


def days_of(engine: Engine, count: int, stride: int = 1) -> list[str]:
    """The last day of each step."""
    return [(engine.base.start + datetime.timedelta(weeks=step + 1)).isoformat() for step in range(0, count, stride)]


def course(side: dict, path: str, since: bool, scale: float, dt: float = 1.0) -> np.ndarray:
    """A series [draw, step] in the unit in which it is told; a flow summed since the start if asked for."""
    values = read(side, path) * scale
    return np.cumsum(values * dt, axis=1) if since else values


def unit_of(path: str, since: bool) -> str:
    """The unit of a series; of a sum without its weeks."""
    node, _, name = path.partition("/")
    unit = units(READINGS[node]).get(name) if node in READINGS else None
    if unit is None:
        raise UserError(f'There is no series "{path}".')
    return unit.removesuffix(FLOWS) if since else unit


def told_as(path: str, since: bool) -> tuple[str, float, bool]:
    """Unit, scale and whether summed of a series: as its link tells it, if it is a link's number."""
    for link in CHAIN:
        if link.path == path and link.since_start == since:
            return link.unit, link.scale, since
    if since and not unit_of(path, False).endswith(FLOWS):
        raise UserError(f"{path} is no weekly flow; it has no sum.")
    unit = unit_of(path, since)
    return {"person": "men", "1": ""}.get(unit, unit), 1.0, since


def chain(readings: Readings, weeks: int) -> dict[str, list[list[float | None]]]:
    """The course of each link's number of both sides, median over the draws, week by week."""
    return {
        link.name: [listed(median(course(side, link.path, link.since_start, link.scale))[:weeks]) for side in readings] for link in CHAIN
    }


def median(values: np.ndarray) -> np.ndarray:
    """The median over the draws [step]."""
    return values[0] if len(values) == 1 else np.median(values, axis=0)


def typical(engine: Engine, view: View, path: str, since: bool) -> dict:
    """The typical run: the chain's numbers week by week, and one series."""
    readings = engine.typical(view)
    _, scale, _ = told_as(path, since)
    return {
        "chain": chain(readings, horizon(engine, False)),
        "series": [listed(course(side, path, since, scale)[0]) for side in readings],
    }


def bands(values: np.ndarray) -> np.ndarray:
    """QUANTILES of a course over the draws [quantile, step]."""
    return np.quantile(values, QUANTILES, axis=0)


def rows_of(engine: Engine, values: tuple[np.ndarray, np.ndarray], weeks: int) -> list[dict]:
    """Rows of a fan: day, side, quantiles."""
    labels = labels_of(engine)
    days, rows = days_of(engine, weeks), []
    for label, own in zip(labels, values, strict=True):
        quantiles = bands(own[:, :weeks])
        for step in shown_steps(engine, weeks):
            numbers = dict(zip(("p5", "p25", "p50", "p75", "p95"), listed(quantiles[:, step]), strict=True))
            rows.append({"day": days[step], "side": label, **numbers})
    return rows


def shown_steps(engine: Engine, weeks: int) -> list[int]:
    """The steps that a chart shows: two weeks apart, over a long horizon four."""
    return sorted({*range(0, weeks, 2 if weeks <= engine.steps else 4), weeks - 1})


def labels_of(engine: Engine) -> tuple[str, str]:
    """The sides' names as they are shown."""
    first, second = (engine.base.scenario.sides[side].label for side in engine.base.sides)
    return first, second


def published(engine: Engine, path: str, since: bool, scale: float, until: str) -> list[dict]:
    """Published figures of exactly this series, of both sides, as points."""
    labels, found = dict(zip(engine.base.sides, labels_of(engine), strict=True)), []
    for row in observations():
        if row.side not in labels or row.path != path or row.cohort is not None or row.region is not None:
            continue
        begins = datetime.date.fromisoformat(row.start[:10])
        summed = row.operator == "over" and abs((begins - engine.base.start).days) <= NEAR
        if (summed if since else row.operator in ("at", "mean")) and row.end[:10] <= until:
            low, high = (row.central if end is None else end for end in (row.low, row.high))
            numbers = {"low": low * scale, "value": row.central * scale, "high": high * scale}
            found.append({"day": row.end[:10], "side": labels[row.side], **numbers})
    return found


def horizon(engine: Engine, whole: bool) -> int:
    """Weeks that are shown: those of the typical run, or the scenario's."""
    return engine.base.steps if whole else min(engine.steps, engine.base.steps)


def fan(engine: Engine, found: Fan, path: str, since: bool, whole: bool, reference: Fan | None) -> dict:
    """The ensemble of a view: the chain's medians, and the chart of a series with what was decided beside it."""
    unit, scale, _ = told_as(path, since)
    weeks = horizon(engine, whole)
    values = [course(side, path, since, scale) for side in found.readings]
    days = days_of(engine, weeks)
    beside = []
    if reference is not None:
        for label, side in zip(labels_of(engine), reference.readings, strict=True):
            middle = np.median(course(side, path, since, scale), axis=0)
            beside += [{"day": days[step], "side": label, "value": rounded(middle[step])} for step in shown_steps(engine, weeks)]
    rows = rows_of(engine, (values[0], values[1]), weeks)
    node, _, name = path.partition("/")
    spec = charts.fan(
        rows, labels_of(engine), unit or "index", points=published(engine, path, since, scale, days[-1]),
        last=engine.base.scenario.last_observation.isoformat(), beside=beside, live=True,
    )  # fmt: skip
    return {
        "chain": chain(found.readings, weeks),
        "series": [listed(np.median(own, axis=0)[:weeks]) for own in values],
        "spec": spec,
        "unit": unit,
        "meaning": meanings(READINGS[node])[name],
        "draws": found.experiment.draws,
        "table": table(rows),
    }


def table(rows: list[dict]) -> list[dict]:
    """The rows of a fan nearest to each half-year, for reading instead of looking."""
    kept: dict[tuple[str, str], dict] = {}
    for row in rows:
        half = f"{row['day'][:4]}-{'06' if row['day'][5:7] <= '06' else '12'}"
        kept[half, row["side"]] = row
    return list(kept.values())
