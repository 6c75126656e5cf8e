"""Comparison: policies against what was decided on the same parameters and the same luck, as differences draw by draw."""

import csv
import datetime
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from muster import output, simulate
from muster.errors import UserError
from muster.evidence import bibliography
from muster.experiment import Experiment, build
from muster.results import Results
from muster.scenario import Policy, load_policy
from muster.verdict import standard_error

COMPARE_JSON, COMPARE_CSV = "compare.json", "compare.csv"
REFERENCE = "as-happened"
WEEKS = (26, 52, 104)  # after the first date on which a policy differs
BAND = (0.05, 0.5, 0.95)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Compared:
    """A quantity of one side that is compared, in the unit in which it is told."""

    name: str
    unit: str
    path: str
    scale: float
    kind: Literal["at", "since", "enemy since", "ratio since"]  # `since` the first date on which the policy differs


QUANTITIES = (
    Compared("force in theatre", "1,000 men", "front/troops", 1e-3, "at"),
    Compared("own dead", "1,000 men", "front/killed", 1e-3, "since"),
    Compared("enemy dead", "1,000 men", "front/killed", 1e-3, "enemy since"),
    Compared("own losses per enemy loss", "1", "front/losses", 1, "ratio since"),
    Compared("area", "1,000 km2", "front/area_controlled", 1e-3, "at"),
    Compared("combat power", "1,000 men", "front/combat_power", 1e-3, "at"),
    Compared("desertions", "1,000 men", "morale/desertions", 1e-3, "since"),
    Compared("abroad", "1,000 people", "people/abroad", 1e-3, "at"),
    Compared("approval", "%", "society/approval_reported", 100, "at"),
    Compared("output", "% of pre-war", "economy/output", 100, "at"),
    Compared("prices", "% over a year", "economy/inflation", 100, "at"),
)


@dataclass(frozen=True)
class Moment:
    """When the quantities are compared: whole weeks after the first difference, or at the last observation."""

    weeks: int | None
    day: datetime.date


@dataclass(frozen=True)
class Other:
    """A policy that is compared: its experiment, the first day of the first week in which it differs, and when it is looked at."""

    policy: Policy
    experiment: Experiment
    differs_from: datetime.date | None
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be run: what was decided, and the policies."""

    reference: Experiment
    others: tuple[Other, ...]


def plan(scenario: str, policies: tuple[str, ...], draws: int = 200, seed: int = 1, **options) -> Plan:
    """The experiments of a comparison; `options` as in muster.experiment.build (continuation, structure, sets, dt, posterior)."""
    options = {"posterior": "shipped", **options}
    if not policies:
        raise UserError(f"compare: at least one policy to set against {REFERENCE} was expected.")
    seen: dict[str, str] = {}
    for text in policies:
        name = load_policy(text).name
        if name in seen:
            raise UserError(f'compare: the policy "{name}" was named twice ({seen[name]}, {text}); name each policy once.')
        seen[name] = text
    reference = build(scenario, (REFERENCE,), draws=draws, seed=seed, **options)
    others = []
    for text in policies:
        experiment = build(scenario, (text,), draws=draws, seed=seed, **options)
        differs_from = first_difference(reference, experiment)
        others.append(Other(load_policy(text), experiment, differs_from, moments(experiment, differs_from)))
    return Plan(reference, tuple(others))


def first_difference(one: Experiment, other: Experiment) -> datetime.date | None:
    """The first day of the first step in which any lever of any side differs; nothing where none does."""
    differs = np.zeros(one.steps, dtype=bool)
    for a, b in zip(one.levers, other.levers, strict=True):
        for item in fields(a):
            x, y = (np.asarray(getattr(side, item.name)).reshape(one.steps, -1) for side in (a, b))
            differs |= np.any(x != y, axis=1)
    if not differs.any():
        return None
    return one.start + datetime.timedelta(weeks=int(np.argmax(differs)) * one.dt)


def moments(experiment: Experiment, differs_from: datetime.date | None) -> tuple[Moment, ...]:
    """The moments within the run at which a policy is looked at; its end, where a policy differs too late for any other."""
    end = experiment.start + datetime.timedelta(weeks=experiment.steps * experiment.dt)
    begins = differs_from or experiment.start
    found = [Moment(weeks, begins + datetime.timedelta(weeks=weeks)) for weeks in WEEKS]
    last = min(experiment.scenario.last_observation, end)
    within = (*(moment for moment in found if moment.day <= end), *([Moment(None, last)] if last > begins else []))
    return within or (Moment(max((end - begins).days // 7, 1), end),)


def together(experiments: tuple[Experiment, ...], progress: Progress | None = None) -> Iterator[tuple[int, Results]]:
    """Results of experiments of one scenario on the same parameters and luck: all of them for some draws, then for the next."""
    reference, width = experiments[0], simulate.lane_width(experiments[0]) * jax.device_count()
    for first in range(0, reference.draws, width):
        count = min(width, reference.draws - first)
        draws = simulate.draws_of(reference, np.arange(first, first + width))
        past, *happened = simulate.outcome(reference, draws, reference.base_levers)
        draws = replace(draws, past=past)
        for number, experiment in enumerate(experiments):
            decided = experiment.levers is experiment.base_levers
            seen = happened if decided else simulate.outcome(experiment, draws, conditioned=False)[1:]
            kept, regions = (
                dict(zip(experiment.sides, jax.tree.map(lambda x, count=count: x[:count], part), strict=True)) for part in seen
            )
            yield number, Results.from_record(experiment, kept, 0.0, regional=regions)
            if progress:
                progress("", first + count * (number + 1) // len(experiments), reference.draws)


def chunks(planned: Plan, progress: Progress | None = None) -> Iterator[list[np.ndarray]]:
    """The compared values of some draws after the other: a policy [reference or policy, side, quantity, moment, draw]."""
    happened, found = [], []
    for number, results in together((planned.reference, *(other.experiment for other in planned.others)), progress):
        if number == 0:
            happened, found = [values(results, other) for other in planned.others], []
            continue
        found.append(np.stack([happened[number - 1], values(results, planned.others[number - 1])]))
        if number == len(planned.others):
            yield found


def values(results: Results, other: Other) -> np.ndarray:
    """The quantities of a run at the moments of a policy [side, quantity, moment, draw]."""
    begins = other.differs_from or other.experiment.start
    pairs = (results.sides, results.sides[::-1])
    return np.array(
        [
            [[quantity_at(results, quantity, side, enemy, begins, moment.day) for moment in other.moments] for quantity in QUANTITIES]
            for side, enemy in pairs
        ]
    )


def quantity_at(results: Results, quantity: Compared, side: str, enemy: str, begins: datetime.date, day: datetime.date) -> np.ndarray:
    """One quantity of one side on a day [draw], in the unit in which it is told."""
    own, other = f"{side}/{quantity.path}", f"{enemy}/{quantity.path}"
    if quantity.kind == "at":
        return results.at(own, day) * quantity.scale
    if quantity.kind == "since":
        return results.total(own, begins, day) * quantity.scale
    if quantity.kind == "enemy since":
        return results.total(other, begins, day) * quantity.scale
    top, bottom = results.total(own, begins, day), results.total(other, begins, day)
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0) * quantity.scale


@dataclass(frozen=True)
class Comparison:
    """What a comparison found: values by policy [reference or policy, side, quantity, moment, draw]."""

    plan: Plan
    values: tuple[np.ndarray, ...]
    wall_time: float

    @classmethod
    def of(cls, planned: Plan, found: list[list[np.ndarray]], wall_time: float) -> "Comparison":
        """The comparison of all draws that were computed."""
        return cls(planned, tuple(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True)), wall_time)

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return self.values[0].shape[-1]

    def rows(self) -> list[dict]:
        """One row a policy, side, quantity and moment: both medians, the difference draw by draw, how likely it is above 0."""
        found = []
        for other, numbers in zip(self.plan.others, self.values, strict=True):
            for (i, side), (j, quantity), (k, moment) in grid(self.plan.reference.sides, QUANTITIES, other.moments):
                happened, decided = numbers[:, i, j, k]
                found.append(
                    {
                        "policy": other.policy.name,
                        "side": side,
                        "quantity": quantity.name,
                        "unit": quantity.unit,
                        "weeks": moment.weeks,
                        "date": moment.day.isoformat(),
                        **summary(happened, decided),
                    }
                )
        return found

    def as_dict(self) -> dict:
        """The contract of compare.json."""
        reference = self.plan.reference
        return {
            "scenario": reference.name,
            "reference": reference.policy,
            "sides": [{"name": side, "label": reference.scenario.sides[side].label} for side in reference.sides],
            "continuation": reference.continuation,
            "last_observation": reference.scenario.last_observation.isoformat(),
            "draws": self.draws,
            "seed": reference.seed,
            "posterior": str(reference.posterior) if reference.posterior else None,
            "policies": [described(other) for other in self.plan.others],
            "differences": self.rows(),
        }

    def as_csv(self) -> str:
        """The rows as a table with a line of headings."""
        rows, text = self.rows(), io.StringIO()
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return text.getvalue().rstrip("\n")

    def manifest(self) -> dict:
        """Everything that is needed to make this comparison again, and how it went."""
        manifest = output.manifest_of(output.described(self.plan.reference), self.draws, self.wall_time)
        experiments = (self.plan.reference, *(other.experiment for other in self.plan.others))
        sources = dict.fromkeys(entry["key"] for experiment in experiments for entry in bibliography(experiment))
        texts = [
            {**described(other), "scenario_text": other.experiment.text, "scenario_sha256": other.experiment.sha256}
            for other in self.plan.others
        ]
        return {**manifest, "policies": texts, "sources": list(sources)}

    def save(self, directory: Path | str, force: bool = False) -> list[Path]:
        """compare.json, compare.csv and manifest.json in a folder, and their paths."""
        folder = Path(directory)
        output.check_folder(folder, force)
        text = json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return output.finished(folder, self.manifest(), {COMPARE_JSON: text, COMPARE_CSV: self.as_csv()})


def grid(*axes) -> Iterator[tuple]:
    """Every combination of the numbered items of some axes."""
    if not axes:
        yield ()
        return
    for numbered in enumerate(axes[0]):
        for rest in grid(*axes[1:]):
            yield (numbered, *rest)


def described(other: Other) -> dict:
    """A policy as it is told: its name, title, side and reasons, and from when it differs."""
    begins = other.differs_from.isoformat() if other.differs_from else None
    policy = other.policy
    return {"name": policy.name, "title": policy.title, "side": policy.side, "differs_from": begins, "reasons": policy.reasons}


def summary(happened: np.ndarray, decided: np.ndarray) -> dict[str, float | None]:
    """Medians of both, median and 90 % band of the difference, and the probability that it is above 0 with its Monte-Carlo error."""
    names = ("as_happened", "under_policy", "low", "median", "high", "p_above_zero", "mcse")
    known = np.isfinite(happened) & np.isfinite(decided)
    if not known.any():
        return dict.fromkeys(names)
    difference = (decided - happened)[known]
    numbers = (np.median(happened[known]), np.median(decided[known]), *np.quantile(difference, BAND), *standard_error(difference > 0))
    return {name: float(number) for name, number in zip(names, numbers, strict=True)}


SERIES = tuple(quantity.path for quantity in QUANTITIES)


def of_runs(planned: Plan, run: Callable[[str], Results]) -> Comparison:
    """The comparison of runs on the same luck that were made already; run(policy) gives the results of one by name."""
    started, happened = time.perf_counter(), run(REFERENCE)
    found = [np.stack([values(happened, other), values(run(other.policy.name), other)]) for other in planned.others]
    return Comparison.of(planned, [found], time.perf_counter() - started)


def compare(
    scenario: str, policies: tuple[str, ...] | list[str], draws: int = 200, seed: int = 1, progress: Progress | None = None, **options
) -> Comparison:
    """Compare policies with what was decided; `options` as in muster.experiment.build (continuation, structure, sets, dt)."""
    started = time.perf_counter()
    planned = plan(scenario, tuple(policies), draws, seed, **options)
    return Comparison.of(planned, list(chunks(planned, progress)), time.perf_counter() - started)
