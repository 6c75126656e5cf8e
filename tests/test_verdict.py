"""The verdict rule does what docs/how-to-read-a-verdict.md says, and the stated error is the error."""

import numpy as np
import pytest

from muster.drivers import variance_shares
from muster.propositions import resampled
from muster.verdict import (
    FLOOR,
    RARE,
    UNMOVED,
    UNSPOKEN,
    judge,
    prior_driven,
    scores,
    standard_error,
    varies,
    whole_ensemble_error,
)  # fmt: skip


def draws(p, n=400):
    return np.arange(n) < round(p * n)


def judged(p, prior_driven=False, n=400, rivals=(), complete=True, moves=True):
    shares = {"default": standard_error(draws(p, n))} | {f"rival {r}": standard_error(draws(r, n)) for r in rivals}
    return judge(shares, prior_driven, moves, complete)


@pytest.mark.parametrize(
    ("p", "prior_driven", "verdict"),
    [
        (0.97, False, "supported"),
        (0.95, False, "supported"),
        (0.97, True, "likely"),
        (0.94, False, "likely"),
        (0.80, False, "likely"),
        (0.52, False, "undecided"),
        (0.20, False, "unlikely"),
        (0.06, False, "unlikely"),
        (0.05, False, "contradicted"),
        (0.03, False, "contradicted"),
        (0.03, True, "unlikely"),
    ],
)
def test_the_verdict_follows_the_cut_points(p, prior_driven, verdict):
    assert judged(p, prior_driven).verdict == verdict


def test_undecided_takes_precedence_where_structures_disagree_or_draws_are_few():
    assert judged(0.97, rivals=(0.4,)).verdict == "undecided"
    assert judged(0.6, n=20).verdict == "undecided"
    assert judged(0.97, rivals=(0.6,)).verdict == "supported"
    assert (judged(0.97, rivals=(0.6,)).low, judged(0.97, rivals=(0.6,)).high) == (0.6, 0.97)


def test_by_construction_needs_every_draw_of_every_structure():
    assert judged(1.0, True, rivals=(1.0,)).verdict == "supported"
    assert judged(1.0, True, rivals=(1.0,)).by_construction
    assert judged(0.0, True, rivals=(0.0,)).verdict == "contradicted"
    assert judged(1.0, True, rivals=(1.0,), complete=False).verdict == "likely"
    assert judged(1.0, True, rivals=(0.99,)).verdict == "likely"
    assert not judged(1.0, rivals=(1.0,)).by_construction


@pytest.mark.parametrize(
    ("event", "spoken", "p", "before", "reason"),
    [
        (True, True, 0.9, 0.5, RARE),
        (False, True, 0.54, 0.5, UNMOVED),  # the rule of the contract: less than 0.05 from a prior between 0.05 and 0.95
        (False, True, 0.56, 0.5, None),
        (False, True, 0.99, 0.97, None),  # a prior that was sure, and figures of the quantity
        (False, False, 0.99, 0.97, UNSPOKEN),
        (False, False, 0.60, 0.5, UNSPOKEN),  # other figures moved it
    ],
)
def test_what_is_prior_driven_after_a_fit(event, spoken, p, before, reason):
    assert prior_driven(event, spoken, p, before) == reason


def test_a_quantity_that_does_not_vary_is_not_testable():
    assert judged(1.0, moves=False).verdict == "not testable"
    assert not varies(np.full(50, 3.7e9))
    assert not varies(np.full(50, np.nan))
    assert not varies(3.7e9 * (1 + 1e-11 * np.arange(50)))
    assert varies(3.7e9 * (1 + 1e-7 * np.arange(50)))
    assert varies(np.array([np.inf, 1.0]))
    assert not varies(np.array([np.inf, np.inf]))


@pytest.mark.parametrize("p", [0.03, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_stated_error_is_the_spread_over_seeds(p, weighted):
    found, stated = [], []
    for seed in range(400):
        random = np.random.default_rng(seed)
        truths = random.random(200) < p
        weights = random.gamma(2.0, size=200) if weighted else np.ones(200)
        share, error = standard_error(truths, weights / weights.sum())
        found.append(share)
        stated.append(error)
    assert 0.7 < np.std(found) / np.mean(stated) < 1.4


def test_a_share_of_0_or_1_has_an_error_that_holds_the_truth():
    for truths in (np.zeros(200, dtype=bool), np.ones(200, dtype=bool)):
        share, error = standard_error(truths)
        assert 0 < error < 1 / 200
        assert abs(share - truths[0]) < 1e-12


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.25])
def test_the_stated_error_of_a_number_of_the_whole_ensemble_is_its_spread_over_seeds(shift):
    found, stated = [], []
    for seed in range(150):
        values = np.random.default_rng(seed).normal(shift, 1.5, 200)
        share, error = whole_ensemble_error(resampled(np.mean, values) > 0)
        found.append(share)
        stated.append(error)
    assert 0.7 < np.std(found) / np.mean(stated) < 1.4


def test_two_seeds_agree_within_three_errors():
    random = np.random.default_rng(1)
    apart = []
    for p in random.random(400) ** 3:
        (a, b) = (standard_error(random.random(200) < p) for _ in range(2))
        apart.append(abs(a[0] - b[0]) <= 3 * np.hypot(a[1], b[1]))
    assert np.mean(apart) >= 0.98


def test_scores_are_proper_and_only_where_the_outcome_is_known():
    assert scores(0.8, "true") == pytest.approx({"brier": 0.04, "log": -np.log(0.8)})
    assert scores(0.0, "true")["log"] == pytest.approx(-np.log(FLOOR))
    assert all(scores(0.8, outcome) is None for outcome in ("disputed", "open", "annulled", None))
    assert scores(float("nan"), "true") is None
    grid = np.linspace(0.01, 0.99, 99)
    for rule in ("brier", "log"):
        expected = [0.3 * scores(q, "true")[rule] + 0.7 * scores(q, "false")[rule] for q in grid]
        assert grid[int(np.argmin(expected))] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", [float, bool])
def test_numbers_that_move_nothing_are_hardly_ever_told_as_drivers(kind):
    """Five hundred parameters, quantities that rest on none of them: one set in twenty may show one."""
    random = np.random.default_rng(3)
    drawn, names = random.normal(size=(500, 200)), [f"p{i}" for i in range(500)]
    quantities = (random.normal(size=200) > 0.3 if kind is bool else random.normal(size=200) for _ in range(40))
    assert sum(bool(variance_shares(values.astype(kind), names, drawn)) for values in quantities) <= 6


def test_the_driver_of_a_quantity_is_found_and_dummies_are_not():
    random = np.random.default_rng(1)
    drawn = random.normal(size=(40, 400))
    names = [f"p{i}" for i in range(40)]
    found = variance_shares(2 * drawn[7] + random.normal(size=400), names, drawn)
    assert found[0]["parameter"] == "p7"
    assert found[0]["share"] > 0.5
    assert all(row["share"] >= row["noise_floor"] for row in found)
    assert variance_shares(random.normal(size=400), names, drawn) == []
    assert variance_shares(np.ones(400), names, drawn) == []
    assert variance_shares(random.normal(size=20), names, drawn[:, :20]) == []


def test_one_draw_cannot_tell_whether_a_quantity_varies():
    assert varies(np.array([3.0]))
    p, error = standard_error(np.array([True]))
    assert judge({"default": (p, error)}, False, True, True).verdict == "undecided"


def test_a_probability_that_is_no_number_is_no_verdict():
    assert judge({"default": (float("nan"), 0.0)}, False, True, True).verdict == "not computed"
