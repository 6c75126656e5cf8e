"""Compiles library/observations/headline.csv: the published figures beside which the headline series are shown.

Reads the evidence table in the folder named by MUSTER_DATA (its ../evidence) or ../shared/evidence. One row of ours per
figure: what it should have read in the model (path, operator, window), its value and unit, and where it stands.

    python tools/compile_observations.py [--check]
"""

import csv
import io
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src/muster/library/observations/headline.csv"
COLUMNS = (
    "id side path cohort region operator start end low central high unit relation"
    " source_class camp bias_group root published read locator grade use reason"
).split()
FIRST, LAST = "2022-02-24", "2025-06-30"

# quantity of the evidence -> (path below the side, operator, factor to the model's unit, unit, relation)
MAPPED = {
    "deaths_estimated_cumulative": ("front/killed", "over", 1, "person", "about"),
    "casualties_cumulative": ("front/killed+front/wounded", "over", 1, "person", "about"),
    "force_in_theatre": ("front/troops", "at", 1, "person", "about"),
    "area_controlled_share": ("front/area_controlled", "at", 6035.5, "km2", "about"),
    "contract_recruits": ("callup/volunteers", "over", 1, "person", "about"),
    "mobilized_per_month": ("callup/called_up+callup/volunteers", "mean", 12 / 52, "person/week", "about"),
    "putin_approval_levada": ("society/approval_reported", "mean", 0.01, "1", "about"),
    "support_military_actions_levada": ("society/support_reported", "mean", 0.01, "1", "about"),
    "emigrants_remaining_abroad": ("people/abroad", "at", 1, "person", "about"),
    "emigrants_first_wave": ("people/abroad", "at", 1, "person", "about"),
    "emigrants_2022": ("people/abroad", "at", 1, "person", "about"),
    "refugees_abroad": ("people/abroad", "at", 1e6, "person", "about"),
    "cpi_dec_yoy": ("economy/inflation", "at", 0.01, "1", "about"),
    "awol_cases_art407": ("morale/desertions", "over", 1, "person", "at_least"),
    "deserters_cumulative": ("morale/desertions", "over", 1, "person", "about"),
    "tanks_in_storage": ("arms/afv_restorable", "at", 1, "vehicle", "at_most"),
}
CAP = 40  # values of one series without an open licence


def deaths(quantity: str) -> bool:
    """Whether a quantity of the evidence is a cumulated estimate of own military deaths."""
    return quantity.startswith(("deaths_", "military_deaths", "killed_")) and "cumulative" in quantity and "named" not in quantity


def rows(source: Path) -> list[dict]:
    """Our rows from the evidence table."""
    found, counts = [], {}
    for row in csv.DictReader(source.open(encoding="utf-8")):
        key = "deaths_estimated_cumulative" if deaths(row["quantity"]) else row["quantity"]
        if key not in MAPPED or row["region"] or row["side"] not in ("russia", "ukraine"):
            continue
        if not row["published"] or not row["central"] or row["rights"] not in ("open", "official", "fact"):
            continue
        if row["period_end"] > LAST or row["published"][:10] > LAST:
            continue
        series = (key, row["side"], row["rights"])
        counts[series] = counts.get(series, 0) + 1
        if row["rights"] == "fact" and counts[series] > CAP:
            continue
        path, operator, factor, unit, relation = MAPPED[key]
        if (operator != "at" and row["period_start"] < FIRST) or row["period_end"] < FIRST:
            continue

        def scaled(text: str, factor=factor) -> str:
            return f"{float(text) * factor:.6g}" if text else ""

        found.append(
            {
                "id": row["id"],
                "side": row["side"],
                "path": path,
                "cohort": "",
                "region": "",
                "operator": operator,
                "start": row["period_start"],
                "end": row["period_end"],
                "low": scaled(row["low"]),
                "central": scaled(row["central"]),
                "high": scaled(row["high"]),
                "unit": unit,
                "relation": relation,
                "source_class": row["kind"],
                "camp": row["camp"],
                "bias_group": f"{key}/{row['camp']}",
                "root": row["root_source"] or row["source_publisher"],
                "published": row["published"],
                "read": row["read"] or row["published"],
                "locator": row["id"],
                "grade": row["grade"],
                "use": "show",
                "reason": "set beside the headline series; no fit exists yet",
            }
        )
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
