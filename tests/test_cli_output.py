"""The command line and what it writes to: a closed, a full or a narrow stdout, and files that the system refuses."""

import datetime
import errno
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from muster import cli, output, results
from muster.cli.run import ARMY, COUNTRY, fitting
from muster.experiment import build
from muster.simulate import simulate

FULL = Path("/dev/full")


def muster(words, cwd, **environment):
    """What `muster WORDS`, with its redirections, leaves behind."""
    command = f'"$0" -c "from muster.cli import main; main()" {words}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=280
    )


@pytest.mark.parametrize("words", ["claims list >&-", "claims list >&- 2>&-", "run toy --draws 1 >&-"])
def test_a_closed_stdout_is_like_dev_null(tmp_path, words):
    done = muster(words, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "claims list", "claims schema"])
def test_a_full_stdout_is_told_in_one_sentence(tmp_path, words, unbuffered):
    done = muster(f"{words} >{FULL}", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert done.stderr.startswith("muster: what this command prints cannot be written to standard output (No space left on device)")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
def test_a_full_stdout_and_stderr_leave_the_exit_status(tmp_path):
    assert muster(f"claims list >{FULL} 2>&1", tmp_path).returncode == 2


def test_letters_that_stdout_has_not_are_replaced(tmp_path):
    done = muster("run toy --draws 1", tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert "North" in done.stdout
    assert "?" in done.stdout


def test_a_name_that_is_too_long_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "a" * 300
    assert cli.status(["run", "toy", "--draws", "1", "--out", name]) == 2
    told = capsys.readouterr().err
    assert name in told
    assert "File name too long" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_file_that_the_system_refuses_is_named(monkeypatch, capsys, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number), "kept/out")

    monkeypatch.setattr(output, "check_folder", refuse)
    assert cli.status(["run", "toy", "--draws", "1"]) == 2
    assert capsys.readouterr().err == f"muster: kept/out: cannot be read or written ({os.strerror(number)}).\n"


@pytest.mark.parametrize("problem", [OSError("a wheel broke"), OSError(errno.EBADF, "Bad file descriptor", "out")])
def test_another_problem_with_a_file_is_our_fault(monkeypatch, capsys, problem):
    def fail(*_):
        raise problem

    monkeypatch.setattr(output, "check_folder", fail)
    assert cli.status(["run", "toy", "--draws", "1"]) == 1
    assert "this is our fault" in capsys.readouterr().err


def test_square_brackets_of_a_users_text_are_letters(tmp_path, monkeypatch, capsys):
    """Titles, labels and paths hold them; no word vanishes, and none is taken for markup."""
    monkeypatch.chdir(tmp_path)
    assert cli.status(["new", "scenario", "my war [draft].yaml"]) == 0
    text = Path("my war [draft].yaml").read_text(encoding="utf-8")
    Path("my war [draft].yaml").write_text(re.sub(r"label: North", 'label: "North [/old]"', text), encoding="utf-8")
    assert cli.status(["run", "my war [draft].yaml", "--draws", "2", "--out", "out[red]x"]) == 0
    shown = capsys.readouterr().out
    assert "[/old]" in shown
    assert "out[red]x/results.nc" in shown
    assert Path("out[red]x/results.nc").exists()


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_no_number_of_a_table_is_cut(columns):
    """A terminal too narrow for bands beside medians has them under one another."""
    rows = [row for row in results.headline_table(simulate("toy", draws=8)) if row["side"] == "north"]
    page = Console(width=columns, file=io.StringIO(), markup=False)
    for names in (ARMY, COUNTRY):
        page.print(fitting(page, "Confederate States", rows, names, "2001-07-05"))
    shown = page.file.getvalue()
    assert "…" not in shown
    assert all(word in shown for word in ("in theatre", "deliveries", "2001-12"))


def test_a_war_without_a_half_year_is_told_at_its_end(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.status(["run", "toy", "--draws", "2", "--out", "whole", "--json"]) == 0
    days = {row["date"] for row in json.loads(capsys.readouterr().out)["headlines"]}
    assert max(days) == "2001-12-31"
    experiment = build("toy", draws=2)
    short = replace(experiment, steps=10, levers=experiment.levers)
    assert results.half_years(results.Results(output.frame_of(short))) == [datetime.date(2000, 3, 16)]
