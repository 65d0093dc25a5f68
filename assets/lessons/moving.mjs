// @ts-check
// From step to step, by buttons and by scrolling.

import { names } from "../base/declared.mjs";
import { byId, root } from "../base/dom.mjs";
import { visit } from "../state/state.mjs";
import { isShort } from "./addresses.mjs";
import { reading } from "./reading.mjs";

let inView = 0; // the step that the reader has scrolled to
let scrolls = false; // whether it is the reader who scrolls
let settling = 0;

const EDGE = 6; // px between the panel's edge and a step
const SETTLE = 450; // ms that a step stays in view before its pictures are asked for

/** The address of a step, with what the reader's own holds beside the question. */
export function addressOf(number) {
  const search = window.location.search;
  const given = new URLSearchParams(search);
  const parts = [`lesson=${reading.lesson.name}`, `page=${number}`];
  for (const name of isShort(search, names.beside) ? ["hide", "room", "theme"] : ["room", "theme"]) {
    if (given.get(name)) parts.push(`${name}=${encodeURIComponent(given.get(name)).replaceAll("%2C", ",")}`);
  }
  return `?${parts.join("&")}`;
}

/** @param {number} number */
export function go(number) {
  const { lesson, page, away } = reading;
  clearTimeout(settling);
  if (!lesson || number < 1 || number > lesson.steps.length || (number === page && !away)) return;
  visit(addressOf(number));
}

/** Goes to a step once it has stayed in view. */
export function settleOn(number) {
  clearTimeout(settling);
  if (number !== reading.page) settling = setTimeout(go, SETTLE, number);
}

export const isInView = (number) => inView === number;

/** @param {number} number 0: no step */
export function setInView(number) {
  inView = number;
}

/** @param {number} number */
export function scrollToStep(number) {
  [inView, scrolls] = [number, false];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || reading.mode !== "read";
  const steps = byId("lesson-steps"); // alone: scrollIntoView would move the pictures, too
  const step = /** @type {HTMLElement} */ (steps.children[number - 1]);
  steps.scrollTo({ top: step.offsetTop - EDGE, behavior: calm ? "auto" : "smooth" });
}

/** @type {IntersectionObserver | null} */
let watcher = null; // of the steps that cross a line in the panel's upper third

/** The steps of another lesson. */
export function watchSteps() {
  if (!watcher) listen();
  watcher.disconnect();
  for (const part of byId("lesson-steps").children) watcher.observe(part);
}

function listen() {
  const steps = byId("lesson-steps");
  watcher = new IntersectionObserver((entries) => {
    const crossing = entries.find((entry) => entry.isIntersecting);
    if (!crossing || !scrolls) return;
    inView = Number(/** @type {HTMLElement} */ (crossing.target).dataset.step);
    settleOn(inView);
  }, { root: steps, rootMargin: "-28% 0px -71% 0px" });
  for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    steps.addEventListener(kind, () => (scrolls = true), { passive: true });
  }
  new ResizeObserver(([entry]) => {
    const stage = /** @type {HTMLElement} */ (entry.target);
    root.style.setProperty("--stage", `${stage.offsetHeight}px`); // the pictures take what the words leave
  }).observe(byId("lesson-stage"));
}
