/** Charts: the server's specifications, in the page's colours and width, without evaluating code (the interpreter of expressions). */
import { drawn, make, say } from "./text.js";
import { expressionInterpreter } from "./vendor/vega-interpreter.js";
/** @typedef {import("./types.js").Spec} Spec */

const { vega, vegaLite } = /** @type {any} */ (window);

/** The words for colours in muster.charts, and the names of their shades in style.css. */
const SHADES = {
  "#1f5fa8": "--first", "#b3541e": "--second", "#1f2328": "--ink", "#57606b": "--muted", "#d8dee5": "--grid", "#fdfdfe": "--paper",
  "#14171a": "--tile-ink", "#eef3f9": "--shade0", "#c6d7ea": "--shade1", "#8fb1d6": "--shade2", "#4f83ba": "--shade3", "#1f4e8c": "--shade4",
};

const WIDE = 760, HIGH = 520, LETTERS = 105; // of a picture that is exported, and the letters of its title's lines
const PAPER = "#fdfdfe", MUTED = "#57606b";

/** The colour of a name now. @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A specification in the page's colours. @param {Spec} spec @returns {Spec} */
function shaded(spec) {
  const words = new RegExp(`"(${Object.keys(SHADES).join("|")})"`, "g");
  return JSON.parse(JSON.stringify(spec).replace(words, (_, word) => `"${colour(/** @type {Object<string, string>} */ (SHADES)[word])}"`));
}

export class Chart {
  /** @param {HTMLElement} place @param {number} height @param {boolean} [stretch] whether the chart takes the whole width */
  constructor(place, height, stretch = true) {
    this.place = place;
    this.height = height;
    this.stretch = stretch;
    /** @type {Spec|null} */ this.spec = null;
    /** @type {any} */ this.view = null;
    /** @type {Object<string, Object<string, any>[]>} */ this.held = {};
    /** @type {{days: number[], courses: (number|null)[][], moment: number}|null} */ this.above = null;
    this.width = 0;
    this.soon = 0;
    new ResizeObserver(() => this.fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.spec && this.draw(this.spec));
  }

  /** Draws a specification. @param {Spec} spec */
  async draw(spec) {
    this.width = this.place.clientWidth;
    const sized = this.stretch ? { ...shaded(spec), width: this.width, height: this.height, autosize: { type: "fit", contains: "padding" } } : shaded(spec);
    const { spec: full } = vegaLite.compile(sized, { logger: vega.logger(vega.Error) });
    const next = new vega.View(vega.parse(full, null, { ast: true }), { expr: expressionInterpreter, renderer: "svg", hover: false, logLevel: vega.Error });
    for (const [name, rows] of Object.entries(this.held)) if (has(full, name)) next.data(name, rows);
    this.clear();
    this.spec = spec;
    this.view = next;
    const paper = make("div", { "aria-hidden": "true" }); // Vega names what it draws into: the place has a name of its own
    this.place.replaceChildren(paper);
    await next.initialize(paper).runAsync();
    this.lay();
  }

  /** Takes the chart away. */
  clear() {
    this.view?.finalize();
    this.view = this.spec = null;
    this.place.replaceChildren();
  }

  /**
   * Draws courses and a moment over the chart, in its scales, without computing the chart anew.
   * @param {number[]} days milliseconds of the weeks @param {(number|null)[][]} courses one a side @param {number} moment milliseconds
   */
  over(days, courses, moment) {
    this.above = { days, courses, moment };
    this.lay();
  }

  /** Lays the courses over the chart as it stands; where they leave it, the axis is stretched first. */
  lay() {
    const root = this.view && this.place.querySelector("svg .role-frame.root > g");
    if (!root || !this.above) return;
    const { days, courses, moment } = this.above, x = this.view.scale("x"), y = this.view.scale("y");
    const known = /** @type {number[]} */ (courses.flat().filter((value) => value !== null));
    const ends = known.length ? [Math.min(...known), Math.max(...known)] : [], [low, high] = y.domain();
    const held = (this.held.room ?? []).map((row) => row.value);
    const beyond = ends.filter((value) => (value < low || value > high) && !(value >= Math.min(...held) && value <= Math.max(...held)));
    if (beyond.length) this.data("room", [...held, ...beyond].map((value) => ({ value })));
    const paper = drawn("svg", { class: "over", width: this.view.width(), height: this.view.height() });
    const at = x(moment).toFixed(1);
    paper.append(drawn("path", { class: "moment", d: `M${at} 0V${this.view.height()}` }));
    courses.forEach((own, side) => {
      const line = own.map((value, week) => (value === null || week >= days.length ? "" : `${x(days[week]).toFixed(1)} ${y(value).toFixed(1)}`));
      paper.append(drawn("path", { class: `course side${side}`, d: `M${line.filter(Boolean).join("L")}` }));
    });
    root.querySelector(".over")?.remove();
    root.append(paper);
  }

  /** Puts rows into data of a name. @param {string} name @param {Object<string, any>[]} rows */
  data(name, rows) {
    this.held[name] = rows;
    if (!this.view) return;
    try {
      this.view.data(name, rows);
    } catch {
      return; // this chart has no data of that name: it is kept for one that has
    }
    if (!this.soon) this.soon = requestAnimationFrame(async () => { // once a frame, whatever has changed
      await this.view?.runAsync();
      this.soon = 0;
      this.lay();
    });
  }

  /** Draws again where the place has another width. */
  fit() {
    if (this.view && this.stretch && Math.abs(this.place.clientWidth - this.width) > 2) {
      this.width = this.place.clientWidth;
      this.view.width(this.width).resize().runAsync().then(() => this.lay());
    }
  }

  /** The picture as a file, which tells by itself what it shows. @param {"png"|"svg"} kind @param {string} title @param {string[]} lines below it @returns {Promise<Blob>} */
  async picture(kind, title, lines) {
    if (!this.spec) throw new Error(say("no_chart"));
    const view = new vega.View(vega.parse(alone(this.spec, title, lines), null, { ast: true }), { expr: expressionInterpreter, renderer: "none", logLevel: vega.Error });
    try {
      if (kind === "svg") return new Blob([await view.toSVG()], { type: "image/svg+xml" });
      const canvas = await view.toCanvas(2);
      return await new Promise((done) => canvas.toBlob((/** @type {Blob} */ blob) => done(blob), "image/png"));
    } finally {
      view.finalize();
    }
  }
}

/** A chart that stands alone: on paper of its own in the light colours, with title and legend, compiled. @param {Spec} spec @param {string} title @param {string[]} lines @returns {Spec} */
function alone(spec, title, lines) {
  const told = JSON.parse(JSON.stringify(spec));
  for (const { encoding } of told.layer ?? []) if (encoding?.color?.legend === null) encoding.color.legend = { title: null, symbolType: "square" };
  const subtitle = lines.flatMap((line) => wrapped(line, LETTERS + 15));
  const sized = {
    ...told, width: WIDE, height: HIGH, padding: 12, background: PAPER, autosize: { type: "fit", contains: "padding" },
    title: { text: wrapped(title, LETTERS), subtitle, subtitleColor: MUTED, subtitlePadding: 5, offset: 10 },
  };
  return vegaLite.compile(sized, { logger: vega.logger(vega.Error) }).spec;
}

/** A text in lines of so many letters; a word that is longer is parted. @param {string} text @param {number} most @returns {string[]} */
function wrapped(text, most) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(/\s+/).flatMap((one) => one.match(new RegExp(`.{1,${most}}`, "gu")) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Whether a compiled specification has data of a name. @param {Spec} spec @param {string} name */
function has(spec, name) {
  return (spec.data ?? []).some((/** @type {Spec} */ one) => one.name === name);
}
