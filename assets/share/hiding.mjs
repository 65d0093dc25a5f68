// @ts-check
// What a lesson hides.

import { addActs } from "../base/acts.mjs";
import { told } from "../base/declared.mjs";
import { allWithin, around, byId, dialogOf, make, root } from "../base/dom.mjs";
import { hideKeys } from "../base/keys.mjs";
import { say, unsay } from "../base/message.mjs";
import { extra, setExtras } from "../state/state.mjs";

const entries = told.hideable;
const off = new Set(); // keys of what is hidden
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const asked = () => (extra("hide") ?? "").split(",").map((name) => name.trim()).filter(Boolean);
const hiddenEntries = () => entries.filter(({ name }) => asked().includes(name));

export function applyHidden() {
  const hidden = hiddenEntries();
  sayUnknown(hidden);
  sheet.replaceSync(selectorsOf(hidden).map((selector) => `${selector} { display: none !important; }`).join("\n"));
  root.dataset.hide = hidden.map(({ name }) => name).join(" ");
  byId("show-all").hidden = !hidden.length;
  off.clear();
  for (const key of hidden.flatMap((entry) => entry.keys)) off.add(key);
  tick(hidden.map(({ name }) => name));
}

function selectorsOf(hidden) {
  const selectors = hidden.flatMap((entry) => entry.selectors);
  const rows = selectors.filter((selector) => selector.startsWith("#row-"));
  if (!rows.length) return selectors;
  const left = `.row:not([hidden], ${rows.join(", ")})`; // a heading over nothing goes too
  return [...selectors, `.sections section:not(:has(${left}))`, `.sections details:not(:has(${left}))`];
}

// A name of nothing hides nothing, and is told.
function sayUnknown(hidden) {
  const unknown = asked().find((name) => !hidden.some((entry) => entry.name === name));
  if (unknown) {
    say(`hide names what the page leaves out; nothing that can be hidden is called “${unknown.slice(0, 60)}”. ` +
      "Choose from Share, Hide controls.", "hide");
  } else unsay("hide");
}

function openEditor() {
  const editor = dialogOf("hide-editor");
  if (!byId("hide-boxes").hasChildNodes()) fill();
  applyHidden();
  editor.show();
}

function fill() {
  const depth = { "": 0 };
  byId("hide-boxes").append(...entries.map((entry) => {
    depth[entry.name] = depth[entry.within] + 1;
    const row = make("label", "", `depth-${depth[entry.within]}`);
    row.append(Object.assign(make("input", "", "hide-box"), { type: "checkbox", value: entry.name }), entry.label);
    return row;
  }));
}

// The editor's boxes: what lies in something hidden cannot be chosen by itself.
function tick(hidden) {
  for (const box of allWithin(document, ".hide-box", HTMLInputElement)) {
    box.checked = hidden.includes(box.value);
    box.disabled = covered(box.value, hidden);
  }
}

function covered(name, hidden) {
  const holder = entries.find((entry) => entry.name === name)?.within;
  return Boolean(holder) && (hidden.includes(holder) || covered(holder, hidden));
}

document.addEventListener("change", (event) => {
  if (!around(event, ".hide-box")) return;
  const ticked = allWithin(document, ".hide-box:checked", HTMLInputElement).map((box) => box.value);
  setExtras({ hide: ticked.filter((name) => !covered(name, ticked)).join(",") || null });
  applyHidden();
});

const hidesKeys = () => root.dataset.hide?.split(" ").includes("keys");
hideKeys((key) => off.has(key) || (hidesKeys() && key !== "Escape"));

addActs({
  editHidden: openEditor,
  showAll: () => {
    setExtras({ hide: null });
    applyHidden();
  },
});
