"""Results: the arrays of a run as labelled tables with units, what can be asked of them, and their files."""

import datetime
import hashlib
import json
import os
import platform
import shutil
import tempfile
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr

from muster.errors import UserError, nearest
from muster.evidence import library
from muster.model.levers import COHORTS
from muster.model.quantity import headlines, meanings, units

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LIBRARIES = ("jax", "numpy", "xarray", "equinox")


class Results:
    """A tree with a node per side and subsystem; dims draw, time (last day of the step) and cohort."""

    def __init__(self, tree: xr.DataTree):
        self.tree = tree

    @classmethod
    def from_record(cls, experiment, record: dict[str, dict], wall_time: float) -> "Results":
        """Results of an experiment; record = side -> node -> Record of arrays [draw, step(, cohort)]."""
        days = np.round(7 * experiment.dt * np.arange(1, experiment.steps + 1)).astype("timedelta64[D]")
        time = (np.datetime64(experiment.start) + days).astype("datetime64[ns]")
        nodes = {}
        for side, groups in record.items():
            for name, readings in groups.items():
                nodes[f"/{side}/{name}"] = dataset(readings, time)
        tree = xr.DataTree.from_dict(nodes)
        tree.attrs = {
            "version": muster_version(),
            "scenario": experiment.name,
            "scenario_text": experiment.text,
            "scenario_sha256": experiment.sha256,
            "library_sha256": library_sha256(),
            "posterior": "none: draws from the prior",
            "policy": experiment.policy,
            "continuation": experiment.continuation,
            "structure": json.dumps({item.name: getattr(experiment.structure, item.name) for item in fields(experiment.structure)}),
            "sides": list(experiment.sides),
            "start": experiment.start.isoformat(),
            "last_observation": experiment.scenario.last_observation.isoformat(),
            "dt": experiment.dt,
            "seed": experiment.seed,
            "draws": experiment.draws,
            "wall_time_seconds": round(wall_time, 3),
        }
        return cls(tree)

    @property
    def sides(self) -> tuple[str, str]:
        """The two sides' names."""
        first, second = self.tree.attrs["sides"]
        return str(first), str(second)

    def paths(self) -> list[str]:
        """Every path that can be asked for."""
        return [f"{node.path.strip('/')}/{name}" for node in self.tree.leaves for name in node.data_vars]

    def series(self, path: str, cohort: str | None = None) -> xr.DataArray:
        """A variable by side/node/name, with a cohort where it has cohorts: [draw, time]."""
        parts = path.strip("/").split("/")
        if len(parts) == 4:
            parts, cohort = parts[:3], parts[3]
        known = self.paths()
        if "/".join(parts) not in known:
            raise UserError(f'There is no series "{path}".{nearest(path, known)}')
        array = self.tree["/".join(parts[:2])].dataset[parts[2]]
        if "cohort" in array.dims and cohort is not None:
            if cohort not in COHORTS:
                raise UserError(f'There is no cohort "{cohort}".{nearest(cohort, COHORTS)} Known: {", ".join(COHORTS)}.')
            return array.sel(cohort=cohort)
        if "cohort" in array.dims:
            raise UserError(f'"{path}" has cohorts; name one of {", ".join(COHORTS)}.')
        return array

    def weeks(self, day: datetime.date | str) -> float:
        """Weeks from the start to the end of a day."""
        start = datetime.date.fromisoformat(self.tree.attrs["start"])
        return ((day if isinstance(day, datetime.date) else datetime.date.fromisoformat(day)) - start).days / 7

    def cumulative(self, path: str, cohort: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weeks [step + 1] and the integral of a weekly flow since the start [draw, step + 1]."""
        flow = self.series(path, cohort).values.astype(float)
        dt = float(self.tree.attrs["dt"])
        total = np.concatenate([np.zeros((flow.shape[0], 1)), np.cumsum(flow * dt, axis=1)], axis=1)
        return np.arange(flow.shape[1] + 1) * dt, total

    def total(self, path: str, start: datetime.date | str, end: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """A weekly flow summed from start to end [draw], by linear interpolation between the ends of weeks."""
        weeks, total = self.cumulative(path, cohort)
        return interpolated(weeks, total, self.weeks(end)) - interpolated(weeks, total, self.weeks(start))

    def at(self, path: str, day: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """A stock or index on a day [draw]."""
        values = self.series(path, cohort).values.astype(float)
        weeks = np.arange(1, values.shape[1] + 1) * float(self.tree.attrs["dt"])
        return interpolated(weeks, values, self.weeks(day))

    def mean(self, path: str, start: datetime.date | str, end: datetime.date | str, cohort: str | None = None) -> np.ndarray:
        """The mean of a stock or index over a window [draw]."""
        return self.total(path, start, end, cohort) / max(self.weeks(end) - self.weeks(start), 1e-9)

    def save(self, directory: Path, force: bool = False, keep: str = "default") -> list[Path]:
        """results.nc and manifest.json, written beside and renamed; returns their paths."""
        prepare(directory, force)
        text = json.dumps(self.manifest(), indent=1, ensure_ascii=False)
        tree = kept(self.tree, keep)
        encoding = {node.path: {name: {"zlib": True, "complevel": 1, "shuffle": True} for name in node.data_vars} for node in tree.leaves}
        target = directory / "results.nc"
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            part = Path(scratch) / "results.nc"
            tree.to_netcdf(part, engine="h5netcdf", encoding=encoding)
            os.replace(part, target)
        write_text(directory / "manifest.json", text)
        return [target, directory / "manifest.json"]

    def manifest(self) -> dict:
        """Everything that is needed to make this run again."""
        attrs = dict(self.tree.attrs.items())
        attrs["sides"] = list(self.sides)
        attrs["structure"] = json.loads(attrs["structure"])
        machine = {
            "processor": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        return {"made_by": "muster", **attrs, "machine": machine, "libraries": {name: version(name) for name in LIBRARIES}}


def muster_version() -> str:
    """The version of this package."""
    return version("muster")


def dataset(readings, time) -> xr.Dataset:
    """A Record of arrays [draw, step(, cohort)] as variables with units."""
    unit, meaning, first = units(type(readings)), meanings(type(readings)), headlines(type(readings))
    variables = {}
    for name in unit:
        array = np.asarray(getattr(readings, name), dtype=np.float32)
        dims = ("draw", "time", "cohort")[: array.ndim]
        variables[name] = (dims, array, {"units": unit[name], "long_name": meaning[name], "headline": int(name in first)})
    coords = {"draw": np.arange(next(iter(variables.values()))[1].shape[0]), "time": time, "cohort": list(COHORTS)}
    return xr.Dataset(variables, coords={key: coords[key] for key in coords if any(key in dims for dims, _, _ in variables.values())})


def kept(tree: xr.DataTree, keep: str) -> xr.DataTree:
    """What goes to the file: every draw of the headline series, quantiles and mean of the rest (`all` keeps every draw, names choose)."""
    names = None if keep in ("default", "all", "headline") else set(keep.split(","))
    nodes = {}
    for node in tree.leaves:
        variables = {}
        for name, array in node.dataset.data_vars.items():
            chosen = f"{node.path.strip('/')}/{name}" in names or name in names if names else bool(array.attrs["headline"])
            if keep == "all" or chosen:
                variables[name] = array
            elif keep != "headline":
                table = array.quantile(QUANTILES, dim="draw", keep_attrs=True).astype(np.float32)
                variables[f"{name}_quantiles"] = table
                variables[f"{name}_mean"] = array.mean("draw", keep_attrs=True)
        nodes[node.path] = xr.Dataset(variables)
    out = xr.DataTree.from_dict(nodes)
    out.attrs = tree.attrs
    return out


def interpolated(weeks: np.ndarray, values: np.ndarray, at: float) -> np.ndarray:
    """values [draw, step] at a time [week]."""
    step = int(np.clip(np.searchsorted(weeks, at) - 1, 0, len(weeks) - 2))
    share = np.clip((at - weeks[step]) / (weeks[step + 1] - weeks[step]), 0, 1)
    return values[:, step] * (1 - share) + values[:, step + 1] * share


def library_sha256() -> str:
    """One hash of every file of the library."""
    digest = hashlib.sha256()
    for path in sorted(library().rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(library()).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def prepare(directory: Path, force: bool) -> None:
    """Makes the folder; one that holds anything but an earlier run of Muster is refused, unless forced."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"--out {directory}: a folder was expected, this is a file.")
    if directory.exists() and any(directory.iterdir()) and not force and not is_ours(directory):
        raise UserError(f"--out {directory}: the folder is not empty and holds no run of Muster; choose another, or add --force.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"--out {directory}: cannot be made ({problem.strerror}).") from None


def is_ours(directory: Path) -> bool:
    """Whether a folder holds a manifest of Muster."""
    try:
        return json.loads((directory / "manifest.json").read_text()).get("made_by") == "muster"
    except (OSError, ValueError):
        return False


def write_text(path: Path, text: str) -> None:
    """A text file, written beside and renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as part:
        part.write(text + "\n")
    shutil.move(name, path)


def load(directory: Path | str) -> Results:
    """The results that a run left in a folder."""
    path = Path(directory) / "results.nc"
    if not path.exists():
        raise UserError(f"{path} does not exist; a run of Muster leaves it there.")
    tree = xr.open_datatree(path, engine="h5netcdf")
    return Results(tree)
