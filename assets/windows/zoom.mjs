// @ts-check
// Windows of the plane: a rectangle dragged on a map, the breadcrumbs back, buttons, keys and wheel.
// A window is a box [a_low, a_high, b_low, b_high]; its text stands in the URL, and so does the way to it.

import { addActs } from "../base/acts.mjs";
import { names, told } from "../base/declared.mjs";
import { around, byId, make } from "../base/dom.mjs";
import { addKeys } from "../base/keys.mjs";
import { say } from "../base/message.mjs";
import { plotly, pointUnder, rangesOf } from "../base/plotly.mjs";
import { onPhase, phase } from "../pictures/connection.mjs";
import { foresee } from "../pictures/draw.mjs";
import { panelsHere, placeWith } from "../pictures/place.mjs";
import { boxes, isMain, isMap, onDrawn, onNewPlot, onSlot } from "../pictures/slots.mjs";
import { put } from "../state/state.mjs";
import { boxesOf, boxName, boxText, fitted, innerHalf, isBox, isDeepest, isInside, middleOf, rounded, roundedText } from "./boxes.mjs";
import { brush, goToPoint, onCloud, region, visited, zoomInCloud, zoomOutOfCloud } from "./clouds.mjs";

/** @typedef {import("../pictures/slots.mjs").Slot} Slot */
/** @typedef {import("./boxes.mjs").Box} Box */

let shown = "none"; // the window of the URL
/** @type {Box[]} */
let way = []; // the boxes between the whole picture and it
/** @type {Box | null} */
let whole = null; // the whole picture's box, once it was drawn
/** @type {number[] | null} */
let point = null; // [a, b] where a reader clicked
let measured = "none"; // the point of the URL at which spectra are taken

const here = () => boxesOf(shown)[0] || boxes()[0] || null;

const inClouds = () => panelsHere("brushes").length > 0;
const isAimed = () => panelsHere("aims").length > 0;

/**
 * Which window the URL names now, and by which way it was reached.
 * @param {string} text
 * @param {string} trail
 */
export function showWindow(text, trail) {
  clearTimeout(asking); // the click was on the question before
  const moved = text !== shown;
  if (moved && shown === names.none) whole = boxes()[0] || whole;
  shown = text;
  way = text === names.none ? [] : boxesOf(trail);
  const box = boxesOf(text)[0] || (text === names.none ? whole : null);
  if (moved && box && isBox(box)) foresee(box);
  crumbs();
}

/** At which point of the plane spectra are taken. */
export function showPoint(text) {
  measured = text;
  aim();
}

const LAST = 3; // windows named; those between the whole picture and them are one "…"

function crumbs() {
  const last = boxesOf(shown)[0];
  const crumbNames = ["whole picture", ...way.map(boxName), ...(shown === names.none ? [] : [last ? boxName(last) : "?"])];
  const hidden = crumbNames.length - LAST - 1; // the innermost that is not named; "…" leads there
  const places = [...crumbNames.keys()].filter((place) => place === 0 || place >= hidden);
  byId("crumbs").replaceChildren(...places.map((place) => {
    const item = make("li");
    const end = place === crumbNames.length - 1;
    const part = make(end ? "span" : "button", place > 0 && place === hidden ? "…" : crumbNames[place]);
    part.title = crumbNames[place];
    if (end) part.setAttribute("aria-current", "true");
    else Object.assign(part, { type: "button", className: "crumb" }).dataset.crumb = String(place);
    item.append(part);
    return item;
  }));
  button("outward").disabled = shown === names.none;
  aim();
}

const button = (id) => byId(id, HTMLButtonElement);

function aim() {
  if (inClouds()) return aimAtCloud();
  byId("slice-here").hidden = true;
  byId("crumbs").hidden = false;
  const box = here();
  button("inward").disabled = !box || phase === "refused";
  const chosen = box && point && isInside(point, box);
  byId("aim").textContent = chosen
    ? `at ${roundedText(point[0], box[0], box[1])}, ${roundedText(point[1], box[2], box[3])}`
    : "";
  button("here").disabled = !chosen || phase === "refused";
  byId("here").hidden = isAimed(); // a click is enough there
  byId("at-end").hidden = !isAimed() || measured === names.none;
}

function aimAtCloud() {
  byId("crumbs").hidden = true;
  button("inward").disabled = brush === names.none;
  button("outward").disabled = region === names.none && brush === names.none;
  byId("aim").textContent = visited ? `walk ${visited.walk}, step ${visited.step}` : "";
  byId("at-end").hidden = true;
  for (const name of ["here", "slice-here"]) {
    button(name).hidden = false;
    button(name).disabled = !visited || phase === "refused";
  }
}

onPhase(aim);
onDrawn(aim);
onCloud(aim);

function spectrumHere() {
  if (inClouds()) return goToPoint("aims");
  const box = here();
  if (!box || !point || !isInside(point, box) || phase === "refused") return;
  const at = [rounded(point[0], box[0], box[1]), rounded(point[1], box[2], box[3])];
  put({ at: boxText(at), place: placeWith("aims") });
}

function target(box) {
  if (!box) return null;
  return point && isInside(point, box) ? point : middleOf(box);
}

// An inner window. False: there is none.
function enter(inner) {
  const now = here();
  if (!now || phase === "refused") return false;
  const box = fitted(inner, now);
  if (isDeepest(box, told.narrowest)) {
    say("This is the deepest window: its points would be one to rounding.", "note");
    return false;
  }
  const last = boxesOf(shown);
  put({ window: boxText(box) }, [...way, ...last].slice(-names.deepest).map(boxText).join(","));
  return true;
}

function zoomIn(at = target(here())) {
  if (inClouds()) return zoomInCloud();
  const box = here();
  if (box) enter(innerHalf(box, at));
}

// To a breadcrumb: 0 is the whole picture.
function zoomTo(place) {
  point = null; // also that of a double click
  put({ window: place ? boxText(way[place - 1]) : names.none },
    way.slice(0, Math.max(0, place - 1)).map(boxText).join(","));
}

function zoomOut() {
  if (inClouds()) return zoomOutOfCloud();
  if (shown !== names.none) zoomTo(way.length);
}

/** @param {Slot} slot */
function listen(slot) {
  const { plot } = slot;
  plot.on("plotly_relayout", (event) => {
    // A reader's rectangle comes as single ends; the page's own ranges come as pairs.
    if (!isMap(slot) || !["xaxis.range[0]", "yaxis.range[0]"].some((end) => end in event)) return;
    if (enter(rangesOf(plot))) return;
    const [left, right, bottom, top] = plot.layout.meta.box;
    plotly().relayout(plot, { "xaxis.range": [left, right], "yaxis.range": [bottom, top] });
  });
  plot.on("plotly_doubleclick", () => {
    if (!isMap(slot)) return;
    clearTimeout(asking);
    zoomOut();
    setTimeout(() => { // plotly tells the clicks of a double click after it, too
      point = null;
      aim();
    });
  });
  plot.on("plotly_click", ({ points: [first] }) => {
    const shift = plot.layout.meta?.shift || [0, 0];
    point = [first.x + shift[0], first.y + shift[1]];
    aim();
    clearTimeout(asking);
    if (isAimed()) asking = setTimeout(spectrumHere, SECOND);
  });
}

onNewPlot((slot) => isMain(slot) && listen(slot));

const SECOND = 350; // ms in which another click makes it a double click
let asking = 0;

const NOTCH = 350; // ms between two steps of a wheel
let notch = 0;

function wheeled(plot, event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  if (event.timeStamp - notch < NOTCH) return;
  notch = event.timeStamp;
  if (event.deltaY < 0) zoomIn(pointUnder(plot, event));
  else zoomOut();
}

onSlot((slot) => {
  slot.plot.addEventListener("wheel", (event) => isMap(slot) && wheeled(slot.plot, event), { passive: false });
  // Without Ctrl the wheel scrolls the page, which the pictures cover.
  slot.plot.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  }, { capture: true, passive: true });
});

document.addEventListener("click", (event) => {
  const crumb = around(event, "[data-crumb]");
  if (crumb) zoomTo(Number(crumb.dataset.crumb));
});

addActs({
  inward: () => zoomIn(),
  outward: () => zoomOut(),
  sliceHere: () => goToPoint("plane"),
  spectrumHere: () => spectrumHere(),
  spectrumAtEnd: () => put({ at: names.none }),
});
addKeys({ i: () => zoomIn(), o: () => zoomOut() });
