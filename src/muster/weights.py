"""Weights: an ensemble weighed by published figures of the user's own, and what the figures moved.

A figure speaks of what a source of its class would have reported (bias classes of library/observations). Figures of one bias group
share their bias, so that a group counts as one figure: its log likelihoods are averaged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import log_ndtr

from muster.errors import UserError, nearest
from muster.evidence import Z95
from muster.observe import CAMPS, Observation, biases, predict, read_rows
from muster.results import Results
from muster.scenario import Scenario

FEWEST = 40  # effective draws; with fewer a probability has an error of 8 points and more


@dataclass(frozen=True)
class Weighed:
    """Weights of the draws (they sum to 1), how many draws they are worth, and the figures behind them."""

    weights: np.ndarray
    effective: float
    used: tuple[Observation, ...]
    moved: tuple[str, ...]  # one sentence a figure


def camp_of(text: str, own: Iterable[str] = ()) -> str:
    """The camp that --without names: of the library, or one of the `own` that the user's figures name."""
    kind, sign, name = text.partition(":")
    if kind != "camp" or not sign:
        raise UserError(f"--without {text}: camp:NAME was expected. Camps: {', '.join(CAMPS)}.")
    known = sorted({*CAMPS, *own})
    if name not in known:
        raise UserError(f'--without {text}: there is no camp "{name}".{nearest(name, known)} Camps: {", ".join(known)}.')
    return name


def log_likelihood(results: Results, row: Observation) -> np.ndarray:
    """How well each draw explains a figure [draw]: split log-normal about what its class would report, its own range added."""
    values = predict(results, row)
    change = row.unit == "km2" and row.operator == "over"
    bias = biases()["change" if change else row.source_class]
    low, middle, high = np.log(bias.factor)
    if change or (bias.absolute and np.any(values <= 0)) or row.central <= 0:
        own = (row.high - row.low) / (2 * Z95) if row.low is not None and row.high is not None else 0.0
        spread = np.sqrt((bias.absolute or 1e-9) ** 2 + own**2 + (values * (high - low) / (2 * Z95)) ** 2)
        return density((row.central - values * np.exp(middle)) / spread, spread, row.relation)
    gap = np.log(row.central) - np.log(np.maximum(values, 1e-12)) - middle
    own = np.log(row.high / row.low) / (2 * Z95) if row.low and row.high else 0.0
    part = np.where(gap < 0, middle - low, high - middle) / Z95
    spread = np.sqrt(part**2 + own**2 + (bias.absolute / row.central) ** 2 + 1e-6)
    return density(gap / spread, spread, row.relation)


def density(z: np.ndarray, spread: np.ndarray, relation: str) -> np.ndarray:
    """Log density of a figure, or of the right side of a bound [draw]."""
    if relation == "at_least":
        return log_ndtr(-z)  # the truth is at least the figure: the less it falls short the better
    if relation == "at_most":
        return log_ndtr(z)
    return -0.5 * z**2 - np.log(spread)


def rows_to_weigh(file: Path, without: str | None, scenario: Scenario) -> list[Observation]:
    """The rows of a file that weigh draws: of use fit, of another camp than is left out, about a side and a time of the scenario."""
    given = read_rows(file)
    left_out = camp_of(without, {row.camp for row in given}) if without else None
    rows = [row for row in given if row.camp != left_out and row.use == "fit"]
    if not rows:
        raise UserError(f"{file}: no row is left to weigh the draws with (rows with use fit, of another camp than is left out).")
    for row in rows:
        if row.side not in scenario.sides:
            raise UserError(f'{file}, row {row.id}: there is no side "{row.side}".{nearest(row.side, scenario.sides)}')
        if row.start < str(scenario.start) or row.end > str(scenario.end):
            raise UserError(f"{file}, row {row.id}: {row.start} to {row.end} lies outside {scenario.start} to {scenario.end}.")
    return rows


def weigh(results: Results, rows: list[Observation], file: Path) -> Weighed:
    """The ensemble weighed by rows of a file."""
    groups: dict[str, list[np.ndarray]] = {}
    moved = []
    for row in rows:
        groups.setdefault(row.bias_group, []).append(log_likelihood(results, row))
    total = np.sum([np.mean(parts, axis=0) for parts in groups.values()], axis=0)
    weights = np.exp(total - total.max())
    weights /= weights.sum()
    effective = float(1 / np.sum(weights**2))
    if not effective >= FEWEST:  # neither where a draw has no value: 0 over 0
        raise UserError(
            f"{file}: with these figures {len(weights)} draws are worth {effective:.0f}, fewer than the {FEWEST} that a probability needs;"
            " ask for more with --draws, or give fewer or wider figures."
        )
    for row in rows:
        values = predict(results, row)
        before, after = np.median(values), weighted_quantile(values, weights, 0.5)
        where = f"{row.id} ({row.side}, {row.path}, {row.start} to {row.end})"
        before, after, figure = (f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}" for number in (before, after, row.central))
        unit = "" if row.unit == "1" else f" {row.unit}"
        moved.append(f"{where}: median of the draws {before}{unit} before, {after}{unit} after; figure {figure}{unit}")
    return Weighed(weights, effective, tuple(rows), tuple(moved))


def weighted_quantile(values: np.ndarray, weights: np.ndarray | None, level: float) -> float:
    """A quantile of draws that do not count alike; the nearest value, so that infinity stays what it is."""
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    if weights is None or len(weights) != len(values):
        return float(np.quantile(values[known], level, method="nearest"))
    order = np.argsort(values[known])
    mass = np.cumsum(weights[known][order])
    return float(values[known][order][min(int(np.searchsorted(mass, level * mass[-1])), len(order) - 1)])
