"""muster score: forecasts from an origin beside what happened and beside simple methods."""

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
    from muster.cli.calibrate import parsed
    from muster.cli.terminal import console, in_background, progress_bar

    days = [parsed(text) for text in origin]
    if not 26 <= weeks <= 104:
        raise UserError(f"--weeks {weeks}: 26 to 104 were expected.")
    found = []
    for day in days:
        with progress_bar(f"Fitting {scenario} to {day}") as update:
            found.append(next(in_background(work(scenario, day, weeks, draws, seed, prior, update))))
    if as_json:
        typer.echo(json.dumps([{"origin": str(day), **told} for day, told in zip(days, found, strict=True)]))
        return
    page = console()
    for day, told in zip(days, found, strict=True):
        page.print(table(f"{scenario} from {day}", told["scores"]))
        for row in told["scores"]:
            if "missing" in row:
                horizon = f", {row['weeks']} weeks" if row["weeks"] else ""
                page.print(f"Not scored: {row['target']}{horizon}: {row['missing']}.")
        page.print(json.dumps(told["summary"]))


def work(scenario: str, day, weeks: int, draws: int, seed: int, prior: bool, update):
    """The fit to a day, its forecasts, and their scores."""
    from muster import calibration, simulate
    from muster import score as scoring
    from muster.experiment import build

    problem = calibration.problem_of(scenario, day, seed)
    fitted = None if prior else calibration.calibrate(problem, seed=seed, progress=update).posterior()
    ahead = calibration.forecast_scenario(scenario, day, weeks)
    results = simulate.ensemble(build(ahead, draws=draws, seed=seed, posterior=fitted))
    rows = scoring.scores(results, day, (weeks // 2, weeks), seed)
    yield {"scores": rows, "summary": scoring.summary(rows)}


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


def real(row: dict, value: float) -> str:
    """A value in its own unit."""
    from math import exp

    return f"{exp(value) if row['scale'] == 'log' else value:.4g}"
