"""Outside sets: the register, the way from the published files to the repaired table, and fetching over a local server."""

import csv
import functools
import hashlib
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

from muster import data
from muster.errors import UserError


def outside(name="cdb90"):
    """A folder of outside data; where it is missing the test is skipped, and with CI=true fails."""
    path = data.folder() / name
    if not path.is_dir():
        reason = f"the data set {name} is not there; name its folder in MUSTER_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def numbered(rows):
    return {row["isqno"]: row for row in rows}


@pytest.fixture(scope="module")
def built():
    return data.repaired(outside() / "upstream")


@pytest.fixture
def server(tmp_path):
    """A server of a folder on the loopback; ends with the test."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{found.server_address[1]}/"
    found.shutdown()
    found.server_close()
    thread.join(timeout=10)


def publish(source, target):
    """The published files in a folder, and their checksums."""
    shutil.copytree(source / "upstream", target, dirs_exist_ok=True)
    paths = list(target.rglob("*.csv"))
    return {path.relative_to(target).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_built_table_is_the_repaired_table(built):
    with (outside() / "battles_wide.csv").open(encoding="utf-8", newline="") as lines:
        expected = list(csv.DictReader(lines))
    assert len(built) == len(expected) == 470
    assert set(built[0]) == set(expected[0])
    for name in data.COLUMNS:
        assert [row[name] for row in built] == [row[name] for row in expected], name


def test_minus_signs_are_back(built):
    """The source's tidy table blanks every negative value: all attackers' defeats are lost in it."""
    tidy = data.table(outside() / "upstream/data/battles.csv")
    assert sum(row["wina"] == "-1" for row in tidy) == 0
    assert sum(row["wina"] == "-1" for row in built) == 160
    for name in ("surpa", "aeroa", "cea", "leada", "kmda"):
        assert any(row[name].startswith("-") for row in built), name
        assert not any(row[name] in ("-9", "9", "-9999", "-9999.0") for row in built), name
    assert all(row["crit"] in ("", "1", "2") for row in built)
    assert all(row["ach_att"] != "0" and row["ach_def"] != "0" for row in built)


def test_parts_name_their_battle(built):
    rows = numbered(built)
    parts = [row for row in built if row["parent"]]
    assert len(parts) == 25
    assert len({row["parent"] for row in parts}) == 12
    assert all(row["parent"] in rows for row in parts)


def test_register_names_what_the_folder_holds():
    outside()
    assert [name for name in data.register() if data.missing(name)] == []
    assert {entry.folder for entry in data.register().values()} == {path.name for path in data.folder().iterdir() if path.is_dir()}


def test_checksums_are_those_that_were_published():
    published = (outside() / "upstream/SHA256.tsv").read_text().splitlines()[1:]
    expected = {row.split("\t")[0]: row.split("\t")[2] for row in published}
    assert data.entry("battles").download.sha256 == expected


def test_fetch_downloads_checks_and_builds(tmp_path, server, monkeypatch):
    source = outside()
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path / "empty"))
    folder, address = server
    entry = data.entry("battles")
    given = entry.model_copy(update={"download": data.Download(address=address, sha256=publish(source, folder))})
    monkeypatch.setattr(data, "register", lambda: {"battles": given})
    path = data.fetch("battles", tmp_path / "out")
    assert path.read_bytes() == (source / "battles_wide.csv").read_bytes()
    assert data.fetch("battles", tmp_path / "out", address=address) == path  # a second time: nothing to do
    path.write_text("mine")
    with pytest.raises(UserError, match="--force"):
        data.fetch("battles", tmp_path / "out")
    assert path.read_text() == "mine"
    assert data.fetch("battles", tmp_path / "out", force=True).read_bytes() == (source / "battles_wide.csv").read_bytes()


def test_a_file_that_was_changed_is_refused(tmp_path, server, monkeypatch):
    folder, address = server
    source = outside()
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path / "empty"))
    publish(source, folder)  # cut to the visible battles: not the published whole
    with pytest.raises(UserError, match="SHA-256"):
        data.fetch("battles", tmp_path / "out", address=address)
    assert not (tmp_path / "out" / "battles_wide.csv").exists()


def test_a_missing_file_and_a_closed_network_are_told_in_one_sentence(tmp_path, server, monkeypatch):
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="answered 404"):
        data.fetch("battles", tmp_path / "out", address=server[1])
    with pytest.raises(UserError, match="cannot be reached"):
        data.fetch("battles", tmp_path / "out", address="http://127.0.0.1:9/")
    assert not (tmp_path / "out" / "battles_wide.csv").exists()


def test_other_sets_are_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path))
    for name, entry in data.register().items():
        if entry.download is None:
            with pytest.raises(UserError, match=r"published by .*terms: .* MUSTER_DATA"):
                data.fetch(name)
    with pytest.raises(UserError, match='Did you mean "oryx"'):
        data.fetch("oryxx")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    outside()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="--out"):
        data.fetch("battles", tmp_path / "file" / "below")


def test_list_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path))
    rows = data.listed()
    assert not any(row["there"] for row in rows)
    folder = tmp_path / data.entry("warspotting").folder
    folder.mkdir()
    (folder / "weekly_losses.csv").write_text("week_start,losses\n")
    assert [row["name"] for row in data.listed() if row["there"]] == ["warspotting"]
    assert Path(data.file("warspotting", "weekly_losses.csv")).is_file()
    with pytest.raises(UserError, match="muster data fetch battles"):
        data.file("battles", "battles_wide.csv")
