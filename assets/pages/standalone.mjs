// @ts-check
// For pages that stand alone in one file: plotly's script, packed, and data.

import { byId, make } from "../base/dom.mjs";

/** The text of a script element. */
export const textIn = (id) => byId(id).textContent;

/** Unpacks plotly from the element called plotly, and runs it. */
export async function loadPacked() {
  const packed = Uint8Array.from(atob(textIn("plotly")), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = make("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}
