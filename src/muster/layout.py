"""Layout: results.nc without its numbers, as h5netcdf makes it; once for all files of a kind, which then begin as a copy."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import xarray as xr

from muster.model.levers import COHORTS
from muster.output import BY_REGION

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BLOCK = 104  # draws in one compressed piece of a series: a lane of draws
PIECE = {"draw": BLOCK, "cohort": 1, "quantile": 1}  # how much of a dimension one compressed piece holds; all of others


@dataclass(frozen=True)
class Series:
    """A series as the file tells it: dims and shape without the draw; every draw is kept (`whole`), or quantiles and mean."""

    path: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: tuple[tuple[str, str | int], ...]
    whole: bool

    def variables(self, draws: int) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
        """Its variables in the file: path -> (dims, shape)."""
        if self.whole:
            return {self.path: (("draw", *self.dims), (draws, *self.shape))}
        quantiles = (("quantile", *self.dims), (len(QUANTILES), *self.shape))
        return {f"{self.path}_quantiles": quantiles, f"{self.path}_mean": (self.dims, self.shape)}


@dataclass(frozen=True)
class Kind:
    """What files of one layout have in common."""

    start: str
    minutes: tuple[int, ...]  # since the start
    regional: tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...]  # node, days since the start, codes of regions
    series: tuple[Series, ...]
    draws: int


def kind_of(frame: xr.DataTree, series: Iterable[Series], draws: int) -> Kind:
    """The kind of the file of some draws; `frame` tells times and regions (output.frame_of)."""
    start = np.datetime64(frame.attrs["start"])
    minutes = (frame.coords["time"].values - start) / np.timedelta64(1, "m")
    regional = []
    for node in frame.leaves:
        if node.name == BY_REGION:
            days = (node.coords["quarter"].values - start) / np.timedelta64(1, "D")
            codes = tuple(str(code) for code in node.coords["region"].values)
            regional.append((node.path, tuple(map(int, days)), codes))
    return Kind(frame.attrs["start"], tuple(map(int, minutes)), tuple(regional), tuple(series), draws)


def laid_out(path: Path, kind: Kind, attributes: dict) -> h5py.File:
    """A new file with all variables of a kind, but without their numbers."""
    path.write_bytes(bare(kind))
    file = h5py.File(path, "r+")
    file.attrs.update(attributes)
    return file


@lru_cache(maxsize=2)
def bare(kind: Kind) -> bytes:
    """A file of a kind without attributes and numbers. h5netcdf takes 0.3 s for the 452 variables of a national run; a copy takes 2 ms."""
    with Remembering("bare", "w", driver="core", backing_store=False, track_order=True) as store:
        with h5netcdf.File(store, "w", decode_vlen_strings=True) as file:
            file.dimensions = {"draw": kind.draws, "time": len(kind.minutes), "cohort": len(COHORTS), "quantile": len(QUANTILES)}
            file.create_variable("draw", ("draw",), data=np.arange(kind.draws))
            file.create_variable("time", ("time",), data=np.array(kind.minutes)).attrs["units"] = f"minutes since {kind.start}"
            file.create_variable("cohort", ("cohort",), dtype=h5py.string_dtype())[:] = np.array(COHORTS, dtype=object)
            file.create_variable("quantile", ("quantile",), data=np.array(QUANTILES))
            for path, days, codes in kind.regional:
                group = file.create_group(path)
                group.dimensions = {"quarter": len(days), "region": len(codes)}
                group.create_variable("quarter", ("quarter",), data=np.array(days)).attrs["units"] = f"days since {kind.start}"
                group.create_variable("region", ("region",), dtype=h5py.string_dtype())[:] = np.array(codes, dtype=object)
            store.found = {}
            for series in kind.series:
                for path, (dims, shape) in series.variables(kind.draws).items():
                    variable(file, path, dims, shape, dict(series.attrs))
        store.flush()
        return store.id.get_file_image()


def variable(file: h5netcdf.File, path: str, dims: tuple[str, ...], shape: tuple[int, ...], attributes: dict) -> None:
    """Makes a variable without numbers."""
    piece = tuple(min(PIECE.get(dim, size), size) for dim, size in zip(dims, shape, strict=True))
    made = file.create_variable(f"/{path}", dims, "f4", chunks=piece, compression="gzip", compression_opts=1, shuffle=True)
    made.attrs.update(attributes)


class Remembering(h5py.File):
    """An HDF5 file that looks a data set up once: h5netcdf asks for each many times, which took most of the writing of a short run."""

    found: dict | None = None  # nothing is remembered before there is a dictionary: coordinates replace their dimensions

    def __getitem__(self, name):
        """The object of a path."""
        if self.found is None or not isinstance(name, str):
            return super().__getitem__(name)
        if name not in self.found:
            self.found[name] = super().__getitem__(name)
        return self.found[name]
