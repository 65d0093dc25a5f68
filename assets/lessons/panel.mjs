// @ts-check
// A lesson's panel: words, questions and facts beside the pictures.

import { allWithin, around, byId, make, within } from "../base/dom.mjs";
import { go, setInView, settleOn, watchSteps } from "./moving.mjs";
import { isAsked, keyOf, predictions, reading, SKIPPED, stepAt, veil } from "./reading.mjs";

/** @typedef {import("./reading.mjs").Step} Step */
/** @typedef {import("./reading.mjs").Ask} Ask */
/** @typedef {import("./reading.mjs").Fact} Fact */

const listeners = [];

/** Called with the number of a step, once its prediction is made or skipped. */
export const onPredicted = (listener) => listeners.push(listener);

/** The panel of another lesson. */
export function build() {
  const { lesson } = reading;
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
  reading.page = 0;
  setInView(1);
  watchSteps();
}

/**
 * @param {Step} step
 * @param {number} number
 */
function section(step, number) {
  const part = make("section", "", "step");
  part.dataset.step = String(number);
  const title = Object.assign(make("button", step.title), { type: "button" });
  const heading = make("h3");
  heading.append(make("span", `${number} `, "count"), title);
  part.append(heading, ...step.text.map((text) => make("p", text)));
  if (step.ask) part.append(question(step.ask, number));
  part.append(reveal(step, number));
  part.addEventListener("click", (event) => {
    const inside = around(event, "form");
    if (!inside && getSelection().isCollapsed) go(number);
  });
  return part;
}

/**
 * @param {Step} step
 * @param {number} number
 */
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

/** @param {Fact} fact */
function factLine({ says, expected, here, holds }) {
  const item = make("li");
  item.dataset.holds = here ? String(holds) : "";
  const measured = here ? `here ${here}${holds ? "" : ", which is not as expected"}` : "not computed yet";
  item.append(make("span", says), " ", make("span", `Expected ${expected}; ${measured}.`, "measured"));
  return item;
}

/**
 * @param {Ask} ask
 * @param {number} number
 */
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
  form.addEventListener("focusin", () => number !== reading.page && settleOn(number));
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
  within(form, "fieldset", HTMLFieldSetElement).disabled = true;
  within(form, ".tools").hidden = true;
  for (const [i, radio] of allWithin(form, "input", HTMLInputElement).entries()) {
    radio.checked = i === choice;
    radio.parentElement.toggleAttribute("data-answer", i === ask.answer);
  }
}

function tell(part, ask, choice) {
  const answer = `“${ask.choices[ask.answer]}”`;
  const verdict = within(part, ".verdict");
  const start = choice === SKIPPED ? `It is ${answer}.` : choice === ask.answer ? "Right." : `Not so: it is ${answer}.`;
  verdict.textContent = `${start} ${ask.why}`;
}

/**
 * @param {number} number
 * @param {number} choice
 */
export function predict(number, choice) {
  predictions.set(keyOf(number), choice);
  const part = partOf(number);
  freeze(within(part, "form"), stepAt(number).ask, choice);
  const shown = within(part, ".reveal");
  shown.hidden = false;
  const verdict = within(shown, ".verdict");
  verdict.tabIndex = -1;
  tell(shown, stepAt(number).ask, choice);
  if (reading.mode === "read") verdict.focus({ preventScroll: true }); // the button that had the focus is gone
  veil();
  for (const listener of listeners) listener(number);
}

const partOf = (number) => /** @type {HTMLElement} */ (byId("lesson-steps").children[number - 1]);

/** Which step the reader is at. */
export function mark() {
  const { lesson, page, away } = reading;
  const count = lesson.steps.length;
  byId("lesson-count").textContent = `Step ${page} of ${count} · ${lesson.minutes} min in all`;
  byId("lesson-away").hidden = !away;
  byId("lesson-back", HTMLButtonElement).disabled = page === 1;
  byId("lesson-next", HTMLButtonElement).disabled = page === count;
  byId("lesson-return-text").textContent = `Step ${page} of “${lesson.title}” waits.`;
  for (const [i, part] of [...byId("lesson-steps").children].entries()) {
    part.toggleAttribute("data-current", i + 1 === page);
    within(part, "h3 button").setAttribute("aria-current", i + 1 === page ? "step" : "false");
  }
  for (const [i, item] of allWithin(byId("lesson-marks"), "li").entries()) {
    item.dataset.at = i + 1 < page ? "past" : i + 1 === page ? "here" : "";
    within(item, "button").setAttribute("aria-current", i + 1 === page ? "step" : "false");
  }
  veil();
}

/** Facts of the step at which the reader is, as this machine has computed them. */
export async function showFacts() {
  const { lesson, page } = reading;
  if (!stepAt(page).facts.length) return;
  try {
    const answer = await fetch(`/lessons/${lesson.name}/${page}/facts`);
    if (!answer.ok || reading.lesson !== lesson) return;
    const list = within(partOf(page), ".facts");
    list.replaceChildren(...(await answer.json()).map(factLine));
    list.dataset.measured = "1";
  } catch {
    // the expected values stay; the next visit asks again
  }
}
