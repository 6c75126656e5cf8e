/** The claims about the war with the verdicts that they have under the settings, beside those of what was decided. */
import { read } from "./api.js";
import { view } from "./state.js";
import { make, say } from "./text.js";
/** @typedef {import("./panels.js").Filled} Filled */

/** A probability on a line from 0 to 1. @param {number|null} p @param {number|null} before */
function bar(p, before) {
  const box = make("meter", { min: 0, max: 1, value: p ?? 0, class: "p" });
  return p === null ? make("span", {}, "–") : make("span", { class: "bar" }, box, ` ${p.toFixed(2)}`, ...(before !== null && Math.abs(p - before) >= 0.005 ? [make("span", { class: "note" }, ` (${before.toFixed(2)})`)] : []));
}

/** The settings for which all runs were asked for. */
let whole = "";

/** The panel. @param {AbortSignal} signal @param {() => void} _ @param {() => void} refresh @returns {Promise<Filled>} */
export async function fill(signal, _, refresh) {
  const settings = JSON.stringify(view);
  const told = await read("claims", { view, every_run: settings === whole }, signal);
  const more = make("button", { type: "button", id: "every-run", onclick: () => {
    whole = settings;
    more.replaceWith(make("p", { class: "note", role: "status" }, say("claims_running")));
    refresh();
  } }, say("claims_more", { later: told.later }));
  const rows = told.claims.map((/** @type {any} */ claim) => {
    const moved = claim.verdict !== claim.before;
    const verdict = make("td", { class: moved ? "moved" : "" }, say(`verdict.${claim.verdict}`), ...(moved ? [make("span", { class: "note" }, ` ${say("was", { verdict: say(`verdict.${claim.before}`) })}`)] : []));
    return make("tr", {}, make("th", { scope: "row" }, make("details", {}, make("summary", {}, claim.title), make("p", { class: "note" }, claim.statement), ...(claim.why ? [make("p", { class: "note" }, claim.why)] : []))),
      make("td", {}, bar(claim.p, claim.p_before)), verdict, make("td", {}, say(`outcome.${claim.outcome}`)));
  });
  const heads = ["claim", "probability_now", "verdict", "outcome"];
  return { nodes: [make("h3", {}, say("claims_title", { moved: told.moved, all: told.claims.length })), make("p", { class: "note" }, say("claims_note", { draws: told.draws })),
    ...(told.later ? [more] : []),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("tab.claims") },
      make("table", { class: "claims" }, make("thead", {}, make("tr", {}, ...heads.map((key) => make("th", { scope: "col" }, say(key))))), make("tbody", {}, ...rows)))] };
}
