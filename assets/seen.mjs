// @ts-check
// What tests and benchmarks look at, and nobody else: no page loads this file. Modules are evaluated once, so that what it
// imports is the page's own.

import { themeShown } from "./base/appearance.mjs";
import { joined } from "./base/dash.mjs";
import { keysAdded } from "./base/keys.mjs";
import { root } from "./base/dom.mjs";
import { reading } from "./lessons/reading.mjs";
import { computed } from "./lessons/stage.mjs";
import { opened, phase } from "./pictures/connection.mjs";
import { liveSlots } from "./pictures/contexts.mjs";
import { placeShown } from "./pictures/place.mjs";
import { todo } from "./pictures/queue.mjs";
import { boxes, inUse, newestOf, slots } from "./pictures/slots.mjs";
import { joined as room } from "./rooms/follower.mjs";
import { count, own } from "./rooms/presenter.mjs";
import { columnNames } from "./state/columns.mjs";
import { put } from "./state/state.mjs";

export const seen = {
  boxes,
  put,
  columns: columnNames,
  get phase() { return phase; },
  get opened() { return opened; },
  get place() { return placeShown; },
  get theme() { return themeShown; },
  get keys() { return keysAdded(); },
  get ready() { return joined && phase === "done" && !todo.size; },
  get contexts() { return liveSlots().reduce((sum, slot) => sum + slot.live, 0); },
  get drawn() { return [...slots.values()].reduce((sum, slot) => sum + slot.drawn, 0); },
  /** @param {string} key */
  figureOf: (key) => (slots.has(key) ? newestOf(slots.get(key)) : null),
  get panels() {
    return Object.fromEntries(inUse().map(
      ({ key, state, drawn, camera, near }) => [key, { state, drawn, camera, near: Boolean(near) }]));
  },
  get lesson() {
    const { lesson, page, mode, away } = reading;
    return { name: lesson?.name ?? null, page, mode, away, veiled: root.hasAttribute("data-veil"), ahead: [...computed] };
  },
  room: () => ({ own: own?.code ?? null, count, joined: room?.code ?? null, mode: room?.mode ?? null }),
};
