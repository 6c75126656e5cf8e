"""Validation on historical cases: did the army break, the government fall, the state break up? Probabilities beside what happened.

`muster validate cases`. The dead are given: the intensity of fighting is set so that the median draw loses as many. What came of
them is the model's, from prior draws that no case has moved; then what the library's cases of other wars make of it. Beside both
stands the base rate of the other wars.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import expit, log_expit
from scipy.special import logit as log_odds
from sklearn.metrics import roc_auc_score

from muster import simulate
from muster.cases import AFTER, Case, alike, experiment_of, load, number
from muster.errors import UserError
from muster.evidence import library
from muster.reading import read_text

DRAWS = 208
WINDOW = 13  # weeks in which an army breaks
BROKE, DISSOLVED = 0.1, 0.5  # shares of the men in the theatre who desert or surrender within the window
BROKEN_UP = 0.05  # share of the people in regions that left
CLOSE_ENOUGH = 0.03  # of the dead, relative
SEARCHES = 12  # runs in which the intensity is looked for
MOST_INTENSITY = 10.0  # beyond, the first weeks consume the armies and the later ones have none to lose
MOST_STEP = 4.0  # factor by which the intensity changes at most from one to the next
TIMELY = 26  # weeks by which a date may be off
BANDS = (0.05, 0.5, 0.95)
SHIFT_SD, SLOPE_SD = 1.5, 0.5  # of what other wars may move: log odds = shift + slope x the model's, taken at its word (0 and 1) before
SHIFTS, SLOPES = np.linspace(-5, 5, 201)[:, None], np.linspace(0, 2.5, 51)[None, :]  # looked at; a slope below 0 is none
LEAST = 0.005  # no probability counts as nearer to 0 or 1 when it is moved
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
    """The draws of a case at the intensity whose median draw loses as many dead as the side did, as nearly as one up to
    MOST_INTENSITY is found."""
    intensity, best, distance = number(alike().intensity), None, np.inf
    for _ in range(SEARCHES):
        here = lived(case, intensity, draws, seed)
        off = float(np.log(case.dead / max(np.median(here.dead), 1.0)))
        if abs(off) < distance:
            best, distance = here, abs(off)
        if distance < CLOSE_ENOUGH:
            break
        step = float(np.exp(np.clip(off, -np.log(MOST_STEP), np.log(MOST_STEP))))
        if intensity == MOST_INTENSITY and step > 1:
            break
        intensity = min(intensity * step, MOST_INTENSITY)
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


@cache
def answered() -> list[tuple[Case, dict[str, float]]]:
    """The library's cases and the probabilities that the model gives them, as tools/make_cases_page.py has kept them."""
    rows = csv.DictReader(io.StringIO(read_text(library() / "cases" / "answers.csv"), newline=""))
    given = {row["case_id"]: {key: float(row[key]) for key in QUESTIONS} for row in rows}
    return [(case, given[case.name]) for case in load()[0]]


def other_wars(case: Case, key: str, which: int) -> tuple[np.ndarray, np.ndarray]:
    """What the model gives to the library's cases of other wars that count, and whether it happened."""
    known = [
        (p[key], happened)
        for other, p in answered()
        if other.group != case.group and (happened := QUESTIONS[key].happened(other, which)) is not None
    ]
    return np.array([p for p, _ in known]), np.array([happened for _, happened in known], dtype=bool)


def moved(p: float, known: np.ndarray, happened: np.ndarray) -> float:
    """The probability that the model's p comes to after other wars, of which it said `known`: a logistic regression of two terms,
    averaged over their posterior."""

    def line(probability):
        return SHIFTS + SLOPES * log_odds(np.clip(probability, LEAST, 1 - LEAST))

    log_posterior = -((SHIFTS / SHIFT_SD) ** 2) / 2 - ((SLOPES - 1) / SLOPE_SD) ** 2 / 2
    for said, came in zip(known, happened, strict=True):
        log_posterior = log_posterior + log_expit(line(said) if came else -line(said))
    weight = np.exp(log_posterior - log_posterior.max())
    return float(np.sum(weight * expit(line(p))) / np.sum(weight))


def told(case: Case, found: Lived) -> dict:
    """What the model says of a case beside what happened."""
    said = {key: question.probability(found) for key, question in QUESTIONS.items()}
    both = np.isfinite(found.broke) & np.isfinite(found.fell)
    return {
        "case": case.name,
        "war": case.war,
        "intensity": found.intensity,
        "dead_per_1000_mobilised": band(found.dead / case.mobilised * 1000) | {"recorded": case.dead / case.mobilised * 1000},
        "captured_per_100_dead": band(found.captured / np.maximum(found.dead, 1) * 100) | {"recorded": case.captured},
        "deserted_share_of_mobilised": band(found.deserted / case.mobilised) | {"recorded": case.deserters},
        "army_broke_in_week": band(found.broke[np.isfinite(found.broke)]) if np.isfinite(found.broke).any() else None,
        "probabilities": said,
        "probabilities_moved_by_other_wars": {key: moved(p, *other_wars(case, key, 0)) for key, p in said.items()},
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
        after = np.array([moved(p, *other_wars(case, key, which)) for case, p in counted])
        base = np.array([(happened[wars != war].sum() + 1) / ((wars != war).sum() + 2) for war in wars])
        found[key] = {
            "cases": len(p),
            "happened": int(happened.sum()),
            "mean_probability": float(p.mean()),
            "brier": float(np.mean((p - happened) ** 2)),
            "brier_moved_by_other_wars": float(np.mean((after - happened) ** 2)),
            "brier_of_base_rate_of_other_wars": float(np.mean((base - happened) ** 2)),
            "auc": float(roc_auc_score(happened, p)) if 0 < happened.sum() < len(p) else None,
        }
    return found


def cases_report(where: Path | None = None, draws: int = DRAWS, seed: int = 1, update: Progress = lambda *_: None) -> dict:
    """Every case of a table, and the scores over all of them by the main codes and by the other defensible ones."""
    if draws < 1:
        raise UserError(f"draws: at least 1 was expected, found {draws}.")
    (cases, left_out), found = load(where), []
    for place, case in enumerate(cases):
        found.append(with_the_dead(case, draws, seed))
        update(case.name, place + 1, len(cases))
    return {"draws": draws, "seed": seed, "left_out": left_out} | report_of(cases, found)


def report_of(cases: list[Case], found: list[Lived]) -> dict:
    """What is told of cases whose draws were run."""
    said = [told(case, lives) for case, lives in zip(cases, found, strict=True)]
    return {
        "wars": len({case.group for case in cases}),
        "cases": said,
        "scores": scores(cases, said, 0),
        "scores_by_the_other_codes": scores(cases, said, 1),
    }
