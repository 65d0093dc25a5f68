// Watching a training, or a morph: all pictures that hold frames (app/figures/shared/frames.py) show one, played or scrubbed.
// Nothing is asked of the server. The step is the page's own and stands in no URL.
// Who draws, stream.js or a saved page (app/export/file.py), asks `framed` for a picture's data before drawing it and
// tells `drew` after. A slot is {plot, place, figure, listens}: the two elements, the figure as it came, whether it is drawn.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);

  const SECONDS = 12; // of a whole training at 1×
  const SPEEDS = [1, 2, 4, 0.5];
  const STILLS = 12; // shown one a second where less motion is wanted
  const LONGEST = 2; // seconds that one drawing may count for
  const GAP = -32768; // as app/figures/shared/frames.py

  const slots = new Set(); // that were drawn
  const shown = new WeakMap(); // figure -> the frame it shows
  let steps = []; // all numbers that some picture has a frame for, ascending
  let at = Infinity; // the step looked at; beyond the last it is the last
  let kind = "step"; // what the numbers are: a training begins at its end, a morph at its first frame
  let labels = new Map(); // number -> what its frame is called
  let playing = 0; // the number of the play that runs
  let plays = 0;
  let speed = 0;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  // ---------------------------------------------------------------- frames

  const ARRAYS = { f4: Float32Array, i2: Int16Array, u1: Uint8Array };
  const read = new WeakMap(); // packed rows -> {values, shape}

  function unpack(rows) {
    if (!read.has(rows)) {
      const bytes = Uint8Array.from(atob(rows.bdata), (sign) => sign.charCodeAt(0));
      read.set(rows, { values: new ARRAYS[rows.dtype](bytes.buffer), shape: rows.shape.split(",").map(Number) });
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

  // {traces: {index: {attribute: value}}, layout: {attribute: value}} of one frame.
  function changesIn(frames, frame) {
    const traces = {};
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

  function nearest(values, step) {
    let low = 0;
    let high = values.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < step) low = middle + 1;
      else high = middle;
    }
    return low > 0 && step - values[low - 1] <= values[low] - step ? low - 1 : low;
  }

  // A value at a path such as annotations[0].text, in copies of what leads there.
  function put(target, path, value) {
    const names = path.split(/[.[\]]+/).filter(Boolean);
    let place = target;
    for (const name of names.slice(0, -1)) {
      place[name] = Array.isArray(place[name]) ? [...place[name]] : { ...place[name] };
      place = place[name];
    }
    place[names[names.length - 1]] = value;
  }

  function meet({ name }) {
    if (name === kind) return;
    [kind, at] = [name, name === "step" ? Infinity : -Infinity];
  }

  const framesOf = (slot) => slot.figure?.layout.meta?.frames;

  // The picture's data as they are now; the layout is changed in place.
  function framed(slot, layout) {
    const frames = framesOf(slot);
    if (!frames) return slot.figure.data;
    meet(frames);
    const frame = nearest(frames.values, at);
    const { traces, layout: moved } = changesIn(frames, frame);
    shown.set(slot.figure, frame);
    for (const [path, value] of Object.entries(moved)) put(layout, path, value);
    return slot.figure.data.map((trace, index) => {
      const own = { ...trace };
      for (const [path, value] of Object.entries(traces[index] || {})) put(own, path, value);
      return own;
    });
  }

  // ---------------------------------------------------------------- all pictures in step

  const inUse = () => [...slots].filter((slot) => slot.listens && !slot.place.hidden && framesOf(slot) &&
    slot.plot.offsetParent);

  function isOnScreen(slot) {
    const { top, bottom } = slot.plot.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  }

  function move(slot) {
    const frames = framesOf(slot);
    const frame = nearest(frames.values, at);
    if (shown.get(slot.figure) === frame || slot.plot === held) return null;
    shown.set(slot.figure, frame);
    const { traces, layout } = changesIn(frames, frame);
    const indices = Object.keys(traces).map(Number);
    if (!indices.length) return window.Plotly.relayout(slot.plot, layout);
    const attributes = {};
    indices.forEach((index, n) => {
      for (const [name, value] of Object.entries(traces[index])) {
        (attributes[name] = attributes[name] || Array(indices.length).fill(undefined))[n] = value;
      }
    });
    return window.Plotly.update(slot.plot, attributes, layout, indices);
  }

  let held = null; // the picture under the pointer: drawing it would take the reader's turn or rectangle back

  document.addEventListener("pointerdown", ({ target }) => (held = target.closest?.(".plot") || null), true);
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, () => {
      held = null;
      if (inUse().length) window.setTimeout(showAll, 100); // after plotly has heard of it
    }, true);
  }

  let drawing = null; // a promise, while pictures are being brought to the step

  // One drawing of all pictures at a time: what comes meanwhile is the next one's.
  function showAll() {
    drawing = drawing || (async () => {
      try {
        let moved = true;
        while (moved) {
          const turns = inUse().filter(isOnScreen).map(move).filter(Boolean);
          moved = turns.length > 0;
          await Promise.allSettled(turns);
        }
      } finally {
        drawing = null;
      }
    })();
    return drawing;
  }

  // ---------------------------------------------------------------- the bar

  let scrub = null;

  function begin() {
    scrub = Object.assign(document.createElement("input"), { type: "range", min: 0, step: 1 });
    scrub.addEventListener("input", () => {
      const step = steps[Number(scrub.value)]; // before anything puts the slider where the pictures are
      pause();
      goTo(step);
    });
    byId("scrub").append(scrub);
  }

  const write = (element, text) => element.textContent !== text && (element.textContent = text);
  const place = () => nearest(steps, at);

  function tell() {
    if (!byId("player")) return;
    byId("player").hidden = steps.length < 2;
    if (steps.length < 2) return;
    if (!scrub) begin();
    scrub.max = steps.length - 1;
    scrub.value = place();
    scrub.setAttribute("aria-label", kind === "step" ? "Step of the training" : "Frame of the morph");
    const text = labels.get(steps[place()])
      ?? `step ${steps[place()].toLocaleString("en")} of ${steps[steps.length - 1].toLocaleString("en")}`;
    scrub.setAttribute("aria-valuetext", text);
    write(byId("moment"), text);
    write(byId("play"), playing ? "Pause" : "Play");
    byId("play").setAttribute("aria-pressed", String(Boolean(playing)));
    write(byId("speed"), `${SPEEDS[speed] === 0.5 ? "½" : SPEEDS[speed]}×`);
  }

  function drew(slot) {
    slots.add(slot);
    gather();
  }

  function gather() {
    const mine = inUse().map(framesOf).filter(({ name }) => name === kind);
    const found = new Set(mine.flatMap(({ values }) => values));
    labels = new Map(mine.flatMap(({ values, labels: names }) => values.map((value, k) => [value, names?.[k]])));
    if (found.size) steps = [...found].sort((one, other) => one - other);
    tell();
  }

  function goTo(step) {
    at = step === steps[steps.length - 1] && kind === "step" ? Infinity : step; // the end stays the end of whatever comes next
    tell();
    return showAll();
  }

  // ---------------------------------------------------------------- playing

  const isHere = () => Boolean(byId("play")?.offsetParent); // in its places only, and unless it is hidden
  const nextFrame = () => new Promise((done) => window.requestAnimationFrame(done));
  const wait = (ms) => new Promise((done) => window.setTimeout(done, ms));

  function pause() {
    playing = 0;
    tell();
  }

  function forward(count) {
    pause();
    if (isHere()) goTo(steps[Math.min(steps.length - 1, Math.max(0, place() + count))]);
  }

  function toggle() {
    if (playing) return pause();
    if (!isHere()) return;
    if (place() === steps.length - 1) goTo(steps[0]);
    playing = plays += 1;
    tell();
    play(playing);
  }

  async function play(mine) {
    const [first, last] = [steps[0], steps[steps.length - 1]];
    let step = steps[place()];
    let before = performance.now();
    while (playing === mine) {
      await (still.matches ? wait(1000) : nextFrame());
      const now = performance.now();
      const share = still.matches
        ? 1 / STILLS : (Math.min((now - before) / 1000, LONGEST) * SPEEDS[speed]) / SECONDS;
      before = now;
      if (playing !== mine) return;
      if (!isHere()) return pause();
      step = Math.min(last, step + share * (last - first));
      await goTo(steps[nearest(steps, step)]);
      if (step >= last && playing === mine) pause();
    }
  }

  const ACTS = {
    toggle,
    back: () => forward(-1),
    forward: () => forward(1),
    speed: () => {
      speed = (speed + 1) % SPEEDS.length;
      tell();
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-player]");
    if (button) ACTS[button.dataset.player]();
  });

  atlas.addKeys({ " ": toggle }, { when: isHere });
  atlas.addKeys({ ",": ACTS.back, ".": ACTS.forward }, { when: isHere, repeats: true });

  window.addEventListener("scroll", () => inUse().length && showAll(), { passive: true });

  Object.assign(atlas, { framed, drew });
  atlas.player = {
    get step() { return steps.length ? steps[place()] : null; },
    get steps() { return steps; },
    get playing() { return Boolean(playing); },
    get settled() { return !drawing; },
    goTo: (step) => {
      pause();
      return goTo(steps[nearest(steps, step)]);
    },
    toggle,
    forward,
  };
})();
