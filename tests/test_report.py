"""The report is one page that loads nothing, runs nothing, and can be read on a telephone, in the dark and by ear."""

import json
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from muster import charts
from muster.assess import assess
from muster.compare import compare
from muster.observe import observations
from muster.propositions import Proposition, holds
from muster.quantities import Fitted
from muster.report import build, chain, claim, page, sections, series, words
from muster.report.drawing import drawn
from muster.verdict import Judged
from muster.weights import weighted_quantile

EVIL = "</script><script>window.planted = 1</script><img src=x onerror=\"window.planted = 1\"> & 'so'"
VOID = {"meta", "br", "img", "link", "input", "hr"}
LABELS = ("North", "South")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
RESOLUTION = "{rows: [A001], rule: 'a rule', edge_cases: 'none', resolves_on: 2001-01-01}"
SAID = f"[{{name: Somebody, role: analyst, date: 2000-07, word: will, source: article-2022-09, note: {json.dumps(EVIL)}}}]"
READING = """
  - id: {id}
    headline: {headline}
    statement: {statement}
    proposition: {{name: exceeds, quantity: {quantity}, threshold: {threshold}}}
    until: {until}
    event: {event}
    resolution: {resolution}
    outcome: {outcome}"""
QUANTITIES = {  # name -> quantity, threshold, statement, last day, event
    "sum": ("{over: [north/callup/called_up], start: '2000-07-06', end: '2000-12-28'}", 40000, "more men", "2000-12-28", "false"),
    "share": (
        "{ratio: [{over: [north/front/killed], start: '2000-07-06', end: '2001-01-04'}, {mean: north/front/troops, start: '2000-07-06', "
        "end: '2001-01-04'}]}",
        0.05,
        "more than 5 % are killed",
        "2001-01-04",
        "false",
    ),
    "stock": ("{at: north/society/approval_reported, day: '2001-06-28'}", 0.5, "above 50 %", "2001-06-28", "false"),
    "lag": (
        "{lag: [north/training/first_men_inducted, north/training/first_men_arrived], level: 20000}",
        6,
        "weeks",
        "2001-01-04",
        "false",
    ),
    "event": ("{at: north/regime/collapsed, day: '2001-12-20'}", 0.5, "the government collapses", "2001-12-20", "true"),
}


def claim_text(name: str) -> str:
    """A claim about the toy war; its words try to leave the page."""
    quantity, threshold, statement, until, event = QUANTITIES[name]
    fields = {"quantity": quantity, "threshold": threshold, "until": until, "event": event, "resolution": RESOLUTION}
    readings = "".join(
        READING.format(
            id=f"{name}-{number}", headline=str(not number).lower(), statement=json.dumps(statement + EVIL), outcome=outcome, **fields
        )
        for number, outcome in enumerate(("true", "disputed"))
    )
    head = f"id: {name}\ntitle: {json.dumps(name + EVIL)}\nparaphrase: {json.dumps(EVIL)}\nside: north\nscenario: toy\nkind: magnitude\n"
    head += f"said_by: {SAID}\n"
    return f"{head}not_testable: {json.dumps(EVIL)}\nreadings:{readings}\n"


POLICY = """
name: longer-courses
title: Longer courses
side: north
set: {course_length: {value: 16 week, source: {key: muster-prior, grade: assumed}}}
reasons: {course_length: "a test"}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The judgement of five claims about the toy war, and its page."""
    folder = tmp_path_factory.mktemp("report")
    for name in QUANTITIES:
        (folder / f"{name}.yaml").write_text(claim_text(name), encoding="utf-8")
    (folder / "longer-courses.yaml").write_text(POLICY, encoding="utf-8")
    judgement = assess("toy", draws=64, seed=1, claim_names=tuple(str(folder / f"{name}.yaml") for name in QUANTITIES))
    comparison = compare("toy", (str(folder / "longer-courses.yaml"),), draws=64)
    return judgement, page(judgement, comparison)


class Reader(HTMLParser):
    """Whether every element is closed in its turn, with names, links and texts."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.links, self.loads, self.tags, self.text = [], [], [], [], [], []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        self.loads += [given[key] for key in ("src", "srcset", "poster", "data", "xlink:href") if key in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def read(made):
    """The page as a parser sees it."""
    return Reader(made[1])


def test_elements_are_closed_names_are_single_and_links_lead_somewhere(read):
    assert len(set(read.ids)) == len(read.ids)
    assert read.links
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)


def test_the_page_loads_nothing_and_runs_nothing(made, read):
    assert read.loads == []
    policy = next(given["content"] for tag, given in read.tags if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert [given.get("type") for tag, given in read.tags if tag == "script"] == ["application/json"]
    style = re.search(r"<style>(.*?)</style>", made[1], re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert len(made[1].encode()) < 4e6


def test_words_of_a_claim_stay_words(made, read):
    assert not [tag for tag, given in read.tags if tag == "img" or "onerror" in given]
    assert EVIL in "".join(read.text)
    data = re.search(r'<script type="application/json" id="claims-data">(.*?)</script>', made[1], re.DOTALL).group(1)
    assert "<" not in data
    assert json.loads(data) == json.loads(json.dumps(made[0].as_list(), default=str))


def test_every_chart_has_marks_a_sentence_and_its_numbers(made):
    figures = re.findall(r"<figure>.*?</figure>", made[1], re.DOTALL)
    assert len(figures) >= 1 + len(QUANTITIES) + 1 + 1  # the chain, the claims, a policy, the battles
    for figure in figures:
        assert len(re.findall(r"<(?:path|line|rect|text)\b", figure)) > 10
        assert len(re.search(r'role="img" aria-label="([^"]+)"', figure).group(1)) > 40
        assert len(re.findall(r"<tr>", figure)) >= 2
        assert "NaN" not in figure
        assert "undefined" not in figure


def test_the_page_says_what_it_must(made):
    text = re.sub(r"<[^>]+>", " ", made[1])
    for words_of_it in (
        "level with force ratio alone",
        "What Muster is not for",
        "What the model cannot say",
        "Bibliography of the numbers used",
        "prior-driven",
        "no map of who died where",
        "longer-courses",
        "Not testable with this model",
        "Published figures in the library that a fit can use",
        "goes on",
    ):
        assert words_of_it in " ".join(text.split()) or words_of_it in made[1], words_of_it


def test_both_sides_stand_in_every_chart_of_a_claim(made):
    for section in re.findall(r'<section class="claim".*?</section>', made[1], re.DOTALL):
        label = re.search(r'role="img" aria-label="([^"]+)"', section).group(1)
        assert all(side in label for side in LABELS)


def test_the_page_is_the_same_whenever_it_is_written(made):
    without = [page(made[0], None, 1.0) for _ in range(2)]
    assert without[0] == without[1]
    assert "Policies were not compared" in without[0]


def headline(judgement, name):
    """The headline reading of a claim."""
    return next(item for one, items in judgement.claims for item in items if one.id == name and item.reading.headline)


def test_quartiles_that_are_not_known_are_neither_told_nor_drawn(made):
    judgement, halves = made[0], 'stroke-width="9"'
    kept = claim.interval(headline(judgement, "sum"), judgement)
    for row in kept.rows:
        assert [row[2], row[4]] == ["–", "–"]
        assert "–" not in (row[1], row[3], row[5])
    assert halves not in kept.svg
    assert "50 %" not in kept.caption
    known = claim.interval(headline(judgement, "lag"), judgement)
    assert "–" not in known.rows[0]
    assert halves in known.svg


def test_an_interval_and_the_published_figures_are_told_in_the_unit_of_their_chart(made):
    judgement = made[0]
    item = headline(judgement, "share")
    shown = claim.interval(item, judgement)
    assert shown.head[3] == "median, in %"
    assert shown.rows[0][3] == words.number(100 * item.quantiles[1])
    assert f"North {shown.rows[0][3]} % (90 %: {shown.rows[0][1]} to {shown.rows[0][5]})" in shown.label
    row = next(row for row in observations() if row.path == "society/approval_reported").model_copy(update={"side": "north"})
    assert claim.told([row], judgement, 100.0)[0][1] == words.number(100 * row.central)


def test_the_sentence_counts_answers_that_data_of_the_war_moved(made):
    judgement = made[0]
    assert "no model fit" in build.sentence(judgement)
    (one, items), *others = judgement.claims
    moved = replace(items[0], judged=replace(items[0].judged, prior_driven=False))
    proposition = Proposition(name="below", quantity=Fitted(battles="omega"), threshold=0.5)
    battles = replace(moved, reading=moved.reading.model_copy(update={"proposition": proposition}))
    unanswered = replace(moved, judged=Judged.without("not computed"))

    def told(*heads):
        return build.sentence(replace(judgement, claims=[*((one, [head]) for head in heads), *others]))

    assert told(moved, battles, unanswered).endswith("the data of this war moved one answer.")
    assert told(battles, unanswered).endswith("so each but one answered by battles is what was thought plausible beforehand.")
    weighed = replace(judgement, effective_draws=50.0)
    assert build.sentence(weighed).endswith("the data of this war moved no answers.")


def test_charts_of_weighted_draws_show_the_numbers_that_are_told(made):
    judgement, run = made[0], made[0].results
    weights = np.random.default_rng(1).exponential(size=run.draws) ** 3
    weighed = replace(judgement, weights=weights / weights.sum(), effective_draws=20.0)
    called = 1e-3 * run.total("north/callup/called_up", "2000-07-06", "2000-12-28")
    expected = [words.number(weighted_quantile(called, weights, level)) for level in words.QUANTILES]
    shown = claim.fan_of(headline(judgement, "sum"), weighed)
    assert [row for row in shown.rows if row[1] == "North"][-1][2:] == expected
    item = headline(judgement, "stock")
    course = series.course(claim.pair(item, judgement), run, item.reading.until)
    share = float(np.sum(weighed.weights[holds(item.reading.proposition, course.values[0][:, -1], item.threshold)]))
    assert f"North {words.percent(share)}" in claim.chance(item, weighed).label
    lag = claim.points_of(headline(judgement, "lag"), weighed)[0]
    assert lag != claim.points_of(headline(judgement, "lag"), judgement)[0]
    both = [chain.figure(run, judgement.experiment, one.weights).rows for one in (weighed, judgement)]
    assert both[0] != both[1]
    said = "maps, drivers and the comparison of policies are of the unweighted draws"
    assert said in page(weighed)
    assert said not in made[1]


def test_the_page_of_a_run_of_its_own_settings_tells_them_and_names_no_files(made):
    text = page(made[0], None, 0.0, told="no decree & front.x=<2>")
    assert "<p>Settings: no decree &amp; front.x=&lt;2&gt;</p>" in text
    assert "changed: no decree &amp; front.x=&lt;2&gt;" in text
    assert "Beside this page" not in text
    assert "wall time" not in text
    plain = page(made[0], None, 1.0)
    assert "Settings:" not in plain
    assert "changed:" not in plain
    assert "Beside this page lie claims.json" in plain
    assert "wall time" in plain


def test_the_same_specifications_draw_points_thresholds_and_tiles():
    rows = [
        {"day": f"2022-{month:02d}-01", "side": side, "p5": 1, "p25": 2, "p50": 3, "p75": 4, "p95": 5}
        for month in range(1, 7)
        for side in LABELS
    ]
    point = {"day": "2022-03-01", "side": "North", "low": 2, "value": 3, "high": 9}
    spec = charts.fan(rows, LABELS, "men", points=[point], threshold={"value": 4, "word": "threshold 4"}, last="2022-05-01")
    assert "threshold 4" in drawn(spec, "a fan of a quantity")
    assert "last observation" in drawn(spec, "a fan of a quantity")
    tiles = [{"code": f"R{n}", "row": n // 3, "column": n % 3, "value": value} for n, value in enumerate((0.5, 3.0, 12.0, None))]
    map_of = drawn(charts.tiles(tiles, "dead", [1, 2, 5, 10]), "a map of tiles")
    assert "R2" in map_of
    assert "R3" not in map_of


def test_steps_of_a_map_part_the_regions_in_fifths_and_letters_tell_regions_apart():
    values = [float(x) for x in (*range(1, 100), 5000)]  # one region far above the others shifts no step
    assert sections.bounds_of(values) == [21, 41, 60, 80]
    assert sections.bounds_of([0.0] * 5) == sorted(set(sections.bounds_of([0.0] * 5)))
    names = ["Kyiv", "Kyiv Oblast", "Cherkasy Oblast", "Chernihiv Oblast", "Autonomous Republic of Crimea"]
    assert sections.letters([f"UA-{n}" for n in range(5)], names) == ["KYI", "KYO", "CHY", "CHV", "CRI"]
    assert sections.letters(["RU-IN", "RU-TY"], ["Republic of Ingushetia", "Tuva Republic"]) == ["IN", "TY"]
    assert sections.letters(["N-1", "N-2"], ["North Coast", "North Capital"]) == ["1", "2"]


@pytest.fixture(scope="module")
def browser():
    """A real browser; where there is none the test is skipped, but not where changes land."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium: install the package chromium")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        found = running.chromium.launch(executable_path=path, args=QUIET)
        yield found
        found.close()


CONTRAST = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = c => { const x = c / 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; };
  const shine = c => 0.2126 * light(c[0]) + 0.7152 * light(c[1]) + 0.0722 * light(c[2]);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3]) return c; }
                        return [255, 255, 255, 1]; };
  const boxed = e => { const box = e.closest('svg.chain') && e.closest('svg.chain').querySelector('.box');
                       return box ? parse(getComputedStyle(box).fill) : null; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.tagName === 'SCRIPT' || e.tagName === 'title') continue;
    const style = getComputedStyle(e), drawing = e.namespaceURI.includes('svg');
    const ink = parse(drawing ? style.fill : style.color);
    for (const paper of [behind(e), boxed(e)].filter(Boolean)) {
      const [a, b] = [shine(ink), shine(paper)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < 4.5) found.push([walk.currentNode.data.trim().slice(0, 40), Math.round(100 * ratio) / 100]);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_in_a_browser(made, browser, tmp_path, width, theme):
    """No error, no request, no overflow, contrast AA, one width of the picture, and planted words do nothing."""
    file = tmp_path / "report.html"
    file.write_text(made[1], encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
    tab, said, asked = context.new_page(), [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda problem: said.append(str(problem)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert said == []
    assert asked == [file.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CONTRAST) == []
    assert tab.evaluate("[...document.querySelectorAll('svg.chain')].filter(one => one.getClientRects().length).length") == 1
    assert tab.evaluate("window.planted") is None
    assert tab.evaluate("[...document.querySelectorAll('svg.chart')].every(one => one.getBoundingClientRect().height > 60)")
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] < 60")
    assert dark == (theme == "dark")
    context.close()


def test_on_paper_it_is_light_and_closed_parts_stay_out(made, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made[1], encoding="utf-8")
    tab = browser.new_context(viewport={"width": 700, "height": 900}, color_scheme="dark").new_page()
    tab.goto(file.as_uri())
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("document.documentElement.scrollWidth") <= 700
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.pdf(format="A4").startswith(b"%PDF")
