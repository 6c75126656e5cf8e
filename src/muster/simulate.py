"""Simulation of an experiment: draws in lanes of one width, one lane a core, the same bits however many are asked for.

Importing this module switches JAX to float64, one device a core and a compilation cache per kind of processor.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
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
from muster.model.pair import Pair
from muster.model.structure import Structure
from muster.results import Results

LANE = 128  # draws a device and call: fixed, because the last bits depend on the width of the compiled program

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


@cache
def program(dt: float, structure: Structure):
    """The compiled program of one structure: a lane on every device."""
    mesh = Mesh(np.array(jax.devices()), ("draw",))
    whole, split = PartitionSpec(), PartitionSpec("draw")

    def lanes(case, params, draws, past):
        return run.lane(case, params, draws, past, dt, structure)

    return jax.jit(
        jax.shard_map(lanes, mesh=mesh, in_specs=(whole, split, split, split), out_specs=split, check_vma=False),
    )


def case_of(experiment: Experiment, levers, links: tuple[Links, Links], conditioned: bool) -> run.Case:
    """What the experiment gives to the model besides draws."""
    return run.Case(
        levers=jax.tree.map(jnp.asarray, levers),
        settings=jax.tree.map(jnp.asarray, experiment.settings),
        ground=jax.tree.map(jnp.asarray, experiment.ground),
        links=links,
        seed=jnp.asarray(experiment.seed),
        sides=jnp.asarray([crc32(side.encode()) for side in experiment.sides], dtype=jnp.uint32),
        last_observation=jnp.asarray(experiment.observation_step),
        conditioned=jnp.asarray(1.0 if conditioned else 0.0),
    )


def nothing_lived(experiment: Experiment, count: int) -> Pair:
    """A past without hazards, for runs that are conditioned on their own."""

    def zeros(regions: int) -> run.Lived:
        return run.Lived(
            breakthrough=jnp.zeros(count),
            partners=jnp.zeros((count, 3)),
            regions=jnp.zeros((count, regions, 5)),
            regime=jnp.zeros((count, 4)),
        )

    a, b = (zeros(setting.men.shape[0]) for setting in experiment.settings)
    if a.regions.shape == b.regions.shape:
        return Pair((jax.tree.map(lambda x, y: jnp.stack([x, y], axis=1), a, b),))
    return Pair((a, b))


def lanes(experiment: Experiment, links: tuple[Links, Links], progress: Progress | None) -> Iterator:
    """Readings of one call after the other: (draws in it, pair of readings [draw, step, ...])."""
    width = LANE * jax.device_count()
    compiled = program(experiment.dt, experiment.structure)
    policy = experiment.levers is not experiment.base_levers
    for first in range(0, experiment.draws, width):
        draws = np.arange(first, first + width)
        params = evidence.draw(experiment, draws)
        past = nothing_lived(experiment, width)
        if policy:
            happened, _ = compiled(case_of(experiment, experiment.base_levers, (connected(), connected()), True), params, draws, past)
            past = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), happened)  # where it lies must not make a second program
        _, readings = compiled(case_of(experiment, experiment.levers, links, not policy), params, draws, past)
        count = min(width, experiment.draws - first)
        yield count, jax.tree.map(lambda x, count=count: np.asarray(x[:count]), readings.split_series())
        if progress:
            progress(min(first + width, experiment.draws), experiment.draws)


def ensemble(experiment: Experiment, progress: Progress | None = None, links: tuple[Links, Links] | None = None) -> Results:
    """All draws of an experiment. `progress(done, all)` is called after every call of the compiled program."""
    started = time.perf_counter()
    chunks = [readings for _, readings in lanes(experiment, links or (connected(), connected()), progress)]
    record = {
        side: jax.tree.map(lambda *parts: np.concatenate(parts), *(chunk[i] for chunk in chunks)) for i, side in enumerate(experiment.sides)
    }
    return Results.from_record(experiment, record, wall_time=time.perf_counter() - started)


def simulate(
    scenario: str, draws: int = 200, seed: int = 1, policy: str = "as-happened", progress: Progress | None = None, **options
) -> Results:
    """Simulate a scenario by name or path: `options` as in muster.experiment.build (continuation, structure, sets, dt)."""
    return ensemble(build(scenario, policies=(policy,), draws=draws, seed=seed, **options), progress)
