// @ts-check
// The page's elements. Nothing else in the scripts looks for one by its name or makes one.

export const root = document.documentElement;

/**
 * The element of this id, of the kind that the caller knows it to be.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [_kind]
 * @returns {T}
 */
export function byId(id, _kind) {
  return /** @type {T} */ (document.getElementById(id));
}

/**
 * The first element in a place that a selector finds.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} place
 * @param {string} selector
 * @param {new () => T} [_kind]
 * @returns {T}
 */
export function within(place, selector, _kind) {
  return /** @type {T} */ (place.querySelector(selector));
}

/**
 * All elements in a place that a selector finds.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} place
 * @param {string} selector
 * @param {new () => T} [_kind]
 * @returns {T[]}
 */
export function allWithin(place, selector, _kind) {
  return /** @type {T[]} */ ([...place.querySelectorAll(selector)]);
}

/**
 * The nearest element that a selector finds around what an event happened to; null where there is none.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {Event} event
 * @param {string} selector
 * @param {new () => T} [_kind]
 * @returns {T | null}
 */
export function around({ target }, selector, _kind) {
  return /** @type {T | null} */ (target instanceof Element ? target.closest(selector) : null);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {unknown} [text]
 * @param {string} [className]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== "") made.textContent = String(text);
  if (className) made.className = className;
  return made;
}

/**
 * A copy of what a template holds.
 * @param {string} id of the template
 */
export const copyOf = (id) => /** @type {HTMLElement} */ (
  document.importNode(byId(id, HTMLTemplateElement).content.firstElementChild, true));

/**
 * A dialog, which is made when it is asked for first.
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
export function dialogOf(id) {
  if (!byId(id)) document.body.append(copyOf(`template-${id}`));
  return byId(id, HTMLDialogElement);
}

/**
 * Another text in an element; one that is the same already is left alone, as screen readers would say it again.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Runs a script of the server's.
 * @param {string} address
 * @returns {Promise<Event>}
 */
export function runScript(address) {
  const script = document.createElement("script");
  Object.assign(script, { src: address, async: false }); // those asked for together run in their order
  document.head.append(script);
  return new Promise((done, failed) => Object.assign(script, { onload: done, onerror: failed }));
}
