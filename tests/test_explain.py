"""From every number of the results to its equation: muster explain."""

import json

import pytest

from muster import simulate
from muster.cli import status
from muster.errors import UserError
from muster.experiment import build
from muster.explain import explain

NO_PARAMETERS = 0.15  # share of variables that rest on no parameter of their own: counts, clocks, what is sent on


@pytest.fixture(scope="module")
def everything():
    """The explanation of each variable of the results of the reference case."""
    experiment = build("russia-ukraine-2022", draws=1)
    results = simulate.ensemble(experiment)
    paths = [f"{node.path.strip('/')}/{name}" for node in results.tree.subtree for name in node.data_vars]
    assert len(paths) > 200
    return {path: explain(path, experiment) for path in paths if path.count("/") == 2}


def test_every_variable_of_the_results_is_explained(everything):
    for path, found in everything.items():
        assert found["meaning"], path
        assert found["unit"], path
        assert found["chapters"], path
        assert found["functions"] or found["carried"] or found["inputs"], path


def test_most_variables_lead_to_parameters_with_a_grade_and_a_source(everything):
    without = [path for path, found in everything.items() if not found["parameters"]]
    assert len(without) < NO_PARAMETERS * len(everything), without
    for found in everything.values():
        assert all(item["grades"] and item["sources"] for item in found["parameters"])


def test_the_killed_lead_to_the_loss_law_and_its_arrows(everything):
    found = everything["russia/front/killed"]
    assert {"front_law.loss_rate", "front_law.killed_share"} <= {item["place"] for item in found["functions"]}
    inputs = {item["name"]: item for item in found["inputs"]}
    assert "training" in inputs["front.skill"]["from"]
    assert inputs["front.equipment"]["from"] == ["arms"]
    parameters = {item["name"]: item for item in found["parameters"]}
    assert parameters["front.killed_factor"]["value"] == 1.0  # Russia's own
    assert "front.ceasefire_rate" not in parameters


def test_an_unknown_variable_is_told_the_nearest():
    with pytest.raises(UserError, match='Did you mean "russia/front/killed"'):
        explain("russia/front/kiled")


def test_the_command_prints_for_readers_and_machines(capsys):
    assert status(["explain", "--variable", "north/morale/desertions", "toy"]) == 0
    assert "docs/model/morale.md" in capsys.readouterr().out
    assert status(["explain", "toy", "--variable", "north/morale/desertions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "person/week"
    assert status(["explain", "--variable", "north/morale/desertion", "toy"]) == 2
