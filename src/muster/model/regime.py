"""Regime: elite loyalty and the events that end a government: coup, overthrow, natural exit, collapse.

Competing proportional hazards on slow states, each against its pre-war value (docs/model/regime.md, eq. 1-6).
"""

from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, between, logit, positive, power
from muster.model.structure import Structure


class State(Record):
    loyalty: Float[Array, ""] = quantity("1", "elite loyalty, logit")
    defeat: Float[Array, ""] = quantity("1", "defeat as felt, smoothed over half a year")
    hazard: Float[Array, " cause"] = quantity("1", "cumulated hazards: coup attempt, overthrow, natural exit, collapse")
    survived: Float[Array, " cause"] = quantity("1", "these hazards at the last observation")
    aftermath: Float[Array, ""] = quantity("week", "weeks of instability left after an event")
    peace: Float[Array, ""] = quantity("1", "1 once a new leader has ended the attack")
    centre_down: Float[Array, ""] = quantity("week", "weeks left in which the centre is down after coup, overthrow or collapse")


class Params(Record):
    loyalty_at_start: Float[Array, ""] = quantity("1", "elite loyalty at the start, logit")
    defeat_loyalty: Float[Array, ""] = quantity("1", "logit lost per unit of defeat")
    output_loyalty: Float[Array, ""] = quantity("1", "logit lost per share of output below trend")
    decree_loyalty: Float[Array, ""] = quantity("1", "logit lost by a decree in force")
    conflict_loyalty: Float[Array, ""] = quantity("1", "logit lost by a coup attempt")
    punishment_loyalty: Float[Array, ""] = quantity("1", "logit per unit of punishment")
    rent_loyalty: Float[Array, ""] = quantity("1", "logit per log of the export price")
    revelation_loyalty: Float[Array, ""] = quantity("1", "logit lost by a revelation")
    loyalty_time: Float[Array, ""] = quantity("week", "time in which loyalty follows its causes")
    trend_growth: Float[Array, ""] = quantity("1/year", "growth of output that elites expect")
    defeat_scale: Float[Array, ""] = quantity("1", "defeat per unit of recent ground lost")
    defeat_corner: Float[Array, ""] = quantity("1", "width of the onset of defeat")
    defeat_time: Float[Array, ""] = quantity("week", "time over which defeat is felt")
    coup_rate: Float[Array, ""] = quantity("1/year", "hazard of a coup attempt before the war")
    coup_success: Float[Array, ""] = quantity("1", "share of coup attempts that succeed before the war")
    loyalty_coup: Float[Array, ""] = quantity("1", "log hazard lost per logit of loyalty")
    loyalty_success: Float[Array, ""] = quantity("1", "logit of success lost per logit of loyalty")
    protest_coup: Float[Array, ""] = quantity("1", "log hazard per fifth of people in protest")
    defeat_coup: Float[Array, ""] = quantity("1", "log hazard per unit of defeat")
    war_coup: Float[Array, ""] = quantity("1", "log hazard lost while a war goes on")
    overthrow_rate: Float[Array, ""] = quantity("1/year", "hazard of a mass campaign before the war")
    protest_overthrow: Float[Array, ""] = quantity("1", "log hazard per logit of protest")
    distress_overthrow: Float[Array, ""] = quantity("1", "log hazard per reference distress")
    security_overthrow: Float[Array, ""] = quantity("1", "log hazard lost per share of security men at home")
    trust_overthrow: Float[Array, ""] = quantity("1", "log hazard lost per half of trust")
    protest_floor: Float[Array, ""] = quantity("1", "protest below which no campaign starts")
    protest_onset: Float[Array, ""] = quantity("1", "width of that onset")
    nonviolent_share: Float[Array, ""] = quantity("1", "share of campaigns without violence")
    nonviolent_success: Float[Array, ""] = quantity("1", "share of them that succeeds")
    violent_success: Float[Array, ""] = quantity("1", "share of violent ones that succeeds")
    leader_mortality: Float[Array, ""] = quantity("1/year", "death or incapacity at the reference age")
    reference_age: Float[Array, ""] = quantity("year", "age of that rate")
    mortality_doubling: Float[Array, ""] = quantity("year", "years in which it doubles")
    resignation_rate: Float[Array, ""] = quantity("1/year", "other regular exits")
    collapse_rate: Float[Array, ""] = quantity("1/year", "hazard that central authority collapses before the war")
    distress_collapse: Float[Array, ""] = quantity("1", "log hazard per reference distress")
    loyalty_collapse: Float[Array, ""] = quantity("1", "log hazard per third of loyalty lost")
    branching_collapse: Float[Array, ""] = quantity("1", "log hazard per unit of the branching ratio of desertion")
    branching_limit: Float[Array, ""] = quantity("1", "branching ratio beyond which it adds nothing")
    exit_collapse: Float[Array, ""] = quantity("1", "log hazard per share of population in regions that left")
    reference_distress: Float[Array, ""] = quantity("1", "fiscal distress that counts as one")
    distress_limit: Float[Array, ""] = quantity("1", "distress beyond which it adds nothing, in reference distress")
    aftermath_factor: Float[Array, ""] = quantity("1", "hazards of coup, overthrow and collapse after an event over before")
    aftermath_time: Float[Array, ""] = quantity("week", "weeks of instability after an event")
    peace_share: Float[Array, ""] = quantity("1", "share of new leaders who end the attack")
    pressure_exponent: Float[Array, ""] = quantity("1", "exponent of the pressure index (structure I)")


class Inputs(Record):
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained")
    output: Float[Array, ""] = quantity("1", "output over 2021")
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start")
    decree_in_force: Float[Array, ""] = quantity("1", "1 while a dated decree is carried out")
    punishment: Float[Array, ""] = quantity("1", "punishment over its start")
    export_price: Float[Array, ""] = quantity("1", "price of the main export over the start")
    revelation: Float[Array, ""] = quantity("1", "1 in a week of revelation")
    protest: Float[Array, ""] = quantity("1", "share ready to protest")
    protest_at_start: Float[Array, ""] = quantity("1", "share ready to protest at the start")
    trust: Float[Array, ""] = quantity("1", "trust over its start")
    fiscal_distress: Float[Array, ""] = quantity("1", "deficit and interest over output, less 2021")
    security_at_home: Float[Array, ""] = quantity("1", "security men at home over the start")
    branching_ratio: Float[Array, ""] = quantity("1", "desertions set off by one, over the start")
    seceded: Float[Array, ""] = quantity("1", "share of the population in regions that left")
    leader_age: Float[Array, ""] = quantity("year", "age of the leader at the start")
    thresholds: Float[Array, " cause"] = quantity("1", "thresholds of the four causes")
    coup_mark: Float[Array, ""] = quantity("1", "uniform mark of the coup's success")
    nonviolent_mark: Float[Array, ""] = quantity("1", "uniform mark of the campaign's kind")
    overthrow_mark: Float[Array, ""] = quantity("1", "uniform mark of its success")
    peace_mark: Float[Array, ""] = quantity("1", "uniform mark of what a new leader does")
    tracking: Float[Array, ""] = quantity("1", "1 while the past is being lived through")


class Outputs(Record):
    loyalty: Float[Array, ""] = quantity("1", "elite loyalty", headline=True)
    coup_hazard: Float[Array, ""] = quantity("1/year", "hazard of a coup attempt", headline=True)
    collapsed: Float[Array, ""] = quantity("1", "1 once central authority has collapsed", headline=True)
    coup_attempted: Float[Array, ""] = quantity("1", "1 once a coup has been tried")
    coup_succeeded: Float[Array, ""] = quantity("1", "1 once a coup has succeeded")
    overthrown: Float[Array, ""] = quantity("1", "1 once a mass campaign has succeeded")
    leader_gone: Float[Array, ""] = quantity("1", "1 once the leader has died, fallen ill or left regularly")
    overthrow_hazard: Float[Array, ""] = quantity("1/year", "hazard of a mass campaign")
    exit_hazard: Float[Array, ""] = quantity("1/year", "hazard of a natural exit of the leader")
    collapse_hazard: Float[Array, ""] = quantity("1/year", "hazard of collapse")
    collapse_survival: Float[Array, ""] = quantity("1", "probability of no collapse so far")
    peace: Float[Array, ""] = quantity("1", "1 once a new leader has ended the attack")


def begin(params: Params) -> State:
    zero = jnp.zeros_like(params.loyalty_at_start)
    causes = jnp.zeros(4)
    return State(params.loyalty_at_start, zero, causes, causes, zero, zero, zero)


def loyalty_target(defeat, attempted, inputs: Inputs, params: Params):
    """Elite loyalty that the week's causes lead to, logit [1], eq. 1."""
    trend = jnp.exp(params.trend_growth * inputs.age_of_war / 52)
    return (
        params.loyalty_at_start
        - params.defeat_loyalty * defeat
        - params.output_loyalty * (1 - inputs.output / trend)
        - params.decree_loyalty * inputs.decree_in_force
        - params.conflict_loyalty * attempted
        + params.punishment_loyalty * inputs.punishment
        + params.rent_loyalty * jnp.log(inputs.export_price)
    )


def log_risks(loyalty, defeat, inputs: Inputs, params: Params):
    """Log hazards over their pre-war values [1] of coup, overthrow, natural exit and collapse, eq. 2-5."""
    distress = between(inputs.fiscal_distress / params.reference_distress, -params.distress_limit, params.distress_limit)
    lost = jax.nn.sigmoid(params.loyalty_at_start) - jax.nn.sigmoid(loyalty)
    coup = (
        -params.loyalty_coup * (loyalty - params.loyalty_at_start)
        + params.protest_coup * 5 * (inputs.protest - inputs.protest_at_start)
        + params.defeat_coup * defeat
        - params.war_coup * inputs.war
    )
    onset = jax.nn.log_sigmoid((inputs.protest - params.protest_floor) / params.protest_onset)
    overthrow = (
        params.protest_overthrow * (logit(inputs.protest) - logit(inputs.protest_at_start))
        + params.distress_overthrow * distress
        - params.security_overthrow * (inputs.security_at_home - 1)
        - params.trust_overthrow * 2 * inputs.trust
        + onset
    )
    collapse = (
        params.distress_collapse * distress
        + params.loyalty_collapse * 3 * lost
        + params.branching_collapse * jnp.clip(inputs.branching_ratio, 0, params.branching_limit)
        + params.exit_collapse * inputs.seceded
    )
    return coup, overthrow, collapse


def pressure(loyalty, inputs: Inputs, params: Params):
    """Pressure index over its start [1]: mass x elite x state (structure I)."""
    state = 1 + jnp.maximum(inputs.fiscal_distress / params.reference_distress, 0.0) * (1 - inputs.trust)
    return jnp.exp(params.loyalty_at_start - loyalty) * state / inputs.real_wage


def hazards(state: State, loyalty, defeat, inputs: Inputs, params: Params, structure: Structure):
    """Hazards [1/year] of coup attempt, overthrow, natural exit, collapse, eq. 2-6."""
    age = inputs.leader_age + inputs.age_of_war / 52
    natural = params.leader_mortality * jnp.exp2((age - params.reference_age) / params.mortality_doubling) + params.resignation_rate
    base = jnp.stack([params.coup_rate, params.overthrow_rate, natural, params.collapse_rate])
    coup, overthrow, collapse = log_risks(loyalty, defeat, inputs, params)
    match structure.hazard_link:
        case "proportional":
            risk = jnp.exp(jnp.minimum(jnp.stack([coup, overthrow, jnp.zeros_like(coup), collapse]), 7.0))
        case "pressure_index":
            index = power(pressure(loyalty, inputs, params), params.pressure_exponent)
            risk = jnp.stack([index, index, jnp.ones_like(index), index])
        case _:
            assert_never(structure.hazard_link)
    unstable = jnp.where(state.aftermath > 0, params.aftermath_factor, jnp.ones_like(age))
    return base * risk * jnp.stack([unstable, unstable, jnp.ones_like(unstable), unstable])


def step(state: State, inputs: Inputs, params: Params, dt, structure: Structure) -> tuple[State, Outputs]:
    """One week of loyalty, hazards and events."""
    corner = params.defeat_corner
    lost_ground = positive(-inputs.recent_ground, corner) - positive(jnp.zeros_like(corner), corner)
    defeat = approach(state.defeat, params.defeat_scale * jnp.maximum(lost_ground, 0.0), params.defeat_time, dt)
    happened = jnp.where(state.hazard - state.survived >= inputs.thresholds, 1.0, 0.0)
    target = loyalty_target(defeat, happened[0], inputs, params)
    loyalty = approach(state.loyalty, target, params.loyalty_time, dt) - params.revelation_loyalty * inputs.revelation
    yearly = hazards(state, loyalty, defeat, inputs, params, structure)
    hazard = state.hazard + yearly * dt / 52
    survived = jnp.where(inputs.tracking > 0, hazard, state.survived)
    now = jnp.where(hazard - survived >= inputs.thresholds, 1.0, 0.0)
    fresh = now - happened
    success = jax.nn.sigmoid(logit(params.coup_success) - params.loyalty_success * (loyalty - params.loyalty_at_start))
    coup_succeeds = jnp.where(inputs.coup_mark < success, 1.0, 0.0)
    chance = jnp.where(inputs.nonviolent_mark < params.nonviolent_share, params.nonviolent_success, params.violent_success)
    overthrow_succeeds = jnp.where(inputs.overthrow_mark < chance, 1.0, 0.0)
    changed = jnp.stack([coup_succeeds, overthrow_succeeds, jnp.ones_like(success), jnp.ones_like(success)])
    new_leader = jnp.max(fresh * changed)
    toppled = (fresh * changed)[jnp.array([0, 1, 3])]  # not by a natural exit
    turns = jnp.where(inputs.peace_mark < params.peace_share, 1.0, 0.0)
    new = State(
        loyalty=loyalty,
        defeat=defeat,
        hazard=hazard,
        survived=survived,
        aftermath=jnp.where(jnp.max(fresh) > 0, params.aftermath_time, jnp.maximum(state.aftermath - dt, 0.0)),
        peace=jnp.maximum(state.peace, new_leader * turns),
        centre_down=jnp.where(jnp.max(toppled) > 0, params.aftermath_time, jnp.maximum(state.centre_down - dt, 0.0)),
    )
    outputs = Outputs(
        loyalty=jax.nn.sigmoid(loyalty),
        coup_hazard=yearly[0],
        collapsed=now[3],
        coup_attempted=now[0],
        coup_succeeded=now[0] * coup_succeeds,
        overthrown=now[1] * overthrow_succeeds,
        leader_gone=now[2],
        overthrow_hazard=yearly[1],
        exit_hazard=yearly[2],
        collapse_hazard=yearly[3],
        collapse_survival=jnp.exp(-(hazard[3] - survived[3])),
        peace=new.peace,
    )
    return new, outputs
