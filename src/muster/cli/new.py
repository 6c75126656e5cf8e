"""muster new: commented templates that run as they are. The comments are made from what the code and the library say of each number."""

import os
import re
import shlex
import sys
import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from muster.errors import UserError

KEY = re.compile(r"^(?P<indent> *)(?P<key>[a-z_.]+):")
NAME = re.compile(r"^name: .*$", re.MULTILINE)
CLAIM_NAME = re.compile(r"^id: .*$", re.MULTILINE)
ENDINGS = (".yaml", ".yml")
TEXT = "tag:yaml.org,2002:str"
BREAKING = {"Cc", "Cs", "Zl", "Zp"}  # kinds of letters that would break the line of a comment, or that no text file holds

HEAD = """\
# A war of two sides, to be replaced number by number. It runs as it is: muster run {file} --draws 20
# - A number is in the unit of the comment above it, or carries its own ("12 week", "30 %").
# - Every number has a source: a key of the library or of `sources` below, and a grade: measured, estimated, expert, tuned or
#   assumed. The key `user` with the grade assumed says: my own judgement. `muster cite {file}` counts the grades.
# - Decisions and weather stand here, never what came of them: losses, ground and desertion are what the model computes.
# - A lever is one value, or a path by date that holds from each date to the next (between: hold) or joins them (linear).
# - What a side does not say is neutral; the end of this file lists it. Where a meaning names 2021, read: the year before the war.
"""
TAIL = """
# What else each side may say, and what holds where it does not: NAME: NEUTRAL VALUE [UNIT] meaning (why this is neutral).
# A lever is written as above: NAME: {value: ..., source: {key: ..., grade: ...}}.
"""
POLICY_LEVER = "course_length"  # which every scenario has
POLICY_HEAD = """\
# Other decisions of one side of {scenario}, to be replaced lever by lever. It runs as it is:
#   muster compare {scenario} {file} --draws 20
# - What stands under `set` replaces what was decided; all else stays: the same war, the same draws, the same luck.
# - Each lever that is set has a source (the key `user` with the grade assumed says: my own question), and under `reasons` why.
# - A lever is one value, or a path by date that holds from each date to the next (between: hold) or joins them (linear).
# - `decree: null` takes a decree away.
# - `extends: NAME` builds on another policy, of the library or a file.
name: {name}
title: Sixteen weeks of training for everybody # what the pictures and tables call it
side: {side}
set:
  # {meaning}
  {lever}: {{value: 16 week, source: {{key: user, grade: assumed}}}}
reasons:
  {lever}: "The question that this policy asks."

# Every lever as it was decided, to be copied under `set` and changed:
"""
EXAMPLE_SOURCE = "source: {key: ..., grade: ...}"

new = typer.Typer(help="Write a commented template that runs as it is.", rich_markup_mode=None)


@new.callback()
def kinds() -> None:
    """Write a commented template that runs as it is."""


@new.command()
def scenario(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the file to write, NAME.yaml; the scenario takes its name")],
    force: Annotated[bool, typer.Option("--force", help="overwrite the file if it is there")] = False,
) -> None:
    """Write a scenario of two invented sides in which every lever and every number is explained, to be replaced by a real war."""
    write(file, scenario_text(file), force)
    typer.echo(f"{file}: written. Next: muster run {shlex.quote(str(file))} --draws 20")


@new.command()
def claim(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the file to write, NAME.yaml; the claim takes its name")],
    force: Annotated[bool, typer.Option("--force", help="overwrite the file if it is there")] = False,
) -> None:
    """Write a claim about the two invented sides in which every key is explained, to be replaced by a real one."""
    write(file, claim_text(file), force)
    path = shlex.quote(str(file))
    typer.echo(f"{file}: written. Next: muster claims check {path}; muster assess toy --claims {path}")


@new.command()
def policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the file to write, NAME.yaml; the policy takes its name")],
    scenario: Annotated[str, typer.Option(metavar="NAME|FILE", help="of whose decisions it is")] = "toy",
    side: Annotated[str, typer.Option(metavar="SIDE", help="whose decisions  [the first side's]", show_default=False)] = "",
    force: Annotated[bool, typer.Option("--force", help="overwrite the file if it is there")] = False,
) -> None:
    """Write a policy that sets one lever of a side, and lists every other as it was decided, to be replaced by a question of yours."""
    write(file, policy_text(file, scenario, side), force)
    typer.echo(f"{file}: written. Next: muster compare {shlex.quote(scenario)} {shlex.quote(str(file))} --draws 20")


def policy_text(file: Path, name: str, side: str) -> str:
    """The template of a policy as text: one lever that is set, and the others of the side as they were decided."""
    from muster.errors import nearest
    from muster.model.levers import Levers
    from muster.scenario import load

    scenario = load(name)
    side = side or next(iter(scenario.sides))
    if side not in scenario.sides:
        raise UserError(f'--side {side}: "{side}" is not a side of {scenario.name}.{nearest(side, scenario.sides)}')
    head = POLICY_HEAD.format(
        file=shlex.quote(file.name), scenario=shlex.quote(name), name=quoted(name_of(file)), side=quoted(side), lever=POLICY_LEVER,
        meaning=described(Levers, POLICY_LEVER),
    )  # fmt: skip
    lines = []
    for lever, value in scenario.sides[side].levers.items():
        lines += [f"# {special_lever(lever) or described(Levers, lever)}", f"#   {lever}: {decided(value)}"]
    return head + "".join(f"{line}\n" for line in lines)


def decided(lever) -> str:
    """A lever as it was decided, in one line of YAML; its source is that of whoever changes it."""
    import yaml

    def asked(value):
        return {**value, "source": {"key": "user", "grade": "assumed"}} if isinstance(value, dict) else value

    own = [asked(entry) for entry in lever] if isinstance(lever, list) else asked(lever)
    text = yaml.safe_dump(own, default_flow_style=True, sort_keys=False, width=sys.maxsize, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def claim_text(file: Path) -> str:
    """The template of a claim as text, under the name of its file."""
    from muster.evidence import library

    plain = (library() / "templates" / "claim.yaml").read_text(encoding="utf-8")
    return CLAIM_NAME.sub(f"id: {quoted(id_of(file))}", plain, count=1).replace("FILE", shlex.quote(file.name))


def id_of(file: Path) -> str:
    """The id that a claim takes from its file: a to z without marks, and digits, as a claim's id must be."""
    bare = (letter for letter in unicodedata.normalize("NFKD", file.stem) if not unicodedata.combining(letter))
    return "-".join(re.findall("[a-z0-9]+", "".join(bare).lower())) or "mine"


def name_of(file: Path) -> str:
    """The name that a scenario takes from its file: letters of any alphabet with their marks, and digits."""
    small = unicodedata.normalize("NFC", file.stem.lower())
    kept = (letter if letter.isalnum() or unicodedata.category(letter).startswith("M") else " " for letter in small)
    return "-".join("".join(kept).split()) or "my-war"


def quoted(name: str) -> str:
    """A name as YAML reads it as a text: in quotes where it would read a number, a date, true or null."""
    import yaml

    from muster.reading import Loader

    plain = all(loader("").resolve(yaml.ScalarNode, name, (True, False)) == TEXT for loader in (Loader, yaml.SafeLoader))
    return name if plain else f"'{name}'"


def write(file: Path, text: str, force: bool) -> None:
    """Writes one file and nothing else; one that is there is kept unless force."""
    if file.suffix not in ENDINGS:
        raise UserError(f"{file}: a file name that ends in .yaml was expected.")
    if BREAKING & {unicodedata.category(letter) for letter in file.name}:
        raise UserError(f"{str(file)!r}: a file name in one line, of letters that a text can hold, was expected.")
    if file.is_dir():
        raise UserError(f"{file} is a folder; the name of a file was expected.")
    if not file.parent.is_dir():
        raise UserError(f"{file}: the folder {file.parent} does not exist; make it first.")
    if os.path.lexists(file) and not force:
        raise UserError(f"{file} exists and is kept; --force overwrites it.")
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as problem:
        raise UserError(f"{file} cannot be written: {problem.strerror}.") from None


def scenario_text(file: Path) -> str:
    """The template as text: the library's plain scenario, a comment above each number, and the list of what it leaves out."""
    from muster.evidence import library

    plain = (library() / "templates" / "scenario.yaml").read_text(encoding="utf-8")
    body = commented(NAME.sub(f"name: {quoted(name_of(file))}", plain))
    return HEAD.format(file=shlex.quote(file.name)) + body + TAIL + "".join(f"{line}\n" for line in neutral_lines())


def commented(plain: str) -> str:
    """A scenario's text with the meaning and the unit of each number above it, where it stands first."""
    lines, above, told = [], [], set()
    for line in plain.splitlines():
        found = KEY.match(line)
        if found:
            depth = len(found["indent"]) // 2
            above = [*above[:depth], found["key"]]
            words = meaning_of(above)
            if words and words not in told:
                told.add(words)
                lines.append(f"{found['indent']}# {words}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def meaning_of(path: list[str]) -> str:
    """Unit and meaning of the number at a path of keys in a scenario, nothing where there is none."""
    from muster.model.levers import Ground, Levers, Setting

    match path:
        case ["ground", name]:
            return described(Ground, name)
        case ["sides", _, "setting", name]:
            return described(Setting, name)
        case ["sides", _, "levers", name]:
            return special_lever(name) or described(Levers, name)
        case ["overrides", name]:
            return parameter(name)
        case [name]:
            return TOP.get(name, "")
        case _:
            return ""


TOP = {
    "start": "first day; the model steps by weeks",
    "end": "last day",
    "last_observation": "until here the decisions are those of the file; afterwards those of the last half-year go on",
    "sources": "your own, by key; kind: book, article ...; rights: open, official, fact, local or own; read: full, excerpt or recalled",
    "sides": "two sides, under names of your choice, with the same keys",
    "overrides": "values and 90 % ranges of uncertain numbers in place of the library's, each with a reason: SIDE.SUBSYSTEM.NAME",
}


def described(record, name: str) -> str:
    """[unit] meaning of a field, and the order of its lists."""
    from muster.model.levers import AGES, AXES, EXPERIENCES, SKILLS, WOMEN_AGES
    from muster.model.quantity import axes, meanings, units

    if name not in units(record):
        return ""
    ages = {"age": f"{AGES[0]} to {AGES[-1]}", "women_age": f"{WOMEN_AGES[0]} to {WOMEN_AGES[-1]}"}
    kinds = {axis: ", ".join(names) for axis, names in {**AXES, "skill": SKILLS, "experience": EXPERIENCES}.items()} | ages
    order = " > ".join(f"{axis.removeprefix('women_')} ({kinds[axis]})" if axis in kinds else axis for axis in axes(record)[name])
    return f"[{units(record)[name]}] {meanings(record)[name]}" + (f"; one number for each {order}" if order else "")


def special_lever(name: str) -> str:
    """What the levers with a form of their own are: the words of their records."""
    from muster.scenario import Dated, Decree

    if name in ("decree", "later_decree"):
        return f"{(Decree.__doc__ or '').rstrip('.')}; null for none"
    return f"{(Dated.__doc__ or '').rstrip('.')}; a list" if name == "withdrawals" else ""


def parameter(path: str) -> str:
    """[unit] meaning of an uncertain number named [SIDE.]SUBSYSTEM.PARAMETER."""
    from muster.evidence import parameters

    subsystem, name = path.split(".")[-2:]
    entry = parameters()[subsystem][name]
    return f"[{entry.unit}] {entry.meaning}"


def neutral_lines() -> list[str]:
    """The list of everything that a side may leave out, each with its neutral value, unit, meaning and reason."""
    from muster.defaults import defaults
    from muster.model.levers import Levers, Setting

    lines = ["# levers:"]
    lines += [f"#   {name}: {example}    {special_lever(name)}" for name, example in SPECIAL_EXAMPLES.items()]
    for heading, record, entries in (("", Levers, defaults().levers), ("# setting:", Setting, defaults().setting)):
        lines += [heading] if heading else []
        for name, entry in entries.items():
            shown = "a table" if isinstance(entry.value, list) else f"{entry.value:g}" if isinstance(entry.value, float) else entry.value
            lines.append(f"#   {name}: {shown}    {described(record, name)} ({entry.reason})")
    return lines


SPECIAL_EXAMPLES = {
    "decree": f"{{date: 2000-07-06, announced: 50000 person, duration: 5 week, {EXAMPLE_SOURCE}}}",
    "later_decree": "null",
    "withdrawals": f"[{{date: 2000-07-06, area: 1000 km2, duration: 1 week, {EXAMPLE_SOURCE}}}]",
}
