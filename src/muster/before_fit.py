"""What readings gave before the fit: a file beside the posterior, so that an assessment need not run the prior again."""

import hashlib
import json
from functools import cache
from pathlib import Path

from muster.claims import Reading
from muster.posterior import posterior_file


def reading_key(reading: Reading) -> str:
    """What tells a reading from every other, and from an earlier text of itself."""
    return f"{reading.id} {hashlib.sha256(reading.model_dump_json().encode()).hexdigest()[:12]}"


def prior_file(scenario: str) -> Path:
    """Where it is kept what the readings gave before the fit (make posterior writes it)."""
    return posterior_file(scenario).with_suffix(".prior.json")


@cache
def before_the_fit(scenario: str) -> dict:
    """What that file says; nothing where there is none."""
    path = prior_file(scenario)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"readings": {}, "agreed": []}


def prior_answers(scenario: str) -> dict[str, float]:
    """The probability that draws of the prior gave readings of a scenario, by key."""
    return before_the_fit(scenario)["readings"]
