// @ts-check
// DRAWING

import { applySize } from "./base/appearance.mjs";
import { declare, told } from "./base/declared.mjs";
import { byId } from "./base/dom.mjs";
import { followLesson } from "./lessons/lesson.mjs";
import { addPlaceKeys } from "./page/buttons.mjs";
import { showWhatMatters } from "./page/matters.mjs";
import { watchBar } from "./page/narrow.mjs";
import { openStream, takeEarly } from "./pictures/connection.mjs";
import { loadPlotly } from "./pictures/draw.mjs";
import { arrange, placeShown, setPlace } from "./pictures/place.mjs";
import { addSlot } from "./pictures/slots.mjs";
import { beginRooms, followPage } from "./rooms/rooms.mjs";
import { applyHidden } from "./share/hiding.mjs";
import { beginState, onState, questionOf, trail } from "./state/state.mjs";
import { followState } from "./state/sync.mjs";
import { showCloud } from "./windows/clouds.mjs";
import { showPoint, showWindow } from "./windows/zoom.mjs";

import "./page/rows.mjs";
import "./pictures/answers.mjs";
import "./pictures/pointers.mjs";
import "./pictures/table.mjs";
import "./share/code.mjs";
import "./share/links.mjs";
import "./share/picture.mjs";
import "./windows/weights.mjs";

/**
 * What dash calls when the URL or a control has moved (see app/callbacks.py).
 * @param {string | null} search location.search
 * @param {any[]} rest one value per control, and what was declared
 */
export function sync(search, ...rest) {
  const declared = rest.pop();
  const first = told === null;
  if (first) beginPage(declared);
  return followState(search, rest, first);
}

/** @param {import("./base/declared.mjs").Told} declared */
function beginPage(declared) {
  declare(declared);
  beginState(declared.controls);
  for (let column = 0; column < declared.columns; column += 1) {
    for (const panel of declared.panels) addSlot(column, panel);
  }
  new ResizeObserver(arrange).observe(byId("columns"));
  applySize();
  setPlace(placeShown);
  addPlaceKeys();
  loadPlotly();
  takeEarly();
}

// Who shows another state, in this order.
onState((search, texts) => setPlace(texts.place));
onState((search) => openStream(questionOf(search)));
onState((search, texts) => showWindow(texts.window, trail));
onState((search, texts) => showPoint(texts.at));
onState((search, texts) => showCloud(texts.brush, texts.frame));
onState(followPage);
onState(watchBar);
onState(followLesson);
onState(applyHidden);
onState((search, texts) => showWhatMatters(texts));

beginRooms();
// The answer comes while the controls are being drawn; a room's presenter says what the question is.
if (!new URLSearchParams(window.location.search).get("room")) openStream(questionOf(window.location.search));
