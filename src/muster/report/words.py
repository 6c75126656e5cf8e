"""Numbers, dates and lists as a reader meets them in the report."""

import datetime
import math

import numpy as np

from muster.weights import weighted_quantile

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = ("p5", "p25", "p50", "p75", "p95")
MINUS, BAND = "\N{MINUS SIGN}", " to "
MOST_PLACES = 6
FIGURES = (3, 4, 5, 6)  # of a number in a table
COUNTED = {"person": "people", "km2": "km²", "vehicle": "vehicles", "shell": "shells", "EUR": "EUR", "week": "weeks", "1": ""}
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(value: float | None, figures: int = 3) -> str:
    """A number with three figures or more, thousands apart; what is not finite never happens."""
    if value is None or math.isnan(value):
        return "not known"
    if math.isinf(value):
        return "never"
    if value == 0:
        return "0"
    places = min(max(figures - 1 - math.floor(math.log10(abs(value))), 0), MOST_PLACES)
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if places else text
    return "0" if text in ("0", "-0") else text.replace("-", MINUS)


def cells(points: dict[str, float]) -> list[str]:
    """The five points in a row of a table, with as many figures as tell the quartiles apart; a dash where there is none."""
    rows = [["–" if math.isnan(points[name]) else number(points[name], figures) for name in NAMES] for figures in FIGURES]
    return next((row for row in rows if row[1] != row[3]), rows[0])


def capital(text: str) -> str:
    """A text that begins with a capital letter, in brackets or not."""
    first = next((place for place, letter in enumerate(text) if letter.isalnum()), 0)
    return f"{text[:first]}{text[first : first + 1].upper()}{text[first + 1 :]}"


def band(low: float, high: float) -> str:
    """The two ends of a band."""
    return f"{number(low)}{BAND}{number(high)}"


def percent(share: float) -> str:
    """A share in percent, without decimals but near the ends."""
    places = 0 if 0.095 <= share <= 0.905 or share in (0, 1) else 1
    return f"{100 * share:.{places}f} %"


def probability(p: float) -> str:
    """A probability with two decimals."""
    return f"{p:.2f}" if math.isfinite(p) else "–"


def written(many: int) -> str:
    """A count: small numbers as words."""
    return SMALL[many] if many < len(SMALL) else f"{many:,}"


def count(many: int, what: str) -> str:
    """A counted thing."""
    return f"{written(many)} {what if many == 1 else what + 's'}"


def rough(value: float) -> str:
    """A number with two figures: what a picture can hold."""
    if not math.isfinite(value) or value == 0:
        return number(value)
    return number(float(f"{value:.1e}"))


def listed(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def day(value: datetime.date | str) -> str:
    """A date as 21 September 2022."""
    date = datetime.date.fromisoformat(str(value)[:10])
    return f"{date.day} {date:%B %Y}"


def scaled(unit: str, largest: float, shares: bool) -> tuple[float, str]:
    """The factor and the words with which a quantity of a unit is told; `shares`: in percent."""
    if shares:
        return 100.0, "%"
    unit, _, per = unit.partition("/")
    words = COUNTED.get(unit, unit) + (f" per {per}" if per else "")
    if unit in ("person", "km2", "vehicle", "shell", "EUR"):
        for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
            if largest >= 5 * size:
                return 1 / size, f"{name} {words}"
    return 1.0, words


def quantiles(values: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """The five points of a fan from draws; those that are no numbers are left out, infinity is a value like others."""
    if weights is not None:
        return {name: weighted_quantile(values, weights, level) for name, level in zip(NAMES, QUANTILES, strict=True)}
    known = values[~np.isnan(values)]
    if not len(known):
        return dict.fromkeys(NAMES, float("nan"))
    return dict(zip(NAMES, (float(x) for x in np.quantile(known, QUANTILES, method="nearest")), strict=True))
