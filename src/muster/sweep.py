"""Sweeps: many runs from one plan, in chunks that several workers compute; killed at any moment, a sweep goes on where it was.

The folder of a sweep holds `plan.json` (what it is of), a folder a run as `muster run` leaves it, and `table.csv` once all runs are
whole. The chunks of a run that is not whole yet wait in its folder; every file is written beside and renamed.
"""

import csv
import io
import itertools
import json
import os
import platform
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from muster import chunks, output, programs, results, simulate
from muster.errors import UserError
from muster.evidence import Strict, checked
from muster.experiment import RESOLUTIONS, Experiment, build, structures_of
from muster.reading import read_yaml
from muster.scenario import load
from muster.workers import Workers, of_scheduler, one_device, processes
from muster.writer import WHOLE, Writer

PLAN, TABLE, HEADLINES = "plan.json", "table.csv", "headlines.csv"
CHUNK = {"national": 10 * simulate.LANE, "regional": 4 * simulate.REGIONAL_LANE}  # draws: four to six seconds of a core
START_THERE = "Start it where the paths of the plan lead to the same files."
LETTING_GO = 2  # results that a worker wrote last and that leave its memory: two workers took 8 % longer where they stayed
AHEAD = 2  # chunks a worker has been given: the one at work and the next
Progress = Callable[[str, int, int], None]


def listed(value):
    """One value as a list of one."""
    return value if isinstance(value, list) else [value]


Names = Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0, lt=2**63)], ...], BeforeValidator(listed), Field(min_length=1)]
Changes = Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]


class Plan(Strict):
    """What a plan file may say. Where a list is given, every value is run with every other; the words are those of `muster run`."""

    scenario: Names
    policy: Names = ("as-happened",)
    continuation: Names | None = None  # each scenario's own
    structures: Names = ("default",)
    set: Changes = Field(default_factory=lambda: {"as-given": ()})
    seed: Seeds = (1,)
    draws: Annotated[int, Field(ge=1, le=WHOLE)] = 200
    resolution: Literal["national", "regional"] = RESOLUTIONS[0]
    keep: str = "headline"
    prior: Annotated[bool, Field(strict=True)] = False
    dt: float = 1.0


@dataclass(frozen=True)
class Run:
    """One combination of a plan; its name is that of its folder."""

    name: str
    scenario: str
    policy: str
    continuation: str
    structures: str
    set: str
    sets: tuple[str, ...]
    seed: int
    draws: int
    resolution: str
    keep: str
    prior: bool
    dt: float

    def firsts(self) -> range:
        """The first draw of each chunk."""
        return range(0, self.draws, CHUNK[self.resolution])


@dataclass(frozen=True)
class Sweep:
    """A sweep and its folder."""

    folder: Path
    runs: tuple[Run, ...]

    def whole(self, run: Run) -> bool:
        """Whether the results of a run are there."""
        return output.is_ours(self.folder / run.name) and (self.folder / run.name / HEADLINES).is_file()

    def results(self, name: str) -> results.Results:
        """The results of a run by name."""
        return results.load(self.folder / name)

    def rows(self) -> list[dict[str, str]]:
        """Medians and 90 % bands of the headline series of all runs that are whole, by half-year."""
        found = []
        for run in filter(self.whole, self.runs):
            about = {name: str(getattr(run, name)) for name in ("scenario", "policy", "continuation", "structures", "set", "seed")}
            with (self.folder / run.name / HEADLINES).open(encoding="utf-8", newline="") as file:
                found += [{"run": run.name, **about, **row} for row in csv.DictReader(file)]
        return found


def read_plan(path: Path | str) -> Plan:
    """The plan of a file."""
    return checked(Plan, read_yaml(Path(path)), str(path))


def runs_of(plan: Plan, where: str = "plan") -> tuple[Run, ...]:
    """Every combination of the plan at `where`; a run is named by what tells it from the others."""
    structures = [name for text in plan.structures for name in structures_of(text)]
    axes = {
        "scenario": plan.scenario,
        "policy": plan.policy,
        "continuation": plan.continuation or ("",),
        "structures": structures,
        "set": list(plan.set),
        "seed": plan.seed,
    }
    varied = [name for name, values in axes.items() if len(values) > 1]
    found = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        words = [f"seed-{chosen[name]}" if name == "seed" else word_of(chosen[name]) for name in varied]
        rest = {name: getattr(plan, name) for name in ("draws", "resolution", "keep", "prior", "dt")}
        found.append(Run(name=".".join(words) or "run", sets=plan.set[str(chosen["set"])], **chosen, **rest))
    twice = [name for name, count in Counter(run.name for run in found).items() if count > 1]
    if twice:
        raise UserError(f'{where}: two runs would be called "{twice[0]}"; leave out what stands twice, or rename a file.')
    return tuple(run if run.continuation else replace(run, continuation=load(run.scenario).continuation) for run in found)


def word_of(text: str) -> str:
    """A name or path as a part of a folder's name."""
    return re.sub(r"[^\w=,-]", "-", Path(text).stem if text.endswith((".yaml", ".yml")) else text)


just_written: deque[Path] = deque(maxlen=LETTING_GO)  # by this process


def experiment_of(run: Run) -> Experiment:
    """The experiment of a run."""
    return replace(experiment_but_seed(replace(run, name="", seed=0)), seed=run.seed)


@lru_cache(maxsize=2)
def experiment_but_seed(run: Run) -> Experiment:
    """The experiment of runs that differ by their seed only; a worker keeps those of its chunk and the one before."""
    structure = structures_of(run.structures)[run.structures]
    drawn_from = None if run.prior else "shipped"
    given = run.scenario, (run.policy,), run.continuation, run.draws, run.seed
    return build(*given, structure, run.sets, run.dt, run.resolution, drawn_from)


def key_of(run: Run) -> str:
    """What the files of a run are found by in plan.json."""
    return "/".join((run.scenario, run.policy, run.continuation, run.set))


def described(plan: Plan, runs: tuple[Run, ...], where: str = "plan") -> dict:
    """What plan.json says: another sweep, other files or another library give other words. Every input is read: errors come first."""
    texts = {}
    for run in runs:
        if (key := key_of(run)) not in texts:
            try:
                experiment = experiment_of(run)
            except UserError as problem:
                raise UserError(f'{where}, run "{run.name}": {problem}') from None
            if not texts:
                output.kept_whole(output.frame_of(experiment), plan.keep)
            texts[key] = {"scenario_sha256": experiment.sha256, "posterior": str(experiment.posterior)}
    return {
        "made_by": output.MADE_BY,
        "version": version("muster"),
        "library_sha256": output.library_sha256(),
        **plan.model_dump(mode="json"),
        "runs": {run.name: asdict(run) for run in runs},
        "texts": texts,
    }


def begin(folder: Path, about: dict) -> None:
    """Notes in the folder what the sweep is of, or finds that it is the same."""
    path = folder / PLAN
    about = json.loads(json.dumps(about))
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: a folder was expected, this is a file.")
    if path.is_file():
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise UserError(f"{path} cannot be read; choose another --out.") from None
        differing = next((key for key in about if not isinstance(held, dict) or held.get(key) != about[key]), None)
        if differing:
            raise UserError(f'--out {folder} holds a sweep of other "{differing}" (see {PLAN} there); choose another folder.')
        return
    if folder.exists() and any(not kept.name.endswith(output.PART) for kept in folder.iterdir()):
        raise UserError(f"--out {folder}: the folder is not empty and holds no sweep of Muster; choose another.")
    written(path, json.dumps(about, indent=1, ensure_ascii=False) + "\n")


def written(path: Path, text: str) -> None:
    """Writes a text beside and renames it."""
    with output.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}{output.PART}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)


def compute(run: Run, first: int, folder: Path) -> None:
    """Simulates one chunk of a run and keeps it; the results of the run, where that is all of it."""
    started, stop = time.perf_counter(), min(first + CHUNK[run.resolution], run.draws)
    blocks = [block for found in simulate.blocks(experiment_of(run), start=first, stop=stop) for block in found]
    seconds = time.perf_counter() - started
    if len(run.firsts()) == 1:
        write(run, folder, [(seconds, blocks)])
    else:
        chunks.kept(chunks.path_of(folder, first), seconds, blocks)


def assemble(run: Run, folder: Path) -> None:
    """Makes the results of a run from its chunks, which then go."""
    frame = output.frame_of(experiment_of(run))
    write(run, folder, (chunks.mapped(chunks.path_of(folder, first), frame) for first in run.firsts()))
    chunks.removed(folder)


def write(run: Run, folder: Path, parts: Iterable[tuple[float, Iterable[output.Block]]]) -> None:
    """Writes the results of a run; parts = the seconds that some draws took, and their blocks."""
    experiment, whole = experiment_of(run), 0.0
    frame = output.frame_of(experiment)
    table = results.HeadlineTable(results.Results(frame), run.draws)
    with Writer(folder, frame, run.keep, run.draws, packers=0) as writer:  # a worker has one core
        for seconds, blocks in parts:
            whole += seconds
            for block in blocks:
                writer.append(block, lasting=True)
                table.add(block)
        manifest = output.manifest_of(output.described(experiment), run.draws, whole)
        writer.finish(manifest, {HEADLINES: lines_of(table.rows()).rstrip("\n")})
    just_written.append(folder / output.RESULTS)
    threading.Thread(target=let_go, args=(tuple(just_written),)).start()  # which waits for the disk


def lines_of(rows: list[dict]) -> str:
    """Rows as CSV, the names first."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def sweep(
    plan: Plan | Path | str | dict,
    out: Path | str,
    workers: int | None = None,
    part: tuple[int, int] = (1, 1),
    scheduler: str | None = None,
    progress: Progress = lambda *_: None,
) -> Sweep:
    """Runs what a plan (a file, or what such a file holds) says, into the folder `out`; goes on where an earlier call was stopped.

    workers: processes, one core each (all cores). part = (k, n): only every n-th run from the k-th on, so that n machines share a folder.
    scheduler: the address of a Dask scheduler, whose workers compute instead; all machines share `out`.
    Each worker imports the script that calls this: it needs `if __name__ == "__main__":`.
    """
    known = plan if isinstance(plan, Plan) else checked(Plan, plan, "plan") if isinstance(plan, dict) else read_plan(plan)
    count, folder = workers or programs.cores(), Path(out)
    if count < 1 or not 1 <= part[0] <= part[1]:
        raise UserError("sweep: at least one worker, and a part K/N with K from 1 to N, were expected.")
    if scheduler and workers:
        raise UserError("sweep: either workers of this machine or a scheduler, whose workers are its own, was expected.")
    where = str(plan) if isinstance(plan, Path | str) else "plan"
    made = Sweep(folder, runs_of(known, where))
    experiment_but_seed.cache_clear()  # a file may have changed since an earlier call
    about = described(known, made.runs, where)
    begin(folder, about)
    todo = [run for run in made.runs[part[0] - 1 :: part[1]] if not made.whole(run)]
    for run in filter(made.whole, made.runs[part[0] - 1 :: part[1]]):
        chunks.removed(folder / run.name)  # of one that was stopped between the two
    if todo:
        with of_scheduler(scheduler) if scheduler else processes(count) as pool:
            work(made, todo, pool, about if scheduler else None, progress)
    if all(map(made.whole, made.runs)):
        written(folder / TABLE, lines_of(made.rows()))
    return made


def work(made: Sweep, todo: list[Run], pool: Workers, about: dict | None, progress: Progress) -> None:
    """Computes the missing chunks of some runs in order, and makes each run's results when its last chunk is there.

    about: what plan.json says, where workers may be of another machine.
    """
    missing = {run: {first for first in run.firsts() if not chunks.path_of(made.folder / run.name, first).exists()} for run in todo}
    waiting = deque((run, first) for run in todo for first in (sorted(missing[run]) or [None]))
    whole = sum(len(run.firsts()) for run in todo)
    progress("", whole - sum(map(len, missing.values())), whole)
    running: dict[Future, tuple[Run, int | None]] = {}
    while waiting or running:
        while waiting and len(running) < AHEAD * pool.count():
            run, first = waiting.popleft()
            running[task(made.folder, run, first, pool, about)] = run, first
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            run, first = running.pop(future)
            future.result()
            if first is not None:
                missing[run].discard(first)
                progress("", whole - sum(map(len, missing.values())), whole)
            if first is not None and not missing[run] and not made.whole(run):
                waiting.appendleft((run, None))


def let_go(paths: Iterable[Path]) -> None:
    """Has files written to disk, and what of them is there already leave the memory; a wish, also where somebody has moved a file."""
    for path in paths if hasattr(os, "posix_fadvise") else ():
        with suppress(OSError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def task(folder: Path, run: Run, first: int | None, pool: Workers, about: dict | None) -> Future:
    """Gives a worker a chunk of a run, or a run to be made of its chunks."""
    function, rest = (assemble, ()) if first is None else (compute, (first,))
    if about is None:
        return pool.submit(function, run, *rest, folder / run.name)
    expected = {key: about[key] for key in ("version", "library_sha256")} | about["texts"][key_of(run)]
    return pool.submit(elsewhere, expected, function, run, *rest, folder.resolve() / run.name)


def elsewhere(expected: dict[str, str], function: Callable, run: Run, *rest) -> None:
    """A task of a worker that may be of another machine: with the same Muster, the same files and the same folder, or not at all."""
    one_device()
    folder, here = rest[-1], f"--scheduler: the worker on {platform.node()}"
    if not (folder.parent / PLAN).is_file():
        raise UserError(f"{here} does not see {folder.parent}; a folder that all machines share was expected.")
    if version("muster") != expected["version"] or output.library_sha256() != expected["library_sha256"]:
        raise UserError(f"{here} has another version of Muster; install there what is installed here.")
    try:
        if experiment_of(run).sha256 != expected["scenario_sha256"]:
            experiment_but_seed.cache_clear()  # the file may have changed since this worker read it
        same = experiment_of(run).sha256 == expected["scenario_sha256"]
    except UserError as problem:
        raise UserError(f"{here} cannot read the files of {run.name}: {problem} {START_THERE}") from None
    if not same:
        raise UserError(f"{here} has other files of {run.name}. {START_THERE}")
    function(run, *rest)
