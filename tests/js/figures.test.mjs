// What is said of figures without drawing them: arrays, frames, changes, cameras, sizes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers, unpacked } from "../../assets/base/arrays.mjs";
import { cameraOfNumbers, numbersOf, sameView, turnedByKey } from "../../assets/figures/camera.mjs";
import { lookChanged, withChanges, withPalette } from "../../assets/figures/changes.mjs";
import { columnsAcross, contextsOf, enlargedBy, equalUnits, isMapFigure, nearestOn, placeOfPoint, sceneHeight, wider,
} from "../../assets/figures/figure.mjs";
import { changesIn, GAP, inFrame, nearestFrame, putAt } from "../../assets/figures/frames.mjs";

const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array };

function packed(dtype, values, shape) {
  const bytes = new Uint8Array(new KINDS[dtype](values).buffer);
  return { dtype, bdata: btoa(String.fromCharCode(...bytes)), ...(shape ? { shape } : {}) };
}

// ---------------------------------------------------------------- arrays

for (const dtype of Object.keys(KINDS)) {
  test(`an array packed as ${dtype} is unpacked to what it was`, () => {
    const { values, shape } = unpacked(packed(dtype, [1, 0, 3, 100, 5, 6], "2, 3"));
    assert.ok(values instanceof KINDS[dtype]);
    assert.deepEqual([...values], [1, 0, 3, 100, 5, 6]);
    assert.deepEqual(shape, [2, 3]);
  });
}

test("a list, a list of lists and a packed array are one flat array with a shape", () => {
  assert.deepEqual(numbers([1, 2, 3]), { values: [1, 2, 3], shape: [3] });
  assert.deepEqual(numbers([[1, 2], [3, 4], [5, 6]]), { values: [1, 2, 3, 4, 5, 6], shape: [3, 2] });
  assert.deepEqual(numbers(undefined), { values: [], shape: [0] });
  const { values, shape } = numbers(packed("i2", [7, 8]));
  assert.deepEqual([[...values], shape], [[7, 8], [2]]);
});

// ---------------------------------------------------------------- frames

test("of the frames the nearest is shown, of two as near the lower", () => {
  const values = [0, 2, 10, 11];
  for (const [step, place] of [[-5, 0], [0, 0], [1, 0], [1.5, 1], [6, 1], [6.1, 2], [10.5, 2], [99, 3], [Infinity, 3], [-Infinity, 0]]) {
    assert.equal(nearestFrame(values, step), place, String(step));
  }
});

test("every frame is nearest to itself", () => {
  const values = [0, 1, 3, 7, 20, 21];
  values.forEach((value, place) => assert.equal(nearestFrame(values, value), place));
});

test("a value is put at a path in copies of what leads there", () => {
  const inner = { text: "old", font: { size: 1 } };
  const layout = { annotations: [inner, { text: "other" }], title: { text: "t" } };
  const target = { ...layout };
  putAt(target, "annotations[0].text", "new");
  putAt(target, "shapes", []);
  assert.equal(target.annotations[0].text, "new");
  assert.equal(inner.text, "old");
  assert.equal(target.annotations[1], layout.annotations[1]);
  assert.equal(target.title, layout.title);
  assert.equal(inner.font, target.annotations[0].font);
});

const FRAMES = {
  name: "step", values: [0, 5],
  traces: { 0: { x: packed("f4", [1, 2, 3, 4], "2, 2"), z: packed("f4", [0, 1, 2, 3, 4, 5, 6, 7], "2, 2, 2"), name: ["a", "b"] },
    1: { y: { ...packed("i2", [10, GAP, 20, 30], "2, 2"), scale: 0.5 }, "marker.size": packed("u1", [3, 9], "2") } },
  tables: [{ at: packed("u1", [0, 1, 1, 0], "2, 2"), traces: [0, 1], attribute: "line.width", values: [1, 8] }],
  layout: { "annotations[0].text": ["first", "second"] },
};

test("a frame holds its row of every array, of any number of axes", () => {
  const { traces, layout } = changesIn(FRAMES, 1);
  assert.deepEqual([...traces[0].x], [3, 4]);
  assert.deepEqual(traces[0].z.map((row) => [...row]), [[4, 5], [6, 7]]);
  assert.equal(traces[0].name, "b");
  assert.equal(traces[1]["marker.size"], 9);
  assert.equal(layout["annotations[0].text"], "second");
});

test("packed multiples are scaled, and a gap is no number", () => {
  const { traces } = changesIn(FRAMES, 0);
  assert.equal(traces[1].y[0], 5);
  assert.ok(Number.isNaN(traces[1].y[1]));
});

test("tables name one of few values for each trace", () => {
  const widths = [0, 1].map((frame) => [0, 1].map((trace) => changesIn(FRAMES, frame).traces[trace]["line.width"]));
  assert.deepEqual(widths, [[1, 8], [8, 1]]);
});

test("a figure in a frame leaves the figure as it came", () => {
  const data = [{ x: [0], line: { color: "red" } }, { y: [0], marker: {} }];
  const layout = { annotations: [{ text: "" }] };
  const shown = inFrame(data, layout, FRAMES, 0);
  assert.deepEqual([...shown[0].x], [1, 2]);
  assert.deepEqual(shown[0].line, { color: "red", width: 1 });
  assert.deepEqual(data, [{ x: [0], line: { color: "red" } }, { y: [0], marker: {} }]);
  assert.equal(layout.annotations[0].text, "first");
});

// ---------------------------------------------------------------- changes

const ASKED = { palettes: { haline: {}, magma: {} }, usual: { palette: "haline", log: "1" } };

test("questions that differ in palette or scale alone can be answered here", () => {
  const both = lookChanged("dataset=iris", "log=0&palette=magma&dataset=iris", ASKED);
  assert.deepEqual(both, { from: "haline", to: "magma", palette: true, log: true });
  assert.deepEqual(lookChanged("palette=magma", "palette=magma&log=1", ASKED), { from: "magma", to: "magma", palette: false, log: false });
});

test("the order of options makes no other question, another value does", () => {
  assert.ok(lookChanged("a=1&b=2&log=0", "b=2&a=1", ASKED));
  assert.equal(lookChanged("a=1", "a=2&log=0", ASKED), null);
});

test("a palette or scale that is none is the server's to refuse", () => {
  for (const after of ["palette=pink", "log=2", "palette=toString", "log="]) assert.equal(lookChanged("", after, ASKED), null, after);
});

test("changes are put into a copy: values, and what is not there", () => {
  const figure = { data: [{ z: [1], name: "a" }], layout: { title: "t" } };
  const made = withChanges(figure, [[["data", 0, "z"], [2]], [["layout", "title"]], [["layout", "meta"], null]]);
  assert.deepEqual(made, { data: [{ z: [2], name: "a" }], layout: { meta: null } });
  assert.deepEqual(figure, { data: [{ z: [1], name: "a" }], layout: { title: "t" } });
});

test("changes of one figure into another and back give it again", () => {
  const figure = { data: [{ z: [1] }], layout: {} };
  const there = withChanges(figure, [[["data", 0, "z"], [2]], [["layout", "title"], "t"]]);
  assert.deepEqual(withChanges(there, [[["data", 0, "z"], [1]], [["layout", "title"]]]), figure);
});

const RED = { scale: [[0, "rgb(1, 0, 0)"], [1, "rgb(9, 0, 0)"]], tints: ["rgb(1, 0, 0)", "rgb(9, 0, 0)"] };
const BLUE = { scale: [[0, "rgb(0, 0, 1)"], [1, "rgb(0, 0, 9)"]], tints: ["rgb(0, 0, 1)", "rgb(0, 0, 9)"] };

test("every scale that is one palette becomes the other, wherever it stands, and no other", () => {
  const other = [[0, "white"], [1, "black"]];
  const figure = { data: [{ colorscale: RED.scale }, { colorscale: other, marker: { colorscale: RED.scale } }], layout: { coloraxis: { colorscale: RED.scale } } };
  const made = withPalette(figure, RED, BLUE);
  assert.deepEqual(made.data, [{ colorscale: BLUE.scale }, { colorscale: other, marker: { colorscale: BLUE.scale } }]);
  assert.deepEqual(made.layout.coloraxis.colorscale, BLUE.scale);
  assert.deepEqual(withPalette(made, BLUE, RED), figure);
});

test("shades mixed of a palette's tints are mixed of the other's, grey stays", () => {
  const colorscale = ["rgba(1, 0, 0, 0.5)", "rgba(1, 0, 0, 1)", "rgba(9, 0, 0, 1)", "rgba(9, 0, 0, 1)", "grey", "grey"].map((colour, i) => [i / 5, colour]);
  const made = withPalette({ data: [{ name: "cells", colorscale }], layout: { meta: { shades: 1 } } },
    { scale: [], tints: ["rgb(1, 0, 0)", "rgb(9, 0, 0)"] }, { scale: [], tints: ["rgb(0, 0, 1)", "rgb(0, 0, 9)"] });
  assert.deepEqual(made.data[0].colorscale.map(([, colour]) => colour),
    ["rgba(0, 0, 1, 0.5)", "rgba(0, 0, 1, 1)", "rgba(0, 0, 9, 1)", "rgba(0, 0, 9, 1)", "grey", "grey"]);
});

// ---------------------------------------------------------------- cameras

const HOME = { eye: { x: 1, y: -2, z: 1.5 }, center: { x: 0, y: 0, z: -0.1 }, up: { x: 0, y: 0, z: 1 } };
const radius = ({ eye, center }) => Math.hypot(eye.x - center.x, eye.y - center.y, eye.z - center.z);

test("a camera shows the same as itself and as one that is off by less than plotly rounds", () => {
  assert.ok(sameView(HOME, structuredClone(HOME)));
  assert.ok(sameView(HOME, { ...HOME, eye: { ...HOME.eye, x: 1 + 1e-7 } }));
  assert.ok(!sameView(HOME, { ...HOME, eye: { ...HOME.eye, x: 1.001 } }));
  assert.ok(!sameView(HOME, null));
});

test("a camera goes through its nine numbers and comes back", () => {
  assert.equal(numbersOf(HOME).length, 9);
  assert.ok(sameView(cameraOfNumbers(numbersOf(HOME), { ...HOME, eye: { x: 9, y: 9, z: 9 } }), HOME));
  assert.equal(cameraOfNumbers(numbersOf(HOME), /** @type {any} */ ({ ...HOME, projection: 1 }))["projection"], 1);
});

test("a turn keeps the distance, and the way back leads back", () => {
  for (const [there, back] of [["ArrowLeft", "ArrowRight"], ["ArrowUp", "ArrowDown"]]) {
    const turned = turnedByKey(HOME, HOME, there);
    assert.ok(!sameView(turned, HOME));
    assert.ok(Math.abs(radius(turned) - radius(HOME)) < 1e-12);
    assert.ok(sameView(turnedByKey(turned, HOME, back), HOME));
  }
});

test("plus comes closer, minus as far away again", () => {
  const closer = turnedByKey(HOME, HOME, "+");
  assert.ok(Math.abs(radius(closer) - 0.9 * radius(HOME)) < 1e-12);
  assert.ok(sameView(turnedByKey(closer, HOME, "-"), HOME));
});

test("the eye never goes over the pole", () => {
  let camera = HOME;
  for (let i = 0; i < 100; i += 1) camera = turnedByKey(camera, HOME, "ArrowUp");
  assert.ok(camera.eye.z - camera.center.z < radius(camera) && Math.hypot(camera.eye.x, camera.eye.y) > 0);
});

test("Home leads home, another key nowhere, and no camera is changed in place", () => {
  const now = turnedByKey(HOME, HOME, "ArrowLeft");
  const before = structuredClone(now);
  assert.deepEqual(turnedByKey(now, HOME, "Home"), HOME);
  assert.equal(turnedByKey(now, HOME, "x"), null);
  assert.deepEqual(now, before);
});

// ---------------------------------------------------------------- figures

const figureOf = (types, layout = {}) => ({ data: types.map((type) => ({ type })), layout });

test("a scene takes one context, dots on plane axes two, curves none", () => {
  assert.equal(contextsOf(figureOf(["surface", "scatter3d"], { scene: {} })), 1);
  assert.equal(contextsOf(figureOf(["scatter", "scattergl"])), 2);
  assert.equal(contextsOf(figureOf(["scatter", "heatmap", "contour"])), 0);
  assert.equal(contextsOf(null), 0);
});

test("a map has a box and no scene", () => {
  assert.ok(isMapFigure(figureOf([], { meta: { box: [0, 1, 0, 1] } })));
  assert.ok(!isMapFigure(figureOf([], { meta: { box: [0, 1, 0, 1] }, scene: {} })));
  assert.ok(!isMapFigure(figureOf([])) && !isMapFigure(null));
});

test("a scene takes all of a wide panel and the middle of a high one", () => {
  assert.deepEqual(sceneHeight(400, 200), [0, 1]);
  const [low, high] = sceneHeight(100, 400);
  assert.ok(Math.abs(low + high - 1) < 1e-12 && Math.abs(high - low - 110 / 400) < 1e-12);
  assert.deepEqual(sceneHeight(0, 0), [0, 1]);
});

for (const box of [[0, 1, 0, 1], [-2, 2, 0, 1], [0, 1, -5, 5]]) {
  test(`units of a map of ${box} are equal, or at least a quarter of the longer side is seen`, () => {
    const layout = { meta: { box }, margin: { l: 10, r: 10, t: 5, b: 15 }, xaxis: {}, yaxis: {} };
    equalUnits(layout, 420, 320, 1);
    const [left, right, bottom, top] = box;
    const longer = Math.max(right - left, top - bottom);
    const [across, up] = [Math.max(right - left, longer / 4), Math.max(top - bottom, longer / 4)];
    const share = ({ domain: [low, high] }) => high - low;
    assert.ok(Math.abs((share(layout.xaxis) * 400) / across - (share(layout.yaxis) * 300) / up) < 1e-9);
    for (const axis of [layout.xaxis, layout.yaxis]) {
      assert.ok(axis.domain[0] >= -1e-12 && axis.domain[1] <= 1 + 1e-12 && Math.abs(axis.domain[0] + axis.domain[1] - 1) < 1e-12);
    }
  });
}

test("larger type enlarges sizes at any depth, and nothing else", () => {
  const part = { font: { size: 10, color: "red" }, list: [{ size: 2 }], width: 3, none: null };
  assert.deepEqual(enlargedBy(part, 1.5), { font: { size: 15, color: "red" }, list: [{ size: 3 }], width: 3, none: null });
  assert.deepEqual(enlargedBy(part, 1), part);
  assert.deepEqual(wider({ l: 10, pad: 2, autoexpand: true }, 1.5), { l: 15, pad: 3, autoexpand: true });
});

test("columns stand in as few rows as fit, as equal as can be", () => {
  for (let count = 1; count <= 6; count += 1) {
    for (const width of [100, 300, 600, 900, 1200, 2000]) {
      const across = columnsAcross(count, width, 16);
      const fit = Math.max(1, Math.floor(width / 280));
      assert.ok(across <= fit && across <= count);
      assert.equal(Math.ceil(count / across), Math.ceil(count / fit));
    }
  }
  assert.equal(columnsAcross(4, 900, 16), 2); // two and two, not three and one
});

test("the point of a walk is found among dots, and among cells where the cell is drawn", () => {
  const dots = { type: "scattergl", x: [1, 2], y: [3, 4], customdata: [[0, 5], [1, 6]] };
  assert.deepEqual(placeOfPoint({ data: [{ x: [] }, dots] }, 1, 6), [2, 4]);
  assert.equal(placeOfPoint({ data: [dots] }, 2, 6), null);
  const cells = { type: "heatmap", x0: 10, dx: 2, y0: -1, dy: 0.5, z: [[1, NaN], [3, 4]],
    customdata: packed("i4", [0, 0, 0, 1, 0, 2, 0, 3], "2, 2, 2") };
  assert.deepEqual(placeOfPoint({ data: [cells] }, 0, 3), [12, -0.5]);
  assert.equal(placeOfPoint({ data: [cells] }, 0, 1), null);
});

test("the nearest place on an axis is no further than any other", () => {
  const axis = [0, 1, 4, 9, 16];
  for (const value of [-3, 0.4, 2.6, 9, 100]) {
    const best = Math.abs(axis[nearestOn(axis, value)] - value);
    assert.ok(axis.every((one) => Math.abs(one - value) >= best));
  }
});
