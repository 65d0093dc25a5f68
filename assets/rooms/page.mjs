// @ts-check
// What rooms know of this page, and keep in this tab alone.

import { names } from "../base/declared.mjs";
import { visit } from "../state/state.mjs";
import { meaningOf } from "./states.mjs";

export let current = window.location.search; // the page's state, as told last
export let ready = false; // whether the page's elements are there

/** @param {string} search */
export function setCurrent(search) {
  current = search;
}

export function setReady() {
  ready = true;
}

export const meaning = (search) => meaningOf(search, names.own);

/** Another state in place of this one, without a step for the Back button. */
export function replaceWith(search) {
  window.history.replaceState(window.history.state, "", window.location.pathname + search);
  visit(search);
}

export const PRESENTED = "lossatlas-room"; // {code, secret}
export const EXPLORED = "lossatlas-room-left"; // {code} of the room that this reader looks away from

export function remembered(at) {
  try {
    return JSON.parse(window.sessionStorage.getItem(at));
  } catch {
    return null; // storage may be forbidden; a room is then lost with the page
  }
}

export function remember(at, value) {
  try {
    if (value) window.sessionStorage.setItem(at, JSON.stringify(value));
    else window.sessionStorage.removeItem(at);
  } catch {
    // as above
  }
}
