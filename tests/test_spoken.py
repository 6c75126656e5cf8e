"""Which published figures speak of a quantity."""

from muster.observe import observations
from muster.quantities import At, Over
from muster.spoken import MEASURED_BY, evidence_of, series_that_speak

SIDES = ("russia", "ukraine")


def test_every_series_of_the_table_is_measured_where_it_says_so():
    told = {part for row in observations() if row.use == "fit" for part in row.path.replace(" / ", "+").split("+")}
    assert {name for others in MEASURED_BY.values() for name in others} <= told
    assert not set(MEASURED_BY) & told, "a series that figures name needs no other"


def test_figures_speak_of_what_counts_the_same():
    dead = At(at="russia/people/dead", day="2030-01-01")
    assert series_that_speak(dead, SIDES) == {"russia/people/dead", "russia/front/killed"}
    assert set(evidence_of(dead, SIDES, None)) == {"russia"}
    taken = Over(over=["russia/cohorts/called_up"], cohort="decree", start="2022-09-21", end="2022-12-31")
    assert sum(evidence_of(taken, SIDES, None)["russia"].values()) >= 5


def test_ground_of_one_side_is_that_of_the_other():
    own, enemy = (evidence_of(At(at=f"{side}/front/area_controlled", day="2023-09-20"), SIDES, None) for side in SIDES)
    assert own == enemy
    assert own["russia"]


def test_nothing_speaks_of_morale():
    assert evidence_of(At(at="russia/cohorts/morale", day="2023-01-01"), SIDES, None) == {}
