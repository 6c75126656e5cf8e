"""Where a week's time goes: each part of the week compiled alone, on a lane of draws of the reference case by region.

python tools/profile_week.py [--weeks N]. A part is what stands in muster/model/week.py under one name; its inputs are those of a week of
one draw, the same for every draw of the lane. Parts compiled alone cannot be joined with their neighbours, so that their sum may
exceed the week. Operations are those that XLA counts for one draw.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from muster import simulate
from muster.experiment import build
from muster.model import front, run, week
from muster.model.batch import batch
from muster.model.coupling import connected
from muster.programs import REGIONAL_COMPILER

CASE = "russia-ukraine-2022"
PARTS = {
    "told": "command", "support": "partners", "earn": "economy", "equip": "arms", "call": "callup", "train": "training",
    "reinforce": "front", "join": "training", "deploy": "front", "endure": "morale", "book_front": "front", "book_training": "training",
    "report": "command", "judge": "society", "count": "demography", "strain": "regions", "govern": "regime", "cohorts": "readings",
    "register": "readings",
}  # fmt: skip
REPEATED = 300  # weeks that are timed in one call
ROUNDS = 5
NUMBERS = jax.Array | np.ndarray | np.floating  # what may differ between draws; a parameter of one draw is a NumPy number


def recorded(experiment, weeks: int) -> list[tuple]:
    """(part, function, arguments) of every call of the last of some weeks of one draw."""
    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    draw = jax.tree.map(lambda x: x[..., 0], simulate.draws_of(experiment, np.arange(1)))
    world, given = run.start(case, draw, experiment.dt)
    rows, calls = run.by_week(case, draw.noise), []

    def kept(name: str, function):
        def called(*arguments):
            calls.append((name, function, arguments))
            return function(*arguments)

        return called

    originals = {name: getattr(week, name) for name in PARTS}
    engage = front.engage
    try:
        for name, function in originals.items():
            setattr(week, name, kept(name, function))
        front.engage = kept("engage", engage)
        for number in range(weeks):
            calls.clear()
            step, levers, noise = jax.tree.map(lambda x, number=number: x[number], rows)
            world, _ = run.advance(case, given, world, step, levers, noise, experiment.dt, experiment.structure)
    finally:
        for name, function in originals.items():
            setattr(week, name, function)
        front.engage = engage
    calls.append(("turn", run.turn, (world, given, levers)))
    calls.append(("packed_regions", run.packed_regions, (world, given)))
    return calls


def repeated(function, many: list) -> Callable[[], float]:
    """What times a function of many arrays, compiled: each call repeats it, and gives the seconds of one time."""

    def again(carried, _):
        values = jax.lax.optimization_barrier(carried[0])  # nothing may be computed once for all weeks
        return (values, function(*values)), None

    start = many, jax.tree.map(jnp.zeros_like, jax.jit(function)(*many))  # what is carried on cannot be left out
    looped = jax.jit(lambda carried: jax.lax.scan(again, carried, None, REPEATED)[0], compiler_options=REGIONAL_COMPILER)
    made = looped.lower(start).compile()

    def timed() -> float:
        begun = time.perf_counter()
        jax.block_until_ready(made(start))
        return (time.perf_counter() - begun) / REPEATED

    return timed


def of_arrays(function, arguments: tuple):
    """The function of those of its arguments that are numbers of the model, and these, each as an array."""
    leaves, tree = jax.tree.flatten(arguments)
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, NUMBERS)]

    def whole(*values):
        filled = list(leaves)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        return function(*jax.tree.unflatten(tree, filled))

    return whole, [jnp.asarray(leaves[place]) for place in places]


def measured(function, arguments: tuple) -> tuple[float, float]:
    """Seconds of a call on a lane of draws, and operations for one draw."""
    whole, single = of_arrays(function, arguments)
    timed = repeated(batch(whole), [jnp.repeat(value[..., None], simulate.REGIONAL_LANE, -1) for value in single])
    counted = jax.jit(whole).lower(*single).compile().cost_analysis() or {}
    return min(timed() for _ in range(ROUNDS)), counted.get("flops", 0.0) + counted.get("transcendentals", 0.0)


def main() -> int:
    """Prints a table, the longest part first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=2, help="the week that is looked at")
    parser.add_argument("--parts", nargs="*", help="these alone  [all]")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found: dict[str, list[float]] = {}
    for name, function, arguments in recorded(build(CASE, draws=1, resolution="regional"), chosen.weeks):
        if chosen.parts and name not in chosen.parts:
            continue
        seconds, operations = measured(function, arguments)
        share = 1 / run.steps_a_quarter(1.0) if name in ("turn", "packed_regions") else 1.0  # once a quarter
        key = f"{PARTS.get(name, 'demography' if name == 'turn' else 'readings' if name == 'packed_regions' else 'front')}: {name}"
        row = found.setdefault(key, [0.0, 0.0])
        row[0] += seconds * share
        row[1] += operations * share
    whole = sum(seconds for seconds, _ in found.values())
    rows = sorted(found.items(), key=lambda item: -item[1][0])
    if chosen.json:
        print(json.dumps({name: {"microseconds": 1e6 * s, "operations": count} for name, (s, count) in rows}, indent=1))
        return 0
    print(f"a week of {simulate.REGIONAL_LANE} draws on one device, both sides; {1e3 * whole:.2f} ms in all")
    for name, (seconds, operations) in rows:
        pace = 1e9 * seconds / max(operations * simulate.REGIONAL_LANE, 1)
        print(f"{name:28} {1e6 * seconds:9.0f} us {100 * seconds / whole:5.1f} %  {operations:9.0f} operations a draw  {pace:6.2f} ns each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
