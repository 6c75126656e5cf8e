"""The scan over weeks and the batch over draws: one compilation a structure and shape."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp

from muster.model import luck
from muster.model.coupling import Clock, Links
from muster.model.levers import Ground, Levers, Setting
from muster.model.pair import Pair, each, pair
from muster.model.quantity import Record
from muster.model.structure import Structure
from muster.model.week import week
from muster.model.world import Given, Side, SideParams, World, begin


class Case(Record):
    """What a run is given besides draws: levers by step of both sides, and when the past ends."""

    levers: tuple[Levers, Levers]
    settings: tuple[Setting, Setting]
    ground: Ground
    links: tuple[Links, Links]
    seed: jax.Array
    sides: jax.Array  # crc32 of the two sides' names
    last_observation: jax.Array  # steps up to the last observation
    conditioned: jax.Array  # 1 where thresholds are conditioned on this run's own past


class Lived(Record):
    """Hazards lived through without an event up to the last observation, of one side: as-happened gives them to other policies."""

    breakthrough: jax.Array
    partners: jax.Array
    regions: jax.Array
    regime: jax.Array


def lived(world: World) -> Pair:
    """What the run has lived through."""
    return each(
        lambda s: Lived(s.front.breakthrough_survived, s.partners.stop_survived, s.regions.survived, s.regime.survived), world.sides
    )


def with_lived(side: Side, past: Lived) -> Side:
    """A side at the start whose thresholds are conditioned on a past lived through elsewhere."""
    return replace(
        side,
        front=replace(side.front, breakthrough_survived=past.breakthrough),
        partners=replace(side.partners, stop_survived=past.partners),
        regions=replace(side.regions, survived=past.regions),
        regime=replace(side.regime, survived=past.regime),
    )


def start(case: Case, params: tuple[SideParams, SideParams], draw, past: Pair, dt: float) -> tuple[World, Pair]:
    """The world of one draw on the first day, and what it is given for the whole run."""
    first = tuple(jax.tree.map(lambda path: path[0], side) for side in case.levers)

    def given_to(i: int) -> Given:
        fortune = luck.begin(case.seed, draw, case.sides[i], case.settings[i].men.shape[0])
        return Given(start=first[i], setting=case.settings[i], params=params[i], luck=fortune)

    given = pair(given_to(0), given_to(1))
    world = begin(given, luck.ceasefire(case.seed, draw), round(52 / dt))
    return World(sides=each(with_lived, world.sides, past), contact=world.contact), given


def advance(case: Case, given: Pair, world: World, step, levers: Pair, dt: float, structure: Structure) -> tuple[World, Pair]:
    """One week of one draw: (world, pair of readings)."""
    clock = Clock(
        age=step * dt,
        after=jnp.where(step >= case.last_observation, 1.0, 0.0),
        tracking=jnp.where(step < case.last_observation, 1.0, 0.0) * case.conditioned,
    )
    noise = each(lambda g: luck.noise(g.luck, step), given)
    return week(world, levers, given, noise, case.ground, pair(*case.links), clock, dt, structure)


def one(case: Case, params: tuple[SideParams, SideParams], draw, past: Pair, dt: float, structure: Structure):
    """One draw: (last world, pair of readings by step in float32)."""
    world, given = start(case, params, draw, past, dt)

    def body(world: World, row):
        step, levers = row
        new, readings = advance(case, given, world, step, levers, dt, structure)
        return new, jax.tree.map(lambda x: x.astype(jnp.float32), readings)

    steps = case.levers[0].war.shape[0]
    return jax.lax.scan(body, world, (jnp.arange(steps), by_step(case.levers)))


def by_step(levers: tuple[Levers, Levers]) -> Pair:
    """The levers of both sides with the step as the leading axis."""
    stacked = pair(*levers)
    if len(stacked.parts) == 1:
        return Pair((jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), stacked.parts[0]),))
    return stacked


def lane(case: Case, params, draws, past, dt: float, structure: Structure):
    """A lane of draws, the draw on the first axis: (what was lived through, readings [draw, step, ...])."""
    world, readings = jax.vmap(partial(one, case, dt=dt, structure=structure))(params, draws, past)
    return lived(world), readings
