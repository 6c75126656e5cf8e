"""What an outcome hangs on: uncertain numbers, loops, rival equations."""

import json

import numpy as np
import pytest

from muster.cli import status
from muster.errors import UserError
from muster.model.coupling import Links
from muster.why import why


@pytest.fixture(scope="module")
def answer():
    return why("north/front/killed", "toy", draws=64, structures="contagion=none")


def test_an_outcome_is_told_by_numbers_loops_and_structures(answer):
    told = answer.as_dict()
    assert told["unit"] == "person"
    assert told["values"][0] < told["values"][1] < told["values"][2]
    assert {one["loop"] for one in told["loops"]} == set(Links.__dataclass_fields__)
    assert [one["structure"] for one in told["structures"]] == ["contagion=none"]


def test_a_loop_that_raises_the_dead_leaves_fewer_when_it_is_cut(answer):
    """Pay brings men to the front: without its effect on volunteers fewer are there to be killed."""
    _, change = answer.loops["pay"]
    assert np.mean(change > 0) > 0.9
    medians = [abs(float(np.median(change))) for _, change in answer.loops.values()]
    assert medians == sorted(medians, reverse=True)


def test_one_that_the_outcome_does_not_hang_on_changes_nothing(answer):
    _, change = answer.loops["tide"]
    assert not change.any()


@pytest.mark.parametrize(
    ("outcome", "day", "told"),
    [
        ("north/front/kiled", None, "Did you mean"),
        ("killed", None, "no variable"),
        ("north/front/killed", "1999-01-01", "--day 1999-01-01"),
    ],
)
def test_a_wrong_outcome_or_day_is_told(outcome, day, told):
    with pytest.raises(UserError, match=told):
        why(outcome, "toy", day, draws=8)


def test_the_command_asks_for_one_of_both(capsys):
    assert status(["explain", "toy"]) == 2
    assert status(["explain", "toy", "--variable", "north/front/killed", "--outcome", "north/front/killed"]) == 2
    assert "either --variable PATH or --outcome PATH" in capsys.readouterr().err


def test_the_command_tells_it_to_readers_and_machines(capsys):
    words = ["explain", "toy", "--outcome", "north/front/troops", "--day", "2000-12-28", "--draws", "8"]
    assert status(words) == 0
    shown = capsys.readouterr().out
    assert "north/front/troops, 2000-12-28" in shown
    assert "Loops and arrows" in shown
    assert status([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["day"] == "2000-12-28"
