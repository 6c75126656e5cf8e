"""Summaries of many draws in a fixed amount of memory."""

import numpy as np
import pytest

from muster import output
from muster.experiment import build
from muster.model.coupling import connected
from muster.output import QUANTILES, Writer, tree_of
from muster.results import HeadlineTable, Results, load
from muster.simulate import lanes
from muster.sketch import Sketch


def test_quantiles_come_within_a_fiftieth_of_the_band_and_the_mean_is_exact():
    values = np.random.default_rng(1).lognormal(size=(20_000, 5, 3)).astype(np.float32)
    values[..., 0] = 7
    sketch = Sketch(values[:208])
    for block in np.split(values, 100):
        sketch.add(block)
    exact = np.quantile(values, QUANTILES, axis=0)
    band = exact[-1] - exact[0]
    assert np.abs(sketch.quantiles(QUANTILES) - exact).max() <= 0.02 * band.max()
    np.testing.assert_allclose(sketch.quantiles(QUANTILES)[..., 0], 7)
    np.testing.assert_allclose(sketch.mean(), values.mean(axis=0, dtype=float), rtol=1e-12)


def test_what_the_first_draws_never_saw_is_still_counted():
    sketch = Sketch(np.zeros((208, 1)))
    sketch.add(np.zeros((208, 1)))
    sketch.add(np.full((300, 1), 5.0))
    low, high, most = sketch.quantiles((0.25, 0.95, 1)).ravel()
    assert low == pytest.approx(0, abs=0.01)
    assert 4 < high < most == pytest.approx(5, rel=0.01)
    assert sketch.mean() == pytest.approx(1500 / 508)


def test_a_run_of_many_draws_keeps_summaries_in_memory_that_does_not_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "EXACT", 100)
    monkeypatch.setattr(output, "WHOLE", 100)
    experiment = build("toy", draws=416)
    table, whole, sizes = HeadlineTable(416), [], []
    with Writer(tmp_path, expected=416) as writer:
        for _, sides, regions in lanes(experiment, (connected(), connected()), None):
            tree = tree_of(experiment, dict(zip(experiment.sides, sides, strict=True)), writer.draws, regions)
            writer.append(tree)
            table.add(Results(tree))
            whole.append(tree["north/front/killed"].values)
            sizes.append((writer.scratch.tell(), sum(series.sketch.counts.nbytes for series in writer.series.values())))
        writer.finish(output.manifest_of(output.described(experiment), 416, 1.0))
    assert len(whole) > 1
    assert len(set(sizes)) == 1
    assert sizes[0][0] == 0
    exact = np.quantile(np.concatenate(whole), QUANTILES, axis=0)
    found = load(tmp_path).tree["north/front/killed_quantiles"].values
    assert np.abs(found - exact).max() <= 0.02 * (exact[-1] - exact[0]).max()
    assert load(tmp_path).draws == 416
    assert len(table.rows()) > 0
