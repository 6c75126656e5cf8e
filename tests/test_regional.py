"""Sides run by the regions of their tables: sums stay national, what no table tells is drawn, readings by region reach the file."""

from dataclasses import fields

import numpy as np
import pytest

from muster import simulate
from muster.errors import UserError
from muster.experiment import build
from muster.model.levers import Setting
from muster.results import load


@pytest.fixture(scope="module")
def toy():
    """The toy war by its five invented regions a side."""
    return simulate.ensemble(build("toy", draws=6, resolution="regional"))


@pytest.mark.parametrize("name", ["russia-ukraine-2022", "toy"])
def test_people_of_the_regions_sum_to_the_national_setting(name):
    for whole, parts in zip(build(name).settings, build(name, resolution="regional").settings, strict=True):
        assert parts.men.shape[0] > 1
        np.testing.assert_allclose(parts.men.sum(0), whole.men[0], rtol=1e-9)
        np.testing.assert_allclose(parts.women.sum(0), whole.women[0], rtol=1e-9)
        people = parts.men.sum((1, 2, 3)) + parts.women.sum(1)
        assert np.average(parts.exposure, weights=people) == pytest.approx(1.0, rel=0.02)
        for item in fields(Setting):
            assert np.isfinite(getattr(parts, item.name)).all(), item.name


def test_what_a_table_does_not_tell_is_marked_and_not_zero():
    russia, ukraine = build("russia-ukraine-2022", resolution="regional").settings
    assert russia.poverty_known.all()
    assert not ukraine.poverty_known.any()
    assert not ukraine.income_known.any()


def test_regions_without_people_do_not_break_a_run():
    results = simulate.ensemble(build("russia-ukraine-2022", draws=2, resolution="regional"))
    for side in results.sides:
        for name in ("dead", "serving", "trust", "grievance"):
            assert np.isfinite(results.by_region(f"{side}/{name}", "2025-06-30").values).all(), name


def test_readings_by_region_sum_to_the_national_ones(toy):
    for side in toy.sides:
        dead = toy.by_region(f"{side}/dead", "2000-12-28").sum("region").values
        week = toy.series(f"{side}/people/dead").sel(time=toy.by_region(f"{side}/dead", "2000-12-28")["quarter"], method="nearest").values
        np.testing.assert_allclose(dead, week, rtol=0.2)
        assert (toy.by_region(f"{side}/men", "2000-06-30").values > 0).all()


def test_the_file_holds_quantiles_by_region(toy, tmp_path):
    toy.save(tmp_path)
    kept = load(tmp_path)
    node = kept.tree["north/by_region"]
    assert node["dead_quantiles"].dims == ("quantile", "quarter", "cohort", "region")
    assert list(node["region"].values) == [f"north-{k}" for k in range(1, 6)]
    np.testing.assert_allclose(node["dead_mean"].values[-1], toy.tree["north/by_region/dead"].values.mean(0)[-1], rtol=1e-5)


def test_national_results_tell_how_to_get_regions():
    results = simulate.ensemble(build("toy", draws=1))
    with pytest.raises(UserError, match="resolution regional"):
        results.by_region("north/dead", "2000-12-28")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"resolution": "county"}, "national or regional"),
        ({"scenario": "american-civil-war", "resolution": "regional"}, "no side has a table"),
    ],
)
def test_a_wrong_resolution_is_told(options, word):
    with pytest.raises(UserError, match=word):
        build(**({"scenario": "toy"} | options))
