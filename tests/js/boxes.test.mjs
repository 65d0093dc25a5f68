// Windows of the plane.
import assert from "node:assert/strict";
import { test } from "node:test";

import { boxesOf, boxName, boxText, fitted, innerHalf, isBox, isDeepest, isInside, middleOf, neat, rounded, roundedText,
} from "../../assets/windows/boxes.mjs";

const BOXES = [[-1, 1, -1, 1], [0, 0.5, -2, -1], [-3e-4, 2e-4, 100, 101], [5, 6, 7, 9]];
const [WHOLE] = BOXES;

test("a text is the boxes that it was written of", () => {
  for (const box of BOXES) assert.deepEqual(boxesOf(boxText(box)), [box]);
  assert.deepEqual(boxesOf(BOXES.map(boxText).join(",")), BOXES);
});

test("what is no list of boxes holds none", () => {
  for (const text of ["", "none", "1,2,3", "1,2,3,x", "1,2,3,4,5"]) assert.deepEqual(boxesOf(text), [], text);
});

test("a number is rounded to a hundredth of its interval", () => {
  for (const [low, high] of [[0, 1], [-1e-6, 1e-6], [100, 900], [0, 1e6]]) {
    for (const share of [0, 0.1234567, 0.5, 0.987654321]) {
      const value = low + share * (high - low);
      assert.ok(Math.abs(rounded(value, low, high) - value) <= (high - low) / 100);
      assert.equal(rounded(rounded(value, low, high), low, high), rounded(value, low, high));
    }
  }
  assert.equal(rounded(0.123456, 0, 1), 0.12);
  assert.equal(rounded(0.5, 0.5, 0.5), 0.5); // an empty interval has no hundredth
});

test("the page's minus is a minus", () => assert.equal(roundedText(-0.5, -1, 1), "−0.5"));

test("a box has its ends in order", () => {
  assert.ok(BOXES.every(isBox));
  for (const box of [[1, -1, -1, 1], [-1, 1, 1, 1]]) assert.ok(!isBox(box));
});

test("a box is named by its intervals, what is none by a question mark", () => {
  assert.equal(boxName([-1, 1, 0, 0.5]), "[−1, 1] × [0, 0.5]");
  assert.equal(boxName([1, 1, 0, 1]), "?");
});

test("a neat box stays neat, and holds its middle", () => {
  for (const box of [[-0.123456, 0.98765, 1.23456, 4.56789], ...BOXES]) {
    assert.deepEqual(neat(neat(box)), neat(box));
    assert.ok(isInside(middleOf(box), neat(box)));
  }
});

test("the inner half about any point lies within, and is half as wide and high", () => {
  for (const box of BOXES) {
    const [left, right, bottom, top] = box;
    for (const at of [middleOf(box), [left, top], [right, bottom], [left - 5, top + 5]]) {
      const inner = innerHalf(box, at);
      assert.ok(inner[0] >= left && inner[1] <= right && inner[2] >= bottom && inner[3] <= top);
      assert.ok(Math.abs(inner[1] - inner[0] - (right - left) / 2) < 1e-9 * (right - left));
      assert.ok(Math.abs(inner[3] - inner[2] - (top - bottom) / 2) < 1e-9 * (top - bottom));
    }
  }
});

test("windows nest: one fitted into another never leaves it", () => {
  for (const inner of [[-0.3333, 0.77777, -0.5, 0.2], [-2, 2, -2, 2], [-1.0001, 0, 0.99999, 1.5]]) {
    const [left, right, bottom, top] = fitted(inner, WHOLE);
    assert.ok(left >= -1 && right <= 1 && bottom >= -1 && top <= 1);
  }
  assert.deepEqual(fitted(WHOLE, WHOLE), WHOLE);
});

test("halving leads to the deepest window and no further", () => {
  let box = WHOLE;
  let depth = 0;
  while (!isDeepest(box, 1e-6)) {
    box = innerHalf(box, [0.3, 0.3]);
    depth += 1;
  }
  assert.equal(depth, 21); // 2 / 2^21 < 1e-6 < 2 / 2^20
  assert.ok(isDeepest([1e9, 1e9 + 1, 0, 1], 1e-6)); // by the size of the numbers, too
});
