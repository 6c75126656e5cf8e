"""Write the tables that docs take from the library, or check that they are current: parameters (docs/model) and policies.

    python tools/make_docs_tables.py [--check]

A table stands between two marker lines of its page; a chapter of docs/model without them gets them at its end.
--check writes nothing and ends with status 1 when a page is missing its table or has another one.
"""

import argparse
import re
import sys
from pathlib import Path

from muster.errors import UserError
from muster.evidence import SUBSYSTEMS, Citation, Parameter, Value, library, parameters, sources
from muster.scenario import load_policy

DOCS = Path(__file__).resolve().parent.parent / "docs"
CHAPTERS, POLICIES = DOCS / "model", DOCS / "policies.md"
BEGIN = "<!-- parameters:begin -->"
END = "<!-- parameters:end -->"
POLICIES_BEGIN, POLICIES_END = "<!-- policies:begin -->", "<!-- policies:end -->"
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


def told(value) -> str:
    """The value of a lever in a policy, in words: a number, or its first and last one over time."""
    held = value["value"] if isinstance(value, dict) and "value" in value else value
    if held is None:
        return "none"
    if isinstance(held, dict) and "path" in held:
        dated = [f"{told(part)} from {day}" for day, part in held["path"].items()]
        return ", ".join(dated)
    if isinstance(held, dict):
        return ", ".join(
            f"{key.replace('_', ' ')} {told(part)}" for key, part in held.items() if key not in ("source", "sources", "between")
        )
    if isinstance(held, list):
        return "; ".join(told(part) for part in held) or "none"
    return str(held)


def policies_table() -> str:
    """The Markdown table of the policies of the library: a line a lever, with its reason."""
    lines = ["| policy | side | lever | value | why |", "|---|---|---|---|---|"]
    for path in sorted((library() / "policies").glob("*.yaml")):
        policy = load_policy(path.stem)
        name = f"**`{policy.name}`** {cell(policy.title)}"
        if policy.extends:
            name += f" (and all that `{policy.extends}` sets)"
        if not policy.set:
            lines.append(f"| {name} | {policy.side or ''} | | | |")
        for number_of, (lever, value) in enumerate(policy.set.items()):
            first, side = (name, policy.side or "") if number_of == 0 else ("", "")
            lines.append(f"| {first} | {side} | `{lever}` | {cell(told(value))} | {cell(policy.reasons[lever])} |")
    return "\n".join(lines)


def with_policies(text: str) -> str:
    """The page of policies with the current table in it."""
    before, _, rest = text.partition(POLICIES_BEGIN)
    return f"{before}{POLICIES_BEGIN}\n\n{policies_table()}\n\n{POLICIES_END}{rest.partition(POLICIES_END)[2]}"


def stale_pages() -> dict[Path, str]:
    """The pages whose table is not current, with the text that they should have."""
    stale, text = {}, POLICIES.read_text(encoding="utf-8")
    if with_policies(text) != text:
        stale[POLICIES] = with_policies(text)
    for path in (CHAPTERS / f"{subsystem}.md" for subsystem in SUBSYSTEMS):
        if path.exists():
            text = path.read_text(encoding="utf-8")
            current = with_table(text, path.stem)
            if current != text:
                stale[path] = current
    return stale


def main() -> int:
    """Write or check every table."""
    parser = argparse.ArgumentParser(description="Write the tables of parameters and policies into docs.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with status 1 when a table is stale")
    check = parser.parse_args().check
    try:
        stale = stale_pages()
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 1
    for path, text in stale.items():
        if check:
            print(f"docs/{path.relative_to(DOCS)}: its table is not current; run: make docs", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"docs/{path.relative_to(DOCS)}: table written")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
