// @ts-check
// The Python that makes the page's pictures again.

import { addActs } from "../base/acts.mjs";
import { byId, dialogOf, within } from "../base/dom.mjs";
import { choice, columnsShown, slotsOf } from "./menu.mjs";

let asked = 0;

function showCode() {
  const dialog = dialogOf("code");
  const each = columnsShown().flatMap((column) => slotsOf(column).flatMap((slot) => {
    const link = within(slot, "a.export[data-kind=npz]");
    if (!link?.hasAttribute("href")) return [];
    const name = `${within(slot, "h3").textContent}, ${within(column, ".activation").textContent}`;
    return [choice(name, link.getAttribute("href").replace(/\.npz\?/, ".py?"))];
  }));
  which().replaceChildren(choice("this page", `/export/code.py${window.location.search}`), ...each);
  dialog.showModal();
  fetchCode();
}

const which = () => byId("code-of", HTMLSelectElement);

async function fetchCode() {
  const mine = (asked += 1);
  const address = which().value;
  byId("code-text").textContent = "…";
  byId("code-file", HTMLAnchorElement).href = address;
  let text;
  try {
    text = await (await fetch(address)).text();
  } catch {
    text = "The server did not answer; try again.";
  }
  if (mine === asked) byId("code-text").textContent = text;
}

async function copyCode() {
  const button = within(document, "[data-act=copyCode]");
  try {
    await navigator.clipboard.writeText(byId("code-text").textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(byId("code-text"));
    button.textContent = "Marked: Ctrl C";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

addActs({ showCode, copyCode });
document.addEventListener("change", ({ target }) => {
  if (target === which()) fetchCode();
});
