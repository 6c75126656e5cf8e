"""What the battles say to the claims: elasticities by posture and era, men per km, superiority, and the regularities of history.

Every answer is a plain dictionary of numbers, so that claims, charts and documentation share it.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from muster.battle_fit import exponents
from muster.battle_posterior import Posterior, forecast, shipped
from muster.battles import ERAS, POSTURES, Battles, load
from muster.errors import NotComputed, UserError, nearest

BAND = (0.05, 0.5, 0.95)
LINEAR = 0.5
UNBOUNDED = 1e6  # men per man beyond which no number offsets the gap
NEVER_FEWER = 1e-3
OF_ALL = "all postures"
LEFT_OUT = (0.000, -0.012, 0.014)  # log score less force ratio's, a war left out at a time: docs/battles.md, `muster validate battles`


def bands(values: np.ndarray) -> list[float]:
    """5 %, median and 95 % of draws."""
    return [float(x) for x in np.quantile(values, BAND)]


def by_era_and_posture(posterior: Posterior, era: str, posture: str) -> tuple[np.ndarray, ...]:
    """Draws of omega, nu and the effects of log numbers and log quality on winning, for an era and a posture of the defender."""
    weights = np.full(len(POSTURES), 1 / len(POSTURES)) if posture == OF_ALL else np.array([float(p == posture) for p in POSTURES])
    wanted = [k for k in posterior.draws if k.split("_era")[0].split("_posture")[0].removeprefix("log_") in (
        "omega", "nu", "mass_on_winning", "quality_on_winning")]  # fmt: skip
    index, rows = np.array([ERAS.index(era)]), weights[None]
    found = jax.vmap(lambda p: exponents(p, index, rows))({name: jnp.asarray(posterior.draws[name]) for name in wanted})
    return tuple(np.asarray(values)[:, 0] for values in found)


def factor(quality: np.ndarray, mass: np.ndarray, gap: float) -> np.ndarray:
    """How many times the men offset a relative quality of gap (0.7: three tenths worse); UNBOUNDED where men do not help."""
    power = np.where(mass > 0, quality / np.maximum(mass, NEVER_FEWER), np.inf)
    return np.minimum(np.exp(np.minimum(-power * np.log(gap), np.log(UNBOUNDED))), UNBOUNDED)


def elasticities(posterior: Posterior, gap: float = 0.7, postures: tuple[str, ...] = (OF_ALL, *POSTURES)) -> list[dict]:
    """For each era and posture of the defender: the exponents with bands, which weighs more, and the men that offset a gap in quality.

    Loss exchange: own over enemy loss rate falls with numbers as ratio^(-2 omega) and with quality as Q^(-2 nu). Winning: effects on
    the probit per log of men and per log of quality; quality has the unit in which 95 % of opponents lie within 0.3 and 3.
    """
    rows = []
    for era in ERAS:
        for posture in postures:
            omega, nu, mass, skill = by_era_and_posture(posterior, era, posture)
            rows.append(
                {
                    "era": era,
                    "posture": posture,
                    "omega": bands(omega),
                    "nu": bands(nu),
                    "mass_on_winning": bands(mass),
                    "quality_on_winning": bands(skill),
                    "omega_below_half": float(np.mean(omega < LINEAR)),
                    "quality_over_mass_in_losses": float(np.mean(nu > omega)),
                    "quality_over_mass_in_winning": float(np.mean(skill > mass)),
                    "gap": gap,
                    "men_that_offset_it_in_losses": bands(factor(nu, omega, gap)),
                    "men_that_offset_it_in_winning": bands(factor(skill, mass, gap)),
                }
            )
    return rows


def fitted(name: str, era: str | None, posture: str, gap: float) -> np.ndarray:
    """Draws of an exponent of the shipped fit [draw]; without an era, as for one that has no battles of its own."""
    posterior = shipped()
    if era is not None and era not in ERAS:
        raise UserError(f'There is no era "{era}" of battles.{nearest(era, ERAS)} Known: {", ".join(ERAS)}.')
    omega, nu, mass, skill = by_era_and_posture(posterior, era or ERAS[-1], posture)
    found = {"omega": omega, "nu": nu, "mass_on_winning": mass, "quality_on_winning": skill}
    if name == "men_that_offset_it_in_losses":
        return factor(nu, omega, gap)
    return factor(skill, mass, gap) if name == "men_that_offset_it_in_winning" else found[name]


def fought(name: str, since: int | None, until: int | None, resamples: int, seed: int = 0) -> np.ndarray:
    """A number of the table of battles on resamples of its battles [resample]: median men per km, or share with superiority."""
    try:
        battles = load()
    except UserError:
        raise NotComputed("not computed: the table of battles is not there; `muster data fetch battles` gets it") from None
    chosen = np.ones(len(battles), dtype=bool)
    chosen &= battles.year >= since if since is not None else chosen
    chosen &= battles.year <= until if until is not None else chosen
    values = battles.men_per_km[chosen] if name == "men_per_km" else (battles.log_ratio[chosen] > 0).astype(float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise UserError(f"The table of battles has none from {since or 'its start'} to {until or 'its end'}.")
    rows = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    return np.median(values[rows], axis=1) if name == "men_per_km" else values[rows].mean(axis=1)


def men_per_km(battles: Battles) -> dict[str, float]:
    """Median men of one side per km of front, by era and for the spans of the claims."""
    found = {era: battles.men_per_km[battles.era == index] for index, era in enumerate(ERAS)}
    found |= {"before 1900": battles.men_per_km[battles.year < 1900], "after 1940": battles.men_per_km[battles.year > 1940]}
    found |= {"1940-1945": battles.men_per_km[(battles.year >= 1940) & (battles.year <= 1945)]}
    return {name: float(np.nanmedian(values)) for name, values in found.items() if np.isfinite(values).any()}


def superiority(battles: Battles) -> dict[str, float]:
    """Share of attackers with more men than the defender, by era and in all."""
    more = battles.log_ratio > 0
    shares = {era: float(more[battles.era == index].mean()) for index, era in enumerate(ERAS) if (battles.era == index).any()}
    return shares | {"all": float(more.mean())}


def logit_line(ratio: np.ndarray, won: np.ndarray) -> tuple[float, float]:
    """Constant and slope of the logit of winning on the log force ratio."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(ratio[:, None], won)
    return float(fitted.intercept_[0]), float(fitted.coef_[0, 0])


def regularities(ratio: np.ndarray, outcome: np.ndarray, shares: np.ndarray, size: np.ndarray, days: np.ndarray, war: np.ndarray) -> dict:
    """The measurable targets 1, 2, 4, 5 and 6: log force ratio, outcome, shares lost [battle, side], log size, days, World War
    (0 none). The size elasticity is that of the daily loss rate within each World War, sides stacked."""
    from sklearn.metrics import roc_auc_score

    decided = outcome != 0
    won = outcome[decided] > 0
    constant, slope = logit_line(ratio[decided], won)
    losses = shares[decided]
    winner, loser = np.where(won, losses[:, 0], losses[:, 1]), np.where(won, losses[:, 1], losses[:, 0])
    counted = np.isfinite(winner + loser)
    known = np.isfinite(days) & np.isfinite(shares).all(axis=1)
    slopes = []
    for number in (1, 2):
        own = known & (war == number)
        slopes.append(
            float(np.polyfit(size[own].ravel(), np.log(shares[own] / days[own, None]).ravel(), 1)[0]) if own.sum() > 2 else np.nan
        )
    return {
        "slope": slope,
        "auc": float(roc_auc_score(won, ratio[decided])),
        "win_at_even": float(1 / (1 + np.exp(-constant))),
        "win_at_three": float(1 / (1 + np.exp(-constant - slope * np.log(3)))),
        "winner_median": float(np.median(winner[counted])),
        "loser_median": float(np.median(loser[counted])),
        "loser_higher": float(np.mean((loser > winner)[counted])),
        "size_elasticity": slopes,
        "loser_quartiles": [float(x) for x in np.quantile(loser[counted], (0.25, 0.75))],
    }


def world_war(battles: Battles) -> np.ndarray:
    """1 and 2 for battles of the World Wars, else 0."""
    return np.array([2 if "World War II " in war else 1 if "World War I " in war else 0 for war in battles.war])


def observed(battles: Battles) -> dict:
    """The regularities of the table itself."""
    size = np.log(battles.strength)
    return regularities(battles.log_ratio, battles.outcome, battles.shares, size, battles.days, world_war(battles))


def simulated(posterior: Posterior, battles: Battles, draws: int = 40, seed: int = 1) -> list[dict]:
    """The regularities of battles that the fitted law fights at the strengths, postures, ground and days of the table, draw by draw;
    target 3, the effectiveness between belligerents, stands in `effectiveness`."""
    rows = np.linspace(0, len(posterior.draws["omega"]) - 1, draws).astype(int)
    chosen = {name: values[rows] for name, values in posterior.draws.items()}
    fought = battles.take(np.isfinite(battles.days))
    said = forecast(chosen, fought, posterior.names, replace(posterior.form, scores="none"), seed)
    size, war = np.log(fought.strength), world_war(fought)
    shares = np.minimum(np.exp(said.log_losses) / fought.strength, 1.0)
    every = zip(said.outcomes, shares, strict=True)
    return [regularities(fought.log_ratio, outcome, lost, size, fought.days, war) for outcome, lost in every]


def effectiveness(posterior: Posterior, seed: int = 1) -> list[float]:
    """5 %, median and 95 % of the quality of an attacker over a defender, over belligerents and draws."""
    part = 1 / (1 + np.exp(-posterior.draws["belligerent_logit"]))
    spread = posterior.form.quality_sd * np.sqrt(part / 2)
    own = spread[:, None] * posterior.draws["belligerent_raw"]
    luck = np.random.default_rng(seed)
    first, second = luck.integers(0, own.shape[1], (2, 1000))
    rest = posterior.form.quality_sd * np.sqrt(1 - part)[:, None] * luck.standard_normal((len(part), 1000))
    return bands(np.exp(own[:, first] - own[:, second] + rest))
