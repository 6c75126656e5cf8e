"""muster compare: policies against what was decided, on the same luck."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from muster.errors import UserError

PRIOR = "Draws of the prior: nothing is fitted. The files hold the other dates."
MOST = 100_000  # draws, all of which are held in memory
SHOWN = 52  # weeks after the first difference at which the table looks


def compare(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")],
    policies: Annotated[list[str], typer.Argument(metavar="POLICY...", help="policies by name or path, each set against as-happened")],
    draws: Annotated[int, typer.Option(metavar="N", help="how many draws, 1 to 100,000")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="the luck; the same seed gives the same bits")] = 1,
    continuation: Annotated[
        str | None, typer.Option(metavar="NAME", help="after the last observation: goes-on, ceasefire or escalates")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="as in muster run; holds for as-happened and for every policy; may be repeated"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the folder for the differences and the manifest  [muster-compare-SCENARIO]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write into a folder that holds other files")] = False,
    prior: Annotated[bool, typer.Option("--prior", help="draw from the prior, although a posterior was fitted")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the differences for a machine, on stdout")] = False,
) -> int:
    """Compare policies: differences to what was decided, draw by draw on the same parameters and luck, for both sides."""
    from muster import output
    from muster.cli.terminal import in_background, progress_bar

    started = time.perf_counter()
    check_draws(draws)
    folder = out or Path(f"muster-compare-{Path(scenario).stem}")
    output.check_folder(folder, force)

    from muster.compare import Comparison, chunks, plan

    drawn_from = None if prior else "shipped"
    planned = plan(scenario, tuple(policies), draws, seed, continuation=continuation, sets=tuple(settings or ()), posterior=drawn_from)
    if planned.reference.note:
        typer.echo(planned.reference.note, err=True)
    found, stopped = [], False
    with progress_bar(f"Simulating {planned.reference.name}") as update:
        try:
            for chunk in in_background(chunks(planned, update)):
                found.append(chunk)
        except KeyboardInterrupt:
            if not found:
                raise
            stopped = True
    comparison = Comparison.of(planned, found, time.perf_counter() - started)
    if stopped:
        typer.echo(f"Stopping; keeping the {comparison.draws:,} draws that are done.", err=True)
    paths = comparison.save(folder, force)
    if as_json:
        typer.echo(json.dumps({**comparison.as_dict(), "files": [str(path) for path in paths]}, ensure_ascii=False))
    else:
        show(comparison.as_dict(), paths)
    return 130 if stopped else 0


def check_draws(draws: int) -> None:
    """Refuses more draws than a command that holds every draw computes."""
    if not 1 <= draws <= MOST:
        raise UserError(f"--draws {draws}: 1 to {MOST:,} were expected.")


def show(told: dict, paths: list[Path]) -> None:
    """A table a policy, and the files."""
    from muster.cli.terminal import console

    page = console()
    page.print(
        f"{told['scenario']}, {told['continuation']}, {told['draws']:,} draws: policy less {told['reference']},"
        " median and 90 % band, draw by draw"
    )
    for policy in told["policies"]:
        rows = [row for row in told["differences"] if row["policy"] == policy["name"]]
        if policy["differs_from"] is None:
            page.print(f"{policy['name']}: no lever differs from {told['reference']}; every difference is 0.")
        elif rows:
            page.print(table(policy, rows, told["sides"]))
    page.print("P>0: share of draws above 0. Dead, losses and desertions are counted since the first difference.")
    page.print(f"Draws of the posterior ({told['posterior']}). The files hold the other dates." if told["posterior"] else PRIOR)
    for path in paths:
        page.print(str(path), soft_wrap=True)


def table(policy: dict, rows: list[dict], sides: list[dict]):
    """The differences of one policy a year after its first, both sides beside each other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import styled

    weeks = SHOWN if any(row["weeks"] == SHOWN for row in rows) else rows[-1]["weeks"]
    shown_rows = [row for row in rows if row["weeks"] == weeks]
    when = f"{weeks} weeks later" if weeks else "last observation"
    title = styled((policy["name"], "bold"), f": differs from {policy['differs_from']}; {when}, {shown_rows[0]['date']}")
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=title, title_justify="left", title_style="")
    shown.add_column("")
    for side in sides:
        shown.add_column(f"{side['label']}\nwas", justify="right", no_wrap=True)
        shown.add_column("\ndifference", justify="right", no_wrap=True)
        shown.add_column("\nP>0", justify="right", no_wrap=True)
    for name in dict.fromkeys(row["quantity"] for row in shown_rows):
        found = [row for side in sides for row in shown_rows if (row["side"], row["quantity"]) == (side["name"], name)]
        unit = "" if found[0]["unit"] == "1" else f" {found[0]['unit'].removesuffix(' men').removesuffix(' people')}"
        shown.add_row(styled(name, (unit, "dim")), *(cell for row in found for cell in cells(row)))
    return shown


def cells(row: dict) -> tuple:
    """What was, the difference with its band, and how likely it is above 0."""
    from muster.cli.terminal import styled

    if row["median"] is None:
        return "-", "-", "-"
    middle, low, high = (rounded(row[key]) for key in ("median", "low", "high"))
    return rounded(row["as_happened"]), styled(f"{middle} ", (f"{low} to {high}", "dim")), f"{row['p_above_zero']:.2f}"


def rounded(number: float) -> str:
    """A number that a narrow column can hold."""
    places = 0 if abs(number) >= 9.95 else 1 if abs(number) >= 0.095 else 2
    return "0" if abs(number) < 0.005 else f"{number:,.{places}f}"
