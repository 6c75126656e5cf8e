"""Defaults: what holds where a scenario says nothing (library/defaults.yaml), each value with its reason."""

from functools import cache

from muster.evidence import Strict, checked, library
from muster.reading import read_yaml

KEY = "muster-default"  # the source under which `muster cite` counts them


class Default(Strict):
    """A neutral value, and why it is neutral."""

    value: float | str | list
    reason: str


class Defaults(Strict):
    """Neutral values by name."""

    levers: dict[str, Default]
    setting: dict[str, Default]


@cache
def defaults() -> Defaults:
    """The library's neutral values."""
    path = library() / "defaults.yaml"
    return checked(Defaults, read_yaml(path), path.name)


def sourced(entries: dict[str, Default]) -> dict[str, dict]:
    """Neutral values as a scenario would give them: each with its source."""
    return {
        name: {"value": entry.value, "source": {"key": KEY, "grade": "assumed", "note": entry.reason}} for name, entry in entries.items()
    }


def with_levers(given: dict) -> dict:
    """A side's levers as given, and the neutral ones for the rest."""
    return given | {name: lever for name, lever in sourced(defaults().levers).items() if name not in given}


def with_setting(given: dict) -> dict:
    """A side's fixed data as given, and the neutral ones for the rest."""
    return given | {name: entry for name, entry in sourced(defaults().setting).items() if name not in given}
