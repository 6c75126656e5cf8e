"""`muster new scenario`: a template that runs as it is, whose comments are what the code says; and what a scenario may leave out."""

import re
import shlex
import stat

import jax
import numpy as np
import pytest
import yaml

from muster import cli, results
from muster.claims import read_claim
from muster.defaults import KEY, defaults
from muster.errors import UserError
from muster.evidence import bibliography, library, parameters
from muster.experiment import build, overrides_of, setting_of
from muster.model.levers import Ground, Levers, Setting
from muster.model.quantity import meanings, units
from muster.reading import parse_yaml, read_yaml
from muster.scenario import DERIVED, PATHS, load, load_policy


@pytest.fixture
def template(tmp_path):
    """A freshly written template."""
    path = tmp_path / "my-war.yaml"
    assert cli.status(["new", "scenario", str(path)]) == 0
    return path


def changed(template, old, new):
    """The template with one text replaced, as a file of its own."""
    text = template.read_text()
    assert old in text
    other = template.with_name(f"other-{len(list(template.parent.iterdir()))}.yaml")
    other.write_text(text.replace(old, new, 1))
    return str(other)


def test_the_template_runs_as_it_is(template, monkeypatch, capsys):
    monkeypatch.chdir(template.parent)
    assert cli.status(["run", "my-war.yaml", "--draws", "1"]) == 0
    assert "my-war" in capsys.readouterr().out
    kept = results.load("muster-run-my-war")
    for side in kept.sides:
        killed = kept.total(f"{side}/front/killed", "2000-01-06", "2001-07-05")
        assert np.isfinite(killed).all()
        assert killed[0] > 0


def test_only_the_named_file_is_written_and_it_is_a_plain_text(template):
    assert [path.name for path in template.parent.iterdir()] == ["my-war.yaml"]
    assert not template.stat().st_mode & stat.S_IXUSR
    assert load(str(template)).name == "my-war"


def test_a_scenario_is_as_its_file_is_now(template):
    before = load(str(template))
    template.write_text(template.read_text().replace(before.title, "another title"))
    assert load(str(template)).title == "another title" != before.title


def test_a_file_that_is_there_is_kept_unless_forced(template, capsys):
    template.write_text("mine")
    assert cli.status(["new", "scenario", str(template)]) == 2
    assert "--force" in capsys.readouterr().err
    assert template.read_text() == "mine"
    assert cli.status(["new", "scenario", str(template), "--force"]) == 0
    assert template.read_text() != "mine"
    assert [path.name for path in template.parent.iterdir()] == ["my-war.yaml"]


@pytest.mark.parametrize(
    ("name", "word"),
    [("war.txt", ".yaml"), ("none/war.yaml", "does not exist"), ("folder.yaml", "is a folder"), ("a\nb.yaml", "in one line")],
)
def test_a_place_that_cannot_be_written_is_refused_in_one_sentence(tmp_path, capsys, name, word):
    (tmp_path / "folder.yaml").mkdir()
    assert cli.status(["new", "scenario", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert word in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("stem", ["1914", "true", "null", "2000-01-01", "2000-13-45", "1e5", "0x10", "yes"])
def test_a_name_that_yaml_reads_as_no_text_is_quoted(tmp_path, stem):
    place = tmp_path / f"{stem}.yaml"
    assert cli.status(["new", "scenario", str(place)]) == 0
    assert load(str(place)).name == stem
    assert yaml.safe_load(place.read_text())["name"] == stem
    assert cli.status(["new", "claim", str(place), "--force"]) == 0
    assert cli.status(["claims", "check", str(place)]) == 0


@pytest.mark.parametrize(
    ("stem", "name", "claim"),
    [("Ünï", "ünï", "uni"), ("U\u0308n", "ün", "un"), ("Война 2", "война-2", "2"), ("हिन्दी", "हिन्दी", "mine"), ("!_!", "my-war", "mine")],
)
def test_a_name_keeps_the_letters_of_any_alphabet_where_it_may(tmp_path, stem, name, claim):
    place = tmp_path / f"{stem}.yaml"
    assert cli.status(["new", "scenario", str(place)]) == 0
    assert load(str(place)).name == name
    assert cli.status(["new", "claim", str(place), "--force"]) == 0
    assert read_claim(place).id == claim


@pytest.mark.parametrize("kind", ["scenario", "claim", "policy"])
def test_the_commands_that_come_next_can_be_pasted(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    assert cli.status(["new", kind, "my war.yaml"]) == 0
    for command in capsys.readouterr().out.partition("Next: ")[2].split("; "):
        assert "my war.yaml" in shlex.split(command)
    comments = [line for line in (tmp_path / "my war.yaml").read_text().splitlines() if "my war.yaml" in line]
    assert comments
    assert all("'my war.yaml'" in line for line in comments)


@pytest.mark.parametrize(("scenario", "side"), [("toy", "south"), ("russia-ukraine-2022", "russia"), ("russia-ukraine-2022", "ukraine")])
def test_a_policy_lists_every_lever_as_it_was_decided_ready_to_be_copied(tmp_path, scenario, side):
    place = tmp_path / "mine.yaml"
    assert cli.status(["new", "policy", str(place), "--scenario", scenario, "--side", side]) == 0
    levers = load(scenario).sides[side].levers
    head, listed = place.read_text().split("# Every lever as it was decided")
    lines = re.findall("^#   ([a-z_]+): (.*)$", listed, re.MULTILINE)
    assert [name for name, _ in lines] == list(levers)
    copied = head.partition("set:\n")[0] + "set:\n" + "".join(f"  {name}: {value}\n" for name, value in lines)
    copied += "reasons:\n" + "".join(f"  {name}: as decided\n" for name in levers)
    place.write_text(copied)
    same = build(scenario, (str(place),), draws=1, posterior=None)
    as_decided = build(scenario, draws=1, posterior=None)
    assert all(np.array_equal(one, other) for one, other in zip(*map(jax.tree.leaves, (same.levers, as_decided.levers)), strict=True))


def test_a_policy_changes_the_side_that_is_named(tmp_path, capsys):
    place = tmp_path / "mine.yaml"
    assert cli.status(["new", "policy", str(place), "--side", "south"]) == 0
    changed = load_policy(str(place))
    assert (changed.side, list(changed.set)) == ("south", ["course_length"])
    assert cli.status(["new", "policy", str(place), "--side", "nort", "--force"]) == 2
    assert 'Did you mean "north"?' in capsys.readouterr().err


def test_an_unknown_command_names_new_among_the_known(capsys):
    assert cli.status(["nwe"]) == 2
    assert "new" in capsys.readouterr().err


def test_every_lever_and_setting_is_explained_with_its_unit(template):
    comments = [line.strip() for line in template.read_text().splitlines() if line.strip().startswith("#")]
    for record, skipped in ((Levers, DERIVED), (Setting, ()), (Ground, ())):
        for name, meaning in meanings(record).items():
            if name not in skipped:
                assert any(f"[{units(record)[name]}] {meaning}" in line for line in comments), f"{name} is not explained"
    for word in ("decree", "later_decree", "withdrawals"):
        assert any(line.startswith(f"#   {word}: ") for line in comments)


def test_a_comment_stands_above_the_number_that_it_explains(template):
    lines = template.read_text().splitlines()
    for name, meaning in {**meanings(Setting), **meanings(Levers)}.items():
        above = [lines[i] for i, line in enumerate(lines[1:]) if re.match(rf" {{6}}{name}:", line)]
        assert not above or meaning in above[0]
    for name in ("front.theatre_at_start", "arms.tanks_active"):
        entry = parameters()[name.split(".")[0]][name.split(".")[1]]
        above = next(lines[i] for i, line in enumerate(lines[1:]) if line.startswith(f"  north.{name}:"))
        assert above == f"  # [{entry.unit}] {entry.meaning}"


def test_what_is_listed_as_left_out_is_what_the_library_has(template):
    listed = dict(re.findall(r"^#   (\w+): (.+?) {4}\[", template.read_text(), re.MULTILINE))
    known = {**defaults().levers, **defaults().setting}
    assert set(listed) == set(known)
    for name, shown in listed.items():
        assert shown == "a table" or yaml.safe_load(shown) == known[name].value or float(shown) == known[name].value


def test_defaults_are_of_things_that_exist_and_each_has_a_reason():
    assert set(defaults().levers) <= set(PATHS)
    assert set(defaults().setting) <= set(units(Setting))
    assert all(entry.reason for entry in (*defaults().levers.values(), *defaults().setting.values()))
    for name in ("establishment", "course_length", "attack_share", "intensity", "fire_mix"):
        assert name not in defaults().levers, f"{name} has no neutral value"


def test_what_a_scenario_leaves_out_is_neutral_and_cited_as_such(template):
    experiment = build(str(template))
    assert float(experiment.levers[1].home_soil[0]) == 1
    assert not experiment.levers[0].sanctions.any()
    assert experiment.levers[0].shell_offer.shape[1:] == (3,)
    assert experiment.settings[0].neighbours.shape == (1, 1)
    neutral = next(row for row in bibliography(experiment) if row["key"] == KEY)
    assert "north/levers.sanctions" in neutral["values"]
    assert "north/setting.poverty" in neutral["values"]
    assert "north/levers.intensity" not in neutral["values"]


def test_a_lever_that_has_no_neutral_value_must_be_given(template):
    text = template.read_text()
    line = next(line for line in text.splitlines() if line.startswith("      intensity:"))
    with pytest.raises(UserError, match="intensity: missing"):
        load(changed(template, line + "\n", ""))


def test_the_scenarios_of_the_library_that_say_everything_take_nothing_from_the_defaults():
    for name in ("russia-ukraine-2022", "toy"):
        assert all(citation.key != KEY for _, citation in build(name).citations)


def test_a_lever_left_out_can_be_set_from_the_command_line(template):
    experiment = build(str(template), sets=("north.levers.shell_offer.first=10 shell/week", "south.levers.coercion=0.4"))
    np.testing.assert_array_equal(experiment.levers[0].shell_offer[0], [10, 0, 0])
    assert float(experiment.levers[1].coercion[0]) == 0.4


def test_one_number_holds_for_all_parts_but_not_for_persons(template):
    experiment = build(changed(template, "value: [0.4, 1, 1, 1, 1, 0.5, 0, 0, 0, 0]", "value: 0.5"))
    np.testing.assert_array_equal(experiment.settings[0].call_up_age, np.full(10, 0.5))
    women = "{value: [[200000, 200000, 200000, 200000, 200000, 200000, 200000]]"
    with pytest.raises(UserError, match="women: numbers of shape"):
        build(changed(template, women, "{value: 1400000"))


def test_lists_of_unequal_length_are_refused(template):
    with pytest.raises(UserError, match="equal length"):
        build(changed(template, "[42000, 16200, 1800]", "[42000, 16200]"))


def test_a_scenario_brings_its_own_sources(template):
    rows = {row["key"]: row for row in bibliography(build(str(template)))}
    assert rows["my-reading"]["values"] == ["north/levers.decree (page or table)"]
    with pytest.raises(UserError, match=r'source "my-raeding".*my-reading'):
        bibliography(build(changed(template, "{key: my-reading,", "{key: my-raeding,")))
    with pytest.raises(UserError, match="choose another"):
        load(changed(template, "  my-reading: {", "  un-wpp-2019: {"))
    dated = changed(template, 'published: "2000"', "published: 2000-05-01")
    assert load(dated).sources["my-reading"].published == "2000-05-01"


WRONG_OVERRIDES = {
    "a wrong unit": ("{value: 100000, range: [90000, 110000]", "{value: 100000 km, range: [90000, 110000]", "unit"),
    "a range without the value": ("{value: 100000, range: [90000, 110000]", "{value: 100, range: [90000, 110000]", "does not hold"),
    "a negative man": ("{value: 100000, range: [90000, 110000]", "{value: 100000, range: [-1, 110000]", "positive"),
    "no number": ("{value: 100000, range: [90000, 110000]", "{value: many, range: [90000, 110000]", "number"),
}


@pytest.mark.parametrize("case", WRONG_OVERRIDES)
def test_a_wrong_override_is_refused_in_one_sentence(template, case):
    old, new, word = WRONG_OVERRIDES[case]
    with pytest.raises(UserError, match=word) as caught:
        build(changed(template, old, new))
    assert "north.front.theatre_at_start" in str(caught.value)


def test_an_override_is_read_in_the_unit_of_the_parameter(template):
    line = "  front.advance_speed: {value: 1 km/day, range: [1, 10], reason: on foot, sources: [{key: user, grade: assumed}]}\n"
    scenario = load(changed(template, "overrides:\n", "overrides:\n" + line))
    assert overrides_of(scenario)["war/front.advance_speed"].value == pytest.approx(7)


def test_the_template_of_the_library_is_the_scenario_that_is_written(template):
    plain = read_yaml(library() / "templates" / "scenario.yaml")
    assert parse_yaml(template.read_text(), "template") == plain
    assert setting_of(load(str(template)), "north")[0].men.sum() > 1_000_000
