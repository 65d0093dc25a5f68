// @ts-check
// The page of lessons takes the theme in which the atlas was left.

import { root } from "../base/dom.mjs";
import { onSystemTheme, themeChoice, themeNow } from "../base/theme.mjs";

const apply = () => (root.dataset.mantineColorScheme = themeNow(themeChoice()));
apply();
onSystemTheme(apply);
