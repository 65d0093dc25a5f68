// @ts-check
// Keys: each part of the page adds its own, with when they count; here they are heeded. The Help lists them all.

import { within } from "./dom.mjs";

/** @type {{acts: Record<string, () => unknown>, when: () => unknown, repeats: boolean, first: boolean}[]} */
const added = []; // {acts, when, repeats, first}
let isHidden = (_key) => false;

/**
 * `acts`: what to do by `event.key`. `when`: whether they count now. `repeats`: also while a key is held down.
 * `first`: before what has the focus, even a picture or a button; otherwise not where somebody types.
 * @param {Record<string, () => unknown>} acts
 * @param {{when?: () => unknown, repeats?: boolean, first?: boolean}} [how]
 */
export function addKeys(acts, { when = () => true, repeats = false, first = false } = {}) {
  added.push({ acts, when, repeats, first });
}

/** Which keys a lesson has taken away. */
export function hideKeys(test) {
  isHidden = test;
}

/** All keys that some part of the page has added. */
export const keysAdded = () => added.flatMap(({ acts }) => Object.keys(acts));

const TYPED = "input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]";
const PRESSED = "button, summary, a, label, input:not([type=range])"; // a space is theirs

function isTaken({ key, target }) {
  if (isHidden(key)) return true;
  if (!(target instanceof Element)) return false;
  if (key === "Escape" && target.matches("[id^=option-]")) return false;
  return Boolean(target.closest(`dialog, [role=listbox], ${TYPED}${key === " " ? `, ${PRESSED}` : ""}`));
}

function heed(event, first) {
  const { key } = event;
  if (within(document, "dialog:modal")) return;
  const found = added.find((one) => one.first === first && Object.hasOwn(one.acts, key) && one.when());
  if (!found || event.ctrlKey || event.metaKey || event.altKey || (!first && isTaken(event))) return;
  if (first) event.stopImmediatePropagation();
  if (first || key !== "Escape") event.preventDefault(); // Escape also closes menus
  if (!event.repeat || found.repeats) found.acts[key]();
}

document.addEventListener("keydown", (event) => heed(event, true), true);
document.addEventListener("keydown", (event) => heed(event, false));
