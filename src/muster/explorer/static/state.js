/** What is chosen. It lives in the address, so that a link shows the same, and nowhere else. */
import { the } from "./text.js";
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Look} Look */
/** @typedef {import("./types.js").Facts} Facts */

/** @type {View} */
export let view = { policy: "as-happened", sets: [], levers: {}, continuation: null, structure: {} };
/** @type {Look} */
export let look = { link: "front", path: "front/killed", since: true, whole: false, week: 0, tab: "compare", side: "", from: "", language: "en", measure: "dead" };
/** @type {Facts} */
export let facts;
/** @type {Set<() => void>} */
const listeners = new Set();
const TURN = 1000; // milliseconds in which another turn of the same control belongs to the same step
let latest = { control: "", at: 0 }, latestStep = 0;

/** Takes the facts. @param {Facts} told */
export function begin(told) {
  facts = told;
  read();
  history.replaceState({ step: step() }, "", address());
  mark();
  window.addEventListener("popstate", () => {
    if (history.state === null) history.replaceState({ step: latestStep + 1 }, "");
    latest = { control: "", at: 0 };
    mark();
    read();
    listeners.forEach((one) => one());
  });
}

/** Calls back when the address changed by going back or forth, or by another link. @param {() => void} callback */
export function onAddress(callback) {
  listeners.add(callback);
}

/** The view and the look of an address. */
export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const link = facts.chain.find((one) => one.name === given.get("link")) ?? facts.chain[2];
  const series = link.series.find((one) => one.path === given.get("series")) ?? link.series.find((one) => one.path === link.path);
  const path = series?.path ?? link.path, flow = series?.unit.endsWith("/week") ?? false;
  view = {
    policy: given.get("policy") ?? facts.reference,
    sets: given.getAll("set"),
    levers: parsed(given.get("levers")),
    continuation: given.get("ending"),
    structure: Object.fromEntries(given.getAll("structure").filter((text) => text.includes(":")).map((text) => text.split(":", 2))),
  };
  look = {
    link: link.name,
    path,
    since: flow && (given.has("sum") ? given.get("sum") === "1" : link.since),
    whole: given.get("whole") === "1",
    week: Math.min(Math.max(Number(given.get("week") ?? weekOf(facts.last_observation)) || 0, 0), facts.all_weeks - 1),
    tab: given.get("tab") ?? "compare",
    side: facts.sides.find((one) => one.name === given.get("side"))?.name ?? facts.sides[0].name,
    from: observed(given.get("from")) ?? observed(turnedFrom()) ?? facts.turn_from,
    language: given.get("language") ?? "en",
    measure: given.get("measure") ?? "dead",
  };
}

/** A day that was observed, nothing where it was not. @param {string|null} day */
function observed(day) {
  return day && /^\d{4}-\d\d-\d\d$/.test(day) && day >= facts.start && day <= facts.last_observation ? day : null;
}

/** The first day from which a lever is turned, nothing where none is. @returns {string|null} */
export function turnedFrom() {
  return view.sets.filter((text) => text.includes(".levers.")).map((text) => text.split("@")[1] ?? "").filter(Boolean).sort()[0] ?? null;
}

/** JSON that may be none. @param {string|null} text */
function parsed(text) {
  try {
    const found = JSON.parse(text ?? "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

/** The address of what is chosen. */
export function address() {
  const link = facts.chain.find((one) => one.name === look.link) ?? facts.chain[2];
  const told = new URLSearchParams();
  if (view.policy !== facts.reference) told.set("policy", view.policy);
  for (const text of view.sets) told.append("set", text);
  if (Object.keys(view.levers).length) told.set("levers", JSON.stringify(view.levers));
  if (view.continuation) told.set("ending", view.continuation);
  for (const [question, answer] of Object.entries(view.structure)) told.append("structure", `${question}:${answer}`);
  told.set("link", look.link);
  if (look.path !== link.path) told.set("series", look.path);
  if (look.since !== link.since) told.set("sum", look.since ? "1" : "0");
  if (look.whole) told.set("whole", "1");
  if (look.week !== weekOf(facts.last_observation)) told.set("week", String(look.week));
  if (look.tab !== "compare") told.set("tab", look.tab);
  if (look.side !== facts.sides[0].name) told.set("side", look.side);
  if (look.from !== facts.turn_from) told.set("from", look.from);
  if (look.language !== "en") told.set("language", look.language);
  if (look.measure !== "dead") told.set("measure", look.measure);
  return `#${told}`;
}

/** How many steps of this page lie before what is shown. @returns {number} */
function step() {
  return history.state?.step ?? 0;
}

/** Whether there is a step back. */
function mark() {
  latestStep = step();
  the("undo").setAttribute("aria-disabled", String(latestStep === 0));
}

/** A step back, where this page has one. */
export function back() {
  if (step() > 0) history.back();
}

/**
 * Keeps what is chosen in the address; a step back leads to before it where `forth` says so.
 * @param {boolean} forth @param {string} [control] what was turned: several turns of one control, soon one after the other, are one step
 */
export function keep(forth, control = "") {
  const next = address(), again = control !== "" && control === latest.control && performance.now() - latest.at < TURN;
  if (next === location.hash) return;
  if (forth) latest = { control, at: performance.now() };
  if (forth && !again) history.pushState({ step: step() + 1 }, "", next);
  else history.replaceState(history.state, "", next);
  mark();
}

/** Changes the view. @param {Partial<View>} change */
export function choose(change) {
  view = { ...view, ...change };
}

/** Changes the look. @param {Partial<Look>} change */
export function show(change) {
  look = { ...look, ...change };
}

/** The value that a path is set to, nothing where it is not. @param {string} path */
export function setting(path) {
  const found = view.sets.find((text) => text.startsWith(`${path}=`));
  return found === undefined ? null : found.slice(path.length + 1);
}

/** Sets a path, or with null leaves it as it was. @param {string} path @param {string|null} value */
export function set(path, value) {
  const others = view.sets.filter((text) => !text.startsWith(`${path}=`));
  choose({ sets: value === null ? others : [...others, `${path}=${value}`] });
}

/** Whether anything differs from what was decided. */
export function changed() {
  return view.sets.length > 0 || view.policy !== facts.reference || Object.keys(view.levers).length > 0
    || Object.keys(view.structure).length > 0 || view.continuation !== null;
}

/** The week in which a day lies. @param {string} day */
export function weekOf(day) {
  return Math.max(Math.floor((Date.parse(day) - Date.parse(facts.start)) / 6.048e8) - 1, 0);
}

/** The last day of a week. @param {number} week */
export function dayOf(week) {
  return new Date(Date.parse(facts.start) + (week + 1) * 6.048e8).toISOString().slice(0, 10);
}
