// Windows of the plane: a rectangle dragged on a map, the breadcrumbs back, buttons, keys and wheel.
// A window is a box [a_low, a_high, b_low, b_high]; its text stands in the URL, and so does the way to it.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);

  const DEEPEST = 12; // windows of a trail, as lossatlas.app.look.view
  const NONE = "none";

  let shown = NONE; // the window of the URL
  let way = []; // the boxes between the whole picture and it
  let whole = null; // the whole picture's box, once it was drawn
  let point = null; // [a, b] where a reader clicked
  let measured = NONE; // the point of the URL at which spectra are taken

  let brush = NONE; // the rectangle brushed over clouds, and what of them is shown, as texts of the URL
  let frame = NONE;
  let visited = null; // the chosen point of a cloud: {walk, step, x, y} as plotted in the slot `seen`
  let seen = "";

  // ---------------------------------------------------------------- texts

  function boxesOf(text) {
    const numbers = text.split(",").map(Number);
    if (!text || numbers.length % 4 || !numbers.every(Number.isFinite)) return [];
    return Array.from({ length: numbers.length / 4 }, (_, i) => numbers.slice(4 * i, 4 * i + 4));
  }

  const textOf = (box) => box.map(atlas.floatText).join(",");

  // Rounded to a hundredth of an interval, as lossatlas.app.look.ticks.interval: the text stays short, and so does the URL.
  function rounded(value, low, high) {
    const decimals = 2 - Math.floor(Math.log10(high - low));
    if (!(decimals <= 100)) return value;
    return decimals > 0 ? Number(value.toFixed(decimals)) : Math.round(value * 10 ** decimals) / 10 ** decimals;
  }

  const words = (value, low, high) => String(rounded(value, low, high)).replaceAll("-", "−");

  const isBox = ([left, right, bottom, top]) => left < right && bottom < top;

  function named([left, right, bottom, top]) {
    if (!isBox([left, right, bottom, top])) return "?";
    const interval = (low, high) => `[${words(low, low, high)}, ${words(high, low, high)}]`;
    return `${interval(left, right)} × ${interval(bottom, top)}`;
  }

  // ---------------------------------------------------------------- where we are

  const here = () => boxesOf(shown)[0] || atlas.boxes()[0] || null;

  // page.js says which window the URL names now, and by which way it was reached.
  function showWindow(text, trail) {
    window.clearTimeout(asking); // the click was on the question before
    const moved = text !== shown;
    if (moved && shown === NONE) whole = atlas.boxes()[0] || whole;
    shown = text;
    way = text === NONE ? [] : boxesOf(trail);
    const box = boxesOf(text)[0] || (text === NONE ? whole : null);
    if (moved && box && isBox(box)) atlas.foresee(box);
    crumbs();
  }

  const LAST = 3; // windows named; those between the whole picture and them are one "…"

  function crumbs() {
    const last = boxesOf(shown)[0];
    const names = ["whole picture", ...way.map(named), ...(shown === NONE ? [] : [last ? named(last) : "?"])];
    const hidden = names.length - LAST - 1; // the innermost that is not named; "…" leads there
    const places = [...names.keys()].filter((place) => place === 0 || place >= hidden);
    byId("crumbs").replaceChildren(...places.map((place) => {
      const item = document.createElement("li");
      const end = place === names.length - 1;
      const part = document.createElement(end ? "span" : "button");
      part.textContent = place > 0 && place === hidden ? "…" : names[place];
      part.title = names[place];
      if (end) part.setAttribute("aria-current", "true");
      else Object.assign(part, { type: "button", className: "crumb" }).dataset.crumb = place;
      item.append(part);
      return item;
    }));
    byId("outward").disabled = shown === NONE;
    aim();
  }

  function aim() {
    if (atlas.place === "clouds") return aimAtCloud();
    byId("slice-here").hidden = true;
    byId("crumbs").hidden = false;
    const box = here();
    byId("inward").disabled = !box || atlas.phase === "refused";
    const chosen = box && point && inside(point, box);
    byId("aim").textContent = chosen
      ? `at ${words(point[0], box[0], box[1])}, ${words(point[1], box[2], box[3])}`
      : "";
    byId("here").disabled = !chosen || atlas.phase === "refused";
    byId("here").hidden = atlas.place === "curvature"; // a click is enough there
    byId("at-end").hidden = atlas.place !== "curvature" || measured === NONE;
  }

  function aimAtCloud() {
    byId("crumbs").hidden = true;
    byId("inward").disabled = brush === NONE;
    byId("outward").disabled = frame === NONE && brush === NONE;
    byId("aim").textContent = visited ? `walk ${visited.walk}, step ${visited.step}` : "";
    byId("at-end").hidden = true;
    for (const name of ["here", "slice-here"]) {
      byId(name).hidden = false;
      byId(name).disabled = !visited || atlas.phase === "refused";
    }
  }

  function showCloud(brushed, framed) {
    const moved = brushed !== brush;
    [brush, frame] = [brushed, framed];
    if (moved) atlas.markBrush(boxesOf(brush)[0]);
    if (moved && brush === NONE) brushedIn = "";
    if (waiting) offer(...waiting);
    waiting = null;
    aim();
  }

  let brushedIn = ""; // the panel over which the rectangle was dragged, as "0-cloud"
  let offered = NONE; // the brush whose middle point was offered

  let waiting = null; // what the brush of a link offered before the page knew of the brush

  // The point in the middle of a brush, of the panel where it was dragged; once for each brush.
  function offer(panel, point) {
    if (brush === NONE && panel === "0-cloud") waiting = [panel, point];
    if (brush === NONE) return;
    if (panel !== (brushedIn || "0-cloud") || offered === brush) return;
    offered = brush;
    choosePoint(panel, point);
  }

  function forget() {
    choosePoint("", null);
  }

  function choosePoint(panel, point) {
    seen = panel;
    visited = point && { ...point, log: atlas.figureOf(panel)?.layout.meta?.log };
    for (const choice of document.querySelectorAll("button.choice")) {
      const { walk, step } = choice.dataset;
      choice.setAttribute("aria-pressed", String(Boolean(point) && +walk === point.walk && +step === point.step));
    }
    atlas.markPoint();
    aim();
  }

  // Where the chosen point lies in a cloud, [x, y] as plotted: of the same walk and step in every column; null where it is
  // not drawn. Without one that of the address.
  function chosenIn(panel, figure) {
    if (!visited) return figure.layout.meta.chosen;
    if (panel === seen && visited.log === figure.layout.meta.log) return [visited.x, visited.y];
    if (panel.replace(/^\d+-/, "") !== seen.replace(/^\d+-/, "")) return null; // other walks
    return placeOf(figure);
  }

  // Looked for in what a cloud tells of its dots, or of one point of each cell.
  function placeOf(figure) {
    for (const trace of figure.data.filter((one) => one.customdata)) {
      const { values, shape } = atlas.numbers(trace.customdata);
      const each = shape[shape.length - 1];
      for (let at = 0; at < values.length; at += each) {
        if (values[at] !== visited.walk || values[at + 1] !== visited.step) continue;
        const place = at / each;
        if (trace.type !== "heatmap") return [trace.x, trace.y].map((one) => atlas.numbers(one).values[place]);
        const across = shape[1];
        const [column, row] = [place % across, Math.floor(place / across)];
        const told = atlas.numbers(trace.z).values[place];
        return Number.isFinite(told) ? [trace.x0 + column * trace.dx, trace.y0 + row * trace.dy] : null;
      }
    }
    return null;
  }

  // The point of a walk as a start of its own: its recipe stands in the URL.
  function goTo(place) {
    if (!visited) return;
    const [walk, step] = [visited.walk, visited.step].map(String);
    atlas.put({ ...atlas.presetOf(seen), optimiser: "walk", seed: walk, steps: step, at: NONE, window: NONE, place });
  }

  const sliceHere = () => goTo("landscape");

  function listenToCloud(plot, panel) {
    plot.on("plotly_click", ({ points: [first] }) => {
      if (!first.customdata) return;
      const [walk, step] = first.customdata;
      choosePoint(panel, { walk, step, x: first.x, y: first.y });
    });
    plot.on("plotly_selected", (event) => {
      if (!event?.range) return;
      const { x, y } = event.range;
      const box = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
      const neat = [rounded(box[0], box[0], box[1]), rounded(box[1], box[0], box[1]),
        rounded(box[2], box[2], box[3]), rounded(box[3], box[2], box[3])];
      if (!isBox(neat) || textOf(neat) === brush) return;
      brushedIn = panel;
      atlas.put({ brush: textOf(neat) });
    });
    plot.on("plotly_deselect", () => atlas.put({ brush: NONE }));
  }

  // page.js says at which point of the plane spectra are taken.
  function showPoint(text) {
    measured = text;
    aim();
  }

  function spectrumHere() {
    if (atlas.place === "clouds") return goTo("curvature");
    const box = here();
    if (!box || !point || !inside(point, box) || atlas.phase === "refused") return;
    const at = [rounded(point[0], box[0], box[1]), rounded(point[1], box[2], box[3])];
    atlas.put({ at: textOf(at), place: "curvature" });
  }

  const inside = ([a, b], [left, right, bottom, top]) => left <= a && a <= right && bottom <= b && b <= top;

  function target(box) {
    if (!box) return null;
    return point && inside(point, box) ? point : [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  }

  // ---------------------------------------------------------------- moving

  const isDeepest = ([left, right, bottom, top]) => [[left, right], [bottom, top]].some(
    ([low, high]) => high - low < atlas.narrowest * Math.max(1, Math.abs(low), Math.abs(high)));

  // An inner window: rounded to what its size calls for, and kept within the one shown. False: there is none.
  function enter([left, right, bottom, top]) {
    const now = here();
    if (!now || atlas.phase === "refused") return false;
    const fit = (value, low, high, least, most) => Math.min(most, Math.max(least, rounded(value, low, high)));
    const box = [
      fit(left, left, right, now[0], now[1]), fit(right, left, right, now[0], now[1]),
      fit(bottom, bottom, top, now[2], now[3]), fit(top, bottom, top, now[2], now[3]),
    ];
    if (isDeepest(box)) {
      atlas.say("This is the deepest window: its points would be one to rounding.", "note");
      return false;
    }
    const last = boxesOf(shown);
    atlas.zoom(textOf(box), [...way, ...last].slice(-DEEPEST).map(textOf).join(","));
    return true;
  }

  function zoomIn(at = target(here())) {
    if (atlas.place === "clouds") return brush === NONE ? undefined : atlas.put({ frame: brush, brush: NONE });
    const box = here();
    if (!box) return;
    const half = (low, high, middle) => {
      const reach = (high - low) / 4;
      const kept = Math.min(high - reach, Math.max(low + reach, middle));
      return [kept - reach, kept + reach];
    };
    enter([...half(box[0], box[1], at[0]), ...half(box[2], box[3], at[1])]);
  }

  // To a breadcrumb: 0 is the whole picture.
  function zoomTo(place) {
    point = null; // also that of a double click
    atlas.zoom(place ? textOf(way[place - 1]) : NONE, way.slice(0, Math.max(0, place - 1)).map(textOf).join(","));
  }

  function zoomOut() {
    if (atlas.place === "clouds") return atlas.put(brush === NONE ? { frame: NONE } : { brush: NONE });
    if (shown !== NONE) zoomTo(way.length);
  }

  // ---------------------------------------------------------------- pictures

  function listen(plot, isMap) {
    plot.on("plotly_relayout", (event) => {
      // A reader's rectangle comes as single ends; the page's own ranges come as pairs.
      if (!isMap() || !["xaxis.range[0]", "yaxis.range[0]"].some((end) => end in event)) return;
      const { xaxis, yaxis } = plot._fullLayout;
      if (enter([...xaxis.range, ...yaxis.range])) return;
      const [left, right, bottom, top] = plot.layout.meta.box;
      window.Plotly.relayout(plot, { "xaxis.range": [left, right], "yaxis.range": [bottom, top] });
    });
    plot.on("plotly_doubleclick", () => {
      if (!isMap()) return;
      window.clearTimeout(asking);
      zoomOut();
      window.setTimeout(() => { // plotly tells the clicks of a double click after it, too
        point = null;
        aim();
      });
    });
    plot.on("plotly_click", ({ points: [first] }) => {
      const shift = plot.layout.meta?.shift || [0, 0];
      point = [first.x + shift[0], first.y + shift[1]];
      aim();
      window.clearTimeout(asking);
      if (atlas.place === "curvature") asking = window.setTimeout(spectrumHere, SECOND);
    });
  }

  const SECOND = 350; // ms in which another click makes it a double click
  let asking = 0;

  const NOTCH = 350; // ms between two steps of a wheel
  let notch = 0;

  function wheeled(plot, event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    if (event.timeStamp - notch < NOTCH) return;
    notch = event.timeStamp;
    const { xaxis, yaxis } = plot._fullLayout;
    const { left, top } = plot.getBoundingClientRect();
    const at = [xaxis.p2d(event.clientX - left - xaxis._offset), yaxis.p2d(event.clientY - top - yaxis._offset)];
    if (event.deltaY < 0) zoomIn(at);
    else zoomOut();
  }

  Object.assign(atlas, { showWindow, showPoint, showCloud, spectrumHere, sliceHere, offer, forget, choosePoint, chosenIn, listenToCloud, aim, zoomIn, zoomOut, zoomTo, listen, wheeled });
})();
