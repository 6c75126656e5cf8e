"""A sampler beside both fits: many Markov chains on the reference case's posterior, from the members of the shipped fit.

    python tools/long_chains.py [--steps 400] [--size 0.4] [--seed 1]

The target is that of Laplace (runs without weekly noise, one draw's thresholds). Proposals are preconditioned Crank-Nicolson steps in
the coordinates of the Laplace fit (Cotter et al. 2013, recalled): they leave that normal as it is, whatever the number of dimensions,
and need no slope. Told are acceptance, R-hat, effective sample size, and how far means and spreads lie from those of both fits.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

from muster import calibration, laplace
from muster.posterior import load, posterior_file
from muster.simulate import LANE

OUT = Path(__file__).resolve().parents[1] / "src/muster/library/posteriors/long-chains.json"
CHAINS = 2 * LANE
BURNED = 0.25  # of the steps that are left out
LIMITS = 0.3, (0.8, 1.25)  # what two methods may differ by: means in s.d., ratio of s.d.


class Chains:
    """Chains on the posterior of a problem, in the coordinates of its Laplace fit."""

    def __init__(self, problem: calibration.Problem, found: laplace.Mode, noise: np.ndarray, start: np.ndarray, seed: int):
        self.problem, self.noise, self.mode = problem, noise, found
        self.root = np.linalg.cholesky(found.covariance)
        self.random = np.random.default_rng(seed)
        self.at = np.linalg.solve(self.root, start - found.scores[:, None])  # [coordinate, chain]
        self.weight = self.beyond(self.at)
        self.accepted = 0.0

    def scores(self, at: np.ndarray) -> np.ndarray:
        """Scores of the numbers [stream, chain]."""
        return self.mode.scores[:, None] + self.root @ at

    def beyond(self, at: np.ndarray) -> np.ndarray:
        """Minus the log posterior over the normal of the Laplace fit [chain]."""
        scores = self.scores(at)
        told = laplace.told(self.problem, scores)
        whole = [laplace.objective(self.problem, self.noise, scores[:, i], told[:, i]) for i in range(at.shape[1])]
        return np.array(whole) - 0.5 * np.sum(at**2, axis=0)

    def step(self, size: float) -> None:
        """One proposal of every chain, taken or left."""
        proposed = np.sqrt(1 - size**2) * self.at + size * self.random.standard_normal(self.at.shape)
        weight = self.beyond(proposed)
        taken = np.log(self.random.uniform(size=len(weight))) < self.weight - weight
        self.at = np.where(taken, proposed, self.at)
        self.weight = np.where(taken, weight, self.weight)
        self.accepted = float(np.mean(taken))


def compared(mean: np.ndarray, deviation: np.ndarray, other_mean: np.ndarray, other_deviation: np.ndarray) -> dict:
    """How far another fit lies from the chains: means in the chains' s.d., ratio of s.d."""
    distance, ratio = np.abs(other_mean - mean) / deviation, other_deviation / deviation
    low, high = LIMITS[1]
    return {
        "numbers": len(mean),
        "mean_distance": round(float(distance.mean()), 3),
        "means_within": round(float(np.mean(distance < LIMITS[0])), 3),
        "ratio": [round(float(x), 3) for x in np.quantile(ratio, [0.05, 0.5, 0.95])],
        "ratios_within": round(float(np.mean((ratio > low) & (ratio < high))), 3),
    }


def main() -> None:
    """Fits by Laplace, runs the chains, compares."""
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--size", type=float, default=0.4)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    started = time.perf_counter()
    problem = calibration.problem_of("russia-ukraine-2022")
    posterior = load(posterior_file("russia-ukraine-2022"))
    noise = calibration.chance_covariance(problem)
    found = laplace.mode(problem, np.zeros(len(problem.streams)), noise)
    chains = Chains(problem, found, noise, posterior.scores[:, :CHAINS], asked.seed)
    kept, accepted = [], []
    for number in range(asked.steps):
        chains.step(asked.size)
        accepted.append(chains.accepted)
        if number >= BURNED * asked.steps:
            kept.append(chains.scores(chains.at))
        if number % 20 == 0:
            print(f"step {number}, {time.perf_counter() - started:.0f} s, accepted {np.mean(accepted[-20:]):.2f}", flush=True)
    samples = np.stack(kept).transpose(2, 0, 1)  # [chain, step, stream]
    mean, deviation = samples.mean(axis=(0, 1)), samples.std(axis=(0, 1))
    moved = posterior.scores.std(axis=1) < 0.9
    fits = {
        "es_mda": (posterior.scores.mean(axis=1), posterior.scores.std(axis=1)),
        "laplace": (found.scores, np.sqrt(np.diag(found.covariance))),
    }
    told = {
        "chains": CHAINS,
        "steps": asked.steps,
        "seconds": round(time.perf_counter() - started),
        "accepted": round(float(np.mean(accepted)), 3),
        "r_hat": [round(float(x), 3) for x in np.quantile(split_gelman_rubin(samples), [0.5, 0.95, 1])],
        "effective_sample_size": [round(float(x)) for x in np.quantile(effective_sample_size(samples), [0, 0.05, 0.5])],
        **{name: {"all": compared(mean, deviation, *fit)} for name, fit in fits.items()},
    }
    for name, fit in fits.items():
        told[name]["moved"] = compared(mean[moved], deviation[moved], *(part[moved] for part in fit))
    distance = (fits["es_mda"][0] - mean) / deviation
    told["farthest"] = [
        {"number": problem.streams[i], "chains": [round(float(mean[i]), 2), round(float(deviation[i]), 2)],
         "es_mda": [round(float(fits["es_mda"][0][i]), 2), round(float(fits["es_mda"][1][i]), 2)]}
        for i in np.argsort(-np.abs(distance))[:12]
    ]  # fmt: skip
    OUT.write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
