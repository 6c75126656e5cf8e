"""The claims on the ensemble of a view: the headline reading of each, by the rule of muster assess, beside what it was as decided."""

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from muster.assess import has_tables, series_of
from muster.before_fit import prior_answers, reading_key
from muster.claims import Claim, Reading, claims, threshold_of
from muster.ensembles import thinned
from muster.errors import NotComputed, UserError
from muster.explorer.answers import rounded
from muster.explorer.engine import Engine, GivenUp, Without
from muster.explorer.view import REFERENCE, View
from muster.propositions import holds, value
from muster.quantities import Effect, every, of_battles, of_ensemble, of_regions
from muster.results import Results
from muster.spoken import evidence_of
from muster.verdict import NO_FIT, RARE, judge, prior_driven, standard_error, varies, whole_ensemble_error

LATER = "later"  # a verdict that needs runs of its own, which were not asked for
NOT_HERE = "not_here"


@cache
def asked(scenario: str) -> tuple[Claim, ...]:
    """The claims of the library about a scenario."""
    return tuple(claims((), scenario))


@dataclass
class Runs:
    """The ensembles of a view that readings ask for: its own, and others with another policy, numbers held fixed or loops cut."""

    engine: Engine
    view: View
    draws: int | None
    gone: GivenUp
    weights: None = None
    regional: bool = False
    known: dict[tuple, Results] = field(default_factory=dict)

    def results(self, policy: str, fixed: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Results:
        """The results under a policy; `as-happened` means what the view has decided."""
        key = policy, fixed, cut, self.regional
        if key not in self.known:
            view = self.view if policy == REFERENCE else self.view.model_copy(update={"policy": policy})
            own = key == (REFERENCE, (), (), False)
            found = self.engine.fan(view, self.draws, self.regional, self.gone, None if own else Without(fixed, cut)).results
            self.known[key] = found if own else thinned(found, series_of(list(asked(self.engine.base.name)), self.engine.base.sides))
        return self.known[key]

    def by_region(self) -> "Runs":
        """The same by regions."""
        return Runs(self.engine, self.view, self.draws, self.gone, regional=True, known=self.known)


def one_run(reading: Reading) -> bool:
    """Whether a reading is answered by the view's own ensemble, or by the battles."""
    if reading.proposition is None:
        return True
    quantity = reading.proposition.quantity
    effect = any(isinstance(part, Effect) for part in every(quantity))
    return of_battles(quantity) or (reading.policy == REFERENCE and not effect and not of_regions(quantity))


class Found(NamedTuple):
    """What a reading is answered under a view."""

    p: float | None
    verdict: str
    why: str | None = None  # why it is not answered
    remark: str | None = None  # why it is prior-driven


def judged(reading: Reading, runs: Runs, every_run: bool, decided: Found | None) -> Found:
    """The answer of a reading; of one that needs runs of its own only where all runs are asked for.

    `decided`: its answer under what was decided. Whether figures moved a reading is told there: a lever moves nothing but the probability.
    """
    if reading.proposition is None:
        return Found(None, NOT_HERE, reading.not_testable or reading.not_computed)
    if not (every_run or one_run(reading)):
        return Found(None, LATER)
    quantity, base = reading.proposition.quantity, runs.engine.base
    if of_regions(quantity) and not has_tables(base):
        return Found(None, NOT_HERE, "It asks for a table of regions of each side.")
    try:
        values = value(quantity, runs.by_region() if of_regions(quantity) else runs, reading.policy)
    except (NotComputed, UserError) as problem:
        return Found(None, NOT_HERE, str(problem))
    truths = holds(reading.proposition, values, threshold_of(reading, reading.id)[0])
    p, error = whole_ensemble_error(truths) if of_ensemble(quantity) else standard_error(truths)
    battles, unanimous = of_battles(quantity), len(np.unique(truths)) == 1 and not of_ensemble(quantity)
    if decided is not None and decided.p is not None:
        remark = decided.remark
    else:
        remark = None if battles else remark_on(reading, p, base.posterior is not None, base.name, base.sides)
    found = judge({"default": (p, error)}, remark is not None, reading.event or varies(values), complete=battles, unanimous=unanimous)
    return Found(p, found.verdict, remark=remark)


def remark_on(reading: Reading, after, fitted: bool, scenario: str, sides: tuple[str, str]) -> str | None:
    """Why a reading is prior-driven, nothing where figures moved it."""
    if not fitted:
        return NO_FIT
    before = prior_answers(scenario).get(reading_key(reading))
    if before is None or reading.proposition is None:
        return RARE if reading.event else None
    return prior_driven(reading.event, bool(evidence_of(reading.proposition.quantity, sides, None)), after, before)


def all_judged(runs: Runs, every_run: bool, decided: list[Found] | None) -> list[Found]:
    """Every claim's headline reading under a view; remembered, because every visitor is told the same."""
    key = runs.view.key, runs.draws, every_run
    known = runs.engine.judged.get(key)
    if known is None:
        before = decided or [None] * len(asked(runs.engine.base.name))
        found = [judged(headline(claim), runs, every_run, one) for claim, one in zip(asked(runs.engine.base.name), before, strict=True)]
        known = runs.engine.judged.keep(key, found)
    return known


def headline(claim: Claim) -> Reading:
    """The reading that stands for a claim."""
    return next(one for one in claim.readings if one.headline)


def verdicts(engine: Engine, view: View, reference: View, draws: int | None, every_run: bool, gone: GivenUp) -> dict:
    """Every claim by its headline reading, under the view and as it was decided with the same draws."""
    was = all_judged(Runs(engine, reference, draws, gone), every_run, None)
    now = all_judged(Runs(engine, view, draws, gone), every_run, was)
    rows = []
    for claim, found, before in zip(asked(engine.base.name), now, was, strict=True):
        reading = headline(claim)
        rows.append(
            {
                "id": claim.id,
                "title": claim.title,
                "statement": reading.statement,
                "p": None if found.p is None else rounded(found.p),
                "verdict": found.verdict,
                "p_before": None if before.p is None else rounded(before.p),
                "before": before.verdict,
                "why": f"Prior-driven: {found.remark}." if found.remark else found.why,
                "outcome": reading.outcome,
            }
        )
    rows.sort(key=lambda row: (row["p"] is None, row["verdict"] == row["before"], -shift(row["p"], row["p_before"])))
    moved_ones = sum(row["verdict"] != row["before"] for row in rows)
    later = sum(row["verdict"] == LATER for row in rows)
    return {"claims": rows, "moved": moved_ones, "later": later, "draws": draws or engine.draws}


def shift(p: float | None, before: float | None) -> float:
    """How far a probability has moved."""
    return 0.0 if p is None or before is None else abs(p - before)
