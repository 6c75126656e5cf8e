"""Front, training and morale computed a second time, in NumPy and from the chapters alone: equal to 1e-9 over ten years."""

from dataclasses import fields
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from muster import evidence
from muster.experiment import build
from muster.model import morale, training, week
from muster.model.coupling import Before

WEEKS, DRAWS, DECREE = 520, 24, 1
PIPELINE = ("waiting", "full", "hasty", "transfer")


class Recorded(Before):
    """What the first half of a week hands on, with what training was sent."""

    sent: training.Inputs


def told(world, readings):
    """What the comparison needs: the inputs of the three subsystems, and their states after the week."""
    states = [{"front": s.front, "training": s.training, "morale": s.morale} for s in world.sides.split()]
    return states, [side["drive"] for side in readings.split()], world.contact.gained


@pytest.fixture(scope="module")
def recorded(run_with):
    """States and inputs [draw, week, ...] of a run of the reference case, and the parameters of its draws."""
    first_half, second_half, train, endure = week.first_half, week.second_half, training.step, morale.step
    sent = []

    def kept(right):
        def step(state, inputs, *others):
            sent.append(inputs)
            return right(state, inputs, *others)

        return step

    def first(*args):
        new, before = first_half(*args)
        return new, Recorded(**{f.name: getattr(before, f.name) for f in fields(Before)}, sent=sent.pop())

    def second(side, before, fight, enemy, here, dt, structure):
        new, readings = second_half(side, before, fight, enemy, here, dt, structure)
        coerced = sent.pop()
        drive = {"training": before.sent, "front": before.force, "morale": coerced, "war": here.war}
        drive |= {name: getattr(here.levers, name) for name in ("theatre_share", "allied_men", "forward_care", "time_in_line", "coercion")}
        return new, readings | {"drive": drive | {"goal": here.goal}}

    experiment = build("russia-ukraine-2022")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "step", kept(train))
        patch.setattr(morale, "step", kept(endure))
        patch.setattr(week, "first_half", first)
        patch.setattr(week, "second_half", second)
        states, drive, gained = jax.tree.map(np.asarray, run_with(experiment, np.arange(DRAWS), told))
    return experiment, states, drive, gained, evidence.draw(experiment, np.arange(DRAWS))


def plain(record, width=None):
    """A record as a namespace of arrays with the draw first; parameters of all draws are repeated."""
    whole = {f.name: np.asarray(getattr(record, f.name)) for f in fields(record)}
    if width:
        whole = {name: np.broadcast_to(value, (width,)).astype(float) for name, value in whole.items()}
    return SimpleNamespace(**whole)


def given_in(drive, number, params):
    """What one side was sent in one week by the subsystems that are not compared, and by its own levers."""
    now = jax.tree.map(lambda x: x[:, number], drive)
    given = SimpleNamespace(**{name: plain(now[name]) for name in ("training", "front", "morale")})
    for name in ("war", "theatre_share", "allied_men", "forward_care", "time_in_line", "coercion", "goal"):
        setattr(given, name, now[name])
    given.coordination = given.front.coordination * np.exp(params.morale.coercion_initiative * given.coercion)
    for record, own in (("training", ("troops",)), ("front", ("troops", "skill", "leaders", "morale", "coordination", "coercion_losses"))):
        for name in own:  # what the core must find out for itself
            delattr(getattr(given, record), name)
    for name in ("troops", "loss_share", "arrival_share", "mixed", "intensity", "recent_ground", "pocket"):
        delattr(given.morale, name)
    return given


def state_of(side):
    """The compared state of the second implementation by the names of the first."""
    return {
        "front": {
            "troops": side.troops, "rear": side.rear, "wounded": side.wounded, "fortification": side.works, "loss_shock": side.shock,
            "recent_ground": side.recent_ground, "breakthrough_hazard": side.hazard, "breakthrough_survived": side.survived,
            "breakthrough_left": side.burst_left,
        },
        "training": {
            "transfer_skill": side.transfer_skill, "instructors": side.instructors, "leaders": side.leaders, "skill": side.skill,
            "rear_skill": side.rear_skill, "wounded_skill": side.wounded_skill, "first_inducted": side.first_inducted,
            "first_arrived": side.first_arrived,
            **{f"men.{part}": getattr(side.line, part) for part in PIPELINE},
            **{f"first_men.{part}": getattr(side.first, part)[..., DECREE] for part in PIPELINE},
        },
        "morale": {
            "exhaustion": side.exhaustion, "cohesion": side.cohesion, "service": side.service, "morale": side.morale,
            "desertion_precedent": side.ybar, "surrender_precedent": side.sbar, "impunity": side.impunity, "deserters": side.deserters,
            "captured": side.captured,
        },
    }  # fmt: skip


def read(record, name):
    for part in name.split("."):
        record = getattr(record, part)
    return record


def differences(core, recorded):
    """{(week, side, subsystem, field): relative difference} of what is not equal to 1e-9 in the first week that differs, or {}.

    A draw is compared until one of its armies is down to a thousand men: the ruin of an army magnifies rounding without limit.
    """
    experiment, states, drive, gained, params = recorded
    params = [SimpleNamespace(**{name: plain(getattr(p, name), DRAWS) for name in ("training", "front", "morale")}) for p in params]
    ground = plain(experiment.ground)
    sides = [core.Side(p, np.full(DRAWS, float(setting.area))) for p, setting in zip(params, experiment.settings, strict=True)]
    won, fallen, vanished = np.zeros(DRAWS), np.zeros(DRAWS, dtype=bool), [np.zeros((DRAWS, 5), dtype=bool) for _ in sides]
    for number in range(WEEKS):
        given = [given_in(d, number, p) for d, p in zip(drive, params, strict=True)]
        won = core.week(sides, given, ground, won, number < experiment.observation_step)
        found = {}
        for side, own, theirs, sent, gone in zip(experiment.sides, sides, states, drive, vanished, strict=True):
            left = sent["morale"].troops[:, number].sum(1)
            gone |= (left > 0) & (left < 1)  # the share that deserts of a millionth of a man is rounding, and is remembered
            fallen |= left.sum(1) < 1000
            for subsystem, values in state_of(own).items():
                for name, value in values.items():
                    other = read(theirs[subsystem], name)
                    gap = np.abs(value - other[:, number]) / max(np.abs(other).max(), 1e-12)
                    gap = float(np.max((np.where(gone, 0.0, gap) if name.endswith("_precedent") else gap)[~fallen]))
                    if not gap < 1e-9:
                        found[number, side, subsystem, name] = gap
        gap = float(np.abs(won - gained[:, number])[~fallen].max() / max(np.abs(gained).max(), 1.0))
        if found or not gap < 1e-9:
            return found | {(number, "both", "contact", "gained"): gap}
    return {} if np.sum(~fallen) >= 20 else {"too few draws": float(np.sum(~fallen))}


def test_the_chapters_give_what_the_code_gives(core, recorded):
    assert differences(core, recorded) == {}
