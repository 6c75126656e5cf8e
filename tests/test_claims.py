"""Claims are data: all of them are there, each reading can be resolved, and a wrong file is told in one sentence."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from muster import claims
from muster.cli import status
from muster.errors import UserError
from muster.evidence import library
from muster.published import figures
from muster.quantities import FORMS, every, form_of, mirrored
from muster.reading import key_lines
from muster.scenario import load

HEADLINES = {  # as the contract fixes them
    "announced-number-exceeded": "decree-over-330k",
    "mass-over-quality": "at-front-within-4-weeks-over-50-percent",
    "stabilise-and-train-instead": "combat-power-after-52-weeks",
    "no-training": "median-under-4-weeks",
    "expecting-many-dead": "over-250k-by-2030",
    "no-mass-formations": "men-per-km-after-1940-under-a-third",
    "mass-no-longer-wins": "quality-over-numbers-in-attack",
    "units-not-capable-units": "power-per-man-under-50-percent-after-13-weeks",
    "quality-planning-coordination": "quality-explains-more-than-numbers",
    "opponent-more-capable": "effectiveness-ratio-over-1",
    "no-trouble-for-the-defender": "area-gained-under-1000-km2",
    "meat-grinder": "over-20-percent-in-26-weeks",
    "only-veterans-called": "combat-experience-over-50-percent",
    "too-few-veterans": "reachable-veterans-under-300k",
    "leaders-misread": "perceived-over-true-strength-over-1-25",
    "chaos-means-suppressed-news": "suppression-against-capacity-over-3",
    "standing-morale-low": "hazard-over-1-5-times-the-start",
    "morale-far-lower": "hazard-ratio-over-1-5",
    "decree-signals-failure": "message-carries-over-25-percent-of-the-gap",
    "massive-desertion": "all-first-year-over-5-percent",
    "brain-drain": "net-emigration-over-250k-in-13-weeks",
    "waning-confidence": "five-points-within-9-weeks",
    "demographic-damage": "men-18-39-under-minus-2-percent-against-no-war",
    "economic-damage": "output-under-minus-1-percent-after-156-weeks",
    "minorities-used-up": "deaths-per-man-over-1-5",
    "minorities-turn-away": "falls-by-2-points-more",
    "secession-necessary": "attempt-by-2028",
    "broken-arms-industry": "afv-below-half-by-2024",
    "dwindling-partners": "deliveries-below-half-by-2024",
    "end-of-the-state": "state-ended-by-2028",
}
LAST_KNOWN = "2025-06-30"
TEMPLATE = (library() / "templates" / "claim.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def every_claim():
    return {claim.id: claim for claim in claims.claims()}


def test_all_claims_have_their_headline(every_claim):
    assert {name: next(r.id for r in claim.readings if r.headline) for name, claim in every_claim.items()} == HEADLINES


def test_every_claim_can_be_judged_on_its_scenario(every_claim):
    for claim in every_claim.values():
        claims.check_claim(claim, load(claim.scenario), claim.id)


def test_every_row_that_settles_a_reading_is_shipped_and_was_public_by_the_last_known_day(every_claim):
    named = {row for claim in every_claim.values() for reading in claim.readings for row in reading.resolution.rows}
    assert named == set(figures())
    assert all(figure.published is None or figure.published <= LAST_KNOWN for figure in figures().values())
    assert all(figure.end <= LAST_KNOWN for figure in figures().values())


def test_an_outcome_is_known_only_where_the_day_has_passed_or_a_count_can_only_grow(every_claim):
    for claim in every_claim.values():
        for reading in claim.readings:
            if reading.outcome in ("true", "false", "disputed") and reading.resolution.resolves_on.isoformat() > LAST_KNOWN:
                assert reading.id == "over-100k-by-2030", f"{claim.id}/{reading.id} is settled before its day"
            if reading.outcome in ("true", "false", "disputed"):
                assert reading.resolution.rows, f"{claim.id}/{reading.id} is settled by no figure"


def test_no_reading_leans_on_another(every_claim):
    """Two strangers resolve a reading from its own words."""
    for claim in every_claim.values():
        texts = [text for r in claim.readings for text in (r.statement, r.resolution.rule, r.resolution.edge_cases)]
        assert not [text for text in texts if "s above," in text or text.startswith(("As above", "The same,", "The same in the"))]
        assert min(len(reading.statement) for reading in claim.readings) > 50


def test_every_form_of_a_quantity_is_known_by_its_key(every_claim):
    used = set()
    for claim in every_claim.values():
        for reading in claim.readings:
            if reading.proposition:
                used |= {form_of(part) for part in every(reading.proposition.quantity)}
                again = type(reading.proposition).model_validate(reading.proposition.model_dump(by_alias=True))
                assert again == reading.proposition
    assert used == set(FORMS) - {"largest"}  # asked for by no claim of the library


def test_the_schema_is_the_model():
    shipped = (library() / "schemas" / "claim.schema.json").read_text(encoding="utf-8")
    assert shipped == claims.schema_text(), "muster claims schema > src/muster/library/schemas/claim.schema.json"
    schema = json.loads(shipped)
    for path in sorted((library() / "claims").glob("*.yaml")):
        data = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
        for reading in data["readings"]:
            reading["outcome"] = str(reading["outcome"]).lower()
        jsonschema.validate(data, schema)


@pytest.mark.parametrize(
    ("was", "is_", "line", "told"),
    [
        ("title:", "titel:", 6, 'Did you mean "title"?'),
        ("resolves_on", "resolve_on", 31, 'Did you mean "resolves_on"?'),
        ("cohorts/losses", "cohorts/loses", 21, 'Did you mean "north/cohorts/losses"?'),
        ("north/cohorts/losses", "nord/cohorts/losses", 21, 'Did you mean "north"?'),
        ("ratio:", "rato:", 21, 'Did you mean "ratio"?'),
        ("cohort: decree, start", "cohrt: decree, start", 23, 'Did you mean "cohort"?'),
        ("cohort: decree", "cohort: decrees", 21, 'Did you mean "decree"?'),
        ("start: '2000-07-06'", "start: '2001-02-01'", 21, "ends before it begins"),
        ("end: '2001-01-04'", "end: '2031-01-04'", 21, "lies outside"),
        ("threshold: 0.1", "threshold: 4 week", 25, "a plain number"),
        ("name: exceeds", "name: exeeds", 20, "'exceeds'"),
        ("until: 2001-01-04", "until: 2005-01-04", 26, "lies outside"),
        ("until: 2001-01-04", "until: 2000-12-28", 26, "looks at 2001-01-04, which is later"),
        ("side: north", "side: nort", 8, 'Did you mean "north"?'),
        ("headline: true", "headline: false", 0, "exactly one reading must be the headline"),
    ],
)
def test_a_wrong_file_is_told_with_line_key_and_nearest_name(was, is_, line, told, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    assert was in TEMPLATE
    path.write_text(TEMPLATE.replace(was, is_, 1), encoding="utf-8")
    assert status(["claims", "check", str(path)]) == 2
    shown = capsys.readouterr().err
    assert "mine.yaml" in shown
    assert told in shown
    assert shown.count("\n") == 1
    if line:
        assert f"line {line}," in shown


def test_the_template_is_a_claim_that_can_be_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert status(["new", "claim", "Our claim.yaml"]) == 0
    assert status(["claims", "check", "Our claim.yaml"]) == 0
    assert "1 reading" in capsys.readouterr().out
    assert claims.read_claim(Path("Our claim.yaml")).id == "our-claim"
    assert status(["new", "claim", "Our claim.yaml"]) == 2  # kept


def test_list_show_and_paths(capsys):
    assert status(["claims", "list", "--json"]) == 0
    assert {row["id"] for row in json.loads(capsys.readouterr().out)} == set(HEADLINES)
    assert status(["claims", "show", "brain-drain"]) == 0
    shown = capsys.readouterr().out
    assert "E012" in shown
    assert "headline" in shown
    assert status(["claims", "show", "brain-drian"]) == 2
    assert 'Did you mean "brain-drain"?' in capsys.readouterr().err
    assert status(["claims", "paths"]) == 0
    assert "front/area_controlled [km2]" in capsys.readouterr().out


def test_claims_of_another_scenario_are_not_judged_unasked():
    assert len(claims.claims((), "russia-ukraine-2022")) == len(HEADLINES)
    with pytest.raises(UserError, match="--claims FILE"):
        claims.claims((), "toy")


def test_a_mirror_asks_the_same_of_the_other_side(every_claim):
    for claim in every_claim.values():
        for reading in claim.readings:
            if reading.proposition:
                once = mirrored(reading.proposition.quantity, ("russia", "ukraine"))
                assert mirrored(once, ("russia", "ukraine")) == reading.proposition.quantity


def test_lines_of_keys():
    assert key_lines("a: 1\nb:\n  - c: 2\n    d: 3\n") == {"a": 1, "b": 2, "b.0": 3, "b.0.c": 3, "b.0.d": 4}


def test_claims_are_read_by_one_name_one_path_or_several(tmp_path):
    one = claims.claims("brain-drain")
    assert [claim.id for claim in one] == ["brain-drain"]
    path = tmp_path / "mine.yaml"
    path.write_text((library() / "claims" / "brain-drain.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert claims.claims(path) == claims.claims([str(path)]) == one
