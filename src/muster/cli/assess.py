"""muster assess: judge claims on a scenario."""

import json
from pathlib import Path
from typing import Annotated

import typer

from muster.errors import UserError


def assess(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")
    ] = "russia-ukraine-2022",
    draws: Annotated[int, typer.Option(metavar="N", help="how many draws, 1 to 100,000")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="the luck; the same seed gives the same bits")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the folder for claims.json, results.nc and manifest.json  [muster-assess-SCENARIO]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write into a folder that holds other files")] = False,
    claims: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="a claim by name, or the path of a YAML file; may be repeated  [all]")
    ] = None,
    prior: Annotated[bool, typer.Option("--prior", help="draw from the prior, although a posterior was fitted")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the claims for a machine, on stdout")] = False,
    structures: Annotated[str, typer.Option(metavar="default|all", help="the rival equations to try, one at a time")] = "default",
) -> None:
    """Judge claims: every reading on one ensemble, with its mirror on the other side and what published figures say."""
    from muster import output
    from muster.cli.terminal import in_background, progress_bar

    if structures not in ("default", "all"):
        raise UserError(f'--structures: default or all was expected, found "{structures}".')
    folder = out or Path(f"muster-assess-{Path(scenario).stem}")
    output.check_folder(folder, force)

    from muster.assess import assess as judge

    with progress_bar(f"Simulating {scenario}") as update:
        judging = (
            judge(scenario, draws, seed, tuple(claims or ()), structures, progress=update, posterior=None if prior else "shipped")
            for _ in range(1)
        )
        judgement = next(in_background(judging))
    paths = judgement.save(folder, force)
    if judgement.experiment.note:
        typer.echo(judgement.experiment.note, err=True)
    if as_json:
        told = {"scenario": judgement.experiment.name, "draws": draws, "seed": seed, "structures": structures}
        typer.echo(
            json.dumps({**told, "files": [str(path) for path in paths], "claims": judgement.as_list()}, ensure_ascii=False, default=str)
        )
    else:
        show(judgement.as_list(), judgement.experiment, paths, structures)


def show(claims: list[dict], experiment, paths: list[Path], structures: str) -> None:
    """All readings, the table of the headline readings, the files, and three lines to remember."""
    from muster.cli.terminal import console

    page = console()
    page.print(readings_table(claims))
    page.print(headline_table(claims, experiment))
    for path in paths:
        page.print(str(path), soft_wrap=True)
    readings = [reading for claim in claims for reading in claim["readings"]]
    unmoved = sum(reading["prior_driven"] for reading in readings)
    flipped = sum(bool(reading["flips"]) for reading in readings)
    page.print("To remember:")
    page.print(
        f"- {unmoved} of {len(readings)} readings are prior-driven: no published figure moved them. Such a reading is called supported or"
        " contradicted only where every draw under every equation agrees."
    )
    page.print(
        f"- {flipped} of {len(readings)} readings change sides under a rival equation."
        if structures == "all"
        else "- One form of the equations was used; --structures all shows which readings a rival equation changes."
    )
    page.print("- The outcome is what published figures say; it never moves a verdict, and no verdict moves it.")


def readings_table(claims: list[dict]):
    """Every reading but the headlines: probability, verdict, outcome, and the other continuations beyond the last observation."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title="Other readings", title_justify="left")
    for name in ("reading", "p", "verdict", "outcome", "p if ceasefire, escalates"):
        shown.add_column(name)
    for claim in claims:
        shown.add_row(f"[bold]{claim['id']}[/bold]")
        for reading in claim["readings"]:
            if not reading["headline"]:
                endings = reading["by_continuation"]
                others = ", ".join(f"{endings[name]:.2f}" for name in ("ceasefire", "escalates") if name in endings)
                shown.add_row(f"  {reading['id']}", f"{reading['probability']:.2f}", reading["verdict"], outcome(reading), others)
    return shown


def headline_table(claims: list[dict], experiment):
    """The headline reading of each claim: probability, verdict, outcome, and the quantity on both sides."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    labels = [experiment.scenario.sides[side].label for side in experiment.sides]
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title="Claims, by their headline reading", title_justify="left")
    for name in ("claim", "p", "verdict", "outcome", f"median and 90 % band: {labels[0]}, {labels[1]}"):
        shown.add_column(name)
    for claim in claims:
        reading = next(reading for reading in claim["readings"] if reading["headline"])
        probability = f"{reading['probability']:.2f} ±{2 * reading['mcse']:.2f}"
        bands = f"{values(reading['quantity']['values'])}\n{values(reading['mirror']['values'])}"
        shown.add_row(
            f"{claim['title']}\n[dim]{reading['id']}[/dim]", probability, f"[bold]{reading['verdict']}[/bold]", outcome(reading), bands
        )
    return shown


def outcome(reading: dict) -> str:
    """What the published figures say."""
    return reading["resolution"]["outcome"] or "open"


def values(quantiles: list[float | None]) -> str:
    """5 %, median and 95 % of a quantity as median and band."""
    low, middle, high = ("never" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" for value in quantiles)
    return f"{middle} [dim]{low} to {high}[/dim]"
