"""A view against what was decided: differences draw by draw on the same parameters and the same luck."""

import datetime

import numpy as np

from muster import charts
from muster.compare import QUANTITIES, first_difference, quantity_at, summary
from muster.explorer.answers import course, horizon, labels_of, rounded, rows_of, told_as
from muster.explorer.engine import Engine, Fan
from muster.model.quantity import meanings
from muster.model.world import READINGS

AFTER = 52  # weeks after the first difference at which the quantities are told


def differences(engine: Engine, found: Fan, reference: Fan, path: str, since: bool, whole: bool) -> dict:
    """The chart of the difference of one series, and a table of all compared quantities."""
    begins = first_difference(reference.experiment, found.experiment)
    if begins is None:
        return {"spec": None}
    unit, scale, _ = told_as(path, since)
    weeks, labels = horizon(engine, whole), labels_of(engine)
    pairs = zip(found.readings, reference.readings, strict=True)
    first, second = (course(own, path, since, scale) - course(was, path, since, scale) for own, was in pairs)
    rows = rows_of(engine, (first, second), weeks)
    last = engine.base.scenario.last_observation
    spec = charts.fan(
        rows, labels, f"difference, {unit or 'index'}", points=[], last=last.isoformat(), threshold={"value": 0, "word": ""}, live=True
    )
    end = engine.base.start + datetime.timedelta(weeks=engine.base.steps)
    day = min(begins + datetime.timedelta(weeks=AFTER), end)
    node, _, name = path.partition("/")
    at = {row["side"]: row for row in rows if row["day"] <= last.isoformat()}  # the last of each side
    told = ", ".join(f"{side} {row['p50']} ({row['p5']} to {row['p95']})" for side, row in at.items())
    return {
        "spec": spec,
        "told": f"Difference of {meanings(READINGS[node])[name]} at the last observation: {told} {unit}",
        "meaning": meanings(READINGS[node])[name],
        "day": day.isoformat(),
        "rows": table(found, reference, begins, day),
    }


def table(found: Fan, reference: Fan, begins: datetime.date, day: datetime.date) -> list[dict]:
    """Both medians and the difference of each compared quantity of both sides."""
    sides = found.experiment.sides
    now, was = found.results, reference.results
    rows = []
    for quantity in QUANTITIES:
        for side, enemy in (sides, sides[::-1]):
            values = [np.asarray(quantity_at(results, quantity, side, enemy, begins, day)) for results in (was, now)]
            numbers = {key: None if number is None else rounded(number) for key, number in summary(values[0], values[1]).items()}
            label = found.experiment.scenario.sides[side].label
            rows.append({"quantity": quantity.name, "unit": quantity.unit, "side": label, **numbers})
    return rows
