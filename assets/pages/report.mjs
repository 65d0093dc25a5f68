// @ts-check
// The figures of a report of the study: colours by either rule, axes linear or log, in the reader's own theme.

import { allWithin, root, within } from "../base/dom.mjs";
import { plotly } from "../base/plotly.mjs";
import { onSystemTheme } from "../base/theme.mjs";
import { loadPacked, textIn } from "./standalone.mjs";

/** @type {Record<string, {figure: any, rules: Record<string, string[][]>}>} */
const figures = JSON.parse(textIn("figures"));

function dressed(layout, axes) {
  const style = getComputedStyle(root);
  const of = (name) => style.getPropertyValue(name).trim();
  const all = { ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: of("--ink"), size: 11 } };
  for (const name of Object.keys(all).filter((one) => /^[xy]axis/.test(one))) {
    all[name] = { ...all[name], gridcolor: of("--edge"), linecolor: of("--edge"), showline: true,
      ...(axes === "log" ? {} : { type: "linear", range: undefined, autorange: true, nticks: 4 }) };
  }
  return all;
}

const chosen = (what, name) => within(document, `input[name="${what}-${name}"]:checked`, HTMLInputElement).value;

/** @param {string} name of a data set */
function draw(name) {
  const { figure, rules } = figures[name];
  const colours = rules[chosen("rule", name)];
  const data = figure.data.map((trace, n) => ({ ...trace, marker: { ...trace.marker, color: colours[n] } }));
  const layout = dressed(figure.layout, chosen("axes", name));
  plotly().react(`figure-${name}`, data, layout, { displaylogo: false, responsive: true });
}

const drawAll = () => Object.keys(figures).forEach(draw);

async function begin() {
  await loadPacked();
  drawAll();
  onSystemTheme(drawAll);
  new MutationObserver(drawAll).observe(root, { attributeFilter: ["data-mantine-color-scheme"] }); // the bar's button
  for (const name of Object.keys(figures)) {
    for (const input of allWithin(document, `input[name$="-${name}"]`)) input.addEventListener("change", () => draw(name));
  }
}

begin();
