"""Every rival structure is a program of its own, stays finite, and moves a headline variable where its question matters."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model.structure import alternatives, choices

RIVALS = [name for name in alternatives() if name != "default"]
LEAST = 0.05  # of the 90 % band of the default structure's draws
NO_STORES = (
    "arms.tanks_stored=0", "arms.carriers_stored=0", "arms.guns_stored=0", "arms.tanks_active=1000", "arms.carriers_active=2000",
    "arms.line_plan_factor=1", "north.levers.vehicle_line_plan.tank=40", "north.levers.vehicle_line_plan.carrier=80",
    "north.levers.military_spending=0.002", "north.levers.war=0", "south.levers.war=0",
)  # fmt: skip
SCENARIOS = {  # name -> (scenario of the library, what is set)
    "reference": ("russia-ukraine-2022", ()),
    "toy": ("toy", ()),
    "partners that tire": ("toy", ("partners.fatigue=0.164",)),
    "works alone, short of hands": ("toy", NO_STORES),
    "soldiers for pay": ("toy", ("regions.burden_grievance=0.69", "regions.lost_autonomy=0", "regions.transfer_grievance=0")),
}
MOVED = {  # rival -> (where, headline variable)
    "contagion=none": ("toy", "north/morale/branching_ratio"),
    "contagion=threshold": ("toy", "north/morale/branching_ratio"),
    "suppression=none": ("reference", "russia/command/hidden_shortfall"),
    "suppression=irreversible": ("reference", "russia/command/hidden_shortfall"),
    "casualties_opinion=success_only": ("reference", "russia/society/support_private"),
    "casualties_opinion=compensated": ("reference", "russia/society/support_private"),
    "burden_grievance=net_of_pay": ("soldiers for pay", "north/regions/grievance"),
    "burden_grievance=off": ("soldiers for pay", "north/regions/grievance"),
    "sanctions=growth_loss": ("reference", "russia/economy/output"),
    "sanctions=war_boom": ("reference", "russia/economy/output"),
    "learning=full": ("works alone, short of hands", "north/arms/afv"),
    "learning=none": ("works alone, short of hands", "north/arms/afv"),
    "partner=regime_switching": ("partners that tire", "north/partners/support"),
    "partner=fixed": ("partners that tire", "north/partners/support"),
    "hazard_link=pressure_index": ("reference", "russia/regime/coup_hazard"),
    "ending=ceasefire_hazard": ("reference", "russia/arms/shells_fired"),
    "ending=frozen_line": ("reference", "russia/front/troops"),
}


def test_there_is_a_rival_for_each_of_the_nine_questions():
    assert {name.split("=")[0] for name in RIVALS} == set(choices())
    assert set(MOVED) == set(RIVALS)


def paid(experiment):
    """The experiment with eight times the civil wage for the first side's volunteers from the second half-year on."""
    first, second = experiment.levers
    pay = np.where(np.arange(experiment.steps) < 26, first.pay, 8.0)
    levers = (replace(first, pay=pay), second)
    return replace(experiment, levers=levers, base_levers=levers)


@pytest.fixture(scope="module")
def series():
    """series(where, path, structure): the headline series of a lane of draws [draw, step], all of them numbers."""
    known = {}

    def values(where, path, structure):
        if (where, structure) not in known:
            scenario, sets = SCENARIOS[where]
            experiment = build(scenario, draws=simulate.LANE * jax.device_count(), structure=structure, sets=sets)
            known[where, structure] = simulate.ensemble(paid(experiment) if where == "soldiers for pay" else experiment)
        results = known[where, structure]
        assert results.series(path).attrs["headline"] == 1
        assert all(np.isfinite(results.tree[one].values).all() for one in results.paths())
        return results.series(path).values

    yield values
    known.clear()


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_structure_moves_a_headline_variable(series, rival):
    """In some week the median change, draw by draw, exceeds a twentieth of the default's 90 % band."""
    where, path = MOVED[rival]
    base, other = (series(where, path, alternatives()[name]) for name in ("default", rival))
    low, high = np.quantile(base, [0.05, 0.95], axis=0)
    wide = high - low > 1e-3 * np.abs(base).max()
    change = np.abs(np.median(other - base, axis=0))
    assert np.max(change[wide] / (high - low)[wide]) > LEAST
