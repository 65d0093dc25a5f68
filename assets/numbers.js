// The arrays of a figure as the server sends them, and as plotly takes them.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const TYPES = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
    i4: Int32Array, u4: Uint32Array };

  // A list, or what plotly's JSON makes of a numpy array, as {values, shape}: one flat array, the last axis fastest.
  function numbers(told) {
    if (!told) return { values: [], shape: [0] };
    if (told.bdata === undefined) {
      const nested = Array.isArray(told[0]);
      return { values: told.flat(2), shape: nested ? [told.length, told[0].length] : [told.length] };
    }
    const bytes = Uint8Array.from(atob(told.bdata), (sign) => sign.charCodeAt(0));
    const values = new TYPES[told.dtype](bytes.buffer);
    return { values, shape: told.shape ? String(told.shape).split(",").map(Number) : [values.length] };
  }

  Object.assign(atlas, { numbers });
})();
