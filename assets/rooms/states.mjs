// @ts-check
// States of the page as texts, as rooms pass them on.

import { readQuery } from "../state/vocabulary.mjs";

export const partsIn = (search) => search.replace(/^\?/, "").split("&").filter(Boolean);
export const nameOf = (part) => part.split("=", 1)[0];
export const without = (search, left) => partsIn(search).filter((part) => !left.includes(nameOf(part)));
export const searchOfParts = (list) => (list.length ? `?${list.join("&")}` : "");
export const codeIn = (search) => (new URLSearchParams(search).get("room") || "").replace(/[\s-]/g, "").toUpperCase();
export const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

/**
 * Equal for states that differ only in the order of their options or in how signs are encoded.
 * @param {string} search
 * @param {string[]} own names that are each browser's own
 */
export function meaningOf(search, own) {
  const shared = without(search, own).join("&");
  return JSON.stringify([...readQuery(shared)].map((pair) => pair.join("=")).sort());
}
