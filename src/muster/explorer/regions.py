"""The map: medians of a quantity by region and quarter of both sides, and whether the run by regions agrees with the run as a whole."""

import datetime
from dataclasses import dataclass
from functools import cache

import numpy as np

from muster import charts
from muster.errors import UserError
from muster.explorer.answers import labels_of, listed
from muster.explorer.engine import Engine, Fan, read
from muster.output import QUARTER
from muster.regional import find
from muster.regions_table import RegionsTable
from muster.regions_table import read as read_table
from muster.report.sections import letters
from muster.results import HEADLINES

CLOSE = 0.05  # relative difference of medians up to which two runs agree


@dataclass(frozen=True)
class Measure:
    """A quantity by region; no hazard of leaving is among them, and regions are never ranked by one."""

    name: str
    meaning: str
    per_man: bool
    factor: float


MEASURES = (
    Measure("dead", "own dead per 10,000 men since the start", True, 1e4),
    Measure("called_up", "men called up per 1,000 men since the start", True, 1e3),
    Measure("volunteers", "volunteers per 1,000 men since the start", True, 1e3),
    Measure("serving", "men serving per 1,000 men", True, 1e3),
    Measure("evading", "men who evade per 1,000 men", True, 1e3),
    Measure("abroad", "men who left the country per 1,000 men", True, 1e3),
    Measure("trust", "% that trusts the government in private", False, 100),
    Measure("support", "% that supports the war in private", False, 100),
)


@cache
def table_of(name_or_path: str) -> RegionsTable:
    """The table of regions of a side."""
    return read_table(find(name_or_path, "regions"))


def measured(seen, measure: Measure) -> np.ndarray:
    """Medians over the draws [quarter, region], not a number where no men are counted."""
    values = np.asarray(getattr(seen, measure.name), dtype=float)
    values = values.sum(axis=2) if values.ndim == 4 else values
    men = np.asarray(seen.men, dtype=float)
    share = np.divide(values, men if measure.per_man else 1.0, out=np.full(values.shape, np.nan), where=men > 0)
    return np.median(share, axis=0) * measure.factor


def bounds_of(values: list[np.ndarray], quarter: int) -> list[float]:
    """Four round values between which the regions of both sides lie evenly at the last observation."""
    every = np.concatenate([side[quarter] for side in values])
    found: list[float] = []
    for share in (0.2, 0.4, 0.6, 0.8):
        value = float(f"{np.quantile(every[np.isfinite(every)], share):.2g}")
        least = found[-1] * 1.01 + 1e-3 if found else 1e-3
        found.append(max(value, float(f"{least:.3g}")))
    return found


def measure_of(name: str) -> Measure:
    """The measure of a name."""
    measure = next((one for one in MEASURES if one.name == name), None)
    if measure is None:
        raise UserError(f"measure: one of {', '.join(one.name for one in MEASURES)} was expected.")
    return measure


def maps(engine: Engine, regional: Fan, national: Fan, measure: Measure) -> dict:
    """Both sides' maps for every quarter of the shown time."""
    quarters = engine.steps // QUARTER + 1
    values = [measured(seen, measure)[:quarters] for seen in regional.regional]
    quarter = round(engine.base.observation_step / QUARTER)
    bounds = bounds_of(values, quarter)
    sides = []
    for side, label, own in zip(engine.base.sides, labels_of(engine), values, strict=True):
        table = table_of(str(engine.base.scenario.sides[side].regions))
        codes = letters(list(table.ids), list(table.names))
        regions = [
            {"code": code, "name": name, "row": int(row), "column": int(column)}
            for code, name, (row, column) in zip(codes, table.names, table.tiles, strict=True)
        ]
        rows = [region | {"value": value} for region, value in zip(regions, listed(own[quarter]), strict=True)]
        spec = charts.tiles(rows, measure.meaning, bounds, live=True)
        sides.append({"label": label, "regions": regions, "values": [listed(row) for row in own], "spec": spec})
    days = [(engine.base.start + datetime.timedelta(weeks=QUARTER * number)).isoformat() for number in range(len(values[0]))]
    return {
        "measure": measure.name,
        "meaning": measure.meaning,
        "measures": [{"name": one.name, "meaning": one.meaning} for one in MEASURES],
        "bounds": bounds,
        "words": charts.steps_of(bounds),
        "days": days,
        "sides": sides,
        "draws": regional.experiment.draws,
        "differs": differing(engine, regional, national),
    }


def differing(engine: Engine, regional: Fan, national: Fan) -> list[str]:
    """Headline series of which the medians of both runs differ by more than CLOSE at the end of any half-year that is known."""
    found = []
    steps = list(range(25, engine.base.observation_step, 26)) or [engine.base.observation_step - 1]
    for label, own, whole in zip(labels_of(engine), regional.readings, national.readings, strict=True):
        for item in HEADLINES:
            curves = []
            for side in (own, whole):
                values = read(side, item.path)
                curves.append(np.median(np.cumsum(values, axis=1) if item.since_start else values, axis=0)[steps])
            size = np.maximum(np.abs(curves[1]), 1e-9 + 0.05 * np.max(np.abs(curves[1])))
            most = float(np.max(np.abs(curves[0] - curves[1]) / size))
            if most > CLOSE:
                found.append(f"{label}, {item.name} ({100 * most:.0f} %)")
    return found
