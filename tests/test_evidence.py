"""Library and code agree; priors are what the files say; every value has a source."""

import datetime
import importlib

import numpy as np
import pytest

from muster import evidence
from muster.experiment import build
from muster.model.quantity import units
from muster.vintage import later, public_on


@pytest.mark.parametrize("subsystem", evidence.SUBSYSTEMS)
def test_parameters_and_code_name_the_same_numbers_with_the_same_units(subsystem):
    declared = units(importlib.import_module(f"muster.model.{subsystem}").Params)
    assert {name: entry.unit for name, entry in evidence.parameters()[subsystem].items()} == declared


def test_every_source_that_is_cited_exists_once():
    known = evidence.sources()
    for named in evidence.parameters().values():
        for entry in named.values():
            for citation in (*entry.sources, *(c for value in entry.by_side.values() for c in value.sources)):
                assert citation.key in known, citation.key


def test_assumed_and_tuned_values_claim_no_outside_source():
    for subsystem, named in evidence.parameters().items():
        for name, entry in named.items():
            for citation in entry.sources:
                if citation.key in ("muster-prior", "muster-prototype"):
                    assert citation.grade in ("assumed", "tuned", "estimated"), (subsystem, name)


@pytest.mark.parametrize(
    ("prior", "value", "spread"),
    [("lognormal", 2.0, (1.0, 8.0)), ("logitnormal", 0.2, (0.05, 0.6)), ("normal", -1.0, (-3.0, 4.0))],
)
def test_a_prior_has_its_central_value_and_its_ends_where_the_file_says(prior, value, spread):
    z = np.array([-evidence.Z95, 0.0, evidence.Z95])
    np.testing.assert_allclose(evidence.quantile(value, spread, prior, z), [spread[0], value, spread[1]], rtol=1e-12)


def test_a_half_normal_prior_has_its_95_percent_point_and_median():
    drawn = evidence.quantile(0.516, (0.048, 1.5), "halfnormal", np.array([0.0, evidence.Z95]))
    np.testing.assert_allclose(drawn, [0.34413 * 1.5, 1.5], rtol=1e-3)
    assert evidence.quantile(0.516, (0.048, 1.5), "halfnormal", np.array([-9.0]))[0] >= 0


def test_the_central_value_of_a_half_normal_entry_is_its_median():
    for named in evidence.parameters().values():
        for entry in named.values():
            if entry.prior == "halfnormal":
                assert entry.value == pytest.approx(0.34413 * entry.range[1], rel=0.01)


def test_a_draw_does_not_depend_on_what_else_is_asked_for():
    experiment = build("russia-ukraine-2022")
    few, many = evidence.draw(experiment, np.arange(3)), evidence.draw(experiment, np.arange(40))
    np.testing.assert_array_equal(few[0].front.loss_rate, many[0].front.loss_rate[:3])
    np.testing.assert_array_equal(few[1].morale.desertion_rate, many[1].morale.desertion_rate[:3])


def test_parameters_per_war_are_the_same_on_both_sides_and_others_are_not():
    a, b = evidence.draw(build("toy"), np.arange(20))
    for subsystem, named in evidence.parameters().items():
        for name, entry in named.items():
            x, y = getattr(getattr(a, subsystem), name), getattr(getattr(b, subsystem), name)
            if entry.per == "war" or entry.prior == "constant":
                np.testing.assert_array_equal(x, y)
            else:
                assert not np.array_equal(x, y), (subsystem, name)


def test_the_bibliography_tells_every_number_of_the_run():
    experiment = build("russia-ukraine-2022")
    rows = evidence.bibliography(experiment)
    told = sum(len(row["values"]) for row in rows)
    assert told >= sum(1 for _ in evidence.entries(experiment))
    assert {"muster-prior", "muster-prototype"} <= {row["key"] for row in rows}


def test_a_number_that_the_user_fixed_rests_on_the_user_alone():
    rows = {
        row["key"]: row for row in evidence.bibliography(build("toy", sets=("front.loss_rate=0.5", "north.morale.desertion_rate=0.01")))
    }
    before = evidence.bibliography(build("toy"))
    fixed = ["war/front.loss_rate", "north/morale.desertion_rate"]
    assert sorted(rows["user"]["values"]) == sorted(fixed)
    assert rows["user"]["grades"] == {"assumed": 2}
    for stream in fixed:
        assert any(value.startswith(stream) for row in before for value in row["values"])
        assert not any(value.startswith(stream) for key, row in rows.items() if key != "user" for value in row["values"])
    assert any(value.startswith("south/morale.desertion_rate") for key, row in rows.items() if key != "user" for value in row["values"])


@pytest.mark.parametrize(
    ("published", "day"),
    [
        ("2022", "2022-12-31"),
        ("2022-03", "2022-03-31"),
        ("2024-02", "2024-02-29"),
        ("2023-02", "2023-02-28"),
        ("2022-09-21", "2022-09-21"),
        ("1861-65", "1861-12-31"),
        ("forthcoming", "9999-12-31"),
    ],
)
def test_a_source_is_known_to_be_public_when_the_time_that_it_names_is_over(published, day):
    assert public_on(published) == datetime.date.fromisoformat(day)


def test_a_source_of_the_year_counts_as_later_until_the_year_is_over():
    experiment = build("russia-ukraine-2022", draws=1)
    known, of_the_year = evidence.sources(), set()
    for stream, subsystem, name, _, held, _ in evidence.entries(experiment):
        for cite in evidence.cited(experiment, stream, subsystem, name, held):
            if cite.grade not in ("assumed", "tuned") and cite.key in known and known[cite.key].published == "2022":
                of_the_year.add(stream)
    assert of_the_year
    assert of_the_year <= set(later(experiment, datetime.date(2022, 12, 30)))
    assert not of_the_year <= set(later(experiment, datetime.date(2022, 12, 31)))


def test_a_number_that_the_user_fixed_rests_on_no_later_source():
    day = datetime.date(2022, 3, 1)
    stream = next(iter(later(build("russia-ukraine-2022", draws=1), day)))
    path = stream.removeprefix("war/").replace("/", ".")
    value = next(entry[4].value for entry in evidence.entries(build("russia-ukraine-2022", draws=1)) if entry[0] == stream)
    unit = evidence.parameters()[path.split(".")[-2]][path.split(".")[-1]].unit
    assert stream not in later(build("russia-ukraine-2022", draws=1, sets=(f"{path}={value} {unit}",)), day)
