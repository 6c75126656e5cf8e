"""Claims: what somebody said, as data - readings that two strangers resolve alike - and the rule for a verdict."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import model_validator

from muster.errors import UserError, nearest
from muster.evidence import Strict, checked, library
from muster.propositions import Proposition
from muster.reading import read_yaml

Verdict = Literal["supported", "likely", "undecided", "unlikely", "contradicted", "not testable"]


class Said(Strict):
    """Who said it, and the one word that carries a probability."""

    name: str
    role: str
    date: str
    word: str
    source: str
    note: str | None = None


class Resolution(Strict):
    """What settles a reading: rows of the evidence, the rule, and what to do at the edges."""

    rows: tuple[str, ...]
    rule: str
    edge_cases: str
    resolves_on: datetime.date


class Reading(Strict):
    """One exact reading of a claim."""

    id: str
    statement: str
    proposition: Proposition
    resolution: Resolution
    headline: bool = False
    policy: str = "as-happened"
    event: bool = False
    outcome: Literal["true", "false", "disputed", "open", "annulled"] | None = None
    until: datetime.date


class Claim(Strict):
    """A claim with its readings; exactly one is the headline."""

    id: str
    title: str
    paraphrase: str
    side: str
    said_by: tuple[Said, ...]
    premise: str | None = None
    not_testable: str | None = None
    readings: tuple[Reading, ...]

    @model_validator(mode="after")
    def one_headline(self) -> "Claim":
        """Exactly one headline, and no reading's name twice."""
        if sum(reading.headline for reading in self.readings) != 1:
            raise ValueError("readings: exactly one reading must be the headline")
        names = [reading.id for reading in self.readings]
        if len(set(names)) != len(names):
            raise ValueError("readings: two readings have the same id")
        return self


def read_claim(path: Path) -> Claim:
    """A claim from its file."""
    data = read_yaml(path)
    if isinstance(data.get("readings"), list):
        for reading in data["readings"]:
            if isinstance(reading, dict) and isinstance(reading.get("outcome"), bool):
                reading["outcome"] = "true" if reading["outcome"] else "false"
    return checked(Claim, data, str(path))


def claims(names: tuple[str, ...] = ()) -> list[Claim]:
    """Claims of the library by name (all where none is named), or files by path."""
    known = {path.stem: path for path in sorted((library() / "claims").glob("*.yaml"))}
    found = []
    for name in names or tuple(known):
        if name not in known and not name.endswith((".yaml", ".yml")):
            raise UserError(f'There is no claim "{name}".{nearest(name, known)} Known: {", ".join(known)}; a file has a path.')
        found.append(read_claim(known.get(name, Path(name))))
    return found


@dataclass(frozen=True)
class Judged:
    """Probability and verdict of a reading."""

    probability: float
    mcse: float
    low: float
    high: float
    verdict: Verdict
    prior_driven: bool
    by_construction: bool


def standard_error(truths: np.ndarray) -> tuple[float, float]:
    """Share of true draws and its Monte-Carlo standard error."""
    p = float(np.mean(truths))
    return p, float(np.sqrt(max(p * (1 - p), 0.0) / len(truths)))


def judge(truths: dict[str, np.ndarray], prior_driven: bool, varies: bool, complete: bool) -> Judged:
    """The verdict rule of docs/claims.md on the truths by draw of each structure; the first structure is the default.

    supported p >= 0.95; likely 0.55-0.95; undecided 0.45-0.55, or 1/2 within the structures' range or within p +- 2 mcse;
    unlikely 0.05-0.45; contradicted p <= 0.05. A prior-driven reading gets neither end unless every draw under every
    structure agrees (`complete`: all structures were run). A quantity that does not vary is not testable with this model.
    """
    p, mcse = standard_error(next(iter(truths.values())))
    every = [standard_error(values)[0] for values in truths.values()]
    low, high = min(every), max(every)
    unanimous = complete and low == high and low in (0.0, 1.0)
    if not varies:
        return Judged(p, mcse, low, high, "not testable", prior_driven, False)
    undecided = 0.45 <= p <= 0.55 or low <= 0.5 <= high or p - 2 * mcse <= 0.5 <= p + 2 * mcse
    if undecided:
        verdict: Verdict = "undecided"
    elif p >= 0.95:
        verdict = "supported" if not prior_driven or unanimous else "likely"
    elif p > 0.55:
        verdict = "likely"
    elif p <= 0.05:
        verdict = "contradicted" if not prior_driven or unanimous else "unlikely"
    else:
        verdict = "unlikely"
    return Judged(p, mcse, low, high, verdict, prior_driven, prior_driven and unanimous and not undecided)


FLOOR = 0.001  # probabilities are kept this far from 0 and 1 before the log score, stated here in advance


def scores(probability: float, outcome: str | None) -> dict[str, float] | None:
    """Brier and log score of a probability where the outcome is known; smaller is better."""
    if outcome not in ("true", "false"):
        return None
    happened = 1.0 if outcome == "true" else 0.0
    kept = min(max(probability, FLOOR), 1 - FLOOR)
    log = -np.log(kept if happened else 1 - kept)
    return {"brier": (probability - happened) ** 2, "log": float(log)}


def variance_shares(values: np.ndarray, names: list[str], drawn: np.ndarray, count: int = 5, seed: int = 0) -> list[dict]:
    """Parameters by the share of the variance of a quantity's ranks that they carry alone (correlation ratio in eight bins).

    drawn [parameter, draw]. The noise floor is the largest share among 200 planted dummies; what lies below it is not told.
    """
    if len(values) < 64 or np.ptp(values[np.isfinite(values)]) == 0:
        return []
    ranks = np.argsort(np.argsort(values)).astype(float)
    dummies = np.random.default_rng(seed).normal(size=(200, len(values)))
    floor = max(correlation_ratio(ranks, dummy) for dummy in dummies)
    shares = [(correlation_ratio(ranks, row), name) for row, name in zip(drawn, names, strict=True)]
    resolved = sorted((s for s in shares if s[0] > floor), reverse=True)[:count]
    return [{"parameter": name, "share": round(share, 3), "noise_floor": round(floor, 3)} for share, name in resolved]


def correlation_ratio(ranks: np.ndarray, parameter: np.ndarray, bins: int = 8) -> float:
    """Share of the variance of ranks between equally filled bins of a parameter."""
    groups = np.array_split(ranks[np.argsort(parameter)], bins)
    between = sum(len(group) * (group.mean() - ranks.mean()) ** 2 for group in groups)
    return float(between / np.sum((ranks - ranks.mean()) ** 2))
