"""One engine on the benchmark model, in a process and environment of its own: python engines.py ENGINE FOLDER DRAWS [--timed SECONDS].

FOLDER holds draws.npz, a row of draws for every constant. Writes the weekly series of the first draws to FOLDER/ENGINE.npy, and
prints one line of JSON with the timings.
"""

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import forms
import gate

PEERS = Path(__file__).resolve().parent / "peers"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
LIBRARY = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-mprefer-vector-width=512", "-shared", "-fPIC", "-Wl,-Bsymbolic"]
WEEKS = forms.benchmark().STEPS + 1


def made(text: str) -> dict:
    """The names that a generated program defines."""
    names: dict = {}
    exec(compile(text, "generated", "exec"), names)
    return names


def numpy_over_draws(_folder: Path):
    """NumPy, every name a row of draws."""
    run = made(forms.over_draws(forms.benchmark()))["run"]
    return lambda given: run(given, len(given["season"]))


def numba_on_threads(folder: Path):
    """numba: a loop over draws, on all cores."""
    path = folder / "numba_form.py"
    path.write_text(forms.draw_by_draw(forms.benchmark()))
    sys.path.insert(0, str(folder))
    from numba_form import run

    def whole(given: dict) -> np.ndarray:
        found = np.empty((WEEKS, len(forms.OUTPUTS), len(given["season"])))
        run(stacked(given), found)
        return found

    return whole


def stacked(given: dict, width=np.float64) -> np.ndarray:
    """Constants [constant, draw] in the order of the model."""
    return np.stack([given[name] for name in forms.parts(forms.benchmark())[0]]).astype(width)


def compiled(folder: Path, source: Path, name: str, *options: str) -> ctypes.CDLL:
    """A C library."""
    target = folder / f"{name}.so"
    subprocess.run(["gcc", *LIBRARY, *options, str(source), "-o", str(target), "-lm"], check=True, cwd=folder)
    return ctypes.CDLL(str(target))


def hand_written_c(folder: Path, width=np.float64, threads: int = CORES):
    """C with vector instructions and threads: the practical limit."""
    source, single = folder / "kernel.c", width == np.float32
    source.write_text(forms.c_kernel(forms.benchmark()))
    run = compiled(folder, source, f"kernel{single:d}", *(["-DSINGLE"] if single else [])).run

    def whole(given: dict) -> np.ndarray:
        rows = stacked(given, width)
        found = np.empty((WEEKS, len(forms.OUTPUTS), rows.shape[1]), width)
        run(rows.ctypes.data_as(ctypes.c_void_p), found.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(rows.shape[1]), threads)
        return found

    return whole


def sdeverywhere(folder: Path):
    """The C that SDEverywhere generates, compiled with its customary -O2, on one core."""
    model = forms.benchmark()
    inputs = [f"{name}_{s}" for s in "ab" for name in model.DRAWN]
    for name in ("package.json", "generate.mjs", "sde.h", "loop.c"):
        shutil.copy(PEERS / name, folder)
    shutil.copytree(PEERS / "spreadsheets", folder / "spreadsheets", dirs_exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    (folder / "model.xmile").write_text(forms.xmile(model))
    names = {"inputVars": [f"_{name}" for name in inputs], "inputVarNames": inputs}
    outputs = {"outputVars": [f"_{name}" for name in forms.OUTPUTS], "outputVarNames": list(forms.OUTPUTS)}
    (folder / "spec.json").write_text(json.dumps({"name": "benchmark", **names, **outputs}))
    subprocess.run(["node", "generate.mjs", str(folder)], check=True, cwd=folder)
    options = ["gcc", "-O2", "-shared", "-fPIC", "-Wl,-Bsymbolic", "loop.c", "-o", "generated.so", "-lm"]
    subprocess.run(options, check=True, cwd=folder)
    run = ctypes.CDLL(str(folder / "generated.so")).run

    def whole(given: dict) -> np.ndarray:
        rows = np.stack([given[name] for name in inputs], axis=1)
        found = np.empty((len(rows), WEEKS, len(forms.OUTPUTS)))
        places = rows.ctypes.data_as(ctypes.c_void_p), found.ctypes.data_as(ctypes.c_void_p)
        run(*places, ctypes.c_long(len(rows)), len(inputs), WEEKS - 1)
        return np.moveaxis(found, 0, -1)

    return whole


def one_by_one(single):
    """An engine of single runs as one of many draws."""

    def whole(given: dict) -> np.ndarray:
        drawn = [{name: float(row[draw]) for name, row in given.items()} for draw in range(len(given["season"]))]
        return np.stack([np.asarray(single(constants), dtype=float) for constants in drawn], axis=-1)

    return whole


def drawn_names() -> set[str]:
    """The constants that differ between draws."""
    return {f"{name}_{s}" for s in "ab" for name in forms.benchmark().DRAWN}


def pysd(folder: Path):
    """PySD on the XMILE form, the translated model loaded once."""
    import pysd

    path = folder / "pysd_form.xmile"
    path.write_text(forms.xmile(forms.benchmark()))
    model, names = pysd.read_xmile(str(path)), drawn_names()

    def single(constants: dict) -> np.ndarray:
        params = {name: constants[name] for name in names}
        return model.run(params=params, return_columns=list(forms.OUTPUTS))[list(forms.OUTPUTS)].to_numpy()

    return one_by_one(single)


def pysimlin(folder: Path):
    """pysimlin on the XMILE form, one simulation used again."""
    import simlin

    path = folder / "simlin_form.xmile"
    path.write_text(forms.xmile(forms.benchmark()))
    simulation, names = simlin.load(path).simulate(), drawn_names()

    def single(constants: dict) -> np.ndarray:
        simulation.reset()
        for name in names:
            simulation.set_value(name, constants[name])
        simulation.run_to_end()
        return np.stack([simulation.get_series(name) for name in forms.OUTPUTS], axis=1)

    return one_by_one(single)


def bptk(_folder: Path):
    """BPTK-Py in its own language, with its engine in Python."""
    build = made(forms.bptk(forms.benchmark()))["build"]

    def single(constants: dict) -> np.ndarray:
        model = build(constants)
        return np.array([[model.stocks[name](float(week)) for name in forms.OUTPUTS] for week in range(WEEKS)])

    return one_by_one(single)


def muster(devices: int, single: bool = False):
    """Muster's own machinery: batch over draws, lax.scan, powers, the compiler options of the regional run, a share on each device."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    from muster.model.batch import batch
    from muster.model.smooth import power
    from muster.programs import REGIONAL_COMPILER

    jax.config.update("jax_enable_x64", not single)
    model = forms.benchmark()
    constants, texts, stocks = forms.parts(model)
    calls, powers = {"mn": "mn", "mx": "mx", "exp": "exp", "sin": "sin"}, forms.short_powers("sqrt", "power")
    variables = {name: compile(forms.rewritten(text, calls, powers), name, "eval") for name, text in texts.items()}
    functions = {"mn": jnp.minimum, "mx": jnp.maximum, "exp": jnp.exp, "sin": jnp.sin, "sqrt": jnp.sqrt, "power": power}

    def lane(given: dict):
        start = jax.tree.map(lambda x: x + jnp.zeros_like(given["season"]), model.begin(given, stocks))

        def week(state, now):
            shown = jnp.stack([state[name] for name in forms.OUTPUTS])
            return batch(lambda own, before: model.step(before, now, own, variables, stocks, functions))(given, state), shown

        return jax.lax.scan(week, start, jnp.arange(WEEKS, dtype=float))[1]

    mesh = Mesh(np.array(jax.devices()[:devices]), ("draw",))
    here, shown = PartitionSpec("draw"), PartitionSpec(None, None, "draw")
    sharded = jax.shard_map(lane, mesh=mesh, in_specs=(here,), out_specs=shown, check_vma=False)
    made = jax.jit(sharded, compiler_options=REGIONAL_COMPILER)
    width = np.float32 if single else np.float64

    def whole(given: dict):
        count = len(given["season"])
        padded = {name: np.resize(given[name], -(-count // devices) * devices).astype(width) for name in constants}
        return jax.block_until_ready(made(jax.device_put(padded, NamedSharding(mesh, here))))[..., :count]

    return whole


ENGINES = {
    "muster": lambda _: muster(CORES),
    "muster-1": lambda _: muster(1),
    "muster-single": lambda _: muster(CORES, single=True),
    "muster-1-single": lambda _: muster(1, single=True),
    "c": hand_written_c,
    "c-single": lambda folder: hand_written_c(folder, np.float32),
    "c-one-thread": lambda folder: hand_written_c(folder, threads=1),
    "sdeverywhere": sdeverywhere,
    "numba": numba_on_threads,
    "numpy": numpy_over_draws,
    "pysimlin": pysimlin,
    "pysd": pysd,
    "bptk": bptk,
}


def absolute(text: str) -> Path:
    """A folder, wherever a compiler is started."""
    return Path(text).resolve()


def main() -> None:
    """Checks and times one engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("folder", type=absolute)
    parser.add_argument("draws", type=int)
    parser.add_argument("--timed", type=float, default=0.0)
    chosen = parser.parse_args()
    given = dict(np.load(chosen.folder / "draws.npz"))
    begun = time.perf_counter()
    run = ENGINES[chosen.engine](chosen.folder)
    few = np.asarray(run({name: row[: forms.CHECKED] for name, row in given.items()}), dtype=float)
    first = time.perf_counter() - begun
    np.save(chosen.folder / f"{chosen.engine}.npy", few)
    found = {"engine": chosen.engine, "draws": chosen.draws, "until_first_result": first}
    if chosen.timed:
        many = {name: row[: chosen.draws] for name, row in given.items()}
        found |= gate.timed(lambda: run(many), budget=chosen.timed)
    print(json.dumps(found | {"peak_memory_mb": gate.peak_memory()}))


if __name__ == "__main__":
    main()
