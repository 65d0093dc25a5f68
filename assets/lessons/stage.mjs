// @ts-check
// A lesson for an audience: full screen, keys, notes, and the next step computed ahead.

import { asChosen } from "../base/appearance.mjs";
import { byId, make, root } from "../base/dom.mjs";
import { addKeys } from "../base/keys.mjs";
import { go, scrollToStep } from "./moving.mjs";
import { onPredicted, predict } from "./panel.mjs";
import { isAsked, keyOf, reading, setMode, SKIPPED, stepAt, veil } from "./reading.mjs";

let black = false;
let notes = false;
let full = false; // whether the stage has taken the whole screen

export function fillScreen() {
  Promise.resolve(root.requestFullscreen?.()).then(() => (full = Boolean(document.fullscreenElement)), () => {});
}

export function endPresenting() {
  stopAhead();
  [black, notes, full] = [false, false, false];
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  asChosen();
}

function leaveStage() {
  endPresenting();
  setMode("read");
  scrollToStep(reading.page);
  byId("lesson-present").focus();
}

/** What the stage shows of the step. */
export function stage() {
  const step = stepAt(reading.page);
  const asked = isAsked(reading.page);
  byId("stage-title").textContent = step.title;
  byId("stage-count").textContent = `${reading.page} / ${reading.lesson.steps.length}`;
  byId("stage-look").textContent = asked ? "" : step.look;
  byId("stage-question").textContent = step.ask ? step.ask.question : "";
  byId("stage-choices").replaceChildren(...(step.ask?.choices || []).map((choice, i) => {
    const item = make("li", choice);
    item.toggleAttribute("data-answer", !asked && i === step.ask.answer);
    return item;
  }));
  byId("stage-why").textContent = asked || !step.ask ? "" : step.ask.why;
  byId("stage-notes").replaceChildren(...(step.notes.length ? step.notes : ["No notes."]).map((text) => make("p", text)));
  byId("stage-notes").hidden = !notes;
  byId("lesson-black").hidden = !black;
  veil();
}

const isPresenting = () => reading.mode === "present";

function onward() {
  const { page, away } = reading;
  if (isAsked(page) && !away) predict(page, SKIPPED);
  else if (away) go(page);
  else go(page + 1);
}

const back = () => go(reading.page - 1);

const STAGE = {
  ArrowRight: onward, ArrowDown: onward, PageDown: onward, " ": onward, Enter: onward,
  ArrowLeft: back, ArrowUp: back, PageUp: back,
  Home: () => go(1), End: () => go(reading.lesson.steps.length),
  n: () => (notes = !notes),
  b: () => (black = !black),
  ".": () => (black = !black),
  f: () => (document.fullscreenElement ? unfill() : fillScreen()),
  Escape: leaveStage,
};

function unfill() {
  full = false; // asked for, so that the stage stays
  document.exitFullscreen().catch(() => {});
}

function onStage(act) {
  if (black) black = false; // any key brings the pictures back
  else act();
  if (isPresenting()) stage();
}

const acts = Object.entries(STAGE).map(([key, does]) => [key, () => onStage(does)]);
addKeys(Object.fromEntries(acts), { when: isPresenting, first: true });
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && full && isPresenting()) leaveStage(); // Esc is the browser's own there
});
onPredicted(() => isPresenting() && stage());

/** @type {AbortController | null} */
let ahead = null; // stops the request under way
/** @type {Set<string>} */
export const computed = new Set(); // the steps asked for to the end

export function stopAhead() {
  ahead?.abort();
  ahead = null;
}

/** Asks as the page would, and throws the pictures away: what was computed is in the cache. */
export async function warmNext() {
  stopAhead();
  const { lesson, page } = reading;
  const next = page + 1;
  if (next > lesson.steps.length || computed.has(keyOf(next))) return;
  const [mine, key] = [new AbortController(), keyOf(next)];
  ahead = mine;
  try {
    const answer = await fetch(`/stream?lesson=${lesson.name}&page=${next}`, { signal: mine.signal });
    const reader = answer.body.getReader();
    while (!(await reader.read()).done);
    computed.add(key);
  } catch {
    // the step itself will ask
  }
}
