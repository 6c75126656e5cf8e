"""What Muster itself is measured on, each work in a process of its own: python targets.py WORK [FOLDER]. Prints one line of JSON."""

import contextlib
import ctypes
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import gate

CASE = "russia-ukraine-2022"
DRAWS, MANY, FEW = 200, 4096, 512
GRADIENT_DRAWS = 64
HANDED = 500  # empty chunks
SWEPT = 12, 60  # runs of a short and of a longer sweep; three of the longer ones leave 60 GB for a while
SWEPT_DRAWS = 1040  # draws of a run: one chunk
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
TURN = 5.0  # seconds that a sweep goes on before the next one does
MUSTER = Path(sys.prefix) / "plain" / "bin" / "muster"  # `make .venv/plain/.ready`: without what only the tests need, as users have it
SERIES = ((0, "front", "killed"), (1, "society", "trust"), (0, "economy", "output"), (1, "people", "population"), (0, "arms", "afv"))


def produced(experiment, folder: Path) -> None:
    """A run as `muster run` makes it: every draw of the headline series, quantiles and mean of all others, written."""
    from muster import output
    from muster.cli.terminal import in_background
    from muster.simulate import blocks
    from muster.writer import Writer

    with Writer(folder, output.frame_of(experiment), "headline", experiment.draws) as writer:
        for found in in_background(blocks(experiment), writer.lay_out_early):
            while found:
                writer.append(found.pop(0))
        writer.finish(output.manifest_of(output.described(experiment), writer.draws, 0.0))


def regional() -> dict:
    """200 draws of the reference case by region, warm, written."""
    from muster.experiment import build

    experiment = build(CASE, draws=DRAWS, resolution="regional", posterior="shipped")
    with tempfile.TemporaryDirectory() as folder:
        found = gate.timed(lambda: produced(experiment, Path(folder)), kept=3, budget=40)
    return found | {"peak_memory_mb": gate.peak_memory()}


def widths(narrow: bool, folder: Path) -> dict:
    """The compiled regional run of 200 draws in float64 or float32, on draws that the wide run leaves in the folder."""
    import jax
    import numpy as np

    from muster import simulate
    from muster.experiment import build

    if narrow:
        jax.config.update("jax_enable_x64", False)
    experiment = build(CASE, draws=DRAWS, resolution="regional")
    width, calls = simulate.REGIONAL_LANE * jax.device_count(), []
    for first in range(0, DRAWS, width):
        draws = simulate.draws_of(experiment, np.arange(first, first + width))
        leaves, kind = jax.tree.flatten(draws)
        place = folder / f"regional-draws-{first}.npz"
        if narrow:
            with np.load(place) as held:
                leaves = [held[name].astype(leaf.dtype) for name, leaf in zip(held.files, leaves, strict=True)]
        else:
            np.savez(place, *leaves)
        calls.append(jax.tree.unflatten(kind, leaves))

    def every() -> list:
        return [simulate.outcome(experiment, draws)[1] for draws in calls]

    found = every()
    shown = {
        "/".join(map(str, path)): np.concatenate([getattr(sides[path[0]][path[1]], path[2]) for sides in found])[:DRAWS] for path in SERIES
    }
    np.savez(folder / f"regional-{'narrow' if narrow else 'wide'}.npz", **shown)
    return gate.timed(every, kept=3, budget=30)


def gradient() -> dict:
    """Reverse gradient of a loss over the reference window by all parameters, the step under jax.checkpoint, against the loss alone."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from muster import simulate
    from muster.experiment import build
    from muster.model import run
    from muster.model.coupling import connected

    experiment = build(CASE, draws=GRADIENT_DRAWS)
    experiment = replace(experiment, steps=experiment.observation_step)
    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    case = replace(case, levers=jax.tree.map(lambda path: path[: experiment.steps], case.levers))
    draws = simulate.draws_of(experiment, np.arange(GRADIENT_DRAWS))

    def off(readings):
        return sum(jnp.log(side["front"].killed + 1.0) ** 2 for side in readings.split())

    def loss(params, rest):
        return run.lane(case, replace(rest, params=params), experiment.dt, experiment.structure, again=True, kept=off)[1].sum()

    found = {"draws": GRADIENT_DRAWS, "weeks": experiment.steps}
    for name, function in (("forward", loss), ("gradient", jax.value_and_grad(loss))):
        begun_at = time.perf_counter()
        made = jax.jit(function, compiler_options=simulate.COMPILER).lower(draws.params, draws).compile()
        found[f"{name}_compile"] = time.perf_counter() - begun_at
        found[f"{name}_temporary_mb"] = made.memory_analysis().temp_size_in_bytes / 1e6
        timings = gate.timed(lambda made=made: jax.block_until_ready(made(draws.params, draws)), kept=3, budget=8)
        found[name] = timings["seconds"]
    slopes = [np.asarray(leaf) for leaf in jax.tree.leaves(made(draws.params, draws)[1])]
    finite = float(np.mean([np.isfinite(leaf).all() for leaf in slopes]))
    return found | {"ratio": found["gradient"] / found["forward"], "finite_share": finite, "peak_memory_mb": gate.peak_memory()}


def command(*words: str, repeated: int = 1) -> dict:
    """Seconds and memory of a command, the fastest of some repetitions."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeated):
            begun, before = time.perf_counter(), gate.busy()
            child = subprocess.Popen([MUSTER, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            wall, work = time.perf_counter() - begun, used.ru_utime + used.ru_stime
            if status:
                raise SystemExit(f"muster {' '.join(words)}: status {status}")
            left = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            rows.append((wall, work, used.ru_maxrss / 1024, max(0.0, gate.busy() - before - work) / wall, left))
    wall, work, memory, others, left = min(rows)
    return {"seconds": wall, "work_seconds": work, "peak_memory_mb": memory, "cores_of_others": round(others, 2), "bytes": left}


def adopts_orphans() -> None:
    """From here on a process whose parent has ended becomes a child of this one: workers of a sweep are of a process that ends after it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def with_orphans(group: int, used: resource.struct_rusage) -> tuple[float, float]:
    """(seconds of work, peak memory of a process [MB]) of a command that has ended and of what it left in its group."""
    work, memory = used.ru_utime + used.ru_stime, used.ru_maxrss
    with contextlib.suppress(ChildProcessError):
        while True:
            _, _, left = os.wait4(-group, 0)
            work, memory = work + left.ru_utime + left.ru_stime, max(memory, left.ru_maxrss)
    return work, memory / 1024


def in_turns(*commands: tuple[str, ...]) -> list[dict]:
    """Seconds of commands of which one goes on at a time, TURN after TURN, so that all meet the same hours of a machine."""
    children, seconds = [], [0.0] * len(commands)
    found: list[dict | None] = [None] * len(commands)
    adopts_orphans()
    try:
        while None in found:
            for place, words in enumerate(commands):
                if found[place]:
                    continue
                begun = time.perf_counter()
                if place == len(children):
                    quiet = subprocess.DEVNULL
                    children.append(subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True))
                else:
                    os.killpg(children[place].pid, signal.SIGCONT)
                ended = 0
                while not ended and time.perf_counter() - begun < TURN:
                    time.sleep(0.02)
                    ended, status, used = os.wait4(children[place].pid, os.WNOHANG)
                seconds[place] += time.perf_counter() - begun
                if not ended:
                    os.killpg(children[place].pid, signal.SIGSTOP)
                elif status:
                    raise SystemExit(f"{' '.join(words)}: status {status}")
                else:
                    work, memory = with_orphans(children[place].pid, used)
                    found[place] = {"seconds": seconds[place], "work_seconds": work, "peak_memory_mb": memory}
    finally:
        for child, one in zip(children, found, strict=False):
            if one is None:
                os.killpg(child.pid, signal.SIGKILL)
    return found


def start() -> dict:
    """`muster --help`, a run of one draw and the judging of the claims, warm: each was called once before."""
    found = {"help": command("--help", repeated=5)}
    for name, words, repeated in (("toy", ("run", "toy", "--draws", "1"), 6), ("assess", ("assess",), 1)):
        command(*words)
        found[name] = command(*words, repeated=repeated)
    return found


def memory(resolution: str) -> dict:
    """Peak memory and seconds of runs of few and of many draws."""
    words = ("run", CASE, "--resolution", resolution, "--draws")
    return {str(draws): command(*words, str(draws)) for draws in (FEW, MANY)}


def compiling(resolution: str) -> dict:
    """Seconds of XLA, and of all, until the first result with an empty cache."""
    import jax

    parts: dict[str, float] = {}

    def listen(event: str, seconds: float, **_about) -> None:
        name = event.rpartition("/")[2]
        parts[name] = parts.get(name, 0.0) + seconds

    jax.monitoring.register_event_duration_secs_listener(listen)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        from muster.experiment import build
        from muster.simulate import ensemble

        begun = time.perf_counter()
        ensemble(build(CASE, draws=1, resolution=resolution))
    compiled = parts["compile"] + parts.get("backend_compile_duration", 0.0)  # our programs, and what JAX compiles besides
    traced = parts["jaxpr_trace_duration"] + parts["jaxpr_to_mlir_module_duration"]
    return {"compile": compiled, "trace": traced, "until_first_result": time.perf_counter() - begun}


def throughput() -> dict:
    """Seconds of the compiled national run by draws, weeks and structure, and by region: what a run costs."""
    from muster.experiment import build, structures_of
    from muster.simulate import ensemble

    def seconds(experiment) -> float:
        ensemble(experiment)
        return gate.timed(lambda: ensemble(experiment), kept=3, budget=4)["seconds"]

    found = {f"draws {draws}": seconds(build(CASE, draws=draws)) for draws in (1, 208, 832, 3328)}
    found["weeks 104 (toy), draws 208"] = seconds(build("toy", draws=208))
    for name, structure in list(structures_of("all").items())[1:3]:
        found[f"structure {name}, draws 208"] = seconds(build(CASE, draws=208, structure=structure))
    return found


def million() -> dict:
    """A million draws of the national model."""
    return command("run", CASE, "--draws", "1000000")


def part_of_a_million() -> dict:
    """Some draws of the national model beyond which draws are no longer kept one by one, to tell what a million would take."""
    return command("run", CASE, "--draws", "20800")


def sweeping() -> dict:
    """Sweeps of few and of more runs by one worker and by two, warm, and what handing over a chunk takes."""
    from muster import workers

    found = swept()
    with workers.processes(1) as pool:
        pool.submit(int).result()
        begun = time.perf_counter()
        for number in range(HANDED):
            pool.submit(int, number).result()
        handing = (time.perf_counter() - begun) / HANDED
    return found | {"hand_over_seconds": handing, "overhead": handing / found["chunk_seconds"]}


def swept() -> dict:
    """Sweeps by one worker, by two, and of each half by one worker that knows nothing of the other, in turns.

    How near two come to half the time of one; and so the two halves, whose shortfall is the machine's, not the sweep's.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def words(first: int, last: int, draws: int, workers: int) -> tuple[str, ...]:
            plan, out = folder / f"{first} to {last}.yaml", folder / f"{first} to {last} by {workers}"
            plan.write_text(f"scenario: {CASE}\nseed: {list(range(first, last + 1))}\ndraws: {draws}\n")
            return str(MUSTER), "sweep", str(plan), "--out", str(out), "--workers", str(workers)

        command(*words(1, 1, 1, 1)[1:])
        found, times = {}, []
        for runs in SWEPT:
            os.sync()  # what was written before does not wait for the disk now
            halves = [shlex.join(words(first, last, SWEPT_DRAWS, 1)) for first, last in ((1, runs // 2), (runs // 2 + 1, runs))]
            both = "sh", "-c", f"{halves[0]} & {halves[1]} && wait $!"
            made = in_turns(words(1, runs, SWEPT_DRAWS, 1), words(1, runs, SWEPT_DRAWS, 2), both)
            found |= dict(zip((f"{runs} runs, 1 workers", f"{runs} runs, 2 workers", f"{runs} runs, halves"), made, strict=True))
            times.append([one["seconds"] for one in made])
            for out in folder.glob("* by *"):
                shutil.rmtree(out)
    (one, two, apart), (one_more, two_more, apart_more) = times
    return found | {
        "efficiency_short": one / two / 2,
        "efficiency": one_more / two_more / 2,
        "efficiency_once_running": (one_more - one) / (two_more - two) / 2,
        "halves_short": one / apart / 2,
        "halves": one_more / apart_more / 2,
        "chunk_seconds": (one_more - one) / (SWEPT[1] - SWEPT[0]),
    }


def kernel_in_c(folder: Path) -> dict:
    """The front and call-up by region against a C kernel of the same steps."""
    import kernel

    return kernel.measured(folder)


WORKS = {
    "regional": lambda _: regional(),
    "wide": lambda folder: widths(False, folder),
    "narrow": lambda folder: widths(True, folder),
    "kernel": kernel_in_c,
    "gradient": lambda _: gradient(),
    "start": lambda _: start(),
    "memory": lambda _: memory("national"),
    "memory-regional": lambda _: memory("regional"),
    "compile": lambda _: compiling("national"),
    "compile-regional": lambda _: compiling("regional"),
    "throughput": lambda _: throughput(),
    "part-of-a-million": lambda _: part_of_a_million(),
    "sweep": lambda _: sweeping(),
    "million": lambda _: million(),
}


def main() -> None:
    """One work."""
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
    if not MUSTER.is_file():
        raise SystemExit(f"{MUSTER} is missing: `make .venv/plain/.ready` makes it.")
    with contextlib.redirect_stdout(sys.stderr):
        found = WORKS[sys.argv[1]](folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
