// The browser's own part of the page: URL and controls, theme, type size, keys, buttons.
// The pictures are stream.js, the windows of the plane zoom.js; they meet in window.lossatlas.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const dress = window.lossatlasDress;
  const byId = (id) => document.getElementById(id);
  const setProps = (id, props) => window.dash_clientside.set_props(id, props);

  // ---------------------------------------------------------------- a value and its text, as lossatlas.compute.spec.options.text

  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const TRUE = ["1", "true", "yes", "on"];
  const FALSE = ["0", "false", "no", "off"];

  function floatText(number) {
    const size = Math.abs(number);
    if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
      return number.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
    }
    return Number.isInteger(number) ? number.toFixed(1) : String(number);
  }

  function textOf(control, value) {
    if (control.kind === "several") return (value || []).join(",");
    if (control.kind === "bool") return value ? "1" : "0";
    if (control.kind === "float" && typeof value === "number") return floatText(value);
    const text = value === null || value === undefined ? "" : String(value).trim();
    return text === "" && ["numbers", "widths"].includes(control.kind) ? "none" : text;
  }

  // The value that a control takes for a text of the URL; undefined: it cannot hold it, and the server says why.
  function hold(control, text) {
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

  function decode(part) {
    try {
      return decodeURIComponent(part.replace(/\+/g, " "));
    } catch {
      return part;
    }
  }

  function encode(text) {
    return encodeURIComponent(text)
      .replace(/[!'()*]/g, (sign) => "%" + sign.charCodeAt(0).toString(16).toUpperCase())
      .replace(/%2C/g, ",");
  }

  function readQuery(search) {
    const parts = search.replace(/^\?/, "").split("&").filter(Boolean);
    return new Map(parts.map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [decode(part), ""] : [decode(part.slice(0, at)), decode(part.slice(at + 1))];
    }));
  }

  // ---------------------------------------------------------------- URL and controls

  let controls = null; // as lossatlas.app.layout.controls.declared tells them
  let known = null; // {search, texts}: what URL and controls said last
  let pause = 0; // the timer of a value that is still being typed
  let urlTheme = null;
  let trail = ""; // the windows between the whole picture and this one
  const EXTRAS = ["hide", "lesson", "page", "room"]; // names of the URL that no control holds
  let extras = {};
  const listeners = []; // called with the search text after every change of the state

  const placeOf = (name) => controls.findIndex((control) => control.name === name);
  const windowAt = () => placeOf("window");
  const ON_PLANE = ["window", "at"]; // coordinates that mean nothing on another plane
  const ON_CLOUD = ["brush", "frame"]; // regions that mean nothing on another cloud
  const BY_PICTURE = [...ON_PLANE, ...ON_CLOUD]; // written by clicks and drags

  function optionsWritten(texts, way) {
    const parts = controls
      .map((control, i) => [control.name, texts[i], control.default])
      .filter(([, text, usual]) => text !== usual)
      .map(([name, text]) => `${name}=${encode(text)}`);
    if (way && texts[windowAt()] !== "none") parts.push(`trail=${encode(way)}`);
    return parts;
  }

  function written(texts) {
    const beside = EXTRAS.filter((name) => extras[name]).map((name) => `${name}=${encode(extras[name])}`);
    if (urlTheme) beside.push(`theme=${urlTheme}`);
    const parts = atlas.shortenLesson(optionsWritten(texts, trail), beside);
    return parts.length ? "?" + parts.join("&") : "";
  }

  // The options that a search text gives, as the page itself would write them.
  function optionsOf(search) {
    const given = readQuery(search);
    const texts = controls.map((control) => {
      const held = hold(control, textFor(control, given));
      return held === undefined ? control.default : textOf(control, held);
    });
    return optionsWritten(texts, given.get("trail") ?? "");
  }

  // The theme is the browser's affair: it is cut out unless only a refusal can answer it. So are parts hidden and rooms.
  function question(search) {
    const parts = search.replace(/^\?/, "").split("&");
    const known = dress.THEMES.includes(readQuery(search).get("theme"));
    const own = (part) => (known && part.startsWith("theme=")) || /^(hide|room)=/.test(part);
    return parts.filter((part) => part && !own(part)).join("&");
  }

  // dash: (location.search, one value per control, what was declared) -> (location.search, one value per control)
  function sync(search, ...rest) {
    const told = rest.pop();
    const first = controls === null;
    if (first) {
      controls = told.controls;
      atlas.lessons = told.lessons;
      atlas.begin(told);
    }
    const now = first ? window.location.search : search ?? known.search;
    const answer = first || now !== known.search ? followUrl(now, rest) : followControls(rest);
    showWhatMatters();
    return answer;
  }

  function followUrl(search, values) {
    const given = readQuery(atlas.expandLesson(search));
    const none = window.dash_clientside.no_update;
    const theme = given.get("theme");
    urlTheme = dress.THEMES.includes(theme) ? theme : null;
    trail = given.get("trail") ?? "";
    extras = Object.fromEntries(EXTRAS.map((name) => [name, given.get(name) ?? null]));
    applyTheme();
    window.clearTimeout(pause);
    const texts = values.map((value, i) => textOf(controls[i], value));
    const outputs = controls.map((control, i) => {
      const held = hold(control, textFor(control, given));
      if (held === undefined || textOf(control, held) === texts[i]) return none;
      texts[i] = textOf(control, held);
      return held;
    });
    known = { search, texts };
    show(search, texts);
    return [none, ...outputs];
  }

  // What the URL says of a control: of the activations only the first stands where something else is compared.
  function textFor(control, given) {
    const text = given.get(control.name) ?? control.default;
    return control.kind === "several" && (given.get("compare") ?? BY) !== BY ? text.split(",")[0].trim() : text;
  }

  const BY = "activation"; // what is compared unless the reader says otherwise

  // Another comparison begins with the columns offered for it. Where activations are not compared, one is chosen.
  function compareBy(texts, values, outputs) {
    const [by, columns, chips] = ["compare", "columns", BY].map(placeOf);
    const names = values[chips] || [];
    if (texts[by] !== known.texts[by]) {
      texts[columns] = outputs[columns] = texts[by] === BY ? "" : controls[placeOf(texts[by])].offered;
      texts[chips] = texts[by] === BY ? controls[chips].default : names[0] ?? known.texts[chips].split(",")[0];
    } else if (texts[by] !== BY && names.length !== 1) {
      texts[chips] = names.find((name) => name !== known.texts[chips]) ?? known.texts[chips];
    } else return;
    outputs[chips] = texts[chips].split(",");
  }

  function followControls(values) {
    const none = window.dash_clientside.no_update;
    const outputs = controls.map(() => none);
    const texts = values.map((value, i) => textOf(controls[i], value));
    for (const name of BY_PICTURE) {
      const at = placeOf(name);
      if (texts[at] === known.texts[at] || document.activeElement === byId(`option-${name}`)) continue;
      outputs[at] = texts[at] = known.texts[at]; // dash repeats, late, what the page put there itself
    }
    compareBy(texts, values, outputs);
    const place = placeOf(BY);
    const chosen = texts[place].split(",").filter(Boolean).length;
    if (chosen < 1 || chosen > controls[place].most) {
      atlas.say(`Between 1 and ${controls[place].most} activations stand side by side; ` +
        (chosen ? "take one away first." : "choose another one first."), "note");
      texts[place] = known.texts[place];
      outputs[place] = texts[place].split(",");
    }
    const moved = controls.filter((_, i) => texts[i] !== known.texts[i]);
    window.clearTimeout(pause);
    if (!moved.length) return [none, ...outputs];
    if (!moved.every(isTyped)) {
      for (const at of leftBehind(texts)) outputs[at] = texts[at] = "none";
      return [commit(texts), ...outputs];
    }
    if (moved.every((control) => control.followed)) atlas.glance(question(written(texts)));
    // Not the control's own `debounce`: that repeats a value late, also one that the URL put there and took back.
    pause = window.setTimeout(settle, TYPING, texts);
    return [none, ...outputs];
  }

  const TYPING = 450; // ms without a keystroke before a typed value counts
  const isTyped = (control) => !["choice", "bool", "several"].includes(control.kind);

  let held = false; // a slider under the pointer: the picture follows it, the URL waits until it is let go
  document.addEventListener("pointerdown", ({ target }) => {
    held = Boolean(target.closest(".mantine-Slider-root"));
  }, true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (held = false), true);

  function settle(texts) {
    if (held) {
      pause = window.setTimeout(settle, TYPING, texts);
      return;
    }
    const left = leftBehind(texts);
    for (const at of left) texts[at] = "none";
    setProps("location", { search: commit(texts) });
    for (const at of left) setProps(`option-${controls[at].name}`, { value: "none" });
  }

  // Places of the coordinates on a plane, or on a cloud, that the question turns away from: they mean something else on another.
  function leftBehind(texts) {
    const moved = (flag) => controls.some((control, i) => control[flag] && texts[i] !== known.texts[i]);
    const names = [...(moved("leaves") ? ON_PLANE : []), ...(moved("leavesCloud") ? ON_CLOUD : [])];
    return names.map(placeOf).filter((at) => texts[at] !== "none" && texts[at] === known.texts[at]);
  }

  // The controls' texts become what URL and stream say; returns the new location.search.
  function commit(texts, way = "") {
    if (texts[windowAt()] !== known.texts[windowAt()]) trail = way;
    const search = written(texts);
    known = { search, texts };
    show(search, texts);
    showWhatMatters();
    return search;
  }

  function show(search, texts) {
    atlas.setPlace(texts[placeOf("place")]);
    atlas.open(question(search));
    atlas.showWindow(texts[windowAt()], trail);
    atlas.showPoint(texts[placeOf("at")]);
    atlas.showCloud(texts[placeOf("brush")], texts[placeOf("frame")]);
    for (const listener of listeners) listener(search);
  }

  // Other texts for some controls, by name, and the way to a window.
  function put(changes, way = trail) {
    if (!controls) return;
    const texts = [...known.texts];
    for (const [name, text] of Object.entries(changes)) texts[placeOf(name)] = text;
    if (texts.every((text, i) => text === known.texts[i])) return;
    window.clearTimeout(pause);
    setProps("location", { search: commit(texts, way) });
    for (const name of Object.keys(changes)) setControl(name, texts[placeOf(name)]);
  }

  function setControl(name, text) {
    const value = hold(controls[placeOf(name)], text);
    setProps(`option-${name}`, typeof value === "boolean" ? { checked: value } : { value: value ?? text });
  }

  // A whole state, as if its link had been followed.
  const visit = (search) => controls && search !== known.search && setProps("location", { search });

  function setExtras(changes) {
    Object.assign(extras, changes);
    if (controls && written(known.texts) !== known.search) setProps("location", { search: commit([...known.texts]) });
  }

  const onState = (listener) => listeners.push(listener);

  // ---------------------------------------------------------------- columns: move, take away, pin

  function setColumns(names, baseline) {
    const by = known.texts[placeOf("compare")] === BY;
    put({ [by ? BY : "columns"]: names.join(","), baseline: String(baseline) });
  }

  const pinned = () => Number(known.texts[placeOf("baseline")]);

  function moveColumn(place, by) {
    const names = atlas.columns();
    const other = place + by;
    if (other < 0 || other >= names.length) return;
    [names[place], names[other]] = [names[other], names[place]];
    const follows = { [place + 1]: other + 1, [other + 1]: place + 1 };
    setColumns(names, follows[pinned()] ?? pinned());
  }

  function removeColumn(place) {
    const names = atlas.columns();
    if (names.length < 2) return atlas.say("The last column stays; choose another one first.", "note");
    names.splice(place, 1);
    const pin = pinned();
    setColumns(names, pin === place + 1 ? 0 : pin > place + 1 ? pin - 1 : pin);
  }

  const pin = (place) => put({ baseline: pinned() === place + 1 ? "0" : String(place + 1) });

  const zoom = (text, way) => put({ window: text }, way);

  function showWhatMatters() {
    const value = Object.fromEntries(controls.map((control, i) => [control.name, known.texts[i]]));
    for (const control of controls) {
      const row = byId(`row-${control.name}`);
      if (!row) continue;
      row.hidden = Object.entries(control.when).some(([other, needed]) =>
        isHere(other, value.place) && !value[other].split(",").some((name) => needed.includes(name)));
      const either = Object.entries(control.either).filter(([other]) => isHere(other, value.place));
      if (either.length && !either.some(([other, needed]) => value[other].split(",").some((name) => needed.includes(name)))) {
        row.hidden = true;
      }
      if (control.name !== BY && control.name === value.compare) row.hidden = true; // its values are the columns
    }
    const empty = (part) => ![...part.querySelectorAll(".row")].some((row) => !row.hidden);
    for (const part of document.querySelectorAll(".sections section, .sections details")) part.hidden = empty(part);
  }

  // Whether this place's questions have an option at all: one that they lack forbids nothing.
  function isHere(name, place) {
    return name === "place" || (controls[placeOf(name)].when.place ?? [place]).includes(place);
  }

  clientside.lossatlas = { sync };

  // ---------------------------------------------------------------- theme and type size, kept in this browser only

  function applyTheme() {
    const choice = dress.choice(urlTheme);
    const theme = dress.shown(choice);
    byId("theme").textContent = `Theme: ${choice}`;
    if (theme === atlas.theme) return;
    atlas.theme = theme;
    setProps("mantine", { forceColorScheme: theme });
    atlas.redraw();
  }

  function nextTheme() {
    dress.nextTheme(dress.choice(urlTheme));
    if (urlTheme) {
      urlTheme = null;
      setProps("location", { search: written(known.texts) });
    }
    applyTheme();
  }

  function applySize() {
    const large = dress.isLarge();
    document.documentElement.classList.toggle("presenter", large);
    byId("presenter").setAttribute("aria-pressed", String(large));
    atlas.enlarged = large ? 1.3 : 1;
  }

  function nextSize() {
    dress.nextSize();
    applySize();
    atlas.redraw();
  }

  dress.onSystem(() => controls && applyTheme());
  Object.assign(atlas, { applySize, question, zoom, put, visit, onState, setExtras, optionsOf, floatText,
    extra: (name) => extras[name] ?? null, act: (name, does) => (ACTS[name] = does) });

  // ---------------------------------------------------------------- buttons and keys

  function moreActivations(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "fewer" : "more…";
    byId("chips").toggleAttribute("data-open", open);
  }

  const ACTS = {
    theme: nextTheme,
    presenter: nextSize,
    help: () => {
      byId("help").showModal(); // its one button, which has the focus, is at the end
      byId("help").scrollTop = 0;
    },
    cancel: () => atlas.cancelOrAgain(),
    inward: () => atlas.zoomIn(),
    outward: () => atlas.zoomOut(),
    sliceHere: () => atlas.sliceHere(),
    spectrumHere: () => atlas.spectrumHere(),
    spectrumAtEnd: () => put({ at: "none" }),
    copyTable: () => atlas.copyTable(),
    saveTable: () => atlas.saveTable(),
    pin: (button) => pin(Number(button.dataset.column)),
    toLeft: (button) => moveColumn(Number(button.dataset.column), -1),
    toRight: (button) => moveColumn(Number(button.dataset.column), 1),
    remove: (button) => removeColumn(Number(button.dataset.column)),
  };

  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("#cancel, #more-activations, #chips")) return; // a double click is one
    const crumb = event.target.closest("[data-crumb]");
    if (crumb) atlas.zoomTo(Number(crumb.dataset.crumb));
    const button = event.target.closest("[data-act]");
    if (button) ACTS[button.dataset.act]?.(button);
    const more = event.target.closest("#more-activations");
    if (more) moreActivations(more);
    for (const menu of document.querySelectorAll("details.exports[open]")) {
      if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
    }
  });

  const choose = (name, value) => setProps(`option-${name}`, { value });
  atlas.addKeys({
    "/": () => byId("option-dataset").focus(), // its menu opens, and typing searches it
    s: () => choose("mode", "surface"),
    c: () => choose("mode", "contour"),
    1: () => choose("place", "landscape"),
    2: () => choose("place", "curvature"),
    3: () => choose("place", "clouds"),
    4: () => choose("place", "training"),
    5: () => choose("place", "morph"),
    i: () => atlas.zoomIn(),
    o: () => atlas.zoomOut(),
    l: () => byId("option-log").click(),
    t: nextTheme,
    p: nextSize,
    "?": ACTS.help,
    Escape: () => atlas.cancel(),
  }, { when: () => controls });
})();
