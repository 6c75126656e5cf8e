"""What the sides do to each other within a week: spoils, pockets, and the mood in which they fight."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from muster.experiment import build
from muster.model import arms, front, morale, run
from muster.model.pair import Pair


def unbatched(pair):
    """A pair whose sides are computed one after the other, so that each call is seen."""
    return Pair(pair.split())


@pytest.fixture(scope="module")
def week(case_of_draws):
    """What front.engage, morale.step and arms.book are given in one week of the toy war in which the first side breaks through."""
    experiment, heard = build("toy"), {"engage": [], "step": [], "book": []}
    case, many = case_of_draws(experiment, [0])
    draw = jax.tree.map(lambda x: x[..., 0], many)
    world, given = run.start(case, draw, experiment.dt)
    first, second = world.sides.split()
    first = replace(first, morale=replace(first.morale, morale=np.array([0.3, 0.5, 0.5, 0.5, 0.5])))
    world = replace(world, sides=Pair((first, second)))
    case = replace(case, settings=unbatched(case.settings), links=unbatched(case.links))
    step, levers, noise = jax.tree.map(lambda x: x[0], run.by_week(case, draw.noise))
    one, other = levers.split()
    levers = Pair((replace(one, forced_advance=one.forced_advance + 50.0), other))

    def listened(name, real):
        def spy(*args):
            result = real(*args)
            heard[name].append((args, result))
            return result

        return spy

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((front, "engage"), (morale, "step"), (arms, "book")):
            patch.setattr(module, name, listened(name, getattr(module, name)))
        run.advance(case, unbatched(given), world, step, levers, unbatched(noise), experiment.dt, experiment.structure)
    return heard, given.split()


def test_each_side_fights_in_the_mood_of_last_week(week):
    heard, given = week
    ((forces, *_), _) = heard["engage"][0]
    assert forces[0].morale == pytest.approx(0.3)  # all its men are of the standing force yet
    assert forces[1].morale == pytest.approx(float(given[1].params.morale.morale_at_start))


def test_a_breakthrough_catches_the_enemys_men_and_not_the_own(week):
    heard, _ = week
    (arguments, (fights, _)) = heard["engage"][0]
    ground = arguments[3]
    assert fights[0].breakthrough > 0
    assert fights[1].breakthrough == 0
    pockets = [float(arguments[1].pocket) for arguments, _ in heard["step"]]
    assert pockets == pytest.approx([0.0, float(ground.attack_width)])


def test_what_one_side_takes_is_a_share_of_what_the_other_loses(week):
    heard, given = week
    lost, taken = ([arguments[place] for arguments, _ in heard["book"]] for place in (1, 2))
    shares = [float(side.params.arms.captured_share) for side in given]
    assert not np.allclose(lost[0], lost[1])
    for own, enemy in ((0, 1), (1, 0)):
        assert np.allclose(taken[own], shares[enemy] * lost[enemy], rtol=1e-12)
