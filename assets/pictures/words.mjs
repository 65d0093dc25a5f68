// @ts-check
// Words for a picture: what it shows for those who do not see it, and why it may look odd.

import { make, within } from "../base/dom.mjs";

/**
 * @param {HTMLElement} place
 * @param {{alt?: string, odd?: [string, string, string][], state?: string}} event
 */
export function explain(place, event) {
  if (event.alt !== undefined) within(place, ".alt").textContent = event.alt;
  if (event.odd === undefined) {
    if (event.state === "failed" || event.state === "none") within(place, ".odd").hidden = true;
    return;
  }
  const odd = within(place, ".odd");
  odd.hidden = !event.odd.length;
  const said = event.odd.flat().join(" ");
  if (odd.dataset.said === said) return; // an open one stays as it is read
  odd.dataset.said = said;
  within(odd, "dl").replaceChildren(...event.odd.flatMap(([title, why, does]) => [
    make("dt", title), make("dd", why), make("dd", does)]));
}
