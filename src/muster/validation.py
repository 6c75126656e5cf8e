"""Validation on battles: the fitted law beside its rivals, on battles that were left out of the fit.

`muster validate battles`. Winner: AUC, Brier, log score, calibration. Losses: CRPS of the log losses of each side.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scoringrules
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from muster.battle_fit import Form, names_of
from muster.battle_posterior import approximate, forecast, shipped
from muster.battles import Battles, load
from muster.errors import UserError
from muster.rivals import RIVALS, known

SETS = {
    "known before": Form(),
    "with surprise and air": Form(afterwards=True),
    "with all judged columns": Form(afterwards=True, scores="hindsight"),
}
OURS = "fitted law"
SMALL_WAR = 6  # wars with fewer battles are left out several at a time
PARTS = 5  # parts into which the battles of each war are dealt
RESAMPLES = 1000
FEW_RESAMPLES = 100  # of scores that are slow to compute
FEWEST = 30  # battles that a table must have to be split
QUANTILES = 200  # that stand for a normal
FLOOR = 1e-4  # probabilities are kept this far from 0 and 1 in log scores

Progress = Callable[[str, int, int], None]


class Forecasts(NamedTuple):
    """Forecasts of held-out battles by one method."""

    winning: np.ndarray  # [battle]
    crps: np.ndarray  # of log losses [battle, side]; NaN where losses are not known


def folds(battles: Battles, scheme: str) -> np.ndarray:
    """Which fold leaves each battle out: whole wars, or a part of every war."""
    counts = {war: int(np.sum(battles.war == war)) for war in sorted(set(battles.war))}
    if scheme == "within wars":
        rank = np.zeros(len(battles), dtype=int)
        for war in counts:
            own = np.flatnonzero(battles.war == war)
            rank[own] = np.random.default_rng(1).permutation(len(own)) % PARTS
        return rank
    fold, group, size = {}, 0, 0
    for war, count in counts.items():
        if count >= SMALL_WAR:
            continue
        if size + count > 3 * SMALL_WAR:
            group, size = group + 1, 0
        fold[war], size = group, size + count
    large = [war for war, count in counts.items() if count >= SMALL_WAR]
    fold |= {war: index + (group + 1 if fold else 0) for index, war in enumerate(large)}
    return np.array([fold[war] for war in battles.war])


def crps_of_draws(battles: Battles, log_losses: np.ndarray) -> np.ndarray:
    """CRPS of log losses [battle, side] of draws [draw, battle, side]."""
    found = np.asarray(scoringrules.crps_ensemble(np.log(battles.losses), np.moveaxis(log_losses, 0, -1)))
    return np.where(known(battles)[:, None], found, np.nan)


def crps_of_normal(battles: Battles, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """CRPS of log losses [battle, side] of a normal log hazard, by its evenly spaced quantiles."""
    normal = ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)
    hazard = np.clip(mean[None] + sd * normal[:, None, None], -30.0, 5.0)
    return crps_of_draws(battles, np.log(battles.strength) + np.log(-np.expm1(-np.exp(hazard))))


def held_out(battles: Battles, scheme: str, form: Form, update: Progress) -> dict[str, Forecasts]:
    """Forecasts of every battle by each method, fitted without its fold."""
    fold = folds(battles, scheme)
    numbers = sorted(set(fold))
    used = np.stack([fold != number for number in numbers])
    names = names_of(battles)
    empty = {name: Forecasts(np.full(len(battles), np.nan), np.full((len(battles), 2), np.nan)) for name in (OURS, *RIVALS)}
    fits = approximate(battles, form, used)
    for number, draws in zip(numbers, fits, strict=True):
        out = fold == number
        said = forecast(draws, battles, names, form)
        empty[OURS].winning[out] = said.winning[out]
        empty[OURS].crps[out] = crps_of_draws(battles, said.log_losses)[out]
        for name, rival in RIVALS.items():
            held = battles.take(out)
            words = rival(battles.take(~out), held, form)
            empty[name].winning[out] = words.winning
            empty[name].crps[out] = crps_of_normal(held, words.mean, words.sd)
        update(scheme, int(number) + 1, len(numbers))
    return empty


def log_score(won: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Minus the log of the probability of what happened."""
    kept = np.clip(probability, FLOOR, 1 - FLOOR)
    return -np.log(np.where(won, kept, 1 - kept))


def area(won: np.ndarray, probability: np.ndarray) -> float:
    """AUC; NaN where one side always won."""
    return float(roc_auc_score(won, probability)) if 0 < won.sum() < len(won) else float("nan")


def slope(won: np.ndarray, probability: np.ndarray) -> float:
    """Calibration slope: 1 where odds are neither too bold nor too timid; NaN where the forecasts do not vary."""
    kept = np.clip(probability, FLOOR, 1 - FLOOR)
    odds = np.log(kept / (1 - kept))
    if np.std(odds) < 1e-6 or len(set(won)) < 2:
        return float("nan")
    return float(LogisticRegression(C=1e6, max_iter=1000).fit(odds[:, None], won).coef_[0, 0])


def interval(values: list[float]) -> list[float]:
    """5 and 95 % points of resampled numbers."""
    return [float(x) for x in np.nanquantile(values, (0.05, 0.95))]


def scored(battles: Battles, methods: dict[str, Forecasts]) -> dict[str, dict]:
    """Every score of every method with its interval over resampled battles, and the differences from force ratio alone."""
    decided, counted = battles.decided, known(battles)
    won = battles.outcome[decided] > 0
    modern = np.isin(battles.era[decided], (3, 4)) & np.array(["World War" in war for war in battles.war[decided]], dtype=bool)
    luck = np.random.default_rng(1)
    picks = [luck.integers(0, len(won), len(won)) for _ in range(RESAMPLES)]
    loss_picks = [luck.integers(0, counted.sum(), counted.sum()) for _ in range(RESAMPLES)]
    base = methods["force ratio alone"]
    base_log, base_crps = log_score(won, base.winning[decided]), base.crps[counted].mean(axis=1)
    found = {}
    for name, method in methods.items():
        p = method.winning[decided]
        logs, brier, crps = log_score(won, p), (p - won) ** 2, method.crps[counted]
        found[name] = {
            "auc": area(won, p),
            "auc_interval": interval([area(won[i], p[i]) for i in picks[:FEW_RESAMPLES]]),
            "auc_world_wars": area(won[modern], p[modern]),
            "brier": float(brier.mean()),
            "log_score": float(logs.mean()),
            "log_score_over_force_ratio": float((logs - base_log).mean()),
            "log_score_over_force_ratio_interval": interval([float((logs - base_log)[i].mean()) for i in picks]),
            "calibration_slope": slope(won, p),
            "calibration_slope_interval": interval([slope(won[i], p[i]) for i in picks[:FEW_RESAMPLES]]),
            "crps_attacker": float(crps[:, 0].mean()),
            "crps_defender": float(crps[:, 1].mean()),
            "crps_over_force_ratio": float((crps.mean(axis=1) - base_crps).mean()),
            "crps_over_force_ratio_interval": interval([float((crps.mean(axis=1) - base_crps)[i].mean()) for i in loss_picks]),
        }
        if name in ("square law", "linear law", "logarithmic law"):
            over = methods[OURS].crps[counted].mean(axis=1) - crps.mean(axis=1)
            found[name]["crps_of_fitted_law_over_it"] = float(over.mean())
            found[name]["crps_of_fitted_law_over_it_interval"] = interval([float(over[i].mean()) for i in loss_picks])
    return found


def of_shipped(battles: Battles) -> dict:
    """The shipped posterior on the battles that it was not fitted to: winner from what is known before, losses given the days."""
    posterior = shipped()
    fresh = battles.take(~np.isin(battles.number, posterior.battles))
    if len(fresh) < FEWEST or not 0 < (fresh.outcome > 0).sum() < len(fresh):
        return {"new_battles": len(fresh)}
    plain = Form(scores="none", days=posterior.form.days)
    said = forecast(posterior.draws, fresh, posterior.names, plain)
    decided = fresh.decided
    won, p = fresh.outcome[decided] > 0, said.winning[decided]
    crps = crps_of_draws(fresh, said.log_losses)
    return {
        "new_battles": len(fresh),
        "auc": area(won, p),
        "brier": float(np.mean((p - won) ** 2)),
        "log_score": float(log_score(won, p).mean()),
        "calibration_slope": slope(won, p),
        "crps_attacker_given_days": float(np.nanmean(crps[:, 0])),
        "crps_defender_given_days": float(np.nanmean(crps[:, 1])),
    }


def battles_report(where: Path | None = None, update: Progress = lambda *_: None) -> dict:
    """All scores on a table of battles: by column set, within wars and leaving out wars; battles whose parts are there are left out."""
    every = load(where)
    battles = every.take(~every.whole)
    if len(battles) < FEWEST or len(set(battles.war)) < 2 or len(set(battles.outcome[battles.decided])) < 2:
        raise UserError(f"At least {FEWEST} battles of two or more wars, won by either side, are needed; the table has {len(battles)}.")
    results = {}
    for title, form in SETS.items():
        usable = battles.take(np.isfinite(battles.scores).all(axis=1)) if form.scores != "none" else battles
        for scheme in ("leave one war out", "within wars"):
            methods = held_out(usable, scheme, form, lambda what, done, whole, title=title: update(f"{title}, {what}", done, whole))
            results.setdefault(title, {})[scheme] = scored(usable, methods)
    return {
        "battles": len(battles),
        "decided": int(battles.decided.sum()),
        "with_losses": int(known(battles).sum()),
        "left_out_because_parts_are_there": int(every.whole.sum()),
        "wars": len(set(battles.war)),
        "force_ratio_auc_in_sample": in_sample(every),
        "results": results,
        "shipped": of_shipped(battles),
    }


def in_sample(battles: Battles) -> dict[str, float]:
    """AUC of force ratio alone over all battles with a winner, nothing fitted: pooled and for the World Wars."""
    fought = battles.take(battles.decided)
    modern = fought.take(np.array(["World War" in war for war in fought.war], dtype=bool))
    return {
        "battles": float(len(fought)),
        "pooled": area(fought.outcome > 0, fought.log_ratio),
        "world_wars": area(modern.outcome > 0, modern.log_ratio),
    }
