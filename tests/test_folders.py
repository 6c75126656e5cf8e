"""Folders of runs: what was loaded is told and saved again, and a run removes what an earlier one left, but nothing else."""

import json

import pytest

from muster.errors import UserError
from muster.results import load
from muster.simulate import simulate


@pytest.fixture(scope="module")
def made():
    """Two draws of the toy war by region."""
    return simulate("toy", draws=2, resolution="regional")


def test_loaded_results_tell_the_same_manifest(made, tmp_path):
    made.save(tmp_path)
    loaded = load(tmp_path).manifest()
    assert json.loads(json.dumps(loaded)) == made.manifest() | {"wall_time_seconds": 0.0}


def test_results_that_hold_every_draw_can_be_saved_again(made, tmp_path):
    made.save(tmp_path / "first", keep="all")
    load(tmp_path / "first").save(tmp_path / "second", keep="all")
    first, second = (load(tmp_path / name).tree.load() for name in ("first", "second"))
    assert first.identical(second)
    assert "north/by_region/dead" in load(tmp_path / "second").paths()


def test_results_that_hold_summaries_are_refused_in_one_sentence(made, tmp_path):
    made.save(tmp_path / "first")
    with pytest.raises(UserError, match=r"^[^.]*quantiles and means[^.]*--keep all\.$"):
        load(tmp_path / "first").save(tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_a_run_removes_every_file_of_which_the_earlier_manifest_speaks(made, tmp_path):
    made.save(tmp_path, texts={"compare.json": "{}", "compare.csv": "a"})
    (tmp_path / "mine.txt").write_text("mine")
    made.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.nc", "manifest.json", "mine.txt"}


@pytest.mark.parametrize("named", ["../outside.txt", "below/inside.txt", "..", "", 3, None])
def test_what_a_manifest_names_by_a_path_or_not_at_all_stays(made, tmp_path, named):
    folder = tmp_path / "out"
    made.save(folder)
    (folder / "below").mkdir()
    beyond = [tmp_path / "outside.txt", folder / "below" / "inside.txt"]
    for path in beyond:
        path.write_text("mine")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": [named]}))
    made.save(folder)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": named}))
    made.save(folder)
    assert all(path.read_text() == "mine" for path in beyond)
