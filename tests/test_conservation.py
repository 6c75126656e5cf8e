"""The ledger closes every week of every draw, counted from the states alone; a leak anywhere is caught."""

import dataclasses
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model import (
    arms,
    callup,
    command,
    demography,
    economy,
    front,
    ledger,
    morale,
    partners,
    regime,
    regions,
    run,
    society,
    training,
)
from muster.model.coupling import connected

CONSERVED = ("person", "vehicle", "shell", "EUR", "year")


def accounts(world, _):
    """Everything that must not change, for both sides."""

    def side_accounts(side):
        return {
            "persons": ledger.persons(side),
            "rolls": ledger.rolls(side),
            "convicts": ledger.convicts(side),
            "vehicles": ledger.vehicles(side),
            "shells": ledger.shells(side),
            "money": ledger.money(side),
            "aid": ledger.aid(side),
        }

    return {"sides": [side_accounts(side) for side in world.sides.split()], "gained": world.contact.gained}


def changes(books):
    """The largest change of each account from week to week over its size, over draws and weeks; two accounts are about 0."""
    worst = {}
    for books_of_side in books["sides"]:
        for name, values in books_of_side.items():
            values = np.asarray(values)
            size = {"rolls": 1e6, "aid": 1e11}.get(name) or max(np.abs(values).max(), 1e-3)
            worst[name] = max(worst.get(name, 0.0), float(np.abs(np.diff(values, axis=1)).max() / size))
    return worst


@pytest.mark.parametrize("scenario", ["russia-ukraine-2022", "toy"])
def test_persons_equipment_money_and_aid_are_conserved(run_with, scenario):
    books = run_with(build(scenario), np.arange(8), accounts)
    worst = changes(books)
    assert max(worst.values()) < 1e-11, worst
    for books_of_side in books["sides"]:
        assert np.abs(np.asarray(books_of_side["rolls"])).max() < 1e-3  # a thousandth of a man among a million


def leaky(field, amount):
    """A state with an amount less in a field; of an array, in its first cell."""

    def leak(state):
        holder, names = state, field.split(".")
        for name in names[:-1]:
            holder = getattr(holder, name)
        value = getattr(holder, names[-1])
        less = value - amount if value.ndim == 0 else value.at[(0,) * value.ndim].add(-amount)
        if len(names) == 2:
            return replace(state, **{names[0]: replace(holder, **{names[1]: less})})
        return replace(state, **{names[0]: less})

    return leak


LEAKS = [
    (callup, "step", "convicts", 1.0),
    (training, "step", "men.transfer", 1.0),
    (front, "book", "troops", 1.0),
    (morale, "step", "captured", 1.0),
    (demography, "step", "margins.eligible", 1.0),
    (demography, "step", "margins.women", 1.0),
    (economy, "step", "money", 1e-6),
    (arms, "step", "active", 1.0),
    (partners, "step", "committed", 1e3),
]


@pytest.fixture(scope="module")
def planted():
    """planted(name or None): the worst change of an account in three weeks of the toy war with one leak; one program serves all."""
    experiment = build("toy")
    names, switches = [module.__name__ for module, *_ in LEAKS], {}

    def leaking(name, right, field, amount):
        def wrong(*args, **kwargs):
            state, *others = right(*args, **kwargs)
            return leaky(field, amount * switches[name])(state), *others

        return wrong

    def few_weeks(on, case, draw):
        switches.update(zip(names, on, strict=True))
        world, given = run.start(case, draw, experiment.dt)

        def body(world, row):
            new, readings = run.advance(case, given, world, *row, experiment.dt, experiment.structure)
            return new, accounts(new, readings)

        rows = jax.tree.map(lambda x: x[:3], run.by_week(case, draw.noise))
        return jax.lax.scan(body, world, rows)[1]

    case = simulate.case_of(experiment, experiment.levers, (connected(), connected()), True)
    draw = jax.tree.map(lambda x: x[..., 0], simulate.draws_of(experiment, np.arange(1)))
    compiled = jax.jit(few_weeks, compiler_options=simulate.COMPILER)

    def worst(name=None):
        books = compiled(jnp.array([1.0 if one == name else 0.0 for one in names]), case, draw)
        return max(changes(jax.tree.map(lambda x: np.asarray(x)[None], books)).values())

    with pytest.MonkeyPatch.context() as patch:
        for module, function, field, amount in LEAKS:
            patch.setattr(module, function, leaking(module.__name__, getattr(module, function), field, amount))
        worst()  # compiles with every leak in place
    return worst


@pytest.mark.parametrize("module", [module for module, *_ in LEAKS], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_a_planted_leak_is_caught(planted, module):
    assert planted(module.__name__) > 1e-11


def test_nothing_leaks_in_the_weeks_in_which_leaks_are_planted(planted):
    assert planted() < 1e-11


@pytest.mark.parametrize("module", [command, society, regions, regime], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_the_other_four_hold_nothing_that_could_leak(module):
    beliefs = {"shortfall", "public_deaths", "public_weekly_deaths", "recent_killed"}  # what is believed or remembered, not held
    held = [f.name for f in dataclasses.fields(module.State) if f.metadata["unit"] in CONSERVED and f.name not in beliefs]
    assert held == []


def test_stocks_stay_positive_and_shares_within_bounds(run_with):
    def look(world, readings):
        smallest, largest = [], []
        for side in world.sides.split():
            stocks = [
                jnp.min(leaf)
                for record in (side.front.troops, side.front.rear, side.training.men, side.demography.margins, side.demography.tables)
                for leaf in jax.tree.leaves(record)
            ]
            stocks += [jnp.min(side.arms.storage), jnp.min(side.arms.active), side.arms.shells, jnp.min(side.morale.deserters)]
            smallest.append(jnp.min(jnp.stack(stocks)))
            shares = [side.morale.morale, side.morale.cohesion, side.morale.exhaustion, side.morale.impunity[None]]
            largest.append(jnp.max(jnp.concatenate(shares)))
            smallest.append(jnp.min(jnp.concatenate(shares)))
        finite = jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(readings)])
        return jnp.min(jnp.stack(smallest)), jnp.max(jnp.stack(largest)), jnp.all(finite)

    low, high, finite = run_with(build("russia-ukraine-2022"), np.arange(32), look)
    assert bool(np.all(finite))
    assert float(np.min(low)) > -1e-6
    assert float(np.max(high)) <= 1.0 + 1e-9
