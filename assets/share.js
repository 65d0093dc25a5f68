// What leaves the page whole: short links, pictures of a row, the page as a file, its code; and what a lesson hides.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  // ---------------------------------------------------------------- links

  async function copy(text, done, otherwise) {
    try {
      await navigator.clipboard.writeText(text);
      atlas.say(done, "note");
    } catch {
      atlas.say(otherwise, "note"); // plain http from another machine has no clipboard
    }
  }

  async function shortLink() {
    const answer = await fetch("/links", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ state: window.location.search.replace(/^\?/, "") }),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return new URL((await answer.json()).path, window.location.href).href;
  }

  async function copyShort() {
    try {
      const link = await shortLink();
      await copy(link, `${link} is in the clipboard.`, `The short link is ${link}`);
    } catch (reason) {
      atlas.say(reason instanceof TypeError ? "The server did not answer; copy the whole link." : reason.message, "note");
    }
  }

  const copyWhole = () => copy(window.location.href, "The link is in the clipboard.",
    "This browser gives no access to the clipboard here; the link is the address above.");

  const copyLesson = () => copy(window.location.href, "The link for the lesson is in the clipboard.",
    "This browser gives no access to the clipboard here; the link is the address above.");

  // ---------------------------------------------------------------- the menu

  const columns = () => [...document.querySelectorAll("#columns > article:not([hidden])")];
  const slotsOf = (column) => [...column.querySelectorAll(".slot:not([hidden])")];
  const panelOf = (slot) => slot.id.split("-").slice(2).join("-");

  function fillRows() {
    const rows = columns().length ? slotsOf(columns()[0]) : [];
    const before = byId("share-row").value;
    const options = rows.map((slot) => Object.assign(element("option", slot.querySelector("h3").textContent),
      { value: panelOf(slot) }));
    byId("share-row").replaceChildren(...options, Object.assign(element("option", "all rows"), { value: "all" }));
    if ([...byId("share-row").options].some(({ value }) => value === before)) byId("share-row").value = before;
    byId("share-page").href = `/export/page.html${window.location.search}`;
  }

  document.addEventListener("toggle", ({ target }) => target.id === "share" && target.open && fillRows(), true);
  document.addEventListener("click", ({ target }) => {
    const menu = byId("share");
    if (menu?.open && (!menu.contains(target) || target.closest(".item"))) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    if (byId("hide-editor")?.open) byId("hide-editor").close();
    if (!byId("share")?.open) return;
    byId("share").open = false;
    byId("share").querySelector("summary").focus();
  });

  // ---------------------------------------------------------------- a picture of a row, as one SVG

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

  function colours() {
    if (byId("share-white").checked) return ON_WHITE;
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
  function write(into, x, y, text, { size, fill, width = WIDE, weight = 400, anchor = "start" }) {
    for (const line of lines(text, size, width)) {
      into.append(node("text", { x, y: y + size, "font-size": size, "font-weight": weight, fill, "text-anchor": anchor }, line));
      y += size * 1.35;
    }
    return y;
  }

  const shownText = (place) => (place?.offsetParent ? place.textContent.trim() : "");

  function drawBar(into, look, y, panel) {
    const bar = byId("bar");
    if (!bar.offsetParent || !["all", atlas.told.panels[0]].includes(panel)) return;
    const [width, left] = [420, WIDE - EDGE - 420];
    const fade = node("linearGradient", { id: "bar" });
    const stops = bar.querySelector(".gradient").style.backgroundImage.matchAll(/(rgba?\([^)]*\)|#\w+)\s+([\d.]+)%/g);
    for (const [, colour, place] of stops) fade.append(node("stop", { offset: `${place}%`, "stop-color": colour }));
    into.append(fade, node("rect", { x: left, y: y + 4, width, height: 20, rx: 3, fill: "url(#bar)" }));
    write(into, left - 16, y, bar.querySelector(".bar-title").textContent, { size: 22, fill: look.quiet, anchor: "end" });
    bar.querySelectorAll(".ticks span").forEach((tick, place, all) => {
      const anchor = place === 0 ? "start" : place === all.length - 1 ? "end" : "middle";
      const x = left + (parseFloat(tick.style.left) / 100) * width;
      write(into, x, y + 30, tick.textContent, { size: 20, fill: look.ink, anchor });
    });
  }

  // One panel as plotly draws it, in a box of the page's own units: texts keep their proportion to the picture.
  async function drawPanel(plot, width, height, scale) {
    const layout = { ...plot.layout, width, height, autosize: false };
    if (byId("share-white").checked) layout.template = atlas.told.templates.light;
    if (layout.scene) layout.scene = { ...layout.scene, camera: plot._fullLayout.scene._scene?.getCamera() ?? layout.scene.camera };
    if (layout.meta?.box && !layout.scene) {
      layout.xaxis = { ...layout.xaxis, domain: [0, 1], constrain: "domain" };
      layout.yaxis = { ...layout.yaxis, domain: [0, 1], scaleanchor: "x", constrain: "domain" };
    }
    const picture = { data: plot.data, layout, config: { plotGlPixelRatio: scale } };
    const url = await window.Plotly.toImage(picture, { format: "svg", width, height });
    const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
    return document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  }

  // The columns' heads: curve, name, numbers.
  function drawHead(into, column, x, y, width, look) {
    const curve = column.querySelector(".curve").getAttribute("src");
    if (curve) into.append(node("image", { x, y: y + 2, width: 76, height: 48, href: curve }));
    const start = curve ? x + 92 : x;
    write(into, start, y, column.querySelector(".activation").textContent, { size: 34, fill: look.ink, weight: 650 });
    const numbers = [...column.querySelectorAll(".numbers > div")].filter((one) => one.offsetParent);
    const each = width / Math.max(numbers.length, 1);
    numbers.forEach((one, place) => {
      write(into, x + place * each, y + 60, one.querySelector("dt").textContent, { size: 15, fill: look.quiet });
      write(into, x + place * each, y + 78, one.querySelector("dd").textContent, { size: 18, fill: look.ink, weight: 600 });
    });
    return y + (numbers.length ? 112 : 60);
  }

  const captionOf = (slot) => shownText(slot.querySelector(".caption"));

  // What stands under a picture: its caption, unless all columns share it, and its warnings. Returns where it ends.
  function drawWords(into, slot, x, y, width, look, common) {
    y += 6;
    if (captionOf(slot) !== common) y = write(into, x, y, captionOf(slot), { size: 16, fill: look.quiet, width });
    for (const warning of slot.querySelectorAll(".warnings:not([hidden]) li")) {
      y = write(into, x, y + 2, `⚠ ${warning.textContent}`, { size: 17, fill: look.care, width });
    }
    return y;
  }

  async function compose(panel) {
    const [look, shown] = [colours(), columns()];
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
      ? write(into, EDGE, y, common[place], { size: 16, fill: look.quiet, width: WIDE - 2 * EDGE }) - y : 0;
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
    drawBar(svg, look, 24, panel);
    const y = write(svg, EDGE, 22, shownText(byId("sentence")), { size: 28, fill: look.ink, weight: 500, width: 1250 });
    return write(svg, EDGE, y + 4, shownText(byId("equal")), { size: 20, fill: look.quiet, width: 1250 }) + 18;
  }

  async function drawSlot(svg, slot, x, y, width, height, look) {
    const plot = slot.querySelector(".plot");
    if (!plot._fullLayout) {
      const reason = shownText(slot.querySelector(".failure")) || `${slot.querySelector("h3").textContent}: not drawn yet`;
      write(svg, x, y + height / 2, reason, { size: 20, fill: look.quiet, width });
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
    const canvas = Object.assign(document.createElement("canvas"), { width: WIDE, height });
    canvas.getContext("2d").drawImage(image, 0, 0, WIDE, height);
    URL.revokeObjectURL(image.src);
    return new Promise((made) => canvas.toBlob(made, "image/png"));
  }

  function download(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  let drawing = false;

  async function savePicture(kind) {
    if (drawing) return;
    drawing = true;
    const row = byId("share-row").value || "all";
    atlas.say("Drawing the picture.", "note");
    try {
      const drawn = await compose(row);
      const blob = kind === "png" ? await png(drawn) : new Blob([drawn.text], { type: "image/svg+xml" });
      download(blob, `lossatlas-${row}.${kind}`);
      atlas.say(`The picture is saved, ${WIDE} × ${drawn.height} pixels.`, "note");
    } catch (error) {
      console.warn(error);
      atlas.say("This browser could not draw the picture. Wait until the page is done, and try again.", "note");
    } finally {
      drawing = false;
    }
  }

  // ---------------------------------------------------------------- the code

  let asked = 0;

  function showCode() {
    const whole = Object.assign(element("option", "this page"), { value: `/export/code.py${window.location.search}` });
    const each = columns().flatMap((column) => slotsOf(column).flatMap((slot) => {
      const link = slot.querySelector("a.export[data-kind=npz]");
      if (!link?.hasAttribute("href")) return [];
      const name = `${slot.querySelector("h3").textContent}, ${column.querySelector(".activation").textContent}`;
      return [Object.assign(element("option", name), { value: link.getAttribute("href").replace(/\.npz\?/, ".py?") })];
    }));
    byId("code-of").replaceChildren(whole, ...each);
    byId("code").showModal();
    fetchCode();
  }

  async function fetchCode() {
    const mine = (asked += 1);
    const address = byId("code-of").value;
    byId("code-text").textContent = "…";
    byId("code-file").href = address;
    let text;
    try {
      text = await (await fetch(address)).text();
    } catch {
      text = "The server did not answer; try again.";
    }
    if (mine === asked) byId("code-text").textContent = text;
  }

  async function copyCode() {
    const button = document.querySelector("[data-act=copyCode]");
    try {
      await navigator.clipboard.writeText(byId("code-text").textContent);
      button.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(byId("code-text"));
      button.textContent = "Marked: Ctrl C";
    }
    window.setTimeout(() => (button.textContent = "Copy"), 1500);
  }

  // ---------------------------------------------------------------- what a lesson hides

  let entries = []; // all that can be hidden, as lossatlas.app.state.hiding declares it
  const off = new Set(); // keys of what is hidden
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  function hiddenNames() {
    const names = (atlas.extra("hide") ?? "").split(",").map((name) => name.trim());
    return entries.filter(({ name }) => names.includes(name));
  }

  function applyHidden() {
    const place = byId("hide-editor");
    if (!place) return;
    if (!entries.length) begin(JSON.parse(place.dataset.entries));
    const hidden = hiddenNames();
    sayUnknown(hidden);
    const selectors = hidden.flatMap((entry) => entry.selectors);
    const rows = selectors.filter((selector) => selector.startsWith("#row-"));
    if (rows.length) { // a heading over nothing goes too
      const left = `.row:not([hidden], ${rows.join(", ")})`;
      selectors.push(`.sections section:not(:has(${left}))`, `.sections details:not(:has(${left}))`);
    }
    sheet.replaceSync(selectors.map((selector) => `${selector} { display: none !important; }`).join("\n"));
    document.documentElement.dataset.hide = hidden.map(({ name }) => name).join(" ");
    byId("show-all").hidden = !hidden.length;
    off.clear();
    for (const key of hidden.flatMap((entry) => entry.keys)) off.add(key);
    tick(hidden.map(({ name }) => name));
  }

  // A name of nothing hides nothing, and is told.
  function sayUnknown(hidden) {
    const asked = (atlas.extra("hide") ?? "").split(",").map((name) => name.trim()).filter(Boolean);
    const unknown = asked.find((name) => !hidden.some((entry) => entry.name === name));
    const told = byId("message").dataset.kind === "hide";
    if (unknown) atlas.say(`hide names what the page leaves out; nothing that can be hidden is called “${unknown.slice(0, 60)}”. ` +
      "Choose from Share, Hide controls.", "hide");
    else if (told) atlas.say("", "");
  }

  function begin(declared) {
    entries = declared;
    const depth = { "": 0 };
    byId("hide-boxes").append(...entries.map(({ name, label, within }) => {
      depth[name] = depth[within] + 1;
      const row = Object.assign(document.createElement("label"), { className: `depth-${depth[within]}` });
      row.append(Object.assign(document.createElement("input"), { type: "checkbox", value: name, className: "hide-box" }),
        label);
      return row;
    }));
  }

  // The editor's boxes: what lies in something hidden cannot be chosen by itself.
  function tick(names) {
    for (const box of document.querySelectorAll(".hide-box")) {
      box.checked = names.includes(box.value);
      box.disabled = covered(box.value, names);
    }
  }

  function covered(name, names) {
    const within = entries.find((entry) => entry.name === name)?.within;
    return Boolean(within) && (names.includes(within) || covered(within, names));
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id === "code-of") fetchCode();
    if (!target.matches(".hide-box")) return;
    const names = [...document.querySelectorAll(".hide-box:checked")].map((box) => box.value);
    atlas.setExtras({ hide: names.filter((name) => !covered(name, names)).join(",") || null });
    applyHidden();
  });

  const hidesKeys = () => document.documentElement.dataset.hide?.split(" ").includes("keys");
  atlas.isKeyHidden = (key) => off.has(key) || (hidesKeys() && key !== "Escape");

  function showAll() {
    atlas.setExtras({ hide: null });
    applyHidden();
  }

  // ---------------------------------------------------------------- joined to the page

  document.addEventListener("DOMContentLoaded", () => {
    atlas.act("copyWhole", copyWhole);
    atlas.act("copyShort", copyShort);
    atlas.act("savePng", () => savePicture("png"));
    atlas.act("saveSvg", () => savePicture("svg"));
    atlas.act("showCode", showCode);
    atlas.act("copyCode", copyCode);
    atlas.act("editHidden", () => byId("hide-editor").show());
    atlas.act("copyLesson", copyLesson);
    atlas.act("showAll", showAll);
    atlas.onState(applyHidden);
  });
})();
