// @ts-check
// A page saved as one file: pictures to turn, to zoom and to play. What stands in no leaf module is here.

import { allWithin, byId, root } from "../base/dom.mjs";
import { isDrawn, plotly } from "../base/plotly.mjs";
import { onSystemTheme, themeNow } from "../base/theme.mjs";
import { sameView } from "../figures/camera.mjs";
import { columnsAcross, contextsOf } from "../figures/figure.mjs";
import { drew, framed } from "../player/player.mjs";
import { loadPacked, textIn } from "./standalone.mjs";

/** @typedef {import("../player/player.mjs").Watched} Watched */
/** @type {{figures: Record<string, any>, camera: import("../figures/camera.mjs").Camera, theme: string, templates: Record<string, any>}} */
const saved = JSON.parse(textIn("told"));
/** @type {Set<Watched>} */
const drawnNow = new Set();
let camera = saved.camera;
const turning = new Set(); // to which a turn is on its way

/** @type {Map<Element, Watched>} */
const pictures = new Map(allWithin(document, ".plot").map((plot) => [plot, {
  plot, place: plot.closest(".slot"), figure: saved.figures[plot.id.replace("plot-", "")], listens: false }]));

const themeOfPage = () => themeNow(saved.theme);

function dressed(layout) {
  const all = { ...layout, template: saved.templates[themeOfPage()], autosize: true };
  if (all.scene) all.scene = { ...all.scene, camera: structuredClone(camera) };
  return all;
}

/**
 * @param {Watched | null} slot the one that the reader turned
 * @param {any} next
 */
function turnAll(slot, next) {
  if (!next || sameView(next, camera)) return;
  camera = structuredClone(next);
  for (const other of drawnNow) {
    if (other === slot || !other.figure.layout.scene || turning.has(other)) continue;
    turning.add(other);
    requestAnimationFrame(() => {
      turning.delete(other);
      if (drawnNow.has(other)) plotly().relayout(other.plot, { "scene.camera": structuredClone(camera) });
    });
  }
}

/** @param {Watched} slot */
async function draw(slot) {
  const layout = dressed(slot.figure.layout);
  drawnNow.add(slot);
  const fresh = !isDrawn(slot.plot);
  await plotly().react(slot.plot, framed(slot, layout), layout, {
    displaylogo: false, responsive: true, showTips: false, scrollZoom: false,
    modeBarButtons: [layout.scene ? ["toImage"] : ["toImage", "resetScale2d"]],
  });
  slot.listens = drawnNow.has(slot);
  drew(slot);
  if (fresh && layout.scene) listen(slot);
}

function listen(slot) {
  const moved = (event) => turnAll(slot, event["scene.camera"]);
  slot.plot.on("plotly_relayouting", moved);
  slot.plot.on("plotly_relayout", moved);
  slot.plot.addEventListener("dblclick", () => turnAll(null, structuredClone(saved.camera)));
}

function putAway(slot) {
  drawnNow.delete(slot);
  slot.listens = false;
  plotly().purge(slot.plot);
}

function arrangeAll() {
  const place = byId("columns");
  const rem = parseFloat(getComputedStyle(root).fontSize);
  place.style.setProperty("--across", String(columnsAcross(Number(place.dataset.count), place.clientWidth, rem)));
}

function lookAgain() {
  root.dataset.mantineColorScheme = themeOfPage();
  for (const slot of drawnNow) draw(slot);
}

// A picture by the graphics card is drawn when it comes near the window and put away when it leaves: a browser holds
// some sixteen of them at a time.
const NEARBY = 300; // px
const nearby = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const slot = pictures.get(target);
    if (isIntersecting) draw(slot);
    else if (drawnNow.has(slot)) putAway(slot);
  }
}, { rootMargin: `${NEARBY}px` });

async function showAllPictures() {
  lookAgain();
  arrangeAll();
  await loadPacked();
  new ResizeObserver(arrangeAll).observe(byId("columns"));
  onSystemTheme(lookAgain);
  const [heavy, light] = [true, false].map(
    (wanted) => [...pictures.values()].filter(({ figure }) => Boolean(contextsOf(figure)) === wanted));
  for (const slot of heavy) nearby.observe(slot.plot);
  for (const slot of light) await draw(slot);
}

showAllPictures();
