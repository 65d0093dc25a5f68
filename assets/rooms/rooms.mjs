// @ts-check
// Rooms: a presenter's browser tells its page state, followers' browsers take it over. Here the two meet the page.

import { compareWithExpected, dropRoom, forgetClosed, isDropping, join, joined, lookAway, showBar, takeWaiting, tellClosed } from "./follower.mjs";
import { current, EXPLORED, PRESENTED, ready, remembered, setCurrent, setReady } from "./page.mjs";
import { own, present, publish, showRoom } from "./presenter.mjs";
import { codeIn } from "./states.mjs";

/** @param {string} search the page's new state */
export function followPage(search) {
  setCurrent(search);
  if (!ready) {
    setReady();
    showRoom();
    showBar();
    setTimeout(tellClosed);
    takeWaiting();
  }
  forgetClosed();
  reconsider(search);
  publish();
}

function reconsider(search) {
  const room = codeIn(search);
  if (isDropping()) return;
  if (room && room === own?.code) return dropRoom(); // the presenter's own link
  if (joined?.mode === "following") compareWithExpected(room);
  else if (room) join(room); // a link, or back to where the page followed
}

/** Takes up the rooms of this tab, and that of the address. */
export function beginRooms() {
  const room = codeIn(current);
  const mine = remembered(PRESENTED);
  const left = remembered(EXPLORED);
  if (room && room !== mine?.code) join(room);
  else if (left?.code) lookAway(left.code);
  if (mine?.code && mine.secret) present(mine);
}
