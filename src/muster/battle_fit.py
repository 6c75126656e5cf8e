"""The front's loss law and the winner, fitted to battles together: a hierarchical Bayesian model in NumPyro.

docs/battles.md has the equations. The loss law is muster.model.front_law.attrition, the one that the simulator runs. What is not
observed (a battle's quality, its intensity, the errors of strengths) is Gaussian and integrated out exactly, so that only the
parameters are sampled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr
from jax.scipy.stats import norm

from muster import simulate  # sets JAX to float64
from muster.battles import ERAS, GROUND, MATERIEL, POSTURES, SCORES, Battles
from muster.model.front_law import attrition

QUALITY_SD = 0.56  # ln 3 / 1.96: 95 % of opponents differ in quality by a factor of 0.3 to 3; this fixes the unit of quality
assert simulate.LANE  # imported for what it does to JAX


@dataclass(frozen=True)
class Form:
    """Which form of the fit: what is used, and how."""

    scores: Literal["none", "hindsight", "face_value"] = "none"  # judged scores: unused; shifted by the outcome; as if judged before
    afterwards: bool = False  # surprise and air superiority as parts of quality
    days: bool = False  # duration, known afterwards, in the intensity
    selection: bool = True  # attackers with better troops may attack with fewer men
    rout: bool = True  # losing a battle costs more men (pursuit, prisoners counted in)
    errors: float = 1.0  # error of strengths over the judged one
    quality_sd: float = QUALITY_SD


class Rows(NamedTuple):
    """What the likelihood needs of each battle, as arrays of JAX."""

    era: jax.Array
    war: jax.Array
    attacker: jax.Array
    defender: jax.Array
    posture: jax.Array
    log_ratio: jax.Array
    ratio_error: jax.Array
    size: jax.Array
    ground: jax.Array
    quality: jax.Array  # what is known of relative quality: materiel, and surprise and air where used
    density: jax.Array
    log_days: jax.Array
    difference: jax.Array  # log hazard of the attacker less that of the defender
    middle: jax.Array  # mean of both
    lost: jax.Array  # 1 where both losses are known
    outcome: jax.Array  # 1, 0, -1
    scores: jax.Array
    judged: jax.Array  # 1 where the scores are known


class Names(NamedTuple):
    """Wars and belligerents of a fit, in the order of its effects."""

    wars: tuple[str, ...]
    belligerents: tuple[str, ...]


def names_of(battles: Battles) -> Names:
    """Wars and belligerents of a table."""
    return Names(tuple(sorted(set(battles.war))), tuple(sorted({*battles.attacker, *battles.defender})))


def rows_of(battles: Battles, names: Names, form: Form) -> Rows:
    """The table as the likelihood needs it; a war or belligerent that the fit does not know gets the index -1."""
    wars, belligerents = ({name: index for index, name in enumerate(group)} for group in names)
    known = np.asarray(np.isfinite(battles.losses).all(axis=1))
    hazard = np.where(known[:, None], np.where(np.isfinite(battles.losses), battles.log_hazard, 0.0), 0.0)
    judged = np.asarray(np.isfinite(battles.scores).all(axis=1))
    quality = battles.materiel
    if form.afterwards:
        quality = np.concatenate([quality, battles.surprise[:, None], battles.air[:, None]], axis=1)
    found: dict[str, np.ndarray] = {
        "era": battles.era,
        "war": np.array([wars.get(name, -1) for name in battles.war]),
        "attacker": np.array([belligerents.get(name, -1) for name in battles.attacker]),
        "defender": np.array([belligerents.get(name, -1) for name in battles.defender]),
        "posture": battles.posture,
        "log_ratio": battles.log_ratio,
        "ratio_error": battles.strength_error * form.errors,
        "size": battles.log_size,
        "ground": battles.ground,
        "quality": quality,
        "density": battles.density,
        "log_days": np.nan_to_num(np.log(battles.days)) if form.days else np.zeros(len(battles)),
        "difference": hazard[:, 0] - hazard[:, 1],
        "middle": hazard.mean(axis=1),
        "lost": known.astype(float),
        "outcome": battles.outcome,
        "scores": np.nan_to_num(battles.scores),
        "judged": judged.astype(float),
    }
    return Rows(**{name: jnp.asarray(column) for name, column in found.items()})


def levels(p: dict[str, Any], name: str, count: int, spread: float) -> None:
    """Effects of a group, drawn together around 0 with a spread that is estimated too."""
    scale = p[f"{name}_sd"] = numpyro.sample(f"{name}_sd", dist.HalfNormal(spread))
    raw = numpyro.sample(f"{name}_raw", dist.Normal(0, 1).expand([count]).to_event(1))
    p[name] = numpyro.deterministic(name, scale * raw)


def weights(name: str, count: int, spread: float):
    """Coefficients with one prior each."""
    return numpyro.sample(name, dist.Normal(0, spread).expand([count]).to_event(1))


def priors(names: Names, form: Form) -> dict[str, Any]:
    """Every parameter of the model, drawn from its prior."""
    p: dict[str, Any] = {}

    def number(name: str, centre: float, spread: float) -> None:
        p[name] = numpyro.sample(name, dist.Normal(centre, spread))

    def positive(name: str, spread: float) -> None:
        p[name] = numpyro.sample(name, dist.HalfNormal(spread))

    number("omega", 0.4, 0.4)
    p["nu"] = numpyro.sample("nu", dist.LogNormal(np.log(0.6), 0.6))
    number("mass_on_winning", 0.4, 0.4)
    p["quality_on_winning"] = numpyro.sample("quality_on_winning", dist.LogNormal(np.log(0.8), 0.6))
    for name, spread in (("omega", 0.2), ("log_nu", 0.3), ("mass_on_winning", 0.3), ("log_quality_on_winning", 0.3)):
        levels(p, f"{name}_era", len(ERAS), spread)
        levels(p, f"{name}_posture", len(POSTURES), spread / 2)
    number("winning", 0.2, 0.5)
    number("intensity", -2.3, 1.0)
    number("size", 0.0, 0.5)
    number("dense", 0.0, 0.3)
    number("dense_winning", 0.0, 0.2)
    number("days", 0.5 if form.days else 0.0, 0.5 if form.days else 1e-3)
    p["posture"] = weights("posture", len(POSTURES), 0.5)
    p["posture_winning"] = weights("posture_winning", len(POSTURES), 0.4)
    p["posture_intensity"] = weights("posture_intensity", len(POSTURES), 0.4)
    levels(p, "posture_era", len(ERAS), 0.3)
    levels(p, "era_winning", len(ERAS), 0.3)
    levels(p, "era_intensity", len(ERAS), 0.7)
    levels(p, "war_winning", len(names.wars), 0.3)
    levels(p, "war_intensity", len(names.wars), 0.4)
    p["ground_winning"] = weights("ground_winning", len(GROUND), 0.2)
    p["ground_intensity"] = weights("ground_intensity", len(GROUND), 0.3)
    p["materiel"] = weights("materiel", len(MATERIEL) + 2 * form.afterwards, 0.3)
    # the spread of quality is fixed; its part that belongs to the belligerents and not to the battle is estimated
    number("belligerent_logit", 0.0, 1.0)
    p["belligerent_raw"] = weights("belligerent_raw", len(names.belligerents), 1.0)
    number("selection", 0.0, 0.3 if form.selection else 1e-3)
    p["rout"] = numpyro.sample("rout", dist.Normal(0.3, 0.4) if form.rout else dist.Normal(0.0, 1e-3))
    levels(p, "rout_era", len(ERAS), 0.2 if form.rout else 1e-3)
    positive("difference_sd", 1.0)
    positive("middle_sd", 1.0)
    number("leaning", 0.0, 0.3)
    number("ratio_mean", 0.3, 0.5)
    positive("ratio_sd", 1.0)
    if form.scores != "none":
        p["score_mean"] = weights("score_mean", len(SCORES), 0.5)
        p["score_slope"] = numpyro.sample("score_slope", dist.HalfNormal(1.0).expand([len(SCORES)]).to_event(1))
        p["score_sd"] = numpyro.sample("score_sd", dist.HalfNormal(1.0).expand([len(SCORES)]).to_event(1))
        shift = 0.3 if form.scores == "hindsight" else 1e-3
        p["score_shift"] = numpyro.sample("score_shift", dist.HalfNormal(shift).expand([len(SCORES)]).to_event(1))
    return p


class Means(NamedTuple):
    """What the parameters say of each battle before anything of it is observed."""

    difference: jax.Array  # of log hazards, at the observed strengths and mean quality
    middle: jax.Array
    winning: jax.Array  # probit
    omega: jax.Array
    nu: jax.Array
    mass: jax.Array  # effect of log numbers on the probit of winning
    skill: jax.Array  # effect of log quality on it
    quality: jax.Array  # mean log quality of the attacker over the defender
    quality_var: jax.Array
    winning_var: jax.Array  # of a war that the fit does not know
    middle_var: jax.Array
    rout: jax.Array


def taken(effects, index):
    """The effect of each battle's group, 0 where the group is unknown."""
    return jnp.where(index >= 0, effects[jnp.maximum(index, 0)], 0.0)


def exponents(p: Mapping[str, Any], era, posture):
    """omega, nu and the effects of log numbers and log quality on the probit of winning, by era and posture."""
    omega = p["omega"] + p["omega_era"][era] + posture @ p["omega_posture"]
    nu = p["nu"] * jnp.exp(p["log_nu_era"][era] + posture @ p["log_nu_posture"])
    mass = p["mass_on_winning"] + p["mass_on_winning_era"][era] + posture @ p["mass_on_winning_posture"]
    skill = p["quality_on_winning"] * jnp.exp(p["log_quality_on_winning_era"][era] + posture @ p["log_quality_on_winning_posture"])
    return omega, nu, mass, skill


def means(p: Mapping[str, Any], x: Rows, form: Form) -> Means:
    """Means and variances of each battle; the loss law is the front's own, called once for each side."""
    omega, nu, mass, skill = exponents(p, x.era, x.posture)
    part = jax.nn.sigmoid(p["belligerent_logit"])
    own = form.quality_sd * jnp.sqrt(part / 2) * p["belligerent_raw"]
    quality = x.quality @ p["materiel"] + taken(own, x.attacker) - taken(own, x.defender) - p["selection"] * (x.log_ratio - p["ratio_mean"])
    strangers = (x.attacker < 0).astype(float) + (x.defender < 0)
    quality_var = form.quality_sd**2 * (1 - part + strangers * part / 2)
    stranger = (x.war < 0).astype(float)
    intensity = (
        p["intensity"] + p["era_intensity"][x.era] + taken(p["war_intensity"], x.war) + x.posture @ p["posture_intensity"]
        + x.ground @ p["ground_intensity"] + p["size"] * x.size + p["dense"] * x.density + p["days"] * x.log_days
    )  # fmt: skip
    ratio, better = jnp.exp(x.log_ratio), jnp.exp(quality)
    posture_ratio = jnp.exp(x.posture @ p["posture"] + p["posture_era"][x.era])
    attacker = jnp.log(attrition(jnp.exp(intensity), posture_ratio, 1.0, ratio, omega, better, nu))
    defender = jnp.log(attrition(jnp.exp(intensity), posture_ratio, -1.0, 1 / ratio, omega, 1 / better, nu))
    winning = (
        p["winning"] + p["era_winning"][x.era] + taken(p["war_winning"], x.war) + x.posture @ p["posture_winning"]
        + x.ground @ p["ground_winning"] + p["dense_winning"] * x.density + mass * x.log_ratio + skill * quality
    )  # fmt: skip
    return Means(
        difference=attacker - defender,
        middle=(attacker + defender) / 2,
        winning=winning,
        omega=omega,
        nu=nu,
        mass=mass,
        skill=skill,
        quality=quality,
        quality_var=quality_var,
        winning_var=stranger * p["war_winning_sd"] ** 2,
        middle_var=stranger * p["war_intensity_sd"] ** 2,
        rout=p["rout"] + p["rout_era"][x.era],
    )


class Joint(NamedTuple):
    """The Gaussian of quality and error of strength of each battle, as far as it is known."""

    quality: jax.Array  # mean of quality over what the parameters say
    quality_var: jax.Array
    error: jax.Array  # mean of the log error of the ratio of strengths
    error_var: jax.Array


def judge(p: Mapping[str, Any], x: Rows, m: Means, outcome, form: Form):
    """Log density of the judged scores given an outcome, and what they say about quality."""
    prior = x.ratio_error**2 / (x.ratio_error**2 + p["ratio_sd"] ** 2)
    error, error_var = prior * (x.log_ratio - p["ratio_mean"]), prior * p["ratio_sd"] ** 2
    if form.scores == "none":
        zero = jnp.zeros_like(m.quality)
        return zero, Joint(zero, m.quality_var, error, error_var)
    slope = p["score_slope"] / form.quality_sd
    rest = x.scores - p["score_mean"] - slope * m.quality[:, None] - p["score_shift"] * outcome[:, None]
    precision = 1 / p["score_sd"] ** 2
    pull, told = (rest * precision) @ slope, jnp.sum(slope**2 * precision)
    var = 1 / (1 / m.quality_var + told)
    plain = jnp.sum(norm.logpdf(rest, 0.0, p["score_sd"]), axis=1)
    density = plain + 0.5 * (pull**2 * var + jnp.log(var / m.quality_var))
    known = x.judged > 0
    quality, quality_var = jnp.where(known, var * pull, 0.0), jnp.where(known, var, m.quality_var)
    return jnp.where(known, density, 0.0), Joint(quality, quality_var, error, error_var)


def of_difference(p: Mapping[str, Any], m: Means, joint: Joint, outcome):
    """Mean and variance of the difference of log hazards given an outcome, and its covariance with the probit of winning."""
    per_quality, per_error = -2 * m.nu, 2 * m.omega - 1
    mean = m.difference + per_quality * joint.quality + per_error * joint.error - m.rout * outcome
    var = p["difference_sd"] ** 2 + per_quality**2 * joint.quality_var + per_error**2 * joint.error_var
    covariance = per_quality * m.skill * joint.quality_var - per_error * m.mass * joint.error_var
    return mean, var, covariance


def of_winning(m: Means, joint: Joint):
    """Mean and variance of the probit of winning."""
    mean = m.winning + m.skill * joint.quality - m.mass * joint.error
    var = 1 + m.winning_var + m.skill**2 * joint.quality_var + m.mass**2 * joint.error_var
    return mean, var


def log_likelihood(p: Mapping[str, Any], x: Rows, form: Form):
    """Log density of losses, outcome and scores of each battle, together; a draw says nothing about winning."""
    m = means(p, x, form)
    told, joint = judge(p, x, m, x.outcome, form)
    mean, var, covariance = of_difference(p, m, joint, x.outcome)
    rest = x.difference - mean
    losses = norm.logpdf(rest, 0.0, jnp.sqrt(var)) + norm.logpdf(
        x.middle - m.middle - p["leaning"] * rest, 0.0, jnp.sqrt(p["middle_sd"] ** 2 + m.middle_var)
    )
    probit, probit_var = of_winning(m, joint)
    probit = probit + jnp.where(x.lost > 0, covariance / var * rest, 0.0)
    probit_var = probit_var - jnp.where(x.lost > 0, covariance**2 / var, 0.0)
    winner = log_ndtr(x.outcome * probit / jnp.sqrt(probit_var))
    ratio = norm.logpdf(x.log_ratio, p["ratio_mean"], jnp.sqrt(p["ratio_sd"] ** 2 + x.ratio_error**2))
    return told + ratio + jnp.where(x.lost > 0, losses, 0.0) + jnp.where(x.outcome != 0, winner, 0.0)


def model(x: Rows, used: jax.Array, names: Names, form: Form) -> None:
    """The model for NumPyro; used is 1 for the battles that are fitted and 0 for those held out."""
    p = priors(names, form)
    numpyro.factor("battles", jnp.sum(used * log_likelihood(p, x, form)))
