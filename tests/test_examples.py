"""The examples run, and say what they promise."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "examples"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_an_example_runs(name, capsys):
    loaded(name).main()
    assert len(capsys.readouterr().out.splitlines()) >= 2


def test_a_difference_on_the_same_luck_is_better_known_than_its_terms():
    happened, difference = loaded("02_what_if_no_decree").answers()
    assert np.std(difference) < np.std(happened)
    assert np.median(difference) > 0
