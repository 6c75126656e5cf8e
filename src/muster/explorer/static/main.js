/** The page: joins the chain, the levers, the chart, the time and the panels below it. */
import { newest, read, rested } from "./api.js";
import * as chain from "./chain.js";
import { Chart } from "./charts.js";
import * as files from "./files.js";
import * as levers from "./levers.js";
import * as panels from "./panels.js";
import * as state from "./state.js";
import { dayText, make, number, say, speak, status, tell, the } from "./text.js";
/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").Fan} Fan */
/** @typedef {{view: import("./types.js").View, path: string, since: boolean}} Question */

const REST = 450; // milliseconds without a turn after which the ensemble is asked for
const chart = new Chart(the("chart"), 330);
/** @type {{fan: Fan|null, rest: Run|null, run: Run|null, question: string, shown: string, running: string, kind: string, playing: number}} */
const now = { fan: null, rest: null, run: null, question: "", shown: "", running: "", kind: "", playing: 0 };
const ensemble = rested(REST, problem);
/** @type {number[]} */
let days = []; // milliseconds of the weeks that a typical run has

/** What is asked of a run now. @returns {Question} */
function question() {
  return { view: state.view, path: state.look.path, since: state.look.since };
}

/** The series of a question: a run moves only a chart of the same. @param {Question} asked */
function seriesOf(asked) {
  return `${asked.path} ${asked.since}`;
}

const quick = newest((/** @type {Question} */ asked) => read("run", asked), (/** @type {Run} */ run, asked) => {
  now.run = run;
  now.running = seriesOf(asked);
  if (JSON.stringify(asked) === now.question) now.rest = run;
  paint();
  performance.mark("muster-run");
}, (what, asked) => { if (JSON.stringify(asked) === JSON.stringify(question())) problem(what); });

/** Shows a problem in words, and takes away what does not belong to the settings that are shown. @param {Error} what */
function problem(what) {
  if (what.name === "AbortError") return;
  now.fan = now.run = now.rest = null;
  clear();
  chain.update({});
  paint();
  panels.clear();
  the("chart").removeAttribute("aria-busy");
  status(what.message, true);
}

/** Takes the chart away, and all that tells of it. */
function clear() {
  now.shown = "";
  chart.clear();
  for (const id of ["readout", "chart-note", "table"]) the(id).replaceChildren();
}

/** A lever was turned; `final` once it is let go. @param {boolean} final @param {string} [control] */
function turned(final, control) {
  if (final) state.keep(true, control);
  quick(question());
  later();
}

/** Asks for the ensemble after a rest. @param {boolean} [atOnce] */
function later(atOnce = false) {
  the("chart").setAttribute("aria-busy", "true");
  ensemble.later(async (signal) => {
    const asked = question(), { whole } = state.look;
    status(say("computing", { draws: state.facts.draws }));
    const fan = await read("fan", { ...asked, whole }, signal);
    if (signal.aborted) return;
    now.fan = fan;
    now.question = JSON.stringify(asked);
    now.shown = seriesOf(asked);
    now.run = now.rest = null;
    quick(asked);
    chart.data("room", []);
    await chart.draw(fan.spec);
    if (signal.aborted) return;
    the("chart").removeAttribute("aria-busy");
    status("");
    table(fan);
    paint();
    performance.mark("muster-fan");
    panels.refresh();
  }, atOnce);
}

/** A median moved by what the typical run has changed since the ensemble. @param {(number|null)[][]} middle @param {(number|null)[][]|undefined} run @param {(number|null)[][]|undefined} rest */
function moved(middle, run, rest) {
  if (!run || !rest || run === rest) return middle;
  return middle.map((own, side) => own.map((value, week) => {
    const after = run[side][week], before = rest[side][week];
    if (value === null || after === null || before === null || after === undefined || before === undefined) return value;
    return value >= 0 && after >= 0 ? Math.max(value + after - before, 0) : value + after - before;
  }));
}

/** Shows what is known: the chain, the course that moves while a lever is turned, the moment, and the numbers in words. */
function paint() {
  const { fan, run, rest, shown } = now, day = state.dayOf(state.look.week);
  the("day").textContent = dayText(day);
  the("week").setAttribute("aria-valuetext", dayText(day));
  if (!fan && !run) return;
  const links = Object.fromEntries(state.facts.chain.map((link) => [link.name,
    fan ? moved(fan.chain[link.name], run?.chain[link.name], rest?.chain[link.name]) : /** @type {Run} */ (run).chain[link.name]]));
  chain.update(links);
  if (!fan || !shown) return;
  const series = now.running === shown ? moved(fan.series, run?.series, rest?.series) : fan.series;
  const turning = series !== fan.series;
  chart.over(days, turning ? series.map((own) => own.slice(0, days.length)) : [], Date.parse(`${day}T00:00:00`));
  readout(series, fan, turning);
}

/** The numbers of the moment in words. @param {(number|null)[][]} series @param {Fan} fan @param {boolean} turning */
function readout(series, fan, turning) {
  const sides = state.facts.sides.map((side, place) => `${side.label} ${number(series[place][state.look.week])}`);
  the("readout").textContent = `${dayText(state.dayOf(state.look.week))}: ${sides.join(", ")} ${fan.unit}`;
  the("chart-note").textContent = turning ? say("note_turning") : say("note_rest", { draws: fan.draws, last: dayText(state.facts.last_observation) });
}

/** The ensemble as a table. @param {Fan} fan */
function table(fan) {
  const rows = fan.table.map((row) => make("tr", {}, make("th", { scope: "row" }, row.day.slice(0, 7)), make("td", {}, row.side),
    ...["p50", "p5", "p95"].map((key) => make("td", { class: "figure" }, number(row[key])))));
  the("table").replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...["day", "of_side", "median", "low", "high"].map((key) => make("th", { scope: "col" }, say(key))))), make("tbody", {}, ...rows)));
}

/** Shows the series of the chosen link. */
function heading() {
  const link = state.facts.chain.find((one) => one.name === state.look.link) ?? state.facts.chain[0];
  const series = link.series.find((one) => one.path === state.look.path) ?? link.series[0];
  the("chart-title").textContent = `${say(`link.${link.name}`)}: ${series.meaning}${state.look.since ? `, ${say("summed")}` : ""}`;
  const select = /** @type {HTMLSelectElement} */ (the("series"));
  select.replaceChildren(...link.series.map((one) => make("option", { value: one.path, selected: one.path === state.look.path }, `${one.meaning}`)));
  const sum = /** @type {HTMLInputElement} */ (the("sum"));
  sum.checked = state.look.since;
  sum.disabled = !series.unit.endsWith("/week");
  /** @type {HTMLInputElement} */ (the("whole")).checked = state.look.whole;
  const range = /** @type {HTMLInputElement} */ (the("week"));
  range.max = String((state.look.whole ? state.facts.all_weeks : state.facts.weeks) - 1);
  if (state.look.week > Number(range.max)) state.show({ week: Number(range.max) });
  range.value = String(state.look.week);
}

/** A link of the chain was chosen. @param {string} name */
function chosen(name) {
  const link = state.facts.chain.find((one) => one.name === name);
  if (!link) return;
  state.show({ link: name, path: link.path, since: link.since });
  state.keep(true);
  redraw();
}

/** Everything again, of what the address says. */
function redraw() {
  const kind = `${seriesOf(question())} ${state.look.whole}`;
  if (kind !== now.kind) clear();
  now.kind = kind;
  heading();
  levers.refresh();
  quick(question());
  later(true);
}

/** The moment was moved. @param {number} week @param {boolean} final */
function moment(week, final) {
  state.show({ week });
  /** @type {HTMLInputElement} */ (the("week")).value = String(week);
  if (final) state.keep(false);
  paint();
  panels.moment();
}

/** Plays through time, or stops. */
function play() {
  const button = the("play"), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (now.playing) {
    window.clearInterval(now.playing);
    now.playing = 0;
    button.textContent = say("play");
    state.keep(false);
    return;
  }
  const last = Number(/** @type {HTMLInputElement} */ (the("week")).max);
  if (state.look.week >= last) moment(0, false);
  button.textContent = say("pause");
  now.playing = window.setInterval(() => {
    const week = Math.min(state.look.week + (calm ? 13 : 1), last);
    moment(week, false);
    if (week === last) play();
  }, calm ? 1200 : 80);
}

/** Builds what depends on language and view. */
function build() {
  tell();
  document.title = `${say("kicker")}: ${state.facts.title}`;
  the("title").textContent = state.facts.title;
  days = Array.from({ length: state.facts.weeks }, (_, week) => Date.parse(`${state.dayOf(week)}T00:00:00`));
  the("legend").replaceChildren(...state.facts.sides.map((side, place) => make("li", { class: `side${place}` }, side.label)),
    ...["key.band", "key.point", "key.dashed"].map((key) => make("li", { class: key.slice(4) }, say(key))));
  const rests = state.facts.posterior ? say("about_posterior", { posterior: state.facts.posterior }) : say("about_prior");
  the("about").textContent = `${rests} ${state.facts.note}`.trim();
  /** @type {HTMLSelectElement} */ (the("language")).value = state.look.language;
  chain.build(chosen);
  levers.build(turned);
  panels.build(redraw);
  files.build(chart, redraw);
  redraw();
}

/** Listens to the controls that are always there. */
function listen() {
  the("series").onchange = (event) => {
    const path = /** @type {HTMLSelectElement} */ (event.target).value;
    const link = state.facts.chain.find((one) => one.path === path);
    state.show({ path, since: link?.since ?? false });
    state.keep(true);
    redraw();
  };
  the("sum").onchange = (event) => { state.show({ since: /** @type {HTMLInputElement} */ (event.target).checked }); state.keep(true); redraw(); };
  the("whole").onchange = (event) => { state.show({ whole: /** @type {HTMLInputElement} */ (event.target).checked }); state.keep(true); redraw(); };
  the("week").oninput = (event) => moment(Number(/** @type {HTMLInputElement} */ (event.target).value), false);
  the("week").onchange = () => state.keep(false);
  the("play").onclick = play;
  the("undo").onclick = state.back;
  the("reset").onclick = () => { state.choose({ policy: state.facts.reference, sets: [], levers: {}, continuation: null, structure: {} }); state.keep(true); build(); };
  the("language").onchange = async (event) => {
    state.show({ language: /** @type {HTMLSelectElement} */ (event.target).value });
    state.keep(false);
    await speak(state.look.language);
    build();
  };
  state.onAddress(async () => { await speak(state.look.language); build(); });
}

/** Waits until the server has its programs: a machine that never ran them compiles for a minute. */
async function prepared() {
  for (let told = await read("state", null); ; told = await read("state", null)) {
    if (told.problem) throw new Error(told.problem);
    if (told.ready) return;
    status(say("preparing"));
    await new Promise((done) => window.setTimeout(done, 300));
  }
}

/** Waits until the programs are ready, and begins. */
async function main() {
  const told = read("facts", null);
  await speak(new URLSearchParams(location.hash.slice(1)).get("language") ?? "en");
  tell();
  status(say("starting"));
  state.begin(await told);
  await prepared();
  listen();
  build();
}

main().catch(problem);
