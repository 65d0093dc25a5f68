// @ts-check
// The page's state: what URL and controls say. Who shows it listens, in the order of main.mjs.

import { joined, setProps } from "../base/dash.mjs";
import { names, told } from "../base/declared.mjs";
import { shorten } from "../lessons/addresses.mjs";
import { encode, hold, partsOf, questionIn, readQuery, textOf } from "./vocabulary.mjs";

export const { controls } = told; // as lossatlas.app.layout.controls.declared tells them
/** @type {{search: string, texts: string[]} | null} */
export let known = null; // what URL and controls said last
export let trail = ""; // the windows between the whole picture and this one
export let urlTheme = null;
let pause = 0; // the timer of a value that is still being typed
/** @type {Record<string, string | null>} */
let extras = {};
/** @type {((search: string, texts: Record<string, string>) => unknown)[]} */
const listeners = [];

const TYPING = 450; // ms without a keystroke before a typed value counts

/** Called with the search text, and the text of every control by name, after every change of the state. */
export const onState = (listener) => listeners.push(listener);

export const placeOf = (name) => controls.findIndex((control) => control.name === name);
const windowAt = () => placeOf("window");

/** What a name of the URL says that no control holds; null: nothing. */
export const extra = (name) => extras[name] ?? null;

/** The question that a search text puts to the server. */
export const questionOf = (search) => questionIn(search, names);

function written(texts) {
  const beside = names.extras.filter((name) => extras[name]).map((name) => `${name}=${encode(extras[name])}`);
  if (urlTheme) beside.push(`theme=${urlTheme}`);
  const parts = shorten(told.lessons, partsOf(controls, texts, trail), beside, optionsOf);
  return parts.length ? "?" + parts.join("&") : "";
}

// The options that a search text gives, as the page itself would write them.
function optionsOf(search) {
  const given = readQuery(search);
  const texts = controls.map((control) => {
    const held = hold(control, textFor(control, given));
    return held === undefined ? control.default : textOf(control, held);
  });
  return partsOf(controls, texts, given.get("trail") ?? "");
}

/** What the URL says of a control: of the activations only the first stands where something else is compared. */
export function textFor(control, given) {
  const text = given.get(control.name) ?? control.default;
  return control.kind === "several" && (given.get("compare") ?? names.by) !== names.by ? text.split(",")[0].trim() : text;
}

/** The search text of some texts, before they are the state. */
export const searchOf = written;

/** What the URL says beside the controls. */
export function takeBeside(given) {
  const theme = given.get("theme");
  urlTheme = names.themes.includes(theme) ? theme : null;
  trail = given.get("trail") ?? "";
  extras = Object.fromEntries(names.extras.map((name) => [name, given.get(name) ?? null]));
}

/** The text of every control, by its name. */
export const textsNow = () => Object.fromEntries(controls.map(({ name }, i) => [name, known.texts[i]]));

/** Another state; everybody shows it. */
export function become(search, texts) {
  known = { search, texts };
  for (const listener of listeners) listener(search, textsNow());
}

/** @type {(search: string) => unknown} */
let follow = () => {};

/** Who takes over the state of an address while Dash is not there. */
export const followBy = (does) => (follow = does);

function writeAddress(search) {
  const { location, history } = window;
  if (location.search !== search) history.pushState({}, "", location.pathname + search + location.hash);
}

/** Dash learns of an address: of one that is not the state's it makes the state. */
export const tellDash = (search) => joined && setProps("address", { title: search });

function arrive(search) {
  if (search === known?.search) return;
  if (joined) tellDash(search);
  else follow(search);
}

addEventListener("popstate", () => arrive(window.location.search));

/** The controls' texts become what URL and stream say; returns the new location.search. */
export function commit(texts, way = "") {
  if (texts[windowAt()] !== known.texts[windowAt()]) trail = way;
  const search = written(texts);
  writeAddress(search);
  become(search, texts);
  return search;
}

/** Calls once nobody has typed for a moment. */
export function whenStill(act, texts) {
  clearTimeout(pause);
  pause = setTimeout(act, TYPING, texts);
}

export const stopWaiting = () => clearTimeout(pause);

/**
 * Other texts for some controls, by name, and the way to a window.
 * @param {Record<string, string>} changes
 * @param {string} [way]
 */
export function put(changes, way = trail) {
  if (!known) return;
  const texts = [...known.texts];
  for (const [name, text] of Object.entries(changes)) texts[placeOf(name)] = text;
  if (texts.every((text, i) => text === known.texts[i])) return;
  stopWaiting();
  tellDash(commit(texts, way));
  for (const name of Object.keys(changes)) setControl(name, texts[placeOf(name)]);
}

function setControl(name, text) {
  const control = controls[placeOf(name)];
  if (joined) setProps(`option-${name}`, { [control.prop]: hold(control, text) ?? text });
}

/** A whole state, as if its link had been followed. */
export function visit(search) {
  if (!known || search === known.search) return;
  writeAddress(search);
  arrive(search);
}

/** @param {Record<string, string | null>} changes */
export function setExtras(changes) {
  Object.assign(extras, changes);
  if (known && written(known.texts) !== known.search) tellDash(commit([...known.texts]));
}

/** The theme of the address gives way to the browser's own. */
export function dropTheme() {
  urlTheme = null;
  visit(written(known.texts));
}

/** The text that the state gives to a control. */
export const said = (name) => known.texts[placeOf(name)];
