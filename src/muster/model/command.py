"""Command: what the top is told, and what it orders on that picture.

A chain of filters that swallow part of bad news; suppression grows with difficulty and fear (docs/model/command.md, eq. 1-6).
"""

from typing import assert_never

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.luck import LEVELS, passed
from muster.model.quantity import Record, quantity
from muster.model.smooth import by_hazard, passing, positive, power, share
from muster.model.structure import Structure


class State(Record):
    shortfall: Float[Array, " level"] = quantity("person", "shortfall of theatre strength believed at each level")
    suppression: Float[Array, ""] = quantity("1", "share of bad news swallowed at each level")
    punishment: Float[Array, ""] = quantity("1", "punishment of bearers of bad news")
    revelation_hazard: Float[Array, ""] = quantity("1", "cumulated hazard of a revelation")
    short: Float[Array, ""] = quantity("1", "1 once the true strength has been short")
    reported_short: Float[Array, ""] = quantity("1", "1 once the reported strength has been short")
    delay: Float[Array, ""] = quantity("week", "weeks by which the report of a shortage came late")


class Params(Record):
    levels: Float[Array, ""] = quantity("1", "levels of the chain, unit to head of state")
    level_time: Float[Array, ""] = quantity("week", "time that a report stays at a level")
    report_error: Float[Array, ""] = quantity("1", "weekly error of a report, share of the plan")
    report_corner: Float[Array, ""] = quantity("1", "width over which bad and good news differ, share of the plan")
    suppression_at_start: Float[Array, ""] = quantity("1", "share of bad news swallowed at each level at the start")
    suppression_limit: Float[Array, ""] = quantity("1", "largest share that is swallowed")
    embellishment: Float[Array, ""] = quantity("1", "share added to good news at each level")
    suppression_growth: Float[Array, ""] = quantity("1/week", "growth of suppression in full difficulty")
    suppression_decay: Float[Array, ""] = quantity("1/week", "decay of suppression under full verification")
    punishment_suppression: Float[Array, ""] = quantity("1", "growth of suppression per unit of punishment")
    punishment_at_start: Float[Array, ""] = quantity("1", "punishment at the start")
    punishment_time: Float[Array, ""] = quantity("week", "time in which punishment fades to its start")
    purge: Float[Array, ""] = quantity("1", "punishment added by a revelation")
    difficulty_losses: Float[Array, ""] = quantity("week", "difficulty per weekly loss share")
    difficulty_ground: Float[Array, ""] = quantity("1", "difficulty per unit of recent ground lost")
    ground_corner: Float[Array, ""] = quantity("1", "width of the onset of ground lost")
    revelation_rate: Float[Array, ""] = quantity("1/year", "hazard of a revelation without hidden shortfall")
    revelation_shortfall: Float[Array, ""] = quantity("1/year", "hazard added by a hidden shortfall of the reference size")
    reference_shortfall: Float[Array, ""] = quantity("1", "reference size of a hidden shortfall, share of the plan")
    order_time: Float[Array, ""] = quantity("week", "time in which a reported shortfall is to be filled")
    order_corner: Float[Array, ""] = quantity("1", "width of the onset of orders, share of the plan a week")
    urgency_course: Float[Array, ""] = quantity("1", "share of the course cut at full urgency")
    strength_intensity: Float[Array, ""] = quantity("1", "exponent of reported strength in intensity")
    coordination_error: Float[Array, ""] = quantity("1", "log coordination lost per log error of reported strength")
    short_share: Float[Array, ""] = quantity("1", "strength over plan that counts as short")
    queue_weight: Float[Array, ""] = quantity("1", "weight of queues in disorganisation")
    wrong_weight: Float[Array, ""] = quantity("1", "weight of wrong notices in disorganisation")
    unequipped_weight: Float[Array, ""] = quantity("1", "weight of missing equipment in disorganisation")


class Picture(Record):
    """What the top sees, and what it orders."""

    reported: Float[Array, ""] = quantity("person", "strength in the theatre as reported to the top")
    call_up: Float[Array, ""] = quantity("person/week", "men that the staff orders to be called up")
    course_share: Float[Array, ""] = quantity("1", "ordered over usual course length")
    intensity_share: Float[Array, ""] = quantity("1", "ordered over usual intensity")
    coordination: Float[Array, ""] = quantity("1", "coordination: 1 where the picture is true")


class Inputs(Record):
    """What is true at the end of the week."""

    goal: Float[Array, ""] = quantity("person", "strength wanted in the theatre")
    troops: Float[Array, ""] = quantity("person", "true strength in the theatre")
    loss_share: Float[Array, ""] = quantity("1/week", "losses over men in the theatre")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained")
    candour: Float[Array, ""] = quantity("1", "verification of reports")
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    queue_share: Float[Array, ""] = quantity("1", "share of men in training who wait")
    wrongly_called_share: Float[Array, ""] = quantity("1", "wrong notices over notices")
    equipment: Float[Array, ""] = quantity("1", "equipment per man over the start")
    noise: Float[Array, " level"] = quantity("1", "standard normals of the week")
    revelations: Float[Array, " occurrence"] = quantity("1", "thresholds of revelations")


class Outputs(Record):
    perceived_strength: Float[Array, ""] = quantity("person", "strength in the theatre as the top sees it", headline=True)
    hidden_shortfall: Float[Array, ""] = quantity("1", "reported less true strength over the plan", headline=True)
    disorganisation: Float[Array, ""] = quantity("1", "mean of queue, wrong-notice and unequipped shares", headline=True)
    decree_delay: Float[Array, ""] = quantity("week", "weeks by which the report of a shortage came late", headline=True)
    suppression: Float[Array, ""] = quantity("1", "share of bad news swallowed at each level")
    punishment: Float[Array, ""] = quantity("1", "punishment of bearers of bad news")
    revelation: Float[Array, ""] = quantity("1", "1 in a week of revelation")
    unequipped_share: Float[Array, ""] = quantity("1", "share of equipment missing")


def begin(params: Params, goal, troops) -> State:
    """The picture is true at the start."""
    zero = jnp.zeros_like(params.levels)
    return State(
        shortfall=jnp.full((LEVELS,), 1.0) * (goal - troops),
        suppression=params.suppression_at_start,
        punishment=params.punishment_at_start,
        revelation_hazard=zero,
        short=zero,
        reported_short=zero,
        delay=zero,
    )


def passed_on(shortfall, suppression, plan, params: Params):
    """What a level passes on of a shortfall [person], eq. 1: bad news shrinks, good news grows."""
    width = jnp.maximum(params.report_corner * plan, 1e-9)
    corner = positive(jnp.zeros_like(width), width)
    bad, good = positive(shortfall, width) - corner, positive(-shortfall, width) - corner
    return (1 - suppression) * bad - (1 + params.embellishment) * good


def told_strength(goal, shortfall):
    """Strength [person] that is reported where a shortfall is believed, eq. 4: never nobody, of whom there is no logarithm."""
    return jnp.maximum(goal - shortfall, 1e-5 * goal + 1e-9)


def read(state: State, goal, troops, loss_share, called, params: Params) -> Picture:
    """What the top sees of last week and orders where nothing is decreed, eq. 4 and 5; `called` [person] have not come yet."""
    reported = told_strength(goal, state.shortfall[-1])
    missing = goal - reported - called
    wanted = missing / params.order_time + loss_share * reported
    strength = share(reported, goal)
    return Picture(
        reported=reported,
        call_up=positive(wanted, jnp.maximum(params.order_corner * goal, 1e-9)),
        course_share=1 - params.urgency_course * jnp.clip(1 - strength, 0, 1),
        intensity_share=power(jnp.minimum(strength, 1.0), params.strength_intensity),
        coordination=jnp.exp(-params.coordination_error * jnp.abs(jnp.log(reported / jnp.maximum(troops, 1e-5 * goal + 1e-9)))),
    )


def suppression(state: State, difficulty, inputs: Inputs, params: Params, dt, structure: Structure):
    """Share of bad news swallowed [1], eq. 2 (structure C): a step of any length ends between 0 and the limit, or where it began."""
    fear = 1 + params.punishment_suppression * (state.punishment - params.punishment_at_start)
    growth = params.suppression_growth * difficulty * inputs.war * fear
    match structure.suppression:
        case "adaptive":
            decay = params.suppression_decay * inputs.candour * inputs.war
        case "irreversible":
            decay = jnp.zeros_like(growth)
        case "none":
            return jnp.zeros_like(state.suppression)
        case _:
            assert_never(structure.suppression)
    rest = jnp.maximum(params.suppression_limit, state.suppression) * share(growth, growth + decay)
    return state.suppression + (rest - state.suppression) * by_hazard((growth + decay) * dt)


def chain(shortfall, true, swallowed, plan, inputs: Inputs, params: Params, dt):
    """Shortfall believed at each level [person], eq. 1: levels beyond the chain's length pass news through."""
    moves = passing(params.level_time, dt)
    told = jnp.stack([passed_on(d, swallowed, plan, params) for d in (true, *shortfall[:-1])])
    error = params.report_error * plan * jnp.sqrt(dt) * inputs.war * inputs.noise
    filtered = shortfall + moves * (told - shortfall) + error
    believed = [filtered[0]]
    for level in range(1, LEVELS):
        used = jnp.clip(params.levels - level, 0, 1)
        believed.append(used * filtered[level] + (1 - used) * believed[-1])
    return jnp.stack(believed)


def write(state: State, inputs: Inputs, params: Params, dt, structure: Structure) -> tuple[State, Outputs]:
    """The week's truth enters the chain, eq. 1-3 and 6."""
    true = inputs.goal - inputs.troops
    ground_lost = positive(-inputs.recent_ground, params.ground_corner)
    difficulty = by_hazard(params.difficulty_losses * inputs.loss_share + params.difficulty_ground * ground_lost)
    swallowed = suppression(state, difficulty, inputs, params, dt, structure)
    believed = chain(state.shortfall, true, swallowed, inputs.goal, inputs, params, dt)
    reported = told_strength(inputs.goal, believed[-1])
    hidden = share(reported - inputs.troops, inputs.goal)
    relative = jnp.maximum(hidden, 0.0) / params.reference_shortfall
    hazard = state.revelation_hazard + inputs.war * (params.revelation_rate + params.revelation_shortfall * relative * relative) * dt / 52
    none = jnp.zeros_like(hazard)
    revelation = jnp.where(passed(hazard, inputs.revelations, none) > passed(state.revelation_hazard, inputs.revelations, none), 1.0, 0.0)
    short = jnp.maximum(state.short, jnp.where(inputs.troops < params.short_share * inputs.goal, 1.0, 0.0))
    reported_short = jnp.maximum(state.reported_short, jnp.where(reported < params.short_share * inputs.goal, 1.0, 0.0))
    new = State(
        shortfall=revelation * true + (1 - revelation) * believed,
        suppression=swallowed,
        punishment=state.punishment
        + params.purge * revelation
        - (state.punishment - params.punishment_at_start) * by_hazard(dt / params.punishment_time),
        revelation_hazard=hazard,
        short=short,
        reported_short=reported_short,
        delay=state.delay + dt * short * (1 - reported_short),
    )
    unequipped = 1 - jnp.minimum(inputs.equipment, 1.0)
    weights = params.queue_weight + params.wrong_weight + params.unequipped_weight
    parts = (
        params.queue_weight * inputs.queue_share + params.wrong_weight * inputs.wrongly_called_share + params.unequipped_weight * unequipped
    )
    outputs = Outputs(
        perceived_strength=reported,
        hidden_shortfall=hidden,
        disorganisation=parts / weights,
        decree_delay=new.delay,
        suppression=swallowed,
        punishment=new.punishment,
        revelation=revelation,
        unequipped_share=unequipped,
    )
    return new, outputs
