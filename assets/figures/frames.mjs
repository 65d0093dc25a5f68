// @ts-check
// The moments of a training or a morph, as a figure holds them in `layout.meta.frames` (app/figures/shared/frames.py).

import { unpacked } from "../base/arrays.mjs";

export const GAP = -32768; // as app/figures/shared/frames.py

/**
 * @typedef {object} Frames
 * @property {string} name what the numbers are: "step" of a training, or "frame" of a morph
 * @property {number[]} values ascending
 * @property {string[]} [labels] what each is called
 * @property {Record<string, Record<string, any>>} [traces]
 * @property {{at: any, traces: number[], attribute: string, values: any[]}[]} [tables]
 * @property {Record<string, any>} [layout]
 */
const read = new WeakMap(); // packed rows -> {values, shape}

function unpack(rows) {
  if (!read.has(rows)) {
    read.set(rows, unpacked(rows));
  }
  return read.get(rows);
}

function scaled(values, scale) {
  return scale ? Float32Array.from(values, (value) => (value === GAP ? NaN : value * scale)) : values;
}

// What an attribute is in one frame: a number or text, a row, or rows of rows.
function rowOf(rows, frame) {
  if (Array.isArray(rows)) return rows[frame];
  const { values, shape } = unpack(rows);
  const [, down, across] = shape;
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  const row = scaled(values.subarray(frame * size, (frame + 1) * size), rows.scale);
  if (shape.length === 1) return row[0];
  if (shape.length === 2) return row;
  return Array.from({ length: down }, (_, n) => row.subarray(n * across, (n + 1) * across));
}

/**
 * {traces: {index: {attribute: value}}, layout: {attribute: value}} of one frame.
 * @param {Frames} frames
 * @param {number} frame
 */
export function changesIn(frames, frame) {
  const traces = /** @type {Record<string, Record<string, any>>} */ ({});
  const set = (index, name, value) => ((traces[index] = traces[index] || {})[name] = value);
  for (const [index, attributes] of Object.entries(frames.traces || {})) {
    for (const [name, rows] of Object.entries(attributes)) set(index, name, rowOf(rows, frame));
  }
  for (const table of frames.tables || []) {
    const places = rowOf(table.at, frame);
    table.traces.forEach((index, n) => set(index, table.attribute, table.values[places[n]]));
  }
  const layout = {};
  for (const [name, rows] of Object.entries(frames.layout || {})) layout[name] = rowOf(rows, frame);
  return { traces, layout };
}

/**
 * The place of the value nearest to a step, of two as near the one below.
 * @param {number[]} values ascending
 * @param {number} step
 */
export function nearestFrame(values, step) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - values[low - 1] <= values[low] - step ? low - 1 : low;
}

/**
 * A value at a path such as annotations[0].text, in copies of what leads there.
 * @param {any} target
 * @param {string} path
 * @param {unknown} value
 */
export function putAt(target, path, value) {
  const names = path.split(/[.[\]]+/).filter(Boolean);
  let place = target;
  for (const name of names.slice(0, -1)) {
    place[name] = Array.isArray(place[name]) ? [...place[name]] : { ...place[name] };
    place = place[name];
  }
  place[names[names.length - 1]] = value;
}

/**
 * A figure's data as they are in one frame; the layout is changed in place.
 * @param {any[]} data
 * @param {any} layout
 * @param {Frames} frames
 * @param {number} frame
 */
export function inFrame(data, layout, frames, frame) {
  const { traces, layout: moved } = changesIn(frames, frame);
  for (const [path, value] of Object.entries(moved)) putAt(layout, path, value);
  return data.map((trace, index) => {
    const own = { ...trace };
    for (const [path, value] of Object.entries(traces[index] || {})) putAt(own, path, value);
    return own;
  });
}
