// @ts-check
// Theme and type size, kept in this browser only, for every page of the atlas.


export const THEMES = ["auto", "light", "dark"];
const THEME_AT = "mantine-color-scheme-value"; // where Mantine looks before its first paint
const SIZE_AT = "lossatlas-presenter";
const prefersDark = () => matchMedia("(prefers-color-scheme: dark)");

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

/**
 * The theme asked for, by the address or else by what is kept: auto, light or dark.
 * @param {string | null} [asked]
 */
export function themeChoice(asked = null) {
  const theme = asked || stored(THEME_AT);
  return THEMES.includes(theme) ? theme : "auto";
}

export const themeNow = (theme) => (theme === "auto" ? (prefersDark().matches ? "dark" : "light") : theme);
export const storeNextTheme = (theme) => store(THEME_AT, THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
export const isLarge = () => stored(SIZE_AT) === "1";
export const storeNextSize = () => store(SIZE_AT, isLarge() ? "0" : "1");
export const onSystemTheme = (act) => prefersDark().addEventListener("change", act);
