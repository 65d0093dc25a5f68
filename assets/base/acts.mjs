// @ts-check
// What buttons do, by the name in their `data-act`: each part of the page adds its own.

import { around } from "./dom.mjs";

const ACTS = {};

/**
 * @param {string} name
 * @param {(button: HTMLElement) => unknown} does
 */
export const act = (name, does) => (ACTS[name] = does);

/** @param {Record<string, (button: HTMLElement) => unknown>} more */
export const addActs = (more) => Object.assign(ACTS, more);

document.addEventListener("click", (event) => {
  if (event.detail > 1 && around(event, "#cancel, #more-activations, #chips")) return; // a double click is one
  const button = around(event, "[data-act]");
  if (button) ACTS[button.dataset.act]?.(button);
});
