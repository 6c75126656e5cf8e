"""The verdict rule: from the truth of a reading by draw to a probability, its error, and one word. Fixed before any result."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

Verdict = Literal["supported", "likely", "undecided", "unlikely", "contradicted", "not testable", "not computed"]
FLOOR = 0.001  # probabilities are kept this far from 0 and 1 before the log score, stated here in advance
VARIES = 1e-9  # of its value, that a quantity must vary by to be testable
MOVED, OPEN = 0.05, (0.05, 0.95)  # how far figures must move a prior probability that lay between these
NO_FIT = "the draws are of the prior: no fit to published figures is in use"
RARE = "a rare event of one war: no figure can move it far"
UNMOVED = "figures moved its probability by less than 0.05"
UNSPOKEN = "no figure that the fit used speaks of its quantity"


@dataclass(frozen=True)
class Judged:
    """Probability and verdict of a reading; the numbers are NaN where the verdict is a reason for having none."""

    probability: float
    mcse: float
    low: float
    high: float
    verdict: Verdict
    prior_driven: bool
    by_construction: bool

    @classmethod
    def without(cls, verdict: Verdict) -> "Judged":
        """No numbers: not testable, or not computed."""
        nan = float("nan")
        return cls(nan, nan, nan, nan, verdict, False, False)


def standard_error(truths: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Share of true draws and its Monte-Carlo standard error; weights [draw] sum to 1 where draws do not count alike.

    At a share of 0 or 1 the error is that of one true draw in twice as many, not 0: so many draws cannot tell a smaller probability.
    """
    count = len(truths) if weights is None else 1 / float(np.sum(weights**2))
    p = float(np.mean(truths) if weights is None else np.clip(np.sum(weights[truths]), 0, 1))
    if np.all(truths == truths[0]):
        p = float(truths[0])
        half = 1 / (2 * count)
        return p, float(np.sqrt(half * (1 - half) / count))
    return p, float(np.sqrt(p * (1 - p) / count))


def whole_ensemble_error(truths: np.ndarray) -> tuple[float, float]:
    """Share of true resamples of the whole ensemble [resample], and its error over ensembles.

    The ensemble is one observation: where the statistic is about normal, the share is Phi(z) and z has an error of 1.
    """
    half = 1 / (2 * len(truths))
    p = float(np.mean(truths))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    shares = ndtr(ndtri(np.clip(p, half, 1 - half)) + nodes)
    weights = weights / weights.sum()
    return p, float(np.sqrt(np.sum(weights * (shares - np.sum(weights * shares)) ** 2)))


def varies(values: np.ndarray) -> bool:
    """Whether a quantity [draw] varies by more than a billionth of its value; a single draw is taken to."""
    known = values[~np.isnan(values)]
    if not len(known):
        return False
    if len(values) == 1:
        return True  # one draw cannot tell
    finite = known[np.isfinite(known)]
    if len(finite) < len(known):
        return len(finite) > 0 or bool(np.any(known != known[0]))
    return bool(np.ptp(finite) > VARIES * max(float(np.max(np.abs(finite))), 1e-12))


def prior_driven(event: bool, spoken: bool, after: float, before: float) -> str | None:
    """Why a reading is the prior's after a fit, nothing where figures speak of its quantity (`spoken`) and moved its probability."""
    if event:
        return RARE
    if abs(after - before) < MOVED and OPEN[0] <= before <= OPEN[1]:
        return UNMOVED
    return None if spoken else UNSPOKEN


def judge(
    shares: dict[str, tuple[float, float]], prior_driven: bool, varies: bool, complete: bool, unanimous: bool | None = None
) -> Judged:
    """The verdict rule of docs/how-to-read-a-verdict.md on (p, mcse) of each structure; the first structure is the default.

    supported p >= 0.95; likely 0.55-0.95; undecided 0.45-0.55, or 1/2 within the structures' range or within p +- 2 mcse;
    unlikely 0.05-0.45; contradicted p <= 0.05. A prior-driven reading gets neither end unless every prior draw under every
    structure agrees (`complete`: all structures were run). A quantity that does not vary is not testable with this model.
    """
    p, mcse = next(iter(shares.values()))
    if not np.isfinite(p):
        return Judged.without("not computed")
    every = [share for share, _ in shares.values()]
    low, high = min(every), max(every)
    agreed = complete and (low == high and low in (0.0, 1.0) if unanimous is None else unanimous)
    if not varies:
        return Judged(p, mcse, low, high, "not testable", prior_driven, False)
    undecided = 0.45 <= p <= 0.55 or low <= 0.5 <= high or p - 2 * mcse <= 0.5 <= p + 2 * mcse
    held_back = prior_driven and not agreed
    if undecided:
        verdict: Verdict = "undecided"
    elif p > 0.55:
        verdict = "supported" if p >= 0.95 and not held_back else "likely"
    else:
        verdict = "contradicted" if p <= 0.05 and not held_back else "unlikely"
    return Judged(p, mcse, low, high, verdict, prior_driven, prior_driven and agreed and not undecided)


def scores(probability: float, outcome: str | None) -> dict[str, float] | None:
    """Brier and log score of a probability where the outcome is known; smaller is better."""
    if outcome not in ("true", "false") or not np.isfinite(probability):
        return None
    happened = 1.0 if outcome == "true" else 0.0
    kept = min(max(probability, FLOOR), 1 - FLOOR)
    return {"brier": (probability - happened) ** 2, "log": float(-np.log(kept if happened else 1 - kept))}
