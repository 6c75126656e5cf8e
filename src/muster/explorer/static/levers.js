/** The controls, made from what the server says of each lever and each uncertain number. */
import { read } from "./api.js";
import { settings } from "./settings.js";
import { choose, facts, look, set, setting, show, view } from "./state.js";
import { make, number, place, say, status, the } from "./text.js";
/** @typedef {import("./types.js").Lever} Lever */
/** @typedef {import("./types.js").Force} Force */
/** @typedef {import("./types.js").Decree} Decree */
/** @typedef {import("./types.js").Parameter} Parameter */

const STEPS = 200;
const SUBSYSTEM = /** @type {Object<string, string>} */ ({ callup: "callup" });
/** @type {(final: boolean, control?: string) => void} */
let turned = () => {};
/** @type {{key: string, told: Force}|null} what is in force, of the latest question */
let force = null;

/** Builds all controls. @param {(final: boolean, control?: string) => void} callback  called with every turn; final once it is let go */
export function build(callback) {
  turned = callback;
  const policy = /** @type {HTMLSelectElement} */ (the("policy"));
  policy.replaceChildren(...facts.policies.map((one) => make("option", { value: one.name, selected: one.name === view.policy }, `${one.name}: ${one.title}`)));
  policy.onchange = () => { choose({ policy: policy.value }); turned(true); refresh(); };
  dayField(/** @type {HTMLInputElement} */ (the("since-day")), () => look.from, (day) => {
    show({ from: day });
    choose({ sets: view.sets.map((text) => (text.includes(".levers.") && text.includes("@") ? text.replace(/@.*/, `@${day}`) : text)) });
    turned(true);
    refresh();
  });
  the("side").replaceChildren(...facts.sides.map((side, place) => make("label", { class: `side${place}` },
    make("input", { type: "radio", name: "side", value: side.name, checked: side.name === look.side, onchange: () => { show({ side: side.name }); turned(true); refresh(); } }),
    side.label)));
}

/** A field of a day that was observed: any other is refused in words, and gone once the field is left. @param {HTMLInputElement} field @param {() => string} own @param {(day: string) => void} take */
function dayField(field, own, take) {
  const fine = () => field.value >= facts.start && field.value <= facts.last_observation;
  Object.assign(field, { min: facts.start, max: facts.last_observation, value: own() });
  field.onchange = () => {
    field.setAttribute("aria-invalid", String(!fine()));
    if (fine()) take(field.value);
    else status(say("day_refused", { first: facts.start, last: facts.last_observation }), true);
  };
  field.onblur = () => {
    if (!fine()) field.value = own();
    field.removeAttribute("aria-invalid");
  };
}

/** Shows the controls of the chosen link and side, at what is in force under the decisions that are chosen. */
export function refresh() {
  const day = /** @type {HTMLInputElement} */ (the("since-day"));
  if (day !== document.activeElement) day.value = look.from;
  /** @type {HTMLSelectElement} */ (the("policy")).value = view.policy;
  the("levers-title").textContent = say("levers_of", { link: say(`link.${look.link}`) });
  const own = facts.parameters.filter((one) => one.subsystem === (SUBSYSTEM[look.link] ?? look.link) && (one.side === null || one.side === look.side));
  the("parameter-list").replaceChildren(...own.map(parameter));
  summary();
  const asked = { view: { policy: view.policy, levers: view.levers }, day: look.from }, key = JSON.stringify(asked);
  if (force?.key === key) controls(force.told);
  else read("levers", asked).then((told) => {
    force = { key, told };
    if (view.policy === asked.view.policy && view.levers === asked.view.levers && look.from === asked.day) controls(told);
  }, (problem) => the("controls").replaceChildren(make("p", { class: "wrong" }, problem.message)));
}

/** The controls of what is in force. @param {Force} told */
function controls(told) {
  const link = facts.chain.find((one) => one.name === look.link) ?? facts.chain[0], box = the("controls");
  const found = told.levers[look.side].filter((lever) => link.levers.includes(lever.key)).map(control);
  if (link.levers.includes("decree")) found.unshift(...decree(told.decrees[look.side]));
  const again = place(box, the("levers-title"));
  box.replaceChildren(...(found.length ? found : [make("p", { class: "note" }, say("no_levers"))]));
  again();
}

/** A lever's slider. @param {Lever} lever */
function control(lever) {
  const whole = `${look.side}.levers.${lever.key}`, path = whole + (lever.part ? `.${lever.part}` : ""), given = setting(path);
  const value = Number.parseFloat(given ?? setting(whole) ?? String(lever.value));
  const name = say(`lever.${lever.key}`) + (lever.part ? `, ${say(`part.${lever.part}`)}` : "");
  return slider({
    path, name, unit: lever.unit, meaning: lever.meaning, source: lever.source, low: lever.low, high: lever.high, log: false, value, own: lever.value, given: given !== null,
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
  input.onchange = () => turned(true, of.path);
  back_button.onclick = () => { set(of.path, null); input.value = String(place(of.own)); write(of.own); row.classList.remove("set"); back_button.hidden = true; turned(true); summary(); input.focus(); };
  return row;
}

/** The controls of a decree: whether there is one, how many men, and when. @param {Decree} told */
function decree(told) {
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
  const day = /** @type {HTMLInputElement} */ (make("input", { type: "date", id: "c-decree-date" }));
  dayField(day, () => setting(`${path}.date`) ?? told.date, (chosen) => {
    set(`${path}.date`, chosen === told.date ? null : chosen);
    turned(true);
    summary();
  });
  return [make("div", { class: "control" }, check), announced, make("div", { class: "control" }, make("div", { class: "row" }, make("label", { for: "c-decree-date" }, say("lever.decree_date"))), day)];
}

/** What differs from what was decided, and each with a way back. */
export function summary() {
  const heading = make("h3", { tabindex: -1 }, say("changed"));
  const rows = settings().map(({ text, back }, row) => make("li", {}, make(text.includes("=") ? "code" : "span", {}, text), make("button", {
    type: "button", class: "back", "aria-label": say("take_back", { name: text }), onclick: () => {
      back();
      turned(true);
      refresh();
      const left = the("changed").querySelectorAll("button");
      (left[Math.min(row, left.length - 1)] ?? the("changed").querySelector("h3")).focus();
    },
  }, "×")));
  the("changed").replaceChildren(heading, rows.length ? make("ul", {}, ...rows) : make("p", { class: "note" }, say("nothing_changed")));
}
