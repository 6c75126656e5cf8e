"""Call-up: who is called, by which quota, with which errors; who complies, evades, flees or volunteers.

A logit choice of the called inside a queue with limited capacity (docs/model/callup.md, eq. 1-9).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, leaves, saturate, share


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
    penalty_evasion: Float[Array, ""] = quantity("1", "logit of evasion lost per unit of detection x severity")
    trust_evasion: Float[Array, ""] = quantity("1", "logit of evasion and flight lost per unit of trust")
    skill_flight: Float[Array, ""] = quantity("1", "logit of flight of the skilled against the others")
    border_flight: Float[Array, ""] = quantity("1", "logit of flight lost at a closed border")
    poverty_quota: Float[Array, ""] = quantity("1", "log quota per s.d. of poverty")
    titular_quota: Float[Array, ""] = quantity("1", "log quota per s.d. of titular share")
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
    eligible: Float[Array, " region age skill experience"] = quantity("person", "men at home who are on the register")
    evading: Float[Array, " region age"] = quantity("person", "men who evade")
    decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week by decree")
    later_decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week by a second decree")
    ordered: Float[Array, ""] = quantity("person/week", "men called up by standing order of the staff")
    state_capacity: Float[Array, " region"] = quantity("1", "state capacity over its value at the start")
    killed_share: Float[Array, ""] = quantity("1/week", "killed over serving men last week")
    trust: Float[Array, ""] = quantity("1", "private trust last week")
    trust_at_start: Float[Array, ""] = quantity("1", "private trust at the start")
    pay: Float[Array, ""] = quantity("1", "pay of a volunteer over the civil wage")
    civil_wage: Float[Array, " region"] = quantity("1", "real civil wage over the national one at the start")
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
    """Persons that the table of persons books."""

    inducted: Float[Array, " channel region age skill experience"] = quantity("person/week", "men inducted from home")
    found: Float[Array, " channel region age"] = quantity("person/week", "evaders found and inducted")
    volunteers: Float[Array, " region age skill experience"] = quantity("person/week", "volunteers from home")
    prisoners: Float[Array, ""] = quantity("person/week", "convicts signed")
    outside_men: Float[Array, ""] = quantity("person/week", "men raised outside the own population")
    evaded: Float[Array, " region age skill experience"] = quantity("person/week", "men who evade from now on")
    forgiven: Float[Array, " region age"] = quantity("person/week", "evaders who are eligible again")
    fled: Float[Array, " region age skill experience"] = quantity("person/week", "men who leave the country on a notice")


def begin(params: Params, regions: int) -> State:
    zero = jnp.zeros_like(params.convicts_at_start)
    return State(backlog=jnp.zeros((2, regions)), convicts=params.convicts_at_start, returning=zero, death_risk=zero)


def quota_weights(inputs: Inputs, params: Params):
    """Share of the national quota that falls on each region [1], eq. 1; by men alone where the quota rule is 0."""
    tilt = params.poverty_quota * inputs.poverty + params.titular_quota * inputs.titular_share
    weight = jnp.sum(inputs.eligible, axis=(1, 2, 3)) * jnp.exp(inputs.quota_rule * tilt)
    return share(weight, jnp.sum(weight))


def risk_index(death_risk, params: Params):
    """Perceived risk [1], eq. 6: 0 without deaths."""
    return jnp.log1p(death_risk / params.risk_scale)


def notices_by_person(notices, eligible, selection, params: Params):
    """Notices by age, skill and experience [person/week], eq. 4."""
    reach = jnp.stack([params.reach_none, params.reach_served, params.reach_combat])
    weight = jnp.stack([jnp.zeros_like(params.served_weight), params.served_weight, params.combat_weight])
    drawn = eligible * jnp.exp(selection * weight) * reach
    return notices[:, None, None, None] * share(drawn, jnp.sum(drawn, axis=(1, 2, 3), keepdims=True))


def wrong_share(load, params: Params):
    """Share of notices sent by error [1], eq. 5: rises with the square of the offices' load."""
    return params.error_low + (params.error_high - params.error_low) * load * load


def choices(inputs: Inputs, risk, skilled_share, params: Params):
    """Probabilities to comply, evade and flee [1] by skill, eq. 6; the shares at a decree fix the intercepts."""
    comply_share = 1 - params.evade_share - params.flee_share
    distrust = params.trust_evasion * (inputs.trust - inputs.trust_at_start)
    fear = params.risk_evasion * (risk - params.decree_risk) - distrust
    penalty = params.penalty_evasion * (inputs.penal_severity - inputs.penal_severity_at_start)
    skilled = jnp.stack([1 - skilled_share, -skilled_share])
    evade = jnp.log(params.evade_share / comply_share) + fear - penalty + jnp.zeros_like(skilled)
    closed = params.border_flight * (inputs.border - inputs.border_at_start)
    flee = jnp.log(params.flee_share / comply_share) + fear + params.skill_flight * skilled - closed
    return jax.nn.softmax(jnp.stack([jnp.zeros_like(evade), evade, flee]), axis=0)


def volunteering(eligible, inputs: Inputs, risk, params: Params, dt):
    """Men who volunteer [person/week], eq. 8."""
    pay = (inputs.pay / inputs.civil_wage) ** params.pay_elasticity
    rate = params.volunteer_rate * pay * jnp.exp(-params.risk_volunteering * risk) * inputs.volunteer_staffing
    return eligible * -jnp.expm1(-rate * dt)[:, None, None, None] / dt


def step(state: State, inputs: Inputs, params: Params, dt) -> tuple[State, Outputs, Flows]:
    """One week of call-up. The capacity of offices limits the notices; men not inducted stay in the backlog."""
    death_risk = approach(state.death_risk, 52 * inputs.killed_share, params.risk_memory, dt)
    risk = risk_index(death_risk, params)
    weights = quota_weights(inputs, params)
    decreed = params.cap_ratio * jnp.stack([inputs.decree_quota, inputs.later_decree_quota])
    quota = decreed.at[0].add(inputs.ordered)[:, None] * weights
    wanted = quota + state.backlog / params.backlog_time
    register = jnp.sum(inputs.eligible, axis=(1, 2, 3))
    capacity = params.office_capacity * register * inputs.state_capacity
    demand = jnp.sum(wanted, axis=0)
    notices = saturate(capacity, demand)
    channel = jnp.where(demand > 0, wanted / jnp.where(demand > 0, demand, 1), jnp.array([1.0, 0.0])[:, None])
    people = jnp.minimum(notices_by_person(notices, inputs.eligible, inputs.selection, params), inputs.eligible / (2 * dt))
    wrong = wrong_share(share(notices, capacity), params)[:, None, None, None]
    kept = (1 - params.sent_home_share) * wrong
    skilled_share = share(jnp.sum(inputs.eligible[:, :, 0]), jnp.sum(inputs.eligible))
    comply, evade, flee = choices(inputs, risk, skilled_share, params)[:, :, None]
    inducted = people * ((1 - wrong) * comply + kept)
    found, forgiven = leaves(inputs.evading, (params.detection_rate, params.forgiveness_rate), dt)
    found_flow = channel[:, :, None] * found / dt
    inducted_flow = channel[:, :, None, None, None] * inducted
    taken = jnp.sum(inducted_flow, axis=(2, 3, 4)) + jnp.sum(found_flow, axis=2)
    remaining = inputs.eligible - dt * people
    volunteers = volunteering(remaining, inputs, risk, params, dt)
    prisoners = saturate(inputs.prisoner_offers, state.convicts / params.convict_time)
    wrongly_called = jnp.sum(people * wrong)
    new = State(
        backlog=jnp.maximum(state.backlog + dt * (quota - taken), jnp.zeros_like(quota)),
        convicts=state.convicts + dt * (params.convict_inflow - prisoners),
        returning=approach(state.returning, params.sent_home_share * wrongly_called * params.sent_home_time, params.sent_home_time, dt),
        death_risk=death_risk,
    )
    flows = Flows(
        inducted=inducted_flow,
        found=found_flow,
        volunteers=volunteers,
        prisoners=prisoners,
        outside_men=inputs.outside_men,
        evaded=people * (1 - wrong) * evade,
        forgiven=forgiven / dt,
        fled=people * (1 - wrong) * flee,
    )
    return new, readings(flows, people, wrongly_called, risk, new, params), flows


def readings(flows: Flows, people, wrongly_called, risk, new: State, params: Params) -> Outputs:
    """What is recorded of the week's call-up."""
    unserved = jnp.sum(people[..., 0])
    valid = jnp.sum(people) - wrongly_called
    return Outputs(
        called_up=jnp.sum(flows.inducted) + jnp.sum(flows.found),
        evaded=jnp.sum(flows.evaded),
        fled_notice=jnp.sum(flows.fled),
        wrongly_called=wrongly_called,
        outside_criteria=wrongly_called
        + params.over_age_share * valid
        + (1 - params.over_age_share) * unserved * share(valid, valid + wrongly_called),
        volunteers=jnp.sum(flows.volunteers),
        prisoners=flows.prisoners,
        outside_men=flows.outside_men,
        notices=jnp.sum(people),
        wrongly_called_share=share(wrongly_called, jnp.sum(people)),
        risk_index=risk,
        backlog=jnp.sum(new.backlog),
    )
