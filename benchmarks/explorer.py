"""The explorer as a visitor feels it, in Chromium on a server of its own: python benchmarks/explorer.py [--scenario NAME] [--regional]

A turn is timed inside the page, from the event of the slider to the frame in which the new numbers stand.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import threading
import time

import httpx
from playwright.sync_api import sync_playwright

from muster.explorer import spare_thread

TURNS = 60
TIMED = """async ([lever, turns, pause]) => {
  const slider = document.querySelector(lever), marks = () => performance.getEntriesByName('muster-run').length;
  const frame = () => new Promise(requestAnimationFrame), found = [];
  const begun = performance.now();
  let updates = marks();
  for (let turn = 0; turn < turns; turn++) {
    const before = marks(), start = performance.now();
    slider.value = String(20 + (turn * 7) % 160);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    if (pause) { await new Promise((done) => setTimeout(done, pause)); continue; }
    while (marks() === before && performance.now() - start < 5000) await frame();
    found.push(performance.now() - start);
  }
  return { found, updates: marks() - updates, seconds: (performance.now() - begun) / 1000 };
}"""


@contextlib.contextmanager
def busy(address: str, side: str):
    """Another visitor asks for one ensemble after the other."""
    left = threading.Event()

    def ask() -> None:
        for number in range(1000):
            if left.is_set():
                return
            fan_seconds(address, "fan", {"sets": [f"{side}.levers.coercion={0.5 + number / 10_000}"]})

    visitor = threading.Thread(target=ask)
    visitor.start()
    time.sleep(1)
    yield
    left.set()
    visitor.join()


def measured(address: str, side: str) -> dict:
    """Seconds to the first chart, milliseconds of a turn, updates a second while a slider is dragged at 60 events a second."""
    path = os.environ.get("MUSTER_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        begun = time.perf_counter()
        page.goto(address + "#link=morale")
        page.wait_for_selector("#chart:not([aria-busy]) svg", timeout=120_000)
        first = time.perf_counter() - begun
        page.wait_for_timeout(1500)
        lever = f"#c-{side}-levers-coercion"
        turns = page.evaluate(TIMED, [lever, TURNS, 0])
        page.wait_for_timeout(4000)
        drag = page.evaluate(TIMED, [lever, 4 * TURNS, 16])
        page.wait_for_timeout(4000)
        with busy(address, side):
            crowded = page.evaluate(TIMED, [lever, 4 * TURNS, 16])
        browser.close()
    ordered = sorted(turns["found"])
    return {
        "first chart, s": round(first, 2),
        "a turn, median ms": round(statistics.median(ordered)),
        "a turn, 95 % ms": round(ordered[int(0.95 * len(ordered))]),
        "updates a second while dragging": round(drag["updates"] / drag["seconds"], 1),
        "the same while ensembles of others are computed": round(crowded["updates"] / crowded["seconds"], 1),
    }


def fan_seconds(address: str, name: str, view: dict) -> float:
    """Seconds of an ensemble that no one has asked for before."""
    begun = time.perf_counter()
    httpx.post(f"{address}api/{name}", json={"view": view, "draws": 200}, timeout=900).raise_for_status()
    return round(time.perf_counter() - begun, 2)


def main() -> None:
    """Starts a server, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="russia-ukraine-2022")
    parser.add_argument("--regional", action="store_true", help="also the ensemble by region; compiles for a minute or two the first time")
    chosen = parser.parse_args()
    spare_thread()
    import uvicorn

    from muster.explorer import serve
    from muster.explorer.engine import Engine
    from muster.explorer.server import guarded

    engine = Engine(chosen.scenario)
    taken = serve.listening("127.0.0.1", 0)
    port = taken.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(guarded(engine, serve.names_of(port)), http=serve.Patient, ws="none", log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    engine.ready.wait()
    address, side = f"http://127.0.0.1:{port}/", engine.base.sides[0]
    found = {"load before": os.getloadavg()[0], **measured(address, side)}
    turned = [{"sets": [f"{side}.levers.coercion={value}"]} for value in (0.41, 0.42, 0.43)]
    found["200 draws, national, s"] = min(fan_seconds(address, "fan", view) for view in turned)
    if chosen.regional:
        fan_seconds(address, "regions", turned[0])
        found["200 draws, by region, s"] = min(fan_seconds(address, "regions", view) for view in turned[1:])
    print(json.dumps(found, indent=1))
    server.should_exit = True
    thread.join(10)


if __name__ == "__main__":
    main()
