"""Quantities have the values that they must have where the answer is known."""

import datetime

import numpy as np
import pytest
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from muster import regional_answers
from muster.errors import NotComputed, UserError
from muster.propositions import One, Proposition, bayes_factor, explained, holds, value
from muster.quantities import Quantity, of_battles, of_ensemble, of_regions
from muster.results import Results
from muster.told import check_quantity, unit_of_quantity

READ = TypeAdapter(Quantity)
DRAWS, WEEKS = 200, 52
A, B, C = "2000-01-06", "2000-03-16", "2000-12-21"


def results(stock, flow):
    """Results with a stock north/front/troops and a flow north/front/killed [draw, week], and south's twice as large."""
    time = np.datetime64("2000-01-06") + np.timedelta64(7, "D") * np.arange(1, WEEKS + 1)
    dims = ("draw", "time")
    front = xr.Dataset({"troops": (dims, stock, {"units": "person"}), "killed": (dims, flow, {"units": "person/week"})})
    other = xr.Dataset({name: (("draw", "time"), 2 * array.values, array.attrs) for name, array in front.data_vars.items()})
    root = xr.Dataset(coords={"draw": np.arange(len(stock)), "time": time.astype("datetime64[ns]")})
    tree = xr.DataTree.from_dict({"/": root, "/north/front": front, "/south/front": other})
    tree.attrs = {"sides": ["north", "south"], "start": "2000-01-06", "dt": 1.0, "scenario_sha256": "x"}
    return Results(tree)


class Two:
    """A run as it happened, and one under another policy on the same draws."""

    weights = None

    def __init__(self, happened, other):
        self.both = {"as-happened": happened, "no-decree": other}
        self.asked = []

    def results(self, policy, fixed=(), cut=()):
        self.asked.append((policy, fixed, cut))
        return self.both["no-decree" if cut or fixed else policy]


@pytest.fixture(scope="module")
def run():
    random = np.random.default_rng(3)
    level = random.uniform(1, 2, (DRAWS, 1))
    week = np.arange(1, WEEKS + 1)
    return results(level * week, np.full((DRAWS, WEEKS), 10.0))


def of(run, **quantity):
    return value(READ.validate_python(quantity), One(run))


def test_stocks_and_flows(run):
    level = of(run, at="north/front/troops", day="2000-01-13")
    assert of(run, at="north/front/troops", day=B) == pytest.approx(10 * level)
    assert of(run, over=["north/front/killed"], start=A, end=B) == pytest.approx(np.full(DRAWS, 100.0))
    assert of(run, over=["north/front/killed", "south/front/killed"], start=A, end=B) == pytest.approx(np.full(DRAWS, 300.0))
    assert of(run, largest="north/front/troops", start=A, end=B) == pytest.approx(10 * level)
    assert of(run, smallest="north/front/troops", start=B, end=C) == pytest.approx(11 * level)  # the week after the day
    within, later, after = (str(datetime.date.fromisoformat(B) + datetime.timedelta(days=days)) for days in (1, 4, 15))
    assert of(run, smallest="north/front/troops", start=within, end=after) == pytest.approx(11 * level)  # the week of the day
    assert of(run, largest="north/front/troops", start=within, end=after) == pytest.approx(12 * level)  # not that after the last day
    assert of(run, largest="north/front/troops", start=within, end=later) == pytest.approx((10 + 4 / 7) * level)  # where no week ends
    assert of(run, mean="north/front/killed", start=A, end=C) == pytest.approx(np.full(DRAWS, 10.0))
    beyond = ("2000-12-28", "2001-01-04", "2001-01-08")  # the run ends on the second of these days
    assert run.mean("north/front/killed", beyond[0], beyond[2]) == pytest.approx(np.full(DRAWS, 10.0))
    assert run.mean("north/front/troops", beyond[1], beyond[2]) == pytest.approx(WEEKS * level)


def test_arithmetic(run):
    stock, flow = {"at": "north/front/troops", "day": B}, {"over": ["north/front/killed"], "start": A, "end": B}
    top, bottom = of(run, **stock), of(run, **flow)
    assert of(run, ratio=[stock, flow]) == pytest.approx(top / bottom)
    assert of(run, difference=[stock, flow]) == pytest.approx(top - bottom)
    assert of(run, sum=[stock, flow, flow]) == pytest.approx(top + 2 * bottom)
    assert of(run, scaled=stock, factor=-0.5) == pytest.approx(-0.5 * top)
    nothing = {"scaled": flow, "factor": 0}
    assert np.all(np.isinf(of(run, ratio=[stock, nothing])))
    assert np.all(np.isnan(of(run, ratio=[nothing, nothing])))


def test_lags(run):
    assert of(run, lag=["south/front/troops", "north/front/troops"], level=1000.0).shape == (DRAWS,)
    assert np.all(np.isnan(of(run, lag=["north/front/troops", "north/front/troops"], level=1000.0)))
    same = of(run, lag=["north/front/troops", "north/front/troops"], level=40.0)
    assert same == pytest.approx(np.zeros(DRAWS))
    faster = of(run, lag=["south/front/troops", "north/front/troops"], level=40.0)
    assert faster == pytest.approx(20 / of(run, at="north/front/troops", day="2000-01-13"))


def test_an_effect_is_paired_draw_by_draw(run):
    other = results(run.series("north/front/troops").values - 5.0, np.full((DRAWS, WEEKS), 4.0))
    runs = Two(run, other)
    stock = {"at": "north/front/troops", "day": B}
    found = value(READ.validate_python({"effect": stock, "against": "no-decree"}), runs)
    assert found == pytest.approx(np.full(DRAWS, 5.0))  # the same in each draw, whatever the draws' own spread
    back = value(READ.validate_python({"effect": stock, "policy": "no-decree"}), runs)
    assert back == pytest.approx(-found)
    killed = {"effect": {"over": ["north/front/killed"], "start": A, "end": B}, "against": "no-decree", "relative": True}
    assert value(READ.validate_python(killed), runs) == pytest.approx(np.full(DRAWS, 1.5))
    value(READ.validate_python({"effect": stock, "cut": ["fiscal"], "fixed": ["morale.decree_morale=0"]}), runs)
    assert runs.asked[-1] == ("as-happened", ("morale.decree_morale=0",), ("fiscal",))
    assert runs.asked[-2] == ("as-happened", (), ())
    average = value(READ.validate_python({"average": {"effect": stock, "against": "no-decree"}}), runs)
    assert average == pytest.approx(np.full(len(average), 5.0))


def test_explained_variance_is_shared_fairly():
    random = np.random.default_rng(5)
    first, second, noise = random.normal(size=(3, 1, 2000))
    both = 2 * first[0] + second[0]
    assert np.median(explained(both, first, second, False)) == pytest.approx(0.8, abs=0.03)
    assert np.median(explained(both, first, second, True)) == pytest.approx(0.6, abs=0.05)
    assert np.median(explained(both, first, first, False)) == pytest.approx(0.4, abs=0.03)  # what both explain is halved
    assert np.median(explained(noise[0], first, second, False)) == pytest.approx(0.0, abs=0.02)


def test_a_bayes_factor_finds_the_cause_and_no_cause():
    random = np.random.default_rng(6)
    cause, other = random.normal(size=(2, 4000))
    assert np.median(bayes_factor(cause + 0.3 * random.normal(size=4000), cause, other, 0.1, False)) > 10
    assert np.median(bayes_factor(other + 0.3 * random.normal(size=4000), cause, other, 0.1, False)) < 0.1
    assert np.median(bayes_factor(random.normal(size=4000), cause, other, 0.1, False)) == pytest.approx(1, abs=0.35)
    assert np.median(bayes_factor(cause + other, cause, other, 0.1, True)) > 3


def test_weights_count_in_a_number_of_the_whole_ensemble(run):
    class Weighed(One):
        weights = np.where(np.arange(DRAWS) < 10, 0.1, 0.0)

    stock = {"at": "north/front/troops", "day": B}
    found = value(READ.validate_python({"average": stock}), Weighed(run))
    assert np.mean(found) == pytest.approx(of(run, **stock)[:10].mean(), rel=0.02)


def test_exponents_of_battles_come_from_the_shipped_fit():
    omega = value(READ.validate_python({"battles": "omega", "era": "1919-1945"}), One(None))
    assert np.median(omega) == pytest.approx(0.50, abs=0.03)
    with pytest.raises(UserError, match="1919-1945"):
        value(READ.validate_python({"battles": "omega", "era": "1919-1946"}), One(None))


def test_a_run_of_one_region_says_so_and_one_with_regions_answers(run):
    quantity = READ.validate_python({"regional": "north/dead", "group": "core", "day": B})
    assert of_regions(quantity)
    with pytest.raises(NotComputed, match="a run by regions"):
        value(quantity, One(run))
    random = np.random.default_rng(7)
    income, group = random.normal(size=60), np.arange(60) % 3 == 0
    men = random.uniform(1e4, 1e5, 60) * np.ones((50, 1))
    dead = men * np.exp(-6 + np.log(1.5) * group - 0.3 * income)
    assert regional_answers.ratio_at_equal(dead, men, group, income[None]) == pytest.approx(np.full(50, 1.5))


def test_what_a_quantity_rests_on_is_known():
    stock = {"at": "north/front/troops", "day": B}
    assert not of_ensemble(READ.validate_python(stock))
    assert of_ensemble(READ.validate_python({"ratio": [{"average": stock}, stock]}))
    assert of_battles(READ.validate_python({"difference": [{"battles": "nu"}, {"battles": "omega"}]}))
    assert not of_battles(READ.validate_python({"ratio": [stock, {"table": "men_per_km"}]}))
    assert of_regions(READ.validate_python({"at": "north/regions/seceded", "day": B}))


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ({"at": "north/front/area_controlled", "day": B}, "km2"),
        ({"over": ["north/front/killed"], "start": A, "end": B}, "person"),
        ({"mean": "north/front/killed", "start": A, "end": B}, "person/week"),
        ({"lag": ["north/front/troops", "north/front/troops"], "level": 1}, "week"),
        ({"ratio": [{"over": ["north/front/killed"], "start": A, "end": B}, {"at": "north/front/troops", "day": B}]}, "1"),
        ({"effect": {"at": "north/front/area_controlled", "day": B}, "against": "no-war"}, "km2"),
        ({"effect": {"at": "north/front/area_controlled", "day": B}, "against": "no-war", "relative": True}, "1"),
        ({"scaled": {"at": "north/front/troops", "day": B}, "factor": 0.001, "unit": "1/km"}, "person/km"),
    ],
)
def test_units(quantity, unit):
    assert unit_of_quantity(READ.validate_python(quantity), "here") == unit


def test_parts_of_two_units_are_refused():
    mixed = {"difference": [{"at": "north/front/troops", "day": B}, {"at": "north/front/area_controlled", "day": B}]}
    with pytest.raises(UserError, match="parts of one unit"):
        unit_of_quantity(READ.validate_python(mixed), "here")


def test_a_policy_loop_or_parameter_that_is_not_there_is_refused():
    from muster.scenario import load

    stock = {"at": "russia/front/troops", "day": "2023-01-01"}
    wrongs = {"against": ("no-decre", "no-decree"), "cut": (["fisca"], "fiscal"), "fixed": (["morale.decree_moral=0"], "decree_morale")}
    for key, (wrong, told) in wrongs.items():
        with pytest.raises(UserError, match=told):
            check_quantity(READ.validate_python({"effect": stock, key: wrong}), load("russia-ukraine-2022"), "here", "as-happened")


def test_thresholds():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    stock = {"at": "north/front/troops", "day": B}
    expected = {"exceeds": (0, 0, 1, 0), "below": (1, 0, 0, 0), "at_least": (0, 1, 1, 0), "at_most": (1, 1, 0, 0)}
    for name, truths in expected.items():
        found = holds(Proposition.model_validate({"name": name, "quantity": stock, "threshold": 2}), values, 2.0)
        assert list(found) == [bool(truth) for truth in truths]


@pytest.mark.parametrize(
    "wrong",
    [
        {"lag": ["north/front/killed", "south/front/killed"], "level": -5},
        {"reached": ["north/front/killed", "south/front/killed"], "of": 0, "weeks": 4},
        {**{key: {"at": "north/front/troops", "day": B} for key in ("bayes_factor", "first", "second")}, "top": 2},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_numbers_without_sense_are_refused_when_a_claim_is_read(wrong):
    with pytest.raises(ValidationError, match=r"greater than 0|less than 1"):
        READ.validate_python(wrong)
