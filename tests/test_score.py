"""Scores: what happened, the baselines and the skill on series of known future."""

import datetime
from dataclasses import replace

import numpy as np
import pytest

from muster import score
from muster.errors import UserError
from muster.evidence import Z95
from muster.score import TARGETS, Target, happened, misses_by, month, past, regular, scored, smoothing, summary, walk, widening

ORIGIN = datetime.date(2024, 6, 30)


def target(kind: str = "flow", scale: str = "log") -> Target:
    """A series that grows by a twentieth a month."""
    return Target("t", "russia", "front/killed", kind, scale, "measured", "person", growing)  # type: ignore[arg-type]


def growing() -> dict[str, float]:
    """A twentieth more each month from March 2022 to June 2025."""
    return {month(datetime.date(2022, 3, 1), k): 100 * 1.05**k for k in range(40)}


def test_months_are_counted():
    assert month(ORIGIN, 1) == "2024-07"
    assert month(ORIGIN, -18) == "2022-12"
    assert score.edge("2024-12", after=True) == "2025-01-01"


def test_the_past_ends_at_the_origin_and_the_future_is_summed_after_it():
    series = growing()
    assert len(past(series, ORIGIN)) == 28
    assert regular(series, ORIGIN)
    assert happened(target(), series, ORIGIN, 6) == pytest.approx(sum(100 * 1.05**k for k in range(28, 34)))
    assert happened(target("stock"), series, ORIGIN, 12) == pytest.approx(100 * 1.05**39)
    assert happened(target("rate"), series, ORIGIN, 6) == pytest.approx(np.mean([100 * 1.05**k for k in range(28, 34)]))
    assert happened(target(), {key: x for key, x in series.items() if key < "2024-09"}, ORIGIN, 6) is None
    constant = {key: 100.0 for key in series if key != month(ORIGIN, 5)}
    assert happened(target(), constant, ORIGIN, 12) == pytest.approx(1200)  # a month of the year is missing


def test_drift_knows_steady_growth_and_the_last_value_does_not():
    values, truth = past(growing(), ORIGIN), np.log(happened(target(), growing(), ORIGIN, 6))
    generator = np.random.default_rng(1)
    still, drifting = (walk(target(), values, 6, 6, drift, generator) for drift in (False, True))
    assert np.median(drifting) == pytest.approx(truth, abs=1e-6)
    assert np.median(still) == pytest.approx(truth - 6 * np.log(1.05), abs=0.03)
    assert np.median(smoothing(target(), values, 6, 1)) == pytest.approx(truth, abs=0.05)


def test_an_irregular_series_goes_on_at_its_own_pace():
    yearly = {"2022-04": 100.0, "2023-04": 200.0, "2024-04": 400.0}
    assert score.steps_ahead(growing(), ORIGIN, 12) == 12
    assert score.steps_ahead(yearly, ORIGIN, 10) == pytest.approx(1)
    told = walk(target("stock"), past(yearly, ORIGIN), 10, 1.0, True, np.random.default_rng(1))
    assert np.median(np.exp(told)) == pytest.approx(800, rel=0.1)


@pytest.mark.parametrize("day", ["2024-06-01", "2024-06-29", "2023-02-27"])
def test_an_origin_within_a_month_is_refused(day):
    with pytest.raises(UserError, match="the last day of a month was expected"):
        score.forecast("toy", datetime.date.fromisoformat(day))


def test_no_value_after_the_origin_moves_a_baseline():
    later = {key: x * (7 if key > "2024-06" else 1) for key, x in growing().items()}
    assert np.array_equal(past(later, ORIGIN), past(growing(), ORIGIN))


def test_skill_is_one_less_the_ratio_of_scores():
    sharp, blunt = np.full(1000, 0.1), np.full(1000, 0.4)
    rows = [{"target": "t", "methods": {"Muster": scored(sharp, 0.0), "last value": scored(blunt, 0.0)}}]
    told = summary(rows)
    assert told["skill"] == {"last value": pytest.approx(0.75)}
    assert told["inside"]["Muster"] == 0


def test_forecasts_are_widened_until_as_many_hold_as_they_claim():
    normal = np.random.default_rng(3).standard_normal(4000)
    assert widening(normal / 2) == 1  # never narrowed
    assert widening(2.5 * normal) == pytest.approx(2.5, rel=0.05)
    assert widening(np.full(score.FEWEST_MISSES - 1, 9.0)) == 1  # too few to learn from
    assert widening(np.full(score.FEWEST_MISSES, 2 * Z95)) == pytest.approx(2)


def test_no_miss_that_was_not_yet_known_widens_a_forecast():
    known = [len(misses_by(datetime.date(year, 6, 30), "russia-ukraine-2022")) for year in (2022, 2023, 2024, 2025)]
    assert known[0] == 0
    assert known == sorted(known)
    assert known[2] >= score.FEWEST_MISSES
    assert not len(misses_by(ORIGIN, "toy"))


def test_every_target_has_a_reading_of_the_model():
    rows = [score.own_row(item, "2024-07-01", "2025-01-01") for item in TARGETS]
    assert len({row.id for row in rows}) == len(TARGETS)
    assert [row.operator for row in rows if row.unit == "person/week"] == ["mean"]


def test_a_forecast_that_cannot_be_scored_yet_is_told(monkeypatch):
    def until(last):
        return replace(target(), name=f"until {last}", series=lambda: {key: x for key, x in growing().items() if key <= last})

    monkeypatch.setattr(score, "TARGETS", (target(), until("2024-08"), until("2024-02")))
    monkeypatch.setattr(score, "of_model", lambda *_: np.log(np.linspace(900.0, 1100.0, 1001)))
    known, ahead, late = score.scores(None, ORIGIN, (26,), factor=2.0)
    assert known["methods"]["Muster"]["inside"] in (True, False)
    assert "methods" not in ahead
    assert set(ahead["forecast"]) == {"Muster", "last value", "drift", "ETS"}
    assert ahead["forecast"] == known["forecast"]  # what comes after the origin moves no forecast
    assert ahead["forecast"]["Muster"]["median"] == pytest.approx(1000)
    assert ahead["forecast"]["Muster"]["low"] == pytest.approx(1000 * 0.91**2, rel=0.01)  # spread by the factor
    assert "ends in 2024-02" in late["missing"]
    assert "forecast" not in late
    assert summary([ahead, late])["scored"] == 0


@pytest.mark.parametrize("kind", ["flow", "rate", "stock"])
@pytest.mark.parametrize("known", [3, 6, 28])
def test_a_model_in_which_nothing_changes_forecasts_what_was(monkeypatch, kind, known):
    def months(text):
        return int(text[:4]) * 12 + int(text[5:7])

    def constant(_, row):
        return np.full(4001, 50.0 * (months(row.end) - months(row.start) if row.operator == "over" else 1))

    monkeypatch.setattr(score.observe, "predict", constant)
    told = np.exp(score.of_model(target(kind), None, np.full(known, 100.0), ORIGIN, 6, 1, {}))
    assert np.median(told) == pytest.approx(600 if kind == "flow" else 100, rel=0.02)
