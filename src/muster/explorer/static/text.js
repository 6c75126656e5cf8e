/** The texts of the page, one file a language. */

/** @type {Object<string, string>} */
let held = {};
let language = "en";
const SVG = "http://www.w3.org/2000/svg";

/** Reads a language. @param {string} name */
export async function speak(name) {
  const answer = await fetch(`text/${name === "de" ? "de" : "en"}.json`);
  held = await answer.json();
  language = name === "de" ? "de" : "en";
  document.documentElement.lang = language;
}

/** A text by its key; {name} is replaced. @param {string} key @param {Object<string, string|number>} [words] */
export function say(key, words = {}) {
  const text = held[key] ?? key.split(".").pop()?.replaceAll("_", " ") ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(words[name] ?? whole));
}

/** Puts texts where the page's own markup asks for them. */
export function tell() {
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(/** @type {HTMLElement} */ (one).dataset.text ?? "");
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(/** @type {HTMLElement} */ (one).dataset.label ?? ""));
}

/** A number in at most four digits, however small. @param {number|null|undefined} value */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 1) return value.toLocaleString(language, { maximumSignificantDigits: 3 });
  return value.toLocaleString(language, { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}

/** A day in words. @param {string} day */
export function dayText(day) {
  return new Date(`${day}T12:00:00`).toLocaleDateString(language, { day: "numeric", month: "short", year: "numeric" });
}

/** An element with attributes and children. @param {string} tag @param {Object<string, any>} [given] @param {...(Node|string)} children */
export function make(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** An element of a drawing. @param {string} tag @param {Object<string, string|number>} given @returns {SVGElement} */
export function drawn(tag, given) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, String(value));
  return made;
}

/** The element of an id, which the page has. @template {HTMLElement} T @param {string} id @returns {T} */
export function the(id) {
  return /** @type {T} */ (document.getElementById(id));
}

/** The line below the heading. @param {string} text @param {boolean} [wrong] */
export function status(text, wrong = false) {
  the("status").textContent = text;
  the("status").className = wrong ? "wrong" : "";
}

/**
 * Where the keyboard is: gives a function that leads there again once its control was made anew, or else to `otherwise`.
 * @param {HTMLElement} within @param {HTMLElement} [otherwise]
 */
export function place(within, otherwise) {
  const at = /** @type {HTMLInputElement|null} */ (document.activeElement);
  if (!at || !within.contains(at)) return () => {};
  const own = at.id ? `#${CSS.escape(at.id)}` : at.name ? `[name="${CSS.escape(at.name)}"][value="${CSS.escape(at.value)}"]` : null;
  return () => (/** @type {HTMLElement|null} */ (own && within.querySelector(own)) ?? otherwise)?.focus({ preventScroll: true });
}
