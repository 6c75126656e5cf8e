"""muster assess: judge claims on a scenario."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from muster.cli.compare import check_draws
from muster.errors import UserError


def assess(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")
    ] = "russia-ukraine-2022",
    draws: Annotated[int, typer.Option(metavar="N", help="how many draws, 1 to 100,000")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="the luck; the same seed gives the same bits")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="the folder for the report, claims.json, results.nc and manifest.json  [muster-assess-SCENARIO]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write into a folder that holds other files")] = False,
    claims: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="a claim by name, or the path of a YAML file; may be repeated  [all]")
    ] = None,
    prior: Annotated[bool, typer.Option("--prior", help="draw from the prior, although a posterior was fitted")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the claims for a machine, on stdout")] = False,
    structures: Annotated[
        str, typer.Option(metavar="default|all|NAME=VALUE", help="the rival equations to try, one at a time")
    ] = "default",
    full: Annotated[
        bool, typer.Option("--full", help="also readings and maps by region, and all policies in the report: a minute or two more")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="twice the spread on numbers that rest on a source later than this")
    ] = None,
    observe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="weigh the draws by your own figures: a CSV file with the columns of observations")
    ] = None,
    without: Annotated[str | None, typer.Option(metavar="camp:NAME", help="leave the figures of a camp out of --observe")] = None,
) -> None:
    """Judge claims: every reading on one ensemble, with its mirror on the other side and what published figures say."""
    from muster import output
    from muster.cli.terminal import in_background, progress_bar
    from muster.reading import date

    started = time.perf_counter()
    check_asked(draws, observe)
    folder = out or Path(f"muster-assess-{Path(scenario).stem}")
    output.check_folder(folder, force)
    day = date(as_of, "--as-of") if as_of else None

    from muster.assess import assess as judge
    from muster.assess import beside_default
    from muster.compare import SERIES
    from muster.report import page

    beside_default(structures)
    options = {"as_of": day, "observe": observe, "without": without, "regional": full, "keep": SERIES}
    options["posterior"] = None if prior else "shipped"
    with progress_bar(f"Simulating {scenario}") as update:
        judging = (judge(scenario, draws, seed, tuple(claims or ()), structures, progress=update, **options) for _ in range(1))
        judgement = next(in_background(judging))
        comparison = next(in_background(compared(scenario, judgement, full) for _ in range(1)))
    paths = judgement.save(folder, force, texts={output.REPORT: page(judgement, comparison, time.perf_counter() - started)})
    if as_json:
        told = {"scenario": judgement.experiment.name, "draws": draws, "seed": seed, "structures": structures, "notes": judgement.notes}
        files = [str(path) for path in paths]
        typer.echo(json.dumps({**told, "files": files, "claims": judgement.as_list()}, ensure_ascii=False, default=str))
    else:
        show(judgement, paths, structures, time.perf_counter() - started)


def check_asked(draws: int, observe: Path | None) -> None:
    """Refuses too many draws, and figures of one's own that are no file, before anything is computed."""
    check_draws(draws)
    if observe and (observe.is_dir() or not observe.exists()):
        found = "this is a folder" if observe.is_dir() else "this does not exist"
        raise UserError(f"--observe {observe}: a CSV file with the columns of observations was expected; {found}.")


def compared(scenario: str, judgement, full: bool):
    """Policies about one of the sides against what was decided: those that claims ask for, or all; nothing where there is none."""
    from muster.compare import of_runs, plan
    from muster.ensembles import Key
    from muster.report.sections import named_policies

    experiment, runs = judgement.experiment, judgement.ensembles
    names = tuple(name for name in named_policies(experiment.sides) if full or Key(name) in runs.runs)
    if not names:
        return None
    planned = plan(scenario, names, experiment.draws, experiment.seed, posterior=experiment.posterior)
    runs.expected = len(runs.runs) + len(names)
    return of_runs(planned, lambda policy: runs.run(Key(policy)))


def show(judgement, paths: list[Path], structures: str, seconds: float) -> None:
    """All readings, the table of the headline readings, the files, and three lines to remember."""
    from muster import output
    from muster.cli.terminal import console

    page, claims = console(), judgement.as_list()
    if any(not reading["headline"] for claim in claims for reading in claim["readings"]):
        page.print(readings_table(claims))
    page.print(headline_table(claims, judgement.experiment))
    for note in judgement.notes:
        page.print(note)
    for path in sorted(paths, key=lambda path: path.name == output.REPORT):
        page.print(f"The report: {path}" if path.name == output.REPORT else str(path), soft_wrap=True)
    readings = [reading for claim in claims for reading in claim["readings"]]
    page.print(f"{len(readings)} readings of {len(claims)} claims in {seconds:.0f} seconds.")
    page.print("To remember:")
    for line in remembered(readings, structures):
        page.print(f"- {line}")


def remembered(readings: list[dict], structures: str) -> list[str]:
    """The lines that a reader should remember."""
    prior = sum(reading["prior_driven"] for reading in readings)
    without = sum(reading["verdict"] in ("not computed", "not testable") for reading in readings)
    flipped = sum(bool(reading["flips"]) for reading in readings)
    return [
        f"{prior} of {len(readings)} readings are prior-driven: no figures speak of them, or none moved them. Such a reading is called"
        " supported or contradicted only where every draw under every equation agrees.",
        f"{flipped} of {len(readings)} readings change sides under a rival equation or another ending of the war"
        + (
            f"; {without} have no probability, and say why."
            if structures != "default"
            else f"; --structures all tries the rival equations. {without} readings have no probability, and say why."
        ),
        "The outcome is what published figures say; it never moves a verdict, and no verdict moves it.",
    ]


def readings_table(claims: list[dict]):
    """Every reading but the headlines: probability, verdict, outcome, and the other continuations beyond the last observation."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import styled

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title="Other readings", title_justify="left")
    for name in ("reading", "p", "verdict", "outcome", "p if ceasefire,\nescalates"):
        shown.add_column(name, overflow="fold")  # two readings may differ in their last word
    for claim in claims:
        if len(claim["readings"]) > 1:
            shown.add_row(styled((claim["id"], "bold")))
        for reading in claim["readings"]:
            if not reading["headline"]:
                endings = reading["by_continuation"]
                others = ", ".join(f"{endings[name]:.2f}" for name in ("ceasefire", "escalates") if name in endings)
                shown.add_row(f"  {reading['id']}", probability(reading), reading["verdict"], outcome(reading), others)
    return shown


def headline_table(claims: list[dict], experiment):
    """The headline reading of each claim: probability, verdict, outcome, and the quantity on both sides."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from muster.cli.terminal import styled

    labels = [experiment.scenario.sides[side].label for side in experiment.sides]
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title="Claims, by their headline reading", title_justify="left")
    for name in ("claim", "p", "verdict", "outcome", "median and 90 % band, of the side and of the other"):
        shown.add_column(name, overflow="fold")
    for claim in claims:
        reading = next(reading for reading in claim["readings"] if reading["headline"])
        error = "" if reading["mcse"] is None else f" ±{2 * reading['mcse']:.2f}"
        of = labels[experiment.sides.index(claim["side"])]
        other = labels[1 - experiment.sides.index(claim["side"])]
        both = [styled(name, " ", *values(reading[key])) for name, key in ((of, "quantity"), (other, "mirror")) if known(reading[key])]
        shown.add_row(
            styled(f"{claim['title']}\n", (reading["id"], "dim")),
            probability(reading) + error,
            styled((reading["verdict"], "bold")),
            outcome(reading),
            reading["why_not"] or (Text("\n").join(both) if both else "-"),
        )
    return shown


def probability(reading: dict) -> str:
    """The probability, where there is one."""
    return "-" if reading["probability"] is None else f"{reading['probability']:.2f}"


def outcome(reading: dict) -> str:
    """What the published figures say."""
    return reading["resolution"]["outcome"]


def known(band: dict) -> bool:
    """Whether anything is known of a quantity."""
    return any(value is not None for value in band["values"])


def values(band: dict) -> tuple:
    """5 %, median and 95 % of a quantity as median and band, with its unit: parts of a styled text."""
    low, middle, high = (written(value) for value in band["values"])
    unit = band.get("unit", "1")
    return middle, (f" {low} to {high}{'' if unit == '1' else ' ' + unit}", "dim")


def written(value: float | None) -> str:
    """A number that a cell can hold; what is not finite never comes about."""
    return "never" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
