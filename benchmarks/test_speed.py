"""Speed of the national model on this machine: `make bench`. Ratios count; absolute times drift with the machine."""

import subprocess
import sys

from muster.experiment import build
from muster.simulate import ensemble

COLD = """
import time
from muster.experiment import build
from muster.simulate import ensemble
experiment = build("russia-ukraine-2022", draws=1)
started = time.perf_counter()
ensemble(experiment)
first = time.perf_counter() - started
started = time.perf_counter()
ensemble(experiment)
print(first - (time.perf_counter() - started))
"""


def test_200_draws_to_2033_warm(benchmark):
    """Both sides, 619 weeks, float64; target: under 3 s on two cores."""
    experiment = build("russia-ukraine-2022", draws=200)
    ensemble(build("russia-ukraine-2022", draws=1))
    results = benchmark.pedantic(ensemble, args=(experiment,), rounds=5)
    assert results.series("russia/front/killed").sizes["draw"] == 200


def test_first_compilation(benchmark, tmp_path, monkeypatch):
    """Tracing and compiling in a new process with an empty cache; target: under 12 s. The table shows the whole process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = benchmark.pedantic(
        subprocess.run, args=([sys.executable, "-c", COLD],), kwargs={"capture_output": True, "text": True}, rounds=1
    )
    assert done.returncode == 0, done.stderr
    benchmark.extra_info["compilation_seconds"] = float(done.stdout)
    print(f"\nfirst compilation: {float(done.stdout):.1f} s")
