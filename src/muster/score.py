"""Scores: forecasts from an origin, fitted to what was published by then, beside last value, drift and exponential smoothing.

The list of targets, their scales and the baselines stand here and in docs/calibration.md; both were committed before the first
score. A target is a monthly series; a flow is summed over the months of the horizon, a stock is read at its end. The model forecasts
how its own reading changes against the six months (a stock: the month) before the origin, and that change starts at the series'
own last value, as the baselines do; of a change of area it forecasts the sum itself.
"""

import csv
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scoringrules
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from muster import calibration, data, observe, simulate
from muster.errors import UserError
from muster.evidence import Z95, library
from muster.experiment import build
from muster.likelihood import Likelihood, likelihood, spread
from muster.observe import Observation
from muster.results import Results

RECENT = 6  # months before the origin whose flow counts as the last value
PATHS = 1000  # forecasts that a baseline draws
LATE = 3  # months by which a series may end before the origin and still be forecast
FEWEST = 12  # months of history without which exponential smoothing is not tried
METHODS = ("Muster", "last value", "drift", "ETS")
MISSES = "posteriors/{scenario}.misses.csv"  # of the library; tools/forecast_misses.py makes it
VEHICLES = "arms/tanks_lost+arms/carriers_lost"
FEWEST_MISSES = 8  # forecasts of earlier origins from which a widening is worked out
READ_AS: dict[str, Literal["at", "over", "mean"]] = {"stock": "at", "flow": "over", "rate": "mean"}


@dataclass(frozen=True)
class Target:
    """A monthly series that is forecast."""

    name: str
    side: str
    path: str
    kind: Literal["flow", "rate", "stock"]  # of a horizon: its sum, its mean, its last month
    scale: Literal["log", "linear"]
    source_class: str  # whose errors a forecast of the series has
    unit: str
    series: Callable[[], dict[str, float]]  # value by month (YYYY-MM)
    cohort: str | None = None


def table(name: str, file: str) -> list[dict[str, str]]:
    """The rows of an outside set's file."""
    with data.file(name, file).open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


def by_month(rows: list[dict[str, str]], day: str, columns: tuple[str, ...]) -> dict[str, float]:
    """A weekly series as months: each week's value spread over its seven days."""
    found: dict[str, float] = {}
    for row in rows:
        last = datetime.date.fromisoformat(row[day])
        for back in range(7):
            month = (last - datetime.timedelta(days=back)).isoformat()[:7]
            found[month] = found.get(month, 0.0) + sum(float(row[column] or 0) for column in columns) / 7
    return dict(sorted(found.items()))


def of_library(side: str, path: str, roots: tuple[str, ...], operator: str) -> dict[str, float]:
    """Published figures of the library by month: the month in which a stock was read, or each month of a flow's window [per month]."""
    found: dict[str, float] = {}
    for row in observe.observations():
        if (row.side, row.path, row.operator) != (side, path, operator) or row.bias_group not in roots:
            continue
        first, last = (datetime.date.fromisoformat(day) for day in (row.start, row.end))
        day = last if operator == "at" else first
        while day <= last:
            found[day.isoformat()[:7]] = row.central
            day = (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    return dict(sorted(found.items()))


def pictured(country: str) -> dict[str, float]:
    """Equipment of a country of which a picture shows the loss, by month in which it was listed."""
    return {row["month"]: float(row["total"]) for row in table("oryx", "monthly_by_status.csv") if row["country"] == country}


TARGETS = (
    Target("Russian deaths (named)", "russia", "front/killed", "flow", "log", "verified_count", "person",
           lambda: by_month(table("named-deaths-both", "weekly.csv"), "week_end", ("ru_named_deaths",))),
    Target("Ukrainian deaths (named)", "ukraine", "front/killed", "flow", "log", "verified_count", "person",
           lambda: by_month(table("named-deaths-both", "weekly.csv"), "week_end", ("ua_named_deaths",))),
    Target("Russian force in theatre (Ukrainian estimates)", "russia", "front/troops", "stock", "log", "adversary_claim", "person",
           lambda: of_library("russia", "front/troops", ("force_in_theatre/ukraine-official",), "at")),
    Target("area under Russia's control, change (ISW)", "russia", "front/area_controlled", "flow", "linear", "change", "km2",
           lambda: of_library("russia", "front/area_controlled", ("area_net_change_month/independent",), "over")),
    Target("Russian recruits a week (regional budgets)", "russia", "callup/volunteers", "rate", "log", "model_estimate", "person/week",
           lambda: of_library("russia", "callup/volunteers", ("contract_recruits_per_day/independent",), "mean")),
    Target("Russian equipment losses (Oryx)", "russia", VEHICLES, "flow", "log", "verified_count", "vehicle",
           lambda: pictured("Russia")),
    Target("Ukrainian equipment losses (Oryx)", "ukraine", VEHICLES, "flow", "log", "verified_count", "vehicle",
           lambda: pictured("Ukraine")),
    Target("aid to Ukraine (Kiel, allocations)", "ukraine", "partners/deliveries", "flow", "log", "measured", "EUR",
           lambda: {row["month_start"][:7]: 1e9 * float(row["total_bn_eur"])
                    for row in table("aid-to-ukraine", "monthly_allocations.csv")}),
    Target("Russian consumer prices over a year", "russia", "economy/inflation", "stock", "linear", "measured", "1",
           lambda: {row["month"][:7]: float(row["yoy_pct"]) / 100 for row in table("prices-russia", "cpi_monthly.csv")}),
    Target("approval in Russia (Levada)", "russia", "society/approval_reported", "stock", "linear", "poll", "1",
           lambda: {row["month"][:7]: float(row["putin_approve"]) / 100
                    for row in table("levada", "levada_monthly.csv") if row["putin_approve"]}),
    Target("output of Russia (yearly, 2021 = 1)", "russia", "economy/output", "stock", "log", "measured", "1",
           lambda: {f"{row.end[:4]}-12": row.central
                    for row in observe.observations() if (row.side, row.path) == ("russia", "economy/output")}),
)  # fmt: skip


def month(day: datetime.date, ahead: int) -> str:
    """The month some months after that of a day."""
    whole = day.year * 12 + day.month - 1 + ahead
    return f"{whole // 12}-{whole % 12 + 1:02d}"


def edge(text: str, after: bool) -> str:
    """The first day of a month, or of the month after it."""
    year, number = int(text[:4]), int(text[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}-01" if after else f"{text}-01"


def past(series: dict[str, float], origin: datetime.date) -> np.ndarray:
    """The values of the months up to the origin's, without gaps at its end; of an irregular series those that there are."""
    return np.array([value for key, value in sorted(series.items()) if key <= month(origin, 0) and key >= "2022-03"])


def steps_ahead(series: dict[str, float], origin: datetime.date, months: int) -> float:
    """From the last value that is known to the end of the horizon, in mean steps of the series; months, where it has one a month."""
    known = [int(key[:4]) * 12 + int(key[5:]) for key in sorted(series) if "2022-03" <= key <= month(origin, 0)]
    return (origin.year * 12 + origin.month + months - known[-1]) * (len(known) - 1) / (known[-1] - known[0])


def regular(series: dict[str, float], origin: datetime.date) -> bool:
    """Whether a series has a value in each of the last twelve months."""
    return all(month(origin, -back) in series for back in range(FEWEST))


def whole(target: Target, values: np.ndarray, months: int) -> float:
    """A flow over some months, a rate's mean, from the months that are known."""
    return float(np.mean(values)) * (months if target.kind == "flow" else 1)


def happened(target: Target, series: dict[str, float], origin: datetime.date, months: int) -> float | None:
    """What the series says of the horizon, or nothing where it does not reach it; of a year one month may be missing."""
    ahead = [month(origin, k) for k in range(1, months + 1)]
    if target.kind == "stock":
        return series.get(ahead[-1], series.get(month(origin, months + 1)) if not regular(series, origin) else None)
    known = [series[key] for key in ahead if key in series]
    return whole(target, np.array(known), months) if len(known) >= months - (1 if months > 6 else 0) else None


def scaled(target: Target, value):
    """A value on the target's scale."""
    return np.log(value) if target.scale == "log" else value


def walk(target: Target, values: np.ndarray, months: int, ahead: float, drift: bool, generator: np.random.Generator) -> np.ndarray:
    """Forecasts of a baseline on the target's scale: the last value, or it and the mean change of the past, with the past's errors.

    ahead = steps_ahead: of an irregular series single steps are told, as many as lie ahead.
    """
    if target.kind == "stock":
        pairs = [(values[t], values[t + months]) for t in range(len(values) - months)] if ahead == months else []
        last = values[-1]
    else:
        parts = [(values[t - RECENT : t], values[t : t + months]) for t in range(RECENT, len(values) - months + 1)]
        pairs = [(whole(target, before, months), whole(target, after, months)) for before, after in parts]
        last = whole(target, values[-RECENT:], months)
    errors = np.array([scaled(target, after) - scaled(target, before) for before, after in pairs])
    if len(errors) < 3:  # a short series: changes of single steps, growing with the root of time
        steps = np.diff(scaled(target, values))
        centre = float(steps.mean() * ahead) if drift and len(steps) > 1 else 0.0
        spread = float(np.sqrt(np.mean(steps**2) * ahead)) if len(steps) else np.nan
    else:
        centre = float(errors.mean()) if drift else 0.0
        spread = float(np.sqrt(np.mean((errors - centre) ** 2)))
    return scaled(target, last) + centre + spread * generator.standard_normal(PATHS)


def smoothing(target: Target, values: np.ndarray, months: int, seed: int) -> np.ndarray:
    """Forecasts of exponential smoothing with a damped trend, by statsmodels."""
    fitted: Any = ETSModel(np.asarray(scaled(target, values), dtype=float), error="add", trend="add", damped_trend=True).fit(disp=False)
    drawn = fitted.simulate(months, anchor="end", repetitions=PATHS, rng=np.random.default_rng(seed))
    paths = np.asarray(drawn).reshape(months, -1)
    if target.kind == "stock":
        return paths[-1]
    flows = np.exp(paths) if target.scale == "log" else paths
    return scaled(target, flows.mean(axis=0) * (months if target.kind == "flow" else 1))


def own_row(target: Target, start: str, end: str) -> Observation:
    """The reading of the model that belongs to a window of the target."""
    operator = READ_AS[target.kind]
    return Observation(
        id=target.name, side=target.side, path=target.path, cohort=target.cohort, region=None, operator=operator, start=start, end=end,
        low=None, central=1.0, high=None, unit=target.unit, relation="about", source_class=target.source_class, camp="", bias_group="",
        root="", published=end, read=end, locator="", grade="", use="score", reason="",
    )  # fmt: skip


def of_model(
    target: Target, results: Results, values: np.ndarray, origin: datetime.date, months: int, seed: int, sizes: dict[str, float]
) -> np.ndarray:
    """The model's forecasts on the target's scale, with the discrepancy and the single error of the likelihood, of the sizes by class."""
    begin, end = edge(month(origin, 0), after=True), edge(month(origin, months), after=True)
    recently = min(RECENT, len(values))  # a series may be young
    before = edge(month(origin, 1 - recently), after=False)
    ahead, recent = (observe.predict(results, own_row(target, *window)) for window in ((begin, end), (before, begin)))
    size = values[-1] if target.kind == "stock" else whole(target, values[-recently:], recently)
    if target.kind != "stock" and target.scale == "linear":
        told = ahead
    else:
        told = scaled(target, size) + scaled(target, np.maximum(ahead, 1e-9)) - scaled(target, np.maximum(recent, 1e-9))
    known: Likelihood = likelihood((own_row(target, begin, end).model_copy(update={"central": float(np.median(ahead))}),)).sized(sizes)
    generator = np.random.default_rng([seed, 77])
    level = (
        float(values[-1]) if known.logs[0] and target.scale == "linear" else 1.0
    )  # a share of the level, where the target has no logarithm
    return told + level * np.sqrt(gap(known)) * generator.standard_normal(len(told))


def gap(known: Likelihood) -> float:
    """The variance of a forecast's own error: discrepancy and single error, without the bias that its series has throughout."""
    return float(known.own[0] ** 2 + spread(known.rows[0])[2] ** 2)


def misses_by(origin: datetime.date, scenario: str) -> np.ndarray:
    """How far earlier forecasts lay from the truth, in their own s.d.; those whose horizon had ended by the origin."""
    path = library() / MISSES.format(scenario=scenario)
    if not path.exists():
        return np.zeros(0)
    with path.open(encoding="utf-8") as text:
        return np.array([float(row["missed"]) for row in csv.DictReader(text) if row["ends"] <= origin.isoformat()])


def widening(missed: np.ndarray) -> float:
    """By how much forecasts are spread about their median, so that as much as they claim would have held of the earlier ones.

    The 90 % point of the earlier misses over that of a normal distribution; never below 1, and 1 where too few are known.
    """
    return max(1.0, float(np.quantile(np.abs(missed), 0.9) / Z95)) if len(missed) >= FEWEST_MISSES else 1.0


def scored(forecast: np.ndarray, truth: float) -> dict[str, float | bool]:
    """CRPS on the target's scale, the median and 90 % band, and whether the band holds the truth."""
    low, middle, high = np.quantile(forecast, [0.05, 0.5, 0.95])
    crps = float(np.asarray(scoringrules.crps_ensemble(truth, forecast)))
    return {"crps": crps, "low": float(low), "median": float(middle), "high": float(high), "inside": bool(low <= truth <= high)}


def scores(
    results: Results,
    origin: datetime.date,
    weeks: tuple[int, ...] = (26, 52),
    seed: int = 1,
    factor: float = 1.0,
    sizes: dict[str, float] | None = None,
) -> list[dict]:
    """Every target and horizon with the score of each method, or why it has none; the model's forecasts spread by a factor.

    `sizes` are those of the fit's single errors by class of source.
    """
    found = []
    for target in TARGETS:
        try:
            series = target.series()
        except UserError as problem:
            found.append({"target": target.name, "weeks": None, "missing": str(problem)})
            continue
        for horizon in weeks:
            row = {"target": target.name, "weeks": horizon, "scale": target.scale, "unit": target.unit}
            months, values = round(horizon * 12 / 52), past(series, origin)
            if len(values) < 2 or max(series) < month(origin, -LATE):
                found.append({**row, "missing": f"the series at hand ends in {max(series)}"})
                continue
            own = of_model(target, results, values, origin, months, seed, sizes or {})
            middle, generator = np.median(own), np.random.default_rng([seed, horizon])
            methods = {"Muster": middle + factor * (own - middle)}
            ahead = steps_ahead(series, origin, months)
            methods["last value"] = walk(target, values, months, ahead, False, generator)
            methods["drift"] = walk(target, values, months, ahead, True, generator)
            if regular(series, origin):
                methods["ETS"] = smoothing(target, values, months, seed)
            row["forecast"] = {name: band(target, draws) for name, draws in methods.items()}
            truth = happened(target, series, origin, months)
            if truth is None:
                found.append({**row, "missing": "the series at hand does not reach the end of the horizon"})
                continue
            goal = float(scaled(target, truth))
            found.append({**row, "truth": goal, "methods": {name: scored(draws, goal) for name, draws in methods.items()}})
    return found


def band(target: Target, draws: np.ndarray) -> dict[str, float]:
    """Median and 90 % band of forecasts in the target's unit: a flow's sum over the horizon, a rate's mean, a stock at its end."""
    points = np.quantile(draws, [0.05, 0.5, 0.95])
    told = np.exp(points) if target.scale == "log" else points
    return dict(zip(("low", "median", "high"), map(float, told), strict=True))


def summary(found: list[dict]) -> dict:
    """Share of the model's 90 % bands that hold, and its median skill against each baseline: 1 - CRPS / CRPS of the baseline."""
    done = [row for row in found if "methods" in row]
    by_method = {name: [row["methods"] for row in done if name in row["methods"]] for name in METHODS}
    skill = {
        name: float(np.median([1 - methods["Muster"]["crps"] / methods[name]["crps"] for methods in rows]))
        for name, rows in by_method.items()
        if rows and name != "Muster"
    }
    inside = {name: float(np.mean([methods[name]["inside"] for methods in rows])) for name, rows in by_method.items() if rows}
    return {"scored": len(done), "skill": skill, "inside": inside}


def check_origin(origin: datetime.date) -> None:
    """Refuses an origin within a month, as the series are monthly: what they say of it holds days after it."""
    end = datetime.date.fromisoformat(edge(month(origin, 0), after=True)) - datetime.timedelta(days=1)
    if origin != end:
        raise UserError(f"--origin {origin}: the last day of a month was expected, such as {end}, since the series are monthly.")


def forecast(
    scenario: str,
    origin: datetime.date,
    weeks: int = 52,
    draws: int = 1040,
    seed: int = 1,
    prior: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Results, dict[str, float]]:
    """Runs fitted to what was published by the origin (`prior`: not fitted), on to the end of the weeks; sizes of the fit's errors."""
    check_origin(origin)
    if not 26 <= weeks <= 104:
        raise UserError(f"--weeks {weeks}: 26 to 104 were expected.")
    problem = calibration.problem_of(scenario, origin, seed)
    fitted = None if prior else calibration.calibrate(problem, seed=seed, progress=progress).posterior()
    ahead = calibration.forecast_scenario(scenario, origin, weeks)
    results = simulate.ensemble(build(ahead, draws=draws, seed=seed, posterior=fitted))
    return results, fitted.about["error_sizes"] if fitted else {}


def score(
    scenario: str,
    origin: datetime.date,
    weeks: int = 52,
    draws: int = 1040,
    seed: int = 1,
    prior: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict:
    """Fit to what was published by the origin, forecast half the weeks and all of them, and score it; `prior` leaves the fit out.

    Forecasts are spread by what forecasts from earlier origins missed by (`widening`).
    """
    results, sizes = forecast(scenario, origin, weeks, draws, seed, prior, progress)
    missed = misses_by(origin, scenario)
    factor = widening(missed)
    rows = scores(results, origin, (weeks // 2, weeks), seed, factor, sizes)
    return {"scores": rows, "summary": {**summary(rows), "widening": round(factor, 3), "earlier_forecasts": len(missed)}}
