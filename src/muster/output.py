"""Output: readings as a labelled tree, and what a run leaves in its folder beside them, written beside and renamed."""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from muster.errors import UserError, nearest
from muster.evidence import bibliography, library
from muster.experiment import Experiment
from muster.model.levers import COHORTS
from muster.model.quantity import axes, headlines, meanings, units
from muster.model.world import READINGS, Regional

BY_REGION, QUARTER = "by_region", 13  # the node of regional readings, and the weeks between them
RESULTS, MANIFEST, CLAIMS, REPORT = "results.nc", "manifest.json", "claims.json", "report.html"
PART = ".part"  # the ending of a file that is not finished
LIBRARIES = ("jax", "jaxlib", "equinox", "numpy", "scipy", "xarray", "h5netcdf", "h5py", "isal")
MADE_BY = "muster"

Block = Mapping[str, np.ndarray]  # readings of some draws by path, the draw on the last axis as the compiled program gives them


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


def frame_of(experiment: Experiment) -> xr.DataTree:
    """A tree of one draw of zeros: names, shapes and attributes of what is to come."""
    zeros = np.zeros((1, experiment.steps), dtype=np.float32)
    cohorts = np.zeros((*zeros.shape, len(COHORTS)), dtype=np.float32)
    by_node = {
        node: record(**{name: cohorts if "cohort" in dims else zeros for name, dims in axes(record).items()})
        for node, record in sorted(READINGS.items())  # as JAX sorts them in an ensemble
    }
    quarters, regional = -(-experiment.steps // round(QUARTER / experiment.dt)), {}
    for side, codes in zip(experiment.sides, experiment.regions, strict=True):
        sizes = {"cohort": len(COHORTS), "region": len(codes)}
        shapes = {name: (1, quarters, *(sizes[axis] for axis in dims)) for name, dims in axes(Regional).items()}
        seen: dict[str, Any] = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
        regional[side] = Regional(**seen)
    return tree_of(experiment, dict.fromkeys(experiment.sides, by_node), regional=regional)


def block_of(experiment: Experiment, sides: tuple[dict, dict], regional: tuple) -> Block:
    """Readings by node and by region of both sides, arrays [draw, ...], as a block."""
    found = {}
    for side, codes, nodes, seen in zip(experiment.sides, experiment.regions, sides, regional, strict=True):
        for node, record in (*nodes.items(), *([(BY_REGION, seen)] if codes else [])):
            for entry in fields(record):
                found[f"{side}/{node}/{entry.name}"] = np.moveaxis(getattr(record, entry.name), 0, -1)
    return found


def block_of_tree(tree: xr.DataTree) -> Block:
    """The series of a tree as a block."""
    return {path: np.moveaxis(array.values, 0, -1) for path, array in all_series(tree).items()}


def all_series(tree: xr.DataTree) -> dict[str, xr.DataArray]:
    """Every variable by side/node/name: in a tenth of the time that asking for each takes."""
    return {f"{node.path.strip('/')}/{name}": array for node in tree.leaves for name, array in node.data_vars.items()}


def series_of(tree: xr.DataTree, path: str) -> xr.DataArray:
    """The variable at side/node/name."""
    found = tree[path]
    if not isinstance(found, xr.DataArray):
        raise UserError(f'"{path}" is no series.')
    return found


def kept_whole(tree: xr.DataTree, keep: str) -> set[str]:
    """Series of which every draw is kept: the headlines (`headline`), `all`, or headlines and NAMES (name, node/name or whole path)."""
    if not keep.strip(" ,"):
        raise UserError("--keep: headline, all, or names of series were expected, found nothing.")
    paths = all_series(tree)
    names = {part.strip() for part in keep.split(",")} - {"", "headline"}
    if "all" in names:
        return set(paths)
    whole = {path for path, array in paths.items() if array.attrs["headline"]}
    for name in sorted(names):
        named = {path for path in paths if f"/{path}".endswith(f"/{name}")}
        if not named:
            known = {"all", "headline"}.union(*({path, path.partition("/")[2], path.rpartition("/")[2]} for path in paths))
            raise UserError(f'--keep {keep}: there is no series "{name}".{nearest(name, sorted(known))}')
        whole |= named
    return whole


def manifest_of(attributes: dict, draws: int, seconds: float) -> dict:
    """Everything that is needed to make a run again, and how it went."""
    texts = {key: plain(value) for key, value in attributes.items() if key not in ("structure", "fixed", "bibliography")}
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


def plain(value):
    """An attribute as JSON takes it; those of a file come back as numbers and lists of numpy."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


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
    return bool(earlier(directory))


def earlier(directory: Path) -> dict:
    """The manifest of Muster that a folder holds; empty where there is none."""
    try:
        held = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) and held.get("made_by") == MADE_BY else {}


def files_of(manifest: dict) -> set[str]:
    """The names of the files that a manifest speaks of; one with a path is none of ours, and stays."""
    told = manifest.get("files")
    named = {name for name in told if isinstance(name, str) and name not in ("", "..")} if isinstance(told, list) else set()
    return {name for name in named if name == Path(name).name and "\\" not in name}


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
        if held := earlier(directory):
            for name in ({RESULTS, CLAIMS, REPORT} | files_of(held)) - set(texts):
                (directory / name).unlink(missing_ok=True)
        for name in texts:
            os.replace(directory / (name + PART), directory / name)
    return [directory / name for name in texts]


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """A folder that no other run writes to meanwhile; where the system or the disk knows no locks, nobody looks."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        yield
        return
    held = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--out {directory}: another run writes there now; wait until it is done, or choose another folder.") from None
        except OSError:
            pass  # a disk without locks
        yield
    finally:
        os.close(held)


@contextmanager
def writing(directory: Path):
    """A folder that cannot be written to is the user's to mend."""
    try:
        yield
    except OSError as problem:
        raise UserError(f"--out {directory}: cannot be written ({problem.strerror or f'{problem}; is the disk full?'}).") from None
