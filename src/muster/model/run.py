"""The scan over quarters and their weeks, and the batch over draws: one compilation a structure and shape."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from muster.model import demography, luck, regions
from muster.model.ages import QUARTER
from muster.model.batch import batch
from muster.model.coupling import Clock, Links, regional
from muster.model.levers import AXES, Ground, Levers, Setting
from muster.model.luck import Luck, Noise
from muster.model.pair import Pair, each, pair
from muster.model.quantity import Record, axes
from muster.model.structure import Structure
from muster.model.week import week
from muster.model.world import READINGS, Given, Regional, Side, SideParams, World, begin


class Case(Record):
    """What every draw of a run is given: levers by step of both sides, and when the past ends."""

    levers: Pair  # of Levers, the step as leading axis
    settings: Pair  # of Setting
    ground: Ground
    links: Pair  # of Links
    last_observation: jax.Array  # steps up to the last observation
    conditioned: jax.Array  # 1 where thresholds are conditioned on this run's own past


class Lived(Record):
    """Hazards lived through without an event up to the last observation, of one side: as-happened gives them to other policies."""

    breakthrough: jax.Array
    partners: jax.Array
    regions: jax.Array
    regime: jax.Array


class Covariates(Record):
    """What a draw holds of its side's regions, where the table does not tell it."""

    poverty: jax.Array
    titular_share: jax.Array
    relative_income: jax.Array


class Draw(Record):
    """What ignorance and chance bring to one draw; of many draws, the draw is the last axis."""

    params: Pair  # of SideParams
    luck: Pair  # of Luck
    noise: Pair  # of Noise, the step as leading axis
    ceasefire: jax.Array  # threshold of the end of fighting
    past: Pair  # of Lived


def case(levers: tuple[Levers, Levers], settings: tuple[Setting, Setting], ground: Ground, links: tuple[Links, Links], *, observed, own):
    """The case of two sides; `observed` steps lie before the last observation, `own` = 1 conditions thresholds on this run's past."""
    numbers: Any = np.asarray(observed), np.asarray(own, dtype=float)
    return Case(by_step(*levers), pair(*settings), ground, pair(*links), *numbers)


def by_step(first: Record, second: Record) -> Pair:
    """The paths of both sides with the step as the leading axis."""
    stacked = pair(first, second)
    if len(stacked.parts) == 1:
        return Pair((jax.tree.map(lambda x: x.swapaxes(0, 1), stacked.parts[0]),))
    return stacked


def chance(seed, draw, sides: tuple[int, int], regions: tuple[int, int], steps: int, quarter: int) -> tuple[Pair, Pair, jax.Array]:
    """Luck and noise of both sides (crc32 of their names) and the ceasefire's threshold, of one draw."""
    fortunes = [luck.begin(seed, draw, side, count) for side, count in zip(sides, regions, strict=True)]
    first, second = (luck.noise(seed, draw, side, steps, quarter) for side in sides)
    return pair(*fortunes), by_step(first, second), luck.ceasefire(seed, draw)


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


def start(case: Case, draw: Draw, dt: float) -> tuple[World, Pair]:
    """The world of one draw on the first day, and what it is given for the whole run."""

    def covariates(setting: Setting, params: SideParams, fortune: Luck) -> Covariates:
        filled = regions.told(setting, fortune.unknown, params.regions)
        return Covariates(filled.poverty, filled.titular_share, filled.relative_income)

    given = given_to(case, draw.params, draw.luck, each(covariates, case.settings, draw.params, draw.luck))
    world = begin(given, draw.ceasefire, round(52 / dt))
    return World(sides=each(with_lived, world.sides, draw.past), contact=world.contact), given


def given_to(case: Case, params: Pair, fortunes: Pair, covariates: Pair) -> Pair:
    """What a draw is given for the whole run; what does not differ between draws stays one for all of them."""
    first = Pair(tuple(jax.tree.map(lambda path: path[0], part) for part in case.levers.parts))

    def given(levers: Levers, setting: Setting, params: SideParams, fortune: Luck, known: Covariates) -> Given:
        own = replace(setting, poverty=known.poverty, titular_share=known.titular_share, relative_income=known.relative_income)
        return Given(start=levers, setting=own, params=params, luck=fortune)

    return each(given, first, case.settings, params, fortunes, covariates)


def of_given(given: Pair) -> tuple[Pair, Pair, Pair]:
    """What differs between draws of what they are given: parameters, luck, covariates."""

    def covariates(g: Given) -> Covariates:
        return Covariates(g.setting.poverty, g.setting.titular_share, g.setting.relative_income)

    return each(lambda g: g.params, given), each(lambda g: g.luck, given), each(covariates, given)


def turn(world: World, given: Pair, levers: Pair) -> World:
    """The end of a quarter: everybody is a quarter older (docs/model/demography.md, eq. 8-13); the levers are those of the coming one."""

    def older(side: Side, given: Given, coming: Levers) -> Side:
        people = demography.age(side.demography, given.setting, coming.minimum_age, given.start.minimum_age)
        return replace(side, demography=people)

    return replace(world, sides=each(older, world.sides, given, levers))


def advance(case: Case, given: Pair, world: World, step, levers: Pair, noise: Pair, dt: float, structure: Structure) -> tuple[World, Pair]:
    """One week of one draw: (world, pair of readings)."""
    clock = Clock(
        age=step * dt,
        after=jnp.where(step >= case.last_observation, 1.0, 0.0),
        tracking=jnp.where(step < case.last_observation, 1.0, 0.0) * case.conditioned,
    )
    return week(world, levers, given, each(as_numbers, noise), case.ground, case.links, clock, dt, structure)


def as_numbers(noise: Noise) -> Noise:
    """The noise in the model's width; it is kept in float32."""
    return jax.tree.map(lambda x: x.astype(float), noise)


def steps_a_quarter(dt: float) -> int:
    """Steps between two goings through the ages of persons."""
    return round(QUARTER / dt)


def padded(steps: int, dt: float) -> int:
    """Steps up to a whole number of quarters: computed in full, cut off from the readings."""
    return -(-steps // steps_a_quarter(dt)) * steps_a_quarter(dt)


def by_week(case: Case, noise: Pair):
    """What each week brings: its number, its levers (the last ones again beyond the end), its noise."""
    steps = jax.tree.leaves(noise)[0].shape[0]

    def longer(path):
        return jnp.concatenate([path, jnp.broadcast_to(path[-1:], (steps - path.shape[0], *path.shape[1:]))])

    return jnp.arange(steps), jax.tree.map(longer, case.levers), noise


def by_quarter(case: Case, noise: Pair, dt: float):
    """What each quarter brings: its weeks, and the levers in the middle of the quarter after it."""
    size = steps_a_quarter(dt)
    weeks = jax.tree.map(lambda x: jnp.reshape(x, (-1, size, *x.shape[1:])), by_week(case, noise))
    coming = jax.tree.map(lambda x: jnp.concatenate([x[1:, size // 2], x[-1:, -1]]), weeks[1])
    return weeks, coming


def in_a_row(readings):
    """Readings [quarter, week, ...] as [step, ...]."""
    return jax.tree.map(lambda x: jnp.reshape(x, (-1, *x.shape[2:])), readings)


def one(case: Case, draw: Draw, dt: float, structure: Structure):
    """One draw: (last world, readings of both sides packed in float32 [step, reading], by region [quarter, reading])."""
    world, given = start(case, draw, dt)

    def week_of(world: World, row):
        step, levers, noise = row
        new, readings = advance(case, given, world, step, levers, noise, dt, structure)
        return new, packed(readings)

    def quarter(world: World, row):
        weeks, coming = row
        seen = packed_regions(world, given)
        last, readings = jax.lax.scan(week_of, world, weeks)
        return turn(last, given, coming), (readings, seen)

    last, (readings, seen) = jax.lax.scan(quarter, world, by_quarter(case, draw.noise, dt))
    return last, in_a_row(readings), seen


def lane(case: Case, draws: Draw, dt: float, structure: Structure, again: bool = False, kept: Callable[[Pair], Any] | None = None):
    """A lane of draws, the draw on the last axis; for slopes, each week is computed `again` instead of being held.

    (what was lived through, the draw first; readings [step, reading, draw]; readings by region [quarter, reading, draw]).
    `kept` gives what is kept of a week's readings of a draw instead of all of them in float32.
    """
    kept = kept or packed

    def begun(draw: Draw):
        world, given = start(case, draw, dt)
        return world, of_given(given)

    world, own = jax.vmap(begun, in_axes=-1, out_axes=-1)(draws)

    def week_of(world: World, row):
        step, levers, noise = row

        def one_draw(own, world, noise):
            new, readings = advance(case, given_to(case, *own), world, step, levers, noise, dt, structure)
            return new, kept(readings)

        return batch(one_draw)(own, world, noise)

    def quarter(world: World, row):
        weeks, coming = row
        seen = batch(lambda own, world: packed_regions(world, given_to(case, *own)))(own, world)
        last, readings = jax.lax.scan(jax.checkpoint(week_of) if again else week_of, world, weeks)
        return batch(lambda own, world: turn(world, given_to(case, *own), coming))(own, last), (readings, seen)

    last, (readings, seen) = jax.lax.scan(quarter, world, by_quarter(case, draws.noise, dt))
    return jax.vmap(lived, in_axes=-1)(last), in_a_row(readings), seen


def packed(readings: Pair) -> dict[str, jax.Array]:
    """The readings of both sides by node, each one vector [reading] in float32: wide arrays cost less than many narrow ones."""

    def vectors(nodes: dict[str, Record]):
        return {node: jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(record)]) for node, record in nodes.items()}

    first, second = each(vectors, readings).split()
    return {node: jnp.concatenate([first[node], second[node]]).astype(jnp.float32) for node in first}


def packed_regions(world: World, given: Pair) -> jax.Array:
    """The readings by region of both sides, one vector [reading] in float32."""

    def vector(side: Side, g: Given):
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(regional(side, g))])

    return jnp.concatenate(each(vector, world.sides, given).split()).astype(jnp.float32)


def unpacked(rows: dict[str, np.ndarray], steps: int) -> tuple[dict[str, Record], dict[str, Record]]:
    """Readings by node of both sides, arrays [draw, step, ...], from packed rows [step, reading, draw]; views, no copies."""
    sides: tuple[dict[str, Record], dict[str, Record]] = ({}, {})
    sizes = {axis: len(parts) for axis, parts in AXES.items()}
    for node, record in READINGS.items():
        values, place = np.moveaxis(rows[node][:steps], 2, 0), 0
        for side in sides:
            side[node], place = fields_of(record, values, place, sizes)
    return sides


def unpacked_regions(rows: np.ndarray, counts: tuple[int, ...]) -> tuple[Record, ...]:
    """Readings by region of both sides, arrays [draw, quarter, ...], from packed rows [quarter, reading, draw]."""
    values, place, sides = np.moveaxis(rows, 2, 0), 0, []
    for count in counts:
        side, place = fields_of(Regional, values, place, {axis: len(parts) for axis, parts in AXES.items()} | {"region": count})
        sides.append(side)
    return tuple(sides)


def fields_of(record: type[Record], values: np.ndarray, place: int, sizes: dict[str, int]) -> tuple[Record, int]:
    """The fields of a record in packed values [draw, time, reading] from a place on, and the place behind them."""
    fields = {}
    for name, dims in axes(record).items():
        shape = tuple(sizes[axis] for axis in dims)
        size = math.prod(shape)
        fields[name] = values[:, :, place : place + size].reshape(*values.shape[:2], *shape)
        place += size
    return record(**fields), place
