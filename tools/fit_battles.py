"""Fit the front's loss law to battles: the posterior in library/posteriors/battles.nc, and its sensitivity beside it.

    python tools/fit_battles.py [--data DIRECTORY] [--form NAME ...]

DIRECTORY holds battles_wide.csv (`muster data fetch battles`; else the folder named by MUSTER_DATA). Without --form the main form is
fitted and kept; with it the named rivals are fitted and their exponents written to library/posteriors/sensitivity.json.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from muster.battle_fit import Form
from muster.battle_posterior import posterior_file, sample, save
from muster.battles import load

MAIN = Form(scores="hindsight", days=True)
RIVALS = {
    "scores at face value": Form(scores="face_value", days=True),
    "without judged scores": Form(scores="none", days=True),
    "without selection": Form(scores="hindsight", days=True, selection=False),
    "without rout": Form(scores="hindsight", days=True, rout=False),
    "errors of strengths twice as large": Form(scores="hindsight", days=True, errors=2.0),
    "errors of strengths four times as large": Form(scores="hindsight", days=True, errors=4.0),
}
SHOWN = ("omega", "nu", "mass_on_winning", "quality_on_winning", "rout", "selection", "size", "difference_sd")


def sensitivity_file() -> Path:
    """Where the exponents of the rival forms stand."""
    return posterior_file().with_name("sensitivity.json")


def told(posterior, seconds: float) -> dict:
    """Median and 90 % band of the main numbers, and the diagnostics."""
    bands = {name: [round(float(x), 3) for x in np.quantile(posterior.draws[name], (0.05, 0.5, 0.95))] for name in SHOWN}
    below = round(float(np.mean(posterior.draws["omega"] < 0.5)), 3)
    return {**bands, "omega_below_half": below, "battles": len(posterior.battles), "seconds": round(seconds), **posterior.diagnostics}


def main() -> int:
    """Fits, writes and tells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--form", nargs="*", default=None, choices=RIVALS)
    given = parser.parse_args()
    battles = load(given.data)
    battles = battles.take(~battles.whole)
    path = sensitivity_file()
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    wanted = {"main": MAIN} if given.form is None else {name: RIVALS[name] for name in given.form or RIVALS}
    for name, form in wanted.items():
        started = time.perf_counter()
        posterior = sample(battles, form) if name == "main" else sample(battles, form, warmup=500, draws=500)
        if name == "main":
            save(posterior, posterior_file())
        results[name] = told(posterior, time.perf_counter() - started)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(name, json.dumps(results[name]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
