// @ts-check
// A value and its text in the URL, as lossatlas.compute.spec.options has it.


const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const TRUE = ["1", "true", "yes", "on"];
const FALSE = ["0", "false", "no", "off"];

/** @typedef {import("../base/declared.mjs").Control} Control */

/** @param {number} number */
export function floatText(number) {
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return number.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return Number.isInteger(number) ? number.toFixed(1) : String(number);
}

/**
 * How the URL writes a control's value.
 * @param {Pick<Control, "kind">} control
 * @param {any} value
 * @returns {string}
 */
export function textOf(control, value) {
  if (control.kind === "several") return (value || []).join(",");
  if (control.kind === "bool") return value ? "1" : "0";
  if (control.kind === "float" && typeof value === "number") return floatText(value);
  const text = value === null || value === undefined ? "" : String(value).trim();
  return text === "" && ["numbers", "widths"].includes(control.kind) ? "none" : text;
}

/**
 * The value that a control takes for a text of the URL; undefined: it cannot hold it, and the server says why.
 * @param {Partial<Control>} control
 * @param {string} text
 */
export function hold(control, text) {
  const lower = text.trim().toLowerCase();
  if (control.kind === "choice") return control.choices.includes(text) ? text : undefined;
  if (control.kind === "bool") {
    return TRUE.includes(lower) ? true : FALSE.includes(lower) ? false : undefined;
  }
  if (control.kind === "int" || control.kind === "float") {
    const number = NUMBER.test(lower) ? Number(lower) : NaN;
    const fits = control.kind === "int" ? Number.isInteger(number) : Number.isFinite(number);
    return fits ? number : undefined;
  }
  if (control.kind === "several") {
    const names = [...new Set(text.split(",").map((name) => name.trim()).filter(Boolean))];
    const fits = names.length >= 1 && names.length <= control.most;
    return fits && names.every((name) => control.choices.includes(name)) ? names : undefined;
  }
  return text;
}

const PLUS = /(?<=[\d.]e)\+(?=\d)/gi; // of a number's exponent; any other is a space, as forms write it

function decode(part) {
  try {
    return decodeURIComponent(part.replace(PLUS, "%2B").replace(/\+/g, " "));
  } catch {
    return part;
  }
}

/** @param {string} text */
export function encode(text) {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => "%" + sign.charCodeAt(0).toString(16).toUpperCase())
    .replace(/%2C/g, ",");
}

/**
 * @param {string} search
 * @returns {Map<string, string>}
 */
export function readQuery(search) {
  const parts = search.replace(/^\?/, "").split("&").filter(Boolean);
  return new Map(parts.map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [decode(part), ""] : [decode(part.slice(0, at)), decode(part.slice(at + 1))];
  }));
}

/**
 * The texts of controls as a query's parts, without the defaults; `way` leads to a window.
 * @param {Control[]} controls
 * @param {string[]} texts
 * @param {string} way
 */
export function partsOf(controls, texts, way) {
  const parts = controls
    .map((control, i) => [control.name, texts[i], control.default])
    .filter(([, text, usual]) => text !== usual)
    .map(([name, text]) => `${name}=${encode(text)}`);
  if (way && texts[controls.findIndex(({ name }) => name === "window")] !== "none") parts.push(`trail=${encode(way)}`);
  return parts;
}

/**
 * What a search text asks of the server. The theme is the browser's affair: it is cut out unless only a refusal can answer
 * it. So are parts hidden and rooms.
 * @param {string} search
 * @param {{own: string[], themes: string[]}} names
 */
export function questionIn(search, { own, themes }) {
  const known = themes.includes(readQuery(search).get("theme"));
  const isOwn = (part) => own.includes(part.split("=", 1)[0]) && part.includes("=") && (known || !part.startsWith("theme="));
  return search.replace(/^\?/, "").split("&").filter((part) => part && !isOwn(part)).join("&");
}

/**
 * Whether a control's row is out of place: what it hangs on is chosen otherwise, or its values are the columns.
 * @param {Control} control
 * @param {Record<string, string>} value the text of every control, by name
 * @param {Control[]} controls
 * @param {string} by
 */
export function isIdle(control, value, controls, by) {
  const chosen = ([other, needed]) => value[other].split(",").some((name) => needed.includes(name));
  const here = ([other, _]) => isHere(other, value.place, controls);
  const either = Object.entries(control.either).filter(here);
  return Object.entries(control.when).filter(here).some((one) => !chosen(one))
    || (either.length > 0 && !either.some(chosen))
    || (control.name !== by && control.name === value.compare);
}

/** Whether a place's questions have an option at all: one that they lack forbids nothing. */
function isHere(name, place, controls) {
  return name === "place" || (controls.find((one) => one.name === name).when.place ?? [place]).includes(place);
}
