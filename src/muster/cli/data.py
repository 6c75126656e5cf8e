"""muster data: the outside data sets, and fetching one."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List the outside data sets; fetch one.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_sets(as_json: Annotated[bool, typer.Option("--json", help="print the sets for a machine, on stdout")] = False) -> None:
    """Show every outside set: where it is published, under which terms, which files MUSTER_DATA should hold, whether they are there."""
    from muster.data import folder, listed

    rows = listed()
    if as_json:
        typer.echo(json.dumps({"folder": str(folder()), "sets": rows}, ensure_ascii=False))
        return
    typer.echo(f"Folder of outside data: {folder()} (MUSTER_DATA names another)")
    for row in rows:
        there = "there" if row["there"] else f"missing: {', '.join(row['missing'])}"
        how = f"; `muster data fetch {row['name']}` gets it" if row["fetched"] and not row["there"] else ""
        typer.echo(f"{row['name']}: {row['title']} [{there}{how}]")
        typer.echo(f"    {row['publisher']}{', ' + row['address'] if row['address'] else ''}")
        typer.echo(f"    terms: {row['terms']} ({row['rights']}); files: {row['folder']}/{{{', '.join(row['files'])}}}")
        typer.echo(f"    needed by: {row['needed_by']}")
    typer.echo(f"{sum(row['there'] for row in rows)} of {len(rows)} sets are there.")


@app.command("fetch")
def fetch_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a set of `muster data list`")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="the folder of the table  [the set's folder in MUSTER_DATA]")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace another table that is there")] = False,
) -> None:
    """Get a set from its publisher, checked, and build its table; for a set that cannot be fetched say where it is published."""
    from muster.data import fetch

    path = fetch(name, out, force, tell=lambda text: typer.echo(text, err=True))
    typer.echo(str(path))
