"""The command line from inside: what is imported when, how a run stops, and what is shown."""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

import muster
from muster import cli, output, results, simulate
from muster.cli import terminal
from muster.experiment import build
from muster.simulate import ensemble

DRAWS = 4


@pytest.fixture
def interrupt_after(monkeypatch):
    """interrupt_after(seconds): Ctrl-C in a while, heard as the command hears it."""
    monkeypatch.setattr(sys, "unraisablehook", cli.said_again)
    return lambda seconds: threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_that_python_lost_comes_again(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "__unraisablehook__", told.append)
    other = SimpleNamespace(exc_type=ValueError)
    cli.said_again(other)
    assert told == [other]
    cli.said_again(SimpleNamespace(exc_type=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    assert told == [other]


def test_ctrl_c_waits_until_an_import_is_over(monkeypatch, tmp_path):
    sent = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.1)\nwhole = True\n"
    (tmp_path / "that_stops_itself.py").write_text(sent)
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, cli.stop)
    try:
        importlib.import_module("that_stops_itself")
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sys.modules.pop("that_stops_itself").whole


@pytest.fixture(scope="module")
def simulated():
    """The scenario toy, simulated."""
    return ensemble(build("toy", draws=DRAWS))


@pytest.fixture
def simulating(simulated, monkeypatch, tmp_path):
    """simulating(then): `muster run` gives the draws of the scenario toy in one block, then calls `then`."""
    monkeypatch.chdir(tmp_path)

    def give(then):
        def blocks(_experiment, _progress):
            yield [output.block_of_tree(simulated.tree)]
            then()

        monkeypatch.setattr(simulate, "blocks", blocks)

    return give


def test_help_and_version_import_nothing_slow():
    slow = "{'jax', 'xarray', 'numpy', 'scipy', 'pint', 'pydantic', 'h5py'}"
    code = f"import sys; from muster.cli import status; assert status(sys.argv[1:]) == 0; assert not {slow} & set(sys.modules)"
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "muster" in done.stdout.lower()


def test_without_a_command_muster_explains_itself(capsys):
    assert cli.status([]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("run", "assess", "cite"))


@pytest.mark.parametrize("first", ["import muster", "from muster.simulate import ensemble", "from muster import simulate"])
def test_public_functions_are_callable_whatever_was_imported_first(first):
    code = f"{first}; import muster; assert callable(muster.simulate) and callable(muster.assess); muster.simulate.ensemble"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_public_names_exist():
    assert all(getattr(muster, name) is not None for name in muster.__all__)
    assert set(muster.__all__) <= set(dir(muster))
    with pytest.raises(AttributeError):
        muster.nothing_of_the_kind  # noqa: B018


def test_calling_the_module_is_calling_its_function(simulated):
    again = muster.simulate("toy", draws=DRAWS)
    assert again.tree.identical(simulated.tree)


def test_run_writes_what_the_simulation_gives_and_shows_both_sides(simulated, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.status(["run", "toy", "--draws", str(DRAWS), "--keep", "all"]) == 0
    shown = capsys.readouterr()
    kept = results.load("muster-run-toy")
    assert kept.paths() == simulated.paths()
    assert all(output.series_of(kept.tree, path).identical(output.series_of(simulated.tree, path)) for path in kept.paths())
    assert all(word in shown.out for word in ("North", "South", "in theatre", "approval", "results.nc", "manifest.json"))
    assert shown.err == ""


def test_json_is_all_there_is_on_stdout(simulating, simulated, capsys):
    simulating(lambda: None)
    assert cli.status(["run", "toy", "--draws", str(DRAWS), "--json", "--out", "out"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [os.path.join("out", "results.nc"), os.path.join("out", "manifest.json")]
    assert {row["name"] for row in told["headlines"]} == {item.name for item in results.HEADLINES}
    assert told["headlines"] == results.headline_table(simulated)
    rows = [row for row in told["headlines"] if row["side"] == "north" and row["name"] == "killed"]
    assert [row["date"] for row in rows] == ["2000-06-30", "2000-12-31", "2001-06-30", "2001-12-31"]
    assert rows[1]["median"] == pytest.approx(
        float(sorted_middle(simulated.total("north/front/killed", "2000-01-06", "2001-01-01"))) / 1000
    )
    assert all(row["low"] <= row["median"] <= row["high"] for row in told["headlines"])


def sorted_middle(values):
    """The median of an even number of values."""
    ranked = sorted(values)
    return (ranked[len(ranked) // 2 - 1] + ranked[len(ranked) // 2]) / 2


def test_ctrl_c_before_the_first_draws_leaves_nothing(interrupt_after, simulating, monkeypatch, tmp_path, capsys):
    def never(_experiment, _progress):
        time.sleep(20)
        yield None

    simulating(lambda: None)
    monkeypatch.setattr(simulate, "blocks", never)
    interrupt_after(0.5)
    started = time.monotonic()
    assert cli.status(["run", "toy", "--draws", "9", "--out", "out"]) == 130
    assert time.monotonic() - started < 10
    assert capsys.readouterr().err == "muster: stopped.\n"
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_later_keeps_the_draws_that_are_done(interrupt_after, simulating, simulated, tmp_path, capsys):
    def then():
        interrupt_after(3)
        time.sleep(20)

    simulating(then)  # which is called once the first draws are taken
    assert cli.status(["run", "toy", "--draws", "9", "--out", "out", "--json"]) == 130
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"Stopping; keeping the {DRAWS} draws that are done.", "muster: stopped."]
    assert json.loads(shown.out)["draws"] == DRAWS
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["draws"], manifest["draws_asked"]) == (DRAWS, 9)
    path = "north/front/killed"
    assert results.load(tmp_path / "out").series(path).equals(simulated.series(path))


@pytest.mark.parametrize("debug", ["", "1"])
def test_our_fault_is_status_1_with_a_line_and_a_traceback_only_on_demand(simulating, monkeypatch, tmp_path, capsys, debug):
    def fail():
        raise RuntimeError("a wheel\nbroke")

    monkeypatch.setenv("MUSTER_DEBUG", debug)
    simulating(fail)
    assert cli.status(["run", "toy", "--draws", "9", "--out", "out"]) == 1
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("muster: sorry, this is our fault, not yours (RuntimeError: a wheel broke)")
    assert ("Traceback" in told) == (debug == "1")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "toy", "--dt", "0.3"], "--dt 0.3: 1 over a whole number"),
        (["run", "toy", "--keep", "strenght"], 'Did you mean "strength"?'),
        (["run", "toy", "--keep", ""], "--keep: headline, all, or names of series"),
        (["run", "toy", "--out", "file"], "a folder was expected"),
        (["run"], "Missing argument"),
        (["run", "toy", "--seed", "one"], "--seed"),
    ],
)
def test_wrong_input_is_one_sentence(simulating, tmp_path, capsys, arguments, words):
    simulating(lambda: None)
    (tmp_path / "file").write_text("mine")
    assert cli.status(arguments) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_pipe_that_closes_early_is_no_problem():
    code = "from muster.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "cite", "toy"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_background_gives_the_same_items_and_problems():
    assert list(terminal.in_background(iter(range(5)))) == list(range(5))

    def broken():
        yield 1
        raise ValueError("after one")

    items = terminal.in_background(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="after one"):
        next(items)


def test_background_computes_one_item_ahead_and_lets_none_wait():
    begun = []

    def items():
        for number in range(5):
            begun.append(number)
            yield number

    for number in terminal.in_background(items()):
        time.sleep(0.1)
        assert len(begun) <= number + 2


def test_what_is_done_meanwhile_does_not_wait_for_the_first_item():
    begun, done = threading.Event(), threading.Event()

    def items():
        begun.set()
        assert done.wait(5)
        yield 1

    def meanwhile():
        assert begun.wait(5)
        done.set()

    assert list(terminal.in_background(items(), meanwhile)) == [1]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1234.5, "1,234"), (12.3, "12"), (9.94, "9.9"), (0.31, "0.3"), (0.012, "0.01"), (-4.2, "-4.2"), (float("nan"), "-")],
)
def test_numbers_are_shown_short(number, text):
    assert terminal.short(number) == text


def test_progress_bar_is_silent_where_nobody_looks(capsys):
    with terminal.progress_bar("Simulating") as update:
        update("", 1, 2)
    assert capsys.readouterr().err == ""
