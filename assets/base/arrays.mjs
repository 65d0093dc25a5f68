// @ts-check
// Arrays as the server sends them, and as plotly takes them: what plotly's JSON makes of a numpy array, {dtype, bdata, shape}.

const TYPES = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array };

/** @typedef {{dtype: string, bdata: string, shape?: string | number}} Packed */

/**
 * The values of a packed array, the last axis fastest, and its shape.
 * @param {Packed} packed
 * @returns {{values: any, shape: number[]}}
 */
export function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed.bdata), (sign) => sign.charCodeAt(0));
  const values = new TYPES[packed.dtype](bytes.buffer);
  return { values, shape: packed.shape ? String(packed.shape).split(",").map(Number) : [values.length] };
}

/**
 * A list, or a packed array, as one flat array, the last axis fastest.
 * @param {any} given
 * @returns {{values: any, shape: number[]}}
 */
export function numbers(given) {
  if (!given) return { values: [], shape: [0] };
  if (given.bdata !== undefined) return unpacked(given);
  const nested = Array.isArray(given[0]);
  return { values: given.flat(2), shape: nested ? [given.length, given[0].length] : [given.length] };
}
