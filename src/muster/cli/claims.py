"""muster claims: list, show and check claims; the series that readings may name; the schema for an editor."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List, show and check claims.", rich_markup_mode=None)
FILE = Annotated[Path, typer.Argument(metavar="FILE", help="the path of a claim's YAML file")]


@app.callback()
def actions() -> None:
    """List, show and check claims."""


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="print the list for a machine, on stdout")] = False) -> None:
    """List the claims of the library: name, kind, readings, and the proposition in words."""
    from muster.claims import claims

    found = claims()
    if as_json:
        told = [{"id": claim.id, "kind": claim.kind, "readings": len(claim.readings), "title": claim.title} for claim in found]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import console

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("claim", "kind", "readings", "proposition"):
        table.add_column(name, no_wrap=name == "claim")
    for claim in found:
        table.add_row(claim.id, claim.kind, str(len(claim.readings)), claim.title)
    console().print(table)


@app.command()
def show(
    claim: Annotated[str, typer.Argument(metavar="ID", help="a claim by name, or the path of a YAML file")],
    as_json: Annotated[bool, typer.Option("--json", help="print the claim for a machine, on stdout")] = False,
) -> None:
    """Show a claim: who said it, its readings with their fine print, and the published figures that settle them."""
    from muster.claims import claims

    found = claims((claim,))[0]
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json", by_alias=True, exclude_none=True), ensure_ascii=False))
        return
    from muster.cli.terminal import console, styled

    page = console()
    page.print(styled((found.title, "bold"), f"  ({found.id}, {found.kind}, about {found.side})"))
    page.print(f"Said, in our words: {found.paraphrase}")
    for said in found.said_by:
        page.print(f'  {said.name}, {said.role}, {said.date}; the word for how likely: "{said.word}"')
    for text in filter(None, (found.premise, found.not_testable)):
        page.print(f"Not testable: {text}")
    for reading in found.readings:
        show_reading(page, reading)


def show_reading(page, reading) -> None:
    """A reading with its fine print."""
    from muster.claims import threshold_of
    from muster.cli.terminal import styled
    from muster.published import figures

    page.print(styled("\n", (reading.id, "bold"), f"{' (headline)' if reading.headline else ''}: {reading.statement}"))
    if reading.proposition is not None:
        threshold, unit = threshold_of(reading, reading.id)
        held = reading.proposition.quantity.model_dump(by_alias=True, exclude_defaults=True)
        page.print(f"  {reading.proposition.name} {threshold:g} {'' if unit == '1' else unit}: {json.dumps(held)}")
    for words, text in (("not testable", reading.not_testable), ("not computed: wanted is that", reading.not_computed)):
        if text:
            page.print(f"  {words} {text}")
    settled = reading.resolution
    page.print(f"  resolved on {settled.resolves_on} ({reading.outcome}): {settled.rule} {settled.edge_cases}")
    for row in settled.rows:
        figure = figures().get(row)
        page.print(f"    {row}: {told(figure) if figure else 'not among the figures that Muster ships'}")


def told(figure) -> str:
    """A published figure in a line."""
    ends = "" if figure.low is None and figure.high is None else f" ({number(figure.low)} to {number(figure.high)})"
    value = f"{figure.quantity} {number(figure.central)}{ends} {figure.unit}"
    return f"{value}, {figure.camp}, {figure.publisher}, {figure.start} to {figure.end}"


def number(value: float | None) -> str:
    """A number, or that there is none."""
    return "?" if value is None else f"{value:,.15g}"


@app.command()
def check(
    file: FILE,
    scenario: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="the scenario to check it against  [the one that the claim names]")
    ] = None,
) -> None:
    """Check a claim's file without running anything: keys, names of series, cohorts and policies, dates, units."""
    from muster.claims import check_claim, read_claim
    from muster.published import figures
    from muster.reading import key_lines, read_text
    from muster.scenario import load

    claim = read_claim(file)
    held = load(scenario or claim.scenario)
    check_claim(claim, held, str(file), key_lines(read_text(file)))
    unknown = sorted({row for reading in claim.readings for row in reading.resolution.rows} - set(figures()))
    count = len(claim.readings)
    typer.echo(f"{file}: {count} reading{'s' if count > 1 else ''}, all of which {held.name} can answer or say why not.")
    if unknown:
        typer.echo(f"resolution.rows: Muster ships no figure {', '.join(unknown)}; it cannot show what they say.")


@app.command()
def paths() -> None:
    """List the series that a reading may name after SIDE/, with their units and what they mean."""
    from muster.model.quantity import axes, meanings, units
    from muster.model.world import READINGS

    for node, record in READINGS.items():
        for name, unit in units(record).items():
            by = " by cohort" if "cohort" in axes(record)[name] else ""
            typer.echo(f"{node}/{name} [{unit}]{by}: {meanings(record)[name]}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a claim's file, for an editor that completes and checks while one writes."""
    from muster.claims import schema_text

    typer.echo(schema_text(), nl=False)
