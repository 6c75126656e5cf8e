"""Economy: labour and human capital, sanctions, war finance, prices, wages.

An augmented Solow capacity, a demand side, and the budget that pays for the war (docs/model/economy.md, eq. 1-11).
"""

from dataclasses import replace
from typing import assert_never

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, between, positive, power, saturate, share
from muster.model.structure import Structure

WORST = 0.9  # share of capacity that sanctions can take, and war on the own soil: something is left
FEWEST = 0.01  # labour and human capital over the start: the disabled are reckoned from the dead, and might be more than the living
LEAST_DEMAND = 0.01  # over 2021: at high real rates the sum of causes is negative
MOST_SHORT = 1.0  # labour wanted beyond what there is, over the start, that still raises wages
AGE_OF_BAND = (17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5, 52.5, 57.5, 62.5)  # years, middle of the ten bands


class State(Record):
    output: Float[Array, ""] = quantity("1", "output over 2021")
    capital: Float[Array, ""] = quantity("year", "capital in years of the output of 2021")
    wedge: Float[Array, ""] = quantity("1", "share of capacity lost to sanctions")
    adaptation: Float[Array, ""] = quantity("1", "share of sanctions' effect that is substituted")
    own_soil: Float[Array, ""] = quantity("1", "share of capacity lost to occupation and fire")
    exchange_rate: Float[Array, ""] = quantity("1", "log exchange rate, foreign money in own, over the start")
    passed_rate: Float[Array, ""] = quantity("1", "log exchange rate as it has reached prices")
    inflation_rate: Float[Array, ""] = quantity("1/year", "core price change")
    expected_inflation: Float[Array, ""] = quantity("1/year", "expected price change")
    log_prices: Float[Array, " past"] = quantity("1", "log price level of the last 52 weeks, newest first")
    log_wage: Float[Array, ""] = quantity("1", "log real wage over the start")
    debt: Float[Array, ""] = quantity("year", "public debt in years of the output of 2021")
    money: Float[Array, ""] = quantity("year", "money in years of the output of 2021")
    reserves: Float[Array, ""] = quantity("year", "fund and reserves in years of the output of 2021")
    deficit_total: Float[Array, ""] = quantity("year", "deficits since the start in years of the output of 2021")
    arms_labour: Float[Array, ""] = quantity("1", "share of labour in arms works")
    labour_at_start: Float[Array, ""] = quantity("person", "labour at the start")
    human_capital_at_start: Float[Array, ""] = quantity("person", "human capital at the start, in unskilled men")
    fiscal_distress_at_start: Float[Array, ""] = quantity("1", "deficit and interest over output in 2021")


class Params(Record):
    capital_share: Float[Array, ""] = quantity("1", "exponent of capital")
    human_share: Float[Array, ""] = quantity("1", "exponent of human capital")
    school_return: Float[Array, ""] = quantity("1/year", "log wage per year of school")
    experience_return: Float[Array, ""] = quantity("1/year", "log wage per year of work")
    school_high: Float[Array, ""] = quantity("year", "school of the skilled")
    school_low: Float[Array, ""] = quantity("year", "school of the others")
    experience_limit: Float[Array, ""] = quantity("year", "years of work that add to pay")
    disabled_out: Float[Array, ""] = quantity("1", "share of the disabled who cannot work")
    capacity_growth: Float[Array, ""] = quantity("1/year", "growth of capacity")
    demand_growth: Float[Array, ""] = quantity("1/year", "growth of demand")
    sanctions_wedge: Float[Array, ""] = quantity("1", "share of capacity lost to full sanctions before adaptation")
    sanctions_growth_loss: Float[Array, ""] = quantity("1/year", "growth lost to full sanctions before adaptation (structure F)")
    sanctions_time: Float[Array, ""] = quantity("week", "time in which sanctions bite")
    adaptation_limit: Float[Array, ""] = quantity("1", "share of sanctions' effect that can be substituted")
    adaptation_time: Float[Array, ""] = quantity("year", "time to adapt")
    occupied_loss: Float[Array, ""] = quantity("1", "share of output lost where occupied")
    fire_loss: Float[Array, ""] = quantity("1", "share of output lost under fire")
    own_soil_time: Float[Array, ""] = quantity("week", "time in which own soil is lost to the economy")
    fire_destruction: Float[Array, ""] = quantity("1/year", "share of capital destroyed under fire")
    military_multiplier: Float[Array, ""] = quantity("year", "demand per military spending beyond peace")
    domestic_share: Float[Array, ""] = quantity("1", "share of military spending that is bought at home")
    domestic_reference: Float[Array, ""] = quantity("1", "domestic share at which the multiplier holds")
    confidence_loss: Float[Array, ""] = quantity("1", "demand lost when the war comes")
    confidence_time: Float[Array, ""] = quantity("week", "time over which this fades")
    rate_demand: Float[Array, ""] = quantity("year", "demand lost per real policy rate above its start")
    output_time: Float[Array, ""] = quantity("week", "time in which output follows demand")
    overuse: Float[Array, ""] = quantity("1", "largest use of capacity")
    saving: Float[Array, ""] = quantity("1", "share of output invested")
    depreciation: Float[Array, ""] = quantity("1/year", "share of capital worn out")
    crowding_out: Float[Array, ""] = quantity("1", "investment lost per deficit")
    taxes: Float[Array, ""] = quantity("1", "taxes over output")
    export_rent: Float[Array, ""] = quantity("1/year", "public export revenue at the start over output of 2021")
    interest: Float[Array, ""] = quantity("1/year", "interest on debt")
    debt_financed: Float[Array, ""] = quantity("1", "weight of debt in financing a deficit")
    money_financed: Float[Array, ""] = quantity("1", "weight of new money")
    reserves_financed: Float[Array, ""] = quantity("1", "weight of reserves")
    debt_at_start: Float[Array, ""] = quantity("year", "debt at the start")
    money_at_start: Float[Array, ""] = quantity("year", "money at the start")
    reserves_at_start: Float[Array, ""] = quantity("year", "fund and reserves at the start")
    capital_at_start: Float[Array, ""] = quantity("year", "capital at the start")
    military_spending_at_start: Float[Array, ""] = quantity("1/year", "military spending of 2021")
    war_rate_jump: Float[Array, ""] = quantity("1", "jump of the log exchange rate when the war comes")
    sanctions_rate: Float[Array, ""] = quantity("1", "log exchange rate per sanctions wedge")
    money_rate: Float[Array, ""] = quantity("year", "log exchange rate per yearly money growth")
    policy_rate_rate: Float[Array, ""] = quantity("year", "log exchange rate lost per policy rate above its start")
    export_rate: Float[Array, ""] = quantity("1", "log exchange rate lost per log export price")
    rate_time: Float[Array, ""] = quantity("week", "time in which the exchange rate follows its causes")
    rate_prices: Float[Array, ""] = quantity("1", "share of a fall of the currency that reaches prices")
    rate_delay: Float[Array, ""] = quantity("week", "time until it does")
    gap_inflation: Float[Array, ""] = quantity("1/year", "inflation per excess demand")
    money_inflation: Float[Array, ""] = quantity("1", "inflation per money growth")
    anchor: Float[Array, ""] = quantity("1", "weight of the target in inflation")
    inflation_target: Float[Array, ""] = quantity("1/year", "inflation target")
    inflation_at_start: Float[Array, ""] = quantity("1/year", "inflation at the start")
    inflation_time: Float[Array, ""] = quantity("week", "time in which inflation follows its causes")
    expectation_time: Float[Array, ""] = quantity("week", "time in which expectations follow inflation")
    wage_speed: Float[Array, ""] = quantity("1", "adjustment of real wages")
    shortage_wage: Float[Array, ""] = quantity("1/year", "wage growth per labour shortage")
    wage_share_time: Float[Array, ""] = quantity("week", "time in which real wages return to output per worker")
    gap_limit: Float[Array, ""] = quantity("1", "excess demand beyond which rationing and imports take over")
    shortage_corner: Float[Array, ""] = quantity("1", "width of the onset of labour shortage")
    arms_premium: Float[Array, ""] = quantity("1", "elasticity of pay in arms works to military spending")
    arms_mobility: Float[Array, ""] = quantity("1/year", "labour that moves per pay premium")
    arms_labour_at_start: Float[Array, ""] = quantity("1", "share of labour in arms works at the start")


class Inputs(Record):
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")
    men_at_home: Float[Array, " age skill"] = quantity("person", "men of 15-64 at home")
    women_at_home: Float[Array, ""] = quantity("person", "women of 15-49 at home")
    disabled: Float[Array, ""] = quantity("person", "disabled by the war")
    held_men: Float[Array, ""] = quantity("person", "wrongly called men held before they are sent home")
    sanctions: Float[Array, ""] = quantity("1", "sanctions in force")
    occupied: Float[Array, ""] = quantity("1", "share of output in areas under the enemy's control")
    under_fire: Float[Array, ""] = quantity("1", "share of output under fire")
    military_spending: Float[Array, ""] = quantity("1/year", "military spending over the output of 2021")
    civil_spending: Float[Array, ""] = quantity("1/year", "civil spending over the output of 2021")
    aid: Float[Array, ""] = quantity("1/year", "money from partners less payments to suppliers, over the output of 2021")
    policy_rate: Float[Array, ""] = quantity("1/year", "policy rate")
    policy_rate_at_start: Float[Array, ""] = quantity("1/year", "policy rate at the start")
    export_price: Float[Array, ""] = quantity("1", "price of the main export over the start")
    state_capacity: Float[Array, ""] = quantity("1", "state capacity over its start")


class Outputs(Record):
    output: Float[Array, ""] = quantity("1", "output over 2021", headline=True)
    inflation: Float[Array, ""] = quantity("1", "change of prices over 52 weeks", headline=True)
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start", headline=True)
    labour: Float[Array, ""] = quantity("1", "labour over the start", headline=True)
    labour_shortage: Float[Array, ""] = quantity("1", "labour wanted beyond what there is, over the start", headline=True)
    human_capital: Float[Array, ""] = quantity("1", "human capital over the start", headline=True)
    fiscal_distress: Float[Array, ""] = quantity("1", "deficit and interest over output, less 2021", headline=True)
    capacity: Float[Array, ""] = quantity("1", "capacity over 2021")
    deficit: Float[Array, ""] = quantity("1/year", "public deficit over the output of 2021")
    debt: Float[Array, ""] = quantity("year", "public debt in years of the output of 2021")
    money: Float[Array, ""] = quantity("year", "money in years of the output of 2021")
    reserves: Float[Array, ""] = quantity("year", "fund and reserves in years of the output of 2021")
    exchange_rate: Float[Array, ""] = quantity("1", "exchange rate over the start")
    arms_labour: Float[Array, ""] = quantity("1", "labour in arms works over the start")
    adaptation: Float[Array, ""] = quantity("1", "share of sanctions' effect that is substituted")


def human_capital(men, women, params: Params):
    """Human capital in unskilled beginners [person], eq. 1: women work at the mean of men."""
    school = jnp.stack([params.school_high, params.school_low])
    work = jnp.clip(jnp.asarray(AGE_OF_BAND)[:, None] - school - 6, 0, params.experience_limit)
    each = jnp.exp(params.school_return * school + params.experience_return * work)
    value = jnp.sum(men * each)
    return value * (1 + share(women, jnp.sum(men)))


def labour(men, women, disabled, held, params: Params):
    """People who can work [person], eq. 1; the share of them who do stays as it was."""
    return jnp.sum(men) + women - params.disabled_out * disabled - held


def begin(params: Params, men, women, civil_spending, past: int) -> State:
    """Output at 2021; men [person] by age and skill, women [person] at home; `past` steps are a year."""
    zero = jnp.zeros_like(params.taxes)
    spending = civil_spending + params.domestic_share * params.military_spending_at_start + params.interest * params.debt_at_start
    weeks = jnp.arange(past) * 52 / past
    return State(
        output=zero + 1,
        capital=params.capital_at_start,
        wedge=zero,
        adaptation=zero,
        own_soil=zero,
        exchange_rate=zero,
        passed_rate=zero,
        inflation_rate=params.inflation_at_start,
        expected_inflation=params.inflation_at_start,
        log_prices=-params.inflation_at_start * weeks / 52,
        log_wage=zero,
        debt=params.debt_at_start,
        money=params.money_at_start,
        reserves=params.reserves_at_start,
        deficit_total=zero,
        arms_labour=params.arms_labour_at_start,
        labour_at_start=labour(men, women, zero, zero, params),
        human_capital_at_start=human_capital(men, women, params),
        fiscal_distress_at_start=spending - params.taxes - params.export_rent + params.interest * params.debt_at_start,
    )


def sanctions_wedge(state: State, sanctions, params: Params, dt, structure: Structure):
    """Share of capacity lost to sanctions [1], eq. 2 (structure F)."""
    effect = sanctions * (1 - state.adaptation)
    match structure.sanctions:
        case "level_wedge" | "war_boom":
            return approach(state.wedge, jnp.minimum(params.sanctions_wedge * effect, WORST), params.sanctions_time, dt)
        case "growth_loss":
            return jnp.minimum(state.wedge + params.sanctions_growth_loss * effect * dt / 52, WORST)
        case _:
            assert_never(structure.sanctions)


def capacity(state: State, wedge, own_soil, workers, human, age_of_war, params: Params):
    """Capacity over 2021 [1], eq. 2: augmented Solow."""
    capital = power(state.capital / params.capital_at_start, params.capital_share)
    skilled = power(human / state.human_capital_at_start, params.human_share)
    hands = power(workers / state.labour_at_start, 1 - params.capital_share - params.human_share)
    return jnp.exp(params.capacity_growth * age_of_war / 52) * (1 - wedge) * (1 - own_soil) * capital * skilled * hands


def war_boom(boom, structure: Structure):
    """Demand that military spending adds [1], eq. 4: twice the usual where a boom runs into the wall of capacity (structure F)."""
    match structure.sanctions:
        case "level_wedge" | "growth_loss":
            return boom
        case "war_boom":
            return 2 * boom
        case _:
            assert_never(structure.sanctions)


def demand(own_soil, expected, inputs: Inputs, params: Params, structure: Structure):
    """Demand over 2021 [1], eq. 4."""
    beyond = inputs.military_spending - params.military_spending_at_start
    boom = params.military_multiplier * beyond * params.domestic_share / params.domestic_reference
    fear = inputs.war * params.confidence_loss * jnp.exp(-inputs.age_of_war / params.confidence_time)
    tight = params.rate_demand * (inputs.policy_rate - expected)
    steady = params.rate_demand * (inputs.policy_rate_at_start - params.inflation_at_start)
    boom = war_boom(boom, structure)
    return (1 - own_soil) * jnp.exp(params.demand_growth * inputs.age_of_war / 52) * (1 + boom - fear - tight + steady)


def public_deficit(output, interest, inputs: Inputs, params: Params):
    """Spending and interest less taxes, export revenue and aid [1/year], eq. 7."""
    spending = inputs.civil_spending + params.domestic_share * inputs.military_spending + interest
    return spending - params.taxes * output * inputs.state_capacity - params.export_rent * inputs.export_price - inputs.aid


def finance(deficit, state: State, params: Params, dt):
    """New debt, new money and reserves drawn [1/year] that pay a deficit, eq. 7.

    What reserves cannot give is printed; a surplus pays back debt and fills the reserves, it does not shrink money.
    """
    weights = params.debt_financed + params.money_financed + params.reserves_financed
    short, surplus = jnp.maximum(deficit, 0.0), jnp.maximum(-deficit, 0.0)
    drawn = saturate(state.reserves * 52 / dt, short * params.reserves_financed / weights)
    borrowed = short * params.debt_financed / weights
    repaid = saturate(state.debt * 52 / dt, surplus * params.debt_financed / weights)
    return borrowed - repaid, short - borrowed - drawn, drawn - (surplus - repaid)


def exchange_rate(state: State, wedge, money_growth, inputs: Inputs, params: Params, dt):
    """Log exchange rate [1], eq. 8; it jumps once when the war comes."""
    target = (
        params.sanctions_rate * wedge
        + params.money_rate * money_growth
        - params.policy_rate_rate * (inputs.policy_rate - inputs.policy_rate_at_start)
        - params.export_rate * jnp.log(inputs.export_price)
    )
    jump = params.war_rate_jump * inputs.war * jnp.where(inputs.age_of_war < dt, 1.0, 0.0)
    return approach(state.exchange_rate, target, params.rate_time, dt) + jump


def inflation_target(gap, money_growth, state: State, params: Params):
    """Core inflation that the week's causes lead to [1/year], eq. 9: excess demand and money against the anchor."""
    anchored = params.anchor * params.inflation_target + (1 - params.anchor) * state.expected_inflation
    felt = between(gap, -params.gap_limit, params.gap_limit)
    return anchored + params.gap_inflation * felt + params.money_inflation * (money_growth - params.capacity_growth)


def labour_shortage(gap, workers, state: State, params: Params):
    """Labour wanted beyond what there is, over the start [1], eq. 6."""
    none = positive(jnp.zeros_like(gap), params.shortage_corner)
    return positive(gap + 1 - workers / state.labour_at_start, params.shortage_corner) - none


def log_wage(state: State, shortage, surprise, imported, output, workers, params: Params, dt):
    """Log real wage over the start [1], eq. 10; `surprise` = expected less actual inflation [1/year]."""
    growth = params.capacity_growth + params.shortage_wage * jnp.clip(shortage, 0.0, MOST_SHORT) + surprise
    worth = jnp.log(output) - jnp.log(workers / state.labour_at_start)
    return approach(state.log_wage + params.wage_speed * growth * dt / 52 - imported, worth, params.wage_share_time, dt)


def readings(state: State, new: State, able, deficit, interest, workers, human, shortage, params: Params) -> Outputs:
    """What is recorded of the week's economy."""
    return Outputs(
        output=new.output,
        inflation=jnp.expm1(new.log_prices[0] - state.log_prices[-1]),
        real_wage=jnp.exp(new.log_wage),
        labour=workers / state.labour_at_start,
        labour_shortage=shortage,
        human_capital=human / state.human_capital_at_start,
        fiscal_distress=(deficit + interest) / new.output - state.fiscal_distress_at_start,
        capacity=able,
        deficit=deficit,
        debt=new.debt,
        money=new.money,
        reserves=new.reserves,
        exchange_rate=jnp.exp(new.exchange_rate),
        arms_labour=new.arms_labour * workers / (params.arms_labour_at_start * state.labour_at_start),
        adaptation=new.adaptation,
    )


def step(state: State, inputs: Inputs, params: Params, dt, structure: Structure) -> tuple[State, Outputs]:
    """One week of the economy."""
    able_to_work = labour(inputs.men_at_home, inputs.women_at_home, inputs.disabled, inputs.held_men, params)
    workers = jnp.maximum(able_to_work, FEWEST * state.labour_at_start)
    human_left = human_capital(inputs.men_at_home, inputs.women_at_home, params) - params.disabled_out * inputs.disabled
    human = jnp.maximum(human_left, FEWEST * state.human_capital_at_start)
    wedge = sanctions_wedge(state, inputs.sanctions, params, dt, structure)
    adaptation = approach(state.adaptation, inputs.sanctions * params.adaptation_limit, 52 * params.adaptation_time, dt)
    lost = params.occupied_loss * inputs.occupied + params.fire_loss * inputs.under_fire
    own_soil = approach(state.own_soil, jnp.minimum(lost, WORST), params.own_soil_time, dt)
    able = capacity(state, wedge, own_soil, workers, human, inputs.age_of_war, params)
    wanted = jnp.maximum(demand(own_soil, state.expected_inflation, inputs, params, structure), LEAST_DEMAND)
    usable = saturate_at(params.overuse * able, wanted) / saturate_at(params.overuse, jnp.ones_like(wanted))
    output = approach(state.output, usable, params.output_time, dt)
    gap = (wanted - able) / able
    interest = params.interest * state.debt
    deficit = public_deficit(output, interest, inputs, params)
    borrowed, printed, drawn = finance(deficit, state, params, dt)
    money_growth = printed / state.money
    rate = exchange_rate(state, wedge, money_growth, inputs, params, dt)
    passed_rate = approach(state.passed_rate, rate, params.rate_delay, dt)
    imported = params.rate_prices * jnp.maximum(passed_rate - state.passed_rate, 0.0)
    core = approach(state.inflation_rate, inflation_target(gap, money_growth, state, params), params.inflation_time, dt)
    expected = approach(state.expected_inflation, state.inflation_rate, params.expectation_time, dt)
    level = state.log_prices[0] + core * dt / 52 + imported
    shortage = labour_shortage(gap, workers, state, params)
    military = jnp.log(jnp.maximum(inputs.military_spending, 1e-6) / params.military_spending_at_start)
    invested = params.saving * output - params.depreciation * state.capital - params.crowding_out * jnp.maximum(deficit, 0.0)
    new = replace(
        state,
        output=output,
        capital=jnp.maximum(state.capital + dt / 52 * (invested - params.fire_destruction * inputs.under_fire * state.capital), 0.1),
        wedge=wedge,
        adaptation=adaptation,
        own_soil=own_soil,
        exchange_rate=rate,
        passed_rate=passed_rate,
        inflation_rate=core,
        expected_inflation=expected,
        log_prices=jnp.concatenate([level[None], state.log_prices[:-1]]),
        log_wage=log_wage(state, shortage, expected - core, imported, output, workers, params, dt),
        debt=state.debt + borrowed * dt / 52,
        money=state.money + printed * dt / 52,
        reserves=state.reserves - drawn * dt / 52,
        deficit_total=state.deficit_total + deficit * dt / 52,
        arms_labour=jnp.clip(
            state.arms_labour + params.arms_mobility * params.arms_premium * military * state.arms_labour * dt / 52, 0.001, 0.25
        ),
    )
    return new, readings(state, new, able, deficit, interest, workers, human, shortage, params)


def saturate_at(limit, wanted):
    """Smooth minimum of two amounts that is close to the smaller one even where they are near [1]."""
    sharpness = 16
    return limit * wanted / power(power(limit, sharpness) + power(wanted, sharpness), 1 / sharpness)
