"""The second war: decisions only, both sides treated alike, figures as published, and it runs."""

import csv
import importlib.util
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from muster import output, simulate
from muster.evidence import bibliography, sources
from muster.experiment import build
from muster.reading import parse_yaml
from muster.scenario import PATHS, load

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "a-war-in-an-afternoon.md"
NAME = "american-civil-war"


@cache
def tool():
    """tools/make_second_war.py as a module."""
    spec = importlib.util.spec_from_file_location("make_second_war", ROOT / "tools" / "make_second_war.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_runs_and_stays_finite():
    results = simulate.simulate(NAME, draws=4)
    for path in results.paths():
        assert np.isfinite(output.series_of(results.tree, path).values).all(), path
    for side in results.sides:
        assert not results.series(f"{side}/arms/afv").values.any()
        assert not results.series(f"{side}/arms/drones").values.any()
        assert (results.series(f"{side}/front/killed").values > 0).all()


def test_the_rolls_of_the_first_day_are_those_of_livermore():
    experiment = build(NAME, draws=1)
    for side, roll in (("union", 575_917), ("confederacy", 351_418)):
        start = sum(experiment.overrides[f"{side}/front.{name}"].value for name in ("theatre_at_start", "rear_at_start"))
        assert start == pytest.approx(roll, rel=0.001)


def test_what_is_said_to_be_the_same_for_both_sides_is_the_same():
    union, confederacy = (side.levers for side in load(NAME).sides.values())
    same = [key for key in PATHS if "the same for both sides" in (union[key]["source"].get("note") or "")]
    assert {"intensity", "fire_mix", "course_length", "theatre_goal_share", "theatre_share"} <= set(same)
    for key in same:
        assert "the same for both sides" in confederacy[key]["source"]["note"]
        if key != "coercion":  # the same step with the draft, whose day differs
            assert union[key] == confederacy[key]
    assert list(union["coercion"]["path"].values()) == list(confederacy["coercion"]["path"].values())


def test_what_was_not_read_is_assumed_and_has_no_page():
    experiment = build(NAME)
    for what, citation in experiment.citations:
        if sources()[citation.key].read == "recalled" or citation.key == "muster-prior" or "recalled" in (citation.note or ""):
            assert citation.grade == "assumed", what
    given = {row["key"] for row in bibliography(experiment)}
    assert {"livermore-1900", "fox-1889", "muster-default"} <= given


def test_no_published_outcome_is_an_input():
    text = "\n".join(
        path.read_text() for path in (ROOT / "src" / "muster" / "library").glob("s*/*.yaml") if path.stem in (NAME, "union", "confederacy")
    )
    numbers = set(re.findall(r"\d{4,}", text.replace(",", "")))
    assert "575917" in numbers
    outcomes = {f"{one.central:.0f}" for one in tool().figures() if one.end > "1862-01-01" and one.central >= 1000}
    assert not numbers & outcomes


def test_the_figures_are_both_sides_and_can_be_read_from_a_run():
    figures = tool().figures()
    kinds = {side: {(one.path, one.operator) for one in figures if one.side == side} for side in ("union", "confederacy")}
    assert kinds["union"] - kinds["confederacy"] == set()
    assert all(one.published <= "2025" and one.unit == "person" and one.use == "show" for one in figures)
    assert len({one.id for one in figures}) == len(figures)


def test_the_figures_are_those_of_the_outside_tables():
    if not (tool().DATA / "weekly_casualties.csv").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the data set american_civil_war is missing: name its folder in MUSTER_DATA")
        pytest.skip("the data set american_civil_war is not there; name its folder in MUSTER_DATA")
    assert tool().FIGURES.read_text(encoding="utf-8") == tool().as_text(tool().compiled())


def test_no_series_is_shipped_whole():
    with tool().FIGURES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert max(sum(one["root"] == root for one in rows) for root in {one["root"] for one in rows}) <= 40


def test_every_figure_with_a_column_stands_in_the_page():
    text = PAGE.read_text(encoding="utf-8")
    for one in tool().figures():
        if one.end in tool().ENDS:
            label = next(name for name, path, _ in tool().SERIES if path == one.path)
            lines = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
            assert any(tool().thousand(one.central) in line for line in lines), one.id


def test_the_yaml_of_the_tutorial_is_valid_and_in_the_scenario():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    sides, overrides = (parse_yaml(block, "tutorial") for block in blocks)
    own = load(NAME)
    lever = sides["sides"]["confederacy"]["levers"]["standing_call_up"]
    assert own.sides["confederacy"].levers["standing_call_up"] == lever
    for key, entry in overrides["overrides"].items():
        assert own.overrides[key].value == entry["value"]
        assert list(own.overrides[key].range) == entry["range"]


@pytest.mark.slow
def test_the_bands_are_sensible():
    results = simulate.simulate(NAME, draws=64)
    end = "1865-04-08"
    for side in results.sides:
        assert 20_000 < np.median(results.total(f"{side}/front/killed", "1862-01-01", end)) < 300_000
        assert 0 < np.median(results.total(f"{side}/morale/desertions", "1862-01-01", end)) < 500_000
        assert 100_000 < np.median(results.at(f"{side}/front/troops", end)) < 1_500_000
    rolls = [np.median(results.at(f"{side}/people/serving", "1863-01-01")) for side in results.sides]
    assert rolls[0] > rolls[1]
