"""What all tests share: JAX is set up by muster.simulate before any test makes an array."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import evidence, simulate
from muster.model import run
from muster.model.coupling import connected


def case_and_draws(experiment, draws, params=None):
    """The case of an experiment and prior draws, the draw on the last axis."""
    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    return case, simulate.draws_of(experiment, np.asarray(draws), params)


@pytest.fixture(scope="session")
def case_of_draws():
    """case_of_draws(experiment, draws): see case_and_draws."""
    return case_and_draws


@pytest.fixture(scope="session")
def run_with():
    """run_with(experiment, draws, look): look(world, readings) of every week, arrays [draw, step, ...]."""

    @cache
    def compiled(look, dt, structure):
        def one(case, draw):
            world, given = run.start(case, draw, dt)

            def body(world, row):
                new, readings = run.advance(case, given, world, *row, dt, structure)
                return new, look(new, readings)

            def quarter(world, row):
                weeks, coming = row
                last, seen = jax.lax.scan(body, world, weeks)
                return run.turn(last, given, coming), seen

            return run.in_a_row(jax.lax.scan(quarter, world, run.by_quarter(case, draw.noise, dt))[1])

        return jax.jit(jax.vmap(one, in_axes=(None, -1)), compiler_options=simulate.COMPILER)

    def runner(experiment, draws, look):
        case, many = case_and_draws(experiment, draws)
        seen = compiled(look, experiment.dt, experiment.structure)(case, many)
        return jax.tree.map(lambda x: x[:, : experiment.steps], seen)

    return runner


@pytest.fixture(scope="session")
def few_weeks():
    """few_weeks(experiment, weeks, look): look(world, readings) of the first weeks of one draw, without compiling the run."""

    def runner(experiment, weeks, look):
        case, many = case_and_draws(experiment, [0])
        draw = jax.tree.map(lambda x: x[..., 0], many)
        world, given = run.start(case, draw, experiment.dt)
        rows = run.by_week(case, draw.noise)
        seen = []
        for week in range(weeks):
            row = jax.tree.map(lambda x, week=week: x[week], rows)
            world, readings = run.advance(case, given, world, *row, experiment.dt, experiment.structure)
            seen.append(look(world, readings))
            if (week + 1) % run.steps_a_quarter(experiment.dt) == 0:
                world = run.turn(world, given, jax.tree.map(lambda x, week=week: x[week + 1], rows[1]))
        return jax.tree.map(lambda *parts: jnp.stack(parts)[None], *seen)

    return runner


def single_draw(compiled, experiment, *arguments, params=None, links=None):
    """Results of one draw by a compiled run.one, at prior medians unless other params [] are given."""
    case = simulate.case_of(experiment, experiment.levers, links or (connected(), connected()), True)
    whole = jax.tree.map(lambda x: x[..., None], params or evidence.medians(experiment))
    draw = jax.tree.map(lambda x: x[..., 0], simulate.draws_of(experiment, np.arange(1), whole))
    _, rows, _ = compiled(*arguments, case, draw)
    sides = run.unpacked({node: np.asarray(row)[..., None] for node, row in rows.items()}, experiment.steps)
    return simulate.Results.from_record(experiment, dict(zip(experiment.sides, sides, strict=True)), 0.0)


@pytest.fixture(scope="session")
def single():
    """single(compiled, experiment, *arguments): see single_draw."""
    return single_draw


@pytest.fixture(scope="session")
def at_medians():
    """at_medians(experiment, params, links): one draw at prior medians; one compiled program for each length of step and structure."""
    programs = {}

    def runner(experiment, params=None, links=None):
        kind = experiment.dt, experiment.structure
        if kind not in programs:
            programs[kind] = jax.jit(lambda case, draw: run.one(case, draw, *kind), compiler_options=simulate.COMPILER)
        return single_draw(programs[kind], experiment, params=params, links=links)

    return runner
