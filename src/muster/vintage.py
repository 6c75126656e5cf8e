"""Vintage: which uncertain numbers rest on a source that was not public on a day, and what an assessment as of that day does about it.

Such a number keeps its centre, which is the later source's, and gets twice the spread: nobody has written down what would have been
thought of it before. Decisions taken after the day are still those of the scenario. So an answer is of that day's numbers, no forecast.
"""

import calendar
import datetime
import re
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from muster.evidence import Override, cited, entries, sources
from muster.experiment import Experiment

PERIOD = re.compile(r"([1-9]\d{3})(?:-(0[1-9]|1[0-2]))?(?:-(0[1-9]|[12]\d|3[01]))?")  # a year, a month or a day


def later(experiment: Experiment, day: datetime.date) -> dict[str, tuple]:
    """Stream -> (value, prior, sources) of the numbers that rest on a source published after a day, or that were tuned on the war."""
    known = sources() | experiment.scenario.sources
    found = {}
    for stream, subsystem, name, _, held, prior in entries(experiment):
        own = cited(experiment, stream, subsystem, name, held)
        rests = [cite for cite in own if cite.grade != "assumed"]
        if any(cite.grade == "tuned" or (cite.key in known and public_on(known[cite.key].published) > day) for cite in rests):
            found[stream] = held, prior, own
    return found


def public_on(published: str) -> datetime.date:
    """The day on which a source is known to be public: the last of the year, month or day that its date names."""
    found = PERIOD.match(published)
    if not found:
        return datetime.date.max
    year, month = int(found[1]), int(found[2] or 12)
    return datetime.date(year, month, min(int(found[3] or 31), calendar.monthrange(year, month)[1]))


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
