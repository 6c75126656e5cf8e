/** The chain as a picture and as the way around: a button a link, with its number and a sparkline of both sides. */
import { facts, look } from "./state.js";
import { drawn, make, number, say, the } from "./text.js";
/** @typedef {import("./types.js").Chain} Chain */
/** @typedef {import("./types.js").Link} Link */

const WIDTH = 100, HEIGHT = 26;
/** @type {Map<string, {button: HTMLElement, numbers: HTMLElement[], lines: SVGElement[], now: SVGElement}>} */
const boxes = new Map();

/** Draws the boxes. @param {(name: string) => void} choose */
export function build(choose) {
  boxes.clear();
  const list = make("ol", { class: "links" });
  for (const link of facts.chain) {
    const numbers = facts.sides.map((_, place) => make("span", { class: `number side${place}` }));
    const lines = facts.sides.map((_, place) => drawn("path", { class: `spark side${place}` }));
    const now = drawn("path", { class: "now" });
    const spark = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "sparkline", "aria-hidden": "true" });
    spark.append(now, ...lines);
    const button = make("button", { type: "button", class: "link", onclick: () => choose(link.name) },
      make("span", { class: "link-name" }, say(`link.${link.name}`)), spark,
      make("span", { class: "numbers" }, ...numbers), make("span", { class: "what" }, say(`what.${link.name}`)));
    boxes.set(link.name, { button, numbers, lines, now });
    list.append(make("li", {}, button));
  }
  the("chain").replaceChildren(list);
}

/** Shows numbers and courses: of a link or a week of which nothing is known, none. @param {Chain} chain */
export function update(chain) {
  for (const link of facts.chain) {
    const box = boxes.get(link.name);
    const values = chain[link.name] ?? facts.sides.map(() => []);
    if (!box) continue;
    const known = values.flat().filter((value) => value !== null).map(Number);
    const low = Math.min(...known), span = Math.max(...known) - low || 1;
    const weeks = values[0].length, at = look.week;
    values.forEach((own, place) => {
      box.numbers[place].textContent = number(own[at]);
      box.lines[place].setAttribute("d", path(own, low, span));
    });
    const x = (WIDTH * Math.min(at, weeks)) / Math.max(weeks - 1, 1);
    box.now.setAttribute("d", `M${x.toFixed(1)} 0V${HEIGHT}`);
    const told = values.map((own, place) => `${facts.sides[place].label} ${number(own[at])}`).join(", ");
    box.button.setAttribute("aria-label", `${say(`link.${link.name}`)}: ${say(`what.${link.name}`)}: ${told}`);
    if (link.name === look.link) box.button.setAttribute("aria-current", "true");
    else box.button.removeAttribute("aria-current");
  }
}

/** A course as a line. @param {(number|null)[]} values @param {number} low @param {number} span */
function path(values, low, span) {
  let text = "";
  const every = Math.max(Math.floor(values.length / 80), 1);
  for (let week = 0; week < values.length; week += every) {
    const value = values[week];
    if (value === null) continue;
    const x = (WIDTH * week) / Math.max(values.length - 1, 1), y = HEIGHT - 2 - ((HEIGHT - 4) * (value - low)) / span;
    text += `${text ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return text;
}
