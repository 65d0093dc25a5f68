// @ts-check
// Watching a training, or a morph: all pictures that hold frames show one, played or scrubbed. Nothing is asked of the
// server. The step is the page's own and stands in no URL.
// Who draws, the page or a saved one (pages/saved.mjs), asks `framed` for a picture's data before drawing it and tells
// `drew` after.

import { around, byId, make, write } from "../base/dom.mjs";
import { addKeys } from "../base/keys.mjs";
import { plotly } from "../base/plotly.mjs";
import { changesIn, inFrame, nearestFrame } from "../figures/frames.mjs";

/**
 * @typedef {object} Watched a slot of the page, or of a saved one
 * @property {import("../base/plotly.mjs").Plot} plot
 * @property {HTMLElement} place
 * @property {any} figure as it came
 * @property {boolean} listens whether it is drawn
 */
const SECONDS = 12; // of a whole training at 1×
const SPEEDS = [1, 2, 4, 0.5];
const STILLS = 12; // shown one a second where less motion is wanted
const LONGEST = 2; // seconds that one drawing may count for

/** @type {Set<Watched>} */
const watched = new Set(); // that were drawn
const shown = new WeakMap(); // figure -> the frame it shows
/** @type {number[]} */
let steps = []; // all numbers that some picture has a frame for, ascending
let at = Infinity; // the step looked at; beyond the last it is the last
let kind = "step"; // what the numbers are: a training begins at its end, a morph at its first frame
let labels = new Map(); // number -> what its frame is called
let playing = 0; // the number of the play that runs
let plays = 0;
let speed = 0;
const still = matchMedia("(prefers-reduced-motion: reduce)");

function meet({ name }) {
  if (name === kind) return;
  [kind, at] = [name, name === "step" ? Infinity : -Infinity];
}

const framesOf = (slot) => slot.figure?.layout.meta?.frames;

/**
 * The picture's data as they are now; the layout is changed in place.
 * @param {Pick<Watched, "figure">} slot
 * @param {any} layout
 */
export function framed(slot, layout) {
  const frames = framesOf(slot);
  if (!frames) return slot.figure.data;
  meet(frames);
  const frame = nearestFrame(frames.values, at);
  shown.set(slot.figure, frame);
  return inFrame(slot.figure.data, layout, frames, frame);
}

const inUse = () => [...watched].filter((slot) => slot.listens && !slot.place.hidden && framesOf(slot) &&
  slot.plot.offsetParent);

function isOnScreen(slot) {
  const { top, bottom } = slot.plot.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

function move(slot) {
  const frames = framesOf(slot);
  const frame = nearestFrame(frames.values, at);
  if (shown.get(slot.figure) === frame || slot.plot === held) return null;
  shown.set(slot.figure, frame);
  const { traces, layout } = changesIn(frames, frame);
  const indices = Object.keys(traces).map(Number);
  if (!indices.length) return plotly().relayout(slot.plot, layout);
  const attributes = {};
  indices.forEach((index, n) => {
    for (const [name, value] of Object.entries(traces[index])) {
      (attributes[name] = attributes[name] || Array(indices.length).fill(undefined))[n] = value;
    }
  });
  return plotly().update(slot.plot, attributes, layout, indices);
}

let held = null; // the picture under the pointer: drawing it would take the reader's turn or rectangle back
document.addEventListener("pointerdown", (event) => (held = around(event, ".plot")), true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    held = null;
    if (inUse().length) setTimeout(showAll, 100); // after plotly has heard of it
  }, true);
}

let drawing = null; // a promise, while pictures are being brought to the step

// One drawing of all pictures at a time: what comes meanwhile is the next one's.
function showAll() {
  drawing = drawing || bringAll().finally(() => {
    drawing = null;
    byId("player")?.removeAttribute("data-moving");
  });
  return drawing;
}

async function bringAll() {
  byId("player")?.setAttribute("data-moving", "");
  let moved = true;
  while (moved) {
    const turns = inUse().filter(isOnScreen).map(move).filter(Boolean);
    moved = turns.length > 0;
    await Promise.allSettled(turns);
  }
}

/** @type {HTMLInputElement | null} */
let scrub = null;

function begin() {
  scrub = Object.assign(make("input"), { type: "range", min: "0", step: "1" });
  scrub.addEventListener("input", () => {
    const step = steps[Number(scrub.value)]; // before anything puts the slider where the pictures are
    pause();
    goTo(step);
  });
  byId("scrub").append(scrub);
}

const place = () => nearestFrame(steps, at);

function tell() {
  const bar = byId("player");
  if (!bar) return;
  bar.hidden = steps.length < 2;
  if (steps.length < 2) return;
  if (!scrub) begin();
  bar.dataset.step = String(steps[place()]);
  scrub.max = String(steps.length - 1);
  scrub.value = String(place());
  scrub.setAttribute("aria-label", kind === "step" ? "Step of the training" : "Frame of the morph");
  const text = labels.get(steps[place()])
    ?? `step ${steps[place()].toLocaleString("en")} of ${steps[steps.length - 1].toLocaleString("en")}`;
  scrub.setAttribute("aria-valuetext", text);
  write(byId("moment"), text);
  write(byId("play"), playing ? "Pause" : "Play");
  byId("play").setAttribute("aria-pressed", String(Boolean(playing)));
  write(byId("speed"), `${SPEEDS[speed] === 0.5 ? "½" : SPEEDS[speed]}×`);
}

/** @param {Watched} slot */
export function drew(slot) {
  watched.add(slot);
  gather();
}

function gather() {
  const mine = inUse().map(framesOf).filter(({ name }) => name === kind);
  const found = new Set(mine.flatMap(({ values }) => values));
  labels = new Map(mine.flatMap(({ values, labels: names }) => values.map((value, k) => [value, names?.[k]])));
  if (found.size) steps = [...found].sort((one, other) => one - other);
  tell();
}

function goTo(step) {
  at = step === steps[steps.length - 1] && kind === "step" ? Infinity : step; // the end stays the end of whatever comes next
  tell();
  return showAll();
}

const isHere = () => Boolean(byId("play")?.offsetParent); // in its places only, and unless it is hidden
const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function pause() {
  playing = 0;
  tell();
}

function forward(count) {
  pause();
  if (isHere()) goTo(steps[Math.min(steps.length - 1, Math.max(0, place() + count))]);
}

function toggle() {
  if (playing) return pause();
  if (!isHere()) return;
  if (place() === steps.length - 1) goTo(steps[0]);
  playing = plays += 1;
  tell();
  play(playing);
}

async function play(mine) {
  const [first, last] = [steps[0], steps[steps.length - 1]];
  let step = steps[place()];
  let before = performance.now();
  while (playing === mine) {
    await (still.matches ? wait(1000) : nextFrame());
    const now = performance.now();
    const share = still.matches
      ? 1 / STILLS : (Math.min((now - before) / 1000, LONGEST) * SPEEDS[speed]) / SECONDS;
    before = now;
    if (playing !== mine) return;
    if (!isHere()) return pause();
    step = Math.min(last, step + share * (last - first));
    await goTo(steps[nearestFrame(steps, step)]);
    if (step >= last && playing === mine) pause();
  }
}

const ACTS = {
  toggle,
  back: () => forward(-1),
  forward: () => forward(1),
  speed: () => {
    speed = (speed + 1) % SPEEDS.length;
    tell();
  },
};

document.addEventListener("click", (event) => {
  const button = around(event, "[data-player]");
  if (button) ACTS[button.dataset.player]();
});

addKeys({ " ": toggle }, { when: isHere });
addKeys({ ",": ACTS.back, ".": ACTS.forward }, { when: isHere, repeats: true });

addEventListener("scroll", () => inUse().length && showAll(), { passive: true });
