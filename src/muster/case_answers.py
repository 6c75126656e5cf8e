"""Validation on historical cases: did the army break, the government fall, the state break up? Probabilities beside what happened.

`muster validate cases`. The dead are given: the intensity of fighting is set so that the median draw loses as many. What came of
them is the model's, from prior draws that no case has moved. Beside it stands the base rate of the other wars.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from muster import simulate
from muster.cases import AFTER, Case, alike, experiment_of, load, number
from muster.errors import UserError

DRAWS = 208
WINDOW = 13  # weeks in which an army breaks
BROKE, DISSOLVED = 0.1, 0.5  # shares of the men in the theatre who desert or surrender within the window
BROKEN_UP = 0.05  # share of the people in regions that left
CLOSE_ENOUGH = 0.03  # of the dead, relative
SEARCHES = 12  # runs in which the intensity is looked for
MOST_STEP = 4.0  # factor by which the intensity changes at most from one to the next
TIMELY = 26  # weeks by which a date may be off
BANDS = (0.05, 0.5, 0.95)
CONQUERED = 3  # regime code: ended by foreign conquest, which the model does not have

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Lived:
    """What the draws of a case went through, by draw."""

    intensity: float
    dead: np.ndarray  # person, by the end of the war
    captured: np.ndarray  # person
    deserted: np.ndarray  # person
    worst: np.ndarray  # greatest share of the men in the theatre who left within a window
    broke: np.ndarray  # week in which the army broke; NaN where it did not
    fell: np.ndarray  # week in which the government fell; NaN where it did not, up to AFTER weeks from the end
    left: np.ndarray  # share of the people in regions that left by then


def lived(case: Case, intensity: float, draws: int, seed: int) -> Lived:
    """The draws of a case at an intensity."""
    parts = [sides[0] for _, sides, _ in simulate.lanes(experiment_of(case, intensity, draws, seed))]
    end, after = case.weeks, case.weeks + AFTER

    def weekly(node: str, name: str, weeks: int) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(part[node], name)) for part in parts])[:, :weeks].astype(float)

    troops, killed, captured = (weekly("front", name, end) for name in ("troops", "killed", "captured"))
    deserted = weekly("morale", "desertions", end)
    share = leaving(deserted + weekly("morale", "surrenders", end), troops)
    fallen = sum(weekly("regime", name, after) for name in ("coup_succeeded", "overthrown", "collapsed"))
    return Lived(
        intensity=intensity,
        dead=killed.sum(axis=1),
        captured=captured.sum(axis=1),
        deserted=deserted.sum(axis=1),
        worst=share.max(axis=1),
        broke=first(share >= BROKE),
        fell=first(np.asarray(fallen) > 0),
        left=weekly("regions", "seceded", after).max(axis=1),
    )


def leaving(leavers: np.ndarray, troops: np.ndarray) -> np.ndarray:
    """Share of the men in the theatre at the start of a window who left within it [draw, week of its end]."""
    summed = np.cumsum(leavers, axis=1)
    before = np.pad(summed, ((0, 0), (WINDOW, 0)))[:, : summed.shape[1]]
    begun = np.maximum(np.arange(summed.shape[1]) - WINDOW + 1, 0)
    return (summed - before) / np.maximum(troops[:, begun], 1.0)


def first(happened: np.ndarray) -> np.ndarray:
    """The first week of each draw in which something is so; NaN where it never is."""
    return np.where(happened.any(axis=1), happened.argmax(axis=1).astype(float), np.nan)


def with_the_dead(case: Case, draws: int, seed: int) -> Lived:
    """The draws of a case at the intensity whose median draw loses as many dead as the side did, as nearly as one is found."""
    intensity, best, distance = number(alike().intensity), None, np.inf
    for _ in range(SEARCHES):
        here = lived(case, intensity, draws, seed)
        off = float(np.log(case.dead / max(np.median(here.dead), 1.0)))
        if abs(off) < distance:
            best, distance = here, abs(off)
        if distance < CLOSE_ENOUGH:
            break
        intensity *= float(np.exp(np.clip(off, -np.log(MOST_STEP), np.log(MOST_STEP))))
    assert best is not None
    return best


@dataclass(frozen=True)
class Question:
    """One thing that is asked of every case."""

    title: str
    probability: Callable[[Lived], float]
    happened: Callable[[Case, int], bool | None]  # by the main code (0) or the other one (1); None where the case does not count


def fell(case: Case, which: int) -> bool | None:
    """Whether the government fell by forces of its own country; conquest does not count."""
    return None if case.regime[which] == CONQUERED else case.regime[which] == 2


QUESTIONS = {
    "army_broke": Question("the army broke", lambda x: float(np.mean(x.worst >= BROKE)), lambda case, which: case.army[which] >= 1),
    "army_dissolved": Question(
        "the army dissolved", lambda x: float(np.mean(x.worst >= DISSOLVED)), lambda case, which: case.army[which] == 2
    ),
    "government_fell": Question("the government fell", lambda x: float(np.mean(np.isfinite(x.fell))), fell),
    "state_broke_up": Question(
        "the state broke up", lambda x: float(np.mean(x.left >= BROKEN_UP)), lambda case, which: case.secession[which] == 2
    ),
}


def told(case: Case, found: Lived) -> dict:
    """What the model says of a case beside what happened."""
    both = np.isfinite(found.broke) & np.isfinite(found.fell)
    return {
        "case": case.name,
        "war": case.war,
        "intensity": found.intensity,
        "dead_per_1000_mobilised": band(found.dead / case.mobilised * 1000) | {"recorded": case.dead / case.mobilised * 1000},
        "captured_per_100_dead": band(found.captured / np.maximum(found.dead, 1) * 100) | {"recorded": case.captured},
        "deserted_share_of_mobilised": band(found.deserted / case.mobilised) | {"recorded": case.deserters},
        "army_broke_in_week": band(found.broke[np.isfinite(found.broke)]) if np.isfinite(found.broke).any() else None,
        "probabilities": {key: question.probability(found) for key, question in QUESTIONS.items()},
        "happened": {key: question.happened(case, 0) for key, question in QUESTIONS.items()},
        "happened_by_the_other_code": {key: question.happened(case, 1) for key, question in QUESTIONS.items()},
        "army_broke_within_half_a_year_of_its_date": timely(case, found.broke, case.broke_on),
        "government_fell_within_half_a_year_of_its_date": timely(case, found.fell, case.fell_on if fell(case, 0) else None),
        "government_first_where_both": float(np.mean(found.fell[both] < found.broke[both])) if both.any() else None,
    }


def band(values: np.ndarray) -> dict[str, float]:
    """5, 50 and 95 % points."""
    return dict(zip(("low", "median", "high"), map(float, np.quantile(values, BANDS)), strict=True))


def timely(case: Case, weeks: np.ndarray, day) -> float | None:
    """Share of all draws in which something comes within half a year of its date; nothing where there is no date."""
    if day is None:
        return None
    return float(np.mean(np.abs(weeks - (day - case.start).days / 7) <= TIMELY))  # NaN is never near


def scores(cases: list[Case], said: list[dict], which: int) -> dict[str, dict]:
    """Brier score and AUC of each question over the cases that count (only their number, 0, where none does), beside the base rate."""
    found = {}
    for key, question in QUESTIONS.items():
        counted = [
            (case, row["probabilities"][key]) for case, row in zip(cases, said, strict=True) if question.happened(case, which) is not None
        ]
        if not counted:
            found[key] = {"cases": 0}
            continue
        happened = np.array([bool(question.happened(case, which)) for case, _ in counted], dtype=float)
        p, wars = np.array([probability for _, probability in counted]), np.array([case.group for case, _ in counted])
        base = np.array([(happened[wars != war].sum() + 1) / ((wars != war).sum() + 2) for war in wars])
        found[key] = {
            "cases": len(p),
            "happened": int(happened.sum()),
            "mean_probability": float(p.mean()),
            "brier": float(np.mean((p - happened) ** 2)),
            "brier_of_base_rate_of_other_wars": float(np.mean((base - happened) ** 2)),
            "auc": float(roc_auc_score(happened, p)) if 0 < happened.sum() < len(p) else None,
        }
    return found


def cases_report(where: Path | None = None, draws: int = DRAWS, seed: int = 1, update: Progress = lambda *_: None) -> dict:
    """Every case of a table, and the scores over all of them by the main codes and by the other defensible ones."""
    if draws < 1:
        raise UserError(f"draws: at least 1 was expected, found {draws}.")
    (cases, left_out), said = load(where), []
    for place, case in enumerate(cases):
        said.append(told(case, with_the_dead(case, draws, seed)))
        update(case.name, place + 1, len(cases))
    return {
        "draws": draws,
        "seed": seed,
        "left_out": left_out,
        "wars": len({case.group for case in cases}),
        "cases": said,
        "scores": scores(cases, said, 0),
        "scores_by_the_other_codes": scores(cases, said, 1),
    }
