"""Vintage: which uncertain numbers rest on a source that was not public on a day, and what an assessment as of that day does about it.

Such a number keeps its centre, which is the later source's, and gets twice the spread: nobody has written down what would have been
thought of it before. Decisions taken after the day are still those of the scenario. So an answer is of that day's numbers, no forecast.
"""

import datetime
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from muster.evidence import Override, entries, parameters, sources
from muster.experiment import Experiment


def later(experiment: Experiment, day: datetime.date) -> dict[str, tuple]:
    """Stream -> (value, prior, sources) of the numbers that rest on a source published after a day, or that were tuned on the war."""
    known = sources() | experiment.scenario.sources
    found = {}
    for stream, subsystem, name, _, held, prior in entries(experiment):
        own = getattr(held, "sources", ()) or parameters()[subsystem][name].sources
        rests = [cite for cite in own if cite.grade != "assumed"]
        if any(cite.grade == "tuned" or (cite.key in known and known[cite.key].published > day.isoformat()) for cite in rests):
            found[stream] = held, prior, own
    return found


def as_of(experiment: Experiment, day: datetime.date) -> Experiment:
    """The experiment with twice the spread on every number that rests on a later source."""
    wide = {
        stream: Override(held.value, widened(held.value, held.range, prior), prior, f"rests on a source later than {day}", own)
        for stream, (held, prior, own) in later(experiment, day).items()
    }
    return replace(experiment, overrides={**experiment.overrides, **wide})


def widened(value: float, spread: tuple[float, float], prior: str) -> tuple[float, float]:
    """A range twice as wide on the scale of its prior."""
    low, high = spread
    if prior == "lognormal":
        return value * (low / value) ** 2, value * (high / value) ** 2
    if prior == "logitnormal":
        ends = [float(expit(2 * logit(end) - logit(value))) for end in spread]
        return float(np.clip(ends[0], 1e-9, 1)), float(np.clip(ends[1], 0, 1 - 1e-9))
    if prior == "halfnormal":
        return low, 2 * high
    return (low, high) if prior == "constant" else (2 * low - value, 2 * high - value)
