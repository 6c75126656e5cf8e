"""Summaries of many draws in a fixed amount of memory."""

import itertools

import numpy as np
import pytest

from muster import layout, output, results, writer
from muster.experiment import build
from muster.results import HeadlineTable, Results, headline_table, load
from muster.simulate import blocks, ensemble
from muster.sketch import Sketch


def test_quantiles_come_within_a_fiftieth_of_the_band_and_the_mean_is_exact():
    values = np.random.default_rng(1).lognormal(size=(20_000, 5, 3)).astype(np.float32)
    values[..., 0] = 7
    sketch = Sketch(values.shape[1:])
    for block in np.split(values, 400):
        sketch.add(np.moveaxis(block, 0, -1))
    exact = np.quantile(values, layout.QUANTILES, axis=0)
    band = exact[-1] - exact[0]
    assert np.abs(sketch.quantiles(layout.QUANTILES) - exact).max() <= 0.02 * band.max()
    np.testing.assert_allclose(sketch.quantiles(layout.QUANTILES)[..., 0], 7)
    np.testing.assert_allclose(sketch.mean(), values.mean(axis=0, dtype=float), rtol=1e-12)


def test_blocks_of_any_size_give_the_same_quantiles():
    values = np.random.default_rng(2).lognormal(size=(3, 5_000)).astype(np.float32)
    found = []
    for size in (5_000, 209, 104, 7):
        sketch = Sketch((3,))
        for first in range(0, 5_000, size):
            sketch.add(values[:, first : first + size])
        found.append(sketch.quantiles(layout.QUANTILES))
        np.testing.assert_allclose(sketch.mean(), values.mean(axis=1, dtype=float), rtol=1e-12)
    for others in found[1:]:
        np.testing.assert_array_equal(others, found[0])


def test_a_table_of_many_draws_at_once_is_that_of_their_blocks(monkeypatch):
    monkeypatch.setattr(results, "EXACT", 300)
    made = ensemble(build("toy", draws=312))
    table = HeadlineTable(made, 312)
    for block in itertools.chain.from_iterable(blocks(build("toy", draws=312))):
        table.add(block)
    assert headline_table(made) == table.rows()


def test_what_the_first_draws_never_saw_is_still_counted():
    sketch = Sketch((1,))
    sketch.add(np.zeros((1, 208)))
    sketch.add(np.full((1, 300), 5.0))
    low, high, most = sketch.quantiles((0.25, 0.95, 1)).ravel()
    assert low == pytest.approx(0, abs=0.01)
    assert 4 < high < most == pytest.approx(5, rel=0.01)
    assert sketch.mean() == pytest.approx(1500 / 508)


def test_few_draws_have_quantiles_too():
    sketch = Sketch((1,))
    sketch.add(np.arange(100.0)[None])
    assert sketch.quantiles((0.5,)).item() == pytest.approx(50, abs=2)
    assert sketch.mean() == pytest.approx(49.5)


def test_a_run_of_many_draws_keeps_summaries_in_memory_that_does_not_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "EXACT", 100)
    monkeypatch.setattr(writer, "WHOLE", 100)
    experiment = build("toy", draws=832)
    frame = output.frame_of(experiment)
    table, whole, sizes = HeadlineTable(Results(frame), 832), [], []
    with writer.Writer(tmp_path, frame, expected=832) as written:
        for block in itertools.chain.from_iterable(blocks(experiment)):
            written.append(block)
            table.add(block)
            whole.append(block["north/front/killed"])
            sizes.append((written.scratch.tell(), sum(drawn.sketch.counts.nbytes for drawn in written.drawn.values())))
        written.finish(output.manifest_of(output.described(experiment), 832, 1.0))
    assert len(whole) > 1
    assert len(set(sizes)) == 1
    assert sizes[0][0] == 0
    exact = np.quantile(np.concatenate(whole, axis=-1), layout.QUANTILES, axis=-1)
    found = load(tmp_path).tree["north/front/killed_quantiles"].values
    assert np.abs(found - exact).max() <= 0.02 * (exact[-1] - exact[0]).max()
    assert load(tmp_path).draws == 832
    assert len(table.rows()) > 0
