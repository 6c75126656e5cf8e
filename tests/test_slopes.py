"""Slopes of what is computed for many draws at once: numbers, and those that differences give."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model import run, smooth
from muster.model.batch import batch

QUARTERS = 2
TRIED = (
    ("front", "loss_rate"),
    ("front", "number_exponent"),
    ("morale", "desertion_rate"),
    ("callup", "volunteer_rate"),
    ("command", "report_error"),
)


@pytest.mark.parametrize(
    "function",
    [smooth.log, lambda x: smooth.power(x, 0.3), jax.nn.softplus, smooth.by_hazard],
    ids=["log", "power", "softplus", "by_hazard"],
)
def test_the_batch_keeps_slopes(function):
    x = jnp.linspace(0.5, 3.0, 12).reshape(3, 4)
    _, pull = jax.vjp(batch(function), x)
    np.testing.assert_allclose(pull(jnp.ones_like(x))[0], jax.vmap(jax.vmap(jax.grad(function)))(x), rtol=1e-14)


@pytest.mark.parametrize("whole", [1.0, 1e-100, 1e-170, 1e-300, 0.0])
def test_a_share_has_a_slope_however_small_the_whole(whole):
    by_part, by_whole = jax.grad(smooth.share, argnums=(0, 1))(whole / 4, whole)
    assert np.isfinite([by_part, by_whole]).all()
    if whole > 1e-150:
        np.testing.assert_allclose([by_part * whole, by_whole * whole], [1.0, -0.25])


@pytest.mark.slow
def test_slopes_of_a_run_are_those_of_differences(case_of_draws):
    """Reverse mode, by all parameters, as benchmarks/targets.py times it."""
    experiment = build("russia-ukraine-2022", draws=4)
    experiment = replace(experiment, steps=QUARTERS * run.steps_a_quarter(experiment.dt))
    case, draws = case_of_draws(experiment, np.arange(4))
    case = replace(case, levers=jax.tree.map(lambda path: path[: experiment.steps], case.levers))

    def killed(readings):
        return sum(smooth.log(side["front"].killed + 1.0) for side in readings.split())

    def loss(params):
        return run.lane(case, replace(draws, params=params), experiment.dt, experiment.structure, again=True, kept=killed)[1].sum(0)

    def moved(subsystem, name, side, share):
        (params,) = draws.params.parts
        record = getattr(params, subsystem)
        value = np.array(getattr(record, name))
        value[side] *= 1 + share
        return replace(draws.params, parts=(replace(params, **{subsystem: replace(record, **{name: value})}),)), value[side]

    slopes = jax.jit(jax.grad(lambda params: loss(params).sum()), compiler_options=simulate.COMPILER)(draws.params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    compiled = jax.jit(loss, compiler_options=simulate.COMPILER)
    for subsystem, name in TRIED:
        for side in (0, 1):
            (more, high), (less, low) = (moved(subsystem, name, side, share) for share in (1e-5, -1e-5))
            differences = (compiled(more) - compiled(less)) / (high - low)
            found = getattr(getattr(slopes.parts[0], subsystem), name)[side]
            rounding = 1e-5 * np.abs(differences).max()  # of the differences: they divide by a change of 1e-5
            np.testing.assert_allclose(found, differences, rtol=1e-4, atol=max(rounding, 1e-9), err_msg=f"{subsystem}.{name}")
