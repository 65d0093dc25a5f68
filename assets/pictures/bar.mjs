// @ts-check
// The colour bar over the surfaces.

import { byId, make, within, write } from "../base/dom.mjs";

/** @typedef {{title: string, gradient: string, ticks: [number, string][]}} Bar */
/** @type {{now: Bar | null, twin: Bar | null | undefined}} */
export const bars = { now: null, twin: undefined }; // the one shown, and that of the other scale

export function drawBar() {
  const [bar, event] = [byId("bar"), bars.now];
  bar.hidden = !event;
  if (!event) return;
  write(within(bar, ".bar-title"), event.title || "");
  within(bar, ".gradient").style.backgroundImage = event.gradient;
  within(bar, ".ticks").replaceChildren(...event.ticks.map(([place, text]) => {
    const tick = make("span", text);
    tick.style.left = `${place}%`;
    return tick;
  }));
  const words = event.ticks.map(([, text]) => text);
  bar.setAttribute("aria-label", `Colours: ${event.title || ""} from ${words[0]} to ${words[words.length - 1]}`);
}
