"""Why a number is what it is: the uncertain numbers that drive it, and the way back to equations and sources."""

import numpy as np

from muster import evidence
from muster.drivers import variance_shares
from muster.errors import UserError
from muster.explain import explain
from muster.explorer.answers import course, days_of, rounded, told_as
from muster.explorer.engine import Engine, Fan


def why(engine: Engine, found: Fan, path: str, since: bool, week: int, side: str) -> dict:
    """What is behind one number: a series of a side in a week."""
    experiment = found.experiment
    if side not in experiment.sides:
        raise UserError(f'side: {" or ".join(experiment.sides)} was expected, found "{side}".')
    unit, scale, _ = told_as(path, since)
    week = min(week, experiment.steps - 1)
    values = course(found.readings[experiment.sides.index(side)], path, since, scale)[:, week]
    told = explain(f"{side}/{path}", experiment)
    return {
        "variable": told["variable"],
        "meaning": told["meaning"],
        "label": experiment.scenario.sides[side].label,
        "day": days_of(engine, week + 1)[-1],
        "value": rounded(float(np.median(values))),
        "unit": unit,
        "chapters": [chapter["file"] for chapter in told["chapters"]],
        "functions": told["functions"],
        "inputs": told["inputs"],
        "parameters": told["parameters"],
        "drivers": drivers(engine, found, values),
    }


def drivers(engine: Engine, found: Fan, values: np.ndarray) -> list[dict]:
    """Uncertain numbers by the share of the variance that each carries alone."""
    experiment = found.experiment
    streams, scores = engine.scores(engine.width(experiment) * -(-experiment.draws // engine.width(experiment)))
    free = {entry[0] for entry in evidence.entries(experiment) if entry[5] != "constant" and entry[0] not in experiment.fixed}
    rows = [row for row, stream in enumerate(streams) if stream in free]
    shares = variance_shares(values, [streams[row] for row in rows], scores[rows][:, : experiment.draws])
    meanings = {entry[0]: evidence.parameters()[entry[1]][entry[2]].meaning for entry in evidence.entries(experiment)}
    return [{"name": one["parameter"], "share": one["share"], "meaning": meanings[one["parameter"]]} for one in shares]
