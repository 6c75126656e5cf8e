"""Write the tables of docs/cases.md: every historical case, and the scores over them.

python tools/make_cases_page.py  (some three minutes)
"""

import sys
from pathlib import Path

from muster.case_answers import QUESTIONS
from muster.cases import load
from muster.validate import validate

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cases.md"
END = "<!-- end -->"
DRAWS = 520


def put(page: str, name: str, lines: list[str]) -> str:
    """The page with one block renewed."""
    begin = f"<!-- {name} -->"
    before, _, rest = page.partition(begin)
    return before + begin + "\n" + "\n".join(lines) + "\n" + END + rest.partition(END)[2]


def cases(rows: list[dict]) -> list[str]:
    """A line a case: what is given, what the model says, what happened."""
    titles = [question.title for question in QUESTIONS.values()]
    given = ["case", "dead per 1,000 mobilised: recorded, reached", "intensity"]
    heads = [*given, *titles, "deserted, % of mobilised", "recorded", "breaks in week"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for case, row in zip(load()[0], rows, strict=True):
        word = {None: "-", True: "**yes**", False: "no"}
        answers = [f"{p:.2f} {word[row['happened'][key]]}" for key, p in row["probabilities"].items()]
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
        "| question | codes | happened | mean probability | Brier | Brier of the base rate of the other wars | AUC |",
        "|---" * 7 + "|",
    ]
    for codes, key in (("main", "scores"), ("other", "scores_by_the_other_codes")):
        for name, row in report[key].items():
            brier = f"{row['brier']:.2f} | {row['brier_of_base_rate_of_other_wars']:.2f}"
            lines.append(
                f"| {QUESTIONS[name].title} | {codes} | {row['happened']} of {row['cases']} | {row['mean_probability']:.2f} | {brier}"
                f" | {row['auc']:.2f} |"
            )
    return lines


def main() -> int:
    """Runs the validation and writes the page."""
    report = validate("cases", draws=DRAWS, progress=lambda *what: print(*what, file=sys.stderr))
    page = PAGE.read_text(encoding="utf-8")
    page = put(page, "scores", scores(report))
    page = put(page, "cases", cases(report["cases"]))
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
