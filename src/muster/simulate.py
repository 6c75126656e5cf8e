"""Simulation of an experiment: draws in lanes of one width, one lane a core, the same bits however many are asked for."""

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any
from zlib import crc32

import jax
import numpy as np

from muster import evidence
from muster.errors import UserError
from muster.experiment import Experiment, build
from muster.model import run
from muster.model.coupling import Links, connected
from muster.model.luck import Luck, Noise
from muster.model.pair import Pair, pair
from muster.model.structure import Structure
from muster.model.world import READINGS
from muster.output import Block, block_of
from muster.programs import COMPILER, EVERYWHERE, FIRST, LAST, REGIONAL_COMPILER, Program
from muster.results import Results

__all__ = ["COMPILER", "LANE", "Progress", "blocks", "case_of", "draws_of", "ensemble", "lanes", "outcome", "program", "simulate"]

LANE = 104  # draws a device and call: fixed, because the last bits depend on the width of the compiled program
REGIONAL_LANE = 52  # the same where a side has more than one region: more numbers a draw, of which fewer draws fit the processor's cache

Progress = Callable[[int, int], None]


@cache
def program(dt: float, structure: Structure, regional: bool = False) -> Program:
    """The compiled program of one structure: a lane of draws on every device."""
    return Program(
        "weeks",
        (dt, structure),
        lambda case, draws: run.lane(case, draws, dt, structure),
        lambda _, draws: (draws.past, dict.fromkeys(READINGS, 0), 0),
        ((EVERYWHERE, LAST), (FIRST, LAST, LAST)),
        REGIONAL_COMPILER if regional else COMPILER,
    )


def forget(structure: Structure, dt: float = 1.0) -> None:
    """Lets go of the compiled programs of a structure."""
    for regional in (False, True):
        program(dt, structure, regional).forget()


@cache
def chances(regions: tuple[int, int], steps: int, quarter: int) -> Program:
    """The compiled program of luck and noise: it serves every structure, policy and pair of sides of these sizes."""

    def of_lane(seed, draws, sides):
        return jax.vmap(lambda draw: run.chance(seed, draw, sides, regions, steps, quarter), out_axes=-1)(draws)

    fortunes = Pair((blank(Luck),) * (1 if regions[0] == regions[1] else 2))
    result = fortunes, Pair((blank(Noise),)), 0
    return Program("luck", (regions, steps, quarter), of_lane, lambda *_: result, ((EVERYWHERE, FIRST, EVERYWHERE), LAST))


def blank(record: type):
    """A record with a number in every field: the shape of a result."""
    return record(**{field.name: 0 for field in fields(record)})


def case_of(experiment: Experiment, levers, links: tuple[Links, Links], conditioned: bool) -> run.Case:
    """What the experiment gives to every draw."""
    return run.case(levers, experiment.settings, experiment.ground, links, observed=experiment.observation_step, own=conditioned)


def region_counts(experiment: Experiment) -> tuple[int, int]:
    """Number of regions of both sides."""
    first, second = (setting.men.shape[0] for setting in experiment.settings)
    return first, second


def lane_width(experiment: Experiment) -> int:
    """Draws a device and call."""
    return LANE if max(region_counts(experiment)) == 1 else REGIONAL_LANE


def draws_of(experiment: Experiment, draws, params: tuple | None = None) -> run.Draw:
    """What ignorance and chance bring to some draws, the draw on the last axis; `params` instead of the prior's draws."""
    names = np.array([crc32(side.encode()) for side in experiment.sides], dtype=np.uint32)
    steps, quarter = run.padded(experiment.steps, experiment.dt), run.steps_a_quarter(experiment.dt)
    program_of_luck = chances(region_counts(experiment), steps, quarter)
    count, cores = len(draws), jax.device_count()
    chance = program_of_luck(np.asarray(experiment.seed), np.resize(draws, -(-count // cores) * cores), names)
    luck, noise, ceasefire = chance if count % cores == 0 else jax.tree.map(lambda x: x[..., :count], chance)
    return run.Draw(
        params=pair(*(params or evidence.draw(experiment, draws))), luck=luck, noise=noise, ceasefire=ceasefire, past=nothing_lived(luck)
    )


def nothing_lived(luck: Pair) -> Pair:
    """A past without hazards, for runs that are conditioned on their own."""

    def zeros(fortune: Luck) -> run.Lived:
        return run.Lived(
            breakthrough=zero(fortune.coup_mark.shape),
            partners=zero(without_occurrence(fortune.partner_stop)),
            regions=zero(without_occurrence(fortune.region)),
            regime=zero(fortune.regime.shape),
        )

    def zero(shape) -> Any:
        return np.zeros(shape)  # not of JAX, which would compile a program for each shape

    def without_occurrence(thresholds) -> tuple[int, ...]:
        return *thresholds.shape[:-2], thresholds.shape[-1]

    return Pair(tuple(zeros(part) for part in luck.parts))


def computed(experiment: Experiment, draws: run.Draw, levers=None, links: tuple[Links, Links] | None = None, conditioned: bool = True):
    """What the compiled program gives for some draws, as it gives it: what was lived through, and packed readings by node and by region."""
    case = case_of(experiment, levers or experiment.levers, links or (connected(), connected()), conditioned)
    return program(experiment.dt, experiment.structure, max(region_counts(experiment)) > 1)(case, draws)


def unpacked(experiment: Experiment, rows: dict, seen):
    """(readings by node of both sides [draw, step, ...]; readings by region of both sides [draw, quarter, ...]); empties `rows`."""
    packed = {node: np.asarray(rows.pop(node)) for node in list(rows)}
    refuse_undefined(experiment, packed)
    sides = run.unpacked(packed, experiment.steps)
    return sides, run.unpacked_regions(np.asarray(seen), region_counts(experiment))


def refuse_undefined(experiment: Experiment, packed: dict[str, np.ndarray]) -> None:
    """Raises UserError where numbers of the last week [step, reading, draw] are undefined: such a state stays so until the end."""
    broken = [node for node, readings in packed.items() if not np.isfinite(readings[experiment.steps - 1]).all()]
    if broken:
        given = [f"{stream.partition('/')[2]} = {value:g}" for stream, value in experiment.fixed.items()]
        given += [stream.partition("/")[2] for stream in experiment.overrides]
        raise UserError(
            f"{experiment.name}: undefined numbers came out (in {', '.join(broken[:3])}{' and more' if broken[3:] else ''}): the model"
            f" divides by something that was given as 0, or takes its logarithm. Given: {'; '.join(dict.fromkeys(given)) or 'levers only'}."
        )


def outcome(experiment: Experiment, draws: run.Draw, levers=None, links: tuple[Links, Links] | None = None, conditioned: bool = True):
    """What the compiled program gives for some draws.

    (what was lived through; readings by node of both sides [draw, step, ...]; readings by region of both sides [draw, quarter, ...]).
    """
    happened, rows, seen = computed(experiment, draws, levers, links, conditioned)
    return past_of(happened), *unpacked(experiment, rows, seen)


def past_of(happened) -> Pair:
    """What was lived through, as draws are given it."""
    return jax.tree.map(lambda x: np.moveaxis(np.asarray(x), 0, -1), happened)


def calls(experiment: Experiment, links: tuple[Links, Links] | None, progress: Progress | None, start: int, stop: int | None) -> Iterator:
    """(first draw, packed readings by node, packed readings by region) of one call after the other, from `start` to before `stop` (all)."""
    width, end = lane_width(experiment) * jax.device_count(), experiment.draws if stop is None else stop
    policy = experiment.levers is not experiment.base_levers
    for first in range(start, end, width):
        draws = draws_of(experiment, np.arange(first, first + width))
        if policy:
            draws = replace(draws, past=past_of(computed(experiment, draws, experiment.base_levers)[0]))
        _, rows, seen = computed(experiment, draws, links=links, conditioned=not policy)
        yield first, rows, seen
        del draws, rows, seen  # not kept while the next are computed
        if progress:
            progress(min(first + width, end), end)


def lanes(
    experiment: Experiment,
    links: tuple[Links, Links] | None = None,
    progress: Progress | None = None,
    start: int = 0,
    stop: int | None = None,
) -> Iterator:
    """Readings of one call after the other, of the draws from `start` to before `stop` (all).

    (draws in it; readings by node of both sides [draw, step, ...]; a dict side -> Regional [draw, quarter, ...], quarter k at week 13 k).
    """
    width, end = lane_width(experiment) * jax.device_count(), experiment.draws if stop is None else stop
    for first, rows, seen in calls(experiment, links, progress, start, stop):
        count = min(width, end - first)
        sides, regions = jax.tree.map(lambda x, count=count: x[:count], unpacked(experiment, rows, seen))
        yield count, sides, dict(zip(experiment.sides, regions, strict=True))
        del sides, regions  # not kept while the next are computed


def blocks(experiment: Experiment, progress: Progress | None = None, start: int = 0, stop: int | None = None) -> Iterator[list[Block]]:
    """Readings of one call after the other: a block for each device's lane, as the device left it, without a copy."""
    width, end = lane_width(experiment), experiment.draws if stop is None else stop
    for first, rows, seen in calls(experiment, None, progress, start, stop):
        parts = {node: by_device(rows.pop(node)) for node in list(rows)}
        counts = (min(width, end - first - device * width) for device in range(jax.device_count()))
        yield [
            cut(block_of(experiment, *unpacked(experiment, {node: part[device] for node, part in parts.items()}, own)), count)
            for device, (own, count) in enumerate(zip(by_device(seen), counts, strict=True))
            if count > 0
        ]
        del parts, rows, seen  # not kept while the next are computed


def cut(block: Block, draws: int) -> Block:
    """The first draws of a block."""
    return {path: values[..., :draws] for path, values in block.items()}


def by_device(packed: jax.Array) -> list[np.ndarray]:
    """Each device's share of packed readings [step, reading, draw], in the order of the draws."""
    held = sorted(packed.addressable_shards, key=lambda shard: shard.index[-1].start or 0)
    return [np.asarray(shard.data) for shard in held]


def joined(first, *others):
    """Readings of some draws after the other."""
    return np.concatenate([first, *others]) if others else first


def ensemble(experiment: Experiment, progress: Progress | None = None, links: tuple[Links, Links] | None = None) -> Results:
    """All draws of an experiment. `progress(done, all)` is called after every call of the compiled program."""
    started = time.perf_counter()
    chunks = [(sides, by_region) for _, sides, by_region in lanes(experiment, links, progress)]
    record = {side: jax.tree.map(joined, *(sides[i] for sides, _ in chunks)) for i, side in enumerate(experiment.sides)}
    by_region = jax.tree.map(joined, *(part for _, part in chunks))
    return Results.from_record(experiment, record, wall_time=time.perf_counter() - started, regional=by_region)


def simulate(
    scenario: str, draws: int = 200, seed: int = 1, policy: str = "as-happened", progress: Progress | None = None, **options
) -> Results:
    """Simulate a scenario by name or path: `options` as in muster.experiment.build (continuation, structure, sets, dt, posterior)."""
    return ensemble(build(scenario, policies=(policy,), draws=draws, seed=seed, **{"posterior": "shipped", **options}), progress)
