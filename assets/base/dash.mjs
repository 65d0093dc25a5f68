// @ts-check
// What is said to Dash, which holds the controls, and to its table. Dash is large: the page begins without it, and runs its
// scripts once pictures stand or are waited for. What is said to it before is told then.

import { allWithin, byId, runScript } from "./dom.mjs";

/** @type {any} */
const here = window;

// For browsers older than modules; and components of which the page has none.
const NOT_NEEDED = /\/polyfill@|\/dash\/dcc\/|\/dash_table\//;

/** @type {Promise<void> | null} */
let begun = null;
export let joined = false; // whether Dash has asked for the first time
/** @type {Map<string, object>} */
const waiting = new Map(); // by the element's id
const listeners = [];

/** Called when the controls are there, in this order. */
export const onJoined = (listener) => listeners.push(listener);

/** Ends when the controls are there: what is made from Dash's own scripts has to come after them. */
export const whenJoined = () => joined ? Promise.resolve() : new Promise((done) => { onJoined(() => done(undefined)); });

/**
 * Other properties for something that Dash draws.
 * @param {string} id
 * @param {object} props
 */
export function setProps(id, props) {
  if (joined) here.dash_clientside.set_props(id, props);
  else waiting.set(id, { ...waiting.get(id), ...props });
}

const addresses = () => allWithin(byId("dash", HTMLTemplateElement).content, "script[src]", HTMLScriptElement)
  .map((script) => script.src).filter((address) => !NOT_NEEDED.test(address));

/** Has the browser fetch Dash's scripts while there is something better to run. */
export function fetchDash() {
  for (const href of addresses()) {
    document.head.append(Object.assign(document.createElement("link"),
      { rel: "preload", as: "script", fetchPriority: "low", href }));
  }
}

/**
 * Runs Dash, which calls `sync` with the values of the controls; once.
 * @param {(...given: any[]) => any[]} sync
 */
export function beginDash(sync) {
  if (begun) return begun;
  here.dash_clientside = { lossatlas: { sync } };
  begun = Promise.all(addresses().map((address) => runScript(address))).then(() => {
    here.renderer = new here.DashRenderer();
  });
  return begun;
}

/** Dash has asked: whoever has something for it is called, and what waited is told, once Dash has its answer. */
export function join() {
  joined = true;
  setTimeout(() => {
    for (const [id, props] of waiting) setProps(id, props);
    waiting.clear();
    for (const listener of listeners) listener();
  });
}

/** What a callback gives for an output that stays as it is. */
export const noUpdate = () => here.dash_clientside.no_update;

/**
 * The handle of a table of dash-ag-grid, whose script has run.
 * @param {string} id
 */
export const gridOf = (id) => here.dash_ag_grid.getApi(id);
