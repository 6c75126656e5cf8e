"""Training, against the pipeline, the learning curve and the co-flow of skill in closed form (docs/model/training.md)."""

from math import comb

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import training

ONE = jnp.ones(5)


def rest_of(iterate, intake, committed, full_time, hasty_time, transfer_time, dt):
    """The pipeline after a long steady intake, and what leaves it in a step."""

    def step(men):
        return training.advance(men, intake, committed, ONE, full_time * ONE, hasty_time * ONE, transfer_time, dt)[0]

    men = iterate(step, training.empty(jnp.zeros(5)), 2000)
    return men, training.advance(men, intake, committed, ONE, full_time * ONE, hasty_time * ONE, transfer_time, dt)


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize("weeks", [1.5, 3.0, 8.0, 20.0])
def test_courses_hold_intake_times_their_length(iterate, weeks, dt):
    intake = jnp.array([500.0, 9000.0, 0.0, 2000.0, 300.0])
    men, _ = rest_of(iterate, intake, 0 * ONE, weeks, 1.0, jnp.asarray(2.0), dt)
    np.testing.assert_allclose(jnp.sum(men.full, axis=0), intake * weeks, rtol=1e-9)


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize("weeks", [1.0, 2.0, 4.0])
def test_transfer_holds_intake_times_its_time(iterate, weeks, dt):
    intake = jnp.array([500.0, 9000.0, 0.0, 2000.0, 300.0])
    men, _ = rest_of(iterate, intake, 0.3 * ONE, 8.0, 1.0, jnp.asarray(weeks), dt)
    np.testing.assert_allclose(men.transfer, intake * weeks, rtol=1e-9)


def test_losses_and_seasoning_take_exactly_their_mens_skill(central, made):
    """Men times skill: what the force had, less what left, with practice switched off."""
    random = np.random.default_rng(5)
    params = central("training", field_learning_rate=1e-12, decay_rate=1e-12)
    start = training.begin(params, 1e5 * ONE)
    skill = jnp.asarray(random.uniform(0.2, 0.9, (2, 5)))
    state = training.replace(start, skill=skill, wounded_skill=jnp.asarray(random.uniform(0.2, 0.9, 5)))
    survivors, hurt = jnp.asarray(random.uniform(10, 1000, (2, 5))), jnp.asarray(random.uniform(1, 100, (2, 5)))
    back, seasoned, pool = (jnp.asarray(random.uniform(1, 9, 5)) for _ in range(3))
    field = made(training.Field, survivors=survivors, came_back=back, seasoned=seasoned, hurt=hurt, hurt_before=pool)
    after = training.book(state, field, params, 1.0)
    inside = after.skill[0] * (survivors[0] - seasoned) + after.skill[1] * (survivors[1] + seasoned + back)
    np.testing.assert_allclose(inside, jnp.sum(skill * survivors, axis=0) + back * state.wounded_skill, rtol=1e-9)
    np.testing.assert_allclose(
        after.wounded_skill * (pool + jnp.sum(hurt, axis=0)), pool * state.wounded_skill + jnp.sum(skill * hurt, axis=0), rtol=1e-9
    )


@pytest.mark.parametrize("weeks", [0.4, 1.0, 2.5])
def test_the_hasty_track_holds_intake_times_its_length(iterate, weeks):
    intake = jnp.array([500.0, 9000.0, 0.0, 2000.0, 300.0])
    men, _ = rest_of(iterate, intake, 0.3 * ONE, 8.0, weeks, jnp.asarray(2.0), 1.0)
    np.testing.assert_allclose(men.hasty, 0.3 * intake * weeks, rtol=1e-9)


def test_what_leaves_a_steady_pipeline_is_what_enters(iterate):
    intake = jnp.array([500.0, 9000.0, 0.0, 2000.0, 300.0])
    _, (_, arrived, full_done, in_haste) = rest_of(iterate, intake, 0.25 * ONE, 8.0, 2.0, jnp.asarray(2.0), 0.5)
    np.testing.assert_allclose(arrived, 0.5 * intake, rtol=1e-9)
    np.testing.assert_allclose(full_done, 0.5 * 0.75 * intake, rtol=1e-9)
    np.testing.assert_allclose(in_haste, 0.5 * 0.25 * intake, rtol=1e-9)


@pytest.mark.parametrize(("weeks", "dt"), [(6.0, 1.0), (9.0, 0.5), (3.0, 1.0)])
def test_course_ends_are_spread_as_three_geometric_stages(weeks, dt):
    """Men who enter together finish after k steps with the negative binomial weights C(k - 1, 2) p^3 (1 - p)^(k - 3)."""
    chance = 3 * dt / weeks
    men = training.empty(jnp.zeros(5))
    given = (0 * ONE, ONE, weeks * ONE, ONE, jnp.asarray(dt), dt)
    men, before = training.advance(men, ONE / dt, *given)[0], 0 * ONE
    for k in range(1, 30):
        men, arrived, full_done, _ = training.advance(men, 0 * ONE, *given)
        expected = comb(k - 1, 2) * chance**3 * (1 - chance) ** (k - 3) if k >= 3 else 0.0
        np.testing.assert_allclose(full_done, expected, atol=1e-12)
        np.testing.assert_allclose(arrived, before, atol=1e-12)  # transfer takes the one step that it is said to last
        before = full_done


def test_no_man_is_lost_in_the_pipeline():
    random = np.random.default_rng(3)
    men = training.empty(jnp.zeros(5))
    inside, through = np.zeros(5), np.zeros(5)
    for _ in range(60):
        intake = jnp.asarray(random.uniform(0, 1e4, 5))
        shares = [jnp.asarray(random.uniform(0, 1, 5)) for _ in range(2)]
        full, hasty = jnp.asarray(random.uniform(0.5, 15, 5)), jnp.asarray(random.uniform(0.0, 4, 5))
        men, arrived, _, _ = training.advance(men, intake, *shares, full, hasty, jnp.asarray(random.uniform(0.5, 4)), 0.5)
        inside += np.asarray(0.5 * intake)
        through += np.asarray(arrived)
        assert all(jnp.all(stock >= 0) for stock in (men.waiting, men.full, men.hasty, men.transfer))
    np.testing.assert_allclose(training.present(men) + through, inside, rtol=1e-12)


def test_skill_follows_the_learning_curve(central):
    params = central("training", skill_full=1.0, learning_rate=0.11)
    for start, weeks in ((0.2, 4.0), (0.5, 12.0), (0.0, 30.0)):
        assert training.graduate_skill(start, weeks, 1.0, params) == pytest.approx(1 - (1 - start) * np.exp(-0.11 * weeks))


def test_two_courses_in_a_row_teach_as_much_as_one(central):
    params = central("training")
    first = training.graduate_skill(0.3, 5.0, 0.8, params)
    assert training.graduate_skill(first, 7.0, 0.8, params) == pytest.approx(float(training.graduate_skill(0.3, 12.0, 0.8, params)))


def test_instruction_is_halved_at_the_stated_load(central):
    params = central("training")
    assert training.instruction_quality(0.0, params) == 1
    assert training.instruction_quality(params.trainees_half, params) == pytest.approx(0.5)


def test_mean_skill_of_a_replenished_force_rests_between_recruits_and_veterans(central, made, iterate):
    """s* = (r s_g + l s_max) / (r + l): recruits at rate r, practice in line at rate l."""
    params = central("training", skill_full=1.0, field_learning_rate=0.03)
    rate, skill, dt, men = 0.02, 0.4, 0.01, 1e5 * ONE
    state = training.begin(params, men)
    joined = rate * dt * men
    none = dict.fromkeys(("rear_before", "rear_arrived", "returned", "drafted"), 0 * ONE)
    joining = made(training.Joining, **none, before=jnp.stack([men - joined, men]), arrived=joined, arrival_skill=skill * ONE)
    nobody = dict.fromkeys(("came_back", "seasoned", "hurt_before"), 0 * ONE)
    field = made(training.Field, **nobody, survivors=jnp.stack([men, men]), hurt=jnp.zeros((2, 5)), in_line=1.0)
    rest = iterate(lambda state: training.book(training.join(state, joining, params), field, params, dt), state, 40_000)
    np.testing.assert_allclose(rest.skill[0], (rate * skill + 0.03 * 1.0) / (rate + 0.03), rtol=2e-4)
    np.testing.assert_allclose(rest.skill[1], 1.0, rtol=1e-4)


def test_idle_skill_decays_to_its_floor(central, iterate):
    params = central("training")
    skill = iterate(lambda s: training.practised(s, jnp.asarray(0.0), params, 1.0), jnp.asarray(0.9), 20)
    expected = params.skill_floor + (0.9 - params.skill_floor) * jnp.exp(-20 * params.decay_rate)
    assert skill == pytest.approx(float(expected))


def test_merging_groups_keeps_men_times_skill():
    assert training.mixed([(jnp.asarray(30.0), 0.2), (jnp.asarray(70.0), 0.8)]) == pytest.approx(0.62)
    assert training.mixed([(jnp.asarray(0.0), 0.2), (jnp.asarray(0.0), 0.8)]) == pytest.approx(0.2)


def test_men_on_partners_courses_do_not_burden_the_own_instructors():
    men, lengths, instructors = jnp.array([0.0, 0.0, 0.0, 20_000.0, 0.0]), jnp.full(5, 5.0), jnp.array(10_000.0)
    alone = training.load(men, lengths, jnp.array(0.0), instructors)
    helped = training.load(men, lengths, jnp.array(100.0), instructors)
    assert alone == pytest.approx(2.0)
    assert helped == pytest.approx(2.0 * np.exp(-500 / 20_000))


def test_poor_instruction_slows_the_learning_curve(central):
    params = central("training", skill_full=1.0, learning_rate=0.11)
    assert training.graduate_skill(0.3, 5.0, 0.5, params) == pytest.approx(1 - 0.7 * np.exp(-0.11 * 0.5 * 5))
