// @ts-check
// The help of the control in focus, the controls as a drawer where the window is narrow, and the height of the bar on top.

import { around, byId, root, within } from "../base/dom.mjs";

let byKeys = false; // a mouse shows the same words beside its pointer

/** @param {Event | null} event what has the focus now; null: nothing */
function help(event) {
  const row = event && around(event, ".sections .chip[title], .sections .row[title]");
  const line = byId("help-line");
  if (!line) return;
  line.hidden = !row;
  line.textContent = row ? row.title : "";
  if (row) row.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", () => (byKeys = true), true);
document.addEventListener("pointerdown", () => (byKeys = false), true);
document.addEventListener("focusin", (event) => byKeys && help(event));
document.addEventListener("focusout", () => help(null));
document.addEventListener("click", (event) => {
  if (event.pointerType === "touch" || event.pointerType === "pen") help(event);
});

function setDrawer(open) {
  root.toggleAttribute("data-drawer", open);
  const button = byId("open-controls");
  button.setAttribute("aria-expanded", String(open));
  const controls = byId("controls");
  if (open) {
    controls.tabIndex = -1; // not on its first control, whose menu would open
    controls.focus();
  } else if (controls.contains(document.activeElement)) button.focus();
}

document.addEventListener("click", (event) => {
  if (around(event, "[data-opens=controls]")) setDrawer(!root.hasAttribute("data-drawer"));
  else if (around(event, "[data-opens]")) return;
  else if (root.hasAttribute("data-drawer") && around(event, "main, header.top")) setDrawer(false);
});

// Before the page's own Escape, which cancels the computation; a menu of a control closes first.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !root.hasAttribute("data-drawer")) return;
  if (around(event, "[aria-expanded=true][aria-haspopup]")) return;
  event.stopPropagation();
  setDrawer(false);
}, true);

let watched = null;

export function watchBar() {
  const bar = within(document, "header.top");
  if (bar === watched) return;
  watched = bar;
  new ResizeObserver(() => root.style.setProperty("--top", `${bar.offsetHeight}px`)).observe(bar);
}
