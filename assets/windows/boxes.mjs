// @ts-check
// Windows of the plane as boxes [a_low, a_high, b_low, b_high], and their texts in the URL and on the page.

import { floatText } from "../state/vocabulary.mjs";

/** @typedef {number[]} Box */

/**
 * The boxes that a text of the URL names; none where it is no list of them.
 * @param {string} text
 * @returns {Box[]}
 */
export function boxesOf(text) {
  const numbers = text.split(",").map(Number);
  if (!text || numbers.length % 4 || !numbers.every(Number.isFinite)) return [];
  return Array.from({ length: numbers.length / 4 }, (_, i) => numbers.slice(4 * i, 4 * i + 4));
}

/** @param {Box} box */
export const boxText = (box) => box.map(floatText).join(",");

/**
 * Rounded to a hundredth of an interval, as lossatlas.app.look.ticks.interval: the text stays short, and so does the URL.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function rounded(value, low, high) {
  const decimals = 2 - Math.floor(Math.log10(high - low));
  if (!(decimals <= 100)) return value;
  return decimals > 0 ? Number(value.toFixed(decimals)) : Math.round(value * 10 ** decimals) / 10 ** decimals;
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const roundedText = (value, low, high) => String(rounded(value, low, high)).replaceAll("-", "−");

/** @param {Box} box */
export const isBox = ([left, right, bottom, top]) => left < right && bottom < top;

/**
 * A box as breadcrumbs name it.
 * @param {Box} box
 */
export function boxName([left, right, bottom, top]) {
  if (!isBox([left, right, bottom, top])) return "?";
  const interval = (low, high) => `[${roundedText(low, low, high)}, ${roundedText(high, low, high)}]`;
  return `${interval(left, right)} × ${interval(bottom, top)}`;
}

/**
 * A box with each end rounded to what its size calls for.
 * @param {Box} box
 */
export const neat = ([left, right, bottom, top]) => [rounded(left, left, right), rounded(right, left, right),
  rounded(bottom, bottom, top), rounded(top, bottom, top)];

/**
 * @param {number[]} point
 * @param {Box} box
 */
export const isInside = ([a, b], [left, right, bottom, top]) => left <= a && a <= right && bottom <= b && b <= top;

/** @param {Box} box */
export const middleOf = (box) => [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];

/**
 * Half as wide and half as high, about a point, within the box.
 * @param {Box} box
 * @param {number[]} at
 */
export function innerHalf(box, at) {
  const half = (low, high, middle) => {
    const reach = (high - low) / 4;
    const kept = Math.min(high - reach, Math.max(low + reach, middle));
    return [kept - reach, kept + reach];
  };
  return [...half(box[0], box[1], at[0]), ...half(box[2], box[3], at[1])];
}

/**
 * An inner window, rounded to what its size calls for, and kept within the one shown.
 * @param {Box} box
 * @param {Box} now
 */
export function fitted([left, right, bottom, top], now) {
  const fit = (value, low, high, least, most) => Math.min(most, Math.max(least, rounded(value, low, high)));
  return [
    fit(left, left, right, now[0], now[1]), fit(right, left, right, now[0], now[1]),
    fit(bottom, bottom, top, now[2], now[3]), fit(top, bottom, top, now[2], now[3]),
  ];
}

/**
 * Whether the points of a window would be one to rounding.
 * @param {Box} box
 * @param {number} narrowest
 */
export const isDeepest = ([left, right, bottom, top], narrowest) => [[left, right], [bottom, top]].some(
  ([low, high]) => high - low < narrowest * Math.max(1, Math.abs(low), Math.abs(high)));
