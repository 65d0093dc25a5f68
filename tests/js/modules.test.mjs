// How the scripts hang together: who imports whom, what each is like, and which can stand in one file.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ASSETS = fileURLToPath(new URL("../../assets/", import.meta.url));
const NAMES = globSync("**/*.mjs", { cwd: ASSETS }).sort();
const TEXTS = new Map(NAMES.map((name) => [name, readFileSync(path.join(ASSETS, name), "utf8")]));
const IMPORT = /^import (?:\{[^}]*\} from )?"([^"]+)";$/gm;
const importsOf = (name) => [...TEXTS.get(name).matchAll(IMPORT)].map(([, way]) => path.posix.join(path.posix.dirname(name), way));
const needed = (name) => [...new Set([...importsOf(name).flatMap(needed), name])];
const ENTRIES = ["main.mjs", "seen.mjs", "pages/beside.mjs", "pages/saved.mjs", "pages/report.mjs"];

test("every import names a file that is there", () => {
  for (const name of NAMES) for (const other of importsOf(name)) assert.ok(TEXTS.has(other), `${name} imports ${other}`);
});

test("an import is one line that app/look/scripts.py can read", () => {
  for (const [name, text] of TEXTS) {
    assert.equal([...text.matchAll(IMPORT)].length, [...text.matchAll(/^import\b/gm)].length, name);
    assert.ok(!/^export (?!const |let |function |async function )/m.test(text), name);
    assert.ok(!/\bimport\(["'`]/.test(text.replace(/\/\*.*?\*\/|\/\/.*/gs, "")), name);
  }
});

test("the drawing in main.mjs is true: each module imports only those that stand before it", () => {
  const drawing = TEXTS.get("main.mjs").split("\n").filter((line) => line.startsWith("//   ")).join(" ");
  const drawn = drawing.match(/\b[a-z]+\/[a-z]+\b/g).map((name) => `${name}.mjs`);
  assert.deepEqual([...drawn, "main.mjs"].sort(), needed("main.mjs").sort());
  for (const [place, name] of drawn.entries()) {
    for (const other of importsOf(name)) assert.ok(drawn.indexOf(other) < place, `${name} imports ${other}`);
  }
});

test("every module is part of a page", () => {
  assert.deepEqual(NAMES.filter((name) => !ENTRIES.some((entry) => needed(entry).includes(name))), []);
});

test("no page loads what is for tests", () => {
  for (const entry of ENTRIES.filter((name) => name !== "seen.mjs")) assert.ok(!needed(entry).includes("seen.mjs"));
});

test("plotly's own things stand in one module, and elements are looked up in one", () => {
  for (const [name, text] of TEXTS) {
    if (name !== "base/plotly.mjs") assert.ok(!/\._(fullLayout|fullData|scene|offset)\b|window\.Plotly/.test(text), name);
    if (name !== "base/dom.mjs") assert.ok(!/getElementById/.test(text.replace('document.getElementById("declared")', "")), name);
  }
});

test("types are checked everywhere", () => {
  for (const [name, text] of TEXTS) assert.ok(text.startsWith("// @ts-check\n// "), name);
});

test("no script is longer than a reader can hold", () => {
  for (const [name, text] of TEXTS) assert.ok(text.split("\n").length <= 400, name);
});

const DECLARED = /^(?:export )?(?:const|let|(?:async )?function) (?:(\w+)|[[{]([^\]}]*)[\]}])/gm;
const declaredIn = (text) => [...text.matchAll(DECLARED)].flatMap(([, one, many]) => one ? [one] : many.split(",").map((name) => name.trim()));

for (const entry of ["pages/saved.mjs", "pages/report.mjs"]) {
  test(`what ${entry} needs calls no two things by one name, as it becomes one text`, () => {
    const names = needed(entry).flatMap((name) => declaredIn(TEXTS.get(name)));
    assert.deepEqual(names.filter((name, place) => names.indexOf(name) !== place), []);
  });
}
