"""Claims: what somebody said, as data - readings that two strangers resolve alike - read and checked at the door."""

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from muster.errors import UserError, nearest
from muster.evidence import Strict, library
from muster.propositions import Proposition
from muster.quantities import days, every
from muster.reading import convert, key_lines, read_text, read_yaml
from muster.told import check_quantity, unit_of_quantity, where_wrong

REFERENCE = "russia-ukraine-2022"
Kind = Literal["magnitude", "diagnosis", "counterfactual", "plausibility", "regularity", "causal", "forecast"]


def word(value):
    """true and false as words: YAML reads them as booleans."""
    return str(value).lower() if isinstance(value, bool) else value


Outcome = Annotated[Literal["true", "false", "disputed", "open", "annulled"], BeforeValidator(word)]


class Said(Strict):
    """Who said it, and the one word that carries a probability."""

    name: str
    role: str
    date: str
    word: str
    source: str
    note: str | None = None


class Resolution(Strict):
    """What settles a reading: rows of the evidence, the rule, and what to do at the edges."""

    rows: tuple[str, ...] = Field(description="ids of published figures; none where nobody has published one")
    rule: str
    edge_cases: str
    resolves_on: datetime.date


class Reading(Strict):
    """One exact reading of a claim; without a proposition it says why it is not testable, or what the model does not compute yet."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    statement: str
    proposition: Proposition | None = None
    resolution: Resolution
    headline: bool = False
    policy: str = Field("as-happened", description="the policy under which the quantity is read")
    event: bool = Field(False, description="true for a rare event, which no fit of one war can move")
    mirror: bool = Field(True, description="whether the other side is shown beside it")
    outcome: Outcome = "open"
    until: datetime.date = Field(description="the last day that the quantity looks at")
    not_testable: str | None = None
    not_computed: str | None = Field(None, description="which reading the model would have to give")

    @model_validator(mode="after")
    def answered_or_not(self) -> "Reading":
        """Exactly one of a proposition and a reason for having none."""
        if sum(part is not None for part in (self.proposition, self.not_testable, self.not_computed)) != 1:
            raise ValueError("exactly one of proposition, not_testable and not_computed was expected")
        return self


class Claim(Strict):
    """A claim with its readings; exactly one is the headline."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str = Field(description="the claim as a neutral proposition")
    paraphrase: str = Field(description="what was said, in words of your own")
    side: str
    scenario: str = REFERENCE
    kind: Kind
    said_by: Annotated[tuple[Said, ...], Field(min_length=1)]
    premise: str | None = None
    not_testable: str | None = Field(None, description="the part of the claim that no model can test, and why")
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def one_headline(self) -> "Claim":
        """Exactly one headline, and no reading's name twice."""
        if sum(reading.headline for reading in self.readings) != 1:
            raise ValueError("readings: exactly one reading must be the headline")
        names = [reading.id for reading in self.readings]
        if len(set(names)) != len(names):
            raise ValueError("readings: two readings have the same id")
        return self


def read_claim(path: Path) -> Claim:
    """A claim from its file; what is wrong with it is told with file, line and key."""
    return where_wrong(Claim, read_yaml(path), str(path), lambda: key_lines(read_text(path)))


def known_claims() -> dict[str, Path]:
    """The claims of the library by name."""
    return {path.stem: path for path in sorted((library() / "claims").glob("*.yaml"))}


def claims(names: str | Path | Iterable[str | Path] = (), scenario: str | None = None) -> list[Claim]:
    """Claims of the library by name, or files by path, one or several; where none is named all about a scenario."""
    known = known_claims()
    found, names = [], [names] if isinstance(names, str | Path) else list(names)
    for name in map(str, names or known):
        if name not in known and not name.endswith((".yaml", ".yml")):
            raise UserError(f'There is no claim "{name}".{nearest(name, known)} Known: {", ".join(known)}; a file has a path.')
        found.append(read_claim(known.get(name, Path(name))))
    chosen = [claim for claim in found if names or scenario in (None, claim.scenario)]
    if not chosen:
        raise UserError(f"The library has no claim about {scenario}; `muster assess {scenario} --claims FILE` judges one of your own.")
    twice = {claim.id for claim in chosen if sum(other.id == claim.id for other in chosen) > 1}
    if twice:
        raise UserError(f'Two claims have the id "{sorted(twice)[0]}"; give each its own.')
    return chosen


def threshold_of(reading: Reading, where: str) -> tuple[float, str]:
    """The threshold in the unit of the quantity, and that unit."""
    assert reading.proposition is not None
    unit = unit_of_quantity(reading.proposition.quantity, where)
    return convert(reading.proposition.threshold, unit, f"{where}.threshold"), unit


def check_claim(claim: Claim, scenario, where: str, lines: dict[str, int] | None = None) -> None:
    """Whether a scenario (muster.scenario.Scenario) has everything that a claim's readings name; runs nothing."""
    if claim.side not in scenario.sides:
        raise UserError(f'{where}{line(lines, "side")}, key side: "{claim.side}" is no side.{nearest(claim.side, scenario.sides)}')
    for number, reading in enumerate(claim.readings):
        if reading.proposition is None:
            continue
        key = f"readings.{number}.proposition"
        place = f"{where}{line(lines, key + '.quantity')}, key readings.{reading.id}.proposition.quantity"
        check_quantity(reading.proposition.quantity, scenario, place, reading.policy)
        threshold_of(reading, f"{where}{line(lines, key + '.threshold')}, key readings.{reading.id}.proposition")
        at = f"{where}{line(lines, f'readings.{number}.until')}, key readings.{reading.id}.until"
        if not scenario.start <= reading.until <= scenario.end:
            raise UserError(f"{at}: {reading.until} lies outside {scenario.start} to {scenario.end}.")
        last = max((day for part in every(reading.proposition.quantity) for day in days(part)), default="")
        if last > reading.until.isoformat():
            raise UserError(f"{at}: the quantity looks at {last}, which is later; the last day that it looks at was expected.")


def line(lines: dict[str, int] | None, key: str) -> str:
    """', line 12' of a key of the file, or of what it stands in."""
    while lines and key:
        if key in lines:
            return f", line {lines[key]}"
        key = key.rpartition(".")[0]
    return ""


def schema_text() -> str:
    """The JSON Schema of a claim's file, as library/schemas/claim.schema.json holds it."""
    schema = Claim.model_json_schema(by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=1, ensure_ascii=False) + "\n"
