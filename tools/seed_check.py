"""Are Monte-Carlo errors of probabilities honest? Judges the reference case under many seeds and compares their spread with the mcse told.

    python tools/seed_check.py [--seeds 20] [--draws 200] [--prior]

Told is, over all readings with a probability that varies: the median ratio of the standard deviation over seeds to the mcse, the share
of readings whose ratio lies in the range that so many seeds give by chance, and the share of pairs of seeds within 3 joint errors. Draws
of the fit are taken from the same members under every seed, so that seeds differ a little less than the mcse says; of the prior not.
"""

import argparse
import itertools

import numpy as np
from scipy.stats import chi2

from muster.assess import assess

INNER = 0.05, 0.95  # probabilities between which an error is not that of half a draw
LEAST, MOST = 0.7, 1.4


def judged(seeds: int, draws: int, prior: bool) -> np.ndarray:
    """Probability and mcse of every reading that has one under every seed [reading, seed, 2]."""
    told: dict[str, list[tuple[float, float]]] = {}
    for seed in range(1, seeds + 1):
        for _, readings in assess("russia-ukraine-2022", draws, seed, posterior=None if prior else "shipped").claims:
            for read in readings:
                told.setdefault(read.reading.id, []).append((read.judged.probability, read.judged.mcse))
        print(f"seed {seed}", flush=True)
    values = np.array(list(told.values()))
    return values[np.isfinite(values).all(axis=(1, 2))]


def main() -> None:
    """Judges under each seed and prints what came out."""
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--draws", type=int, default=200)
    options.add_argument("--prior", action="store_true")
    asked = options.parse_args()
    values = judged(asked.seeds, asked.draws, asked.prior)
    p, error = values[..., 0], values[..., 1]
    low, high = np.sqrt(chi2.ppf((0.05, 0.95), asked.seeds - 1) / (asked.seeds - 1))
    print(f"{len(p)} readings, {asked.seeds} seeds of {asked.draws} draws of the {'prior' if asked.prior else 'fit'}")
    print(f"by chance alone 90 % of the ratios lie in {low:.2f} to {high:.2f}")
    inner = (p.mean(axis=1) > INNER[0]) & (p.mean(axis=1) < INNER[1])
    for label, kept in (("all that vary", p.std(axis=1) > 1e-9), (f"p in {INNER[0]} to {INNER[1]}", inner & (p.std(axis=1) > 1e-9))):
        ratio = p[kept].std(axis=1, ddof=1) / np.sqrt(np.mean(error[kept] ** 2, axis=1))
        middle = "{:.2f} ({:.2f} to {:.2f})".format(*np.quantile(ratio, (0.5, 0.05, 0.95)))
        print(f"{label}: {kept.sum()}; s.d. over mcse {middle}; {np.mean((ratio > LEAST) & (ratio < MOST)):.0%} in {LEAST} to {MOST}")
    pairs = itertools.combinations(range(asked.seeds), 2)
    near = [np.abs(p[:, a] - p[:, b]) <= 3 * np.hypot(error[:, a], error[:, b]) for a, b in pairs]
    print(f"pairs of seeds within 3 joint errors: {np.mean(near):.2%}")


if __name__ == "__main__":
    main()
