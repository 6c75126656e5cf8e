"""Speed of the national model on this machine: `make bench`. Ratios count; absolute times drift with the machine."""

import json
import subprocess
import sys

from muster.experiment import build
from muster.simulate import ensemble

COLD = """
import json, time
import jax, numpy as np
from muster.experiment import build
from muster.model.coupling import connected
from muster.simulate import LANE, case_of, draws_of, ensemble, program
experiment = build("russia-ukraine-2022", draws=1)
parts = {}
def timed(name, work):
    started = time.perf_counter()
    done = jax.block_until_ready(work()) if name == "chance" else work()
    parts[name] = time.perf_counter() - started
    return done
draws = timed("chance", lambda: draws_of(experiment, np.arange(LANE * jax.device_count())))
case = case_of(experiment, experiment.levers, (connected(), connected()), True)
lowered = timed("trace", lambda: program(experiment.dt, experiment.structure).lower(case, draws))
timed("compile", lowered.compile)
print(json.dumps(parts))
"""


def test_200_draws_to_2033_warm(benchmark):
    """Both sides, 619 weeks, float64; target: under 3 s on two cores."""
    experiment = build("russia-ukraine-2022", draws=200)
    ensemble(build("russia-ukraine-2022", draws=1))
    results = benchmark.pedantic(ensemble, args=(experiment,), rounds=5)
    assert results.series("russia/front/killed").sizes["draw"] == 200


def test_first_compilation(benchmark, tmp_path, monkeypatch):
    """Luck, tracing and compiling in a new process, empty cache; target: under 12 s to compile. The table shows the whole process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = benchmark.pedantic(subprocess.run, args=([sys.executable, "-c", COLD],), kwargs={"capture_output": True, "text": True}, rounds=1)
    assert done.returncode == 0, done.stderr
    parts = json.loads(done.stdout)
    benchmark.extra_info |= parts
    print("\nfirst time: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items()))
