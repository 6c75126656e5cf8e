"""No war, no shocks, a stable population and no growth: everything stays as it is for ten years."""

import datetime
from dataclasses import replace

import jax
import numpy as np
import pytest

from muster import evidence, simulate
from muster.experiment import build
from muster.model.ages import BAND
from muster.model.world import READINGS
from muster.scenario import load

SIDES = ("north", "south")
LEVERS = {"war": 0, "decree": "null", "pay": 1, "theatre_goal_share": 0.65, "military_spending": 0.036, "prisoner_offers": 0}
LEVERS |= {"attack_share": 1}  # nobody builds works
STILL = (  # growth, wear, and what goes on in peace: recruiting, desertion, forgetting, careers, politics abroad, noise
    "economy.capacity_growth=0", "economy.demand_growth=0", "demography.fertility_trend=0", "regime.trend_growth=0",
    "callup.volunteer_rate=0", "society.base_leaving=0", "arms.wear=0", "morale.desertion_rate=0", "partners.fatigue=0",
    "front.rear_draft_rate=0", "training.decay_rate=0", "training.promotion_rate=0", "training.academy_output=0",
    "training.instructor_time=1e12", "command.report_error=0", "regions.lost_autonomy=0",
)  # fmt: skip
GOES_ON = {  # what a clock moves: a leader grows older; chances add up
    "regime/exit_hazard", "regime/collapse_survival", "regions/exit_hazard", "regime/leader_gone", "regime/coup_attempted",
    "regime/coup_succeeded", "regime/overthrown", "regime/collapsed", "regime/peace",
    "regions/new_movements", "regions/conflicts", "regions/self_determination_movement", "regions/seceded",
}  # fmt: skip


def stable(setting):
    """The same youths every year fill every band alike; who is born equals who dies among everybody else."""
    years = BAND / 52
    kinds, regions = setting.men.sum(1) / setting.men.sum(), setting.women.sum(1) / setting.women.sum()
    men = np.broadcast_to(years * setting.youths * kinds[:, None], setting.men.shape)
    women = np.broadcast_to(years * setting.girls * regions[:, None], setting.women.shape)
    births = np.sum(women * setting.fertility) / 52
    return replace(
        setting,
        men=np.array(men),
        women=np.array(women),
        men_mortality=0 * setting.men_mortality,
        women_mortality=0 * setting.women_mortality,
        others=births / -np.expm1(-setting.others_mortality / 52),
        cohort_age=np.eye(setting.men.shape[1])[-1] + 0 * setting.cohort_age,  # soldiers do not grow older than the last band
    )


def at_rest(params, levers):
    """Parameters under which the start is a rest: capital is replaced, the budget is even, prices rise as aimed at, the army is whole."""
    economy, front = params.economy, params.front
    spending = levers.civil_spending[0] + economy.domestic_share * economy.military_spending_at_start
    return replace(
        params,
        economy=replace(
            economy,
            saving=economy.depreciation * economy.capital_at_start,
            taxes=spending + economy.interest * economy.debt_at_start - economy.export_rent,
            inflation_at_start=economy.inflation_target,
        ),
        front=replace(front, theatre_goal_factor=front.theatre_at_start / (levers.theatre_goal_share[0] * levers.establishment[0])),
    )


@pytest.fixture(scope="module")
def peace():
    """Readings of the first side [draw, step, ...]; as many weeks as the reference case, so that one program serves both."""
    toy, weeks = load("toy"), build("russia-ukraine-2022", draws=1).steps
    end = toy.start + datetime.timedelta(weeks=weeks)
    longer = toy.model_copy(update={"end": end, "last_observation": end})
    sets = tuple(f"{side}.levers.{name}={value}" for side in SIDES for name, value in LEVERS.items())
    experiment = build(longer, sets=(*sets, *STILL))
    levers = tuple(
        replace(side, vehicle_line_plan=0 * side.vehicle_line_plan, shell_line_plan=0 * side.shell_line_plan) for side in experiment.levers
    )
    experiment = replace(experiment, settings=tuple(stable(setting) for setting in experiment.settings))
    draws = np.arange(simulate.LANE * jax.device_count())
    params = tuple(at_rest(p, lever) for p, lever in zip(evidence.draw(experiment, draws), levers, strict=True))
    return simulate.outcome(experiment, simulate.draws_of(experiment, draws, params), levers)[1][0]


@pytest.mark.parametrize("node", READINGS)
def test_ten_years_of_peace_leave_everything_as_it_is(peace, node):
    moved = {}
    for name in READINGS[node].__dataclass_fields__:
        values = np.asarray(getattr(peace[node], name), dtype=float)[:, :520]
        if node == "cohorts":
            values = values[..., 0]  # the standing force; the other cohorts are empty
        assert np.isfinite(values).all(), name
        drift = np.abs(values - values[:, :1]).max() / max(np.abs(values).max(), 1e-6)
        if drift > 1e-5 and f"{node}/{name}" not in GOES_ON:
            moved[name] = drift
    assert moved == {}


def test_the_leader_alone_grows_older(peace):
    """The hazard of a natural exit follows Gompertz's law, nothing else."""
    hazard = np.asarray(peace["regime"].exit_hazard, dtype=float)
    assert np.all(np.diff(hazard[:, :520], axis=1) >= 0)
    assert np.all(hazard[:, 519] > hazard[:, 0])
