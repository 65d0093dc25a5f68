// @ts-check
// Lessons: words beside the pictures, step by step, for one reader or for an audience.

import { addActs } from "../base/acts.mjs";
import { enlarge } from "../base/appearance.mjs";
import { names, told } from "../base/declared.mjs";
import { byId, root } from "../base/dom.mjs";
import { say, unsay } from "../base/message.mjs";
import { onPhase } from "../pictures/connection.mjs";
import { extra, setExtras, visit } from "../state/state.mjs";
import { isShort, stepOf } from "./addresses.mjs";
import { addressOf, go, isInView, scrollToStep, setInView } from "./moving.mjs";
import { build, mark, onPredicted, showFacts } from "./panel.mjs";
import { reading, setMode } from "./reading.mjs";
import { endPresenting, fillScreen, stage, stopAhead, warmNext } from "./stage.mjs";

/** @typedef {import("./reading.mjs").Lesson} Lesson */
/** @type {Map<string, Promise<Lesson>>} */
const words = new Map(); // name -> a promise of the lesson's words

/** @param {string} name */
function fetchWords(name) {
  if (!words.has(name)) {
    const found = fetch(`/lessons/${encodeURIComponent(name)}.json`).then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    });
    found.catch(() => words.delete(name));
    words.set(name, found);
  }
  return words.get(name);
}

// Stays until the page's state changes: a note would go with the next plan.
const remark = (sentence) => say(sentence, "lesson");

/**
 * The page's state has changed.
 * @param {string} search
 */
export function followLesson(search) {
  unsay("lesson");
  const name = extra("lesson");
  if (!name) return close();
  const step = stepOf(told.lessons, search);
  if (!step) return lost(name);
  reading.away = !isShort(search, names.beside);
  fetchWords(name).then((found) => {
    if (stepOf(told.lessons, window.location.search)?.name === name) show(found, step.page);
  }, () => remark("The lesson's words did not arrive; reload the page."));
}

function lost(name) {
  const isKnown = Object.hasOwn(told.lessons, name);
  const which = isKnown ? `Lesson “${name}” has no such page` : `There is no lesson called “${name.slice(0, 60)}”`;
  close();
  setExtras({ lesson: null, page: null });
  remark(`${which}. All lessons stand under Lessons, at the top; this is the atlas itself.`);
}

/**
 * @param {Lesson} found
 * @param {number} number
 */
function show(found, number) {
  if (reading.lesson?.name !== found.name) {
    reading.lesson = found;
    build();
  }
  const moved = reading.page !== number;
  reading.page = number;
  if (!reading.mode) setMode(reading.away ? "explore" : "read");
  mark();
  if (moved && !isInView(number)) scrollToStep(number);
  if (reading.mode === "present") stage();
  whenDone();
}

function close() {
  stopAhead();
  if (reading.mode === "present") endPresenting();
  if (reading.mode) setMode("");
  Object.assign(reading, { lesson: null, page: 0, away: false });
  setInView(0);
  byId("lesson-steps").replaceChildren();
}

// The step's pictures are there: its facts are measured, and an audience's next step may be computed.
function whenDone() {
  const { lesson, away, mode } = reading;
  if (!lesson || away || !["done", "failed"].includes(root.dataset.phase)) return;
  showFacts();
  if (mode === "present") warmNext();
}

function present() {
  if (!reading.lesson) return;
  if (reading.away) visit(addressOf(reading.page));
  setMode("present");
  /** @type {HTMLElement} */ (document.activeElement)?.blur(); // a space is the next step, not a click
  enlarge();
  fillScreen();
  stage();
  scrollTo(0, 0);
  whenDone();
}

function explore() {
  setMode("explore");
  byId("lesson-return-button").focus();
}

function comeBack() {
  if (reading.away) visit(addressOf(reading.page));
  if (reading.mode !== "explore") return;
  setMode("read");
  scrollToStep(reading.page);
  byId("lesson-present").focus();
}

addActs({
  lessonExplore: explore,
  lessonReturn: comeBack,
  lessonPresent: present,
  lessonBack: () => go(reading.page - 1),
  lessonNext: () => go(reading.page + 1),
  lessonLeave: () => setExtras({ lesson: null, page: null }),
});
onPhase(whenDone);
onPredicted((number) => number === reading.page && whenDone());
