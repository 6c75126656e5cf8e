"""The words of the report: numbers have the figures they need; captions name days, windows and sides, and nothing twice."""

import itertools
import re

import pytest

from muster import output
from muster.claims import claims
from muster.experiment import build
from muster.quantities import At, Difference, Lag, Mean, Ratio, Regional, every, mirrored
from muster.report import series, words
from muster.report.described import described
from muster.results import Results

ASIDE = re.compile(r"\[|\]|\([^)]*\)| (?:on|since|from|until) [\w ]*\d{4}(?: to [\w ]*\d{4})?|^(?:mean|largest|smallest) |^[A-Z][^:]*: ")


@pytest.fixture(scope="module")
def results():
    """The names of all series of the war that the library's claims are about, without a run."""
    return Results(output.frame_of(build("russia-ukraine-2022", draws=1)))


def phrases(caption: str) -> list[str]:
    """What a caption sets against each other, without days and sides."""
    return [ASIDE.sub("", part).strip(" ,") for part in re.split(r", less |, over ", caption)]


def test_no_caption_names_the_same_twice_or_nothing(results):
    seen = set()
    for claim in claims((), "russia-ukraine-2022"):
        for reading in claim.readings:
            if reading.proposition is None:
                continue
            quantity = reading.proposition.quantity
            moving = max((series.window(leaf)[1] for leaf in series.leaves(quantity)), default=None)
            for caption in {described(quantity, results), described(quantity, results, moving)}:
                seen.add(caption)
                assert "quantity of the reading" not in caption
                assert not re.search(r"mean mean|from of|  | ,|\(\)|\[\]", caption), caption
                if reading.headline:
                    parts = phrases(caption)
                    assert all(one != other for one, other in itertools.pairwise(parts)), caption
    assert len(seen) > 100


def test_a_caption_names_days_windows_and_sides(results):
    abroad = [At(at="russia/people/abroad", day=day) for day in ("2022-12-21", "2022-09-21")]
    name = "people who left since the start and have not returned"
    told = described(Difference(difference=tuple(abroad)), results)
    assert told == f"{name} on 21 December 2022, less the same on 21 September 2022"
    assert described(Difference(difference=tuple(abroad)), results, "2022-12-21") == f"{name}, less the same on 21 September 2022"
    quality = [Mean(mean=f"{side}/front/quality", start="2022-04-01", end="2022-09-21") for side in ("ukraine", "russia")]
    compared = described(Ratio(ratio=tuple(quality)), results)
    assert compared == "mean quality of the force, reference 1 (Ukraine), over the same (Russia), from 1 April 2022 to 21 September 2022"
    assert "Ukraine" not in described(quality[0], results)


def test_a_lag_names_what_is_counted_once(results):
    counts = ("russia/training/first_men_inducted", "russia/training/first_men_arrived")
    told = described(Lag(lag=counts, level=50000), results)
    assert told == "of the first men called by decree: weeks from 50,000 inducted to 50,000 at the front"


def test_quantities_of_regions_and_of_the_ensemble_have_names_of_their_own(results):
    said = {}
    for claim in claims((), "russia-ukraine-2022"):
        for reading in claim.readings:
            if reading.proposition is not None:
                for part in every(reading.proposition.quantity):
                    said.setdefault(type(part).__name__, described(part, results))
    forms = {"Regional", "Regions", "Adjusted", "Explained", "BayesFactor", "Fought", "Fitted"}
    assert forms <= set(said)
    assert len({said[form] for form in forms}) == len(forms)
    support = Regional(regional="russia/support", mean=True, group="non-core", day="2022-09-14")
    assert described(support, results) == "mean share that supports the war in private (non-core regions) on 14 September 2022"
    assert described(mirrored(support, results.sides), results) == described(support, results)


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (1234.6, "1,235"), (-0.2049, "−0.205"), (0.01, "0.01"), (66.64, "66.6"), (float("inf"), "never")],
)
def test_numbers_have_three_figures(value, told):
    assert words.number(value) == told


def test_a_picture_has_two_figures():
    assert [words.rough(value) for value in (348.9, 6.98, -3.04, 0)] == ["350", "7", "−3", "0"]


def test_a_table_has_the_figures_that_tell_quartiles_apart():
    points = dict(zip(words.NAMES, (131.62, 131.91, 132.08, 132.24, 133.1), strict=True))
    assert words.cells(points) == ["131.6", "131.9", "132.1", "132.2", "133.1"]
    assert words.cells(dict.fromkeys(words.NAMES, 131.62)) == ["132"] * 5
    assert words.cells(points | {"p25": float("nan"), "p75": float("nan")}) == ["132", "–", "132", "–", "133"]
