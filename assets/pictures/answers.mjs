// @ts-check
// What the stream's events say: plan, panels, numbers, colour bar, and sentences.

import { joined, onJoined, setProps } from "../base/dash.mjs";
import { told } from "../base/declared.mjs";
import { byId, make, within, write } from "../base/dom.mjs";
import { say, unsay } from "../base/message.mjs";
import { forgetPoint, setSelection } from "../windows/clouds.mjs";
import { bars, drawBar } from "./bar.mjs";
import { closeStream, glanceAgain, pictured, query, reconnectIn, setPhase, take } from "./connection.mjs";
import { giveUp } from "./contexts.mjs";
import { restore, showFigure } from "./draw.mjs";
import { setPlace } from "./place.mjs";
import { todo } from "./queue.mjs";
import { setWords } from "./restyle.mjs";
import { inUse, plan, setExports, setPlan, setState, setWarnings, slots } from "./slots.mjs";
import { setRows } from "./table.mjs";
import { explain } from "./words.mjs";

/** @typedef {import("./slots.mjs").Slot} Slot */
/** @typedef {import("./slots.mjs").Plan} Plan */

take({
  plan(event) {
    const before = plan;
    setPlan({ ...event, asked: query });
    unsay("refused", "busy", "note", "lost");
    write(byId("sentence"), event.sentence);
    write(byId("equal"), event.equal || "");
    write(byId("cost"), event.cost || "");
    setSettings(event);
    setPlace(plan.place);
    for (let place = 0; place < told.columns; place += 1) setColumn(place, event.columns[place], before);
    if (before?.asked !== query) byId("comparison").dataset.stale = "1";
    const walks = told.panels.filter((panel) => told.facts[panel].brushes && !told.presets[panel]);
    const walked = (one) => JSON.stringify(one?.columns.map(({ asked }) => walks.map((panel) => asked[panel])));
    if (before && walked(before) !== walked(plan)) forgetPoint();
  },

  panel(event) {
    const slot = slots.get(`${event.column}-${event.panel}`);
    if (!slot) return;
    setState(slot, event.state, event.text);
    if (event.state === "failed" || event.state === "none") restore(slot);
    if (event.query !== undefined) setExports(slot, event.query);
    setWords(slot, event);
    if (event.figure) showFigure(slot, event.figure, event.mark);
    if (event.selection !== undefined) setSelection(slot, event.selection);
    if (event.figure || event.state === "failed" || event.state === "none") pictured.add(slot);
    glanceAgain();
  },

  numbers(event) {
    within(byId(`column-${event.column}`), ".numbers").replaceChildren(...event.rows.map(([name, value]) => {
      const pair = make("div");
      pair.append(make("dt", name), make("dd", value));
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
    closeStream();
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
    closeStream();
    say(event.sentence, "busy");
    reconnectIn(BUSY);
  },

  done() {
    closeStream();
    setPhase(inUse().some((slot) => slot.state === "failed") ? "failed" : "done");
  },
});

const BUSY = 2000; // ms until a busy server is asked again

/** @param {Slot} slot */
function empty(slot) {
  setSelection(slot, null);
  if (slot.listens) giveUp(slot);
  delete slot.place.dataset.resting;
  Object.assign(slot, { next: null, figure: null, given: null, camera: null, listens: false });
  todo.delete(slot);
  write(within(slot.place, ".caption"), "");
  within(slot.place, ".exports").hidden = true;
  setWarnings(slot, []);
  explain(slot.place, { alt: "", odd: [] });
}

/**
 * @param {number} place
 * @param {Plan["columns"][0] | undefined} column
 * @param {Plan | null} before the plan before this one
 */
function setColumn(place, column, before) {
  const article = byId(`column-${place}`);
  const last = before?.columns[place];
  article.hidden = !column;
  const mine = [...slots.values()].filter((slot) => slot.column === place);
  if (!column || column.name !== last?.name || plan.compare !== before?.compare) {
    within(article, ".numbers").replaceChildren();
    mine.forEach(empty);
  }
  if (!column) return;
  headColumn(article, column, plan.baseline === String(place + 1));
  for (const slot of mine) {
    slot.plot.setAttribute("aria-label", `${within(slot.place, "h3").textContent} of ${column.label}`);
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

function headColumn(article, column, isPinned) {
  article.style.setProperty("--hue", column.hue);
  article.toggleAttribute("data-pinned", isPinned);
  within(article, "[data-act=pin]").setAttribute("aria-pressed", String(isPinned));
  article.setAttribute("aria-label", column.label);
  write(within(article, ".activation"), column.label);
  within(article, ".curve", HTMLImageElement).src = column.curve;
}

const chipColours = new Map();

function colourChip({ name, hue }) {
  const id = `chip-${name}`;
  if (!joined || chipColours.get(id) === hue || !byId(id)) return;
  chipColours.set(id, hue);
  setProps(id, { color: hue });
}

onJoined(() => plan?.columns.forEach(colourChip));

// What differs between the columns, what is equal, and the classes of the data that they share.
function setSettings({ settings, columns, data }) {
  const { differ, equal } = settings;
  byId("settings").parentElement.hidden = false;
  const differs = differ.map(([, label]) => (/^.[a-z]/.test(label) ? label[0].toLowerCase() + label.slice(1) : label)).join(", ");
  const counted = columns.length < 2 ? `${equal.length} settings`
    : `Differs: ${differs || "nothing"}. ${equal.length} settings are equal`;
  write(byId("settings-told"), [counted, data].filter(Boolean).join(". "));
  const table = make("table");
  const row = ([name, ...cells]) => {
    const line = make("tr");
    line.append(Object.assign(make("th", name), { scope: "row" }), ...cells.map((cell) => make("td", cell)));
    return line;
  };
  if (differ.length) table.append(...differ.map(([, label, texts]) => row([label, ...texts])));
  const list = make("p", equal.map(([, label, text]) => `${label} ${text}`).join(" · "));
  byId("settings").replaceChildren(table, list);
}
