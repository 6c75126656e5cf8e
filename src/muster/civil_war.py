"""A second set: weekly losses and battles of the American Civil War, a mass war that was fought to its end.

The law is fitted to other data; here it is asked whether it carries over. Killed and wounded without prisoners are counted, which
the table of battles cannot tell apart.
"""

import csv
import datetime
from pathlib import Path

import numpy as np

from muster.battle_answers import OF_ALL, by_era_and_posture
from muster.battle_posterior import Posterior, shipped
from muster.battles import LARGEST_SHARE
from muster.data import file
from muster.errors import UserError

SET = "american-civil-war"
SPLIT = datetime.date(1863, 1, 1)  # what came before sets the level, what came after is forecast
RESAMPLES = 500
ERA = "1861-1913"


def table(name: str, where: Path | None) -> list[dict[str, str]]:
    """A table of the set."""
    with file(SET, name, where).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def weeks(where: Path | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weeks with fighting: day (as a number), battle losses [week, side] and men on the rolls [week, side], Confederate first."""
    rows, rolls = table("weekly_casualties.csv", where), table("army_size.csv", where)
    try:
        day = np.array([datetime.date.fromisoformat(row["week_start"]).toordinal() for row in rows])
        lost = np.array([[float(row["confederate_battle"]), float(row["union_battle"])] for row in rows])
        known = np.array([datetime.date.fromisoformat(row["date"]).toordinal() for row in rolls])
        men = np.array([[float(row["confederate"]), float(row["union"])] for row in rolls])
    except (KeyError, ValueError) as problem:
        raise UserError(f"The tables of {SET} have another form than expected ({problem}).") from None
    strength = np.stack([np.exp(np.interp(day, known, np.log(men[:, side]))) for side in (0, 1)], axis=1)
    return day, lost, strength


def battles(where: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Men [battle, side] and killed and wounded without prisoners [battle, side], the attacker first."""
    pairs: dict[str, dict[str, dict[str, str]]] = {}
    for row in table("livermore_battles.csv", where):
        role = "attacker" if row["belligerent"] == row["attacker"] else "defender"
        pairs.setdefault(row["battle_id"], {})[role] = row
    complete = [pair for pair in pairs.values() if len(pair) == 2 and all(row["str"] and row["kw"] for row in pair.values())]
    roles = ("attacker", "defender")
    men = np.array([[float(pair[role]["str"]) for role in roles] for pair in complete])
    lost = np.array([[float(pair[role]["kw"]) for role in roles] for pair in complete])
    usable = (men > 0).all(axis=1) & (lost > 0).all(axis=1)
    return men[usable], lost[usable]


def fitted_omega(ratio: np.ndarray, exchange: np.ndarray, weight: np.ndarray) -> tuple[float, list[float]]:
    """omega from the slope of the log exchange of loss rates on the log ratio of men, naively, with its interval by resampling."""

    def one(rows: np.ndarray) -> float:
        return float(np.polyfit(ratio[rows], exchange[rows], 1, w=np.sqrt(weight[rows]))[0] / -2)

    luck = np.random.default_rng(1)
    many = [one(luck.integers(0, len(ratio), len(ratio))) for _ in range(RESAMPLES)]
    return one(np.arange(len(ratio))), [float(x) for x in np.quantile(many, (0.05, 0.95))]


def omega_of(posterior: Posterior) -> np.ndarray:
    """Draws of omega for the era of this war, over all postures of the defender alike."""
    return by_era_and_posture(posterior, ERA, OF_ALL)[0]


def later_exchange(where: Path | None = None) -> dict:
    """Confederate over Union battle losses after SPLIT: observed, and by the law with a level set by what came before."""
    day, lost, men = weeks(where)
    before = day < SPLIT.toordinal()

    def exchange(rows: np.ndarray) -> float:
        return float(np.log(lost[rows, 0].sum() / lost[rows, 1].sum()))

    def ratio(rows: np.ndarray) -> float:
        return float(np.average(np.log(men[rows, 0] / men[rows, 1]), weights=lost[rows].sum(axis=1)))

    def said(omega):
        return np.exp(exchange(before) + (1 - 2 * omega) * (ratio(~before) - ratio(before)))

    laws = {"square law": 1.0, "linear law": 0.5, "logarithmic law": 0.0}
    return {
        "observed_before": float(np.exp(exchange(before))),
        "observed_after": float(np.exp(exchange(~before))),
        "men_ratio_before": float(np.exp(ratio(before))),
        "men_ratio_after": float(np.exp(ratio(~before))),
        "fitted_law": [float(x) for x in np.quantile(said(omega_of(shipped())), (0.05, 0.5, 0.95))],
        **{name: float(said(omega)) for name, omega in laws.items()},
    }


def second_set(where: Path | None = None) -> dict:
    """Whether the fitted law carries over: omega of the battles and weeks of this war beside the posterior's, and the later exchange."""
    men, lost = battles(where)
    hazard = np.log(-np.log1p(-np.minimum(lost / men, LARGEST_SHARE)))
    one, band = fitted_omega(np.log(men[:, 0] / men[:, 1]), hazard[:, 0] - hazard[:, 1], np.ones(len(men)))
    _, weekly, rolls = weeks(where)
    both = (weekly > 0).all(axis=1)
    rates = np.log(weekly[both] / rolls[both])
    weekly_one, weekly_band = fitted_omega(np.log(rolls[both, 0] / rolls[both, 1]), rates[:, 0] - rates[:, 1], weekly[both].sum(axis=1))
    return {
        "battles": len(men),
        "omega_of_battles": one,
        "omega_of_battles_interval": band,
        "weeks": int(both.sum()),
        "omega_of_weeks": weekly_one,
        "omega_of_weeks_interval": weekly_band,
        "omega_of_the_posterior": [float(x) for x in np.quantile(omega_of(shipped()), (0.05, 0.5, 0.95))],
        "exchange_after_1862": later_exchange(where),
    }
