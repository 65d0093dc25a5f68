// Keys: each part of the page adds its own, with when they count; here they are heeded. The Help lists them all.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const added = []; // {acts, when, repeats, first}

  // `acts`: what to do by `event.key`. `when`: whether they count now. `repeats`: also while a key is held down.
  // `first`: before what has the focus, even a picture or a button; otherwise not where somebody types.
  function addKeys(acts, { when = () => true, repeats = false, first = false } = {}) {
    added.push({ acts, when, repeats, first });
  }

  const TYPED = "input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]";
  const PRESSED = "button, summary, a, label, input:not([type=range])"; // a space is theirs

  function isTaken({ key, target }) {
    if (atlas.isKeyHidden?.(key)) return true;
    if (!(target instanceof Element)) return false;
    if (key === "Escape" && target.matches("[id^=option-]")) return false;
    return Boolean(target.closest(`dialog, [role=listbox], ${TYPED}${key === " " ? `, ${PRESSED}` : ""}`));
  }

  function heed(event, first) {
    const { key } = event;
    if (document.querySelector("dialog:modal")) return;
    const found = added.find((one) => one.first === first && Object.hasOwn(one.acts, key) && one.when());
    if (!found || event.ctrlKey || event.metaKey || event.altKey || (!first && isTaken(event))) return;
    if (first) event.stopImmediatePropagation();
    if (first || key !== "Escape") event.preventDefault(); // Escape also closes menus
    if (!event.repeat || found.repeats) found.acts[key]();
  }

  document.addEventListener("keydown", (event) => heed(event, true), true);
  document.addEventListener("keydown", (event) => heed(event, false));

  Object.assign(atlas, { addKeys });
  Object.defineProperty(atlas, "keys", { get: () => added.flatMap(({ acts }) => Object.keys(acts)) });
})();
