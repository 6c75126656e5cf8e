"""Timings on a shared machine: what is repeated, what is kept, and how busy the others were meanwhile."""

import os
import resource
import statistics
import time
from pathlib import Path

BUSY = (0, 1, 2, 5, 6, 7)  # fields of /proc/stat that count work: user, nice, system, interrupts, stolen time
SHORT = 0.05  # seconds below which a repetition calls the function several times


def busy() -> float:
    """Seconds of work that all cores have done since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(int(fields[place]) for place in BUSY) / os.sysconf("SC_CLK_TCK")


def own() -> float:
    """Seconds of work of this process and the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(times.ru_utime + times.ru_stime for times in used)


def timed(function, kept: int = 5, budget: float = 15.0) -> dict:
    """Repeats a function for `budget` seconds, at least `kept` times: medians of the repetitions that others disturbed least.

    `seconds` is the wall time, `work` the time on all cores together. Where others kept a core from it, work / cores tells
    what the wall time would have been.
    """
    begun = time.perf_counter()
    function()
    calls = max(1, int(SHORT / max(time.perf_counter() - begun, 1e-7)))
    rows, end = [], time.perf_counter() + budget
    while len(rows) < kept or time.perf_counter() < end:
        all_before, own_before, begun = busy(), own(), time.perf_counter()
        for _ in range(calls):
            function()
        wall = time.perf_counter() - begun
        mine = own() - own_before
        rows.append((max(0.0, busy() - all_before - mine) / wall, wall / calls, mine / calls))
    best = sorted(rows)[:kept]
    return {
        "seconds": statistics.median(row[1] for row in best),
        "work": statistics.median(row[2] for row in best),
        "fastest": min(row[1] for row in rows),
        "repetitions": len(rows),
        "cores_of_others": round(statistics.median(row[0] for row in best), 2),
    }


def peak_memory() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
