"""Economy, against augmented Solow growth and the accounts of the budget (docs/model/economy.md)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster.model import economy
from muster.model.structure import Structure

MEN = jnp.full((10, 2), 2e6)
WOMEN = jnp.asarray(1.5e7)
PEACE = {"civil_spending": 0.3, "policy_rate": 0.1, "policy_rate_at_start": 0.1}


@pytest.fixture
def economy_at_start(central):
    """economy_at_start(**overrides): parameters and the state of the start."""

    def build(**overrides):
        params = central("economy", **overrides)
        return params, economy.begin(params, MEN, WOMEN, jnp.asarray(0.3), 52)

    return build


@pytest.fixture
def year(made):
    """year(params, **values): a week of peace in which nothing changes but what is given."""

    def build(params, **values):
        usual = {"men_at_home": MEN, "women_at_home": WOMEN, "export_price": 1.0, "state_capacity": 1.0}
        spending = {"military_spending": params.military_spending_at_start}
        return made(economy.Inputs, **(usual | PEACE | spending | values))

    return build


@pytest.mark.parametrize(("capital", "human", "hands"), [(0.01, 0.0, 0.0), (0.0, -0.01, 0.0), (0.0, 0.0, 0.01), (-0.01, 0.02, 0.005)])
def test_capacity_moves_by_the_solow_shares_of_small_shocks(economy_at_start, capital, human, hands):
    """d ln Y = a d ln K + b d ln H + (1 - a - b) d ln L."""
    params, state = economy_at_start(capital_share=0.35, human_share=0.25)
    shocked = replace(state, capital=state.capital * np.exp(capital))
    none = jnp.asarray(0.0)
    able = economy.capacity(
        shocked, none, none, state.labour_at_start * np.exp(hands), state.human_capital_at_start * np.exp(human), none, params
    )
    assert np.log(able) == pytest.approx(0.35 * capital + 0.25 * human + 0.4 * hands, abs=1e-12)


def test_capacity_loses_the_shares_taken_by_sanctions_and_fire(economy_at_start):
    params, state = economy_at_start(capacity_growth=0.02)
    able = economy.capacity(state, 0.1, 0.2, state.labour_at_start, state.human_capital_at_start, jnp.asarray(104.0), params)
    assert able == pytest.approx(0.9 * 0.8 * np.exp(0.04))


def test_labour_falls_by_the_share_of_men_who_are_away(central):
    params = central("economy")
    full = economy.labour(MEN, WOMEN, 0.0, 0.0, params)
    less = economy.labour(0.9 * MEN, WOMEN, 0.0, 0.0, params)
    assert 1 - less / full == pytest.approx(0.1 * float(jnp.sum(MEN)) / float(jnp.sum(MEN) + WOMEN))


def test_capital_rests_where_investment_replaces_wear(economy_at_start, year, iterate):
    """Without growth and deficits K* = (s Y / d), and output rests at capacity there."""
    params, state = economy_at_start(capacity_growth=0.0, crowding_out=0.0)
    inputs = year(params)

    def step(state):
        capital = economy.step(replace(state, output=jnp.asarray(1.0)), inputs, params, 1.0, Structure())[0].capital
        return replace(state, capital=capital)

    rest = iterate(step, state, 20_000)
    output = economy.step(replace(rest, output=jnp.asarray(1.0)), inputs, params, 1.0, Structure())[0].output
    assert rest.capital == pytest.approx(float(params.saving / params.depreciation * output), rel=1e-5)


@pytest.mark.parametrize("growth", [0.0, 0.02])
@pytest.mark.parametrize("human_follows", [0.0, 1.0])
def test_capital_returns_to_its_path_at_the_rate_of_mankiw_romer_and_weil(economy_at_start, year, iterate, growth, human_follows):
    """A gap shrinks by (1 - a - b) (n + g + d) a year where human capital follows capital, by (1 - a) (n + g + d) where it does not."""
    a, b, wear, saving, years = 0.35, 0.25, 0.05, 0.2, 20
    follows = a + b * human_follows
    pace = growth / (1 - follows)  # n + g: capital grows as fast on the path
    start = saving / (wear + pace)
    shares = {"capital_share": a, "human_share": b, "saving": saving, "depreciation": wear, "capital_at_start": start}
    params, state = economy_at_start(**shares, capacity_growth=growth, crowding_out=0.0, output_time=1e12)
    inputs, none = year(params), jnp.asarray(0.0)

    def step(carried):
        week, capital = carried
        human = state.human_capital_at_start * (capital / start) ** human_follows
        now = replace(state, capital=capital)
        output = economy.capacity(now, none, none, state.labour_at_start, human, week, params)
        return week + 1, economy.step(replace(now, output=output), inputs, params, 1.0, Structure())[0].capital

    gaps = []
    for off in (0.0, 1e-3):
        gaps.append(np.log(iterate(step, (0.0, jnp.asarray(start * np.exp(off))), 52 * years)[1]))
    assert (gaps[1] - gaps[0]) / 1e-3 == pytest.approx(np.exp(-(1 - follows) * (wear + pace) * years), rel=1e-3)
    assert gaps[0] - np.log(start) == pytest.approx(pace * years, abs=1e-3)


@pytest.mark.parametrize("deficit", [0.12, 0.03, 0.0, -0.01, -0.08, -0.6])
@pytest.mark.parametrize("reserves", [0.0, 1e-4, 0.1])
@pytest.mark.parametrize("debt", [0.0, 0.2])
def test_what_is_borrowed_printed_and_drawn_pays_the_deficit(economy_at_start, deficit, reserves, debt):
    params, state = economy_at_start()
    state = replace(state, reserves=jnp.asarray(reserves), debt=jnp.asarray(debt))
    borrowed, printed, drawn = economy.finance(jnp.asarray(deficit), state, params, 1.0)
    assert borrowed + printed + drawn == pytest.approx(deficit, abs=1e-15)
    assert drawn / 52 <= reserves
    assert -borrowed / 52 <= debt
    assert printed >= -1e-15


def test_debt_money_and_reserves_add_up_over_the_years(economy_at_start, year, iterate):
    params, start = economy_at_start()
    for values in ({"military_spending": 0.12}, {"aid": 0.2}):
        inputs = year(params, **values)
        end = iterate(lambda state, inputs=inputs: economy.step(state, inputs, params, 1.0, Structure())[0], start, 260)
        paid = [state.debt + state.money - state.reserves - state.deficit_total for state in (start, end)]
        assert abs(end.deficit_total) > 0.02
        assert paid[1] == pytest.approx(float(paid[0]), abs=1e-12)
        assert end.debt >= -1e-15
        assert end.reserves >= -1e-15


def test_deficit_is_spending_and_interest_less_taxes_rent_and_aid(central, year):
    params = central("economy", taxes=0.3, export_rent=0.05, domestic_share=0.8)
    inputs = year(params, military_spending=0.1, civil_spending=0.25, aid=0.02, export_price=1.2, state_capacity=0.9)
    expected = 0.25 + 0.08 + 0.01 - 0.3 * 0.95 * 0.9 - 0.05 * 1.2 - 0.02
    assert economy.public_deficit(0.95, 0.01, inputs, params) == pytest.approx(expected)


def test_demand_is_at_capacity_in_an_unchanged_peace(economy_at_start, year):
    params, state = economy_at_start()
    wanted = economy.demand(jnp.asarray(0.0), state.expected_inflation, year(params), params, Structure())
    assert wanted == pytest.approx(1.0)


def test_output_and_inflation_of_the_first_weeks_of_peace_stay_at_their_start(economy_at_start, year):
    params, state = economy_at_start(capacity_growth=0.0, demand_growth=0.0)
    new, outputs = economy.step(state, year(params), params, 1.0, Structure())
    assert new.output == pytest.approx(1.0, abs=1e-12)
    assert new.wedge == 0
    assert outputs.fiscal_distress == pytest.approx(0.0, abs=1e-12)
    assert outputs.labour_shortage == pytest.approx(0.0, abs=1e-12)
    assert outputs.inflation == pytest.approx(np.expm1(float(params.inflation_at_start)), abs=1e-3)


def test_sanctions_bite_to_their_wedge_less_what_is_substituted(economy_at_start, iterate):
    params, state = economy_at_start(sanctions_wedge=0.08)
    state = replace(state, adaptation=jnp.asarray(0.25))

    def step(wedge):
        return economy.sanctions_wedge(replace(state, wedge=wedge), jnp.asarray(1.0), params, 1.0, Structure())

    assert iterate(step, jnp.asarray(0.0), 5000) == pytest.approx(0.06)


@pytest.mark.parametrize("structure", [Structure(), Structure(sanctions="growth_loss")])
def test_no_sanctions_take_all_of_capacity(economy_at_start, structure):
    params, state = economy_at_start(sanctions_wedge=2.0, sanctions_growth_loss=2.0)
    for _ in range(520):
        state = replace(state, wedge=economy.sanctions_wedge(state, jnp.asarray(1.0), params, 1.0, structure))
    assert 0 < state.wedge <= economy.WORST
    assert economy.capacity(state, state.wedge, jnp.asarray(0.0), state.labour_at_start, state.human_capital_at_start, 0.0, params) > 0


def test_schooling_and_work_add_their_mincer_returns(central):
    params = central("economy", school_return=0.08, experience_return=0.02, school_high=16.0, school_low=11.0, experience_limit=30.0)
    only = jnp.zeros((10, 2))
    skilled = economy.human_capital(only.at[5, 0].set(1.0), jnp.asarray(0.0), params)
    assert np.log(skilled) == pytest.approx(0.08 * 16 + 0.02 * (42.5 - 22))
    men_alone = economy.human_capital(MEN, jnp.asarray(0.0), params)
    assert economy.human_capital(MEN, jnp.sum(MEN), params) == pytest.approx(2 * float(men_alone))


def test_an_economy_without_hands_or_demand_stays_a_number(economy_at_start, year):
    """All at once: more disabled than people, the own soil lost twice over, real rates of a thousand percent."""
    params, state = economy_at_start(fire_loss=1.5, occupied_loss=1.0)
    hard = year(params, disabled=1e9, occupied=1.0, under_fire=1.0, policy_rate=10.0, sanctions=1.0, war=1.0)
    for _ in range(520):
        state, outputs = economy.step(state, hard, params, 1.0, Structure())
    assert all(np.isfinite(getattr(outputs, name)) for name in ("output", "real_wage", "inflation", "fiscal_distress", "human_capital"))
    assert outputs.output > 0
    assert outputs.capacity > 0


def test_a_shortage_beyond_all_hands_raises_wages_no_further(economy_at_start):
    params, state = economy_at_start()
    one, ten = (economy.log_wage(state, short, 0.0, 0.0, 1.0, state.labour_at_start, params, 1.0) for short in (1.0, 10.0))
    assert one == ten > economy.log_wage(state, 0.5, 0.0, 0.0, 1.0, state.labour_at_start, params, 1.0)
