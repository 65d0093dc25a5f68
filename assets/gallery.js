// The gallery's own habits: theme and type size, as the atlas keeps them in this browser, and two keys. Every page of the
// atlas loads this file; elsewhere it does nothing.
(function () {
  "use strict";

  const root = document.documentElement;
  if (root.dataset.page !== "gallery") return;

  const THEMES = ["auto", "light", "dark"];
  const THEME_AT = "mantine-color-scheme-value"; // as in page.js
  const SIZE_AT = "lossatlas-presenter";
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const byId = (id) => document.getElementById(id);

  function stored(at) {
    try {
      return window.localStorage.getItem(at);
    } catch {
      return null; // storage may be forbidden; the page works without
    }
  }

  function store(at, value) {
    try {
      window.localStorage.setItem(at, value);
    } catch {
      // as above
    }
  }

  const themeChoice = () => (THEMES.includes(stored(THEME_AT)) ? stored(THEME_AT) : "auto");

  function apply() {
    const choice = themeChoice();
    const theme = choice === "auto" ? (prefersDark.matches ? "dark" : "light") : choice;
    const large = stored(SIZE_AT) === "1";
    root.dataset.mantineColorScheme = theme;
    root.style.colorScheme = theme;
    root.classList.toggle("presenter", large);
    if (!byId("theme")) return; // before the first paint
    byId("theme").textContent = `Theme: ${choice}`;
    byId("presenter").setAttribute("aria-pressed", String(large));
  }

  function nextTheme() {
    store(THEME_AT, THEMES[(THEMES.indexOf(themeChoice()) + 1) % THEMES.length]);
    apply();
  }

  function nextSize() {
    store(SIZE_AT, stored(SIZE_AT) === "1" ? "0" : "1");
    apply();
  }

  const KEYS = { "/": () => document.querySelector("#dataset").focus(), t: nextTheme, p: nextSize };

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

  prefersDark.addEventListener("change", apply);
  apply();
})();
