"""Compute the tables of people in library/settings from outside data and write them between two marker lines.

    python tools/compile_settings.py [--data DIRECTORY] [--check]

DIRECTORY is the folder named by MUSTER_DATA (else ../shared/data beside the repository). It must hold

    ru_region_age_sex_2021_2022/population_by_region_age_sex.csv   mean population of 2021 and 2022 by subject, sex and age
    regions/age_sex.csv                                            five-year bands on 2022-01-01 (UN WPP 2019, interpolated)
    regions/ukraine_regions.csv                                    population of 2022-01-01 by oblast
    un_wpp_age_sex/mortality_5year_wpp2024.csv                     death rates 2015-2020 by band and sex
    un_wpp_age_sex/vital_rates_wpp2024.csv                         crude birth and death rates by year

How each number comes about, for 1 January 2022:

- Russia: sum of the 83 subjects, mean of the two yearly means; Ukraine: the WPP age structure times the official population
  without Crimea and Sevastopol. Five-year bands, rounded to hundreds.
- Men at home are the men of a band less the standing force of that age; they are split by skill and experience with the
  shares of compile_settings.yaml.
- Everybody else is the population less men of 15-64 and women of 15-49.
- Death rates of men and women are those of 2015-2020; that of everybody else is what then gives the crude rate of 2019.
- Fertility has the shape of compile_settings.yaml and gives the crude birth rate of 2021.
- Those who turn 15 in a year are a fifth of the band 10-14.

--check writes nothing and ends with status 1 if a file is not what the data give.
"""

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "src" / "muster" / "library" / "settings"
BEGIN = "# tables computed by tools/compile_settings.py: begin"
END = "# tables computed by tools/compile_settings.py: end"
MEN_BANDS = [f"{a}-{a + 4}" for a in range(15, 65, 5)]
WOMEN_BANDS = MEN_BANDS[:7]
COUNTRIES = {"russia": "RUS", "ukraine": "UKR"}
BIRTH_YEAR, DEATH_YEAR, DEATH_PERIOD = "2021", "2019", "2015-2020"
SOURCES = {
    "russia": "{key: rosbris-2022, locator: mean population of 2021 and 2022 by subject and age, grade: measured",
    "ukraine": "{key: un-wpp-2019, locator: scaled to the official total of 2022-01-01, grade: estimated",
}
WPP = "{key: un-wpp-2024, locator: %s, grade: %s"


@dataclass(frozen=True)
class People:
    """Persons by five-year band and sex on 1 January 2022, and everybody together."""

    men: dict[str, float]
    women: dict[str, float]
    total: float


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    if not path.is_file():
        sys.exit(f"{path} is missing: name the folder that holds it with --data or MUSTER_DATA.")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def people_of_subjects(data: Path) -> dict[str, People]:
    """Five-year bands of each of the 83 subjects, by ISO code."""
    table = rows(data / "ru_region_age_sex_2021_2022" / "population_by_region_age_sex.csv")
    bands = ["10-14", *MEN_BANDS]
    ages = {band: range(int(band[:2]), int(band[:2]) + 5) for band in bands}
    everybody = range(101)

    def people(own: list[dict[str, str]]) -> People:
        def counted(sex: str, ages: range) -> float:
            return sum(int(row[f"a{age}"]) for row in own if row["sex"] == sex for age in ages) / 2

        return People(
            men={band: counted("m", ages[band]) for band in bands},
            women={band: counted("f", ages[band]) for band in bands},
            total=counted("m", everybody) + counted("f", everybody),
        )

    codes = sorted({row["iso"] for row in table if row["iso"].startswith("RU-")})
    return {code: people([row for row in table if row["iso"] == code]) for code in codes}


def people_of_russia(data: Path) -> People:
    """Five-year bands of the 83 subjects together."""
    subjects = people_of_subjects(data).values()
    bands = ["10-14", *MEN_BANDS]
    return People(
        men={band: sum(subject.men[band] for subject in subjects) for band in bands},
        women={band: sum(subject.women[band] for subject in subjects) for band in bands},
        total=sum(subject.total for subject in subjects),
    )


def people_of_oblasts(data: Path) -> dict[str, int]:
    """Official population of each of the 27 units by ISO code; 0 where the national office does not count."""
    table = rows(data / "regions" / "ukraine_regions.csv")
    return {row["iso_3166_2"]: int(row["population_2022_01_01"] or 0) for row in table}


def people_of_ukraine(data: Path) -> People:
    """Age structure of the UN, total of the national office."""
    table = [
        row
        for row in rows(data / "regions" / "age_sex.csv")
        if row["country"] == "UA" and row["date"] == "2022-01-01" and row["basis"].startswith("linear interpolation")
    ]
    official = sum(people_of_oblasts(data).values())
    scale = official / sum(float(row["population_thousand"]) for row in table)
    by_sex = {
        sex: {row["age_band"]: scale * float(row["population_thousand"]) for row in table if row["sex"] == sex}
        for sex in ("male", "female")
    }
    return People(by_sex["male"], by_sex["female"], official)


def mortality(data: Path, country: str) -> tuple[list[float], list[float]]:
    """Death rates in peace [1/year] of men by ten bands and of women by seven."""
    table = {
        row["age"]: row
        for row in rows(data / "un_wpp_age_sex" / "mortality_5year_wpp2024.csv")
        if row["iso3"] == country and row["period"] == DEATH_PERIOD
    }
    return [float(table[band[:2]]["mxM"]) for band in MEN_BANDS], [float(table[band[:2]]["mxF"]) for band in WOMEN_BANDS]


def crude_rates(data: Path, country: str) -> tuple[float, float]:
    """Births of 2021 and deaths of 2019 per head [1/year]."""
    table = {row["year"]: row for row in rows(data / "un_wpp_age_sex" / "vital_rates_wpp2024.csv") if row["iso3"] == country}
    return float(table[BIRTH_YEAR]["cbr"]) / 1000, float(table[DEATH_YEAR]["cdr"]) / 1000


def hundreds(number: float) -> int:
    """A number of persons rounded to hundreds."""
    return round(number / 100) * 100


def men_at_home(people: People, shares: dict) -> list[list[list[int]]]:
    """Men beside the standing force [person] by band, skill and experience."""
    table = []
    for i, band in enumerate(MEN_BANDS):
        home = people.men[band] - shares["standing_force"] * shares["standing_age"][i]
        high, served, combat = shares["high_skill"][i], shares["served"][i], shares["combat"][i]
        experience = (1 - served - combat, served, combat)
        table.append([[hundreds(home * skill * part) for part in experience] for skill in (high, 1 - high)])
    return table


def tables(side: str, data: Path, shares: dict) -> str:
    """The computed part of a settings file."""
    country = COUNTRIES[side]
    people = {"russia": people_of_russia, "ukraine": people_of_ukraine}[side](data)
    births, deaths = crude_rates(data, country)
    men_rates, women_rates = mortality(data, country)
    women = [hundreds(people.women[band]) for band in WOMEN_BANDS]
    men_total = sum(people.men[band] for band in MEN_BANDS)
    others = people.total - men_total - sum(people.women[band] for band in WOMEN_BANDS)
    dead = sum(people.men[band] * rate for band, rate in zip(MEN_BANDS, men_rates, strict=True))
    dead += sum(people.women[band] * rate for band, rate in zip(WOMEN_BANDS, women_rates, strict=True))
    shape = shares["fertility_shape"]
    scale = births * people.total / sum(people.women[band] * rate for band, rate in zip(WOMEN_BANDS, shape, strict=True))
    counted = SOURCES[side]
    return "\n".join(
        [
            BEGIN,
            f"# population {hundreds(people.total)}",
            "men: # by region, age, skill (high, low), experience (none, served, combat)",
            "  value:",
            "    -",
            *(f"      - {cells} # {band}" for band, cells in zip(MEN_BANDS, men_at_home(people, shares), strict=True)),
            f'  source: {counted}, note: "shares of skill and experience assumed"}}',
            "women:",
            f"  value: [{women}]",
            f"  source: {counted}}}",
            "others:",
            f"  value: {hundreds(others)}",
            f"  source: {counted}}}",
            "men_mortality:",
            f"  value: {[round(rate, 5) for rate in men_rates]}",
            f"  source: {WPP % ('death rates 2015-2020', 'estimated')}}}",
            "women_mortality:",
            f"  value: {[round(rate, 5) for rate in women_rates]}",
            f"  source: {WPP % ('death rates 2015-2020', 'estimated')}}}",
            "others_mortality:",
            f"  value: {round((deaths * people.total - dead) / others, 5)}",
            f'  source: {WPP % ("crude death rate 2019", "estimated")}, note: "what the rates of men and women leave over"}}',
            "fertility:",
            f"  value: {[round(scale * rate, 5) for rate in shape]}",
            f'  source: {WPP % ("crude birth rate 2021", "estimated")}, note: "shape by age recalled"}}',
            "youths:",
            f"  value: {hundreds(people.men['10-14'] / 5)}",
            f'  source: {counted}, note: "a fifth of the band 10-14"}}',
            "girls:",
            f"  value: {hundreds(people.women['10-14'] / 5)}",
            f'  source: {counted}, note: "a fifth of the band 10-14"}}',
            END,
        ]
    )


def with_tables(text: str, computed: str, where: Path) -> str:
    """The text of a settings file with its computed part replaced."""
    if BEGIN not in text or END not in text:
        sys.exit(f"{where} has no lines {BEGIN!r} and {END!r}.")
    before, rest = text.split(BEGIN, 1)
    return before + computed + rest.split(END, 1)[1]


def main() -> int:
    """Write or check the settings of both sides."""
    parser = argparse.ArgumentParser(description="Compute the tables of people in library/settings.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MUSTER_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    arguments = parser.parse_args()
    shares = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    differing = []
    for side in COUNTRIES:
        path = SETTINGS / f"{side}.yaml"
        old = path.read_text(encoding="utf-8")
        new = with_tables(old, tables(side, arguments.data, shares[side]), path)
        if new != old:
            differing.append(path.name)
            if not arguments.check:
                path.write_text(new, encoding="utf-8")
    print(f"{'differs' if arguments.check else 'written'}: {', '.join(differing)}" if differing else "up to date")
    return 1 if arguments.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
