"""Claims are data with one headline each; the verdict rule does what docs/claims.md says."""

import numpy as np
import pytest

from muster import claims
from muster.errors import UserError
from muster.propositions import At, mirrored

EXPECTED = {
    "announced-number-exceeded": ("decree-over-330k", 5),
    "no-training": ("median-under-4-weeks", 5),
    "meat-grinder": ("over-20-percent-in-26-weeks", 6),
    "massive-desertion": ("all-first-year-over-5-percent", 24),
    "waning-confidence": ("five-points-within-9-weeks", 4),
}


def draws(p, n=400):
    return np.arange(n) < round(p * n)


def test_the_five_claims_have_their_readings_and_headlines():
    found = {claim.id: claim for claim in claims.claims()}
    assert set(EXPECTED) <= set(found)
    for name, (headline, count) in EXPECTED.items():
        assert len(found[name].readings) == count
        assert [r.id for r in found[name].readings if r.headline] == [headline]


@pytest.mark.parametrize(
    ("p", "prior_driven", "verdict"),
    [
        (0.97, False, "supported"),
        (0.97, True, "likely"),
        (0.80, False, "likely"),
        (0.52, False, "undecided"),
        (0.20, False, "unlikely"),
        (0.03, False, "contradicted"),
        (0.03, True, "unlikely"),
    ],
)
def test_the_verdict_follows_the_cut_points(p, prior_driven, verdict):
    assert claims.judge({"default": draws(p)}, prior_driven, True, complete=False).verdict == verdict


def test_undecided_takes_precedence_where_structures_disagree_or_draws_are_few():
    assert claims.judge({"default": draws(0.97), "rival": draws(0.4)}, False, True, complete=True).verdict == "undecided"
    assert claims.judge({"default": draws(0.6, 20)}, False, True, complete=False).verdict == "undecided"


def test_by_construction_needs_every_draw_of_every_structure():
    sure = {"default": draws(1.0), "rival": draws(1.0)}
    assert claims.judge(sure, True, True, complete=True).verdict == "supported"
    assert claims.judge(sure, True, True, complete=True).by_construction
    assert claims.judge(sure, True, True, complete=False).verdict == "likely"
    assert claims.judge({"default": draws(1.0), "rival": draws(0.99)}, True, True, complete=True).verdict == "likely"


def test_a_quantity_that_does_not_vary_is_not_testable():
    assert claims.judge({"default": draws(1.0)}, False, False, complete=True).verdict == "not testable"


def test_scores_are_proper_and_only_where_the_outcome_is_known():
    assert claims.scores(0.8, "true") == pytest.approx({"brier": 0.04, "log": -np.log(0.8)})
    assert claims.scores(0.0, "true")["log"] == pytest.approx(-np.log(claims.FLOOR))
    for outcome in ("disputed", "open", "annulled", None):
        assert claims.scores(0.8, outcome) is None


def test_the_driver_of_a_quantity_is_found_and_dummies_are_not():
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(40, 400))
    values = 2 * drawn[7] + rng.normal(size=400)
    found = claims.variance_shares(values, [f"p{i}" for i in range(40)], drawn)
    assert found[0]["parameter"] == "p7"
    assert found[0]["share"] > 0.5
    assert claims.variance_shares(rng.normal(size=400), [f"p{i}" for i in range(40)], drawn) == []


def test_a_mirror_asks_the_same_of_the_other_side():
    quantity = At(at="russia/front/killed", day="2023-01-01")
    assert mirrored(quantity, ("russia", "ukraine")).at == "ukraine/front/killed"


def test_a_wrong_claim_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UserError, match="meat-grinder"):
        claims.claims(("meat-grindr",))
    path = tmp_path / "mine.yaml"
    path.write_text("id: x\ntitel: y\n")
    with pytest.raises(UserError, match="titel"):
        claims.claims((str(path),))
