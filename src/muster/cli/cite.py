"""muster cite: the bibliography of exactly the numbers that a run uses."""

import json
from collections import Counter
from typing import Annotated

import typer


def cite(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")],
    policy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="a policy by name or path; may be repeated  [as-happened]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the sources for a machine, on stdout")] = False,
) -> None:
    """List the sources of exactly the numbers that a run of a scenario uses, with the grade of each number."""
    from muster.evidence import bibliography
    from muster.experiment import build

    entries = bibliography(build(scenario, tuple(policy or ("as-happened",))))
    if as_json:
        typer.echo(json.dumps(entries, ensure_ascii=False, default=str))
        return
    counts: Counter[str] = Counter()
    for entry in entries:
        counts.update(entry["grades"])
        address = f" {entry['url']}" if entry["url"] else ""
        typer.echo(f"{entry['key']}: {entry['title']}. {entry['publisher']}, {entry['published']}.{address}")
        grades = ", ".join(f"{number} {grade}" for grade, number in sorted(entry["grades"].items()))
        many = "number" if len(entry["values"]) == 1 else "numbers"
        typer.echo(
            f"    {len(entry['values'])} {many} ({grades}): {', '.join(entry['values'][:3])}{', ...' if len(entry['values']) > 3 else ''}"
        )
    total = ", ".join(f"{number} {grade}" for grade, number in counts.most_common())
    typer.echo(f"{len(entries)} sources of {sum(counts.values())} numbers: {total}.")
