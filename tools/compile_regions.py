"""Compile library/regions: a table and a description for each country and each side of the toy war, and their page in docs.

    python tools/compile_regions.py [--data DIRECTORY] [--check]

DIRECTORY is the folder named by MUSTER_DATA (else ../shared/data beside the repository). It must hold what compile_settings.py
needs and

    regions/russia_regions.csv    names, income, poverty, ethnicity, borders of the 83 subjects
    regions/ukraine_regions.csv   names, people, towns, ethnicity, borders of the 27 units
    regions_geo/regions.csv       areas
    regions_geo/adjacency.csv     common borders, ferries and bridges

What no data give (tiles, judgements, the toy war, the source of each column) stands in compile_regions.yaml beside this file,
units and meanings in src/muster/regions_table.py. How each number comes about:

- Persons: as in compile_settings.py, by region. Russia's are counted by region; Ukraine's are the national age structure times
  the region's share of the people. Each column is rounded to hundreds by largest remainders, so that the regions sum to the
  national number rounded to hundreds.
- income, nominal_income: the source's number over its mean, weighted with the people of the table.
- Per cent become shares. titular_share is that of 2021, else of 2010. An empty cell of the source stays empty.
- held_by_enemy of Donetsk and Luhansk: what settings/ukraine.yaml has as area held before 24 February 2022 (home_area less area)
  without Crimea and Sevastopol, over the area of both.
- neighbours: pairs of regions_geo/adjacency.csv within the table.

--check writes nothing and ends with status 1 if a file is not what the data give, with 2 if the data are not there.
"""

import argparse
import csv
import io
import os
import re
import sys
from pathlib import Path

import yaml

from compile_settings import MEN_BANDS, SETTINGS, WOMEN_BANDS, People, people_of_oblasts, people_of_subjects, people_of_ukraine, rows
from muster.evidence import sources
from muster.regions_table import COLUMNS, MEN, WOMEN

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src" / "muster" / "library" / "regions"
PAGE = ROOT / "docs" / "regions-tables.md"
BEGIN, END = "<!-- columns:begin -->", "<!-- columns:end -->"
PREFIX = {"russia": "RU-", "ukraine": "UA-"}
Row = dict[str, object]


def judged() -> dict:
    """What stands in compile_regions.yaml."""
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def tiles(picture: str, prefix: str) -> dict[str, tuple[int, int]]:
    """Row and column of each region of a picture of tiles."""
    found = {}
    for row, line in enumerate(picture.splitlines()):
        for column, word in enumerate(line.split()):
            if word != ".":
                if prefix + word in found:
                    sys.exit(f"compile_regions.yaml, tiles: {word} stands twice.")
                found[prefix + word] = (row, column)
    return found


def hundreds(numbers: dict[str, float]) -> dict[str, int]:
    """Numbers of persons rounded to hundreds by largest remainders: their sum is the rounded sum."""
    down = {code: int(number // 100) for code, number in numbers.items()}
    missing = round(sum(numbers.values()) / 100) - sum(down.values())
    for code in sorted(numbers, key=lambda code: (down[code] - numbers[code] / 100, code))[:missing]:
        down[code] += 1
    return {code: 100 * number for code, number in down.items()}


def persons(people: dict[str, People]) -> dict[str, dict[str, int]]:
    """The columns of persons by region."""
    counted: dict[str, dict[str, float]] = {}
    for name, band in zip(MEN, MEN_BANDS, strict=True):
        counted[name] = {code: own.men[band] for code, own in people.items()}
    for name, band in zip(WOMEN, WOMEN_BANDS, strict=True):
        counted[name] = {code: own.women[band] for code, own in people.items()}
    together = {code: sum(column[code] for column in counted.values()) for code in people}
    counted["others"] = {code: own.total - together[code] for code, own in people.items()}
    rounded = {name: hundreds(column) for name, column in counted.items()}
    return {code: {name: column[code] for name, column in rounded.items()} for code in people}


def share_of(nation: People, share: float) -> People:
    """A region's people as a share of the nation's."""
    men = {band: share * number for band, number in nation.men.items()}
    women = {band: share * number for band, number in nation.women.items()}
    return People(men, women, share * nation.total)


def neighbours(data: Path, codes: list[str]) -> dict[str, str]:
    """The neighbours of each region within a table, by land, ferry or bridge."""
    found: dict[str, set[str]] = {code: set() for code in codes}
    for row in rows(data / "regions_geo" / "adjacency.csv"):
        if row["iso_a"] in found and row["iso_b"] in found:
            found[row["iso_a"]].add(row["iso_b"])
            found[row["iso_b"]].add(row["iso_a"])
    return {code: " ".join(sorted(others)) for code, others in found.items()}


def per_cent(text: str) -> object:
    """A share from a percentage; an empty cell stays empty."""
    return round(float(text) / 100, 4) if text else ""


def over_mean(table: list[dict[str, str]], column: str, people: dict[str, People]) -> dict[str, float]:
    """A column over its mean, weighted with people."""
    given = {row["iso_3166_2"]: float(row[column]) for row in table}
    mean = sum(number * people[code].total for code, number in given.items()) / sum(people[code].total for code in given)
    return {code: round(number / mean, 3) for code, number in given.items()}


def russia(data: Path, own: dict) -> list[Row]:
    """The 83 regions of Russia."""
    people = people_of_subjects(data)
    table = rows(data / "regions" / "russia_regions.csv")
    income, nominal = (over_mean(table, name, people) for name in ("income_to_subsistence_2020", "income_pc_2021_rub_month"))
    made = []
    for row in table:
        code = row["iso_3166_2"]
        made.append(
            {
                "id": code,
                "name": row["name_en"],
                "district": row["federal_district"],
                "urban_share": per_cent(row["urban_share_2021"]),
                "income": income[code],
                "nominal_income": nominal[code],
                "poverty_rate": per_cent(row["poverty_rate_2021"]),
                "unemployment_rate": per_cent(row["unemployment_2021"]),
                "titular_people": own["titular_names"].get(code, row["titular_group"]),
                "titular_share": per_cent(row["titular_share_2021"] or row["titular_share_2010"]),
                "core_share": per_cent(row["russian_share_men_2010"]),
                "autonomy_event": row["autonomy_event"],
                "external_border": row["external_border"],
                "held_by_enemy": 0,
                "exposure": exposure(row["iso_3166_2"], own["exposed"], "russia"),
                "garrison": garrison(row["iso_3166_2"], own["garrisons"], "russia"),
            }
        )
    return placed(made, data, own, "russia", persons(people))


def ukraine(data: Path, own: dict) -> list[Row]:
    """The 27 regions of Ukraine."""
    official, nation = people_of_oblasts(data), people_of_ukraine(data)
    people = {code: share_of(nation, number / nation.total) for code, number in official.items()}
    districts = {f"UA-{code}": name for name, codes in own["districts"].items() for code in codes.split()}
    events = {f"UA-{code}" for code in own["autonomy_events"]["ukraine"].split()}
    held = held_before(data, own["held_before_2022"])
    made = [
        {
            "id": row["iso_3166_2"],
            "name": row["name_en"],
            "district": districts[row["iso_3166_2"]],
            "urban_share": per_cent(row["urban_share_2022"]),
            "core_share": per_cent(row["ukrainian_share_2001"]),
            "autonomy_event": int(row["iso_3166_2"] in events),
            "external_border": row["external_border"],
            "held_by_enemy": held.get(row["iso_3166_2"], 0),
            "exposure": exposure(row["iso_3166_2"], own["exposed"], "ukraine"),
            "garrison": garrison(row["iso_3166_2"], own["garrisons"], "ukraine"),
        }
        for row in rows(data / "regions" / "ukraine_regions.csv")
    ]
    return placed(made, data, own, "ukraine", persons(people))


def exposure(code: str, own: dict, country: str) -> float:
    """Weight of a region in fire and new occupation."""
    return 1 if code.partition("-")[2] in own[country].split() else own["elsewhere"]


def garrison(code: str, own: dict, country: str) -> int:
    """Men of brigades and regiments stationed in a region [person]."""
    return own["men"] * own[country].get(code.partition("-")[2], 0)


def held_before(data: Path, own: dict) -> dict[str, float]:
    """Share of the area that the other side held before 24 February 2022, where it held any."""
    setting = yaml.safe_load((SETTINGS / "ukraine.yaml").read_text(encoding="utf-8"))
    area = {row["iso"]: float(row["area_km2"]) for row in rows(data / "regions_geo" / "regions.csv")}
    whole, part = ([f"UA-{code}" for code in own[kind].split()] for kind in ("whole", "part"))
    left = setting["home_area"]["value"] - setting["area"]["value"] - sum(area[code] for code in whole)
    share = round(left / sum(area[code] for code in part), 3)
    return dict(zip([*whole, *part], [1.0] * len(whole) + [share] * len(part), strict=True))


def placed(made: list[Row], data: Path, own: dict, country: str, counted: dict[str, dict[str, int]]) -> list[Row]:
    """Rows with their tile, people and neighbours."""
    grid = tiles(own["tiles"][country], PREFIX[country])
    codes = [str(row["id"]) for row in made]
    if set(grid) != set(codes):
        sys.exit(f"compile_regions.yaml, tiles, {country}: {sorted(set(grid) ^ set(codes))} in the grid or in the data only.")
    near = neighbours(data, codes)
    for row, code in zip(made, codes, strict=True):
        row.update(row=grid[code][0], column=grid[code][1], neighbours=near[code], **counted[code])
    return made


def toy(side: str, own: dict) -> list[Row]:
    """The five invented regions of one side of the toy war."""
    setting = yaml.safe_load((SETTINGS / "toy.yaml").read_text(encoding="utf-8"))
    men = [sum(map(sum, band)) for band in setting["men"]["value"][0]]
    nation = {**dict(zip(MEN, men, strict=True)), **dict(zip(WOMEN, setting["women"]["value"][0], strict=True))}
    nation["others"] = setting["others"]["value"]
    regions = {f"{side}-{place}": region for place, region in enumerate(own["toy"]["regions"], start=1)}
    columns = {name: hundreds({code: number * regions[code]["share"] for code in regions}) for name, number in nation.items()}
    made = []
    for code, region in regions.items():
        facts = {name: region.get(name, "") for name in COLUMNS}
        facts.update(id=code, name=f"{own['toy']['sides'][side]} {region['place']}", district=own["toy"]["sides"][side])
        facts.update(nominal_income=region["income"], autonomy_event=region.get("autonomy_event", 0))
        facts.update(external_border=region.get("external_border", 0), held_by_enemy=0, exposure=1)
        facts["neighbours"] = " ".join(f"{side}-{place}" for place in region["neighbours"].split())
        made.append({**facts, **{name: column[code] for name, column in columns.items()}})
    return made


def as_csv(made: list[Row]) -> str:
    """A table as text, sorted by id."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(sorted(made, key=lambda row: str(row["id"])))
    return out.getvalue()


def origin(entries: dict, name: str) -> dict:
    """Where a column comes from: its own entry, its family's or the default."""
    return dict(entries.get(name) or entries.get(name.split("_")[0]) or entries["default"])


def as_yaml(kind: str, own: dict, title: str, date: object) -> str:
    """A description as text: one line a column."""
    columns = {
        name: {"unit": column.unit, "meaning": column.meaning, **origin(own["columns"][kind], name)} for name, column in COLUMNS.items()
    }
    head = yaml.safe_dump({"title": title, "date": date, "note": own["notes"][kind]}, sort_keys=False, allow_unicode=True, width=130)

    def line(facts: dict) -> str:
        return yaml.safe_dump(facts, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()

    lines = [f"  {name}: {line(facts)}" for name, facts in columns.items()]
    made = "# Made by tools/compile_regions.py; change tools/compile_regions.yaml or the tool, then run it."
    return "\n".join([made, f"{head}columns:", *lines, ""])


def made_here(own: dict) -> dict[Path, str]:
    """What needs no outside data: the toy's tables and every description."""
    files = {TARGET / f"{country}.yaml": as_yaml(country, own, own["titles"][country], own["dates"][country]) for country in PREFIX}
    for side in own["toy"]["sides"]:
        files[TARGET / f"toy-{side}.csv"] = as_csv(toy(side, own))
        files[TARGET / f"toy-{side}.yaml"] = as_yaml("toy", own, own["titles"]["toy"], own["toy"]["date"])
    return {**files, PAGE: with_columns(PAGE.read_text(encoding="utf-8"), own)}


def made_from_data(data: Path, own: dict) -> dict[Path, str]:
    """The tables of both countries."""
    return {TARGET / "russia.csv": as_csv(russia(data, own)), TARGET / "ukraine.csv": as_csv(ukraine(data, own))}


def family(name: str) -> str:
    """One label for a column, or for all the bands of a family."""
    for columns in (MEN, WOMEN):
        if name in columns:
            bands = list(columns)
            return f"`{bands[0]}` to `{bands[-1]}`"
    return f"`{name}`"


def columns_table(own: dict) -> str:
    """The Markdown table of the columns: what they mean, and where each country's come from."""
    lines = ["| column | unit | meaning | Russia | Ukraine |", "|---|---|---|---|---|"]
    seen = set()
    for name, column in COLUMNS.items():
        label = family(name)
        if label in seen:
            continue
        seen.add(label)
        meaning = re.sub(r" of \d+ to \d+ years", ", by five-year band", column.meaning)
        cells = []
        for country in PREFIX:
            facts = origin(own["columns"][country], name)
            told = [sources()[facts["source"]].title, facts.get("note"), f"{facts['grade']}, {facts['rights']}"]
            cells.append("; ".join(part for part in told if part).replace("|", "\\|"))
        lines.append(f"| {label} | {column.unit} | {meaning} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def with_columns(text: str, own: dict) -> str:
    """The page's text with the current table in it."""
    if BEGIN not in text or END not in text:
        sys.exit(f"{PAGE.name} has no lines {BEGIN!r} and {END!r}.")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{columns_table(own)}\n\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    """Write or check every file."""
    parser = argparse.ArgumentParser(description="Compile the tables of regions in library/regions.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MUSTER_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    arguments = parser.parse_args()
    if not (arguments.data / "regions").is_dir():
        print(f"{arguments.data} has no folder regions: name the folder of the data with --data or MUSTER_DATA.", file=sys.stderr)
        return 2
    own = judged()
    files = {**made_from_data(arguments.data, own), **made_here(own)}
    differing = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if not arguments.check:
        TARGET.mkdir(exist_ok=True)
        for path in differing:
            path.write_text(files[path], encoding="utf-8")
    names = ", ".join(path.name for path in differing)
    print(f"{'differs' if arguments.check else 'written'}: {names}" if differing else "up to date")
    return 1 if arguments.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
