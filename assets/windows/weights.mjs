// @ts-check
// Weights picked by clicks, on curves of the loss along each weight or on edges of the network: two of them span a plane.

import { addActs } from "../base/acts.mjs";
import { names } from "../base/declared.mjs";
import { byId } from "../base/dom.mjs";
import { plotly } from "../base/plotly.mjs";
import { factsOf, onDrawn, onNewPlot } from "../pictures/slots.mjs";
import { put } from "../state/state.mjs";

/** @typedef {import("../pictures/slots.mjs").Slot} Slot */
/** @type {{weight: number, name: string}[]} */
let picks = []; // two at most, the older first
/** @type {Set<Slot>} */
const shownIn = new Set(); // slots that show the loss along each weight

onNewPlot((slot) => {
  if (!factsOf(slot).picks) return;
  slot.plot.on("plotly_click", ({ points: [first] }) => {
    const { meta, name, text } = first.data;
    const weight = meta?.weight ?? meta?.weights?.[first.pointNumber];
    if (weight !== undefined) pick({ weight, name: meta.weights ? text[first.pointNumber] : name });
  });
});

function pick(one) {
  const others = picks.filter(({ weight }) => weight !== one.weight);
  picks = others.length < picks.length ? others : [...others, one].slice(-2);
  tell();
  for (const slot of shownIn) mark(slot);
}

function forgetPicks() {
  picks = [];
  tell();
  for (const slot of shownIn) mark(slot);
}

function tell() {
  byId("picks").hidden = !picks.length;
  const [first, second] = picks.map(({ name }) => name);
  byId("picked").textContent = second ? `${first} and ${second}` : `${first}; click another weight for a plane`;
  byId("plane").hidden = picks.length < 2;
}

const marked = new WeakMap(); // figure -> the picks it shows

function mark(slot) {
  if (!slot.listens || slot.place.hidden || !slot.figure) return;
  const chosen = picks.map(({ weight }) => weight);
  const text = chosen.join(",");
  if ((marked.get(slot.figure) ?? "") === text) return;
  marked.set(slot.figure, text);
  const isChosen = slot.figure.data.map(({ meta }) => chosen.includes(meta?.weight));
  if (!isChosen.length) return;
  plotly().restyle(slot.plot, {
    "line.width": isChosen.map((yes) => (yes ? 4 : 1.4)),
    opacity: isChosen.map((yes) => (yes ? 1 : chosen.length ? 0.25 : 0.7)),
  });
}

// A picture was drawn anew: it forgot its marks, and another network has other weights.
onDrawn((slot) => {
  if (!factsOf(slot).marks) return;
  shownIn.add(slot);
  marked.delete(slot.figure);
  const weights = new Map(slot.figure.data.map(({ meta, name }) => [meta?.weight, name]));
  if (slot.column === 0 && picks.some(({ weight, name }) => weights.get(weight) !== name)) return forgetPicks();
  mark(slot);
});

function planeOfPicks() {
  if (picks.length < 2) return;
  const [one, other] = picks.map(({ weight }) => String(weight));
  put({ directions: "weights", weight_a: one, weight_b: other, window: names.none, at: names.none });
  byId("columns").scrollIntoView({ block: "start" });
}

addActs({ planeOfPicks, forgetPicks });
