"""Demography, against conservation and the stable population of Lotka (docs/model/demography.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from muster.model import demography
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


def everybody(state):
    """All living persons at home and serving."""
    return float(jnp.sum(state.civil) + jnp.sum(state.women) + state.others + jnp.sum(state.serving) + jnp.sum(state.evading))


@pytest.mark.parametrize("leave_last", [True, False])
@pytest.mark.parametrize("elapsed", [0.5, 1.0, 26.0])
def test_ageing_loses_nobody(leave_last, elapsed):
    stock = jnp.asarray(np.random.default_rng(1).uniform(0, 1e6, (3, 10, 2)))
    after, dead, left = demography.aged(stock, jnp.asarray(MORTALITY), elapsed, 1, leave_last)
    assert jnp.sum(after) + dead + (left if leave_last else 0) == pytest.approx(float(jnp.sum(stock)), rel=1e-13)
    assert dead == pytest.approx(float(jnp.sum(stock * -np.expm1(-MORTALITY[:, None] * elapsed / 52))), rel=1e-12)


def test_a_band_is_left_after_five_years_on_the_mean(iterate):
    """One cohort of births: the mean age at which it leaves the last of ten bands is fifty years."""
    stock = jnp.zeros(10).at[0].set(1.0)

    def step(carry):
        stock, weeks, week = carry
        after, _, left = demography.aged(stock, jnp.zeros(10), 1.0, 0)
        return after, weeks + (week + 1) * left, week + 1

    stock, weeks, _ = iterate(step, (stock, jnp.asarray(0.0), jnp.asarray(0.0)), 20_000)
    assert jnp.sum(stock) < 1e-9
    assert weeks / 52 == pytest.approx(50.0, rel=1e-6)


def characteristic(factor, births):
    """Lotka's equation in weekly steps: births by age, discounted by survival and growth, less one."""
    moves, alive = 1 / demography.BAND, np.exp(-MORTALITY / 52)
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

    def step(stock):
        born = jnp.sum(births * stock) / 52
        after = demography.aged(stock, jnp.asarray(MORTALITY), 1.0, 0)[0].at[0].add(born)
        return after / jnp.sum(after)

    stable = iterate(step, jnp.ones(10), 30_000)
    grown = demography.aged(stable, jnp.asarray(MORTALITY), 1.0, 0)[0].at[0].add(jnp.sum(births * stable) / 52)
    np.testing.assert_allclose(grown / stable, factor, rtol=1e-9)


def test_people_change_by_births_less_deaths(central, country):
    young = {"women_mortality": jnp.asarray(MORTALITY[:7]), "fertility": jnp.asarray(BIRTHS[:7])}
    setting = country(men_mortality=jnp.asarray(MORTALITY), others_mortality=0.02, **young)
    params = central("demography")
    state = demography.begin(params, setting, jnp.asarray(2e5))
    before = everybody(state)
    for week in range(20):
        state, _ = demography.age(state, jnp.asarray(0.1), 1.0, setting, params, jnp.asarray(float(week)), jnp.asarray(0.01))
    assert state.births_total > 1e3
    assert everybody(state) - before == pytest.approx(float(state.births_total - state.deaths_total), rel=1e-7)


def test_births_of_a_quiet_year_are_the_schedule(central, country):
    setting = country(fertility=jnp.asarray(BIRTHS[:7]))
    params = central("demography", fertility_trend=0.0)
    state = demography.begin(params, setting, jnp.asarray(2e5))
    _, births = demography.age(state, jnp.asarray(0.0), 1.0, setting, params, jnp.asarray(0.0), jnp.asarray(0.0))
    assert births == pytest.approx(float(jnp.sum(setting.fertility * setting.women)) / 52)


def test_a_shock_to_conceptions_reaches_births_through_three_stages(central, country):
    """Without men at home the factor is 0; births follow the negative binomial delay of three stages."""
    params, setting = central("demography", gestation=39.0, marriage_exponent=1.0), country()
    state = demography.begin(params, setting, jnp.asarray(2e5))
    state = replace(state, civil=state.civil * 1e-12)
    p = 3 / 39
    for week in range(1, 60):
        state = demography.conceived(state, jnp.asarray(0.0), setting, params, 1.0)
        waiting = sum(p**k * (1 - p) ** (week - k) * np.prod([(week - j) / (j + 1) for j in range(k)]) for k in range(3))
        np.testing.assert_allclose(state.conceptions[2], waiting, atol=1e-9)


def test_uncertainty_is_nil_when_nothing_happens(central, made):
    params = central("demography")
    assert demography.uncertainty(0.0, made(demography.Inputs, real_wage=1.0), params) == 0


def test_call_up_flight_and_return_move_persons_and_lose_none(central, country, made):
    params, setting = central("demography"), country()
    state = demography.begin(params, setting, jnp.asarray(2e5))
    part = setting.men
    inputs = made(
        demography.Inputs,
        inducted=jnp.stack([0.01 * part, 0.002 * part]),
        found=jnp.zeros((2, 2, 10)),
        volunteers=0.003 * part,
        prisoners=500.0,
        outsiders=300.0,
        evaded=0.004 * part,
        forgiven=jnp.zeros((2, 10)),
        fled=0.005 * part,
        killed=jnp.array([900.0, 100.0, 0.0, 50.0, 20.0]),
        discharged=jnp.array([400.0, 0.0, 0.0, 10.0, 0.0]),
        gone=jnp.array([30.0, 0.0, 0.0, 0.0, 0.0]),
        leaving_men=jnp.full((2, 2), 0.001),
        fire_men=0.0005,
        fire_others=0.001,
        companions=0.8,
        returning=0.002,
        real_wage=1.0,
    )
    new, left = demography.book(state, inputs, setting, params, 1.0)
    new, again = demography.book(new, inputs, setting, params, 1.0)
    away = jnp.sum(new.abroad) + jnp.sum(new.women_abroad) + new.others_abroad
    assert everybody(new) + away + jnp.sum(new.dead) - new.outsiders_total == pytest.approx(everybody(state), rel=1e-12)
    assert new.outsiders_total == pytest.approx(1600.0)
    assert jnp.sum(new.dead) == pytest.approx(2140.0)
    assert new.emigrated_total == pytest.approx(float(left + again))
