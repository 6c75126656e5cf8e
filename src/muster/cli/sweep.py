"""muster sweep: many runs from one plan, resumable, by several processes or machines."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from muster import forks
from muster.errors import UserError


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="what is run with what; docs/sweep.md")],
    out: Annotated[Path, typer.Option(metavar="STORE", help="the folder of the sweep; an unfinished one is taken up")],
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="processes of one core each  [all cores]")] = None,
    part: Annotated[str, typer.Option(metavar="K/N", help="only every N-th run from the K-th on: N machines share one folder")] = "1/1",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="a Dask scheduler whose workers compute; they share the folder")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print what was done for a machine, on stdout")] = False,
) -> int:
    """Run every combination of a plan; killed at any moment, the same command goes on where it was."""
    if not scheduler:
        forks.ahead("muster.inherited")
    from muster.cli.terminal import progress_bar
    from muster.sweep import TABLE
    from muster.sweep import sweep as swept

    chosen = re.fullmatch(r"(\d+)/(\d+)", part)
    if not chosen:
        raise UserError(f"--part {part}: K/N was expected, such as 2/3 for the second of three machines.")
    with progress_bar(f"Sweeping {plan.stem}", "chunks") as update:
        try:
            made = swept(plan, out, workers, (int(chosen[1]), int(chosen[2])), scheduler, update)
        except KeyboardInterrupt:
            typer.echo(f"Stopping; what is done stays in {out}, and the same command goes on.", err=True)
            return 130
    whole = [run.name for run in made.runs if made.whole(run)]
    table = out / TABLE if len(whole) == len(made.runs) else None
    if as_json:
        typer.echo(json.dumps({"runs": [run.name for run in made.runs], "whole": whole, "table": table and str(table)}))
        return 0
    typer.echo(f"{len(whole):,} of {len(made.runs):,} runs are whole, {made.runs[0].draws:,} draws each: {out}/RUN/results.nc")
    typer.echo(str(table) if table else f"{TABLE} is written when the other parts are whole too: call again without --part.")
    return 0
