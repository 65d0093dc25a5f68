// @ts-check
// The place that is shown: its rows, and how many columns stand side by side.

import { told } from "../base/declared.mjs";
import { allWithin, byId, root } from "../base/dom.mjs";
import { columnsAcross } from "../figures/figure.mjs";
import { rest } from "./contexts.mjs";
import { makeSlots, plan, slots } from "./slots.mjs";

export let placeShown = "";

/** @typedef {"plane" | "aims" | "brushes"} Fact */

/**
 * The panels of this place of which something holds.
 * @param {Fact} fact
 */
export const panelsHere = (fact) => (told.places[placeShown] ?? []).filter((panel) => told.facts[panel][fact]);

/**
 * The place to look at such a panel: this one if it has one, else that where the first one stands.
 * @param {Fact} fact
 */
export const placeWith = (fact) => (panelsHere(fact).length
  ? placeShown : told.facts[told.panels.find((panel) => told.facts[panel][fact])].place);

export function arrange() {
  const place = byId("columns");
  const rem = parseFloat(getComputedStyle(root).fontSize);
  place.style.setProperty("--across", String(columnsAcross(plan ? plan.columns.length : 3, place.clientWidth, rem)));
  if (plan) place.dataset.count = String(plan.columns.length);
}

/**
 * The rows of a place; the others keep their pictures for the way back.
 * @param {string} name
 */
export function setPlace(name) {
  if (!(name in told.places)) return;
  placeShown = name;
  root.dataset.place = name;
  const rows = plan?.place === name ? plan.panels : told.places[name].filter((panel) => !told.presets[panel]);
  makeSlots(rows);
  const shown = new Set([...slots.values()].filter((slot) => rows.includes(slot.panel)).map((slot) => slot.place));
  // The document brings the first place's own, which nobody may have asked for yet.
  for (const part of allWithin(document, "#columns .slot")) part.hidden = !shown.has(part);
  for (const slot of slots.values()) if (slot.place.hidden) rest(slot);
  byId("columns").style.setProperty("--rows", String(rows.length + 1));
  if (!rows.some((panel) => told.facts[panel].surface)) byId("bar").hidden = true; // its colours are the surfaces'
  byId("comparison").hidden = !told.places[name].some((panel) => panel in told.tables);
  arrange();
}
