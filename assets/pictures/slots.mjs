// @ts-check
// Slots: one panel of one column each. What stands in them, their elements, and the plan that says which are in use.
// Who needs to know of a slot, of a plot new to it, or of a drawing, asks here: `onSlot`, `onNewPlot`, `onDrawn`.

import { told } from "../base/declared.mjs";
import { allWithin, byId, copyOf, make, within, write } from "../base/dom.mjs";
import { isMapFigure } from "../figures/figure.mjs";

/**
 * @typedef {object} Slot
 * @property {string} key as "0-slice"
 * @property {number} column
 * @property {string} panel
 * @property {HTMLElement} place
 * @property {import("../base/plotly.mjs").Plot} plot
 * @property {string} state
 * @property {any} next the figure to be drawn
 * @property {any} figure the one that is drawn
 * @property {any} camera a reader's, for this surface alone
 * @property {any} given the camera that the page put into the drawing
 * @property {number} drawn how many times
 * @property {boolean} listens whether a picture stands there
 * @property {boolean} [near] whether it is on the screen or nearly
 * @property {boolean} [redraw] whether what stands there must be drawn again
 * @property {boolean} [foreseen] whether another window is shown with what there is
 * @property {[string, string]} [before] the state before that
 * @property {number} [live] contexts of the graphics card that it holds
 * @property {boolean} [crowded] whether it waits for one
 * @property {boolean} [following] whether a turn is on its way
 * @property {boolean} [echo] whether what it says is not the reader's doing
 * @property {any} [twin] the picture on the other scale
 * @property {any} [words]
 * @property {number} [leaving]
 * @property {number} [settling]
 *
 * @typedef {object} Plan as lossatlas.app.stream.plan
 * @property {string} place
 * @property {string[]} panels
 * @property {string} compare
 * @property {string} baseline
 * @property {{name: string, label: string, hue: string, curve: string, asked: Record<string, string>}[]} columns
 * @property {string | null} asked the question
 */
/** @type {Map<string, Slot>} */
export const slots = new Map(); // by their keys
/** @type {Plan | null} */
export let plan = null;

/** @typedef {(slot: Slot) => unknown} Listener */
/** @type {Listener[]} */
const ofSlots = [];
/** @type {Listener[]} */
const ofPlots = [];
/** @type {Listener[]} */
const ofDrawings = [];

/** @param {Listener} listener called once for each slot of the page */
export const onSlot = (listener) => ofSlots.push(listener);

/** @param {Listener} listener called once for each plot that plotly has drawn into */
export const onNewPlot = (listener) => ofPlots.push(listener);

/** @param {Listener} listener called after each drawing */
export const onDrawn = (listener) => ofDrawings.push(listener);

/** @param {Slot} slot */
export function tellDrawn(slot) {
  const isNew = !slot.listens;
  slot.listens = true;
  for (const listener of isNew ? [...ofPlots, ...ofDrawings] : ofDrawings) listener(slot);
}

/**
 * The slots of some panels in all columns in use; most exist only once their place has been opened.
 * @param {string[]} panels
 */
export function makeSlots(panels) {
  const columns = plan ? plan.columns.length : allWithin(document, "#columns > article:not([hidden])").length;
  for (let column = 0; column < columns; column += 1) {
    for (const panel of panels) if (!slots.has(`${column}-${panel}`)) addSlot(column, panel);
  }
}

/**
 * @param {number} column
 * @param {string} panel
 */
function addSlot(column, panel) {
  const place = byId(`slot-${column}-${panel}`) ?? makePlace(column, panel);
  /** @type {Slot} */
  const slot = {
    key: `${column}-${panel}`, column, panel, place, plot: within(place, ".plot"),
    state: "waiting", next: null, figure: null, camera: null, given: null, drawn: 0, listens: false,
  };
  slots.set(slot.key, slot);
  for (const listener of ofSlots) listener(slot);
}

// A copy of the blank slot under the names of its own, among its column's others in the order of the panels.
function makePlace(column, panel) {
  const place = copyOf("blank-slot");
  const { title } = told.facts[panel];
  const named = (part) => `${part}-${column}-${panel}`;
  Object.assign(place, { id: named("slot"), className: `slot slot-${panel}` });
  Object.assign(within(place, ".plot"), { id: named("plot") }).setAttribute("aria-describedby", named("alt"));
  within(place, ".alt").id = named("alt");
  within(place, "h3").textContent = title;
  within(place, ".exports summary").setAttribute("aria-label", `Data behind ${title}`);
  within(place, ".export-rows").setAttribute("aria-label", `Table of ${title}`);
  const after = told.panels.slice(told.panels.indexOf(panel) + 1).map((other) => byId(`slot-${column}-${other}`));
  byId(`column-${column}`).insertBefore(place, after.find(Boolean) ?? null);
  return place;
}

/** @param {Plan} next */
export function setPlan(next) {
  plan = next;
}

/** The same plan under another question. */
export function askedAs(question) {
  plan.asked = question;
}

export const inUse = () => [...slots.values()].filter(
  (slot) => plan && slot.column < plan.columns.length && plan.panels.includes(slot.panel));

/** The drawn pictures of the other columns in a slot's row. */
export const othersInRow = (slot) => inUse().filter((other) => other !== slot && other.panel === slot.panel && other.listens);

/** What a slot's panel is, as the server declares it. */
export const factsOf = (slot) => told.facts[slot.panel];

/** Whether a surface or a map of the plane stands in a slot. */
export const isMain = (slot) => factsOf(slot).plane;

export const isMap = (slot) => isMapFigure(slot.figure);
export const isCloud = (slot) => Boolean(slot.figure?.layout.meta?.cloud);
export const newestOf = (slot) => slot.next || slot.figure;

/** What of the plane each surface or map shows. */
export const boxes = () => inUse().filter((slot) => isMain(slot))
  .map((slot) => slot.figure?.layout.meta?.box).filter(Boolean);

const USUAL = { waiting: "waiting", computing: "computing", cached: "from cache", done: "done", failed: "failed",
  cancelled: "cancelled", none: "does not apply" };

/**
 * @param {Slot} slot
 * @param {string} state
 * @param {string} [text]
 */
export function setState(slot, state, text) {
  slot.state = state;
  slot.place.dataset.state = state;
  const unanswered = state === "failed" || state === "none";
  write(within(slot.place, ".state"), unanswered ? USUAL[state] : text || USUAL[state]);
  const failure = within(slot.place, ".failure");
  failure.hidden = !unanswered;
  write(failure, unanswered ? text || "This panel could not be computed." : "");
}

/** The question behind the picture, with the half width that all columns share. */
export function setExports(slot, question) {
  within(slot.place, ".exports").hidden = false;
  for (const link of allWithin(slot.place, "a.export", HTMLAnchorElement)) {
    link.href = `/export/${factsOf(slot).analysis}.${link.dataset.kind}?${question}`;
  }
}

export function setWarnings(slot, warnings) {
  const list = within(slot.place, ".warnings");
  list.hidden = !warnings.length;
  list.replaceChildren(...warnings.map((warning) => make("li", warning)));
}
