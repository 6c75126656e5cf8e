"""Front, against what Lanchester's and Helmbold's laws say in closed form (docs/model/front.md)."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import front, front_law
from muster.model.levers import Ground

DUG_IN = 1.6  # works at their limit
PLAIN = {"loss_rate": 0.02, "exposure_slope": 0.0, "manoeuvre_lethality": 1.0}  # only numbers and quality count


@pytest.fixture
def side(made):
    """side(**values): a force that fires by manoeuvre alone."""
    return lambda **values: made(
        front_law.Inputs,
        **{
            "troops": jnp.ones((2, 5)),
            "skill": jnp.ones((2, 5)),
            "coercion_losses": 1.0,
            "fire_mix": jnp.array([1.0, 0.0, 0.0]),
            "leaders": 1.0,
            "equipment": 1.0,
            "coordination": 1.0,
            "morale": 0.5,
            **values,
        },
    )


@pytest.fixture
def fight(side, central, iterate):
    """fight(first, second, weeks, ...): strengths after weeks of the loss law, by small Runge-Kutta steps."""

    def run(first, second, weeks, factors=(1.0, 1.0), quality_ratio=1.0, inflow=(0.0, 0.0), dt=0.05, **overrides):
        params = central("front", **(PLAIN | overrides))
        one, two = side(coercion_losses=factors[0]), side(coercion_losses=factors[1])

        def slope(strength):
            a, b = strength
            lost_a = front_law.loss_rate(one, two, DUG_IN, a / b, jnp.asarray(quality_ratio), 1.0, 0.0, params) * a
            lost_b = front_law.loss_rate(two, one, DUG_IN, b / a, jnp.asarray(1 / quality_ratio), 1.0, 0.0, params) * b
            return jnp.stack([inflow[0] - lost_a, inflow[1] - lost_b])

        def step(x):
            k1 = slope(x)
            k2 = slope(x + dt / 2 * k1)
            k3 = slope(x + dt / 2 * k2)
            return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + dt * k3))

        return np.asarray(iterate(step, jnp.array([first, second]), round(weeks / dt)))

    return run


def test_losses_follow_lanchester_square_law(fight):
    own, enemy = 0.02 * 1.5, 0.02 * 0.8  # men lost a week per enemy man, by either side
    pace = np.sqrt(own * enemy)
    for weeks in (5, 20, 40):
        first, second = fight(300e3, 200e3, weeks, factors=(1.5, 0.8), number_exponent=1.0)
        assert first == pytest.approx(300e3 * np.cosh(pace * weeks) - np.sqrt(own / enemy) * 200e3 * np.sinh(pace * weeks), rel=1e-6)
        assert second == pytest.approx(200e3 * np.cosh(pace * weeks) - np.sqrt(enemy / own) * 300e3 * np.sinh(pace * weeks), rel=1e-6)


def test_without_a_number_exponent_losses_are_a_constant_share(fight):
    first, second = fight(300e3, 100e3, 20, number_exponent=0.0)
    assert (first, second) == pytest.approx((300e3 * np.exp(-0.4), 100e3 * np.exp(-0.4)), rel=1e-8)


@pytest.mark.parametrize(("omega", "nu", "quality"), [(1.0, 0.0, 1.0), (0.5, 0.5, 1.4), (0.3, 1.0, 0.7), (0.75, 0.4, 2.0), (0.1, 1.5, 1.1)])
def test_helmbold_invariant_is_constant(fight, omega, nu, quality):
    """B^(2w) - Q^(2v) A^(2w) does not change in a fight without replacements."""

    def invariant(first, second):
        return second ** (2 * omega) - quality ** (2 * nu) * first ** (2 * omega)

    before = np.array([3.0, 2.0])
    after = fight(*before, 15, quality_ratio=quality, number_exponent=omega, quality_exponent=nu)
    assert np.all(after < 0.95 * before)
    assert invariant(*after) == pytest.approx(invariant(*before), rel=1e-7)


@pytest.mark.parametrize(("omega", "nu", "quality"), [(0.0, 0.5, 1.3), (0.2, 0.5, 1.3), (0.35, 1.0, 0.8)])
def test_replaced_attrition_rests_at_the_product_of_inflows_over_the_squared_rate(fight, omega, nu, quality):
    inflow = np.array([5e3, 3e3])
    first, second = fight(200e3, 200e3, 4000, quality_ratio=quality, inflow=inflow, dt=0.5, number_exponent=omega, quality_exponent=nu)
    assert first * second == pytest.approx(inflow[0] * inflow[1] / 0.02**2, rel=1e-6)
    ratio = (inflow[1] / inflow[0] * quality ** (-2 * nu)) ** (1 / (1 - 2 * omega))
    assert second / first == pytest.approx(ratio, rel=1e-6)


def test_replaced_attrition_has_no_stable_rest_above_one_half(fight):
    """At omega 0.8 even forces are at rest, and the log of a small superiority grows at the rate k (2 w - 1)."""
    rest = 4e3 / 0.02
    inflow = (4e3, 4e3)
    assert fight(rest, rest, 50, inflow=inflow, number_exponent=0.8) == pytest.approx([rest, rest], rel=1e-9)
    first, second = fight(1.0001 * rest, rest, 50, inflow=inflow, number_exponent=0.8)
    assert np.log(first / second) == pytest.approx(np.log(1.0001) * np.exp(0.02 * 0.6 * 50), rel=1e-3)


def test_loss_rate_at_even_forces_is_the_parameter(side, central):
    params = central("front", **PLAIN)
    assert front_law.loss_rate(side(), side(), DUG_IN, 1.0, 1.0, 1.0, 0.0, params) == pytest.approx(0.02)


def test_men_in_the_open_lose_more_than_men_dug_in(side, central):
    params = central("front", works_shelter=0.5, works_limit=1.6)
    dug_in, half, open_ground = (front_law.loss_rate(side(), side(), works, 1.0, 1.0, 1.0, 0.0, params) for works in (1.6, 0.6, 0.0))
    assert half / dug_in == pytest.approx(np.exp(0.5))
    assert open_ground / dug_in == pytest.approx(np.exp(0.8))


def test_posture_ratio_is_attacker_over_defender(side, central):
    params = central("front", posture_ratio=1.7)
    attacker, defender = side(attack_share=1.0), side(attack_share=0.0)
    rates = [front_law.loss_rate(*pair, DUG_IN, 1.0, 1.0, 1.0, 0.0, params) for pair in ((attacker, defender), (defender, attacker))]
    assert rates[0] / rates[1] == pytest.approx(1.7)


def test_skilled_men_are_not_punished_by_fire(side, central):
    params = central("front")
    calm, heavy = side(), side(shells_fired=3e5)
    rates = [front_law.loss_rate(side(), enemy, DUG_IN, 1.0, 1.0, 1.0, 0.0, params) for enemy in (calm, heavy)]
    assert rates[0] == pytest.approx(rates[1])
    raw = side(skill=jnp.full((2, 5), 0.4))
    under_heavy, under_calm = (front_law.loss_rate(raw, enemy, DUG_IN, 1.0, 1.0, 1.0, 0.0, params) for enemy in (heavy, calm))
    assert under_heavy > under_calm


def test_losses_by_cohort_add_up_to_the_loss_share(central):
    params = central("front")
    troops = jnp.array([[2e4, 1e4, 0.0, 5e3, 3e3], [3e5, 8e4, 1e4, 6e4, 0.0]])
    dt = 1e-4
    lost = front_law.losses_by_cohort(troops, 0.02, params, dt)
    assert jnp.sum(lost) == pytest.approx(0.02 * dt * float(jnp.sum(troops)), rel=1e-4)
    assert jnp.all(front_law.losses_by_cohort(troops, 50.0, params, 1.0) <= troops)


def test_new_men_run_the_stated_multiple_of_the_risk(central):
    params = central("front", new_men_risk=2.5)
    lost = front_law.losses_by_cohort(jnp.full((2, 5), 1e4), 0.01, params, 1e-5)
    np.testing.assert_allclose(lost[0] / lost[1], 2.5, rtol=1e-5)


def test_engaged_men_are_those_in_line_until_the_front_is_full(side, central, made):
    params = central("front", density_limit=200.0)
    ground = made(Ground, front_length=1000.0)
    usual = params.usual_time_in_line
    few, in_line = front_law.engaged(side(troops=jnp.full((2, 5), 10.0), time_in_line=usual), ground, params)
    assert few == pytest.approx(float(in_line), rel=1e-3)
    assert in_line == pytest.approx(float(params.in_line_share) * 100)
    many, _ = front_law.engaged(side(troops=jnp.full((2, 5), 1e8), time_in_line=usual), ground, params)
    assert many == pytest.approx(200e3)


def test_fires_index_is_the_scale_at_the_reference_fire(side, central):
    params = central("front")
    reference = front_law.fires(side(shells_fired=params.reference_fire), params)
    assert reference == pytest.approx(float(params.fire_floor + params.shell_fire))
    assert front_law.fires(side(), params) == pytest.approx(float(params.fire_floor), abs=1e-3)


def test_killed_share_is_one_over_one_and_the_wounded_per_killed(side, central):
    params = central("front", killed_factor=1.0, manoeuvre_wounded=3.0, artillery_wounded=4.0, drone_wounded=1.0)
    shares = [front_law.killed_share(side(fire_mix=jnp.eye(3)[fire]), params) for fire in range(3)]
    assert shares == pytest.approx([1 / 4, 1 / 5, 1 / 2])


def test_staffing_is_one_at_the_goal_and_grows_by_the_missing_share(central):
    params = central("front")
    for high in (1.5, 3.0):
        assert front_law.staffing(4e5, jnp.asarray(4e5), high, params) == pytest.approx(1.0)
        slope = jax.grad(lambda log_troops, high=high: front_law.staffing(4e5, jnp.exp(log_troops), high, params))(jnp.log(4e5))
        assert slope == pytest.approx(-1.0, rel=1e-6)
        assert params.staffing_low <= front_law.staffing(4e5, jnp.asarray(1e9), high, params) < 1
        assert 1 < front_law.staffing(4e5, jnp.asarray(1.0), high, params) <= high


def test_losses_are_of_the_lethality_of_the_enemys_fire_not_of_the_own(side, central):
    params = central("front", loss_rate=0.02, exposure_slope=0.0, manoeuvre_lethality=1.0, artillery_lethality=1.5, drone_lethality=3.0)
    drones, guns = side(fire_mix=jnp.array([0.0, 0.0, 1.0])), side(fire_mix=jnp.array([0.0, 1.0, 0.0]))
    assert front_law.loss_rate(drones, guns, DUG_IN, 1.0, 1.0, 1.0, 0.0, params) == pytest.approx(0.03)
    assert front_law.loss_rate(guns, drones, DUG_IN, 1.0, 1.0, 1.0, 0.0, params) == pytest.approx(0.06)


def test_an_advance_is_slowed_by_works_and_grows_with_power(side, central, made):
    """In the middle of its range the log of the pace moves by phi per unit of works and theta per log of power."""
    params = central("front", advance_works=0.4, advance_power=0.8, advance_slowest=-50.0, advance_fastest=50.0)
    ground, attacker = made(Ground, front_length=1000.0, attack_width=0.1), side(attack_share=0.5, intensity=1.0)
    full, half = DUG_IN, params.works_limit / 2
    even, easier, stronger = (
        front_law.thrust(attacker, power, works, ground, params) for power, works in ((1.0, full), (1.0, half), (2.0, full))
    )
    assert even == pytest.approx(1000 * 0.1 * float(params.advance_speed) * 0.5)
    assert np.log(easier / even) == pytest.approx(0.4 * float(half), rel=1e-2)
    assert np.log(stronger / even) == pytest.approx(0.8 * np.log(2), rel=1e-2)


def test_breakthroughs_come_at_their_yearly_hazard(side, central, made):
    params = central("front", breakthrough_rate=1.3)
    force, enemy = (
        side(troops=jnp.full((2, 5), 1e4), attack_share=share, intensity=1.0, goal=1e5, time_in_line=0.5) for share in (1.0, 0.0)
    )
    ends = {"breakthroughs": jnp.full(4, 1e9), "breakthrough_marks": jnp.zeros(4), "fire_mix": jnp.array([1.0, 0.0, 0.0])}
    force, enemy = (replace(one, **ends) for one in (force, enemy))
    ground, state = made(Ground, front_length=1000.0, attack_width=0.1), front.begin(params, 5)
    fight, _ = front.one_side(force, enemy, state, jnp.asarray(0.0), 1.0, ground, (params, params), 1.0)
    assert fight.breakthrough_hazard == pytest.approx(1.3 / 52, rel=1e-6)


@pytest.mark.parametrize("men", [0.0, 1e-3, 1.0])
def test_nobody_is_no_stronger_than_a_man(side, central, men):
    params = central("front")
    few = side(troops=jnp.full((2, 5), men / 10), goal=2e5, intensity=1.0)
    assert front_law.pace(few, few, params) == pytest.approx(float(params.pace_floor), rel=1e-3)
