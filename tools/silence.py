"""What official silence about own losses says: python tools/silence.py [--draws 2080]

A side may publish its dead less often the worse a month was (informative missingness). Here a month is spoken of with probability
r (month's dead / mean month's dead)^-b, r and b unknown, and the months in which each side did speak are those of the evidence (SPOKEN).
Told is how far that moves what the fit says, draw by draw: the effective sample, b, the dead of each side and every uncertain number.
The figures go to docs/calibration.md.
"""

import argparse

import numpy as np

from muster import evidence
from muster.experiment import build
from muster.simulate import ensemble

SPOKEN = {  # months of official statements of own dead: evidence C346; C263, C268, C274, C275
    "russia": ("2022-09",),
    "ukraine": ("2022-12", "2024-02", "2024-12", "2025-02"),
}
RATE = 0.1, 5.0  # of r: log-normal, median and the factor of its 95 % point
SLOPE = 1.5  # of b: half-normal, 95 % point (default class slope)
Z95, HALF_NORMAL_95 = 1.645, 1.96
MOST = 0.99  # of the probability of a month


def by_month(results, side: str, end: str) -> tuple[list[str], np.ndarray]:
    """Months from the first whole one to that of a day, and the dead of each [month, draw]."""
    weekly = results.series(f"{side}/front/killed").values.astype(float)
    days = results.tree.coords["time"].values.astype("datetime64[M]").astype(str)
    months = [month for month in dict.fromkeys(days) if "2022-03" <= month <= end]
    return months, np.stack([weekly[:, days == month].sum(axis=1) for month in months])


def spoken_of(dead: np.ndarray, spoken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood of what was spoken of [draw], r and b integrated out, and the mean of b [draw]."""
    z = np.linspace(-3, 3, 41)
    density = np.exp(-0.5 * z**2)
    rates = RATE[0] * np.exp(z * np.log(RATE[1]) / Z95)
    slopes, on_slopes = SLOPE / HALF_NORMAL_95 * z[20:], density[20:] * np.where(z[20:] == 0, 0.5, 1)
    bad = np.log(dead / dead.mean(axis=0))
    found = np.empty((len(slopes), dead.shape[1]))
    for i, slope in enumerate(slopes):
        p = np.minimum(rates[:, None, None] * np.exp(-slope * bad), MOST)
        log = np.sum(np.where(spoken[:, None], np.log(p), np.log1p(-p)), axis=1)
        found[i] = np.log(density @ np.exp(log)) + np.log(on_slopes[i])
    weight = np.exp(found - found.max(axis=0))
    return found.max(axis=0) + np.log(weight.sum(axis=0)), slopes @ weight / weight.sum(axis=0)


def shift(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far the weights move means, in s.d. [row]."""
    return (values @ weight - values.mean(axis=1)) / values.std(axis=1)


def main() -> None:
    """Weighs the draws of the fit by what each side was silent about."""
    options = argparse.ArgumentParser()
    options.add_argument("--draws", type=int, default=2080)
    asked = options.parse_args()
    experiment = build("russia-ukraine-2022", draws=asked.draws, posterior="shipped")
    results = ensemble(experiment)
    names, numbers = evidence.drawn_matrix(experiment, np.arange(asked.draws))
    log, dead = np.zeros(asked.draws), []
    for side, spoken in SPOKEN.items():
        months, found = by_month(results, side, "2025-06")
        own, slope = spoken_of(found, np.isin(months, spoken))
        log += own
        dead.append(np.log(found.sum(axis=0)))
        guessed = SLOPE / HALF_NORMAL_95 * np.sqrt(2 / np.pi)
        print(f"{side}: {len(spoken)} of {len(months)} months; b {slope.mean():.2f} where {guessed:.2f} was guessed")
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    print(f"effective sample {1 / np.sum(weight**2):.0f} of {asked.draws}")
    print("own dead to June 2025, in s.d.: " + ", ".join(f"{x:+.3f}" for x in shift(np.array(dead), weight)))
    moved = shift(numbers, weight)
    order = np.argsort(-np.abs(moved))[:8]
    print("numbers that move most, in s.d.: " + ", ".join(f"{names[i]} {moved[i]:+.2f}" for i in order))


if __name__ == "__main__":
    main()
