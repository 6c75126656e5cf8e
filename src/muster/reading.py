"""The door for text: YAML without its dangers, and numbers with their units, converted once."""

import datetime
import math
import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

from muster.errors import UserError

LIMIT = 1_000_000  # bytes of a YAML file


Parser: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # the first takes a sixth of the time


class Loader(Composer, Parser):
    """Plain mappings, lists, texts, numbers, dates, true and false: no tags, anchors, aliases or duplicate keys."""

    def __init__(self, text: str):
        Parser.__init__(self, text)
        Composer.__init__(self)

    def compose_node(self, parent, index):
        """Refuses anchors, aliases and tags."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise refusal(self.name, event.start_mark.line, "anchors and aliases (& and *) are not allowed: write the value out")
        if getattr(event, "tag", None):
            raise refusal(self.name, event.start_mark.line, "tags (!) are not allowed: write a plain value")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        """Refuses a key that stands twice."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (dict, list)):
                raise refusal(self.name, key_node.start_mark.line, "a key must be a plain word")
            if str(key) in seen:
                raise refusal(self.name, key_node.start_mark.line, f'the key "{key}" stands twice')
            seen.add(str(key))  # a date and its text are the same key
        return super().construct_mapping(node, deep=deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag.rsplit(":", 1)[1] not in ("bool", "merge", "float")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
FLOAT = re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def refusal(name: str, line: int, reason: str) -> UserError:
    """The error for a line of a file (counted from 0)."""
    return UserError(f"{name}, line {line + 1}: {reason}.")


def read_text(path: Path) -> str:
    """A text file of at most LIMIT bytes; every other thing is refused in one sentence."""
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder; a YAML file was expected.")
        size = path.stat().st_size
        if size > LIMIT:
            raise UserError(f"{path} has {size:,} bytes; at most {LIMIT:,} are read.")
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before the first letter
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8.") from None
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be read: {problem}.") from None


def parse_yaml(text: str, name: str) -> dict:
    """The mapping that a YAML text holds."""
    if len(text.encode()) > LIMIT:
        raise UserError(f"{name} has {len(text.encode()):,} bytes; at most {LIMIT:,} are read.")
    try:
        loader = Loader(text)
        loader.name = name
        try:
            data = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        number = mark.line if mark else 0
        tab = any("\t" in line for line in text.splitlines()[number : number + 1])
        raise refusal(name, number, f"not valid YAML ({problem.problem}{'; indent with spaces, not tabs' if tab else ''})") from None
    except yaml.YAMLError as problem:
        raise UserError(f"{name}: not valid YAML ({str(problem).splitlines()[0]}).") from None
    except ValueError as problem:  # of a date that no calendar has
        raise UserError(f"{name}: not valid YAML ({str(problem).splitlines()[0]}); a date is written 2022-09-21.") from None
    except RecursionError:
        raise UserError(f"{name}: nested too deeply.") from None
    if not isinstance(data, dict):
        raise UserError(f"{name}: a mapping of keys to values was expected, found {'nothing' if data is None else type(data).__name__}.")
    return data


def read_yaml(path: Path) -> dict:
    """The mapping that a YAML file holds."""
    return parse_yaml(read_text(path), str(path))


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muster"


@cache
def registry():
    """The units that files may use."""
    import pint

    folder = cache_folder() / "pint"
    try:
        units = pint.UnitRegistry(cache_folder=folder)  # reading pint's definitions takes a fifth of a second
    except Exception:  # the folder cannot be written to, or holds what a full disk cut short: pickle raises anything
        shutil.rmtree(folder, ignore_errors=True)
        units = pint.UnitRegistry()
    for line in (
        "person = [people] = men = man = people = soldiers",
        "shell = [shells] = shells = rounds",
        "vehicle = [vehicles] = vehicles",
    ):
        units.define(line)
    units.define("EUR = [money]")
    return units


@cache
def unit_of(text: str):
    """A unit written as in quantity(): '1' is dimensionless, km2 is km**2."""
    return registry().Unit("dimensionless" if text == "1" else re.sub(r"km2\b", "km**2", text))


QUANTITY = re.compile(r"^\s*([-+]?[0-9][0-9_,]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?)\s*((?:[^\W\d]|%|1\s*/).*?)?\s*$")
THOUSANDS = re.compile(r"^[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")


def convert(value, unit: str, where: str) -> float:
    """A number in the model's unit: a bare number is in that unit already, a text carries its own."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UserError(f"{where}: a number in {unit} was expected, found {value!r}.")
    if isinstance(value, (int, float)):
        return finite(float(value), where)
    found = QUANTITY.match(value)
    if not found:
        expected = "a number" if unit == "1" else f'a number with a unit (such as "12 {unit}")'
        raise UserError(f'{where}: {expected} was expected, found "{value}".')
    if "," in found[1] and not THOUSANDS.match(found[1]):
        raise UserError(f'{where}: a point before decimals was expected (1.5), found "{value}"; commas only group thousands (1,500).')
    number = float(found[1].replace(",", "").replace("_", ""))
    if not found[2]:
        return finite(number, where)
    known = registry()
    try:
        given = unit_of("percent" if found[2] == "%" else found[2])
        return finite(float(known.Quantity(number, given).to(unit_of(unit)).magnitude), where)
    except UserError:
        raise
    except Exception:  # pint raises a family of unrelated errors
        expected = "a plain number" if unit == "1" else f"a unit like {unit}"
        raise UserError(f'{where}: "{value}" does not have the unit that was expected: {expected}.') from None


def finite(number: float, where: str) -> float:
    """The number, if it is one."""
    if not math.isfinite(number):
        raise UserError(f"{where}: a finite number was expected, found {number}.")
    return number


def date(value, where: str) -> datetime.date:
    """A date written 2022-09-21."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise UserError(f'{where}: a date like 2022-09-21 was expected, found "{value}".') from None


def key_lines(text: str) -> dict[str, int]:
    """The line of every key of a YAML text, counted from 1: 'readings.0.until' -> 14. The text has been read before."""
    found: dict[str, int] = {}

    def walk(node, path: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                place = f"{path}.{key.value}" if path else str(key.value)
                found[place] = key.start_mark.line + 1
                walk(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[f"{path}.{number}"] = value.start_mark.line + 1
                walk(value, f"{path}.{number}")

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        walk(root, "")
    return found
