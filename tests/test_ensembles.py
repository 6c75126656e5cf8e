"""The runs of an assessment: under settings that hold for all of them, each is what a simulation alone gives."""

import numpy as np
import pytest

from muster.ensembles import Ensembles, Key
from muster.model.structure import Structure
from muster.programs import Program
from muster.simulate import simulate

SETS = ("north.levers.coercion=0.9",)
PATH = "north/front/troops"


@pytest.mark.parametrize("keys", [(Key(), Key(continuation="ceasefire")), (Key(continuation="ceasefire"), Key())])
def test_runs_under_a_set_lever_are_those_of_a_simulation_in_any_order(keys):
    made = Ensembles("toy", 4, 1, {"default": Structure()}, sets=SETS, kept=frozenset({PATH}))
    for key in keys:
        alone = simulate("toy", draws=4, continuation=key.continuation, sets=SETS, posterior=None)
        np.testing.assert_array_equal(made.run(key).series(PATH).values, alone.series(PATH).values)
    as_it_was = simulate("toy", draws=4, posterior=None)
    assert not np.array_equal(made.run(Key()).series(PATH).values, as_it_was.series(PATH).values)


def test_loops_are_cut_by_one_program(monkeypatch):
    """A cut is a number that the program is given: no loop is compiled anew."""
    made = Ensembles("toy", 4, 1, {"default": Structure()}, kept=frozenset({PATH}))
    made.run(Key(cut=("contagion",)))
    monkeypatch.setattr(Program, "compiled", lambda *_: pytest.fail("compiled again"))
    assert made.run(Key(cut=("pay",))).series(PATH).shape[0] == 4
