"""Both belligerents are the same model: swapping them mirrors the result bit for bit, and each acts on the other."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from muster import evidence, simulate
from muster.experiment import build


def readings(experiment, order):
    """Readings of both sides [draw, step, ...] with the sides, their levers, settings and parameters in the given order."""
    first, second = order
    ordered = replace(
        experiment,
        sides=(experiment.sides[first], experiment.sides[second]),
        settings=(experiment.settings[first], experiment.settings[second]),
        levers=(experiment.levers[first], experiment.levers[second]),
    )
    draws = np.arange(simulate.LANE * jax.device_count())
    params = evidence.draw(experiment, draws)
    return simulate.outcome(ordered, simulate.draws_of(ordered, draws, (params[first], params[second])))[1]


def test_swapping_the_sides_mirrors_the_result_bit_for_bit():
    experiment = build("russia-ukraine-2022")
    a, b = readings(experiment, (0, 1))
    swapped = readings(experiment, (1, 0))
    for one, other in ((a, swapped[1]), (b, swapped[0])):
        for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def test_equal_sides_hold_the_line_on_average():
    results = simulate.simulate("toy", draws=200)
    start = results.series("north/front/area_controlled").values[:, 0]
    end = results.series("north/front/area_controlled").values[:, -1]
    gain = np.median(end - start)
    assert abs(gain) < 0.02 * np.median(start)


CHANGES = {
    "course length": "russia.levers.course_length=20 weeks",
    "quota": "russia.levers.decree.announced=900000 person",
    "shells": "russia.levers.fire_plan=20000 shell/week",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_lever_of_one_side_changes_losses_and_ground_of_the_other(change):
    base = simulate.ensemble(build("russia-ukraine-2022", draws=16))
    other = simulate.ensemble(build("russia-ukraine-2022", draws=16, sets=(CHANGES[change],)))
    for path in ("ukraine/front/killed", "ukraine/front/area_controlled"):
        assert np.abs(other.at(path, "2024-12-31") - base.at(path, "2024-12-31")).max() > 0, path


def test_a_partners_stop_changes_losses_and_ground_of_the_other():
    base = simulate.ensemble(build("russia-ukraine-2022", draws=16))
    text = "ukraine.levers.partner_decision=-6"
    other = simulate.ensemble(build("russia-ukraine-2022", draws=16, sets=(text,)))
    for path in ("russia/front/killed", "russia/front/area_controlled"):
        assert np.abs(other.at(path, "2024-12-31") - base.at(path, "2024-12-31")).max() > 0, path
