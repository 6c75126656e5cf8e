"""Compiled programs, kept between processes: what JAX traces and XLA compiles once is read back in a tenth of a second.

XLA's own cache saves compiling only; tracing and lowering the national model take four seconds in every process.
Importing this module switches JAX to float64, one device a core, and a folder of compiled programs per kind of processor.
"""

import hashlib
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("NPROC", "1")  # XLA's own thread pool slows small operations; cores are used as devices instead

import jax
import numpy as np
from jax.experimental import serialize_executable
from jax.extend.mlir import passmanager
from jax.sharding import NamedSharding, PartitionSpec, SingleDeviceSharding

from muster.reading import cache_folder

SLOW = 1.0  # seconds of compiling from which on XLA keeps a program in its own cache
KEPT = 60  # programs in the folder; the oldest go
NOTES = "used.json"  # in the folder: which programs a command used
COUNTS = 3  # numbers that read() asks for: arguments, results, devices
COMPILER = {  # compiles in a quarter of the time and runs as fast or faster (measured on the national model)
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 1,
    "xla_llvm_disable_expensive_passes": True,
    "xla_disable_hlo_passes": "cse_barrier_expander",
    "xla_cpu_prefer_vector_width": 512,  # bits, where the processor has them: a seventh faster, by region no faster
}
REGIONAL_COMPILER = COMPILER | {"xla_cpu_use_fusion_emitters": True, "xla_cpu_prefer_vector_width": 256}


def processor() -> str:
    """A short name of the kind of processor, for the compiled programs."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    kind = "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    return hashlib.sha256(kind.encode()).hexdigest()[:12]


@cache
def folder() -> Path:
    """Where compiled programs of this JAX and this kind of processor are kept: the user's cache folder."""
    return cache_folder() / f"{jax.__version__}-{processor()}"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_devices(count: int) -> None:
    """How many devices JAX makes of the cores, said before it is first used."""
    jax.config.update("jax_num_cpu_devices", count)


def configure() -> None:
    """float64, a device a core, and compiled programs kept between processes."""
    jax.config.update("jax_enable_x64", True)
    use_devices(cores())
    jax.config.update("jax_compilation_cache_dir", str(folder()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SLOW)


configure()


Groups = tuple[tuple[int, ...], ...]  # numbers of the leaves that are handed over as one array


class Program:
    """A function on arrays, compiled for the shapes it meets.

    `about` tells programs of one name apart: whatever the function takes from outside of its arguments. `result` makes of the
    arguments a tree of the shape of what comes back, `places` the sharding of every argument.
    """

    def __init__(
        self, name: str, about: tuple, function: Callable, result: Callable, places: Callable | None = None, options: dict = COMPILER
    ):
        self.name, self.about, self.function, self.options = name, about, function, options
        self.result, self.places = result, places or on_one_device
        self.made: dict[tuple, tuple] = {}

    def __call__(self, *arguments):
        """What the function gives."""
        leaves, tree = jax.tree.flatten(arguments)
        groups, given, places = gathered(leaves, jax.tree.leaves(self.places(*arguments)))
        placed = jax.device_put(given, places)
        shapes = tuple((leaf.shape, leaf.dtype.name) for leaf in placed)
        if (tree, groups, shapes) not in self.made:
            result = jax.tree.structure(self.result(*arguments))
            self.made[tree, groups, shapes] = self.compiled(placed, tree, groups, shapes, result.num_leaves), result
        made, result = self.made[tree, groups, shapes]
        return jax.tree.unflatten(result, made(*placed))

    def compiled(self, placed: list, tree, groups: Groups, shapes: tuple, results: int) -> Callable:
        """The compiled program, from the folder where it is there."""
        about = (self.name, self.about, sorted(self.options.items()), str(tree), groups, shapes)
        words = (*about, jax.device_count(), os.environ.get("XLA_FLAGS"))
        digest = hashlib.sha256(f"{surroundings()}{words!r}".encode()).hexdigest()[:32]
        path, counts = folder() / f"{self.name}-{digest}.program", [len(placed), results, len(placed[0].sharding.device_set)]
        used[path.name] = counts
        begun = reading.pop(path.name, None)
        return (begun.result() if begun else read(path, *counts)) or self.built(placed, tree, groups, path)

    def built(self, placed: list, tree, groups: Groups, path: Path) -> Callable:
        """The program traced and compiled now, and kept."""

        def flat(*values):
            leaves = scattered(values, groups)
            return tuple(jax.tree.leaves(self.function(*jax.tree.unflatten(tree, leaves))))

        lowered = jax.jit(flat, compiler_options=self.options).lower(*placed)
        without_places(lowered.compiler_ir("stablehlo"))
        # what comes out of XLA's own cache cannot be kept here again: it must not go in
        jax.config.update("jax_persistent_cache_min_compile_time_secs", float("inf"))
        try:
            made = lowered.compile()
        finally:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", SLOW)
        keep(path, serialize_executable.serialize(made)[0])
        return made


def without_places(module) -> None:
    """Takes out of a lowered module which line of code each operation is from: it does not change what is computed.

    The national model compiles in 11.2 s instead of 12.9, and a quarter less is kept and read.
    """
    with module.context:
        passmanager.PassManager.parse("builtin.module(strip-debuginfo)").run(module.operation)


def gathered(leaves: list, places: list) -> tuple[Groups, list, list]:
    """Arrays of one shape, kind and place stacked as one, the others alone: (numbers of the leaves in each, the arrays, their places).

    JAX takes its time for each array, however small: with 622 of them a lane of the national model begins after 18 ms, so after 7.
    """
    alike: dict[tuple, list[int]] = {}
    for number, (leaf, place) in enumerate(zip(leaves, places, strict=True)):
        own = number if isinstance(leaf, jax.Array) else None  # on a device already
        alike.setdefault((own, np.shape(leaf), str(leaf.dtype), place), []).append(number)
    groups = tuple(tuple(numbers) for numbers in alike.values())
    given = [np.stack([leaves[number] for number in (first, *others)]) if others else leaves[first] for first, *others in groups]
    return groups, given, [stacked(places[first]) if others else places[first] for first, *others in groups]


def stacked(place):
    """Where a stack of arrays lies that each lie at a place."""
    return NamedSharding(place.mesh, PartitionSpec(None, *place.spec)) if isinstance(place, NamedSharding) else place


def scattered(values, groups: Groups) -> list:
    """The leaves that were gathered."""
    leaves = {}
    for value, (first, *others) in zip(values, groups, strict=True):
        leaves |= {number: value[place] for place, number in enumerate((first, *others))} if others else {first: value}
    return [leaves[number] for number in sorted(leaves)]


def on_one_device(*arguments):
    """Every argument on the first device."""
    return jax.tree.map(lambda _: SingleDeviceSharding(jax.devices()[0]), arguments)


@cache
def surroundings() -> str:
    """One hash of all that a compiled program depends on besides its arguments: the model's code and the compilers' versions."""
    versions = [sys.version, *(version(name) for name in ("jax", "jaxlib", "equinox"))]
    digest = hashlib.sha256(" ".join(versions).encode())
    here = Path(__file__).parent
    for path in sorted([*(here / "model").glob("*.py"), here / "programs.py", here / "simulate.py"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def read(path: Path, arguments: int, results: int, devices: int) -> Callable | None:
    """A kept program for the first devices; nothing where there is none or it cannot be used."""
    trees = (jax.tree.structure(((0,) * arguments, {})), jax.tree.structure((0,) * results))
    try:
        program = serialize_executable.deserialize_and_load(path.read_bytes(), *trees, execution_devices=jax.devices()[:devices])
        os.utime(path)
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, pickle.UnpicklingError):
        return None
    return program


def keep(path: Path, payload: bytes) -> None:
    """Writes a program beside and renames it; where the folder cannot be written to, the next process compiles again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(payload)
        os.replace(part.name, path)
        for old in sorted(path.parent.glob("*.program"), key=lambda kept: kept.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)


used: dict[str, list[int]] = {}  # programs that this process called, with the numbers that read() asks for
reading: dict[str, Future] = {}  # programs that a thread reads ahead


def read_ahead(command: str) -> None:
    """Begins to read the programs that this command used last time, in a thread, while the rest is imported and the experiment built.

    XLA needs a second to read the national model; measured, `muster run toy --draws 1` ends 0.8 s earlier where a core is free.
    """
    pool = ThreadPoolExecutor(1)
    for name, counts in notes().get(command, {}).items():
        reading[name] = pool.submit(read, folder() / name, *counts)
    pool.shutdown(wait=False)


def note(command: str) -> None:
    """Notes which programs this command used."""
    known = notes()
    if known.get(command) != used:
        latest = {name: programs for name, programs in known.items() if name != command} | {command: used}
        keep(folder() / NOTES, json.dumps(dict(list(latest.items())[-KEPT:])).encode())


def notes() -> dict[str, dict[str, list[int]]]:
    """Programs and their numbers by the command that used them last; nothing where the note cannot be read or is not ours."""
    try:
        known = json.loads((folder() / NOTES).read_text(encoding="utf-8"))
        ours = all(Path(name).name == name and len(counts) == COUNTS for programs in known.values() for name, counts in programs.items())
        return known if ours else {}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
