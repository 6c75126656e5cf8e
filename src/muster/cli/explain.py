"""muster explain: from a number of the results to its equation."""

import json
from typing import Annotated

import typer


def explain(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")
    ] = "russia-ukraine-2022",
    variable: Annotated[str, typer.Option(metavar="PATH", help="a variable of results.nc, such as russia/front/killed")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print the explanation for a machine, on stdout")] = False,
) -> None:
    """Explain a variable of the results: meaning, unit, equations, what feeds it, parameters with their sources."""
    from muster.errors import UserError
    from muster.explain import explain as explained

    if not variable:
        raise UserError("--variable PATH was expected, such as --variable russia/front/killed.")
    found = explained(variable, scenario)
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else text(found))


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
