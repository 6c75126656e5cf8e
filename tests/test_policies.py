"""The policies of the library: each builds, gives its reasons, and every lever has the right sign on the same luck."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from muster.compare import together
from muster.errors import UserError
from muster.experiment import build
from muster.model import ages, callup
from muster.scenario import load, load_policy, overlay

POLICIES = {  # DESIGN's list -> side, levers
    "as-happened": ("russia", set()),
    "no-decree": ("russia", {"decree", "theatre_goal_share"}),
    "stabilise-and-train": ("russia", {"commitment", "course_length", "attack_share"}),
    "everyone-to-the-front": ("russia", {"commitment", "hasty_course_length"}),
    "equal-burden": ("russia", {"quota_rule"}),
    "veterans-only": ("russia", {"decree", "selection", "theatre_goal_share"}),
    "closed-border": ("russia", {"border"}),
    "candid-command": ("russia", {"candour"}),
    "early-decree": ("russia", {"decree", "theatre_goal_share"}),
    "second-wave": ("russia", {"later_decree", "theatre_goal_share"}),
    "ukraine-lower-call-up-age": ("ukraine", {"minimum_age"}),
    "ukraine-longer-training": ("ukraine", {"course_length"}),
}
DRAWS = 16
DECREE, STOP, YEAR = 29, 49, 52  # weeks from the start to the decree and to a stop of partners on 2 February 2023; weeks in a year

SOURCE = "source: {key: muster-prior, grade: assumed}"
COURSE = "{{standing: 10, decree: {0}, later_decree: 10, volunteer: 1.5, prisoner: 2}}"
NOBODY = "{standing: 0, decree: 0, later_decree: 0.4, volunteer: 0.5, prisoner: 0.5}"
PARTNERS = "{{first: {0}, second: {0}, third: {0}}}"
OWN = {  # policies of these tests: side, levers
    "course-of-4": (
        "russia",
        {"course_length": f"{{value: {COURSE.format(4)}, {SOURCE}}}", "commitment": f"{{value: {NOBODY}, {SOURCE}}}"},
    ),
    "course-of-16": (
        "russia",
        {"course_length": f"{{value: {COURSE.format(16)}, {SOURCE}}}", "commitment": f"{{value: {NOBODY}, {SOURCE}}}"},
    ),
    "twice-the-quota": ("russia", {"decree": f"{{date: 2022-09-21, announced: 600000, duration: 5.3 week, {SOURCE}}}"}),
    "partners-go-on": ("ukraine", {"partner_decision": f"{{value: {PARTNERS.format(0)}, {SOURCE}}}"}),
    "partners-stop": (
        "ukraine",
        {"partner_decision": f"{{path: {{2022-02-24: {PARTNERS.format(0)}, 2023-02-02: {PARTNERS.format(-9)}}}, between: hold, {SOURCE}}}"},
    ),
}
SERIES = (
    "front/troops", "callup/called_up", "callup/evaded", "callup/fled_notice", "people/emigration", "partners/shells",
    "training/graduate_skill", "command/suppression", "command/hidden_shortfall",
)  # fmt: skip
BY_COHORT = ("cohorts/troops", "cohorts/losses", "cohorts/skill")


def written(folder, name):
    """The path of one of the policies of these tests."""
    side, levers = OWN[name]
    path = folder / f"{name}.yaml"
    texts = [f"name: {name}", f"title: {name}", f"side: {side}", "set:", *(f"  {key}: {value}" for key, value in levers.items())]
    path.write_text("\n".join([*texts, "reasons:", *(f"  {key}: asked by a test" for key in levers)]) + "\n")
    return str(path)


def read(results):
    """The series that the tests ask for [draw, week], by path and, of the cohorts, by cohort too."""
    found = {}
    for side in results.sides:
        found |= {f"{side}/{path}": np.array(results.series(f"{side}/{path}").values, dtype=float) for path in SERIES}
        for path in BY_COHORT:
            for cohort in ("standing", "decree"):
                found[f"{side}/{path}/{cohort}"] = np.array(results.series(f"{side}/{path}", cohort).values, dtype=float)
    return found


def runs_of(names, folder, sets=()):
    """name -> series, of policies on the same parameters and luck."""
    paths = [written(folder, name) if name in OWN else name for name in names]
    experiments = tuple(build("russia-ukraine-2022", (path,), draws=DRAWS, sets=sets) for path in paths)
    found = {}
    for number, results in together(experiments):
        found[names[number]] = read(results)
        gc.collect()
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    names = (
        "as-happened",
        *OWN,
        *(name for name in POLICIES if name not in ("as-happened", "no-decree", "equal-burden", "candid-command")),
    )
    return runs_of(names, tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="module")
def candid(tmp_path_factory):
    """Without the error of reports, which hides what candour does."""
    return runs_of(("as-happened", "candid-command"), tmp_path_factory.mktemp("candid"), ("command.report_error=0",))


def change(runs, path, first, last, policy, against="as-happened"):
    """The mean of a series in some weeks under a policy less that under another [draw]."""
    return (runs[policy][path] - runs[against][path])[:, first:last].mean(axis=1)


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_sets_levers_of_one_side_with_a_reason_for_each(name):
    side, levers = POLICIES[name]
    policy = load_policy(name)
    assert (policy.name, policy.side, set(policy.set), set(policy.reasons)) == (name, side, levers, levers)
    assert all(len(reason) > 20 for reason in policy.reasons.values())
    base, changed = load("russia-ukraine-2022"), overlay(load("russia-ukraine-2022"), policy)
    assert all(changed.sides[other] == base.sides[other] for other in base.sides if other != side)
    experiment = build("russia-ukraine-2022", (name,))
    assert (experiment.levers is experiment.base_levers) == (not levers)


def test_a_policy_of_a_side_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="not a side of toy"):
        build("toy", ("no-decree",))


def test_a_longer_course_makes_better_soldiers_who_come_later_and_fewer_of_them_fall_in_their_first_month(runs):
    def first_month(policy, weeks):
        month = slice(DECREE + weeks + 1, DECREE + weeks + 5)
        rates = {
            cohort: np.sum(runs[policy][f"russia/cohorts/losses/{cohort}"][:, month], axis=1)
            / np.sum(runs[policy][f"russia/cohorts/troops/{cohort}"][:, month], axis=1)
            for cohort in ("decree", "standing")
        }
        return rates["decree"] / rates["standing"]  # beside men who fight in the same weeks

    short, long = runs["course-of-4"], runs["course-of-16"]
    assert np.all(first_month("course-of-16", 16) < first_month("course-of-4", 4))
    assert np.all(long["russia/training/graduate_skill"][:, DECREE + 18] > short["russia/training/graduate_skill"][:, DECREE + 6])
    assert np.all(long["russia/cohorts/skill/decree"][:, DECREE + 18] > short["russia/cohorts/skill/decree"][:, DECREE + 6])
    assert np.all(change(runs, "russia/cohorts/troops/decree", DECREE + 6, DECREE + 16, "course-of-16", "course-of-4") < 0)


def test_a_higher_quota_makes_more_men_evade_and_flee(runs):
    for path in ("callup/called_up", "callup/evaded", "callup/fled_notice"):
        assert np.all(change(runs, f"russia/{path}", DECREE, DECREE + 26, "twice-the-quota") > 0), path


def test_a_closed_border_keeps_men_in_the_country_and_more_of_them_evade(runs):
    assert np.all(change(runs, "russia/people/emigration", DECREE + 1, DECREE + YEAR, "closed-border") < 0)
    assert np.all(change(runs, "russia/callup/fled_notice", DECREE + 1, DECREE + 5, "closed-border") < 0)
    assert np.all(change(runs, "russia/callup/evaded", DECREE + 1, DECREE + 5, "closed-border") > 0)


def test_more_candour_lets_less_bad_news_be_swallowed_and_hides_less(candid):
    assert np.all(change(candid, "russia/command/suppression", DECREE + 3, DECREE + YEAR, "candid-command") < 0)
    hidden = {
        name: np.maximum(run["russia/command/hidden_shortfall"], 0)[:, DECREE + 1 : DECREE + 15].mean(axis=1)
        for name, run in candid.items()
    }
    assert np.median(hidden["candid-command"] - hidden["as-happened"]) < 0


def test_when_partners_stop_shells_run_dry_after_the_delay_and_not_before(runs):
    on, off = (runs[name]["ukraine/partners/shells"] for name in ("partners-go-on", "partners-stop"))
    ratio = off.mean(axis=0) / on.mean(axis=0)
    np.testing.assert_allclose(ratio[:STOP], 1, rtol=0.02)
    assert ratio[STOP + 2] > 0.95
    assert np.all(off[:, STOP + YEAR] < 0.6 * on[:, STOP + YEAR])


def test_veterans_only_brings_fewer_and_better_men(runs):
    assert np.all(change(runs, "russia/callup/called_up", DECREE, DECREE + 26, "veterans-only") < 0)
    assert np.all(change(runs, "russia/front/troops", DECREE + 14, DECREE + 26, "veterans-only") < 0)
    assert np.all(change(runs, "russia/cohorts/skill/decree", DECREE + 14, DECREE + 26, "veterans-only") > 0)


def test_everyone_to_the_front_brings_more_men_now_and_worse_ones(runs):
    later = DECREE + 3, DECREE + 9
    assert np.all(change(runs, "russia/cohorts/troops/decree", *later, "everyone-to-the-front") > 0)
    assert np.all(change(runs, "russia/cohorts/skill/decree", *later, "everyone-to-the-front") < 0)
    assert np.all(change(runs, "russia/cohorts/troops/decree", *later, "stabilise-and-train") < 0)


def test_the_date_of_a_decree_is_when_its_men_come(runs):
    assert np.all(change(runs, "russia/front/troops", 15, DECREE, "early-decree") > 0)
    assert np.median(change(runs, "russia/front/troops", 100, 120, "second-wave")) > 0


def test_the_other_side_trains_longer_or_calls_younger_men_with_the_expected_sign(runs):
    autumn = DECREE + 4, DECREE + 16
    assert np.all(change(runs, "ukraine/cohorts/skill/decree", *autumn, "ukraine-longer-training") > 0)
    assert np.median(change(runs, "ukraine/cohorts/troops/decree", *autumn, "ukraine-longer-training")) < 0
    assert np.all(change(runs, "ukraine/front/troops", 150, 160, "ukraine-lower-call-up-age") > 0)


def test_a_lower_minimum_age_opens_the_years_between_and_a_higher_one_closes_them():
    setting = build("russia-ukraine-2022", draws=1).settings[1]
    liable = setting.call_up_age
    same, lower, higher = (np.asarray(liable * ages.opened(setting, age, 27)) for age in (27, 20, 30))
    np.testing.assert_array_equal(same, liable)
    np.testing.assert_allclose(lower[:3], [liable[0], 1, 1])
    np.testing.assert_allclose(higher[:3], [liable[0], liable[1], 0])  # who was liable below the age of the start stays so
    for changed in (lower, higher):
        np.testing.assert_array_equal(changed[3:], liable[3:])
    half = np.asarray(liable * ages.opened(setting, 22.5, 27))
    assert half[1] == pytest.approx(liable[1] + (1 - liable[1]) / 2)


def by_region(setting, shares, poverty):
    """A setting of several regions with the same people in each, but for their number and poverty."""
    weights = np.asarray(shares) / np.sum(shares)
    count = len(weights)
    return replace(
        setting,
        men=setting.men.sum(axis=0) * weights[:, None, None, None],
        women=setting.women.sum(axis=0) * weights[:, None],
        poverty=np.asarray(poverty),
        titular_share=np.zeros(count),
        relative_income=np.ones(count),
        has_hazard=np.zeros(count),
        titular_groups=np.ones(count),
        movements_at_start=np.zeros(count),
        neighbours=(np.ones((count, count)) - np.eye(count)) / (count - 1),
    )


SHARES, POVERTY = (3, 1, 2, 1, 1), (-1.4, -0.7, 0.1, 0.8, 1.6)


@pytest.mark.parametrize("rule", [0.0, 0.5, 1.0])
def test_the_quota_rule_weighs_poverty_and_at_0_men_alone(rule):
    experiment = build("toy", draws=1)
    setting = by_region(experiment.settings[0], SHARES, POVERTY)
    params = replace_params(poverty_quota=0.4)
    weights = np.asarray(quotas(setting, rule, params))
    per_man = weights / (np.asarray(SHARES) / np.sum(SHARES))
    np.testing.assert_allclose(per_man / per_man[0], np.exp(rule * 0.4 * (np.asarray(POVERTY) - POVERTY[0])), rtol=1e-6)


def replace_params(**values):
    """Parameters of the call-up of which only the quota's are asked for."""
    names = callup.Params.__dataclass_fields__
    return callup.Params(**(dict.fromkeys(names, 0.0) | values))


def quotas(setting, rule, params):
    """Shares of the national quota by region."""
    names = callup.Inputs.__dataclass_fields__
    given = {"poverty": setting.poverty, "titular_share": setting.titular_share, "quota_rule": rule}
    register = np.sum(setting.men, axis=(1, 2, 3))
    return callup.quota_weights(register, callup.Inputs(**(dict.fromkeys(names, 0.0) | given)), params)


def dead_of_the_decree(world, _readings):
    """The first side's dead of the cohort called up by the decree, by region."""
    return world.sides.split()[0].demography.dead[1]


def test_equal_burden_lowers_the_spread_of_deaths_per_man(run_with):
    experiment = build("toy", draws=1, sets=("callup.poverty_quota=0.4", "callup.titular_quota=0"))
    settings = tuple(by_region(setting, SHARES, POVERTY) for setting in experiment.settings)
    dead = []
    for rule in (1.0, 0.0):
        levers = tuple(replace(side, quota_rule=np.full_like(side.quota_rule, rule)) for side in experiment.levers)
        changed = replace(experiment, settings=settings, levers=levers, base_levers=levers)
        seen = run_with(changed, [0, 1, 2, 3], dead_of_the_decree)
        men = settings[0].men.sum(axis=(1, 2, 3))
        dead.append(np.asarray(seen)[:, -1] / men)
    unequal, equal = (np.std(rates, axis=1) / np.mean(rates, axis=1) for rates in dead)
    assert np.all(unequal > 0.1)
    assert np.all(equal < unequal / 2)  # deserters of an army from poor regions are found there and come back
    assert np.median(equal) < np.median(unequal) / 20
