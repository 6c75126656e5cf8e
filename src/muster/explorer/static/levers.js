/** The controls, made from what the server says of each lever and each uncertain number. */
import { choose, facts, look, set, setting, show, view } from "./state.js";
import { make, number, say, the } from "./text.js";
/** @typedef {import("./types.js").Lever} Lever */
/** @typedef {import("./types.js").Parameter} Parameter */

const STEPS = 200;
const SUBSYSTEM = /** @type {Object<string, string>} */ ({ callup: "callup" });
/** @type {(final: boolean) => void} */
let turned = () => {};

/** Builds all controls. @param {(final: boolean) => void} callback  called with every turn; final once it is let go */
export function build(callback) {
  turned = callback;
  const policy = /** @type {HTMLSelectElement} */ (the("policy"));
  policy.replaceChildren(...facts.policies.map((one) => make("option", { value: one.name, selected: one.name === view.policy }, `${one.name}: ${one.title}`)));
  policy.onchange = () => { choose({ policy: policy.value }); turned(true); refresh(); };
  const day = /** @type {HTMLInputElement} */ (the("since-day"));
  Object.assign(day, { min: facts.start, max: facts.last_observation, value: look.from });
  day.onchange = () => {
    if (day.value < facts.start || day.value > facts.last_observation) return;
    show({ from: day.value });
    choose({ sets: view.sets.map((text) => (text.includes(".levers.") && text.includes("@") ? text.replace(/@.*/, `@${day.value}`) : text)) });
    turned(true);
  };
  the("side").replaceChildren(...facts.sides.map((side, place) => make("label", { class: `side${place}` },
    make("input", { type: "radio", name: "side", value: side.name, checked: side.name === look.side, onchange: () => { show({ side: side.name }); turned(true); refresh(); } }),
    side.label)));
  refresh();
}

/** Shows the controls of the chosen link and side. */
export function refresh() {
  the("levers-title").textContent = say("levers_of", { link: say(`link.${look.link}`) });
  const link = facts.chain.find((one) => one.name === look.link) ?? facts.chain[0];
  const rows = facts.levers[look.side].filter((lever) => link.levers.includes(lever.key));
  const found = rows.map(control);
  if (link.levers.includes("decree")) found.unshift(...decree());
  the("controls").replaceChildren(...(found.length ? found : [make("p", { class: "note" }, say("no_levers"))]));
  const own = facts.parameters.filter((one) => one.subsystem === (SUBSYSTEM[look.link] ?? look.link) && (one.side === null || one.side === look.side));
  the("parameter-list").replaceChildren(...own.map(parameter));
  summary();
}

/** A lever's path in the words of the command line. @param {Lever} lever */
function pathOf(lever) {
  return `${look.side}.levers.${lever.key}${lever.part ? `.${lever.part}` : ""}`;
}

/** A lever's slider. @param {Lever} lever */
function control(lever) {
  const path = pathOf(lever), given = setting(path);
  const from = Math.min(Math.floor((Date.parse(look.from) - Date.parse(facts.start)) / 6.048e8 / 4), lever.values.length - 1);
  const own = lever.values[Math.max(from, 0)];
  const value = given === null ? own : Number.parseFloat(given);
  const name = say(`lever.${lever.key}`) + (lever.part ? `, ${say(`part.${lever.part}`)}` : "");
  return slider({
    path, name, unit: lever.unit, meaning: lever.meaning, source: lever.source, low: lever.low, high: lever.high, log: false, value, own, given: given !== null,
    write: (/** @type {number} */ x) => `${x}@${look.from}`,
  });
}

/** An uncertain number's slider. @param {Parameter} one */
function parameter(one) {
  const given = setting(one.path);
  return slider({
    path: one.path, name: `${one.name.replaceAll("_", " ")}${one.side ? "" : ` (${say("both_sides")})`}`, unit: one.unit, meaning: one.meaning, source: one.source,
    low: one.low, high: one.high, log: one.log, value: given === null ? one.value : Number.parseFloat(given), own: one.value, given: given !== null,
    write: (/** @type {number} */ x) => String(x),
  });
}

/** A slider with its name, value, meaning and source. @param {Object<string, any>} of */
function slider(of) {
  const place = (/** @type {number} */ x) => of.log ? (STEPS * Math.log(Math.max(x, of.low) / of.low)) / Math.log(of.high / of.low) : (STEPS * (x - of.low)) / (of.high - of.low);
  const back = (/** @type {number} */ step) => {
    const x = of.log ? of.low * (of.high / of.low) ** (step / STEPS) : of.low + ((of.high - of.low) * step) / STEPS;
    return Number(x.toPrecision(4));
  };
  const id = `c-${of.path.replaceAll(".", "-")}`;
  const unit = say(`unit.${of.unit}`);
  const shown = make("output", { class: "value", for: id });
  const write = (/** @type {number} */ x) => { shown.textContent = `${number(x)} ${unit}`.trim(); input.setAttribute("aria-valuetext", shown.textContent); };
  const input = /** @type {HTMLInputElement} */ (make("input", { type: "range", id, min: 0, max: STEPS, step: 1, "aria-describedby": `${id}-m` }));
  const back_button = make("button", { type: "button", class: "back", hidden: !of.given, "aria-label": say("back_to", { name: of.name }), title: say("as_it_was") }, "↺");
  const row = make("div", { class: of.given ? "control set" : "control" },
    make("div", { class: "row" }, make("label", { for: id }, of.name), shown, back_button), input,
    make("p", { class: "note meaning", id: `${id}-m` }, of.meaning),
    make("details", { class: "source" }, make("summary", {}, say("source")), make("p", { class: "note" }, `${of.source}. ${say("as_it_was")}: ${number(of.own)} ${unit}`)));
  input.value = String(place(of.value));
  write(of.value);
  input.oninput = () => { const x = back(Number(input.value)); write(x); set(of.path, of.write(x)); row.classList.add("set"); back_button.hidden = false; turned(false); summary(); };
  input.onchange = () => turned(true);
  back_button.onclick = () => { set(of.path, null); input.value = String(place(of.own)); write(of.own); row.classList.remove("set"); back_button.hidden = true; turned(true); summary(); input.focus(); };
  return row;
}

/** The controls of a decree: whether there is one, how many men, and when. */
function decree() {
  const told = facts.decrees[look.side];
  if (!told) return [make("p", { class: "note" }, say("no_decree"))];
  const path = `${look.side}.levers.decree`, men = Number.parseFloat(setting(`${path}.announced`) ?? told.announced);
  const none = setting(path) === "null";
  const box = make("input", { type: "checkbox", checked: !none, id: "c-decree" });
  box.onchange = () => {
    const on = /** @type {HTMLInputElement} */ (box).checked;
    for (const part of [".announced", ".date", ""]) set(path + part, part === "" && !on ? "null" : null);
    turned(true);
    refresh();
  };
  const check = make("label", { class: "check", for: "c-decree" }, box, say("lever.decree"));
  if (none) return [make("div", { class: "control set" }, check)];
  const announced = slider({
    path: `${path}.announced`, name: say("lever.announced"), unit: "person", meaning: say("meaning.announced"), source: told.source, low: 0, high: 4 * Number.parseFloat(told.announced),
    log: false, value: men, own: Number.parseFloat(told.announced), given: setting(`${path}.announced`) !== null, write: (/** @type {number} */ x) => String(Math.round(x)),
  });
  const day = /** @type {HTMLInputElement} */ (make("input", { type: "date", id: "c-decree-date", value: setting(`${path}.date`) ?? told.date, min: facts.start, max: facts.last_observation }));
  day.onchange = () => {
    if (day.value < facts.start || day.value > facts.last_observation) return;
    set(`${path}.date`, day.value === told.date ? null : day.value);
    turned(true);
    summary();
  };
  return [make("div", { class: "control" }, check), announced, make("div", { class: "control" }, make("div", { class: "row" }, make("label", { for: "c-decree-date" }, say("lever.decree_date"))), day)];
}

/** What differs from what was decided, and each with a way back. */
export function summary() {
  const rows = view.sets.map((text) => make("li", {}, make("code", {}, text), make("button", {
    type: "button", class: "back", "aria-label": say("take_back", { name: text }),
    onclick: () => { choose({ sets: view.sets.filter((one) => one !== text) }); turned(true); refresh(); },
  }, "×")));
  the("changed").replaceChildren(make("h3", {}, say("changed")), rows.length || Object.keys(view.levers).length
    ? make("ul", {}, ...rows, ...Object.keys(view.levers).map((side) => make("li", {}, say("opened_levers", { side }))))
    : make("p", { class: "note" }, view.policy === facts.reference ? say("nothing_changed") : view.policy));
}
