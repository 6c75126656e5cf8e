"""Results: the arrays of a run as labelled tables with units, and what can be asked of them."""

import datetime
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from muster import output
from muster.errors import UserError, nearest
from muster.experiment import Experiment
from muster.model.levers import COHORTS
from muster.model.structure import Structure
from muster.reading import date
from muster.sketch import Sketch
from muster.writer import EXACT, Writer

SOON = datetime.timedelta(weeks=4)  # after a half-year its end stands for that of the run
EVENTS = ("left", "movement")  # readings by region of what has happened or not


class Results:
    """A tree with a node per side and subsystem; dims draw, time (the moment at which a step ends) and cohort."""

    def __init__(self, tree: xr.DataTree, wall_time: float = 0.0):
        self.tree = tree
        self.wall_time = wall_time
        self.sums: dict[tuple[str, str | None], tuple[np.ndarray, np.ndarray]] = {}  # of cumulative, which many readings share

    @classmethod
    def from_record(cls, experiment: Experiment, record: dict[str, dict], wall_time: float, regional: dict | None = None) -> "Results":
        """Results of an experiment; record = side -> node -> Record of arrays [draw, step(, cohort)], regional as in output.tree_of."""
        return cls(output.tree_of(experiment, record, regional=regional), wall_time)

    @property
    def sides(self) -> tuple[str, str]:
        """The two sides' names."""
        first, second = self.tree.attrs["sides"]
        return str(first), str(second)

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return self.tree.sizes["draw"]

    @property
    def dt(self) -> float:
        """Length of a step [week]."""
        return float(self.tree.attrs["dt"])

    @cached_property
    def known_paths(self) -> tuple[str, ...]:
        """Every path that can be asked for, looked up once."""
        return tuple(output.all_series(self.tree))

    def paths(self) -> list[str]:
        """Every path that can be asked for."""
        return list(self.known_paths)

    def bibliography(self) -> list[dict]:
        """The sources of exactly the numbers that the run used, with the numbers that each carries."""
        return json.loads(self.tree.attrs["bibliography"])

    def series(self, path: str, cohort: str | None = None) -> xr.DataArray:
        """A variable by side/node/name [draw, time]; of a series by cohort the one named, as `cohort` or as the path's end."""
        parts = path.strip("/").split("/")
        if len(parts) == 4 and cohort is None:
            parts, cohort = parts[:3], parts[3]
        known = self.known_paths
        if "/".join(parts) not in known:
            if f"{'/'.join(parts)}_quantiles" in known:
                raise UserError(f'Of "{path}" these results hold quantiles only; run again with --keep {parts[-1]}.')
            raise UserError(f'There is no series "{path}".{nearest(path, known)}')
        array = output.series_of(self.tree, "/".join(parts))
        if "draw" not in array.dims:
            raise UserError(f'"{path}" is a summary of the draws; only a series with every draw can be asked for.')
        if ("cohort" in array.dims) != (cohort is not None):
            wish = f"name one of {', '.join(COHORTS)}" if cohort is None else "ask for it without one"
            raise UserError(f'"{"/".join(parts)}" has {"cohorts" if cohort is None else "no cohorts"}; {wish}.')
        if cohort is None:
            return array
        if cohort not in COHORTS:
            raise UserError(f'There is no cohort "{cohort}".{nearest(cohort, COHORTS)} Known: {", ".join(COHORTS)}.')
        return array.sel(cohort=cohort)

    def by_region(self, path: str, day: datetime.date | str, cohort: str | None = None) -> xr.DataArray:
        """A reading by region (side/name) on a day [draw, region]; of all cohorts unless one is named.

        Between two quarters it is taken on the line from one to the other, but what has happened or not (EVENTS) as the quarter begins.
        """
        side, _, name = path.strip("/").partition("/")
        node = f"{side}/{output.BY_REGION}"
        known = [part for part in self.paths() if part.startswith(node)]
        if f"{node}/{name}" not in known:
            told = nearest(f"{node}/{name}", known) if known else " The run was national; run it again with resolution regional."
            raise UserError(f'There is no reading "{name}" by region of "{side}".{told}')
        array = output.series_of(self.tree, f"{node}/{name}")
        if "cohort" in array.dims:
            array = array.sel(cohort=cohort) if cohort else array.sum("cohort")
        quarters = array["quarter"].values
        moment = np.clip(np.datetime64(date(day, "date")).astype(quarters.dtype), quarters[0], quarters[-1])
        before = int(np.searchsorted(quarters, moment, side="right")) - 1
        if name in EVENTS or quarters[before] == moment:
            return array.isel(quarter=before)
        part = (moment - quarters[before]) / (quarters[before + 1] - quarters[before])
        return array.isel(quarter=before, drop=True) * (1 - part) + array.isel(quarter=before + 1, drop=True) * part

    def weeks(self, day: datetime.date | str) -> float:
        """Weeks from the start to the first moment of a day, which must lie within the run."""
        start = datetime.date.fromisoformat(self.tree.attrs["start"])
        weeks = (date(day, "date") - start).days / 7
        end = self.tree.sizes["time"] * self.dt
        if not 0 <= weeks <= end + max(self.dt, 1):
            last = start + datetime.timedelta(weeks=end)
            raise UserError(f"{day} lies outside the run, which goes from {start} to {last}.")
        return weeks

    def cumulative(self, path: str, cohort: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weeks [step + 1] and the integral of a weekly flow since the start [draw, step + 1]."""
        if (path, cohort) not in self.sums:
            flow = self.series(path, cohort).values.astype(float)
            total = np.concatenate([np.zeros((flow.shape[0], 1)), np.cumsum(flow * self.dt, axis=1)], axis=1)
            self.sums[path, cohort] = np.arange(flow.shape[1] + 1) * self.dt, total
        return self.sums[path, cohort]

    def total(self, path: str, start: datetime.date | str, end: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """A weekly flow summed from start to end [draw], by linear interpolation between the ends of weeks."""
        weeks, total = self.cumulative(path, cohort)
        return interpolated(weeks, total, self.weeks(end)) - interpolated(weeks, total, self.weeks(start))

    def at(self, path: str, day: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """A stock or index on a day [draw]; before the end of the first week its value then."""
        values = self.series(path, cohort).values.astype(float)
        weeks = np.arange(1, values.shape[1] + 1) * self.dt
        return interpolated(weeks, values, self.weeks(day))

    def mean(self, path: str, start: datetime.date | str, end: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """The mean of a stock or index over a window [draw]; over no time its value on that day."""
        if self.weeks(end) < self.weeks(start):
            raise UserError(f"The window from {start} to {end} ends before it begins.")
        whole = self.tree.sizes["time"] * self.dt  # a run ends with its last whole step
        first, last = (min(self.weeks(day), whole) for day in (start, end))
        return self.total(path, start, end, cohort) / (last - first) if last > first else self.at(path, start, cohort)

    def manifest(self) -> dict:
        """Everything that is needed to make this run again, and how it went."""
        return output.manifest_of(self.tree.attrs, self.draws, self.wall_time)

    def save(
        self,
        directory: Path | str,
        force: bool = False,
        keep: str = "headline",
        texts: dict[str, str] | None = None,
        structures: tuple[Structure, ...] = (),
    ) -> list[Path]:
        """results.nc, manifest.json and further texts by name in a folder, and their paths.

        `keep` as in output.kept_whole; `structures` are those behind the texts, where they are more than this run's own.
        """
        folder = Path(directory)
        output.check_folder(folder, force)
        if any("draw" not in array.dims for array in output.all_series(self.tree).values()):
            raise UserError("These results hold quantiles and means, not every draw; copy their folder, or run again with --keep all.")
        manifest = self.manifest()
        if structures:
            manifest["structures"] = [asdict(structure) for structure in structures]
        with Writer(folder, self.tree, keep) as writer:
            writer.append(output.block_of_tree(self.tree), lasting=True)
            return writer.finish(manifest, texts)


@dataclass(frozen=True)
class Headline:
    """A column of the table that a run ends with."""

    name: str
    unit: str
    path: str
    scale: float
    since_start: bool = False


HEADLINES = (
    Headline("in theatre", "1,000 men", "front/troops", 1e-3),
    Headline("killed", "1,000 men since the start", "front/killed", 1e-3, since_start=True),
    Headline("casualties", "1,000 men since the start", "front/losses", 1e-3, since_start=True),
    Headline("recruits", "1,000 men since the start", "cohorts/called_up", 1e-3, since_start=True),
    Headline("AFV", "1,000 vehicles", "arms/afv", 1e-3),
    Headline("area", "1,000 km2", "front/area_controlled", 1e-3),
    Headline("approval", "%", "society/approval_reported", 100),
    Headline("abroad", "million people", "people/abroad", 1e-6),
    Headline("prices", "% over a year", "economy/inflation", 100),
    Headline("output", "% of pre-war", "economy/output", 100),
    Headline("deliveries", "billion EUR since the start", "partners/deliveries", 1e-9, since_start=True),
)


def half_years(results: Results) -> list[datetime.date]:
    """The ends of June and December within a run (the first moment of July and January), and its own where it goes on for weeks."""
    times = results.tree.coords["time"].values.astype("datetime64[D]")
    first, last = (day.astype(datetime.date) for day in (times[0], times[-1] + np.timedelta64(7, "D")))
    days = (datetime.date(year, month, 1) for year in range(first.year, last.year + 1) for month in (1, 7))
    found = [day for day in days if first <= day <= last]
    end = times[-1].astype(datetime.date)
    return found if found and end - found[-1] < SOON else [*found, end]


def headline_table(results: Results) -> list[dict]:
    """Median and 90 % band of the headline series of both sides by half-year: side, date, name, unit, median, low, high."""
    table = HeadlineTable(results, results.draws)
    table.add(output.block_of_tree(results.tree))
    return table.rows()


class HeadlineTable:
    """The table of draws that come block by block; `frame` are results of the same experiment, of any draws."""

    def __init__(self, frame: Results, expected: int):
        self.frame, self.blocks = frame, []
        days = half_years(frame)
        self.weeks = [frame.weeks(day) for day in days]
        series = len(frame.sides) * len(HEADLINES)
        self.sketch = Sketch((series, len(days))) if expected > EXACT else None

    def add(self, block: output.Block) -> None:
        """Takes up some draws."""
        wanted = [(f"{side}/{item.path}", item) for side in self.frame.sides for item in HEADLINES]
        found = [headline_values(block[path], item, self.weeks, self.frame.dt) for path, item in wanted]
        if self.sketch:
            self.sketch.add(np.stack(found))
        else:
            self.blocks.append(np.stack(found))

    def rows(self) -> list[dict]:
        """Median and 90 % band."""
        shares = (0.05, 0.5, 0.95)
        bands = self.sketch.quantiles(shares) if self.sketch else np.quantile(np.concatenate(self.blocks, axis=-1), shares, axis=-1)
        return headline_rows(self.frame, bands)


def headline_rows(results: Results, bands: np.ndarray) -> list[dict]:
    """The rows of the table from low, median and high [3, series, date]."""
    ends = [(day - datetime.timedelta(days=1)).isoformat() for day in half_years(results)]
    rows = []
    for number, (side, item) in enumerate((side, item) for side in results.sides for item in HEADLINES):
        for place, end in enumerate(ends):
            low, median, high = (float(value) for value in bands[:, number, place])
            rows.append({"side": side, "date": end, "name": item.name, "unit": item.unit, "median": median, "low": low, "high": high})
    return rows


def headline_values(values: np.ndarray, item: Headline, weeks: list[float], dt: float) -> np.ndarray:
    """A headline series [step(, cohort), draw] at some times [week], the sum of its cohorts where it has any: [time, draw]."""
    flow = np.asarray(values.sum(axis=1) if values.ndim > 2 else values, dtype=float)
    known = np.arange(len(flow) + 1) * dt
    before = np.zeros_like(flow[:1]) if item.since_start else flow[:1]
    curve = np.concatenate([before, np.cumsum(flow * dt, axis=0) if item.since_start else flow]).T
    return np.stack([interpolated(known, curve, week) for week in weeks]) * item.scale


def interpolated(weeks: np.ndarray, values: np.ndarray, at: float) -> np.ndarray:
    """values [draw, step] at a time [week]."""
    step = int(np.clip(np.searchsorted(weeks, at) - 1, 0, len(weeks) - 2))
    share = np.clip((at - weeks[step]) / (weeks[step + 1] - weeks[step]), 0, 1)
    return values[:, step] * (1 - share) + values[:, step + 1] * share


def load(directory: Path | str) -> Results:
    """The results that a run left in a folder; series are read when they are asked for."""
    path = Path(directory) / output.RESULTS
    if not path.exists():
        raise UserError(f"{path} does not exist; a run of Muster leaves it there.")
    try:
        tree = xr.open_datatree(path, engine="h5netcdf")
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be read: {str(problem).splitlines()[0]}.") from None
    if "scenario_sha256" not in tree.attrs:
        raise UserError(f"{path} was not made by Muster.")
    return Results(tree)
