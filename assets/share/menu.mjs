// @ts-check
// The menu Share: which rows there are, and when it closes.

import { allWithin, around, byId, make, within } from "../base/dom.mjs";

export const columnsShown = () => allWithin(document, "#columns > article:not([hidden])");
export const slotsOf = (column) => allWithin(column, ".slot:not([hidden])");
export const panelOf = (slot) => slot.id.split("-").slice(2).join("-");

/** @param {string} text @param {string} value */
export const choice = (text, value) => Object.assign(make("option", text), { value });

const menu = () => byId("share", HTMLDetailsElement);

function fillRows() {
  const rows = columnsShown().length ? slotsOf(columnsShown()[0]) : [];
  const which = byId("share-row", HTMLSelectElement);
  const before = which.value;
  which.replaceChildren(...rows.map((slot) => choice(within(slot, "h3").textContent, panelOf(slot))), choice("all rows", "all"));
  if ([...which.options].some(({ value }) => value === before)) which.value = before;
  byId("share-page", HTMLAnchorElement).href = `/export/page.html${window.location.search}`;
}

document.addEventListener("toggle", ({ target }) => {
  if (target === menu() && menu().open) fillRows();
}, true);
document.addEventListener("click", (event) => {
  if (menu()?.open && (!menu().contains(/** @type {Node} */ (event.target)) || around(event, ".item"))) menu().open = false;
});
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  const editor = byId("hide-editor", HTMLDialogElement);
  if (editor?.open) editor.close();
  if (!menu()?.open) return;
  menu().open = false;
  within(menu(), "summary").focus();
});
