"""Write library/cases/answers.csv, what the model says of each historical case, and the tables of docs/cases.md.

python tools/make_cases_page.py  (some three minutes)
"""

import csv
import sys
from pathlib import Path

from muster.case_answers import QUESTIONS, Lived, answered, report_of, with_the_dead
from muster.cases import Case, load
from muster.evidence import library

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cases.md"
END = "<!-- end -->"
DRAWS = 520


def put(page: str, name: str, lines: list[str]) -> str:
    """The page with one block renewed."""
    begin = f"<!-- {name} -->"
    before, _, rest = page.partition(begin)
    return before + begin + "\n" + "\n".join(lines) + "\n" + END + rest.partition(END)[2]


def keep(known: list[Case], found: list[Lived]) -> None:
    """Writes what the model says, by which later cases are moved."""
    with (library() / "cases" / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("case_id", *QUESTIONS))
        for case, lives in zip(known, found, strict=True):
            rows.writerow((case.name, *(f"{question.probability(lives):.4f}" for question in QUESTIONS.values())))
    answered.cache_clear()


def cases(rows: list[dict]) -> list[str]:
    """A line a case: what is given, what the model says, what happened."""
    titles = [question.title for question in QUESTIONS.values()]
    given = ["case", "dead per 1,000 mobilised: recorded, reached", "intensity"]
    heads = [*given, *titles, "deserted, % of mobilised", "recorded", "breaks in week"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for case, row in zip(load()[0], rows, strict=True):
        word = {None: "-", True: "**yes**", False: "no"}
        after = row["probabilities_moved_by_other_wars"]
        answers = [f"{p:.2f}, {after[key]:.2f} {word[row['happened'][key]]}" for key, p in row["probabilities"].items()]
        deserted = row["deserted_share_of_mobilised"]
        recorded = "" if deserted["recorded"] is None else f"{100 * deserted['recorded']:.1f}"
        share = f"{100 * deserted['median']:.0f} ({100 * deserted['low']:.0f} to {100 * deserted['high']:.0f})"
        dead, week = row["dead_per_1000_mobilised"], row["army_broke_in_week"]
        when = "-" if week is None else f"{week['median']:.0f} ({week['low']:.0f} to {week['high']:.0f})"
        name = f"{case.name} {case.start.year}-{case.end.year}"
        given = [name, f"{dead['recorded']:.0f}, {dead['median']:.0f}", f"{row['intensity']:.3g}"]
        lines.append(f"| {' | '.join([*given, *answers, share, recorded, when])} |")
    return lines


def scores(report: dict) -> list[str]:
    """A line a question and set of codes."""
    lines = [
        "| question | codes | happened | mean probability | Brier | moved by other wars | base rate of other wars | AUC |",
        "|---" * 8 + "|",
    ]
    for codes, key in (("main", "scores"), ("other", "scores_by_the_other_codes")):
        for name, row in report[key].items():
            columns = ("brier", "brier_moved_by_other_wars", "brier_of_base_rate_of_other_wars")
            brier = " | ".join(f"{row[column]:.2f}" for column in columns)
            lines.append(
                f"| {QUESTIONS[name].title} | {codes} | {row['happened']} of {row['cases']} | {row['mean_probability']:.2f} | {brier}"
                f" | {row['auc']:.2f} |"
            )
    return lines


def main() -> int:
    """Runs every case, keeps what the model says of it, and writes the page."""
    known, found = load()[0], []
    for case in known:
        print(case.name, file=sys.stderr)
        found.append(with_the_dead(case, DRAWS, 1))
    keep(known, found)
    report = report_of(known, found)
    page = PAGE.read_text(encoding="utf-8")
    page = put(page, "scores", scores(report))
    page = put(page, "cases", cases(report["cases"]))
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
