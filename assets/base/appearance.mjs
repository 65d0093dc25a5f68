// @ts-check
// Theme and type size of the page as it is shown.

import { setProps } from "./dash.mjs";
import { byId, root } from "./dom.mjs";
import { isLarge, storeNextSize, themeChoice, themeNow } from "./theme.mjs";

export let themeShown = null;
export let enlarged = 1; // times the usual type size

const LARGE = 1.3;
const listeners = [];

/** Called when pictures must be drawn again, as theme or type size are others. */
export const onAppearance = (listener) => listeners.push(listener);

function tell() {
  for (const listener of listeners) listener();
}

/** @param {string | null} asked the theme that the address names */
export function applyTheme(asked) {
  const choice = themeChoice(asked);
  const theme = themeNow(choice);
  byId("theme").textContent = `Theme: ${choice}`;
  if (theme === themeShown) return;
  themeShown = theme;
  root.dataset.mantineColorScheme = theme; // as Mantine does once it is there
  setProps("mantine", { forceColorScheme: theme });
  tell();
}

export function applySize() {
  const large = isLarge();
  root.classList.toggle("presenter", large);
  byId("presenter").setAttribute("aria-pressed", String(large));
  enlarged = large ? LARGE : 1;
}

export function nextSize() {
  storeNextSize();
  applySize();
  tell();
}

/** Presenter's type, whatever the reader has chosen; `asChosen` takes it back. */
export function enlarge() {
  root.classList.add("presenter");
  enlarged = LARGE;
  tell();
}

export function asChosen() {
  applySize();
  tell();
}
