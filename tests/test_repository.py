"""The repository keeps its own rules: the map, sizes, layers, words, tables and lock files."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from muster.evidence import SUBSYSTEMS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src" / "muster").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CHAPTERS = ROOT / "docs" / "model"
LOCKS = ("requirements.lock", "requirements-dev.lock")
FILE_LINES, FUNCTION_LINES = 400, 60
BRANCH = re.compile(r"^(?P<indent>[ |│]*)(?:\||├|└|`)(?:--|──) (?P<names>\S+(?: \S+)*)")
REGISTRIES = ("py" + "pi.org", "pythonhosted" + ".org", "npm" + "js.org", "deb.debian" + ".org", "anaconda" + ".org")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|tmp|root|home)/")


def named(path: Path) -> str:
    """A path as the repository knows it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tracked() -> tuple[str, ...]:
    """The files that git keeps."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return tuple(path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())


def mapped(text: str) -> set[str]:
    """The paths that a map drawn with branches shows; two blanks end the names of a line."""
    paths, folders, margin = set(), {}, None
    for found in filter(None, map(BRANCH.match, text.splitlines())):
        margin = len(found["indent"]) if margin is None else margin
        depth = (len(found["indent"]) - margin) // 4
        for name in found["names"].replace(",", " ").split():
            path = folders.get(depth - 1, "") + name
            paths.add(path.rstrip("/"))
            folders[depth] = path.rstrip("/") + "/"
    return paths


def test_map_in_readme_is_the_disk():
    paths = mapped((ROOT / "README.md").read_text(encoding="utf-8"))
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert not missing, f"README.md's map shows what is not there: {sorted(missing)}"
    shown = {path.split("/")[0] for path in paths}
    unshown = {path.split("/")[0] for path in tracked()} - shown
    assert not unshown, f"README.md's map leaves out: {sorted(unshown)}"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno - node.lineno >= FUNCTION_LINES}
    assert not long, f"functions of more than {FUNCTION_LINES} lines: {long}"


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_every_file_of_tests_is_collected(path):
    beside = path.with_name("conftest.py")
    used = beside.is_file() and f'"{path.stem}"' in beside.read_text(encoding="utf-8")  # read by the tests of its folder
    if path.name != "conftest.py" and not used:
        assert re.fullmatch(r"test_\w+\.py", path.name), "a file in tests that pytest does not collect"
        names = [node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]
        assert any(name.startswith("test_") for name in names), "no test in it"


def test_no_registry_and_no_path_of_a_machine_is_named():
    found = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path}: {word}" for word in REGISTRIES if word in text]
        found += [f"{path}: {match.group()}" for match in MACHINE_PATH.finditer(text) if path != named(Path(__file__))]
    assert not found


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=sha256:[0-9a-f]{64}\b)", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert len(blocks) > 20
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_locks_agree():
    """What is pinned to use Muster is pinned alike to work on it."""
    use, work = ({line for line in (ROOT / lock).read_text().splitlines() if "==" in line} for lock in LOCKS)
    assert use <= work


def test_requires_python_has_no_upper_cap():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert not [requirement for requirement in project["dependencies"] if "<" in requirement or "==" in requirement]


def test_every_import_of_the_package_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    declared = {re.match(r"[\w-]+", requirement).group() for requirement in project["dependencies"] + optional}
    imported = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    packages = {"yaml": "pyyaml", "sklearn": "scikit-learn", "vl_convert": "vl-convert-python"}
    outside = {packages.get(name, name) for name in imported - set(sys.stdlib_module_names) - {"muster"}}
    assert outside <= declared, f"imported, but not in pyproject.toml: {sorted(outside - declared)}"


def test_layers_hold():
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def make_docs_tables():
    """tools/make_docs_tables.py as a module."""
    spec = importlib.util.spec_from_file_location("make_docs_tables", ROOT / "tools" / "make_docs_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_chapter_of_each_subsystem_has_its_current_table(subsystem):
    path = CHAPTERS / f"{subsystem}.md"
    assert path.exists(), f"docs/model/{subsystem}.md is missing"
    text = path.read_text(encoding="utf-8")
    assert make_docs_tables().with_table(text, subsystem) == text, "the table of parameters is not current; run: make docs"


def test_stale_table_is_found_and_mended():
    tables = make_docs_tables()
    current = tables.with_table("# Front\n\nText.\n", "front")
    assert "`loss_rate`" in current
    assert tables.with_table(current, "front") == current
    stale = current.replace("`loss_rate`", "`old_rate`")
    assert tables.with_table(stale, "front") == current


def test_site_is_built_and_loads_nothing_from_outside(tmp_path):
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    command = Path(sys.executable).parent / "zensical"
    done = subprocess.run([command, "build", "--clean", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "site"
    pages = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    chapters = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert chapters <= set(pages)
    loads = re.compile(r"""<(?:script|img|iframe|source)[^>]+src=["']?https?:|<link[^>]+href=["']?https?:(?![^>]*canonical)|@import""")
    assert not {page: found.group() for page, text in pages.items() if (found := loads.search(text))}


def test_map_reader_sees_nested_folders():
    text = "one/\n|-- a.md b.toml   two files\n|-- src/pack/   code\n|   |-- inner/   more\n|   `-- c.py\n`-- .ci/\n    `-- run\n"
    paths = {"a.md", "b.toml", "src/pack", "src/pack/inner", "src/pack/c.py", ".ci", ".ci/run"}
    assert mapped(text) == paths
    assert mapped("".join(f"    {line}\n" for line in text.splitlines())) == paths


def test_every_planted_fault_changes_one_place():
    for number, fault in enumerate(yaml.safe_load((ROOT / "tools" / "faults.yaml").read_text(encoding="utf-8")), 1):
        text = (ROOT / "src" / "muster" / "model" / f"{fault['file']}.py").read_text(encoding="utf-8")
        assert text.count(fault["old"]) == 1, f"fault {number}: {fault['old']}"
