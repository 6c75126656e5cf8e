"""A sampler beside both fits: Hamiltonian chains on the reference case's posterior, with the slopes of whole runs.

    python tools/long_chains.py [--steps 60] [--leaps 7] [--length 0.22] [--seed 1]

The target is that of Laplace: runs without weekly noise, one draw's thresholds, the weights of outliers and bounds as they are at the most
likely point. In the coordinates of the Laplace fit it is nearly a standard normal, so that paths of one length (shaken by a fifth) do
what NUTS would choose (Neal 2011, recalled), and all chains run in one batch. They start from members of the shipped fit. Told are
acceptance, R-hat, effective sample size, and how far means and spreads lie from those of both fits.
"""

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

from muster import calibration, laplace, observe, programs, simulate
from muster.model import run
from muster.model.coupling import connected
from muster.model.levers import AXES, COHORTS
from muster.model.quantity import axes
from muster.model.world import READINGS
from muster.posterior import load, posterior_file
from muster.results import Results

OUT = Path(__file__).resolve().parents[1] / "src/muster/library/posteriors/long-chains.json"
CHAINS = 2 * simulate.LANE
BURNED = 0.25  # of the steps that are left out
SHAKEN = 0.2  # share by which a step's length is shaken
NUDGE = 1e-4  # of a score, for the slope of a number on its own score
LIMITS = 0.3, (0.8, 1.25)  # what two methods may differ by: means in s.d., ratio of s.d.


def lying_by_draw(tree):
    """Where the draws lie: on the last axis of every leaf, a share of them on each device."""
    return jax.tree.map(lambda leaf: PartitionSpec(*[None] * (leaf.ndim - 1), "draw"), tree)


class Target:
    """Minus the log posterior of many points at once, with its slopes."""

    def __init__(self, problem: calibration.Problem, found: laplace.Mode, noise: np.ndarray):
        self.problem, self.known, experiment = problem, problem.likelihood, problem.experiment
        at_mode = laplace.told(problem, found.scores[:, None])
        self.precision = np.linalg.inv(self.known.covariance(self.known.weights(at_mode)) + noise)
        draws = simulate.draws_of(experiment, np.zeros(CHAINS, dtype=int))
        self.draws = replace(draws, noise=jax.tree.map(lambda x: x * 0, draws.noise))
        self.case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
        self.above, self.below = rows_of(problem)
        self.made = self.compiled()

    def told(self, readings: dict) -> jax.Array:
        """What is told of packed readings [step, reading, draw]: [row, draw]."""
        shift, floor, logs = (jnp.asarray(x)[:, None] for x in (self.known.shift, self.known.floor, self.known.logs))
        above, below = (self.added(part, readings) for part in (self.above, self.below))
        read = above / jnp.where(below == 0, 1.0, below)
        return jnp.where(logs, jnp.log(jnp.maximum(jnp.where(logs, read, 1.0), floor)), read) + shift

    @staticmethod
    def added(part: dict, readings: dict) -> jax.Array | float:
        """The weighted sums over weeks of what the figures read [row, draw]."""
        return sum(weights @ readings[node][: weights.shape[1], place].astype(float) for (node, place), weights in part.items())

    def misfit(self, params, case, draws):
        """Half the squared distance of the figures from what is told, in units of all errors: the sum over draws, and by draw."""
        experiment = self.problem.experiment
        _, readings, _ = run.lane(case, replace(draws, params=params), experiment.dt, experiment.structure, again=True)
        told, low, high = self.told(readings), self.known.low[:, None], self.known.high[:, None]
        distance = jnp.maximum(low - told, 0) + jnp.minimum(high - told, 0)
        by_draw = 0.5 * jnp.sum(distance * (self.precision @ distance), axis=0)
        return jnp.sum(by_draw), by_draw

    def compiled(self):
        """The misfit by draw and its slopes on the parameters, a share of the draws on each device."""
        specs = lying_by_draw(self.draws.params), PartitionSpec(), lying_by_draw(self.draws)

        def sloped(params, case, draws):
            (_, by_draw), slopes = jax.value_and_grad(self.misfit, has_aux=True)(params, case, draws)
            return by_draw, slopes

        out = PartitionSpec("draw"), specs[0]
        shared = jax.shard_map(sloped, mesh=programs.devices(), in_specs=specs, out_specs=out, check_vma=False)
        jitted = jax.jit(shared, compiler_options=simulate.COMPILER)
        everywhere = NamedSharding(programs.devices(), PartitionSpec())
        case = jax.device_put(self.case, everywhere)
        draws = jax.device_put(self.draws, jax.tree.map(lambda spec: NamedSharding(programs.devices(), spec), specs[2]))
        return lambda params: jitted(params, case, draws)

    def at(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the log posterior [chain] at scores [stream, chain], and its slopes [stream, chain]."""
        params, up, down = (self.params(scores + nudge) for nudge in (0.0, NUDGE, -NUDGE))
        by_draw, slopes = self.made(params)
        with np.errstate(invalid="ignore"):  # a constant may be infinite
            own = jax.tree.map(lambda a, b, slope: (a - b) / (2 * NUDGE) * np.asarray(slope), up, down, slopes)
        on_scores = np.array([self.of_stream(own.split(), name) for name in self.problem.streams])
        return np.asarray(by_draw) + 0.5 * np.sum(scores**2, axis=0), on_scores + scores

    def params(self, scores: np.ndarray):
        """Both sides' parameters as a pair."""
        return run.pair(*calibration.params_of(self.problem, scores))

    def of_stream(self, sides: tuple, name: str) -> np.ndarray:
        """The slope on one number: of both sides where they share it."""
        scope, _, path = name.partition("/")
        subsystem, _, field = path.partition(".")
        values = [np.asarray(getattr(getattr(side, subsystem), field)) for side in sides]
        return values[0] + values[1] if scope == "war" else values[self.problem.experiment.sides.index(scope)]


def rows_of(problem: calibration.Problem) -> tuple[dict, dict]:
    """What the figures read of packed readings: (node, place) -> weights [row, step], above and below the line of a ratio."""
    experiment, rows = problem.experiment, problem.likelihood.rows
    unit_runs = Results.from_record(experiment, dict(zip(experiment.sides, observe.unit_readings(experiment.steps), strict=True)), 0.0)
    found: tuple[dict, dict] = ({}, {})
    for number, row in enumerate(rows):
        above, _, below = row.path.partition(" / ")
        how = "over" if row.operator == "ratio" else row.operator
        for part, path in zip(found, (above, below), strict=True):
            for series, cohort, weights in observe.linear(unit_runs, row, path, how) if path else []:
                part.setdefault(place_of(experiment.sides, series, cohort), np.zeros((len(rows), experiment.steps)))[number] += weights
    return found


def place_of(sides: tuple[str, ...], series: str, cohort: str | None) -> tuple[str, int]:
    """The node of a series, and its place in the node's packed readings."""
    side, node, name = series.split("/")
    sizes = {axis: len(parts) for axis, parts in AXES.items()}
    width = {node: 2 * sum(math.prod(sizes[axis] for axis in dims) for dims in axes(record).values()) for node, record in READINGS.items()}
    numbers = run.unpacked({node: np.arange(count).reshape(1, count, 1) for node, count in width.items()}, 1)
    found = getattr(numbers[sides.index(side)][node], name)[0, 0]
    return node, int(found if cohort is None else found[COHORTS.index(cohort)])


class Chains:
    """Hamiltonian chains in the coordinates of the Laplace fit."""

    def __init__(self, target: Target, found: laplace.Mode, start: np.ndarray, seed: int):
        self.target, self.mode, self.random = target, found, np.random.default_rng(seed)
        self.root = np.linalg.cholesky(found.covariance)
        self.at = np.linalg.solve(self.root, start - found.scores[:, None])  # [coordinate, chain]
        self.value, self.slope = self.sloped(self.at)
        self.accepted = 0.0

    def scores(self, at: np.ndarray) -> np.ndarray:
        """Scores of the numbers [stream, chain]."""
        return self.mode.scores[:, None] + self.root @ at

    def sloped(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the log posterior [chain] and its slopes [coordinate, chain]."""
        value, slope = self.target.at(self.scores(at))
        return value, self.root.T @ slope

    def step(self, leaps: int, length: float) -> None:
        """One path of every chain, its end taken or left."""
        size = length * (1 + SHAKEN * self.random.uniform(-1, 1))
        speed = self.random.standard_normal(self.at.shape)
        at, slope = self.at, self.slope
        energy = self.value + 0.5 * np.sum(speed**2, axis=0)
        for _ in range(leaps):
            speed = speed - 0.5 * size * slope
            at = at + size * speed
            value, slope = self.sloped(at)
            speed = speed - 0.5 * size * slope
        gone = energy - value - 0.5 * np.sum(speed**2, axis=0)
        taken = np.log(self.random.uniform(size=len(gone))) < np.where(np.isfinite(gone), gone, -np.inf)
        self.at, self.slope = np.where(taken, at, self.at), np.where(taken, slope, self.slope)
        self.value = np.where(taken, value, self.value)
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
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--leaps", type=int, default=7)
    options.add_argument("--length", type=float, default=0.22)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    started = time.perf_counter()
    posterior, problem = load(posterior_file("russia-ukraine-2022")), calibration.problem_of("russia-ukraine-2022")
    problem = calibration.with_likelihood(problem, problem.likelihood.sized(posterior.about["error_sizes"]))
    noise = calibration.chance_covariance(problem)
    found = laplace.mode(problem, np.zeros(len(problem.streams)), noise)
    chains = Chains(Target(problem, found, noise), found, posterior.scores[:, :CHAINS], asked.seed)
    print(f"compiled, {time.perf_counter() - started:.0f} s", flush=True)
    kept, accepted = [], []
    for number in range(asked.steps):
        chains.step(asked.leaps, asked.length)
        accepted.append(chains.accepted)
        if number >= BURNED * asked.steps:
            kept.append(chains.scores(chains.at))
        if number % 5 == 0:
            print(f"step {number}, {time.perf_counter() - started:.0f} s, accepted {np.mean(accepted[-5:]):.2f}", flush=True)
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
        told[name]["moved"] = compared(*(part[moved] for part in (mean, deviation, *fit)))
    distance = (fits["es_mda"][0] - mean) / deviation
    told["farthest"] = [
        {"number": problem.streams[i], "chains": [round(float(mean[i]), 2), round(float(deviation[i]), 2)],
         **{name: [round(float(part[i]), 2) for part in fit] for name, fit in fits.items()}}
        for i in np.argsort(-np.abs(distance))[:15]
    ]  # fmt: skip
    OUT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
