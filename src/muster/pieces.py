"""Pieces: how the numbers of a series lie in files, and in results.nc compressed piece by piece."""

import itertools
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import BinaryIO, Protocol

import h5py
import numpy as np
from isal import isal_zlib

ALONE = 8  # first bytes of a piece, compressed by themselves


Pieces = list[tuple[tuple[int, ...], bytes]]


def compressed(piece: tuple[int, ...], blocks: Iterable[np.ndarray]) -> Pieces:
    """Pieces of this shape, with the place of each, of blocks along the first axis: compressed by isal, as any HDF5 library reads them."""
    found = []
    for first, rows in whole_pieces(blocks, piece[0]):
        for corner in itertools.product(*(range(0, size, step) for size, step in zip(rows.shape[1:], piece[1:], strict=True))):
            part = rows[(slice(None), *(slice(at, at + step) for at, step in zip(corner, piece[1:], strict=True)))]
            if part.shape != piece:  # HDF5 keeps whole pieces, also at an end
                cut, part = part, np.zeros(piece, dtype=np.float32)
                part[tuple(map(slice, cut.shape))] = cut
            found.append(((first, *corner), deflated(part)))
    return found


def fill(place: h5py.Dataset, pieces: Pieces) -> None:
    """Puts pieces into a variable as they are."""
    for corner, packed in pieces:
        place.id.write_direct_chunk(corner, packed)


def in_turn(pool: Executor, works: Iterable[Callable[[], object]], ahead: int) -> Iterator:
    """What some works give, in their order; no more than `ahead` wait beside those that are looked at."""
    waiting: deque[Future] = deque()
    for work in works:
        waiting.append(pool.submit(work))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def whole_pieces(blocks: Iterable[np.ndarray], rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of blocks of any length, `rows` at a time and the rest at the end; each with the place of its first."""
    first, waiting = 0, []
    for block in blocks:
        waiting.append(block)
        while sum(map(len, waiting)) >= rows:
            joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
            yield first, joined[:rows]
            first, waiting = first + rows, [joined[rows:]]
    rest = np.concatenate(waiting)
    if len(rest):
        yield first, rest


def deflated(piece: np.ndarray) -> bytes:
    """A piece of float32 as HDF5's shuffle and gzip filters would keep it, in a third of their time; the same bytes in every process."""
    numbers = np.ascontiguousarray(piece).reshape(-1).view(np.uint32)
    shuffled = np.empty((4, numbers.size), np.uint8)
    for place, shift in enumerate((0, 8, 16, 24) if sys.byteorder == "little" else (24, 16, 8, 0)):
        np.right_shift(numbers, np.uint32(shift), out=shuffled[place], casting="unsafe")  # a third of the time of a transposed copy
    row, packing = shuffled.reshape(-1), isal_zlib.compressobj(1)
    # isal takes an address for data behind the first byte of a stream; in so short a beginning it does not look there
    begun = packing.compress(row[:ALONE]) + packing.flush(isal_zlib.Z_SYNC_FLUSH)
    return begun + packing.compress(row[ALONE:]) + packing.flush()


class Held(Protocol):
    """A block of draws of a series, the draw on its last axis, that waits."""

    draws: int

    def read(self, first: int, last: int) -> np.ndarray:
        """What it holds of some steps."""
        ...


class InMemory:
    """A block that waits in memory, or in a file that is mapped there."""

    def __init__(self, values: np.ndarray):
        self.values, self.draws = values, values.shape[-1]

    def read(self, first: int, last: int) -> np.ndarray:
        """What it holds of some steps."""
        return self.values[first:last]


class InFile:
    """A block that waits as float32 at a place of a file; several may be read at once."""

    def __init__(self, file: BinaryIO, offset: int, shape: tuple[int, ...]):
        self.file, self.offset, self.shape, self.draws = file, offset, shape, shape[-1]

    def read(self, first: int, last: int) -> np.ndarray:
        """What it holds of some steps."""
        steps, size = min(last, self.shape[0]) - first, 4 * math.prod(self.shape[1:])
        held = os.pread(self.file.fileno(), steps * size, self.offset + first * size)
        return np.frombuffer(held, dtype=np.float32).reshape(steps, *self.shape[1:])
