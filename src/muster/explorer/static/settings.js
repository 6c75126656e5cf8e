/** What is chosen otherwise than it was decided, in words, each with its way back. */
import { choose, facts, view } from "./state.js";
import { say } from "./text.js";

/** An object without one of its keys. @param {Object<string, any>} from @param {string} key @returns {Object<string, any>} */
function without(from, key) {
  return Object.fromEntries(Object.entries(from).filter(([name]) => name !== key));
}

/** All of it: the decisions, an opened file's levers, single settings, the ending, rival equations. @returns {{text: string, back: () => void}[]} */
export function settings() {
  const label = (/** @type {string} */ side) => facts.sides.find((one) => one.name === side)?.label ?? side;
  return [
    ...(view.policy === facts.reference ? [] : [{ text: `${say("policy")}: ${view.policy}`, back: () => choose({ policy: facts.reference }) }]),
    ...Object.keys(view.levers).map((side) => ({ text: say("opened_levers", { side: label(side) }), back: () => choose({ levers: without(view.levers, side) }) })),
    ...view.sets.map((text) => ({ text, back: () => choose({ sets: view.sets.filter((one) => one !== text) }) })),
    ...(view.continuation ? [{ text: `${say("ending")}: ${say(`answer.${view.continuation}`)}`, back: () => choose({ continuation: null }) }] : []),
    ...Object.entries(view.structure).map(([question, answer]) => ({
      text: `${say(`question.${question}`)} ${say(`answer.${answer}`)}`, back: () => choose({ structure: without(view.structure, question) }),
    })),
  ];
}
