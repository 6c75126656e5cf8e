"""The benchmark model through Muster's own scan and batch equals a plain Python run to 1e-12, as the peers' engines do."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from muster import simulate
from muster.model.batch import batch

DRAWS = 5


def plain(benchmark, constants, variables, stocks):
    """All stocks by week, with Python numbers."""
    functions = {"mn": min, "mx": max, "exp": math.exp, "sin": math.sin}
    state, rows = benchmark.begin(constants, stocks), []
    for week in range(benchmark.STEPS):
        state = benchmark.step(state, float(week), constants, variables, stocks, functions)
        rows.append(list(state.values()))
    return np.array(rows)


def test_the_benchmark_model_equals_a_plain_run(benchmark_model):
    constants, variables, stocks = benchmark_model.whole()
    random = np.random.default_rng(1)
    drawn = {f"{name}_{s}": random.uniform(0.8, 1.2, DRAWS) for s in "ab" for name in benchmark_model.DRAWN}
    many = {name: value * drawn.get(name, np.ones(DRAWS)) for name, value in constants.items()}
    functions = {"mn": jnp.minimum, "mx": jnp.maximum, "exp": jnp.exp, "sin": jnp.sin}

    def lane(given):
        start = jax.tree.map(lambda x: x + jnp.zeros(DRAWS), benchmark_model.begin(given, stocks))

        def week(state, time):
            new = batch(lambda own, now: benchmark_model.step(now, time, own, variables, stocks, functions))(given, state)
            return new, jnp.stack([new[name] for name in stocks])

        return jax.lax.scan(week, start, jnp.arange(benchmark_model.STEPS, dtype=float))[1]

    found = np.asarray(jax.jit(lane, compiler_options=simulate.COMPILER)({name: jnp.asarray(value) for name, value in many.items()}))
    for draw in range(DRAWS):
        expected = plain(benchmark_model, {name: float(value[draw]) for name, value in many.items()}, variables, stocks)
        assert np.max(np.abs(found[:, :, draw] - expected) / np.maximum(np.abs(expected), 1e-9)) < 1e-12
