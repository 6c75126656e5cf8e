"""Which published figures speak of a quantity: those on its series, and those on a series that counts the same men, machines or ground."""

from muster.observe import observations
from muster.quantities import every, paths
from muster.weights import Weighed

MEASURED_BY = {  # a series that no figure names -> series of the same side whose figures count the same, or what it is made of
    "cohorts/called_up": ("callup/called_up",),
    "cohorts/losses": ("cohorts/killed",),
    "people/dead": ("front/killed",),
    "arms/afv": ("arms/tanks_lost", "arms/carriers_lost", "arms/tanks_made", "arms/tanks_restored"),
}
SHARED = "front/area_controlled"  # what one side holds the other does not: figures on either speak of both


def series_that_speak(quantity, sides: tuple[str, str]) -> frozenset[str]:
    """Series, SIDE/SUBSYSTEM/NAME, whose figures speak of a quantity of a war of two sides."""
    found: set[str] = set()
    for read in (path for part in every(quantity) for path in paths(part)):
        side, _, name = read.partition("/")
        found |= {f"{side}/{other}" for other in (name, *MEASURED_BY.get(name, ()))}
        found |= {f"{other}/{name}" for other in sides if name == SHARED}
    return frozenset(found)


def evidence_of(quantity, sides: tuple[str, str], weighed: Weighed | None) -> dict[str, dict[str, int]]:
    """Observations that speak of a quantity, by side and camp: those used, or those that a fit would use."""
    speak = series_that_speak(quantity, sides)
    found: dict[str, dict[str, int]] = {}
    for row in weighed.used if weighed else [row for row in observations() if row.use == "fit"]:
        if any(f"{row.side}/{part}" in speak for part in row.path.replace(" / ", "+").split("+")):
            camps = found.setdefault(row.side, {})
            camps[row.camp] = camps.get(row.camp, 0) + 1
    return found
