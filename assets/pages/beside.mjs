// @ts-check
// What pages beside the atlas do: theme and type size as the atlas has them, and keys.

import { around, byId, root } from "../base/dom.mjs";
import { isLarge, onSystemTheme, storeNextSize, storeNextTheme, themeChoice, themeNow } from "../base/theme.mjs";

function apply() {
  const theme = themeNow(themeChoice());
  root.dataset.mantineColorScheme = theme;
  root.classList.toggle("presenter", isLarge());
  if (!byId("theme")) return; // before the first paint
  byId("theme").textContent = `Theme: ${themeChoice()}`;
  byId("presenter").setAttribute("aria-pressed", String(isLarge()));
}

function nextTheme() {
  storeNextTheme(themeChoice());
  apply();
}

function nextSize() {
  storeNextSize();
  apply();
}

const KEYS = { "/": () => byId("dataset")?.focus(), t: nextTheme, p: nextSize };

document.addEventListener("keydown", (event) => {
  const does = KEYS[event.key];
  if (!does || event.ctrlKey || event.metaKey || event.altKey || around(event, "input, select")) return;
  event.preventDefault();
  does();
});

document.addEventListener("click", (event) => {
  const button = around(event, "button");
  if (button?.id === "theme") nextTheme();
  if (button?.id === "presenter") nextSize();
});

document.addEventListener("DOMContentLoaded", apply);
onSystemTheme(apply);
apply();
