// @ts-check
// The follower: while the address names a room the page follows it; what a reader changes by hand takes the room out of the
// address.

import { addActs } from "../base/acts.mjs";
import { names } from "../base/declared.mjs";
import { byId } from "../base/dom.mjs";
import { say, unsay } from "../base/message.mjs";
import { lookFrom } from "../pictures/cameras.mjs";
import { openStream } from "../pictures/connection.mjs";
import { questionOf, visit } from "../state/state.mjs";
import { follow } from "./events.mjs";
import { current, EXPLORED, meaning, ready, remember, replaceWith, setCurrent } from "./page.mjs";
import { codeIn, nameOf, partsIn, searchOfParts, spaced, without } from "./states.mjs";

/**
 * @typedef {object} Joined
 * @property {string} code
 * @property {"following" | "exploring"} mode
 * @property {{close: () => void, connect: () => void} | null} [stream]
 * @property {number} [revision]
 * @property {string} [camera]
 * @property {string} [lost]
 */
/** @type {Joined | null} */
export let joined = null;
let expected = []; // meanings of the states that the presenter brought: the page's own is the first
let waiting = null; // a state that came before the page's elements
let dropping = 0; // the timer of taking the room out of the address
let closing = null; // the meaning of the address at which a closed room was mentioned

/** Whether the room is being taken out of the address. */
export const isDropping = () => Boolean(dropping);

/**
 * @param {string} code
 * @param {boolean} [back] the reader comes back from exploring, to which the Back button shall lead
 */
export function join(code, back = false) {
  joined?.stream?.close();
  const mine = /** @type {Joined} */ ({ code, mode: "following", stream: null, revision: 0, camera: "[]", lost: "" });
  joined = mine;
  expected = back ? [] : [meaning(current)];
  remember(EXPLORED, null);
  const live = (does) => (event) => mine === joined && joined.mode === "following" && does(event);
  const asked = /^[A-Z0-9]{1,20}$/.test(code) ? code : "nonsense"; // what is no code has no address of its own
  joined.stream = follow(`/rooms/${asked}/events`, {
    state: live((event) => {
      takeState(event, back);
      back = false;
    }),
    closed: live((event) => closed(event.sentence)),
    lost: live((sentence) => {
      joined.lost = sentence;
      showBar();
    }),
  });
  showBar();
}

/** A room that this reader left to explore, before the page was loaded again. */
export function lookAway(code) {
  joined = { code, mode: "exploring" };
}

/** What came before the page's elements. */
export function takeWaiting() {
  if (waiting) setTimeout(() => joined && takeState(waiting, false)); // the page is still in the middle of it
}

function takeState(event, back) {
  if (event.revision <= joined.revision) return; // the same again, after a break
  const there = meaning(event.state);
  if (!ready) { // the page will begin with this state
    waiting = event;
    setCurrent(followed(event.state));
    expected.push(there);
    window.history.replaceState(window.history.state, "", window.location.pathname + current);
    openStream(questionOf(current));
    return;
  }
  joined.revision = event.revision;
  if (back || expected.at(-1) !== there || meaning(current) !== there) goTo(event.state, back);
  const seen = JSON.stringify(event.camera);
  if (event.camera.length && seen !== joined.camera) lookFrom(event.camera);
  joined.camera = seen;
}

// The address of the presenter's state on this page.
function followed(state) {
  const kept = names.own.filter((name) => name !== "room");
  const mine = partsIn(current).filter((part) => kept.includes(nameOf(part)));
  return searchOfParts([...partsIn(state), `room=${joined.code}`, ...mine]);
}

function goTo(state, back) {
  const search = followed(state);
  expected = [...expected, meaning(state)].slice(-20);
  if (back) visit(search);
  else replaceWith(search);
  clearTimeout(arriving);
  arriving = setTimeout(arrive, ARRIVAL, joined, state);
}

const ARRIVAL = 500; // ms; dash may put an older address back while it starts
let arriving = 0;

function arrive(mine, state) {
  if (mine === joined && joined.mode === "following" && meaning(current) !== meaning(state)) goTo(state, false);
}

export function explore() {
  joined.stream?.close();
  joined = { code: joined.code, mode: "exploring" };
  remember(EXPLORED, { code: joined.code });
  showBar();
  dropRoom();
}

// Once the browser's address has caught up with the page.
export function dropRoom(tries = 20) {
  clearTimeout(dropping);
  dropping = setTimeout(() => {
    dropping = 0;
    if (window.location.search !== current && tries > 0) dropRoom(tries - 1);
    else if (codeIn(current)) replaceWith(searchOfParts(without(current, ["room"])));
  }, 30);
}

export function leave() {
  joined?.stream?.close();
  joined = null;
  remember(EXPLORED, null);
  showBar();
  dropRoom();
}

function closed(sentence) {
  const hadBegun = joined.revision > 0;
  const code = joined.code;
  leave();
  unsaid = hadBegun ? `Room ${spaced(code)} has ended. The page stays as it is, and is yours.` : sentence;
  tellClosed();
}

let unsaid = ""; // why the room is closed, until it can be shown

export function tellClosed() {
  if (!ready || !unsaid) return;
  say(unsaid, "room");
  unsaid = "";
  closing = meaning(current);
}

/** The page has moved on from where a closed room was mentioned. */
export function forgetClosed() {
  if (closing === null || closing === meaning(current)) return;
  closing = null;
  unsay("room");
}

/**
 * The page is in a state while it follows: one that the presenter brought, or the reader's own.
 * @param {string} room that its address names
 */
export function compareWithExpected(room) {
  const at = expected.lastIndexOf(meaning(current));
  if (room === joined.code && at >= 0) expected.splice(0, at);
  else if (room && room !== joined.code) join(room);
  else if (expected.length) explore();
}

export function showBar() {
  if (!ready) return;
  const bar = byId("room-bar");
  bar.hidden = !joined;
  document.documentElement.toggleAttribute("data-room", Boolean(joined));
  if (!joined) return;
  bar.dataset.mode = joined.mode;
  const follows = joined.mode === "following";
  byId("room-says").textContent = follows
    ? `You follow the presenter of room ${spaced(joined.code)}. ${joined.lost}`
    : `You explore on your own. The presenter is in room ${spaced(joined.code)}.`;
  byId("room-explore").hidden = !follows;
  byId("room-return").hidden = follows;
}

addActs({ exploreAlone: explore, returnToRoom: () => join(joined.code, true), leaveRoom: leave });
addEventListener("pagehide", () => joined?.stream?.close());
addEventListener("pageshow", (event) => event.persisted && joined?.stream?.connect()); // back from the browser's own cache
