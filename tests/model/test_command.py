"""Command, against a chain of first-order filters in closed form (docs/model/command.md)."""

from math import factorial

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import command
from muster.model.luck import LEVELS
from muster.model.structure import Structure

PLAN = 5e5
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
