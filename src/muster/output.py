"""Output: what a run leaves in its folder, written beside and renamed; memory does not grow with the draws."""

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import xarray as xr

from muster.errors import UserError, nearest
from muster.evidence import bibliography, library
from muster.experiment import Experiment
from muster.model.levers import COHORTS
from muster.model.quantity import headlines, meanings, units
from muster.pieces import Pieces, Remembering, compressed, fill, in_turn, read_at, read_of, variable
from muster.sketch import Sketch

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BY_REGION, QUARTER = "by_region", 13  # the node of regional readings, and the weeks between them
RESULTS, MANIFEST, CLAIMS, REPORT = "results.nc", "manifest.json", "claims.json", "report.html"
EXACT = 4_096  # draws up to which quantiles are those of all draws; beyond, of histograms
WHOLE = 100_000  # draws up to which every draw of the headline series is kept
PACKERS, FEW = 2, 1_040  # threads that compress what is written, and draws up to which there is more than one
PART = ".part"  # the ending of a file that is not finished
LIBRARIES = ("jax", "jaxlib", "equinox", "numpy", "scipy", "xarray", "h5netcdf", "h5py", "isal")
MADE_BY = "muster"


def described(experiment: Experiment) -> dict:
    """What was run, as attributes of a netCDF file: texts, numbers and lists of texts."""
    return {
        "version": version("muster"),
        "scenario": experiment.name,
        "scenario_text": experiment.text,
        "scenario_sha256": experiment.sha256,
        "library_sha256": library_sha256(),
        "posterior": str(experiment.posterior) if experiment.posterior else "none (prior)",
        "policy": experiment.policy,
        "continuation": experiment.continuation,
        "structure": json.dumps(asdict(experiment.structure)),
        "fixed": json.dumps(experiment.fixed),
        "sides": list(experiment.sides),
        "labels": [experiment.scenario.sides[side].label for side in experiment.sides],
        "start": experiment.start.isoformat(),
        "last_observation": experiment.scenario.last_observation.isoformat(),
        "dt": experiment.dt,
        "seed": experiment.seed,
        "draws_asked": experiment.draws,
        "bibliography": json.dumps(bibliography(experiment), ensure_ascii=False),
    }


def tree_of(experiment: Experiment, record: dict[str, dict], first: int = 0, regional: dict | None = None) -> xr.DataTree:
    """The readings of draws from `first` on as a tree.

    record = side -> node -> Record of arrays [draw, step(, cohort)]; regional = side -> Record of arrays [draw, quarter(, cohort), region].
    """
    minutes = np.round(7 * 24 * 60 * experiment.dt * np.arange(1, experiment.steps + 1)).astype("timedelta64[m]")
    time = (np.datetime64(experiment.start, "m") + minutes).astype("datetime64[ns]")
    nodes = {f"/{side}/{name}": dataset(readings) for side, groups in record.items() for name, readings in groups.items()}
    draws = next(iter(nodes.values())).sizes["draw"]
    for side, codes in zip(experiment.sides, experiment.regions, strict=True):
        if regional and codes:
            nodes[f"/{side}/{BY_REGION}"] = regional_dataset(regional[side], codes, experiment)
    root = xr.Dataset(coords={"draw": np.arange(first, first + draws), "time": time, "cohort": list(COHORTS)})
    tree = xr.DataTree.from_dict({"/": root, **nodes})
    tree.attrs = described(experiment)
    return tree


def dataset(readings) -> xr.Dataset:
    """A Record of arrays [draw, step(, cohort)] as variables with units."""
    unit, meaning, first = units(type(readings)), meanings(type(readings)), headlines(type(readings))
    variables = {}
    for name in unit:
        array = np.asarray(getattr(readings, name), dtype=np.float32, order="C")
        dims = ("draw", "time", "cohort")[: array.ndim]
        variables[name] = (dims, array, {"units": unit[name], "long_name": meaning[name], "headline": int(name in first)})
    return xr.Dataset(variables)


def regional_dataset(readings, codes: tuple[str, ...], experiment: Experiment) -> xr.Dataset:
    """A Record of arrays [draw, quarter(, cohort), region] as variables with units; a quarter is read on the day on which it begins."""
    unit, meaning = units(type(readings)), meanings(type(readings))
    variables = {}
    for name in unit:
        array = np.asarray(getattr(readings, name), dtype=np.float32, order="C")
        dims = ("draw", "quarter", "cohort", "region") if array.ndim == 4 else ("draw", "quarter", "region")
        variables[name] = (dims, array, {"units": unit[name], "long_name": meaning[name], "headline": 0})
    count = next(iter(variables.values()))[1].shape[1]
    days = np.datetime64(experiment.start, "D") + 7 * QUARTER * np.arange(count)
    return xr.Dataset(variables, coords={"quarter": days.astype("datetime64[ns]"), "region": list(codes)})


def series_paths(tree: xr.DataTree) -> list[str]:
    """side/node/name of every variable."""
    return [f"{node.path.strip('/')}/{name}" for node in tree.leaves for name in node.data_vars]


def series_of(tree: xr.DataTree, path: str) -> xr.DataArray:
    """The variable at side/node/name."""
    found = tree[path]
    if not isinstance(found, xr.DataArray):
        raise UserError(f'"{path}" is no series.')
    return found


def kept_whole(tree: xr.DataTree, keep: str) -> set[str]:
    """Series of which every draw is kept: the headlines (`headline`), `all`, or headlines and NAMES (name, node/name or whole path)."""
    paths = series_paths(tree)
    if keep == "all":
        return set(paths)
    whole = {path for path in paths if series_of(tree, path).attrs["headline"]}
    if keep == "headline":
        return whole
    for name in filter(None, (part.strip() for part in keep.split(","))):
        named = {path for path in paths if f"/{path}".endswith(f"/{name}")}
        if not named:
            known = {"all", "headline"}.union(*({path, path.partition("/")[2], path.rpartition("/")[2]} for path in paths))
            raise UserError(f'--keep {keep}: there is no series "{name}".{nearest(name, sorted(known))}')
        whole |= named
    return whole


@dataclass
class Drawn:
    """A series whose draws wait in files."""

    dims: tuple[str, ...]
    attrs: dict
    whole: bool
    shape: tuple[int, ...] = ()  # of a draw
    blocks: list[Callable[[], np.ndarray]] = field(default_factory=list)  # each reads a block of draws
    sketch: Sketch | None = None  # instead of files, where the draws are many


class Writer:
    """Takes draws block by block, and writes results.nc once they are all there; only a scratch file grows with the draws.

    The file may be laid out for the `expected` draws once a block is there, while the next is computed; if another number comes, it is
    laid out again.
    """

    def __init__(self, directory: Path, keep: str = "headline", expected: int = 1, packers: int = PACKERS):
        self.directory, self.keep, self.expected, self.packers = directory, keep, expected, packers
        self.draws, self.blocks = 0, 0  # that are whole: a block may be cut short
        self.part = directory / (RESULTS + PART)
        self.series: dict[str, Drawn] = {}
        self.leave, self.file, self.laid_out_for = ExitStack(), ExitStack(), 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_problem) -> None:
        """Leaves nothing half-written."""
        self.leave.close()

    def append(self, tree: xr.DataTree, held: dict[str, tuple[Path, int]] | None = None) -> None:
        """Adds the draws of a tree; held = by series the file and place where they lie as float32 until the end, if they do."""
        with writing(self.directory):
            if not self.series:
                self.begin(tree)
            for path, series in self.series.items():
                values = np.ascontiguousarray(series_of(tree, path).values, dtype=np.float32)
                if series.sketch:
                    series.sketch.add(values)
                elif held:
                    series.blocks.append(partial(read_of, *held[path], values.shape))
                else:
                    series.blocks.append(partial(read_at, self.scratch, self.scratch.tell(), values.shape))
                    self.scratch.write(values.data)
        self.draws, self.blocks = self.draws + tree.sizes["draw"], self.blocks + 1

    def begin(self, tree: xr.DataTree) -> None:
        """Makes the scratch file and notes what goes into the file."""
        whole = kept_whole(tree, self.keep)
        self.attrs, self.time = tree.attrs, tree.coords["time"].values
        self.regions = {}
        for path in series_paths(tree):
            node, _, _ = path.rpartition("/")
            if node.endswith(f"/{BY_REGION}") and node not in self.regions:
                array = series_of(tree, path)
                self.regions[node] = (array["quarter"].values, [str(code) for code in array["region"].values])
        self.directory.mkdir(parents=True, exist_ok=True)
        self.scratch = self.leave.enter_context(tempfile.TemporaryFile(dir=self.directory))  # noqa: SIM115
        self.leave.callback(self.part.unlink, missing_ok=True)
        self.leave.callback(self.file.close)
        for path in series_paths(tree):
            array = series_of(tree, path)
            kept = path in whole and self.expected <= WHOLE
            sketch = None if kept or self.expected <= EXACT else Sketch(array.values)
            self.series[path] = Drawn(tuple(str(dim) for dim in array.dims), array.attrs, kept, array.shape[1:], sketch=sketch)

    def finish(self, manifest: dict, texts: dict[str, str] | None = None) -> list[Path]:
        """Writes the file, and renames it together with the manifest and further texts; returns their paths."""
        with writing(self.directory):
            if self.laid_out_for != self.draws:
                self.lay_out(self.draws)
            self.scratch.flush()
            works = [partial(self.packed, self.series[path], places) for path, places in self.places.items()]
            packers = self.packers if self.draws <= FEW else 1  # each holds a series of all draws
            with ThreadPoolExecutor(packers) as pool:
                for places, packed in zip(self.places.values(), in_turn(pool, works, packers), strict=True):
                    for place, pieces in zip(places, packed, strict=True):
                        fill(place, pieces)
            self.file.close()
            return finished(self.directory, manifest, {RESULTS: None, **(texts or {})})

    def lay_out_early(self) -> None:
        """Lays the file out if that was not done."""
        if not self.laid_out_for:
            with writing(self.directory):
                self.lay_out(max(self.expected, self.draws))

    def lay_out(self, draws: int) -> None:
        """Makes the file with its variables, but without their numbers."""
        self.file.close()
        store = self.file.enter_context(Remembering(self.part, "w", track_order=True))
        file = self.file.enter_context(h5netcdf.File(store, "w", decode_vlen_strings=True))
        self.frame(file, draws)
        self.regional_frames(file)
        store.found = {}
        self.places: dict[str, list[h5py.Dataset]] = {}
        for path, series in self.series.items():
            made = {path: (series.dims, (draws, *series.shape))}
            if not series.whole:
                rest = series.dims[1:]
                made = {f"{path}_quantiles": (("quantile", *rest), (len(QUANTILES), *series.shape)), f"{path}_mean": (rest, series.shape)}
            self.places[path] = [variable(file, store, name, dims, series.attrs, shape) for name, (dims, shape) in made.items()]
        self.laid_out_for = draws

    def packed(self, series: Drawn, places: list[h5py.Dataset]) -> list[Pieces]:
        """A series for its variables: every draw, or quantiles and mean."""
        if series.whole:
            numbers = [self.blocks_of(series)]
        elif series.sketch:
            numbers = [[series.sketch.quantiles(QUANTILES).astype(np.float32)], [series.sketch.mean().astype(np.float32)]]
        else:
            values = np.concatenate(list(self.blocks_of(series)))
            numbers = [[quantiles(values).astype(np.float32)], [values.mean(axis=0, dtype=np.float64).astype(np.float32)]]
        return [compressed(place.chunks or place.shape, blocks) for place, blocks in zip(places, numbers, strict=True)]

    def frame(self, file: h5netcdf.File, draws: int) -> None:
        """The file's attributes, dimensions and coordinates."""
        file.attrs.update(self.attrs)
        start = self.attrs["start"]
        minutes = np.asarray((self.time - np.datetime64(start)) / np.timedelta64(1, "m"), dtype=int)
        file.dimensions = {"draw": draws, "time": len(minutes), "cohort": len(COHORTS), "quantile": len(QUANTILES)}
        file.create_variable("draw", ("draw",), data=np.arange(draws))
        file.create_variable("time", ("time",), data=minutes).attrs["units"] = f"minutes since {start}"
        file.create_variable("cohort", ("cohort",), dtype=h5py.string_dtype())[:] = np.array(COHORTS, dtype=object)
        file.create_variable("quantile", ("quantile",), data=np.array(QUANTILES))

    def regional_frames(self, file: h5netcdf.File) -> None:
        """Dimensions and coordinates of the readings by region, each side its own."""
        for node, (days, codes) in self.regions.items():
            group = file.create_group(f"/{node}")
            group.dimensions = {"quarter": len(days), "region": len(codes)}
            start = self.attrs["start"]
            count = np.asarray((days - np.datetime64(start)) / np.timedelta64(1, "D"), dtype=int)
            group.create_variable("quarter", ("quarter",), data=count).attrs["units"] = f"days since {start}"
            group.create_variable("region", ("region",), dtype=h5py.string_dtype())[:] = np.array(codes, dtype=object)

    def blocks_of(self, series: Drawn) -> Iterator[np.ndarray]:
        """The draws of a series block by block."""
        return (read() for read in series.blocks[: self.blocks])


def quantiles(values: np.ndarray) -> np.ndarray:
    """QUANTILES of the draws [quantile, ...], by linear interpolation between neighbours; infinity is a value like others."""
    ranked = np.sort(values, axis=0)
    found = []
    for place in np.array(QUANTILES) * (len(values) - 1):
        low, high = (ranked[min(int(place) + step, len(values) - 1)].astype(float) for step in (0, 1))
        share = place % 1
        with np.errstate(invalid="ignore"):
            found.append(np.where((low == high) | (share == 0), low, low + (high - low) * share))
    return np.stack(found)


def manifest_of(attributes: dict, draws: int, seconds: float) -> dict:
    """Everything that is needed to make a run again, and how it went."""
    texts = {key: value for key, value in attributes.items() if key not in ("structure", "fixed", "bibliography")}
    return {
        "made_by": MADE_BY,
        **texts,
        "structures": [json.loads(attributes["structure"])],
        "fixed": json.loads(attributes["fixed"]),
        "sources": [entry["key"] for entry in json.loads(attributes["bibliography"])],
        "draws": draws,
        "wall_time_seconds": round(seconds, 3),
        "machine": {
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def processor() -> str:
    """The kind of processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


@cache
def library_sha256() -> str:
    """One hash of every file of the library."""
    digest = hashlib.sha256()
    for path in sorted(library().rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(library()).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def check_folder(directory: Path, force: bool = False) -> None:
    """Refuses a folder that holds anything but an earlier run of Muster, unless forced; writes nothing."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"--out {directory}: a folder was expected, this is a file.")
    if force or not directory.exists() or is_ours(directory):
        return
    if any(not path.name.endswith(PART) for path in directory.iterdir()):
        raise UserError(f"--out {directory}: the folder is not empty and holds no run of Muster; choose another, or add --force.")


def is_ours(directory: Path) -> bool:
    """Whether a folder holds a manifest of Muster."""
    try:
        return json.loads((directory / MANIFEST).read_text(encoding="utf-8")).get("made_by") == MADE_BY
    except (OSError, ValueError, AttributeError):
        return False


def finished(directory: Path, manifest: dict, files: dict[str, str | None]) -> list[Path]:
    """Renames what was written beside: files = name -> text, or nothing where NAME.part is there already; the manifest comes last.

    What an earlier run of Muster left and this one does not make is removed, so that the manifest speaks of every file.
    """
    texts = {**files, MANIFEST: json.dumps({**manifest, "files": list(files)}, indent=1, ensure_ascii=False)}
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if text is not None:
                (directory / (name + PART)).write_text(text + "\n", encoding="utf-8")
        if is_ours(directory):
            for name in {RESULTS, CLAIMS, REPORT} - set(files):
                (directory / name).unlink(missing_ok=True)
        for name in texts:
            os.replace(directory / (name + PART), directory / name)
    return [directory / name for name in texts]


@contextmanager
def writing(directory: Path):
    """A folder that cannot be written to is the user's to mend."""
    try:
        yield
    except OSError as problem:
        raise UserError(f"--out {directory}: cannot be written ({problem.strerror or f'{problem}; is the disk full?'}).") from None
