// @ts-check
// Which controls matter now: the rows of the others are hidden, and sections without a row.

import { onJoined } from "../base/dash.mjs";
import { names } from "../base/declared.mjs";
import { allWithin, byId } from "../base/dom.mjs";
import { controls, textsNow } from "../state/state.mjs";
import { isIdle } from "../state/vocabulary.mjs";

/** Shown once more when the controls have come. */
export function showWhatMatters() {
  const texts = textsNow();
  for (const control of controls) {
    const row = byId(`row-${control.name}`);
    if (row) row.hidden = isIdle(control, texts, controls, names.by);
  }
  const isEmpty = (part) => !allWithin(part, ".row").some((row) => !row.hidden);
  for (const part of allWithin(document, ".sections section, .sections details")) part.hidden = isEmpty(part);
}

onJoined(showWhatMatters);
