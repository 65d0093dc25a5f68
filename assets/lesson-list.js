// The page of lessons takes the theme in which the atlas was left. In the atlas itself this does nothing.
(function () {
  "use strict";

  const root = document.documentElement;
  if (root.dataset.page !== "lessons") return;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      return window.localStorage.getItem("mantine-color-scheme-value");
    } catch {
      return null; // storage may be forbidden
    }
  }

  function dress() {
    const chosen = choice();
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    root.dataset.mantineColorScheme = dark ? "dark" : "light";
  }

  dress();
  system.addEventListener("change", dress);
})();
