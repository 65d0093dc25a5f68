// @ts-check
// The page owns the cameras, and puts them into every figure it draws: linked surfaces turn together.

import { told } from "../base/declared.mjs";
import { byId } from "../base/dom.mjs";
import { cameraNow, plotly } from "../base/plotly.mjs";
import { cameraOfNumbers, numbersOf, sameView, turnedByKey } from "../figures/camera.mjs";
import { onNewPlot, onSlot, slots } from "./slots.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */
/** @typedef {import("../figures/camera.mjs").Camera} Camera */
const SETTLED = 400; // ms; on slow rendering a view glides past its last event

let sharedCamera = null; // the camera of the camerasLinked surfaces, once a reader has turned one
let turned = null; // the surface a reader turned last
const listeners = [];

/** Called with the nine numbers of the linked surfaces' camera, when a reader has turned them. */
export const onTurn = (listener) => listeners.push(listener);

/**
 * @param {Slot} slot
 * @returns {Camera}
 */
export const cameraOf = (slot) => slot.camera || sharedCamera || told.camera;

const linked = () => byId("link-cameras", HTMLInputElement)?.checked ?? true;

onNewPlot((slot) => {
  const moved = (event) => {
    const camera = event["scene.camera"];
    if (camera && !sameView(camera, slot.given)) turn(slot, camera, false);
  };
  slot.plot.on("plotly_relayouting", moved);
  slot.plot.on("plotly_relayout", (event) => {
    moved(event);
    clearTimeout(slot.settling);
    slot.settling = setTimeout(() => {
      const camera = cameraNow(slot.plot);
      if (camera && slot.camera && !sameView(camera, slot.camera) && slot === turned) turn(slot, camera, false);
    }, SETTLED);
  });
});

onSlot((slot) => {
  slot.plot.addEventListener("dblclick", () => turn(slot, structuredClone(told.camera), true));
  slot.plot.addEventListener("keydown", (event) => byKey(slot, event));
});

/**
 * The reader turned one surface: the linked ones follow, itself too where the page set the camera.
 * @param {Slot} slot
 * @param {Camera} camera
 * @param {boolean} itself
 */
function turn(slot, camera, itself) {
  if (!slot.figure?.layout.scene) return;
  turned = slot;
  if (linked()) {
    sharedCamera = structuredClone(camera);
    for (const listener of listeners) listener(numbersOf(camera));
  }
  for (const other of slots.values()) {
    if (other !== slot && !linked()) continue;
    other.camera = structuredClone(camera);
    if (other === slot && !itself) other.given = other.camera;
    else if (other.figure?.layout.scene) followTurn(other);
  }
}

/**
 * All surfaces from the camera of these numbers.
 * @param {number[]} numbers
 */
export function lookFrom(numbers) {
  sharedCamera = cameraOfNumbers(numbers, told.camera);
  for (const slot of slots.values()) {
    slot.camera = structuredClone(sharedCamera);
    if (slot.figure?.layout.scene) followTurn(slot);
  }
}

function byKey(slot, event) {
  if (!slot.figure?.layout.scene || event.ctrlKey || event.metaKey || event.altKey) return;
  const camera = turnedByKey(cameraOf(slot), told.camera, event.key);
  if (!camera) return;
  event.preventDefault();
  turn(slot, camera, true);
}

// One relayout per follower in flight; what comes meanwhile is the next one's.
function followTurn(slot) {
  if (slot.following) return;
  slot.following = true;
  requestAnimationFrame(() => {
    slot.given = slot.camera;
    const free = () => {
      slot.following = false;
      if (slot.camera !== slot.given) followTurn(slot);
    };
    if (!slot.near) slot.redraw = true; // with its camera, when it comes sameView
    if (!slot.near || !slot.listens || !slot.given) return free();
    plotly().relayout(slot.plot, { "scene.camera": structuredClone(slot.given) }).then(free, free);
  });
}
