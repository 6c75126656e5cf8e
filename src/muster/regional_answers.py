"""What a run by regions says to readings: sums over groups of regions, counts of regions, and rates at equal covariates."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from muster.errors import NotComputed, UserError
from muster.reading import parse_yaml
from muster.regional import find
from muster.regions_table import RegionsTable, read
from muster.results import Results

ONE_REGION = "it asks for a run by regions: muster assess --full makes one where both sides have a table of regions"


def by_region(results: Results, path: str, day: str, cohort: str | None) -> tuple[np.ndarray, list[str], str]:
    """A reading by region [draw, region], the codes of the regions and the side."""
    side, _, name = path.partition("/")
    read_one = getattr(results, "by_region", None)
    if read_one is None or not any(f"{side}/by_region/" in known for known in results.paths()):
        raise NotComputed(ONE_REGION)
    array = read_one(f"{side}/{name}", day, cohort)
    return np.asarray(array.values, dtype=float), [str(code) for code in array["region"].values], side


@lru_cache(maxsize=4)
def tables_of(scenario: str) -> dict[str, Path]:
    """The table of regions that each side of a scenario names: `scenario` = its text."""
    sides = parse_yaml(scenario, "the scenario of the run")["sides"]
    return {side: find(text["regions"], f"sides.{side}.regions") for side, text in sides.items() if text.get("regions")}


def table_of(results: Results, side: str, codes: list[str]) -> tuple[RegionsTable, np.ndarray]:
    """The table of a side's regions, and the row of each code."""
    table = read(tables_of(results.tree.attrs["scenario_text"])[side])
    places = {code: row for row, code in enumerate(table.ids)}
    missing = [code for code in codes if code not in places]
    if missing:
        raise UserError(f"The table of the regions of {side} has no region {missing[0]}.")
    return table, np.array([places[code] for code in codes])


def core(table: RegionsTable) -> np.ndarray:
    """Whether a region has no titular people other than that of the country [region]."""
    return np.array([not people for people in table.titular_people])


def members(results: Results, group: str, side: str, codes: list[str]) -> np.ndarray:
    """Which regions belong to a group [region]: all, core or non-core."""
    if group == "all":
        return np.ones(len(codes), dtype=bool)
    table, rows = table_of(results, side, codes)
    found = core(table)[rows] == (group == "core")
    if not found.any():
        raise NotComputed(f"the table of the regions of {side} has no region that is {group}")
    return found


def summed(results: Results, path: str, group: str, day: str, cohort: str | None) -> np.ndarray:
    """A reading summed over a group of regions [draw]."""
    values, codes, side = by_region(results, path, day, cohort)
    return values[:, members(results, group, side, codes)].sum(axis=1)


def averaged(results: Results, path: str, group: str, day: str, cohort: str | None) -> np.ndarray:
    """The mean of a reading over the men of a group of regions [draw]."""
    values, codes, side = by_region(results, path, day, cohort)
    men, _, _ = by_region(results, f"{side}/men", day, None)
    wanted = members(results, group, side, codes)
    return np.sum(values[:, wanted] * men[:, wanted], axis=1) / men[:, wanted].sum(axis=1)


def counted(results: Results, path: str, per: str, above: float, day: str, cohort: str | None) -> np.ndarray:
    """How many regions have a rate above a level [draw]."""
    values, codes, side = by_region(results, path, day, cohort)
    return np.sum(values > above * men_of(results, per, day, side, codes), axis=1).astype(float)


def men_of(results: Results, per: str, day: str, side: str, codes: list[str]) -> np.ndarray:
    """The men [draw or 1, region] over whom a rate is taken: a reading by region, or SIDE/men_18_49 of the table of regions."""
    if not per.endswith("/men_18_49"):
        return by_region(results, per, day, None)[0]
    table, rows = table_of(results, side, codes)
    return (0.4 * table.men[:, 0] + table.men[:, 1:7].sum(axis=1))[None, rows]  # two of the five years of 15 to 19


def adjusted(results: Results, path: str, per: str, covariates: list[str], day: str, cohort: str | None) -> np.ndarray:
    """Non-core over core regions at equal covariates [draw]; a covariate that a region lacks is taken at its mean."""
    values, codes, side = by_region(results, path, day, cohort)
    men = np.broadcast_to(men_of(results, per, day, side, codes), values.shape)
    table, rows = table_of(results, side, codes)
    columns = [np.asarray(getattr(table, name), dtype=float)[rows] for name in covariates]
    unknown = [name for name, column in zip(covariates, columns, strict=True) if np.all(np.isnan(column))]
    if unknown:
        raise NotComputed(f"the table of the regions of {side} does not know {', '.join(unknown)}")
    filled = [np.where(np.isnan(column), np.nanmean(column), column) for column in columns]
    return ratio_at_equal(values, men, ~core(table)[rows], np.array(filled))


def ratio_at_equal(values: np.ndarray, men: np.ndarray, group: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """exp of the coefficient of the group in weighted least squares of log rates [draw] on group [region] and covariates [., region]."""
    there = np.all(men > 0, axis=0)
    design = np.stack([np.ones(there.sum()), group[there].astype(float), *covariates[:, there]], axis=1)
    values, men, found = values[:, there], men[:, there], []
    for rate, weight in zip(np.log(np.maximum(values, 1e-9) / men), np.sqrt(men), strict=True):
        found.append(np.exp(np.linalg.lstsq(design * weight[:, None], rate * weight, rcond=None)[0][1]))
    return np.array(found)
