"""What the page of the week is written with: the clock, the links that can be cut, and small sums over cohorts."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from muster.model import ages, arms, callup, demography, economy, front, morale, partners, regions, training
from muster.model.levers import Ground, Levers
from muster.model.luck import Noise
from muster.model.quantity import Record, quantity
from muster.model.smooth import share
from muster.model.world import Cohorts, Given, Regional, Register, Side


class Clock(Record):
    """Where in the run the week lies."""

    age: Float[Array, ""] = quantity("week", "weeks since the start")
    after: Float[Array, ""] = quantity("1", "1 after the last observation")
    tracking: Float[Array, ""] = quantity("1", "1 while the past is lived through and thresholds are conditioned on it")


class Links(Record):
    """1 where a loop or arrow is cut: its link is held at the value of the start."""

    cadre: Float[Array, ""] = quantity("1", "R1 cadre burn: instructors sent to the front")
    turnover: Float[Array, ""] = quantity("1", "R2 turnover: skill of the force in quality")
    cohesion: Float[Array, ""] = quantity("1", "R3 cohesion: losses and arrivals in cohesion")
    contagion: Float[Array, ""] = quantity("1", "R4 contagion: precedents in desertion and surrender")
    bad_news: Float[Array, ""] = quantity("1", "R5 bad news: the reported picture in orders and coordination")
    coercion: Float[Array, ""] = quantity("1", "R6, B6 coercion: its effect on soldiers")
    staffing: Float[Array, ""] = quantity("1", "B1 staffing: shortfall in intake")
    service: Float[Array, ""] = quantity("1", "R12 no discharge: length of service in morale")
    risk: Float[Array, ""] = quantity("1", "B2 risk: deaths in evasion, flight and volunteering")
    pay: Float[Array, ""] = quantity("1", "B3 pay: pay in volunteering")
    depletion: Float[Array, ""] = quantity("1", "B4 depletion: equipment per man in quality and morale")
    frontage: Float[Array, ""] = quantity("1", "B5 frontage: morale in quality")
    labour: Float[Array, ""] = quantity("1", "R7 labour and prices: men away in output and prices")
    adaptation: Float[Array, ""] = quantity("1", "B7 adaptation: substitution of sanctioned goods")
    fiscal: Float[Array, ""] = quantity("1", "R8 fiscal: distress in capacity and regime")
    tide: Float[Array, ""] = quantity("1", "R9 tide: events in neighbours' movements")
    centre: Float[Array, ""] = quantity("1", "R10 centre and periphery: capacity in call-up and revenue")
    partner: Float[Array, ""] = quantity("1", "R11 partner: ground in partners' support")
    rally: Float[Array, ""] = quantity("1", "B8 rally and pay: recruits' income in support and grievance")
    war_cohesion: Float[Array, ""] = quantity("1", "B9 war cohesion: an active war in coup hazard")
    ground: Float[Array, ""] = quantity("1", "arrow 03 -> 06, 12: ground in prospect and defeat")
    trust: Float[Array, ""] = quantity("1", "arrow 06 -> 01, 04, 07: trust")
    wage: Float[Array, ""] = quantity("1", "arrow 08 -> 06, 07: real wage")
    deliveries: Float[Array, ""] = quantity("1", "arrow 10 -> 08, 09: deliveries")
    deaths: Float[Array, ""] = quantity("1", "arrow 07 -> 06: deaths in support")
    regime: Float[Array, ""] = quantity("1", "arrow 12 -> levers: what a new leader does")


def connected() -> Links:
    """No link is cut."""
    none: Any = np.zeros(())
    return Links(**{name: none for name in Links.__dataclass_fields__})  # noqa: C420


def held(cut, value, start):
    """The value, or what it was at the start where the link is cut."""
    return value + cut * (start - value)


class Here(Record):
    """What one side is given this week."""

    levers: Levers
    given: Given
    noise: Noise
    links: Links
    clock: Clock
    ground: Ground
    gain: Float[Array, ""] = quantity("km2", "area gained since the start")
    ceasefire: Float[Array, ""] = quantity("1", "1 after fighting has stopped")
    war: Float[Array, ""] = quantity("1", "1 while fighting goes on")
    goal: Float[Array, ""] = quantity("person", "force wanted in the theatre")


class Before(Record):
    """What the first half of one side's week hands to the fighting and to the second half."""

    force: front.Inputs
    moves: front.Moves
    calls: callup.Flows
    callup: callup.Outputs
    training: training.Outputs
    economy: economy.Outputs
    arms: arms.Outputs
    partners: partners.Outputs


class Enemy(Record):
    """What the fighting brings from the other side."""

    vehicles: Float[Array, " equipment"] = quantity("vehicle", "vehicles taken from the enemy")
    pocket: Float[Array, ""] = quantity("1", "share of the own force in a pocket of an enemy breakthrough")


def men_outside(side: Side):
    """Men on the rolls [person] by cohort, counted from the states of training, front and morale."""
    return training.present(side.training.men) + front.present(side.front) + morale.present(side.morale)


def intake_by_cohort(calls: callup.Flows):
    """Men taken into training [person/week] by cohort; the standing force has no intake of its own."""
    called = jnp.sum(calls.inducted, axis=(1, 2)) + jnp.sum(calls.found, axis=1)
    volunteers = jnp.sum(calls.volunteers) + calls.outside_men
    return jnp.stack([jnp.zeros_like(volunteers), called[0], called[1], volunteers, calls.prisoners])


def experience_by_cohort(calls: callup.Flows, eligible, dt):
    """Shares of experience in the intake [1] by cohort; both decrees alike, prisoners and outsiders as the register at large."""
    at_large = ages.composition(jnp.sum(eligible, axis=(0, 1)), (0,))
    unnoticed = (1 - dt * calls.notice_rate) * calls.volunteer_rate[:, None]
    volunteers = ages.composition(jnp.sum(jnp.sum(eligible, axis=1) * unnoticed, axis=0), (0,))
    return jnp.stack([at_large, calls.experience, calls.experience, volunteers, at_large])


def recruit_income(pay_above, volunteers, population, setting):
    """Pay of new volunteers above a year's civil wage over the wages of the region [1]: per man at home, a year."""
    workers = population / 2
    return share(52 * jnp.sum(volunteers, axis=1) * jnp.maximum(pay_above, 0.0), workers * setting.relative_income)


def regional(side: Side, given: Given) -> Regional:
    """Readings by region."""
    people, counts = side.demography, side.regions.counts
    return Regional(
        men=jnp.sum(given.setting.men, axis=(1, 2, 3)),
        serving=jnp.sum(people.margins.serving, axis=2),
        dead=people.dead,
        disabled=demography.disabled(people, given.params.demography),
        called_up=people.called_total,
        volunteers=people.volunteers_total,
        evading=people.margins.evading,
        abroad=jnp.sum(people.margins.abroad, axis=1),
        trust=jax.nn.sigmoid(side.society.trust),
        support=jax.nn.sigmoid(side.society.support),
        grievance=side.regions.grievance,
        movement=regions.movements_under_way(counts, given.setting),
        left=jnp.minimum(counts[:, 2], 1) * given.setting.has_hazard,
    )


def register(eligible, params: callup.Params) -> Register:
    """Men who may be called up and can be reached [person]; eligible [region, skill, experience]."""
    none, served, combat = jnp.sum(eligible, axis=(0, 1)) * jnp.stack([params.reach_none, params.reach_served, params.reach_combat])
    return Register(reachable_none=none, reachable_served=served, reachable_combat=combat)


def experienced_by_cohort(calls: callup.Flows, experience, least: int):
    """Men taken into training from home [person/week] by cohort who have at least an experience (index of EXPERIENCES).

    `experience` [cohort, experience] as of experience_by_cohort; not known of prisoners and of men raised elsewhere.
    """
    called, volunteers = jnp.sum(calls.inducted, axis=(1, 2)), jnp.sum(calls.volunteers)
    none = jnp.zeros_like(volunteers)
    return jnp.stack([none, called[0], called[1], volunteers, none]) * jnp.sum(experience[:, least:], axis=1)


def quality_by_cohort(skill, spirit, params: front.Params):
    """Combat power per man by a cohort's own skill and morale [1], reference 1; leaders, equipment and coordination are the force's."""
    own_skill, own_morale = (jnp.maximum(part, 1e-6) for part in (skill, spirit))
    return jnp.exp(
        params.skill_weight * jnp.log(own_skill / params.reference_skill)
        + params.morale_weight * jnp.log(own_morale / params.reference_morale)
    )


def cohorts(side: Side, fight, flows: morale.Flows, calls: callup.Flows, experience, params: front.Params) -> Cohorts:
    """Readings by cohort."""
    skill = share(jnp.sum(side.front.troops * side.training.skill, axis=0), jnp.sum(side.front.troops, axis=0))
    troops = jnp.sum(side.front.troops, axis=0)
    captured = jnp.sum(flows.surrendered, axis=0)
    killed, wounded = jnp.sum(fight.killed, axis=0), jnp.sum(fight.wounded, axis=0)
    return Cohorts(
        troops=troops,
        losses=killed + wounded + captured,
        killed=killed,
        wounded=wounded,
        captured=captured,
        skill=skill,
        desertion_hazard=flows.desertion_hazard,
        called_up=intake_by_cohort(calls),
        deserted=jnp.sum(flows.deserted, axis=0),
        surrendered=captured,
        in_training=training.present(side.training.men),
        strength=men_outside(side),
        morale=side.morale.morale,
        quality=quality_by_cohort(skill, side.morale.morale, params),
        called_up_served=experienced_by_cohort(calls, experience, 1),
        called_up_combat=experienced_by_cohort(calls, experience, 2),
    )
