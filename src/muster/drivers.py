"""Drivers: which uncertain parameters a quantity hangs on, from the draws themselves."""

from functools import cache

import numpy as np

FEWEST = 64  # draws with which shares of variance can be told at all
RESOLVED = 1000  # draws from which on small shares are told
BINS = 8
TRIALS, SURE = 40, 0.95  # sets of as many dummies as there are parameters; how many of them must stay below the floor


def variance_shares(values: np.ndarray, names: list[str], drawn: np.ndarray, count: int = 5) -> list[dict]:
    """Parameters by the share of the variance of a quantity's ranks that they carry alone (correlation ratio in eight bins).

    drawn [parameter, draw]. What lies below the noise floor is not told.
    """
    known = np.nan_to_num(values, nan=np.inf, posinf=np.finfo(float).max, neginf=-np.finfo(float).max)
    if len(known) < FEWEST or np.all(known == known[0]):
        return []
    ranks = np.unique(known, return_inverse=True)[1].astype(float)  # equal values have equal ranks
    floor = noise_floor(len(known), len(names))
    shares = correlation_ratios(ranks, drawn)
    order = [index for index in np.argsort(-shares, kind="stable")[:count] if shares[index] > floor]
    return [{"parameter": names[index], "share": round(float(shares[index]), 3), "noise_floor": round(floor, 3)} for index in order]


@cache
def noise_floor(draws: int, parameters: int) -> float:
    """The largest share among as many planted dummies as there are parameters, not passed in 95 % of the trials."""
    random = np.random.default_rng(0)
    ranks = np.arange(draws, dtype=float)
    largest = [correlation_ratios(ranks, random.normal(size=(parameters, draws))).max() for _ in range(TRIALS)]
    return float(np.quantile(largest, SURE))


def correlation_ratios(ranks: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Share of the variance of ranks [draw] between equally filled bins of each parameter [parameter, draw]."""
    ordered = ranks[np.argsort(parameters, axis=1, kind="stable")]
    mean, spread = ranks.mean(), float(np.sum((ranks - ranks.mean()) ** 2))
    groups = np.array_split(ordered, BINS, axis=1)
    between = sum(group.shape[1] * (group.mean(axis=1) - mean) ** 2 for group in groups)
    return np.asarray(between) / spread
