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

import h5py
import numpy as np
import xarray as xr

from muster.layout import QUANTILES, Series, kind_of, laid_out
from muster.output import PART, RESULTS, Block, all_series, alone, finished, kept_whole, writing
from muster.pieces import Held, InFile, InMemory, Pieces, compressed, fill, in_turn
from muster.sketch import Sketch

EXACT = 4_096  # draws up to which quantiles are those of all draws; beyond, of histograms
WHOLE = 100_000  # draws up to which every draw of the headline series is kept
PACKERS, FEW = 2, 1_040  # threads that compress what is written, and draws up to which there is more than one
RANKED = 2_000_000  # numbers that are sorted at a time


@dataclass
class Drawn:
    """A series whose draws wait."""

    series: Series
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
        self.drawn: dict[str, Drawn] = {}
        self.leave, self.file, self.laid_out_for = ExitStack(), ExitStack(), 0
        whole = kept_whole(frame, keep)
        for path, array in all_series(frame).items():
            kept = path in whole and expected <= WHOLE
            dims, shape = tuple(str(dim) for dim in array.dims[1:]), array.shape[1:]
            series = Series(path, dims, shape, tuple(array.attrs.items()), kept)
            self.drawn[path] = Drawn(series, sketch=None if kept or expected <= EXACT else Sketch(shape))

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
            for path, drawn in self.drawn.items():
                if drawn.sketch:
                    drawn.sketch.add(block[path])
                elif lasting:
                    drawn.blocks.append(InMemory(block[path]))
                else:
                    drawn.blocks.append(InFile(self.scratch, self.scratch.tell(), (*drawn.series.shape, draws)))
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
        self.leave.enter_context(alone(self.directory))
        self.scratch = self.leave.enter_context(tempfile.TemporaryFile(dir=self.directory))  # noqa: SIM115
        self.leave.callback(self.part.unlink, missing_ok=True)
        self.leave.callback(self.file.close)

    def finish(self, manifest: dict, texts: dict[str, str] | None = None) -> list[Path]:
        """Writes the file, and renames it together with the manifest and further texts; returns their paths."""
        with writing(self.directory):
            if self.laid_out_for != self.draws:
                self.lay_out(self.draws)
            self.scratch.flush()
            works = [partial(self.packed, drawn, places) for drawn, places in zip(self.drawn.values(), self.places, strict=True)]
            packers = min(self.packers, PACKERS if self.draws <= FEW else 1)  # each holds a series of all draws
            with ThreadPoolExecutor(packers) if packers else nullcontext() as pool:
                done = in_turn(pool, works, packers) if pool else (work() for work in works)
                for places, packed in zip(self.places, done, strict=True):
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
        kind = kind_of(self.frame, (drawn.series for drawn in self.drawn.values()), draws)
        file = self.file.enter_context(laid_out(self.part, kind, self.frame.attrs))
        self.places = [[dataset(file, path) for path in series.variables(draws)] for series in kind.series]
        self.laid_out_for = draws

    def packed(self, drawn: Drawn, places: list[h5py.Dataset]) -> list[Pieces]:
        """A series for its variables: every draw, or quantiles and mean."""
        if drawn.series.whole:
            numbers = [self.draws_of(drawn)]
        elif drawn.sketch:
            numbers = [[drawn.sketch.quantiles(QUANTILES).astype(np.float32)], [drawn.sketch.mean().astype(np.float32)]]
        else:
            numbers = [[part] for part in summary(drawn.blocks[: self.blocks], drawn.series.shape)]
        return [compressed(place.chunks or place.shape, blocks) for place, blocks in zip(places, numbers, strict=True)]

    def draws_of(self, drawn: Drawn) -> Iterator[np.ndarray]:
        """The draws of a series block by block, the draw first as in the file."""
        return (np.moveaxis(block.read(0, drawn.series.shape[0]), -1, 0) for block in drawn.blocks[: self.blocks])


def dataset(file: h5py.File, path: str) -> h5py.Dataset:
    """The data set of a path."""
    found = file[path]
    assert isinstance(found, h5py.Dataset)
    return found


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
