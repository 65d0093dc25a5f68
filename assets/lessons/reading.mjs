// @ts-check
// Where a reader is in a lesson.

import { byId, root } from "../base/dom.mjs";

/**
 * @typedef {object} Ask
 * @property {string} question
 * @property {string[]} choices
 * @property {number} answer
 * @property {string} why
 *
 * @typedef {{says: string, expected: string, here?: string, holds?: boolean}} Fact
 *
 * @typedef {object} Step
 * @property {string} title
 * @property {string[]} text
 * @property {string} look
 * @property {string[]} notes
 * @property {Ask | null} ask
 * @property {Fact[]} facts
 *
 * @typedef {{name: string, title: string, minutes: number, steps: Step[]}} Lesson
 */
export const reading = {
  lesson: /** @type {Lesson | null} */ (null), // the words of the lesson shown
  page: 0, // its step, from 1
  mode: "", // "": no lesson; "read": its panel; "explore": the controls; "present": the stage
  away: false, // whether the pictures are not the step's
};

/** @type {Map<string, number>} */
export const predictions = new Map(); // "xor 2" -> the choice made, or SKIPPED; kept in this page only
export const SKIPPED = -1;

/** @param {number} number of a step */
export const keyOf = (number) => `${reading.lesson.name} ${number}`;
/** @param {number} number */
export const stepAt = (number) => reading.lesson.steps[number - 1];
/** @param {number} number */
export const isAsked = (number) => Boolean(stepAt(number).ask) && !predictions.has(keyOf(number));

/** @param {string} next */
export function setMode(next) {
  reading.mode = next;
  if (next) root.dataset.lesson = next;
  else delete root.dataset.lesson;
  byId("lesson").hidden = next !== "read";
  byId("lesson-return").hidden = next !== "explore";
  byId("lesson-stage").hidden = next !== "present";
  veil();
}

/** Pictures that would give a prediction away come after it. */
export function veil() {
  const { lesson, page, mode, away } = reading;
  const hides = (mode === "read" || mode === "present") && !away && lesson && isAsked(page);
  root.toggleAttribute("data-veil", Boolean(hides));
}
