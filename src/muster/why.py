"""Why an outcome is what it is: the uncertain numbers that it hangs on, the loops that raise or lower it, and what rival equations say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from muster import evidence
from muster.drivers import RESOLVED, variance_shares
from muster.ensembles import Ensembles, Key, Under
from muster.errors import UserError, nearest
from muster.experiment import structures_of
from muster.explain import variable
from muster.model.coupling import Links
from muster.model.quantity import meanings, units
from muster.model.structure import Structure
from muster.posterior import Posterior
from muster.propositions import value
from muster.quantities import At, Over
from muster.reading import date
from muster.scenario import load

SHARES = (0.05, 0.5, 0.95)
SHOWN = 10  # parameters that are told at most
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Why:
    """The answer: quantiles are of 5, 50 and 95 %; `loops` [name -> (meaning, change by draw)], largest median first."""

    outcome: str
    meaning: str
    unit: str
    day: str
    draws: int
    values: np.ndarray
    parameters: list[dict]
    loops: dict[str, tuple[str, np.ndarray]]
    structures: dict[str, np.ndarray]

    def as_dict(self) -> dict:
        """What --json prints; `change` of a loop: the outcome as it is less the same draw with the loop cut."""
        return {
            "outcome": self.outcome,
            "meaning": self.meaning,
            "unit": self.unit,
            "day": self.day,
            "draws": self.draws,
            "quantiles": list(SHARES),
            "values": band(self.values),
            "parameters": self.parameters,
            "parameters_resolved": self.draws >= RESOLVED,
            "loops": [
                {"loop": name, "meaning": meaning, "change": band(change), "p_raises": round(float(np.mean(change > 0)), 3)}
                for name, (meaning, change) in self.loops.items()
            ],
            "structures": [{"structure": name, "values": band(values)} for name, values in self.structures.items()],
        }


def why(
    outcome: str,
    scenario: str = "russia-ukraine-2022",
    day: str | None = None,
    draws: int = 200,
    seed: int = 1,
    structures: str = "default",
    posterior: Posterior | Literal["shipped"] | None = "shipped",
    progress: Progress | None = None,
) -> Why:
    """Why a series of one side (SIDE/SUBSYSTEM/NAME) is what it is on a day [the last observation]; a weekly flow is summed from the start.

    Each loop of the model is cut on both sides, draw by draw on the same numbers, luck and past; `structures` as of `muster assess`.
    """
    held = load(scenario)
    chosen = {"default": Structure()} | structures_of(structures)
    asked = str(date(day, "--day") if day else held.last_observation)
    ensembles = Ensembles(scenario, draws, seed, chosen, kept=frozenset({outcome}), progress=progress, posterior=posterior)
    experiment = ensembles.experiment(Key())
    side, node, name, record = variable(experiment, outcome)
    if f"{side}/{node}/{name}" != outcome or node == "by_region":
        raise UserError(f"--outcome {outcome}: a weekly series was expected.{nearest(outcome, (f'{side}/{node}/{name}',))}")
    if not str(held.start) < asked <= str(held.end):
        raise UserError(f"--day {asked}: a day after {held.start} and up to {held.end} was expected.")
    unit, flow = units(record)[name], units(record)[name].endswith("/week")
    quantity = Over(over=[outcome], start=str(held.start), end=asked) if flow else At(at=outcome, day=asked)
    loops = meanings(Links)
    ensembles.expected = len(loops) + len(chosen)

    def found(cut: tuple[str, ...] = (), structure: str = "default") -> np.ndarray:
        return value(quantity, Under(ensembles, structure=structure), cut=cut)

    values = found()
    changes = {loop: (meaning, values - found((loop,))) for loop, meaning in loops.items()}
    names, drawn = evidence.drawn_matrix(experiment, np.arange(draws))
    return Why(
        outcome=outcome,
        meaning=meanings(record)[name],
        unit=unit.removesuffix("/week") if flow else unit,
        day=asked,
        draws=draws,
        values=values,
        parameters=variance_shares(values, names, drawn, SHOWN),
        loops=dict(sorted(changes.items(), key=lambda item: -abs(float(np.median(item[1][1]))))),
        structures={structure: found(structure=structure) for structure in chosen if structure != "default"},
    )


def band(values: np.ndarray) -> list[float]:
    """5 %, median and 95 %."""
    return [float(number) for number in np.quantile(values, SHARES)]
