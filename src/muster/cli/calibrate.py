"""muster calibrate: fit the uncertain numbers of a scenario to published figures."""

import datetime
import errno
import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from muster.errors import UserError


def calibrate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")],
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="use what was published by this day  [the scenario's last observation]")
    ] = None,
    members: Annotated[int, typer.Option(metavar="N", help="how many members the ensemble has")] = 2080,
    steps: Annotated[int, typer.Option(metavar="K", help="how many times the figures are taken, each time with larger errors")] = 6,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="the luck; the same seed gives the same bits")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the posterior; its diagnosis stands beside it  [muster-posterior-SCENARIO.nc]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the diagnosis for a machine, on stdout")] = False,
) -> int:
    """Fit to published figures: keeps the posterior and its diagnosis; can be stopped and taken up after any step."""
    from muster.cli.terminal import in_background, progress_bar
    from muster.reading import date

    day = date(until, "--until") if until else None
    path = out or Path(f"muster-posterior-{Path(scenario).stem}.nc")
    check_file(path)
    state = path.with_name(path.name + ".state")
    started = time.perf_counter()
    with progress_bar(f"Fitting {scenario}") as update:
        try:
            fit, told = next(in_background(work(scenario, day, members, steps, seed, update, state)))
        except KeyboardInterrupt:
            kept = f"; what is done is kept in {state}, the same command goes on from there" if state.is_file() else ""
            typer.echo(f"Stopping{kept}.", err=True)
            return 130
    from muster.posterior import save

    save(fit.posterior(), path)
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(told, indent=1), encoding="utf-8")
    state.unlink(missing_ok=True)
    if as_json:
        typer.echo(json.dumps({**told, "files": [str(path), str(beside)], "seconds": round(time.perf_counter() - started, 1)}))
    else:
        show(told, [path, beside])
    return 0


def check_file(path: Path) -> None:
    """Refuses a place where no file can be written, before anything is computed; writes nothing."""
    if path.is_dir():
        raise UserError(f"--out {path}: a file was expected, this is a folder.")
    if path.suffix == ".json":
        raise UserError(f"--out {path}: another ending than .json was expected, such as .nc; the diagnosis stands beside it under .json.")
    above = next(place for place in path.absolute().parents if place.exists())
    if not above.is_dir():
        raise UserError(f"--out {path}: {above} is a file, a folder was expected there.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"--out {path}: cannot be written ({os.strerror(errno.EACCES)}).")


def work(scenario: str, day: datetime.date | None, members: int, steps: int, seed: int, update, state: Path):
    """The fit and its diagnosis."""
    from muster import calibration, diagnosis

    fit = calibration.calibrate(calibration.problem_of(scenario, day, seed), members, steps, seed, update, state)
    yield fit, diagnosis.report(fit)


def show(told: dict, paths: list[Path]) -> None:
    """What was fitted, the coverage by class of source, what moved most, and the files."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import console

    page = console()
    page.print(f"{told['scenario']} to {told['until']}: {told['figures']} figures, {told['numbers']} numbers, {told['members']} members.")
    covered = Table(box=SIMPLE_HEAD, pad_edge=False, title="Figures inside the 90 % band of what their source would tell by the others")
    for name in ("class of source", "figures", "inside, %"):
        covered.add_column(name)
    for name, found in told["coverage"].items():
        covered.add_row(name, str(found["figures"]), f"{100 * found['inside']:.0f}")
    page.print(covered)
    numbers = Table(box=SIMPLE_HEAD, pad_edge=False, title="What the figures moved most")
    for name in ("number", "mean, prior s.d.", "s.d. over prior's"):
        numbers.add_column(name)
    for row in told["moved"][:12]:
        numbers.add_row(row["number"], f"{row['mean']:+.2f}", f"{row['ratio']:.2f}")
    page.print(numbers)
    page.print(f"{len(told['prior_driven'])} of {told['numbers']} numbers are prior-driven: the figures hardly moved them.")
    large = sum(value > 1 for value in told["eigenvalues"])
    page.print(
        f"Directions of which the figures say more than the prior: {large}{' or more' if large == len(told['eigenvalues']) else ''}."
    )
    for path in paths:
        page.print(str(path), soft_wrap=True)
