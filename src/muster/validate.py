"""Validate: the front's law on battles, the whole model on historical cases."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from muster.case_answers import DRAWS, cases_report
from muster.civil_war import second_set
from muster.errors import UserError
from muster.validation import battles_report

Progress = Callable[[str, int, int], None]


def validate(
    what: Literal["battles", "cases"],
    data: Path | str | None = None,
    draws: int = DRAWS,
    seed: int = 1,
    progress: Progress = lambda *_: None,
) -> dict:
    """What `muster validate battles --json` or `muster validate cases --json` prints, as a dictionary.

    data: a table of the same columns, or its folder (battles: the folder named by MUSTER_DATA; cases: the library's). draws and seed
    are of cases. `progress(what, done, all)` is called after each fold or case. Raises UserError for a table that cannot be used.
    """
    where = None if data is None else Path(data)
    if what == "cases":
        return cases_report(where, draws, seed, progress)
    if what != "battles":
        raise UserError(f'validate: battles or cases was expected, found "{what}".')
    report = battles_report(where, progress)
    try:
        report["american_civil_war"] = second_set()
    except UserError as problem:
        report["american_civil_war"] = {"missing": str(problem)}
    return report
