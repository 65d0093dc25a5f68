// @ts-check
// Palette and log scale, without the server.

import { told } from "../base/declared.mjs";
import { within, write } from "../base/dom.mjs";
import { lookChanged, withChanges, withPalette } from "../figures/changes.mjs";
import { bars, drawBar } from "./bar.mjs";
import { showFigure } from "./draw.mjs";
import { askedAs, inUse, newestOf, plan, setWarnings } from "./slots.mjs";
import { explain } from "./words.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */

/**
 * Another palette or scale alone: done here where every picture allows it. False: the server must be asked.
 * @param {string} before
 * @param {string} asked
 */
export function restyled(before, asked) {
  const look = plan && told && lookChanged(before, asked, told);
  const used = look ? inUse().filter((slot) => newestOf(slot)) : [];
  if (!look || inUse().some((slot) => !["done", "cached", "none"].includes(slot.state))) return false;
  if (look.log && used.some((slot) => slot.twin?.of !== newestOf(slot).mark)) return false;
  askedAs(asked);
  for (const slot of used) {
    if (look.log) toTwin(slot);
    if (look.palette) toPalette(slot, look);
  }
  restyleBars(look);
  return true;
}

function restyleBars(look) {
  if (look.log && bars.twin !== undefined) [bars.now, bars.twin] = [bars.twin, bars.now];
  for (const name of look.palette ? ["now", "twin"] : []) {
    if (bars[name]?.gradient !== told.palettes[look.from].gradient) continue;
    bars[name] = { ...bars[name], gradient: told.palettes[look.to].gradient };
  }
  if (plan.panels.some((panel) => told.facts[panel].plane)) drawBar();
}

/** What a picture says: caption, warnings, its text for those who do not see it, and why it may look odd. */
// What a picture says: caption, warnings, its text for those who do not see it, and why it may lookFrom odd.
export function setWords(slot, words) {
  slot.words = words;
  if (words.caption !== undefined) write(within(slot.place, ".caption"), words.caption || "");
  if (words.warnings) setWarnings(slot, words.warnings);
  explain(slot.place, words);
}

const twinOf = (slot) => slot.twin.figure || { ...withChanges(newestOf(slot), slot.twin.changes), mark: slot.twin.mark };

function toTwin(slot) {
  const now = newestOf(slot);
  const figure = twinOf(slot);
  const words = slot.twin.words;
  slot.twin = { of: figure.mark, figure: now, words: slot.words };
  setWords(slot, words);
  showFigure(slot, figure, figure.mark);
}

// Both pictures get marks of their own: they are none that the server sends.
function toPalette(slot, { from, to }) {
  const other = (figure) => ({
    ...withPalette(figure, told.palettes[from], told.palettes[to]), mark: `${figure.mark} ${to}` });
  if (!JSON.stringify(newestOf(slot)).includes('"colorscale"')) return;
  const figure = other(newestOf(slot));
  if (slot.twin) slot.twin = { ...slot.twin, of: figure.mark, figure: other(twinOf(slot)) };
  showFigure(slot, figure, figure.mark);
}
