"""The explorer in a real browser: levers, chart, panels, files, links, two visitors, keyboard, and not one request to elsewhere."""

import contextlib
import os
import re
import shutil
import threading

import pytest
import uvicorn

from muster.explorer import serve
from muster.explorer.engine import Engine
from muster.explorer.server import guarded

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEVER = "#c-north-levers-coercion"
DRAWN = "#chart:not([aria-busy]) svg"
PATIENCE = 240_000  # milliseconds: rival equations are compiled first
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextlib.contextmanager
def serving(scenario: str, draws: int):
    """The address of a server of its own."""
    engine = Engine(scenario, draws=draws)
    taken = serve.listening("127.0.0.1", 0)
    port = taken.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(guarded(engine, serve.names_of(port)), http=serve.Patient, ws="none", log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    assert engine.ready.wait(300)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def address():
    """A server of the toy war."""
    with serving("toy", draws=64) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("MUSTER_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, address):
    """visit(hash, **options): a page of a visitor of its own; what it said and asked is checked afterwards."""
    contexts, said, asked = [], [], []

    def opened(fragment: str = "", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda problem: said.append(str(problem)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + fragment)
        page.wait_for_selector(DRAWN)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not said
    assert asked
    assert not [url for url in asked if not url.startswith((address, "data:", f"blob:{address}"))]


def settled(page) -> None:
    """Waits until chart and panel stand still."""
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("#panel:not([aria-busy])")


def numbers(page) -> list[str]:
    """The numbers of the chain."""
    return page.locator(".links .number").all_inner_texts()


def turn(page, lever: str, steps: int) -> None:
    """Turns a lever with the keyboard."""
    page.focus(lever)
    for _ in range(steps):
        page.keyboard.press("PageUp")
    page.wait_for_selector("#chart[aria-busy]")
    settled(page)


def test_a_lever_moves_the_chain_the_chart_and_the_address(visit):
    page = visit("#link=morale")
    before, picture = numbers(page), page.inner_html("#chart")
    turn(page, LEVER, 4)
    assert numbers(page) != before
    assert page.inner_html("#chart") != picture
    assert "set=north.levers.coercion" in page.url
    page.click(".control.set .back")
    page.wait_for_selector("#chart[aria-busy]")
    settled(page)
    assert numbers(page) == before


def test_every_link_of_the_chain_leads_to_its_series_and_levers(visit):
    page, titles = visit(), set()
    assert page.locator(".links button").count() == 12
    for place in range(12):
        page.locator(".links button").nth(place).click()
        page.wait_for_selector(f".links li:nth-child({place + 1}) button[aria-current]")
        settled(page)
        titles.add(page.inner_text("#chart-title"))
    assert len(titles) == 12


def test_a_link_reload_and_back_show_the_same(visit):
    page = visit("#link=morale")
    turn(page, LEVER, 4)
    told, link = numbers(page), page.url
    page.reload()
    settled(page)
    assert numbers(page) == told
    other = visit(link[link.index("#") :])
    settled(other)
    assert numbers(other) == told
    page.locator(".links button").nth(0).click()
    page.wait_for_selector(".links li:nth-child(1) button[aria-current]")
    page.go_back()
    page.wait_for_selector(".links li:nth-child(4) button[aria-current]")
    settled(page)
    assert numbers(page) == told


def test_two_visitors_do_not_see_each_other(visit):
    one, other = visit("#link=morale"), visit("#link=morale")
    before = numbers(other)
    turn(one, LEVER, 4)
    other.reload()
    settled(other)
    assert numbers(other) == before
    assert numbers(one) != before


@pytest.mark.parametrize("tab", ["compare", "structures", "why"])
def test_panels_have_something_to_say(visit, tab):
    page = visit(f"#link=morale&set=north.levers.coercion%3D0.9&tab={tab}")
    settled(page)
    page.wait_for_selector("#panel h3")
    assert len(page.inner_text("#panel")) > 200
    assert page.locator("#panel .wrong").count() == 0
    if tab == "compare":
        assert page.locator("#panel svg path").count() > 5
        assert page.locator("#panel tbody tr").count() == 22


@pytest.mark.slow
def test_map_and_rival_equations_are_drawn(visit):
    page = visit("#tab=map")
    settled(page)
    page.wait_for_selector("#panel .tiles svg")
    assert page.locator("#panel .tiles").count() == 2
    page.click("#tab-structures")
    settled(page)
    before = numbers(page)
    page.locator("input[value=irreversible]").check()
    page.wait_for_selector("#chart[aria-busy]")
    settled(page)
    assert "suppression%3Airreversible" in page.url
    assert numbers(page) != before


@pytest.mark.slow
def test_every_claim_is_judged_on_demand_and_a_report_is_exported(browser, tmp_path):
    with serving("russia-ukraine-2022", draws=104) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}#link=morale&tab=claims&set=russia.levers.coercion%3D0.6")
        page.wait_for_selector("#every-run")
        assert page.locator("text=needs more runs").count() > 0
        page.click("#every-run")
        page.wait_for_selector("#every-run", state="detached")
        settled(page)
        assert page.locator("text=needs more runs").count() == 0
        assert page.locator("table.claims tbody tr").count() == 30
        with page.expect_download() as exporting:
            page.select_option("#export", "report.html")
        exporting.value.save_as(tmp_path / "report.html")
        page.goto((tmp_path / "report.html").as_uri())
        assert "Russia and Ukraine" in page.inner_text("body")
        page.close()


def test_files_are_saved_opened_and_exported(visit, tmp_path):
    page = visit("#link=morale")
    turn(page, LEVER, 4)
    told = numbers(page)
    with page.expect_download() as saving:
        page.click("#save")
    path = tmp_path / "saved.yaml"
    saving.value.save_as(path)
    for kind, start in (("csv", b"day,side"), ("png", b"\x89PNG"), ("svg", b"<svg"), ("results.nc", b"\x89HDF")):
        with page.expect_download() as exporting:
            page.select_option("#export", kind)
        exporting.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(start)
    page.evaluate("document.querySelector('#chart svg').dataset.before = 1")
    page.click("#reset")
    page.wait_for_selector("#chart:not([aria-busy]) svg:not([data-before])")  # a remembered answer is too quick to be seen as busy
    settled(page)
    assert numbers(page) != told
    page.evaluate("document.querySelector('#chart svg').dataset.before = 1")
    page.set_input_files("#file", path)
    page.wait_for_selector("#chart:not([aria-busy]) svg:not([data-before])")
    settled(page)
    assert numbers(page) == told


def test_keyboard_alone_reaches_and_turns_a_lever(visit):
    page = visit("#link=morale")
    before, reached = numbers(page), ""
    for _ in range(60):
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.id")
        if f"#{reached}" == LEVER:
            break
    assert f"#{reached}" == LEVER
    turn(page, LEVER, 4)
    assert numbers(page) != before


def test_time_plays_and_stops(visit):
    page = visit()
    page.fill("#week", "10")
    day = page.inner_text("#day")
    page.click("#play")
    page.wait_for_timeout(800)
    page.click("#play")
    stopped = page.inner_text("#day")
    assert stopped != day
    page.wait_for_timeout(400)
    assert page.inner_text("#day") == stopped


@pytest.mark.parametrize("width", [360, 768, 1440, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_can_be_read(visit, width, scheme):
    page = visit("#link=morale", viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name, least in (("--ink", 7), ("--muted", 4.5), ("--first", 4.5), ("--second", 4.5), ("--link", 4.5)):
        assert contrast(page, name, "--raised") >= least, name
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button,input:not([hidden]),select')].filter(e => !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length)).map(e => e.id || e.outerHTML)"
    )
    assert not unnamed


def contrast(page, one: str, other: str) -> float:
    """Contrast of two colours of the page."""
    shades = [page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('{name}').trim()") for name in (one, other)]
    lights = []
    for shade in shades:
        parts = [int(pair, 16) / 255 for pair in re.findall("..", shade.lstrip("#"))]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_second_language_says_everything(visit):
    page = visit("#language=de")
    assert page.get_attribute("html", "lang") == "de"
    assert page.inner_text("#play") == "Abspielen"
    page.select_option("#language", "en")
    page.wait_for_selector("html[lang=en]")
    assert page.inner_text("#play") == "Play"
