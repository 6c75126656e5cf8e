"""What an assessment says: records that the command, the files and the page are made from."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from muster.claims import Claim, Reading
from muster.ensembles import Ensembles, Key
from muster.experiment import Experiment
from muster.model.structure import Structure
from muster.output import CLAIMS
from muster.published import Figure
from muster.results import Results
from muster.verdict import Judged

QUANTILES = (0.05, 0.5, 0.95)
Band = tuple[float, float, float]
NO_BAND: Band = (float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Settled:
    """What the world has answered: the outcome, and every published figure that the rule names, with its value and camp."""

    outcome: str  # true, false, disputed, open or annulled
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Slice:
    """The answer among some of the draws: probability, Monte-Carlo error, how many draws."""

    probability: float
    mcse: float
    draws: int


@dataclass(frozen=True)
class JudgedReading:
    """A reading with everything that is told about it. Bands are 5 %, median and 95 %, in the unit given."""

    reading: Reading
    judged: Judged
    unit: str  # of the quantity, the threshold and the bands
    threshold: float
    quantiles: Band
    mirror: Band  # of the other side; NaN where there is no mirror
    drivers: list[dict]  # {parameter, share, noise_floor}, the largest first; empty: not resolved
    flips: list[str]  # rival structures and continuations under which the reading falls on the other side of 1/2
    by_continuation: dict[str, float]
    by_structure: dict[str, float]
    by_number_exponent: dict[str, Slice]  # by slices of omega, the loss law's exponent of numbers
    scores: dict[str, float] | None
    evidence: dict[str, dict[str, int]]  # observations used that speak of its quantity: side -> camp -> count
    resolution: Settled
    why_not: str | None = None  # why the reading is not testable or not computed
    resolved_drivers: bool = True  # False where the draws are too few to tell drivers from noise
    prior: float | None = None  # the probability before --observe or --without moved it
    remark: str | None = None


@dataclass(frozen=True)
class Judgement:
    """All claims of one assessment, and the run of the default structure under as-happened."""

    claims: list[tuple[Claim, list[JudgedReading]]]
    results: Results
    experiment: Experiment
    structures: tuple[Structure, ...]
    notes: list[str] = field(default_factory=list)  # what holds for all readings: vintage, weights, what moved
    effective_draws: float | None = None  # of the weighted ensemble, where --observe weighs it
    ensembles: Ensembles | None = None  # every run that was made
    weights: np.ndarray | None = None  # of the draws [draw], where --observe weighs them; they sum to 1

    @property
    def by_region(self) -> Results | None:
        """The run by regions of what was decided, where one was made."""
        return self.ensembles.runs.get(Key(regional=True)) if self.ensembles else None

    def as_list(self) -> list[dict]:
        """The contract of claims.json."""
        return [
            {
                "id": claim.id,
                "title": claim.title,
                "paraphrase": claim.paraphrase,
                "side": claim.side,
                "kind": claim.kind,
                "source": [said.model_dump() for said in claim.said_by],
                "premise": claim.premise,
                "not_testable_part": claim.not_testable,
                "readings": [reading_as_dict(item) for item in items],
            }
            for claim, items in self.claims
        ]

    def save(self, directory: Path, force: bool = False, texts: dict[str, str] | None = None) -> list[Path]:
        """results.nc, manifest.json, claims.json and further texts by name; returns their paths."""
        claims = json.dumps(self.as_list(), indent=1, ensure_ascii=False, default=str, allow_nan=False)
        return self.results.save(directory, force, texts={CLAIMS: claims, **(texts or {})}, structures=self.structures)


def finite(number: float) -> float | None:
    """A number that JSON can hold, or nothing."""
    return float(number) if np.isfinite(number) else None


def reading_as_dict(item: JudgedReading) -> dict:
    """One reading as claims.json holds it; a number that is not finite is null."""
    reading, judged = item.reading, item.judged

    def band(numbers: Band) -> dict:
        return {"quantiles": list(QUANTILES), "values": [finite(number) for number in numbers]}

    return {
        "id": reading.id,
        "headline": reading.headline,
        "statement": reading.statement,
        "probability": finite(judged.probability),
        "mcse": finite(judged.mcse),
        "range_over_structures": [finite(judged.low), finite(judged.high)],
        "verdict": judged.verdict,
        "why_not": item.why_not,
        "by_construction": judged.by_construction,
        "prior_driven": judged.prior_driven,
        "prior_driven_because": item.remark if judged.prior_driven else None,
        "prior_probability": item.prior,
        "quantity": {**band(item.quantiles), "unit": item.unit, "threshold": finite(item.threshold)},
        "mirror": band(item.mirror),
        "resolution": {
            **reading.resolution.model_dump(mode="json"),
            "outcome": item.resolution.outcome,
            "figures": [figure.model_dump() for figure in item.resolution.figures],
        },
        "scores": item.scores,
        "drivers": item.drivers,
        "drivers_resolved": item.resolved_drivers,
        "flips": item.flips,
        "by_continuation": item.by_continuation,
        "by_structure": item.by_structure,
        "by_number_exponent": {name: asdict(part) for name, part in item.by_number_exponent.items()},
        "evidence": item.evidence,
    }
