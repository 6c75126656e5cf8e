"""Are Monte-Carlo errors of probabilities honest? Judges the reference case under many seeds and compares their spread with the mcse told.

    python tools/seed_check.py [--seeds 20] [--draws 200]

Told is, over all readings with a probability that varies: the median ratio of the standard deviation over seeds to the mcse, the share
of readings whose ratio lies in the range that so many seeds give by chance, and the share of pairs of seeds within 3 joint errors.
"""

import argparse
import itertools

import numpy as np
from scipy.stats import chi2

from muster.assess import assess


def main() -> None:
    """Judges under each seed and prints a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--draws", type=int, default=200)
    asked = options.parse_args()
    told: dict[str, list[tuple[float, float]]] = {}
    for seed in range(1, asked.seeds + 1):
        for _, readings in assess("russia-ukraine-2022", asked.draws, seed).claims:
            for read in readings:
                if read.judged is not None and read.judged.probability is not None:
                    told.setdefault(read.reading.id, []).append((read.judged.probability, read.judged.mcse))
        print(f"seed {seed}: {len(told)} readings", flush=True)
    values = np.array([found for found in told.values() if len(found) == asked.seeds])  # [reading, seed, p and mcse]
    p, error = values[..., 0], values[..., 1]
    varied = p.std(axis=1) > 0
    ratio = p[varied].std(axis=1, ddof=1) / np.sqrt(np.mean(error[varied] ** 2, axis=1))
    low, high = np.sqrt(chi2.ppf((0.05, 0.95), asked.seeds - 1) / (asked.seeds - 1))
    pairs = list(itertools.combinations(range(asked.seeds), 2))
    near = [np.abs(p[:, a] - p[:, b]) <= 3 * np.hypot(error[:, a], error[:, b]) for a, b in pairs]
    print(f"{len(p)} readings, {varied.sum()} that vary, {asked.seeds} seeds of {asked.draws} draws")
    middle = "{:.2f}, 5 and 95 % points {:.2f} and {:.2f}".format(*np.quantile(ratio, (0.5, 0.05, 0.95)))
    print(f"s.d. over seeds / mcse: median {middle}")
    print(f"inside 0.7 to 1.4: {np.mean((ratio > 0.7) & (ratio < 1.4)):.0%}; by chance alone 90 % lie in {low:.2f} to {high:.2f}")
    print(f"pairs of seeds within 3 joint errors: {np.mean(near):.2%}")


if __name__ == "__main__":
    main()
