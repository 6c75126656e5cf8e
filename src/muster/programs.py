"""Compiled programs, kept between processes: what JAX traces and XLA compiles once is read back within a second.

XLA's own cache saves compiling only; tracing and lowering the national model take four seconds in every process.
Importing this module switches JAX to float64, one device a core, and a folder of compiled programs per kind of processor.
"""

import hashlib
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("NPROC", "1")  # XLA's own thread pool slows small operations; cores are used as devices instead

import jax
import numpy as np
from jax.extend.backend import get_compile_options
from jax.extend.mlir import passmanager
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from muster.reading import cache_folder

SLOW = 1.0  # seconds of compiling from which on XLA keeps a program in its own cache
COMPILED = "/muster/compile"  # the event of JAX's monitoring that tells how long
KEPT = 60  # programs in the folder; the oldest go
NOTES = "used.json"  # in the folder: which programs a command used
COMPILER = {  # compiles in a quarter of the time and runs as fast or faster (measured on the national model)
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 1,
    "xla_llvm_disable_expensive_passes": True,
    "xla_disable_hlo_passes": "cse_barrier_expander",
    "xla_cpu_prefer_vector_width": 512,  # bits, where the processor has them: a seventh faster, by region no faster
}
REGIONAL_COMPILER = COMPILER | {
    "xla_cpu_use_fusion_emitters": True,
    "xla_cpu_prefer_vector_width": 256,
    "xla_cpu_experimental_ynn_fusion_type": "",  # without YNNPACK: it parts sums among the cores, with other last bits on two than on one
}


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
    """How many devices JAX makes of the cores, said before it is first used.

    A single one computes in the thread that calls it, not in one of JAX's own: 208 national draws take 0.81 s instead of 0.83, with two
    processes side by side 0.83 instead of 0.86. Several devices are slower so.
    """
    jax.config.update("jax_num_cpu_devices", count)
    jax.config.update("jax_cpu_enable_async_dispatch", count > 1)


def configure() -> None:
    """float64, a device a core, and compiled programs kept between processes."""
    jax.config.update("jax_enable_x64", True)
    use_devices(cores())
    jax.config.update("jax_compilation_cache_dir", str(folder()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SLOW)


configure()


EVERYWHERE, FIRST, LAST = "everywhere", "first", "last"  # the same on every device; a share of it on each, by the first or last axis


def devices(count: int | None = None) -> Mesh:
    """The first devices, or all: one a core."""
    return Mesh(np.array(jax.devices()[:count]), ("draw",))


@dataclass(frozen=True)
class Made:
    """A compiled program, and the numbers of those of its arguments that it takes."""

    executable: Any  # of jaxlib
    taken: list[int]

    def __call__(self, placed: list[jax.Array]) -> list[list[jax.Array]]:
        """Each result of each device."""
        return self.executable.execute_sharded([placed[number] for number in self.taken]).disassemble_into_single_device_arrays()


Groups = tuple[tuple[int, ...], ...]  # numbers of the leaves that are handed over as one array


class Program:
    """A function on the arrays of one device, compiled for the shapes it meets, and called on all devices at once.

    `about` tells programs of one name apart: whatever the function takes from outside of its arguments. `result` makes of the
    arguments a tree of the shape of what comes back. `places` tells where the arguments and the results lie; without it one device
    computes. It is compiled for one device and repeated on the others, not parted among them: XLA optimizes a program that it has to
    part in another order, and of 2,080 draws 30 had other last bits on two devices than on one.
    """

    def __init__(
        self, name: str, about: tuple, function: Callable, result: Callable, places: tuple | None = None, options: dict = COMPILER
    ):
        self.name, self.about, self.function, self.options = name, about, function, options
        self.result, self.places = result, places
        self.made: dict[tuple, Made] = {}

    def __call__(self, *arguments):
        """What the function gives: a share of it on each device."""
        mesh, result = devices(None if self.places else 1), self.result(*arguments)
        given_at, found_at = self.places or (EVERYWHERE, EVERYWHERE)
        leaves, tree = jax.tree.flatten(arguments)
        lie = zip(leaves, jax.tree.leaves(jax.tree.broadcast(given_at, arguments)), strict=True)
        groups, given, places = gathered(leaves, [place(mesh, axis, np.ndim(leaf)) for leaf, axis in lie])
        placed = jax.device_put(given, places)
        shapes = tuple((at.shard_shape(leaf.shape), leaf.dtype.name) for leaf, at in zip(placed, places, strict=True))
        if (tree, groups, shapes) not in self.made:
            self.made[tree, groups, shapes] = self.compiled(tree, groups, shapes, mesh.size)
        found = zip(self.made[tree, groups, shapes](placed), jax.tree.leaves(jax.tree.broadcast(found_at, result)), strict=True)
        return jax.tree.unflatten(jax.tree.structure(result), [whole(mesh, axis, shares) for shares, axis in found])

    def forget(self) -> None:
        """Lets go of what is compiled: a quarter of a gigabyte for a run. It is read again when it is called again."""
        self.made.clear()

    def compiled(self, tree, groups: Groups, shapes: tuple, count: int) -> Made:
        """The compiled program for some devices, from the folder where it is there."""
        about = (self.name, self.about, sorted(self.options.items()), str(tree), groups, shapes)
        digest = hashlib.sha256(f"{surroundings()}{(*about, count, os.environ.get('XLA_FLAGS'))!r}".encode()).hexdigest()[:32]
        path = folder() / f"{self.name}-{digest}.program"
        used[path.name] = count
        begun = reading.pop(path.name, None)
        return (begun.result() if begun else read(path, count)) or self.built(tree, groups, shapes, count, path)

    def built(self, tree, groups: Groups, shapes: tuple, count: int, path: Path) -> Made:
        """The program traced and compiled now, and kept."""

        def flat(*values):
            leaves = scattered(values, groups)
            return tuple(jax.tree.leaves(self.function(*jax.tree.unflatten(tree, leaves))))

        module: Any = jax.jit(flat).lower(*[jax.ShapeDtypeStruct(*shape) for shape in shapes]).compiler_ir("stablehlo")
        taken, text = taken_by(module, shapes), io.BytesIO()
        without_places(module)
        module.operation.write_bytecode(text)
        begun, client, everywhere = time.perf_counter(), jax.devices()[0].client, np.arange(count)[:, None]
        options = get_compile_options(count, 1, everywhere, env_options_overrides=dict(self.options))
        made = client.compile_and_load(text.getvalue(), jax.devices()[:count], options)
        jax.monitoring.record_event_duration_secs(COMPILED, time.perf_counter() - begun)
        keep(path, json.dumps(taken).encode() + b"\n" + client.serialize_executable(made))
        return Made(made, taken)


def taken_by(module, shapes: tuple) -> list[int]:
    """Numbers of the arguments that a lowered function takes: JAX leaves out those of which nothing is computed, and names the others."""
    (main,) = (function for function in module.body.operations if function.attributes["sym_name"].value == "main")
    told = re.findall(r'loc\("values\[(\d+)\]"\)', " ".join(str(argument.location) for argument in main.arguments))
    taken = [int(number) for number in told]
    # a program reads its arguments wherever they end: another array in the place of one would end the process
    if [tuple(argument.type.shape) for argument in main.arguments] != [shapes[number][0] for number in taken]:
        raise RuntimeError("JAX gives the arguments of a lowered function other names than it did: muster.programs.taken_by")
    return taken


def place(mesh: Mesh, axis: str, dimensions: int) -> NamedSharding:
    """Where an array lies."""
    spec = {EVERYWHERE: (), FIRST: ("draw",), LAST: (*[None] * (dimensions - 1), "draw")}[axis]
    return NamedSharding(mesh, PartitionSpec(*spec))


def whole(mesh: Mesh, axis: str, shares: list[jax.Array]) -> jax.Array:
    """Each device's share of a result, as one array that lies on all of them."""
    if mesh.size == 1:
        return shares[0]
    shape = list(shares[0].shape)
    if axis != EVERYWHERE:
        shape[0 if axis == FIRST else -1] *= mesh.size
    return jax.make_array_from_single_device_arrays(tuple(shape), place(mesh, axis, len(shape)), shares)


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


def stacked(place: NamedSharding) -> NamedSharding:
    """Where a stack of arrays lies that each lie at a place."""
    return NamedSharding(place.mesh, PartitionSpec(None, *place.spec))


def scattered(values, groups: Groups) -> list:
    """The leaves that were gathered."""
    leaves = {}
    for value, (first, *others) in zip(values, groups, strict=True):
        leaves |= {number: value[place] for place, number in enumerate((first, *others))} if others else {first: value}
    return [leaves[number] for number in sorted(leaves)]


@cache
def surroundings() -> str:
    """One hash of all that a compiled program depends on besides its arguments: the model's code and the compilers' versions."""
    versions = [sys.version, *(version(name) for name in ("jax", "jaxlib", "equinox"))]
    digest = hashlib.sha256(" ".join(versions).encode())
    here = Path(__file__).parent
    for path in sorted([*(here / "model").glob("*.py"), here / "programs.py", here / "simulate.py"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def read(path: Path, count: int) -> Made | None:
    """A kept program for the first devices; nothing where there is none or it cannot be used."""
    try:
        taken, _, program = path.read_bytes().partition(b"\n")
        made = Made(jax.devices()[0].client.deserialize_executable(program, jax.devices()[:count]), json.loads(taken))
        os.utime(path)
    except (OSError, ValueError, TypeError, RuntimeError):
        return None
    return made


def keep(path: Path, payload: bytes) -> None:
    """Writes a program beside and renames it; where the folder cannot be written to, the next process compiles again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(payload)
        os.replace(part.name, path)
        for old in sorted(path.parent.glob("*.program"), key=lambda kept: kept.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)


used: dict[str, int] = {}  # programs that this process called, with their devices
reading: dict[str, Future] = {}  # programs that a thread reads ahead


def read_ahead(command: str) -> None:
    """Begins to read the programs that this command used last time, in a thread, while the rest is imported and the experiment built.

    XLA needs a second to read the national model; measured, `muster run toy --draws 1` ends 0.8 s earlier where a core is free.
    """
    pool = ThreadPoolExecutor(1)
    for name, count in notes().get(command, {}).items():
        reading[name] = pool.submit(read, folder() / name, count)
    pool.shutdown(wait=False)


def note(command: str) -> None:
    """Notes which programs this command used."""
    known = notes()
    if known.get(command) != used:
        latest = {name: programs for name, programs in known.items() if name != command} | {command: used}
        keep(folder() / NOTES, json.dumps(dict(list(latest.items())[-KEPT:])).encode())


def notes() -> dict[str, dict[str, int]]:
    """Programs and their devices by the command that used them last; nothing where the note cannot be read or is not ours."""
    try:
        known = json.loads((folder() / NOTES).read_text(encoding="utf-8"))
        ours = all(Path(name).name == name and isinstance(count, int) for programs in known.values() for name, count in programs.items())
        return known if ours else {}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
