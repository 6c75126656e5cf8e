"""Compiles library/observations/headline.csv: the published figures beside which the headline series are shown.

Reads the evidence table in the folder named by MUSTER_DATA (its ../evidence) or ../shared/evidence. One row of ours per
figure: what it should have read in the model (path, operator, window: compile_observations.yaml), its value and unit, and
where it stands.

    python tools/compile_observations.py [--check]
"""

import csv
import io
import os
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src/muster/library/observations/headline.csv"
COLUMNS = (
    "id side path cohort region operator start end low central high unit relation"
    " source_class camp bias_group root published read locator grade use reason"
).split()
FIRST, LAST = "2022-02-24", "2025-06-30"

MAP = Path(__file__).with_suffix(".yaml")
CAP = 40  # values of one series without an open licence
KINDS = {"fit": "beside it a fit will stand", "score": "kept for scores", "show": "shown only", "set_aside": "set aside by its compilers"}


def mapped(row: dict, how: dict, level: float | None) -> dict:
    """One figure of the evidence as one row of ours; `level` where growth was chained to a level."""
    factor = how.get("factor", 1)

    def scaled(text: str) -> str:
        return f"{float(text) * factor:.6g}" if text else ""

    low, high = scaled(row["low"]), scaled(row["high"])
    if factor < 0:
        low, high = high, low
    return {
        "id": row["id"],
        "side": how.get("of", row["side"]),
        "path": how["path"],
        "cohort": how.get("cohort", ""),
        "region": "",
        "operator": how["operator"],
        "start": row["period_start"],
        "end": row["period_end"],
        "low": low if level is None else "",
        "central": scaled(row["central"]) if level is None else f"{level:.6g}",
        "high": high if level is None else "",
        "unit": how["unit"],
        "relation": how.get("relation", "about"),
        "source_class": row["kind"],
        "camp": row["camp"],
        "bias_group": f"{row['quantity']}/{row['camp']}",
        "root": row["root_source"] or row["source_publisher"],
        "published": row["published"],
        "read": row["read"] or row["published"],
        "locator": row["id"],
        "grade": row["grade"],
        "use": row["use"],
        "reason": KINDS[row["use"]] if level is None else "level over 2021, chained from yearly growth as first published",
    }


def chained_level(row: dict, before: float) -> float | None:
    """The level of output over 2021 after a whole year of growth; nothing for 2021 itself or a quarter."""
    whole_year = row["period_start"].endswith("01-01") and row["period_end"].endswith("12-31")
    return before * (1 + float(row["central"]) / 100) if whole_year and row["period_start"] > "2022" else None


def rows(source: Path) -> list[dict]:
    """Our rows from the evidence table; what has no date of publication has no known vintage and stays out."""
    how_of = yaml.safe_load(MAP.read_text(encoding="utf-8"))
    found, counts, level = [], {}, 1.0
    for row in csv.DictReader(source.open(encoding="utf-8")):
        how = how_of.get(row["quantity"])
        if how is None or row["region"] or not row["published"] or not row["central"] or (row["side"] == "partners") != ("of" in how):
            continue
        if row["rights"] not in ("open", "official", "fact") or row["period_end"] > LAST or row["published"][:10] > LAST:
            continue
        if row["period_end"] < FIRST or (how["operator"] != "at" and row["period_start"] < "2022-01-01"):
            continue
        row = {**row, "period_start": max(row["period_start"], FIRST)}
        number = None
        if how.get("chained"):
            number = chained_level({**row, "period_start": row["period_start"].replace(FIRST, "2022-01-01")}, level)
            if number is None:
                continue
            level = number
        series = (row["quantity"], row["side"], row["rights"])
        counts[series] = counts.get(series, 0) + 1
        if row["rights"] != "fact" or counts[series] <= CAP:
            found.append(mapped(row, how, number))
    return found


def text(found: list[dict]) -> str:
    """The table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def main() -> int:
    """Writes the table, or checks it."""
    named = os.environ.get("MUSTER_DATA")
    candidates = [Path(named).parent / "evidence" if named else None, ROOT.parent / "shared" / "evidence"]
    source = next((folder / "russia_ukraine.csv" for folder in candidates if folder and (folder / "russia_ukraine.csv").exists()), None)
    if source is None:
        print("The evidence table is not there: name its data folder in MUSTER_DATA.", file=sys.stderr)
        return 2
    made = text(rows(source))
    if "--check" in sys.argv:
        return 0 if TARGET.read_text(encoding="utf-8") == made else 1
    TARGET.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
