"""Thresholds of events and noise, keyed by name, so that adding a stream moves no other.

The key of a stream is a fold_in chain over (seed, draw, crc32 of the side's name, crc32 of the stream's name and, for noise, week or
quarter); occurrences of an event are places in one row. Policy, structure, continuation, lane and worker are never part of it
(docs/model/week.md, randomness).
"""

from functools import partial
from zlib import crc32

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import PARTNERS
from muster.model.quantity import Record, quantity

OCCURRENCES = 8  # thresholds kept for an event that may come again
LEVELS = 7  # levels of the command chain
COVARIATES = 3  # poverty, titular share, income
REGION_STAGES = 5  # movement, conflict, exit, settlement, repression


class Luck(Record):
    """What chance brings one side in one draw; the same for every policy."""

    breakthrough: Float[Array, " occurrence"] = quantity("1", "cumulated hazard at which the n-th breakthrough comes")
    breakthrough_size: Float[Array, " occurrence"] = quantity("1", "standard normal mark: size of the n-th breakthrough")
    revelation: Float[Array, " occurrence"] = quantity("1", "cumulated hazard at which the n-th revelation comes")
    partner_stop: Float[Array, " partner occurrence"] = quantity("1", "cumulated hazard at which a partner stops")
    partner_resume: Float[Array, " partner occurrence"] = quantity("1", "cumulated hazard at which a partner resumes")
    region: Float[Array, " region stage occurrence"] = quantity("1", "cumulated hazard of the n-th event of each regional stage")
    unknown: Float[Array, " region covariate"] = quantity("1", "standard normals for poverty, titular share, income where not known")
    regime: Float[Array, " cause"] = quantity("1", "threshold of coup attempt, overthrow, natural exit, collapse")
    coup_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the coup succeeds")
    nonviolent_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the overthrow is attempted without violence")
    overthrow_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the overthrow succeeds")
    peace_mark: Float[Array, ""] = quantity("1", "uniform mark: whether a new leader ends the attack")


class Noise(Record):
    """Standard normals of one side in one week; drawn for all weeks at once, with the step as a leading axis."""

    losses: Float[Array, ""] = quantity("1", "shock of the loss rate")
    reports: Float[Array, " level"] = quantity("1", "error of each level's report")
    support: Float[Array, " partner"] = quantity("1", "shock of partners' support")
    packages: Float[Array, " partner"] = quantity("1", "size of partners' packages in this quarter")
    elections: Float[Array, " partner"] = quantity("1", "outcome of partners' elections")


STOPS = tuple(f"{partner} partner stops" for partner in PARTNERS)
RESUMES = tuple(f"{partner} partner resumes" for partner in PARTNERS)
CAUSES = ("coup attempt", "overthrow", "natural exit", "collapse")
EVENTS = ("breakthrough", "revelation", *STOPS, *RESUMES, *CAUSES)
MARKS = ("coup success", "overthrow without violence", "overthrow success", "peace after a change")
WEEKLY = ("losses", "reports", "support", "packages", "elections")


def side_key(seed, draw, side):
    """Key of one side (crc32 of its name) in one draw."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), side)


def streams(key, names: tuple[str, ...]):
    """Keys of named streams: each depends on its own name alone."""
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.array([crc32(name.encode()) for name in names], dtype=jnp.uint32))


def thresholds(keys, shape: tuple[int, ...]):
    """Cumulated Exp(1) thresholds along the last axis, for each key."""
    return jnp.cumsum(jax.vmap(lambda key: jax.random.exponential(key, shape, dtype=jnp.float64))(keys), axis=-1)


def begin(seed, draw, side, regions: int) -> Luck:
    """The luck of one side (crc32 of its name) in one draw."""
    key = side_key(seed, draw, side)
    events = dict(zip(EVENTS, thresholds(streams(key, EVENTS), (OCCURRENCES,)), strict=True))
    marks = jax.vmap(lambda one: jax.random.uniform(one, dtype=jnp.float64))(streams(key, MARKS))
    sizes = jax.random.normal(streams(key, ("breakthrough size",))[0], (OCCURRENCES,), dtype=jnp.float64)
    return Luck(
        breakthrough=events["breakthrough"],
        breakthrough_size=sizes,
        revelation=events["revelation"],
        partner_stop=jnp.stack([events[name] for name in STOPS]),
        partner_resume=jnp.stack([events[name] for name in RESUMES]),
        region=thresholds(streams(key, ("region",)), (regions, REGION_STAGES, OCCURRENCES))[0],
        unknown=jax.random.normal(streams(key, ("what no table tells",))[0], (regions, COVARIATES), dtype=jnp.float64),
        regime=jnp.stack([events[name][0] for name in CAUSES]),
        **dict(zip(("coup_mark", "nonviolent_mark", "overthrow_mark", "peace_mark"), marks, strict=True)),
    )


def ceasefire(seed, draw):
    """Threshold Exp(1) of the end of fighting: one for both sides."""
    return thresholds(streams(side_key(seed, draw, crc32(b"war")), ("ceasefire",)), (1,))[0, 0]


def noise(seed, draw, side, steps: int, quarter: int) -> Noise:
    """Noise of one side (crc32 of its name) in one draw, by step; packages change every quarter, which has so many steps."""

    def normals(key, occurrences, count: int):
        """[occurrence, count]: the first numbers of a longer row, so that no more are drawn than are used."""
        return jax.vmap(lambda one: jax.random.normal(jax.random.fold_in(key, one), (count,), dtype=jnp.float32))(occurrences)

    keys = dict(zip(WEEKLY, streams(side_key(seed, draw, side), WEEKLY), strict=True))
    each, quarters, count = jnp.arange(steps), jnp.arange(-(-steps // quarter)), len(PARTNERS)
    return Noise(
        losses=normals(keys["losses"], each, 1)[:, 0],
        reports=normals(keys["reports"], each, LEVELS),
        support=normals(keys["support"], each, count),
        packages=normals(keys["packages"], quarters, count)[each // quarter],
        elections=normals(keys["elections"], each, count),
    )


def passed(hazard, thresholds_, survived):
    """How many thresholds a cumulated hazard has passed; `survived` is what was lived through without an event.

    Behind the last one that is kept an event comes with each unit of hazard, as many as chance would bring on average.
    """
    felt = hazard - survived
    kept = jnp.sum(felt[..., None] >= thresholds_, axis=-1)
    return kept + jnp.floor(jnp.maximum(felt - thresholds_[..., -1], 0.0))


def parameter_normals(seed, draws, names):
    """Standard normals [parameter, draw] of parameters by the crc32 of their streams' names."""

    def one(name, draw):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), crc32(b"parameter"))
        return jax.random.normal(jax.random.fold_in(key, name), dtype=jnp.float64)

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(names, draws)
