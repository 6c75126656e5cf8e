"""Muster's front and call-up by region beside C written by hand (peers/front_callup.c): python benchmarks/kernel.py [FOLDER].

Records what a week of one draw of the reference case gives to `front.engage` and `before.call`, spreads it over a lane of draws, compares
what Muster's batch and the C give back, and only where they agree times both on one core, in processor time. Prints one line of JSON.
"""

import contextlib
import ctypes
import inspect
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import engines

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))
import jax
import jax.numpy as jnp
from jax.extend import core

import profile_week  # pyright: ignore[reportMissingImports]
from muster import programs, simulate
from muster.experiment import build
from muster.model.batch import batch

WEEK = 2  # the week that is recorded, as in tools/profile_week.py
ROUNDS = 15
EQUAL = 1e-9  # largest relative difference of any number that is given back
LEAST = 1e-9  # beside which a difference is measured where the number itself is smaller
SPREAD = 0.05  # of numbers between draws, relative; what is 0 lies between 0 and this in about half of the draws
WOKEN = {  # what sleeps or never changes in the recorded week lies between 0 and this, in about half of the draws at 0
    "tracking": 1.0, "talks": 1.0, "ceasefire_hazard": 1.0, "breakthrough_hazard": 0.5, "breakthroughs": 0.5, "intensity": 1.5,
    "time_in_line": 1.0, "killed_factor": 5.0, "advance_speed": 10_000.0, "goal": 900_000.0, "decree_quota": 60_000.0,
    "later_decree_quota": 20_000.0, "standing_call_up": 1.0, "prisoner_offers": 5_000.0, "convict_inflow": 500.0, "evading": 3_000.0,
    "killed_share": 0.01, "office_capacity": 1.0, "backlog": 200_000.0,
}  # fmt: skip
SHARED = ("here", "given", "setting", "men")  # the same for every draw, as in a run: men at home at the start
RESULTS = {"engage": ("fights", "contact"), "call": ("state", "outputs", "flows")}

Name = tuple[str, ...]  # of a number of the model: the argument it stands in, then fields and places


@dataclass(frozen=True)
class Step:
    """One call of a week's function: its arrays with the draw as last axis but for the shared ones, and what makes them the arguments."""

    function: str
    whole: Callable
    given: dict[Name, np.ndarray]
    dt: float

    @property
    def regions(self) -> int:
        """Regions of the side [1]; 0 where there are none."""
        return next((len(value) for name, value in self.given.items() if name[-1] == "poverty"), 0)

    def lane(self, *values):
        """What Muster gives back for a lane of draws."""
        shared = [name == SHARED for name in self.given]

        def one(*own):
            rest = iter(own)
            return self.whole(*(value if same else next(rest) for value, same in zip(values, shared, strict=True)))

        return batch(one)(*(value for value, same in zip(values, shared, strict=True) if not same))

    @cached_property
    def right(self) -> dict[Name, np.ndarray]:
        """What Muster gives back by name, the draw on the last axis."""
        found = jax.jit(self.lane, compiler_options=profile_week.REGIONAL_COMPILER)(*self.given.values())
        return {named(path, RESULTS[self.function]): np.asarray(leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(found)[0]}


def named(path: tuple, first: tuple[str, ...]) -> Name:
    """The name of a leaf; `first` are the names of what stands at the top."""
    top, *rest = (str(getattr(key, "name", getattr(key, "idx", key))) for key in path)
    return (first[int(top)], *rest)


def read_of(whole: Callable, single: list) -> list[bool]:
    """Which of the numbers a function reads."""
    traced = jax.make_jaxpr(whole)(*single).jaxpr
    read = {id(variable) for equation in traced.eqns for variable in equation.invars if not isinstance(variable, core.Literal)}
    return [id(variable) in read | {id(result) for result in traced.outvars} for variable in traced.invars]


def spread(name: Name, value, random: np.random.Generator) -> np.ndarray:
    """A number of one draw as numbers of a lane of draws, [..., draw]."""
    value = np.asarray(value, float)
    if name == SHARED:
        return value
    value, between = value[..., None], random.uniform(-1, 1, (*value.shape, simulate.REGIONAL_LANE))
    if name[-1] in WOKEN:
        return WOKEN[name[-1]] * np.maximum(between, 0.0)
    return np.where(value == 0, SPREAD * np.maximum(between, 0.0), value * (1 + SPREAD * between))


def step_of(function: str, called: Callable, arguments: tuple, dt: float, random: np.random.Generator) -> Step:
    """A recorded call for a lane of draws, of the numbers that it reads of either side."""
    parameters = tuple(inspect.signature(called).parameters)
    whole, single = profile_week.of_arrays(called, arguments)
    paths = jax.tree_util.tree_flatten_with_path(arguments)[0]
    names = [named(path, parameters) for path, leaf in paths if isinstance(leaf, profile_week.NUMBERS)]
    read = {re.sub(r"\d", "", "/".join(name)) for name, wanted in zip(names, read_of(whole, single), strict=True) if wanted}
    wanted = [re.sub(r"\d", "", "/".join(name)) in read for name in names]

    def of_wanted(*values):
        rest = iter(values)
        return whole(*(next(rest) if use else other for use, other in zip(wanted, single, strict=True)))

    given = {name: spread(name, value, random) for name, value, use in zip(names, single, wanted, strict=True) if use}
    return Step(function, of_wanted, given, dt)


def steps() -> list[Step]:
    """The front of both sides, and the call-up of each."""
    experiment, random = build(profile_week.CASE, draws=1, resolution="regional"), np.random.default_rng(1)
    calls = profile_week.recorded(experiment, WEEK)
    return [step_of(name, called, given, experiment.dt, random) for name, called, given in calls if name in RESULTS]


def struct(names: list[Name], kind: str) -> str:
    """The members of a struct in C whose fields are arrays or, where they have fields themselves, structs."""
    members = []
    for first in dict.fromkeys(name[0] for name in names):
        rest = [name[1:] for name in names if name[0] == first]
        if rest == [()]:
            members.append(f"{kind} *{first};")
        elif rest[0][0].isdigit():  # sides are alike
            count, one = len({name[0] for name in rest}), [name[1:] for name in rest if name[0] == rest[0][0]]
            members.append(f"struct {{ {struct(one, kind)} }} {first}[{count}];")
        else:
            members.append(f"struct {{ {struct(rest, kind)} }} {first};")
    return " ".join(members)


def compiled(made: list[Step], folder: Path) -> ctypes.CDLL:
    """The C library, for records and axes of these steps."""
    by_function = {step.function: step for step in made}
    front, call = by_function["engage"].given, by_function["call"].given
    lines = []
    for name, step in by_function.items():
        lines.append(f"typedef struct {{ {struct(list(step.given), 'const double')} }} {name}_given;")
        lines.append(f"typedef struct {{ {struct(list(step.right), 'double')} }} {name}_found;")
    (folder / "arrays.h").write_text("\n".join(lines) + "\n")
    lengths = {"DRAWS": simulate.REGIONAL_LANE, "AGES": call[SHARED].shape[1], "OCCURRENCES": len(front["sides", "0", "breakthroughs"])}
    options = [f"-D{name}={length}" for name, length in lengths.items()]
    return engines.compiled(folder, engines.PEERS / "front_callup.c", "front_callup", f"-I{folder}", *options)


def places(arrays: list[np.ndarray]) -> ctypes.Array:
    """A struct of pointers to arrays."""
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


class InC:
    """A step in C: the arrays that it reads and fills, which must live as long as it."""

    def __init__(self, library: ctypes.CDLL, step: Step):
        self.given = [np.ascontiguousarray(value) for value in step.given.values()]
        self.found = {name: np.full(value.shape, np.nan) for name, value in step.right.items()}
        self.arguments = places(self.given), places(list(self.found.values())), step.regions, ctypes.c_double(step.dt)
        self.run = getattr(library, f"{step.function}_weeks")

    def repeat(self, times: int = profile_week.REPEATED) -> None:
        """The step some times."""
        self.run(*self.arguments, ctypes.c_long(times))


def difference(found: dict[Name, np.ndarray], right: dict[Name, np.ndarray]) -> dict[str, float]:
    """The largest relative difference of every array [1]."""
    every = {}
    for name, value in right.items():
        off = np.abs(found[name] - value) / np.maximum(np.abs(value), LEAST)
        every["/".join(name)] = float(np.max(np.where(np.isfinite(value) & np.isfinite(found[name]), off, np.inf)))
    return every


def work(repeat: Callable[[], object]) -> float:
    """Processor seconds of one time of what repeats a step: others on the core do not count, nor does what the first of its calls costs."""
    repeat()
    begun = time.process_time()
    repeat()
    return (time.process_time() - begun) / profile_week.REPEATED


def on_one_core() -> None:
    """Keeps every thread of this process on one core, where the system can: XLA has threads beside the one that calls it."""
    if hasattr(os, "sched_setaffinity"):
        core = {max(os.sched_getaffinity(0))}
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), core)


def told(muster: float, c: float, largest: float) -> dict:
    """A row of the figures, from seconds."""
    return {"muster_microseconds": 1e6 * muster, "c_microseconds": 1e6 * c, "share": c / muster, "largest_difference": largest}


def agreed(step: Step, kernel: InC) -> float:
    """The largest difference of the C from Muster [1]; an error where it is too large."""
    kernel.repeat(1)
    off = difference(kernel.found, step.right)
    worst = max(off, key=lambda name: off[name])
    if off[worst] > EQUAL:
        raise ArithmeticError(f"{step.function} in C: {worst} differs from Muster by {off[worst]:.1g}")
    return off[worst]


def measured(folder: Path) -> dict:
    """Checks both, then times them in turn: medians of the rounds, the two sides of call-up together."""
    programs.use_devices(1)  # in a run each core computes a lane; the thread of an idle one would take parts of this one's
    made = steps()
    library = compiled(made, folder.resolve())
    kernels = [InC(library, step) for step in made]
    off = [agreed(step, kernel) for step, kernel in zip(made, kernels, strict=True)]
    own = [profile_week.repeated(step.lane, [jnp.asarray(value) for value in step.given.values()]) for step in made]
    on_one_core()
    seconds = np.array([[(work(muster), work(kernel.repeat)) for muster, kernel in zip(own, kernels, strict=True)] for _ in range(ROUNDS)])
    muster, c = np.median(seconds, axis=0).T
    parts = {}
    for name in RESULTS:
        here = [place for place, step in enumerate(made) if step.function == name]
        parts[name] = told(float(muster[here].sum()), float(c[here].sum()), max(off[place] for place in here))
    return told(float(muster.sum()), float(c.sum()), max(off)) | {"parts": parts}


def main() -> None:
    """Prints the figures as one line of JSON."""
    with tempfile.TemporaryDirectory() as made, contextlib.redirect_stdout(sys.stderr):
        found = measured(Path(sys.argv[1] if len(sys.argv) > 1 else made))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
