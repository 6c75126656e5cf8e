"""Rival forecasts of battles: force ratio alone, the classical laws, a Dupuy-style score, gradient boosting.

Each is fitted to some battles and says of others how likely the attacker is to win, and the log losses of each side as a normal.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from muster.battle_fit import Form
from muster.battles import Battles

SQUARE, LINEAR, LOGARITHMIC = 1.0, 0.5, 0.0  # omega of the classical laws
DEFENCE = np.array([1.3, 1.5, 1.6, 1.2])  # factors of the defender's posture in a Dupuy-style score (recalled)
TREES: dict[str, Any] = {"max_depth": 2, "learning_rate": 0.05, "n_estimators": 100, "min_samples_leaf": 10, "random_state": 1}


class Said(NamedTuple):
    """What a rival says of each battle."""

    winning: np.ndarray  # probability that the attacker wins [battle]
    mean: np.ndarray  # log hazard [battle, side]
    sd: np.ndarray  # [side]


Rival = Callable[[Battles, Battles, Form], Said]


def logistic(train: np.ndarray, won: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probability of winning by a logistic regression, practically without a penalty."""
    if len(set(won)) < 2:
        return np.full(len(test), (won.sum() + 1) / (len(won) + 2))
    fitted = LogisticRegression(C=1e4, max_iter=1000).fit(train, won)
    return fitted.predict_proba(test)[:, 1]


def known(battles: Battles) -> np.ndarray:
    """Which battles have the losses of both sides."""
    return np.asarray(np.isfinite(battles.losses).all(axis=1))


def straight(train: np.ndarray, hazard: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of the log hazards of both sides with a constant: predictions [battle, side] and s.d. [side]."""
    design = np.column_stack([np.ones(len(train)), train])
    slopes = np.linalg.lstsq(design, hazard, rcond=None)[0]
    rest = hazard - design @ slopes
    return np.column_stack([np.ones(len(test)), test]) @ slopes, np.sqrt(np.sum(rest**2, axis=0) / max(len(rest) - design.shape[1], 1))


def regress(measure: Callable[[Battles], np.ndarray], train: Battles, test: Battles) -> Said:
    """Winner and losses by regression on one measure of relative strength."""
    fought, counted = train.take(train.decided), train.take(known(train))
    winning = logistic(measure(fought), fought.outcome > 0, measure(test))
    mean, sd = straight(measure(counted), counted.log_hazard, measure(test))
    return Said(winning, mean, sd)


def force_ratio(train: Battles, test: Battles, _: Form) -> Said:
    """The log of the ratio of men, nothing else."""
    return regress(lambda battles: battles.log_ratio[:, None], train, test)


def classical(omega: float) -> Rival:
    """A classical law: losses with its exponent and a constant a side; the winner by what is left of both sides in a fight to the end."""

    def rival(train: Battles, test: Battles, _: Form) -> Said:
        def side(battles: Battles) -> np.ndarray:
            return omega * battles.log_ratio[:, None] * np.array([1.0, -1.0])

        def advantage(battles: Battles) -> np.ndarray:
            return np.tanh(omega * battles.log_ratio)[:, None]  # (A^2w - D^2w) / (A^2w + D^2w)

        fought, counted = train.take(train.decided), train.take(known(train))
        level = counted.log_hazard + side(counted)
        winning = logistic(advantage(fought), fought.outcome > 0, advantage(test))
        return Said(winning, level.mean(axis=0) - side(test), level.std(axis=0, ddof=1))

    return rival


def dupuy(train: Battles, test: Battles, _: Form) -> Said:
    """Combat power in the manner of Dupuy: men and materiel times the defender's posture, without judged quality."""

    def score(battles: Battles) -> np.ndarray:
        power = battles.log_ratio + 0.25 * battles.materiel[:, :3].sum(axis=1) - np.log(battles.posture @ DEFENCE)
        return np.column_stack([power, battles.log_size])

    return regress(score, train, test)


def features(battles: Battles, form: Form) -> np.ndarray:
    """Everything that a form lets be known before or after, as columns."""
    parts = [battles.log_ratio, battles.log_size, battles.density, battles.year, *battles.posture.T, *battles.ground.T, *battles.materiel.T]
    if form.afterwards:
        parts += [battles.surprise, battles.air]
    if form.scores != "none":
        parts += list(battles.scores.T)
    return np.column_stack(parts)


def boosting(train: Battles, test: Battles, form: Form) -> Said:
    """Gradient-boosted trees on every column that the form lets be known."""
    fought, counted = train.take(train.decided), train.take(known(train))
    if len(set(fought.outcome)) < 2:
        winning = np.full(len(test), 0.5)
    else:
        trees = GradientBoostingClassifier(**TREES).fit(features(fought, form), fought.outcome > 0)
        winning = trees.predict_proba(features(test, form))[:, 1]
    means, spreads = [], []
    for side in (0, 1):
        grown = GradientBoostingRegressor(**TREES)
        target = counted.log_hazard[:, side]
        folds = min(5, len(target))
        spreads.append(np.std(target - cross_val_predict(grown, features(counted, form), target, cv=folds)))
        means.append(grown.fit(features(counted, form), target).predict(features(test, form)))
    return Said(winning, np.stack(means, axis=1), np.array(spreads))


RIVALS: dict[str, Rival] = {
    "force ratio alone": force_ratio,
    "square law": classical(SQUARE),
    "linear law": classical(LINEAR),
    "logarithmic law": classical(LOGARITHMIC),
    "Dupuy-style score": dupuy,
    "gradient boosting": boosting,
}
