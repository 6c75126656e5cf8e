"""Many draws at once, the draw on the last axis of every array: what is written for one draw is computed for a row of them.

jax.vmap gives the same numbers with the draw on the first axis, where the processor cannot take several draws in one
instruction; measured on the national model it takes about three times as long. An operation without a rule here goes
through jax.vmap alone, so that every operation is right and the common ones are quick.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.extend import core

ELEMENTWISE = frozenset(
    "abs add and bitcast_convert_type ceil clamp convert_element_type copy div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow"
    " is_finite le log log1p logistic lt max min mul ne neg nextafter not or pow rem round rsqrt select_n shift_right_arithmetic sign sqrt"
    " square stop_gradient sub tanh xor".split()
)
ALONG_LEADING_AXES = frozenset("cumsum reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum rev argmax argmin".split())
SHORT = 10  # elements of an axis that are added at a time
INLINED = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr"}


def batch(function):
    """function(*arguments) of one draw as a function of many, the draw on the last axis of every argument and result."""

    def of_many(*arguments):
        leaves, tree = jax.tree.flatten(arguments)
        width = leaves[0].shape[-1]
        singles = [jax.ShapeDtypeStruct(leaf.shape[:-1], leaf.dtype) for leaf in leaves]
        closed, shape = jax.make_jaxpr(lambda *flat: function(*jax.tree.unflatten(tree, flat)), return_shape=True)(*singles)
        found = evaluate(closed.jaxpr, closed.consts, [(leaf, True) for leaf in leaves], width)
        every = [value if many else widened(value, width) for value, many in found]
        return jax.tree.unflatten(jax.tree.structure(shape), every)

    return of_many


def widened(value, width: int):
    """The same value for every draw."""
    return jnp.broadcast_to(jnp.asarray(value)[..., None], (*jnp.shape(value), width))


def evaluate(jaxpr, constants, arguments, width: int):
    """The results of a jaxpr; every value is a pair (array, whether it has the draw as its last axis)."""
    known = dict(zip(jaxpr.constvars, ((constant, False) for constant in constants), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable):
        return (variable.val, False) if isinstance(variable, core.Literal) else known[variable]

    for equation in jaxpr.eqns:
        inputs = [read(variable) for variable in equation.invars]
        results = applied(equation, inputs, width)
        known |= dict(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def applied(equation, inputs, width: int):
    """The results of one operation."""
    name, params = equation.primitive.name, equation.params
    if name in INLINED:
        inner = params[INLINED[name]]
        return evaluate(inner.jaxpr, inner.consts, inputs, width)
    values, many = [value for value, _ in inputs], [flag for _, flag in inputs]
    rank = len(equation.outvars[0].aval.shape)
    if not any(many):
        return [(value, False) for value in bound(equation, *values)]
    if name == "custom_jvp_call":
        wide = [value if flag else widened(value, width) for value, flag in inputs]
        return [(value, True) for value in with_own_slope(equation)(*wide)]
    if name in ELEMENTWISE:
        wide = [value if flag or jnp.ndim(value) == 0 else value[..., None] for value, flag in inputs]
        return [(elementwise(equation, wide), True)]
    if name == "reduce_sum":
        return [(summed(values[0], params["axes"]), True)]
    if name in ALONG_LEADING_AXES:
        return [(equation.primitive.bind(*values, **params), True)]
    if name == "broadcast_in_dim" and len(values) == 1:
        shape, dimensions = (*params["shape"], width), (*params["broadcast_dimensions"], rank)
        return [(jax.lax.broadcast_in_dim(values[0], shape, dimensions), True)]
    if name == "reshape":
        return [(jnp.reshape(values[0], (*params["new_sizes"], width)), True)]
    if name == "squeeze":
        return [(jax.lax.squeeze(values[0], params["dimensions"]), True)]
    if name == "transpose":
        return [(jax.lax.transpose(values[0], (*params["permutation"], rank)), True)]
    if name == "slice":
        stride = params["strides"] and (*params["strides"], 1)
        return [(jax.lax.slice(values[0], (*params["start_indices"], 0), (*params["limit_indices"], width), stride), True)]
    if name == "stack":
        wide = [alone(value) if flag else widened(value, width) for value, flag in inputs]
        return [(jnp.stack(wide, params["axis"]), True)]
    if name == "concatenate":
        wide = [alone(value) if flag else widened(value, width) for value, flag in inputs]
        return [(jax.lax.concatenate(wide, params["dimension"]), True)]
    mapped = jax.vmap(partial(bound, equation), in_axes=tuple(-1 if flag else None for flag in many), out_axes=-1, axis_size=width)
    return [(value, True) for value in mapped(*values)]


def bound(equation, *values):
    """The results of one operation for one draw."""
    result = equation.primitive.bind(*values, **equation.primitive.get_bind_params(equation.params))
    return result if equation.primitive.multiple_results else [result]


def with_own_slope(equation):
    """An operation that was given a slope of its own (smooth.log) for many draws, with that slope."""
    of_many = jax.custom_jvp(batch(core.jaxpr_as_fun(equation.params["call_jaxpr"])))
    of_many.defjvp(batch(partial(jax.jvp, partial(bound, equation))))
    return of_many


def summed(value, axes: tuple[int, ...]):
    """A sum over axes, as additions of slices, which XLA joins with what comes before and after them; over a long axis by itself.

    XLA's own take 0.65 ns a number, as one that is added at a time, though draws lie side by side: call-up by region took 162 us, so 146.
    """
    for axis in sorted(axes, reverse=True):
        size = value.shape[axis]
        if size > SHORT:
            value = long_sum(value, axis)
        elif size:
            value = added(elements(value, axis, 0, size))
        else:
            value = jnp.sum(value, axis, keepdims=True)
    return jax.lax.squeeze(value, axes)


def long_sum(value, axis: int):
    """A sum over a long axis: SHORT elements of it at a time, then these and the rest; an axis of one remains.

    What is summed is computed first, and the sum once: XLA would compute either anew for each element of what it is used in.
    """
    value, size = alone(value), value.shape[axis]
    whole = size - size % SHORT
    pieces = [jax.lax.slice_in_dim(value, first, first + SHORT, axis=axis) for first in range(0, whole, SHORT)]
    return alone(added(elements(alone(added(pieces)), axis, 0, SHORT) + elements(value, axis, whole, size)))


def elements(value, axis: int, first: int, last: int) -> list:
    """Elements of an axis, which stays with a length of one."""
    return [jax.lax.index_in_dim(value, place, axis) for place in range(first, last)]


def added(parts: list):
    """The sum of arrays."""
    return sum(parts[1:], parts[0])


def alone(value):
    """The value computed by itself: XLA would compute the operands of a stack again for each of its elements."""
    return jax.lax.optimization_barrier(value)


def elementwise(equation, values):
    """One elementwise operation; arguments without a draw axis, and numbers, are stretched to the others' shape."""
    shape = jnp.broadcast_shapes(*(jnp.shape(value) for value in values))
    return equation.primitive.bind(*(jnp.broadcast_to(value, shape) for value in values), **equation.params)
