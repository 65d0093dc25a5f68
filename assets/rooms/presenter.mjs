// @ts-check
// The presenter: this page tells a room its state.

import { addActs } from "../base/acts.mjs";
import { names } from "../base/declared.mjs";
import { byId, dialogOf } from "../base/dom.mjs";
import { say } from "../base/message.mjs";
import { onTurn } from "../pictures/cameras.mjs";
import { follow, post } from "./events.mjs";
import { joined, leave } from "./follower.mjs";
import { current, PRESENTED, ready, remember } from "./page.mjs";
import { spaced, without } from "./states.mjs";

const PACE = 100; // ms between two messages; the newest state alone is sent
const RETRY = 1000; // ms until a server that did not answer is told again
const SURE = 4000; // ms in which a second click closes the room

/** @type {{code: string, secret: string} | null} */
export let own = null; // the room that this page presents
let opening = false;
/** @type {number | null} */
export let count = null; // streams of followers; null: not known
let watched = null; // the stream that tells it
let toldLast = ""; // the message that was sent last
let sent = -Infinity; // when
let due = 0; // the timer of the next one
let sending = false;
/** @type {number[]} */
let camera = []; // of the linked surfaces, once somebody has turned them

const dialog = () => dialogOf("room-dialog");

async function followMe() {
  if (opening) return;
  if (!own) {
    opening = true;
    const made = await post("/rooms", { state: shared(), camera });
    opening = false;
    if (made.status !== 200) {
      return say(`No room was opened. ${made.sentence || "The server does not answer; try again."}`, "note");
    }
    if (joined) leave(); // who presents follows nobody
    present({ code: made.code, secret: made.secret });
  }
  if (!dialog().open) dialog().showModal();
}

const shared = () => without(current, names.own).join("&");

export function present(room) {
  own = room;
  remember(PRESENTED, own);
  const counted = (number) => {
    count = number;
    showRoom();
  };
  watched = follow(`/rooms/${own.code}/events?as=presenter`, {
    followers: (event) => counted(event.count), lost: (sentence) => sentence && counted(null),
    closed: (event) => ended(event.sentence),
  });
  showRoom();
  publish();
}

// A follower's page never says anything.
const presents = () => own && joined?.mode !== "following";

export function publish() {
  if (presents() && !due && !sending) due = setTimeout(send, Math.max(0, sent + PACE - performance.now()));
}

async function send() {
  due = 0;
  const room = own;
  const message = { state: shared(), camera };
  if (!presents() || JSON.stringify(message) === toldLast) return;
  sending = true;
  sent = performance.now();
  const answer = await post(`/rooms/${room.code}`, { secret: room.secret, ...message });
  sending = false;
  if (room !== own) return;
  if (answer.status === 403 || answer.status === 404) return ended(answer.sentence);
  if (answer.status === 0 || answer.status >= 500) due = setTimeout(send, RETRY);
  else toldLast = JSON.stringify(message); // what it refuses, this page's own stream has refused with a sentence
  publish();
}

let sure = 0; // the timer of a first click on Close room

async function closeRoom(button) {
  if (!own) return;
  if (!sure) {
    button.textContent = "Close it for everybody?";
    sure = setTimeout(calm, SURE, button);
    return;
  }
  calm(button);
  const room = own;
  const answer = await post(`/rooms/${room.code}/close`, { secret: room.secret });
  if (answer.status === 0 || answer.status >= 500) {
    return say("The server does not answer; the room is still open.", "note");
  }
  if (room === own) ended("The room is closed.");
}

function calm(button) {
  clearTimeout(sure);
  sure = 0;
  button.textContent = "Close room";
}

function ended(sentence) {
  watched?.close();
  clearTimeout(due);
  own = watched = count = null;
  due = 0;
  toldLast = "";
  remember(PRESENTED, null);
  if (!ready) return;
  dialog().close();
  showRoom();
  say(sentence, "note");
}

const counted = () => (count === null ? "" : count === 1 ? "1 follows" : `${count} follow`);

export function showRoom() {
  if (!ready) return;
  const button = byId("follow-me");
  button.toggleAttribute("data-open", Boolean(own));
  button.textContent = own ? `Room ${spaced(own.code)}${count === null ? "" : ` · ${count}`}` : "Follow me";
  if (!own) return;
  const address = `${window.location.origin}/?room=${own.code}`;
  dialog();
  const picture = byId("room-qr", HTMLImageElement);
  if (picture.alt !== `QR code of ${address}`) {
    picture.src = `/rooms/${own.code}/qr.svg`;
    picture.alt = `QR code of ${address}`;
  }
  byId("room-address", HTMLAnchorElement).href = "/room";
  byId("room-address").textContent = `${window.location.host}/room`;
  byId("room-code").textContent = spaced(own.code);
  byId("room-count").textContent = counted();
  const alone = ["localhost", "127.0.0.1", "[::1]"].includes(window.location.hostname);
  byId("room-note").hidden = !alone;
  byId("room-note").textContent = alone ? "This address leads to this machine alone. So that others can follow, start "
    + "the atlas with --host 0.0.0.0 and open it here by this machine's name or number in the network." : "";
}

addActs({ followMe, closeRoom });
onTurn((turned) => {
  camera = turned;
  publish();
});
addEventListener("pagehide", () => watched?.close());
addEventListener("pageshow", (event) => event.persisted && watched?.connect()); // back from the browser's own cache
