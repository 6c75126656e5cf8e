"""Call-up, against the logit of its anchors, its queues and exact outflows (docs/model/callup.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import callup


@pytest.fixture
def week(made):
    """week(**values): a week without quotas, in which nothing happens but what is given."""
    random = np.random.default_rng(2)
    usual = {
        "eligible": jnp.asarray(random.uniform(1e5, 4e5, (3, 2, 3))),
        "evading": jnp.zeros(3),
        "state_capacity": jnp.ones(3),
        "real_wage": 1.0,
        "recruiting": jnp.ones(3),
        "pay": 1.0,
        "volunteer_staffing": 1.0,
        "quota_rule": 1.0,
        "poverty": jnp.array([-1.0, 0.0, 1.0]),
        "titular_share": jnp.zeros(3),
        "trust": jnp.full(3, 0.5),
        "trust_at_start": 0.5,
    }
    return lambda **values: made(callup.Inputs, **(usual | values))


def test_the_called_evade_and_flee_by_the_stated_shares_at_the_risk_of_a_decree(week, central):
    params = central("callup", skill_flight=0.0)
    comply, evade, flee = callup.choices(week(), params.decree_risk, 0.3, params)
    np.testing.assert_allclose(evade, params.evade_share)
    np.testing.assert_allclose(flee, params.flee_share)
    np.testing.assert_allclose(comply, 1 - params.evade_share - params.flee_share)


def test_choices_are_probabilities_and_move_by_their_logits(week, central):
    params = central("callup")
    calm = np.stack(np.broadcast_arrays(*callup.choices(week(), 0.5, 0.3, params)))
    feared = np.stack(np.broadcast_arrays(*callup.choices(week(border=0.4, penal_severity=0.2), 1.5, 0.3, params)))
    np.testing.assert_allclose(np.sum(feared, axis=0), 1)
    moved = np.log(feared[1:] / feared[0]) - np.log(calm[1:] / calm[0])
    np.testing.assert_allclose(moved[0], params.risk_evasion - 0.2 * params.penalty_evasion)
    np.testing.assert_allclose(moved[1], params.risk_evasion - 0.4 * params.border_flight)


def test_the_skilled_flee_more_by_the_stated_logit(week, central):
    params = central("callup", skill_flight=0.8)
    comply, _, flee = callup.choices(week(), 1.0, 0.3, params)
    odds = flee / comply
    np.testing.assert_allclose(np.log(odds[:, 0] / odds[:, 1]), 0.8)


def test_without_deaths_there_is_no_risk_and_at_the_scale_it_is_the_log_of_two(central):
    params = central("callup")
    assert callup.risk_index(0.0, params) == 0
    assert callup.risk_index(params.risk_scale, params) == pytest.approx(np.log(2))


def test_quotas_by_region_add_up_and_rise_with_poverty(week, central):
    params = central("callup", poverty_quota=0.3)
    weights = callup.quota_weights(jnp.ones(3), week(), params)
    assert jnp.sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(weights[1:] / weights[:-1], np.exp(0.3))


def test_notices_by_person_add_up_to_those_of_the_region(week, central):
    notices, eligible = jnp.array([100.0, 0.0, 3000.0]), week().eligible
    for selection in (0.0, 1.0):
        rates = callup.notice_rates(notices, jnp.sum(eligible, axis=1), selection, central("callup"), 1.0)
        np.testing.assert_allclose(jnp.sum(eligible * rates[:, None], axis=(1, 2)), notices)


def test_veterans_come_first_by_the_stated_log_weight_and_no_cell_gives_more_than_half(week, central):
    params = central("callup", combat_weight=1.2, reach_none=0.5, reach_combat=0.5)
    by_experience = jnp.sum(week().eligible, axis=1)
    rates = callup.notice_rates(jnp.full(3, 100.0), by_experience, 1.0, params, 1.0)
    np.testing.assert_allclose(np.log(rates[:, 2] / rates[:, 0]), 1.2)
    assert jnp.max(callup.notice_rates(jnp.full(3, 1e9), by_experience, 1.0, params, 0.5)) == 1.0


def test_wrong_notices_rise_from_the_low_to_the_high_share(central):
    params = central("callup", error_low=0.02, error_high=0.1)
    assert [float(callup.wrong_share(load, params)) for load in (0.0, 0.5, 1.0)] == pytest.approx([0.02, 0.04, 0.1])


def test_without_quotas_evaders_only_fall(week, central):
    """Stock decay alone: exp(-(found + forgiven) t)."""
    params = central("callup", detection_rate=0.01, forgiveness_rate=0.03)
    evading = jnp.full(3, 1e3)
    state = callup.begin(params, 3)
    for _ in range(13):
        state, outputs, flows = callup.step(state, week(evading=evading), params, 1.0)
        assert outputs.notices == 0
        evading = evading - jnp.sum(flows.found, axis=0) - flows.forgiven
    np.testing.assert_allclose(evading, 1e3 * np.exp(-0.04 * 13), rtol=1e-12)
    np.testing.assert_allclose(jnp.sum(flows.found, axis=0), flows.forgiven / 3, rtol=1e-12)


@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_men_wrongly_held_follow_a_queue_with_infinite_servers(week, central, dt):
    """Mean I tau (1 - exp(-t / tau)), exactly at every step length."""
    params = central("callup", error_low=0.1, error_high=0.1, sent_home_share=0.6, sent_home_time=5.0, backlog_time=1e9)
    state = callup.begin(params, 3)
    for _ in range(round(4 / dt)):
        state, outputs, _ = callup.step(state, week(ordered=2e3), params, dt)
    inflow = 0.6 * float(outputs.wrongly_called)
    assert state.returning == pytest.approx(inflow * 5 * (1 - np.exp(-4 / 5)), rel=1e-5)


def test_quotas_not_filled_stay_in_the_backlog(week, central):
    params = central("callup", cap_ratio=1.0)
    state = callup.begin(params, 3)
    called = 0.0
    for _ in range(20):
        state, outputs, _ = callup.step(state, week(decree_quota=5e4), params, 1.0)
        called += float(outputs.called_up)
    assert float(outputs.backlog) > 0
    assert called + outputs.backlog == pytest.approx(20 * 5e4, rel=1e-9)


def test_offices_send_no_more_notices_than_they_can(week, central):
    params = central("callup")
    inputs = week(decree_quota=1e8)
    _, outputs, _ = callup.step(callup.begin(params, 3), inputs, params, 1.0)
    assert outputs.notices <= float(params.office_capacity * jnp.sum(inputs.eligible)) * (1 + 1e-12)


def test_volunteers_answer_to_pay_by_its_elasticity(week, central):
    params = central("callup", pay_elasticity=0.7, volunteer_rate=1e-6)
    rates = [jnp.sum(callup.volunteering(week(pay=pay), 0.0, params, 1.0)) for pay in (1.0, 3.0)]
    assert np.log(rates[1] / rates[0]) == pytest.approx(0.7 * np.log(3), rel=1e-5)


def test_volunteers_by_region_keep_the_nations_total_and_follow_income(central):
    params = central("callup", pay_elasticity=0.8)
    men, income = jnp.array([1e6, 2e6, 5e5]), jnp.array([1.0, 2.0, 1.0])
    factor = callup.recruiting(men, income, params)
    assert jnp.sum(men * factor) == pytest.approx(float(jnp.sum(men)))
    assert factor[1] / factor[0] == pytest.approx(2**-0.8)
    assert factor[2] == pytest.approx(float(factor[0]))


def test_the_standing_force_is_from_where_volunteers_are_and_from_where_it_is_stationed(central):
    men, garrison = jnp.array([1e6, 2e6, 5e5]), jnp.array([0.0, 0.25, 0.75])
    factor = callup.recruiting(men, jnp.array([1.0, 2.0, 1.0]), central("callup"))
    nowhere, half, all_there = (callup.standing(men, garrison, factor, central("callup", garrison_share=h)) for h in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(nowhere, men * factor / jnp.sum(men * factor))
    np.testing.assert_allclose(all_there, garrison)
    np.testing.assert_allclose(half, (nowhere + garrison) / 2)
    doubled, empty = (callup.standing(men, given, factor, central("callup", garrison_share=0.5)) for given in (2 * garrison, 0 * garrison))
    np.testing.assert_allclose(doubled, half)  # in whatever measure they are given, nobody comes from nowhere
    np.testing.assert_allclose(empty, nowhere)
    nation = callup.standing(men[:1], jnp.ones(1), factor[:1], central("callup", garrison_share=0.3))
    assert nation.tolist() == [1.0]  # exactly: no digit of a side as a whole changes


def test_convicts_sign_until_there_are_no_more(week, central):
    params = central("callup", convict_inflow=0.0)
    state, signed = callup.begin(params, 3), 0.0
    for _ in range(200):
        state, outputs, _ = callup.step(state, week(prisoner_offers=5e4), params, 1.0)
        signed += float(outputs.prisoners)
        assert state.convicts >= 0
    assert signed + state.convicts == pytest.approx(float(params.convicts_at_start))


def test_no_convict_signs_without_an_offer(week, central):
    params = central("callup")
    _, outputs, _ = callup.step(replace(callup.begin(params, 3), convicts=jnp.asarray(1e5)), week(), params, 1.0)
    assert outputs.prisoners == 0


def test_risk_keeps_volunteers_away_by_its_exponent(week, central):
    params = central("callup", risk_volunteering=0.5, volunteer_rate=1e-6)
    rates = [jnp.sum(callup.volunteering(week(), risk, params, 1.0)) for risk in (0.0, 2.0)]
    assert np.log(rates[1] / rates[0]) == pytest.approx(-1.0, rel=1e-5)


def test_risk_follows_the_yearly_share_of_the_killed(week, central):
    params = central("callup")
    new, _, _ = callup.step(callup.begin(params, week().poverty.shape[0]), week(killed_share=0.001), params, 1.0)
    assert new.death_risk == pytest.approx(float(52 * 0.001 * -np.expm1(-1 / params.risk_memory)))


@pytest.mark.parametrize(("evade", "flee"), [(0.7, 0.5), (0.99, 0.99), (0.5, 0.5)])
def test_choices_are_probabilities_where_more_than_all_would_evade_or_flee(week, central, evade, flee):
    params = central("callup", evade_share=evade, flee_share=flee)
    choices = np.stack(np.broadcast_arrays(*callup.choices(week(), 1.0, 0.3, params)))
    assert np.all(choices > 0)
    np.testing.assert_allclose(np.sum(choices, axis=0), 1)
