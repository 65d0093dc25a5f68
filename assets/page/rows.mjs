// @ts-check
// A picture's numbers as a table, in a dialog.

import { allWithin, around, byId, dialogOf, make, within } from "../base/dom.mjs";

const SHORT = 6; // digits that are read; the file has all

function shown(value) {
  if (value === null) return "–";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(SHORT))) : String(value);
}

function tableOf({ columns, rows }) {
  const table = make("table");
  const line = (cells, tag) => {
    const made = make("tr");
    made.append(...cells.map((cell) => make(tag, cell)));
    return made;
  };
  const head = table.createTHead();
  head.append(line(columns, "th"));
  for (const cell of allWithin(head, "th", HTMLTableCellElement)) cell.scope = "col";
  table.createTBody().append(...rows.map((row) => line(row.map(shown), "td")));
  return table;
}

/** @param {HTMLElement} button */
async function openRows(button) {
  const slot = button.closest(".slot");
  const file = within(slot, "a.export[data-kind=csv]").getAttribute("href");
  const dialog = dialogOf("rows");
  const count = within(dialog, ".rows-count");
  const place = within(dialog, ".rows-table");
  byId("rows-title").textContent = within(slot, ".plot").getAttribute("aria-label");
  within(dialog, "a", HTMLAnchorElement).href = file;
  count.textContent = "The numbers are on their way.";
  place.replaceChildren();
  dialog.showModal();
  try {
    const answer = await fetch(file.replace(".csv?", ".rows?"));
    if (!answer.ok) throw new Error(await answer.text());
    const found = await answer.json();
    const all = found.count.toLocaleString("en");
    count.textContent = found.rows.length < found.count ? `The first ${found.rows.length} of ${all} rows.` : `${all} rows.`;
    place.replaceChildren(tableOf(found));
  } catch (error) {
    count.textContent = error.message || "The numbers did not arrive. Try again.";
  }
}

document.addEventListener("click", (event) => {
  const button = around(event, "[data-opens=rows]");
  if (button) openRows(button);
});
