// @ts-check
// Joins URL and controls: whichever moved, the other follows.

import { applyTheme } from "../base/appearance.mjs";
import { join, joined, noUpdate, setProps } from "../base/dash.mjs";
import { names, told } from "../base/declared.mjs";
import { around, byId } from "../base/dom.mjs";
import { say } from "../base/message.mjs";
import { expand } from "../lessons/addresses.mjs";
import { glance } from "../pictures/connection.mjs";
import { become, commit, controls, followBy, known, placeOf, questionOf, searchOf, stopWaiting, takeBeside, tellDash, textFor, urlTheme, whenStill } from "./state.mjs";
import { hold, readQuery, textOf } from "./vocabulary.mjs";

/**
 * What dash calls: with the address that it knows and one value per control; gives the same, with what has to follow.
 * @param {string} search
 * @param {any[]} values
 */
export function followState(search, ...values) {
  const now = values.map((value, i) => textOf(controls[i], value));
  if (!joined) return meet(now);
  if (search === known.search) return followControls(values);
  followAddress(search, now);
  return [noUpdate(), ...outputsFor(now)];
}

// The first call: the page has a state already, and the controls have their defaults.
function meet(now) {
  if (!known) followAddress(window.location.search);
  join();
  return [known.search, ...outputsFor(now)];
}

/** What the controls must become to say what the state says. */
const outputsFor = (now) => controls.map((control, i) => (
  now[i] === known.texts[i] ? noUpdate() : hold(control, known.texts[i]) ?? noUpdate()));

/**
 * The state of an address; what a control cannot hold, it keeps as it is.
 * @param {string} search
 * @param {string[]} [now] what the controls say
 */
export function followAddress(search, now = controls.map((control) => control.default)) {
  const given = readQuery(expand(told.lessons, search, names.beside));
  takeBeside(given);
  applyTheme(urlTheme);
  stopWaiting();
  become(search, controls.map((control, i) => {
    const held = hold(control, textFor(control, given));
    return held === undefined ? now[i] : textOf(control, held);
  }));
}

followBy(followAddress);

// Another comparison begins with the columns offered for it. Where activations are not compared, one is chosen.
function compareBy(texts, values, outputs) {
  const [by, columns, chips] = ["compare", "columns", names.by].map(placeOf);
  const chosen = values[chips] || [];
  if (texts[by] !== known.texts[by]) {
    texts[columns] = outputs[columns] = texts[by] === names.by ? "" : controls[placeOf(texts[by])].offered;
    texts[chips] = texts[by] === names.by ? controls[chips].default : chosen[0] ?? known.texts[chips].split(",")[0];
  } else if (texts[by] !== names.by && chosen.length !== 1) {
    texts[chips] = chosen.find((name) => name !== known.texts[chips]) ?? known.texts[chips];
  } else return;
  outputs[chips] = texts[chips].split(",");
}

function followControls(values) {
  const none = noUpdate();
  const outputs = controls.map(() => none);
  const texts = values.map((value, i) => textOf(controls[i], value));
  for (const name of [...names.onPlane, ...names.onCloud]) {
    const at = placeOf(name);
    if (texts[at] === known.texts[at] || document.activeElement === byId(`option-${name}`)) continue;
    outputs[at] = texts[at] = known.texts[at]; // dash repeats, late, what the page put there itself
  }
  compareBy(texts, values, outputs);
  const place = placeOf(names.by);
  const chosen = texts[place].split(",").filter(Boolean).length;
  if (chosen < 1 || chosen > controls[place].most) {
    say(`Between 1 and ${controls[place].most} activations stand side by side; ` +
      (chosen ? "take one away first." : "choose another one first."), "note");
    texts[place] = known.texts[place];
    outputs[place] = texts[place].split(",");
  }
  const moved = controls.filter((_, i) => texts[i] !== known.texts[i]);
  stopWaiting();
  if (!moved.length) return [none, ...outputs];
  if (!moved.every(isTyped)) {
    for (const at of leftBehind(texts)) outputs[at] = texts[at] = "none";
    return [commit(texts), ...outputs];
  }
  if (moved.every((control) => control.followed)) glance(questionOf(searchOf(texts)));
  // Not the control's own `debounce`: that repeats a value late, also one that the URL put there and took back.
  whenStill(settle, texts);
  return [none, ...outputs];
}

const isTyped = (control) => !["choice", "bool", "several"].includes(control.kind);

let held = false; // a slider under the pointer: the picture follows it, the URL waits until it is let go
document.addEventListener("pointerdown", (event) => (held = Boolean(around(event, ".mantine-Slider-root"))), true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (held = false), true);

function settle(texts) {
  if (held) {
    whenStill(settle, texts);
    return;
  }
  const left = leftBehind(texts);
  for (const at of left) texts[at] = "none";
  tellDash(commit(texts));
  for (const at of left) setProps(`option-${controls[at].name}`, { value: "none" });
}

// Places of the coordinates on a plane, or on a cloud, that the question turns away from: they mean something else on another.
function leftBehind(texts) {
  const moved = (flag) => controls.some((control, i) => control[flag] && texts[i] !== known.texts[i]);
  const left = [...(moved("leaves") ? names.onPlane : []), ...(moved("leavesCloud") ? names.onCloud : [])];
  return left.map(placeOf).filter((at) => texts[at] !== "none" && texts[at] === known.texts[at]);
}
