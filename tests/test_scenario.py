"""Scenarios, policies and single settings: what is read, and what is refused in one clear sentence."""

import datetime

import numpy as np
import pytest

from muster import reading
from muster.errors import UserError
from muster.evidence import library
from muster.experiment import build, lump
from muster.model.levers import Levers
from muster.model.quantity import units
from muster.reading import parse_yaml, read_yaml
from muster.scenario import DERIVED, PATHS, Policy, load, load_policy, overlay

OBSERVED = ("troops", "killed", "losses", "casualties", "area", "approval", "inflation", "output", "recruits", "volunteers", "emigration")


def test_the_time_paths_that_a_scenario_may_give_are_decisions_and_weather_only():
    assert set(PATHS) == {
        "war", "talks", "standing_call_up", "establishment", "theatre_goal_share", "theatre_share", "quota_rule",
        "minimum_age", "selection", "course_length",
        "hasty_course_length", "commitment", "cadre_to_front", "time_in_line", "coercion", "pay", "border", "penal_severity",
        "repression", "candour", "media_freedom", "prisoner_offers", "outside_men", "allied_men", "attack_share", "intensity",
        "home_soil", "under_fire", "fire_plan", "fire_mix", "forward_care", "military_spending", "civil_spending", "policy_rate",
        "sanctions", "export_price", "shell_line_plan", "vehicle_line_plan", "security_at_home", "partner_decision",
        "partner_election", "partner_men", "shell_offer",
    }  # fmt: skip
    assert not set(PATHS) & set(OBSERVED)
    assert set(PATHS) | set(DERIVED) == set(units(Levers))


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_a_dated_lump_is_spread_exactly(dt):
    rate = lump(3.3, 5.3, 300_000.0, round(52 / dt), dt)
    assert rate.sum() * dt == pytest.approx(300_000.0, rel=1e-12)
    assert np.count_nonzero(rate) in (6, 7, 11, 12)


def test_the_decree_of_the_reference_case_is_announced_in_full():
    experiment = build("russia-ukraine-2022")
    assert experiment.levers[0].decree_quota.sum() == pytest.approx(300_000)
    week = int(np.argmax(experiment.levers[0].decree_age >= 0))
    assert experiment.start + datetime.timedelta(weeks=week) <= datetime.date(2022, 9, 21)


def test_a_policy_replaces_levers_of_one_side_and_nothing_else():
    base, changed = load("russia-ukraine-2022"), overlay(load("russia-ukraine-2022"), load_policy("no-decree"))
    assert changed.sides["russia"].levers["decree"] is None
    assert changed.sides["ukraine"] == base.sides["ukraine"]
    assert changed.events == base.events
    assert base.sides["russia"].levers["decree"] is not None


@pytest.mark.parametrize("policy", ["as-happened", "no-decree", "stabilise-and-train", "everyone-to-the-front"])
def test_every_policy_of_the_library_builds_and_gives_reasons(policy):
    found = load_policy(policy)
    assert set(found.reasons) >= set(found.set)
    build("russia-ukraine-2022", policies=(policy,))


def test_as_happened_runs_on_its_own_levers():
    experiment = build("russia-ukraine-2022")
    assert experiment.levers is experiment.base_levers


def test_continuations_change_only_what_comes_after_the_last_observation():
    runs = {name: build("russia-ukraine-2022", continuation=name) for name in ("goes-on", "ceasefire", "escalates")}
    seen = runs["goes-on"].observation_step
    for other in ("ceasefire", "escalates"):
        for name in units(Levers):
            for a, b in zip(runs["goes-on"].levers, runs[other].levers, strict=True):
                np.testing.assert_array_equal(getattr(a, name)[:seen], getattr(b, name)[:seen])
    assert runs["ceasefire"].levers[0].talks[-1] == 1
    assert runs["escalates"].levers[0].later_decree_quota.sum() == pytest.approx(300_000)


def reference_text():
    from muster.evidence import library

    return (library() / "scenarios" / "russia-ukraine-2022.yaml").read_text()


def changed_file(tmp_path, old, new):
    text = reference_text()
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1))
    return str(path)


WRONG_FILES = {
    "unknown key": ("last_observation:", "last_observed:", "last_obser"),
    "unknown lever": ("      coercion:", "      coersion:", "coercion"),
    "wrong unit": ("announced: 300000 person", "announced: 300000 km", "unit"),
    "negative men": ("announced: 300000 person", "announced: -300000 person", "positive"),
    "dates out of order": ("{2022-02-24: 0.2, 2022-09-21: 0.42}", "{2022-09-21: 0.42, 2022-02-24: 0.2}", "order"),
    "a share above one": ("{2022-02-24: 0.2, 2022-09-21: 0.42}", "{2022-02-24: 0.2, 2022-09-21: 4.2}", "at most 1"),
    "a decree after the last observation": ("date: 2022-09-21", "date: 2025-09-21", "the continuation decides"),
    "end before start": ("end: 2033-12-31", "end: 2021-12-31", "start"),
    "an end that is mistyped": ("end: 2033-12-31", "end: 9999-12-31", "at most 50 years"),
    "a date that is none": ("end: 2033-12-31", "end: 20331231", "a date like 2022-09-21"),
    "a name that is a path": ("name: russia-ukraine-2022", "name: russia/ukraine", "without /"),
    "a side that is a path": ("  russia:\n    label", "  rus/sia:\n    label", "letters, digits"),
    "an unknown key of an event": ("    kind: advance", "    kinds: advance", 'Did you mean "kind"'),
    "no front": ("front_length: {value: 1000 km", "front_length: {value: 0 km", "above 0"),
    "more than the whole front": ("attack_width: {value: 0.1", "attack_width: {value: 3", "of a share at most 1"),
    "parts of a lever that has none": (
        "export_price: {value: 1,",
        "export_price: {value: {east: 1},",
        "one number was expected, found east",
    ),
    "a path without dates": ("path: {2022-02-24: 0.3, 2022-09-24: 0.5}", "path: {}", "at least one date"),
    "shares of more than a whole": ("artillery: 0.8", "artillery: 0.9", "add up to 1"),
    "an unknown setting": ("setting: {file: ukraine}", "setting: {file: ukrain}", "one of .*ukraine.* was expected"),
    "an unknown table of regions, in a national run": ("    regions: ukraine", "    regions: ukrain", 'Did you mean "ukraine"'),
    "an event of no area": ("area: 79000 km2", "area: 79000 km", "km2"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_scenario_is_refused_in_one_sentence(tmp_path, case):
    old, new, word = WRONG_FILES[case]
    path = changed_file(tmp_path, old, new)
    with pytest.raises(UserError, match=word) as caught:
        build(path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_a_policy_that_extends_itself_is_refused(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"name: first\ntitle: one\nside: russia\nextends: {second}\n")
    second.write_text(f"name: second\ntitle: two\nside: russia\nextends: {first}\n")
    with pytest.raises(UserError, match="extends itself"):
        build("toy", policies=(str(first),))


WRONG_SETS = {
    "no value": ("russia.levers.pay", "PATH=VALUE"),
    "unknown side": ("rusia.levers.pay=2", "russia"),
    "unknown lever": ("russia.levers.pey=2", "pay"),
    "wrong unit": ("russia.levers.course_length=12 km", "week"),
    "a decimal comma": ("russia.levers.pay=1,5", "1\\.5"),
    "a sum": ("russia.levers.pay=1+1", "a number was expected"),
    "negative": ("russia.levers.prisoner_offers=-5 person/week", "negative"),
    "a logarithm of nothing": ("russia.levers.pay=0", "above 0"),
    "no course at all": ("russia.levers.course_length=0 weeks", "above 0"),
    "more than a state can spend": ("russia.levers.military_spending=3", "at most 2"),
    "unknown subsystem": ("frnt.loss_rate=0.02", "front"),
    "unknown parameter": ("front.los_rate=0.02", "loss_rate"),
    "a side for a law of the war": ("russia.front.loss_rate=0.02", "both sides"),
    "a share above one": ("russia.callup.evade_share=1.2", "0 to 1"),
}


@pytest.mark.parametrize("case", WRONG_SETS)
def test_a_wrong_set_is_refused_in_one_sentence(case):
    text, word = WRONG_SETS[case]
    with pytest.raises(UserError, match=word) as caught:
        build("russia-ukraine-2022", sets=(text,))
    assert str(caught.value).startswith(f"--set {text}: ")
    assert "\n" not in str(caught.value)


def test_parts_of_a_whole_are_set_one_after_the_other():
    half = build("toy", sets=("north.levers.fire_mix.artillery=0.5", "north.levers.fire_mix.drone=0.3"))
    assert half.levers[0].fire_mix[0].sum() == pytest.approx(1)
    with pytest.raises(UserError, match=r"fire_mix: shares of .* that add up to 1"):
        build("toy", sets=("north.levers.fire_mix.drone=0.9",))


def test_a_wrong_number_of_a_policy_names_the_file_and_its_key(tmp_path):
    path = tmp_path / "dear.yaml"
    path.write_text("name: dear\ntitle: x\nside: north\nset:\n  pay: {value: -2, source: {key: user, grade: assumed}}\nreasons: {pay: x}\n")
    with pytest.raises(UserError, match=r"dear\.yaml, key set\.pay: pay cannot be negative"):
        build("toy", policies=(str(path),))


def test_a_set_changes_one_lever_one_part_or_one_parameter():
    whole = build("russia-ukraine-2022", sets=("russia.levers.course_length=12 weeks",))
    assert np.all(whole.levers[0].course_length[0] == 12)
    part = build("russia-ukraine-2022", sets=("russia.levers.course_length.decree=84 days",))
    assert part.levers[0].course_length[0][1] == pytest.approx(12)
    assert part.levers[0].course_length[0][4] == pytest.approx(2)
    fixed = build("russia-ukraine-2022", sets=("front.loss_rate=0.02", "ukraine.callup.evade_share=30 %"))
    assert fixed.fixed == {"war/front.loss_rate": 0.02, "ukraine/callup.evade_share": pytest.approx(0.3)}


WRONG_TEXTS = {
    "a tag": ("a: !!python/object/apply:os.system [ls]", "tags"),
    "an anchor": ("a: &x 1\nb: *x", "anchors"),
    "a key twice": ("a: 1\na: 2", "twice"),
    "a date twice": ('2022-01-01: 1\n"2022-01-01": 2', "twice"),
    "a list": ("- 1", "mapping"),
    "broken": ("a: [1", "not valid YAML"),
    "nothing": ("", "mapping"),
}


@pytest.mark.parametrize("case", WRONG_TEXTS)
def test_dangerous_or_broken_yaml_is_refused(case):
    text, word = WRONG_TEXTS[case]
    with pytest.raises(UserError, match=word):
        parse_yaml(text, "file.yaml")


def test_only_true_and_false_are_booleans_and_numbers_are_finite():
    assert parse_yaml("a: yes\nb: true\nc: off\nd: .nan", "f") == {"a": "yes", "b": True, "c": "off", "d": ".nan"}


@pytest.mark.parametrize("broken", ["cannot be written to", "was cut short"])
def test_units_are_read_without_a_cache_that(broken, tmp_path, monkeypatch):
    """Until then every lever was said to have the wrong unit."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if broken == "was cut short":
        reading.registry.__wrapped__()
        for path in (tmp_path / "muster" / "pint").rglob("*.pickle"):
            path.write_bytes(b"")
    else:
        (tmp_path / "muster").write_text("a file")
    assert reading.registry.__wrapped__().Quantity(1, "week").to("day").magnitude == pytest.approx(7)


def test_commas_group_thousands():
    assert reading.convert("300,000 person", "person", "here") == 300_000
    assert reading.convert("-1,234.5", "1", "here") == -1234.5


def test_a_file_that_is_too_big_missing_a_folder_or_binary_is_refused(tmp_path):
    big, binary = tmp_path / "big.yaml", tmp_path / "binary.yaml"
    big.write_text("a: " + "x" * 2_000_000)
    binary.write_bytes(b"\xff\xfe\x00\x01")
    for path, word in ((big, "bytes"), (binary, "UTF-8"), (tmp_path, "folder"), (tmp_path / "none.yaml", "not exist")):
        with pytest.raises(UserError, match=word):
            read_yaml(path)


def test_a_mark_before_the_first_letter_is_not_of_the_text(tmp_path):
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert reading.read_yaml(path) == {"a": 1}


def test_tabs_and_impossible_dates_are_told_with_their_cure():
    for text, told in (("a:\n\tb: 1\n", "indent with spaces, not tabs"), ("a: 2000-13-07\n", "a date is written 2022-09-21")):
        with pytest.raises(UserError, match=told):
            reading.parse_yaml(text, "x.yaml")


def test_a_setting_named_twice_is_refused():
    with pytest.raises(UserError, match="set more than once"):
        build("toy", sets=("north.levers.pay=1", "north.levers.pay = 2"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("set: {course_lenght: {value: 12 week, source: {key: user, grade: assumed}}}\nreasons: {}\n", 'Did you mean "course_length"'),
        ("set: {course_length: 12 weeks}\nreasons: {course_length: x}\n", r"\{value: \.\.\., source: \.\.\.\}"),
    ],
)
def test_what_is_wrong_with_a_policy_is_told_by_its_file(tmp_path, text, told):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ntitle: x\nside: north\n{text}", encoding="utf-8")
    with pytest.raises(UserError, match=rf"mine\.yaml.*{told}"):
        build("toy", policies=(str(path),))
    path.write_text("name: mine\ntitle: x\nset: {decree: null}\nreasons: {decree: x}\n", encoding="utf-8")
    with pytest.raises(UserError, match="key side: missing; north or south"):
        build("toy", policies=(str(path),))


def test_no_more_men_stand_on_the_register_than_there_are(tmp_path):
    plain = (library() / "templates" / "scenario.yaml").read_text(encoding="utf-8")
    text = plain.replace("register: {value: 900000", "register: {value: 90000000")
    path = tmp_path / "war.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="key register: at most the"):
        build(str(path))


def test_levers_that_do_not_come_from_a_policys_file_are_checked_too():
    """As those of a file that is opened in the explorer."""
    opened = Policy(
        name="opened file", title="x", side="north", set={"coersion": {"value": 1, "source": {"key": "user", "grade": "assumed"}}}
    )
    with pytest.raises(UserError, match='Did you mean "coercion"'):
        overlay(load("toy"), opened)
