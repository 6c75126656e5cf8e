/** A map of equal tiles, one a region, of a quantity at the moment; both sides beside each other in the same steps. */
import { read } from "./api.js";
import { Chart } from "./charts.js";
import { dayOf, keep, look, show, view } from "./state.js";
import { dayText, make, number, say } from "./text.js";
/** @typedef {import("./panels.js").Filled} Filled */

/** The panel. @param {AbortSignal} signal @param {() => void} again @returns {Promise<Filled>} */
export async function fill(signal, again) {
  const told = await read("regions", { view, measure: look.measure }, signal);
  const select = /** @type {HTMLSelectElement} */ (make("select", { id: "measure" }, ...told.measures.map((/** @type {any} */ one) =>
    make("option", { value: one.name, selected: one.name === told.measure }, one.meaning))));
  select.onchange = () => { show({ measure: select.value }); keep(true); again(); };
  const when = make("p", { class: "note" });
  const maps = told.sides.map((/** @type {any} */ side) => {
    const place = make("div", { class: "tiles", role: "img" });
    const text = make("p", { class: "note" });
    return { side, place, text, chart: new Chart(place, 0, false) };
  });
  const draw = () => {
    const quarter = Math.min(Math.round((look.week + 1) / 13), told.days.length - 1);
    when.textContent = say("map_day", { day: dayText(told.days[quarter]), now: dayText(dayOf(look.week)), draws: told.draws });
    for (const { side, place, text, chart } of maps) {
      const rows = side.regions.map((/** @type {any} */ region, /** @type {number} */ index) => {
        const value = side.values[quarter][index];
        const step = told.bounds.filter((/** @type {number} */ bound) => value >= bound).length;
        return { ...region, value, step, word: told.words[step], dark: step >= 3 };
      }).filter((/** @type {any} */ row) => row.value !== null);
      chart.data("tiles", rows);
      const ranked = side.values[quarter].filter((/** @type {number|null} */ value) => value !== null).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
      const missing = side.regions.filter((/** @type {any} */ _, /** @type {number} */ index) => side.values[quarter][index] === null).map((/** @type {any} */ region) => region.name);
      text.textContent = say("map_told", { side: side.label, low: number(ranked[0]), middle: number(ranked[Math.floor(ranked.length / 2)]), high: number(ranked.at(-1)) })
        + (missing.length ? `. ${say("map_missing", { list: missing.join(", ") })}` : "");
      place.setAttribute("aria-label", `${told.meaning}. ${text.textContent}`);
    }
  };
  const table = () => make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("region")), make("th", { scope: "col" }, say("value")))),
    make("tbody", {}, ...told.sides.flatMap((/** @type {any} */ side) => side.regions.map((/** @type {any} */ region, /** @type {number} */ index) =>
      make("tr", {}, make("th", { scope: "row" }, region.name), make("td", { class: "figure" }, number(side.values[Math.min(Math.round((look.week + 1) / 13), told.days.length - 1)][index])))))));
  const holder = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("table") });
  const details = make("details", { ontoggle: () => holder.replaceChildren(table()) }, make("summary", {}, say("table")), holder);
  const differs = told.differs.length ? make("p", { class: "note" }, say("map_differs", { list: told.differs.join("; ") })) : make("p", { class: "note" }, say("map_agrees"));
  return {
    nodes: [make("h3", {}, say("tab.map")), make("div", { class: "setting" }, make("label", { for: "measure" }, say("measure")), select), when,
      make("div", { class: "maps" }, ...maps.map((/** @type {any} */ one) => make("figure", {}, make("figcaption", {}, one.side.label), one.place, one.text))), details, differs],
    after: async () => { draw(); await Promise.all(maps.map((/** @type {any} */ one) => one.chart.draw(one.side.spec))); },
    moment: draw,
  };
}
