"""Comparison: when policies are looked at, also where one differs too late for the usual moments."""

import datetime
from dataclasses import replace

import numpy as np

from muster.compare import Comparison, Moment, Other, Plan, chunks, first_difference, moments
from muster.experiment import build
from muster.scenario import load_policy

END = datetime.date(2002, 1, 3)  # of the scenario toy, half a year after its last observation


def late(experiment, weeks):
    """The experiment with a decision that differs from some weeks before its end on, and the first day of it."""
    north, south = experiment.levers
    attack = np.array(north.attack_share)
    attack[-weeks:] *= 0.5
    other = replace(experiment, levers=(replace(north, attack_share=attack), south))
    return other, first_difference(experiment, other)


def test_a_policy_that_differs_late_is_looked_at_when_the_run_ends():
    experiment = build("toy", draws=1)
    other, day = late(experiment, 17)
    assert moments(other, day) == (Moment(17, END),)
    other, day = late(experiment, 26)
    assert moments(other, day) == (Moment(26, END),)
    halves = build("toy", draws=1, dt=0.5)
    assert moments(*late(halves, 1)) == (Moment(1, END),)


def test_a_comparison_of_a_policy_that_differs_late_has_rows():
    experiment = build("toy", draws=2)
    other, day = late(experiment, 17)
    planned = Plan(experiment, (Other(load_policy("as-happened"), other, day, moments(other, day)),))
    compared = Comparison.of(planned, list(chunks(planned)), 0.0)
    assert {(row["weeks"], row["date"]) for row in compared.rows()} == {(17, END.isoformat())}
    assert len(compared.as_csv().splitlines()) == 1 + len(compared.rows()) > 1
