// The page of lessons takes the theme in which the atlas was left. In the atlas itself this does nothing.
(function () {
  "use strict";

  const root = document.documentElement;
  if (root.dataset.page !== "lessons") return;

  const dress = window.lossatlasDress;
  const apply = () => (root.dataset.mantineColorScheme = dress.shown(dress.choice()));
  apply();
  dress.onSystem(apply);
})();
