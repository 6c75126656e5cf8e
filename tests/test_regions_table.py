"""Tables of regions: they sum to the national settings, neighbours are mutual and near, rights allow them, wrong files are refused."""

import csv
import importlib.util
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.errors import UserError
from muster.evidence import library, sources
from muster.reading import read_yaml
from muster.regions_table import COLUMNS, MEN, describe, read

ROOT = Path(__file__).resolve().parents[1]
REGIONS = library() / "regions"
TABLES = ("russia", "ukraine", "toy-north", "toy-south")
COUNTRIES = {"russia": 83, "ukraine": 27}
NUMBERS = "urban_share income nominal_income poverty_rate unemployment_rate titular_share core_share autonomy_event external_border".split()


@cache
def table(name):
    return read(REGIONS / f"{name}.csv")


@cache
def compile_regions():
    """tools/compile_regions.py as a module."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("compile_regions", ROOT / "tools" / "compile_regions.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def people_of_setting(name):
    """Men at home by band, women by band and others [person] of a national setting."""
    setting = read_yaml(library() / "settings" / f"{name}.yaml")
    men = np.array(setting["men"]["value"]).sum(axis=(0, 2, 3))
    return men, np.array(setting["women"]["value"][0]), setting["others"]["value"]


@pytest.mark.parametrize(("name", "count"), [*COUNTRIES.items(), ("toy-north", 5), ("toy-south", 5)])
def test_every_region_is_there_once_and_sorted(name, count):
    ids = table(name).ids
    assert len(ids) == len(set(ids)) == count
    assert list(ids) == sorted(ids)


@pytest.mark.parametrize("name", COUNTRIES)
def test_regions_sum_to_the_national_setting(name):
    """Women and others to the hundred; men less the standing force to the rounding of six cells a band."""
    shares = yaml.safe_load((ROOT / "tools" / "compile_settings.yaml").read_text(encoding="utf-8"))[name]
    men, women, others = people_of_setting(name)
    regions = table(name)
    standing = shares["standing_force"] * np.array(shares["standing_age"])
    np.testing.assert_allclose(regions.men.sum(axis=0) - standing, men, atol=6 * 50 + 50)
    np.testing.assert_array_equal(regions.women.sum(axis=0), women)
    assert regions.others.sum() == others


@pytest.mark.parametrize("name", ["toy-north", "toy-south"])
def test_toy_regions_sum_to_the_toy_setting(name):
    men, women, others = people_of_setting("toy")
    np.testing.assert_array_equal(table(name).men.sum(axis=0), men)
    np.testing.assert_array_equal(table(name).women.sum(axis=0), women)
    assert table(name).others.sum() == others


def test_both_sides_of_the_toy_war_have_the_same_numbers_and_regions_that_differ():
    north, south = table("toy-north"), table("toy-south")
    for name in ["men", "women", "others", "tiles", "neighbour_matrix", *NUMBERS]:
        np.testing.assert_array_equal(getattr(north, name), getattr(south, name))
    assert all(len(set(values)) > 2 for values in (north.income, north.poverty_rate, north.titular_share))
    assert not set(north.ids) & set(south.ids)


@pytest.mark.parametrize("name", TABLES)
def test_persons_are_in_hundreds_and_nobody_is_lost_to_a_gap(name):
    for persons in (table(name).men, table(name).women, table(name).others):
        assert np.isfinite(persons).all()
        assert not (persons % 100).any()


@pytest.mark.parametrize("name", ["russia", "toy-north"])
def test_relative_incomes_have_the_mean_one(name):
    regions = table(name)
    people = regions.men.sum(axis=1) + regions.women.sum(axis=1) + regions.others
    for column in (regions.income, regions.nominal_income):
        assert np.average(column, weights=people) == pytest.approx(1, abs=0.0005)


@pytest.mark.parametrize("name", TABLES)
def test_neighbours_are_mutual_and_their_matrix_is_normalised(name):
    regions = table(name)
    matrix = regions.neighbour_matrix
    touching = matrix > 0
    np.testing.assert_array_equal(touching, touching.T)
    assert not np.diag(matrix).any()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    at = {code: place for place, code in enumerate(regions.ids)}
    for code, named in zip(regions.ids, regions.neighbours, strict=True):
        assert {regions.ids[place] for place in np.flatnonzero(touching[at[code]])} == set(named)


@pytest.mark.parametrize("name", TABLES)
def test_every_region_can_be_reached_from_every_other(name):
    touching = table(name).neighbour_matrix > 0
    reached = np.linalg.matrix_power(np.eye(len(touching)) + touching / len(touching), len(touching))
    assert (reached > 0).all()


def test_neighbours_are_as_on_a_map():
    """Well-known borders, islands and enclaves, from an atlas and not from the tool's data."""
    of = {code: set(named) for name in COUNTRIES for code, named in zip(table(name).ids, table(name).neighbours, strict=True)}
    assert of["RU-AD"] == {"RU-KDA"}
    assert of["RU-KGD"] == {"RU-LEN"}
    assert of["RU-SAK"] == {"RU-KHA"}
    assert of["RU-MUR"] == {"RU-KR"}
    assert of["UA-43"] == {"UA-40", "UA-65"}
    assert of["UA-21"] == {"UA-26", "UA-46"}
    assert "RU-SA" in of["RU-KYA"]
    assert "UA-63" not in of["UA-18"]


@pytest.mark.parametrize("name", TABLES)
def test_tiles_are_unique_and_neighbours_nearer_than_others(name):
    regions = table(name)
    assert len({tuple(tile) for tile in regions.tiles}) == len(regions.ids)
    apart = np.hypot(*(regions.tiles[:, None] - regions.tiles[None]).transpose(2, 0, 1))
    touching = regions.neighbour_matrix > 0
    others = ~touching & ~np.eye(len(touching), dtype=bool)
    if name in COUNTRIES:
        assert apart[touching].mean() < 1.6
        assert apart[touching].mean() < apart[others].mean() / 3
        assert (apart[touching] < 1.5).mean() > 0.75  # neighbours that touch by a side or a corner
    else:
        assert apart[touching].mean() < apart[others].mean()


@pytest.mark.parametrize(
    ("name", "codes", "place"),
    [
        ("russia", ("RU-KGD", "RU-MOW", "RU-SVE", "RU-NVS", "RU-BU", "RU-KHA", "RU-SAK"), 1),
        ("russia", ("RU-MUR", "RU-LEN", "RU-TVE", "RU-MOS", "RU-TUL", "RU-LIP", "RU-VOR", "RU-ROS", "RU-KDA"), 0),
        ("ukraine", ("UA-07", "UA-18", "UA-32", "UA-74", "UA-59"), 1),
        ("ukraine", ("UA-30", "UA-71", "UA-35", "UA-48", "UA-43", "UA-40"), 0),
    ],
)
def test_tiles_keep_compass_directions(name, codes, place):
    """West to east in columns, north to south in rows."""
    regions = table(name)
    along = [regions.tiles[regions.ids.index(code)][place] for code in codes]
    assert along == sorted(along)
    assert len(set(along)) >= len(along) - 1


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_within_its_rights(name):
    described = describe(REGIONS / f"{name}.yaml")
    assert list(described.columns) == list(COLUMNS)
    for column, origin in described.columns.items():
        assert origin.rights in ("open", "official", "fact", "own")
        assert origin.grade in ("measured", "estimated", "assumed")
        if sources()[origin.source].read == "recalled":
            assert origin.grade == "assumed", f"{column} rests on memory"
        if name.startswith("toy"):
            assert (origin.source, origin.grade, origin.note) == ("muster-prior", "assumed", "invented")


def test_what_is_not_known_of_ukraine_is_empty_and_what_is_known_is_not():
    regions = table("ukraine")
    for column in (regions.income, regions.nominal_income, regions.poverty_rate, regions.unemployment_rate, regions.titular_share):
        assert np.isnan(column).all()
    occupied = np.isin(regions.ids, ["UA-40", "UA-43"])
    np.testing.assert_array_equal(regions.held_by_enemy[occupied], 1)
    assert not regions.men[occupied].any()
    assert (regions.men[~occupied] > 0).all()
    np.testing.assert_array_equal(np.isnan(regions.urban_share), occupied)


def test_area_held_before_the_war_is_that_of_the_setting():
    """About a third of Donetsk and Luhansk, nothing elsewhere but in Crimea and Sevastopol."""
    held = dict(zip(table("ukraine").ids, table("ukraine").held_by_enemy, strict=True))
    assert {code for code, share in held.items() if share > 0} == {"UA-09", "UA-14", "UA-40", "UA-43"}
    assert 0.28 < held["UA-09"] < 0.38
    assert 0.28 < held["UA-14"] < 0.38
    assert not table("russia").held_by_enemy.any()


def test_russia_has_no_gap_but_where_there_is_no_titular_people():
    regions = table("russia")
    titular = np.array([bool(people) for people in regions.titular_people])
    assert titular.sum() == 26  # 21 republics, 4 autonomous districts, the Jewish Autonomous Oblast
    np.testing.assert_array_equal(~np.isnan(regions.titular_share), titular)
    for name in set(NUMBERS) - {"titular_share"}:
        assert np.isfinite(getattr(regions, name)).all(), name


def test_arrays_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        table("russia").men[0, 0] = 1


def test_the_tool_makes_exactly_what_is_shipped():
    data = Path(os.environ.get("MUSTER_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "regions").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("the data of regions are not there; name their folder in MUSTER_DATA")
        pytest.skip("the data of regions are not there; name their folder in MUSTER_DATA")
    command = [sys.executable, "tools/compile_regions.py", "--data", str(data), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tool_says_where_data_are_missing(tmp_path):
    command = [sys.executable, "tools/compile_regions.py", "--data", str(tmp_path), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "MUSTER_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_descriptions_toy_tables_and_page_are_current_without_data():
    tool = compile_regions()
    for path, text in tool.made_here(tool.judged()).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current; run tools/compile_regions.py"


def test_rounding_keeps_the_sum():
    hundreds = compile_regions().hundreds
    rounded = hundreds({"a": 149.0, "b": 149.0, "c": 149.0, "d": 1000.0})
    assert sum(rounded.values()) == 1400
    assert rounded["d"] == 1000
    assert all(number % 100 == 0 for number in rounded.values())


def row_of(code, **changed):
    """A row that is right, with changes."""
    right = dict.fromkeys(COLUMNS, "")
    right.update({"id": code, "name": f"Region {code}", "row": "0", "column": code[-1], **dict.fromkeys(MEN, "1000")})
    return {**right, **changed}


def written(path, rows, columns=tuple(COLUMNS)):
    """A table as a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def pair(**changed):
    """Two neighbours, the second with changes."""
    return [row_of("A1", neighbours="A2"), row_of("A2", **{"neighbours": "A1", **changed})]


def test_a_table_of_ones_own_is_read_in_any_order_of_columns(tmp_path):
    alone = row_of("A3", urban_share="0.5", name="Ångström, west")
    path = written(tmp_path / "own.csv", [*pair(), alone], tuple(reversed(COLUMNS)))
    path.write_text("\ufeff" + path.read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    own = read(path)
    assert own.ids == ("A1", "A2", "A3")
    assert own.names[2] == "Ångström, west"
    np.testing.assert_array_equal(own.neighbour_matrix, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(own.urban_share, [np.nan, np.nan, 0.5])
    np.testing.assert_array_equal(own.tiles, [[0, 1], [0, 2], [0, 3]])
    assert np.isnan(own.women).all()


WRONG_CELLS = [
    ({"id": "A1"}, "line 3, column id: .*line 2 has it too"),
    ({"id": ""}, "line 3, column id: a word of letters"),
    ({"id": "A 2"}, "line 3, column id: a word of letters"),
    ({"name": ""}, "line 3, column name: a text of 1 to 80"),
    ({"name": "x" * 81}, "line 3, column name: a text of 1 to 80"),
    ({"name": "a\x07b"}, "line 3, column name: .*printable"),
    ({"row": ""}, "line 3, column row: a whole number from 0 to 99"),
    ({"row": "1.5"}, "line 3, column row: a whole number"),
    ({"column": "-1"}, "line 3, column column: a whole number"),
    ({"column": "1"}, "line 3, column row: a tile of its own .*A1 is on row 0, column 1"),
    ({"men_15_19": "-5"}, 'line 3, column men_15_19: a number from 0 to 10,000,000,000.*found "-5"'),
    ({"men_15_19": "many"}, 'line 3, column men_15_19: a number .*found "many"'),
    ({"men_15_19": "nan"}, "line 3, column men_15_19: a number"),
    ({"men_15_19": "1e400"}, "line 3, column men_15_19: a number"),
    ({"women_45_49": "1_000"}, "line 3, column women_45_49: a number"),
    ({"others": "1,5"}, "line 3, column others: a number"),
    ({"urban_share": "1.01"}, "line 3, column urban_share: a share from 0 to 1"),
    ({"held_by_enemy": "50"}, "line 3, column held_by_enemy: a share from 0 to 1"),
    ({"poverty_rate": "-0.1"}, "line 3, column poverty_rate: a share from 0 to 1"),
    ({"income": "0"}, "line 3, column income: a number above 0"),
    ({"autonomy_event": "2"}, "line 3, column autonomy_event: 0, 1"),
    ({"external_border": "yes"}, "line 3, column external_border: 0, 1"),
    ({"titular_share": "0.5"}, "line 3, column titular_share: nothing was expected where titular_people names nobody"),
    ({"neighbours": "A1 B1"}, 'line 3, column neighbours: there is no region "B1" in the table. Did you mean "A1"'),
    ({"neighbours": "A1 A2"}, "line 3, column neighbours: .*no region is its own neighbour"),
    ({"neighbours": "A1 A1"}, "line 3, column neighbours: each neighbour was expected once"),
    ({"neighbours": ""}, "line 2, column neighbours: .*A2 does not name A1"),
]


@pytest.mark.parametrize(("changed", "told"), WRONG_CELLS, ids=[f"{next(iter(c))}={next(iter(c.values()))[:12]}" for c, _ in WRONG_CELLS])
def test_a_wrong_cell_is_told_with_line_and_column(tmp_path, changed, told):
    with pytest.raises(UserError) as refused:
        read(written(tmp_path / "own.csv", pair(**changed)))
    message = str(refused.value)
    assert "own.csv" in message
    assert re.search(told, message), message
    assert message.endswith((".", "?"))
    assert "\n" not in message


def test_wrong_columns_are_told(tmp_path):
    path = tmp_path / "own.csv"
    for columns, told in [
        ([*list(COLUMNS)[:-1], "neighbour"], 'line 1: unknown column "neighbour". Did you mean "neighbours"'),
        (list(COLUMNS)[:-1], "line 1: missing columns: neighbours"),
        ([*COLUMNS, "men_15_19"], "line 1: the column men_15_19 stands twice"),
    ]:
        written(path, pair(), columns)
        with pytest.raises(UserError, match=re.escape(told)):
            read(path)


def test_wrong_files_are_told(tmp_path):
    path = tmp_path / "own.csv"
    right = written(path, pair()).read_text(encoding="utf-8")
    header = right.splitlines()[0]
    for content, told in [
        (b"", "is empty"),
        (header.encode(), "has no region"),
        (right.replace(",", ";").encode(), "line 1: the columns must be separated by commas"),
        (right.encode() + b"A3,too few\n", f"line 4: {len(COLUMNS)} cells were expected, found 2"),
        (right.encode() + b'A3,"open\n', "not valid CSV"),
        (right.encode("utf-16"), "not a text file in UTF-8"),
        (right.encode() + b"\x00", "line 4"),
        (right.encode() + b"," * 1_000_001, "at most 1,000,000 are read"),
        (f"{header}\n".encode() + b"x" * 200_000, "line 2: not valid CSV"),
    ]:
        path.write_bytes(content)
        with pytest.raises(UserError, match=re.escape(told)):
            read(path)
    with pytest.raises(UserError, match="is a folder; a table of regions"):
        read(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "none.csv")


def test_more_than_two_hundred_regions_are_refused_and_two_hundred_are_read(tmp_path):
    rows = [row_of(f"A{place}", row=str(place // 50), column=str(place % 50)) for place in range(201)]
    assert len(read(written(tmp_path / "own.csv", rows[:200])).ids) == 200
    with pytest.raises(UserError, match="has 201 regions; at most 200 are read"):
        read(written(tmp_path / "own.csv", rows))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.floats(0, 1),
    length=st.integers(0, 30),
    put=st.one_of(st.binary(max_size=12), st.text(max_size=8).map(lambda t: t.encode("utf-8", "replace"))),
)
def test_any_damage_is_told_or_harmless(tmp_path, at, length, put):
    """A damaged file gives a table that keeps its promises, or one sentence; never another error."""
    path = tmp_path / "own.csv"
    right = (REGIONS / "toy-north.csv").read_bytes()
    place = int(at * len(right))
    path.write_bytes(right[:place] + put + right[place + length :])
    refusal = damaged = None
    try:
        damaged = read(path)
    except UserError as refused:
        refusal = str(refused)
    if damaged is None:
        assert "own.csv" in refusal
        return
    assert not np.isinf(damaged.men).any()
    np.testing.assert_array_equal(damaged.neighbour_matrix > 0, (damaged.neighbour_matrix > 0).T)
    assert len(set(damaged.ids)) == len(damaged.ids)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("rights: open", "rights: local"), "rights"),
        (lambda text: text.replace("source: natural-earth", "source: natural-eart"), 'no entry .*Did you mean "natural-earth"'),
        (lambda text: text.replace("  poverty_rate:", "  poverty:"), 'poverty is no column .*Did you mean "poverty_rate"'),
        (lambda text: re.sub(r"  income: .*\n", "", text), "income is missing"),
        (lambda text: text.replace("meaning: name in English", "meaning: name"), "name: unit and meaning must be"),
    ],
)
def test_a_wrong_description_is_told(tmp_path, change, told):
    text = (REGIONS / "russia.yaml").read_text(encoding="utf-8")
    assert change(text) != text
    path = tmp_path / "russia.yaml"
    path.write_text(change(text), encoding="utf-8")
    with pytest.raises(UserError, match=told):
        describe(path)
