// tests/vocabulary.json, which tests/app/look/test_vocabulary.py runs too: what stands in the URL means one thing on both sides.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { THEMES } from "../../assets/base/theme.mjs";
import { GAP } from "../../assets/figures/frames.mjs";
import { encode, hold, isIdle, partsOf, questionIn, readQuery, textOf } from "../../assets/state/vocabulary.mjs";

const table = JSON.parse(readFileSync(new URL("../vocabulary.json", import.meta.url), "utf8"));
const controlOf = (kind) => ({ kind, choices: table.choices, most: 6 });

for (const { kind, text, value, written } of table.values) {
  test(`${kind} ${JSON.stringify(text)} is held, and is written again in one way`, () => {
    const control = controlOf(kind);
    const held = hold(control, text);
    assert.equal(kind === "float" || kind === "int" ? held + 0 : held, value);
    assert.equal(textOf(control, held), written);
    assert.equal(textOf(control, hold(control, written)), written);
  });
}

for (const { kind, text } of table.refused) {
  test(`${kind} ${JSON.stringify(text)} cannot be held`, () => assert.equal(hold(controlOf(kind), text), undefined));
}

for (const { text, pairs } of table.queries) {
  test(`the query ${JSON.stringify(text)} is read into pairs`, () => {
    assert.deepEqual(Object.fromEntries(readQuery(text)), pairs);
  });
}

for (const { text, written } of table.encoded) {
  test(`${text} is quoted as a link has it`, () => {
    assert.equal(encode(text), written);
    assert.equal(readQuery(`a=${written}`).get("a"), text);
  });
}

test("what both sides know by heart", () => {
  assert.deepEqual(THEMES, table.themes);
  assert.equal(GAP, table.gap);
});

test("several names are held without doubles, one to the most, and only known ones", () => {
  const several = { kind: "several", choices: ["a", "b", "c"], most: 2 };
  assert.deepEqual(hold(several, " a, b ,a"), ["a", "b"]);
  for (const text of ["", ",", "a,b,c", "a,d"]) assert.equal(hold(several, text), undefined);
  assert.equal(textOf(several, ["b", "a"]), "b,a");
});

test("an empty list of numbers is written as none, an empty text stays empty", () => {
  for (const kind of ["numbers", "widths"]) assert.equal(textOf({ kind }, "  "), "none");
  assert.equal(textOf({ kind: "str" }, null), "");
});

test("a broken quotation is taken as it stands", () => assert.equal(readQuery("?a=%E0%A4").get("a"), "%E0%A4"));

// ---------------------------------------------------------------- parts of a query

const CONTROLS = [["window", "none"], ["steps", "100"], ["dataset", "xor"]].map(([name, usual]) => ({ name, default: usual }));

test("only what is not at its default is written, in the order of the controls", () => {
  assert.deepEqual(partsOf(CONTROLS, ["none", "100", "xor"], ""), []);
  assert.deepEqual(partsOf(CONTROLS, ["none", "5", "iris"], ""), ["steps=5", "dataset=iris"]);
});

test("the way to a window stands where there is a window", () => {
  assert.deepEqual(partsOf(CONTROLS, ["0,1,0,1", "100", "xor"], "0,2,0,2"), ["window=0,1,0,1", "trail=0,2,0,2"]);
  assert.deepEqual(partsOf(CONTROLS, ["none", "100", "xor"], "0,2,0,2"), []);
});

const NAMES = { own: ["room", "theme", "hide"], themes: THEMES };

test("a question holds nothing of each browser's own", () => {
  assert.equal(questionIn("?dataset=iris&room=ABC&theme=dark&hide=cost&steps=3", NAMES), "dataset=iris&steps=3");
  assert.equal(questionIn("", NAMES), "");
});

test("a theme that is none reaches the server, which refuses it", () => {
  assert.equal(questionIn("?theme=pink&hide=cost", NAMES), "theme=pink");
});

test("names that only begin like another's stay in the question", () => {
  assert.equal(questionIn("?rooms=3&hidden=1", NAMES), "rooms=3&hidden=1");
});

// ---------------------------------------------------------------- which controls matter

const free = { when: {}, either: {} };
const PAGE = [
  { name: "compare", ...free }, { name: "activation", ...free }, { name: "network", ...free },
  { name: "alpha", when: { activation: ["elu"] }, either: {} },
  { name: "replicates", when: { place: ["curvature"] }, either: {} },
  { name: "noise", when: {}, either: { network: ["mlp"], activation: ["relu"] } },
  { name: "weight", when: { replicates: ["3"] }, either: {} },
];
const STATE = { place: "landscape", compare: "activation", activation: "tanh,relu", network: "lenet", replicates: "1",
  alpha: "1.0", noise: "0.0", weight: "0" };
const idle = (name, changes = {}) => isIdle(PAGE.find((one) => one.name === name), { ...STATE, ...changes }, PAGE, "activation");

test("a control that hangs on a choice is idle until one of the columns makes it", () => {
  assert.ok(idle("alpha"));
  assert.ok(!idle("alpha", { activation: "tanh,elu" }));
});

test("one of several choices is enough where any of them counts", () => {
  assert.ok(!idle("noise"));
  assert.ok(idle("noise", { activation: "tanh" }));
  assert.ok(!idle("noise", { activation: "tanh", network: "mlp" }));
});

test("what a place's questions lack forbids nothing there", () => {
  assert.ok(idle("replicates"));
  assert.ok(!idle("weight"));
  assert.ok(idle("weight", { place: "curvature" }));
  assert.ok(!idle("weight", { place: "curvature", replicates: "3" }));
});

test("the control whose values are the columns is idle, but for the activations themselves", () => {
  assert.ok(!idle("network"));
  assert.ok(idle("network", { compare: "network" }));
  assert.ok(!idle("activation"));
});
