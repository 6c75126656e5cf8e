"""Drivers: which uncertain parameters a quantity hangs on, from the draws themselves."""

import numpy as np

FEWEST = 64  # draws with which shares of variance can be told at all
RESOLVED = 1000  # draws from which on small shares are told
BINS, DUMMIES = 8, 200


def variance_shares(values: np.ndarray, names: list[str], drawn: np.ndarray, count: int = 5, seed: int = 0) -> list[dict]:
    """Parameters by the share of the variance of a quantity's ranks that they carry alone (correlation ratio in eight bins).

    drawn [parameter, draw]. The noise floor is the largest share among 200 planted dummies; what lies below it is not told.
    """
    known = np.nan_to_num(values, nan=np.inf, posinf=np.finfo(float).max, neginf=-np.finfo(float).max)
    if len(known) < FEWEST or np.all(known == known[0]):
        return []
    ranks = np.unique(known, return_inverse=True)[1].astype(float)  # equal values have equal ranks
    dummies = np.random.default_rng(seed).normal(size=(DUMMIES, len(known)))
    floor = float(correlation_ratios(ranks, dummies).max())
    shares = correlation_ratios(ranks, drawn)
    order = [index for index in np.argsort(-shares, kind="stable")[:count] if shares[index] > floor]
    return [{"parameter": names[index], "share": round(float(shares[index]), 3), "noise_floor": round(floor, 3)} for index in order]


def correlation_ratios(ranks: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Share of the variance of ranks [draw] between equally filled bins of each parameter [parameter, draw]."""
    ordered = ranks[np.argsort(parameters, axis=1, kind="stable")]
    mean, spread = ranks.mean(), float(np.sum((ranks - ranks.mean()) ** 2))
    groups = np.array_split(ordered, BINS, axis=1)
    between = sum(group.shape[1] * (group.mean(axis=1) - mean) ** 2 for group in groups)
    return np.asarray(between) / spread
