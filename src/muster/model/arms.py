"""Arms: graded storage, refurbishment, new production, shells, drones, and the equipment in the field.

Stocks by class (tanks, carriers, guns), the best hulls first; lines that grow slowly; one shell stock (docs/model/arms.md, eq. 1-9).
"""

from dataclasses import replace
from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, by_hazard, passing, power, saturate, share
from muster.model.structure import Structure


class State(Record):
    storage: Float[Array, " equipment grade"] = quantity("vehicle", "vehicles in storage by grade")
    active: Float[Array, " equipment"] = quantity("vehicle", "vehicles in the field")
    damaged: Float[Array, " equipment"] = quantity("vehicle", "vehicles in repair")
    quality: Float[Array, " equipment"] = quantity("1", "mean quality of vehicles in the field")
    lines: Float[Array, " equipment"] = quantity("vehicle/week", "capacity of new production")
    shells: Float[Array, ""] = quantity("shell", "shells in stock")
    shell_line: Float[Array, ""] = quantity("shell/week", "capacity of shell production")
    components: Float[Array, ""] = quantity("1", "components at hand over those needed")
    made: Float[Array, " equipment"] = quantity("vehicle", "cumulated new production, with forgetting")
    active_at_start: Float[Array, " equipment"] = quantity("vehicle", "vehicles in the field at the start")
    troops_at_start: Float[Array, ""] = quantity("person", "men in the theatre at the start")
    shells_made_total: Float[Array, ""] = quantity("shell", "shells made and bought since the start")
    shells_fired_total: Float[Array, ""] = quantity("shell", "shells fired since the start")
    made_total: Float[Array, " equipment"] = quantity("vehicle", "vehicles made and bought since the start")
    taken_total: Float[Array, " equipment"] = quantity("vehicle", "vehicles taken from the enemy since the start")
    lost_total: Float[Array, " equipment"] = quantity("vehicle", "vehicles lost, worn out or cannibalised since the start")


class Params(Record):
    tanks_active: Float[Array, ""] = quantity("vehicle", "tanks in the field at the start")
    carriers_active: Float[Array, ""] = quantity("vehicle", "infantry carriers in the field at the start")
    guns_active: Float[Array, ""] = quantity("vehicle", "guns in the field at the start")
    tanks_stored: Float[Array, ""] = quantity("vehicle", "tanks in storage at the start")
    carriers_stored: Float[Array, ""] = quantity("vehicle", "infantry carriers in storage at the start")
    guns_stored: Float[Array, ""] = quantity("vehicle", "guns in storage at the start")
    stored_good: Float[Array, ""] = quantity("1", "weight of grade A in storage at the start")
    stored_middling: Float[Array, ""] = quantity("1", "weight of grade B")
    stored_poor: Float[Array, ""] = quantity("1", "weight of grade C")
    refurbishment: Float[Array, ""] = quantity("vehicle/week", "tanks of grade A that works can restore a week")
    carriers_per_tank: Float[Array, ""] = quantity("1", "carriers that can be restored per tank")
    guns_per_tank: Float[Array, ""] = quantity("1", "guns that can be restored per tank")
    best_first: Float[Array, ""] = quantity("1", "how strictly the best hulls go first")
    poor_hours: Float[Array, ""] = quantity("1", "hours to restore grade C over grade A")
    refurbishment_time: Float[Array, ""] = quantity("week", "time to find and move stored vehicles")
    yield_good: Float[Array, ""] = quantity("1", "vehicles restored per hull of grade A")
    yield_middling: Float[Array, ""] = quantity("1", "vehicles restored per hull of grade B")
    yield_poor: Float[Array, ""] = quantity("1", "vehicles restored per hull of grade C")
    quality_middling: Float[Array, ""] = quantity("1", "quality of a vehicle restored from grade B over a new one")
    quality_poor: Float[Array, ""] = quantity("1", "quality of a vehicle restored from grade C over a new one")
    labour_weight: Float[Array, ""] = quantity("1", "weight of labour in production")
    line_weight: Float[Array, ""] = quantity("1", "weight of lines in production")
    component_weight: Float[Array, ""] = quantity("1", "weight of components in production")
    substitution: Float[Array, ""] = quantity("1", "exponent of substitution in production, negative = bottleneck")
    line_time: Float[Array, ""] = quantity("week", "time to build up lines")
    line_plan_factor: Float[Array, ""] = quantity("1", "real over planned capacity of lines")
    learning_exponent: Float[Array, ""] = quantity("1", "productivity per log of cumulated production")
    learning_trend: Float[Array, ""] = quantity("1/week", "growth of productivity with time")
    forgetting_rate: Float[Array, ""] = quantity("1/week", "share of experience forgotten")
    import_share: Float[Array, ""] = quantity("1", "share of components that is imported")
    component_sanctions: Float[Array, ""] = quantity("1", "share of imported components that sanctions stop")
    component_time: Float[Array, ""] = quantity("week", "components in stock")
    equipment_limit: Float[Array, ""] = quantity("1", "equipment per man over the start that a man can use")
    wear: Float[Array, ""] = quantity("1/week", "share of vehicles worn out")
    vehicle_losses: Float[Array, ""] = quantity("1", "loss share of vehicles over that of men, with the park of the start")
    damaged_share: Float[Array, ""] = quantity("1", "share of lost vehicles that is damaged only")
    repaired_share: Float[Array, ""] = quantity("1", "share of damaged vehicles that can be repaired")
    repair_time: Float[Array, ""] = quantity("week", "time in repair")
    captured_share: Float[Array, ""] = quantity("1", "share of lost vehicles that falls to the enemy")
    shells_at_start: Float[Array, ""] = quantity("shell", "shells in stock at the start")
    shell_reserve: Float[Array, ""] = quantity("week", "weeks of planned fire below which shells are saved")
    drone_limit: Float[Array, ""] = quantity("1", "drone index reached in the end")
    drone_date: Float[Array, ""] = quantity("week", "weeks from the start to half that index")
    drone_time: Float[Array, ""] = quantity("week", "time scale of its growth")
    tank_weight: Float[Array, ""] = quantity("1", "weight of tanks in equipment")
    carrier_weight: Float[Array, ""] = quantity("1", "weight of carriers in equipment")
    gun_weight: Float[Array, ""] = quantity("1", "weight of guns in equipment")


class Inputs(Record):
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")
    arms_labour: Float[Array, ""] = quantity("1", "labour in arms works over the start")
    sanctions: Float[Array, ""] = quantity("1", "sanctions in force")
    adaptation: Float[Array, ""] = quantity("1", "share of sanctions' effect that is substituted")
    line_plan: Float[Array, " equipment"] = quantity("vehicle/week", "planned capacity of new production")
    shell_line_plan: Float[Array, ""] = quantity("shell/week", "planned capacity of shell production")
    vehicles_delivered: Float[Array, " equipment"] = quantity("vehicle/week", "vehicles from partners")
    shells_delivered: Float[Array, ""] = quantity("shell/week", "shells from partners")
    fire_plan: Float[Array, ""] = quantity("shell/week", "shells planned to be fired")
    troops: Float[Array, ""] = quantity("person", "men in the theatre")


class Outputs(Record):
    afv: Float[Array, ""] = quantity("vehicle", "tanks and carriers in the field", headline=True)
    afv_restorable: Float[Array, ""] = quantity("vehicle", "tanks and carriers that can be restored from storage", headline=True)
    artillery: Float[Array, ""] = quantity("vehicle", "guns in the field", headline=True)
    shells: Float[Array, ""] = quantity("shell", "shells in stock", headline=True)
    shells_fired: Float[Array, ""] = quantity("shell/week", "shells fired", headline=True)
    shells_made: Float[Array, ""] = quantity("shell/week", "shells made")
    tanks_restored: Float[Array, ""] = quantity("vehicle/week", "tanks restored from storage")
    tanks_made: Float[Array, ""] = quantity("vehicle/week", "new tanks")
    tanks_lost: Float[Array, ""] = quantity("vehicle/week", "tanks lost in the fighting, those only damaged and those taken too")
    carriers_lost: Float[Array, ""] = quantity("vehicle/week", "infantry carriers lost in the fighting, in the same sense")
    drones: Float[Array, ""] = quantity("1", "drone index")
    equipment: Float[Array, ""] = quantity("1", "equipment per man over the start")
    components: Float[Array, ""] = quantity("1", "components at hand over those needed")


def begin(params: Params, line_plan, shell_line_plan, troops) -> State:
    """Stocks of the start; lines as planned in the first week."""
    grades = jnp.stack([params.stored_good, params.stored_middling, params.stored_poor])
    stored = jnp.stack([params.tanks_stored, params.carriers_stored, params.guns_stored])
    active = jnp.stack([params.tanks_active, params.carriers_active, params.guns_active])
    none, zero = jnp.zeros_like(active), jnp.zeros_like(params.wear)
    return State(
        storage=stored[:, None] * grades / jnp.sum(grades),
        active=active,
        damaged=none,
        quality=none + 1,
        lines=line_plan * params.line_plan_factor,
        shells=params.shells_at_start,
        shell_line=shell_line_plan * params.line_plan_factor,
        components=zero + 1,
        made=none + 52 * line_plan * params.line_plan_factor,
        active_at_start=active,
        troops_at_start=troops,
        shells_made_total=zero,
        shells_fired_total=zero,
        made_total=none,
        taken_total=none,
        lost_total=none,
    )


def yields(params: Params):
    """Vehicles restored per hull [1] by grade."""
    return jnp.stack([params.yield_good, params.yield_middling, params.yield_poor])


def restored(storage, works, params: Params, dt):
    """Hulls taken from storage [vehicle] by class and grade in dt, eq. 1 and 2; works [vehicle/week] by class in tanks of grade A."""
    hours = jnp.stack([jnp.ones_like(params.poor_hours), jnp.sqrt(params.poor_hours), params.poor_hours])
    preference = storage * jnp.exp(-params.best_first * (hours - 1))
    weight = share(preference, jnp.sum(preference, axis=1, keepdims=True))
    pace = share(works, jnp.sum(weight * hours, axis=1))
    limit = jnp.sum(storage * yields(params), axis=1)
    wanted = jnp.where(works > 0, pace * by_hazard(limit / jnp.where(works > 0, works * params.refurbishment_time, 1.0)), 0.0)
    return saturate(storage / 2, dt * wanted[:, None] * weight / yields(params))


def production(lines, productivity, components, params: Params):
    """New production [vehicle/week or shell/week], eq. 3: the scarcest of labour, lines and components counts most."""
    weights = params.labour_weight + params.line_weight + params.component_weight
    rho = params.substitution
    inputs = (
        params.labour_weight * power(productivity, rho) + params.line_weight + params.component_weight * power(components, rho)
    ) / weights
    return lines * power(inputs, 1 / rho)


def productivity(state: State, inputs: Inputs, params: Params, structure: Structure):
    """Labour hours x productivity over what lines need [1], eq. 4 (structure G)."""
    growth = jnp.where(state.lines > 0, share(state.made, 52 * state.lines), jnp.ones_like(state.lines))
    match structure.learning:
        case "half":
            learned = power(growth, params.learning_exponent / 2)
        case "full":
            learned = power(growth, params.learning_exponent)
        case "none":
            learned = jnp.ones_like(growth)
        case _:
            assert_never(structure.learning)
    trend = jnp.exp(params.learning_trend * jnp.minimum(inputs.age_of_war, 260.0))
    return inputs.arms_labour * learned * trend


def drone_index(inputs: Inputs, components, params: Params):
    """Use of drones [1], eq. 8: 1 = the year to mid-2025."""
    grown = params.drone_limit * jax.nn.sigmoid((inputs.age_of_war - params.drone_date) / params.drone_time)
    return grown * jnp.minimum(components, 1.0) * inputs.war


def equipment(state: State, troops, params: Params):
    """Equipment per man over the start [1], eq. 9: over the classes that were in the field then; 1 where none was."""
    weights = jnp.stack([params.tank_weight, params.carrier_weight, params.gun_weight])
    counted = weights * jnp.where(state.active_at_start > 0, 1.0, 0.0)
    stock = share(jnp.sum(counted * share(state.active * state.quality, state.active_at_start)), jnp.sum(counted))
    each = jnp.minimum(stock * share(state.troops_at_start, troops), params.equipment_limit)
    return jnp.where(jnp.sum(counted) > 0, each, jnp.ones_like(stock))


def step(state: State, inputs: Inputs, params: Params, dt, structure: Structure) -> tuple[State, Outputs]:
    """One week of works, deliveries and fire; losses are booked after the fighting."""
    supply = 1 - params.import_share * params.component_sanctions * inputs.sanctions * (1 - inputs.adaptation)
    components = approach(state.components, supply, params.component_time, dt)
    per_tank = jnp.stack([jnp.ones_like(params.carriers_per_tank), params.carriers_per_tank, params.guns_per_tank])
    works = inputs.war * params.refurbishment * per_tank * components
    hulls = restored(state.storage, works, params, dt)
    back = hulls * yields(params)
    labour = productivity(state, inputs, params, structure)
    new_vehicles = production(state.lines, labour, components, params)
    shells_made = production(state.shell_line, inputs.arms_labour, components, params)
    repaired_out = state.damaged * passing(params.repair_time, dt)
    repaired = params.repaired_share * repaired_out
    qualities = jnp.stack([jnp.ones_like(params.quality_poor), params.quality_middling, params.quality_poor])
    made = dt * (new_vehicles + inputs.vehicles_delivered)
    active = state.active + jnp.sum(back, axis=1) + made + repaired
    value = state.active * state.quality + jnp.sum(back * qualities, axis=1) + made + repaired * state.quality
    stock = state.shells + dt * (shells_made + inputs.shells_delivered)
    plan = inputs.fire_plan
    fired = jnp.where(plan > 0, plan * by_hazard(state.shells / jnp.where(plan > 0, plan * params.shell_reserve, 1.0)), 0.0)
    fired = jnp.minimum(fired, stock / dt)
    new = State(
        storage=state.storage - hulls,
        active=active,
        damaged=state.damaged - repaired_out,
        quality=jnp.where(active > 0, share(value, active), state.quality),
        lines=approach(state.lines, inputs.line_plan * params.line_plan_factor, params.line_time, dt),
        shells=stock - dt * fired,
        shell_line=approach(state.shell_line, inputs.shell_line_plan * params.line_plan_factor, params.line_time, dt),
        components=components,
        made=state.made * jnp.exp(-params.forgetting_rate * dt) + dt * new_vehicles,
        active_at_start=state.active_at_start,
        troops_at_start=state.troops_at_start,
        shells_made_total=state.shells_made_total + dt * (shells_made + inputs.shells_delivered),
        shells_fired_total=state.shells_fired_total + dt * fired,
        made_total=state.made_total + made,
        taken_total=state.taken_total,
        lost_total=state.lost_total + jnp.sum(hulls - back, axis=1) + repaired_out - repaired,
    )
    outputs = Outputs(
        afv=new.active[0] + new.active[1],
        afv_restorable=jnp.sum((new.storage * yields(params))[:2]),
        artillery=new.active[2],
        shells=new.shells,
        shells_fired=fired,
        shells_made=shells_made,
        tanks_restored=jnp.sum(back[0]) / dt,
        tanks_made=new_vehicles[0],
        tanks_lost=jnp.zeros_like(fired),  # until the fighting is over: after_fighting
        carriers_lost=jnp.zeros_like(fired),
        drones=drone_index(inputs, components, params),
        equipment=equipment(new, inputs.troops, params),
        components=components,
    )
    return new, outputs


def losses(state: State, loss_share, params: Params, dt):
    """Vehicles lost in the field in dt [vehicle] by class, eq. 6: fewer machines, fewer risked than of the park of the start."""
    full = jnp.ones_like(state.active)
    risked = saturate(full, share(state.active, state.active_at_start)) / saturate(full, full)
    return state.active * by_hazard(params.vehicle_losses * loss_share * risked * dt)


def book(state: State, lost, taken, params: Params, dt) -> State:
    """Losses of the week's fighting and vehicles taken from the enemy [vehicle] by class, eq. 6."""
    worn = (state.active - lost) * by_hazard(params.wear * dt)
    damaged = params.damaged_share * lost
    total = state.active - lost - worn + taken
    return replace(
        state,
        active=total,
        damaged=state.damaged + damaged,
        taken_total=state.taken_total + taken,
        lost_total=state.lost_total + lost - damaged + worn,
    )


def after_fighting(before: Outputs, state: State, lost, dt) -> Outputs:
    """Readings of the week once its losses [vehicle] by class are booked in `state`."""
    tanks, carriers, guns = state.active
    return replace(before, afv=tanks + carriers, artillery=guns, tanks_lost=lost[0] / dt, carriers_lost=lost[1] / dt)
