"""Writes the tables of docs/a-war-in-an-afternoon.md: the second war's results beside the published figures.

    python tools/make_second_war.py             (200 prior draws of american-civil-war; about a minute)
    python tools/make_second_war.py --figures   (compiles the published figures again, from the folder named by MUSTER_DATA)

The figures stand in library/observations/american-civil-war/figures.csv: sums by half-year of the weekly table of Greer, of the
battles of Livermore, and single published figures typed here. Both tables are open (docs/a-war-in-an-afternoon.md).
"""

import argparse
import csv
import io
import os
import sys
from pathlib import Path
from typing import get_args

import numpy as np

from muster.defaults import KEY
from muster.evidence import Grade, checked, entries, library, parameters, sources
from muster.observe import Observation, predict

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "a-war-in-an-afternoon.md"
SCENARIO = "american-civil-war"
FIGURES = library() / "observations" / SCENARIO / "figures.csv"
DATA = Path(os.environ.get("MUSTER_DATA", ROOT.parent / "shared" / "data")) / "american_civil_war"
DRAWS = 200
START = "1862-01-01"
ENDS = ("1862-07-01", "1863-01-01", "1863-07-01", "1864-01-01", "1864-07-01", "1865-01-01", "1865-04-08")
SIDES = {"union": ("union", "Union"), "confederacy": ("confederate", "Confederate")}
SERIES = (  # label, path, operator
    ("on the rolls", "people/serving", "at"),
    ("in the theatre", "front/troops", "at"),
    ("killed, wounded, captured", "front/losses", "over"),
    ("of these killed", "front/killed", "over"),
    ("of these captured", "front/captured", "over"),
    ("deserted", "morale/desertions", "over"),
)
TYPED = (  # id, side, path, operator, start, end, central, relation, root, locator, grade
    ("D1", "confederacy", "morale/desertions", "over", START, ENDS[-1], 104428, "at_least", "lonn-1928", "as quoted", "A",
     "registered deserters of the whole war: a floor"),
    ("D2", "union", "morale/desertions", "over", START, ENDS[-1], 200000, "about", "lonn-1928", "", "C",
     "of the whole war; recalled, not checked"),
    ("P1", "confederacy", "front/troops", "at", ENDS[5], ENDS[5], 196016, "about", "official-records", "", "C",
     "present of 400,787 on the rolls at the end of December 1864; recalled, not checked"),
)  # fmt: skip
ROLLS = ("1862-03-31", "1863-01-01", "1864-01-01", "1865-01-01")


def row(name, side, path, operator, start, end, central, relation, root, locator, grade, reason) -> dict:
    """One observation as it stands in the file."""
    blank = dict.fromkeys(Observation.model_fields, "")
    known = {"id": name, "side": side, "path": path, "operator": operator, "start": start, "end": end, "central": int(central)}
    words = {"relation": relation, "root": root, "locator": locator, "grade": grade, "reason": reason}
    same = {
        "unit": "person",
        "source_class": "history",
        "camp": "none",
        "bias_group": root,
        "published": sources()[root].published,
        "read": "2025-08-26",
    }
    return blank | known | words | same | {"use": "show"}


def read(name: str) -> list[dict]:
    """A table of the outside data set."""
    path = DATA / name
    if not path.exists():
        sys.exit(f"{path} is missing: name the folder of data sets in MUSTER_DATA.")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def compiled() -> list[dict]:
    """The published figures, from the outside tables and those typed above."""
    weekly, battles, rolls = read("weekly_casualties.csv"), read("livermore_battles.csv"), {r["date"]: r for r in read("army_size.csv")}
    found = []
    for side, (small, large) in SIDES.items():
        for day in ROLLS:
            central = rolls[day]["union" if side == "union" else "confederate"]
            at = ("people/serving", "at", day, day, central, "about")
            found.append(row(f"R-{side}-{day}", side, *at, "livermore-1900", "table p. 47", "A", "present and absent"))
        for start, end in zip((START, *ENDS), ENDS, strict=False):
            total = sum(float(week[f"{small}_battle"]) for week in weekly if start <= week["week_start"] < end)
            over = ("front/losses", "over", start, end, total, "about")
            found.append(
                row(f"L-{side}-{end}", side, *over, "greer-2005", "weekly table", "B", "killed, wounded, captured, missing in battle")
            )
            fought = [battle for battle in battles if battle["belligerent"] == large and start <= battle["start_date"] < end]
            for column, path, words in (("kia", "front/killed", "killed"), ("miapow", "front/captured", "missing and captured")):
                total = sum(float(battle[column] or 0) for battle in fought)
                floor = (path, "over", start, end, total, "at_least", "livermore-1900", "battles", "B")
                found.append(row(f"B-{column}-{side}-{end}", side, *floor, f"{words} in the battles listed: a floor"))
    return found + [row(*typed) for typed in TYPED]


def as_text(rows: list[dict]) -> str:
    """Rows as the text of the file."""
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(Observation.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def figures() -> list[Observation]:
    """The published figures of the library, checked."""
    optional = ("cohort", "region", "low", "high")
    found = []
    with FIGURES.open(encoding="utf-8") as file:
        for one in csv.DictReader(file):
            filled = {key: value or (None if key in optional else "") for key, value in one.items()}
            found.append(checked(Observation, filled, FIGURES.name))
    return found


def thousand(men: float) -> str:
    """Men in thousands, two or three digits."""
    return f"{men / 1000:,.0f}" if abs(men) >= 9_950 else f"{men / 1000:.2g}"


def published(side: str, path: str, start: str, end: str) -> str:
    """The published figure of a cell, on a line of its own; for the whole war the sum of the half-years; >= where it is a floor."""
    rows = [one for one in figures() if (one.side, one.path) == (side, path)]
    found = [one for one in rows if one.end == end and (one.operator == "at" or one.start == start)]
    if not found and (start, end) == (START, ENDS[-1]):
        found = [one for one in rows if one.operator == "over"]
    if not found:
        return ""
    return f"<br>{'≥ ' if found[0].relation == 'at_least' else ''}{thousand(sum(one.central for one in found))}"


def band(values: np.ndarray) -> str:
    """Median and 90 % band."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{thousand(middle)} [{thousand(low)}, {thousand(high)}]"


def side_table(results, side: str, label: str) -> str:
    """Results and figures of one side by half-year, in thousands."""
    lines = [f"\n### {label}\n", f"| thousand men | {' | '.join(f'to {end}' for end in ENDS)} | whole |", "|---" * (len(ENDS) + 2) + "|"]
    for name, path, operator in SERIES:
        cells = []
        for start, end in [*zip((START, *ENDS), ENDS, strict=False), (START, ENDS[-1])]:
            if operator == "at":
                last = (start, end) == (START, ENDS[-1])
                cells.append("" if last else f"{band(results.at(f'{side}/{path}', end))}{published(side, path, end, end)}")
            else:
                cells.append(f"{band(results.total(f'{side}/{path}', start, end))}{published(side, path, start, end)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def coverage(results) -> str:
    """How many figures lie in the bands, by side and series; a floor is met where the band reaches it."""
    lines = ["| side | series | figures | kind | 50 % band meets, % | 90 % band meets, % |", "|---|---|---|---|---|---|"]
    for side in results.sides:
        for name, path, _ in SERIES:
            for kind in ("about", "at_least"):
                rows = [one for one in figures() if (one.side, one.path, one.relation) == (side, path, kind)]
                if rows:
                    inside = np.mean(np.array([meets(results, one) for one in rows], dtype=float), axis=0) * 100
                    words = "a floor" if kind == "at_least" else "a figure"
                    lines.append(f"| {side} | {name} | {len(rows)} | {words} | {inside[0]:.0f} | {inside[1]:.0f} |")
    return "\n".join(lines)


def meets(results, one: Observation) -> tuple[bool, bool]:
    """Whether the 50 % and the 90 % band meet a figure."""
    low, first, third, high = np.quantile(predict(results, one), (0.05, 0.25, 0.75, 0.95))
    if one.relation == "at_least":
        return bool(third >= one.central), bool(high >= one.central)
    return bool(first <= one.central <= third), bool(low <= one.central <= high)


def grades(experiment) -> str:
    """How many numbers of each grade the run rests on: those of the scenario, the neutral ones, the library's priors."""
    cited = [(citation.key == KEY, citation.grade) for _, citation in experiment.citations]
    held = [(getattr(value, "sources", ()) or parameters()[part][name].sources, stream in experiment.overrides)
            for stream, part, name, _, value, _ in entries(experiment)]  # fmt: skip
    groups = {
        "given in the scenario and its settings": [grade for neutral, grade in cited if not neutral],
        "given as an override": [citation.grade for sources, own in held if own for citation in sources],
        "neutral, for want of a word": [grade for neutral, grade in cited if neutral],
        "priors of the library": [citation.grade for sources, own in held if not own for citation in sources],
    }
    names = get_args(Grade)
    lines = [f"| sources of numbers | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {label} | {' | '.join(str(found.count(name)) for name in names)} |" for label, found in groups.items()]
    return "\n".join(lines)


def replaced(text: str, name: str, table: str) -> str:
    """The page with one generated part renewed."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    return text[: text.index(begin) + len(begin)] + "\n" + table + "\n" + text[text.index(end) :]


def main() -> None:
    """Compiles the figures, or runs the draws and renews the page."""
    parser = argparse.ArgumentParser(description="Write the tables of docs/a-war-in-an-afternoon.md.")
    parser.add_argument("--figures", action="store_true", help="compile the published figures again instead")
    if parser.parse_args().figures:
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(as_text(compiled()), encoding="utf-8")
        return
    from muster.experiment import build
    from muster.simulate import ensemble

    experiment = build(SCENARIO, draws=DRAWS)
    results = ensemble(experiment)
    labels = {side: text.label for side, text in experiment.scenario.sides.items()}
    text = PAGE.read_text(encoding="utf-8")
    text = replaced(text, "halfyears", "\n".join(side_table(results, side, labels[side]) for side in results.sides))
    text = replaced(text, "coverage", coverage(results))
    text = replaced(text, "grades", grades(experiment))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
