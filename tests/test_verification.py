"""Slow proofs that the machine computes what it says: gradients, width of numbers, devices, ten thousand draws, a war twice as large."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import evidence, simulate
from muster.experiment import build
from muster.model import run
from muster.model.coupling import connected
from muster.model.world import READINGS

NATIONAL = 10_000
SHARES = (
    "morale/morale", "morale/exhaustion", "morale/cohesion", "morale/impunity", "command/suppression", "society/trust",
    "society/support_private", "society/approval_reported", "society/protest", "training/graduate_skill", "training/queue_share",
    "regime/loyalty", "callup/wrongly_called_share", "partners/support",
)  # fmt: skip
STOCKS = ("person", "vehicle", "shell", "km2", "person/week", "shell/week", "vehicle/week")


def test_draws_in_any_order_give_the_same_bits():
    experiment = build("toy")
    count = simulate.LANE * jax.device_count()
    order = np.random.default_rng(2).permutation(count)
    _, sides, _ = simulate.outcome(experiment, simulate.draws_of(experiment, np.arange(count)))
    _, mixed, _ = simulate.outcome(experiment, simulate.draws_of(experiment, order))
    for x, y in zip(jax.tree.leaves(sides), jax.tree.leaves(mixed), strict=True):
        np.testing.assert_array_equal(np.asarray(x)[order], np.asarray(y))


def test_a_single_draw_is_what_it_is_in_a_lane(few_weeks):
    """Operation by operation for one draw, without the batch interpreter and without compiling the week."""
    experiment = build("toy")
    single = few_weeks(experiment, 3, lambda _, readings: readings.split())
    _, lane, _ = simulate.outcome(experiment, simulate.draws_of(experiment, np.arange(simulate.LANE * jax.device_count())))
    for node in READINGS:
        for side in (0, 1):
            for x, y in zip(jax.tree.leaves(single[side][node]), jax.tree.leaves(lane[side][node]), strict=True):
                np.testing.assert_allclose(np.asarray(y)[0, :3], np.asarray(x)[0], rtol=2e-6, atol=1e-6, err_msg=node)


def names_of_stocks():
    """Readings that cannot be below 0, by node and name."""
    for node, record in READINGS.items():
        for name, field in record.__dataclass_fields__.items():
            if field.metadata.get("unit") in STOCKS and name not in ("perceived_strength", "hidden_shortfall"):
                yield node, name


@pytest.mark.slow
def test_ten_thousand_prior_draws_are_numbers_and_within_bounds():
    experiment = build("russia-ukraine-2022", draws=NATIONAL)
    wrong: dict[str, float] = {}
    for _, sides in simulate.lanes(experiment, (connected(), connected()), None):
        for label, side in zip(experiment.sides, sides, strict=True):
            for node, record in side.items():
                for name in record.__dataclass_fields__:
                    if not np.isfinite(np.asarray(getattr(record, name))).all():
                        wrong[f"{label}/{node}/{name} is no number"] = np.nan
            for node, name in names_of_stocks():
                lowest = float(np.min(np.asarray(getattr(side[node], name))))
                if lowest < -1e-3:
                    wrong[f"{label}/{node}/{name} is negative"] = lowest
            for path in SHARES:
                node, name = path.split("/")
                values = np.asarray(getattr(side[node], name, 0.0))
                if values.min() < -1e-6 or values.max() > 1 + 1e-6:
                    wrong[f"{label}/{path} is no share"] = float(values.max())
    assert wrong == {}


@pytest.mark.slow
def test_slopes_are_those_of_central_differences_at_twenty_random_points():
    """Half a year of the toy war: the slope of the dead in a random direction of the front's, training's and morale's parameters."""
    experiment, points, weeks = build("toy"), 20, 26
    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    draws = simulate.draws_of(experiment, np.arange(points))
    random = np.random.default_rng(4)
    way = jax.tree.map(lambda x: jnp.asarray(random.normal(size=x.shape)) * x, draws.params)

    def dead(step, draw, direction):
        moved = replace(draw, params=jax.tree.map(lambda x, d: x + step * d, draw.params, direction))
        world, given = run.start(case, moved, experiment.dt)

        def body(world, row):
            new, readings = run.advance(case, given, world, *row, experiment.dt, experiment.structure)
            return new, sum(jnp.log1p(side["front"].losses) for side in readings.split())

        rows = jax.tree.map(lambda x: x[:weeks], run.by_week(case, moved.noise))
        return jnp.sum(jax.lax.scan(body, world, rows)[1])

    def both(draw, direction):
        value = jax.jvp(lambda step: dead(step, draw, direction), (0.0,), (1.0,))[1]
        width = 1e-6
        return value, (dead(width, draw, direction) - dead(-width, draw, direction)) / (2 * width)

    slopes, differences = jax.jit(jax.vmap(both, in_axes=-1), compiler_options=simulate.COMPILER)(draws, way)
    np.testing.assert_allclose(slopes, differences, rtol=1e-4, atol=1e-5)


CHILD = """
import json, os, sys
cores, width = int(sys.argv[1]), sys.argv[2]
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
import jax, numpy as np
from muster import simulate
if width == "32":
    jax.config.update("jax_enable_x64", False)
from muster.experiment import build
results = simulate.ensemble(build("toy", draws=60))
paths = ("north/front/killed", "south/society/trust", "north/economy/output", "south/people/population")
print(json.dumps([jax.device_count(), {path: results.series(path).values[:, ::26].tolist() for path in paths}]))
"""


def in_a_process(cores, width="64"):
    """Some series of the toy war in a process with so many devices."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(cores), width]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core")
def test_one_device_and_two_give_the_same_bits():
    (one, first), (two, second) = in_a_process(1), in_a_process(2)
    assert (one, two) == (1, 2)
    assert first == second


@pytest.mark.slow
def test_narrow_numbers_give_the_quantiles_of_wide_ones():
    """float32 against float64: quantiles over draws differ by less than a hundredth of the 90 % band."""
    (_, wide), (_, narrow) = in_a_process(1), in_a_process(1, "32")
    for path, values in wide.items():
        a, b = (np.quantile(np.asarray(x), [0.05, 0.5, 0.95], axis=0) for x in (values, narrow[path]))
        band = np.maximum(a[2] - a[0], 1e-6 * np.abs(a[1]) + 1e-12)
        assert np.max(np.abs(a - b) / band) < 0.01, path


def test_a_war_of_twice_the_size_is_the_same_war_a_head():
    """Men, arms, money, front and areas times two, with every constant that has one of these units: shares do not change."""
    experiment, size = build("toy"), 2.0
    factors = dict.fromkeys(("person", "vehicle", "shell", "EUR", "km2", "km"), size)
    draws = np.arange(simulate.LANE * jax.device_count())

    def factor(unit):
        top, *bottom = unit.split("/")
        value = factors.get(top, 1.0)
        for part in bottom:
            value /= factors.get(part, 1.0)
        return 1.0 if unit == "km/week" else value  # men walk no faster

    def larger(record):
        names = type(record).__dataclass_fields__
        return type(record)(**{name: getattr(record, name) * factor(field.metadata["unit"]) for name, field in names.items()})

    params = evidence.draw(experiment, draws)
    more = tuple(type(p)(**{name: larger(getattr(p, name)) for name in type(p).__dataclass_fields__}) for p in params)
    changed = replace(
        experiment, settings=tuple(larger(x) for x in experiment.settings), ground=larger(experiment.ground),
        levers=tuple(larger(x) for x in experiment.levers),
    )  # fmt: skip
    _, base, _ = simulate.outcome(experiment, simulate.draws_of(experiment, draws, params))
    _, other, _ = simulate.outcome(changed, simulate.draws_of(changed, draws, more), changed.levers)
    for path in (
        "front/quality",
        "morale/morale",
        "front/loss_exchange_ratio",
        "training/graduate_skill",
        "society/trust",
        "economy/output",
    ):
        node, name = path.split("/")
        x, y = (np.asarray(getattr(sides[0][node], name)) for sides in (base, other))
        assert np.abs(x - y).max() <= 2e-3 * np.abs(x).max(), path
