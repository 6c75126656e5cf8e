"""Regional resolution: the fixed data of a side spread over the regions of its table.

A number that the table does not give is marked as not known; the model then draws it in each draw (a prior, never a zero).
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from muster.errors import UserError, nearest
from muster.evidence import Citation, library
from muster.model.levers import Setting
from muster.regions_table import RegionsTable, describe, read

COVARIATES = {"poverty": "poverty_rate", "titular_share": "titular_share", "relative_income": "income"}


def find(name_or_path: str, where: str) -> Path:
    """The table of regions of the library by name, else a path."""
    folder = library() / "regions"
    known = {path.stem: path for path in folder.glob("*.csv")}
    if name_or_path in known:
        return known[name_or_path]
    if name_or_path.endswith(".csv") or "/" in name_or_path:
        return Path(name_or_path)
    raise UserError(
        f'{where}: there is no table of regions "{name_or_path}".{nearest(name_or_path, known)} Known: {", ".join(sorted(known))};'
        " a file of your own has a path."
    )


def by_region(setting: Setting, table: RegionsTable) -> Setting:
    """A national setting over the regions of a table: its people keep their sums, its covariates come from the table."""
    if setting.men.shape[0] != 1:
        raise UserError("a setting with one region was expected beside a table of regions.")
    men, women = shares(table.men), shares(table.women)
    hazard = np.array([bool(people) for people in table.titular_people]) | (np.nan_to_num(table.autonomy_event) > 0)
    people = table.men.sum(axis=1) + table.women.sum(axis=1)
    exposure = np.where(np.isnan(table.exposure), 1.0, table.exposure)
    arrays: dict[str, Any] = {item.name: getattr(setting, item.name) for item in fields(Setting)}
    arrays |= {
        "men": setting.men[0] * men[:, :, None, None],
        "women": setting.women[0] * women,
        "poverty": standardised(log_odds(table.poverty_rate), people),
        "titular_share": standardised(np.where(table.titular_people == np.array(""), 0.0, table.titular_share), people),
        "relative_income": np.where(np.isnan(table.income), 1.0, table.income),
        "has_hazard": hazard.astype(float),
        "titular_groups": np.ones(len(table.ids)),
        "movements_at_start": hazard * setting.movements_at_start.sum() / max(hazard.sum(), 1),
        "neighbours": table.neighbour_matrix,
        "garrison": garrisons(table.garrison, table.men.sum(axis=1)),
        "exposure": exposure / np.average(exposure, weights=people),
        "excluded": np.full(len(table.ids), 0.5),
        "lost_autonomy": np.nan_to_num(table.autonomy_event),
        "poverty_known": known(table.poverty_rate),
        "titular_known": known(np.where(table.titular_people == np.array(""), 0.0, table.titular_share)),
        "income_known": known(table.income),
    }
    return Setting(**arrays)


def shares(people: np.ndarray) -> np.ndarray:
    """Each region's share of a group of people [region, group]; equal shares of a group of nobody."""
    whole = people.sum(axis=0)
    return np.where(whole > 0, people / np.where(whole > 0, whole, 1), 1 / len(people))


def garrisons(stationed: np.ndarray, men: np.ndarray) -> np.ndarray:
    """Each region's share of the men who are stationed; where the table does not tell, as many per man as where it does."""
    given = ~np.isnan(stationed)
    told = stationed[given].sum()
    found = np.where(given, stationed, told / max(men[given].sum(), 1.0) * men) if told > 0 else men
    return shares(found[:, None])[:, 0]


def known(values: np.ndarray) -> np.ndarray:
    """1 where a table has the number, else 0."""
    return (~np.isnan(values)).astype(float)


def log_odds(shares_of_people: np.ndarray) -> np.ndarray:
    """Log odds of shares [1], so that a few very poor regions do not carry the covariate; not known where the share is not."""
    inside = np.clip(shares_of_people, 1e-3, 1 - 1e-3)
    return np.log(inside / (1 - inside))


def standardised(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """A covariate less its mean over people, over its standard deviation; 0 where it is not known or does not differ."""
    given = ~np.isnan(values)
    if not given.any():
        return np.zeros_like(values)
    weights = people[given] if people[given].sum() > 0 else None
    mean = np.average(values[given], weights=weights)
    spread = np.sqrt(np.average((values[given] - mean) ** 2, weights=weights))
    return np.where(given, (np.nan_to_num(values) - mean) / spread if spread > 0 else 0.0, 0.0)


def citations(path: Path, side: str) -> list[tuple[str, Citation]]:
    """The sources of the columns of a library's table; a user's own table is the user's."""
    if not path.with_suffix(".yaml").exists():
        return [(f"{side}/regions", Citation(key="user", grade="assumed", note="a table of regions of the user"))]
    columns = describe(path.with_suffix(".yaml")).columns
    return [(f"{side}/regions.{name}", Citation(key=column.source, grade=column.grade)) for name, column in columns.items()]


def regional_setting(setting: Setting, name_or_path: str, side: str, where: str) -> tuple[Setting, RegionsTable, list]:
    """The setting of a side over its regions, the table, and the sources."""
    path = find(name_or_path, where)
    table = read(path)
    return by_region(setting, table), table, citations(path, side)
