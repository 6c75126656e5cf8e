"""The claims on the ensemble of a view: the headline reading of each, by the rule of muster assess, beside what it was as decided."""

from functools import cache

from muster.assess import NO_FIT, RARE, UNMOVED, moved, prior_answers, reading_key
from muster.claims import Claim, Reading, claims, threshold_of
from muster.errors import NotComputed, UserError
from muster.explorer.answers import rounded
from muster.explorer.engine import Engine, Fan
from muster.propositions import One, holds, value
from muster.quantities import Effect, every, of_battles, of_ensemble, of_regions
from muster.results import Results
from muster.verdict import judge, standard_error, varies, whole_ensemble_error
from muster.weights import weighted_quantile

NOT_LIVE = "not_live"
LATER = "This reading needs runs of its own (another policy, cut loops, regions or battles); muster assess makes them."


@cache
def asked(scenario: str) -> tuple[Claim, ...]:
    """The claims of the library about a scenario."""
    return tuple(claims((), scenario))


def live(reading: Reading) -> bool:
    """Whether a reading is answered by one ensemble alone."""
    if reading.proposition is None or reading.policy != "as-happened":
        return False
    quantity = reading.proposition.quantity
    parts = [isinstance(part, Effect) for part in every(quantity)]
    return not (any(parts) or of_battles(quantity) or of_regions(quantity))


def judged(reading: Reading, results: Results, fitted: bool, scenario: str) -> tuple[float | None, str, str | None]:
    """Probability, verdict and remark of a reading on one ensemble."""
    if not live(reading) or reading.proposition is None:
        return None, NOT_LIVE, reading.not_testable or reading.not_computed or LATER
    try:
        values = value(reading.proposition.quantity, One(results))
    except (NotComputed, UserError) as problem:
        return None, NOT_LIVE, str(problem)
    truths = holds(reading.proposition, values, threshold_of(reading, reading.id)[0])
    p, error = whole_ensemble_error(truths) if of_ensemble(reading.proposition.quantity) else standard_error(truths)
    low, middle, high = (weighted_quantile(values, None, level) for level in (0.05, 0.5, 0.95))
    remark = remark_on(reading, (p, (low, middle, high)), fitted, scenario)
    found = judge({"default": (p, error)}, remark is not None, reading.event or varies(values), complete=False, unanimous=False)
    return p, found.verdict, f"Prior-driven: {remark}." if remark else None


def remark_on(reading: Reading, after, fitted: bool, scenario: str) -> str | None:
    """Why a reading is prior-driven, nothing where figures moved it."""
    if not fitted:
        return NO_FIT
    if reading.event:
        return RARE
    before = prior_answers(scenario).get(reading_key(reading))
    return UNMOVED if before is not None and not moved(after, before) else None


def verdicts(engine: Engine, found: Fan, reference: Fan) -> dict:
    """Every claim by its headline reading, under the view and as it was decided with the same draws."""
    name, fitted, rows = engine.base.name, engine.base.posterior is not None, []
    now, was = found.results, reference.results
    for claim in asked(name):
        reading = next(one for one in claim.readings if one.headline)
        p, verdict, remark = judged(reading, now, fitted, name)
        before = judged(reading, was, fitted, name)
        rows.append(
            {
                "id": claim.id,
                "title": claim.title,
                "statement": reading.statement,
                "p": None if p is None else rounded(p),
                "verdict": verdict,
                "p_before": None if before[0] is None else rounded(before[0]),
                "before": before[1],
                "why": remark,
                "outcome": reading.outcome,
            }
        )
    rows.sort(key=lambda row: (row["verdict"] == NOT_LIVE, row["verdict"] == row["before"], -shift(row["p"], row["p_before"])))
    return {"claims": rows, "moved": sum(row["verdict"] != row["before"] for row in rows), "draws": found.experiment.draws}


def shift(p: float | None, before: float | None) -> float:
    """How far a probability has moved."""
    return 0.0 if p is None or before is None else abs(p - before)
