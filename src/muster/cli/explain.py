"""muster explain: from a number of the results to its equation, and what an outcome hangs on."""

import json
from typing import Annotated

import typer

from muster.cli.compare import check_draws
from muster.errors import UserError

SHOWN = 10  # loops that the table shows
DRAWS, SEED = 200, 1


def explain(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")
    ] = "russia-ukraine-2022",
    variable: Annotated[
        str, typer.Option(metavar="PATH", help="where a variable of results.nc comes from, such as russia/front/killed")
    ] = "",
    outcome: Annotated[
        str, typer.Option(metavar="PATH", help="why a weekly series is what it is: parameters, loops, structures; half a minute")
    ] = "",
    day: Annotated[str | None, typer.Option(metavar="DATE", help="of --outcome; flows are summed up to it  [the last observation]")] = None,
    draws: Annotated[int | None, typer.Option(metavar="N", help=f"of --outcome, 1 to 100,000  [{DRAWS}]")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, max=2**63 - 1, help=f"of --outcome: the luck  [{SEED}]")] = None,
    structures: Annotated[
        str | None, typer.Option(metavar="default|all|NAME=VALUE", help="of --outcome: rival equations to try, one at a time  [default]")
    ] = None,
    prior: Annotated[bool, typer.Option("--prior", help="of --outcome: draw from the prior, although a posterior was fitted")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the explanation for a machine, on stdout")] = False,
) -> None:
    """Explain a variable (its equations, what feeds it, sources), or an outcome (what it hangs on)."""
    if bool(variable) == bool(outcome):
        raise UserError("either --variable PATH or --outcome PATH was expected, such as --variable russia/front/killed.")
    if variable:
        if prior or any(given is not None for given in (day, draws, seed, structures)):
            raise UserError("--day, --draws, --seed, --structures and --prior are of --outcome; --variable simulates nothing.")
        from muster.explain import explain as explained

        found = explained(variable, scenario)
        typer.echo(json.dumps(found, ensure_ascii=False) if as_json else text(found))
        return
    count, luck = DRAWS if draws is None else draws, SEED if seed is None else seed
    rivals = "default" if structures is None else structures
    check_draws(count)
    from muster.cli.terminal import progress_bar
    from muster.why import why

    with progress_bar(f"Explaining {outcome}") as update:
        answer = why(outcome, scenario, day, count, luck, rivals, None if prior else "shipped", update)
    if as_json:
        typer.echo(json.dumps(answer.as_dict(), ensure_ascii=False))
    else:
        show(answer.as_dict())


def show(told: dict) -> None:
    """The outcome, and three tables: parameters, loops, structures."""
    from muster.cli.terminal import band, console
    from muster.evidence import parameters

    page, (low, middle, high) = console(), told["values"]
    unit = "" if told["unit"] == "1" else f" {told['unit']}"
    page.print(f"{told['outcome']}, {told['day']}: {told['meaning']}")
    page.print(band(middle, low, high) + f"{unit}, median and 90 % band of {told['draws']:,} draws")
    rows = []
    for one in told["parameters"]:
        subsystem, _, name = one["parameter"].partition("/")[2].partition(".")
        rows.append((one["parameter"], f"{one['share']:.0%}", parameters()[subsystem][name].meaning))
    if rows:
        page.print(table("Uncertain numbers, by the share of the spread that each carries alone", ("number", "share", "meaning"), rows))
    if not told["parameters_resolved"]:
        page.print(f"{'Smaller shares' if rows else 'Shares of single numbers'} are noise in so few draws; --draws 1000 tells them.")
    moved = [one for one in told["loops"] if any(one["change"])]
    cells = [
        (one["loop"], band(one["change"][1], one["change"][0], one["change"][2]), f"{one['p_raises']:.2f}", one["meaning"])
        for one in moved[:SHOWN]
    ]
    title = "Loops and arrows: the outcome as it is less that with the loop cut on both sides, draw by draw"
    page.print(table(title, ("loop", f"change{unit and ',' + unit}", "P>0", "meaning"), cells))
    page.print(f"{len(told['loops']) - len(moved)} of {len(told['loops'])} change it in at most one draw of ten; --json tells all.")
    rivals = [(one["structure"], band(one["values"][1], one["values"][0], one["values"][2])) for one in told["structures"]]
    if rivals:
        page.print(table("Rival equations", ("structure", f"outcome{unit and ',' + unit}"), rivals))
    else:
        page.print("--structures all sets the rival equations beside it.")


def table(title: str, names: tuple[str, ...], rows: list[tuple]):
    """A table of texts."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in names:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    return shown


def text(found: dict) -> str:
    """The explanation for a reader."""
    lines = [f"{found['variable']} [{found['unit']}]: {found['meaning']}", "", "Equations"]
    for chapter in found["chapters"]:
        numbers = ", ".join(map(str, chapter["equations"]))
        lines.append(f"  {chapter['file']}, {chapter['section']}{f', eq. {numbers}' if numbers else ''}")
    if found["expression"]:
        lines.append(f"  week.py: {found['expression']}")
    for function in found["functions"]:
        module, name = function["place"].split(".")
        lines.append(f"  src/muster/model/{module}.py, {name}: {function['says']}")
    lines += ["", "Inputs" if found["inputs"] else "Inputs: none"]
    for item in found["inputs"]:
        meaning = f" [{item['unit']}] {item['meaning']}" if item["meaning"] else ""
        lines.append(f"  {item['name']}{meaning}")
        origin = f"from {', '.join(item['from'])}; " if item["from"] else ""
        lines.append(f"      {origin}{item['place']}: {item['expression']}")
    lines += ["", f"Carried over from last week: {', '.join(found['carried']) or 'nothing'}"]
    lines += ["", "Parameters" if found["parameters"] else "Parameters: none"]
    for item in found["parameters"]:
        low, high = item["range"]
        spread = f", {low:g} to {high:g}" if high > low else ", fixed"
        symbol = f" ({item['symbol']})" if item["symbol"] else ""
        lines.append(f"  {item['name']}{symbol} = {item['value']:g} {item['unit']}{spread}: {item['meaning']}")
        lines.append(f"      {', '.join(item['grades'])}: {'; '.join(item['sources'])}")
    return "\n".join(lines)
