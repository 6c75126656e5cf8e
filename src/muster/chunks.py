"""Chunks: draws of a run that wait in a file of their own until the run is whole, and are read where they lie."""

import math
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from muster import output
from muster.output import Block


def path_of(folder: Path, first: int) -> Path:
    """Where a chunk of a run waits."""
    return folder / f"draws-{first:06d}.chunk"


def part_of(path: Path) -> Path:
    """Where a chunk is written beside: a place for each thread, as another, also of another machine, may write the same chunk."""
    return path.with_name(f"{path.name}.{platform.node()}-{os.getpid()}-{threading.get_ident()}{output.PART}")


def removed(folder: Path) -> None:
    """Removes the chunks of a run, and what writers that were stopped have left of one."""
    for pattern in ("draws-*.chunk", f"draws-*.chunk*{output.PART}"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def kept(path: Path, seconds: float, blocks: list[Block]) -> None:
    """Keeps a chunk, beside and renamed: the seconds that it took and the draws of each block, then every series by name."""
    with output.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = part_of(path)
        try:
            with beside.open("wb") as file:
                np.save(file, np.array([seconds, *(draws_of(block) for block in blocks)]))
                for block in blocks:
                    for name in sorted(block):
                        np.ascontiguousarray(block[name], dtype=np.float32).tofile(file)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def draws_of(block: Block) -> int:
    """How many draws a block has."""
    return next(iter(block.values())).shape[-1]


def mapped(path: Path, frame: xr.DataTree) -> tuple[float, Iterator[Block]]:
    """The seconds that a chunk took and its blocks, read from the file where they are used; `frame` tells the series (output.frame_of)."""
    with path.open("rb") as file:
        seconds, *counts = np.load(file)
        begins = file.tell()
    whole = np.memmap(path, dtype=np.uint8, mode="r")[begins:].view(np.float32)
    shapes = {name: array.shape[1:] for name, array in sorted(output.all_series(frame).items())}

    def blocks() -> Iterator[Block]:
        place = 0
        for count in map(int, counts):
            block = {}
            for name, shape in shapes.items():
                size = math.prod(shape) * count
                block[name], place = whole[place : place + size].reshape(*shape, count), place + size
            yield block

    return float(seconds), blocks()
