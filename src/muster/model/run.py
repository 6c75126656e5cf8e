"""The scan over weeks and the batch over draws: one compilation a structure and shape."""

from functools import partial

import jax
import jax.numpy as jnp

from muster.model import luck
from muster.model.levers import Ground, Levers, Setting
from muster.model.quantity import Record
from muster.model.structure import Structure
from muster.model.week import Clock, Links, week
from muster.model.world import Given, SideParams, World, begin


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


def lived(world: World) -> tuple[Lived, Lived]:
    """What the run has lived through."""
    a, b = (
        Lived(s.front.breakthrough_survived, s.partners.stop_survived, s.regions.survived, s.regime.survived) for s in world.sides
    )
    return a, b


def with_lived(world: World, past: tuple[Lived, Lived]) -> World:
    """A world at the start whose thresholds are conditioned on a past lived through elsewhere."""
    from dataclasses import replace

    sides = tuple(
        replace(
            side,
            front=replace(side.front, breakthrough_survived=p.breakthrough),
            partners=replace(side.partners, stop_survived=p.partners),
            regions=replace(side.regions, survived=p.regions),
            regime=replace(side.regime, survived=p.regime),
        )
        for side, p in zip(world.sides, past, strict=True)
    )
    return World(sides=(sides[0], sides[1]), contact=world.contact)


def one(case: Case, params: tuple[SideParams, SideParams], draw, past, dt: float, structure: Structure):
    """One draw: (last world, readings by step in float32)."""
    steps = case.levers[0].war.shape[0]
    first = tuple(jax.tree.map(lambda path: path[0], side) for side in case.levers)
    given = tuple(
        Given(start=first[i], setting=case.settings[i], params=params[i], luck=luck.begin(case.seed, draw, case.sides[i], case.settings[i].men.shape[0]))
        for i in (0, 1)
    )
    world = begin(given, luck.ceasefire(case.seed, draw), round(52 / dt))
    world = with_lived(world, past)

    def body(world: World, row):
        step, levers = row
        clock = Clock(
            step=step * 1.0,
            age=step * dt,
            after=jnp.where(step >= case.last_observation, 1.0, 0.0),
            tracking=jnp.where(step < case.last_observation, 1.0, 0.0) * case.conditioned,
        )
        noise = tuple(luck.noise(g.luck, step) for g in given)
        new, readings = week(world, levers, given, noise, case.ground, case.links, clock, dt, structure)
        return new, jax.tree.map(lambda x: x.astype(jnp.float32), readings)

    return jax.lax.scan(body, world, (jnp.arange(steps), case.levers))


@partial(jax.jit, static_argnames=("dt", "structure"))
def batch(case: Case, params, draws, past, dt: float, structure: Structure):
    """A lane of draws, the draw on the last axis: (what was lived through, readings [step, ..., draw])."""

    def lane(params, draw, past):
        world, readings = one(case, params, draw, past, dt, structure)
        return world, readings

    world, readings = jax.vmap(lane, in_axes=(-1, -1, -1), out_axes=-1)(params, draws, past)
    return lived(world), world, readings
