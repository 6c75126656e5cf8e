"""Demography, against conservation and the stable population of Lotka (docs/model/demography.md)."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from muster.model import ages, demography
from muster.model.levers import Setting

MORTALITY = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0, 28.0]) / 1e3  # a year
BIRTHS = np.array([0.01, 0.05, 0.06, 0.05, 0.03, 0.006, 0.0, 0.0, 0.0, 0.0])  # a year and person


@pytest.fixture
def country(made):
    """country(**values): two regions, ten bands of men, seven of women; nobody is born or dies."""

    def build(**values):
        random = np.random.default_rng(5)
        usual = {
            "men": jnp.asarray(random.uniform(1e4, 3e4, (2, 10, 2, 3))),
            "women": jnp.asarray(random.uniform(5e4, 2e5, (2, 7))),
            "others": 2e6,
            "register": 1e6,
            "call_up_age": jnp.ones(10),
            "cohort_age": jnp.full((5, 10), 0.1),
            "men_mortality": jnp.zeros(10),
            "women_mortality": jnp.zeros(7),
            "fertility": jnp.zeros(7),
            "youths": 1e4,
            "girls": 1e4,
        }
        return made(Setting, **(usual | values))

    return build


@pytest.fixture
def begun(central):
    """begun(setting, **parameters): the first day of a country with an army of 200,000."""

    def build(setting, **overrides):
        men = jnp.asarray(setting.men).sum((1, 2, 3))
        return demography.begin(central("demography", **overrides), setting, 2e5 * men / men.sum())

    return build


def everybody(state):
    """All living persons at home and serving."""
    now = state.margins
    men = jnp.sum(now.eligible) + jnp.sum(now.exempt) + jnp.sum(now.serving) + jnp.sum(now.evading)
    return float(men + jnp.sum(now.women) + state.others)


@pytest.mark.parametrize("leave_last", [True, False])
@pytest.mark.parametrize("elapsed", [0.5, 1.0, 26.0])
def test_ageing_loses_nobody(leave_last, elapsed):
    stock = jnp.asarray(np.random.default_rng(1).uniform(0, 1e6, (3, 10, 2)))
    after, left = ages.aged(stock, elapsed, 1, leave_last)
    assert jnp.sum(after) + (left if leave_last else 0) == pytest.approx(float(jnp.sum(stock)), rel=1e-13)


def test_deaths_fall_on_ages_by_their_rates_and_lose_nobody_else():
    stock = jnp.asarray(np.random.default_rng(1).uniform(1e5, 1e6, (3, 10, 2)))
    died = jnp.full((3, 2), 1e3)
    gone = stock - ages.survivors(stock, died, jnp.asarray(MORTALITY), 1)
    np.testing.assert_allclose(jnp.sum(gone, axis=1), died, rtol=1e-9)
    np.testing.assert_allclose(gone[:, 9] / stock[:, 9] / (gone[:, 0] / stock[:, 0]), 28.0, rtol=1e-6)


def test_a_band_is_left_after_five_years_on_the_mean(iterate):
    """One cohort of births: the mean age at which it leaves the last of ten bands is fifty years."""
    stock = jnp.zeros(10).at[0].set(1.0)

    def step(carry):
        stock, weeks, week = carry
        after, left = ages.aged(stock, 1.0, 0)
        return after, weeks + (week + 1) * left, week + 1

    stock, weeks, _ = iterate(step, (stock, jnp.asarray(0.0), jnp.asarray(0.0)), 20_000)
    assert jnp.sum(stock) < 1e-9
    assert weeks / 52 == pytest.approx(50.0, rel=1e-6)


def characteristic(factor, births):
    """Lotka's equation in weekly steps: births by age, discounted by survival and growth, less one."""
    moves, alive = 1 / ages.BAND, np.exp(-MORTALITY / 52)
    stock, total = 1 / (factor - alive[0] * (1 - moves)), 0.0
    for band in range(10):
        if band:
            stock *= alive[band - 1] * moves / (factor - alive[band] * (1 - moves))
        total += births[band] / 52 * stock
    return total - 1


@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_a_stable_population_grows_by_lotkas_factor(iterate, scale):
    births = BIRTHS * scale
    factor = brentq(lambda factor: characteristic(factor, births), 0.997, 1.01, xtol=1e-15)

    def week(stock):
        born = jnp.sum(births * stock) / 52
        return ages.aged(stock * jnp.exp(-MORTALITY / 52), 1.0, 0)[0].at[0].add(born)

    stable = iterate(lambda stock: week(stock) / jnp.sum(week(stock)), jnp.ones(10), 30_000)
    np.testing.assert_allclose(week(stable) / stable, factor, rtol=1e-9)


def quarter(state, inputs, setting, params, dt=1.0):
    """A quarter of the same week: (state before its ages are gone through, state after)."""
    for _ in range(round(13 / dt)):
        state, _ = demography.step(state, inputs, setting, params, dt)
    return state, demography.age(state, setting, 18.0, 18.0)


def test_people_change_by_births_less_deaths(central, country, begun, made):
    young = {"women_mortality": jnp.asarray(MORTALITY[:7]), "fertility": jnp.asarray(BIRTHS[:7])}
    setting = country(men_mortality=jnp.asarray(MORTALITY), others_mortality=0.02, **young)
    state = begun(setting)
    before = everybody(state)
    for _ in range(2):
        _, state = quarter(state, made(demography.Inputs, real_wage=1.0, **NOBODY), setting, central("demography"))
    assert state.births_total > 1e3
    assert everybody(state) - before == pytest.approx(float(state.births_total - state.deaths_total), rel=1e-7)


def test_men_die_by_the_rates_of_their_ages(central, country, begun, made):
    setting = country(men_mortality=jnp.asarray(MORTALITY), youths=0.0, girls=0.0)
    state, _ = quarter(begun(setting), made(demography.Inputs, real_wage=1.0, **NOBODY), setting, central("demography"))
    expected = np.sum(setting.men * -np.expm1(-MORTALITY[:, None, None] / 4))
    assert state.deaths_total == pytest.approx(
        float(expected), rel=2e-3
    )  # one mean rate holds for the quarter: a little more die than age by age


def test_births_of_a_quiet_year_are_the_schedule(central, country, begun):
    setting = country(fertility=jnp.asarray(BIRTHS[:7]))
    params, zero = central("demography", fertility_trend=0.0), jnp.asarray(0.0)
    _, births = demography.born(begun(setting), zero, 1.0, setting, params, zero, zero)
    assert births == pytest.approx(float(jnp.sum(setting.fertility * setting.women)) / 52)


def test_a_shock_to_conceptions_reaches_births_through_three_stages(central, country, begun):
    """Without men at home the factor is 0; births follow the negative binomial delay of three stages."""
    params, setting = central("demography", gestation=39.0, marriage_exponent=1.0), country()
    state = begun(setting)
    gone = replace(state.margins, eligible=state.margins.eligible * 1e-12, exempt=state.margins.exempt * 1e-12)
    state = replace(state, margins=gone)
    p = 3 / 39
    for week in range(1, 60):
        state = demography.conceived(state, jnp.asarray(0.0), setting, params, 1.0)
        waiting = sum(p**k * (1 - p) ** (week - k) * np.prod([(week - j) / (j + 1) for j in range(k)]) for k in range(3))
        np.testing.assert_allclose(state.conceptions[2], waiting, atol=1e-9)


def test_uncertainty_is_nil_when_nothing_happens(central, made):
    params = central("demography")
    assert demography.uncertainty(0.0, 0.0, made(demography.Inputs, real_wage=1.0), params) == 0


NOBODY = {
    "notice_rate": jnp.zeros((2, 3)),
    "notices": jnp.zeros((2, 2)),
    "volunteer_rate": jnp.zeros(2),
    "inducted": jnp.zeros((2, 2, 2)),
    "evaded": jnp.zeros((2, 2)),
    "fled": jnp.zeros((2, 2)),
    "volunteers": jnp.zeros((2, 2)),
    "found": jnp.zeros((2, 2)),
    "forgiven": jnp.zeros(2),
    "killed": jnp.zeros(5),
    "discharged": jnp.zeros(5),
    "gone": jnp.zeros(5),
    "leaving_men": jnp.zeros((2, 2)),
    "fire_men": jnp.zeros(2),
    "fire_others": jnp.zeros(2),
    "under_fire": jnp.zeros(2),
}


def calling(state, made, rate=0.01):
    """A week in which men are called, evade, flee, volunteer, desert, die, leave and come back, all in proportion to who is there."""
    eligible = state.margins.eligible
    notices = rate * jnp.sum(eligible, axis=2)
    given = {
        "notice_rate": jnp.full((2, 3), rate),
        "notices": notices,
        "volunteer_rate": jnp.full(2, 0.003),
        "inducted": jnp.stack([0.5 * notices, 0.1 * notices]),
        "evaded": 0.2 * notices,
        "fled": 0.1 * notices,
        "volunteers": 0.003 * (1 - rate) * jnp.sum(eligible, axis=2),
        "found": jnp.stack([0.01 * state.margins.evading, 0.005 * state.margins.evading]),
        "forgiven": 0.02 * state.margins.evading,
        "prisoners": 500.0,
        "outsiders": 300.0,
        "killed": jnp.array([900.0, 100.0, 0.0, 50.0, 20.0]),
        "discharged": jnp.array([400.0, 0.0, 0.0, 10.0, 0.0]),
        "gone": jnp.array([30.0, 5.0, 0.0, 0.0, 0.0]),
        "leaving_men": jnp.full((2, 2), 0.001),
        "fire_men": jnp.full(2, 0.0005),
        "fire_others": jnp.full(2, 0.001),
        "companions": 0.8,
        "returning": 0.002,
        "real_wage": 1.0,
    }
    return made(demography.Inputs, **(NOBODY | given))


def test_call_up_flight_and_return_move_persons_and_lose_none(central, country, begun, made):
    params, setting = central("demography"), country()
    state = begun(setting)
    new, left = demography.book(state, calling(state, made), setting, params, 1.0)
    new, again = demography.book(new, calling(new, made), setting, params, 1.0)
    now = new.margins
    away = jnp.sum(now.abroad) + jnp.sum(now.women_abroad) + new.others_abroad
    assert everybody(new) + away + jnp.sum(new.dead) - new.outsiders_total == pytest.approx(everybody(state), rel=1e-12)
    assert new.outsiders_total == pytest.approx(1600.0)
    assert jnp.sum(new.dead) == pytest.approx(2140.0)
    assert new.emigrated_total == pytest.approx(float(left + again))


@pytest.mark.parametrize("rate", [0.01, 0.4])
def test_the_ages_of_a_quarter_add_up_to_its_margins(central, country, begun, made, rate):
    """Every margin, cell by cell; nobody is a negative number of men, even where nearly all of them are called."""
    setting = country(men_mortality=jnp.asarray(MORTALITY), women_mortality=jnp.asarray(MORTALITY[:7]))
    params, state = central("demography"), begun(setting)
    for _ in range(3):
        for _ in range(13):
            state, _ = demography.step(state, calling(state, made, rate), setting, params, 1.0)
        tables = ages.spread(state.tables, state.margins, state.moved, state.frozen.listed, setting)
        now = state.margins
        for name, axis in (("serving", 2), ("evading", 1), ("abroad", 1), ("women", 1), ("women_abroad", 1)):
            np.testing.assert_allclose(jnp.sum(getattr(tables, name), axis=axis), getattr(now, name), rtol=1e-8, atol=1e-6)
        men = jnp.sum(tables.civil, axis=(1, 3))
        np.testing.assert_allclose(men, jnp.sum(now.eligible, axis=2) + now.exempt, rtol=1e-8)
        assert min(float(jnp.min(leaf)) for leaf in jax.tree.leaves(tables)) > -1e-6
        before = everybody(state)
        state = demography.age(state, setting, 18.0, 18.0)
        assert everybody(state) == pytest.approx(before, rel=1e-13)


def test_men_who_join_the_army_have_the_ages_of_the_register(central, country, begun, made):
    setting = country(call_up_age=jnp.array([0, 1, 1, 1, 0, 0, 0, 0, 0, 0.0]), cohort_age=jnp.full((5, 10), 0.1))
    state = begun(setting)
    last = state
    for _ in range(13):
        week = replace(calling(last, made), prisoners=jnp.asarray(0.0), outsiders=jnp.asarray(0.0), gone=jnp.zeros(5))
        last, _ = demography.step(last, week, setting, central("demography"), 1.0)
    tables = ages.spread(last.tables, last.margins, last.moved, last.frozen.listed, setting)
    called = jnp.sum(tables.serving[1:4], axis=(0, 1, 3))
    np.testing.assert_allclose(called[0] + jnp.sum(called[4:]), 0, atol=1e-6 * float(jnp.sum(called)) + 20)
    assert jnp.sum(called[1:4]) > 1e5
