"""Call-up: who is called, by which quota, with which errors; who complies, evades, flees or volunteers.

A logit choice of the called inside a queue with limited capacity (docs/model/callup.md, eq. 1-10).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, by_hazard, leaves, once, power, saturate, share

LEAST_COMPLYING = 0.01  # share of notices that are complied with at the risk of a decree: the priors of evasion and flight know no sum


class State(Record):
    backlog: Float[Array, " channel region"] = quantity("person", "quota not yet inducted, by decree and later decree")
    convicts: Float[Array, ""] = quantity("person", "convicts of military age who can still be offered a contract")
    returning: Float[Array, ""] = quantity("person", "wrongly called men who are held until they are sent home")
    death_risk: Float[Array, ""] = quantity("1/year", "yearly death risk of a serving man, smoothed")


class Params(Record):
    office_capacity: Float[Array, ""] = quantity("1/week", "notices a week over the register at full state capacity")
    error_low: Float[Array, ""] = quantity("1", "share of wrong notices without load")
    error_high: Float[Array, ""] = quantity("1", "share of wrong notices at full load")
    sent_home_share: Float[Array, ""] = quantity("1", "share of the wrongly called who are sent home")
    sent_home_time: Float[Array, ""] = quantity("week", "time until the wrongly called are home")
    evade_share: Float[Array, ""] = quantity("1", "share of notices evaded at the risk of a decree")
    flee_share: Float[Array, ""] = quantity("1", "share of notices answered by flight at the risk of a decree")
    decree_risk: Float[Array, ""] = quantity("1", "risk index at which the two shares hold")
    risk_scale: Float[Array, ""] = quantity("1/year", "death risk that moves the risk index by ln 2")
    risk_memory: Float[Array, ""] = quantity("week", "time over which the death risk is perceived")
    risk_evasion: Float[Array, ""] = quantity("1", "logit of evasion and flight per unit of the risk index")
    risk_volunteering: Float[Array, ""] = quantity("1", "log volunteers lost per unit of the risk index")
    penalty_evasion: Float[Array, ""] = quantity("1", "logit of evasion lost per unit of penal severity")
    trust_evasion: Float[Array, ""] = quantity("1", "logit of evasion and flight lost per unit of trust")
    skill_flight: Float[Array, ""] = quantity("1", "logit of flight of the skilled against the others")
    border_flight: Float[Array, ""] = quantity("1", "logit of flight lost at a closed border")
    poverty_quota: Float[Array, ""] = quantity("1", "log quota per s.d. of poverty")
    titular_quota: Float[Array, ""] = quantity("1", "log quota per s.d. of titular share")
    garrison_share: Float[Array, ""] = quantity("1", "share of the standing force at home where it is stationed")
    served_weight: Float[Array, ""] = quantity("1", "log weight of men who served where veterans come first")
    combat_weight: Float[Array, ""] = quantity("1", "log weight of combat veterans where veterans come first")
    reach_none: Float[Array, ""] = quantity("1", "share of men without service whom the register can reach")
    reach_served: Float[Array, ""] = quantity("1", "share of men who served whom the register can reach")
    reach_combat: Float[Array, ""] = quantity("1", "share of combat veterans whom the register can reach")
    over_age_share: Float[Array, ""] = quantity("1", "share of valid notices to men over age, unfit or students")
    detection_rate: Float[Array, ""] = quantity("1/week", "share of evaders found each week")
    forgiveness_rate: Float[Array, ""] = quantity("1/week", "share of evaders who are eligible again each week")
    backlog_time: Float[Array, ""] = quantity("week", "time in which the backlog is to be worked off")
    cap_ratio: Float[Array, ""] = quantity("1", "real cap of a decree over the announced number")
    volunteer_rate: Float[Array, ""] = quantity("1/week", "volunteers a week over the register at civil pay in peace")
    pay_elasticity: Float[Array, ""] = quantity("1", "elasticity of volunteers to relative pay")
    convict_time: Float[Array, ""] = quantity("week", "time in which the convict pool would sign if all were offered")
    convicts_at_start: Float[Array, ""] = quantity("person", "convicts of military age at the start")
    convict_inflow: Float[Array, ""] = quantity("person/week", "new convicts of military age")


class Inputs(Record):
    eligible: Float[Array, " region skill experience"] = quantity("person", "men at home who are on the register")
    evading: Float[Array, " region"] = quantity("person", "men who evade")
    decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week by decree")
    later_decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week by a second decree")
    ordered: Float[Array, ""] = quantity("person/week", "men called up by standing order of the staff")
    state_capacity: Float[Array, " region"] = quantity("1", "state capacity over its value at the start")
    killed_share: Float[Array, ""] = quantity("1/week", "killed over serving men last week")
    trust: Float[Array, " region"] = quantity("1", "private trust last week")
    trust_at_start: Float[Array, ""] = quantity("1", "private trust at the start")
    pay: Float[Array, ""] = quantity("1", "pay of a volunteer over the civil wage")
    real_wage: Float[Array, ""] = quantity("1", "real civil wage over its start")
    recruiting: Float[Array, " region"] = quantity("1", "volunteers per man of the region over those of the nation (eq. 9)")
    border: Float[Array, ""] = quantity("1", "how far the border is closed")
    border_at_start: Float[Array, ""] = quantity("1", "how far it was closed at the start")
    penal_severity: Float[Array, ""] = quantity("1", "severity of punishment for evasion")
    penal_severity_at_start: Float[Array, ""] = quantity("1", "severity at the start")
    quota_rule: Float[Array, ""] = quantity("1", "how far quotas follow poverty and titular share, 0 equal per man, 1 as they do")
    selection: Float[Array, ""] = quantity("1", "0 anyone is called, 1 veterans first")
    prisoner_offers: Float[Array, ""] = quantity("person/week", "convicts offered a contract")
    outside_men: Float[Array, ""] = quantity("person/week", "men raised outside the own population")
    volunteer_staffing: Float[Array, ""] = quantity("1", "staffing factor of volunteers (front, eq. 9)")
    poverty: Float[Array, " region"] = quantity("1", "standardised poverty")
    titular_share: Float[Array, " region"] = quantity("1", "standardised titular share")


class Outputs(Record):
    called_up: Float[Array, ""] = quantity("person/week", "men inducted by decree or order", headline=True)
    evaded: Float[Array, ""] = quantity("person/week", "men who evade a notice", headline=True)
    fled_notice: Float[Array, ""] = quantity("person/week", "men who leave the country on a notice")
    wrongly_called: Float[Array, ""] = quantity("person/week", "men called by error", headline=True)
    outside_criteria: Float[Array, ""] = quantity("person/week", "men called outside the stated criteria")
    volunteers: Float[Array, ""] = quantity("person/week", "volunteers signed", headline=True)
    prisoners: Float[Array, ""] = quantity("person/week", "convicts signed")
    outside_men: Float[Array, ""] = quantity("person/week", "men raised outside the own population")
    notices: Float[Array, ""] = quantity("person/week", "call-up notices")
    wrongly_called_share: Float[Array, ""] = quantity("1", "wrong notices over notices")
    risk_index: Float[Array, ""] = quantity("1", "ln(1 + yearly death risk / risk scale)")
    backlog: Float[Array, ""] = quantity("person", "quota not yet inducted")


class Flows(Record):
    """Persons that the table of persons books; their ages are those of the men they come from."""

    notice_rate: Float[Array, " region experience"] = quantity("1/week", "notices per man on the register")
    notices: Float[Array, " region skill"] = quantity("person/week", "men who get a notice")
    volunteer_rate: Float[Array, " region"] = quantity("1/week", "volunteers per man on the register who got no notice")
    experience: Float[Array, " experience"] = quantity("1", "shares of experience among men inducted by notice")
    inducted: Float[Array, " channel region skill"] = quantity("person/week", "men inducted from home")
    found: Float[Array, " channel region"] = quantity("person/week", "evaders found and inducted")
    volunteers: Float[Array, " region skill"] = quantity("person/week", "volunteers from home")
    prisoners: Float[Array, ""] = quantity("person/week", "convicts signed")
    outside_men: Float[Array, ""] = quantity("person/week", "men raised outside the own population")
    evaded: Float[Array, " region skill"] = quantity("person/week", "men who evade from now on")
    forgiven: Float[Array, " region"] = quantity("person/week", "evaders who are eligible again")
    fled: Float[Array, " region skill"] = quantity("person/week", "men who leave the country on a notice")


def begin(params: Params, regions: int) -> State:
    zero = jnp.zeros_like(params.convicts_at_start)
    return State(backlog=jnp.zeros((2, regions)), convicts=params.convicts_at_start, returning=zero, death_risk=zero)


def shares(amounts):
    """Shares of amounts [1]; equal ones where there is nothing."""
    whole = jnp.sum(amounts)
    return jnp.where(whole > 0, share(amounts, whole), 1 / amounts.shape[0])


def quota_weights(register, inputs: Inputs, params: Params):
    """Share of the national quota that falls on each region [1], eq. 1; by men alone where the quota rule is 0."""
    tilt = params.poverty_quota * inputs.poverty + params.titular_quota * inputs.titular_share
    weight = register * jnp.exp(inputs.quota_rule * tilt)
    return share(weight, jnp.sum(weight))


def risk_index(death_risk, params: Params):
    """Perceived risk [1], eq. 6: 0 without deaths."""
    return jnp.log1p(death_risk / params.risk_scale)


def notice_rates(notices, by_experience, selection, params: Params, dt):
    """Notices per man on the register [1/week] by region and experience, eq. 4; at most half of the men in a step."""
    reach = jnp.stack([params.reach_none, params.reach_served, params.reach_combat])
    weight = jnp.stack([jnp.zeros_like(params.served_weight), params.served_weight, params.combat_weight])
    chance = jnp.exp(selection * weight) * reach
    return jnp.minimum(chance * share(notices, jnp.sum(by_experience * chance, axis=1))[:, None], 1 / (2 * dt))


def wrong_share(load, params: Params):
    """Share of notices sent by error [1], eq. 5: rises with the square of the offices' load."""
    return params.error_low + (params.error_high - params.error_low) * load * load


def choices(inputs: Inputs, risk, skilled_share, params: Params):
    """Probabilities to comply, evade and flee [1] by region and skill, eq. 6; the shares at a decree fix the intercepts."""
    comply_share = jnp.maximum(1 - params.evade_share - params.flee_share, LEAST_COMPLYING)
    (distrust,) = once(params.trust_evasion * (inputs.trust - inputs.trust_at_start))  # two exponentials in one loop are slower
    fear = jnp.exp(params.risk_evasion * (risk - params.decree_risk) - distrust)[:, None]
    penalty = params.penalty_evasion * (inputs.penal_severity - inputs.penal_severity_at_start)
    skilled = jnp.exp(params.skill_flight * jnp.stack([1 - skilled_share, -skilled_share]))
    closed = params.border_flight * (inputs.border - inputs.border_at_start)
    evade = params.evade_share / comply_share * jnp.exp(-penalty) * fear
    flee = params.flee_share / comply_share * jnp.exp(-closed) * skilled * fear
    comply = 1 / (1 + evade + flee)
    return comply, evade * comply, flee * comply


def recruiting(men, relative_income, params: Params):
    """Volunteers per man of a region over those of the nation [1], eq. 9: poor regions give more; the mean over `men` is 1."""
    weight = power(relative_income, -params.pay_elasticity)
    return weight * share(jnp.sum(men), jnp.sum(men * weight))


def standing(men, garrison, recruiting, params: Params):
    """Shares of the standing force by the region that its men are from [1], eq. 11: as volunteers are, and where it is stationed."""
    volunteers = men * recruiting
    recruited, everywhere = share(volunteers, jnp.sum(volunteers)), jnp.sum(garrison)
    stationed = jnp.where(everywhere > 0, garrison / jnp.where(everywhere > 0, everywhere, 1.0), recruited)
    return recruited + params.garrison_share * (stationed - recruited)


def volunteering(inputs: Inputs, risk, params: Params, dt):
    """Volunteers per man on the register [1/week] by region, eq. 8."""
    pay = power(inputs.pay / inputs.real_wage, params.pay_elasticity)
    rate = params.volunteer_rate * pay * jnp.exp(-params.risk_volunteering * risk) * inputs.volunteer_staffing * inputs.recruiting
    return by_hazard(rate * dt) / dt


def step(state: State, inputs: Inputs, params: Params, dt) -> tuple[State, Outputs, Flows]:
    """One week of call-up. The capacity of offices limits the notices; men not inducted stay in the backlog."""
    death_risk = approach(state.death_risk, 52 * inputs.killed_share, params.risk_memory, dt)
    risk = risk_index(death_risk, params)
    by_experience, by_skill = once(jnp.sum(inputs.eligible, axis=1), jnp.sum(inputs.eligible, axis=2))
    register = jnp.sum(by_skill, axis=1)
    weights = quota_weights(register, inputs, params)
    decreed = params.cap_ratio * jnp.stack([inputs.decree_quota, inputs.later_decree_quota])
    (quota,) = once((decreed + jnp.stack([inputs.ordered, jnp.zeros_like(inputs.ordered)]))[:, None] * weights)
    wanted = quota + state.backlog / params.backlog_time
    capacity = params.office_capacity * register * inputs.state_capacity
    demand = jnp.sum(wanted, axis=0)
    sent = saturate(capacity, demand)
    channel = jnp.where(demand > 0, share(wanted, demand), jnp.array([1.0, 0.0])[:, None])
    (rate,) = once(notice_rates(sent, by_experience, inputs.selection, params, dt))
    (people,) = once(jnp.sum(inputs.eligible * rate[:, None], axis=2))
    skilled_share = share(jnp.sum(by_skill[:, 0]), jnp.sum(register))
    wrong, comply, evade, flee = once(wrong_share(share(sent, capacity), params)[:, None], *choices(inputs, risk, skilled_share, params))
    channel, kept = once(channel, (1 - wrong) * comply + (1 - params.sent_home_share) * wrong)
    inducted = people * kept
    found, forgiven = once(*(men / dt for men in leaves(inputs.evading, (params.detection_rate, params.forgiveness_rate), dt)))
    (taken,) = once(channel * (jnp.sum(inducted, axis=1) + found))
    willing = volunteering(inputs, risk, params, dt)
    prisoners = saturate(inputs.prisoner_offers, state.convicts / params.convict_time)
    wrongly_called = jnp.sum(people * wrong)
    left = state.backlog + dt * (quota - taken)
    new = State(
        backlog=jnp.where(left > 0, left, jnp.zeros_like(left)),  # not maximum, which has a slope of 1/2 where nothing was left before
        convicts=state.convicts + dt * (params.convict_inflow - prisoners),
        returning=approach(state.returning, params.sent_home_share * wrongly_called * params.sent_home_time, params.sent_home_time, dt),
        death_risk=death_risk,
    )
    flows = Flows(
        notice_rate=rate,
        notices=people,
        volunteer_rate=willing,
        experience=shares(jnp.sum(jnp.sum(inputs.eligible * kept[..., None], axis=1) * rate, axis=0)),
        inducted=channel[..., None] * inducted,
        found=channel * found,
        volunteers=(by_skill - dt * people) * willing[:, None],
        prisoners=prisoners,
        outside_men=inputs.outside_men,
        evaded=people * (1 - wrong) * evade,
        forgiven=forgiven,
        fled=people * (1 - wrong) * flee,
    )
    unserved = jnp.sum(by_experience[:, 0] * rate[:, 0])
    return new, readings(flows, jnp.sum(taken), unserved, wrongly_called, risk, new, params), flows


def readings(flows: Flows, called_up, unserved, wrongly_called, risk, new: State, params: Params) -> Outputs:
    """What is recorded of the week's call-up."""
    people = jnp.sum(flows.notices)
    valid = people - wrongly_called
    return Outputs(
        called_up=called_up,
        evaded=jnp.sum(flows.evaded),
        fled_notice=jnp.sum(flows.fled),
        wrongly_called=wrongly_called,
        outside_criteria=wrongly_called
        + params.over_age_share * valid
        + (1 - params.over_age_share) * unserved * share(valid, valid + wrongly_called),
        volunteers=jnp.sum(flows.volunteers),
        prisoners=flows.prisoners,
        outside_men=flows.outside_men,
        notices=people,
        wrongly_called_share=share(wrongly_called, people),
        risk_index=risk,
        backlog=jnp.sum(new.backlog),
    )
