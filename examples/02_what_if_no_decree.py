"""Ask what would have been: a quantity under one policy less the same under another, on the same parameters and luck.

A claim says "the decree brought X". The question behind it is never X alone, but X with the decree less X without. Both runs share every
uncertain number and all luck, so that only the decision differs: the difference is far better known than either of its terms.
Run it with `python examples/02_what_if_no_decree.py`.
"""

import numpy as np

from muster.ensembles import Ensembles, Under
from muster.model.structure import Structure
from muster.propositions import value
from muster.quantities import At, Effect

DRAWS = 40
SIDE, DAY = "north", "2001-07-05"


def answers() -> tuple[np.ndarray, np.ndarray]:
    """Men in the theatre a year after the decree of the scenario toy [draw], and what the decree has changed of it [draw]."""
    # A policy may be a name of the library or the path of a file. Here it is a file next to this one.
    policy = __file__.replace("02_what_if_no_decree.py", "no-decree-of-north.yaml")
    runs = Under(Ensembles("toy", DRAWS, 1, {"default": Structure()}, kept=frozenset({f"{SIDE}/front/troops"})))
    troops = At(at=f"{SIDE}/front/troops", day=DAY)
    return value(troops, runs), value(Effect(effect=troops, against=policy), runs)


def main() -> None:
    """Says both spreads."""
    happened, difference = answers()
    for name, values in (("Men in the theatre", happened), ("of them because of the decree", difference)):
        low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
        print(f"{name}: {middle:,.0f} ({low:,.0f} to {high:,.0f})")


if __name__ == "__main__":
    main()
