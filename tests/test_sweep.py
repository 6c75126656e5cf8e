"""Sweeps: what a plan means, that a run of a sweep is the run alone, and that a sweep killed at any moment ends with the same bytes."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import distributed
import h5py
import numpy as np
import pytest

from muster import chunks, cli, output, sweep, workers
from muster.errors import UserError
from muster.evidence import library
from muster.experiment import build

PLAN = {
    "scenario": "toy",
    "set": {"as-given": [], "longer-course": ["north.levers.course_length=12 weeks"]},
    "seed": [1, 2],
    "draws": 1_250,
}
MUSTER = Path(sys.executable).with_name("muster")


def plan_of(**changes):
    """A plan, some keys changed."""
    return sweep.checked(sweep.Plan, PLAN | changes, "plan")


def names(**changes):
    """The names of a plan's runs."""
    return [run.name for run in sweep.runs_of(plan_of(**changes))]


def test_every_value_is_run_with_every_other_and_named_by_what_varies():
    assert names() == ["as-given.seed-1", "as-given.seed-2", "longer-course.seed-1", "longer-course.seed-2"]
    assert names(set={"as-given": []}, seed=3) == ["run"]
    assert names(set={"as-given": []}, seed=3, continuation=["goes-on", "ceasefire"]) == ["goes-on", "ceasefire"]
    assert len(names(set={"as-given": []}, seed=1, structures="all")) > 10
    longer = sweep.runs_of(plan_of())[-1]
    assert (longer.seed, longer.sets) == (2, ("north.levers.course_length=12 weeks",))
    assert list(longer.firsts()) == [0, 1040]


def test_a_plan_of_a_file_is_told_by_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(PLAN | {"seed": [1, 1]}))
    with pytest.raises(UserError, match=f"^{path}: two runs would be called"):
        sweep.sweep(path, tmp_path / "store")
    path.write_text(json.dumps(PLAN | {"policy": "no-decre"}))
    with pytest.raises(UserError, match=f'^{path}, run ".*no-decre'):
        sweep.sweep(path, tmp_path / "store")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drawz": 3}, 'unknown key. Did you mean "draws"'),
        ({"draws": 0}, "draws"),
        ({"seed": []}, "seed"),
        ({"seed": [1, 1]}, "two runs would be called"),
        ({"scenario": ["a/toy.yaml", "b/toy.yaml"]}, "two runs would be called"),
        ({"policy": "no-decre"}, "no-decre"),
        ({"structures": "contagion=quadratic"}, "contagion="),
        (
            {"set": {"right": [], "wrong": ["north.levers.nothing=1"]}},
            'plan, run "wrong.seed-1": --set north.levers.nothing=1: there is no',
        ),
        ({"dt": 0.3}, "1 over a whole number"),
        ({"keep": "kiled"}, 'Did you mean "killed"'),
    ],
)
def test_a_wrong_plan_is_told_before_anything_is_computed(tmp_path, changes, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        sweep.sweep(PLAN | changes, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_plan_that_names_no_continuation_takes_the_scenario_s_own(tmp_path):
    text = (library() / "scenarios" / "toy.yaml").read_text()
    assert "continuation: goes-on" in text
    (tmp_path / "talks.yaml").write_text(text.replace("continuation: goes-on", "continuation: ceasefire"))
    runs = sweep.runs_of(plan_of(scenario=["toy", str(tmp_path / "talks.yaml")], set={"as-given": []}, seed=1))
    assert [run.continuation for run in runs] == ["goes-on", "ceasefire"]
    assert [run.continuation for run in sweep.runs_of(plan_of(continuation="escalates"))] == ["escalates"] * 4


def test_a_table_of_regions_that_changed_is_another_sweep(tmp_path):
    table = tmp_path / "north.csv"
    table.write_text((library() / "regions" / "toy-north.csv").read_text())
    text = (library() / "scenarios" / "toy.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("regions: toy-north", f"regions: {table}"))
    known = plan_of(scenario=str(tmp_path / "mine.yaml"), resolution="regional")
    sweep.begin(tmp_path / "store", sweep.described(known, sweep.runs_of(known)))
    heading, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([heading, *reversed([first, *rest])]) + "\n")
    sweep.experiment_but_seed.cache_clear()
    with pytest.raises(UserError, match='other "texts"'):
        sweep.begin(tmp_path / "store", sweep.described(known, sweep.runs_of(known)))


def test_another_sweep_and_other_files_are_left_alone(tmp_path):
    known = plan_of()
    about = sweep.described(known, sweep.runs_of(known))
    sweep.begin(tmp_path / "store", about)
    sweep.begin(tmp_path / "store", about)
    other = plan_of(draws=1_251)
    with pytest.raises(UserError, match='other "draws"'):
        sweep.begin(tmp_path / "store", sweep.described(other, sweep.runs_of(other)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="holds no sweep"):
        sweep.begin(tmp_path / "mine", about)


@pytest.mark.parametrize("words", [("--part", "3/2"), ("--part", "x"), ("--part", "0/1"), ("--workers", "0")])
def test_wrong_options_are_told(tmp_path, capsys, words):
    (tmp_path / "plan.yaml").write_text("scenario: toy\n")
    assert cli.status(["sweep", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "store"), *words]) == 2
    assert capsys.readouterr().err.startswith("muster: ")
    assert not (tmp_path / "store").exists()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the plan."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "plan.yaml").write_text(json.dumps(PLAN))
    return folder


def swept(place, store, *words):
    """The command, run to its end."""
    return subprocess.run([MUSTER, "sweep", "plan.yaml", "--out", store, *words], cwd=place, capture_output=True, text=True, check=False)


def digests(store):
    """What a sweep leaves, without the manifests, which tell how long it took."""
    return {str(path.relative_to(store)): digest(path) for path in kept(store)}


def digest(path):
    """A hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same(one, other):
    """Fails where two sweeps did not leave the same bytes, and tells which numbers differ."""
    first, second = digests(one), digests(other)
    assert first.keys() == second.keys()
    assert [line for name in first if first[name] != second[name] for line in differing(one / name, other / name)] == []


def differing(one, other):
    """What differs between two files: of results.nc the numbers, or the pieces that hold the same numbers in other bytes."""
    if one.suffix != ".nc":
        return [f"{one.name}: other bytes"]
    found = []
    with h5py.File(one) as first, h5py.File(other) as second:
        for name in series_of(first):
            a, b = first[name], second[name]
            unlike = np.argwhere(~np.isclose(a[()], b[()], rtol=0, atol=0, equal_nan=True))
            if len(unlike):
                place = tuple(map(int, unlike[0]))
                found.append(f"{name}: {len(unlike)} of {a.size} numbers, at {place} {a[place]!r} and {b[place]!r}")
            count = a.id.get_num_chunks() if a.chunks and not len(unlike) else 0  # coordinates lie in one
            pieces = [a.id.get_chunk_info(piece).chunk_offset for piece in range(count)]
            packed = [place for place in pieces if a.id.read_direct_chunk(place) != b.id.read_direct_chunk(place)]
            found += [f"{name}: the same numbers in other bytes at {place}" for place in packed]
    return found[:20] or [f"{one.name}: other bytes between the numbers"]


def series_of(file):
    """The paths of a file's numbers."""
    paths = []
    file.visititems(lambda path, held: paths.append(path) if isinstance(held, h5py.Dataset) and held.dtype.kind == "f" else None)
    return paths


def test_what_differs_between_two_files_is_told(tmp_path):
    def written(name, change=0.0, level=1, about=""):
        with h5py.File(tmp_path / name, "w") as file:
            numbers = np.random.default_rng(1).normal(size=(4, 6)).astype("f4")
            numbers[0, 0] = np.nan
            numbers[2, 5] += change
            file.create_dataset("quantile", data=[0.05, 0.95])
            file.create_dataset("side/killed", data=numbers.round(1), chunks=(4, 3), compression="gzip", compression_opts=level)
            file.attrs["about"] = about
        return tmp_path / name

    one = written("one.nc")
    (told,) = differing(one, written("changed.nc", change=1))
    assert told.startswith("side/killed: 1 of 24 numbers, at (2, 5) ")
    assert differing(one, written("packed.nc", level=9))[0] == "side/killed: the same numbers in other bytes at (0, 0)"
    assert differing(one, written("told.nc", about="more")) == ["one.nc: other bytes between the numbers"]


def kept(store):
    """The files of a sweep but its manifests."""
    return sorted(path for path in store.rglob("*") if path.is_file() and path.name != output.MANIFEST)


@pytest.fixture(scope="module")
def whole(place):
    """The sweep, never stopped."""
    done = swept(place, "whole")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return place / "whole"


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_chunk_is_read_as_it_was_kept(tmp_path, order):
    frame = output.frame_of(build("toy"))
    sizes = {name: array.shape[1:] for name, array in output.all_series(frame).items()}
    normal = np.random.default_rng(1).normal
    given = [{name: np.asarray(normal(size=(*size, count)), np.float32, order=order) for name, size in sizes.items()} for count in (104, 3)]
    path = chunks.path_of(tmp_path, 1040)
    chunks.kept(path, 1.5, given)
    seconds, held = chunks.mapped(path, frame)
    assert seconds == 1.5
    for block, again in zip(given, held, strict=True):
        assert set(block) == set(again)
        for name, values in block.items():
            np.testing.assert_array_equal(again[name], values)


@pytest.mark.slow
def test_a_run_of_one_chunk_is_the_run_alone(place):
    (place / "short.yaml").write_text(json.dumps(PLAN | {"draws": 300, "seed": 2, "set": {"as-given": []}}))
    subprocess.run([MUSTER, "sweep", "short.yaml", "--out", "short"], cwd=place, check=True, capture_output=True)
    subprocess.run([MUSTER, "run", "toy", "--draws", "300", "--seed", "2", "--out", "one"], cwd=place, check=True, capture_output=True)
    assert digest(place / "one" / "results.nc") == digest(place / "short" / "run" / "results.nc")


@pytest.mark.slow
def test_a_run_of_a_sweep_is_the_run_alone(place, whole):
    words = ["run", "toy", "--draws", "1250", "--seed", "2", "--set", "north.levers.course_length=12 weeks", "--out", "alone"]
    subprocess.run([MUSTER, *words], cwd=place, check=True, capture_output=True)
    assert digest(place / "alone" / "results.nc") == digest(whole / "longer-course.seed-2" / "results.nc")


@pytest.mark.slow
def test_the_table_has_every_run(whole):
    with (whole / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["run"] for row in rows)) == names()
    again = sweep.Sweep(whole, sweep.runs_of(plan_of())).rows()
    assert again == rows
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)
    assert not list(whole.rglob("*.chunk"))


@pytest.mark.slow
def test_parts_make_the_same_as_the_whole(place, whole):
    first = swept(place, "parts", "--part", "1/2", "--json")
    assert json.loads(first.stdout)["whole"] == ["as-given.seed-1", "longer-course.seed-1"]
    assert json.loads(first.stdout)["table"] is None
    swept(place, "parts", "--part", "2/2", "--workers", "1")
    same(place / "parts", whole)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(place, whole, sign):
    store = place / f"killed-{sign.name}"
    killed = 0
    for enough in (1, 3, 6):
        with subprocess.Popen([MUSTER, "sweep", "plan.yaml", "--out", store], cwd=place, stderr=subprocess.PIPE, text=True) as child:
            while child.poll() is None and done_chunks(store) < enough:
                time.sleep(0.02)
            if child.poll() is None:
                os.kill(child.pid, sign)
            said = child.stderr.read()
        if child.returncode:
            killed += 1
            assert child.returncode == (-signal.SIGKILL if sign == signal.SIGKILL else 130)
            assert "Traceback" not in said
    assert killed >= 2
    assert no_workers_left(store)
    done = swept(place, store)
    assert (done.returncode, done.stderr) == (0, "")
    same(store, whole)


@pytest.mark.parametrize("after", [0.5, 0.9, 1.8])
def test_ctrl_c_before_the_first_chunk_says_one_thing(place, after):
    words = [MUSTER, "sweep", "plan.yaml", "--out", place / f"early-{after}"]
    with subprocess.Popen(words, cwd=place, stderr=subprocess.PIPE, text=True, start_new_session=True) as child:
        time.sleep(after)
        while child.poll() is None:  # a package that is being imported may swallow it
            os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to those that are just being born too
            with suppress(subprocess.TimeoutExpired):
                child.wait(5)
        said = child.stderr.read()
    assert child.returncode == 130
    assert said.endswith("muster: stopped.\n")
    assert "Traceback" not in said


def test_workers_are_born_where_temporary_files_lie_too_deep_for_a_socket(place, tmp_path):
    deep = tmp_path / "-".join(["deep"] * 25)
    deep.mkdir()
    (place / "short.yaml").write_text(json.dumps({"scenario": "toy", "draws": 2}))
    words = [MUSTER, "sweep", "short.yaml", "--out", place / "deep"]
    done = subprocess.run(words, cwd=place, env={**os.environ, "TMPDIR": str(deep)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def done_chunks(store):
    """Chunks that are there, those of whole runs among them."""
    whole_runs = len(list(store.glob(f"*/{output.MANIFEST}"))) if store.exists() else 0
    return 2 * whole_runs + len(list(store.glob("*/*.chunk")))


def no_workers_left(store):
    """Whether what was killed leaves no process that goes on writing: nothing changes any more."""
    time.sleep(2)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    time.sleep(3)
    return before == {path: path.stat().st_mtime_ns for path in store.rglob("*")}


def test_a_file_that_leaves_the_memory_is_on_the_disk_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "results.nc"
    path.write_bytes(bytes(range(256)) * 4096)
    sweep.let_go([path])
    os.sync()
    sweep.let_go([path])
    assert path.read_bytes() == bytes(range(256)) * 4096
    sweep.let_go([tmp_path / "moved.nc", path])  # a sweep does not end for a file that somebody has moved
    monkeypatch.delattr(os, "posix_fadvise")
    sweep.let_go([path])  # where a system does not know the wish, nothing is asked


def test_the_results_that_a_worker_wrote_last_leave_its_memory(tmp_path, monkeypatch):
    gone, known = [], plan_of(seed=list(range(3)), set={"as-given": []}, draws=2)
    monkeypatch.setattr(sweep, "just_written", deque(maxlen=sweep.LETTING_GO))
    monkeypatch.setattr(sweep, "let_go", lambda paths: gone.append([path.parent.name for path in paths]))
    for run in sweep.runs_of(known):
        sweep.compute(run, 0, tmp_path / run.name)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(5)
    assert gone == [["seed-0"], ["seed-0", "seed-1"], ["seed-1", "seed-2"]]


def test_workers_can_be_born_of_the_process_that_reads_the_library_for_them():
    """A process that computes already, or in which others work, cannot be doubled safely."""
    asked = "import threading, muster.inherited as _; from muster import posterior, reading; "
    told = "print(reading.registry.cache_info().currsize, posterior.load.cache_info().currsize, threading.active_count(), {})"
    begun = "__import__('jax')._src.xla_bridge.backends_are_initialized()"
    done = subprocess.run([sys.executable, "-c", asked + told.format(begun)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1", "False"]


def test_runs_that_differ_by_their_seed_are_read_once(monkeypatch):
    built = []
    monkeypatch.setattr(sweep, "build", lambda *given: built.append(given) or build("toy", draws=3))
    sweep.experiment_but_seed.cache_clear()
    assert [sweep.experiment_of(run).seed for run in sweep.runs_of(plan_of(seed=[4, 5, 6], set={"as-given": []}, draws=3))] == [4, 5, 6]
    sweep.experiment_but_seed.cache_clear()
    assert len(built) == 1


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes on this machine."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as made:
        yield made


@pytest.mark.slow
def test_workers_of_a_scheduler_leave_the_same_bytes(tmp_path, cluster):
    plan = {"scenario": "toy", "seed": [1, 2], "draws": 1_250}
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    words = ["sweep", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "far"), "--scheduler", cluster.scheduler_address]
    assert cli.status(words) == 0
    sweep.sweep(plan, tmp_path / "near")
    same(tmp_path / "far", tmp_path / "near")
    assert cli.status(words) == 0  # nothing is left to do


@pytest.mark.slow
def test_a_worker_with_another_muster_computes_nothing(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(output, "library_sha256", lambda: "0" * 64)
    with pytest.raises(UserError, match="has another version of Muster"):
        sweep.sweep({"scenario": "toy", "draws": 10}, tmp_path / "store", scheduler=cluster.scheduler_address)
    assert not (tmp_path / "store" / "run" / "results.nc").exists()


def test_a_scheduler_without_its_package_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match="pip install distributed"):
        sweep.sweep({"scenario": "toy", "draws": 10}, tmp_path / "store", scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ANSWERS", 0.5)
    with pytest.raises(UserError, match="no scheduler of Dask answers there"):
        sweep.sweep({"scenario": "toy", "draws": 10}, tmp_path / "store", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(UserError, match="either workers of this machine or a scheduler"):
        sweep.sweep({"scenario": "toy", "draws": 10}, tmp_path / "store", workers=2, scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(("changes", "message"), [({"version": "0"}, "another version"), ({"scenario_sha256": "0"}, "other files of run")])
def test_a_worker_elsewhere_wants_the_same_files(tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr(sweep, "one_device", lambda: None)  # this process keeps its devices
    known = sweep.checked(sweep.Plan, {"scenario": "toy", "draws": 10}, "plan")
    (run,) = sweep.runs_of(known)
    about = sweep.described(known, (run,))
    expected = {key: about[key] for key in ("version", "library_sha256")} | about["texts"][sweep.key_of(run)]
    with pytest.raises(UserError, match="does not see"):
        sweep.elsewhere(expected, sweep.compute, run, 0, tmp_path / "store" / run.name)
    sweep.begin(tmp_path / "store", about)
    with pytest.raises(UserError, match=message):
        sweep.elsewhere(expected | changes, sweep.compute, run, 0, tmp_path / "store" / run.name)


def test_a_worker_elsewhere_tells_which_files_it_does_not_find(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "one_device", lambda: None)
    known = sweep.checked(sweep.Plan, {"scenario": "toy", "draws": 10}, "plan")
    (there,) = sweep.runs_of(known)
    about, run = sweep.described(known, (there,)), replace(there, scenario=str(tmp_path / "my-war.yaml"))
    sweep.begin(tmp_path / "store", about)
    with pytest.raises(UserError, match=r"the worker on .* cannot read the files of run: .*my-war.yaml does not exist"):
        sweep.elsewhere(about | {"scenario_sha256": ""}, sweep.compute, run, 0, tmp_path / "store" / run.name)


def test_a_worker_elsewhere_reads_a_file_that_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "one_device", lambda: None)
    mine = tmp_path / "mine.yaml"
    mine.write_text((library() / "scenarios" / "toy.yaml").read_text())
    known = sweep.checked(sweep.Plan, {"scenario": str(mine), "draws": 10}, "plan")
    (run,) = sweep.runs_of(known)
    sweep.experiment_of(run)
    mine.write_text(mine.read_text().replace("a short war", "a war of mine"))
    assert sweep.experiment_of(run).sha256 != build(str(mine), draws=10).sha256
    expected = sweep.described(known, (run,)) | {"scenario_sha256": build(str(mine), draws=10).sha256}
    sweep.begin(tmp_path / "store", expected)
    done = []
    sweep.elsewhere(expected, lambda run, *_: done.append(sweep.experiment_of(run).sha256), run, 0, tmp_path / "store" / run.name)
    assert done == [expected["scenario_sha256"]]
