// @ts-check
// Changes of a figure that the page makes by itself: the palette, and log scale for linear, whose other picture the server
// sends along as what differs.

/**
 * What two questions differ in, if in nothing but palette and log scale and both name allowed values; null otherwise.
 * @param {string | null} before
 * @param {string | null} after
 * @param {{palettes: Record<string, unknown>, usual: Record<string, string>}} told
 */
export function lookChanged(before, after, { palettes, usual }) {
  const [from, to] = [before, after].map((text) => new URLSearchParams(text || ""));
  const look = (given) => ({ palette: given.get("palette") ?? usual.palette, log: given.get("log") ?? usual.log });
  const [was, is] = [look(from), look(to)];
  for (const given of [from, to]) Object.keys(usual).forEach((name) => given.delete(name));
  [from, to].forEach((given) => given.sort()); // a link may name them in another order
  if (from.toString() !== to.toString() || ![was, is].every(
    (one) => Object.hasOwn(palettes, one.palette) && ["0", "1"].includes(one.log))) return null;
  return { from: was.palette, to: is.palette, palette: was.palette !== is.palette, log: was.log !== is.log };
}

/**
 * A copy with other values at some paths: [path, value], or [path] for what is not there.
 * @template T
 * @param {T} figure
 * @param {[(string | number)[], unknown?][]} changes
 * @returns {T}
 */
export function withChanges(figure, changes) {
  const made = structuredClone(figure);
  for (const [path, ...value] of changes) {
    const last = path[path.length - 1];
    const part = path.slice(0, -1).reduce((one, name) => one[name], made);
    if (value.length) part[last] = value[0];
    else delete part[last];
  }
  return made;
}

/**
 * A copy in which every colour scale that is one palette, or is mixed of its tints, is another or of that one's.
 * @param {any} figure
 * @param {{scale: unknown, tints: string[]}} from
 * @param {{scale: unknown, tints: string[]}} to
 */
export function withPalette(figure, from, to) {
  const old = JSON.stringify(from.scale);
  const inner = (colour) => colour.slice(colour.indexOf("(") + 1, -1); // of rgb(1, 2, 3)
  const mixed = (scale) => scale.map(([place, colour], i) => {
    const tint = Math.floor(i / figure.layout.meta.shades / 2); // each shade of a tint has two ends; grey comes last
    return [place, tint < to.tints.length ? colour.replace(inner(from.tints[tint]), inner(to.tints[tint])) : colour];
  });
  const scaled = (scale) => JSON.stringify(scale) === old ? structuredClone(to.scale) : made(scale);
  const made = (one) => {
    if (one === null || typeof one !== "object") return one;
    if (Array.isArray(one)) return one.map(made);
    return Object.fromEntries(Object.entries(one).map(([name, value]) =>
      [name, name === "colorscale" ? scaled(value) : made(value)]));
  };
  const copy = made(figure);
  if (!figure.layout.meta?.shades) return copy;
  const data = copy.data.map((trace) => trace.name === "cells" ? { ...trace, colorscale: mixed(trace.colorscale) } : trace);
  return { ...copy, data };
}
