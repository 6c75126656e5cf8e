"""The only mathematics that subsystems share: limits, shares and outflows without hard corners."""

import math

import jax
import jax.numpy as jnp

LOG_2 = 0.6931471805599453
LOG_2_FIRST, LOG_2_REST = 0.693147180369123816490, 1.90821492927058770002e-10  # k times the first is exact for |k| < 2 ** 20
MOST_HAZARD = 40.0  # by which all leave: 1 - exp(-x) is 1 from here on


def positive(x, width):
    """Smooth positive part of x: softplus with a corner of the given width, in the unit of x."""
    return width * jax.nn.softplus(x / width)


def saturate(limit, wanted):
    """Smooth minimum limit (1 - exp(-wanted / limit)) of two amounts >= 0; 0 where the limit is 0."""
    safe = jnp.where(limit > 0, limit, jnp.ones_like(limit))
    return jnp.where(limit > 0, limit * by_hazard(quotient(wanted, safe)), jnp.zeros_like(limit))


def share(part, whole):
    """part / whole, and 0 where there is no whole."""
    ratio = quotient(part, jnp.where(whole > 0, whole, jnp.ones_like(whole)))
    return jnp.where(whole > 0, ratio, jnp.zeros_like(ratio))


@jax.custom_jvp
def quotient(part, whole):
    """part / whole for whole > 0."""
    return part / whole


@quotient.defjvp
def slope_of_quotient(values, changes):
    """part / whole and its change; none where the square of the whole is too small for a number, as in a backlog that fades away."""
    ratio, (_, whole) = quotient(*values), values
    least = jnp.finfo(whole.dtype).tiny ** 0.5
    safe = jnp.where(whole > least, whole, jnp.ones_like(whole))
    return ratio, jnp.where(whole > least, (changes[0] - ratio * changes[1]) / safe, jnp.zeros_like(ratio))


def once(*values):
    """The same values, computed once: the compiler would compute them anew for each thing that uses them."""
    return jax.lax.optimization_barrier(values)


def power(base, exponent):
    """base ** exponent for base >= 0, by logarithms; finite slope at 0."""
    return jnp.exp(exponent * log(jnp.maximum(base, 1e-12)))


@jax.custom_jvp
def log(x):
    """Natural logarithm of x > 0 (no subnormal number): x = 2 ** e * m, log m = 2 artanh((m - 1) / (m + 1)) as a series; error 4e-16.

    XLA takes float64 logarithms one number at a time; this one it takes several at a time, which makes the benchmark model 1.25
    times as fast. In float32 XLA's own is quicker.
    """
    if jnp.result_type(x) != jnp.float64:
        return jnp.log(x)
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    exponent = (bits >> 52) - 1023
    mantissa = jax.lax.bitcast_convert_type((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000, jnp.float64)
    large = mantissa > 2**0.5
    mantissa, exponent = jnp.where(large, mantissa / 2, mantissa), exponent + large
    s = (mantissa - 1) / (mantissa + 1)
    square, series = s * s, jnp.zeros_like(s)
    for odd in range(19, 1, -2):  # s is at most 0.172: the next term is below 1e-17
        series = series * square + 1 / odd
    return jnp.where(x < jnp.inf, exponent * LOG_2 + (2 * s + 2 * s * square * series), x)  # infinity and no-number stay what they are


@log.defjvp
def slope_of_log(x, change):
    """log x and its change."""
    return log(*x), change[0] / x[0]


@jax.custom_jvp
def by_hazard(x):
    """Share 1 - exp(-x) that leaves by a hazard of x >= 0 in all, exact where x is small; error 3e-16.

    exp(-x) = 2 ** k * exp(r) with |r| <= log 2 / 2, and exp(r) - 1 as a series: less than half of the time of XLA's own expm1 in float64.
    In float32 XLA's is quicker. Computed once: a series looks cheap to the compiler, which would compute it anew for each use.
    """
    if jnp.result_type(x) != jnp.float64:
        return -jnp.expm1(-x)
    left = jnp.where(x > MOST_HAZARD, -MOST_HAZARD, -x)
    whole = jnp.floor(left * (1 / LOG_2) + 0.5)
    r = left - whole * LOG_2_FIRST - whole * LOG_2_REST
    series = jnp.full_like(r, 1 / math.factorial(13))
    for place in range(12, 1, -1):
        series = series * r + 1 / math.factorial(place)
    scale = jax.lax.bitcast_convert_type((whole.astype(jnp.int64) + 1023) << 52, jnp.float64)
    return once((1 - scale) - scale * (r + r * r * series))[0]


@by_hazard.defjvp
def slope_of_share_by_hazard(x, change):
    """The share and its change."""
    share_by_hazard = by_hazard(*x)
    return share_by_hazard, (1 - share_by_hazard) * change[0]


def leaves(stock, hazards, dt):
    """Amounts that leave a stock by competing hazards [1/week] within dt: together stock (1 - exp(-sum h dt))."""
    total = sum(hazards[1:], hazards[0])
    left = stock * by_hazard(total * dt)
    return tuple(left * share(hazard, total) for hazard in hazards)


def passing(time, dt):
    """Share of a delay stage that moves on in dt: geometric, so that the steady stock is inflow x time."""
    return jnp.minimum(dt / time, jnp.ones_like(time))


def approach(x, target, time, dt):
    """x after dt of a first-order approach to target; exact for a constant target, so never past it."""
    return x + (target - x) * by_hazard(dt / time)


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
