// Lessons: words beside the pictures, step by step, for one reader or for an audience.
// A step's address is short, ?lesson=xor&page=2; `expand` gives the state it stands for, `shorten` writes it.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;

  // ---------------------------------------------------------------- short addresses, as lossatlas.app.state.lesson.expand

  const BESIDE = ["lesson", "page", "theme", "hide", "room"]; // no part of the question or of its look

  // {name, page, state} of the step that an address names; null: it names none that is known.
  function stepOf(search) {
    const given = new URLSearchParams(search);
    const name = given.get("lesson");
    const states = name && Object.hasOwn(atlas.lessons || {}, name) ? atlas.lessons[name] : [];
    const text = given.get("page") ?? "1";
    const state = /^\d{1,3}$/.test(text) ? states[Number(text) - 1] : undefined;
    return state === undefined ? null : { name, page: Number(text), state };
  }

  const isShort = (search) => [...new URLSearchParams(search).keys()].every((name) => BESIDE.includes(name));

  // The whole state that an address stands for.
  function expand(search) {
    const step = isShort(search) && stepOf(search);
    return step ? `?${[step.state, search.replace(/^\?/, "")].filter(Boolean).join("&")}` : search;
  }

  // How an address is written: `options` are those of the page as name=value, `beside` those that are no controls. A
  // step's own state is implied; any other state says at least one option, so that it is not taken for the step's.
  function shorten(options, beside) {
    const step = stepOf(`?${beside.join("&")}`);
    if (!step) return [...options, ...beside];
    const hidden = new URLSearchParams(step.state).get("hide");
    const hides = new URLSearchParams(beside.join("&")).get("hide");
    if (same(options, atlas.optionsOf(`?${step.state}`)) && (hides || !hidden)) {
      return beside.filter((part) => !part.startsWith("hide=") || hides !== hidden);
    }
    return [...(options.length ? options : ["place=landscape"]), ...beside];
  }

  const same = (some, others) => some.length === others.length && some.every((one) => others.includes(one));

  Object.assign(atlas, { expandLesson: expand, shortenLesson: shorten });

  // ---------------------------------------------------------------- what is shown

  const words = new Map(); // name -> a promise of the lesson's words
  const predictions = new Map(); // "xor 2" -> the choice made, or SKIPPED; kept in this page only
  const SKIPPED = -1;

  let lesson = null; // the words of the lesson shown
  let page = 0; // its step, from 1
  let mode = ""; // "": no lesson; "read": its panel; "explore": the controls; "present": the stage
  let away = false; // whether the pictures are not the step's
  let inView = 0; // the step that the reader has scrolled to
  let scrolls = false; // whether it is the reader who scrolls
  let settling = 0;

  const EDGE = 6; // px between the panel's edge and a step
  const SETTLE = 450; // ms that a step stays in view before its pictures are asked for
  const keyOf = (number) => `${lesson.name} ${number}`;
  const stepAt = (number) => lesson.steps[number - 1];
  const isAsked = (number) => Boolean(stepAt(number).ask) && !predictions.has(keyOf(number));

  function make(tag, text, className) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function fetchWords(name) {
    if (!words.has(name)) {
      const found = fetch(`/lessons/${encodeURIComponent(name)}.json`).then((answer) => {
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      });
      found.catch(() => words.delete(name));
      words.set(name, found);
    }
    return words.get(name);
  }

  // Stays until the page's state changes: a note would go with the next plan.
  const remark = (sentence) => atlas.say(sentence, "lesson");

  // The page's state has changed.
  function follow(search) {
    if (byId("message").dataset.kind === "lesson") atlas.say("", "");
    const name = atlas.extra("lesson");
    if (!name) return close();
    const step = stepOf(search);
    if (!step) return lost(name);
    away = !isShort(search);
    fetchWords(name).then((found) => {
      if (stepOf(window.location.search)?.name === name) show(found, step.page);
    }, () => remark("The lesson's words did not arrive; reload the page."));
  }

  function lost(name) {
    const known = Object.hasOwn(atlas.lessons, name);
    const which = known ? `Lesson “${name}” has no such page` : `There is no lesson called “${name.slice(0, 60)}”`;
    close();
    atlas.setExtras({ lesson: null, page: null });
    remark(`${which}. All lessons stand under Lessons, at the top; this is the atlas itself.`);
  }

  function show(found, number) {
    if (lesson?.name !== found.name) {
      lesson = found;
      build();
    }
    const moved = page !== number;
    page = number;
    if (!mode) setMode(away ? "explore" : "read");
    mark();
    if (moved && inView !== number) scrollTo(number);
    if (mode === "present") stage();
    whenDone();
  }

  function setMode(next) {
    mode = next;
    if (mode) root.dataset.lesson = mode;
    else delete root.dataset.lesson;
    byId("lesson").hidden = mode !== "read";
    byId("lesson-return").hidden = mode !== "explore";
    byId("lesson-stage").hidden = mode !== "present";
    veil();
  }

  function close() {
    stopAhead();
    if (mode === "present") endPresenting();
    if (mode) setMode("");
    [lesson, page, away, inView] = [null, 0, false, 0];
    byId("lesson-steps").replaceChildren();
  }

  // Pictures that would give a prediction away come after it.
  function veil() {
    const hides = (mode === "read" || mode === "present") && !away && lesson && isAsked(page);
    root.toggleAttribute("data-veil", Boolean(hides));
  }

  // ---------------------------------------------------------------- the panel

  function build() {
    byId("lesson-title").textContent = lesson.title;
    byId("lesson-steps").replaceChildren(...lesson.steps.map((step, i) => section(step, i + 1)));
    byId("lesson-steps").scrollTop = 0;
    byId("lesson-marks").replaceChildren(...lesson.steps.map((step, i) => {
      const button = Object.assign(make("button"), { type: "button", title: `${i + 1}. ${step.title}` });
      button.setAttribute("aria-label", button.title);
      button.addEventListener("click", () => go(i + 1));
      const item = make("li");
      item.append(button);
      return item;
    }));
    [page, inView] = [0, 1];
    if (!watcher) listen();
    watcher.disconnect();
    for (const part of byId("lesson-steps").children) watcher.observe(part);
  }

  function section(step, number) {
    const part = make("section", "", "step");
    part.dataset.step = number;
    const title = Object.assign(make("button", step.title), { type: "button" });
    const heading = make("h3");
    heading.append(make("span", `${number} `, "count"), title);
    part.append(heading, ...step.text.map((text) => make("p", text)));
    if (step.ask) part.append(question(step.ask, number));
    part.append(reveal(step, number));
    part.addEventListener("click", (event) => {
      const inside = event.target.closest("form");
      if (!inside && window.getSelection().isCollapsed) go(number);
    });
    return part;
  }

  function reveal(step, number) {
    const part = make("div", "", "reveal");
    part.hidden = isAsked(number);
    const look = make("p", "", "look");
    look.append(make("strong", "Look: "), step.look);
    const list = make("ul", "", "facts");
    list.hidden = !step.facts.length;
    list.append(...step.facts.map((fact) => factLine({ ...fact, here: "" })));
    part.append(make("p", "", "verdict"), look, list);
    if (!part.hidden && step.ask) tell(part, step.ask, predictions.get(keyOf(number)));
    return part;
  }

  function factLine({ says, expected, here, holds }) {
    const item = make("li");
    item.dataset.holds = here ? String(holds) : "";
    const measured = here ? `here ${here}${holds ? "" : ", which is not as expected"}` : "not computed yet";
    item.append(make("span", says), " ", make("span", `Expected ${expected}; ${measured}.`, "measured"));
    return item;
  }

  function question(ask, number) {
    const form = make("form", "", "ask");
    const field = make("fieldset");
    field.append(make("legend", ask.question), ...ask.choices.map((choice, i) => {
      const label = make("label");
      const radio = Object.assign(make("input"), { type: "radio", name: `ask-${number}`, value: String(i) });
      label.append(radio, make("span", choice));
      return label;
    }));
    const check = Object.assign(make("button", "Check", "button"), { type: "submit", disabled: true });
    const skip = Object.assign(make("button", "Show without choosing", "quiet"), { type: "button" });
    const buttons = make("div", "", "tools");
    buttons.append(check, skip);
    form.append(field, buttons);
    form.addEventListener("focusin", () => number !== page && settle(number));
    form.addEventListener("change", () => (check.disabled = false));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      predict(number, Number(new FormData(form).get(`ask-${number}`)));
    });
    skip.addEventListener("click", () => predict(number, SKIPPED));
    if (!isAsked(number)) freeze(form, ask, predictions.get(keyOf(number)));
    return form;
  }

  function freeze(form, ask, choice) {
    form.querySelector("fieldset").disabled = true;
    form.querySelector(".tools").hidden = true;
    for (const [i, radio] of form.querySelectorAll("input").entries()) {
      radio.checked = i === choice;
      radio.parentElement.toggleAttribute("data-answer", i === ask.answer);
    }
  }

  function tell(part, ask, choice) {
    const answer = `“${ask.choices[ask.answer]}”`;
    const verdict = part.querySelector(".verdict");
    const start = choice === SKIPPED ? `It is ${answer}.` : choice === ask.answer ? "Right." : `Not so: it is ${answer}.`;
    verdict.textContent = `${start} ${ask.why}`;
  }

  function predict(number, choice) {
    predictions.set(keyOf(number), choice);
    const part = byId("lesson-steps").children[number - 1];
    freeze(part.querySelector("form"), stepAt(number).ask, choice);
    const shown = part.querySelector(".reveal");
    shown.hidden = false;
    const verdict = shown.querySelector(".verdict");
    verdict.tabIndex = -1;
    tell(shown, stepAt(number).ask, choice);
    if (mode === "read") verdict.focus({ preventScroll: true }); // the button that had the focus is gone
    if (mode === "present") stage();
    veil();
    if (number === page) whenDone();
  }

  function mark() {
    const count = lesson.steps.length;
    byId("lesson-count").textContent = `Step ${page} of ${count} · ${lesson.minutes} min in all`;
    byId("lesson-away").hidden = !away;
    byId("lesson-back").disabled = page === 1;
    byId("lesson-next").disabled = page === count;
    byId("lesson-return-text").textContent = `Step ${page} of “${lesson.title}” waits.`;
    for (const [i, part] of [...byId("lesson-steps").children].entries()) {
      part.toggleAttribute("data-current", i + 1 === page);
      part.querySelector("h3 button").setAttribute("aria-current", i + 1 === page ? "step" : "false");
    }
    for (const [i, item] of [...byId("lesson-marks").children].entries()) {
      item.dataset.at = i + 1 < page ? "past" : i + 1 === page ? "here" : "";
      item.firstChild.setAttribute("aria-current", i + 1 === page ? "step" : "false");
    }
    veil();
  }

  // ---------------------------------------------------------------- moving

  // The address of a step, with what the reader's own holds beside the question.
  function addressOf(number) {
    const given = new URLSearchParams(window.location.search);
    const parts = [`lesson=${lesson.name}`, `page=${number}`];
    for (const name of isShort(window.location.search) ? ["hide", "room", "theme"] : ["room", "theme"]) {
      if (given.get(name)) parts.push(`${name}=${encodeURIComponent(given.get(name)).replaceAll("%2C", ",")}`);
    }
    return `?${parts.join("&")}`;
  }

  function go(number) {
    window.clearTimeout(settling);
    if (!lesson || number < 1 || number > lesson.steps.length || (number === page && !away)) return;
    atlas.visit(addressOf(number));
  }

  function settle(number) {
    window.clearTimeout(settling);
    if (number !== page) settling = window.setTimeout(go, SETTLE, number);
  }

  function scrollTo(number) {
    [inView, scrolls] = [number, false];
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches || mode !== "read";
    const steps = byId("lesson-steps"); // alone: scrollIntoView would move the pictures, too
    steps.scrollTo({ top: steps.children[number - 1].offsetTop - EDGE, behavior: calm ? "auto" : "smooth" });
  }

  let watcher = null; // of the steps that cross a line in the panel's upper third

  function listen() {
    const steps = byId("lesson-steps");
    watcher = new IntersectionObserver((entries) => {
      const crossing = entries.find((entry) => entry.isIntersecting);
      if (!crossing || !scrolls) return;
      inView = Number(crossing.target.dataset.step);
      settle(inView);
    }, { root: steps, rootMargin: "-28% 0px -71% 0px" });
    for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      steps.addEventListener(kind, () => (scrolls = true), { passive: true });
    }
    new ResizeObserver(([entry]) => {
      root.style.setProperty("--stage", `${entry.target.offsetHeight}px`); // the pictures take what the words leave
    }).observe(byId("lesson-stage"));
  }

  // ---------------------------------------------------------------- facts, as this machine has computed them

  function whenDone() {
    const phase = root.dataset.phase;
    if (!lesson || away || !["done", "failed"].includes(phase)) return;
    showFacts(lesson, page);
    if (mode === "present") warmNext();
  }

  async function showFacts(of, number) {
    if (!of.steps[number - 1].facts.length) return;
    try {
      const answer = await fetch(`/lessons/${of.name}/${number}/facts`);
      if (!answer.ok || lesson !== of) return;
      const list = byId("lesson-steps").children[number - 1].querySelector(".facts");
      list.replaceChildren(...(await answer.json()).map(factLine));
      list.dataset.measured = "1";
    } catch {
      // the expected values stay; the next visit asks again
    }
  }

  // ---------------------------------------------------------------- the stage

  let black = false;
  let notes = false;
  let full = false; // whether the stage has taken the whole screen

  function present() {
    if (!lesson) return;
    if (away) atlas.visit(addressOf(page));
    setMode("present");
    document.activeElement?.blur(); // a space is the next step, not a click
    root.classList.add("presenter");
    atlas.enlarged = 1.3;
    atlas.redraw();
    fill();
    stage();
    window.scrollTo(0, 0);
    whenDone();
  }

  function fill() {
    Promise.resolve(root.requestFullscreen?.()).then(() => (full = Boolean(document.fullscreenElement)), () => {});
  }

  function endPresenting() {
    stopAhead();
    [black, notes, full] = [false, false, false];
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    atlas.applySize();
    atlas.redraw();
  }

  function leaveStage() {
    endPresenting();
    setMode("read");
    scrollTo(page);
    byId("lesson-present").focus();
  }

  function stage() {
    const step = stepAt(page);
    const asked = isAsked(page);
    byId("stage-title").textContent = step.title;
    byId("stage-count").textContent = `${page} / ${lesson.steps.length}`;
    byId("stage-look").textContent = asked ? "" : step.look;
    byId("stage-question").textContent = step.ask ? step.ask.question : "";
    byId("stage-choices").replaceChildren(...(step.ask?.choices || []).map((choice, i) => {
      const item = make("li", choice);
      item.toggleAttribute("data-answer", !asked && i === step.ask.answer);
      return item;
    }));
    byId("stage-why").textContent = asked || !step.ask ? "" : step.ask.why;
    byId("stage-notes").replaceChildren(...(step.notes.length ? step.notes : ["No notes."]).map((text) => make("p", text)));
    byId("stage-notes").hidden = !notes;
    byId("lesson-black").hidden = !black;
    veil();
  }

  function onward() {
    if (isAsked(page) && !away) predict(page, SKIPPED);
    else if (away) go(page);
    else go(page + 1);
  }

  const STAGE = {
    ArrowRight: onward, ArrowDown: onward, PageDown: onward, " ": onward, Enter: onward,
    ArrowLeft: () => go(page - 1), ArrowUp: () => go(page - 1), PageUp: () => go(page - 1),
    Home: () => go(1), End: () => go(lesson.steps.length),
    n: () => (notes = !notes),
    b: () => (black = !black),
    ".": () => (black = !black),
    f: () => (document.fullscreenElement ? unfill() : fill()),
    Escape: leaveStage,
  };

  function unfill() {
    full = false; // asked for, so that the stage stays
    document.exitFullscreen().catch(() => {});
  }

  function onStage(act) {
    if (black) black = false; // any key brings the pictures back
    else act();
    if (mode === "present") stage();
  }

  // ---------------------------------------------------------------- the next step, computed ahead

  let ahead = null; // stops the request under way
  const computed = new Set(); // the steps asked for to the end

  function stopAhead() {
    ahead?.abort();
    ahead = null;
  }

  // Asks as the page would, and throws the pictures away: what was computed is in the cache.
  async function warmNext() {
    stopAhead();
    const next = page + 1;
    if (next > lesson.steps.length || computed.has(keyOf(next))) return;
    const [mine, key] = [new AbortController(), keyOf(next)];
    ahead = mine;
    try {
      const answer = await fetch(`/stream?lesson=${lesson.name}&page=${next}`, { signal: mine.signal });
      const reader = answer.body.getReader();
      while (!(await reader.read()).done);
      computed.add(key);
    } catch {
      // the step itself will ask
    }
  }

  // ---------------------------------------------------------------- beginning

  function explore() {
    setMode("explore");
    byId("lesson-return-button").focus();
  }

  function comeBack() {
    if (away) atlas.visit(addressOf(page));
    if (mode !== "explore") return;
    setMode("read");
    scrollTo(page);
    byId("lesson-present").focus();
  }

  function begin() {
    atlas.onState(follow);
    atlas.act("lessonExplore", explore);
    atlas.act("lessonReturn", comeBack);
    atlas.act("lessonPresent", present);
    atlas.act("lessonBack", () => go(page - 1));
    atlas.act("lessonNext", () => go(page + 1));
    atlas.act("lessonLeave", () => atlas.setExtras({ lesson: null, page: null }));
    const acts = Object.entries(STAGE).map(([key, act]) => [key, () => onStage(act)]);
    atlas.addKeys(Object.fromEntries(acts), { when: () => mode === "present", first: true });
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement && full && mode === "present") leaveStage(); // Esc is the browser's own there
    });
    new MutationObserver(whenDone).observe(root, { attributeFilter: ["data-phase"] });
  }

  Object.defineProperty(atlas, "lesson", {
    get: () => ({ name: lesson?.name ?? null, page, mode, away, veiled: root.hasAttribute("data-veil"),
      ahead: [...computed] }),
  });
  document.addEventListener("DOMContentLoaded", begin); // page.js comes after this script
})();
