// What pages beside the atlas do: theme and type size as the atlas has them (dress.js), and keys. Every page loads this
// file; in the atlas it does nothing.
(function () {
  "use strict";

  const root = document.documentElement;
  if (!root.dataset.page) return;

  const dress = window.lossatlasDress;
  const byId = (id) => document.getElementById(id);

  function apply() {
    const theme = dress.shown(dress.choice());
    root.dataset.mantineColorScheme = theme;
    root.classList.toggle("presenter", dress.isLarge());
    if (!byId("theme")) return; // before the first paint
    byId("theme").textContent = `Theme: ${dress.choice()}`;
    byId("presenter").setAttribute("aria-pressed", String(dress.isLarge()));
  }

  function nextTheme() {
    dress.nextTheme(dress.choice());
    apply();
  }

  function nextSize() {
    dress.nextSize();
    apply();
  }

  const KEYS = { "/": () => document.querySelector("#dataset")?.focus(), t: nextTheme, p: nextSize };

  document.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("DOMContentLoaded", () => {
    apply();
    byId("theme").addEventListener("click", nextTheme);
    byId("presenter").addEventListener("click", nextSize);
  });

  dress.onSystem(apply);
  apply();
})();
