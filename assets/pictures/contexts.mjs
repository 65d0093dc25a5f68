// @ts-check
// Pictures drawn by the graphics card. A browser holds some sixteen of its contexts, and each picture costs time: one that
// is out of sight gives its own away, and is drawn again when it comes near.

import { allWithin } from "../base/dom.mjs";
import { plotly } from "../base/plotly.mjs";
import { contextsOf } from "../figures/figure.mjs";
import { later } from "./queue.mjs";
import { onSlot, slots } from "./slots.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */
const MOST_LIVE = 8; // contexts
const NEAR = 200; // px beyond the window within which pictures are drawn
const GONE = 1500; // ms out of sight after which a picture gives its contextsOf away

export const liveSlots = () => [...slots.values()].filter((slot) => slot.live);

/** @param {Slot} slot */
export function rest(slot) {
  if (!slot.live) return;
  giveUp(slot);
  Object.assign(slot, { redraw: true });
  slot.place.dataset.resting = "1";
  for (const other of slots.values()) if (other.crowded && other.near) later(other);
}

/**
 * Takes a picture away, and its contexts: without this they live on until the browser collects them.
 * @param {Slot} slot
 */
export function giveUp(slot) {
  const canvases = allWithin(slot.plot, "canvas", HTMLCanvasElement);
  plotly().purge(slot.plot);
  for (const canvas of canvases) {
    (canvas.getContext("webgl") || canvas.getContext("webgl2"))?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  slot.plot.replaceChildren();
  Object.assign(slot, { live: 0, listens: false });
}

/**
 * Whether a picture may be drawn now. Out of sight it waits, as one does for which there is no context left.
 * @param {Slot} slot
 */
export function mayDraw(slot) {
  const needed = contextsOf(slot.next || slot.figure);
  if (!needed) return true;
  const others = liveSlots().filter((other) => other !== slot);
  const taken = () => others.reduce((sum, other) => sum + other.live, 0);
  for (const other of others.filter((one) => !one.near)) if (taken() + needed > MOST_LIVE) rest(other);
  slot.crowded = slot.near && taken() + needed > MOST_LIVE;
  if (slot.near && !slot.crowded) return true;
  Object.assign(slot, { figure: slot.next || slot.figure, next: null, redraw: true });
  delete slot.place.dataset.stale;
  slot.place.dataset.resting = slot.crowded ? "crowded" : "1";
  return false;
}

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const slot = slots.get(target.id.replace("slot-", ""));
    slot.near = isIntersecting;
    clearTimeout(slot.leaving);
    if (!slot.near) slot.leaving = setTimeout(rest, GONE, slot);
    else if (slot.next || slot.redraw) later(slot);
  }
}, { rootMargin: `${NEAR}px 0px` });

onSlot((slot) => sight.observe(slot.place));
