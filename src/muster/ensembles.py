"""Ensembles: the runs of an assessment, each made once and shared by all readings; what no reading asks for is not kept."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import jax
import numpy as np
import xarray as xr

from muster import output, simulate
from muster.experiment import Experiment, build
from muster.model.coupling import Links, connected
from muster.model.structure import Structure
from muster.posterior import Posterior
from muster.results import Results

Progress = Callable[[str, int, int], None]
REFERENCE = "as-happened"


@dataclass(frozen=True)
class Key:
    """What tells one run of an assessment from another; the draws and their luck are the same for all."""

    policy: str = REFERENCE
    continuation: str = "goes-on"
    structure: str = "default"
    fixed: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    prior: bool = False  # draws of the prior although a posterior is in use
    regional: bool = False  # by the regions of the sides' tables

    def told(self) -> str:
        """The run in words, for the progress bar."""
        words = [self.policy, *(f"without {part}" for part in (*self.fixed, *self.cut))]
        words += [self.continuation] if self.continuation != "goes-on" else []
        words += [self.structure] if self.structure != "default" else []
        return ", ".join([*words, *(["prior"] if self.prior else []), *(["by region"] if self.regional else [])])


@dataclass
class Ensembles:
    """All runs of a scenario on one set of draws."""

    scenario: str
    draws: int
    seed: int
    structures: dict[str, Structure]
    sets: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()  # series that readings ask for; of the first run everything is kept
    progress: Progress | None = None
    runs: dict[Key, Results] = field(default_factory=dict)
    without_war: dict[Key, Key] = field(default_factory=dict)  # runs that no ending of the war can change
    given: dict[tuple, list] = field(default_factory=dict)  # draws by chunk, with the past lived through under as-happened
    expected: int = 1
    done: int = 0  # runs, those that are forgotten too
    prepare: Callable[[Experiment], Experiment] | None = None  # what is done to every experiment before it runs
    posterior: Posterior | Literal["shipped"] | None = None

    def run(self, key: Key) -> Results:
        """The results of a run."""
        found = self.without_war.get(replace(key, continuation="goes-on"), key)
        if found not in self.runs:
            self.runs[found] = self.made(found)
            self.done += 1
        return self.runs[found]

    def forget(self, name: str) -> None:
        """Forgets the runs of a structure, a tenth of a gigabyte each, and its compiled program."""
        self.runs = {key: results for key, results in self.runs.items() if key.structure != name}
        self.given = {kind: held for kind, held in self.given.items() if kind[:2] != ("past", name)}
        simulate.forget(self.structures[name])

    def experiment(self, key: Key) -> Experiment:
        """The experiment of a run."""
        sets = (*self.sets, *key.fixed)
        given = self.scenario, (key.policy,), key.continuation, self.draws, self.seed, self.structures[key.structure], sets
        resolution = "regional" if key.regional else "national"
        built = build(*given, resolution=resolution, posterior=None if key.prior else self.posterior)
        return self.prepare(built) if self.prepare else built

    def made(self, key: Key) -> Results:
        """Runs the draws chunk by chunk; other policies meet only what as-happened has survived."""
        experiment = self.experiment(key)
        if not any(levers.war.any() for levers in experiment.levers):
            self.without_war[replace(key, continuation="goes-on")] = key
        links = cut_links(key.cut)
        own = experiment.levers is experiment.base_levers and not key.cut and not key.fixed
        chunks = self.own_past(key, experiment) if own else self.with_past(key, experiment, links)
        record = {side: jax.tree.map(simulate.joined, *(sides[i] for sides, _ in chunks)) for i, side in enumerate(experiment.sides)}
        by_region = dict(zip(experiment.sides, jax.tree.map(simulate.joined, *(regions for _, regions in chunks)), strict=True))
        results = Results.from_record(experiment, record, 0.0, regional=by_region)
        return results if key == Key() else thinned(results, self.kept)

    def own_past(self, key: Key, experiment: Experiment) -> list:
        """Readings by chunk of what was decided, and the past that others are given."""
        found, pasts = [], []
        for number, (count, draws) in enumerate(self.chunks(experiment)):
            past, *seen = simulate.outcome(experiment, draws)
            pasts.append(past)
            found.append(jax.tree.map(lambda x, count=count: x[:count], tuple(seen)))
            self.tell(key, experiment, number)
        self.given.setdefault(past_of(key), pasts)
        return found

    def with_past(self, key: Key, experiment: Experiment, links: tuple[Links, Links]) -> list:
        """Readings by chunk under other decisions, on the past of as-happened."""
        found, pasts = [], self.past(key, experiment)
        for number, ((count, draws), past) in enumerate(zip(self.chunks(experiment), pasts, strict=True)):
            _, *seen = simulate.outcome(experiment, replace(draws, past=past), links=links, conditioned=False)
            found.append(jax.tree.map(lambda x, count=count: x[:count], tuple(seen)))
            self.tell(key, experiment, number)
        return found

    def past(self, key: Key, experiment: Experiment) -> list:
        """What as-happened has lived through, by chunk; `sets` of levers leave no run of it, then it is computed without them."""
        without = Key(structure=key.structure, prior=key.prior, regional=key.regional)
        if past_of(key) not in self.given and key != without:
            self.run(without)
        if past_of(key) not in self.given:
            lived = (simulate.computed(experiment, draws, experiment.base_levers)[0] for _, draws in self.chunks(experiment))
            self.given[past_of(key)] = [simulate.past_of(happened) for happened in lived]
        return self.given[past_of(key)]

    def chunks(self, experiment: Experiment):
        """(draws that count, draws) of one call of the compiled program after the other."""
        width = simulate.lane_width(experiment) * jax.device_count()
        kind = ("draws", tuple(sorted(experiment.fixed.items())), experiment.posterior is None, simulate.region_counts(experiment))
        if kind not in self.given:
            firsts = range(0, self.draws, width)
            self.given[kind] = [
                (min(width, self.draws - first), simulate.draws_of(experiment, np.arange(first, first + width))) for first in firsts
            ]
        return self.given[kind]

    def tell(self, key: Key, experiment: Experiment, chunk: int) -> None:
        """How far the work is."""
        if self.progress:
            done = min((chunk + 1) * simulate.lane_width(experiment) * jax.device_count(), self.draws)
            self.progress(key.told(), self.done * self.draws + done, max(self.expected, self.done + 1) * self.draws)


def past_of(key: Key) -> tuple:
    """Where the past of as-happened is kept that a run is given."""
    return "past", key.structure, key.prior, key.regional


@dataclass(frozen=True)
class Under:
    """The runs of one continuation and structure, as the quantities ask for them."""

    ensembles: Ensembles
    continuation: str = "goes-on"
    structure: str = "default"
    weights: np.ndarray | None = None
    prior: bool = False
    regional: bool = False

    def results(self, policy: str, fixed: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Results:
        """The results under a policy."""
        return self.ensembles.run(Key(policy, self.continuation, self.structure, fixed, cut, self.prior, self.regional))


def cut_links(names: tuple[str, ...]) -> tuple[Links, Links]:
    """Links with some loops cut on both sides."""
    links = replace(connected(), **{name: np.ones(()) for name in names})  # numbers of one kind: else each loop is compiled anew
    return links, links


def thinned(results: Results, kept: frozenset[str]) -> Results:
    """The results with the series that are asked for only; arrays of their own, so that the rest can be forgotten."""
    kept_nodes = [(path, node) for path, node in results.tree.subtree_with_keys if path.endswith(output.BY_REGION)]
    nodes: dict[str, xr.Dataset] = {f"/{path}": node.to_dataset(inherit=False) for path, node in kept_nodes}
    for path in sorted(kept & set(results.paths())):
        node, _, name = path.rpartition("/")
        array = output.series_of(results.tree, path)
        own = array.copy(data=np.ascontiguousarray(array.values))
        nodes[f"/{node}"] = nodes.get(f"/{node}", xr.Dataset()).assign({name: own.drop_vars(list(own.coords))})
    root = xr.Dataset(coords=results.tree.to_dataset().coords)
    tree = xr.DataTree.from_dict({"/": root, **nodes})
    tree.attrs = results.tree.attrs
    return Results(tree, results.wall_time)
