"""muster run: simulate a scenario and keep the results."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

ARMY = ("in theatre", "killed", "casualties", "recruits", "AFV")
COUNTRY = ("area", "approval", "abroad", "prices", "output", "deliveries")
SPARSE = 4  # after the last observation the table shows every fourth half-year


def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")],
    draws: Annotated[int, typer.Option(metavar="N", help="how many draws, 1 to 1,000,000; beyond 100,000 no single draw is kept")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="the luck; the same seed gives the same bits")] = 1,
    policy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="a policy by name or path; may be repeated, the last wins  [as-happened]")
    ] = None,
    continuation: Annotated[
        str | None, typer.Option(metavar="NAME", help="after the last observation: goes-on, ceasefire or escalates")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the folder for results.nc and manifest.json  [muster-run-SCENARIO]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write into a folder that holds other files")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help='SIDE.levers.NAME="12 weeks" or [SIDE.]SUBSYSTEM.PARAMETER=NUMBER; may be repeated'
        ),
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="all|headline|NAMES", help="series of which every draw is kept; of the rest quantiles and mean")
    ] = "headline",
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome for a machine, on stdout")] = False,
    resolution: Annotated[
        str, typer.Option(metavar="national|regional", help="each side as a whole, or by the regions of its table")
    ] = "national",
    structures: Annotated[
        str,
        typer.Option(
            metavar="default|all|NAME=VALUE", help="the rival equations; all runs each rival one at a time into a folder of its own"
        ),
    ] = "default",
    prior: Annotated[bool, typer.Option("--prior", help="draw from the prior, although a posterior was fitted")] = False,
    dt: Annotated[float, typer.Option(metavar="WEEKS", help="length of a step in weeks: 1 over a whole number")] = 1.0,
) -> int:
    """Simulate a scenario: keep the results in a folder, show medians and 90 % bands by half-year for both sides."""
    from muster import programs

    command = f"run {scenario} {resolution}"
    programs.read_ahead(command)
    from muster import output
    from muster.experiment import build, structures_of

    folder = out or Path(f"muster-run-{Path(scenario).stem}")
    chosen = structures_of(structures)
    places = {name: folder / name if len(chosen) > 1 else folder for name in chosen}
    for place in places.values():
        output.check_folder(place, force)
    given = scenario, tuple(policy or ("as-happened",)), continuation, draws, seed
    for name, structure in chosen.items():
        experiment = build(*given, structure, tuple(settings or ()), dt, resolution, None if prior else "shipped")
        if experiment.note and name == next(iter(chosen)):
            typer.echo(experiment.note, err=True)
        code = simulated(experiment, places[name], keep, as_json)
        if code:
            return code
    programs.note(command)
    return 0


def simulated(experiment, folder: Path, keep: str, as_json: bool) -> int:
    """One experiment simulated, kept in a folder and shown: the exit status."""
    from muster import output
    from muster.cli.terminal import in_background, progress_bar
    from muster.results import HeadlineTable, Results
    from muster.simulate import blocks
    from muster.writer import Writer

    started, draws = time.perf_counter(), experiment.draws
    frame, stopped = output.frame_of(experiment), False
    headlines = HeadlineTable(Results(frame), draws)
    with Writer(folder, frame, keep, draws) as writer, progress_bar(f"Simulating {experiment.name}") as update:
        try:
            computed = blocks(experiment, lambda done, whole: update("", done, whole))
            for found in in_background(computed, writer.lay_out_early):
                while found:  # a block that is written is let go
                    writer.append(found[0])
                    headlines.add(found.pop(0))
        except KeyboardInterrupt:
            if not writer.draws:
                raise
            stopped = True
            typer.echo(f"Stopping; keeping the {writer.draws:,} draws that are done.", err=True)
        update("Saving", writer.draws, draws)
        manifest = output.manifest_of(output.described(experiment), writer.draws, time.perf_counter() - started)
        paths = writer.finish(manifest)
    show(headlines.rows(), headlines.frame, writer.draws, paths, as_json)
    return 130 if stopped else 0


def show(rows: list[dict], results, draws: int, paths: list[Path], as_json: bool) -> None:
    """The headline table and the paths of the files, for a machine or a reader."""
    attributes = results.tree.attrs
    if as_json:
        told = {key: attributes[key] for key in ("scenario", "scenario_sha256", "version", "policy", "continuation")}
        counts = {"seed": int(attributes["seed"]), "draws": draws, "dt": results.dt}
        typer.echo(json.dumps({**told, **counts, "files": [str(path) for path in paths], "headlines": rows}, ensure_ascii=False))
        return
    from muster.cli.terminal import console

    page = console()
    page.print(f"{attributes['scenario']}, {attributes['policy']}, {attributes['continuation']}: median and 90 % band of {draws:,} draws")
    for side, label in zip(results.sides, attributes["labels"], strict=True):
        own = [row for row in rows if row["side"] == side]
        for names in (ARMY, COUNTRY):
            page.print(fitting(page, label, own, names, attributes["last_observation"]))
    days = sorted({row["date"] for row in rows})
    if len(shown_days(days, attributes["last_observation"])) < len(days):
        page.print(f"After {attributes['last_observation']} the table shows one date in {SPARSE}; --json shows all.")
    for path in paths:
        page.print(str(path), soft_wrap=True)


def shown_days(days: list[str], last_observation: str) -> list[str]:
    """The dates that the table shows: all that were observed, then one in SPARSE, and the last."""
    later = [day for day in days if day > last_observation]
    return [day for day in days if day <= last_observation or (later.index(day) + 1) % SPARSE == 0 or day == days[-1]]


def fitting(page, label: str, rows: list[dict], names: tuple[str, ...], last_observation: str):
    """The table of some series, its bands under their medians where the terminal is too narrow for them beside each other."""
    wide = table(label, rows, names, last_observation, " ")
    asked = page.measure(wide, options=page.options.update(max_width=10 * page.width)).maximum
    return wide if asked <= page.width else table(label, rows, names, last_observation, "\n")


def table(label: str, rows: list[dict], names: tuple[str, ...], last_observation: str, between: str):
    """Some headline series of one side by half-year."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import band

    units = {row["name"]: row["unit"].replace(" since the start", "\nsince start") for row in rows}
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    shown.add_column(label.replace(" ", "\n"), no_wrap=True)
    for name in names:
        unit = units[name].replace(" ", "\n", 1 if between == " " else -1)
        shown.add_column(f"{name}\n{unit}", justify="right", no_wrap=True)
    for day in shown_days(sorted({row["date"] for row in rows}), last_observation):
        found = {row["name"]: row for row in rows if row["date"] == day}
        cells = (band(found[name]["median"], found[name]["low"], found[name]["high"], between) for name in names)
        shown.add_row(day[:7], *cells)
    return shown
