// Short addresses of a lesson's steps, states of rooms, the order of columns.
import assert from "node:assert/strict";
import { test } from "node:test";

import { expand, isShort, shorten, stepOf } from "../../assets/lessons/addresses.mjs";
import { codeIn, meaningOf, nameOf, partsIn, searchOfParts, spaced, without as partsWithout } from "../../assets/rooms/states.mjs";
import { moved, without } from "../../assets/state/order.mjs";

const LESSONS = { xor: ["dataset=xor", "dataset=xor&steps=50&hide=cost", ""] };
const BESIDE = ["lesson", "page", "theme", "hide", "room"];
const optionsOf = (search) => partsIn(search).filter((part) => !BESIDE.includes(nameOf(part)));

test("an address names a step, the first where it names no page", () => {
  assert.equal(stepOf(LESSONS, "?lesson=xor").page, 1);
  assert.equal(stepOf(LESSONS, "?lesson=xor&page=2").state, LESSONS.xor[1]);
});

test("an unknown lesson, a page beyond the last and one that is no number are no step", () => {
  for (const search of ["", "?lesson=and", "?lesson=xor&page=4", "?lesson=xor&page=0", "?lesson=xor&page=-1", "?lesson=xor&page=1e0",
    "?lesson=xor&page=0001", "?lesson=toString"]) assert.equal(stepOf(LESSONS, search), null, search);
});

test("an address is short if it says nothing beside its lesson", () => {
  assert.ok(isShort("?lesson=xor&page=2&theme=dark&room=ABC&hide=cost", BESIDE));
  assert.ok(!isShort("?lesson=xor&steps=3", BESIDE));
});

test("a short address stands for its step's state, its own words last", () => {
  assert.equal(expand(LESSONS, "?lesson=xor&page=2", BESIDE), "?dataset=xor&steps=50&hide=cost&lesson=xor&page=2");
  assert.equal(expand(LESSONS, "?lesson=xor&page=3", BESIDE), "?lesson=xor&page=3");
});

test("any other address stands for itself", () => {
  for (const search of ["", "?dataset=iris", "?lesson=xor&dataset=iris", "?lesson=and"]) {
    assert.equal(expand(LESSONS, search, BESIDE), search);
  }
});

test("what a step implies is not written", () => {
  const others = ["lesson=xor", "page=2"];
  assert.deepEqual(shorten(LESSONS, ["dataset=xor", "steps=50"], ["hide=cost", ...others], optionsOf), others);
});

test("any other state of a lesson says at least one option", () => {
  const others = ["lesson=xor", "page=1"];
  assert.deepEqual(shorten(LESSONS, ["dataset=iris"], others, optionsOf), ["dataset=iris", ...others]);
  assert.deepEqual(shorten(LESSONS, [], others, optionsOf), ["place=landscape", ...others]);
});

test("parts shown again that a step hides make another state", () => {
  const others = ["lesson=xor", "page=2"];
  assert.deepEqual(shorten(LESSONS, ["dataset=xor", "steps=50"], others, optionsOf), ["dataset=xor", "steps=50", ...others]);
});

test("a shortened address expands to the state that it was", () => {
  for (const page of [1, 2, 3]) {
    const others = [`lesson=xor`, `page=${page}`];
    const { state } = stepOf(LESSONS, `?${others.join("&")}`);
    const hides = partsIn(state).filter((part) => nameOf(part) === "hide");
    const short = shorten(LESSONS, optionsOf(state), [...hides, ...others], optionsOf);
    assert.deepEqual(optionsOf(expand(LESSONS, searchOfParts(short), BESIDE)).sort(), optionsOf(state).sort());
  }
});

// ---------------------------------------------------------------- rooms

const OWN = ["room", "theme", "hide"];

test("states mean the same whatever the order of their options and the quotation of signs", () => {
  assert.equal(meaningOf("?a=1&b=%CE%B1", OWN), meaningOf("?b=α&a=1", OWN));
  assert.equal(meaningOf("?a=1e+1", OWN), meaningOf("?a=1e%2B1", OWN));
  assert.notEqual(meaningOf("?a=1", OWN), meaningOf("?a=2", OWN));
});

test("what is each browser's own changes no meaning", () => {
  assert.equal(meaningOf("?a=1&room=ABC&theme=dark", OWN), meaningOf("?a=1&hide=cost", OWN));
});

test("a code is read as people write it", () => {
  assert.equal(codeIn("?room=abc%20def"), "ABCDEF");
  assert.equal(codeIn("?room=abc-def&a=1"), "ABCDEF");
  assert.equal(codeIn("?a=1"), "");
  assert.equal(codeIn(`?room=${spaced("ABCDEF")}`), "ABCDEF");
});

test("parts put together again are the search text, without those left out", () => {
  for (const search of ["", "?a=1", "?a=1&b=&c=x=y"]) assert.equal(searchOfParts(partsIn(search)), search);
  assert.deepEqual(partsWithout("?a=1&room=X&b=2", ["room"]), ["a=1", "b=2"]);
  assert.equal(nameOf("a=b=c"), "a");
});

// ---------------------------------------------------------------- columns

const ORDERS = [0, 1, 2, 3].map((pinned) => ({ columns: ["a", "b", "c"], pinned }));
const pinnedName = ({ columns, pinned }) => columns[pinned - 1];

test("a column moved and moved back is where it was, and the pin stays on its column", () => {
  for (const order of ORDERS) {
    for (const [place, by] of [[0, 1], [1, 1], [1, -1], [2, -1]]) {
      const there = moved(order, place, by);
      assert.equal(pinnedName(there), pinnedName(order));
      assert.deepEqual(moved(there, place + by, -by), order);
    }
  }
});

test("a column at the end moves no further", () => {
  assert.equal(moved(ORDERS[0], 0, -1), null);
  assert.equal(moved(ORDERS[0], 2, 1), null);
});

test("a column taken away takes the pin with it, and only its own", () => {
  for (const order of ORDERS) {
    for (const place of [0, 1, 2]) {
      const left = without(order, place);
      assert.equal(left.columns.length, 2);
      assert.equal(pinnedName(left), order.pinned === place + 1 ? undefined : pinnedName(order));
    }
  }
});

test("the last column stays", () => assert.equal(without({ columns: ["a"], pinned: 1 }, 0), null));
