/** Saving, opening, sharing and exporting. */
import { ask, read } from "./api.js";
import { settings } from "./settings.js";
import { choose, facts, keep, look, show, turnedFrom, view } from "./state.js";
import { make, say, status, the } from "./text.js";
/** @typedef {import("./charts.js").Chart} Chart */

const EXPORTS = ["csv", "png", "svg", "results.nc", "report.html"];

/** Gives a file to the visitor. @param {Blob} blob @param {string} name */
function give(blob, name) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", { href: URL.createObjectURL(blob), download: name }));
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  status(say("saved", { name }));
}

/** A file that the server makes. @param {string} kind @param {string} name */
async function made(kind, name) {
  status(say(kind === "report.html" ? "making_report" : "making", { name }));
  const answer = await ask(`export/${kind}`, { view, path: look.path, since: look.since, whole: look.whole });
  give(await answer.blob(), name);
}

/** What stands below the title of a picture: the war, the settings, and how to read it. @returns {string[]} */
function shown() {
  const chosen = settings().map((one) => one.text).join("; ");
  return [`${facts.title}. ${say("settings")}: ${chosen || say("nothing_changed")}`, the("chart-note").textContent ?? "", say("picture_note")];
}

/** Does it, and says what went wrong. @param {() => Promise<void>} work */
function told(work) {
  work().catch((problem) => status(problem.message, true));
}

/** Listens to the buttons. @param {Chart} chart @param {() => void} redraw */
export function build(chart, redraw) {
  const base = `${facts.scenario}-${look.path.replace("/", "-")}`;
  const menu = /** @type {HTMLSelectElement} */ (the("export"));
  menu.replaceChildren(make("option", { value: "" }, say("export")), ...EXPORTS.map((kind) => make("option", { value: kind }, say(`export.${kind}`))));
  menu.onchange = () => {
    const kind = menu.value;
    menu.value = "";
    if (kind === "png" || kind === "svg") told(async () => give(await chart.picture(kind, the("chart-title").textContent ?? "", shown()), `${base}.${kind}`));
    else if (kind) told(() => made(kind, kind === "csv" ? `${base}.csv` : kind));
  };
  the("save").onclick = () => told(() => made("scenario.yaml", `${facts.scenario}.yaml`));
  the("share").onclick = () => told(async () => {
    keep(false);
    const link = location.href.replace(/[?&]token=[^#&]*/, "");
    try {
      await navigator.clipboard.writeText(link);
      status(say("shared"));
    } catch {
      window.prompt(say("share_by_hand"), link);
    }
  });
  const file = /** @type {HTMLInputElement} */ (the("file"));
  the("open").onclick = () => file.click();
  file.onchange = () => told(async () => {
    const [given] = file.files ?? [];
    if (!given) return;
    const text = await given.text();
    file.value = "";
    choose(await read("open", { text }));
    show({ from: turnedFrom() ?? look.from });
    keep(true);
    status(say("opened", { name: given.name }));
    redraw();
  });
}
