window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.lossatlas = { sync: (...given) => import("/assets/main.mjs").then((main) => main.sync(...given)) };
