"""The posterior of the battle model: sampled, approximated for folds, kept, and used to predict.

NUTS gives the posterior that is shipped; normal approximations give those of validation, where dozens of fits are needed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import xarray as xr
from jax.flatten_util import ravel_pytree
from jax.scipy.special import log_ndtr, ndtr, ndtri
from numpyro.diagnostics import summary
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import constrain_fn, potential_energy
from numpyro.optim import Adam

from muster.battle_fit import Form, Joint, Names, Rows, judge, means, model, names_of, of_difference, of_winning, priors, rows_of
from muster.battles import Battles
from muster.errors import UserError
from muster.evidence import library

KEPT = 1000  # draws in the shipped file
DRAWS = 400  # of an approximation
STEPS = (1_000, 3_000)  # of the optimiser: each number's spread alone, and with correlations
RATES = (0.03, 0.004)
TINY = 1e-9


@dataclass(frozen=True)
class Posterior:
    """Draws of every parameter, with what they belong to."""

    draws: dict[str, np.ndarray]  # [draw, ...]
    names: Names
    form: Form
    battles: tuple[str, ...]  # numbers of the battles that were fitted
    diagnostics: dict[str, float]


def sample(battles: Battles, form: Form, warmup: int = 1000, draws: int = 1500, chains: int = 2, seed: int = 1) -> Posterior:
    """The posterior by NUTS, with R-hat, effective sample sizes and divergences of every parameter."""
    names = names_of(battles)
    rows = rows_of(battles, names, form)
    sampler = MCMC(
        NUTS(model, target_accept_prob=0.95),
        num_warmup=warmup,
        num_samples=draws,
        num_chains=chains,
        chain_method="parallel" if jax.local_device_count() >= chains else "sequential",
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(seed), rows, jnp.ones(len(battles)), names, form, extra_fields=("diverging",))
    table = summary(sampler.get_samples(group_by_chain=True))
    diagnostics = {
        "r_hat": max(float(np.nanmax(row["r_hat"])) for row in table.values()),
        "effective": min(float(np.nanmin(row["n_eff"])) for row in table.values()),
        "divergences": float(np.sum(sampler.get_extra_fields()["diverging"])),
        "draws": float(draws * chains),
    }
    kept = {name: np.asarray(values) for name, values in sampler.get_samples().items()}
    return Posterior(kept, names, form, tuple(battles.number), diagnostics)


def approximate(
    battles: Battles, form: Form, used: np.ndarray, steps: tuple[int, int] = STEPS, draws: int = DRAWS
) -> list[dict[str, np.ndarray]]:
    """Draws of the parameters for each row of used [fit, battle]: which battles are fitted.

    Normal approximations in the unconstrained space by variational inference (antithetic noise, Adam): first with a spread for each
    number, then with their correlations too. With fewer steps and without correlations forecasts of a war that nobody has seen were
    too bold.
    """
    names = names_of(battles)
    rows = rows_of(battles, names, form)
    with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.trace() as sites:
        priors(names, form)
    start, unravel = ravel_pytree({name: jnp.zeros(jnp.shape(s["value"])) for name, s in sites.items() if s["type"] == "sample"})
    size = len(start)

    def away(position, noise):
        """How far a draw lies from the centre: position = centre, log spread of each number, and how each follows those before it."""
        _, spread, *follows = position
        return jnp.exp(spread) * (noise + (jnp.tril(follows[0], -1) @ noise if follows else 0.0))

    def cost(position, noise, weight, rows):
        moved = away(position, noise)
        energies = [potential_energy(model, (rows, weight, names, form), {}, unravel(position[0] + s * moved)) for s in (1, -1)]
        return (energies[0] + energies[1]) / 2 - jnp.sum(position[1])

    def improved(position, noises, weight, rows, rate):
        optimiser = Adam(lambda step: rate * (0.01 + 0.99 * (1 + jnp.cos(jnp.pi * step / len(noises))) / 2))

        def step(state, noise):
            slope = jax.grad(cost)(optimiser.get_params(state), noise, weight, rows)
            return optimiser.update(slope, state), None

        return optimiser.get_params(jax.lax.scan(step, optimiser.init(position), noises)[0])

    def one(weight, noises, rows):
        alone = improved((start, jnp.full_like(start, np.log(0.05))), noises[: steps[0]], weight, rows, RATES[0])
        return improved((*alone, jnp.zeros((size, size))), noises[steps[0] :], weight, rows, RATES[1])

    luck = np.random.default_rng(1)
    noises, later = jnp.asarray(luck.standard_normal((sum(steps), size))), jnp.asarray(luck.standard_normal((draws, size)))
    fitted = jax.jit(one)
    drawn = jax.jit(
        jax.vmap(
            lambda position, noise, rows: constrain_fn(
                model, (rows, rows.lost, names, form), {}, unravel(position[0] + away(position, noise)), True
            ),
            (None, 0, None),
        )
    )
    fits = (drawn(fitted(jnp.asarray(row, dtype=float), noises, rows), later, rows) for row in used)
    return [{name: np.asarray(values) for name, values in found.items()} for found in fits]


class Forecast(NamedTuple):
    """What a posterior says of each battle before it is fought."""

    winning: np.ndarray  # probability that the attacker wins [battle]
    log_losses: np.ndarray  # draws of log losses [draw, battle, side]
    outcomes: np.ndarray  # draws of the winner, 1 or -1, that go with them [draw, battle]


def forecast(draws: Mapping[str, np.ndarray], battles: Battles, names: Names, form: Form, seed: int = 1) -> Forecast:
    """The winner and the losses of each battle, from what the form lets be known of it."""
    rows = rows_of(battles, names, form)
    strength = jnp.asarray(np.log(battles.strength))
    given = {name: jnp.asarray(values) for name, values in draws.items()}
    keys = jax.random.split(jax.random.PRNGKey(seed), len(next(iter(given.values()))))
    probability, outcomes, hazards = forecaster(form)(given, keys, rows)
    hazards = jnp.clip(hazards, -30.0, 5.0)
    losses = strength + jnp.log(-jnp.expm1(-jnp.exp(hazards)))
    return Forecast(np.asarray(probability.mean(axis=0)), np.asarray(losses), np.asarray(outcomes))


@cache
def forecaster(form: Form):
    """The compiled program that forecasts under a form, draw by draw."""
    return jax.jit(jax.vmap(lambda p, key, rows: one_forecast(p, key, rows, form), (0, 0, None)))


def one_forecast(p: Mapping[str, Any], key, x: Rows, form: Form):
    """Probability of winning, a drawn outcome and drawn log hazards of one draw of the parameters."""
    m = means(p, x, form)
    sides = []
    for outcome in (jnp.ones_like(m.quality), -jnp.ones_like(m.quality)):
        told, joint = judge(p, x, m, outcome, form)
        mean, var = of_winning(m, joint)
        sides.append((told + log_ndtr(outcome * mean / jnp.sqrt(var)), joint))
    probability = jax.nn.sigmoid(sides[0][0] - sides[1][0])
    chance, within, first, second = jax.random.uniform(key, (4, len(probability)), minval=TINY, maxval=1 - TINY)
    outcome = jnp.where(chance < probability, 1.0, -1.0)
    joint = Joint(*(jnp.where(outcome > 0, a, b) for a, b in zip(sides[0][1], sides[1][1], strict=True)))
    mean, var = of_winning(m, joint)
    edge = outcome * mean / jnp.sqrt(var)
    probit_noise = -outcome * ndtri(jnp.clip(within * ndtr(edge), TINY, 1 - TINY))  # what is left where the sign is known
    expected, spread, covariance = of_difference(p, m, joint, outcome)
    expected = expected + covariance / jnp.sqrt(var) * probit_noise
    rest = covariance / jnp.sqrt(var) * probit_noise + jnp.sqrt(spread - covariance**2 / var) * ndtri(first)
    difference = expected - covariance / jnp.sqrt(var) * probit_noise + rest
    middle = m.middle + p["leaning"] * rest + jnp.sqrt(p["middle_sd"] ** 2 + m.middle_var) * ndtri(second)
    return probability, outcome, jnp.stack([middle + difference / 2, middle - difference / 2], axis=-1)


def posterior_file() -> Path:
    """The posterior that Muster ships."""
    return library() / "posteriors" / "battles.nc"


def save(posterior: Posterior, path: Path) -> None:
    """Keeps some draws of every parameter (not the raw effects of belligerents), evenly thinned, in float32."""
    count = len(next(iter(posterior.draws.values())))
    rows = np.linspace(0, count - 1, min(KEPT, count)).astype(int)
    found = xr.Dataset()
    for name, values in posterior.draws.items():
        if name.endswith("_raw") and name != "belligerent_raw":
            continue
        own = [f"{name}_{axis}" for axis in range(values.ndim - 1)]
        found[name] = (["draw", *own], np.asarray(values)[rows].astype(np.float32))
    found.attrs |= posterior.diagnostics | {
        "title": "Posterior of the loss law and the winner, fitted to battles",
        "made_by": "python tools/fit_battles.py",
        "fitted_on": "CDB90 (J. B. Arnold; ODC-By 1.0), repaired; see docs/battles.md",
        "form": json.dumps(asdict(posterior.form)),
        "wars": json.dumps(posterior.names.wars),
        "belligerents": json.dumps(posterior.names.belligerents),
        "battles": json.dumps(posterior.battles),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    encoding: dict = {name: {"zlib": True} for name in found.data_vars}
    found.to_netcdf(beside, engine="h5netcdf", encoding=encoding)
    beside.replace(path)


@cache
def shipped() -> Posterior:
    """The posterior that Muster ships."""
    path = posterior_file()
    if not path.is_file():
        raise UserError(f"{path} is missing: `python tools/fit_battles.py` makes it.")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        draws = {str(name): np.asarray(found[name].values, dtype=float) for name in found.data_vars}
        words = found.attrs
        names = Names(tuple(json.loads(words["wars"])), tuple(json.loads(words["belligerents"])))
        diagnostics = {name: float(words[name]) for name in ("r_hat", "effective", "divergences", "draws")}
        return Posterior(draws, names, Form(**json.loads(words["form"])), tuple(json.loads(words["battles"])), diagnostics)
