"""muster validate: the fitted law beside its rivals on outside data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from muster.errors import UserError

app = typer.Typer(help="Validate on outside data.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def about() -> None:
    """Set the fitted law beside its rivals on outside data."""


@app.command("battles")
def validate_battles(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="a folder with battles_wide.csv  [the folder named by MUSTER_DATA]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores for a machine, on stdout")] = False,
) -> None:
    """Forecast battles that were left out of the fit: winner and losses, beside force ratio alone, the classical laws and others."""
    from muster import validation
    from muster.civil_war import second_set
    from muster.cli.terminal import console

    def update(what: str, done: int, whole: int) -> None:
        typer.echo(f"{what}: fold {done} of {whole}", err=True)

    report = validation.battles_report(data, update)
    try:
        report["american_civil_war"] = second_set()
    except UserError as problem:
        report["american_civil_war"] = {"missing": str(problem)}
    if as_json:
        typer.echo(json.dumps(report, allow_nan=True).replace("NaN", "null"))
        return
    page = console()
    page.print(
        f"{report['battles']} battles of {report['wars']} wars, {report['decided']} with a winner;"
        f" {report['left_out_because_parts_are_there']} left out because their parts are there."
    )
    for title, schemes in report["results"].items():
        for scheme, methods in schemes.items():
            page.print(table(f"{title}; {scheme}", methods))
    page.print(
        "AUC, slope: more is better, 1 is right. Brier, log score, CRPS (of log losses): less is better. [ ]: 90 % over resampled battles."
    )
    page.print(f"Shipped posterior on battles that it has not seen: {json.dumps(report['shipped'])}")
    page.print(f"American Civil War: {json.dumps(report['american_civil_war'])}")


def table(title: str, methods: dict[str, dict]):
    """The scores of every method under one scheme."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("method", "AUC", "World Wars", "Brier", "log score", "less ratio's", "slope", "CRPS att.", "CRPS def."):
        shown.add_column(name, no_wrap=True)
    for name, row in methods.items():
        low, high = row["log_score_over_force_ratio_interval"]
        numbers = (row["auc"], row["auc_world_wars"], row["brier"], row["log_score"])
        losses = (row["calibration_slope"], row["crps_attacker"], row["crps_defender"])
        over = f"{row['log_score_over_force_ratio']:+.3f} [dim]{low:+.3f} {high:+.3f}[/dim]"
        shown.add_row(name, *(f"{x:.3f}" for x in numbers), over, *(f"{x:.2f}" for x in losses))
    return shown
