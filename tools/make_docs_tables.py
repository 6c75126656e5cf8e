"""Write the table of parameters into each chapter of docs/model from library/parameters, or check that it is current.

    python tools/make_docs_tables.py [--check]

The table stands between the two marker lines of docs/model/<subsystem>.md; a chapter without them gets them at its end.
--check writes nothing and ends with status 1 when a chapter is missing its table or has another one.
"""

import argparse
import re
import sys
from pathlib import Path

from muster.errors import UserError
from muster.evidence import SUBSYSTEMS, Citation, Parameter, Value, parameters, sources

CHAPTERS = Path(__file__).resolve().parent.parent / "docs" / "model"
BEGIN = "<!-- parameters:begin -->"
END = "<!-- parameters:end -->"
HEADINGS = ("name", "meaning", "unit", "value", "range", "prior", "per", "grade", "source")


def number(value: float) -> str:
    """A number in at most six digits, without a trailing zero."""
    return f"{value:.6g}"


def cell(text: str) -> str:
    """Text as it may stand in a cell of a Markdown table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


def cited(citations: tuple[Citation, ...]) -> str:
    """Title, place and remark of each source."""
    parts = []
    for citation in citations:
        source = sources().get(citation.key)
        if source is None:
            raise UserError(f'sources.yaml has no entry "{citation.key}".')
        parts.append(", ".join(part for part in (source.title, citation.locator, citation.note) if part))
    return "; ".join(parts)


def row(label: str, entry: Parameter, held: Parameter | Value, per: str, citations: tuple[Citation, ...]) -> str:
    """One line of the table."""
    meaning = f"{entry.meaning} ({entry.symbol})" if entry.symbol else entry.meaning
    low, high = held.range
    grades = ", ".join(dict.fromkeys(citation.grade for citation in citations))
    spread = "" if entry.prior == "constant" else f"{number(low)} to {number(high)}"
    cells = (cell(meaning), cell(entry.unit), number(held.value), spread, entry.prior, per, grades, cell(cited(citations)))
    return f"| {label} | " + " | ".join(cells) + " |"


def table(subsystem: str) -> str:
    """The Markdown table of one subsystem's parameters; a side's own value has its own line."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for name, entry in parameters()[subsystem].items():
        lines.append(row(f'<span id="{name}">`{name}`</span>', entry, entry, entry.per, entry.sources))
        for side, held in entry.by_side.items():
            lines.append(row(f"`{name}`", entry, held, side, held.sources or entry.sources))
    return "\n".join(lines)


def with_table(text: str, subsystem: str) -> str:
    """A chapter's text with the current table in it."""
    block = f"{BEGIN}\n\n{table(subsystem)}\n\n{END}"
    if BEGIN in text and END in text:
        before, _, rest = text.partition(BEGIN)
        return before + block + rest.partition(END)[2]
    return f"{text.rstrip()}\n\n## Parameters\n\n{block}\n"


def stale_chapters() -> dict[Path, str]:
    """The chapters whose table is not current, with the text that they should have."""
    stale = {}
    for path in (CHAPTERS / f"{subsystem}.md" for subsystem in SUBSYSTEMS):
        if path.exists():
            text = path.read_text(encoding="utf-8")
            current = with_table(text, path.stem)
            if current != text:
                stale[path] = current
    return stale


def main() -> int:
    """Write or check every chapter's table."""
    parser = argparse.ArgumentParser(description="Write the tables of parameters into docs/model.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with status 1 when a table is stale")
    check = parser.parse_args().check
    try:
        stale = stale_chapters()
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 1
    for path, text in stale.items():
        if check:
            print(f"docs/model/{path.name}: the table of parameters is not current; run: make docs", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"docs/model/{path.name}: table of parameters written")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
