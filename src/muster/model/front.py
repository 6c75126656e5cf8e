"""Front: who fights, who is lost, what ground moves. The only subsystem that sees both sides.

A Helmbold-type loss law with quality, fires, frontage and posture, called twice (docs/model/front.md, eq. 1-10).
"""

from dataclasses import replace
from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.front_law import (
    LEAST_POWER,
    ONE_MAN,
    Inputs,
    Params,
    breakthrough_rate,
    engaged,
    killed_share,
    loss_rate,
    losses_by_cohort,
    pace,
    quality,
    staffing,
    thrust,
)
from muster.model.levers import Ground
from muster.model.luck import passed
from muster.model.quantity import Record, quantity
from muster.model.smooth import between, by_hazard, power, share
from muster.model.structure import Structure

__all__ = ["Inputs", "Params", "staffing"]  # the law's records are the front's


class State(Record):
    troops: Float[Array, " stage cohort"] = quantity("person", "men in the theatre: new (under four weeks) and seasoned")
    rear: Float[Array, " cohort"] = quantity("person", "trained men outside the theatre")
    wounded: Float[Array, " cohort"] = quantity("person", "wounded men in care")
    fortification: Float[Array, ""] = quantity("1", "fortification index")
    loss_shock: Float[Array, ""] = quantity("1", "log shock of the loss rate, autocorrelated")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained over the reference area, smoothed")
    breakthrough_hazard: Float[Array, ""] = quantity("1", "cumulated hazard of a breakthrough")
    breakthrough_survived: Float[Array, ""] = quantity("1", "that hazard at the last observation")
    breakthrough_left: Float[Array, ""] = quantity("km2", "ground of a breakthrough still to be taken")
    breakthrough_pace: Float[Array, ""] = quantity("km2/week", "pace at which it is taken")
    wounded_total: Float[Array, " cohort"] = quantity("person", "wounded since the start")


class Contact(Record):
    """The front line: it belongs to neither side."""

    gained: Float[Array, ""] = quantity("km2", "area gained by the first side since the start; the second side's loss")
    ceasefire_hazard: Float[Array, ""] = quantity("1", "cumulated hazard that fighting stops")
    ceasefire_threshold: Float[Array, ""] = quantity("1", "hazard at which it does")
    ceasefire: Float[Array, ""] = quantity("1", "1 after fighting has stopped")


class Outputs(Record):
    troops: Float[Array, ""] = quantity("person", "force in the theatre", headline=True)
    losses: Float[Array, ""] = quantity("person/week", "killed, wounded and captured", headline=True)
    killed: Float[Array, ""] = quantity("person/week", "killed", headline=True)
    wounded: Float[Array, ""] = quantity("person/week", "wounded", headline=True)
    captured: Float[Array, ""] = quantity("person/week", "captured or surrendered", headline=True)
    area_controlled: Float[Array, ""] = quantity("km2", "area under the side's control", headline=True)
    loss_exchange_ratio: Float[Array, ""] = quantity("1", "own losses per enemy loss in the fighting", headline=True)
    combat_power: Float[Array, ""] = quantity("person", "engaged men of reference quality", headline=True)
    combat_power_per_man: Float[Array, ""] = quantity("1", "combat power per man in the theatre", headline=True)
    line_density: Float[Array, ""] = quantity("person/km", "men in line per km of front", headline=True)
    breakthrough: Float[Array, ""] = quantity("1", "1 in weeks of a breakthrough", headline=True)
    fortification: Float[Array, ""] = quantity("1", "fortification index")
    intensity: Float[Array, ""] = quantity("1", "joint intensity of the fighting")
    quality: Float[Array, ""] = quantity("1", "quality of the force, reference 1")
    goal: Float[Array, ""] = quantity("person", "force wanted in the theatre")


class Fight(Record):
    """What the week's fighting did to one side."""

    killed: Float[Array, " stage cohort"] = quantity("person/week", "killed")
    wounded: Float[Array, " stage cohort"] = quantity("person/week", "wounded")
    loss_share: Float[Array, ""] = quantity("1/week", "losses over men in the theatre")
    quality: Float[Array, ""] = quantity("1", "quality of the force")
    power: Float[Array, ""] = quantity("person", "engaged men of reference quality")
    line_density: Float[Array, ""] = quantity("person/km", "men in line per km")
    intensity: Float[Array, ""] = quantity("1", "joint intensity")
    exchange: Float[Array, ""] = quantity("1", "own losses per enemy loss")
    area: Float[Array, ""] = quantity("km2", "area controlled after the week")
    net_ground: Float[Array, ""] = quantity("km2/week", "ground gained less ground lost")
    breakthrough: Float[Array, ""] = quantity("km2/week", "ground taken in breakthroughs")
    breakthrough_hazard: Float[Array, ""] = quantity("1", "cumulated hazard of a breakthrough")
    breakthrough_survived: Float[Array, ""] = quantity("1", "that hazard at the last observation")
    breakthrough_left: Float[Array, ""] = quantity("km2", "ground of a breakthrough still to be taken")
    breakthrough_pace: Float[Array, ""] = quantity("km2/week", "pace at which it is taken")
    loss_shock: Float[Array, ""] = quantity("1", "log shock of the loss rate")


class Moves(Record):
    """Who joined the theatre this week, for the co-flows of skill."""

    before: Float[Array, " stage cohort"] = quantity("person", "men in the theatre before")
    rear_before: Float[Array, " cohort"] = quantity("person", "men in the rear before")
    arrived: Float[Array, " cohort"] = quantity("person", "new men in the theatre")
    rear_arrived: Float[Array, " cohort"] = quantity("person", "new men in the rear")
    returned: Float[Array, " cohort"] = quantity("person", "wounded who return to the theatre")
    discharged: Float[Array, " cohort"] = quantity("person", "men discharged from care or demobilised")
    drafted: Float[Array, " cohort"] = quantity("person", "men sent from the rear to the theatre")
    cadre: Float[Array, ""] = quantity("person", "instructors sent to the theatre")


def begin(params: Params, cohorts: int) -> State:
    """All men of the start are seasoned standing men."""
    zero = jnp.zeros_like(params.theatre_at_start)
    none = jnp.zeros(cohorts)
    return State(
        troops=jnp.stack([none, none.at[0].set(params.theatre_at_start)]),
        rear=none.at[0].set(params.rear_at_start),
        wounded=none,
        fortification=params.works_at_start,
        loss_shock=zero,
        recent_ground=zero,
        breakthrough_hazard=zero,
        breakthrough_survived=zero,
        breakthrough_left=zero,
        breakthrough_pace=zero,
        wounded_total=none,
    )


def present(state: State):
    """Men in the theatre, in the rear and in care [person] by cohort."""
    return jnp.sum(state.troops, axis=0) + state.rear + state.wounded


def passing_out(time, dt):
    """Share of a well-mixed stock that leaves in dt [1]."""
    return by_hazard(dt / time)


def reinforce(state: State, arrivals, allied, cadre, theatre_share, return_share, goal, demobilising, params: Params, dt):
    """Arrivals, drafts, returns and discharges of the week, eq. 1 and 6: (state, Moves). arrivals, allied, cadre [person/week]."""
    odds = params.theatre_share_odds * share(theatre_share, 1 - theatre_share)
    to_theatre = jnp.where(theatre_share < 1, odds / (1 + odds), jnp.ones_like(odds))
    arrived = dt * to_theatre * arrivals
    rear_arrived = dt * arrivals - arrived
    arrived = arrived.at[3].add(dt * allied)
    out_of_care = state.wounded * passing_out(params.wound_time, dt)
    returned = return_share * out_of_care
    short = goal / jnp.maximum(jnp.sum(state.troops), ONE_MAN)
    onset = jax.nn.sigmoid((short - 1) / params.rear_draft_width)
    drafted = state.rear * by_hazard(params.rear_draft_rate * onset * dt)
    cadre_men = jnp.minimum(dt * cadre, state.rear[0] - drafted[0])
    leaving = by_hazard(demobilising * dt / params.demobilisation_time)
    troops = state.troops * (1 - leaving)
    rear = state.rear - drafted
    rear = rear.at[0].add(-cadre_men)
    home_from_rear = rear * leaving
    moves = Moves(
        before=troops,
        rear_before=rear - home_from_rear,
        arrived=arrived,
        rear_arrived=rear_arrived,
        returned=returned,
        discharged=out_of_care - returned + jnp.sum(state.troops, axis=0) * leaving + home_from_rear,
        drafted=drafted,
        cadre=cadre_men,
    )
    seasoned = troops[1] + returned + drafted
    new = replace(
        state,
        troops=jnp.stack([troops[0] + arrived, seasoned.at[0].add(cadre_men)]),
        rear=rear - home_from_rear + rear_arrived,
        wounded=state.wounded - out_of_care,
    )
    return new, moves


def one_side(own: Inputs, enemy: Inputs, state: State, enemy_works, tracking, ground: Ground, params, dt) -> tuple[Fight, Array]:
    """The law of eq. 1-8 for one side: its Fight, and the ground [km2/week] that it takes if there is as much."""
    p, enemy_params = params
    own_quality, enemy_quality = quality(own, p), quality(enemy, enemy_params)
    (own_engaged, in_line), (enemy_engaged, _) = engaged(own, ground, p), engaged(enemy, ground, enemy_params)
    memory = power(p.shock_memory, dt)
    shock = memory * state.loss_shock + p.shock_sd * jnp.sqrt(1 - memory * memory) * own.noise
    intensity = p.joint_intensity * (own.intensity + enemy.intensity) * pace(own, enemy, p)
    numbers, qualities = share(own_engaged, enemy_engaged), own_quality / enemy_quality
    rate = loss_rate(own, enemy, state.fortification, numbers, qualities, intensity, shock, p)
    total = jnp.sum(own.troops)
    fought = jnp.where(enemy_engaged > 0, own_engaged * rate, jnp.zeros_like(rate))
    behind = p.rear_loss_rate * jnp.minimum(intensity, jnp.ones_like(intensity)) * (total - own_engaged)
    loss_share = share(fought + behind, total)
    losses = losses_by_cohort(own.troops, loss_share, p, dt) / dt
    killed = jnp.minimum(killed_share(enemy, p), jnp.ones_like(rate)) * losses
    power_ratio = jnp.maximum(own_engaged * own_quality, LEAST_POWER) / jnp.maximum(enemy_engaged * enemy_quality, LEAST_POWER)
    there = jnp.where(own_engaged > 0, 1.0, 0.0)
    hazard = state.breakthrough_hazard + there * breakthrough_rate(own, power_ratio, enemy_works, p) * dt / 52
    before = passed(state.breakthrough_hazard, own.breakthroughs, state.breakthrough_survived)
    survived = jnp.where(tracking > 0, hazard, state.breakthrough_survived)
    comes = passed(hazard, own.breakthroughs, survived) > before
    mark = jnp.sum(jnp.where(jnp.arange(own.breakthrough_marks.shape[0]) == before, own.breakthrough_marks, 0.0))
    size = p.breakthrough_size * jnp.exp(p.breakthrough_spread * mark)
    left = state.breakthrough_left + jnp.where(comes, size, jnp.zeros_like(size))
    speed = jnp.where(comes, left / p.breakthrough_time, state.breakthrough_pace)
    fighting = own.intensity > 0
    burst = jnp.where(fighting, jnp.minimum(speed, left / dt), jnp.zeros_like(left))
    fight = Fight(
        killed=killed,
        wounded=losses - killed,
        loss_share=share(jnp.sum(losses), total),
        quality=own_quality,
        power=own_engaged * own_quality,
        line_density=in_line / ground.front_length,
        intensity=intensity,
        exchange=jnp.sum(losses),
        area=own.area_at_start,
        net_ground=jnp.zeros_like(rate),
        breakthrough=burst + own.forced_advance,
        breakthrough_hazard=hazard,
        breakthrough_survived=survived,
        breakthrough_left=left - dt * burst,
        breakthrough_pace=speed,
        loss_shock=shock,
    )
    return fight, there * thrust(own, power_ratio, enemy_works, ground, p) + burst + own.forced_advance + enemy.withdrawal


def after_the_last_observation(sides, after, params, structure: Structure):
    """Both forces and whether a ceasefire may come, under the rival endings (structure J)."""
    match structure.ending:
        case "goes_on":
            return sides, jnp.zeros_like(after)
        case "ceasefire_hazard":
            return sides, after
        case "frozen_line":
            slow = 1 - after + after * params.frozen_intensity
            return tuple(replace(s, intensity=s.intensity * slow, attack_share=s.attack_share * (1 - after)) for s in sides), 0 * after
        case _:
            assert_never(structure.ending)


def engage(sides, states, contact: Contact, ground: Ground, params, talks, after, tracking, dt, structure: Structure):
    """The week's fighting of both sides: ((Fight, Fight), Contact). The same law called twice; ground is zero-sum.
    tracking = 1 while the past is being lived through."""
    sides, may_stop = after_the_last_observation(sides, after, params[0], structure)
    going_on = 1 - contact.ceasefire
    sides = tuple(replace(s, intensity=s.intensity * going_on, forced_advance=s.forced_advance * going_on) for s in sides)
    a, wanted_a = one_side(sides[0], sides[1], states[0], states[1].fortification, tracking, ground, params, dt)
    b, wanted_b = one_side(sides[1], sides[0], states[1], states[0].fortification, tracking, ground, params[::-1], dt)
    area_a, area_b = sides[0].area_at_start + contact.gained, sides[1].area_at_start - contact.gained
    taken_a, taken_b = jnp.minimum(wanted_a, area_b / dt), jnp.minimum(wanted_b, area_a / dt)
    net = taken_a - taken_b
    hazard = contact.ceasefire_hazard + jnp.maximum(talks, may_stop) * params[0].ceasefire_rate * dt / 52
    new = Contact(
        gained=contact.gained + dt * net,
        ceasefire_hazard=hazard,
        ceasefire_threshold=contact.ceasefire_threshold,
        ceasefire=jnp.where(hazard >= contact.ceasefire_threshold, jnp.ones_like(hazard), contact.ceasefire),
    )
    fights = (
        replace(a, exchange=share(a.exchange, b.exchange), area=sides[0].area_at_start + new.gained, net_ground=net),
        replace(b, exchange=share(b.exchange, a.exchange), area=sides[1].area_at_start - new.gained, net_ground=-net),
    )
    return fights, new


def book(state: State, fight: Fight, deserted, surrendered, came_back, attack_share, goal, ground: Ground, params: Params, dt):
    """Losses of the week leave the theatre: (state, Outputs, seasoned [person]). deserted, surrendered by stage and cohort, came_back by
    cohort [person/week]."""
    survivors = state.troops - dt * (fight.killed + fight.wounded + deserted + surrendered)
    seasoned = survivors[0] * passing_out(params.seasoning_time, dt)
    troops = jnp.stack([survivors[0] - seasoned, survivors[1] + seasoned + dt * came_back])
    troops = jnp.maximum(troops, jnp.zeros_like(troops))
    limit = params.ground_limit
    recent = between(fight.net_ground * params.ground_memory / ground.reference_area, -limit, limit)
    wounded = jnp.sum(fight.wounded, axis=0)
    works = state.fortification + (1 - attack_share) * (params.works_limit - state.fortification) * passing_out(params.works_time, dt)
    new = State(
        troops=troops,
        rear=state.rear,
        wounded=state.wounded + dt * wounded,
        fortification=works,
        loss_shock=fight.loss_shock,
        recent_ground=state.recent_ground + (recent - state.recent_ground) * passing_out(params.ground_memory, dt),
        breakthrough_hazard=fight.breakthrough_hazard,
        breakthrough_survived=fight.breakthrough_survived,
        breakthrough_left=fight.breakthrough_left,
        breakthrough_pace=fight.breakthrough_pace,
        wounded_total=state.wounded_total + dt * wounded,
    )
    men = jnp.sum(troops)
    captured = jnp.sum(surrendered)
    outputs = Outputs(
        troops=men,
        losses=jnp.sum(fight.killed + fight.wounded) + captured,
        killed=jnp.sum(fight.killed),
        wounded=jnp.sum(fight.wounded),
        captured=captured,
        area_controlled=fight.area,
        loss_exchange_ratio=fight.exchange,
        combat_power=fight.power,
        combat_power_per_man=share(fight.power, jnp.sum(state.troops)),
        line_density=fight.line_density,
        breakthrough=jnp.where(fight.breakthrough > 0, jnp.ones_like(men), jnp.zeros_like(men)),
        fortification=works,
        intensity=fight.intensity,
        quality=fight.quality,
        goal=goal,
    )
    return new, outputs, seasoned
