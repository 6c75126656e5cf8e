"""An assessment from end to end on the two invented sides: what must be supported, contradicted, not testable, and paired."""

import datetime
import json

import numpy as np
import pytest

from muster.assess import FEWEST, alternatives, assess, by_slice, keys_of
from muster.claims import claims, read_claim
from muster.cli import status
from muster.ensembles import Ensembles, Key
from muster.errors import UserError
from muster.evidence import parameters
from muster.experiment import build
from muster.model.structure import Structure
from muster.scenario import load
from muster.simulate import ensemble
from muster.vintage import as_of, later

DRAWS = 64
DAY = "2001-01-04"
HEAD = """\
id: mine
title: A claim of these tests
paraphrase: A claim of these tests.
side: north
scenario: toy
kind: magnitude
said_by: [{name: A. Writer, role: columnist, date: 2000-07, word: will, source: own}]
readings:
"""
COLUMNS = (
    "id,side,path,cohort,region,operator,start,end,low,central,high,unit,relation,source_class,camp,bias_group,root,published,read,locator,"
    "grade,use,reason"
)
ROW = "{id},north,front/killed,,,over,2000-01-06,2001-01-04,,{central},,person,about,{kind},{camp},{id},me,2001,2001,page 1,C,fit,mine"
READING = """\
  - id: %s
    headline: %s
    statement: A reading of these tests.
    proposition: {name: %s, quantity: %s, threshold: %s}
    until: 2001-01-04
    resolution: {rows: [], rule: None is needed., edge_cases: There are none., resolves_on: 2001-01-04}
    outcome: %s
"""
TROOPS = f"{{at: north/front/troops, day: '{DAY}'}}"
DEAD = f"{{over: [north/front/killed], start: '2000-01-06', end: '{DAY}'}}"
LAST = "{at: north/front/troops, day: '2002-01-03'}"
WORDS = {  # name -> proposition, quantity, threshold, outcome
    "tautology": ("at_least", TROOPS, 0, "true"),
    "negation": ("below", TROOPS, 0, "true"),
    "placebo": ("exceeds", f"{{scaled: {{ratio: [{TROOPS}, {TROOPS}]}}, factor: 3}}", 2, "open"),
    "magnitude": ("exceeds", DEAD, 3000, "false"),
    "nothing-changes": ("exceeds", f"{{effect: {TROOPS}, policy: as-happened, against: as-happened}}", 1, "open"),
    "average": ("exceeds", f"{{average: {TROOPS}}}", 1000, "open"),
}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("claims") / "mine.yaml"
    readings = [READING % (name, str(name == "magnitude").lower(), *words) for name, words in WORDS.items()]
    path.write_text(HEAD + "".join(readings), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def judgement(mine):
    return assess("toy", draws=DRAWS, claim_names=(str(mine),))


def reading(judgement, name):
    return next(item for _, items in judgement.claims for item in items if item.reading.id == name)


def test_a_tautology_holds_its_negation_does_not_and_a_placebo_is_not_testable(judgement):
    assert reading(judgement, "tautology").judged.probability == 1
    assert reading(judgement, "negation").judged.probability == 0
    assert reading(judgement, "tautology").judged.verdict == "likely"  # prior-driven, and one structure only
    assert reading(judgement, "negation").judged.verdict == "unlikely"
    assert reading(judgement, "placebo").judged.verdict == "not testable"
    assert "does not vary" in reading(judgement, "placebo").why_not
    assert reading(judgement, "nothing-changes").judged.verdict == "not testable"  # a paired effect of nothing is exactly nothing


def test_scores_need_an_answer_and_a_verdict(judgement):
    assert reading(judgement, "negation").scores["brier"] == 1
    assert reading(judgement, "tautology").scores["brier"] == 0
    assert reading(judgement, "placebo").scores is None


def test_what_stands_beside_a_verdict(judgement):
    item = reading(judgement, "magnitude")
    assert item.unit == "person"
    assert item.quantiles[0] < item.quantiles[1] < item.quantiles[2]
    assert np.isfinite(item.mirror).all()
    assert item.judged.prior_driven
    assert "no fit" in item.remark
    assert not item.resolved_drivers  # too few draws to tell small shares
    assert reading(judgement, "average").drivers == []


def test_claims_json_holds_every_field(judgement, tmp_path):
    judgement.save(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))
    fields = {"id", "statement", "probability", "mcse", "verdict", "resolution", "scores", "drivers", "flips", "prior_driven", "mirror",
              "evidence", "quantity", "by_continuation", "by_structure", "by_number_exponent", "why_not", "headline"}  # fmt: skip
    assert {"id", "paraphrase", "source", "readings"} <= set(told[0])
    assert all(fields <= set(item) for item in told[0]["readings"])
    assert {"outcome", "rows", "figures", "rule"} <= set(told[0]["readings"][0]["resolution"])


def test_the_answer_is_told_by_slices_of_the_loss_law():
    """A reading that is true where omega is above 1/2, on draws of which the upper slice has too few."""
    exponents = np.concatenate([np.linspace(0.2, 0.39, 50), np.linspace(0.4, 0.59, 40), np.full(FEWEST - 1, 0.7)])
    found = by_slice(exponents > 0.5, exponents, None)
    assert set(found) == {"below 0.4", "0.4 to 0.6"}
    assert (found["below 0.4"].probability, found["below 0.4"].draws) == (0, 50)
    assert found["0.4 to 0.6"].probability == pytest.approx(0.5, abs=0.03)
    heavy = np.where(exponents > 0.5, 3.0, 1.0)
    weighted = by_slice(exponents > 0.5, exponents, heavy / heavy.sum())
    assert weighted["0.4 to 0.6"].probability == pytest.approx(0.75, abs=0.03)


def test_slices_of_the_loss_law_share_the_draws(judgement):
    parts = reading(judgement, "magnitude").by_number_exponent
    assert 0 < sum(part.draws for part in parts.values()) <= DRAWS
    assert reading(judgement, "average").by_number_exponent == {}


def test_a_run_shared_by_readings_is_the_run_of_muster_run():
    ensembles = Ensembles("toy", 8, 1, {"default": Structure()}, kept=frozenset({"north/front/killed"}))
    for key in (Key(), Key(continuation="ceasefire")):
        alone = ensemble(build("toy", ("as-happened",), key.continuation, 8, 1))
        assert np.array_equal(ensembles.run(key).series("north/front/killed").values, alone.series("north/front/killed").values)
    assert ensembles.run(Key(continuation="ceasefire")).paths() == ["north/front/killed"]


def test_each_run_that_the_library_needs_is_made_once():
    keys = keys_of(claims(), datetime.date(2025, 6, 30), {"default": Structure()})
    assert keys[0] == Key()
    assert len(keys) == len(set(keys))
    assert {key.policy for key in keys} == {"as-happened", "no-decree", "no-war", "stabilise-and-train"}


def test_figures_of_ones_own_move_a_reading_and_too_sharp_ones_are_refused(mine, judgement, tmp_path):
    middle = reading(judgement, "magnitude").quantiles[1]
    path = tmp_path / "figures.csv"
    path.write_text("\n".join([COLUMNS, ROW.format(id="X1", central=middle * 0.7, kind="expert_estimate", camp="independent")]) + "\n")
    weighed = assess("toy", draws=DRAWS * 3, claim_names=(str(mine),), observe=path)
    item = reading(weighed, "magnitude")
    assert 40 <= weighed.effective_draws < DRAWS * 3
    assert item.quantiles[1] < middle
    assert item.judged.probability != item.prior
    assert item.evidence == {"north": {"independent": 1}}
    assert any("X1" in note for note in weighed.notes)
    with pytest.raises(UserError, match="no row is left"):
        assess("toy", draws=DRAWS, claim_names=(str(mine),), observe=path, without="camp:independent")
    path.write_text("\n".join([COLUMNS, ROW.format(id="X1", central=middle, kind="expert_estimate", camp="our-count")]) + "\n")
    with pytest.raises(UserError, match="no row is left"):
        assess("toy", draws=DRAWS, claim_names=(str(mine),), observe=path, without="camp:our-count")
    with pytest.raises(UserError, match=r'no camp "our-cuont".*Did you mean "our-count"'):
        assess("toy", draws=DRAWS, claim_names=(str(mine),), observe=path, without="camp:our-cuont")
    path.write_text("\n".join([COLUMNS, ROW.format(id="X2", central=middle * 20, kind="measured", camp="independent")]) + "\n")
    with pytest.raises(UserError, match="more with --draws"):
        assess("toy", draws=DRAWS, claim_names=(str(mine),), observe=path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("id,side\nX1,north\n", "the column path is missing"),
        ("heading", "no row is left"),
        (("north", "nobody"), 'there is no side "nobody"'),
        (("person,about", "vehicle,about"), "unit: person was expected"),
        (("front/killed", "front/kiled"), 'Did you mean "front/killed"'),
        (("front/killed,,,", "front/killed,,N1,"), "region: an empty cell"),
        (("front/killed,,,", "front/killed,decree,,"), 'no cohort "decree"'),
        (("over,2000-01-06", "over,2002-01-06"), "ends before it begins"),
        (("2000-01-06", "1999-01-06"), "lies outside"),
        ((",,900,,", ",1000,900,,"), "low <= central <= high"),
        (("measured", "mesured"), 'Did you mean "measured"'),
        (("over", "ratio"), "joined by ' / '"),
        (("independent", "independant"), 'Did you mean "independent"'),
        (("2001,2001", "soon,2001"), "a month or a year was expected"),
        ("id;side;path\nX1;north;front/killed\n", "separated by commas"),
    ],
)
def test_wrong_figures_of_ones_own_are_told_before_anything_is_computed(mine, monkeypatch, tmp_path, text, word):
    def never(*_):
        raise AssertionError("this should have been refused before")

    monkeypatch.setattr(Ensembles, "run", never)
    path = tmp_path / "figures.csv"
    heading, row = COLUMNS, ROW.format(id="X1", central=900, kind="measured", camp="independent")
    if isinstance(text, tuple):
        assert text[0] in row
        text = f"{heading}\n{row.replace(*text, 1)}\n"
    path.write_text(heading if text == "heading" else text, encoding="utf-8")
    with pytest.raises(UserError, match=word):
        assess("toy", draws=8, claim_names=(str(mine),), observe=path)


def test_leaving_out_a_camp_asks_for_the_figures(mine, capsys):
    with pytest.raises(UserError, match="leaves figures out of --observe FILE"):
        assess("toy", draws=8, claim_names=(str(mine),), without="camp:independent")
    assert status(["assess", "toy", "--claims", str(mine), "--without", "camp:independant"]) == 2
    assert 'Did you mean "independent"?' in capsys.readouterr().err


def test_as_of_a_day_only_later_numbers_get_twice_the_spread():
    experiment, day = build("toy"), datetime.date(2022, 9, 21)
    wide = as_of(experiment, day)
    found = later(experiment, day)
    assert set(wide.overrides) == set(found) | set(experiment.overrides)
    assert 20 < len(found) < 200
    for stream, override in wide.overrides.items():
        held, _, _ = found[stream]
        assert override.value == held.value
        assert override.range[0] <= held.range[0]
        assert override.range[1] >= held.range[1]
    shared = {f"war/{s}.{n}": entry for s, named in parameters().items() for n, entry in named.items() if entry.per == "war"}
    assert {stream for stream, entry in shared.items() if entry.sources[0].grade == "tuned"} <= set(found)


def test_every_structure_is_the_default_but_for_one_choice(mine):
    assert alternatives()["default"] == Structure()
    with pytest.raises(UserError, match="linear, none, threshold"):
        assess("toy", draws=8, claim_names=(str(mine),), structures="contagion=non")


def test_without_war_nobody_is_killed_and_nothing_is_won():
    run = ensemble(build("russia-ukraine-2022", ("no-war",), draws=4))
    for side in ("russia", "ukraine"):
        assert float(np.abs(run.series(f"{side}/front/killed").values).max()) == 0
        area = run.series(f"{side}/front/area_controlled").values
        assert float(np.ptp(area)) == 0
    assert load("russia-ukraine-2022").events


def test_a_claim_of_the_library_is_read_by_path(mine):
    assert read_claim(mine).id == "mine"
    with pytest.raises(UserError, match="meat-grinder"):
        claims(("meat-grindr",))
