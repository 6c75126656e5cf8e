"""Placebo: the reference table with its deviations from the prior dealt to other rows must not be fitted as the real one is.

    python tools/placebo.py [--deals 3] [--members 520] [--steps 4]

How far each figure lies from the prior's median, in units of all errors and the prior's spread, is dealt to the rows at random.
Told is by how much the fit lowers the mean squared innovation of the members' mean, in units of the errors alone.
"""

import argparse
from dataclasses import replace

import numpy as np

from muster import calibration
from muster.likelihood import Likelihood


def dealt(known: Likelihood, told: np.ndarray, generator: np.random.Generator) -> Likelihood:
    """The table with deviations dealt anew."""
    unit = np.sqrt(np.diag(known.covariance()) + np.var(told, axis=1))
    middle = np.median(told, axis=1)
    deviation = (known.centre - middle) / unit
    figures = middle + unit * generator.permutation(deviation)
    half = np.where(np.isfinite(known.high - known.low), (known.high - known.low) / 2, 0)
    low = np.where(np.isfinite(known.low), figures - half, -np.inf)
    return replace(known, low=low, high=np.where(np.isfinite(known.high), figures + half, np.inf))


def misfit(known: Likelihood, told: np.ndarray) -> float:
    """Mean squared innovation of the members' mean over the variance of the errors, outliers counted as at most 9."""
    distance = known.innovation(told).mean(axis=1) ** 2 / np.diag(known.covariance())
    return float(np.mean(np.minimum(distance, 9)))


def main() -> None:
    """Fits the real table and the dealt ones."""
    options = argparse.ArgumentParser()
    options.add_argument("--deals", type=int, default=3)
    options.add_argument("--members", type=int, default=520)
    options.add_argument("--steps", type=int, default=4)
    asked = options.parse_args()
    problem = calibration.problem_of("russia-ukraine-2022")
    fit = calibration.calibrate(problem, asked.members, asked.steps)
    print("| table | misfit before | after | lower by, % |")
    print("|---" * 4 + "|")
    for deal in range(asked.deals + 1):
        if deal:
            known = dealt(problem.likelihood, fit.prior_told, np.random.default_rng(deal))
            found = calibration.calibrate(calibration.with_likelihood(problem, known), asked.members, asked.steps)
        else:
            known, found = problem.likelihood, fit
        before, after = misfit(known, fit.prior_told), misfit(known, found.told)
        print(f"| {f'dealt, {deal}' if deal else 'real'} | {before:.3f} | {after:.3f} | {100 * (1 - after / before):.0f} |", flush=True)


if __name__ == "__main__":
    main()
