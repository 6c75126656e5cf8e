"""Options of the command line that are refused before anything is computed."""

import os
import shutil

import pytest

from muster import cli
from muster.evidence import library

WAR = "russia-ukraine-2022"


@pytest.fixture(autouse=True)
def nothing_computed(monkeypatch, tmp_path):
    """Whatever computes is our fault here."""

    def never(*_, **__):
        raise AssertionError("this should have been refused before")

    monkeypatch.chdir(tmp_path)
    for name in ("assess.assess", "compare.plan", "calibration.calibrate", "score.score"):
        monkeypatch.setattr(f"muster.{name}", never)


def refused(capsys, *arguments):
    """The one sentence with which a command line is refused."""
    assert cli.status(list(arguments)) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert told.out == ""
    return told.err


@pytest.mark.parametrize("command", [("assess", "toy"), ("compare", "toy", "no-decree")])
@pytest.mark.parametrize("draws", ["0", "100001"])
def test_draws_beyond_what_the_help_says_are_refused(capsys, command, draws):
    assert f"--draws {draws}: 1 to 100,000 were expected" in refused(capsys, *command, "--draws", draws)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--draws", "many", "a whole number"),
        ("--draws", "3.5", "a whole number"),
        ("--seed", "-1", "at least 0"),
        ("--seed", "9" * 20, f"at most {2**63 - 1}"),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_what_was_expected(capsys, option, value, expected):
    assert refused(capsys, "assess", "toy", option, value) == f"muster: {option} {value}: {expected} was expected.\n"


def test_figures_that_are_no_file_are_refused_as_a_csv_file(tmp_path, capsys):
    for place, found in ((tmp_path, "folder"), (tmp_path / "none.csv", "does not exist")):
        told = refused(capsys, "assess", "toy", "--observe", str(place))
        assert f"--observe {place}: a CSV file" in told
        assert found in told


@pytest.mark.parametrize(
    ("name", "word"),
    [("folder", "a file was expected, this is a folder"), ("file/posterior.nc", "a folder was expected"), ("x.json", "such as .nc")],
)
def test_a_posterior_that_has_no_place_is_refused(tmp_path, capsys, name, word):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    told = refused(capsys, "calibrate", WAR, "--out", name)
    assert f"--out {name}: " in told
    assert word in told


def test_a_posterior_where_nothing_may_be_written_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "--out new/posterior.nc: cannot be written (Permission denied)" in refused(capsys, "calibrate", WAR, "--out", "new/posterior.nc")


def test_calibrate_takes_the_path_of_a_scenario(tmp_path, capsys):
    shutil.copy(library() / "scenarios" / f"{WAR}.yaml", tmp_path / "mine.yaml")
    assert "--until 2022-03-03: at least half a year" in refused(capsys, "calibrate", "./mine.yaml", "--until", "2022-03-03")


@pytest.mark.parametrize(
    ("day", "word"),
    [
        ("foo", "a date like"),
        ("", "a date like"),
        ("1990-01-01", "at least half a year after the start"),
        ("2025-07-01", "2025-06-30"),
        ("2030-01-01", "up to the last observation"),
    ],
)
def test_an_origin_from_which_nothing_can_be_forecast_is_refused_before_any_fit(capsys, day, word):
    told = refused(capsys, "score", WAR, "--origin", "2024-06-30", "--origin", day)
    assert "--origin" in told
    assert "--until" not in told
    assert word in told
