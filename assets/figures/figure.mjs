// @ts-check
// What can be said of a figure without drawing it.

import { numbers } from "../base/arrays.mjs";

const BY_CARD = /gl$|3d$|^(surface|volume|isosurface|cone|streamtube)$/; // kinds of traces

/**
 * How many contexts of the graphics card a figure takes: one a scene, and two the dots on plane axes.
 * @param {any} figure
 */
export function contextsOf(figure) {
  if (!figure) return 0;
  return figure.layout.scene ? 1 : figure.data.some(({ type }) => BY_CARD.test(type)) ? 2 : 0;
}

/** Whether a figure is a map of a part of the plane. */
export const isMapFigure = (figure) => Boolean(figure?.layout.meta?.box && !figure.layout.scene);

const TALLEST = 1.1; // heights of a scene by its width (chosen by eye)

/**
 * The part of a panel's height that a scene takes. Its height alone sets how large plotly draws it: in a column that
 * is higher than wide its sides would be cut.
 * @param {number} width
 * @param {number} height
 */
export function sceneHeight(width, height) {
  const share = Math.min(1, (TALLEST * width) / height || 1);
  return [0.5 - share / 2, 0.5 + share / 2];
}

const SLIMMEST = 0.25; // as on surfaces

/**
 * Plotly's own way to equal units, `scaleanchor`, would let a reader drag squares only.
 * @param {any} layout changed in place
 * @param {number} width
 * @param {number} height
 * @param {unknown} revision
 */
export function equalUnits(layout, width, height, revision) {
  const [left, right, bottom, top] = layout.meta.box;
  const { l, r, t, b } = layout.margin;
  const longer = Math.max(right - left, top - bottom);
  const across = Math.max(right - left, SLIMMEST * longer);
  const up = Math.max(top - bottom, SLIMMEST * longer);
  const unit = Math.min((width - l - r) / across, (height - t - b) / up);
  const domain = (length, room) => [0.5 - (unit * length) / room / 2, 0.5 + (unit * length) / room / 2];
  const plain = { constrain: "range", scaleanchor: undefined, uirevision: revision };
  layout.xaxis = { ...layout.xaxis, ...plain, domain: domain(across, width - l - r) };
  layout.yaxis = { ...layout.yaxis, ...plain, domain: domain(up, height - t - b) };
}

/** A part of a template with every `size` some times as large. */
export function enlargedBy(part, times) {
  if (part === null || typeof part !== "object") return part;
  if (Array.isArray(part)) return part.map((one) => enlargedBy(one, times));
  return Object.fromEntries(Object.entries(part).map(
    ([name, value]) => [name, name === "size" ? value * times : enlargedBy(value, times)]));
}

/** Margins some times as wide; what is no number stays. */
export const wider = (margin, times) => Object.fromEntries(Object.entries(margin).map(
  ([side, room]) => [side, typeof room === "number" ? room * times : room]));

const NARROW = 17.5; // rem that a column takes at least

/**
 * As many columns a row as fit, in rows as equal as can be.
 * @param {number} count
 * @param {number} width
 * @param {number} rem
 */
export function columnsAcross(count, width, rem) {
  const fit = Math.max(1, Math.floor(width / (NARROW * rem)));
  return Math.ceil(count / Math.ceil(count / fit));
}

/**
 * Where the point of a walk lies in a cloud, [x, y] as plotted; null where it is not drawn. Looked for in what a cloud
 * tells of its dots, or of one point of each cell.
 * @param {any} figure
 * @param {number} walk
 * @param {number} step
 */
export function placeOfPoint(figure, walk, step) {
  for (const trace of figure.data.filter((one) => one.customdata)) {
    const { values, shape } = numbers(trace.customdata);
    const each = shape[shape.length - 1];
    for (let at = 0; at < values.length; at += each) {
      if (values[at] !== walk || values[at + 1] !== step) continue;
      const place = at / each;
      if (trace.type !== "heatmap") return [trace.x, trace.y].map((one) => numbers(one).values[place]);
      const across = shape[1];
      const [column, row] = [place % across, Math.floor(place / across)];
      const told = numbers(trace.z).values[place];
      return Number.isFinite(told) ? [trace.x0 + column * trace.dx, trace.y0 + row * trace.dy] : null;
    }
  }
  return null;
}

/** The place in an axis of the value that lies nearest to another. */
export function nearestOn(axis, value) {
  let best = 0;
  for (let i = 1; i < axis.length; i += 1) if (Math.abs(axis[i] - value) < Math.abs(axis[best] - value)) best = i;
  return best;
}
