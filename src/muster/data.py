"""Outside data sets: which there are, where each is published, under which terms; fetching those that may be fetched.

library/data.yaml is the register. None of these sets is in the repository: they stand in the folder named by MUSTER_DATA.
"""

import csv
import io
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from muster.errors import UserError, nearest
from muster.evidence import Strict, checked, library
from muster.reading import read_yaml

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 30  # seconds without an answer after which a download is given up

Rows = dict[str, dict[str, str]]

# Columns of the repaired table. The source's own tidy table lost every minus sign: these are taken from the patched file,
# with the codes that the source documents as missing.
SIGNED = (
    "surpa aeroa cea leada trnga morala logsa momnta intela techa inita quala resa mobila aira fprepa wxa terra leadaa plana surpaa"
    " mana logsaa fortsa deepa wina kmda crit"
).split()
MISSING = {"surpa": ("9", "-9"), "aeroa": ("9", "-9"), "kmda": ("-9999",), "crit": ("0",), "wina": ()}  # the others: -9
BATTLE = "isqno is_hero name war3 war4 locn campgn cow_warno cow_warname parent post1 post2".split()
SIDE = ("nam actors str code intst rerp cas finst cav tank lt mbt arty fly ctank carty cfly strpl strmi caspl casmi ach pri1 reso1").split()
DURATION = "datetime_min datetime_max duration1 duration2".split()
WIDTH = "wofa wofd".split()
TERRAIN = "terra1 terra2 terra3".split()
WEATHER = "wx1 wx2 wx3 wx4 wx5".split()
COLUMNS = BATTLE + SIGNED + [f"{name}_att" for name in SIDE] + [f"{name}_def" for name in SIDE] + DURATION + WIDTH + TERRAIN + WEATHER


class Download(Strict):
    """Where the files of a set can be fetched, and what they must be."""

    address: str
    sha256: dict[str, str]


class DataSet(Strict):
    """One outside set."""

    title: str
    publisher: str
    address: str
    terms: str
    rights: Literal["open", "official", "fact", "local"]
    folder: str
    files: tuple[str, ...]
    needed_by: str
    download: Download | None = None


@cache
def register() -> dict[str, DataSet]:
    """Every outside set by name."""
    path = library() / "data.yaml"
    return {name: checked(DataSet, entry, f"{path.name}, {name}") for name, entry in read_yaml(path).items()}


def entry(name: str) -> DataSet:
    """One set of the register."""
    if name not in register():
        raise UserError(f'There is no data set "{name}".{nearest(name, register())} `muster data list` shows all.')
    return register()[name]


def folder() -> Path:
    """The folder of outside data: MUSTER_DATA, or ../shared/data beside the repository."""
    named = os.environ.get("MUSTER_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


def missing(name: str, where: Path | None = None) -> list[str]:
    """The files of a set that are not there."""
    found = entry(name)
    base = (where or folder()) / found.folder
    return [file for file in found.files if not (base / file).is_file()]


def file(name: str, wanted: str, where: Path | None = None) -> Path:
    """A file of a set; where it is not there, one sentence says how to get it."""
    found = entry(name)
    path = (where or folder()) / found.folder / wanted
    if not path.is_file():
        how = f"run `muster data fetch {name}`" if found.download else explained(name)
        raise UserError(f'The data set "{name}" is not there ({path}): {how}.')
    return path


def explained(name: str) -> str:
    """In one sentence where a set is published, under which terms, and where its files belong."""
    found = entry(name)
    published = f"{found.publisher}{f', {found.address}' if found.address else ''}"
    return (
        f"it is published by {published} (terms: {found.terms}); put {', '.join(found.files)} into"
        f" {found.folder} in the folder named by MUSTER_DATA"
    )


def listed() -> list[dict]:
    """Every set as `muster data list` shows it."""
    rows = []
    for name, found in register().items():
        lacking = missing(name)
        given = found.model_dump(exclude={"download"}) | {"files": list(found.files)}
        there = not lacking
        rows.append({"name": name, **given, "fetched": found.download is not None, "there": there, "missing": lacking})
    return rows


def fetch(name: str, out: Path | None = None, force: bool = False, address: str | None = None, tell: Callable[[str], None] = print) -> Path:
    """Gets the published files of a set and builds its table in out; the path of the table."""
    found = entry(name)
    if found.download is None:
        if not missing(name):
            tell(f"{name} is there already: {folder() / found.folder}")
            return folder() / found.folder
        raise UserError(f'"{name}" cannot be fetched: {explained(name)}.')
    target = out or default_folder() / found.folder
    upstream = folder() / found.folder / "upstream"
    if address is None and all((upstream / path).is_file() for path in needed(found.download)):
        tell(f"Using the published files in {upstream}")
    else:
        upstream = download(found.download, target / "upstream", address or found.download.address)
    rows = repaired(upstream)
    return write_table(rows, target / found.files[0], force)


def data(name: str | None = None, out: Path | str | None = None, force: bool = False) -> list[dict] | Path:
    """The outside data sets as `muster data list --json` shows them; with a name what `muster data fetch NAME` does: the table's path."""
    return listed() if name is None else fetch(name, None if out is None else Path(out), force)


def default_folder() -> Path:
    """Where fetched sets go without --out: the folder named by MUSTER_DATA, else a folder here."""
    named = os.environ.get("MUSTER_DATA")
    return Path(named) if named else Path("muster-data")


def needed(source: Download) -> list[str]:
    """The published files that the table is built from (the others explain its codes)."""
    return [path for path in source.sha256 if "enum_" not in path]


def download(source: Download, target: Path, address: str) -> Path:
    """All published files of a set below target, each with the checksum that it was published with."""
    import pooch

    keeper = pooch.create(
        path=target,
        base_url=address if address.endswith("/") else f"{address}/",
        registry={path: f"sha256:{digest}" for path, digest in source.sha256.items()},
        retry_if_failed=1,
    )
    downloader: Any = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=False)
    pooch.get_logger().setLevel("ERROR")
    for path in source.sha256:
        try:
            keeper.fetch(path, downloader=downloader)
        except OSError as problem:
            if problem.errno:  # ours; what the network refuses has none
                raise UserError(f"{target} cannot be written ({problem.strerror}): name another folder with --out.") from None
            status = getattr(getattr(problem, "response", None), "status_code", None)
            reason = f"the server answered {status}" if status else "the network gives no way there"
            raise UserError(
                f"{address} cannot be reached for {path} ({reason}): try again where the network is open, or put the published files"
                f" into {target}."
            ) from None
        except ValueError as problem:  # pooch: a checksum that differs
            if "hash" not in str(problem):
                raise
            raise UserError(f"{path} from {address} is not the file that was published (its SHA-256 differs); nothing was kept.") from None
    return target


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except FileNotFoundError:
        raise UserError(f"{path} is missing among the published files: fetch them again into another folder with --out.") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise UserError(f"{path} is not a CSV file in UTF-8 ({problem}).") from None


def by_battle(path: Path) -> Rows:
    """The first row of each battle."""
    rows: Rows = {}
    for row in table(path):
        rows.setdefault(row.get("isqno") or row["ISQNO"], row)
    return rows


def signed(row: dict[str, str], name: str) -> str:
    """A judged column of the patched source file, empty where the source documents the code as missing."""
    value = row[name.upper()]
    if not value or value in MISSING.get(name, ("-9",)):
        return ""
    return str(float(value)) if name == "kmda" else value


def mean_width(rows: list[dict[str, str]], name: str) -> str:
    """Mean width [km] over the fronts of a battle."""
    known = [float(row[name]) for row in rows if row[name]]
    return str(round(sum(known) / len(known), 3)) if known else ""


def repaired(upstream: Path) -> list[dict[str, str]]:
    """The table of battles with its minus signs: a row a battle, columns COLUMNS."""
    tidy, source = by_battle(upstream / "data/battles.csv"), by_battle(upstream / "src-data/CDB90/CDB90-patched.csv")
    sides: dict[str, Rows] = {"1": {}, "0": {}}
    for row in table(upstream / "data/belligerents.csv"):
        sides[row["attacker"]][row["isqno"]] = row
    days, ground, sky = (by_battle(upstream / f"data/{name}.csv") for name in ("battle_durations", "terrain", "weather"))
    widths: dict[str, list[dict[str, str]]] = {}
    for row in table(upstream / "data/front_widths.csv"):
        widths.setdefault(row["isqno"], []).append(row)
    rows = []
    for number, battle in tidy.items():
        row = {name: battle[name] for name in BATTLE} | {name: signed(source[number], name) for name in SIGNED}
        for suffix, flag in (("att", "1"), ("def", "0")):
            side = sides[flag][number]
            row |= {f"{name}_{suffix}": side[name] for name in SIDE}
            row[f"ach_{suffix}"] = "" if side["ach"] == "0" else side["ach"]
        for names, found in ((DURATION, days), (TERRAIN, ground), (WEATHER, sky)):
            row |= {name: found.get(number, {}).get(name, "") for name in names}
        row |= {name: mean_width(widths.get(number, []), name) for name in WIDTH}
        rows.append(row)
    return rows


def write_table(rows: list[dict[str, str]], path: Path, force: bool) -> Path:
    """Writes a table beside its place and renames it; the same table is left alone, another one is kept unless force is given."""
    lines = io.StringIO(newline="")
    writer: csv.DictWriter = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    made = lines.getvalue().encode()
    try:
        if path.exists():
            if path.read_bytes() == made:
                return path
            if not force:
                raise UserError(f"{path} is there with other content: name another folder with --out, or give --force.")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.write_bytes(made)
        beside.replace(path)
    except OSError as problem:
        raise UserError(f"{path.parent} cannot be written ({problem.strerror}): name another folder with --out.") from None
    return path
