/** Rival equations and endings of the war as switches. */
import { choose, facts, keep, view } from "./state.js";
import { make, say } from "./text.js";
/** @typedef {import("./panels.js").Filled} Filled */

/** A choice among a few. @param {string} name @param {string} title @param {string[]} answers @param {string} chosen @param {(answer: string) => void} take */
function group(name, title, answers, chosen, take) {
  return make("fieldset", {}, make("legend", {}, title), ...answers.map((answer) => make("label", { class: "check" },
    make("input", { type: "radio", name, value: answer, checked: answer === chosen, onchange: () => take(answer) }), say(`answer.${answer}`))));
}

/** The panel. @param {AbortSignal} _signal @param {() => void} again @returns {Promise<Filled>} */
export async function fill(_signal, again) {
  const endings = group("ending", say("ending"), facts.continuations, view.continuation ?? facts.continuations[0], (answer) => {
    choose({ continuation: answer === facts.continuations[0] ? null : answer });
    keep(true);
    again();
  });
  const questions = Object.entries(facts.structures).map(([question, answers]) => group(question, say(`question.${question}`), answers, view.structure[question] ?? answers[0], (answer) => {
    const others = Object.fromEntries(Object.entries(view.structure).filter(([name]) => name !== question));
    choose({ structure: answer === answers[0] ? others : { ...others, [question]: answer } });
    keep(true);
    again();
  }));
  return { nodes: [make("h3", {}, say("tab.structures")), make("p", { class: "note" }, say("structures_note")), make("div", { class: "groups" }, endings, ...questions)] };
}
