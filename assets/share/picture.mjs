// @ts-check
// A picture of a row, as one SVG, or as a PNG of it.

import { addActs } from "../base/acts.mjs";
import { told } from "../base/declared.mjs";
import { allWithin, byId, make, within } from "../base/dom.mjs";
import { say } from "../base/message.mjs";
import { cameraNow, isDrawn, plotly } from "../base/plotly.mjs";
import { columnsShown, panelOf, slotsOf } from "./menu.mjs";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1920; // pixels, as a projector has them
const HIGH = 1080;
const EDGE = 40;
const GAP = 28;
const MOST_ACROSS = 4;
const LARGEST = 2.1; // times the page's own size
const LOWEST = 240; // of the page's pixels, in which a picture has room for its texts
const FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const ON_WHITE = { ground: "#ffffff", ink: "#1a1b1e", quiet: "#5c636a", care: "#8a5300" };
const measure = document.createElement("canvas").getContext("2d");

const onWhite = () => byId("share-white", HTMLInputElement).checked;

function colours() {
  if (onWhite()) return ON_WHITE;
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ground: of("card"), ink: of("ink"), quiet: of("quiet"), care: of("care") };
}

function node(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function lines(text, size, width) {
  measure.font = `${size}px ${FONT}`;
  const found = [""];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = `${found[found.length - 1]} ${word}`.trim();
    if (found[found.length - 1] && measure.measureText(longer).width > width) found.push(word);
    else found[found.length - 1] = longer;
  }
  return found.filter(Boolean);
}

// Writes lines of text below y; returns where the next ones go.
function writeLines(into, x, y, text, { size, fill, width = WIDE, weight = 400, anchor = "start" }) {
  for (const line of lines(text, size, width)) {
    into.append(node("text", { x, y: y + size, "font-size": size, "font-weight": weight, fill, "text-anchor": anchor }, line));
    y += size * 1.35;
  }
  return y;
}

const shownText = (place) => (place?.offsetParent ? place.textContent.trim() : "");

function drawBarInto(into, look, y, panel) {
  const bar = byId("bar");
  if (!bar.offsetParent || !(panel === "all" || told.facts[panel].plane)) return;
  const [width, left] = [420, WIDE - EDGE - 420];
  const fade = node("linearGradient", { id: "bar" });
  const stops = within(bar, ".gradient").style.backgroundImage.matchAll(/(rgba?\([^)]*\)|#\w+)\s+([\d.]+)%/g);
  for (const [, colour, place] of stops) fade.append(node("stop", { offset: `${place}%`, "stop-color": colour }));
  into.append(fade, node("rect", { x: left, y: y + 4, width, height: 20, rx: 3, fill: "url(#bar)" }));
  writeLines(into, left - 16, y, within(bar, ".bar-title").textContent, { size: 22, fill: look.quiet, anchor: "end" });
  allWithin(bar, ".ticks span").forEach((tick, place, all) => {
    const anchor = place === 0 ? "start" : place === all.length - 1 ? "end" : "middle";
    const x = left + (parseFloat(tick.style.left) / 100) * width;
    writeLines(into, x, y + 30, tick.textContent, { size: 20, fill: look.ink, anchor });
  });
}

// One panel as plotly draws it, in a box of the page's own units: texts keep their proportion to the picture.
async function drawPanel(plot, width, height, scale) {
  const layout = { ...plot.layout, width, height, autosize: false };
  if (onWhite()) layout.template = told.templates.light;
  if (layout.scene) layout.scene = { ...layout.scene, camera: cameraNow(plot) ?? layout.scene.camera };
  if (layout.meta?.box && !layout.scene) {
    layout.xaxis = { ...layout.xaxis, domain: [0, 1], constrain: "domain" };
    layout.yaxis = { ...layout.yaxis, domain: [0, 1], scaleanchor: "x", constrain: "domain" };
  }
  const picture = { data: plot.data, layout, config: { plotGlPixelRatio: scale } };
  const url = await plotly().toImage(picture, { format: "svg", width, height });
  const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
  return document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
}

// The columns' heads: curve, name, numbers.
function drawHead(into, column, x, y, width, look) {
  const curve = within(column, ".curve").getAttribute("src");
  if (curve) into.append(node("image", { x, y: y + 2, width: 76, height: 48, href: curve }));
  const start = curve ? x + 92 : x;
  writeLines(into, start, y, within(column, ".activation").textContent, { size: 34, fill: look.ink, weight: 650 });
  const numbers = [...allWithin(column, ".numbers > div")].filter((one) => one.offsetParent);
  const each = width / Math.max(numbers.length, 1);
  numbers.forEach((one, place) => {
    writeLines(into, x + place * each, y + 60, within(one, "dt").textContent, { size: 15, fill: look.quiet });
    writeLines(into, x + place * each, y + 78, within(one, "dd").textContent, { size: 18, fill: look.ink, weight: 600 });
  });
  return y + (numbers.length ? 112 : 60);
}

const captionOf = (slot) => shownText(within(slot, ".caption"));

// What stands under a picture: its caption, unless all columns share it, and its warnings. Returns where it ends.
function drawWords(into, slot, x, y, width, look, common) {
  y += 6;
  if (captionOf(slot) !== common) y = writeLines(into, x, y, captionOf(slot), { size: 16, fill: look.quiet, width });
  for (const warning of allWithin(slot, ".warnings:not([hidden]) li")) {
    y = writeLines(into, x, y + 2, `⚠ ${warning.textContent}`, { size: 17, fill: look.care, width });
  }
  return y;
}

async function compose(panel) {
  const [look, shown] = [colours(), columnsShown()];
  const svg = node("svg", { xmlns: SVG, width: WIDE, "font-family": FONT });
  const top = drawTop(svg, look, panel);
  const rows = Math.ceil(shown.length / MOST_ACROSS);
  const across = Math.ceil(shown.length / rows);
  const width = (WIDE - 2 * EDGE - (across - 1) * GAP) / across;
  const wanted = (column) => slotsOf(column).filter((slot) => panel === "all" || panelOf(slot) === panel);
  const common = wanted(shown[0]).map((slot, place) => shown.length > 1 && shown.every(
    (column) => captionOf(wanted(column)[place]) === captionOf(slot)) ? captionOf(slot) : null);
  const words = (slot, place) => drawWords(node("g", {}), slot, 0, 0, width, look, common[place]);
  const head = drawHead(node("g", {}), shown[0], 0, 0, width, look);
  const most = wanted(shown[0]).map((_, place) => Math.max(...shown.map((one) => words(wanted(one)[place], place))));
  const foot = (into, place, y) => common[place]
    ? writeLines(into, EDGE, y, common[place], { size: 16, fill: look.quiet, width: WIDE - 2 * EDGE }) - y : 0;
  const feet = common.map((_, place) => foot(node("g", {}), place, 0));
  const room = (HIGH - EDGE / 2 - top - feet.reduce((sum, one) => sum + one, 0)) / rows - head - most.reduce((sum, one) => sum + one, 0) - 12 * most.length;
  const tall = panel === "all" ? 0.62 * width : Math.max(Math.min(0.5 * width, 420), Math.min(1.25 * width, room));
  let y = top;
  for (let row = 0; row < rows; row += 1) {
    const here = shown.slice(row * across, (row + 1) * across);
    here.forEach((column, place) => drawHead(svg, column, EDGE + place * (width + GAP), y, width, look));
    y += head;
    for (const [number, taken] of most.entries()) {
      for (const [place, column] of here.entries()) {
        const x = EDGE + place * (width + GAP);
        await drawSlot(svg, wanted(column)[number], x, y, width, tall, look);
        drawWords(svg, wanted(column)[number], x, y + tall, width, look, common[number]);
      }
      y += tall + taken + 12;
      if (row === rows - 1) y += foot(svg, number, y - 6);
    }
  }
  const height = Math.ceil(Math.max(HIGH, y + EDGE / 2));
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${height}`);
  svg.prepend(node("rect", { width: WIDE, height, fill: look.ground }));
  return { text: new XMLSerializer().serializeToString(svg), height };
}

function drawTop(svg, look, panel) {
  drawBarInto(svg, look, 24, panel);
  const y = writeLines(svg, EDGE, 22, shownText(byId("sentence")), { size: 28, fill: look.ink, weight: 500, width: 1250 });
  return writeLines(svg, EDGE, y + 4, shownText(byId("equal")), { size: 20, fill: look.quiet, width: 1250 }) + 18;
}

async function drawSlot(svg, slot, x, y, width, height, look) {
  const plot = within(slot, ".plot");
  if (!isDrawn(plot)) {
    const reason = shownText(within(slot, ".failure")) || `${within(slot, "h3").textContent}: not drawn yet`;
    writeLines(svg, x, y + height / 2, reason, { size: 20, fill: look.quiet, width });
    return;
  }
  const unit = Math.min(width, Math.max(plot.clientWidth, width / LARGEST, (LOWEST * width) / height));
  const picture = await drawPanel(plot, unit, (unit * height) / width, Math.max(1, width / unit));
  for (const [name, value] of Object.entries({ x, y, width, height })) picture.setAttribute(name, value);
  picture.setAttribute("viewBox", `0 0 ${unit} ${(unit * height) / width}`);
  picture.style.background = "";
  svg.append(picture);
}

async function png({ text, height }) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = Object.assign(make("canvas"), { width: WIDE, height });
  canvas.getContext("2d").drawImage(image, 0, 0, WIDE, height);
  URL.revokeObjectURL(image.src);
  return new Promise((made) => canvas.toBlob(made, "image/png"));
}

function download(blob, name) {
  const link = Object.assign(make("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

let drawing = false;

async function savePicture(kind) {
  if (drawing) return;
  drawing = true;
  const row = byId("share-row", HTMLSelectElement).value || "all";
  say("Drawing the picture.", "note");
  try {
    const drawn = await compose(row);
    const blob = kind === "png" ? await png(drawn) : new Blob([drawn.text], { type: "image/svg+xml" });
    download(blob, `lossatlas-${row}.${kind}`);
    say(`The picture is saved, ${WIDE} × ${drawn.height} pixels.`, "note");
  } catch (error) {
    console.warn(error);
    say("This browser could not draw the picture. Wait until the page is done, and try again.", "note");
  } finally {
    drawing = false;
  }
}

addActs({ savePng: () => savePicture("png"), saveSvg: () => savePicture("svg") });
