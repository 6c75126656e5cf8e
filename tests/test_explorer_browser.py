"""The explorer in a real browser: levers, chart, panels, files, links, two visitors, keyboard, and not one request to elsewhere."""

import contextlib
import os
import re
import shutil
import threading
from urllib.parse import quote

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
    """visit(hash, **options): a page of a visitor of its own; what it said and asked is checked afterwards.

    `refused`: answers that are refused or do not come are no fault; the browser tells of each.
    """
    contexts, said, asked = [], [], []

    def opened(fragment: str = "", refused: bool = False, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: said.append(message.text) if wrong(message, refused) else None)
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


def wrong(message, refused: bool) -> bool:
    """Whether what the console says is a fault."""
    return message.type in ("error", "warning") and not (refused and message.text.startswith("Failed to load resource"))


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


def nothing_shown(page) -> None:
    """Neither chart nor numbers: there are none of the settings that are chosen."""
    assert page.locator("#chart svg").count() == 0
    assert page.get_attribute("#chart", "aria-busy") is None
    assert page.inner_text("#readout") + page.inner_text("#chart-note") + page.inner_text("#panel") == ""
    assert set(numbers(page)) == {"–"}


def test_server_that_is_gone_is_told_and_leaves_no_chart_of_something_else(visit):
    page = visit("#link=morale", refused=True)
    settled(page)
    page.route("**/api/*", lambda route: route.abort())
    page.locator(".links button").nth(0).click()
    page.wait_for_selector("#status.wrong")
    page.wait_for_selector("#chart:not([aria-busy])")
    assert page.inner_text("#status") == "The server does not answer; start muster explore again."
    nothing_shown(page)
    page.unroute("**/api/*")
    page.locator(".links button").nth(3).click()
    settled(page)
    assert page.inner_text("#status") == ""
    assert "–" not in numbers(page)


def test_refused_settings_are_told_and_leave_no_chart_of_others(visit):
    page = visit("#link=morale", refused=True)
    settled(page)
    page.evaluate("location.hash = '#link=morale&set=north.levers.coercion%3D7'")
    page.wait_for_selector("#status.wrong")
    page.wait_for_selector("#chart:not([aria-busy])")
    assert page.inner_text("#status").startswith("north.levers.coercion: coercion is a share")
    page.wait_for_timeout(600)
    nothing_shown(page)
    page.click("#changed .back")
    page.wait_for_selector(DRAWN)


def test_another_link_shows_no_number_until_its_own_are_there(visit):
    page, held = visit("#link=morale"), []
    settled(page)
    page.route("**/api/fan", lambda route: held.append(route))
    runs = page.evaluate("performance.getEntriesByName('muster-run').length")
    page.locator(".links button").nth(0).click()
    page.wait_for_function("count => performance.getEntriesByName('muster-run').length > count", arg=runs)
    assert page.inner_text("#chart-title").startswith("Call-up")
    assert page.inner_text("#readout") == ""
    assert page.locator("#chart svg").count() == 0
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Computing')")
    held[0].continue_()
    settled(page)
    assert "thousand" in page.inner_text("#readout")


def test_a_tab_reached_by_a_link_shows_nothing_of_another(visit):
    page = visit("#link=morale&tab=structures")
    settled(page)
    page.wait_for_selector("#panel input")
    page.route("**/api/claims", lambda _: None)  # an answer that never comes
    page.evaluate("location.hash = '#link=morale&tab=claims'")
    page.wait_for_selector("#tab-claims[aria-selected=true]")
    page.wait_for_function("() => document.querySelector('#panel').getAttribute('aria-busy')")
    assert page.locator("#panel input").count() == 0


def test_series_of_another_link_is_not_shown_under_this_one(visit):
    page = visit("#link=economy&series=front/killed&sum=1")
    assert page.inner_text("#chart-title") == "Economy: output over 2021"


def test_a_turn_is_one_step_that_back_takes_back(visit):
    page = visit("#link=morale")
    assert page.get_attribute("#undo", "aria-disabled") == "true"
    before = page.evaluate("history.length")
    settled(page)
    page.locator(LEVER).scroll_into_view_if_needed()
    box = page.locator(LEVER).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('set=north.levers.coercion')")
    assert page.evaluate("history.length") == before + 1
    assert page.get_attribute("#undo", "aria-disabled") == "false"
    settled(page)
    page.click("#undo")
    page.wait_for_function("() => !location.hash.includes('set=')")
    page.wait_for_selector("#undo[aria-disabled=true]")
    settled(page)
    assert page.inner_text("#changed p") == "Nothing: this is what was decided."
    page.click("#undo", force=True)
    page.wait_for_timeout(300)
    assert page.url.endswith("#link=morale")


def test_many_quick_turns_of_one_lever_are_one_step(visit):
    page = visit("#link=morale")
    before = page.evaluate("history.length")
    turn(page, LEVER, 4)
    assert page.evaluate("history.length") == before + 1


OPENED = (
    '{"north": {"coercion": {"path": {"2000-01-06": 0.2, "2000-08-03": 0.9}, "between": "hold", "source": {"key": "user",'
    ' "grade": "assumed"}}, "decree": null}}'
)


def test_levers_stand_where_they_are_in_force(visit):
    page = visit(f"#link=morale&from=2000-08-03&levers={quote(OPENED)}")
    shown = page.locator(".control", has=page.locator(LEVER)).locator("output")
    assert shown.inner_text() == "0.9"
    page.fill("#since-day", "2000-07-27")
    page.wait_for_function("() => document.querySelector('output[for=c-north-levers-coercion]').textContent === '0.2'")
    page.locator(".links button").nth(0).click()
    settled(page)
    assert page.locator("#c-decree").count() == 0
    assert "issues no decree" in page.inner_text("#controls")
    assert page.locator("output[for=c-north-levers-pay]").inner_text() == "2"


def test_a_refused_day_is_told_and_a_turn_moves_with_the_day(visit):
    page = visit("#link=morale")
    turn(page, LEVER, 4)
    page.fill("#since-day", "2000-08-03")
    page.wait_for_function("() => location.hash.includes('2000-08-03')")
    assert page.inner_text("#changed code").endswith("@2000-08-03")
    page.fill("#since-day", "1999-08-03")
    assert page.inner_text("#status.wrong") == "A day from 2000-01-06 to 2001-07-05 was expected: what was observed."
    page.focus("#policy")
    assert page.input_value("#since-day") == "2000-08-03"
    page.click("#changed .back")
    page.wait_for_function("() => !location.hash.includes('set=')")
    assert page.locator("#changed li").count() == 0


def test_all_that_is_changed_is_listed_and_can_be_taken_back(visit):
    page = visit(f"#link=morale&ending=ceasefire&levers={quote(OPENED)}&set=north.levers.pay%3D3%402000-08-03")
    assert page.locator("#changed li > :first-child").all_inner_texts() == [
        "Levers of North from an opened file",
        "north.levers.pay=3@2000-08-03",
        "After the last observation: a ceasefire may come",
    ]
    assert page.input_value("#since-day") == "2000-08-03"
    page.focus("#changed .back")
    for left in (2, 1, 0):
        page.keyboard.press("Enter")
        page.wait_for_function("left => document.querySelectorAll('#changed li').length === left", arg=left)
        assert page.evaluate("document.activeElement.closest('#changed') !== null")
    assert not {"levers", "set", "ending"} & {part.split("=")[0] for part in page.url.split("#")[1].split("&")}


@pytest.mark.parametrize(
    ("fragment", "control", "key"),
    [
        ("#link=morale&tab=structures", "input[name=ending]:checked", "ArrowDown"),
        ("#link=callup", "#c-decree", "Space"),
        ("#link=morale&set=north.levers.coercion%3D0.9", "#chip-as-happened", "Enter"),
        ("#link=morale", "#tab-compare", "Enter"),
    ],
)
def test_keyboard_keeps_its_place(visit, fragment, control, key):
    page = visit(fragment)
    settled(page)
    page.focus(control)
    told = "[document.activeElement.id, document.activeElement.name]"
    before = page.evaluate(told)
    page.keyboard.press(key)
    page.wait_for_timeout(700)
    settled(page)
    assert page.evaluate(told) == before


def test_charts_are_called_by_what_they_show(visit):
    page = visit("#link=morale&set=north.levers.coercion%3D0.9")
    settled(page)
    page.wait_for_selector("#panel .chart svg")
    heard = page.locator("body").aria_snapshot()
    assert "Vega" not in heard
    assert f'img "{page.inner_text("#chart-title")}"' in heard
    assert 'img "Difference of ' in heard


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_exported_picture_tells_by_itself_what_it_shows(visit, tmp_path, scheme):
    page = visit("#link=morale&ending=ceasefire&set=north.levers.coercion%3D0.9", color_scheme=scheme)
    settled(page)
    with page.expect_download() as exporting:
        page.select_option("#export", "svg")
    exporting.value.save_as(tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    told = " ".join(re.sub("<[^>]+>", " ", text).split())
    for part in ("North", "South", "Morale: desertions", "north.levers.coercion=0.9", "a ceasefire may come", "64 draws", "short war"):
        assert part in told, part
    assert 'fill="#fdfdfe"' in text
    assert "#1f5fa8" in text
    assert "#7db2f0" not in text


def test_small_numbers_are_not_shown_as_nothing(visit):
    page = visit("#link=morale")
    shown = page.evaluate(
        "import('./text.js').then(({ number }) => [0, 0.00005, -0.00031623, 0.25, 0.9996, 1.234, 12.34, 123.4].map(number))"
    )
    assert shown == ["0", "0.00005", "-0.000316", "0.25", "1", "1.23", "12.3", "123"]


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
        told = page.inner_text("body")
        assert "Russia and Ukraine" in told
        assert "Settings: as-happened + russia.levers.coercion=0.6" in told
        assert "claims.json" not in told
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
