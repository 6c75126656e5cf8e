"""Historical cases: a row becomes a scenario of the right size, questions have known answers, wrong tables are told."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import muster
from muster import case_answers, cases, cli
from muster.errors import UserError
from muster.evidence import library
from muster.experiment import build

ROW = {
    "case_id": "ONE", "war": "A war (its east)", "start": "1914-08-01", "end": "1918-03-03", "population_m": "100", "mobilized_m": "8",
    "deaths_k": "800", "force_ratio_early": "0.5", "force_ratio_late": "2", "noncore_pop_pct": "25", "training_weeks_prewar": "104",
    "training_weeks_late": "4", "army_code": "2", "army_code_alt": "1", "regime_code": "3", "secession_code": "0",
    "army_onset_date": "1917-07-19",
}  # fmt: skip


def table(folder, *rows):
    """A file of cases."""
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def one(tmp_path):
    """The case of ROW."""
    return cases.load(table(tmp_path, ROW))[0][0]


def test_the_library_has_the_closed_cases_and_their_codes():
    found, left_out = cases.load()
    assert len(found) == 16
    assert not left_out
    assert len({case.group for case in found}) == 8
    assert sum(case.army[0] == 2 for case in found) == 7
    assert sum(case.regime[0] in (2, 3) for case in found) == 9
    assert sum(case.secession[0] == 2 for case in found) == 6


def test_a_row_is_read_as_it_stands(one):
    assert (one.people, one.mobilised, one.dead, one.noncore) == (1e8, 8e6, 8e5, 0.25)
    assert one.ratios == (0.5, 2)
    assert (one.group, one.army, one.regime, one.weeks) == ("A war", (2, 1), (3, 3), 187)


def test_a_case_that_cannot_be_used_is_left_out_and_told(tmp_path):
    open_war = ROW | {"case_id": "TWO", "end": ""}
    found, left_out = cases.load(table(tmp_path, ROW, open_war, ROW | {"case_id": "THREE", "mobilized_m": ""}))
    assert [case.name for case in found] == ["ONE"]
    assert left_out == {"TWO": "end is empty", "THREE": "mobilized_m is empty"}


def test_a_war_of_a_week_is_the_shortest_that_can_be_used(tmp_path):
    week, days = ROW | {"end": "1914-08-08"}, ROW | {"case_id": "TWO", "end": "1914-08-07"}
    found, left_out = cases.load(table(tmp_path, week, days))
    assert [case.weeks for case in found] == [1]
    assert left_out == {"TWO": "it lasted less than a week"}
    assert build(cases.scenario_of(found[0], 0.4), draws=1, posterior=None).levers[0].war[:2].tolist() == [1, 0]


def test_a_case_is_a_scenario_of_its_size(one):
    experiment = build(cases.scenario_of(replace(one, ratios=(3.0, 2.0)), 0.4), draws=1, posterior=None)
    own, opponent = experiment.settings
    people = [float(side.men.sum() + side.women.sum() + side.others) for side in (own, opponent)]
    assert people == pytest.approx([1e8, 5e7], rel=1e-3)
    assert own.men[1].sum() / own.men.sum() == pytest.approx(0.25)
    weights = own.men.sum(axis=(1, 2, 3))
    assert np.average(own.titular_share, weights=weights) == pytest.approx(0, abs=1e-12)
    assert np.average(own.titular_share**2, weights=weights) == pytest.approx(1)
    given = {key.split("/")[0] + key.split(".")[-1]: override.value for key, override in experiment.overrides.items()}
    at_start = given["owncourt_capacity"] / given["opponentcourt_capacity"]
    assert at_start == pytest.approx(3)  # the early ratio
    under_arms = [given[f"{side}theatre_at_start"] + given[f"{side}rear_at_start"] for side in experiment.sides]
    called = [levers.decree_quota.sum() for levers in experiment.levers]
    assert np.add(under_arms, called) == pytest.approx([8e6, 4e6])
    assert experiment.levers[0].course_length[0] == pytest.approx(26, rel=0.01)  # peacetime service is no course
    assert np.all(experiment.levers[0].course_length[one.weeks :] == 4)
    assert np.all(experiment.levers[0].war[: one.weeks] == 1)
    assert np.all(experiment.levers[0].war[one.weeks + 1 :] == 0)


def test_nothing_that_came_of_it_is_given(one):
    other = replace(one, army=(0, 0), regime=(0, 0), secession=(2, 2), captured=1e4, deserters=0.9, broke_on=None, fell_on=None)
    assert cases.scenario_of(one, 0.4) == cases.scenario_of(other, 0.4)


def test_who_leaves_within_a_window_is_counted_over_those_at_its_start():
    troops = np.full((1, 40), 1000.0)
    leavers = np.zeros((1, 40))
    leavers[0, 20:33] = 50.0  # thirteen weeks
    share = case_answers.leaving(leavers, troops)
    assert share.max() == pytest.approx(0.65)
    assert int(share.argmax()) == 32
    assert case_answers.first(share >= 0.5).tolist() == [29]
    assert np.isnan(case_answers.first(share >= 0.7)).all()


def test_other_wars_move_a_probability_as_far_as_they_tell():
    half = np.full(400, 0.5)
    often = np.arange(400) < 320
    assert case_answers.moved(0.5, half, often) == pytest.approx(0.8, abs=0.01)
    assert case_answers.moved(0.5, half[:2], np.array([True, False])) == pytest.approx(0.5)
    assert case_answers.moved(0.9, half, often) > case_answers.moved(0.5, half, often) > case_answers.moved(0.1, half, often)
    right, wrong = np.array([0.9] * 200 + [0.1] * 200), np.array([0.1] * 200 + [0.9] * 200)
    came = np.arange(400) < 200
    assert case_answers.moved(0.9, right, came) > 0.95
    assert case_answers.moved(0.9, wrong, came) == pytest.approx(0.5, abs=0.05)  # the slope is never below 0


def test_a_case_is_moved_by_other_wars_only():
    austria = next(case for case in cases.load()[0] if case.name == "AUH_WWI")
    known, happened = case_answers.other_wars(austria, "army_broke", 0)
    assert (known.size, happened.sum()) == (10, 6)  # 16 belligerents, six of them in the First World War
    assert case_answers.other_wars(austria, "government_fell", 0)[0].size == 8  # two were conquered


@pytest.mark.slow
def test_the_answers_that_are_kept_are_the_models():
    kept = {case.name: said for case, said in case_answers.answered()}
    case = next(case for case in cases.load()[0] if case.name == "CSA_ACW")  # far from 0 and 1
    found = case_answers.with_the_dead(case, 520, 1)
    for key, question in case_answers.QUESTIONS.items():
        assert question.probability(found) == pytest.approx(kept[case.name][key], abs=0.01)


def test_scores_have_known_answers(one):
    fallen = replace(one, regime=(2, 0))
    held = replace(one, name="TWO", war="Another war", army=(0, 0), regime=(0, 0))
    said = [{"probabilities": dict.fromkeys(case_answers.QUESTIONS, p)} for p in (0.9, 0.2)]
    found = case_answers.scores([fallen, held], said, 0)
    assert found["government_fell"]["brier"] == pytest.approx((0.1**2 + 0.2**2) / 2)
    assert 0 < found["government_fell"]["brier_moved_by_other_wars"] < 1
    assert found["government_fell"]["auc"] == 1
    # the other war knows one case that is otherwise: (0 + 1) / (1 + 2) and (1 + 1) / (1 + 2)
    assert found["government_fell"]["brier_of_base_rate_of_other_wars"] == pytest.approx((2 / 3) ** 2)
    assert found["state_broke_up"]["auc"] is None
    assert case_answers.scores([fallen, held], said, 1)["government_fell"]["happened"] == 0
    assert case_answers.scores([one, held], said, 0)["government_fell"]["cases"] == 1  # conquest does not count
    assert case_answers.scores([one], said[:1], 0)["government_fell"] == {"cases": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population_m": "many"}, 'line 2, column population_m: .*found "many"'),
        ({"mobilized_m": "60"}, "column mobilized_m"),
        ({"deaths_k": ""}, "no case can be used; ONE: deaths_k is empty"),
        ({"end": "1914-07-01"}, "columns start and end"),
        ({"end": "1950-07-01"}, "ONE: it lasted more than 650 weeks"),
        ({"end": "1914-08-06"}, "ONE: it lasted less than a week"),
        ({"start": "August 1914"}, "column start: a date"),
        ({"army_code": "7"}, "column army_code"),
    ],
)
def test_a_wrong_table_is_told_in_one_sentence(tmp_path, capsys, changes, message):
    with pytest.raises(UserError, match=message):
        cases.load(table(tmp_path, ROW | changes))
    assert cli.status(["validate", "cases", "--data", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_column_and_a_missing_file_are_told(tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,war\nONE,A war\n")
    with pytest.raises(UserError, match="column start is missing"):
        cases.load(tmp_path)
    with pytest.raises(UserError, match="nowhere"):
        cases.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="battles or cases"):
        muster.validate("battle")


def test_the_library_tells_its_sources_for_what_all_cases_share():
    assert cases.alike().people == 1e7
    assert (library() / "cases" / "cases.csv").is_file()


@pytest.mark.slow
def test_the_dead_are_met_and_the_answers_are_told(tmp_path, capsys):
    short = {"start": "1998-05-06", "end": "2000-06-18", "regime_code": "0"}
    folder = table(
        tmp_path, ROW | short, ROW | short | {"case_id": "TWO", "war": "Another", "deaths_k": "160", "army_code": "0", "army_code_alt": "0"}
    )
    assert cli.status(["validate", "cases", "--data", str(folder), "--draws", "104", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    heavy, light = report["cases"]
    for row, dead in ((heavy, 100), (light, 20)):
        assert row["dead_per_1000_mobilised"]["recorded"] == pytest.approx(dead)
        assert row["dead_per_1000_mobilised"]["median"] == pytest.approx(dead, rel=0.1)
        assert all(0 <= p <= 1 for p in row["probabilities"].values())
    assert heavy["intensity"] > light["intensity"]
    assert heavy["probabilities"]["army_broke"] >= light["probabilities"]["army_broke"]
    assert report["scores"]["army_broke"]["happened"] == 1
    assert cli.status(["validate", "cases", "--data", str(folder), "--draws", "8"]) == 0
    assert "Brier" in capsys.readouterr().out
