"""Simulation-based calibration: twin data from the prior, refitted; where the truth lies in each posterior must be uniform.

    python tools/sbc.py [--refits 100] [--members 520] [--steps 4] [--threshold T] [--seed 1] [--out FILE]

Each twin has the reference scenario's own table: its dates, operators, bounds, ranges and biases, and errors whose sizes are
drawn from their prior. Ranks are kept after every refit in FILE, and a run takes up what is there. The figures go to docs/calibration.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import stats

from muster import calibration, evidence
from muster.likelihood import drawn_sizes, noisy

ROOT = Path(__file__).resolve().parents[1]
TWIN = 10_000_000  # draws from this one on are twins, never members


def twin(problem: calibration.Problem, number: int, seed: int) -> tuple[calibration.Problem, np.ndarray]:
    """The problem with figures told of a draw of the prior, and that draw's scores [stream]."""
    draw = np.array([TWIN + number])
    truth = evidence.normals(problem.experiment, draw, list(problem.streams))
    read = calibration.readings(problem, truth, draw)
    generator = np.random.default_rng([seed, number])
    known = problem.likelihood.sized(drawn_sizes(generator))
    told = noisy(known, known.told(read), generator)[:, 0]
    return calibration.with_likelihood(problem, problem.likelihood.with_figures(told)), truth[:, 0]


def places(problem: calibration.Problem, number: int, members: int, steps: int, threshold: float, seed: int) -> np.ndarray:
    """Of each uncertain number: share of members below the truth, and s.d. over the prior's [2, stream]."""
    known, truth = twin(problem, number, seed)
    fit = calibration.calibrate(known, members, steps, seed + number, threshold=threshold)
    below = np.mean(fit.scores < truth[:, None], axis=1)
    distance = (fit.scores.mean(axis=1) - truth) ** 2
    return np.stack([below, fit.scores.std(axis=1) / fit.prior_scores.std(axis=1), distance])


def uniform(values: np.ndarray) -> float:
    """p-value of a chi-squared test of ten equal bins."""
    return float(stats.chisquare(np.histogram(values, bins=10, range=(0, 1))[0]).pvalue)


def table(found: np.ndarray) -> str:
    """What the ranks [refit, 3, stream] say."""
    below, ratio, distance = found[:, 0], found[:, 1], found[:, 2]
    moved = np.median(ratio, axis=0) < 0.9
    lines = [
        "| numbers | count | truth in the 50 % band, % | in the 90 % band, % | mean squared error, prior = 1 | smallest p, corrected |"
    ]
    lines.append("|---" * 6 + "|")
    for label, kept in (("all", np.ones_like(moved)), ("s.d. below 0.9 of the prior's", moved)):
        if not kept.any():
            continue
        u = below[:, kept]
        bands = [100 * np.mean(np.abs(u - 0.5) <= share / 2) for share in (0.5, 0.9)]
        smallest = min(1.0, min(uniform(column) for column in u.T) * kept.sum())
        lines.append(f"| {label} | {kept.sum()} | {bands[0]:.1f} | {bands[1]:.1f} | {distance[:, kept].mean():.3f} | {smallest:.2g} |")
    return "\n".join(lines)


def main() -> None:
    """Refits, keeps and tells."""
    options = argparse.ArgumentParser()
    options.add_argument("--refits", type=int, default=100)
    options.add_argument("--members", type=int, default=520)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--threshold", type=float, default=calibration.THRESHOLD)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=ROOT / "sbc.npz")
    asked = options.parse_args()
    problem = calibration.problem_of("russia-ukraine-2022")
    options_given = str((asked.members, asked.steps, asked.threshold, asked.seed, problem.scenario_sha256, calibration.rests_on_sha256()))
    kept = np.load(asked.out) if asked.out.is_file() else {}
    found = list(kept["found"]) if "of" in kept and str(kept["of"]) == options_given else []  # of other options: from the first on
    started = time.perf_counter()
    for number in range(len(found), asked.refits):
        found.append(places(problem, number, asked.members, asked.steps, asked.threshold, asked.seed))
        np.savez(asked.out, found=np.array(found), of=options_given)
        print(f"refit {number + 1} of {asked.refits}, {time.perf_counter() - started:.0f} s", flush=True)
    print(table(np.array(found)))


if __name__ == "__main__":
    main()
