"""Results: what is asked of them has known answers, and their files hold what was asked for."""

import datetime
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

import h5netcdf
import h5py
import numpy as np
import pytest
from jaxtyping import Array, Float

from muster import layout, output, pieces, results, writer
from muster.errors import UserError
from muster.experiment import build
from muster.model.levers import COHORTS
from muster.model.quantity import Record, quantity
from muster.simulate import simulate

START = datetime.date(2000, 1, 6)  # of the scenario toy
DRAWS = 5


class Fight(Record):
    """A national node: a flow, a stock, and a series that is no headline."""

    killed: Float[Array, "..."] = quantity("person/week", "killed", headline=True)
    troops: Float[Array, "..."] = quantity("person", "men", headline=True)
    goal: Float[Array, "..."] = quantity("person", "men wanted")


class Groups(Record):
    """A node by cohort."""

    killed: Float[Array, "..."] = quantity("person/week", "killed", headline=True)
    strength: Float[Array, "..."] = quantity("person", "men on the rolls")


@cache
def toy():
    """The experiment whose dates and texts the synthetic results carry."""
    return build("toy", draws=DRAWS)


def record(draws=DRAWS, first=0):
    """Killed: 7 a week in every draw; troops: the week's number times the draw's; noise for the rest."""
    steps = toy().steps
    numbers = np.arange(first, first + draws, dtype=float)[:, None]
    weeks = np.arange(1, steps + 1, dtype=float)
    noise = np.stack([np.random.default_rng(draw).normal(size=(steps, len(COHORTS))) for draw in range(first, first + draws)])
    fight = Fight(killed=np.full((draws, steps), 7.0), troops=numbers * weeks, goal=noise[:, :, 0])
    groups = Groups(killed=np.broadcast_to(np.arange(5.0), (draws, steps, 5)), strength=noise)
    return {side: {"front": fight, "cohorts": groups} for side in toy().sides}


def block(draws=DRAWS, first=0):
    """The same as a block."""
    return output.block_of_tree(output.tree_of(toy(), record(draws, first)))


@pytest.fixture
def made():
    """Synthetic results in memory."""
    return results.Results.from_record(toy(), record(), wall_time=1.5)


def week(number):
    """The day a number of weeks after the start."""
    return START + datetime.timedelta(days=round(7 * number))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_flow_over_any_window_is_read_from_its_cumulated_curve(made):
    assert made.total("north/front/killed", START, week(2)) == pytest.approx(14)
    assert made.total("north/front/killed", "2000-01-07", "2000-01-10") == pytest.approx(3)
    assert made.total("north/cohorts/killed", week(1), week(3), cohort="decree") == pytest.approx(2 * COHORTS.index("decree"))


def test_windows_side_by_side_add_up(made):
    parts = sum(made.total("south/front/killed", day, next_day) for day, next_day in pairwise(DAYS))
    np.testing.assert_allclose(parts, made.total("south/front/killed", DAYS[0], DAYS[-1]), rtol=1e-12)


DAYS = [week(0), week(3) + datetime.timedelta(days=2), week(11), week(40) + datetime.timedelta(days=5)]


def test_stock_on_a_day_lies_on_the_line_between_ends_of_weeks(made):
    np.testing.assert_allclose(made.at("north/front/troops", week(10)), 10 * np.arange(DRAWS))
    between = made.at("north/front/troops", week(10) + datetime.timedelta(days=3))
    np.testing.assert_allclose(between, (10 + 3 / 7) * np.arange(DRAWS), rtol=1e-6)


def test_mean_over_weeks_and_over_no_time(made):
    np.testing.assert_allclose(made.mean("north/front/troops", week(4), week(6)), 5.5 * np.arange(DRAWS), rtol=1e-6)
    np.testing.assert_allclose(made.mean("north/front/troops", week(4), week(4)), 4 * np.arange(DRAWS), rtol=1e-6)


def test_cohort_is_named_in_the_path_or_beside_it(made):
    by_path, beside = made.series("north/cohorts/killed/decree"), made.series("north/cohorts/killed", cohort="decree")
    assert by_path.identical(beside)
    assert by_path.dims == ("draw", "time")


@pytest.mark.parametrize(
    ("path", "cohort", "word"),
    [
        ("north/front/kiled", None, "north/front/killed"),
        ("nord/front/killed", None, "north/front/killed"),
        ("north", None, "no series"),
        ("north/front", None, "no series"),
        ("north/cohorts/killed", None, "name one of"),
        ("north/cohorts/killed", "decre", '"decree"'),
        ("north/front/killed", "decree", "no cohorts"),
    ],
)
def test_wrong_path_is_told_the_nearest_right_one(made, path, cohort, word):
    with pytest.raises(UserError, match=word):
        made.series(path, cohort)


@pytest.mark.parametrize(
    ("day", "word"),
    [("1999-12-31", "outside"), ("2002-03-01", "2000-01-06 to 2002-01-03"), ("next week", "a date like"), ("2000-02-30", "date")],
)
def test_day_outside_the_run_or_no_day_is_refused(made, day, word):
    with pytest.raises(UserError, match=word):
        made.at("north/front/troops", day)


def test_time_is_the_end_of_each_step():
    halves = build("toy", draws=1, dt=0.5)
    shape = (1, halves.steps)
    fight = Fight(killed=np.ones(shape), troops=np.ones(shape), goal=np.ones(shape))
    times = results.Results.from_record(halves, {"north": {"front": fight}}, 0.0).series("north/front/killed")["time"].values
    assert times[0] == np.datetime64("2000-01-09T12:00")
    assert times[1] == np.datetime64("2000-01-13")


def test_files_give_back_what_was_saved(made, tmp_path):
    paths = made.save(tmp_path / "out")
    assert [path.name for path in paths] == ["results.nc", "manifest.json"]
    again = results.load(tmp_path / "out")
    for path in ("north/front/killed", "south/front/troops"):
        assert again.series(path).identical(made.series(path))
        assert again.series(path).attrs["units"] == made.series(path).attrs["units"]
    assert again.series("north/cohorts/killed/decree").equals(made.series("north/cohorts/killed/decree"))
    goal = output.series_of(again.tree, "north/front/goal_quantiles")
    assert goal.dims == ("quantile", "time")
    drawn = made.series("north/front/goal").values.astype(float)
    np.testing.assert_allclose(goal.values, np.quantile(drawn, layout.QUANTILES, axis=0), rtol=1e-6)
    np.testing.assert_allclose(output.series_of(again.tree, "north/front/goal_mean").values, drawn.mean(axis=0), rtol=1e-5, atol=1e-7)
    assert again.sides == made.sides
    assert again.bibliography() == made.bibliography() != []
    with pytest.raises(UserError, match="--keep goal"):
        again.series("north/front/goal")


def test_infinity_is_a_value_among_the_quantiles():
    values = np.array([[1.0, 2.0, 3.0, np.inf, np.inf]])
    np.testing.assert_array_equal(writer.quantiles(values)[:, 0], [1.2, 2.0, 3.0, np.inf, np.inf])
    np.testing.assert_array_equal(writer.quantiles(values[:, :1])[:, 0], np.ones(5))


@pytest.mark.parametrize("lasting", [False, True])
def test_same_run_gives_the_same_bytes_in_one_piece_or_in_blocks(made, tmp_path, lasting):
    made.save(tmp_path / "whole")
    made.save(tmp_path / "again")
    with writer.Writer(tmp_path / "blocks", made.tree) as blocks_of:
        for first, count in ((0, 2), (2, 3)):
            blocks_of.append(block(count, first), lasting=lasting)
        blocks_of.finish(made.manifest())
    assert digest(tmp_path / "whole" / "results.nc") == digest(tmp_path / "again" / "results.nc")
    whole, blocks = results.load(tmp_path / "whole").tree.load(), results.load(tmp_path / "blocks").tree.load()
    assert whole.identical(blocks)


def piece_of(shuffled):
    """The numbers whose first bytes, then second bytes and so on, are these."""
    return np.frombuffer(np.frombuffer(shuffled, np.uint8).reshape(4, -1).T.tobytes(), "<f4")


def test_a_piece_is_the_same_bytes_wherever_it_is_compressed():
    """Each thread has its own stack, where the compressor works: compressed at once, some pieces come out differently."""
    made = [piece_of(bytes([0] + [then] * 403)) for then in range(1, 256)]
    together = threading.Barrier(32)

    def work(_):
        together.wait()
        return [pieces.deflated(piece) for piece in made]

    with ThreadPoolExecutor(32) as pool:
        first, *others = pool.map(work, range(32))
    assert all(other == first for other in others)


@pytest.mark.parametrize("cuts", [(), (3,), (104,), (50, 104, 105, 300), (310,)])
def test_pieces_are_read_as_they_were_written_however_blocks_come(tmp_path, cuts):
    values = np.random.default_rng(1).normal(size=(310, 7, 3)).astype(np.float32)
    with h5py.File(tmp_path / "file.nc", "w", track_order=True) as store, h5netcdf.File(store, "w") as file:
        file.dimensions = {"draw": 310, "time": 7, "cohort": 3}
        layout.variable(file, "side/men", ("draw", "time", "cohort"), values.shape, {"units": "person"})
        made = writer.dataset(store, "side/men")
        pieces.fill(made, pieces.compressed(made.chunks or (), np.split(values, cuts)))
    with h5netcdf.File(tmp_path / "file.nc") as file:
        np.testing.assert_array_equal(file["side/men"][...], values)
        assert file["side/men"].chunks == (layout.BLOCK, 7, 1)


def test_a_file_of_a_kind_begins_as_a_copy_of_the_first_and_has_its_own_attributes(made, tmp_path):
    layout.bare.cache_clear()
    other = made.tree.copy()
    other.attrs = made.tree.attrs | {"seed": 7, "labels": ["Noord", "Zuid"], "scenario": "an other"}
    for folder, tree in (("first", made.tree), ("second", other), ("third", made.tree)):
        with writer.Writer(tmp_path / folder, tree, expected=3) as written:
            written.append(block(3))
            written.finish({"made_by": "muster"})
    assert (layout.bare.cache_info().misses, layout.bare.cache_info().hits) == (1, 2)
    first, second = (results.load(tmp_path / folder).tree for folder in ("first", "second"))
    assert second.attrs == first.attrs | {"seed": 7, "labels": ["Noord", "Zuid"], "scenario": "an other"}
    assert first.equals(second)
    assert (tmp_path / "first" / "results.nc").read_bytes() == (tmp_path / "third" / "results.nc").read_bytes()


def test_files_of_other_draws_times_or_series_are_laid_out_anew(made, tmp_path):
    weeks = made.tree.sizes["time"]
    series = layout.Series("north/front/goal", ("time",), (weeks,), (("units", "km2"),), True)
    kinds = [
        layout.kind_of(made.tree, [series], 3),
        layout.kind_of(made.tree, [series], 4),
        layout.kind_of(made.tree, [replace(series, whole=False)], 3),
        layout.kind_of(made.tree.isel(time=slice(1, None)), [replace(series, shape=(weeks - 1,))], 3),
    ]
    assert len(set(kinds)) == len(kinds)
    sizes = []
    for number, kind in enumerate(kinds):
        with layout.laid_out(tmp_path / f"{number}.nc", kind, {}) as file:
            sizes.append({path: writer.dataset(file, path).shape for one in kind.series for path in one.variables(kind.draws)})
    assert sizes[:2] == [{"north/front/goal": (3, weeks)}, {"north/front/goal": (4, weeks)}]
    assert sizes[2] == {"north/front/goal_quantiles": (5, weeks), "north/front/goal_mean": (weeks,)}
    assert sizes[3] == {"north/front/goal": (3, weeks - 1)}


def test_works_are_told_in_their_order_and_few_wait():
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    with ThreadPoolExecutor(2) as pool:
        told = pieces.in_turn(pool, (partial(work, number) for number in range(20)), ahead=2)
        assert next(told) == 0
        assert len(begun) <= 3
        assert list(told) == list(range(1, 20))


def test_a_run_that_is_cut_short_keeps_the_draws_that_are_done(tmp_path):
    with writer.Writer(tmp_path / "short", output.tree_of(toy(), record(1)), expected=500) as short:
        short.append(block(3))
        short.finish({"made_by": "muster"})
    assert results.load(tmp_path / "short").draws == 3


def test_a_folder_that_was_made_for_a_run_without_draws_goes_again(made, tmp_path):
    for folder in (tmp_path / "new", tmp_path):
        with writer.Writer(folder, made.tree, expected=3) as early:
            early.lay_out_early()
            assert list(folder.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_manifest_tells_how_to_run_again(made, tmp_path):
    made.save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["made_by"] == "muster"
    assert hashlib.sha256(manifest["scenario_text"].encode()).hexdigest() == manifest["scenario_sha256"]
    assert len(manifest["library_sha256"]) == 64
    assert manifest["posterior"] == "none (prior)"
    assert manifest["structures"][0]["contagion"] == "linear"
    assert (manifest["seed"], manifest["draws"], manifest["wall_time_seconds"]) == (1, DRAWS, 1.5)
    assert set(manifest["machine"]) == {"processor", "cores", "system", "python"}
    assert manifest["libraries"]["jax"]
    assert manifest["files"] == ["results.nc"]


def test_folder_of_others_is_refused_unless_forced(made, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        made.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    made.save(tmp_path, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "results.nc", "manifest.json"}


def test_earlier_run_is_replaced_with_all_its_files(made, tmp_path):
    made.save(tmp_path, texts={"claims.json": "[]"})
    assert json.loads((tmp_path / "manifest.json").read_text())["files"] == ["results.nc", "claims.json"]
    made.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.nc", "manifest.json"}


def test_run_that_breaks_leaves_the_earlier_one_and_nothing_half_written(made, tmp_path):
    made.save(tmp_path)
    before = {path.name: digest(path) for path in tmp_path.iterdir()}
    unfinished = {**made.manifest(), "seed": object()}
    with writer.Writer(tmp_path, made.tree) as broken:
        broken.append(block())
        with pytest.raises(TypeError):
            broken.finish(unfinished)
    assert {path.name: digest(path) for path in tmp_path.iterdir()} == before


def test_block_that_was_cut_short_is_left_out(made, tmp_path):
    """Ctrl-C may come while a block of draws is on its way to the disk."""

    class CutShort(dict):
        def __getitem__(self, path):
            if path == "south/front/killed":
                raise KeyboardInterrupt
            return super().__getitem__(path)

    with writer.Writer(tmp_path, made.tree) as stopped:
        stopped.append(block())
        with pytest.raises(KeyboardInterrupt):
            stopped.append(CutShort(block()))
        stopped.finish(made.manifest())
    assert results.load(tmp_path).series("north/front/killed").identical(made.series("north/front/killed"))


def test_quantiles_and_means_are_the_same_however_many_steps_are_ranked_at_a_time(made, monkeypatch, tmp_path):
    made.save(tmp_path / "whole")
    monkeypatch.setattr(writer, "RANKED", 7 * DRAWS * len(COHORTS))
    made.save(tmp_path / "parts")
    assert digest(tmp_path / "whole" / "results.nc") == digest(tmp_path / "parts" / "results.nc")


def test_place_that_cannot_be_written_is_told(made, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="a folder was expected"):
        made.save(tmp_path / "file")
    with pytest.raises(UserError, match="cannot be written"):
        made.save(tmp_path / "file" / "below")
    (tmp_path / "out" / "results.nc").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be written"):
        made.save(tmp_path / "out", force=True)


def test_a_folder_that_another_run_writes_to_is_refused(made, tmp_path):
    with writer.Writer(tmp_path, made.tree) as first:
        first.append(block())
        with pytest.raises(UserError, match="another run writes there now"):
            made.save(tmp_path, force=True)
        first.finish(made.manifest())
    assert results.load(tmp_path).series("north/front/killed").identical(made.series("north/front/killed"))


def test_keep_chooses_the_series_with_every_draw(made):
    headlines = {f"{side}/{name}" for side in made.sides for name in ("front/killed", "front/troops", "cohorts/killed")}
    assert output.kept_whole(made.tree, "headline") == headlines
    assert output.kept_whole(made.tree, "all") == output.kept_whole(made.tree, "headline,all") == set(made.paths())
    assert output.kept_whole(made.tree, "goal") - headlines == {"north/front/goal", "south/front/goal"}
    assert output.kept_whole(made.tree, "south/front/goal, cohorts/strength") - headlines == {
        "south/front/goal",
        "north/cohorts/strength",
        "south/cohorts/strength",
    }
    with pytest.raises(UserError, match='"strength"'):
        output.kept_whole(made.tree, "strenght")


def test_loading_what_is_no_run_is_told(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        results.load(tmp_path)
    (tmp_path / "results.nc").write_text("no netCDF")
    with pytest.raises(UserError, match="cannot be read"):
        results.load(tmp_path)


@pytest.mark.slow
def test_200_draws_of_190_noisy_series_stay_under_100_megabytes(tmp_path):
    """Noise is what compresses worst; a real run is smaller."""
    experiment = build("russia-ukraine-2022", draws=200)
    rng = np.random.default_rng(0)
    shape = (200, experiment.steps)
    record = {
        side: {f"node{node}": Fight(killed=rng.random(shape), troops=rng.random(shape), goal=rng.random(shape)) for node in range(48)}
        for side in experiment.sides
    }
    paths = results.Results.from_record(experiment, record, 0.0).save(tmp_path)
    assert paths[0].stat().st_size < 100e6


def test_readings_by_region_lie_on_the_line_between_two_quarters():
    result = simulate("toy", draws=2, resolution="regional")
    first, middle, last = (result.by_region("north/dead", day).values for day in ("2000-07-06", "2000-07-20", "2000-10-05"))
    np.testing.assert_allclose(middle, first + (last - first) * 14 / 91, rtol=1e-6)
    after = result.by_region("north/dead", "2010-01-01").values
    np.testing.assert_array_equal(after, result.by_region("north/dead", "2001-12-27").values)
    flags = result.by_region("north/left", "2000-10-04").values
    np.testing.assert_array_equal(flags, result.by_region("north/left", "2000-07-06").values)
