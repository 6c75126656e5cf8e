"""What all tests share: JAX is set up by muster.simulate before any test makes an array."""

import jax
import jax.numpy as jnp
import pytest

from muster import evidence, simulate
from muster.model import run
from muster.model.coupling import connected


def case_and_params(experiment, draws):
    """The case of an experiment and prior draws of its parameters, arrays [draw, ...]."""
    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    return case, evidence.draw(experiment, draws), simulate.nothing_lived(experiment, len(draws))


@pytest.fixture(scope="session")
def run_with():
    """run_with(experiment, draws, look): look(world, readings) of every week, arrays [draw, step, ...]."""
    def runner(experiment, draws, look, case=None):
        own, params, past = case_and_params(experiment, draws)
        case = case or own

        def one(params, draw, past):
            world, given = run.start(case, params, draw, past, experiment.dt)

            def body(world, row):
                new, readings = run.advance(case, given, world, *row, experiment.dt, experiment.structure)
                return new, look(new, readings)

            return jax.lax.scan(body, world, (jnp.arange(experiment.steps), run.by_step(case.levers)))[1]

        return jax.jit(jax.vmap(one))(params, jnp.asarray(draws), past)

    return runner


@pytest.fixture(scope="session")
def few_weeks():
    """few_weeks(experiment, weeks, look): look(world, readings) of the first weeks of one draw, without compiling the run."""

    def runner(experiment, weeks, look):
        case, params, past = case_and_params(experiment, [0])
        first = jax.tree.map(lambda x: x[0], (params, past))
        world, given = run.start(case, first[0], 0, first[1], experiment.dt)
        levers = run.by_step(case.levers)
        seen = []
        for week in range(weeks):
            row = jax.tree.map(lambda x, week=week: x[week], levers)
            world, readings = run.advance(case, given, world, jnp.asarray(week), row, experiment.dt, experiment.structure)
            seen.append(look(world, readings))
        return jax.tree.map(lambda *parts: jnp.stack(parts)[None], *seen)

    return runner
