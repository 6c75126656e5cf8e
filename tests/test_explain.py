"""From every number of the results to its equation: muster explain."""

import json
import re
from pathlib import Path

import h5py
import pytest

from muster import simulate
from muster.cli import status
from muster.cli.explain import text
from muster.errors import UserError
from muster.experiment import build
from muster.explain import explain

DOCS = Path(__file__).parents[1]
NO_PARAMETERS = 0.15  # share of variables that rest on no parameter of their own: counts, clocks, what is sent on


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The explanation of each variable of a results.nc with regions."""
    experiment, folder = build("toy", draws=1, resolution="regional"), tmp_path_factory.mktemp("run")
    simulate.ensemble(experiment).save(folder)
    with h5py.File(folder / "results.nc") as file:
        paths = []
        file.visititems(lambda path, item: paths.append(path) if isinstance(item, h5py.Dataset) and path.count("/") == 2 else None)
    paths = [path for path in paths if path.rsplit("/", 1)[1] not in ("quarter", "region")]
    assert len(paths) > 300
    assert any("/by_region/" in path for path in paths)
    return {path: explain(path, experiment) for path in paths}


def test_every_variable_of_the_results_is_explained(everything):
    for path, found in everything.items():
        assert found["meaning"], path
        assert found["unit"], path
        assert found["functions"] or found["carried"] or found["inputs"], path
        printed = text(found)
        assert found["meaning"] in printed
        assert f"[{found['unit']}]" in printed
        for item in found["parameters"]:
            assert item["name"] in printed
            assert "; ".join(item["sources"]) in printed


def test_every_variable_leads_to_a_numbered_equation_of_a_chapter(everything):
    for path, found in everything.items():
        numbers = [(chapter["file"], number) for chapter in found["chapters"] for number in chapter["equations"]]
        assert numbers, path
        for file, number in numbers:
            assert re.search(rf"^{number}\. ", (DOCS / file).read_text(), re.MULTILINE), (path, file, number)


def test_inputs_and_parameters_are_told_with_unit_and_meaning(everything):
    for path, found in everything.items():
        for item in (*found["inputs"], *found["parameters"]):
            assert item["unit"] or item.get("expression"), (path, item["name"])
        for item in found["parameters"]:
            assert item["meaning"], (path, item["name"])
            assert item["range"][0] <= item["value"] <= item["range"][1], (path, item["name"])


def test_most_variables_lead_to_parameters_with_a_grade_and_a_source(everything):
    without = [path for path, found in everything.items() if not found["parameters"]]
    assert len(without) < NO_PARAMETERS * len(everything), without
    for found in everything.values():
        assert all(item["grades"] and item["sources"] for item in found["parameters"])


def test_the_killed_lead_to_the_loss_law_and_its_arrows():
    found = explain("russia/front/killed")
    assert {"front_law.loss_rate", "front_law.killed_share"} <= {item["place"] for item in found["functions"]}
    inputs = {item["name"]: item for item in found["inputs"]}
    assert "training" in inputs["front.skill"]["from"]
    assert inputs["front.equipment"]["from"] == ["arms"]
    parameters = {item["name"]: item for item in found["parameters"]}
    assert parameters["front.killed_factor"]["value"] == 1.0  # Russia's own
    assert "front.ceasefire_rate" not in parameters


def test_a_parameter_that_the_user_fixed_is_told_as_it_was_fixed():
    experiment = build("russia-ukraine-2022", draws=1, sets=("front.loss_rate=0.5",))
    parameters = {item["name"]: item for item in explain("russia/front/killed", experiment)["parameters"]}
    fixed, free = parameters["front.loss_rate"], parameters["front.killed_factor"]
    assert (fixed["value"], fixed["range"], fixed["grades"]) == (0.5, [0.5, 0.5], ["assumed"])
    assert fixed["sources"] == ["A value set by the user for this run"]
    assert free["sources"] != fixed["sources"]


def test_an_unknown_variable_is_told_the_nearest():
    with pytest.raises(UserError, match='Did you mean "russia/front/killed"'):
        explain("russia/front/kiled")


def test_the_command_prints_for_readers_and_machines(capsys):
    assert status(["explain", "--variable", "north/morale/desertions", "toy"]) == 0
    assert "docs/model/morale.md" in capsys.readouterr().out
    assert status(["explain", "toy", "--variable", "north/morale/desertions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "person/week"
    assert status(["explain", "--variable", "north/morale/desertion", "toy"]) == 2
    assert status(["explain", "--variable", "north/morale/desertions", "toy", "--draws", "200"]) == 2  # as many as there are without it
