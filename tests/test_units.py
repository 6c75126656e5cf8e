"""Units carried through the equations by unxt and quax: what is added to what, and what a docstring says comes out.

The code is the model's own, untouched; the arguments are those of one week of the toy war, as quantities. Only dimensions are
looked at: 52 weeks a year is a number like another (test_a_change_of_units_changes_only_the_units sees a missing one).
"""

import inspect
import re
import types
from dataclasses import fields, replace

import astropy.units
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quax
from unxt.quantity import BareQuantity

from muster.experiment import build
from muster.model import (
    arms,
    callup,
    command,
    demography,
    economy,
    front,
    front_law,
    morale,
    partners,
    regime,
    regions,
    run,
    smooth,
    society,
    training,
)
from muster.model.pair import Pair
from muster.model.quantity import Record, units

pytestmark = pytest.mark.slow
MODULES = (arms, callup, command, demography, economy, front, front_law, morale, partners, regime, regions, society, training)
WEEK = 27  # of the toy war: a decree is being carried out
ARGUMENTS = {  # arguments that are no records, where they have a unit; a function's own meaning of a name comes first
    "person": "goal troops plan shortfall true by_experience register men women disabled held workers human amounts waiting instructors"
    " in_courses leaders gone population public_deaths entered serving found leavers parts killed_by_region.killed",
    "person/week": "notices partner_men intake recent_killed killed public_weekly_deaths arrivals allied cadre deserted surrendered"
    " came_back",
    "1/week": "loss_share precedent old base",
    "week": "dt age_of_war length course_length full_time hasty_time transfer_time time service elapsed strength",
    "1/year": "death_risk deficit interest expected money_growth surprise",
    "vehicle/week": "lines works",
    "vehicle": "storage lost taken",
    "km2": "public_ground",
    "year": "minimum_age minimum_age_at_start",
}
SAYS = {"front_law.attrition": ["1/week"], "arms.production": ["vehicle/week"], "front_law.engaged": ["person", "person"]}
NOT_TRIED = {  # why unxt or quax cannot go through a function as it is written
    "a bound without a unit against something that has one": "command.chain command.passed_on command.read command.told_strength"
    " command.write economy.finance front.reinforce front_law.pace"
    " economy.human_capital training.advance training.step demography.taken_in",
    "a stock of nobody made by zeros_like, which loses the unit": "demography.at_home_week demography.book front.book society.narrative"
    " callup.step",
    "a sum that begins at 0 without a unit": "training.book training.join training.mixed",
    "a power of a time step": "front.one_side front.engage partners.step",
    "a count of years or per cent without its unit": "arms.productivity arms.step economy.step economy.public_deficit economy.readings"
    " demography.step demography.born",
    "a bound inside jnp.minimum of stacked numbers": "regime.hazards regime.step",
    "arguments built within a step": "callup.readings",
}


@quax.register(jax.lax.bitcast_convert_type_p)
def bits_of(x: BareQuantity, *, new_dtype):
    """The bits of a number, which smooth.log takes apart: only a number without a unit has any."""
    return jax.lax.bitcast_convert_type(x.uconvert("").value, new_dtype)


@pytest.fixture(scope="module", autouse=True)
def known_units():
    """Units that astropy does not know; smooth.once lets quantities through, smooth.by_hazard is what its series stands for."""
    new = [astropy.units.def_unit(name) for name in ("person", "vehicle", "shell", "EUR")]
    with astropy.units.add_enabled_units(new), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.lax, "optimization_barrier", lambda values: values)
        for module in (smooth, *MODULES):
            if hasattr(module, "by_hazard"):
                patch.setattr(module, "by_hazard", lambda x: -jnp.expm1(-x))
        yield


def unit(text):
    """A unit as the model writes it."""
    return astropy.units.Unit("" if text == "1" else text)


def quantities(record):
    """A record whose fields carry their units."""
    kinds = units(type(record))
    return type(record)(**{item.name: carried(getattr(record, item.name), kinds.get(item.name, "1")) for item in fields(record)})


def carried(value, kind):
    """A value with its unit; records by their own fields; what is no number as it is."""
    if isinstance(value, Record):
        return quantities(value)
    if isinstance(value, tuple | list):
        return type(value)(carried(part, kind) for part in value)
    if isinstance(value, jax.Array | np.ndarray | float):
        return BareQuantity(jnp.asarray(np.asarray(value), dtype=float), unit(kind))  # through NumPy: units do not go with a sharding
    return value


def kind_of(function, name):
    """The unit of an argument that is no record."""
    for kind, names in ARGUMENTS.items():
        if f"{function}.{name}" in names.split():
            return kind
    return next((kind for kind, names in ARGUMENTS.items() if name in names.split()), "1")


def unbatched(pair):
    """A pair whose sides are computed one after the other, so that the equations see plain arrays."""
    return Pair(pair.split())


@pytest.fixture(scope="module")
def calls(case_of_draws):
    """module.function -> (function, arguments by name) of everything that one week of the toy war calls."""
    experiment, found = build("toy"), {}
    case, many = case_of_draws(experiment, [0])
    draw = jax.tree.map(lambda x: x[..., 0], many)
    world, given = run.start(case, draw, experiment.dt)
    world = replace(world, sides=unbatched(world.sides))
    case = replace(case, settings=unbatched(case.settings), links=unbatched(case.links))
    step, levers, noise = jax.tree.map(lambda x: x[WEEK], run.by_week(case, draw.noise))

    def listened(place, real):
        def heard(*args, **kwargs):
            found.setdefault(place, (real, inspect.signature(real).bind(*args, **kwargs).arguments))
            return real(*args, **kwargs)

        return heard

    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            own = [f for f in vars(module).values() if isinstance(f, types.FunctionType) and f.__module__ == module.__name__]
            for real in own:
                spy = listened(f"{module.__name__.rsplit('.', 1)[-1]}.{real.__name__}", real)
                for user in [user for user in MODULES if getattr(user, real.__name__, None) is real]:
                    patch.setattr(user, real.__name__, spy)
        run.advance(case, unbatched(given), world, step, unbatched(levers), unbatched(noise), experiment.dt, experiment.structure)
    return found


@pytest.fixture(scope="module")
def under_units(calls):
    """under_units(place, **others): what a function gives for quantities, some arguments exchanged."""

    def called(place, **others):
        function, arguments = calls[place]
        given = [carried(value, kind_of(function.__name__, name)) for name, value in arguments.items()]
        given = [others.get(name, value) for name, value in zip(arguments, given, strict=True)]
        return quax.quaxify(lambda *values: function(*values))(*given)

    return called


def told(function, place):
    """The units that a docstring states."""
    first = (function.__doc__ or "").split("\n")[0]
    return SAYS.get(place) or [kind for group in re.findall(r"\[([^\]]*)\]", first) for kind in [group] if " " not in kind]


def test_units_add_up_in_every_equation_that_can_carry_them(calls, under_units):
    left_out = {name for names in NOT_TRIED.values() for name in names.split()}
    tried, wrong = 0, {}
    for place, (function, _) in calls.items():
        if place in left_out:
            continue
        try:
            result = under_units(place)
        except Exception as problem:
            wrong[place] = str(problem)[:200]
            continue
        tried += 1
        parts = [part for part in (result if isinstance(result, tuple) else (result,)) if isinstance(part, BareQuantity)]
        expected = told(function, place)
        if len(expected) == 1:
            expected = expected * len(parts)
        if expected and len(expected) == len(parts):
            found = [part.unit for part in parts]
            if not all(one.is_equivalent(unit(other)) for one, other in zip(found, expected, strict=True)):
                wrong[place] = f"{', '.join(map(str, found))} instead of {', '.join(expected)}"
    assert wrong == {}
    assert tried > 90


def test_every_equation_of_a_week_is_tried_or_told_why_not(calls):
    left_out = [name for names in NOT_TRIED.values() for name in names.split()]
    assert len(set(left_out)) == len(left_out)
    assert set(left_out) <= set(calls)
    assert len(left_out) < 0.3 * len(calls)


@pytest.mark.parametrize(
    ("place", "argument", "kind"),
    [
        ("front_law.staffing", "troops", "person/week"),
        ("front_law.losses_by_cohort", "loss_share", "1"),
        ("front.passing_out", "dt", "1"),
        ("morale.precedent", "gone", "person/week"),
        ("economy.labour", "disabled", "person/week"),
        ("arms.losses", "dt", "1"),
    ],
)
def test_a_wrong_unit_is_refused(calls, under_units, place, argument, kind):
    value = np.asarray(calls[place][1][argument], dtype=float)
    with pytest.raises(Exception, match="not convertible"):
        under_units(place, **{argument: BareQuantity(jnp.asarray(value), unit(kind))}).to(unit(told(calls[place][0], place)[0]))
