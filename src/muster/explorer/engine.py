"""The runs behind the page: one typical run at once, an ensemble after a rest, by region on demand; the same functions as `muster run`."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from muster import evidence, heap, simulate
from muster.ensembles import cut_links
from muster.errors import UserError
from muster.experiment import Experiment, build
from muster.explorer.view import View, experiment_of, with_sets
from muster.model import run
from muster.model.coupling import connected
from muster.model.pair import pair
from muster.model.structure import Structure
from muster.model.world import READINGS
from muster.output import tree_of
from muster.results import Results

DRAWS = 200  # of an ensemble, unless the page asks for fewer or more
MOST_DRAWS = 400
AHEAD = 52  # weeks after the last observation that the typical run goes on
SEED = 1
KEPT = 4  # ensembles that are remembered, of 215 MB each at 200 draws
KEPT_BY_REGION = 2  # the same by region: they do not drive out those of the whole, which the map and the chart ask for again
REPRESENTATIVE = (
    "front/troops",
    "front/killed",
    "front/area_controlled",
    "callup/called_up",
    "economy/output",
    "society/approval_reported",
)

Readings = tuple[dict[str, Any], dict[str, Any]]  # of both sides: node -> Record of arrays [draw, step(, cohort)]
GivenUp = Callable[[], bool]


@dataclass(frozen=True)
class Without:
    """What a counterfactual does without, beside the view: parameters held at a number, loops cut."""

    fixed: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


class Superseded(Exception):
    """Whoever asked is gone: the work is dropped."""


@dataclass
class Fan:
    """An ensemble: readings of both sides, and by region where it was run by region."""

    experiment: Experiment
    readings: Readings
    regional: tuple[Any, Any]

    @cached_property
    def results(self) -> Results:
        """As labelled tables, made when they are first asked for."""
        sides = self.experiment.sides
        record = dict(zip(sides, self.readings, strict=True))
        return Results(tree_of(self.experiment, record, regional=dict(zip(sides, self.regional, strict=True))))


class Remembered:
    """The latest few answers by key; the same for every visitor, because the same question has the same answer."""

    def __init__(self, most: int = KEPT):
        self.most, self.held, self.lock = most, OrderedDict(), threading.Lock()

    def get(self, key):
        """The answer, if it is still known."""
        with self.lock:
            if key in self.held:
                self.held.move_to_end(key)
            return self.held.get(key)

    def keep(self, key, answer):
        """Keeps an answer and gives it back."""
        with self.lock:
            self.held[key] = answer
            while len(self.held) > self.most:
                self.held.popitem(last=False)
        return answer


class Engine:
    """One scenario, its draws and its compiled programs."""

    def __init__(self, name: str, draws: int = DRAWS):
        self.name, self.draws = name, draws
        self.base = build(name, draws=draws, seed=SEED, posterior="shipped")
        self.ready = threading.Event()
        self.problem = ""
        self.heavy = threading.Lock()  # one ensemble at a time
        self.light = threading.Lock()  # one typical run at a time
        self.fans = {False: Remembered(), True: Remembered(KEPT_BY_REGION)}  # by region or not
        self.runs, self.pasts, self.judged, self.chance = Remembered(32), Remembered(24), Remembered(), Remembered(4)
        self.programs: dict[Structure, Callable] = {}

    def warm(self) -> None:
        """Compiles what the first lever needs; called in the background when the server starts."""
        try:
            self.typical(View())
            self.typical(View(sets=self.some_lever()))
        except Exception as problem:
            self.problem = str(problem) or type(problem).__name__
        finally:
            heap.tidied()
            self.ready.set()

    def some_lever(self) -> tuple[str, ...]:
        """A setting that changes the first side's levers."""
        return (f"{self.base.sides[0]}.levers.coercion=0.5",)

    @property
    def steps(self) -> int:
        """Weeks of the typical run: whole quarters up to AHEAD weeks after the last observation, not beyond the scenario."""
        return run.padded(min(self.base.observation_step + AHEAD, self.base.steps), self.base.dt)

    @cached_property
    def by_region(self) -> Experiment | None:
        """The base experiment by regions, where both sides have a table."""
        if not all(side.regions for side in self.base.scenario.sides.values()):
            return None
        return build(self.name, draws=self.draws, seed=SEED, posterior="shipped", resolution="regional")

    def experiment(self, view: View, draws: int | None = None, regional: bool = False) -> Experiment:
        """What a view asks for, ready to run."""
        if regional and self.by_region is None:
            raise UserError(f"{self.base.name}: a table of regions of each side is needed for the map.")
        base = self.by_region if regional and self.by_region else self.base
        return experiment_of(base, self.name, view, draws or self.draws)

    # ---- draws

    def scores(self, count: int) -> tuple[list[str], np.ndarray]:
        """Names and normal scores [stream, draw] of all parameters, of the first draws."""
        key = "scores", count
        streams = [stream for stream, *_ in evidence.entries(self.base)]
        return self.pasts.get(key) or self.pasts.keep(key, (streams, evidence.normals(self.base, np.arange(count), streams)))

    def params(self, experiment: Experiment, draws: np.ndarray):
        """Both sides' parameters of some draws."""
        streams, z = self.scores(int(max(draws)) + 1)
        place = {name: row for row, name in enumerate(streams)}
        return evidence.sample(experiment, lambda names: z[[place[name] for name in names]][:, draws])

    @cached_property
    def chosen(self) -> int:
        """The draw whose course lies nearest to the medians of the ensemble, both sides' headline series counted alike."""
        readings = self.fan(View()).readings
        seen = list(range(25, self.base.observation_step, 13)) or [self.base.observation_step - 1]
        distance = np.zeros(self.draws)
        for side in readings:
            for path in REPRESENTATIVE:
                node, name = path.split("/")
                values = np.asarray(getattr(side[node], name), dtype=float)[:, seen]
                middle, spread = np.median(values, axis=0), np.ptp(np.quantile(values, (0.25, 0.75), axis=0), axis=0)
                distance += np.mean(((values - middle) / np.where(spread > 0, spread, 1)) ** 2, axis=1)
        for side in readings:  # a run in which the state falls is typical of nothing
            distance += 1e6 * np.asarray(side["regime"].collapsed)[:, -1] + 1e6 * np.asarray(side["regime"].coup_succeeded)[:, -1]
        return int(np.argmin(distance))

    @cached_property
    def fate(self) -> run.Draw:
        """The typical draw: luck and noise, cut to the weeks of the typical run."""
        draws = simulate.draws_of(self.base, np.arange(self.chosen, self.chosen + 1))
        one = jax.tree.map(lambda leaf: np.asarray(leaf)[..., 0], draws)
        return replace(one, noise=jax.tree.map(lambda leaf: leaf[: self.steps], one.noise))

    # ---- one run at once

    def program(self, structure: Structure) -> Callable:
        """The compiled program of one run."""
        if structure not in self.programs:

            def one(case: run.Case, draw: run.Draw):
                last, rows, seen = run.one(case, draw, self.base.dt, structure)
                return run.lived(last), rows, seen

            self.programs[structure] = jax.jit(one, compiler_options=simulate.COMPILER)
        return self.programs[structure]

    @cached_property
    def case(self) -> run.Case:
        """What every typical run is given, but for its levers."""
        whole = simulate.case_of(self.base, self.base.levers, (connected(), connected()), True)
        return jax.tree.map(np.asarray, whole)

    def typical_params(self, experiment: Experiment):
        """The typical draw's parameters of both sides."""
        key = "params", tuple(experiment.fixed.items())
        known = self.pasts.get(key)
        if known is None:
            both = jax.tree.map(lambda leaf: np.asarray(leaf[0]), self.params(experiment, np.array([self.chosen])))
            known = self.pasts.keep(key, pair(*both))
        return known

    def once(self, experiment: Experiment, levers, params, past) -> tuple[Any, Readings]:
        """One run under some levers: (what was lived through, readings of both sides)."""
        first, second = (jax.tree.map(lambda leaf: np.asarray(leaf)[: self.steps], own) for own in levers)
        by_step = jax.tree.map(lambda leaf: np.moveaxis(leaf, 1, 0), pair(first, second))  # as run.by_step, without a dispatch a lever
        case = replace(self.case, levers=by_step, conditioned=np.asarray(float(past is None)))
        draw = replace(self.fate, params=params, past=past if past is not None else self.fate.past)
        lived, rows, _ = self.program(experiment.structure)(case, draw)
        whole = {node: np.asarray(row)[..., None] for node, row in rows.items()}
        return jax.tree.map(np.asarray, lived), run.unpacked(whole, self.steps)

    def typical(self, view: View) -> Readings:
        """The typical run under a view: the draw that lies nearest to the medians, on the luck that it has in every view."""
        known = self.runs.get(view.key)
        if known is not None:
            return known
        experiment = self.experiment(view)
        with self.light:
            params = self.typical_params(experiment)
            happened = experiment.levers is experiment.base_levers
            key = "typical", tuple(experiment.fixed.items()), experiment.structure, experiment.continuation
            reference = self.pasts.get(key) or self.pasts.keep(key, self.once(experiment, experiment.base_levers, params, None))
            readings = reference[1] if happened else self.once(experiment, experiment.levers, params, reference[0])[1]
        return self.runs.keep(view.key, readings)

    # ---- ensembles

    def fan(
        self, view: View, draws: int | None = None, regional: bool = False, gone: GivenUp = lambda: False, without: Without | None = None
    ) -> Fan:
        """The ensemble of a view, on the same draws in every view; one of a counterfactual (`without`) is not remembered."""
        key, remembered = (view.key, draws or self.draws), self.fans[regional]
        if without is not None:
            with self.heavy:
                return self.computed(view, draws, regional, gone, without)
        known = remembered.get(key)
        if known is None:
            with self.heavy:
                known = remembered.get(key) or remembered.keep(key, self.computed(view, draws, regional, gone, Without()))
                heap.tidied()
        return known

    def computed(self, view: View, draws: int | None, regional: bool, gone: GivenUp, without: Without) -> Fan:
        """An ensemble, computed now."""
        world = self.experiment(view, draws, regional)
        experiment = self.experiment(with_sets(view, without.fixed), draws, regional) if without.fixed else world
        firsts = range(0, experiment.draws, self.width(experiment))
        chunks = [self.lane(experiment, first, gone, world, without.cut) for first in firsts]
        readings, seen = (jax.tree.map(kept, *parts) for parts in zip(*chunks, strict=True))
        return Fan(experiment, readings, seen)

    def width(self, experiment: Experiment) -> int:
        """Draws of one call."""
        return simulate.lane_width(experiment) * jax.device_count()

    def drawn(self, experiment: Experiment, numbers: np.ndarray) -> run.Draw:
        """What ignorance and chance bring to some draws: the same in every view with the same fixed parameters."""
        key = int(numbers[0]), len(numbers), simulate.region_counts(experiment), tuple(experiment.fixed.items())
        known = self.chance.get(key)
        return known or self.chance.keep(key, simulate.draws_of(experiment, numbers, self.params(experiment, numbers)))

    def lane(self, experiment: Experiment, first: int, gone: GivenUp, world: Experiment, cut: tuple[str, ...]):
        """Readings of some draws: of both sides, and by region; under other decisions, numbers or loops on what `world` lived through."""
        if gone():
            raise Superseded
        width = self.width(experiment)
        numbers = np.arange(first, first + width)
        draws = self.drawn(experiment, numbers)
        own = experiment.levers is experiment.base_levers and experiment is world and not cut
        if not own:
            key = first, simulate.region_counts(world), tuple(world.fixed.items()), world.structure
            past = self.pasts.get(key)
            if past is None:
                lived = draws if experiment is world else self.drawn(world, numbers)
                past = self.pasts.keep(key, simulate.outcome(world, lived, world.base_levers)[0])
            if gone():
                raise Superseded
            draws = replace(draws, past=past)
        _, sides, seen = simulate.outcome(experiment, draws, links=cut_links(cut), conditioned=own)
        count = min(width, experiment.draws - first)
        return jax.tree.map(lambda leaf: leaf[:count], (sides, seen))


def kept(*chunks: np.ndarray) -> np.ndarray:
    """Readings of some draws after the other, laid out as in results: tables of them take no memory besides."""
    return np.ascontiguousarray(simulate.joined(*chunks), dtype=np.float32)


def read(side: dict[str, Any], path: str) -> np.ndarray:
    """A series of one side [draw, step]; of one by cohort the sum over the cohorts."""
    node, _, name = path.partition("/")
    if node not in READINGS or name not in READINGS[node].__dataclass_fields__:
        raise UserError(f'There is no series "{path}".')
    values = np.asarray(getattr(side[node], name), dtype=float)
    return values.sum(axis=-1) if values.ndim == 3 else values
