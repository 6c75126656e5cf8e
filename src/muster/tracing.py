"""Where a number of the model comes from, read off its own source: functions, parameters, inputs, states.

The expressions of a subsystem are followed back from a field of its Outputs to what they read, and each input to the keyword of
before.py or after.py that sends it. Nothing is written by hand.
"""

import ast
import importlib
import inspect
import re
from dataclasses import dataclass, field
from functools import cache

from muster import evidence
from muster.model.quantity import Record
from muster.model.world import READINGS, Regional
from muster.output import BY_REGION

NODES: dict[str, type[Record]] = READINGS | {BY_REGION: Regional}
COUNTED = dict.fromkeys(("cohorts", "register", BY_REGION), "coupling")  # readings that are taken from several subsystems
OWNERS = {node: record.__module__.rsplit(".", 1)[-1] for node, record in READINGS.items()} | COUNTED
SUBSYSTEMS = tuple(name for name in OWNERS.values() if name != "coupling")
SPLIT = {"front": "front_law"}  # a subsystem whose equations lie in two files
SUBSYSTEM_OF = {law: subsystem for subsystem, law in SPLIT.items()}
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
    """Calls of `name(...)` with arguments inside a piece of source."""
    calls = [item for item in ast.walk(node) if isinstance(item, ast.Call)]
    return [call for call in calls if (call.func.id if isinstance(call.func, ast.Name) else "") == name and (call.keywords or call.args)]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The expression of one keyword of a call."""
    return next((item.value for item in call.keywords if item.arg == name), None)


def placed(call: ast.Call, names: tuple[str, ...], name: str) -> ast.expr | None:
    """The expression that a call gives to a field by its place among the record's fields."""
    place = names.index(name) if name in names else len(call.args)
    return call.args[place] if place < len(call.args) else None


@cache
def assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """The expressions that each local name of a function is given; of `a, b = x, y` each name its own."""
    found: dict[str, list[ast.expr]] = {}
    for item in ast.walk(function):
        if isinstance(item, ast.Assign):
            for target in item.targets:
                for name, value in named(target, item.value):
                    found.setdefault(name, []).append(value)
    return found


def named(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """The names of an assignment's target, each with what it is given."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return [pair for part, given in zip(target.elts, value.elts, strict=True) for pair in named(part, given)]
    return [(part.id, value) for part in ast.walk(target) if isinstance(part, ast.Name)]


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
                if attribute and isinstance(value, ast.Attribute):
                    part = ast.Attribute(value=value, attr=attribute.attr, ctx=ast.Load())
                follow(module, function, part if part is not None else value, found)
        elif name in MADE_BY:
            enter(*MADE_BY[name], found)
        elif attribute and name in SUBSYSTEMS and attribute.attr in functions(name):  # the coupling calls a subsystem's function
            enter(name, attribute.attr, found)
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
    kind = getattr(importlib.import_module(f"muster.model.{module}"), record, None)
    hits, names = 0, tuple(getattr(kind, "__dataclass_fields__", ()))
    for name, function in functions(module).values():
        for call in built(function, record):
            expression = keyword(call, attribute) or placed(call, names, attribute)
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
        made(owner, NODES[node].__name__, name, found)
    carried_over(found)
    return owner, found, in_week
