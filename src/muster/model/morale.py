"""Morale: exhaustion, cohesion, desertion, surrender, and how they spread.

Three slow states feed self-exciting hazards; coercion is two-edged (docs/model/morale.md, eq. 1-10).
"""

from dataclasses import replace
from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, by_hazard, leaves, logit, positive, pulse, saturate, share
from muster.model.structure import Structure


class State(Record):
    exhaustion: Float[Array, " cohort"] = quantity("1", "exhaustion")
    cohesion: Float[Array, " cohort"] = quantity("1", "cohesion")
    service: Float[Array, " cohort"] = quantity("week", "length of service without discharge")
    morale: Float[Array, " cohort"] = quantity("1", "morale")
    desertion_precedent: Float[Array, " cohort"] = quantity("1/week", "recent desertion that is known of")
    surrender_precedent: Float[Array, " cohort"] = quantity("1/week", "recent surrender that is known of")
    impunity: Float[Array, ""] = quantity("1", "share of deserters who are not tried")
    deserters: Float[Array, " cohort"] = quantity("person", "deserters who may come back")
    captured: Float[Array, " cohort"] = quantity("person", "men in captivity")
    deserted_total: Float[Array, " cohort"] = quantity("person", "desertions since the start")
    surrendered_total: Float[Array, " cohort"] = quantity("person", "surrenders since the start")


class Params(Record):
    exhaustion_time: Float[Array, ""] = quantity("week", "weeks of heavy combat in line that exhaust")
    recovery_time: Float[Array, ""] = quantity("week", "weeks out of line that restore")
    exhaustion_new: Float[Array, ""] = quantity("1", "exhaustion of new men")
    cohesion_time: Float[Array, ""] = quantity("week", "time to build cohesion")
    cohesion_limit: Float[Array, ""] = quantity("1", "cohesion that a stable unit reaches")
    cohesion_new: Float[Array, ""] = quantity("1", "cohesion of a new unit")
    cohesion_at_start: Float[Array, ""] = quantity("1", "cohesion of the standing force at the start")
    turnover_loss: Float[Array, ""] = quantity("1", "cohesion lost per share of losses and arrivals")
    mixed_loss: Float[Array, ""] = quantity("1/week", "cohesion lost a week where channels are mixed")
    morale_at_start: Float[Array, ""] = quantity("1", "morale at the start")
    morale_time: Float[Array, ""] = quantity("week", "time in which morale follows its causes")
    cohesion_morale: Float[Array, ""] = quantity("1", "logit of morale per unit of cohesion")
    exhaustion_morale: Float[Array, ""] = quantity("1", "logit lost per unit of exhaustion")
    loss_morale: Float[Array, ""] = quantity("week", "logit lost per weekly loss share")
    equipment_morale: Float[Array, ""] = quantity("1", "logit per log of equipment per man")
    trust_morale: Float[Array, ""] = quantity("1", "logit per unit of trust")
    ground_morale: Float[Array, ""] = quantity("1", "logit per unit of recent ground")
    pay_morale: Float[Array, ""] = quantity("1", "logit per log of pay over its start")
    grievance_morale: Float[Array, ""] = quantity("1", "logit lost per unit of grievance")
    wrong_morale: Float[Array, ""] = quantity("1", "logit lost per share of wrongly called men")
    service_morale: Float[Array, ""] = quantity("1", "logit lost when service beyond the first half-year grows e-fold")
    service_span: Float[Array, ""] = quantity("week", "service without effect on morale, and its unit")
    decree_morale: Float[Array, ""] = quantity("1", "logit lost by what a decree says about the war")
    decree_memory: Float[Array, ""] = quantity("week", "time over which this is felt")
    desertion_rate: Float[Array, ""] = quantity("1/week", "desertion hazard at morale 1/2")
    desertion_morale: Float[Array, ""] = quantity("1", "log desertion per unit of morale lost")
    surrender_rate: Float[Array, ""] = quantity("1/week", "surrender hazard at morale 1/2")
    surrender_morale: Float[Array, ""] = quantity("1", "log surrender per unit of morale lost")
    pocket_surrender: Float[Array, ""] = quantity("1", "surrender hazard in a pocket over usual")
    coercion_desertion: Float[Array, ""] = quantity("1", "log desertion averted by full coercion")
    coercion_surrender: Float[Array, ""] = quantity("1", "log surrender averted by full coercion")
    coercion_initiative: Float[Array, ""] = quantity("1", "log coordination lost by full coercion")
    coercion_losses: Float[Array, ""] = quantity("1", "log losses added by full coercion")
    impunity_desertion: Float[Array, ""] = quantity("1", "log desertion per unit of impunity")
    impunity_at_start: Float[Array, ""] = quantity("1", "impunity at the start")
    opportunity: Float[Array, ""] = quantity("1", "opportunity to desert, 1 at the start")
    desertion_contagion: Float[Array, ""] = quantity("week", "growth of desertion per weekly share deserting")
    surrender_contagion: Float[Array, ""] = quantity("week", "growth of surrender per weekly share surrendering")
    contagion_limit: Float[Array, ""] = quantity("1/week", "weekly share at which contagion is half saturated")
    precedent_memory: Float[Array, ""] = quantity("week", "time over which precedents are remembered")
    own_cohort_weight: Float[Array, ""] = quantity("1", "weight of the own cohort's precedents")
    return_rate: Float[Array, ""] = quantity("1/week", "share of deserters who come back to duty")
    gone_rate: Float[Array, ""] = quantity("1/week", "share of deserters who go for good")
    court_capacity: Float[Array, ""] = quantity("person/week", "deserters who can be tried")
    psychiatric_share: Float[Array, ""] = quantity("1", "psychiatric cases among the wounded")
    psychiatric_return_forward: Float[Array, ""] = quantity("1", "share of them who return if treated near the front")
    psychiatric_return_rear: Float[Array, ""] = quantity("1", "share of them who return if treated in the rear")


class Inputs(Record):
    troops: Float[Array, " stage cohort"] = quantity("person", "men in the theatre after arrivals and losses")
    loss_share: Float[Array, " cohort"] = quantity("1/week", "losses over men by cohort")
    arrival_share: Float[Array, " cohort"] = quantity("1", "arrivals of the week over men after them")
    mixed: Float[Array, ""] = quantity("1", "share of the theatre outside its largest cohort, over the start")
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    intensity: Float[Array, ""] = quantity("1", "joint intensity of the fighting")
    time_in_line: Float[Array, ""] = quantity("1", "share of time in line")
    trust: Float[Array, ""] = quantity("1", "private trust over its start")
    equipment: Float[Array, ""] = quantity("1", "equipment per man over the start")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained")
    pay: Float[Array, ""] = quantity("1", "pay over its start")
    grievance: Float[Array, ""] = quantity("1", "mean grievance over its start")
    wrongly_called_share: Float[Array, ""] = quantity("1", "wrong notices over notices")
    decree_age: Float[Array, ""] = quantity("week", "weeks since the latest dated decree, negative before")
    coercion: Float[Array, ""] = quantity("1", "coercion of soldiers")
    pocket: Float[Array, ""] = quantity("1", "share of the force in a pocket of an enemy breakthrough")


class Outputs(Record):
    morale: Float[Array, ""] = quantity("1", "mean morale", headline=True)
    desertions: Float[Array, ""] = quantity("person/week", "desertions", headline=True)
    surrenders: Float[Array, ""] = quantity("person/week", "surrenders", headline=True)
    branching_ratio: Float[Array, ""] = quantity("1", "desertions set off by one desertion", headline=True)
    exhaustion: Float[Array, ""] = quantity("1", "mean exhaustion")
    cohesion: Float[Array, ""] = quantity("1", "mean cohesion")
    impunity: Float[Array, ""] = quantity("1", "share of deserters who are not tried")
    tried: Float[Array, ""] = quantity("person/week", "deserters tried")
    deserters: Float[Array, ""] = quantity("person", "deserters who may come back")
    captives: Float[Array, ""] = quantity("person", "men in captivity")


class Flows(Record):
    deserted: Float[Array, " stage cohort"] = quantity("person/week", "desertions")
    surrendered: Float[Array, " stage cohort"] = quantity("person/week", "surrenders")
    came_back: Float[Array, " cohort"] = quantity("person/week", "deserters back on duty")
    gone: Float[Array, " cohort"] = quantity("person/week", "deserters gone for good")
    desertion_hazard: Float[Array, " cohort"] = quantity("1/week", "desertion hazard")
    surrender_hazard: Float[Array, " cohort"] = quantity("1/week", "surrender hazard")


def begin(params: Params, cohorts: int) -> State:
    none = jnp.zeros(cohorts)
    standing = none.at[0].set(1.0)
    return State(
        exhaustion=none,
        cohesion=standing * params.cohesion_at_start + (1 - standing) * params.cohesion_new,
        service=none,
        morale=params.morale_at_start + none,
        desertion_precedent=none,
        surrender_precedent=none,
        impunity=params.impunity_at_start,
        deserters=none,
        captured=none,
        deserted_total=none,
        surrendered_total=none,
    )


def present(state: State):
    """Deserters who may come back and men in captivity [person] by cohort: still on the rolls."""
    return state.deserters + state.captured


def exhaustion(x, inputs: Inputs, params: Params, dt):
    """Exhaustion [1], eq. 1: two clocks, in line and out of it; arrivals are fresh."""
    tired = by_hazard(inputs.time_in_line * inputs.intensity * dt / params.exhaustion_time)
    rested = by_hazard((1 - inputs.time_in_line) * dt / params.recovery_time)
    worn = x + tired * (1 - x) - rested * x
    return (1 - inputs.arrival_share) * worn + inputs.arrival_share * params.exhaustion_new * inputs.intensity


def cohesion(c, inputs: Inputs, params: Params, dt):
    """Cohesion [1], eq. 2: built in the field with time, destroyed by losses, mixing and turnover; at rest in peace."""
    built = approach(c, params.cohesion_limit, params.cohesion_time / jnp.maximum(inputs.war, 1e-9), dt)
    kept = built * jnp.exp(-inputs.war * (params.turnover_loss * inputs.loss_share + params.mixed_loss * inputs.mixed) * dt)
    return kept + (params.cohesion_new - kept) * by_hazard(params.turnover_loss * inputs.arrival_share * inputs.war)


def service_term(service, params: Params):
    """Weight of long service without discharge [1], eq. 3: 0 at the start, ever slower with the years."""
    spans = (service - params.service_span) / params.service_span
    one = jnp.ones_like(spans)
    return jnp.log1p(positive(spans, one) - positive(-one, one))


def morale_target(state: State, inputs: Inputs, params: Params):
    """Morale that the causes of the week lead to [1], eq. 4; every cause is taken against its start."""
    causes = (
        params.cohesion_morale * (state.cohesion - params.cohesion_at_start)
        - params.exhaustion_morale * state.exhaustion
        - params.loss_morale * inputs.loss_share
        + params.equipment_morale * jnp.log(inputs.equipment)
        + params.trust_morale * inputs.trust
        + params.ground_morale * inputs.recent_ground
        + params.pay_morale * jnp.log(inputs.pay)
        - params.grievance_morale * inputs.grievance
        - params.wrong_morale * inputs.wrongly_called_share
        - params.service_morale * service_term(state.service, params)
        - params.decree_morale * pulse(inputs.decree_age, params.decree_memory)
    )
    return jax.nn.sigmoid(logit(params.morale_at_start) + causes)


def contagion(precedent, strength, params: Params, structure: Structure):
    """Factor of precedents on a hazard [1], eq. 6 (structure B)."""
    match structure.contagion:
        case "linear":
            return 1 + strength * precedent / (1 + precedent / params.contagion_limit)
        case "none":
            return jnp.ones_like(precedent)
        case "threshold":
            onset = jax.nn.sigmoid(4 * (precedent / params.contagion_limit - 1))
            return 1 + strength * params.contagion_limit * onset
        case _:
            assert_never(structure.contagion)


def contagion_slope(precedent, strength, params: Params, structure: Structure):
    """Growth of that factor per weekly share [week]: the derivative of eq. 6 (structure B)."""
    match structure.contagion:
        case "linear":
            saturation = 1 + precedent / params.contagion_limit
            return strength / (saturation * saturation)
        case "none":
            return jnp.zeros_like(precedent) * strength
        case "threshold":
            onset = jax.nn.sigmoid(4 * (precedent / params.contagion_limit - 1))
            return 4 * strength * onset * (1 - onset)
        case _:
            assert_never(structure.contagion)


def hazards(state: State, inputs: Inputs, params: Params, structure: Structure):
    """Hazards of desertion and surrender [1/week] by cohort, eq. 7."""
    low = 1 / 2 - state.morale
    desert = (
        params.desertion_rate * params.opportunity * contagion(state.desertion_precedent, params.desertion_contagion, params, structure)
    )
    free = params.impunity_desertion * (state.impunity - params.impunity_at_start) - params.coercion_desertion * inputs.coercion
    surrender = params.surrender_rate * contagion(state.surrender_precedent, params.surrender_contagion, params, structure)
    pocket = 1 + (params.pocket_surrender - 1) * inputs.pocket
    return (
        desert * jnp.exp(params.desertion_morale * low + free),
        inputs.war * surrender * pocket * jnp.exp(params.surrender_morale * low - params.coercion_surrender * inputs.coercion),
    )


def precedent(old, gone, troops, params: Params, dt):
    """Known recent share [1/week], eq. 5: the own cohort's and the whole army's."""
    own = share(gone, troops) / dt
    army = share(jnp.sum(gone), jnp.sum(troops)) / dt
    known = params.own_cohort_weight * own + (1 - params.own_cohort_weight) * army
    return approach(old, known, params.precedent_memory, dt)


def return_share(wounded_return, forward_care, params: Params):
    """Share of the wounded who return [1], eq. 10: psychiatric cases by where they are treated."""
    psychiatric = forward_care * params.psychiatric_return_forward + (1 - forward_care) * params.psychiatric_return_rear
    return (1 - params.psychiatric_share) * wounded_return + params.psychiatric_share * psychiatric


def step(state: State, inputs: Inputs, params: Params, dt, structure: Structure) -> tuple[State, Outputs, Flows]:
    """One week after the fighting: wear, morale, who deserts, who surrenders, who comes back."""
    mood = replace(
        state,
        exhaustion=exhaustion(state.exhaustion, inputs, params, dt),
        cohesion=cohesion(state.cohesion, inputs, params, dt),
        service=(1 - inputs.arrival_share) * (state.service + inputs.war * dt),
    )
    morale = approach(state.morale, morale_target(mood, inputs, params), params.morale_time, dt)
    desertion_hazard, surrender_hazard = hazards(state, inputs, params, structure)
    deserted, surrendered = leaves(inputs.troops, (desertion_hazard, surrender_hazard), dt)
    deserted_men, surrendered_men = jnp.sum(deserted, axis=0), jnp.sum(surrendered, axis=0)
    came_back, gone = leaves(state.deserters, (params.return_rate, params.gone_rate), dt)
    troops = jnp.sum(inputs.troops, axis=0)
    tried = saturate(params.court_capacity, jnp.sum(deserted_men) / dt)
    untried = jnp.where(jnp.sum(deserted_men) > 0, 1 - share(tried * dt, jnp.sum(deserted_men)), state.impunity)
    new = replace(
        mood,
        morale=morale,
        desertion_precedent=precedent(state.desertion_precedent, deserted_men, troops, params, dt),
        surrender_precedent=precedent(state.surrender_precedent, surrendered_men, troops, params, dt),
        impunity=approach(state.impunity, untried, params.precedent_memory, dt),
        deserters=state.deserters + deserted_men - came_back - gone,
        captured=state.captured + surrendered_men,
        deserted_total=state.deserted_total + deserted_men,
        surrendered_total=state.surrendered_total + surrendered_men,
    )
    branching = desertion_hazard / contagion(state.desertion_precedent, params.desertion_contagion, params, structure)
    slope = contagion_slope(new.desertion_precedent, params.desertion_contagion, params, structure)
    weights = share(troops, jnp.sum(troops))
    outputs = Outputs(
        morale=jnp.sum(weights * morale),
        desertions=jnp.sum(deserted_men) / dt,
        surrenders=jnp.sum(surrendered_men) / dt,
        branching_ratio=jnp.sum(weights * branching * slope),
        exhaustion=jnp.sum(weights * new.exhaustion),
        cohesion=jnp.sum(weights * new.cohesion),
        impunity=new.impunity,
        tried=tried,
        deserters=jnp.sum(new.deserters),
        captives=jnp.sum(new.captured),
    )
    flows = Flows(
        deserted=deserted / dt,
        surrendered=surrendered / dt,
        came_back=came_back / dt,
        gone=gone / dt,
        desertion_hazard=desertion_hazard,
        surrender_hazard=surrender_hazard,
    )
    return new, outputs, flows
