/** Why a number is what it is: what drives it, the equations, what feeds it, and the parameters with their sources. */
import { read } from "./api.js";
import { look, view } from "./state.js";
import { dayText, make, number, say } from "./text.js";
/** @typedef {import("./panels.js").Filled} Filled */

/** A list with a heading, nothing where it is empty. @param {string} key @param {Node[]} items */
function section(key, items) {
  return items.length ? [make("h4", {}, say(key)), make("ul", {}, ...items)] : [];
}

/** The panel. @param {AbortSignal} signal @returns {Promise<Filled>} */
export async function fill(signal) {
  const told = await read("why", { view, path: look.path, since: look.since, week: look.week, side: look.side }, signal);
  const drivers = told.drivers.map((/** @type {any} */ one) => make("li", {}, make("meter", { min: 0, max: 1, value: one.share, class: "p" }), ` ${Math.round(100 * one.share)} % `, make("strong", {}, one.name), ` ${one.meaning}`));
  const functions = told.functions.map((/** @type {any} */ one) => make("li", {}, make("code", {}, one.place), ` ${one.says}`));
  const inputs = told.inputs.map((/** @type {any} */ one) => make("li", {}, make("strong", {}, one.name), ` ${one.meaning ?? ""} `, make("span", { class: "note" }, say("comes_from", { from: one.from.join(", ") || "–" })), make("br"), make("code", {}, one.expression)));
  const parameters = told.parameters.map((/** @type {any} */ one) => make("tr", {}, make("th", { scope: "row" }, one.name), make("td", {}, one.meaning),
    make("td", { class: "figure" }, `${number(one.value)} (${number(one.range[0])} … ${number(one.range[1])}) ${one.unit === "1" ? "" : one.unit}`), make("td", {}, `${one.sources.join("; ")} (${one.grades.join(", ")})`)));
  const table = parameters.length ? [make("h4", {}, say("parameters")), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("parameters") }, make("table", {},
    make("thead", {}, make("tr", {}, ...["name", "meaning", "value_range", "source"].map((key) => make("th", { scope: "col" }, say(key))))), make("tbody", {}, ...parameters)))] : [];
  return { nodes: [make("h3", {}, say("why_title", { series: told.meaning, side: told.label, day: dayText(told.day), value: number(told.value), unit: told.unit })),
    make("p", { class: "note" }, say("why_note", { chapters: told.chapters.join(", ") })),
    ...(drivers.length ? section("drivers", drivers) : [make("p", {}, say("no_drivers"))]), ...section("equations", functions), ...section("inputs", inputs), ...table] };
}
