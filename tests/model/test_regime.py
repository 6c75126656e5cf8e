"""Regime, against constant hazards: 1 - exp(-H), shares of causes, and one chance for all policies (docs/model/regime.md)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import luck, regime
from muster.model.structure import Structure

DRAWS = 20_000
CONSTANT = {"aftermath_factor": 1.0, "resignation_rate": 0.0, "conflict_loyalty": 0.0}
RATES = {"coup_rate": 0.03, "overthrow_rate": 0.02, "leader_mortality": 0.04, "collapse_rate": 0.01}


@pytest.fixture(scope="module")
def chances():
    """Thresholds of the four causes in 20,000 draws, [draw, cause]."""
    keys = jax.vmap(lambda draw: jax.random.fold_in(jax.random.key(7), draw))(jnp.arange(DRAWS))
    return jax.vmap(lambda key: luck.thresholds(luck.streams(key, luck.CAUSES), (1,))[:, 0])(keys)


@pytest.fixture
def quiet(made):
    """quiet(params, **values): a week in which nothing happens but what is given; the leader is of the reference age."""

    def build(params, **values):
        usual = {"output": 1.0, "real_wage": 1.0, "export_price": 1.0, "protest": 0.3, "protest_at_start": 0.3, "security_at_home": 1.0}
        marks = dict.fromkeys(("coup_mark", "nonviolent_mark", "overthrow_mark", "peace_mark"), 1.0)
        ends = {"leader_age": params.reference_age, "thresholds": jnp.full(4, 1e9)}
        return made(regime.Inputs, **(usual | marks | ends | values))

    return build


@pytest.fixture
def lived(central, quiet, chances):
    """lived(years, ...): outputs of every draw at the end of each quarter of constant hazards, [draw, quarter]."""

    def run(years, **overrides):
        params = central("regime", **(CONSTANT | RATES | overrides))

        def life(thresholds):
            inputs = quiet(params, thresholds=thresholds)

            def week(state, _):
                return regime.step(state, inputs, params, 13.0, Structure())

            return jax.lax.scan(week, regime.begin(params), length=4 * years)[1]

        return jax.jit(jax.vmap(life))(chances)

    return run


@pytest.mark.parametrize("years", [3, 12, 30])
def test_causes_come_with_one_less_the_exponential_of_their_hazards(lived, years):
    outputs = lived(years)
    for flag, hazard in (
        (outputs.coup_attempted, outputs.coup_hazard),
        (outputs.leader_gone, outputs.exit_hazard),
        (outputs.collapsed, outputs.collapse_hazard),
    ):
        expected = 1 - np.exp(-float(hazard[0, 0]) * years)
        error = np.sqrt(expected * (1 - expected) / DRAWS)
        assert np.mean(flag[:, -1]) == pytest.approx(expected, abs=4 * error)


def test_hazards_are_those_before_the_war_when_nothing_happens(lived):
    outputs = lived(2, protest_floor=-1e3)
    for name, rate in (("coup_hazard", 0.03), ("overthrow_hazard", 0.02), ("exit_hazard", 0.04), ("collapse_hazard", 0.01)):
        np.testing.assert_allclose(getattr(outputs, name), rate, rtol=1e-9)


def test_the_first_event_is_of_each_cause_in_its_share_of_the_hazards(chances):
    """P(cause) = h / sum h."""
    rates = np.array([0.03, 0.02, 0.04, 0.01])
    first = np.argmin(np.asarray(chances) / rates, axis=1)
    np.testing.assert_allclose(np.bincount(first, minlength=4) / DRAWS, rates / rates.sum(), atol=4 * 0.5 / np.sqrt(DRAWS))


def test_thresholds_of_an_event_that_may_come_again_make_a_poisson_process():
    keys = jax.random.split(jax.random.key(3), DRAWS)
    times = jax.vmap(lambda key: luck.thresholds(key[None], (luck.OCCURRENCES,))[0])(keys)
    count = np.asarray(jax.vmap(lambda levels: luck.passed(jnp.asarray(1.5), levels, jnp.asarray(0.0)))(times))
    assert count.mean() == pytest.approx(1.5, abs=4 * np.sqrt(1.5 / DRAWS))
    assert count.var() == pytest.approx(1.5, abs=0.08)
    assert np.mean(count == 0) == pytest.approx(np.exp(-1.5), abs=0.012)


def test_what_was_lived_through_without_an_event_does_not_count(chances):
    """P(event | survived to h) = 1 - exp(-(H - h))."""
    happened = jax.vmap(lambda one: luck.passed(jnp.asarray([0.9]), one[:1, None], jnp.asarray([0.5]))[0])(chances)
    assert np.mean(happened) == pytest.approx(1 - np.exp(-0.4), abs=4 * 0.5 / np.sqrt(DRAWS))


def test_the_same_chance_brings_no_event_later_when_hazards_rise(lived):
    calm, tense = lived(12), lived(12, coup_rate=0.05, collapse_rate=0.03)
    for name in ("coup_attempted", "collapsed"):
        early, late = np.asarray(getattr(tense, name)), np.asarray(getattr(calm, name))
        assert np.all(early >= late)
        assert early.sum() > late.sum()
    np.testing.assert_array_equal(calm.leader_gone, tense.leader_gone)


def test_loyalty_rests_at_its_start_when_nothing_happens(quiet, central):
    params = central("regime")
    state = regime.begin(params)
    for _ in range(20):
        state, outputs = regime.step(state, quiet(params), params, 1.0, Structure())
    assert state.loyalty == pytest.approx(float(params.loyalty_at_start))
    assert state.defeat == pytest.approx(0.0, abs=1e-12)
    assert outputs.coup_hazard == pytest.approx(float(params.coup_rate))
    assert outputs.peace == 0


def test_the_leaders_mortality_doubles_over_the_stated_years(quiet, central):
    params = central("regime", resignation_rate=0.0)
    hazards = [
        regime.hazards(regime.begin(params), params.loyalty_at_start, 0.0, quiet(params, age_of_war=weeks), params, Structure())[2]
        for weeks in (0.0, 52 * params.mortality_doubling)
    ]
    assert hazards[0] == pytest.approx(float(params.leader_mortality))
    assert hazards[1] / hazards[0] == pytest.approx(2.0)


def test_lost_loyalty_raises_the_hazard_of_a_coup_by_its_log(quiet, central):
    params = central("regime", loyalty_coup=0.9)
    rates = [
        regime.hazards(regime.begin(params), params.loyalty_at_start - lost, 0.0, quiet(params), params, Structure())[0]
        for lost in (0.0, 0.5)
    ]
    assert np.log(rates[1] / rates[0]) == pytest.approx(0.45)


def test_a_rising_branching_ratio_raises_the_hazard_of_collapse_up_to_its_limit(quiet, central):
    params = central("regime", branching_collapse=2.0, branching_limit=1.5)
    rates = [
        regime.hazards(regime.begin(params), params.loyalty_at_start, 0.0, quiet(params, branching_ratio=ratio), params, Structure())[3]
        for ratio in (0.0, 0.5, 1.5, 3.0)
    ]
    assert np.log(rates[1] / rates[0]) == pytest.approx(1.0)
    assert rates[2] == pytest.approx(rates[3])
