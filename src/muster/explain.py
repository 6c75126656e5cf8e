"""From a variable of the results to its equation: meaning, unit, chapter, functions, what feeds it, parameters with their sources.

Nothing is written by hand: the expressions of the subsystem's own source are followed back from the field of its Outputs to the
parameters and inputs that they read, and each input to the keyword of before.py or after.py that sends it.
"""

import ast
import importlib
import inspect
import re
from dataclasses import dataclass, field
from functools import cache

from muster import evidence
from muster.errors import UserError, nearest
from muster.evidence import Citation
from muster.experiment import Experiment, build
from muster.model.quantity import Record, headlines, meanings, units
from muster.model.world import READINGS

OWNERS = {node: record.__module__.rsplit(".", 1)[-1] for node, record in READINGS.items()} | {"cohorts": "coupling", "register": "coupling"}
SUBSYSTEMS = tuple(name for name in OWNERS.values() if name != "coupling")
SPLIT = {"front": "front_law"}  # a subsystem whose equations lie in two files
COUPLING = ("before", "after", "week", "coupling")
FLOWS = {"fight": ("front", "Fight"), "flows": ("morale", "Flows"), "moves": ("front", "Moves"), "calls": ("callup", "Flows")}
MADE_BY = {"experience": ("coupling", "experience_by_cohort")}  # an argument of the coupling's own functions
OWNER_OF = {"people": "demography", "latest": "world"}


@dataclass
class Found:
    """What an expression rests on."""

    functions: dict[tuple[str, str], str] = field(default_factory=dict)  # (module, function) -> first line of its docstring
    parameters: dict[tuple[str, str], None] = field(default_factory=dict)  # (subsystem, name), in the order in which they are met
    inputs: dict[tuple[str, str], None] = field(default_factory=dict)
    carried: dict[tuple[str, str], None] = field(default_factory=dict)
    seen: set = field(default_factory=set)


@cache
def tree(module: str) -> ast.Module:
    """The source of a module of the model."""
    return ast.parse(inspect.getsource(importlib.import_module(f"muster.model.{module}")))


@cache
def functions(module: str) -> dict[str, tuple[str, ast.FunctionDef]]:
    """Functions of a subsystem by name, with the module in which each stands."""
    modules = [module, SPLIT[module]] if module in SPLIT else [module]
    return {item.name: (name, item) for name in reversed(modules) for item in tree(name).body if isinstance(item, ast.FunctionDef)}


def built(node: ast.AST, name: str) -> list[ast.Call]:
    """Calls of `name(...)` with keywords inside a piece of source."""
    calls = [item for item in ast.walk(node) if isinstance(item, ast.Call)]
    return [call for call in calls if (call.func.id if isinstance(call.func, ast.Name) else "") == name and call.keywords]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The expression of one keyword of a call."""
    return next((item.value for item in call.keywords if item.arg == name), None)


@cache
def assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """The expressions that each local name of a function is given."""
    found: dict[str, list[ast.expr]] = {}
    for item in ast.walk(function):
        if isinstance(item, ast.Assign):
            for target in item.targets:
                for name in [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]:
                    found.setdefault(name, []).append(item.value)
    return found


def kinds(function: ast.FunctionDef) -> dict[str, str]:
    """The record of each annotated argument of a function, by the argument's name."""
    return {item.arg: ast.unparse(item.annotation) for item in function.args.args if item.annotation}


def follow(module: str, function: ast.FunctionDef, expression: ast.AST, found: Found) -> None:
    """Adds to `found` all that an expression inside a function rests on."""
    local, records = assigned(function), kinds(function)
    if records.get("side") == "Side":  # the coupling sees whole states
        found.carried |= dict.fromkeys(re.findall(r"\bside\.(\w+)\.(\w+)", ast.unparse(expression)))
    attributes = {id(item.value): item for item in ast.walk(expression) if isinstance(item, ast.Attribute)}
    for item in ast.walk(expression):
        if not isinstance(item, ast.Name):
            continue
        name, attribute = item.id, attributes.get(id(item))
        key = module, function.name, name, attribute.attr if attribute else ""
        if key in found.seen:
            continue
        found.seen.add(key)
        if name in functions(module) and name not in local and name not in records:
            enter(module, name, found)
        elif attribute and (name in records or name in FLOWS or name in ("p", "params")):
            read(module, records.get(name, ""), name, attribute.attr, found)
        elif name in local:
            for value in local[name]:
                part = keyword(value, attribute.attr) if attribute and isinstance(value, ast.Call) else None
                follow(module, function, part if part is not None else value, found)
        elif name in MADE_BY:
            enter(*MADE_BY[name], found)
        elif any(item.arg == name for item in function.args.args):
            argument(module, function, name, attribute.attr if attribute else "", found)


def argument(module: str, function: ast.FunctionDef, name: str, attribute: str, found: Found) -> None:
    """An argument without a record: what the subsystem's own calls give it, else what the coupling sends."""
    place, given = [item.arg for item in function.args.args].index(name), []
    for _, caller in functions(module).values():
        for call in [item for item in ast.walk(caller) if isinstance(item, ast.Call) and ast.unparse(item.func) == function.name]:
            value = call.args[place] if place < len(call.args) else keyword(call, name)
            if value is not None and caller is not function:
                given.append((caller, value))
    for caller, value in given:
        whole = ast.Attribute(value=value, attr=attribute, ctx=ast.Load()) if attribute else value
        follow(module, caller, whole, found)
    if not given and module in SUBSYSTEMS:
        found.inputs[module, name] = None


def read(module: str, record: str, name: str, attribute: str, found: Found) -> None:
    """A field that is read of an argument: a parameter, an input, a state, or something made elsewhere in the subsystem."""
    owner = record.split(".")[0] if "." in record else module
    kind = record.rsplit(".", 1)[-1]
    if name in FLOWS and not record:
        owner, kind = FLOWS[name]
    if kind == "Params" or name in ("p", "params"):
        if attribute in evidence.parameters().get(owner, {}):
            found.parameters[owner, attribute] = None
    elif kind == "Inputs":
        found.inputs[owner, attribute] = None
    elif kind == "State":
        found.carried[owner, attribute] = None
    elif kind in ("Fight", "Flows", "Moves", "Field", "Goods", "Leaving", "Joining", "Picture"):
        made(owner, kind, attribute, found)


def made(module: str, record: str, attribute: str, found: Found) -> bool:
    """Follows the expressions that give a field of a record of a subsystem; False where there is none."""
    hits = 0
    for name, function in functions(module).values():
        for call in built(function, record):
            expression = keyword(call, attribute)
            if expression is not None:
                hits += 1
                found.functions.setdefault((name, function.name), told(function))
                follow(module, function, expression, found)
    return hits > 0


def carried_over(found: Found) -> None:
    """Where nothing but carried states was met, such as a stock that is read: what the subsystem writes into them."""
    for subsystem, name in list(found.carried):
        if subsystem in SUBSYSTEMS and not found.parameters:
            for record in ("State", "replace"):
                made(subsystem, record, name, found)


def enter(module: str, name: str, found: Found) -> None:
    """A function of the subsystem: everything that it computes."""
    place, function = functions(module)[name]
    found.functions.setdefault((place, name), told(function))
    for statement in function.body:
        follow(module, function, statement, found)


def told(function: ast.FunctionDef) -> str:
    """The first line of a function's docstring."""
    return (ast.get_docstring(function) or "").split("\n")[0]


@cache
def sent(subsystem: str) -> dict[str, tuple[str, str]]:
    """What the coupling sends to a subsystem: input -> (function of before.py or after.py, expression)."""
    arrows: dict[str, tuple[str, str]] = {}
    for module in COUPLING:
        for function in [item for item in tree(module).body if isinstance(item, ast.FunctionDef)]:
            for call in [item for item in ast.walk(function) if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)]:
                target = ast.unparse(call.func)
                if not target.startswith(f"{subsystem}."):
                    continue
                place, called = f"{module}.{function.name}", functions(subsystem).get(target.split(".", 1)[1])
                names = [item.arg for item in called[1].args.args] if called else []
                given = dict(zip(names, call.args, strict=False)) | {item.arg: item.value for item in call.keywords if item.arg}
                for name, expression in given.items():
                    if name in ("params", "dt", "structure", "setting", "state", "levers"):
                        continue
                    if target == f"{subsystem}.Inputs" or name not in arrows:
                        arrows[name] = (place, resolved(function, expression))
    return arrows


def resolved(function: ast.FunctionDef, expression: ast.expr) -> str:
    """An expression as text; a local name is replaced by what it was given."""
    values = assigned(function).get(expression.id, []) if isinstance(expression, ast.Name) else []
    return " ".join(ast.unparse(values[0] if values else expression).split())


def origins(text: str) -> list[str]:
    """The subsystems, levers and readings that an expression of the coupling names."""
    named = re.findall(r"\b(?:side|b|here)\.(?:latest\.)?(\w+)", text) + re.findall(r"\b(\w+)_out\b", text)
    named += [FLOWS[name][0] for name in FLOWS if re.search(rf"\b{name}\b", text)]
    known = {"levers", "noise", "clock", "war", *SUBSYSTEMS}
    owners = [OWNER_OF.get(name, name) for name in named if name]
    return sorted({owner for owner in owners if owner in known})


def variable(experiment: Experiment, path: str) -> tuple[str, str, str, type[Record]]:
    """Side, node and name of a variable, and its record; an unknown one is told with the nearest."""
    known = [f"{side}/{node}/{name}" for side in experiment.sides for node, record in READINGS.items() for name in units(record)]
    if path not in known:
        raise UserError(f'There is no variable "{path}" in {experiment.name}.{nearest(path, known)}')
    side, node, name = path.split("/")
    return side, node, name, READINGS[node]


def replaced(node: str, name: str) -> str | None:
    """The expression by which week.py replaces a reading of a subsystem, if it does."""
    for item in ast.walk(tree("week")):
        if isinstance(item, ast.Dict):
            for key, value in zip(item.keys, item.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == node and isinstance(value, ast.Call):
                    expression = keyword(value, name)
                    return None if expression is None else ast.unparse(expression)
    return None


@cache
def rests_on(node: str, name: str) -> tuple[str, Found, str | None]:
    """The subsystem that gives a reading, what the reading rests on, and the expression of week.py that replaces it, if one does."""
    owner, found, in_week = OWNERS[node], Found(), replaced(node, name)
    if in_week:  # such as the vehicles after the week's losses
        source = in_week.split(".")[0].removesuffix("_out").removeprefix("new_")
        owner = OWNER_OF.get(source, source)
        attribute = in_week.split(".")[1].split("[")[0].split(" ")[0]
        if not made(owner, "Outputs", attribute, found):
            found.carried[owner, attribute] = None
    else:
        made(owner, READINGS[node].__name__, name, found)
    carried_over(found)
    return owner, found, in_week


def explain(path: str, scenario: str | Experiment = "russia-ukraine-2022") -> dict:
    """Where a variable of the results comes from: meaning, unit, equations, inputs, state, parameters with grade and source."""
    experiment = build(scenario, draws=1) if isinstance(scenario, str) else scenario
    side, node, name, record = variable(experiment, path)
    owner, found, in_week = rests_on(node, name)
    equations = [{"place": f"{module}.{function}", "says": says} for (module, function), says in found.functions.items()]
    places = [SUBSYSTEM_OF.get(module, module) for module, _ in found.functions] + [owner for owner, _ in found.carried]
    chapters = sorted({owner, *places} & set(SUBSYSTEMS) or {subsystem for subsystem, _ in found.parameters})
    return {
        "variable": path,
        "meaning": meanings(record)[name],
        "unit": units(record)[name],
        "headline": name in headlines(record),
        "chapters": [chapter(one, found) for one in chapters],
        "expression": in_week,
        "functions": equations,
        "inputs": [incoming(subsystem, one) for subsystem, one in found.inputs if one in sent(subsystem)],
        "carried": [f"{subsystem}.{one}" for subsystem, one in found.carried],
        "parameters": [parameter(experiment, side, subsystem, one) for subsystem, one in found.parameters],
    }


SUBSYSTEM_OF = {law: subsystem for subsystem, law in SPLIT.items()}


def chapter(subsystem: str, found: Found) -> dict:
    """The chapter of a subsystem and the numbers of the equations that are met."""
    texts = [says for (module, _), says in found.functions.items() if SUBSYSTEM_OF.get(module, module) == subsystem]
    numbers = {number for text in texts for span in re.findall(r"eq\. ([\d, and-]+)", text) for number in spread(span)}
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
    scope = "war" if entry.per == "war" else side
    held = experiment.overrides.get(f"{scope}/{subsystem}.{name}") or entry.of(side)
    citations: tuple[Citation, ...] = getattr(held, "sources", ()) or entry.sources
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
