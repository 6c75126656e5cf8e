"""Society, against Granovetter's thresholds and the anchors of the start (docs/model/society.md)."""

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import society
from muster.model.levers import Ground
from muster.model.structure import Structure

HOME = jnp.array([3e6, 1e6])


@pytest.fixture
def quiet(made):
    """quiet(**values): a week in which nothing happens but what is given."""
    none = jnp.zeros(2)
    rest = {
        "deaths": none,
        "weekly_deaths": none,
        "population": HOME,
        "recruit_income": none,
        "real_wage": 1.0,
        "decree_age": -1.0,
    }
    return lambda **values: made(society.Inputs, **(rest | values))


@pytest.mark.parametrize(("spread", "ready"), [(0.1, 0.0065), (0.122, 0.055), (0.123, 1.0), (0.2, 1.0)])
def test_granovetter_thresholds_tip_between_a_spread_of_0_122_and_0_123(quiet, central, iterate, spread, ready):
    """Thresholds N(0.25, s): from nobody, few follow up to s = 0.122, nearly everybody from s = 0.123 on."""
    params = central("society", protest_at_start=0.5, protest_protest=1.0, protest_spread=spread)
    inputs = quiet(repression=-0.25)  # the anchor of one half is -1/2; this moves the mean threshold to 1/4
    trust = params.trust_at_start
    rest = iterate(lambda share: society.protest_target(share, trust, inputs, params), jnp.asarray(0.0), 5000)
    assert rest == pytest.approx(ready, abs=0.025)


def test_protest_rests_at_its_start_whatever_the_thresholds(quiet, central):
    for start, spread, pull in ((0.02, 0.1, 0.5), (0.1, 0.3, 1.0), (0.3, 0.2, 0.0)):
        params = central("society", protest_at_start=start, protest_spread=spread, protest_protest=pull)
        assert society.protest_target(start, params.trust_at_start, quiet(), params) == pytest.approx(start)


def test_opinion_rests_at_its_start_when_nothing_happens(quiet, central, made):
    params = central("society")
    ground = made(Ground, prospect_area=1e4)
    state = society.begin(params, 2)
    for _ in range(20):
        state, outputs, leaving = society.step(state, quiet(), params, ground, 1.0, Structure())
    assert outputs.support_private == pytest.approx(float(params.support_at_start))
    assert outputs.trust == pytest.approx(float(params.trust_at_start))
    assert outputs.protest == pytest.approx(float(params.protest_at_start))
    np.testing.assert_allclose(leaving.men[:, 0], params.base_leaving)


def test_deaths_cost_the_stated_logit_of_support_per_factor_of_ten(quiet, central):
    params = central("society", death_support=0.5, weekly_death_support=0.0)
    none = jnp.zeros(2)

    def cost(per_scale, structure=None):
        deaths = per_scale * HOME / params.death_scale
        return society.casualties_effect(deaths, none, quiet(), params, structure or Structure())

    np.testing.assert_allclose(cost(99.0) - cost(9.0), 0.5)
    np.testing.assert_allclose(cost(0.0), 0.0)
    np.testing.assert_allclose(cost(9.0, Structure(casualties_opinion="success_only")), 0.0)
    np.testing.assert_allclose(cost(9.0, Structure(casualties_opinion="compensated")), -cost(9.0))


def test_support_follows_its_causes_exponentially(quiet, central, made):
    params = central("society", decree_support=0.0, pay_support=1.0, support_time=10.0)
    state = society.begin(params, 2)
    start = state.support
    for _ in range(15):
        state, _, _ = society.step(state, quiet(recruit_income=jnp.full(2, 0.5)), params, made(Ground, prospect_area=1e4), 1.0, Structure())
    np.testing.assert_allclose(state.support - start, np.log(1.5) * (1 - np.exp(-15 / 10)), rtol=1e-9)


def test_the_public_learns_late_and_in_part_until_a_revelation(central):
    params = central("society", report_time=6.0)
    told = society.narrative(100.0, 400.0, 0.5, 0.0, params, 3.0)
    assert told == pytest.approx(100 + (200 - 100) * (1 - np.exp(-0.5)))
    assert society.narrative(100.0, 400.0, 0.5, 1.0, params, 3.0) == pytest.approx(400)


def test_a_closed_border_holds_men_of_call_up_age(quiet, central):
    params = central("society")
    shut = society.leaving(jnp.full(2, 0.5), quiet(border=1.0, war=1.0, under_fire=0.1, decree_age=0.0), params)
    np.testing.assert_allclose(shut.men, 0.0)
    assert shut.men_under_fire == 0
    assert shut.others_under_fire > 0


def test_the_less_skilled_leave_less_by_the_stated_log(quiet, central):
    params = central("society", skill_leaving=0.7)
    men = society.leaving(jnp.full(2, 0.5), quiet(), params).men
    np.testing.assert_allclose(men[:, 1] / men[:, 0], np.exp(-0.7))


def test_lost_trust_raises_protest(quiet, central):
    params = central("society")
    start = params.protest_at_start
    assert society.protest_target(start, params.trust_at_start - 0.1, quiet(), params) > start
