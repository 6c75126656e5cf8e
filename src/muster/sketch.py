"""Mean and quantiles of many draws without keeping them: a histogram of each number of a series, in a fixed amount of memory."""

import numpy as np

BINS = 128  # of one histogram; beyond the range of the first draws the outermost bins reach to the smallest and largest value
MARGIN = 0.25  # of the first draws' range, added on either side
FLAT = 1e-3  # of the widest range in the series: the least range of a histogram, for numbers on which the first draws agree


class Sketch:
    """Histograms of the numbers of a series; arrays have the draw first."""

    def __init__(self, first: np.ndarray):
        flat = first.reshape(len(first), -1).astype(np.float32)
        finite = np.where(np.isfinite(flat), flat, np.nan_to_num(np.nanmedian(flat)))
        low, high = finite.min(axis=0), finite.max(axis=0)
        width = high - low
        least = max(FLAT * float(width.max()), 1e-6 * float(np.abs(finite).max()), float(np.finfo(np.float32).tiny))
        spare = MARGIN * np.maximum(width, least)
        self.low, self.step = low - spare, (np.maximum(width, least) + 2 * spare) / BINS
        self.shape, self.draws = first.shape[1:], 0
        self.counts = np.zeros((flat.shape[1], BINS), dtype=np.uint32)
        self.begins = BINS * np.arange(flat.shape[1])  # of each number's bins in the flat counts
        self.sum = np.zeros(flat.shape[1])
        self.least, self.most = np.full(flat.shape[1], np.inf, np.float32), np.full(flat.shape[1], -np.inf, np.float32)

    def add(self, values: np.ndarray) -> None:
        """Counts some draws."""
        flat = values.reshape(len(values), -1).astype(np.float32, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            places = flat - self.low
            places /= self.step
        cells = np.clip(places, 0, BINS - 1, out=places).astype(np.intp)
        cells += self.begins
        counted = np.bincount(cells.ravel(), minlength=self.counts.size).reshape(self.counts.shape)
        np.add(self.counts, counted, out=self.counts, casting="unsafe")
        self.sum += flat.sum(axis=0, dtype=float)
        np.minimum(self.least, flat.min(axis=0), out=self.least)
        np.maximum(self.most, flat.max(axis=0), out=self.most)
        self.draws += len(values)

    def mean(self) -> np.ndarray:
        """The mean of all draws."""
        return (self.sum / self.draws).reshape(self.shape)

    def quantiles(self, shares) -> np.ndarray:
        """Quantiles [share, ...], within a bin by linear interpolation."""
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
