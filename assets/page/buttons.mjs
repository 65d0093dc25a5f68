// @ts-check
// The page's own buttons and keys.

import { addActs } from "../base/acts.mjs";
import { applyTheme, nextSize } from "../base/appearance.mjs";
import { joined, setProps } from "../base/dash.mjs";
import { allWithin, around, byId, dialogOf } from "../base/dom.mjs";
import { addKeys } from "../base/keys.mjs";
import { onSystemTheme, storeNextTheme, themeChoice } from "../base/theme.mjs";
import { cancel } from "../pictures/connection.mjs";
import { moveColumn, pin, removeColumn } from "../state/columns.mjs";
import { controls, dropTheme, placeOf, put, said, urlTheme } from "../state/state.mjs";

function moreActivations(button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  button.textContent = open ? "fewer" : "more…";
  byId("chips").toggleAttribute("data-open", open);
}

function nextTheme() {
  storeNextTheme(themeChoice(urlTheme));
  if (urlTheme) dropTheme();
  applyTheme(urlTheme);
}

function help() {
  const place = dialogOf("help");
  place.showModal(); // its one button, which has the focus, is at the end
  place.scrollTop = 0;
}

onSystemTheme(() => applyTheme(urlTheme));

const columnOf = (button) => Number(button.dataset.column);

addActs({
  theme: nextTheme,
  presenter: nextSize,
  help,
  pin: (button) => pin(columnOf(button)),
  toLeft: (button) => moveColumn(columnOf(button), -1),
  toRight: (button) => moveColumn(columnOf(button), 1),
  remove: (button) => removeColumn(columnOf(button)),
});

document.addEventListener("click", (event) => {
  const more = around(event, "#more-activations");
  if (more && event.detail < 2) moreActivations(more); // a double click is one
  for (const menu of allWithin(document, "details.exports[open]", HTMLDetailsElement)) {
    if (!menu.contains(/** @type {Node} */ (event.target)) || around(event, "a")) menu.open = false;
  }
});

// As its control would; until that is there, the state itself is told.
function choose(name, value) {
  if (joined) setProps(`option-${name}`, { [controls[placeOf(name)].prop]: value });
  else put({ [name]: value });
}

document.addEventListener("change", (event) => {
  const radio = around(event, "#places input", HTMLInputElement);
  if (radio) choose("place", radio.value);
});

/** The bar shows which place is open. */
export function showPlace() {
  for (const radio of allWithin(byId("places"), "input", HTMLInputElement)) radio.checked = radio.value === said("place");
}

addKeys({
  t: nextTheme,
  p: nextSize,
  "?": help,
  Escape: cancel,
});

/** The keys that options declare: they take a choice, switch, or go to the control, whose menu opens and can be searched. */
export function addOptionKeys() {
  for (const { name, kind, keys } of controls) {
    const control = () => byId(`option-${name}`);
    const press = () => (kind === "bool" ? control().click() : control().focus());
    const acts = Object.entries(keys).map(([key, choice]) => [key, choice ? () => choose(name, choice) : press]);
    addKeys(Object.fromEntries(acts));
  }
}
