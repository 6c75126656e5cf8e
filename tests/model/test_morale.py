"""Morale, against the rests of its clocks and of self-exciting desertion in closed form (docs/model/morale.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import morale
from muster.model.structure import Structure

NONE = jnp.zeros(5)


@pytest.fixture
def quiet(made):
    """quiet(**values): a week in which nothing happens but what is given."""
    rest = {"troops": jnp.full((2, 5), 1e4), "loss_share": NONE, "arrival_share": NONE, "equipment": 1.0, "pay": 1.0, "decree_age": -1.0}
    return lambda **values: made(morale.Inputs, **(rest | values))


@pytest.mark.parametrize(("in_line", "start"), [(0.3, 0.0), (0.7, 1.0), (1.0, 0.2), (0.0, 0.9)])
def test_exhaustion_rests_where_wear_and_recovery_balance(quiet, central, iterate, in_line, start):
    """x* = (u / t_x) / (u / t_x + (1 - u) / t_r), u = share of time in line."""
    params = central("morale", exhaustion_time=20.0, recovery_time=8.0)
    inputs = quiet(time_in_line=in_line, intensity=1.0)
    rest = iterate(lambda x: morale.exhaustion(x, inputs, params, 0.01), start + NONE, 40_000)
    wear, recovery = in_line / 20, (1 - in_line) / 8
    np.testing.assert_allclose(rest, wear / (wear + recovery), atol=1e-4)


def deserting(quiet, central, psi, limit, structure):
    """One week of precedents of desertion at morale 1/2: y -> y', and the hazard without precedents."""
    params = central("morale", desertion_rate=0.002, opportunity=1.0, desertion_contagion=psi, contagion_limit=limit)
    inputs = quiet()
    calm = replace(morale.begin(params, 5), morale=0.5 + NONE)

    def step(y, dt=1.0):
        hazard, _ = morale.hazards(replace(calm, desertion_precedent=y), inputs, params, structure)
        return morale.precedent(y, jnp.full(5, 2e4) * hazard * dt, jnp.full(5, 2e4), params, dt)

    return step, params.precedent_memory


@pytest.mark.parametrize("psi", [0.0, 100.0, 400.0])
def test_self_exciting_desertion_rests_at_its_rate_over_one_less_the_branching_ratio(quiet, central, iterate, psi):
    """y* = h / (1 - h psi) far below saturation."""
    step, _ = deserting(quiet, central, psi, 1e12, Structure())
    np.testing.assert_allclose(iterate(step, NONE, 3000), 0.002 / (1 - 0.002 * psi), rtol=1e-7)


def test_precedents_of_desertion_relax_the_slower_the_more_contagious_they_are(quiet, central):
    """A deviation keeps the share 1 - (1 - h psi)(1 - exp(-1 / tau)) of itself each week."""
    step, memory = deserting(quiet, central, 300.0, 1e12, Structure())
    rest = 0.002 / (1 - 0.002 * 300)
    kept = (step(rest + 0.001 + NONE) - rest) / 0.001
    np.testing.assert_allclose(kept, 1 - (1 - 0.6) * -np.expm1(-1 / float(memory)), rtol=1e-6)


def test_beyond_a_branching_ratio_of_one_saturation_bounds_desertion(quiet, central, iterate):
    """With h psi = 2 the rest is the positive root of y = h (1 + psi y / (1 + y / limit)), limit 0.01."""
    step, _ = deserting(quiet, central, 1000.0, 0.01, Structure())
    middle = 1 - 0.002 / 0.01 - 0.002 * 1000
    root = (-middle + np.sqrt(middle**2 + 4 * 100 * 0.002)) / 200
    np.testing.assert_allclose(iterate(step, NONE, 5000), root, rtol=1e-8)


def test_without_contagion_precedents_rest_at_the_rate(quiet, central, iterate):
    step, _ = deserting(quiet, central, 1000.0, 0.01, Structure(contagion="none"))
    np.testing.assert_allclose(iterate(step, NONE, 1000), 0.002, rtol=1e-9)


@pytest.mark.parametrize("kind", ["linear", "none", "threshold"])
@pytest.mark.parametrize("precedent", [0.0, 0.004, 0.01, 0.03])
def test_the_branching_ratio_rests_on_the_slope_of_contagion(central, kind, precedent):
    """By central differences, under each rival."""
    params, strength, structure = central("morale", contagion_limit=0.01), 300.0, Structure(contagion=kind)
    low, high = (morale.contagion(jnp.asarray(precedent + width), strength, params, structure) for width in (-1e-6, 1e-6))
    slope = morale.contagion_slope(jnp.asarray(precedent), strength, params, structure)
    assert slope == pytest.approx(float(high - low) / 2e-6, rel=1e-6, abs=1e-9)


def test_morale_rests_at_its_start_when_nothing_happens(quiet, central):
    params = central("morale")
    state = morale.begin(params, 5)
    for _ in range(20):
        state, outputs, _ = morale.step(state, quiet(), params, 1.0, Structure())
    assert state.morale[0] == pytest.approx(float(params.morale_at_start), rel=1e-9)
    assert state.cohesion[0] == pytest.approx(float(params.cohesion_at_start), rel=1e-6)
    np.testing.assert_allclose(state.exhaustion, 0, atol=1e-12)
    assert outputs.surrenders == 0


def test_causes_move_morale_by_their_logits(quiet, central):
    params = central("morale", trust_morale=1.3, morale_at_start=0.6)
    state = morale.begin(params, 5)
    moved = morale.morale_target(state, quiet(trust=-0.2), params)[0]
    assert np.log(moved / (1 - moved)) == pytest.approx(np.log(0.6 / 0.4) - 0.26)


def test_men_who_desert_and_surrender_leave_by_competing_hazards(quiet, central):
    params = central("morale")
    inputs = quiet(war=1.0, intensity=1.0)
    state = morale.begin(params, 5)
    new, _, flows = morale.step(state, inputs, params, 1.0, Structure())
    total = flows.desertion_hazard + flows.surrender_hazard
    np.testing.assert_allclose(flows.deserted + flows.surrendered, 1e4 * -np.expm1(-np.stack([total] * 2)), rtol=1e-12)
    np.testing.assert_allclose(flows.deserted[0] / flows.surrendered[0], flows.desertion_hazard / flows.surrender_hazard, rtol=1e-12)
    np.testing.assert_allclose(new.deserters, jnp.sum(flows.deserted, axis=0), rtol=1e-12)


def test_deserters_come_back_or_go_in_proportion_to_the_two_rates(quiet, central):
    params = central("morale", return_rate=0.03, gone_rate=0.01)
    state = replace(morale.begin(params, 5), deserters=jnp.full(5, 1e3))
    _, _, flows = morale.step(state, quiet(), params, 1.0, Structure())
    np.testing.assert_allclose(flows.came_back, 3 * flows.gone, rtol=1e-12)
    np.testing.assert_allclose(flows.came_back + flows.gone, 1e3 * -np.expm1(-0.04), rtol=1e-12)


def test_losses_and_exhaustion_cost_morale_by_their_logits(quiet, central):
    params = central("morale", loss_morale=15.0, exhaustion_morale=1.5, morale_at_start=0.6)
    state = replace(morale.begin(params, 5), exhaustion=0.2 + NONE)
    moved = morale.morale_target(state, quiet(loss_share=0.01 + NONE), params)[0]
    assert np.log(moved / (1 - moved)) == pytest.approx(np.log(0.6 / 0.4) - 0.15 - 0.3)


def test_low_morale_raises_desertion_and_surrender_by_their_logs(quiet, central):
    params = central("morale", desertion_rate=0.002, desertion_morale=3.0, surrender_rate=0.001, surrender_morale=4.0, opportunity=1.0)
    state = replace(morale.begin(params, 5), morale=0.3 + NONE)
    desertion, surrender = morale.hazards(state, quiet(war=1.0), params, Structure(contagion="none"))
    np.testing.assert_allclose(desertion, 0.002 * np.exp(3 * 0.2), rtol=1e-9)
    np.testing.assert_allclose(surrender, 0.001 * np.exp(4 * 0.2), rtol=1e-9)


def test_a_pocket_multiplies_surrender(quiet, central):
    params = central("morale", pocket_surrender=9.0)
    state = morale.begin(params, 5)
    free, caught = (morale.hazards(state, quiet(war=1.0, pocket=share), params, Structure())[1] for share in (0.0, 0.25))
    np.testing.assert_allclose(caught / free, 3.0, rtol=1e-9)
