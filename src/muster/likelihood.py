"""Likelihood: what published figures say of a run, through the bias of their sources and the distance between model and truth.

told = told by the model + bias of class and camp + bias of root source + drift + discrepancy + error. On the log scale, but for
changes of an area, deficits and polls. Biases, drift and discrepancy are normal and integrated out: they make the errors of
figures of one source alike, so that a root source has one vote on a level however often it is quoted. The error is Student-t with
four degrees of freedom; its size is a guess by class, which the scatter of the class's figures corrects. A bound or a published range
says nothing inside itself. docs/calibration.md says why.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from muster.evidence import Z95, Strict, checked, library
from muster.observe import Bias, Observation, biases
from muster.reading import read_yaml

CAMP, ROOT, OWN = 0.3, 0.5, 0.2  # shares of a class's variance: class and camp, root source, the single figure
DRIFT = 0.25  # of a class's standard deviation, a year
MEMORY = 0.5  # years over which a discrepancy is forgotten
FREEDOM = 4  # degrees of freedom of the error
WORTH = 5  # figures that the guessed size of a class's single errors is worth beside the class's own
ROUNDS = 200  # in which these sizes are found, at most
LEAST = 1e-2  # share of the draws that a bound is taken to bear on, at least
FLOOR = 1e-3  # a reading counts for at least this share of the figure, so that it has a logarithm


class Discrepancy(Strict):
    """How far the model may be from the truth: s.d. of the log, and in the unit of the figure."""

    share: float = 0
    absolute: float = 0


@cache
def discrepancies() -> dict[str, Discrepancy]:
    """The discrepancies by the beginning of a path."""
    path = library() / "observations" / "discrepancy.yaml"
    return {name: checked(Discrepancy, entry, f"{path.name}, {name}") for name, entry in read_yaml(path).items()}


@dataclass(frozen=True)
class Likelihood:
    """Published figures as arrays; all but `rows` have the row as their first axis. On the log scale where `logs`."""

    rows: tuple[Observation, ...]
    logs: np.ndarray
    floor: np.ndarray  # of a reading, where logs
    shift: np.ndarray  # the bias that is expected of the class
    low: np.ndarray  # the published range, or bound; both ends are the figure itself where neither is given
    high: np.ndarray
    own: np.ndarray  # scale of the single figure's error
    shared: np.ndarray  # covariance of what figures share: biases, drift, discrepancy [row, row]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def centre(self) -> np.ndarray:
        """The figure, or the end of its bound."""
        return np.where(np.isinf(self.low), self.high, np.where(np.isinf(self.high), self.low, (self.low + self.high) / 2))

    def told(self, read: np.ndarray) -> np.ndarray:
        """What a source of the class is expected to tell of readings [row, draw]."""
        positive = np.where(self.logs[:, None], np.maximum(read, self.floor[:, None]), 1.0)
        return np.where(self.logs[:, None], np.log(positive), read) + self.shift[:, None]

    def innovation(self, told: np.ndarray, error: float | np.ndarray = 0.0) -> np.ndarray:
        """How far the figures with an error lie from what is told [row, draw]; a draw inside a range or bound is left as it is."""
        below, above = np.maximum(self.low[:, None] - told, 0), np.minimum(self.high[:, None] - told, 0)
        off = below + above
        return off + np.where((off != 0) | (self.low == self.high)[:, None], error, 0.0)

    def covariance(self, weight: float | np.ndarray = 1.0) -> np.ndarray:
        """The covariance of all errors; a figure's own variance is divided by its weight."""
        return self.shared + np.diag(self.own**2 / np.broadcast_to(weight, self.own.shape))

    def weights(self, told: np.ndarray) -> np.ndarray:
        """The weight of each figure's own error: less for an outlier (Student-t), and for a bound that few draws break [row]."""
        innovation, whole = self.innovation(told), np.diag(self.covariance())
        outlying = np.mean(innovation, axis=1) ** 2 / (whole + np.var(told, axis=1))
        weight = np.minimum(1, (FREEDOM + 1) / (FREEDOM + outlying))
        active = np.where(self.low < self.high, np.maximum(np.mean(innovation != 0, axis=1), LEAST), 1.0)
        return self.own**2 / (self.own**2 / weight + whole * (1 / active - 1))

    def sized(self, sizes: dict[str, float]) -> "Likelihood":
        """The same figures, the single errors of a class so many times as large as guessed."""
        return replace(self, own=self.own * np.array([sizes.get(class_of(row), 1.0) for row in self.rows]))

    def take(self, kept: np.ndarray) -> "Likelihood":
        """Some rows."""
        arrays = {name: getattr(self, name)[kept] for name in ("logs", "floor", "shift", "low", "high", "own")}
        rows = tuple(row for row, keep in zip(self.rows, kept, strict=True) if keep)
        return replace(self, rows=rows, shared=self.shared[np.ix_(kept, kept)], **arrays)

    def with_figures(self, figures: np.ndarray) -> "Likelihood":
        """The same table with other figures [row], for twin data: each with the range that was given; a bound stays where it was.

        A figure on the other side of a bound turns it round: where a bound lies must say nothing but on which side the truth is.
        """
        half = np.where(np.isfinite(self.high - self.low), (self.high - self.low) / 2, 0)
        bound, above = np.isinf(self.high - self.low), figures >= self.centre
        low = np.where(bound, np.where(above, self.centre, -np.inf), figures - half)
        return replace(self, low=low, high=np.where(bound, np.where(above, np.inf, self.centre), figures + half))


def published_by(rows: Iterable[Observation], until: datetime.date) -> tuple[Observation, ...]:
    """The rows for a fit: of use fit, over and published by a day; of one root's figures of one thing the latest then published."""
    day, latest = until.isoformat(), {}
    for row in sorted(rows, key=lambda row: row.published):
        if row.use == "fit" and row.end <= day and row.published <= day:
            latest[row.side, row.path, row.cohort, row.operator, row.start, row.end, row.root, row.relation] = row
    return tuple(sorted(latest.values(), key=lambda row: row.id))


def is_change(row: Observation) -> bool:
    """Whether a figure is the change of an area over a window."""
    return row.unit == "km2" and row.operator == "over"


def class_of(row: Observation) -> str:
    """The class by which a figure's bias and error are judged."""
    return "change" if is_change(row) else row.source_class


def of_class(row: Observation) -> Bias:
    """The bias of a figure's class."""
    return biases()[class_of(row)]


def discrepancy(row: Observation) -> Discrepancy:
    """The discrepancy that holds for a figure."""
    if is_change(row):
        return discrepancies()["change"]
    return next((found for name, found in discrepancies().items() if row.path.startswith(name)), discrepancies()["other"])


def on_log_scale(row: Observation) -> bool:
    """Whether a figure is a positive amount; changes, deficits and shares of people asked are not."""
    return not (is_change(row) or "deficit" in row.path or row.path.startswith("society"))


def spread(row: Observation) -> tuple[float, float, float]:
    """Shift, s.d. by class and s.d. of the discrepancy of a figure, on its scale."""
    bias, gap = of_class(row), discrepancy(row)
    low, middle, high = np.log(bias.factor)
    factor, size = (high - low) / (2 * Z95), abs(row.central)
    if on_log_scale(row):
        return middle, factor, gap.share
    return 0.0, float(np.hypot(bias.absolute, factor * size)), float(np.hypot(gap.absolute, gap.share * size))


def ends(row: Observation) -> tuple[float, float]:
    """The ends between which a figure says nothing, in its unit. A count of what was found is judged by its class: no bound."""
    least = row.central if row.low is None else row.low
    most = row.central if row.high is None else row.high
    if row.source_class != "verified_count" and row.relation == "at_least":
        return least, np.inf
    if row.source_class != "verified_count" and row.relation == "at_most":
        return -np.inf, most
    return least, most


def middle(row: Observation) -> float:
    """The middle of a figure's window [year]; of a stock its day."""
    first, last = (datetime.date.fromisoformat(day[:10]).toordinal() / 365.25 for day in (row.start, row.end))
    return last if row.operator == "at" else (first + last) / 2


def alike(keys: list) -> np.ndarray:
    """1 where two rows have the same key [row, row]."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    index = np.array([numbers[key] for key in keys])
    return (index[:, None] == index[None, :]).astype(float)


def likelihood(rows: tuple[Observation, ...]) -> Likelihood:
    """The rows as arrays."""
    logs = np.array([on_log_scale(row) for row in rows])
    shift, scale, gap = np.array([spread(row) for row in rows]).T
    low, high = np.array([ends(row) for row in rows]).T
    series = [(row.side, row.path, row.cohort) for row in rows]
    camps = alike([(row.source_class, row.camp, *what) for row, what in zip(rows, series, strict=True)])
    roots = alike([(row.root, *what) for row, what in zip(rows, series, strict=True)])
    years = np.array([middle(row) for row in rows])
    centred = years - (roots @ years) / roots.sum(axis=1)
    kind = alike([(*what, is_change(row)) for row, what in zip(rows, series, strict=True)])
    forgotten = np.exp(-np.abs(years[:, None] - years[None, :]) / MEMORY)
    bias = CAMP * camps + ROOT * roots + DRIFT**2 * roots * np.outer(centred, centred)
    shared = np.outer(scale, scale) * bias + np.outer(gap, gap) * kind * forgotten

    def scaled(values: np.ndarray) -> np.ndarray:
        return np.where(logs & np.isfinite(values), np.log(np.where(logs & np.isfinite(values), np.maximum(values, 1e-300), 1.0)), values)

    floor = FLOOR * np.abs([row.central for row in rows])
    return Likelihood(rows, logs, floor, shift, scaled(low), scaled(high), np.sqrt(OWN) * scale, shared)


def noisy(likelihood: Likelihood, told: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What sources would tell: expectation [row, draw] with bias, drift, discrepancy and Student-t error."""
    root = np.linalg.cholesky(likelihood.shared + 1e-12 * np.diag(np.diag(likelihood.covariance())))
    own = likelihood.own[:, None] * generator.standard_t(FREEDOM, told.shape)
    return told + root @ generator.standard_normal(told.shape) + own


def sizes(known: Likelihood, told: np.ndarray) -> dict[str, float]:
    """How many times as large as guessed the single errors of each class are, by what draws of the prior tell [row, draw].

    The most likely sizes by expectation and maximisation: biases, discrepancy and what the draws differ by are integrated out as normal.
    The guess counts as WORTH figures of a scaled inverse chi-squared prior. Bounds and ranges do not count.
    """
    names = [class_of(row) for row in known.rows]
    classes, exact = sorted(set(names)), known.low == known.high
    group = np.array([classes.index(name) for name in names])[exact]
    counts = np.bincount(group, minlength=len(classes))
    distance, guessed = np.mean(known.innovation(told)[exact], axis=1), known.own[exact] ** 2
    rest = known.shared[np.ix_(exact, exact)] + np.cov(told[exact])
    weight, squared = np.ones(len(group)), np.ones(len(classes))
    for _ in range(ROUNDS):
        own = guessed * squared[group] / weight
        gain = own[:, None] * np.linalg.inv(rest + np.diag(own))
        relative = ((gain @ distance) ** 2 + own - np.diag(gain) * own) / guessed
        weight = (FREEDOM + 1) / (FREEDOM + relative / squared[group])
        before, squared = squared, (WORTH + np.bincount(group, weight * relative, len(classes))) / (WORTH + counts)
        if np.max(np.abs(np.log(squared / before))) < 1e-4:
            break
    return {name: float(np.sqrt(value)) for name, value in zip(classes, squared, strict=True)}


def drawn_sizes(generator: np.random.Generator) -> dict[str, float]:
    """Sizes of single errors by class, from their prior."""
    return {name: float(np.sqrt(WORTH / generator.chisquare(WORTH))) for name in sorted(biases())}


def told_by_others(known: Likelihood, told: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What each source would tell by the other figures [row, draw]: bias, drift, discrepancy inferred from them, the error new."""
    weight = known.weights(told)
    precision = np.linalg.inv(known.covariance(weight))
    alone, innovation = 1 / np.diag(precision), known.innovation(told)
    expected = told + innovation - alone[:, None] * (precision @ innovation)
    unsure = np.sqrt(np.maximum(alone - known.own**2 / weight, 0))
    error = known.own[:, None] * generator.standard_t(FREEDOM, told.shape)
    return expected + unsure[:, None] * generator.standard_normal(told.shape) + error
