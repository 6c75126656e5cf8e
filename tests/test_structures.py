"""Every rival structure is a program of its own that runs and stays finite."""

import jax
import numpy as np
import pytest

from muster.experiment import build
from muster.model.structure import alternatives

RIVALS = [name for name in alternatives() if name != "default"]


def test_there_is_a_rival_for_each_of_the_nine_questions():
    assert {name.split("=")[0] for name in RIVALS} == set(alternatives()["default"].__dataclass_fields__)


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_structure_runs(few_weeks, rival):
    experiment = build("toy", draws=1, structure=alternatives()[rival])
    readings = few_weeks(experiment, 2, lambda _, readings: readings.split())
    for leaf in jax.tree.leaves(readings):
        assert np.isfinite(np.asarray(leaf)).all()
