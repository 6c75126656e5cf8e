"""ES-MDA: an ensemble smoother that takes the data several times, each time with their errors inflated (Emerick and Reynolds 2013).

Parameters are normal scores. Chance is drawn anew at each step: with the covariance `noise` of what it does to the readings, errors
of covariance inflation * (errors + noise) - noise make the steps together worth the data once (docs/calibration.md).
"""

import numpy as np

SPREAD = 3.5  # robust standard deviations beyond which a reading of the ensemble is drawn in


def drawn_in(told: np.ndarray) -> np.ndarray:
    """Readings [row, member] with the far ends drawn in: a straight line through an army that is gone says nothing of one that is not."""
    middle = np.median(told, axis=1, keepdims=True)
    robust = 1.4826 * np.median(np.abs(told - middle), axis=1, keepdims=True)
    robust = np.where(robust > 0, robust, np.std(told, axis=1, keepdims=True))
    return np.clip(told, middle - SPREAD * robust, middle + SPREAD * robust)


def inflated(errors: np.ndarray, noise: np.ndarray, inflation: float) -> np.ndarray:
    """The covariance of one step's errors."""
    return inflation * errors + (inflation - 1) * noise


def update(scores: np.ndarray, told: np.ndarray, innovation: np.ndarray, errors: np.ndarray, threshold: float) -> np.ndarray:
    """The members' scores [parameter, member] after one step.

    innovation [row, member]: the figure with its error drawn, less what the member told. Correlations between a parameter and a
    direction of the readings that chance gives (below `threshold` standard errors) are taken as none.
    """
    members = scores.shape[1]
    root = np.linalg.cholesky(errors)
    whitened = np.linalg.solve(root, told - told.mean(axis=1, keepdims=True)) / np.sqrt(members - 1)
    left, size, right = np.linalg.svd(whitened, full_matrices=False)
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.sum(centred**2, axis=1, keepdims=True))
    correlation = (centred / np.where(deviation > 0, deviation, 1)) @ right.T
    kept = np.where(np.abs(correlation) >= threshold / np.sqrt(members - 1), correlation, 0)
    gain = kept * deviation / np.sqrt(members - 1) * (size / (size**2 + 1))
    return scores + gain @ (left.T @ np.linalg.solve(root, innovation))
