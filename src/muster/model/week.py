"""One week of both sides, in order. Start here.

The order, and why, is in docs/model/week.md. The arrows between subsystems stand in before.py and after.py, one function
a subsystem; no subsystem knows another.
"""

from dataclasses import replace

import jax.numpy as jnp

from muster.model import arms, front
from muster.model.after import book_front, book_training, count, endure, govern, judge, report, strain
from muster.model.before import call, deploy, earn, equip, join, reinforce, support, told, train
from muster.model.coupling import Before, Clock, Enemy, Here, cohorts, experience_by_cohort, register
from muster.model.levers import Ground
from muster.model.pair import Pair, each, pair
from muster.model.smooth import share
from muster.model.structure import Structure
from muster.model.world import Latest, Side, World, theatre_goal


def week(world: World, levers: Pair, given: Pair, noise: Pair, ground: Ground, links: Pair, clock: Clock, dt, structure: Structure):
    """One week, both sides: (World, pair of readings). Every subsystem speaks of ONE side; only the front sees two."""
    contact = world.contact

    def situation(lever, g, n, link, gain):
        war = lever.war * (1 - contact.ceasefire)
        return Here(lever, g, n, link, clock, ground, gain, contact.ceasefire, war, theatre_goal(lever, g.params.front))

    here = each(situation, levers, given, noise, links, pair(contact.gained, -contact.gained))
    halves = each(lambda side, h: first_half(side, h, dt, structure), world.sides, here)
    forces, lines, parks = zip(*each(lambda half: (half[1].force, half[0].front, half[0].arms), halves).split(), strict=True)
    laws, works = zip(*each(lambda g: (g.params.front, g.params.arms), given).split(), strict=True)
    talks = jnp.maximum(*each(lambda lever: lever.talks, levers).split())
    fights, contact = front.engage(forces, lines, contact, ground, laws, talks, clock.after, clock.tracking, dt, structure)
    lost = [arms.losses(park, fight.loss_share, p, dt) for park, fight, p in zip(parks, fights, works, strict=True)]
    enemies = [Enemy(works[j].captured_share * lost[j], jnp.where(fights[j].breakthrough > 0, ground.attack_width, 0.0)) for j in (1, 0)]

    def rest(half, fight, enemy, h):
        side, before = half
        return second_half(side, before, fight, enemy, h, dt, structure)

    done = each(rest, halves, pair(*fights), pair(*enemies), here)
    return World(sides=each(lambda d: d[0], done), contact=contact), each(lambda d: d[1], done)


def first_half(side: Side, here: Here, dt, structure: Structure) -> tuple[Side, Before]:
    """Picture, deliveries, economy, arms, call-up, training, reinforcement of one side, in this order."""
    picture = told(side, here)
    new_partners, partners_out, goods = support(side, here, dt, structure)
    new_economy, economy_out = earn(side, goods, here, dt, structure)
    new_arms, arms_out = equip(side, goods, economy_out, here, dt, structure)
    new_callup, callup_out, calls = call(side, picture, here, dt)
    new_training, training_out, arrivals = train(side, picture, callup_out, calls, here, dt)
    new_front, moves = reinforce(side, arrivals, here, dt)
    new_training = join(new_training, arrivals, moves, here)
    force = deploy(replace(side, training=new_training), new_front, picture, training_out, arms_out, here)
    new = replace(
        side, front=new_front, callup=new_callup, training=new_training, economy=new_economy, arms=new_arms, partners=new_partners
    )
    return new, Before(force, moves, calls, callup_out, training_out, economy_out, arms_out, partners_out)


def second_half(side: Side, b: Before, fight: front.Fight, enemy: Enemy, here: Here, dt, structure: Structure):
    """Morale, booking of men and vehicles, report, opinion, persons, regions, regime of one side: (Side, readings by node)."""
    new_morale, morale_out, flows = endure(side, b, fight, enemy, here, dt, structure)
    new_front, front_out, seasoned = book_front(side, b, fight, flows, here, dt)
    new_training = book_training(side, b, fight, flows, seasoned, here, dt)
    lost = arms.losses(side.arms, fight.loss_share, here.given.params.arms, dt)
    new_arms = arms.book(side.arms, lost, enemy.vehicles, here.given.params.arms, dt)
    new_command, command_out = report(side, b, fight, new_front, front_out, here, dt, structure)
    killed, eligible = jnp.sum(fight.killed, axis=0), side.demography.margins.eligible
    new_society, society_out, leaving = judge(side, b, fight, new_front, command_out, killed, here, dt, structure)
    new_people, people_out = count(side, b, flows, society_out, leaving, killed, here, dt)
    new_regions, regions_out = strain(side, b, fight, new_people, killed, here, dt, structure)
    new_regime, regime_out = govern(side, b, new_front, new_command, command_out, society_out, morale_out, regions_out, here, dt, structure)
    latest = Latest(
        killed_share=share(jnp.sum(killed), people_out.serving),
        loss_share=fight.loss_share,
        trust=society_out.trust,
        capacity=regions_out.capacity,
        real_wage=b.economy.real_wage,
        adaptation=b.economy.adaptation,
        shells_made=b.arms.shells_made,
        held_men=side.callup.returning,
        branching_ratio=side.latest.branching_ratio,
    )
    new = Side(
        callup=side.callup,
        training=new_training,
        front=new_front,
        morale=new_morale,
        command=new_command,
        society=new_society,
        demography=new_people,
        economy=side.economy,
        arms=new_arms,
        partners=side.partners,
        regions=new_regions,
        regime=new_regime,
        latest=latest,
    )
    readings = {
        "people": people_out,
        "cohorts": cohorts(new, fight, flows, b.calls, experience_by_cohort(b.calls, eligible, dt), here.given.params.front),
        "register": register(eligible, here.given.params.callup),
        "callup": b.callup,
        "training": b.training,
        "front": front_out,
        "morale": morale_out,
        "command": command_out,
        "society": replace(society_out, emigration=people_out.emigration),
        "economy": b.economy,
        "arms": arms.after_fighting(b.arms, new_arms, lost, dt),
        "partners": b.partners,
        "regions": regions_out,
        "regime": regime_out,
    }
    return new, readings
