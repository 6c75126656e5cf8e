"""muster validate: the fitted law beside its rivals on battles, the model on historical cases."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Validate on outside data.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def about() -> None:
    """Set the fitted law beside its rivals on battles, and the model beside what happened in closed wars."""


@app.command("battles")
def validate_battles(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="a folder with battles_wide.csv  [the folder named by MUSTER_DATA]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores for a machine, on stdout")] = False,
) -> None:
    """Forecast battles that were left out of the fit: winner and losses, beside force ratio alone, the classical laws and others."""
    from muster.cli.terminal import console
    from muster.validate import validate

    report = validate("battles", data, progress=lambda what, done, whole: typer.echo(f"{what}: fold {done} of {whole}", err=True))
    if as_json:
        typer.echo(json.dumps(report, allow_nan=True).replace("NaN", "null"))
        return
    page = console()
    page.print(
        f"{report['battles']} battles of {report['wars']} wars, {report['decided']} with a winner;"
        f" {report['left_out_because_parts_are_there']} left out because their parts are there."
    )
    for title, schemes in report["results"].items():
        for scheme, methods in schemes.items():
            page.print(table(f"{title}; {scheme}", methods))
    page.print(
        "AUC, slope: more is better, 1 is right. Brier, log score, CRPS (of log losses): less is better. [ ]: 90 % over resampled battles."
    )
    page.print(f"Shipped posterior on battles that it has not seen: {json.dumps(report['shipped'])}")
    page.print(f"American Civil War: {json.dumps(report['american_civil_war'])}")


def table(title: str, methods: dict[str, dict]):
    """The scores of every method under one scheme."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import styled

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("method", "AUC", "World Wars", "Brier", "log score", "less ratio's", "slope", "CRPS att.", "CRPS def."):
        shown.add_column(name, no_wrap=True)
    for name, row in methods.items():
        low, high = row["log_score_over_force_ratio_interval"]
        numbers = (row["auc"], row["auc_world_wars"], row["brier"], row["log_score"])
        losses = (row["calibration_slope"], row["crps_attacker"], row["crps_defender"])
        over = styled(f"{row['log_score_over_force_ratio']:+.3f} ", (f"{low:+.3f} {high:+.3f}", "dim"))
        shown.add_row(name, *(f"{x:.3f}" for x in numbers), over, *(f"{x:.2f}" for x in losses))
    return shown


@app.command("cases")
def validate_cases(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="a CSV file, or a folder with cases.csv  [the library's table]")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", metavar="N", min=1, help="prior draws of each case")] = 208,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="of the draws")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print everything for a machine, on stdout")] = False,
) -> None:
    """Ask of closed wars whether the army broke, the government fell and the state broke up, given people, men mobilised and dead."""
    from muster.case_answers import QUESTIONS
    from muster.cli.terminal import console
    from muster.validate import validate

    report = validate("cases", data, draws, seed, lambda what, done, whole: typer.echo(f"{what}: case {done} of {whole}", err=True))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
        return
    page = console()
    page.print(of_cases(report["cases"], {key: question.title for key, question in QUESTIONS.items()}))
    for name, reason in report["left_out"].items():
        page.print(f"Left out: {name}: {reason}.")
    page.print("The model's probability, then as moved by other wars; in brackets whether it happened (-: conquered, does not count).")
    page.print(of_scores(report, {key: question.title for key, question in QUESTIONS.items()}))
    page.print("Brier score: less is better; moved: after other wars. AUC of the model's: 0.5 sorts the cases as chance does.")


def of_cases(rows: list[dict], titles: dict[str, str]):
    """Each case: its dead, and the probabilities beside what happened."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from muster.cli.terminal import styled

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"{len(rows)} cases", title_justify="left")
    for name in ("case", "dead per 1000", "recorded", *titles.values()):
        shown.add_column(name)
    for row in rows:
        dead = row["dead_per_1000_mobilised"]
        happened = {key: "-" if found is None else "yes" if found else "no" for key, found in row["happened"].items()}
        after = row["probabilities_moved_by_other_wars"]
        answers = (styled(f"{p:.2f} {after[key]:.2f} ", (f"({happened[key]})", "dim")) for key, p in row["probabilities"].items())
        shown.add_row(row["case"], f"{dead['median']:.0f}", f"{dead['recorded']:.0f}", *answers)
    return shown


def of_scores(report: dict, titles: dict[str, str]):
    """The scores by the main codes, and by the other defensible ones."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"Scores over {report['wars']} wars", title_justify="left")
    for name in ("question", "codes", "happened", "mean probability", "Brier", "moved", "base rate's", "AUC"):
        shown.add_column(name)
    for codes, key in (("main", "scores"), ("other", "scores_by_the_other_codes")):
        for name, row in report[key].items():
            if not row["cases"]:
                continue
            area = "-" if row["auc"] is None else f"{row['auc']:.2f}"
            columns = ("mean_probability", "brier", "brier_moved_by_other_wars", "brier_of_base_rate_of_other_wars")
            numbers = (f"{row[key]:.2f}" for key in columns)
            shown.add_row(titles[name], codes, f"{row['happened']} of {row['cases']}", *numbers, area)
    return shown
