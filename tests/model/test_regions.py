"""Regions, against constant hazards: 1 - exp(-H), shares of causes, and one chance for all policies (docs/model/regions.md)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import luck, regions
from muster.model.levers import Setting
from muster.model.structure import Structure

DRAWS = 20_000
QUIET = {"recruit_income": jnp.zeros(1), "security_at_home": 1.0, "population": jnp.array([1e6]), "men": jnp.array([3e5])}
NO_ENDINGS = {"exit_rate": 0.0, "settlement_rate": 0.0, "repression_rate": 0.0}


@pytest.fixture(scope="module")
def chances():
    """Thresholds of one region in 20,000 draws, [draw, region, stage, occurrence]."""
    keys = jax.vmap(lambda draw: jax.random.fold_in(jax.random.key(7), draw))(jnp.arange(DRAWS))
    return jax.vmap(lambda key: luck.thresholds(key[None], (1, luck.REGION_STAGES, luck.OCCURRENCES))[0])(keys)


@pytest.fixture
def lived(made, central, chances):
    """lived(years, movements, ...): outputs and counts by stage of every draw after years of constant hazards."""

    def run(years, movements=0.0, groups=1.0, **overrides):
        params = central("regions", **({"diffusion": 0.0} | overrides))
        one = jnp.ones(1)
        setting = made(
            Setting,
            relative_income=one,
            has_hazard=one,
            lost_autonomy=one,
            excluded=one / 2,
            titular_groups=groups * one,
            movements_at_start=movements * one,
            neighbours=jnp.zeros((1, 1)),
        )

        def life(thresholds):
            inputs = made(regions.Inputs, killed=jnp.zeros(1), dead=jnp.zeros(1), thresholds=thresholds, **QUIET)

            def week(state, _):
                return regions.step(state, inputs, setting, jnp.asarray(0.0), params, 4.0, Structure())

            state, outputs = jax.lax.scan(week, regions.begin(params, 1), length=13 * years)
            counts = luck.passed(state.hazard, thresholds, state.survived)
            return jax.tree.map(lambda x: x[-1], outputs), counts[0], state

        return jax.jit(jax.vmap(life))(chances)

    return run


@pytest.mark.parametrize(("rate", "years"), [(0.02, 10), (0.1, 10), (0.3, 5)])
def test_movements_come_with_one_less_the_exponential_of_the_hazard(lived, rate, years):
    outputs, _, _ = lived(years, movement_rate=rate, **NO_ENDINGS)
    expected = 1 - np.exp(-rate * years)
    error = np.sqrt(expected * (1 - expected) / DRAWS)
    assert np.mean(outputs.new_movements >= 1) == pytest.approx(expected, abs=4 * error)


def test_movements_of_many_groups_are_binomial(lived):
    outputs, _, _ = lived(5, groups=6.0, movement_rate=0.1, **NO_ENDINGS)
    expected = 6 * (1 - np.exp(-0.5))
    assert np.mean(outputs.new_movements) == pytest.approx(expected, abs=0.05)


def test_conflicts_of_a_lasting_movement_come_at_their_rate(lived):
    outputs, _, _ = lived(10, movements=1.0, movement_rate=0.0, conflict_rate=0.1, **NO_ENDINGS)
    assert np.mean(outputs.conflicts) == pytest.approx(1.0, abs=4 / np.sqrt(DRAWS))
    assert np.mean(outputs.conflicts == 0) == pytest.approx(np.exp(-1.0), abs=4 * 0.5 / np.sqrt(DRAWS))


def test_movements_end_by_each_cause_in_its_share_of_the_hazards(lived):
    """P(cause) = h / sum h among exit, settlement and repression."""
    rates = {"exit_rate": 0.02, "settlement_rate": 0.05, "repression_rate": 0.03}
    _, counts, _ = lived(12, movements=1.0, movement_rate=0.0, **rates)
    ended = np.asarray(counts[:, 2:5])
    first = ended[ended.sum(axis=1) == 1]
    assert np.mean(ended.sum(axis=1) >= 1) == pytest.approx(1 - np.exp(-0.1 * 12), abs=0.015)
    np.testing.assert_allclose(first.mean(axis=0), [0.2, 0.5, 0.3], atol=0.02)


def test_the_same_chance_brings_no_event_later_when_hazards_rise(lived):
    calm, _, _ = lived(8, movement_rate=0.05, **NO_ENDINGS)
    tense, _, _ = lived(8, movement_rate=0.08, **NO_ENDINGS)
    assert np.all((tense.new_movements >= 1) >= (calm.new_movements >= 1))
    assert np.any(tense.new_movements > calm.new_movements)


def test_grievance_and_capacity_rest_at_their_start_when_nothing_happens(lived, central):
    outputs, _, state = lived(5, movement_rate=0.0, **NO_ENDINGS)
    np.testing.assert_allclose(outputs.grievance, 0, atol=1e-12)
    np.testing.assert_allclose(outputs.capacity, 1)
    np.testing.assert_allclose(state.capacity, central("regions").capacity_at_start)


def test_equal_burdens_weigh_on_nobody_and_double_ones_by_the_log_of_two(central):
    params = central("regions", burden_floor=0.0)
    people = jnp.array([1e6, 3e6])
    np.testing.assert_allclose(regions.burden(2e-5 * people, people, params), 0, atol=1e-12)
    load = regions.burden(jnp.array([40.0, 60.0]), people, params)
    assert load[0] - load[1] == pytest.approx(np.log(2))


def test_every_group_of_a_region_can_leave_it(lived):
    """Of 21 groups that stand in one region, each with a movement that leaves at once."""
    outputs, counts, _ = lived(20, movements=21.0, groups=21.0, **(NO_ENDINGS | {"exit_rate": 1.0, "movement_rate": 0.0}))
    assert np.max(outputs.seceded) == pytest.approx(1)
    np.testing.assert_allclose(outputs.seceded[counts[:, 2] <= 21], counts[counts[:, 2] <= 21, 2] / 21)


def test_distress_adds_no_more_beyond_its_limit(made, central):
    params = central("regions")
    felt = [float(regions.felt_distress(made(regions.Inputs, fiscal_distress=x), params)) for x in (0.0, 0.05, 1e3, -1e3)]
    assert felt[0] == 0
    assert felt[1] == pytest.approx(1, rel=0.04)
    assert felt[2:] == [pytest.approx(params.distress_limit), pytest.approx(-params.distress_limit)]


def test_events_go_on_behind_the_last_threshold_that_is_kept():
    thresholds = jnp.cumsum(jnp.full(luck.OCCURRENCES, 0.5))
    felt = jnp.array([0.4, 0.5, 3.9, 4.0, 4.9, 5.0, 9.5])
    counts = [int(luck.passed(one, thresholds, 0.0)) for one in felt]
    assert counts == [0, 1, 7, 8, 8, 9, 13]
