/** What stands below the chart: policies, map, claims, structures, and why. */
import { fill as claims } from "./claims.js";
import { fill as compare } from "./compare.js";
import { fill as map } from "./map.js";
import { keep, look, show } from "./state.js";
import { fill as structures } from "./structures.js";
import { make, place, say, the } from "./text.js";
import { fill as why } from "./why.js";
/** @typedef {{nodes: Node[], after?: () => Promise<void>, moment?: () => void}} Filled */

/** @type {Object<string, (signal: AbortSignal, again: () => void, refresh: () => void) => Promise<Filled>>} */
const PANELS = { compare, map, claims, structures, why };
const TABS = Object.keys(PANELS);
/** @type {() => void} */
let redraw = () => {};
/** @type {(() => void)|undefined} */
let onMoment;
/** @type {AbortController} */
let open = new AbortController();
let filledBy = ""; // the tab that the panel is of

/** Builds the tabs. @param {() => void} callback  draws everything again */
export function build(callback) {
  redraw = callback;
  if (!TABS.includes(look.tab)) show({ tab: TABS[0] });
  if (filledBy !== look.tab) clear();
  filledBy = look.tab;
  const tabs = TABS.map((name) => make("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", "aria-selected": String(name === look.tab),
    tabindex: name === look.tab ? 0 : -1, onclick: () => chosen(name), onkeydown: keys,
  }, say(`tab.${name}`)));
  const again = place(the("tabs"));
  the("tabs").replaceChildren(...tabs);
  again();
  the("panel").setAttribute("aria-labelledby", `tab-${look.tab}`);
}

/** Arrow keys go from tab to tab. @param {KeyboardEvent} event */
function keys(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  chosen(TABS[(TABS.indexOf(look.tab) + step + TABS.length) % TABS.length]);
  the(`tab-${look.tab}`).focus();
}

/** Opens a tab. @param {string} name */
function chosen(name) {
  show({ tab: name });
  keep(true);
  build(redraw);
  refresh();
}

/** Asks again for what the open tab shows; an older question is given up. */
export async function refresh() {
  open.abort();
  open = new AbortController();
  const { signal } = open, panel = the("panel");
  onMoment = undefined;
  panel.setAttribute("aria-busy", "true");
  if (!panel.hasChildNodes()) panel.append(make("p", { class: "note" }, say("waiting")));
  try {
    const filled = await PANELS[look.tab](signal, redraw, refresh);
    if (signal.aborted) return;
    fill(filled.nodes);
    await filled.after?.();
    onMoment = filled.moment;
    performance.mark("muster-panel");
  } catch (problem) {
    if (!signal.aborted) fill([make("p", { class: "wrong" }, /** @type {Error} */ (problem).message)]);
  } finally {
    if (!signal.aborted) panel.removeAttribute("aria-busy");
  }
}

/** Puts something else into the panel; the keyboard keeps its place. @param {Node[]} nodes */
function fill(nodes) {
  const panel = the("panel"), again = place(panel, panel);
  panel.replaceChildren(...nodes);
  again();
}

/** Empties the panel: what it showed is not of the settings. */
export function clear() {
  open.abort();
  onMoment = undefined;
  fill([]);
  the("panel").removeAttribute("aria-busy");
}

/** The moment was moved. */
export function moment() {
  onMoment?.();
}
