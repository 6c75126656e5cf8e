"""What is wrong with a claim's file, told in one sentence: names, units and dates of quantities, checked without a run."""

import datetime
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from muster.battles import ERAS
from muster.errors import UserError, nearest
from muster.model.coupling import Links
from muster.model.levers import COHORTS
from muster.observe import series
from muster.quantities import (
    FORMS,
    Adjusted,
    At,
    BayesFactor,
    Difference,
    Effect,
    Explained,
    Fitted,
    Fought,
    LagShare,
    Over,
    Ratio,
    Regional,
    Regions,
    Scaled,
    days,
    every,
    form_of,
    parts,
    paths,
)
from muster.reading import unit_of
from muster.scenario import Policy, load_policy, overlay, set_value

Checked = TypeVar("Checked", bound=BaseModel)
BY_REGION = {
    "men": "person", "serving": "person", "dead": "person", "disabled": "person", "called_up": "person", "volunteers": "person",
    "evading": "person", "abroad": "person", "trust": "1", "support": "1", "grievance": "1", "movement": "1", "left": "1",
    "men_18_49": "person",
}  # fmt: skip
COVARIATES = ("income", "nominal_income", "poverty_rate", "unemployment_rate", "urban_share")


def where_wrong(model: type[Checked], data, name: str, lines_of: Callable[[], dict[str, int]]) -> Checked:
    """data as a record of a model; what is wrong is told with file, line and key, and with the nearest valid name."""
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        errors = problem.errors()
    first = sorted(errors, key=lambda error: error["type"] != "extra_forbidden")[0]  # a misspelt key first
    path, form = without_tags(first["loc"])
    lines = lines_of()
    key = at = ".".join(path)
    while at and at not in lines:
        at = at.rpartition(".")[0]
    place = f"{name}, line {lines[at]}, key {key}" if at else f"{name}, key {key}" if key else name
    raise UserError(f"{place}: {reason(model, first, path, form)}") from None


def without_tags(loc: tuple) -> tuple[list[str], str | None]:
    """The keys of a file that lead to a place of its record, and the form of quantity that the place lies in."""
    path: list[str] = []
    form, holder, tag_next = None, "", False
    for part in loc:
        if tag_next:
            form, tag_next = str(part), False
            continue
        path.append(str(part))
        tag_next = part in ("quantity", *ONE_INSIDE) or (isinstance(part, int) and holder in SOME_INSIDE)
        holder = holder if isinstance(part, int) else str(part)
    return path, form


ONE_INSIDE = ("scaled", "effect", "average", "explained", "bayes_factor", "first", "second")  # keys that hold a quantity
SOME_INSIDE = ("ratio", "difference", "sum", "by", "beside")  # keys that hold a list of quantities


def reason(model: type[BaseModel], error, path: list[str], form: str | None) -> str:
    """Why, in words for the user."""
    if error["type"] == "extra_forbidden":
        known = sorted(keys_of(FORMS[form]) if form else keys_at(model, path))
        return f"unknown key.{nearest(path[-1], known)} Known keys: {', '.join(known)}."
    if error["type"] == "union_tag_not_found":
        given = list(error["input"]) if isinstance(error["input"], dict) else []
        close = next((found for word in given if (found := nearest(str(word), FORMS))), "")
        return f"no known form of a quantity.{close} A quantity has one of the keys {', '.join(FORMS)}."
    if error["type"] == "missing":
        return "missing."
    if error["type"] == "string_pattern_mismatch" and path[-1] in ("day", "start", "end"):
        return f'a date like 2022-09-21 in quotes was expected, found "{error["input"]}".'
    if isinstance(error["input"], datetime.date) and path[-1] in ("day", "start", "end"):
        return f"a date in quotes was expected: '{error['input']}'."
    text = error["msg"].removeprefix("Value error, ")
    return text[0].lower() + text[1:] + "."


def keys_of(model: type[BaseModel]) -> set[str]:
    """The keys of a record in a file."""
    return {field.alias or name for name, field in model.model_fields.items()}


def keys_at(model: type[BaseModel], path: list[str]) -> set[str]:
    """The keys that a record at a place of a model may have."""
    current = model
    for part in path[:-1]:
        if part in current.model_fields:
            current = record_in(current.model_fields[part].annotation) or current
    return keys_of(current)


def record_in(annotation) -> type[BaseModel] | None:
    """The record that a field's type holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := record_in(part))), None)


def check_quantity(quantity, scenario, where: str, policy: str) -> None:
    """Whether a scenario has the series, cohorts, dates, policies and regions that a quantity names."""
    under(scenario, policy, where)
    for part in every(quantity):
        for path in paths(part):
            check_path(path, getattr(part, "cohort", None), scenario, where)
        check_days(days(part), scenario, where)
        match part:
            case Effect():
                for name in (part.policy, part.against):
                    under(scenario, name, where)
                for text in part.fixed:
                    set_value(scenario, text)
                for name in part.cut:
                    if name not in Links.__dataclass_fields__:
                        raise UserError(f'{where}: there is no loop "{name}".{nearest(name, [f.name for f in fields(Links)])}')
            case Fitted() if part.era is not None and part.era not in ERAS:
                raise UserError(f'{where}: there is no era "{part.era}" of battles.{nearest(part.era, ERAS)} Known: {", ".join(ERAS)}.')
            case Regional():
                check_by_region(part.regional, scenario, where)
            case Regions():
                for path in (part.regions, part.per):
                    check_by_region(path, scenario, where)
            case Adjusted():
                for path in (part.adjusted, part.per):
                    check_by_region(path, scenario, where)
                for name in part.for_:
                    if name not in COVARIATES:
                        raise UserError(f'{where}: there is no covariate "{name}".{nearest(name, COVARIATES)}')
            case _:
                pass
    unit_of_quantity(quantity, where)


def under(scenario, policy: str, where: str) -> None:
    """Whether a policy is there and fits the scenario."""
    try:
        overlay(scenario, policy_of(policy))
    except UserError as problem:
        raise UserError(f"{where}: {problem}") from None


@cache
def policy_of(name: str) -> Policy:
    """A policy, read once: many readings name the same."""
    return load_policy(name)


def check_path(path: str, cohort: str | None, scenario, where: str) -> None:
    """Whether a side has a series, and it the cohort."""
    side, _, rest = path.partition("/")
    if side not in scenario.sides:
        raise UserError(f'{where}: "{path}" begins with no side of {scenario.name}.{nearest(side, scenario.sides)}')
    if rest not in series():
        raise UserError(f'{where}: there is no series "{path}".{nearest(path, [f"{side}/{name}" for name in series()])}')
    by_cohort = series()[rest][1]
    if by_cohort != (cohort is not None):
        raise UserError(f'{where}: "{path}" has {"cohorts: name one of " + ", ".join(COHORTS) if by_cohort else "no cohorts"}.')
    if cohort is not None and cohort not in COHORTS:
        raise UserError(f'{where}: there is no cohort "{cohort}".{nearest(cohort, COHORTS)} Known: {", ".join(COHORTS)}.')


def check_by_region(path: str, scenario, where: str) -> None:
    """Whether a side has a reading by region."""
    side, _, name = path.partition("/")
    if side not in scenario.sides:
        raise UserError(f'{where}: "{path}" begins with no side of {scenario.name}.{nearest(side, scenario.sides)}')
    if name not in BY_REGION:
        raise UserError(f'{where}: there is no reading "{name}" by region.{nearest(name, BY_REGION)} Known: {", ".join(BY_REGION)}.')


def check_days(given: list[str], scenario, where: str) -> None:
    """Whether dates lie within the scenario, and a window ends after it begins."""
    for text in given:
        try:
            day = datetime.date.fromisoformat(text)
        except ValueError:
            raise UserError(f'{where}: "{text}" is no date.') from None
        if not scenario.start <= day <= scenario.end:
            raise UserError(f"{where}: {text} lies outside {scenario.name}, which goes from {scenario.start} to {scenario.end}.")
    if len(given) == 2 and given[1] < given[0]:
        raise UserError(f"{where}: the window from {given[0]} to {given[1]} ends before it begins.")


def unit_of_quantity(quantity, where: str) -> str:
    """The unit of a quantity, from the units of its series; parts that are added must have the same."""
    match quantity:
        case Over():
            found = {times_weeks(series()[path.partition("/")[2]][0]) for path in quantity.over}
            return one_of(found, where)
        case Ratio():
            top, bottom = (unit_of_quantity(part, where) for part in quantity.ratio)
            return simplified(unit_of(top) / unit_of(bottom))
        case Scaled():
            return simplified(unit_of(unit_of_quantity(quantity.scaled, where)) * unit_of(quantity.unit))
        case Effect():
            return "1" if quantity.relative else unit_of_quantity(quantity.effect, where)
        case Explained() | BayesFactor() | LagShare() | Regions() | Adjusted() | Fitted():
            return "1"
        case Fought():
            return "person/km" if quantity.table == "men_per_km" else "1"
        case Regional():
            return BY_REGION[quantity.regional.partition("/")[2]]
        case Difference() | _ if parts(quantity):
            return one_of({unit_of_quantity(part, where) for part in parts(quantity)}, where)
        case At():
            return series()[quantity.at.partition("/")[2]][0]
        case _:
            read = paths(quantity)
            return "week" if form_of(quantity) == "lag" else series()[read[0].partition("/")[2]][0]


def one_of(found: set[str], where: str) -> str:
    """The one unit that parts share."""
    if len(found) > 1:
        raise UserError(f"{where}: parts of one unit were expected, found {' and '.join(sorted(found))}.")
    return found.pop()


def times_weeks(unit: str) -> str:
    """The unit of a series summed over weeks."""
    return simplified(unit_of(unit) * unit_of("week"))


def simplified(unit) -> str:
    """A unit in the words of quantity(): person/week, km2, and 1 without dimension."""
    powers = sorted(dict(unit._units).items())
    short = {"kilometer": "km"}
    words = {sign: [spelled(short.get(name) or name, abs(p)) for name, p in powers if p * sign > 0] for sign in (1, -1)}
    return "/".join(["*".join(words[1]) or "1", *words[-1]])


def spelled(name: str, power: float) -> str:
    """A unit to a power."""
    return name if power == 1 else f"{name}{power:g}"
