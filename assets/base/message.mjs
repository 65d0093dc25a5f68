// @ts-check
// One sentence above the pictures.

import { byId, write } from "./dom.mjs";

const NOTE = 6000; // ms that a remark stays
let fading = 0;

/**
 * @param {string} sentence
 * @param {string} kind "note" fades; the others stay until something takes them back
 */
export function say(sentence, kind) {
  const place = byId("message");
  write(place, sentence);
  place.dataset.kind = kind;
  place.hidden = !sentence;
  clearTimeout(fading);
  if (kind === "note") fading = setTimeout(unsay, NOTE, "note");
}

/** @param {...string} kinds */
export function unsay(...kinds) {
  if (kinds.includes(kindSaid())) say("", "");
}

/** The kind of sentence that was said last. */
export const kindSaid = () => byId("message").dataset.kind;
