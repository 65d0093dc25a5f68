// @ts-check
// Columns: move, take away, pin.

import { names } from "../base/declared.mjs";
import { say } from "../base/message.mjs";
import { plan } from "../pictures/slots.mjs";
import { moved, without } from "./order.mjs";
import { put, said } from "./state.mjs";

/** What stands side by side, as the plan names it. */
export const columnNames = () => plan.columns.map(({ name }) => name);

const order = () => ({ columns: columnNames(), pinned: Number(said("baseline")) });

function setOrder({ columns, pinned }) {
  const by = said("compare") === names.by;
  put({ [by ? names.by : "columns"]: columns.join(","), baseline: String(pinned) });
}

/**
 * @param {number} place
 * @param {number} by
 */
export function moveColumn(place, by) {
  const next = moved(order(), place, by);
  if (next) setOrder(next);
}

/** @param {number} place */
export function removeColumn(place) {
  const next = without(order(), place);
  if (!next) return say("The last column stays; choose another one first.", "note");
  setOrder(next);
}

/** @param {number} place */
export const pin = (place) => put({ baseline: order().pinned === place + 1 ? "0" : String(place + 1) });
