// @ts-check
// A step's address is short, ?lesson=xor&page=2: `expand` gives the state it stands for, as lossatlas.app.state.lesson.expand, `shorten`
// writes it.

/** @typedef {Record<string, string[]>} Lessons the states of every lesson's steps, by its name */

/**
 * {name, page, state} of the step that an address names; null: it names none that is known.
 * @param {Lessons} lessons
 * @param {string} search
 */
export function stepOf(lessons, search) {
  const given = new URLSearchParams(search);
  const name = given.get("lesson");
  const states = name && Object.hasOwn(lessons, name) ? lessons[name] : [];
  const text = given.get("page") ?? "1";
  const state = /^\d{1,3}$/.test(text) ? states[Number(text) - 1] : undefined;
  return state === undefined ? null : { name, page: Number(text), state };
}

/**
 * Whether an address says nothing of its own beside a lesson's step.
 * @param {string} search
 * @param {string[]} beside
 */
export const isShort = (search, beside) => [...new URLSearchParams(search).keys()].every((name) => beside.includes(name));

/**
 * The whole state that an address stands for.
 * @param {Lessons} lessons
 * @param {string} search
 * @param {string[]} beside
 */
export function expand(lessons, search, beside) {
  const step = isShort(search, beside) && stepOf(lessons, search);
  return step ? `?${[step.state, search.replace(/^\?/, "")].filter(Boolean).join("&")}` : search;
}

/**
 * How an address is written: `options` are those of the page as name=value, `others` those that are no controls. A
 * step's own state is implied; any other state says at least one option, so that it is not taken for the step's.
 * @param {Lessons} lessons
 * @param {string[]} options
 * @param {string[]} others
 * @param {(search: string) => string[]} optionsOf the options that a search text gives
 */
export function shorten(lessons, options, others, optionsOf) {
  const step = stepOf(lessons, `?${others.join("&")}`);
  if (!step) return [...options, ...others];
  const hidden = new URLSearchParams(step.state).get("hide");
  const hides = new URLSearchParams(others.join("&")).get("hide");
  if (same(options, optionsOf(`?${step.state}`)) && (hides || !hidden)) {
    return others.filter((part) => !part.startsWith("hide=") || hides !== hidden);
  }
  return [...(options.length ? options : ["place=landscape"]), ...others];
}

const same = (some, others) => some.length === others.length && some.every((one) => others.includes(one));
