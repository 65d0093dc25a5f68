// @ts-check
// Links of the page, short and whole.

import { addActs } from "../base/acts.mjs";
import { say } from "../base/message.mjs";

/**
 * @param {string} text
 * @param {string} done what is said then
 * @param {string} otherwise and where there is no clipboard
 */
async function copyText(text, done, otherwise) {
  try {
    await navigator.clipboard.writeText(text);
    say(done, "note");
  } catch {
    say(otherwise, "note"); // plain http from another machine has no clipboard
  }
}

async function shortLink() {
  const answer = await fetch("/links", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ state: window.location.search.replace(/^\?/, "") }),
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return new URL((await answer.json()).path, window.location.href).href;
}

async function copyShort() {
  try {
    const link = await shortLink();
    await copyText(link, `${link} is in the clipboard.`, `The short link is ${link}`);
  } catch (reason) {
    say(reason instanceof TypeError ? "The server did not answer; copy the whole link." : reason.message, "note");
  }
}

const NO_CLIPBOARD = "This browser gives no access to the clipboard here; the link is the address above.";

addActs({
  copyShort,
  copyWhole: () => copyText(window.location.href, "The link is in the clipboard.", NO_CLIPBOARD),
  copyLesson: () => copyText(window.location.href, "The link for the lesson is in the clipboard.", NO_CLIPBOARD),
});
