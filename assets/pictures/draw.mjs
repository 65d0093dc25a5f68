// @ts-check
// Drawing: one panel a frame, in the page's theme and type size, with the page's camera; the figure itself stays as it came.

import { enlarged, onAppearance, themeShown } from "../base/appearance.mjs";
import { told } from "../base/declared.mjs";
import { runScript, within } from "../base/dom.mjs";
import { say } from "../base/message.mjs";
import { plotly, sceneBottom } from "../base/plotly.mjs";
import { contextsOf, enlargedBy, equalUnits, sceneHeight, wider } from "../figures/figure.mjs";
import { drew, framed } from "../player/player.mjs";
import { markedCloud } from "../windows/clouds.mjs";
import { cameraOf } from "./cameras.mjs";
import { giveUp, mayDraw } from "./contexts.mjs";
import { drawBy, later, schedule, todo } from "./queue.mjs";
import { inUse, isCloud, isMain, isMap, onDrawn, onSlot, plan, setState, slots, tellDrawn } from "./slots.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */
/** @type {Slot | null} */
let held = null; // the map on which a rectangle is being dragged: drawing it would lose the rectangle
const listeners = [];

/** Called after each frame in which something was drawn, or could not be. */
export const onFrame = (listener) => listeners.push(listener);

/** Run while the server works on the answers. */
export function loadPlotly() {
  const lost = () => say("The drawing library did not arrive; reload the page.", "refused");
  runScript(told.plotly).then(schedule, lost);
}

for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    held = null;
    if (todo.size) schedule();
  }, true);
}

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const slot = slots.get(entry.target.id.replace("plot-", ""));
    if (slot && slot.figure) later(slot);
  }
});

onSlot((slot) => {
  sizes.observe(slot.plot);
  slot.plot.addEventListener("pointerdown", () => (held = isMap(slot) ? slot : null), true);
});

drawBy(() => {
  if (!todo.size || !plotly()) return; // its script calls again when it has arrived
  const free = [...todo].filter((one) => one !== held);
  const slot = free.find(isMain) || free[0]; // surfaces first
  if (!slot) return;
  todo.delete(slot);
  if (todo.size) schedule(); // before drawing, so that one bad figure stops nothing
  if (slot.place.hidden || !(slot.next || slot.figure)) return; // hidden: its size changes when it is shown again
  if (mayDraw(slot)) drawOrResize(slot);
  for (const listener of listeners) listener();
});

/** @param {Slot} slot */
function drawOrResize(slot) {
  if (slot.next || slot.redraw || isMap(slot) || outgrown(slot)) draw(slot); // a map's axes depend on its size
  else if (slot.figure && slot.plot.offsetParent) plotly().Plots.resize(slot.plot);
}

/** @param {Slot} slot */
function draw(slot) {
  const fresh = Boolean(slot.next);
  slot.figure = slot.next || slot.figure;
  if (slot.live && !contextsOf(slot.figure)) giveUp(slot);
  Object.assign(slot, { next: null, redraw: false, foreseen: false, live: contextsOf(slot.figure) });
  delete slot.place.dataset.resting;
  const layout = dress(slot);
  slot.plot.tabIndex = layout.scene ? 0 : -1;
  plotly().react(slot.plot, framed(slot, layout), layout, config(slot, layout)).then(() => {
    slot.drawn += 1;
    if (fresh) delete slot.place.dataset.stale;
    tellDrawn(slot);
  }).catch((error) => {
    console.error(error);
    setState(slot, "failed", "This browser could not draw the picture; its data can still be downloaded.");
  });
}

// Twice the screen's pixels look smooth; without a graphics card they cost more than everything else.
let ratio = 0;

function pixelRatio() {
  const gl = document.createElement("canvas").getContext("webgl");
  const told = gl?.getExtension("WEBGL_debug_renderer_info");
  const renderer = told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(renderer) ? 1 : 2;
}

/** @param {Slot} slot */
function dress(slot) {
  const layout = { ...slot.figure.layout, template: template(), autosize: true };
  if (layout.margin) layout.margin = wider(layout.margin, enlarged);
  if (layout.scene) {
    slot.given = structuredClone(cameraOf(slot));
    // A revision of its own: plotly then takes this camera and not one it remembers.
    const domain = { ...layout.scene.domain, y: heightOf(slot) };
    layout.scene = { ...layout.scene, camera: structuredClone(slot.given), domain, uirevision: slot.drawn };
  }
  if (isCloud(slot)) Object.assign(layout, markedCloud(slot));
  if (isMap(slot)) equalUnits(layout, slot.plot.clientWidth, slot.plot.clientHeight, slot.drawn);
  return layout;
}

const heightOf = ({ plot }) => sceneHeight(plot.clientWidth, plot.clientHeight);

const outgrown = (slot) => Boolean(slot.figure?.layout.scene) && slot.plot.offsetParent &&
  sceneBottom(slot.plot) !== heightOf(slot)[0];

const templates = new Map();

function template() {
  const name = `${themeShown} ${enlarged}`;
  if (!templates.has(name)) templates.set(name, enlargedBy(told.templates[themeShown], enlarged));
  return templates.get(name);
}

function config(slot, layout) {
  const name = plan ? plan.columns[slot.column]?.name : "";
  const curve = !layout.scene && !isMap(slot);
  const cloud = Boolean(layout.meta?.cloud);
  return {
    displaylogo: false, responsive: false, scrollZoom: !isMap(slot) && !cloud, showTips: false,
    showAxisDragHandles: curve && !cloud, doubleClick: curve ? "reset" : false,
    modeBarButtons: [curve ? ["toImage", "resetScale2d"] : ["toImage"]],
    plotGlPixelRatio: (ratio = ratio || pixelRatio()),
    toImageButtonOptions: { filename: `lossatlas-${name}-${slot.panel}`, scale: 2 },
  };
}

/** Everything again, with what there is. */
export function redraw() {
  for (const slot of slots.values()) {
    if (slot.figure || slot.next) {
      slot.redraw = true;
      later(slot);
    }
  }
}

onAppearance(redraw);
onDrawn(drew);

/**
 * Another picture for a slot. One equal to the one that stands there is not drawn again.
 * @param {Slot} slot
 * @param {any} figure
 * @param {string} mark
 */
export function showFigure(slot, figure, mark) {
  const newest = slot.next || slot.figure;
  if (newest?.mark === mark) {
    if (!slot.next) delete slot.place.dataset.stale;
    return;
  }
  figure.mark = mark;
  slot.next = figure;
  later(slot);
}

/**
 * The maps show another window at once, with what they have, until its own picture comes.
 * @param {number[]} box
 */
// The maps showFigure another window at once, with what they have, until its own picture comes.
export function foresee([left, right, bottom, top]) {
  for (const slot of inUse()) {
    if (!isMap(slot) || !isMain(slot)) continue;
    slot.figure.mark = null;
    slot.before = slot.foreseen ? slot.before : [slot.state, within(slot.place, ".state").textContent];
    slot.foreseen = true;
    slot.place.dataset.stale = "1";
    setState(slot, "waiting");
    plotly().relayout(slot.plot, { "xaxis.range": [left, right], "yaxis.range": [bottom, top] });
  }
}

/** Back to the picture's own window, where the one foreseen will not come. */
export function restore(slot) {
  if (!slot.foreseen) return;
  slot.redraw = true;
  later(slot);
}
