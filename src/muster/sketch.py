"""Mean and quantiles of many draws without keeping them: a histogram of each number of a series, in a fixed amount of memory."""

import math

import numpy as np

BINS = 128  # of one histogram; beyond the range of the first draws the outermost bins reach to the smallest and largest value
FIRST = 208  # draws that tell where the histograms lie
MARGIN = 0.25  # of the first draws' range, added on either side
FLAT = 1e-3  # of the widest range in the series: the least range of a histogram, for numbers on which the first draws agree


class Sketch:
    """Histograms of the numbers of a series of this shape; the draw is the last axis of what is added."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.draws = shape, 0
        self.waiting: list[np.ndarray] = []  # the first draws, which tell where the histograms lie
        self.counts = np.zeros((math.prod(shape), BINS), dtype=np.uint32)
        self.begins = BINS * np.arange(len(self.counts))[:, None]  # of each number's bins in the flat counts
        self.sum = np.zeros(len(self.counts))
        self.least, self.most = np.full(len(self.counts), np.inf, np.float32), np.full(len(self.counts), -np.inf, np.float32)

    def add(self, values: np.ndarray) -> None:
        """Takes up some draws."""
        flat = values.reshape(-1, values.shape[-1]).astype(np.float32, copy=False)
        first = max(FIRST - self.draws, 0)
        self.draws += flat.shape[1]
        if first:
            self.waiting.append(flat[:, :first].copy())
        if self.draws > FIRST:
            self.settle()
            self.count(flat[:, first:])

    def settle(self) -> None:
        """Lays the histograms about the first draws and counts those."""
        if self.waiting:
            first = np.concatenate(self.waiting, axis=1)
            self.waiting = []
            self.lay(first)
            self.count(first)

    def lay(self, first: np.ndarray) -> None:
        """The bins of every number, about the range of some draws [number, draw]."""
        middle = np.nan_to_num(np.nanmedian(first, axis=1, keepdims=True))
        finite = np.where(np.isfinite(first), first, middle)
        low, high = finite.min(axis=1), finite.max(axis=1)
        width = high - low
        least = max(FLAT * float(width.max()), 1e-6 * float(np.abs(finite).max()), float(np.finfo(np.float32).tiny))
        spare = MARGIN * np.maximum(width, least)
        self.low, self.step = low - spare, (np.maximum(width, least) + 2 * spare) / BINS

    def count(self, flat: np.ndarray) -> None:
        """Counts draws [number, draw]."""
        with np.errstate(invalid="ignore", over="ignore"):
            places = flat - self.low[:, None]
            places /= self.step[:, None]
        cells = np.clip(places, 0, BINS - 1, out=places).astype(np.intp)
        cells += self.begins
        counted = np.bincount(cells.ravel(), minlength=self.counts.size).reshape(self.counts.shape)
        np.add(self.counts, counted, out=self.counts, casting="unsafe")
        self.sum += flat.sum(axis=1, dtype=float)
        np.minimum(self.least, flat.min(axis=1), out=self.least)
        np.maximum(self.most, flat.max(axis=1), out=self.most)

    def mean(self) -> np.ndarray:
        """The mean of all draws."""
        self.settle()
        return (self.sum / self.draws).reshape(self.shape)

    def quantiles(self, shares) -> np.ndarray:
        """Quantiles [share, ...], within a bin by linear interpolation."""
        self.settle()
        ends = np.cumsum(self.counts, axis=1, dtype=np.int64)
        cells = np.arange(len(ends))
        found = []
        for share in shares:
            rank = share * (self.draws - 1)
            bin_ = (ends > rank).argmax(axis=1)
            inside = self.counts[cells, bin_]
            before = ends[cells, bin_] - inside
            low, high = self.low + bin_ * self.step, self.low + (bin_ + 1) * self.step
            low = np.maximum(np.where(bin_ == 0, self.least, low), self.least)
            high = np.minimum(np.where(bin_ == BINS - 1, self.most, high), self.most)
            part = (rank - before + 0.5) / np.maximum(inside, 1)
            with np.errstate(invalid="ignore"):
                found.append(np.where(low >= high, low, low + (high - low) * part).reshape(self.shape))
        return np.stack(found)
