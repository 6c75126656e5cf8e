"""The fit: likelihood terms of known value, the smoother on a linear Gaussian case, vintage, resumption, posteriors in use."""

import datetime

import iterative_ensemble_smoother as library
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from muster import calibration, esmda, evidence
from muster.errors import UserError
from muster.experiment import build
from muster.likelihood import FREEDOM, OWN, ends, likelihood, noisy, published_by, sizes, spread, told_by_others
from muster.observe import Observation, observations, predict, reader
from muster.posterior import Posterior, load, save, shipped
from muster.results import Results
from muster.simulate import draws_of, outcome

DAY = datetime.date(2025, 6, 30)


def row(**given) -> Observation:
    """A figure of 100,000 dead."""
    plain = {
        "id": "X1", "side": "russia", "path": "front/killed", "cohort": None, "region": None, "operator": "over", "start": "2022-02-24",
        "end": "2023-12-31", "low": None, "central": 1e5, "high": None, "unit": "person", "relation": "about",
        "source_class": "expert_estimate", "camp": "independent", "bias_group": "g", "root": "A", "published": "2024-01-31",
        "read": "2024-01-31", "locator": "", "grade": "B", "use": "fit", "reason": "",
    }  # fmt: skip
    return Observation(**{**plain, **given})


def test_a_figure_is_told_on_the_log_scale_with_the_bias_of_its_class():
    known = likelihood((row(), row(id="X2", source_class="verified_count", root="B")))
    told = known.told(np.array([[1e5], [1e5]]))
    assert told[:, 0] == pytest.approx([np.log(1e5), np.log(1e5) + np.log(0.6)])
    assert known.innovation(told)[:, 0] == pytest.approx([0, -np.log(0.6)])


def test_bounds_and_ranges_say_nothing_inside_themselves():
    rows = (
        row(source_class="measured", relation="at_least"),
        row(source_class="measured", relation="at_most", root="B"),
        row(low=8e4, high=1.2e5, root="C"),
    )
    known = likelihood(rows)
    innovation = known.innovation(np.log(np.array([[5e4, 9e4, 2e5]] * 3)))
    assert innovation[0] == pytest.approx([np.log(2), np.log(10 / 9), 0])
    assert innovation[1] == pytest.approx([0, 0, -np.log(2)])
    assert innovation[2] == pytest.approx([np.log(1.6), 0, np.log(0.6)])
    shaken = known.innovation(np.log(np.array([[5e4, 9e4, 2e5]] * 3)), np.full((3, 3), 0.5))
    assert shaken - innovation == pytest.approx(np.array([[0.5, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0.5]]))  # the error moves nobody inside


def test_a_bound_that_few_draws_break_says_next_to_nothing():
    known = likelihood((row(source_class="measured", relation="at_least"),))
    told = np.log(np.concatenate([np.full(99, 2e5), [9e4]]))[None]
    assert known.covariance(known.weights(told))[0, 0] == pytest.approx(100 * known.covariance()[0, 0], rel=0.01)
    assert known.weights(np.full((1, 100), np.log(9e4))) == pytest.approx(1, abs=0.15)


def test_a_count_of_what_was_found_is_no_bound_but_judged_by_its_class():
    assert ends(row(source_class="verified_count", relation="at_least")) == (1e5, 1e5)
    assert ends(row(source_class="measured", relation="at_least")) == (1e5, np.inf)


def test_figures_of_one_root_have_one_vote_on_a_level():
    def gained(rows: tuple) -> float:
        """How much rows say of one shift of the level: 1' C^-1 1 without discrepancy."""
        known = likelihood(rows)
        scale = spread(rows[0])[1]
        gap = known.shared - scale**2 * 0.8  # discrepancy of rows of the same day and source
        covariance = known.covariance() - gap
        return float(np.sum(np.linalg.inv(covariance))) * scale**2

    once = gained((row(),))
    many = gained(tuple(row(id=f"X{i}", published=f"2024-02-{i + 1:02d}", end="2023-12-31") for i in range(20)))
    assert once == pytest.approx(1)
    assert many == pytest.approx(1 / (0.8 + OWN / 20))
    assert many < 1.25


def test_an_outlier_weighs_less_and_a_figure_in_place_weighs_one():
    known = likelihood((row(), row(id="X2", root="B", central=1e7)))
    told = np.full((2, 50), np.log(1e5))
    weight = known.weights(told)
    distance = np.log(100) ** 2 / known.covariance()[1, 1]
    assert weight == pytest.approx([1, (FREEDOM + 1) / (FREEDOM + distance)])


def test_one_roots_figure_of_one_thing_is_the_latest_that_was_published():
    rows = (row(), row(id="X2", central=2e5, published="2024-05-01"), row(id="X3", use="show"), row(id="X4", end="2025-01-01"))
    assert [found.id for found in published_by(rows, datetime.date(2024, 4, 1))] == ["X1"]
    assert [found.id for found in published_by(rows, datetime.date(2024, 6, 30))] == ["X2"]


def linear_case():
    """A linear Gaussian case: scores, what they tell, figures, errors, and the exact posterior mean and covariance."""
    generator = np.random.default_rng(4)
    matrix = generator.standard_normal((6, 4))
    errors = np.diag(generator.uniform(0.5, 2, 6))
    figures = generator.standard_normal(6) * 2
    precision = np.eye(4) + matrix.T @ np.linalg.inv(errors) @ matrix
    covariance = np.linalg.inv(precision)
    return (
        generator.standard_normal((4, 6000)),
        matrix,
        figures,
        errors,
        covariance @ matrix.T @ np.linalg.inv(errors) @ figures,
        covariance,
    )


def smoothed(steps: int, noise: float = 0.0):
    """The members after some steps of the smoother on the linear case, with chance of a variance in what they tell."""
    scores, matrix, figures, errors, mean, covariance = linear_case()
    for step in range(steps):
        generator = np.random.default_rng([1, step])
        told = matrix @ scores + np.sqrt(noise) * generator.standard_normal((6, scores.shape[1]))
        inflated = esmda.inflated(errors, noise * np.eye(6), steps)
        error = np.linalg.cholesky(inflated) @ generator.standard_normal(told.shape)
        scores = esmda.update(scores, told, figures[:, None] + error - told, inflated, threshold=0)
    return scores, mean, covariance


@pytest.mark.parametrize("steps", [1, 4])
def test_the_smoother_finds_the_known_posterior(steps):
    scores, mean, covariance = smoothed(steps)
    assert scores.mean(axis=1) == pytest.approx(mean, abs=0.06)
    assert np.cov(scores) == pytest.approx(covariance, abs=0.04)


def test_chance_is_counted_once_however_many_steps_there_are():
    _, matrix, figures, errors, _, _ = linear_case()
    whole = errors + 1.5 * np.eye(6)
    covariance = np.linalg.inv(np.eye(4) + matrix.T @ np.linalg.inv(whole) @ matrix)
    scores, _, _ = smoothed(4, noise=1.5)
    assert scores.mean(axis=1) == pytest.approx(covariance @ matrix.T @ np.linalg.inv(whole) @ figures, abs=0.08)
    assert np.diag(np.cov(scores)) == pytest.approx(np.diag(covariance), rel=0.12)


def test_the_smoother_agrees_with_a_library():
    scores, matrix, figures, errors, _, _ = linear_case()
    smoother = library.ESMDA(covariance=np.diag(errors), observations=figures, alpha=4, seed=3)
    theirs = scores
    for _ in range(4):
        smoother.prepare_assimilation(Y=matrix @ theirs)
        theirs = smoother.assimilate_batch(X=theirs)
    ours, _, _ = smoothed(4)
    assert ours.mean(axis=1) == pytest.approx(theirs.mean(axis=1), abs=0.06)
    assert np.cov(ours) == pytest.approx(np.cov(theirs), abs=0.04)


def test_chance_correlations_do_not_move_what_nothing_bears_on():
    scores, matrix, figures, errors, _, _ = linear_case()
    few = np.concatenate([scores, np.random.default_rng(9).standard_normal((50, 6000))])[:, :100]
    told = matrix @ few[:4]
    error = np.random.default_rng(2).standard_normal(told.shape)
    innovation = figures[:, None] + np.linalg.cholesky(errors) @ error - told
    lost = {t: 1 - np.mean(esmda.update(few, told, innovation, errors, t)[4:].var(axis=1) / few[4:].var(axis=1)) for t in (0, 2.5)}
    assert lost[2.5] < lost[0] / 2


@pytest.fixture(scope="module")
def problem():
    return calibration.problem_of("russia-ukraine-2022", datetime.date(2022, 12, 31))


def test_the_quick_reader_reads_what_predict_reads(problem):
    experiment, rows = problem.experiment, problem.likelihood.rows
    _, sides, _ = outcome(experiment, draws_of(experiment, np.arange(208)))
    results = Results.from_record(experiment, dict(zip(experiment.sides, sides, strict=True)), 0.0)
    quick = reader(experiment, rows)(sides)
    for number in range(0, len(rows), 5):
        expected = predict(results, rows[number])
        assert quick[number] == pytest.approx(expected, rel=1e-6, abs=1e-6 * np.max(np.abs(expected)))


def test_members_of_the_prior_are_its_draws(problem):
    scores = evidence.normals(problem.experiment, np.arange(5), list(problem.streams))
    ours, theirs = calibration.params_of(problem, scores), evidence.draw(problem.experiment, np.arange(5))
    assert np.array_equal(ours[0].front.loss_rate, theirs[0].front.loss_rate)
    assert np.array_equal(ours[1].society.fire_leaving, theirs[1].society.fire_leaving)


def changed_later(rows, day: str):
    """The same rows with every value that was published after a day doubled."""
    return tuple(row.model_copy(update={"central": 2 * row.central}) if row.published > day else row for row in rows)


def test_vintage(problem):
    day = datetime.date(2022, 12, 31)
    other = calibration.problem_of("russia-ukraine-2022", day, rows=changed_later(observations(), day.isoformat()))
    first, second = (calibration.calibrate(which, members=60, steps=1) for which in (problem, other))
    assert np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.told, second.told)
    assert all(row.published <= "2022-12-31" and row.end <= "2022-12-31" for row in problem.likelihood.rows)


def test_another_seed_has_other_members_and_other_luck(problem):
    first, second = (calibration.calibrate(problem, members=60, steps=1, seed=seed) for seed in (1, 2))
    assert not np.array_equal(first.prior_scores, second.prior_scores)
    assert not np.array_equal(first.prior_told, second.prior_told)


def test_a_fit_that_was_stopped_goes_on_to_the_same_bits(problem, tmp_path):
    state = tmp_path / "fit.state"
    whole = calibration.calibrate(problem, members=60, steps=2)

    def stop(_label: str, done: int, _whole: int) -> None:
        if done > 120:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibration.calibrate(problem, members=60, steps=2, progress=stop, state=state)
    assert state.is_file()
    resumed = calibration.calibrate(problem, members=60, steps=2, state=state)
    assert np.array_equal(whole.scores, resumed.scores)
    assert whole.residuals == resumed.residuals
    figures = problem.likelihood.with_figures(problem.likelihood.centre + 1)
    keys = [
        calibration.key_of(problem, 60, 2, 1, 2.5),
        calibration.key_of(problem, 60, 2, 1, 0.0),
        calibration.key_of(calibration.with_likelihood(problem, figures), 60, 2, 1, 2.5),
    ]
    assert len(set(keys)) == 3  # nothing of another threshold or of other figures is taken up
    again = calibration.calibrate(problem, members=60, steps=2)
    assert again.posterior().sha256() == whole.posterior().sha256()
    state.write_bytes(b"half a file")
    assert calibration.taken_up(state, "key") is None


def test_a_fit_is_the_same_bits_however_many_threads_numpy_has(problem):
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            fits.append(calibration.calibrate(problem, members=104, steps=2))
    assert np.array_equal(fits[0].scores, fits[1].scores)


def test_what_cannot_be_fitted_is_told():
    with pytest.raises(UserError, match="no published figures"):
        calibration.problem_of("toy")
    with pytest.raises(UserError, match="half a year"):
        calibration.problem_of("russia-ukraine-2022", datetime.date(2022, 3, 1))


def tiny(about: dict) -> Posterior:
    """A posterior of one number with three members."""
    return Posterior(("war/front.loss_rate",), np.array([[-1.0, 0.5, 2.0]]), about)


def test_a_posterior_serves_its_draws_and_the_prior_the_rest(tmp_path):
    about = {"scenario": "toy", "until": "2025-01-01", "figures": 3}
    save(tiny(about), tmp_path / "p.nc")
    found = load(tmp_path / "p.nc")
    assert found.about == about
    plain, fitted = build("toy", draws=8), build("toy", draws=8, posterior=found)
    streams = ["war/front.loss_rate", "war/front.speed"]
    before, after = (evidence.normals(e, np.arange(8), streams) for e in (plain, fitted))
    assert set(after[0]) == {-1.0, 0.5, 2.0}
    assert np.array_equal(after[0, :3], after[0, 3:6])
    assert np.array_equal(before[1], after[1])
    assert sorted(found.row(np.arange(3), 5)) == [0, 1, 2]


def test_another_scenario_falls_back_to_the_prior():
    assert shipped("toy", "") == (None, "")  # never fitted: nothing to be told
    found, why = shipped("russia-ukraine-2022", "another text")
    assert found is None
    assert "prior" in why


def tables(count: int = 12):
    """A table of one source class: some roots with figures of twelve months each, and 400 draws that tell the truth of it."""
    rows = tuple(row(id=f"X{i:03d}", root=f"R{i // 12}", end=f"2023-{i % 12 + 1:02d}-28") for i in range(count))
    return likelihood(rows), np.full((count, 400), np.log(1e5))


def test_bands_by_the_other_figures_hold_as_much_as_they_say():
    known, truth = tables(36)
    inside = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        figures = known.with_figures(noisy(known, truth[:, :1], generator)[:, 0])
        low, high = np.quantile(told_by_others(figures, truth, generator), [0.05, 0.95], axis=1)
        inside.append(np.mean((figures.centre >= low) & (figures.centre <= high)))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("size", [0.5, 2.5])
def test_the_size_of_single_errors_is_found_from_their_scatter(size):
    known, truth = tables(240)
    generator = np.random.default_rng(3)
    figures = known.with_figures(noisy(known.sized({"expert_estimate": size}), truth[:, :1], generator)[:, 0])
    assert sizes(figures, truth)["expert_estimate"] == pytest.approx(size, rel=0.15)


def test_a_few_figures_hardly_move_the_guessed_size():
    known, truth = tables(2)
    assert sizes(known, truth)["expert_estimate"] == pytest.approx(1, abs=0.2)
