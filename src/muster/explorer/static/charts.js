/** Charts: the server's specifications, in the page's colours and width, without evaluating code (the interpreter of expressions). */
import { drawn } from "./text.js";
import { expressionInterpreter } from "./vendor/vega-interpreter.js";
/** @typedef {import("./types.js").Spec} Spec */

const { vega, vegaLite } = /** @type {any} */ (window);

/** The words for colours in muster.charts, and the names of their shades in style.css. */
const SHADES = {
  "#1f5fa8": "--first", "#b3541e": "--second", "#1f2328": "--ink", "#57606b": "--muted", "#d8dee5": "--grid", "#fdfdfe": "--paper",
  "#14171a": "--tile-ink", "#eef3f9": "--shade0", "#c6d7ea": "--shade1", "#8fb1d6": "--shade2", "#4f83ba": "--shade3", "#1f4e8c": "--shade4",
};

/** The colour of a name now. @param {string} name */
export function colour(name) {
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
    this.spec = spec;
    this.width = this.place.clientWidth;
    const sized = this.stretch ? { ...shaded(spec), width: this.width, height: this.height, autosize: { type: "fit", contains: "padding" } } : shaded(spec);
    const { spec: full } = vegaLite.compile(sized, { logger: vega.logger(vega.Error) });
    const next = new vega.View(vega.parse(full, null, { ast: true }), { expr: expressionInterpreter, renderer: "svg", hover: false, logLevel: vega.Error });
    for (const [name, rows] of Object.entries(this.held)) if (has(full, name)) next.data(name, rows);
    this.view?.finalize();
    this.view = next;
    this.place.replaceChildren();
    await next.initialize(this.place).runAsync();
    this.lay();
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

  /** The picture as a file. @param {"png"|"svg"} kind @returns {Promise<Blob>} */
  async picture(kind) {
    if (kind === "svg") return new Blob([await this.view.toSVG()], { type: "image/svg+xml" });
    const canvas = await this.view.toCanvas(2);
    const paper = document.createElement("canvas");
    paper.width = canvas.width;
    paper.height = canvas.height;
    const pen = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d"));
    pen.fillStyle = colour("--paper");
    pen.fillRect(0, 0, paper.width, paper.height);
    pen.drawImage(canvas, 0, 0);
    return new Promise((done) => paper.toBlob((blob) => done(/** @type {Blob} */ (blob)), "image/png"));
  }
}

/** Whether a compiled specification has data of a name. @param {Spec} spec @param {string} name */
function has(spec, name) {
  return (spec.data ?? []).some((/** @type {Spec} */ one) => one.name === name);
}
