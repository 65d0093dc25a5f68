// @ts-check
// The table across activations.

import { addActs } from "../base/acts.mjs";
import { gridOf, onJoined, setProps, whenJoined } from "../base/dash.mjs";
import { told } from "../base/declared.mjs";
import { byId, runScript, within, write } from "../base/dom.mjs";
import { say } from "../base/message.mjs";

let grid = null; // a promise of the table, once rows have come
let newest = {};

/**
 * @param {string} name
 * @param {object[]} rows
 */
export function setRows(name, rows) {
  newest = { columnDefs: told.tables[name].columns, rowData: rows };
  write(within(byId("comparison"), ".about"), told.tables[name].about);
  grid = grid || loadGrid();
  grid.then(() => setProps("table", newest), () => {});
}

// Its script is large and runs only now, and after React, which it is made from; the rows that come meanwhile wait.
async function loadGrid() {
  await whenJoined();
  try {
    await runScript(told.grid.script);
  } catch {
    say("The table's script did not arrive; reload the page.", "note");
    await new Promise(() => {}); // no rows will be shown
  }
  setProps("table-place", { children: told.grid.component });
}

const asShown = { processCellCallback: ({ node, column, value }) => node.data.texts[column.getColId()] ?? value ?? "" };
const gridApi = () => byId("table-place").hasChildNodes() && gridOf("table");

// The table's handle; null, and a sentence, while it has no rows or those of the question before.
function readyTable() {
  const api = gridApi();
  if (api && !byId("comparison").dataset.stale) return api;
  say(api ? "The table still shows the question before this one; wait for its first seed."
    : "The table is empty: no seed has been measured yet.", "note");
  return null;
}

async function copyTable() {
  const api = readyTable();
  if (!api) return;
  try {
    await navigator.clipboard.writeText(
      api.getDataAsCsv({ ...asShown, columnSeparator: "\t", suppressQuotes: true }));
    say("The table is in the clipboard, its cells parted by tabs.", "note");
  } catch {
    say("This browser gives no access to the clipboard here; the button CSV saves the table.", "note");
  }
}

function saveTable() {
  readyTable()?.exportDataAsCsv({ fileName: "lossatlas-activations.csv", allColumns: true });
}

addActs({ copyTable, saveTable });

// Dash draws the table among its own elements; it stands among the page's.
onJoined(() => within(byId("comparison"), ".about").before(byId("table-place")));
