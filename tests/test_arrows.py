"""Each arrow of the model that is no link of a loop (those are cut in test_links.py), cut at prior medians.

An arrow is cut by holding one input of one subsystem at its value of the start; one compiled program serves all cuts.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model import arms, callup, command, demography, economy, morale, partners, regime, regions, run, society, training

WEEKS = 174  # up to the last observation
DRAWS = 64


def holding(field, value):
    """A cut of one input: `cut` = 1 holds it at its value of the start."""

    def cutting(right, cut, *args, **kwargs):
        state, inputs, *others = args
        old = getattr(inputs, field)
        return right(state, replace(inputs, **{field: old + cut * (value - old)}), *others, **kwargs)

    return cutting


def booking(fields):
    """A cut of flows of persons that the table of persons books: none of them comes."""

    def cutting(right, cut, *args, **kwargs):
        state, inputs, *others = args
        return right(state, replace(inputs, **{name: (1 - cut) * getattr(inputs, name) for name in fields}), *others, **kwargs)

    return cutting


def no_losses(right, cut, *args, **kwargs):
    """No vehicle is lost or taken."""
    state, lost, taken, *others = args
    return right(state, (1 - cut) * lost, (1 - cut) * taken, *others, **kwargs)


def register_of_the_start(right, cut, state, inputs, *others, **kwargs):
    """The men who can be called are half as many as there are."""
    return right(state, replace(inputs, eligible=(1 - cut / 2) * inputs.eligible), *others, **kwargs)


# arrow -> (where from, where to), the function that receives it, how it is cut, and what it moves
ARROWS = {
    "queue in disorganisation": ("02", "05", command, "write", holding("queue_share", 0.0), "command/disorganisation"),
    "wrong notices in disorganisation": ("01", "05", command, "write", holding("wrongly_called_share", 0.0), "command/disorganisation"),
    "wrong notices in morale": ("01", "04", morale, "step", holding("wrongly_called_share", 0.0), "morale/morale"),
    "equipment in disorganisation": ("09", "05", command, "write", holding("equipment", 1.0), "command/disorganisation"),
    "losses in difficulty": ("03", "05", command, "write", holding("loss_share", 0.0), "command/suppression"),
    "disorder in trust": ("05", "06", society, "step", holding("disorder", 0.0), "society/trust"),
    "trust in protest and overthrow": ("06", "12", regime, "step", holding("trust", 0.0), "regime/overthrow_hazard"),
    "output in loyalty": ("08", "12", regime, "step", holding("output", 1.0), "regime/loyalty"),
    "arms labour in works": ("08", "09", arms, "step", holding("arms_labour", 1.0), "arms/shells_made"),
    "losses of vehicles": ("03", "09", arms, "book", no_losses, "arms/afv"),
    "losses in leaders": ("03", "02", training, "book", holding("loss_share", 0.0), "training/leaders"),
    "training abroad": ("10", "02", training, "step", holding("partner_men", 0.0), "training/trainees_per_instructor"),
    "men at home who can be called": ("07", "01", callup, "step", register_of_the_start, "callup/volunteers"),
    "men called in the table of persons": ("01", "07", demography, "step", booking(("inducted", "found")), "economy/labour"),
    "flight on a notice": ("01", "07", demography, "step", booking(("fled",)), "people/abroad"),
    "departures": ("06", "07", demography, "step", booking(("leaving_men",)), "people/abroad"),
    "networks abroad": ("07", "06", society, "step", holding("abroad_share", 0.0), "people/abroad"),
    "grievance in morale": ("11", "04", morale, "step", holding("grievance", 0.0), "morale/morale"),
    "loyalty in capacity": ("12", "11", regions, "step", holding("loyalty", 0.0), "regions/capacity"),
    "ground lost in output": ("03", "08", economy, "step", holding("occupied", 0.0), "economy/output"),
    "own shells in suppliers' prices": ("09", "10", partners, "step", holding("own_shells", 0.0), "partners/payments"),
    "losses in evasion": ("03", "01", callup, "step", holding("killed_share", 0.0), "callup/evaded"),
}

SILENT = {
    ("04", "12"): "at prior medians the branching ratio of desertion never exceeds its start; tested in tests/model/test_regime.py",
    ("06", "11"): "chapter 11 takes deaths, pay, distress and loyalty; trust acts through loyalty, not by a term of its own",
    ("10", "03"): "an allied contingent is a lever: 14,000 men beside 600,000; its effect is tested in tests/test_sides.py",
}


@pytest.fixture(scope="module")
def with_cut(single):
    """with_cut(arrow or None): results at prior medians with one arrow cut."""
    experiment = build("russia-ukraine-2022", draws=1)
    names, cuts = list(ARROWS), {}

    def cut_by(name, right, cutting):
        return lambda *args, **kwargs: cutting(right, cuts[name], *args, **kwargs)

    @partial(jax.jit, compiler_options=simulate.COMPILER)
    def one(switches, case, draw):
        cuts.update(zip(names, switches, strict=True))
        return run.one(case, draw, experiment.dt, experiment.structure)

    def runner(arrow=None):
        switches = jnp.array([1.0 if name == arrow else 0.0 for name in names])
        return single(one, experiment, switches)

    with pytest.MonkeyPatch.context() as patch:
        for name, (_, _, module, function, cutting, _) in ARROWS.items():
            patch.setattr(module, function, cut_by(name, getattr(module, function), cutting))
        runner()  # compiles with every cut in place
    return runner


@pytest.fixture(scope="module")
def base(with_cut):
    return with_cut()


@pytest.fixture(scope="module")
def band():
    """band(path): width of the 90 % band of a series by week."""
    ensemble = simulate.ensemble(build("russia-ukraine-2022", draws=DRAWS))

    def width(path):
        low, high = np.quantile(ensemble.series(path).values[:, :WEEKS], [0.05, 0.95], axis=0)
        return np.maximum(high - low, 1e-12)

    return width


def moved(path, base, other, band):
    """Largest change of a series up to the last observation over its 90 % band at the same week."""
    change = np.abs(other.series(path).values[0, :WEEKS] - base.series(path).values[0, :WEEKS])
    return float(np.max(change / band(path)))


@pytest.mark.parametrize("arrow", ARROWS)
def test_cutting_an_arrow_moves_what_it_leads_to(arrow, base, band, with_cut):
    other, path = with_cut(arrow), ARROWS[arrow][-1]
    assert max(moved(f"{side}/{path}", base, other, band) for side in base.sides) > 0.01


def test_without_a_cut_the_run_is_the_usual_one(base, at_medians):
    plain = at_medians(build("russia-ukraine-2022", draws=1))
    for path in ("russia/people/dead", "ukraine/economy/output", "russia/society/trust"):
        np.testing.assert_allclose(base.series(path).values, plain.series(path).values, rtol=1e-4)
