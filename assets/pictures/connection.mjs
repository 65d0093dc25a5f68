// @ts-check
// One stream of server-sent events fills the page. Here it is opened, kept and closed; what its events say is taken by
// answers.mjs.

import { act } from "../base/acts.mjs";
import { byId, root, write } from "../base/dom.mjs";
import { say, unsay } from "../base/message.mjs";
import { onFrame, restore } from "./draw.mjs";
import { todo } from "./queue.mjs";
import { restyled } from "./restyle.mjs";
import { inUse, isMain, setState, slots } from "./slots.mjs";

const AGAIN = 500; // ms before the first new attempt, doubled up to the longest
const LONGEST = 15000;
const PATIENCE = 700; // ms of silence before a broken connection is mentioned
const PATIENT = 1500; // ms that a control still moving waits for a picture

/** @type {string | null} */
export let query = null;
/** @type {EventSource | null} */
let source = null;
let current = 0; // events of another number are a stale stream's
export let phase = "idle"; // computing, done, failed, refused, cancelled
let timer = 0;
let silence = 0;
let tries = 0;
export let opened = 0;
let began = 0;
let glanced = null; // the question of a control still moving, asked once the last one has shown a picture
/** @type {Set<import("./slots.mjs").Slot>} */
export const pictured = new Set(); // slots that this stream has given a picture or a reason
/** @type {Record<string, (data: any) => unknown>} */
const TAKE = {}; // what to do with each event
const listeners = [];
const takers = [];

const SPOKEN = { computing: "Computing.", done: "Finished.", failed: "Finished with failures.",
  refused: "Refused.", cancelled: "Cancelled." };

/** Called after the phase has changed. */
export const onPhase = (listener) => listeners.push(listener);

/** Called after an event has been taken. */
export const onTaken = (listener) => takers.push(listener);

/** @param {Record<string, (data: any) => unknown>} events what to do with each */
export const take = (events) => Object.assign(TAKE, events);

/** @param {string} next */
export function setPhase(next) {
  phase = next;
  root.dataset.phase = next;
  const button = byId("cancel");
  button.hidden = next === "done" || next === "refused" || next === "idle";
  write(button, next === "computing" ? "Cancel" : "Compute again");
  write(byId("progress"), SPOKEN[next] || "");
  for (const listener of listeners) listener();
}

export function closeStream() {
  current += 1;
  clearTimeout(timer);
  if (source) source.close();
  source = null;
}

/**
 * What a slider says while it moves: the newest question only, each after a picture of the one before.
 * @param {string} asked
 */
export function glance(asked) {
  if (asked === query) return;
  glanced = asked;
  glanceAgain();
}

export function glanceAgain() {
  if (glanced === null) return;
  const surfaces = inUse().filter(isMain);
  const shown = surfaces.every((slot) => pictured.has(slot) && !todo.has(slot));
  if (phase !== "computing" || shown || performance.now() - began > PATIENT) openStream(glanced);
}

onFrame(glanceAgain);

/** @param {string} asked */
export function openStream(asked) {
  glanced = null;
  if (asked === query && ["computing", "done", "refused"].includes(phase)) return;
  if (phase === "done" && query !== null && restyled(query, asked)) {
    query = asked;
    return;
  }
  query = asked;
  heard();
  connect();
}

function connect() {
  closeStream();
  for (const slot of slots.values()) {
    slot.next = null; // a figure of the last stream that was never drawn
    if (!slot.redraw || !slot.figure) todo.delete(slot);
  }
  opened += 1;
  pictured.clear();
  began = performance.now();
  const mine = current;
  setPhase("computing");
  source = new EventSource(`/stream${query ? `?${query}` : ""}`);
  source.onerror = () => mine === current && broken();
  for (const [name, take] of Object.entries(TAKE)) {
    source.addEventListener(name, (event) => {
      if (mine !== current) return;
      heard();
      take(JSON.parse(event.data || "{}"));
      for (const listener of takers) listener();
    });
  }
}

function heard() {
  tries = 0;
  clearTimeout(silence);
  silence = 0;
  unsay("lost");
}

function broken() {
  silence = silence || setTimeout(say, PATIENCE,
    "The connection is lost; trying again. The pictures stay as they are.", "lost");
  // After an HTTP error EventSource gives up for good; after anything else it asks again by itself.
  if (source.readyState === EventSource.CLOSED) reconnectIn(Math.min(LONGEST, AGAIN * 2 ** tries));
  tries += 1;
}

export function reconnectIn(wait) {
  clearTimeout(timer);
  timer = setTimeout(connect, wait * (0.75 + 0.5 * Math.random())); // spread over many pages
}

export function cancel() {
  if (phase !== "computing") return;
  closeStream();
  heard();
  setPhase("cancelled");
  unsay("busy");
  for (const slot of inUse()) {
    restore(slot);
    if (slot.state === "waiting" || slot.state === "computing") setState(slot, "cancelled");
  }
}

act("cancel", () => (phase === "computing" ? cancel() : connect()));

addEventListener("pagehide", closeStream);
addEventListener("pageshow", (event) => {
  if (event.persisted && phase === "computing") connect(); // back from the browser's own cache
});
