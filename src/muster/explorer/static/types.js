/**
 * What the page and the server tell each other.
 * @typedef {{policy: string, sets: string[], levers: Object<string, Object<string, unknown>>, continuation: string|null, structure: Object<string, string>}} View
 * @typedef {{link: string, path: string, since: boolean, whole: boolean, week: number, tab: string, side: string, from: string, language: string, measure: string}} Look
 * @typedef {{path: string, unit: string, meaning: string}} Series
 * @typedef {{name: string, path: string, unit: string, since: boolean, levers: string[], series: Series[]}} Link
 * @typedef {{key: string, part: string|null, unit: string, meaning: string, low: number, high: number, value: number, source: string}} Lever
 * @typedef {{path: string, stream: string, subsystem: string, name: string, side: string|null, symbol: string, unit: string, meaning: string, value: number, low: number, high: number, log: boolean, source: string}} Parameter
 * @typedef {{date: string, announced: string, duration: string, source: string}|null} Decree
 * @typedef {{levers: Object<string, Lever[]>, decrees: Object<string, Decree>}} Force  what is in force on a day, by side
 * @typedef {{scenario: string, title: string, sides: {name: string, label: string}[], start: string, weeks: number, all_weeks: number, ahead: number,
 *   last_observation: string, turn_from: string, chain: Link[], parameters: Parameter[],
 *   policies: {name: string, title: string}[], reference: string, structures: Object<string, string[]>, continuations: string[], posterior: string|null,
 *   note: string, draws: number, most_draws: number, regional: boolean}} Facts
 * @typedef {Object<string, (number|null)[][]>} Chain  numbers of each link: side, week
 * @typedef {{chain: Chain, series: (number|null)[][]}} Run
 * @typedef {Object<string, any>} Spec  a Vega-Lite specification
 * @typedef {Run & {spec: Spec, unit: string, meaning: string, draws: number, table: Object<string, any>[]}} Fan
 */
export {};
