"""Each loop and arrow of the model, cut at prior medians, moves a named output by more than 1 % of its 90 % band."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from muster import simulate
from muster.experiment import build
from muster.model.coupling import Links, connected

BANDS: dict[str, tuple[str, ...]] = {
    "turnover": ("russia/front/killed", "ukraine/front/killed"),
    "cohesion": ("russia/morale/morale", "ukraine/morale/morale"),
    "contagion": ("russia/morale/desertions", "ukraine/morale/desertions"),
    "bad_news": ("ukraine/front/troops", "ukraine/callup/called_up"),
    "coercion": ("russia/morale/desertions",),
    "staffing": ("russia/callup/volunteers",),
    "service": ("russia/morale/morale",),
    "risk": ("russia/callup/volunteers",),
    "pay": ("russia/callup/volunteers",),
    "depletion": ("russia/front/quality",),
    "frontage": ("russia/front/quality",),
    "labour": ("russia/economy/output", "ukraine/economy/output"),
    "adaptation": ("russia/arms/shells_made", "russia/arms/components"),
    "fiscal": ("ukraine/regime/collapse_hazard", "russia/regime/collapse_hazard"),
    "centre": ("ukraine/economy/debt", "russia/economy/debt"),
    "partner": ("ukraine/partners/support",),
    "war_cohesion": ("russia/regime/coup_hazard",),
    "ground": ("russia/society/perceived_prospect",),
    "trust": ("russia/morale/morale",),
    "wage": ("russia/society/trust",),
    "deliveries": ("ukraine/arms/shells_fired",),
    "deaths": ("russia/society/support_private",),
}

SILENT = {
    "cadre": "no instructors are sent to the front in any scenario of the library; the lever's effect is tested below",
    "tide": "no regional event happens at prior medians; the effect after an event is tested in tests/model/test_regions.py",
    "rally": "recruits' pay is one or two per cent of national wages; it acts where they are poor, at regional resolution",
    "regime": "no change of government happens at prior medians",
}

DRAWS = 64


@pytest.fixture(scope="module")
def ensemble():
    return simulate.ensemble(build("russia-ukraine-2022", draws=DRAWS))


@pytest.fixture(scope="module")
def base(at_medians):
    return at_medians(build("russia-ukraine-2022", draws=1))


def moved(path, base, other, ensemble):
    """Largest change of a series up to the last observation over its 90 % band at the same week."""
    weeks = 174
    change = np.abs(other.series(path).values[0, :weeks] - base.series(path).values[0, :weeks])
    low, high = np.quantile(ensemble.series(path).values[:, :weeks], [0.05, 0.95], axis=0)
    return float(np.max(change / np.maximum(high - low, 1e-12)))


def test_every_link_is_either_cut_here_or_told_as_silent():
    assert set(BANDS) | set(SILENT) == set(Links.__dataclass_fields__)


@pytest.mark.parametrize("link", BANDS)
def test_cutting_a_link_moves_what_it_drives(link, base, ensemble, at_medians):
    cut = replace(connected(), **{link: jnp.ones(())})
    other = at_medians(build("russia-ukraine-2022", draws=1), links=(cut, cut))
    assert max(moved(path, base, other, ensemble) for path in BANDS[link]) > 0.01


def test_cadre_sent_to_the_front_lowers_the_skill_of_graduates(base, at_medians):
    other = at_medians(build("russia-ukraine-2022", draws=1, sets=("russia.levers.cadre_to_front=0.05",)))
    assert other.at("russia/training/instructors", "2023-06-30")[0] < base.at("russia/training/instructors", "2023-06-30")[0]
    assert other.at("russia/training/graduate_skill", "2022-12-31")[0] < base.at("russia/training/graduate_skill", "2022-12-31")[0]
