"""Fits the reference case a second time, by Laplace, and sets it beside the posterior: python tools/second_method.py [--starts 4]"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from muster import calibration, evidence, laplace
from muster.posterior import load, posterior_file

OUT = Path(__file__).resolve().parents[1] / "src/muster/library/posteriors/second-method.json"


def main() -> None:
    """Climbs from the prior's centre and from draws of it; compares means and standard deviations."""
    options = argparse.ArgumentParser()
    options.add_argument("--starts", type=int, default=4)
    asked = options.parse_args()
    started = time.perf_counter()
    problem = calibration.problem_of("russia-ukraine-2022")
    draws = evidence.normals(problem.experiment, 5_000_000 + np.arange(asked.starts), list(problem.streams))
    starts = [np.zeros(len(problem.streams)), *(0.5 * draws.T[: asked.starts - 1])]
    posterior = load(posterior_file("russia-ukraine-2022"))
    problem = calibration.with_likelihood(problem, problem.likelihood.sized(posterior.about["error_sizes"]))
    found = laplace.modes(problem, starts)
    best = found[0]
    mean, deviation = posterior.scores.mean(axis=1), posterior.scores.std(axis=1)
    other = np.sqrt(np.diag(best.covariance))
    distance, ratio = (best.scores - mean) / deviation, other / deviation
    moved = deviation < 0.9
    told = {
        "starts": len(found),
        "objectives": [round(one.objective, 2) for one in found],
        "steps": [one.steps for one in found],
        "distance_between_modes": [round(float(np.sqrt(np.mean((one.scores - best.scores) ** 2))), 3) for one in found],
        "seconds": round(time.perf_counter() - started),
        "all": summary(distance, ratio),
        "moved": {"numbers": int(moved.sum()), **summary(distance[moved], ratio[moved])},
        "farthest": [
            {"number": problem.streams[i], "es_mda": [round(float(mean[i]), 2), round(float(deviation[i]), 2)],
             "laplace": [round(float(best.scores[i]), 2), round(float(other[i]), 2)]}
            for i in np.argsort(-np.abs(distance))[:15]
        ],
        "eigenvalues": [round(float(x), 2) for x in np.sort(1 / np.linalg.eigvalsh(best.covariance) - 1)[::-1][:40]],
        "closest_pairs": closest(best.covariance, problem.streams),
    }  # fmt: skip
    OUT.write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(json.dumps(told, indent=1))


def summary(distance: np.ndarray, ratio: np.ndarray) -> dict:
    """How far the means lie apart in s.d. of the posterior, and the ratio of the standard deviations."""
    return {
        "mean_distance": round(float(np.mean(np.abs(distance))), 3),
        "within_0.3": round(float(np.mean(np.abs(distance) < 0.3)), 3),
        "largest_distance": round(float(np.max(np.abs(distance))), 2),
        "ratio": [round(float(x), 3) for x in np.quantile(ratio, [0, 0.05, 0.5, 0.95, 1])],
    }


def closest(covariance: np.ndarray, names: tuple[str, ...]) -> list:
    """The pairs of numbers with the largest correlations."""
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.triu(covariance / np.outer(deviation, deviation), k=1)
    order = np.argsort(-np.abs(correlation), axis=None)[:15]
    return [(names[k // len(names)], names[k % len(names)], round(float(correlation.flat[k]), 2)) for k in order]


if __name__ == "__main__":
    main()
