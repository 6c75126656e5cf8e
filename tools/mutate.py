"""Do the tests see a wrong equation? Plants each fault of tools/faults.yaml into a copy of the package and runs its test.

python tools/mutate.py            all faults, one after the other; exit status 1 where fewer than 95 % are caught
python tools/mutate.py 3 17       some of them by number
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
LEAST = 0.95


def faults() -> list[dict]:
    """The faults in order; each must change exactly one place."""
    found = yaml.safe_load((ROOT / "tools" / "faults.yaml").read_text())
    for fault in found:
        count = source(fault).read_text().count(fault["old"])
        if count != 1:
            raise SystemExit(f"{fault['file']}: {fault['old']} stands there {count} times, once was expected.")
    return found


def source(fault: dict, root: Path = ROOT) -> Path:
    """The file into which a fault goes."""
    return root / "src" / "muster" / "model" / f"{fault['file']}.py"


def caught_by(fault: dict) -> str | None:
    """The test of a fault that fails with the fault in place, or None."""
    with tempfile.TemporaryDirectory() as folder:
        copy, test = Path(folder), fault["test"]
        for part in ("src", "tests", "pyproject.toml"):
            place = ROOT / part
            (shutil.copytree if place.is_dir() else shutil.copy)(place, copy / part)
        file = source(fault, copy)
        file.write_text(file.read_text().replace(fault["old"], fault["new"]))
        environment = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", f"tests/{test}"]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 1:
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        return failed[0].split()[1].removeprefix("tests/") if failed else test
    if done.returncode:
        raise SystemExit(f"{test} could not be run: {done.stdout[-500:]}{done.stderr[-500:]}")
    return None


def main(numbers: list[int]) -> int:
    """Plants the faults, prints who caught which, tells whether enough were caught."""
    everything = faults()
    chosen = [(n, fault) for n, fault in enumerate(everything, 1) if not numbers or n in numbers]
    started, caught = time.perf_counter(), 0
    for number, fault in chosen:
        test = caught_by(fault)
        caught += test is not None
        print(
            f"| {number} | {fault['kind']} | {fault['file']}.py | `{fault['old']}` -> `{fault['new']}` | {test or 'not caught'} |",
            flush=True,
        )
    print(f"{caught} of {len(chosen)} caught in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 0 if caught >= LEAST * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main([int(argument) for argument in sys.argv[1:]]))
