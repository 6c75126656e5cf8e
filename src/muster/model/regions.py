"""Regions: unequal burden, grievance, state capacity, movements, exits.

Two stages of escalation with competing endings, and what spreads from region to region (docs/model/regions.md, eq. 1-6).
"""

from dataclasses import replace
from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import Setting
from muster.model.luck import REGION_STAGES, passed
from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, between, by_hazard, logit, once, share
from muster.model.structure import Structure


class State(Record):
    grievance: Float[Array, " region"] = quantity("1", "grievance over its start, log hazard")
    capacity: Float[Array, ""] = quantity("1", "state capacity")
    recent_killed: Float[Array, " region"] = quantity("person/week", "killed a week, smoothed over half a year")
    hazard: Float[Array, " region stage"] = quantity("1", "cumulated hazards of the five stages")
    survived: Float[Array, " region stage"] = quantity("1", "these hazards at the last observation")
    counts: Float[Array, " region stage"] = quantity("1", "events of the five stages so far")
    tide: Float[Array, " region"] = quantity("1", "how recent the latest event of the region is, 1 = now")


class Params(Record):
    burden_grievance: Float[Array, ""] = quantity("1", "log hazard per log of the death burden over the mean")
    excluded_conflict: Float[Array, ""] = quantity("1", "log hazard of conflict for excluded groups")
    lost_autonomy: Float[Array, ""] = quantity("1", "log hazard of lost autonomy")
    lost_autonomy_age: Float[Array, ""] = quantity("week", "weeks since autonomy was lost, at the start")
    lost_autonomy_time: Float[Array, ""] = quantity("week", "time over which lost autonomy is forgotten")
    transfer_grievance: Float[Array, ""] = quantity("1", "log hazard per reference distress: transfers are cut")
    income_spread: Float[Array, ""] = quantity("1", "spread of log income over regions, where the table does not tell it")
    income_grievance: Float[Array, ""] = quantity("1", "log hazard per squared gap in log income and reference distress")
    pay_grievance: Float[Array, ""] = quantity("1", "log hazard lost per share of recruits' pay in income")
    burden_memory: Float[Array, ""] = quantity("week", "time over which deaths are felt as a burden")
    burden_floor: Float[Array, ""] = quantity("1/week", "death rate below which burdens are not compared")
    grievance_time: Float[Array, ""] = quantity("week", "time in which grievance follows its causes")
    capacity_at_start: Float[Array, ""] = quantity("1", "state capacity at the start")
    distress_capacity: Float[Array, ""] = quantity("1", "logit lost per reference distress")
    security_capacity: Float[Array, ""] = quantity("1", "logit per share of security men at home")
    loyalty_capacity: Float[Array, ""] = quantity("1", "logit per unit of elite loyalty")
    ground_capacity: Float[Array, ""] = quantity("1", "logit lost per share of the own area lost")
    exit_capacity: Float[Array, ""] = quantity("1", "logit lost per share of regions that left")
    capacity_time: Float[Array, ""] = quantity("week", "time in which capacity follows its causes")
    reference_distress: Float[Array, ""] = quantity("1", "fiscal distress that counts as one")
    distress_limit: Float[Array, ""] = quantity("1", "distress beyond which it adds nothing, in reference distress")
    weakness_opportunity: Float[Array, ""] = quantity("1", "opportunity per capacity lost")
    veterans_opportunity: Float[Array, ""] = quantity("1", "opportunity per veteran in a thousand people")
    movement_rate: Float[Array, ""] = quantity("1/year", "new movements per group without a crisis")
    conflict_rate: Float[Array, ""] = quantity("1/year", "armed conflicts per movement without a crisis")
    exit_rate: Float[Array, ""] = quantity("1/year", "exits per movement without a crisis")
    settlement_rate: Float[Array, ""] = quantity("1/year", "settlements per movement")
    repression_rate: Float[Array, ""] = quantity("1/year", "movements repressed, per movement")
    diffusion: Float[Array, ""] = quantity("1", "log hazard of a fresh event in the neighbourhood")
    diffusion_time: Float[Array, ""] = quantity("week", "time over which an event spreads")
    weakness_exit: Float[Array, ""] = quantity("1", "log hazard of exit per capacity lost")
    centre_exit: Float[Array, ""] = quantity("1", "log hazard of exit after the centre has fallen")
    elite_exit: Float[Array, ""] = quantity("1", "log hazard of exit per unit of elite loyalty lost")
    capacity_ending: Float[Array, ""] = quantity("1", "log hazard of settlement and repression per capacity")


class Inputs(Record):
    killed: Float[Array, " region"] = quantity("person/week", "own men killed this week")
    dead: Float[Array, " region"] = quantity("person", "own men killed since the start")
    men: Float[Array, " region"] = quantity("person", "men of 15-64 at home at the start")
    population: Float[Array, " region"] = quantity("person", "people at home")
    recruit_income: Float[Array, " region"] = quantity("1", "pay of new volunteers over the region's wages")
    fiscal_distress: Float[Array, ""] = quantity("1", "deficit and interest over output, less 2021")
    security_at_home: Float[Array, ""] = quantity("1", "security men at home over the start")
    loyalty: Float[Array, ""] = quantity("1", "elite loyalty over its start, logit")
    ground_lost: Float[Array, ""] = quantity("1", "share of the own area lost since the start")
    centre_fallen: Float[Array, ""] = quantity("1", "1 in the aftermath of a coup or overthrow that succeeded, or of a collapse")
    veterans: Float[Array, ""] = quantity("1", "men discharged per thousand people")
    thresholds: Float[Array, " region stage occurrence"] = quantity("1", "thresholds of the events")
    tracking: Float[Array, ""] = quantity("1", "1 while the past is being lived through")


class Outputs(Record):
    deaths_per_10k_men: Float[Array, ""] = quantity("1", "own dead per 10,000 men of 15-64", headline=True)
    grievance: Float[Array, ""] = quantity("1", "mean grievance over its start", headline=True)
    self_determination_movement: Float[Array, ""] = quantity("1", "movements under way", headline=True)
    seceded: Float[Array, ""] = quantity("1", "share of the population in regions that left", headline=True)
    capacity: Float[Array, ""] = quantity("1", "state capacity over its start")
    new_movements: Float[Array, ""] = quantity("1", "movements begun since the start")
    conflicts: Float[Array, ""] = quantity("1", "armed conflicts begun since the start")
    exit_hazard: Float[Array, ""] = quantity("1", "cumulated hazard that any region leaves")


def begin(params: Params, regions: int) -> State:
    none = jnp.zeros(regions)
    stages = jnp.zeros((regions, REGION_STAGES))
    return State(none, params.capacity_at_start, none, stages, stages, stages, none)


def told(setting: Setting, unknown, params: Params) -> Setting:
    """The setting with what no table tells filled in from standard normals [region, covariate]: a prior, never a zero."""
    poverty, titular, income = unknown[:, 0], unknown[:, 1], jnp.exp(params.income_spread * unknown[:, 2])
    return replace(
        setting,
        poverty=jnp.where(setting.poverty_known > 0, setting.poverty, poverty),
        titular_share=jnp.where(setting.titular_known > 0, setting.titular_share, titular),
        relative_income=jnp.where(setting.income_known > 0, setting.relative_income, income),
    )


def burden(recent_killed, population, params: Params):
    """Log of the death rate over the national one [1], eq. 1."""
    own = share(recent_killed, population) + params.burden_floor
    national = jnp.sum(recent_killed) / jnp.sum(population) + params.burden_floor
    return jnp.log(own / national)


def felt_distress(inputs: Inputs, params: Params):
    """Fiscal distress in reference distress [1], bounded as in the regime: beyond it the purse does no further harm."""
    return between(inputs.fiscal_distress / params.reference_distress, -params.distress_limit, params.distress_limit)


def grievance_target(load, inputs: Inputs, setting: Setting, age_of_war, params: Params, structure: Structure):
    """Grievance that the week's causes lead to [1] by region, against the start, eq. 2 (structure E)."""
    gap = jnp.log(setting.relative_income)
    distress = felt_distress(inputs, params)
    cut = params.transfer_grievance * distress
    forgotten = jnp.exp(-params.lost_autonomy_age / params.lost_autonomy_time)
    autonomy = -params.lost_autonomy * setting.lost_autonomy * forgotten * by_hazard(age_of_war / params.lost_autonomy_time)
    widened = params.income_grievance * gap * gap * distress
    paid = params.pay_grievance * inputs.recruit_income
    match structure.burden_grievance:
        case "on":
            return params.burden_grievance * load + cut + widened + autonomy - paid
        case "net_of_pay":
            return params.burden_grievance * (load - inputs.recruit_income) + cut + widened + autonomy - paid
        case "off":
            return cut + widened + autonomy + jnp.zeros_like(load)
        case _:
            assert_never(structure.burden_grievance)


def capacity_target(left, inputs: Inputs, params: Params):
    """State capacity that the week's causes lead to [1], eq. 3."""
    causes = (
        -params.distress_capacity * felt_distress(inputs, params)
        + params.security_capacity * (inputs.security_at_home - 1)
        + params.loyalty_capacity * inputs.loyalty
        - params.ground_capacity * inputs.ground_lost
        - params.exit_capacity * left
    )
    return jax.nn.sigmoid(logit(params.capacity_at_start) + causes)


def rates(grievance, weakness, spread, inputs: Inputs, setting: Setting, params: Params):
    """Hazards of the five stages [1/year] by region: per group, then per movement, eq. 4 and 5."""
    opportunity = params.weakness_opportunity * weakness + params.veterans_opportunity * inputs.veterans
    nearby, half = once(jnp.exp(spread), jnp.exp(grievance / 2))
    begun, fought = once(params.movement_rate * jnp.exp(opportunity / 2), params.conflict_rate * jnp.exp(opportunity))
    movement = begun * half * half * nearby
    barred = jnp.exp(params.excluded_conflict * (setting.excluded - 1 / 2))
    conflict = fought * barred * half * nearby
    leave = params.weakness_exit * weakness + params.centre_exit * inputs.centre_fallen - params.elite_exit * inputs.loyalty
    leaving, endings = once(params.exit_rate * jnp.exp(leave), jnp.exp(-params.capacity_ending * weakness))
    ones = jnp.ones_like(spread)
    return jnp.stack(
        [
            movement * ones,
            conflict * ones,
            leaving * nearby,
            params.settlement_rate * endings * ones,
            params.repression_rate * endings * ones,
        ],
        axis=1,
    )


def step(state: State, inputs: Inputs, setting: Setting, age_of_war, params: Params, dt, structure: Structure) -> tuple[State, Outputs]:
    """One week of burdens, grievances and events."""
    recent = approach(state.recent_killed, inputs.killed, params.burden_memory, dt)
    load = burden(recent, inputs.population, params)
    target = grievance_target(load, inputs, setting, age_of_war, params, structure)
    grievance = approach(state.grievance, target, params.grievance_time, dt)
    counts = state.counts
    gone = jnp.minimum(counts[:, 2], setting.titular_groups) * setting.has_hazard
    left = jnp.sum(gone * share(inputs.population, setting.titular_groups)) / jnp.sum(inputs.population)
    capacity = approach(state.capacity, capacity_target(left, inputs, params), params.capacity_time, dt)
    weakness = params.capacity_at_start - capacity
    spread = params.diffusion * (setting.neighbours @ state.tide)
    movements = movements_under_way(counts, setting)
    exposed = jnp.stack([jnp.maximum(setting.titular_groups - movements - gone, 0.0)] + [movements] * (REGION_STAGES - 1), axis=1)
    yearly = rates(grievance, weakness, spread, inputs, setting, params)
    hazard = state.hazard + setting.has_hazard[:, None] * exposed * yearly * dt / 52
    survived = jnp.where(inputs.tracking > 0, hazard, state.survived)
    new_counts = passed(hazard, inputs.thresholds, survived) * 1.0
    event = jnp.where(jnp.sum((new_counts - counts)[:, :3], axis=1) > 0, 1.0, 0.0)
    fading = state.tide * jnp.exp(-dt / params.diffusion_time)
    new = State(grievance, capacity, recent, hazard, survived, new_counts, jnp.maximum(event, fading))
    under_way = movements_under_way(new_counts, setting)
    outputs = Outputs(
        deaths_per_10k_men=1e4 * share(jnp.sum(inputs.dead), jnp.sum(inputs.men)),
        grievance=jnp.sum(grievance * inputs.population) / jnp.sum(inputs.population),
        self_determination_movement=jnp.sum(under_way),
        seceded=left,
        capacity=capacity / params.capacity_at_start,
        new_movements=jnp.sum(new_counts[:, 0]),
        conflicts=jnp.sum(new_counts[:, 1]),
        exit_hazard=jnp.sum(hazard[:, 2]),
    )
    return new, outputs


def movements_under_way(counts, setting: Setting):
    """Movements begun less those that left, settled or were repressed [1] by region."""
    begun = setting.movements_at_start + counts[:, 0]
    return jnp.clip(begun - counts[:, 2] - counts[:, 3] - counts[:, 4], 0.0, setting.titular_groups) * setting.has_hazard
