/** Questions to the server: of quick ones the newest wins, of slow ones an older is given up. */
import { say } from "./text.js";

/** Asks. @param {string} name @param {Object<string, any>|null} body @param {AbortSignal} [signal] @returns {Promise<Response>} */
export async function ask(name, body, signal) {
  const answer = await fetch(`api/${name}`, body === null ? { signal } : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal,
  }).catch((problem) => { throw problem.name === "AbortError" ? problem : new Error(say("no_server")); });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ problem: `${answer.status} ${answer.statusText}` }));
    throw new Error(told.problem ?? String(answer.status));
  }
  return answer;
}

/** Asks and reads the answer. @param {string} name @param {Object<string, any>|null} body @param {AbortSignal} [signal] */
export async function read(name, body, signal) {
  return (await ask(name, body, signal)).json();
}

/**
 * One question in flight; of those that come meanwhile only the last is asked.
 * @template Q, A
 * @param {(question: Q) => Promise<A>} send @param {(answer: A, question: Q) => void} take @param {(problem: Error, question: Q) => void} fail
 */
export function newest(send, take, fail) {
  /** @type {{question: Q}|null} */
  let waiting = null;
  let busy = false;
  /** @param {Q} question */
  return async function put(question) {
    waiting = { question };
    if (busy) return;
    busy = true;
    while (waiting) {
      const { question: next } = /** @type {{question: Q}} */ (waiting);
      waiting = null;
      try {
        take(await send(next), next);
      } catch (problem) {
        fail(/** @type {Error} */ (problem), next);
      }
    }
    busy = false;
  };
}

/**
 * A slow question, asked after a rest; a newer one, or cancel(), gives up the older.
 * @param {number} rest milliseconds @param {(problem: Error) => void} fail
 */
export function rested(rest, fail) {
  /** @type {AbortController|null} */
  let running = null;
  let timer = 0;
  return {
    /** @param {(signal: AbortSignal) => Promise<void>} work @param {boolean} [atOnce] */
    later(work, atOnce = false) {
      this.cancel();
      const own = new AbortController();
      running = own;
      timer = window.setTimeout(() => work(own.signal).catch((problem) => {
        if (!own.signal.aborted) fail(problem);
      }), atOnce ? 0 : rest);
    },
    cancel() {
      window.clearTimeout(timer);
      running?.abort();
      running = null;
    },
  };
}
