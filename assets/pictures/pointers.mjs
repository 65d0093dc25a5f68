// @ts-check
// What one picture shows under the pointer, the others of its row show too; and a zoom of one curve is that of its row.

import { byId, within } from "../base/dom.mjs";
import { hasAxes, plotly, pointAway, pointTo, projected, tracesOf } from "../base/plotly.mjs";
import { nearestOn } from "../figures/figure.mjs";
import { isCloud, isMap, onNewPlot, othersInRow } from "./slots.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */
const SWITCHES = { hover: "link-hover", zoom: "link-zoom" };
const linked = (what) => {
  const place = byId(SWITCHES[what], HTMLInputElement);
  return place?.querySelector("input")?.checked ?? place?.checked ?? true;
};

let following = false; // one round of hovers in a frame
let pointed = null; // the newest point, {plot, panel, x, y, surface}

function hovered(slot, event) {
  const point = event.points?.[0];
  if (!point || slot.echo || !linked("hover")) return;
  pointed = { slot, x: point.x, y: point.y, name: point.data.name, surface: point.data.type === "surface" };
  if (!following) {
    following = true;
    requestAnimationFrame(() => {
      following = false;
      if (pointed) othersInRow(pointed.slot).forEach((other) => show(other, pointed));
    });
  }
}

function left(slot) {
  if (slot.echo) return;
  pointed = null;
  for (const other of othersInRow(slot)) hide(other);
}

// Curves and maps show plotly's own label; a surface, which has none for another's pointer, a dot on it and its height.
function show(slot, { x, y, name, surface }) {
  if (slot.figure?.layout.scene) return surface ? mark(slot, x, y) : undefined;
  if (surface || !hasAxes(slot.plot)) return;
  const traces = tracesOf(slot.plot);
  const alike = traces.findIndex((trace) => trace.name === name);
  const curveNumber = alike >= 0 ? alike : traces.findIndex(({ hoverinfo, visible }) => visible && hoverinfo !== "skip");
  const trace = traces[curveNumber];
  if (!trace?.x?.length) return;
  const across = nearestOn(trace.x, x);
  const pointNumber = trace.type === "contour" ? [nearestOn(trace.y, y), across] : across;
  slot.echo = true;
  pointTo(slot.plot, { curveNumber, pointNumber });
  slot.echo = false;
}

function hide(slot) {
  if (slot.figure?.layout.scene) return mark(slot, null);
  if (!hasAxes(slot.plot)) return;
  slot.echo = true;
  pointAway(slot.plot);
  slot.echo = false;
}

/**
 * A dot of the page's own over the surface: a mark in the scene would draw all of it again.
 * @param {Slot} slot
 * @param {number | null} x null: no dot
 * @param {number} [y]
 */
function mark(slot, x, y) {
  const [words, dot] = [within(slot.place, ".echo"), within(slot.place, ".echo-dot")];
  const drawn = tracesOf(slot.plot)?.find(({ type }) => type === "surface");
  const height = x === null || !drawn ? NaN : drawn.z[nearestOn(drawn.y, y)]?.[nearestOn(drawn.x, x)];
  dot.hidden = !Number.isFinite(height);
  words.textContent = dot.hidden ? "" : `here ${Number(height.toPrecision(3))}`;
  if (dot.hidden) return;
  const [across, down] = projected(slot.plot, [x, y, height]);
  dot.style.left = `${slot.plot.offsetLeft + across * slot.plot.clientWidth}px`;
  dot.style.top = `${slot.plot.offsetTop + down * slot.plot.clientHeight}px`;
}

const ENDS = ["xaxis.range[0]", "xaxis.range[1]"];

function zoomed(slot, event) {
  if (slot.echo || !linked("zoom")) return;
  const ends = ENDS.map((name) => event[name]);
  const back = event["xaxis.autorange"] || event["xaxis.range"];
  if (ends.some((end) => end === undefined) && !back) return;
  const range = back ? [...(slot.figure.layout.xaxis.range || [])] : ends;
  if (range.length !== 2) return;
  for (const other of othersInRow(slot)) {
    if (other.figure?.layout.scene || !hasAxes(other.plot)) continue;
    other.echo = true;
    const free = () => (other.echo = false);
    plotly().relayout(other.plot, { "xaxis.range": range }).then(free, free);
  }
}

onNewPlot((slot) => {
  slot.plot.on("plotly_hover", (event) => hovered(slot, event));
  slot.plot.on("plotly_unhover", () => left(slot));
  slot.plot.on("plotly_relayout", (event) => {
    if (!isMap(slot) && !slot.figure?.layout.scene && !isCloud(slot)) zoomed(slot, event);
  });
});
