// @ts-check
// Which slots are to be drawn or to be resized: newest figure only, one panel a frame.

/** @typedef {import("./slots.mjs").Slot} Slot */
/** @type {Set<Slot>} */
export const todo = new Set();
let frame = 0;
let tick = () => {};

/** Who draws one slot of those to do. */
export function drawBy(does) {
  tick = () => {
    frame = 0;
    does();
  };
}

export function schedule() {
  frame = frame || requestAnimationFrame(() => tick());
}

/** @param {Slot} slot */
export function later(slot) {
  todo.add(slot);
  schedule();
}
