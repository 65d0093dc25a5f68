// Theme and type size, kept in this browser only, for every page of the atlas. Its name comes before those of the scripts
// that use it, as Dash loads them in the order of their names.
(function () {
  "use strict";

  const THEMES = ["auto", "light", "dark"];
  const THEME_AT = "mantine-color-scheme-value"; // where Mantine looks before its first paint
  const SIZE_AT = "lossatlas-presenter";
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

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

  // The theme asked for, by the address or else by what is kept: auto, light or dark.
  function choice(asked = null) {
    const theme = asked || stored(THEME_AT);
    return THEMES.includes(theme) ? theme : "auto";
  }

  const shown = (theme) => (theme === "auto" ? (prefersDark.matches ? "dark" : "light") : theme);
  const nextTheme = (theme) => store(THEME_AT, THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
  const isLarge = () => stored(SIZE_AT) === "1";
  const nextSize = () => store(SIZE_AT, isLarge() ? "0" : "1");
  const onSystem = (act) => prefersDark.addEventListener("change", act);

  window.lossatlasDress = { THEMES, choice, shown, nextTheme, isLarge, nextSize, onSystem };
})();
