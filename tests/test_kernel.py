"""The C kernel of the front and call-up, the practical limit of the benchmarks, computes what the equations compute."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
CHECKED = """
import pathlib, sys, kernel
made = kernel.steps()
library = kernel.compiled(made, pathlib.Path(sys.argv[1]).resolve())
print([step.function for step in made], max(kernel.agreed(step, kernel.InC(library, step)) for step in made))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="the system has no gcc")
def test_the_kernel_in_c_follows_the_equations(tmp_path):
    """Otherwise `make bench` ends without the share of C, which nobody would see before."""
    words = [sys.executable, "-c", CHECKED, str(tmp_path)]
    done = subprocess.run(words, cwd=BENCHMARKS, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("engage") == 1
    assert done.stdout.count("call") == 2
