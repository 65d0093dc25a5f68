// @ts-check
// Clouds: the rectangle brushed over them, the region that is shown, and the point of a walk that is chosen.

import { names, told } from "../base/declared.mjs";
import { allWithin, make, within } from "../base/dom.mjs";
import { plotly } from "../base/plotly.mjs";
import { placeOfPoint } from "../figures/figure.mjs";
import { panelsHere, placeWith } from "../pictures/place.mjs";
import { later } from "../pictures/queue.mjs";
import { factsOf, isCloud, newestOf, onNewPlot, slots } from "../pictures/slots.mjs";
import { put } from "../state/state.mjs";
import { boxesOf, boxText, isBox, neat } from "./boxes.mjs";

/** @typedef {import("../pictures/slots.mjs").Slot} Slot */
/** @typedef {{walk: number, step: number, x: number, y: number}} WalkPoint as plotted */

export let brush = "none"; // the rectangle brushed over clouds, and what of them is shown, as texts of the URL
export let region = "none";
/** @type {(WalkPoint & {log: boolean}) | null} */
export let visited = null; // the chosen point, as plotted in the slot `seen`
let seen = "";
let selections = []; // the brushed rectangle, as plotly knows it
let brushedIn = ""; // the slot over which the rectangle was dragged
let offered = "none"; // the brush whose middle point was offered
let waiting = null; // what the brush of a link offered before the page knew of the brush
const listeners = [];

/** Called when another point is chosen, or what is shown of the clouds is other. */
export const onCloud = (listener) => listeners.push(listener);

function tell() {
  for (const listener of listeners) listener();
}

// Over which the rectangle of a link is taken to be dragged.
const firstSlot = () => `0-${panelsHere("brushes")[0]}`;
const clouds = () => [...slots.values()].filter((slot) => slot.listens && isCloud(slot));

export function showCloud(brushed, framed) {
  const moved = brushed !== brush;
  [brush, region] = [brushed, framed];
  if (moved) markBrush(boxesOf(brush)[0]);
  if (moved && brush === names.none) brushedIn = "";
  if (waiting) offer(waiting[0], waiting[1]);
  waiting = null;
  tell();
}

// The same rectangle in every cloud.
function markBrush(box) {
  const line = { width: 1.5, dash: "dot" };
  selections = box
    ? [{ type: "rect", xref: "x", yref: "y", x0: box[0], x1: box[1], y0: box[2], y1: box[3], line }] : [];
  for (const slot of clouds()) {
    slot.redraw = true;
    later(slot);
  }
}

// The page's mark at a chosen point of a walk: as fast as plotly draws, as it leaves the dots alone.
function markPoint() {
  for (const slot of clouds()) plotly().relayout(slot.plot, { shapes: shapesOf(slot) });
}

/**
 * What of a cloud's layout is the page's own: the brush, and the mark at the point chosen.
 * @param {Slot} slot
 */
export const markedCloud = (slot) => (
  { selections, selectionrevision: JSON.stringify(selections), shapes: shapesOf(slot) });

const MARK = 7; // px from the middle to the edge of a mark

function shapesOf(slot) {
  const given = slot.figure.layout.shapes || [];
  const at = chosenIn(slot);
  if (!at?.length) return given;
  const ring = (room, color, width) => ({
    type: "circle", name: "chosen", xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel", xanchor: at[0], yanchor: at[1],
    x0: -room, x1: room, y0: -room, y1: room, line: { color, width }, fillcolor: "rgba(0,0,0,0)",
  });
  return [...given, ring(MARK, "#ffffff", 4), ring(MARK, "#101113", 2)];
}

// Where the chosen point lies in a cloud, [x, y] as plotted: of the same walk and step in every column; null where it is
// not drawn. Without one that of the address.
function chosenIn({ key, figure }) {
  if (!visited) return figure.layout.meta.chosen;
  if (key === seen && visited.log === figure.layout.meta.log) return [visited.x, visited.y];
  if (key.replace(/^\d+-/, "") !== seen.replace(/^\d+-/, "")) return null; // other walks
  return placeOfPoint(figure, visited.walk, visited.step);
}

/**
 * What a brushed rectangle holds, and buttons for some of its points; null: nothing is brushed.
 * @param {Slot} slot
 * @param {{sentence: string, points: (WalkPoint & {name: string})[]} | null} selection
 */
export function setSelection(slot, selection) {
  const place = within(slot.place, ".selection");
  place.hidden = !selection;
  const buttons = (selection?.points || []).map((point) => {
    const button = Object.assign(make("button", point.name, "choice"), { type: "button" });
    Object.assign(button.dataset, { walk: point.walk, step: point.step });
    button.title = `Walk ${point.walk}, step ${point.step}: then Slice here or Spectrum here.`;
    button.addEventListener("click", () => choosePoint(slot.key, point));
    return button;
  });
  const choices = buttons.length ? [" Choose its ", ...buttons.flatMap((one) => [one, " "])] : [];
  place.replaceChildren(selection?.sentence || "", ...choices);
  if (buttons.length) offer(slot.key, selection.points.find((point) => point.name === "middle"));
}

// The point in the middle of a brush, of the panel where it was dragged; once for each brush.
function offer(panel, point) {
  if (brush === names.none && panel === firstSlot()) waiting = [panel, point];
  if (brush === names.none) return;
  if (panel !== (brushedIn || firstSlot()) || offered === brush) return;
  offered = brush;
  choosePoint(panel, point);
}

export const forgetPoint = () => choosePoint("", null);

/**
 * @param {string} panel the slot in which the point was chosen
 * @param {WalkPoint | null} point
 */
function choosePoint(panel, point) {
  seen = panel;
  visited = point && { ...point, log: figureOf(panel)?.layout.meta?.log };
  for (const choice of allWithin(document, "button.choice")) {
    const { walk, step } = choice.dataset;
    choice.setAttribute("aria-pressed", String(Boolean(point) && +walk === point.walk && +step === point.step));
  }
  markPoint();
  tell();
}

const figureOf = (key) => (slots.has(key) ? newestOf(slots.get(key)) : null);

/**
 * The point of a walk as a start of its own, looked at in panels of this kind: its recipe stands in the URL.
 * @param {import("../pictures/place.mjs").Fact} fact
 */
export function goToPoint(fact) {
  if (!visited) return;
  const [walk, step] = [visited.walk, visited.step].map(String);
  const preset = told.presets[slots.get(seen).panel] || {};
  put({ ...preset, optimiser: "walk", seed: walk, steps: step, at: names.none, window: names.none, place: placeWith(fact) });
}

/** To the brushed rectangle alone. */
export const zoomInCloud = () => (brush === names.none ? undefined : put({ frame: brush, brush: names.none }));

export const zoomOutOfCloud = () => put(brush === names.none ? { frame: names.none } : { brush: names.none });

onNewPlot((slot) => {
  if (!factsOf(slot).brushes) return;
  slot.plot.on("plotly_click", ({ points: [first] }) => {
    if (!first.customdata) return;
    const [walk, step] = first.customdata;
    choosePoint(slot.key, { walk, step, x: first.x, y: first.y });
  });
  slot.plot.on("plotly_selected", (event) => {
    if (!event?.range) return;
    const { x, y } = event.range;
    const box = neat([Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)]);
    if (!isBox(box) || boxText(box) === brush) return;
    brushedIn = slot.key;
    put({ brush: boxText(box) });
  });
  slot.plot.on("plotly_deselect", () => put({ brush: names.none }));
});
