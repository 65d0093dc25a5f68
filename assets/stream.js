// One stream of server-sent events fills the page: plan, panels, numbers, colour bar, and sentences.
// The page owns the cameras and puts them into every figure it draws.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);
  const copy = (value) => structuredClone(value);

  let told = null; // what the layout declares: panels, templates, camera, columns
  const slots = new Map(); // "0-slice" -> one panel of one column
  let plan = null;

  // ---------------------------------------------------------------- texts

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function say(sentence, kind) {
    if (!told) return;
    const place = byId("message");
    write(place, sentence);
    place.dataset.kind = kind;
    place.hidden = !sentence;
    window.clearTimeout(fading);
    if (kind === "note") fading = window.setTimeout(unsay, NOTE, "note");
  }

  const NOTE = 6000; // ms that a remark stays
  let fading = 0;

  function unsay(...kinds) {
    if (told && kinds.includes(byId("message").dataset.kind)) say("", "");
  }

  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  // ---------------------------------------------------------------- slots

  function begin(declared) {
    told = declared;
    atlas.told = told;
    atlas.narrowest = told.narrowest;
    for (let column = 0; column < told.columns; column += 1) {
      for (const panel of told.panels) addSlot(column, panel);
    }
    new ResizeObserver(arrange).observe(byId("columns"));
    atlas.applySize();
    setPlace(atlas.place);
    setPhase(phase);
    loadPlotly();
    for (const [name, data] of early.splice(0)) TAKE[name](data);
  }

  // Run only now: it takes the browser about a second, and the controls should stand before.
  function loadPlotly() {
    const script = document.createElement("script");
    script.src = byId("plotly").href;
    script.onload = schedule;
    script.onerror = () => say("The drawing library did not arrive; reload the page.", "refused");
    document.head.append(script);
  }

  function addSlot(column, panel) {
    const place = byId(`slot-${column}-${panel}`);
    const slot = {
      key: `${column}-${panel}`, column, panel, place, plot: place.querySelector(".plot"),
      state: "waiting", next: null, figure: null, camera: null, given: null, drawn: 0, listens: false,
    };
    slots.set(slot.key, slot);
    sizes.observe(slot.plot);
    sight.observe(slot.place);
    slot.plot.addEventListener("dblclick", () => turn(slot, copy(told.camera), true));
    slot.plot.addEventListener("keydown", (event) => byKey(slot, event));
    slot.plot.addEventListener("pointerdown", () => (held = isMap(slot) ? slot : null), true);
    slot.plot.addEventListener("wheel", (event) => isMap(slot) && atlas.wheeled(slot.plot, event), { passive: false });
    // Without Ctrl the wheel scrolls the page, which the pictures cover.
    slot.plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    }, { capture: true, passive: true });
  }

  const USUAL = { waiting: "waiting", computing: "computing", cached: "from cache", done: "done", failed: "failed",
    cancelled: "cancelled", none: "does not apply" };

  function setState(slot, state, text) {
    slot.state = state;
    slot.place.dataset.state = state;
    const unanswered = state === "failed" || state === "none";
    write(slot.place.querySelector(".state"), unanswered ? USUAL[state] : text || USUAL[state]);
    const failure = slot.place.querySelector(".failure");
    failure.hidden = !unanswered;
    write(failure, unanswered ? text || "This panel could not be computed." : "");
  }

  // The question behind the picture, with the half width that all columns share.
  function setExports(slot, question) {
    slot.place.querySelector(".exports").hidden = false;
    for (const link of slot.place.querySelectorAll("a.export")) {
      link.href = `/export/${slot.panel.split("-")[0]}.${link.dataset.kind}?${question}`;
    }
  }

  function setWarnings(slot, warnings) {
    const list = slot.place.querySelector(".warnings");
    list.hidden = !warnings.length;
    list.replaceChildren(...warnings.map((warning) => element("li", warning)));
  }

  // What a brushed rectangle holds, and buttons for some of its points; null: nothing is brushed.
  function setSelection(slot, selection) {
    const place = slot.place.querySelector(".selection");
    place.hidden = !selection;
    const buttons = (selection?.points || []).map((point) => {
      const button = Object.assign(element("button", point.name), { type: "button", className: "choice" });
      Object.assign(button.dataset, { walk: point.walk, step: point.step });
      button.title = `Walk ${point.walk}, step ${point.step}: then Slice here or Spectrum here.`;
      button.addEventListener("click", () => atlas.choosePoint(slot.key, point));
      return button;
    });
    const told = buttons.length ? [" Choose its ", ...buttons.flatMap((one) => [one, " "])] : [];
    place.replaceChildren(selection?.sentence || "", ...told);
    if (buttons.length) atlas.offer(slot.key, selection.points.find((point) => point.name === "middle"));
  }

  function empty(slot) {
    setSelection(slot, null);
    if (slot.listens) giveUp(slot);
    delete slot.place.dataset.resting;
    Object.assign(slot, { next: null, figure: null, given: null, camera: null, listens: false });
    todo.delete(slot);
    write(slot.place.querySelector(".caption"), "");
    slot.place.querySelector(".exports").hidden = true;
    setWarnings(slot, []);
    atlas.explain?.(slot.place, { alt: "", odd: [] });
  }

  // As many columns a row as fit, in rows as equal as can be.
  function arrange() {
    const place = byId("columns");
    const count = plan ? plan.columns.length : 3;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const fit = Math.max(1, Math.floor(place.clientWidth / (17.5 * rem)));
    const across = Math.ceil(count / Math.ceil(count / fit));
    place.style.setProperty("--across", across);
    if (plan) place.dataset.count = count;
  }

  let selections = []; // the brushed rectangle, as plotly knows it

  // The same rectangle in every cloud.
  function markBrush(box) {
    const line = { width: 1.5, dash: "dot" };
    selections = box
      ? [{ type: "rect", xref: "x", yref: "y", x0: box[0], x1: box[1], y0: box[2], y1: box[3], line }] : [];
    for (const slot of slots.values()) {
      if (!slot.listens || !slot.figure?.layout.meta?.cloud) continue;
      slot.redraw = true;
      later(slot);
    }
  }

  // The page's mark at a chosen point of a walk: as fast as plotly draws, as it leaves the dots alone.
  function markPoint() {
    for (const slot of slots.values()) {
      if (!slot.listens || !slot.figure?.layout.meta?.cloud) continue;
      window.Plotly.relayout(slot.plot, { shapes: shapesOf(slot) });
    }
  }

  const SURFACES = ["slice", "morph"];
  const MARK = 7; // px from the middle to the edge of a mark

  function shapesOf(slot) {
    const given = slot.figure.layout.shapes || [];
    const at = atlas.chosenIn(slot.key, slot.figure);
    if (!at?.length) return given;
    const ring = (room, color, width) => ({
      type: "circle", name: "chosen", xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel", xanchor: at[0], yanchor: at[1],
      x0: -room, x1: room, y0: -room, y1: room, line: { color, width }, fillcolor: "rgba(0,0,0,0)",
    });
    return [...given, ring(MARK, "#ffffff", 4), ring(MARK, "#101113", 2)];
  }

  // ---------------------------------------------------------------- pictures drawn by the graphics card

  // A browser holds some sixteen of its contexts, and each picture costs time: one that is out of sight gives its own away,
  // and is drawn again when it comes near.
  const MOST_LIVE = 8; // contexts
  const NEAR = 200; // px beyond the window within which pictures are drawn
  const GONE = 1500; // ms out of sight after which a picture gives its contexts away
  const BY_CARD = /gl$|3d$|^(surface|volume|isosurface|cone|streamtube)$/; // kinds of traces

  // How many contexts a figure takes: one a scene, and two the dots on plane axes.
  function contexts(figure) {
    if (!figure) return 0;
    return figure.layout.scene ? 1 : figure.data.some(({ type }) => BY_CARD.test(type)) ? 2 : 0;
  }

  const live = () => [...slots.values()].filter((slot) => slot.live);

  function rest(slot) {
    if (!slot.live) return;
    giveUp(slot);
    Object.assign(slot, { redraw: true });
    slot.place.dataset.resting = "1";
    for (const other of slots.values()) if (other.crowded && other.near) later(other);
  }

  // Without this a context lives on until the browser collects it.
  function giveUp(slot) {
    const canvases = [...slot.plot.querySelectorAll("canvas")];
    window.Plotly.purge(slot.plot);
    for (const canvas of canvases) {
      (canvas.getContext("webgl") || canvas.getContext("webgl2"))?.getExtension("WEBGL_lose_context")?.loseContext();
    }
    slot.plot.replaceChildren();
    Object.assign(slot, { live: 0, listens: false });
  }

  // Whether a picture may be drawn now. Out of sight it waits, as one does for which there is no context left.
  function mayDraw(slot) {
    const needed = contexts(slot.next || slot.figure);
    if (!needed) return true;
    const others = live().filter((other) => other !== slot);
    const taken = () => others.reduce((sum, other) => sum + other.live, 0);
    for (const other of others.filter((one) => !one.near)) if (taken() + needed > MOST_LIVE) rest(other);
    slot.crowded = slot.near && taken() + needed > MOST_LIVE;
    if (slot.near && !slot.crowded) return true;
    Object.assign(slot, { figure: slot.next || slot.figure, next: null, redraw: true });
    delete slot.place.dataset.stale;
    slot.place.dataset.resting = slot.crowded ? "crowded" : "1";
    return false;
  }

  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const slot = slots.get(target.id.replace("slot-", ""));
      slot.near = isIntersecting;
      window.clearTimeout(slot.leaving);
      if (!slot.near) slot.leaving = window.setTimeout(rest, GONE, slot);
      else if (slot.next || slot.redraw) later(slot);
    }
  }, { rootMargin: `${NEAR}px 0px` });

  // The rows of a place; the others keep their pictures for the way back.
  function setPlace(name) {
    if (!told || !(name in told.places)) return;
    atlas.place = name;
    document.documentElement.dataset.place = name;
    const rows = plan?.place === name ? plan.panels : told.places[name].filter((panel) => !told.presets[panel]);
    for (const slot of slots.values()) {
      slot.place.hidden = !rows.includes(slot.panel);
      if (slot.place.hidden) rest(slot);
    }
    byId("columns").style.setProperty("--rows", rows.length + 1);
    if (!rows.some((panel) => SURFACES.includes(panel))) byId("bar").hidden = true; // its colours are the surfaces'
    byId("comparison").hidden = !told.places[name].some((panel) => panel in told.tables);
    arrange();
  }

  // ---------------------------------------------------------------- drawing: newest figure only, one panel a frame

  const todo = new Set(); // slots to draw or to resize
  let held = null; // the map on which a rectangle is being dragged: drawing it would lose the rectangle
  const isMap = (slot) => Boolean(slot.figure?.layout.meta?.box && !slot.figure.layout.scene);

  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, () => {
      held = null;
      if (todo.size) schedule();
    }, true);
  }
  let frame = 0;

  function schedule() {
    frame = frame || window.requestAnimationFrame(tick);
  }

  function later(slot) {
    todo.add(slot);
    schedule();
  }

  function tick() {
    frame = 0;
    if (!todo.size || !window.Plotly) return; // its script calls again when it has arrived
    const free = [...todo].filter((one) => one !== held);
    const slot = free.find((one) => one.panel === told.panels[0]) || free[0]; // surfaces first
    if (!slot) return;
    todo.delete(slot);
    if (todo.size) schedule(); // before drawing, so that one bad figure stops nothing
    if (slot.place.hidden || !(slot.next || slot.figure)) return; // hidden: its size changes when it is shown again
    if (!mayDraw(slot)) return glanceAgain();
    if (slot.next || slot.redraw || isMap(slot) || outgrown(slot)) draw(slot); // a map's axes depend on its size
    else if (slot.figure && slot.plot.offsetParent) window.Plotly.Plots.resize(slot.plot);
    glanceAgain();
  }

  function draw(slot) {
    const fresh = Boolean(slot.next);
    slot.figure = slot.next || slot.figure;
    if (slot.live && !contexts(slot.figure)) giveUp(slot);
    Object.assign(slot, { next: null, redraw: false, foreseen: false, live: contexts(slot.figure) });
    delete slot.place.dataset.resting;
    const layout = dress(slot);
    slot.plot.tabIndex = layout.scene ? 0 : -1;
    window.Plotly.react(slot.plot, atlas.framed(slot, layout), layout, config(slot, layout)).then(() => {
      slot.drawn += 1;
      if (fresh) delete slot.place.dataset.stale;
      listen(slot);
      atlas.drew(slot);
      atlas.showPicks(slot);
      atlas.aim();
    }).catch((error) => {
      console.error(error);
      setState(slot, "failed", "This browser could not draw the picture; its data can still be downloaded.");
    });
  }

  // Twice the screen's pixels look smooth; without a graphics card they cost more than everything else.
  let ratio = 0;

  function pixelRatio() {
    const gl = document.createElement("canvas").getContext("webgl");
    const told = gl?.getExtension("WEBGL_debug_renderer_info");
    const renderer = told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    return /swiftshader|llvmpipe|software|basic render/i.test(renderer) ? 1 : 2;
  }

  // A layout in the page's theme and type size, with the page's camera; the figure itself stays as it came.
  function dress(slot) {
    const layout = { ...slot.figure.layout, template: template(), autosize: true };
    if (layout.margin) {
      layout.margin = Object.fromEntries(Object.entries(layout.margin).map(
        ([side, room]) => [side, typeof room === "number" ? room * atlas.enlarged : room]));
    }
    if (layout.scene) {
      slot.given = copy(cameraOf(slot));
      // A revision of its own: plotly then takes this camera and not one it remembers.
      const domain = { ...layout.scene.domain, y: heightOf(slot.plot) };
      layout.scene = { ...layout.scene, camera: copy(slot.given), domain, uirevision: slot.drawn };
    }
    if (layout.meta?.cloud) {
      Object.assign(layout, { selections, selectionrevision: JSON.stringify(selections), shapes: shapesOf(slot) });
    }
    if (isMap(slot)) equalUnits(layout, slot.plot.clientWidth, slot.plot.clientHeight, slot.drawn);
    return layout;
  }

  const TALLEST = 1.1; // heights of a scene by its width (chosen by eye)

  // The part of a panel's height that a scene takes. Its height alone sets how large plotly draws it: in a column that
  // is higher than wide its sides would be cut.
  function heightOf(plot) {
    const share = Math.min(1, (TALLEST * plot.clientWidth) / plot.clientHeight || 1);
    return [0.5 - share / 2, 0.5 + share / 2];
  }

  const outgrown = (slot) => Boolean(slot.figure?.layout.scene) && slot.plot.offsetParent &&
    slot.plot._fullLayout?.scene?.domain.y[0] !== heightOf(slot.plot)[0];

  const SLIMMEST = 0.25; // as on surfaces

  // Plotly's own way to equal units, `scaleanchor`, would let a reader drag squares only.
  function equalUnits(layout, width, height, revision) {
    const [left, right, bottom, top] = layout.meta.box;
    const { l, r, t, b } = layout.margin;
    const longer = Math.max(right - left, top - bottom);
    const across = Math.max(right - left, SLIMMEST * longer);
    const up = Math.max(top - bottom, SLIMMEST * longer);
    const unit = Math.min((width - l - r) / across, (height - t - b) / up);
    const domain = (length, room) => [0.5 - (unit * length) / room / 2, 0.5 + (unit * length) / room / 2];
    const plain = { constrain: "range", scaleanchor: undefined, uirevision: revision };
    layout.xaxis = { ...layout.xaxis, ...plain, domain: domain(across, width - l - r) };
    layout.yaxis = { ...layout.yaxis, ...plain, domain: domain(up, height - t - b) };
  }

  const templates = new Map();

  function template() {
    const name = `${atlas.theme} ${atlas.enlarged}`;
    if (!templates.has(name)) templates.set(name, enlarge(told.templates[atlas.theme]));
    return templates.get(name);
  }

  function enlarge(part) {
    if (part === null || typeof part !== "object") return part;
    if (Array.isArray(part)) return part.map(enlarge);
    return Object.fromEntries(Object.entries(part).map(
      ([name, value]) => [name, name === "size" ? value * atlas.enlarged : enlarge(value)]));
  }

  function config(slot, layout) {
    const name = plan ? plan.columns[slot.column]?.name : "";
    const curve = !layout.scene && !isMap(slot);
    const cloud = Boolean(layout.meta?.cloud);
    return {
      displaylogo: false, responsive: false, scrollZoom: !isMap(slot) && !cloud, showTips: false,
      showAxisDragHandles: curve && !cloud, doubleClick: curve ? "reset" : false,
      modeBarButtons: [curve ? ["toImage", "resetScale2d"] : ["toImage"]],
      plotGlPixelRatio: (ratio = ratio || pixelRatio()),
      toImageButtonOptions: { filename: `lossatlas-${name}-${slot.panel}`, scale: 2 },
    };
  }

  function redraw() {
    for (const slot of slots.values()) {
      if (slot.figure || slot.next) {
        slot.redraw = true;
        later(slot);
      }
    }
  }

  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const slot = slots.get(entry.target.id.replace("plot-", ""));
      if (slot && slot.figure) later(slot);
    }
  });

  // ---------------------------------------------------------------- cameras

  const SETTLED = 400; // ms; on slow rendering a view glides past its last event

  let shared = null; // the camera of the linked surfaces, once a reader has turned one
  const cameraOf = (slot) => slot.camera || shared || told.camera;
  const linked = () => byId("link-cameras")?.checked ?? true;

  function near(one, other) {
    if (!one || !other) return false;
    return ["eye", "center", "up"].every((part) => ["x", "y", "z"].every(
      (axis) => Math.abs((one[part]?.[axis] ?? 0) - (other[part]?.[axis] ?? 0)) < 1e-5));
  }

  function listen(slot) {
    if (slot.listens) return;
    slot.listens = true;
    const moved = (event) => {
      const camera = event["scene.camera"];
      if (camera && !near(camera, slot.given)) turn(slot, camera, false);
    };
    if (slot.panel === told.panels[0]) atlas.listen(slot.plot, () => isMap(slot));
    atlas.listenToWeights(slot);
    if (slot.panel.startsWith("cloud")) atlas.listenToCloud(slot.plot, slot.key);
    atlas.link(slot, () => isMap(slot));
    slot.plot.on("plotly_relayouting", moved);
    slot.plot.on("plotly_relayout", (event) => {
      moved(event);
      window.clearTimeout(slot.settling);
      slot.settling = window.setTimeout(() => {
        const camera = slot.plot._fullLayout?.scene?._scene?.getCamera?.();
        if (camera && slot.camera && !near(camera, slot.camera) && slot === turned) turn(slot, camera, false);
      }, SETTLED);
    });
  }

  let turned = null; // the surface a reader turned last

  // The reader turned one surface: the linked ones follow, itself too where the page set the camera.
  function turn(slot, camera, itself) {
    if (!slot.figure?.layout.scene) return;
    turned = slot;
    if (linked()) {
      shared = copy(camera);
      atlas.onTurn?.(VIEWPOINT.map(([part, axis]) => Number((camera[part]?.[axis] ?? 0).toFixed(4))));
    }
    for (const other of slots.values()) {
      if (other !== slot && !linked()) continue;
      other.camera = copy(camera);
      if (other === slot && !itself) other.given = other.camera;
      else if (other.figure?.layout.scene) follow(other);
    }
  }

  // A camera as nine numbers, which a room passes on.
  const VIEWPOINT = ["eye", "center", "up"].flatMap((part) => ["x", "y", "z"].map((axis) => [part, axis]));

  // All surfaces from the camera of these numbers.
  function look(numbers) {
    shared = copy(told.camera);
    VIEWPOINT.forEach(([part, axis], place) => {
      shared[part] = { ...shared[part], [axis]: numbers[place] };
    });
    for (const slot of slots.values()) {
      slot.camera = copy(shared);
      if (slot.figure?.layout.scene) follow(slot);
    }
  }

  atlas.look = look;

  const STEP = Math.PI / 24; // of a turn by key
  const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const NEARER = { "+": 0.9, "=": 0.9, "-": 1 / 0.9, "−": 1 / 0.9 };

  function byKey(slot, event) {
    if (!slot.figure?.layout.scene || event.ctrlKey || event.metaKey || event.altKey) return;
    const [around, up] = TURNS[event.key] || [0, 0];
    const nearer = NEARER[event.key] || 1;
    const home = event.key === "Home";
    if (!around && !up && nearer === 1 && !home) return;
    event.preventDefault();
    const camera = copy(home ? told.camera : cameraOf(slot));
    if (!home) orbit(camera, around * STEP, up * STEP, nearer);
    turn(slot, camera, true);
  }

  // Moves the eye on a sphere about the point looked at, never over the pole.
  function orbit(camera, around, up, nearer) {
    const { eye, center } = camera;
    const [x, y, z] = ["x", "y", "z"].map((axis) => eye[axis] - (center?.[axis] ?? 0));
    const radius = Math.hypot(x, y, z) * nearer;
    const angle = Math.atan2(y, x) + around;
    const height = Math.max(-1.5, Math.min(1.5, Math.asin(z / Math.hypot(x, y, z)) + up));
    eye.x = (center?.x ?? 0) + radius * Math.cos(height) * Math.cos(angle);
    eye.y = (center?.y ?? 0) + radius * Math.cos(height) * Math.sin(angle);
    eye.z = (center?.z ?? 0) + radius * Math.sin(height);
  }

  // One relayout per follower in flight; what comes meanwhile is the next one's.
  function follow(slot) {
    if (slot.following) return;
    slot.following = true;
    window.requestAnimationFrame(() => {
      slot.given = slot.camera;
      const free = () => {
        slot.following = false;
        if (slot.camera !== slot.given) follow(slot);
      };
      if (!slot.near) slot.redraw = true; // with its camera, when it comes near
      if (!slot.near || !slot.listens || !slot.given) return free();
      window.Plotly.relayout(slot.plot, { "scene.camera": copy(slot.given) }).then(free, free);
    });
  }

  // ---------------------------------------------------------------- the stream

  const AGAIN = 500; // ms before the first new attempt, doubled up to the longest
  const LONGEST = 15000;
  const PATIENCE = 700; // ms of silence before a broken connection is mentioned

  let query = null;
  let source = null;
  let current = 0; // events of another number are a stale stream's
  let phase = "idle"; // computing, done, failed, refused, cancelled
  let timer = 0;
  let silence = 0;
  let tries = 0;
  let opened = 0;
  let began = 0;
  let glanced = null; // the question of a control still moving, asked once the last one has shown a picture
  const pictured = new Set(); // slots that this stream has given a picture or a reason
  const early = []; // events that came before the page's elements
  const LAST = ["done", "refused", "busy"]; // after which the server says nothing more

  const SPOKEN = { computing: "Computing.", done: "Finished.", failed: "Finished with failures.",
    refused: "Refused.", cancelled: "Cancelled." };

  function setPhase(next) {
    phase = next;
    if (!told) return;
    document.documentElement.dataset.phase = next;
    const button = byId("cancel");
    button.hidden = next === "done" || next === "refused" || next === "idle";
    write(button, next === "computing" ? "Cancel" : "Compute again");
    write(byId("progress"), SPOKEN[next] || "");
    atlas.aim();
  }

  function close() {
    current += 1;
    window.clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  const PATIENT = 1500; // ms that a control still moving waits for a picture

  // What a slider says while it moves: the newest question only, each after a picture of the one before.
  function glance(asked) {
    if (asked === query) return;
    glanced = asked;
    glanceAgain();
  }

  function glanceAgain() {
    if (glanced === null) return;
    const surfaces = inUse().filter((slot) => slot.panel === told.panels[0]);
    const shown = surfaces.every((slot) => pictured.has(slot) && !todo.has(slot));
    if (phase !== "computing" || shown || performance.now() - began > PATIENT) open(glanced);
  }

  function open(asked) {
    glanced = null;
    if (asked === query && ["computing", "done", "refused"].includes(phase)) return;
    if (changeLook(asked)) return;
    query = asked;
    heard();
    connect();
  }

  function connect() {
    close();
    for (const slot of slots.values()) {
      slot.next = null; // a figure of the last stream that was never drawn
      if (!slot.redraw || !slot.figure) todo.delete(slot);
    }
    opened += 1;
    pictured.clear();
    early.length = 0;
    began = performance.now();
    const mine = current;
    setPhase("computing");
    source = new EventSource(`/stream${query ? `?${query}` : ""}`);
    source.onerror = () => mine === current && broken();
    for (const [name, take] of Object.entries(TAKE)) {
      source.addEventListener(name, (event) => {
        if (mine !== current) return;
        heard();
        const data = JSON.parse(event.data || "{}");
        if (told) return take(data);
        early.push([name, data]);
        if (LAST.includes(name)) source.close();
      });
    }
  }

  function heard() {
    tries = 0;
    window.clearTimeout(silence);
    silence = 0;
    unsay("lost");
  }

  function broken() {
    silence = silence || window.setTimeout(say, PATIENCE,
      "The connection is lost; trying again. The pictures stay as they are.", "lost");
    // After an HTTP error EventSource gives up for good; after anything else it asks again by itself.
    if (source.readyState === EventSource.CLOSED) reconnectIn(Math.min(LONGEST, AGAIN * 2 ** tries));
    tries += 1;
  }

  function reconnectIn(wait) {
    window.clearTimeout(timer);
    timer = window.setTimeout(connect, wait * (0.75 + 0.5 * Math.random())); // spread over many pages
  }

  function cancel() {
    if (phase !== "computing") return;
    close();
    heard();
    setPhase("cancelled");
    unsay("busy");
    for (const slot of inUse()) {
      restore(slot);
      if (slot.state === "waiting" || slot.state === "computing") setState(slot, "cancelled");
    }
  }

  function cancelOrAgain() {
    if (phase === "computing") cancel();
    else connect();
  }

  // The drawn pictures of the other columns in a slot's row.
  const row = (slot) => inUse().filter((other) => other !== slot && other.panel === slot.panel && other.listens);

  const inUse = () => [...slots.values()].filter(
    (slot) => plan && slot.column < plan.columns.length && plan.panels.includes(slot.panel));

  // A picture equal to the one that stands there is not drawn again.
  function show(slot, figure, mark) {
    const newest = slot.next || slot.figure;
    if (newest?.mark === mark) {
      if (!slot.next) delete slot.place.dataset.stale;
      return;
    }
    figure.mark = mark;
    slot.next = figure;
    later(slot);
  }

  // ---------------------------------------------------------------- palette and log scale, without the server

  const bars = { now: null, twin: undefined }; // the colour bar shown, and that of the other scale
  const newestOf = (slot) => slot.next || slot.figure;

  // Another palette or scale alone: done here where every picture allows it. False: the server must be asked.
  function changeLook(asked) {
    const look = phase === "done" && plan && told && query !== null && atlas.lookChanged(query, asked, told);
    const used = look ? inUse().filter((slot) => newestOf(slot)) : [];
    if (!look || inUse().some((slot) => !["done", "cached", "none"].includes(slot.state))) return false;
    if (look.log && used.some((slot) => slot.twin?.of !== newestOf(slot).mark)) return false;
    query = plan.asked = asked;
    for (const slot of used) {
      if (look.log) toTwin(slot);
      if (look.palette) toPalette(slot, look);
    }
    if (look.log && bars.twin !== undefined) [bars.now, bars.twin] = [bars.twin, bars.now];
    for (const name of look.palette ? ["now", "twin"] : []) {
      if (bars[name]?.gradient !== told.palettes[look.from].gradient) continue;
      bars[name] = { ...bars[name], gradient: told.palettes[look.to].gradient };
    }
    if (plan.panels.includes(told.panels[0])) drawBar();
    return true;
  }

  // What a picture says: caption, warnings, its text for those who do not see it, and why it may look odd.
  function setWords(slot, words) {
    slot.words = words;
    if (words.caption !== undefined) write(slot.place.querySelector(".caption"), words.caption || "");
    if (words.warnings) setWarnings(slot, words.warnings);
    atlas.explain?.(slot.place, words);
  }

  const twinOf = (slot) => slot.twin.figure || { ...atlas.withChanges(newestOf(slot), slot.twin.changes), mark: slot.twin.mark };

  function toTwin(slot) {
    const now = newestOf(slot);
    const figure = twinOf(slot);
    const words = slot.twin.words;
    slot.twin = { of: figure.mark, figure: now, words: slot.words };
    setWords(slot, words);
    show(slot, figure, figure.mark);
  }

  // Both pictures get marks of their own: they are none that the server sends.
  function toPalette(slot, { from, to }) {
    const other = (figure) => ({
      ...atlas.withPalette(figure, told.palettes[from], told.palettes[to]), mark: `${figure.mark} ${to}` });
    if (!JSON.stringify(newestOf(slot)).includes('"colorscale"')) return;
    const figure = other(newestOf(slot));
    if (slot.twin) slot.twin = { ...slot.twin, of: figure.mark, figure: other(twinOf(slot)) };
    show(slot, figure, figure.mark);
  }

  function drawBar() {
    const [bar, event] = [byId("bar"), bars.now];
    bar.hidden = !event;
    if (!event) return;
    write(bar.querySelector(".bar-title"), event.title || "");
    bar.querySelector(".gradient").style.backgroundImage = event.gradient;
    bar.querySelector(".ticks").replaceChildren(...event.ticks.map(([place, text]) => {
      const tick = element("span", text);
      tick.style.left = `${place}%`;
      return tick;
    }));
    const words = event.ticks.map(([, text]) => text);
    bar.setAttribute("aria-label", `Colours: ${event.title || ""} from ${words[0]} to ${words[words.length - 1]}`);
  }

  // The maps show another window at once, with what they have, until its own picture comes.
  function foresee([left, right, bottom, top]) {
    for (const slot of inUse()) {
      if (!isMap(slot) || slot.panel !== told.panels[0]) continue;
      slot.figure.mark = null;
      slot.before = slot.foreseen ? slot.before : [slot.state, slot.place.querySelector(".state").textContent];
      slot.foreseen = true;
      slot.place.dataset.stale = "1";
      setState(slot, "waiting");
      window.Plotly.relayout(slot.plot, { "xaxis.range": [left, right], "yaxis.range": [bottom, top] });
    }
  }

  // Back to the picture's own window, where the one foreseen will not come.
  function restore(slot) {
    if (!slot.foreseen) return;
    slot.redraw = true;
    later(slot);
  }

  // What of the plane each surface or map shows.
  const boxes = () => inUse().filter((slot) => slot.panel === told.panels[0])
    .map((slot) => slot.figure?.layout.meta?.box).filter(Boolean);

  const TAKE = {
    plan(event) {
      const before = plan;
      plan = { ...event, asked: query };
      unsay("refused", "busy", "note", "lost");
      write(byId("sentence"), event.sentence);
      write(byId("equal"), event.equal || "");
      write(byId("cost"), event.cost || "");
      setSettings(event);
      setPlace(plan.place);
      for (let place = 0; place < told.columns; place += 1) setColumn(place, event.columns[place], before);
      if (before?.asked !== query) byId("comparison").dataset.stale = "1";
      const walked = (one) => JSON.stringify(one?.columns.map((column) => column.asked.cloud));
      if (before && walked(before) !== walked(plan)) atlas.forget();
    },

    panel(event) {
      const slot = slots.get(`${event.column}-${event.panel}`);
      if (!slot) return;
      setState(slot, event.state, event.text);
      if (event.state === "failed" || event.state === "none") restore(slot);
      if (event.query !== undefined) setExports(slot, event.query);
      setWords(slot, event);
      if (event.figure) show(slot, event.figure, event.mark);
      if (event.selection !== undefined) setSelection(slot, event.selection);
      if (event.figure || event.state === "failed" || event.state === "none") pictured.add(slot);
      glanceAgain();
    },

    numbers(event) {
      const list = byId(`column-${event.column}`).querySelector(".numbers");
      list.replaceChildren(...event.rows.map(([name, value]) => {
        const pair = document.createElement("div");
        pair.append(element("dt", name), element("dd", value));
        return pair;
      }));
    },

    table(event) {
      delete byId("comparison").dataset.stale;
      setRows(event.name, event.rows);
    },

    bar(event) {
      Object.assign(bars, { now: event, twin: undefined });
      drawBar();
    },

    twin(event) {
      if (event.bar !== undefined) bars.twin = event.bar;
      else slots.get(`${event.column}-${event.panel}`).twin = event;
    },

    refused(event) {
      close();
      setPhase("refused");
      say(event.sentence, "refused");
      for (const slot of inUse()) {
        if (!slot.foreseen) continue;
        delete slot.place.dataset.stale;
        setState(slot, ...slot.before);
        restore(slot);
      }
    },

    busy(event) {
      close();
      say(event.sentence, "busy");
      reconnectIn(2000);
    },

    done() {
      close();
      setPhase(inUse().some((slot) => slot.state === "failed") ? "failed" : "done");
    },
  };

  function setColumn(place, column, before) {
    const article = byId(`column-${place}`);
    const last = before?.columns[place];
    article.hidden = !column;
    const mine = [...slots.values()].filter((slot) => slot.column === place);
    if (!column || column.name !== last?.name || plan.compare !== before?.compare) {
      article.querySelector(".numbers").replaceChildren();
      mine.forEach(empty);
    }
    if (!column) return;
    article.style.setProperty("--hue", column.hue);
    article.toggleAttribute("data-pinned", plan.baseline === String(place + 1));
    article.querySelector("[data-act=pin]").setAttribute("aria-pressed", String(plan.baseline === String(place + 1)));
    article.setAttribute("aria-label", column.label);
    write(article.querySelector(".activation"), column.label);
    article.querySelector(".curve").src = column.curve;
    for (const slot of mine) {
      slot.plot.setAttribute("aria-label", `${slot.place.querySelector("h3").textContent} of ${column.label}`);
    }
    colourChip(column);
    for (const slot of mine) {
      if (!plan.panels.includes(slot.panel)) continue;
      if (before?.asked === query) continue; // the same question again, after a break
      const answered = ["done", "cached", "none"].includes(slot.state);
      if (answered && last?.asked[slot.panel] === column.asked[slot.panel]) continue; // only others change
      setState(slot, "waiting");
      setWarnings(slot, []);
      if (slot.figure) slot.place.dataset.stale = "1";
    }
  }

  // What differs between the columns, and what is equal.
  function setSettings({ settings, columns }) {
    const { differ, equal } = settings;
    byId("settings").parentElement.hidden = false;
    const differs = differ.map(([, label]) => (/^.[a-z]/.test(label) ? label[0].toLowerCase() + label.slice(1) : label)).join(", ");
    write(byId("settings-told"), columns.length < 2 ? `${equal.length} settings`
      : `Differs: ${differs || "nothing"}. ${equal.length} settings are equal`);
    const table = document.createElement("table");
    const row = (cells, tag) => {
      const line = document.createElement("tr");
      line.append(element("th", cells[0]), ...cells.slice(1).map((cell) => element(tag, cell)));
      line.firstChild.scope = "row";
      return line;
    };
    if (differ.length) table.append(...differ.map(([, label, texts]) => row([label, ...texts], "td")));
    const list = document.createElement("p");
    write(list, equal.map(([, label, text]) => `${label} ${text}`).join(" · "));
    byId("settings").replaceChildren(table, list);
  }

  // ---------------------------------------------------------------- the table across activations

  let grid = null; // a promise of the table, once rows have come
  let newest = {};

  function setRows(name, rows) {
    newest = { columnDefs: told.tables[name].columns, rowData: rows };
    write(byId("comparison").querySelector(".about"), told.tables[name].about);
    grid = grid || loadGrid();
    grid.then(() => window.dash_clientside.set_props("table", newest));
  }

  // Its script is large and runs only now; the rows that come meanwhile wait.
  function loadGrid() {
    const script = document.createElement("script");
    script.src = told.grid.script;
    document.head.append(script);
    return new Promise((made) => {
      script.onload = () => {
        window.dash_clientside.set_props("table-place", { children: told.grid.component });
        made();
      };
      script.onerror = () => say("The table's script did not arrive; reload the page.", "note");
    });
  }

  const asShown = { processCellCallback: ({ node, column, value }) => node.data.texts[column.getColId()] ?? value ?? "" };
  const gridApi = () => byId("table-place").hasChildNodes() && window.dash_ag_grid.getApi("table");

  // The table's handle; null, and a sentence, while it has no rows or those of the question before.
  function readyTable() {
    const api = gridApi();
    if (api && !byId("comparison").dataset.stale) return api;
    say(api ? "The table still shows the question before this one; wait for its first seed."
      : "The table is empty: no seed has been measured yet.", "note");
    return null;
  }

  async function copyTable() {
    const api = readyTable();
    if (!api) return;
    try {
      await navigator.clipboard.writeText(
        api.getDataAsCsv({ ...asShown, columnSeparator: "\t", suppressQuotes: true }));
      say("The table is in the clipboard, its cells parted by tabs.", "note");
    } catch {
      say("This browser gives no access to the clipboard here; the button CSV saves the table.", "note");
    }
  }

  function saveTable() {
    readyTable()?.exportDataAsCsv({ fileName: "lossatlas-activations.csv", allColumns: true });
  }

  const chipColours = new Map();

  function colourChip({ name, hue }) {
    const id = `chip-${name}`;
    if (chipColours.get(id) === hue || !byId(id)) return;
    chipColours.set(id, hue);
    window.dash_clientside.set_props(id, { color: hue });
  }

  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && phase === "computing") connect(); // back from the browser's own cache
  });

  // ---------------------------------------------------------------- what the tests and the other script may see

  Object.assign(atlas, { begin, open, glance, cancel, cancelOrAgain, redraw, row, say, foresee, boxes, setPlace, markBrush, markPoint, copyTable,
    saveTable, place: "landscape", enlarged: 1, theme: null });
  Object.defineProperties(atlas, {
    columns: { value: () => plan.columns.map(({ name }) => name) },
    ready: { get: () => phase === "done" && !todo.size },
    phase: { get: () => phase },
    opened: { get: () => opened },
    contexts: { get: () => live().reduce((sum, slot) => sum + slot.live, 0) },
    drawn: { get: () => [...slots.values()].reduce((sum, slot) => sum + slot.drawn, 0) },
    presetOf: { value: (key) => told.presets[slots.get(key).panel] || {} },
    figureOf: { value: (key) => slots.has(key) ? newestOf(slots.get(key)) : null },
    panels: {
      get: () => Object.fromEntries(inUse().map(
        ({ key, state, drawn, camera, near }) => [key, { state, drawn, camera, near: Boolean(near) }])),
    },
  });

  // The answer comes while the controls are being drawn; a room's presenter says what the question is.
  if (!new URLSearchParams(window.location.search).get("room")) open(atlas.question(window.location.search));
})();
