"""Society: war support, trust, protest, what is said to pollsters, and who leaves.

Two private attitudes, a layer of expression, and emigration as a selected flow (docs/model/society.md, eq. 1-6).
"""

from typing import assert_never

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from muster.model.levers import Ground
from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, logit, pulse, saturate, share
from muster.model.structure import Structure


class State(Record):
    support: Float[Array, " region"] = quantity("1", "private support of the war, logit")
    trust: Float[Array, " region"] = quantity("1", "private trust in the government, logit")
    protest: Float[Array, ""] = quantity("1", "share of people ready to protest openly")
    public_deaths: Float[Array, " region"] = quantity("person", "own military deaths as publicly known")
    public_weekly_deaths: Float[Array, " region"] = quantity("person/week", "own military deaths a week as publicly known")
    public_ground: Float[Array, ""] = quantity("km2", "ground won since the start as publicly known")


class Params(Record):
    support_at_start: Float[Array, ""] = quantity("1", "private support of the war at the start")
    trust_at_start: Float[Array, ""] = quantity("1", "private trust at the start")
    protest_at_start: Float[Array, ""] = quantity("1", "share ready to protest at the start")
    rally: Float[Array, ""] = quantity("1", "logit of support added by the outbreak of war")
    rally_time: Float[Array, ""] = quantity("week", "time over which the rally fades")
    death_support: Float[Array, ""] = quantity("1", "logit of support lost per factor of ten of deaths")
    death_scale: Float[Array, ""] = quantity("1", "people per death at which cumulated deaths are felt")
    weekly_death_support: Float[Array, ""] = quantity("week", "logit lost per weekly death in the death scale")
    prospect_support: Float[Array, ""] = quantity("1", "logit of support per unit of perceived prospect")
    ground_prospect: Float[Array, ""] = quantity("1", "perceived prospect per unit of recent ground")
    expected_ground: Float[Array, ""] = quantity("km2", "ground expected to be won")
    pay_support: Float[Array, ""] = quantity("1", "logit of support per log of recruits' income")
    decree_support: Float[Array, ""] = quantity("1", "logit lost by what a decree says about the war")
    decree_memory: Float[Array, ""] = quantity("week", "time over which this is felt")
    support_time: Float[Array, ""] = quantity("week", "time in which support follows its causes")
    report_time: Float[Array, ""] = quantity("week", "time until the public learns of deaths and ground")
    report_hidden: Float[Array, ""] = quantity("1", "share of bad news hidden where no media are free")
    support_trust: Float[Array, ""] = quantity("1", "logit of trust per logit of support")
    wage_trust: Float[Array, ""] = quantity("1", "logit of trust per share of the real wage")
    disorder_trust: Float[Array, ""] = quantity("1", "logit of trust lost per share of disorder")
    revelation_trust: Float[Array, ""] = quantity("1", "logit of trust lost by a revelation")
    trust_time: Float[Array, ""] = quantity("week", "time in which trust follows its causes")
    protest_protest: Float[Array, ""] = quantity("1", "threshold units per share protesting")
    trust_protest: Float[Array, ""] = quantity("1", "threshold units per trust lost")
    decree_protest: Float[Array, ""] = quantity("1", "threshold units of a fresh decree")
    protest_spread: Float[Array, ""] = quantity("1", "spread of thresholds")
    protest_time: Float[Array, ""] = quantity("week", "time in which protest follows its causes")
    decree_answer: Float[Array, ""] = quantity("1", "logit of reported approval lost by a fresh decree")
    decree_alarm: Float[Array, ""] = quantity("week", "time over which the alarm of a decree fades")
    falsified: Float[Array, ""] = quantity("1", "share added to reported support by fear, at 70 %")
    falsify_scale: Float[Array, ""] = quantity("1", "share per logit at that point")
    repression_falsified: Float[Array, ""] = quantity("1", "growth of falsification per unit of repression")
    approval_offset: Float[Array, ""] = quantity("1", "logit of approval over support of the war")
    decree_leaving: Float[Array, ""] = quantity("1/week", "leaving hazard of skilled men when a decree comes")
    war_leaving: Float[Array, ""] = quantity("1/week", "leaving hazard of skilled men when the war comes")
    war_leaving_time: Float[Array, ""] = quantity("week", "time over which this wave fades")
    base_leaving: Float[Array, ""] = quantity("1/week", "leaving hazard of skilled men in peace")
    risk_leaving: Float[Array, ""] = quantity("1", "log leaving per unit of the risk index")
    skill_leaving: Float[Array, ""] = quantity("1", "log leaving lost by the less skilled")
    wage_leaving: Float[Array, ""] = quantity("1", "log leaving per log of the wage abroad over that at home")
    trust_leaving: Float[Array, ""] = quantity("1", "log leaving lost per unit of trust")
    network_leaving: Float[Array, ""] = quantity("1", "log leaving per log of people abroad")
    network_scale: Float[Array, ""] = quantity("1", "people at home per person abroad at which networks count")
    network_limit: Float[Array, ""] = quantity("1", "share abroad at which networks are saturated")
    fire_leaving: Float[Array, ""] = quantity("1/week", "leaving hazard under fire or new occupation")
    fire_leaving_time: Float[Array, ""] = quantity("week", "time over which this flight fades")
    companions: Float[Array, ""] = quantity("1", "share of women and others among those who leave")
    return_rate: Float[Array, ""] = quantity("1/year", "share of those abroad who return")


class Inputs(Record):
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")
    decree_age: Float[Array, ""] = quantity("week", "weeks since the latest dated decree, negative before")
    deaths: Float[Array, " region"] = quantity("person", "own military deaths since the start")
    weekly_deaths: Float[Array, " region"] = quantity("person/week", "own military deaths this week")
    population: Float[Array, " region"] = quantity("person", "people at home")
    ground_won: Float[Array, ""] = quantity("km2", "ground won since the start")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained")
    recruit_income: Float[Array, " region"] = quantity("1", "pay of new volunteers over the region's wages")
    media_freedom: Float[Array, ""] = quantity("1", "freedom of public reports")
    revelation: Float[Array, ""] = quantity("1", "1 in a week of revelation")
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start")
    disorder: Float[Array, ""] = quantity("1", "mean of wrong-notice and unequipped shares")
    repression: Float[Array, ""] = quantity("1", "repression over its start")
    risk_index: Float[Array, ""] = quantity("1", "perceived risk of serving")
    border: Float[Array, ""] = quantity("1", "how far the border is closed to men of call-up age")
    under_fire: Float[Array, " region"] = quantity("1", "share of the people under new fire or occupation")
    abroad_share: Float[Array, ""] = quantity("1", "people who left since the start over people at home")


class Outputs(Record):
    approval_reported: Float[Array, ""] = quantity("1", "share that tells pollsters it approves of the government's head", headline=True)
    support_reported: Float[Array, ""] = quantity("1", "share that tells pollsters it supports the war")
    support_private: Float[Array, ""] = quantity("1", "share that supports the war in private", headline=True)
    trust: Float[Array, ""] = quantity("1", "share that trusts the government in private", headline=True)
    emigration: Float[Array, ""] = quantity("person/week", "people who leave the country", headline=True)
    perceived_prospect: Float[Array, ""] = quantity("1", "perceived prospect of the war", headline=True)
    protest: Float[Array, ""] = quantity("1", "share ready to protest openly")


class Leaving(Record):
    """Hazards that the table of persons applies."""

    men: Float[Array, " region skill"] = quantity("1/week", "leaving hazard of men on the register")
    men_under_fire: Float[Array, " region"] = quantity("1/week", "leaving hazard of men under fire")
    others_under_fire: Float[Array, " region"] = quantity("1/week", "leaving hazard of women, children and old people under fire")
    companions: Float[Array, ""] = quantity("1", "women and others who leave per man on the register who leaves")
    returning: Float[Array, ""] = quantity("1/week", "share of those abroad who return")


def begin(params: Params, regions: int) -> State:
    none = jnp.zeros(regions)
    return State(
        support=logit(params.support_at_start) + none,
        trust=logit(params.trust_at_start) + none,
        protest=params.protest_at_start,
        public_deaths=none,
        public_weekly_deaths=none,
        public_ground=jnp.zeros_like(params.trust_at_start),
    )


def mean(share_, population):
    """Population mean of a regional share [1]."""
    return jnp.sum(share_ * population) / jnp.sum(population)


def narrative(known, true, hidden, revelation, params: Params, dt):
    """What the public knows, eq. 2: late, and bad news in part; a revelation brings the truth."""
    told = approach(known, (1 - hidden) * true, params.report_time, dt)
    return revelation * true + (1 - revelation) * told


def perceived_prospect(public_ground, inputs: Inputs, ground: Ground, params: Params):
    """Perceived prospect [1], eq. 1: ground won against ground expected, and recent ground; 0 in peace."""
    won = jnp.tanh((public_ground - params.expected_ground) / ground.prospect_area)
    return inputs.war * (won + params.ground_prospect * inputs.recent_ground)


def casualties_effect(public_deaths, public_weekly_deaths, inputs: Inputs, params: Params, structure: Structure):
    """Logit of support lost to deaths [1] by region, eq. 1 (structure D)."""
    felt = jnp.log10(1 + params.death_scale * share(public_deaths, inputs.population))
    weekly = params.weekly_death_support * params.death_scale * share(public_weekly_deaths, inputs.population)
    match structure.casualties_opinion:
        case "log_loss":
            return params.death_support * felt + weekly
        case "success_only":
            return jnp.zeros_like(felt)
        case "compensated":
            return -params.death_support * felt
        case _:
            assert_never(structure.casualties_opinion)


def support_target(prospect, casualties, inputs: Inputs, params: Params):
    """Logit of support that the week's causes lead to [1] by region, eq. 1."""
    return (
        logit(params.support_at_start)
        + inputs.war * params.rally * jnp.exp(-inputs.age_of_war / params.rally_time)
        - casualties
        + params.prospect_support * prospect
        + params.pay_support * jnp.log1p(inputs.recruit_income)
        - params.decree_support * pulse(inputs.decree_age, params.decree_memory)
    )


def trust_target(support, inputs: Inputs, params: Params):
    """Logit of trust that the week's causes lead to [1] by region, eq. 3."""
    causes = params.support_trust * (support - logit(params.support_at_start)) + params.wage_trust * (inputs.real_wage - 1)
    return logit(params.trust_at_start) + causes - params.disorder_trust * inputs.disorder


def protest_target(protest, trust, inputs: Inputs, params: Params):
    """Share ready to protest [1], eq. 4: thresholds; anchored so that the start is at rest."""
    anchor = params.protest_spread * ndtri(params.protest_at_start) - params.protest_protest * params.protest_at_start
    push = (
        anchor
        + params.protest_protest * protest
        + params.trust_protest * (params.trust_at_start - trust)
        + params.decree_protest * pulse(inputs.decree_age, params.decree_alarm)
        - inputs.repression
    )
    return ndtr(push / params.protest_spread)


def reported(support, offset, inputs: Inputs, params: Params):
    """Share that tells pollsters yes [1], eq. 5: outside the smoothing, with falsification and the alarm of a decree."""
    falsified = params.falsified / params.falsify_scale * (1 + params.repression_falsified * inputs.repression)
    alarm = params.decree_answer * pulse(inputs.decree_age, params.decree_alarm)
    return mean(jax.nn.sigmoid(support + offset - alarm + falsified), inputs.population)


def leaving(trust, inputs: Inputs, params: Params) -> Leaving:
    """All departures but those on a notice, eq. 6."""
    wave = (
        params.base_leaving
        + params.decree_leaving * pulse(inputs.decree_age, params.decree_alarm)
        + inputs.war * params.war_leaving * jnp.exp(-inputs.age_of_war / params.war_leaving_time)
    )
    network = saturate(params.network_limit, inputs.abroad_share)
    push = (
        params.risk_leaving * inputs.risk_index
        - params.wage_leaving * jnp.log(inputs.real_wage)
        - params.trust_leaving * (trust - params.trust_at_start)
        + params.network_leaving * jnp.log1p(params.network_scale * network)
    )
    by_skill = jnp.stack([jnp.ones_like(params.skill_leaving), jnp.exp(-params.skill_leaving)])
    fire = inputs.war * params.fire_leaving * inputs.under_fire * jnp.exp(-inputs.age_of_war / params.fire_leaving_time)
    return Leaving(
        men=(wave * jnp.exp(push) * (1 - inputs.border))[:, None] * by_skill,
        men_under_fire=fire * (1 - inputs.border),
        others_under_fire=fire,
        companions=params.companions / (1 - params.companions),
        returning=params.return_rate / 52,
    )


def step(state: State, inputs: Inputs, params: Params, ground: Ground, dt, structure: Structure) -> tuple[State, Outputs, Leaving]:
    """One week of opinion; departures are returned as hazards. `emigration` is filled in by the table of persons."""
    hidden = params.report_hidden * (1 - inputs.media_freedom)
    public_deaths = narrative(state.public_deaths, inputs.deaths, hidden, inputs.revelation, params, dt)
    public_weekly = narrative(state.public_weekly_deaths, inputs.weekly_deaths, hidden, inputs.revelation, params, dt)
    hidden_ground = hidden * jnp.where(inputs.ground_won < 0, 1.0, 0.0)
    public_ground = narrative(state.public_ground, inputs.ground_won, hidden_ground, inputs.revelation, params, dt)
    prospect = perceived_prospect(public_ground, inputs, ground, params)
    casualties = casualties_effect(public_deaths, public_weekly, inputs, params, structure)
    support = approach(state.support, support_target(prospect, casualties, inputs, params), params.support_time, dt)
    trust = (
        approach(state.trust, trust_target(support, inputs, params), params.trust_time, dt) - params.revelation_trust * inputs.revelation
    )
    national_trust = mean(jax.nn.sigmoid(trust), inputs.population)
    protest = approach(state.protest, protest_target(state.protest, national_trust, inputs, params), params.protest_time, dt)
    new = State(support, trust, protest, public_deaths, public_weekly, public_ground)
    outputs = Outputs(
        approval_reported=reported(support, params.approval_offset, inputs, params),
        support_reported=reported(support, jnp.zeros_like(params.approval_offset), inputs, params),
        support_private=mean(jax.nn.sigmoid(support), inputs.population),
        trust=national_trust,
        emigration=jnp.zeros_like(national_trust),
        perceived_prospect=prospect,
        protest=protest,
    )
    return new, outputs, leaving(jax.nn.sigmoid(trust), inputs, params)
