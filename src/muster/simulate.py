"""Simulation of an experiment: draws in lanes of one width, one lane a core, the same bits however many are asked for.

Importing this module switches JAX to float64, one device a core and a compilation cache per kind of processor.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from zlib import crc32

os.environ.setdefault("NPROC", "1")  # XLA's own thread pool slows small operations; cores are used as devices instead

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from muster import evidence
from muster.experiment import Experiment, build
from muster.model import run
from muster.model.coupling import Links, connected
from muster.model.luck import Luck
from muster.model.pair import Pair, pair
from muster.model.structure import Structure
from muster.results import Results

LANE = 104  # draws a device and call: fixed, because the last bits depend on the width of the compiled program
REGIONAL_LANE = 64  # the same where a side has more than one region: more numbers a draw
COMPILER = {  # compiles in a quarter of the time and runs as fast or faster (measured on the national model)
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 1,
    "xla_llvm_disable_expensive_passes": True,
    "xla_disable_hlo_passes": "while-loop-invariant-code-motion,while-loop-expensive-invariant-code-motion",
}

Progress = Callable[[int, int], None]


def processor() -> str:
    """A short name of the kind of processor, for the compilation cache."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    kind = "".join(line for line in lines if line.startswith(("model name", "flags", "Features")))
    return hashlib.sha256(kind.encode()).hexdigest()[:12]


def configure() -> None:
    """float64, a device a core, and compiled programs kept between processes."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", str(Path(home) / "muster" / f"{jax.__version__}-{processor()}"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


configure()


def by_draw(tree):
    """Where the draws lie: on the last axis of every leaf, a share of them on each device."""
    return jax.tree.map(lambda leaf: PartitionSpec(*[None] * (leaf.ndim - 1), "draw"), tree)


def devices() -> Mesh:
    """One device a core."""
    return Mesh(np.array(jax.devices()), ("draw",))


@cache
def program(dt: float, structure: Structure):
    """The compiled program of one structure: a lane of draws on every device."""

    def lanes(case: run.Case, draws: run.Draw):
        return jax.shard_map(
            lambda case, draws: run.lane(case, draws, dt, structure),
            mesh=devices(),
            in_specs=(PartitionSpec(), by_draw(draws)),
            out_specs=(PartitionSpec("draw"), PartitionSpec(None, None, "draw"), PartitionSpec(None, None, "draw")),
            check_vma=False,
        )(case, draws)

    return jax.jit(lanes, compiler_options=COMPILER)


@cache
def chances(regions: tuple[int, int], steps: int):
    """The compiled program of luck and noise: it serves every structure, policy and pair of sides of these sizes."""

    def draws_of(seed, draws, sides):
        return jax.vmap(lambda draw: run.chance(seed, draw, sides, regions, steps), out_axes=-1)(draws)

    return jax.jit(draws_of, compiler_options=COMPILER)


def case_of(experiment: Experiment, levers, links: tuple[Links, Links], conditioned: bool) -> run.Case:
    """What the experiment gives to every draw."""
    return run.case(levers, experiment.settings, experiment.ground, links, observed=experiment.observation_step, own=conditioned)


def region_counts(experiment: Experiment) -> tuple[int, int]:
    """Number of regions of both sides."""
    first, second = (setting.men.shape[0] for setting in experiment.settings)
    return first, second


def lane_width(experiment: Experiment) -> int:
    """Draws a device and call."""
    return LANE if max(region_counts(experiment)) == 1 else REGIONAL_LANE


def draws_of(experiment: Experiment, draws, params: tuple | None = None) -> run.Draw:
    """What ignorance and chance bring to some draws, the draw on the last axis; `params` instead of the prior's draws."""
    names = jnp.asarray([crc32(side.encode()) for side in experiment.sides], dtype=jnp.uint32)
    program_of_luck = chances(region_counts(experiment), run.padded(experiment.steps, experiment.dt))
    luck, noise, ceasefire = program_of_luck(experiment.seed, jnp.asarray(draws), names)
    return run.Draw(
        params=pair(*(params or evidence.draw(experiment, draws))), luck=luck, noise=noise, ceasefire=ceasefire, past=nothing_lived(luck)
    )


def nothing_lived(luck: Pair) -> Pair:
    """A past without hazards, for runs that are conditioned on their own."""

    def zeros(fortune: Luck) -> run.Lived:
        return run.Lived(
            breakthrough=jnp.zeros_like(fortune.coup_mark),
            partners=jnp.zeros_like(fortune.partner_stop[..., 0, :]),
            regions=jnp.zeros_like(fortune.region[..., 0, :]),
            regime=jnp.zeros_like(fortune.regime),
        )

    return Pair(tuple(zeros(part) for part in luck.parts))


def outcome(experiment: Experiment, draws: run.Draw, levers=None, links: tuple[Links, Links] | None = None, conditioned: bool = True):
    """What the compiled program gives for some draws.

    (what was lived through; readings by node of both sides [draw, step, ...]; readings by region of both sides [draw, quarter, ...]).
    """
    case = case_of(experiment, levers or experiment.levers, links or (connected(), connected()), conditioned)
    happened, rows, seen = program(experiment.dt, experiment.structure)(case, draws)
    past = jax.tree.map(lambda x: jnp.asarray(np.moveaxis(np.asarray(x), 0, -1)), happened)  # where it lies must not make a second program
    sides = run.unpacked({node: np.asarray(row) for node, row in rows.items()}, experiment.steps)
    return past, sides, run.unpacked_regions(np.asarray(seen), region_counts(experiment))


def lanes(experiment: Experiment, links: tuple[Links, Links], progress: Progress | None) -> Iterator:
    """Readings of one call after the other.

    (draws in it; readings by node of both sides [draw, step, ...]; a dict side -> Regional [draw, quarter, ...], quarter k at week 13 k).
    """
    width = lane_width(experiment) * jax.device_count()
    policy = experiment.levers is not experiment.base_levers
    for first in range(0, experiment.draws, width):
        draws = draws_of(experiment, np.arange(first, first + width))
        if policy:
            past, _, _ = outcome(experiment, draws, experiment.base_levers)
            draws = replace(draws, past=past)
        _, sides, regions = outcome(experiment, draws, links=links, conditioned=not policy)
        count = min(width, experiment.draws - first)
        sides, regions = jax.tree.map(lambda x, count=count: x[:count], (sides, regions))
        yield count, sides, dict(zip(experiment.sides, regions, strict=True))
        if progress:
            progress(min(first + width, experiment.draws), experiment.draws)


def joined(first, *others):
    """Readings of some draws after the other."""
    return np.concatenate([first, *others]) if others else first


def ensemble(experiment: Experiment, progress: Progress | None = None, links: tuple[Links, Links] | None = None) -> Results:
    """All draws of an experiment. `progress(done, all)` is called after every call of the compiled program."""
    started = time.perf_counter()
    chunks = [(sides, by_region) for _, sides, by_region in lanes(experiment, links or (connected(), connected()), progress)]
    record = {side: jax.tree.map(joined, *(sides[i] for sides, _ in chunks)) for i, side in enumerate(experiment.sides)}
    by_region = jax.tree.map(joined, *(part for _, part in chunks))
    return Results.from_record(experiment, record, wall_time=time.perf_counter() - started, regional=by_region)


def simulate(
    scenario: str, draws: int = 200, seed: int = 1, policy: str = "as-happened", progress: Progress | None = None, **options
) -> Results:
    """Simulate a scenario by name or path: `options` as in muster.experiment.build (continuation, structure, sets, dt, posterior)."""
    return ensemble(build(scenario, policies=(policy,), draws=draws, seed=seed, **{"posterior": "shipped", **options}), progress)
