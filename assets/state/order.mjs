// @ts-check
// The order of columns, and the number of the one that is pinned, from 1; 0: none is.
/** @typedef {{columns: string[], pinned: number}} Order */

/**
 * A column a place further; null: it stands at the end.
 * @param {Order} order
 * @param {number} place
 * @param {number} by
 * @returns {Order | null}
 */
export function moved({ columns, pinned }, place, by) {
  const other = place + by;
  if (other < 0 || other >= columns.length) return null;
  const now = [...columns];
  [now[place], now[other]] = [now[other], now[place]];
  const follows = { [place + 1]: other + 1, [other + 1]: place + 1 };
  return { columns: now, pinned: follows[pinned] ?? pinned };
}

/**
 * One column less; null: it is the last.
 * @param {Order} order
 * @param {number} place
 * @returns {Order | null}
 */
export function without({ columns, pinned }, place) {
  if (columns.length < 2) return null;
  const left = pinned === place + 1 ? 0 : pinned > place + 1 ? pinned - 1 : pinned;
  return { columns: columns.filter((_, i) => i !== place), pinned: left };
}
