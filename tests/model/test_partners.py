"""Partners, against the impulse response of two delays in a row and the accounts of aid (docs/model/partners.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import partners
from muster.model.levers import Setting
from muster.model.structure import Structure

FAR = jnp.full((3, 8), 1e9)


@pytest.fixture
def donors(made):
    return made(
        Setting,
        partner_output=jnp.array([2e13, 1.5e13, 3e12]),
        partner_military_share=jnp.array([1e-3, 8e-4, 2e-3]),
        partner_other_share=jnp.array([5e-4, 2e-3, 0.0]),
        partner_shell_output=jnp.zeros(3),
        partner_shell_stock=jnp.zeros(3),
    )


@pytest.fixture
def week(made):
    """week(**values): a week in which nothing happens but what is given."""
    none = jnp.zeros(3)
    usual = {
        **dict.fromkeys(("decision", "election", "shell_offer", "support_noise", "package_noise", "election_noise"), none),
        "export_price": 1.0,
        "stops": FAR,
        "resumptions": FAR,
    }
    return lambda **values: made(partners.Inputs, **(usual | values))


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_a_single_package_arrives_through_two_stages(donors, week, central, dt):
    """Deliveries are the convolution of two geometric delays where transports have no limit."""
    params = central("partners", military_allocation_time=20.0, other_allocation_time=9.0, delivery_time=13.0, delivery_capacity=1e9)
    state = replace(partners.begin(donors), committed=jnp.array([[1e9, 0.0, 0.0], [0.0, 2e9, 0.0]]))
    second = dt / 13
    for step in range(60):
        state, outputs, _ = partners.step(state, week(), donors, params, dt, Structure())
        for first, size, delivered in ((dt / 20, 1e9, outputs.military_deliveries), (dt / 9, 2e9, outputs.other_deliveries)):
            spread = sum(first * (1 - first) ** k * second * (1 - second) ** (step - k) for k in range(step + 1))
            assert delivered * dt == pytest.approx(size * spread, rel=1e-6)


def test_all_that_was_committed_is_delivered_allocated_or_open(donors, week, central):
    params = central("partners")
    random = np.random.default_rng(4)
    state = partners.begin(donors)
    given = 0.0
    for _ in range(40):
        noise = {name: jnp.asarray(random.normal(size=3)) for name in ("support_noise", "package_noise")}
        state, outputs, _ = partners.step(state, week(war=1.0, **noise), donors, params, 1.0, Structure())
        given += float(outputs.commitments)
        assert jnp.all(state.committed >= 0)
        assert jnp.all(state.allocated >= 0)
    left = jnp.sum(state.committed) + jnp.sum(state.allocated) + state.delivered_total
    assert state.committed_total == pytest.approx(given)
    assert left == pytest.approx(given, rel=1e-12)


def test_steady_aid_is_delivered_as_it_is_committed(donors, week, central, iterate):
    params = central("partners", fatigue=0.0, delivery_capacity=1e9, package_spread=0.0, military_allocation_time=8.0, delivery_time=6.0)
    inputs = week(war=1.0)
    state = iterate(lambda s: partners.step(s, inputs, donors, params, 1.0, Structure())[0], partners.begin(donors), 2000)
    _, outputs, _ = partners.step(state, inputs, donors, params, 1.0, Structure())
    usual = donors.partner_output * (donors.partner_military_share + donors.partner_other_share) / 52
    assert outputs.commitments == pytest.approx(float(jnp.sum(usual)))
    assert outputs.deliveries == pytest.approx(float(outputs.commitments), rel=1e-6)
    assert jnp.sum(state.committed[0]) == pytest.approx(float(jnp.sum(donors.partner_output * donors.partner_military_share)) / 52 * 7)


def test_support_rests_at_its_usual_level_when_nothing_happens(donors, week, central):
    params = central("partners")
    state = partners.begin(donors)
    for _ in range(20):
        state, outputs, _ = partners.step(state, week(), donors, params, 1.0, Structure())
    np.testing.assert_allclose(state.support, 0, atol=1e-12)
    assert outputs.support == pytest.approx(float(params.usual_support))
    assert outputs.commitments == 0


def test_fatigue_costs_its_logit_each_year_unless_support_is_fixed(week, central):
    params = central("partners", fatigue=0.2)
    tired = week(age_of_war=104.0)
    assert partners.support_target(tired, params, Structure()) == pytest.approx(-0.4)
    assert partners.support_target(tired, params, Structure(partner="fixed")) == 0


def test_others_make_up_their_share_of_a_stopped_partners_aid(donors, week, central):
    params = central("partners", compensation=0.4, package_spread=0.0)
    state = partners.begin(donors)
    halted = jnp.array([1.0, 0.0, 0.0])
    all_of_it, none = partners.commitments(jnp.zeros(3), jnp.zeros(3), state, week(war=1.0), donors, params)
    _, missing = partners.commitments(jnp.zeros(3), halted, state, week(war=1.0), donors, params)
    after, _ = partners.commitments(jnp.zeros(3), halted, replace(state, missing=missing), week(war=1.0), donors, params)
    assert none == 0
    assert missing == pytest.approx(float(jnp.sum(all_of_it[:, 0])))
    assert jnp.sum(after) == pytest.approx(float(jnp.sum(all_of_it) - 0.6 * missing))


def test_suppliers_sell_no_more_than_they_have(donors, week, central):
    params = central("partners", usual_support=0.5)
    state = replace(partners.begin(donors), stock=jnp.array([1e6, 100.0, 0.0]))
    sold = partners.supplies(jnp.zeros(3), state, week(shell_offer=jnp.full(3, 2e3)), params, 1.0)
    np.testing.assert_allclose(sold, [2e3, 100.0, 0.0])
