"""The walk of docs/explorer.md in Chromium, as a newcomer would take it: its seconds, and the pictures of the page.

python tools/explorer_walk.py     renews docs/explorer*.png; needs Chromium (or MUSTER_CHROMIUM)
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
MUSTER = Path(sys.executable).with_name("muster")
STILL = "#chart:not([aria-busy]) svg"
WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=360, height=800)


def still(page: Page) -> None:
    """Waits until chart and panel stand still."""
    page.wait_for_timeout(200)
    page.wait_for_selector(STILL, timeout=120_000)
    page.wait_for_selector("#panel:not([aria-busy])", timeout=120_000)


TURN = """(one, step) => {
  for (const kind of ['input', 'change']) { one.value = String(step); one.dispatchEvent(new Event(kind, { bubbles: true })); }
  return Number.parseFloat(one.getAttribute('aria-valuetext'));
}"""


def turn(page: Page, lever: str, value: float) -> None:
    """Puts a slider where it stands for a value, as a hand would find it."""
    slider = page.locator(lever)
    low, high = (slider.evaluate(TURN, step) for step in (0, 200))
    slider.evaluate(TURN, round(200 * (value - low) / (high - low)))
    still(page)


def course(page: Page, address: str) -> str:
    """From the opened page to the shared link."""
    page.goto(address)
    still(page)
    page.screenshot(path=DOCS / "explorer.png")
    page.click(".link:has-text('Training')")
    still(page)
    turn(page, "#c-russia-levers-course_length-decree", 12)
    page.screenshot(path=DOCS / "explorer-training.png")
    turn(page, "#c-russia-levers-commitment-decree", 0)
    page.click(".link:has-text('Front')")
    still(page)
    page.locator("#panel").scroll_into_view_if_needed()
    page.screenshot(path=DOCS / "explorer-difference.png")
    page.click("#share")
    return page.evaluate("navigator.clipboard.readText()")


def main() -> None:
    """Starts the explorer as a user would, walks, prints the seconds."""
    begun = time.perf_counter()
    server = subprocess.Popen([MUSTER, "explore", "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())[0]  # type: ignore[index]
        path = os.environ.get("MUSTER_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_context(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"]).new_page()
            link = course(page, address)
            print(f"from 'muster explore' to the copied link: {time.perf_counter() - begun:.0f} s\n{link}")
            other = browser.new_context(viewport=PHONE, color_scheme="dark", device_scale_factor=2).new_page()
            other.goto(link)
            still(other)
            other.screenshot(path=DOCS / "explorer-phone.png")
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
