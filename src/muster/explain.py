"""From a variable of the results to its equation: meaning, unit, chapter, functions, what feeds it, parameters with their sources."""

import importlib
import re

from muster import evidence
from muster.errors import UserError, nearest
from muster.evidence import Value
from muster.experiment import Experiment, build
from muster.model.quantity import Record, headlines, meanings, units
from muster.tracing import NODES, SUBSYSTEM_OF, SUBSYSTEMS, Found, origins, rests_on, sent

SUMMARIES = ("_quantiles", "_mean")  # of the draws, in results.nc
EQUATIONS = {  # of readings that a step or the coupling takes without a function that names its equation
    "register/reachable_none": ("callup", 4),
    "register/reachable_served": ("callup", 4),
    "register/reachable_combat": ("callup", 4),
    "callup/prisoners": ("callup", 10),
    "callup/outside_men": ("callup", 10),
    "cohorts/quality": ("front", 2),
    "training/course_length": ("training", 1),
    "training/first_men_inducted": ("training", 1),
    "front/captured": ("front", 6),
    "front/area_controlled": ("front", 7),
    "front/fortification": ("front", 7),
    "front/goal": ("front", 1),
    "command/unequipped_share": ("command", 6),
    "economy/adaptation": ("economy", 2),
    "arms/components": ("arms", 5),
    "regions/deaths_per_10k_men": ("regions", 6),
    "regions/seceded": ("regions", 6),
    "by_region/men": ("demography", 8),
    "by_region/serving": ("demography", 11),
    "by_region/dead": ("demography", 1),
    "by_region/disabled": ("demography", 6),
    "by_region/called_up": ("callup", 7),
    "by_region/volunteers": ("callup", 8),
    "by_region/evading": ("callup", 7),
    "by_region/abroad": ("society", 6),
    "by_region/trust": ("society", 3),
    "by_region/support": ("society", 1),
    "by_region/grievance": ("regions", 2),
    "by_region/movement": ("regions", 6),
    "by_region/left": ("regions", 6),
}


def variable(experiment: Experiment, path: str) -> tuple[str, str, str, type[Record]]:
    """Side, node and name of a variable, and its record; an unknown one is told with the nearest."""
    known = [f"{side}/{node}/{name}" for side in experiment.sides for node, record in NODES.items() for name in units(record)]
    whole = next((path.removesuffix(end) for end in SUMMARIES if path.removesuffix(end) in known), path)
    if whole not in known:
        raise UserError(f'There is no variable "{path}" in {experiment.name}.{nearest(path, known)}')
    side, node, name = whole.split("/")
    return side, node, name, NODES[node]


def explain(path: str, scenario: str | Experiment = "russia-ukraine-2022") -> dict:
    """Where a variable of the results comes from: meaning, unit, equations, inputs, state, parameters with grade and source."""
    experiment = build(scenario, draws=1) if isinstance(scenario, str) else scenario
    side, node, name, record = variable(experiment, path)
    owner, found, in_week = rests_on(node, name)
    equations = [{"place": f"{module}.{function}", "says": says} for (module, function), says in found.functions.items()]
    places = [SUBSYSTEM_OF.get(module, module) for module, _ in found.functions] + [owner for owner, _ in found.carried]
    reference, number = EQUATIONS.get(f"{node}/{name}", (owner, None))
    chapters = sorted({owner, reference, *places} & set(SUBSYSTEMS) or {subsystem for subsystem, _ in found.parameters})
    return {
        "variable": path,
        "meaning": meanings(record)[name],
        "unit": units(record)[name],
        "headline": name in headlines(record),
        "chapters": [chapter(one, found, number if one == reference else None) for one in chapters],
        "expression": in_week,
        "functions": equations,
        "inputs": [incoming(subsystem, one) for subsystem, one in found.inputs if one in sent(subsystem)],
        "carried": [f"{subsystem}.{one}" for subsystem, one in found.carried],
        "parameters": [parameter(experiment, side, subsystem, one) for subsystem, one in found.parameters],
    }


def chapter(subsystem: str, found: Found, number: int | None) -> dict:
    """The chapter of a subsystem and the numbers of the equations that are met, or the one `number` that the reading has."""
    texts = [says for (module, _), says in found.functions.items() if SUBSYSTEM_OF.get(module, module) == subsystem]
    numbers = {one for text in texts for span in re.findall(r"eq\. ([\d, and-]+)", text) for one in spread(span)}
    numbers = {number} if number else numbers
    return {"file": f"docs/model/{subsystem}.md", "section": "Equations", "equations": sorted(numbers)}


def spread(span: str) -> list[int]:
    """Numbers of '4-6' or '2 and 5'; a span of a whole chapter, such as a step's, says nothing and is left out."""
    found = []
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", span):
        found += range(int(first), int(last or first) + 1) if int(last or first) - int(first) < 4 else ()
    return found


def incoming(subsystem: str, name: str) -> dict:
    """One input: meaning and unit where they are declared, who sends it, and the expression of the coupling."""
    record = getattr(importlib.import_module(f"muster.model.{subsystem}"), "Inputs", None)
    place, expression = sent(subsystem)[name]
    return {
        "name": f"{subsystem}.{name}",
        "unit": units(record).get(name) if record else None,
        "meaning": meanings(record).get(name) if record else None,
        "from": origins(expression),
        "expression": expression,
        "place": place,
    }


def parameter(experiment: Experiment, side: str, subsystem: str, name: str) -> dict:
    """One parameter with the value, range and sources that it has for this side in this scenario."""
    entry = evidence.parameters()[subsystem][name]
    stream = f"{'war' if entry.per == 'war' else side}/{subsystem}.{name}"
    held, fixed = experiment.overrides.get(stream) or entry.of(side), experiment.fixed.get(stream)
    citations = evidence.cited(experiment, stream, subsystem, name, held)
    held = held if fixed is None else Value(value=fixed, range=(fixed, fixed))
    known = evidence.sources()
    return {
        "name": f"{subsystem}.{name}",
        "symbol": entry.symbol,
        "meaning": entry.meaning,
        "unit": entry.unit,
        "value": held.value,
        "range": list(held.range),
        "grades": sorted({citation.grade for citation in citations}),
        "sources": [known[citation.key].title if citation.key in known else citation.key for citation in citations],
    }
