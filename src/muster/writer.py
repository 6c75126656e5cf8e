"""Writer: the readings of a run as they come, and results.nc once they are all there; memory does not grow with the draws.

The draw is the last axis until the file is written: what the compiled program gives lies so, and to rank the draws of a number is to
sort what lies side by side.
"""

import math
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import xarray as xr

from muster.model.levers import COHORTS
from muster.output import BY_REGION, PART, RESULTS, Block, finished, kept_whole, series_of, series_paths, writing
from muster.pieces import Held, InFile, InMemory, Pieces, Remembering, compressed, fill, in_turn, variable
from muster.sketch import Sketch

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXACT = 4_096  # draws up to which quantiles are those of all draws; beyond, of histograms
WHOLE = 100_000  # draws up to which every draw of the headline series is kept
PACKERS, FEW = 2, 1_040  # threads that compress what is written, and draws up to which there is more than one
RANKED = 2_000_000  # numbers that are sorted at a time


@dataclass
class Drawn:
    """A series whose draws wait."""

    dims: tuple[str, ...]  # without the draw
    shape: tuple[int, ...]  # of a draw
    attrs: dict
    whole: bool
    blocks: list[Held] = field(default_factory=list)
    sketch: Sketch | None = None  # instead of blocks, where the draws are many


class Writer:
    """Takes draws block by block, and writes results.nc once they are all there; only a scratch file grows with the draws.

    `frame` tells names, shapes and attributes (output.frame_of). The file may be laid out for the `expected` draws while the first are
    computed; if another number comes, it is laid out again.
    `packers` threads compress while this one writes; with 0 it does both.
    """

    def __init__(self, directory: Path, frame: xr.DataTree, keep: str = "headline", expected: int = 1, packers: int = PACKERS):
        self.directory, self.frame, self.expected, self.packers = directory, frame, expected, packers
        self.begun, self.draws, self.blocks = False, 0, 0  # draws and blocks that are whole: one may be cut short
        self.part = directory / (RESULTS + PART)
        self.series: dict[str, Drawn] = {}
        self.leave, self.file, self.laid_out_for = ExitStack(), ExitStack(), 0
        whole = kept_whole(frame, keep)
        for path in series_paths(frame):
            array, kept = series_of(frame, path), path in whole and expected <= WHOLE
            dims, shape = tuple(str(dim) for dim in array.dims[1:]), array.shape[1:]
            sketch = None if kept or expected <= EXACT else Sketch(shape)
            self.series[path] = Drawn(dims, shape, array.attrs, kept, sketch=sketch)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_problem) -> None:
        """Leaves nothing half-written."""
        self.leave.close()

    def append(self, block: Block, lasting: bool = False) -> None:
        """Adds the draws of a block; if it is `lasting`, its arrays stay as they are until the end and are not copied."""
        draws = next(iter(block.values())).shape[-1]
        with writing(self.directory):
            self.begin()
            for path, series in self.series.items():
                if series.sketch:
                    series.sketch.add(block[path])
                elif lasting:
                    series.blocks.append(InMemory(block[path]))
                else:
                    series.blocks.append(InFile(self.scratch, self.scratch.tell(), (*series.shape, draws)))
                    self.scratch.write(np.ascontiguousarray(block[path], dtype=np.float32).data)
        self.draws, self.blocks = self.draws + draws, self.blocks + 1

    def begin(self) -> None:
        """Makes the folder and the scratch file, once; a folder that was not there goes again where nothing is finished."""
        if self.begun:
            return
        self.begun = True
        if not self.directory.exists():
            self.directory.mkdir(parents=True, exist_ok=True)  # another machine of a sweep may be quicker
            self.leave.callback(removed_if_empty, self.directory)
        self.scratch = self.leave.enter_context(tempfile.TemporaryFile(dir=self.directory))  # noqa: SIM115
        self.leave.callback(self.part.unlink, missing_ok=True)
        self.leave.callback(self.file.close)

    def finish(self, manifest: dict, texts: dict[str, str] | None = None) -> list[Path]:
        """Writes the file, and renames it together with the manifest and further texts; returns their paths."""
        with writing(self.directory):
            if self.laid_out_for != self.draws:
                self.lay_out(self.draws)
            self.scratch.flush()
            works = [partial(self.packed, self.series[path], places) for path, places in self.places.items()]
            packers = min(self.packers, PACKERS if self.draws <= FEW else 1)  # each holds a series of all draws
            with ThreadPoolExecutor(packers) if packers else nullcontext() as pool:
                done = in_turn(pool, works, packers) if pool else (work() for work in works)
                for places, packed in zip(self.places.values(), done, strict=True):
                    for place, pieces in zip(places, packed, strict=True):
                        fill(place, pieces)
            self.file.close()
            return finished(self.directory, manifest, {RESULTS: None, **(texts or {})})

    def lay_out_early(self) -> None:
        """Lays the file out for the expected draws."""
        with writing(self.directory):
            self.begin()
            self.lay_out(self.expected)

    def lay_out(self, draws: int) -> None:
        """Makes the file with its variables, but without their numbers."""
        self.file.close()
        store = self.file.enter_context(Remembering(self.part, "w", track_order=True))
        file = self.file.enter_context(h5netcdf.File(store, "w", decode_vlen_strings=True))
        self.dimensions(file, draws)
        self.regional_dimensions(file)
        store.found = {}
        self.places: dict[str, list[h5py.Dataset]] = {}
        for path, series in self.series.items():
            made = {path: (("draw", *series.dims), (draws, *series.shape))}
            if not series.whole:
                quantiles = (("quantile", *series.dims), (len(QUANTILES), *series.shape))
                made = {f"{path}_quantiles": quantiles, f"{path}_mean": (series.dims, series.shape)}
            self.places[path] = [variable(file, store, name, dims, series.attrs, shape) for name, (dims, shape) in made.items()]
        self.laid_out_for = draws

    def packed(self, series: Drawn, places: list[h5py.Dataset]) -> list[Pieces]:
        """A series for its variables: every draw, or quantiles and mean."""
        if series.whole:
            numbers = [self.draws_of(series)]
        elif series.sketch:
            numbers = [[series.sketch.quantiles(QUANTILES).astype(np.float32)], [series.sketch.mean().astype(np.float32)]]
        else:
            numbers = [[part] for part in summary(series.blocks[: self.blocks], series.shape)]
        return [compressed(place.chunks or place.shape, blocks) for place, blocks in zip(places, numbers, strict=True)]

    def draws_of(self, series: Drawn) -> Iterator[np.ndarray]:
        """The draws of a series block by block, the draw first as in the file."""
        return (np.moveaxis(block.read(0, series.shape[0]), -1, 0) for block in series.blocks[: self.blocks])

    def dimensions(self, file: h5netcdf.File, draws: int) -> None:
        """The file's attributes, dimensions and coordinates."""
        file.attrs.update(self.frame.attrs)
        start = self.frame.attrs["start"]
        minutes = np.asarray((self.frame.coords["time"].values - np.datetime64(start)) / np.timedelta64(1, "m"), dtype=int)
        file.dimensions = {"draw": draws, "time": len(minutes), "cohort": len(COHORTS), "quantile": len(QUANTILES)}
        file.create_variable("draw", ("draw",), data=np.arange(draws))
        file.create_variable("time", ("time",), data=minutes).attrs["units"] = f"minutes since {start}"
        file.create_variable("cohort", ("cohort",), dtype=h5py.string_dtype())[:] = np.array(COHORTS, dtype=object)
        file.create_variable("quantile", ("quantile",), data=np.array(QUANTILES))

    def regional_dimensions(self, file: h5netcdf.File) -> None:
        """Dimensions and coordinates of the readings by region, each side its own."""
        for node in self.frame.leaves:
            if node.name == BY_REGION:
                days, codes = node.coords["quarter"].values, [str(code) for code in node.coords["region"].values]
                group = file.create_group(node.path)
                group.dimensions = {"quarter": len(days), "region": len(codes)}
                start = self.frame.attrs["start"]
                count = np.asarray((days - np.datetime64(start)) / np.timedelta64(1, "D"), dtype=int)
                group.create_variable("quarter", ("quarter",), data=count).attrs["units"] = f"days since {start}"
                group.create_variable("region", ("region",), dtype=h5py.string_dtype())[:] = np.array(codes, dtype=object)


def removed_if_empty(directory: Path) -> None:
    """Removes a folder that holds nothing."""
    with suppress(OSError):
        directory.rmdir()


def summary(blocks: list[Held], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """QUANTILES [quantile, ...] and mean of a series over all draws, some steps at a time."""
    draws = sum(block.draws for block in blocks)
    steps = max(1, RANKED // (draws * math.prod(shape[1:])))
    ranked, mean = np.empty((len(QUANTILES), *shape), np.float32), np.empty(shape, np.float32)
    for first in range(0, shape[0], steps):
        part = slice(first, first + steps)
        values = np.concatenate([block.read(first, first + steps) for block in blocks], axis=-1)
        mean[part] = values.mean(axis=-1, dtype=np.float64)
        values.sort(axis=-1)
        ranked[:, part] = quantiles(values)
    return ranked, mean


def quantiles(ranked: np.ndarray) -> np.ndarray:
    """QUANTILES [quantile, ...] of sorted draws [..., draw], by interpolation between neighbours; infinity is a value like others."""
    last, found = ranked.shape[-1] - 1, []
    for place in np.array(QUANTILES) * last:
        low, high = (ranked[..., min(int(place) + step, last)].astype(float) for step in (0, 1))
        share = place % 1
        with np.errstate(invalid="ignore"):
            found.append(np.where((low == high) | (share == 0), low, low + (high - low) * share))
    return np.stack(found)
