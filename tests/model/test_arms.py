"""Arms, against the accounts of hulls and shells and Wright's progress ratio (docs/model/arms.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import arms
from muster.model.structure import Structure

PLAN = jnp.array([5.0, 10.0, 3.0])


@pytest.fixture
def works(central):
    """works(**overrides): parameters and the state of the start."""

    def build(**overrides):
        params = central("arms", **overrides)
        return params, arms.begin(params, PLAN, jnp.asarray(3e4), jnp.asarray(2e5))

    return build


@pytest.fixture
def week(made):
    """week(**values): a week of war in which the works follow their plan."""
    usual = {
        "war": 1.0,
        "arms_labour": 1.0,
        "line_plan": PLAN,
        "shell_line_plan": 3e4,
        "vehicles_delivered": jnp.zeros(3),
        "fire_plan": 4e4,
        "troops": 2e5,
    }
    return lambda **values: made(arms.Inputs, **(usual | values))


def test_hulls_taken_are_restored_or_cannibalised(works, week):
    params, state = works()
    new, outputs = arms.step(state, week(), params, 1.0, Structure())
    taken = jnp.sum(state.storage - new.storage, axis=1)
    restored = jnp.sum((state.storage - new.storage) * arms.yields(params), axis=1)
    assert outputs.tanks_restored == pytest.approx(float(restored[0]))
    np.testing.assert_allclose(new.lost_total, taken - restored, rtol=1e-9)
    np.testing.assert_allclose(new.active, state.active + restored + new.made_total, rtol=1e-12)


def test_stores_run_down_to_nothing_and_not_below(works, week, iterate):
    params, state = works(refurbishment=60.0)
    before = state
    for _ in range(6):
        after = iterate(lambda s: arms.step(s, week(), params, 1.0, Structure())[0], before, 260)
        assert jnp.all(after.storage >= 0)
        assert jnp.all(after.storage <= before.storage)
        before = after
    assert jnp.all(jnp.sum(after.storage, axis=1) < 0.02 * jnp.sum(state.storage, axis=1))


def test_the_best_hulls_go_first(works):
    params, state = works(best_first=3.0, stored_good=1.0, stored_middling=1.0, stored_poor=1.0)
    hulls = arms.restored(state.storage, jnp.full(3, 10.0), params, 1.0)
    vehicles = hulls * arms.yields(params)
    assert jnp.all(vehicles[:, 0] > vehicles[:, 1])
    assert jnp.all(vehicles[:, 1] > vehicles[:, 2])


def test_works_restore_what_their_hours_allow_while_stores_are_full(works):
    """With ample hulls, restored vehicles times their hours are the capacity of the works."""
    params, state = works(poor_hours=4.0)
    hulls = arms.restored(1e6 * state.storage, jnp.full(3, 10.0), params, 1.0)
    hours = jnp.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(jnp.sum(hulls * arms.yields(params) * hours, axis=1), 10.0, rtol=1e-5)


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_no_vehicle_appears_or_vanishes(works, week, dt):
    params, state = works()

    def count(state):
        held = jnp.sum(state.storage, axis=1) + state.active + state.damaged
        return held + state.lost_total - state.made_total - state.taken_total

    before = count(state)
    for weeks in range(40):
        state, _ = arms.step(state, week(vehicles_delivered=jnp.array([2.0, 7.0, 1.0])), params, dt, Structure())
        lost = arms.losses(state, 0.005 * (1 + weeks % 5), params, dt)
        state = arms.book(state, lost, jnp.array([1.0, 2.0, 0.5]), params, dt)
        assert jnp.all(state.active >= 0)
    np.testing.assert_allclose(count(state), before, rtol=1e-12)


def test_a_full_park_loses_the_stated_multiple_of_the_loss_share_of_men(works):
    params, state = works(vehicle_losses=2.0)
    np.testing.assert_allclose(arms.losses(state, 0.01, params, 1.0) / state.active, -np.expm1(-0.02), rtol=1e-12)
    halved = replace(state, active=state.active / 2)
    assert jnp.all(arms.losses(halved, 0.01, params, 1.0) / halved.active < -np.expm1(-0.02))


def test_losses_are_read_after_the_fighting(works, week):
    params, state = works()
    after, outputs = arms.step(state, week(), params, 0.5, Structure())
    lost = arms.losses(after, 0.01, params, 0.5)
    told = arms.after_fighting(outputs, arms.book(after, lost, jnp.zeros(3), params, 0.5), lost, 0.5)
    assert 0.5 * told.tanks_lost == pytest.approx(float(lost[0]))
    assert 0.5 * told.carriers_lost == pytest.approx(float(lost[1]))
    assert told.afv < outputs.afv


@pytest.mark.parametrize("fire", [0.0, 4e4, 1e6, 1e12])
def test_shells_are_never_below_nothing(works, week, fire):
    params, state = works()
    for _ in range(60):
        new, outputs = arms.step(state, week(fire_plan=fire, shells_delivered=500.0), params, 1.0, Structure())
        assert new.shells >= 0
        assert 0 <= outputs.shells_fired <= fire
        state = new
    made, fired = state.shells_made_total, state.shells_fired_total
    assert state.shells == pytest.approx(float(params.shells_at_start + made - fired), rel=1e-9, abs=1e-3)


def test_in_the_long_run_guns_fire_what_is_made(works, week, iterate):
    params, state = works()
    inputs = week(fire_plan=2e5)
    end = iterate(lambda s: arms.step(s, inputs, params, 1.0, Structure())[0], state, 2000)
    _, outputs = arms.step(end, inputs, params, 1.0, Structure())
    assert outputs.shells_fired == pytest.approx(float(outputs.shells_made), rel=1e-6)


@pytest.mark.parametrize(("learning", "weight"), [("full", 1.0), ("half", 0.5), ("none", 0.0)])
def test_each_doubling_of_experience_saves_wrights_share_of_hours(works, week, learning, weight):
    """Hours a vehicle fall to 2^-e, the progress ratio: 80 % at e = 0.322."""
    params, state = works(learning_exponent=-np.log2(0.8))
    structure = Structure(learning=learning)
    once = arms.productivity(state, week(), params, structure)
    twice = arms.productivity(replace(state, made=2 * state.made), week(), params, structure)
    np.testing.assert_allclose(once / twice, 0.8**weight, rtol=1e-9)


def test_lines_make_their_capacity_when_nothing_is_scarce(central):
    params = central("arms")
    assert arms.production(100.0, 1.0, 1.0, params) == pytest.approx(100.0)
    assert arms.production(100.0, 1.3, 1.3, params) < 130
    assert arms.production(100.0, 1.0, 0.01, params) < arms.production(100.0, 1.0, 0.5, params) < 100


def test_equipment_is_one_at_the_start_and_falls_with_more_men(works):
    params, state = works()
    assert arms.equipment(state, jnp.asarray(2e5), params) == pytest.approx(1.0)
    assert arms.equipment(state, jnp.asarray(4e5), params) == pytest.approx(0.5)


def test_what_is_not_counted_neither_arms_nor_disarms(works):
    params, state = works()
    without = {name: getattr(state, name).at[2].set(0.0) for name in ("active", "active_at_start")}
    assert arms.equipment(replace(state, **without), jnp.asarray(2e5), params) == pytest.approx(1.0)
    assert arms.equipment(replace(state, **without), jnp.asarray(4e5), params) == pytest.approx(0.5)
    none = dict.fromkeys(("active", "active_at_start"), jnp.zeros(3))
    assert arms.equipment(replace(state, **none), jnp.asarray(4e5), params) == 1.0


def test_quality_in_the_field_is_the_mean_of_its_vehicles(works, week):
    params, state = works()
    new, _ = arms.step(state, week(), params, 1.0, Structure())
    back = (state.storage - new.storage) * arms.yields(params)
    worth = jnp.array([1.0, params.quality_middling, params.quality_poor])
    total = state.active + jnp.sum(back * worth, axis=1) + new.made_total
    np.testing.assert_allclose(new.quality, total / new.active, rtol=1e-9)


def test_drones_reach_half_their_limit_at_the_stated_date(central, week):
    params = central("arms")
    half = arms.drone_index(week(age_of_war=params.drone_date), jnp.asarray(1.0), params)
    assert half == pytest.approx(float(params.drone_limit) / 2)


def test_equipment_per_man_ends_at_what_a_man_can_use(works):
    params, state = works()
    assert arms.equipment(state, jnp.asarray(1.0), params) == params.equipment_limit
    assert arms.equipment(state, jnp.asarray(1e5), params) == pytest.approx(2)


def test_a_years_output_of_the_real_lines_is_where_learning_begins(works, week):
    params, state = works(line_plan_factor=1.4)
    np.testing.assert_allclose(arms.productivity(state, week(), params, Structure()), 1.0)
