"""What the sides do to each other within a week: spoils, pockets, and the mood in which they fight."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model import arms, front, morale, run
from muster.model.pair import Pair


def unbatched(pair):
    """A pair whose sides are computed one after the other, so that each call is seen."""
    return Pair(pair.split())


@pytest.fixture(scope="module")
def week(case_of_draws):
    """What front.engage, morale.step and arms.book are given in one week of the toy war in which the first side breaks through."""
    experiment = build("toy")
    case, many = case_of_draws(experiment, [0])
    case = replace(case, settings=unbatched(case.settings), links=unbatched(case.links))
    return jax.jit(partial(heard, experiment), compiler_options=simulate.COMPILER)(case, jax.tree.map(lambda x: x[..., 0], many))


def heard(experiment, case, draw):
    """One week, and of it what the tests below ask for, the first side first."""
    world, given = run.start(case, draw, experiment.dt)
    first, second = world.sides.split()
    first = replace(first, morale=replace(first.morale, morale=np.array([0.3, 0.5, 0.5, 0.5, 0.5])))
    world = replace(world, sides=Pair((first, second)))
    step, levers, noise = jax.tree.map(lambda x: x[0], run.by_week(case, draw.noise))
    one, other = levers.split()
    levers = Pair((replace(one, forced_advance=one.forced_advance + 50.0), other))
    calls = {"engage": [], "step": [], "book": []}

    def listened(name, real):
        def spy(*args):
            result = real(*args)
            calls[name].append((args, result))
            return result

        return spy

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((front, "engage"), (morale, "step"), (arms, "book")):
            patch.setattr(module, name, listened(name, getattr(module, name)))
        run.advance(case, unbatched(given), world, step, levers, unbatched(noise), experiment.dt, experiment.structure)
    ((forces, _, _, ground, *_), (fights, _)) = calls["engage"][0]
    return {
        "mood": [side.morale for side in forces],
        "breakthrough": [side.breakthrough for side in fights],
        "attack_width": ground.attack_width,
        "pocket": [arguments[1].pocket for arguments, _ in calls["step"]],
        "lost": [arguments[1] for arguments, _ in calls["book"]],
        "taken": [arguments[2] for arguments, _ in calls["book"]],
        "morale_at_start": [side.params.morale.morale_at_start for side in given.split()],
        "captured_share": [side.params.arms.captured_share for side in given.split()],
    }


def test_each_side_fights_in_the_mood_of_last_week(week):
    assert week["mood"][0] == pytest.approx(0.3)  # all its men are of the standing force yet
    assert week["mood"][1] == pytest.approx(float(week["morale_at_start"][1]))


def test_a_breakthrough_catches_the_enemys_men_and_not_the_own(week):
    assert week["breakthrough"][0] > 0
    assert week["breakthrough"][1] == 0
    assert list(map(float, week["pocket"])) == pytest.approx([0.0, float(week["attack_width"])])


def test_what_one_side_takes_is_a_share_of_what_the_other_loses(week):
    lost, taken = week["lost"], week["taken"]
    assert not np.allclose(lost[0], lost[1])
    for own, enemy in ((0, 1), (1, 0)):
        assert np.allclose(taken[own], week["captured_share"][enemy] * lost[enemy], rtol=1e-12)
