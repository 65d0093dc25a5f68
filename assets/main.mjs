// @ts-check
// The page's scripts: ES modules, each with its own names; nothing is put on the window. Who imports whom: each only those
// that stand before it here. What lies below is told of what happens by listeners: onSlot, onNewPlot, onDrawn, onFrame,
// onPhase, onTurn, onCloud, onAppearance, onPredicted, onState.
//
//   needs no page      base/arrays figures/camera figures/changes figures/figure figures/frames state/vocabulary
//                      state/order windows/boxes lessons/addresses rooms/states
//   page and libraries base/dom base/dash base/plotly base/theme base/declared
//   told and heard     base/message base/appearance base/acts base/keys
//   URL and controls   state/state page/matters
//   beside pictures    page/narrow page/rows share/menu share/code share/links share/picture share/hiding
//                      pictures/bar pictures/words pictures/table player/player
//   slots              pictures/queue pictures/slots pictures/contexts pictures/place pictures/cameras pictures/pointers
//                      state/columns windows/clouds windows/weights
//   drawing            pictures/draw pictures/restyle
//   the stream         pictures/connection pictures/answers
//   windows, moving on windows/zoom state/sync page/buttons
//   lessons            lessons/reading lessons/moving lessons/panel lessons/stage lessons/lesson
//   rooms              rooms/page rooms/events rooms/follower rooms/presenter rooms/rooms
//
// location.search ─> state/sync ─> state/state ─> onState: place, stream, windows, clouds, rooms, lessons, what is hidden
// dash ─> state/sync ─> state/state ─> location.search, controls (base/dash)
// EventSource ─> pictures/connection ─> answers ─> slots ─> queue ─> draw ─> plotly ─> onDrawn
// a rectangle dragged, a button, a key ─> put ─> state/state

import { applySize } from "./base/appearance.mjs";
import { beginDash, fetchDash } from "./base/dash.mjs";
import { byId } from "./base/dom.mjs";
import { say } from "./base/message.mjs";
import { followLesson } from "./lessons/lesson.mjs";
import { addOptionKeys, showPlace } from "./page/buttons.mjs";
import { showWhatMatters } from "./page/matters.mjs";
import { watchBar } from "./page/narrow.mjs";
import { onPhase, onTaken, openStream, phase, pictured } from "./pictures/connection.mjs";
import { loadPlotly, onFrame } from "./pictures/draw.mjs";
import { arrange, setPlace } from "./pictures/place.mjs";
import { todo } from "./pictures/queue.mjs";
import { inUse } from "./pictures/slots.mjs";
import { beginRooms, followPage } from "./rooms/rooms.mjs";
import { applyHidden } from "./share/hiding.mjs";
import { onState, questionOf, trail } from "./state/state.mjs";
import { followAddress, followState } from "./state/sync.mjs";
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
onState(showWhatMatters);
onState(showPlace);

new ResizeObserver(arrange).observe(byId("columns"));
applySize();
addOptionKeys();
beginRooms();

const bringControls = () => beginDash(followState).catch(
  () => say("The controls did not arrive; reload the page.", "refused"));

// A room's presenter says what the question is; without one the controls wait for the pictures that are in sight.
if (new URLSearchParams(window.location.search).get("room")) bringControls();
else followAddress(window.location.search);
fetchDash();
loadPlotly();

const PATIENCE = 2000; // ms after which the controls come whatever the pictures do

function beginControls() {
  const isSettled = (slot) => !slot.near || (pictured.has(slot) && slot.state !== "computing");
  const isWorking = inUse().some((slot) => slot.state === "computing");
  if (!todo.size && (phase !== "computing" || isWorking || inUse().every(isSettled))) bringControls();
}

onFrame(beginControls);
onTaken(beginControls);
onPhase(beginControls);
setTimeout(bringControls, PATIENCE);
