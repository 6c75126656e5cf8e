"""Observations are ours, dated before the cut, within the rights, and read from a run in one place."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from muster import simulate
from muster.observe import CAMPS, agrees, observations, predict

ROOT = Path(__file__).resolve().parents[1]


def test_no_observation_is_dated_after_the_last_one():
    assert max(row.end for row in observations()) <= "2025-06-30"
    assert max(row.published for row in observations()) <= "2025-06-30"


def test_no_series_without_an_open_licence_has_more_than_forty_values():
    counts = Counter((row.bias_group, row.side, row.path) for row in observations())
    assert max(counts.values()) <= 40


def test_every_observation_can_be_read_from_a_run_and_both_sides_have_some():
    results = simulate.simulate("russia-ukraine-2022", draws=4)
    for row in observations():
        values = predict(results, row)
        assert values.shape == (4,)
        assert np.isfinite(values).all(), row.id
    assert {row.side for row in observations()} == {"russia", "ukraine"}


def test_a_bound_agrees_from_its_own_side():
    row = next(row for row in observations() if row.relation == "at_least")
    assert agrees(row, 0.0, row.central * 2)
    assert not agrees(row, 0.0, row.central / 2)


def test_the_table_is_what_the_tool_compiles():
    data = os.environ.get("MUSTER_DATA")
    if not (ROOT.parent / "shared" / "evidence").exists() and not (data and (Path(data).parent / "evidence").exists()):
        pytest.skip("the evidence table is not there; name its folder in MUSTER_DATA")
    done = subprocess.run([sys.executable, "tools/compile_observations.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_the_camps_are_those_of_the_library():
    assert set(CAMPS) == {row.camp for row in observations()}
