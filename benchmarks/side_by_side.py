"""Muster beside its peers and its targets, in one run: python benchmarks/side_by_side.py [--draws N] [--million] [--keep FILE].

The benchmark model of tests/independent/benchmark.py goes through every engine that installs; results are compared with plain Python
first, and only an engine that agrees is timed. Then Muster's own works are measured. The figures go to benchmarks/measured.json.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import forms
import gate

HERE = Path(__file__).resolve().parent
MEASURED = HERE / "measured.json"
CORES = os.cpu_count() or 1
OWN = ("muster", "muster-1", "muster-single", "muster-1-single")
PARALLEL = (*OWN, "c", "c-single", "numba")  # engines that use all cores; XLA does so with one device too
PEERS = ("c", "c-one-thread", "c-single", "sdeverywhere", "numba", "numpy", "pysimlin", "pysd", "bptk")
RUN = {"pysimlin": 1000, "pysd": 40, "bptk": 4}  # draws really run where all would take minutes; the time is told for all
EQUAL, EQUAL_SINGLE = 1e-6, 1e-4  # largest relative difference from plain Python, float64 and float32
PATIENCE = 3 * 3600  # seconds for one engine or work
WORKS = (
    "start", "compile", "compile-regional", "regional", "kernel", "wide", "narrow", "memory", "gradient", "throughput", "part-of-a-million",
    "sweep",
)  # fmt: skip
LONG = ("memory-regional", "million")
PART_DRAWS = 20_800


def peers_python() -> Path:
    """The interpreter of the peers' own environment in the user's cache folder, made where it is not there or older than its list."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muster-peers"
    python, wanted, done = base / "bin" / "python", HERE / "peers" / "requirements.txt", base / "requirements.txt"
    if not done.exists() or done.read_text() != wanted.read_text():
        print("Making the peers' environment (a minute).", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", base], check=True)
        for line in filter(None, (line.partition("#")[0].strip() for line in wanted.read_text().splitlines())):
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", line], check=False)
        done.write_text(wanted.read_text())
    return python


def child(python: Path | str, *words: str) -> dict:
    """What a program prints as JSON, or why there is nothing."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run([python, *words], capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.partition(":")[0].endswith(("Error", "Exit", "Interrupt"))]
        return {"failed": lines[-1][-200:] if lines else f"status {done.returncode}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def plain(given: dict[str, np.ndarray], draws: int) -> np.ndarray:
    """The weekly series of some draws by plain Python, [week, output, draw]."""
    model = forms.benchmark()
    _, variables, stocks = model.whole()
    functions = {"mn": min, "mx": max, "exp": math.exp, "sin": math.sin}
    runs = []
    for draw in range(draws):
        constants = {name: float(row[draw]) for name, row in given.items()}
        state, rows = model.begin(constants, stocks), []
        for week in range(model.STEPS + 1):
            rows.append([state[name] for name in forms.OUTPUTS])
            state = model.step(state, float(week), constants, variables, stocks, functions)
        runs.append(rows)
    return np.moveaxis(np.array(runs), 0, -1)


def drawn(draws: int) -> dict[str, np.ndarray]:
    """A row of draws for every constant: the uncertain ones within a fifth of their value."""
    model = forms.benchmark()
    random, constants = np.random.default_rng(1), forms.parts(model)[0]
    uncertain = {f"{name}_{s}" for s in "ab" for name in model.DRAWN}
    return {name: value * (random.uniform(0.8, 1.2, draws) if name in uncertain else np.ones(draws)) for name, value in constants.items()}


def engines(folder: Path, draws: int, budget: float) -> dict[str, dict]:
    """Every engine checked, then timed."""
    given = drawn(draws)
    np.savez(folder / "draws.npz", **given)
    right, found = plain(given, forms.CHECKED), {}
    peers = peers_python()
    for name in (*OWN, *PEERS):
        count = RUN.get(name, draws)
        python = sys.executable if name in OWN else peers
        words = (python, str(HERE / "engines.py"), name, str(folder), str(count))
        row = child(*words)
        if "failed" not in row:
            series = np.load(folder / f"{name}.npy")
            row["difference"] = float(np.max(np.abs(series - right) / np.maximum(np.abs(right), 1e-9)))
            if row["difference"] <= (EQUAL_SINGLE if "single" in name else EQUAL):
                timed = child(*words, "--timed", str(budget))
                row |= timed if "failed" in timed else of_all(timed, draws / count, CORES if name in PARALLEL else 1)
            else:
                row["failed"] = f"its results differ from plain Python by {row['difference']:.1g}"
        found[name] = row
        print(name, row.get("failed") or f"{row['alone']:.3g} s", file=sys.stderr)
    return found


def of_all(timed: dict, factor: float, cores: int) -> dict:
    """The timings of all draws; `alone` is the work shared by the cores that the engine uses, so that others do not count."""
    times = {name: timed[name] * factor for name in ("seconds", "work", "fastest")}
    return {**timed, **times, "cores": cores, "alone": times["work"] / cores, "draws_run": timed["draws"]}


def works(folder: Path, names: tuple[str, ...]) -> dict[str, dict]:
    """Muster's own works, one process each."""
    found = {}
    for name in names:
        begun = time.perf_counter()
        found[name] = child(sys.executable, str(HERE / "targets.py"), name, str(folder))
        print(name, found[name].get("failed") or "", f"({time.perf_counter() - begun:.0f} s)", file=sys.stderr)
    return found


def quantile_difference(folder: Path) -> float | None:
    """The largest difference of 5, 50 and 95 % between float32 and float64 runs, in parts of the 90 % band."""
    if not all((folder / f"regional-{width}.npz").exists() for width in ("wide", "narrow")):
        return None
    largest = 0.0
    with np.load(folder / "regional-wide.npz") as wide, np.load(folder / "regional-narrow.npz") as narrow:
        for name in wide.files:
            a, b = (np.quantile(held[name].astype(float), [0.05, 0.5, 0.95], axis=0) for held in (wide, narrow))
            band = np.maximum(a[2] - a[0], 1e-6 * np.abs(a[1]) + 1e-12)
            largest = max(largest, float(np.max(np.abs(a - b) / band)))
    return largest


def value(measured: dict, *path: str) -> float | None:
    """A figure, where it was measured."""
    for name in path:
        measured = measured.get(name) if isinstance(measured, dict) else None
    return measured if isinstance(measured, int | float) else None


def ratio(above: float | None, below: float | None) -> float | None:
    """above / below, where both were measured."""
    return above / below if above is not None and below else None


def table(measured: dict) -> list[tuple[str, str, str, str]]:
    """Row of the targets, target, reached, whether it is met."""
    found, own = measured["engines"], measured["works"]
    seconds = {name: value(found, name, "alone") for name in found}
    ahead = {name: ratio(seconds.get(name), seconds.get("muster")) for name in ("pysd", "sdeverywhere", "numba", "c")}
    memory = {name: value(own, "memory", name, "peak_memory_mb") for name in ("512", "4096")}
    million = value(own, "million", "seconds")
    part = value(own, "part-of-a-million", "seconds")
    rows = [
        ("1 benchmark model, 10,000 draws: times PySD", ahead["pysd"], 1700, ">="),
        ("1 times SDEverywhere C", ahead["sdeverywhere"], 5.5, ">="),
        ("1 times numba on all cores", ahead["numba"], 1.6, ">="),
        ("1 share of the hand-written C", ahead["c"], 0.45, ">="),
        ("2 the same in float32: share of C in float32", ratio(seconds.get("c-single"), seconds.get("muster-single")), 0.85, ">="),
        ("3 reference case by region, 200 draws, written: seconds", value(own, "regional", "seconds"), 6, "<="),
        ("3 front and call-up by region: share of a C kernel", value(own, "kernel", "share"), 0.45, ">="),
        ("4 the compiled regional run in float32: seconds", value(own, "narrow", "seconds"), 3, "<="),
        ("4 its quantiles against float64: parts of the 90 % band", measured.get("quantile_difference"), 0.01, "<="),
        ("5 memory, 4,096 draws against 512 (national): times", ratio(memory["4096"], memory["512"]), 1.3, "<="),
        ("5 memory, 4,096 draws (national): MB", memory["4096"], 1500, "<="),
        ("7 gradient against forward: times", value(own, "gradient", "ratio"), 3.2, "<="),
        ("8 muster --help: seconds", value(own, "start", "help", "seconds"), 0.3, "<="),
        ("8 muster run toy --draws 1: seconds", value(own, "start", "toy", "seconds"), 2.5, "<="),
        ("8 muster assess: seconds", value(own, "start", "assess", "seconds"), 60, "<="),
        ("9 compiling the national model: seconds", value(own, "compile", "compile"), 12, "<="),
        ("9 compiling the regional model: seconds", value(own, "compile-regional", "compile"), 12, "<="),
        ("10 sweep: hand-over of a chunk, share of its time", value(own, "sweep", "overhead"), 0.01, "<="),
        ("10 sweep of sixty runs: efficiency at 2 workers", value(own, "sweep", "efficiency"), 0.95, ">="),
        ("10 sweep of twelve runs: efficiency at 2 workers", value(own, "sweep", "efficiency_short"), 0.95, ">="),
        ("10 the same once both workers run", value(own, "sweep", "efficiency_once_running"), 0.95, ">="),
    ]
    if million:
        rows.append(("6 a million national draws: minutes", million / 60, 10, "<="))
        rows.append(("6 its memory: MB", value(own, "million", "peak_memory_mb"), 2000, "<="))
    else:
        reckoned = part and part * 1_000_000 / PART_DRAWS / 60
        rows.append((f"6 a million national draws, reckoned from {PART_DRAWS:,}: minutes", reckoned, 10, "<="))
    if "memory-regional" in own:
        many = value(own, "memory-regional", "4096", "peak_memory_mb")
        few = value(own, "memory-regional", "512", "peak_memory_mb")
        rows.append(("5 memory, 4,096 draws against 512 (by region): times", ratio(many, few), 1.3, "<="))
        rows.append(("5 memory, 4,096 draws (by region): MB", many, 1500, "<="))
    return [verdict(*row) for row in sorted(rows, key=lambda row: int(row[0].split()[0]))]


def verdict(row: str, reached: float | None, target: float, sense: str) -> tuple[str, str, str, str]:
    """A row of the table."""
    wanted = f"{sense} {target:,g}"
    if reached is None:
        return row, wanted, "-", "not measured"
    met = reached >= target if sense == ">=" else reached <= target
    return row, wanted, f"{reached:,.3g}" if reached < 1000 else f"{reached:,.0f}", "met" if met else "missed"


def machine() -> dict:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    kinds = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return {"processor": ", ".join(sorted(kinds)) or platform.machine(), "cores": CORES, "python": platform.python_version()}


def main() -> None:
    """Measures all, prints the tables, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000, help="draws of the benchmark model")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds of repetitions for an engine")
    parser.add_argument("--million", action="store_true", help="also 1,000,000 national draws and the memory of 4,096 regional ones")
    parser.add_argument("--only", nargs="*", help="measure these works alone, and keep the other figures of an earlier run")
    parser.add_argument("--keep", type=Path, default=MEASURED, help="where the figures go")
    chosen = parser.parse_args()
    names = chosen.only if chosen.only is not None else (*WORKS, *(LONG if chosen.million else ()))
    measured = json.loads(chosen.keep.read_text()) if chosen.only is not None and chosen.keep.exists() else {"engines": {}, "works": {}}
    before, work = os.getloadavg()[0], gate.busy()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only is None or "engines" in names:
            measured["engines"] = engines(Path(folder), chosen.draws, chosen.budget)
        measured["works"] |= works(Path(folder), tuple(name for name in names if name != "engines"))
        difference = quantile_difference(Path(folder))
    wall = time.perf_counter() - begun
    if difference is not None:
        measured["quantile_difference"] = difference
    others = max(0.0, gate.busy() - work - gate.own()) / wall
    measured |= {"machine": machine(), "day": datetime.now(UTC).date().isoformat(), "draws": chosen.draws}
    measured["load"] = {"before": before, "after": os.getloadavg()[0], "cores_of_others": round(others, 2)}
    measured["targets"] = table(measured)
    chosen.keep.write_text(json.dumps(measured, indent=1) + "\n")
    show(measured)


def show(measured: dict) -> None:
    """Both tables on stdout."""
    print(
        f"\n{measured['draws']:,} draws x {forms.benchmark().STEPS} weeks of the benchmark model, four outputs a week; alone = work / cores"
    )
    for name, row in sorted(measured["engines"].items(), key=lambda item: item[1].get("alone", math.inf)):
        reason = row.get("failed")
        told = (
            f"not measured: {reason}"
            if reason
            else f"{row['alone']:10.3f} s alone, {row['seconds']:10.3f} s here  difference {row['difference']:.0e}"
        )
        print(f"  {name:16} {told}" + ("" if reason or row["draws_run"] == measured["draws"] else f"  (from {row['draws_run']} draws)"))
    print("\nTargets")
    for row, wanted, reached, met in measured["targets"]:
        print(f"  {row:62} {wanted:>9} {reached:>10}  {met}")
    load = measured["load"]
    print(f"\nOther work used {load['cores_of_others']} of {measured['machine']['cores']} cores meanwhile.")


if __name__ == "__main__":
    main()
