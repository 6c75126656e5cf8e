"""muster score: forecasts from an origin beside what happened and beside simple methods."""

import datetime
import json
from typing import Annotated

import typer

from muster.errors import UserError


def score(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name")],
    origin: Annotated[list[str], typer.Option(metavar="DATE", help="fit to what was published by this day; may be repeated")],
    weeks: Annotated[int, typer.Option(metavar="N", help="the longest horizon; half of it is scored too")] = 52,
    draws: Annotated[int, typer.Option(metavar="N", help="how many draws forecast")] = 1040,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="the luck; the same seed gives the same bits")] = 1,
    prior: Annotated[bool, typer.Option("--prior", help="forecast with draws of the prior, without a fit")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores for a machine, on stdout")] = False,
) -> None:
    """Score forecasts: CRPS, 90 % bands and skill against last value, drift and exponential smoothing, losses as well as wins."""
    from muster.cli.terminal import console, in_background, progress_bar
    from muster.score import score as forecast

    days = [day_of(text, scenario) for text in origin]
    found = []
    for day in days:
        with progress_bar(f"Fitting {scenario} to {day}") as update:
            forecasting = (forecast(scenario, day, weeks, draws, seed, prior, progress=update) for _ in range(1))
            found.append(next(in_background(forecasting)))
    if as_json:
        typer.echo(json.dumps([{"origin": str(day), **told} for day, told in zip(days, found, strict=True)]))
        return
    page = console()
    for day, told in zip(days, found, strict=True):
        if told["summary"]["scored"]:
            page.print(table(f"{scenario} from {day}", told["scores"]))
        if any(open_forecast(row) for row in told["scores"]):
            page.print(forecasts(f"{scenario} from {day}: not to be scored yet", told["scores"]))
        for row in told["scores"]:
            if "missing" in row and not open_forecast(row):
                horizon = f", {row['weeks']} weeks" if row["weeks"] else ""
                page.print(f"Not scored: {row['target']}{horizon}: {row['missing']}.")
        if told["summary"]["scored"]:
            page.print(spoken(told["summary"]))


def day_of(origin: str, scenario: str) -> datetime.date:
    """The day of an origin, refused where the scenario cannot be forecast from it; nothing is fitted yet."""
    from muster.calibration import cut
    from muster.reading import date
    from muster.scenario import load
    from muster.score import check_origin

    whole, day = load(scenario), date(origin, "--origin")
    if day > whole.last_observation:
        raise UserError(f"--origin {day}: a day up to the last observation of {whole.name} ({whole.last_observation}) was expected.")
    try:
        cut(whole, day)
    except UserError as problem:
        raise UserError(str(problem).replace("--until", "--origin")) from None
    check_origin(day)
    return day


def spoken(summary: dict) -> str:
    """The summary as two sentences."""
    held = ", ".join(f"{name} {share:.0%}" for name, share in summary["inside"].items())
    skill = ", ".join(f"{name} {value:+.2f}" for name, value in summary["skill"].items())
    factor, known = summary["widening"], summary["earlier_forecasts"]
    wider = f"The bands are {factor:.2f} times as wide as the fit alone says, from {known} forecasts of earlier origins."
    if not known:
        wider = (
            "The bands are as the fit alone gives them: Muster keeps no forecasts from earlier origins of a scenario of this name or path."
        )
    return f"Scored: {summary['scored']}. Bands of 90 % that hold: {held}. Median skill over {skill}. {wider}"


def table(title: str, rows: list[dict]):
    """CRPS of every method, the model's band and what happened."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("target", "weeks", "CRPS: Muster", "last value", "drift", "ETS", "happened", "Muster's 90 % band"):
        shown.add_column(name)
    for row in rows:
        if "methods" not in row:
            continue
        methods = row["methods"]
        crps = [f"{methods[name]['crps']:.3g}" if name in methods else "-" for name in ("Muster", "last value", "drift", "ETS")]
        low, high = (real(row, methods["Muster"][key]) for key in ("low", "high"))
        shown.add_row(row["target"], str(row["weeks"]), *crps, real(row, row["truth"]), f"{low} to {high}")
    return shown


def open_forecast(row: dict) -> bool:
    """Whether a row has a forecast of which nobody can say yet what happened."""
    return "forecast" in row and "methods" not in row


def forecasts(title: str, rows: list[dict]):
    """Forecasts without a truth: the model's median and band, and the last value's."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("target", "weeks", "unit", "Muster", "90 % band", "last value", "90 % band"):
        shown.add_column(name)
    for row in filter(open_forecast, rows):
        cells = []
        for name in ("Muster", "last value"):
            low, middle, high = (f"{row['forecast'][name][key]:.4g}" for key in ("low", "median", "high"))
            cells += [middle, f"{low} to {high}"]
        shown.add_row(row["target"], str(row["weeks"]), row["unit"], *cells)
    return shown


def real(row: dict, value: float) -> str:
    """A value in its own unit."""
    from math import exp

    return f"{exp(value) if row['scale'] == 'log' else value:.4g}"
