"""Thresholds of events and noise, keyed by name, so that adding a stream moves no other.

The key of a stream is a fold_in chain over (seed, draw, crc32 of the side's name, crc32 of the stream's name, occurrence
or week). Policy, structure, continuation, lane and worker are never part of it (docs/model/week.md, randomness).
"""

from zlib import crc32

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from muster.model.levers import PARTNERS
from muster.model.quantity import Record, quantity

OCCURRENCES = 8  # thresholds kept for an event that may come again
LEVELS = 7  # levels of the command chain
REGION_STAGES = 5  # movement, conflict, exit, settlement, repression


class Luck(Record):
    """What chance brings one side in one draw; the same for every policy."""

    breakthrough: Float[Array, " occurrence"] = quantity("1", "cumulated hazard at which the n-th breakthrough comes")
    breakthrough_size: Float[Array, " occurrence"] = quantity("1", "standard normal mark: size of the n-th breakthrough")
    revelation: Float[Array, " occurrence"] = quantity("1", "cumulated hazard at which the n-th revelation comes")
    partner_stop: Float[Array, " partner occurrence"] = quantity("1", "cumulated hazard at which a partner stops")
    partner_resume: Float[Array, " partner occurrence"] = quantity("1", "cumulated hazard at which a partner resumes")
    region: Float[Array, " region stage occurrence"] = quantity("1", "cumulated hazard of the n-th event of each regional stage")
    regime: Float[Array, " cause"] = quantity("1", "threshold of coup attempt, overthrow, natural exit, collapse")
    coup_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the coup succeeds")
    nonviolent_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the overthrow is attempted without violence")
    overthrow_mark: Float[Array, ""] = quantity("1", "uniform mark: whether the overthrow succeeds")
    peace_mark: Float[Array, ""] = quantity("1", "uniform mark: whether a new leader ends the attack")
    weekly: UInt32[Array, " stream two"] = quantity("1", "keys of the weekly noise streams")


class Noise(Record):
    """Standard normals of one side in one week."""

    losses: Float[Array, ""] = quantity("1", "shock of the loss rate")
    reports: Float[Array, " level"] = quantity("1", "error of each level's report")
    support: Float[Array, " partner"] = quantity("1", "shock of partners' support")
    packages: Float[Array, " partner"] = quantity("1", "size of partners' packages in this quarter")
    elections: Float[Array, " partner"] = quantity("1", "outcome of partners' elections")


WEEKLY = ("losses", "reports", "support", "packages", "elections")
QUARTER = 13  # weeks that a package's size holds


def stream(key, name: str):
    """Key of a named stream."""
    return jax.random.fold_in(key, crc32(name.encode()))


def thresholds(key, name: str, shape: tuple[int, ...]):
    """Cumulated Exp(1) thresholds along the last axis."""
    return jnp.cumsum(jax.random.exponential(stream(key, name), shape, dtype=jnp.float64), axis=-1)


def begin(seed, draw, side, regions: int) -> Luck:
    """The luck of one side (crc32 of its name) in one draw."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), side)

    def uniform(name: str):
        return jax.random.uniform(stream(key, name), dtype=jnp.float64)

    return Luck(
        breakthrough=thresholds(key, "breakthrough", (OCCURRENCES,)),
        breakthrough_size=jax.random.normal(stream(key, "breakthrough size"), (OCCURRENCES,), dtype=jnp.float64),
        revelation=thresholds(key, "revelation", (OCCURRENCES,)),
        partner_stop=thresholds(key, "partner stop", (len(PARTNERS), OCCURRENCES)),
        partner_resume=thresholds(key, "partner resume", (len(PARTNERS), OCCURRENCES)),
        region=thresholds(key, "region", (regions, REGION_STAGES, OCCURRENCES)),
        regime=thresholds(key, "regime", (4, 1))[:, 0],
        coup_mark=uniform("coup success"),
        nonviolent_mark=uniform("overthrow without violence"),
        overthrow_mark=uniform("overthrow success"),
        peace_mark=uniform("peace after a change"),
        weekly=jnp.stack([jax.random.key_data(stream(key, name)) for name in WEEKLY]),
    )


def ceasefire(seed, draw):
    """Threshold Exp(1) of the end of fighting: one for both sides."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), crc32(b"war"))
    return jax.random.exponential(stream(key, "ceasefire"), dtype=jnp.float64)


def noise(luck: Luck, step) -> Noise:
    """Noise of the given step; packages change every quarter."""

    def normal(index: int, occurrence, shape: tuple[int, ...] = ()):
        key = jax.random.wrap_key_data(luck.weekly[index])
        return jax.random.normal(jax.random.fold_in(key, occurrence), shape, dtype=jnp.float32).astype(jnp.float64)

    partners = (len(PARTNERS),)
    return Noise(
        losses=normal(0, step),
        reports=normal(1, step, (LEVELS,)),
        support=normal(2, step, partners),
        packages=normal(3, step // QUARTER, partners),
        elections=normal(4, step, partners),
    )


def passed(hazard, thresholds_, survived):
    """How many thresholds a cumulated hazard has passed; `survived` is what was lived through without an event."""
    return jnp.sum((hazard - survived)[..., None] >= thresholds_, axis=-1)


def parameter_normals(seed: int, draws, streams: list[str]):
    """Standard normals [stream, draw] of named parameters."""
    names = jnp.array([crc32(name.encode()) for name in streams], dtype=jnp.uint32)

    def one(draw, name):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), crc32(b"parameter"))
        return jax.random.normal(jax.random.fold_in(key, name), dtype=jnp.float64)

    return jax.jit(jax.vmap(jax.vmap(one, in_axes=(0, None)), in_axes=(None, 0)))(jnp.asarray(draws, dtype=jnp.uint32), names)
