/** What the settings change against what was decided, draw by draw on the same luck. */
import { read } from "./api.js";
import { Chart } from "./charts.js";
import { changed, choose, facts, keep, look, view } from "./state.js";
import { make, number, say } from "./text.js";
/** @typedef {import("./panels.js").Filled} Filled */

/** The panel. @param {AbortSignal} signal @param {() => void} again @returns {Promise<Filled>} */
export async function fill(signal, again) {
  const buttons = facts.policies.map((one) => make("button", {
    type: "button", class: "chip", id: `chip-${one.name}`, "aria-pressed": String(one.name === view.policy), title: one.title,
    onclick: () => { choose({ policy: one.name }); keep(true); again(); },
  }, one.name));
  const head = [make("h3", {}, say("compare_title")), make("p", { class: "note" }, say("compare_note")), make("div", { class: "chips", role: "group", "aria-label": say("policy") }, ...buttons)];
  if (!changed()) return { nodes: [...head, make("p", {}, say("compare_none"))] };
  const told = await read("compare", { view, path: look.path, since: look.since, whole: look.whole }, signal);
  if (!told.spec) return { nodes: [...head, make("p", {}, say("compare_same"))] };
  const place = make("div", { class: "chart", role: "img", "aria-label": told.told });
  const chart = new Chart(place, 240);
  const columns = ["quantity", "of_side", "as_happened", "with_settings", "difference", "probability"];
  const rows = told.rows.map((/** @type {any} */ row) => make("tr", {}, make("th", { scope: "row" }, row.unit === "1" ? row.quantity : `${row.quantity}, ${row.unit}`), make("td", {}, row.side),
    make("td", { class: "figure" }, number(row.as_happened)), make("td", { class: "figure" }, number(row.under_policy)),
    make("td", { class: "figure" }, `${number(row.median)} (${number(row.low)} … ${number(row.high)})`),
    make("td", { class: "figure" }, row.p_above_zero === null ? "–" : row.p_above_zero.toFixed(2))));
  const table = make("table", {}, make("caption", { class: "note" }, say("compare_table", { day: told.day })),
    make("thead", {}, make("tr", {}, ...columns.map((key) => make("th", { scope: "col" }, say(key))))), make("tbody", {}, ...rows));
  return {
    nodes: [...head, make("h4", {}, say("difference_of", { series: told.meaning })), place, make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("difference") }, table)],
    after: () => chart.draw(told.spec),
  };
}
