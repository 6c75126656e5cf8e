"""Which correlations count as chance: twin data of held-out prior draws, one update of the prior's ensemble, by threshold.

    python tools/choose_threshold.py [--members 1040] [--twins 208]

No runs are made but those of the prior, so that many twins are cheap. The table goes to docs/calibration.md.
"""

import argparse

import numpy as np

from muster import calibration, esmda, evidence
from muster.likelihood import noisy

TWIN = 10_000_000


def main() -> None:
    """Runs the prior once, updates it for each twin and threshold, and tells where the truth lies."""
    options = argparse.ArgumentParser()
    options.add_argument("--members", type=int, default=calibration.MEMBERS)
    options.add_argument("--twins", type=int, default=208)
    asked = options.parse_args()
    problem = calibration.problem_of("russia-ukraine-2022")
    known = problem.likelihood

    def ensemble(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = evidence.normals(problem.experiment, draws, list(problem.streams))
        return scores, known.told(calibration.readings(problem, scores, draws))

    prior, told = ensemble(np.arange(asked.members))
    truths, told_of = ensemble(TWIN + np.arange(asked.twins))
    told, generator = esmda.drawn_in(told), np.random.default_rng(1)
    figures = noisy(known, told_of, generator)
    errors = known.covariance(known.weights(told))
    print("| threshold | mean squared error, prior = 1 | 50 % band | 90 % band | of the 40 that move most: error | 50 % | 90 % |")
    print("|---" * 7 + "|")
    for threshold in (0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0):
        error, below, ratio = [], [], []
        for number in range(asked.twins):
            table = known.with_figures(figures[:, number])
            drawn = np.linalg.cholesky(errors) @ np.random.default_rng([2, number]).standard_normal(told.shape)
            scores = esmda.update(prior, told, table.innovation(told, drawn), errors, threshold)
            error.append((scores.mean(axis=1) - truths[:, number]) ** 2)
            below.append(np.mean(scores < truths[:, number, None], axis=1))
            ratio.append(scores.std(axis=1))
        most = np.argsort(np.mean(ratio, axis=0))[:40]
        told_row = []
        for kept in (slice(None), most):
            u = np.array(below)[:, kept]
            told_row += [np.mean(np.array(error)[:, kept]), *(100 * np.mean(np.abs(u - 0.5) <= share / 2) for share in (0.5, 0.9))]
        print(
            f"| {threshold:g} | " + " | ".join(f"{x:.3f}" if i % 3 == 0 else f"{x:.0f}" for i, x in enumerate(told_row)) + " |", flush=True
        )


if __name__ == "__main__":
    main()
