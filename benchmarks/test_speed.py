"""Speed of the national model on this machine: `make bench`. Ratios count; absolute times drift with the machine."""

import json
import subprocess
import sys
from pathlib import Path

from muster.experiment import build
from muster.simulate import ensemble

TARGETS = Path(__file__).with_name("targets.py")


def test_200_draws_to_2033_warm(benchmark):
    """Both sides, 619 weeks, float64; target: under 3 s on two cores."""
    experiment = build("russia-ukraine-2022", draws=200)
    ensemble(build("russia-ukraine-2022", draws=1))
    results = benchmark.pedantic(ensemble, args=(experiment,), rounds=5)
    assert results.series("russia/front/killed").sizes["draw"] == 200


def test_first_compilation(benchmark):
    """Tracing and compiling in a new process with an empty cache, the table shows the whole process."""
    words = [sys.executable, str(TARGETS), "compile"]
    done = benchmark.pedantic(subprocess.run, args=(words,), kwargs={"capture_output": True, "text": True}, rounds=1)
    assert done.returncode == 0, done.stderr
    parts = json.loads(done.stdout)
    benchmark.extra_info |= parts
    print("\nfirst time: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items()))
    assert 0 < parts["compile"] < parts["until_first_result"]
