"""The command line as a user meets it: exit statuses, messages, files."""

import json
import subprocess
import sys

import pytest


def muster(*args, cwd):
    command = [sys.executable, "-c", "from muster.cli import main; main()", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=280)


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("run", "toi"), "toy"),
        (("run", "toy", "--draws", "0"), "draws"),
        (("run", "toy", "--set", "north.levers.pey=2"), "pay"),
        (("run", "toy", "--policy", "no-decre"), "no-decree"),
        (("run", "toy", "--continuation", "later"), "goes-on"),
        (("assess", "--structures", "some"), "default"),
        (("assess", "--claims", "meat"), "meat-grinder"),
        (("runn",), "run"),
        (("run", "toy", "--drows", "3"), "draws"),
    ],
)
def test_a_wrong_input_gets_one_sentence_and_status_2_and_writes_nothing(tmp_path, args, word):
    done = muster(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    done = muster("run", "toy", "--draws", "1", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_cite_prints_the_bibliography(tmp_path):
    done = muster("cite", "toy", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"muster-prior", "muster-prototype"} <= {row["key"] for row in json.loads(done.stdout)}
