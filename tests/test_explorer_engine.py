"""The explorer's runs: what is remembered, and for how long."""

import weakref

from muster.explorer.engine import KEPT, Engine
from muster.explorer.view import View


def test_ensembles_that_are_not_remembered_leave_the_memory():
    """Their tables are trees, whose circles would otherwise be found much later."""
    engine, trees = Engine("toy", draws=8), []
    for number in range(1, KEPT + 3):
        trees.append(weakref.ref(engine.fan(View(sets=(f"north.levers.pay={number}",))).results.tree))
    assert [tree() is not None for tree in trees] == [False, False] + [True] * KEPT


def test_tables_of_an_ensemble_take_no_memory_besides():
    fan = Engine("toy", draws=8).fan(View())
    series = fan.results.tree["north/front/killed"].values
    assert series.ctypes.data == fan.readings[0]["front"].killed.ctypes.data
