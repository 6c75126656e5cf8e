"""Ledger: what must be conserved - persons, vehicles, shells, money, territory - counted from the states alone.

Each function returns what a side holds plus what has left it for good, less what has come from outside: a number that no
week may change. None of them looks at a flow of the week.
"""

import jax.numpy as jnp

from muster.model import front, morale, training
from muster.model.front import Contact
from muster.model.levers import Ground
from muster.model.world import Side


def persons(side: Side):
    """All persons of a side, the dead and those abroad too, less births and outsiders since the start [person]."""
    people = side.demography
    now = people.margins
    home = jnp.sum(now.eligible) + jnp.sum(now.exempt) + jnp.sum(now.women) + people.others + jnp.sum(now.evading) + jnp.sum(now.serving)
    away = jnp.sum(now.abroad) + jnp.sum(now.women_abroad) + people.others_abroad
    gone = jnp.sum(people.dead) + people.deaths_total
    return home + away + gone - people.births_total - people.outsiders_total


def rolls(side: Side):
    """Serving men of the table of persons less men in training, front, care, captivity and desertion [person] by cohort."""
    held = training.present(side.training.men) + front.present(side.front) + morale.present(side.morale)
    return jnp.sum(side.demography.margins.serving, axis=(1, 2)) - held


def convicts(side: Side):
    """Convicts who can be offered a contract and those who signed [person]; new ones are added by the caller."""
    return side.callup.convicts + side.demography.drafted_total[4]


def money(side: Side):
    """What the deficits were paid with - debt, new money, reserves - less the deficits since the start [year of output]."""
    economy = side.economy
    return economy.debt + economy.money - economy.reserves - economy.deficit_total


def vehicles(side: Side):
    """Vehicles in storage, field and repair and those lost, less those made, bought and taken [vehicle] by class."""
    arms = side.arms
    held = jnp.sum(arms.storage, axis=1) + arms.active + arms.damaged
    return held + arms.lost_total - arms.made_total - arms.taken_total


def shells(side: Side):
    """Shells in stock and fired, less those made and bought [shell]."""
    return side.arms.shells + side.arms.shells_fired_total - side.arms.shells_made_total


def aid(side: Side):
    """Aid committed, allocated and delivered, less all that was committed [EUR]."""
    partners = side.partners
    return jnp.sum(partners.committed) + jnp.sum(partners.allocated) + partners.delivered_total - partners.committed_total


def territory(areas, contact: Contact, ground: Ground):
    """Ground controlled by both sides less the ground fought over [km2]; areas = what each controlled at the start."""
    first, second = areas[0] + contact.gained, areas[1] - contact.gained
    return first + second - ground.total_area
