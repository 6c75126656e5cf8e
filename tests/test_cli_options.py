"""Options of the command line that are refused before anything is computed."""

import pytest

from muster import cli


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


def test_figures_that_are_no_file_are_refused_as_a_csv_file(tmp_path, capsys):
    for place, found in ((tmp_path, "folder"), (tmp_path / "none.csv", "does not exist")):
        told = refused(capsys, "assess", "toy", "--observe", str(place))
        assert f"--observe {place}: a CSV file" in told
        assert found in told
