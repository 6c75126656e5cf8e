"""How every number of the model states its unit and its meaning."""

from dataclasses import fields
from typing import Any, cast

import equinox as eqx

Record = eqx.Module  # an immutable dataclass that JAX can scan, batch and differentiate


def quantity(unit: str, meaning: str, headline: bool = False):
    """A required field that knows its unit and its meaning; `headline` series are kept for every draw."""
    return eqx.field(metadata={"unit": unit, "meaning": meaning, "headline": headline})


def units(record: type[Record]) -> dict[str, str]:
    """Unit of each field of a record, by name."""
    return {field.name: field.metadata["unit"] for field in fields(record) if "unit" in field.metadata}


def meanings(record: type[Record]) -> dict[str, str]:
    """Meaning of each field of a record, by name."""
    return {field.name: field.metadata["meaning"] for field in fields(record) if "unit" in field.metadata}


def axes(record: type[Record]) -> dict[str, tuple[str, ...]]:
    """Names of the axes of each field of a record, by name."""
    return {field.name: tuple(cast(Any, field.type).dim_str.split()) for field in fields(record) if "unit" in field.metadata}


def headlines(record: type[Record]) -> tuple[str, ...]:
    """Names of the fields that are kept for every draw."""
    return tuple(field.name for field in fields(record) if field.metadata.get("headline"))
