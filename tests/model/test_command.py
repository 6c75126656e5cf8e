"""Command, against a chain of first-order filters in closed form (docs/model/command.md)."""

from dataclasses import replace
from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import command
from muster.model.luck import LEVELS
from muster.model.structure import Structure

PLAN = 5e5
DEFAULT = Structure()
TRUE = {"report_error": 0.0, "report_corner": 1e-9}  # no noise, and a sharp corner between bad and good news


@pytest.fixture
def told(made, central, iterate):
    """told(shortfall, weeks, dt, swallowed, ...): what each level believes when a shortfall has come at week 0."""

    def run(shortfall, weeks, dt=0.05, swallowed=0.0, **overrides):
        params = central("command", **(TRUE | overrides))
        inputs = made(command.Inputs, war=1.0, noise=jnp.zeros(LEVELS))

        def step(believed):
            return command.chain(believed, jnp.asarray(shortfall), swallowed, jnp.asarray(PLAN), inputs, params, dt)

        return np.asarray(iterate(step, jnp.zeros(LEVELS), round(weeks / dt)))

    return run


@pytest.mark.parametrize("levels", [1, 3, 5, 7])
@pytest.mark.parametrize("swallowed", [0.0, 0.1, 0.4])
def test_a_lasting_shortfall_shrinks_by_the_same_share_at_each_level(told, levels, swallowed):
    """Steady gain (1 - b)^L at the top."""
    believed = told(1e5, 200, dt=0.5, swallowed=swallowed, levels=levels)
    assert believed[-1] == pytest.approx(1e5 * (1 - swallowed) ** levels, rel=1e-6)


def test_news_arrives_with_the_delays_of_an_erlang_distribution(told):
    for weeks in (1.0, 4.0, 10.0):
        believed = told(1e5, weeks, dt=0.001, levels=5, level_time=0.8)
        late = sum((weeks / 0.8) ** k / factorial(k) for k in range(5)) * np.exp(-weeks / 0.8)
        assert believed[-1] / 1e5 == pytest.approx(1 - late, abs=1e-3)


def test_good_news_is_not_swallowed(told):
    believed = told(-1e5, 200, dt=0.5, swallowed=0.4, embellishment=0.0, levels=5)
    assert believed[-1] == pytest.approx(-1e5, rel=1e-6)


def test_good_news_grows_by_embellishment_at_each_level(told):
    believed = told(-1e4, 200, dt=0.5, swallowed=0.4, embellishment=0.05, levels=5)
    assert believed[-1] == pytest.approx(-1e4 * 1.05**5, rel=1e-6)


def test_an_honest_chain_tells_the_truth_whatever_the_corner(told):
    for shortfall in (1e5, 300.0, -2e4):
        believed = told(shortfall, 200, dt=0.5, embellishment=0.0, report_corner=0.02)
        np.testing.assert_allclose(believed, shortfall, rtol=1e-6)


def test_suppression_rests_at_its_start_when_nothing_happens(made, central):
    params = central("command", report_error=0.0)
    goal = jnp.asarray(PLAN)
    state = command.begin(params, goal, goal)
    inputs = made(command.Inputs, goal=PLAN, troops=PLAN, noise=jnp.zeros(LEVELS), equipment=1.0, revelations=jnp.full(8, 1e9), candour=0.5)
    for _ in range(10):
        state, outputs = command.write(state, inputs, params, 1.0, Structure())
    assert state.suppression == pytest.approx(float(params.suppression_at_start))
    assert outputs.perceived_strength == pytest.approx(PLAN)
    assert outputs.hidden_shortfall == pytest.approx(0.0, abs=1e-12)


def after(swallowed, weeks, dt, made, params, structure=DEFAULT):
    """Share swallowed after some weeks in full difficulty, checked in part."""
    state = replace(command.begin(params, jnp.asarray(PLAN), jnp.asarray(PLAN)), suppression=jnp.asarray(swallowed))
    inputs = made(command.Inputs, war=1.0, candour=0.5)
    for _ in range(round(weeks / dt)):
        state = replace(state, suppression=command.suppression(state, 1.0, inputs, params, dt, structure))
    return float(state.suppression)


@pytest.mark.parametrize("dt", [0.5, 1.0, 13.0])
def test_suppression_follows_growth_and_decay_in_closed_form(dt, made, central):
    params = central("command", suppression_growth=0.01, suppression_decay=0.06, suppression_limit=0.4)
    rest, rate = 0.4 * 0.01 / 0.04, 0.04
    assert after(0.3, 13, dt, made, params) == pytest.approx(rest + (0.3 - rest) * np.exp(-13 * rate))


@pytest.mark.parametrize("rate", [0.1, 3.0, 1e3])
def test_suppression_stays_between_none_and_its_limit_however_fast(rate, made, central):
    decaying = central("command", suppression_growth=0.0, suppression_decay=rate, suppression_limit=0.4)
    assert 0 <= after(0.3, 4, 1.0, made, decaying) < 0.3
    growing = central("command", suppression_growth=rate, suppression_decay=0.0, suppression_limit=0.4)
    assert 0.3 < after(0.3, 4, 1.0, made, growing) <= 0.4
    assert after(0.5, 4, 1.0, made, growing) == pytest.approx(0.5)


def test_irreversible_suppression_does_not_fall(made, central):
    params = central("command", suppression_growth=0.001, suppression_decay=1.0, suppression_limit=0.4)
    assert after(0.3, 52, 1.0, made, params, Structure(suppression="irreversible")) > 0.3


def test_a_revelation_brings_the_truth_to_the_top(made, central):
    params = central("command", report_error=0.0, suppression_at_start=0.5)
    state = command.begin(params, jnp.asarray(PLAN), jnp.asarray(PLAN))
    inputs = made(
        command.Inputs, goal=PLAN, troops=0.6 * PLAN, noise=jnp.zeros(LEVELS), equipment=1.0, war=1.0, revelations=1e-12 + jnp.arange(8.0)
    )
    new, outputs = command.write(state, inputs, params, 1.0, Structure())
    assert outputs.revelation == 1
    np.testing.assert_allclose(new.shortfall, 0.4 * PLAN)
    assert new.punishment > state.punishment


@pytest.mark.parametrize("dt", [1.0, 0.5, 0.25])
def test_news_takes_the_chains_length_times_the_time_of_a_level_in_any_step(dt, made, central):
    """The mean delay, from what is missing of the truth at the top; the picture is of the step before."""
    params = central("command", **(TRUE | {"levels": 4, "level_time": 2.0}))
    inputs = made(command.Inputs, war=1.0, noise=jnp.zeros(LEVELS))

    def step(believed, _):
        believed = command.chain(believed, jnp.asarray(1e5), 0.0, jnp.asarray(PLAN), inputs, params, dt)
        return believed, believed[-1]

    top = np.asarray(jax.lax.scan(step, jnp.zeros(LEVELS), length=round(100 / dt))[1])
    assert dt * np.sum(1 - top / 1e5) + dt == pytest.approx(4 * 2.0, rel=1e-3)


def test_no_strength_below_nothing_is_reported(made, central):
    params = central("command", report_error=0.0)
    state = replace(command.begin(params, jnp.asarray(PLAN), jnp.asarray(PLAN)), shortfall=jnp.full(LEVELS, 3 * PLAN))
    inputs = made(command.Inputs, goal=PLAN, troops=PLAN, noise=jnp.zeros(LEVELS), equipment=1.0, revelations=jnp.full(8, 1e9))
    _, outputs = command.write(state, inputs, params, 1.0, Structure())
    assert outputs.perceived_strength > 0


def test_what_is_ordered_is_not_ordered_again(central):
    params = central("command")
    state = replace(command.begin(params, jnp.asarray(PLAN), jnp.asarray(PLAN)), shortfall=jnp.full(LEVELS, 0.3 * PLAN))
    orders = [float(command.read(state, PLAN, 0.7 * PLAN, 0.0, called, params).call_up) for called in (0.0, 0.15 * PLAN, 0.3 * PLAN)]
    assert orders[0] == pytest.approx(0.3 * PLAN / float(params.order_time), rel=1e-3)
    assert orders[1] == pytest.approx(orders[0] / 2, rel=0.01)
    assert orders[2] < 0.03 * orders[0]  # the corner that rounds the onset
