"""The only mathematics that subsystems share: limits, shares and outflows without hard corners."""

import jax
import jax.numpy as jnp


def positive(x, width):
    """Smooth positive part of x: softplus with a corner of the given width, in the unit of x."""
    return width * jax.nn.softplus(x / width)


def saturate(limit, wanted):
    """Smooth minimum limit (1 - exp(-wanted / limit)) of two amounts >= 0; 0 where the limit is 0."""
    safe = jnp.where(limit > 0, limit, jnp.ones_like(limit))
    return jnp.where(limit > 0, -limit * jnp.expm1(-wanted / safe), jnp.zeros_like(limit))


def share(part, whole):
    """part / whole, and 0 where there is no whole."""
    safe = jnp.where(whole > 0, whole, jnp.ones_like(whole))
    return jnp.where(whole > 0, part / safe, jnp.zeros_like(part / safe))


def power(base, exponent):
    """base ** exponent for base >= 0, by logarithms; finite slope at 0."""
    return jnp.exp(exponent * jnp.log(jnp.maximum(base, 1e-12)))


def leaves(stock, hazards, dt):
    """Amounts that leave a stock by competing hazards [1/week] within dt: together stock (1 - exp(-sum h dt))."""
    total = sum(hazards[1:], hazards[0])
    gone = -stock * jnp.expm1(-total * dt)
    return tuple(gone * share(hazard, total) for hazard in hazards)


def passing(time, dt):
    """Share of a delay stage that moves on in dt: geometric, so that the steady stock is inflow x time."""
    return jnp.minimum(dt / time, jnp.ones_like(time))


def approach(x, target, time, dt):
    """x after dt of a first-order approach to target; exact for a constant target, so never past it."""
    return x - (target - x) * jnp.expm1(-dt / time)


def between(x, low, high):
    """x, bent smoothly so that it stays between low and high; slope 1 in the middle."""
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * jnp.tanh((x - middle) / half)


def logit(p):
    """Log odds of a share."""
    return jnp.log(p) - jnp.log1p(-p)


def pulse(age, time):
    """exp(-age / time) from age 0 on, and 0 before (negative age)."""
    return jnp.where(age >= 0, jnp.exp(-jnp.maximum(age / time, 0.0)), 0.0)
