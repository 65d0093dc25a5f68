// What makes the page everyone's: words for each picture, its numbers as a table, the help of the control in focus, and
// the controls as a drawer where the window is narrow.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  if (root.dataset.page) return; // the gallery has none of these

  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  // ---------------------------------------------------------------- words for a picture

  function explain(place, event) {
    if (event.alt !== undefined) place.querySelector(".alt").textContent = event.alt;
    if (event.odd === undefined) {
      if (event.state === "failed" || event.state === "none") place.querySelector(".odd").hidden = true;
      return;
    }
    const odd = place.querySelector(".odd");
    odd.hidden = !event.odd.length;
    const said = event.odd.flat().join(" ");
    if (odd.dataset.said === said) return; // an open one stays as it is read
    odd.dataset.said = said;
    odd.querySelector("dl").replaceChildren(...event.odd.flatMap(([title, why, does]) => [
      element("dt", title), element("dd", why), element("dd", does)]));
  }

  Object.assign(atlas, { explain });

  // ---------------------------------------------------------------- numbers as a table

  const SHORT = 6; // digits that are read; the file has all

  function shown(value) {
    if (value === null) return "–";
    return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(SHORT))) : String(value);
  }

  function tableOf({ columns, rows }) {
    const table = document.createElement("table");
    const line = (cells, tag) => {
      const made = document.createElement("tr");
      made.append(...cells.map((cell) => element(tag, cell)));
      return made;
    };
    const head = table.createTHead();
    head.append(line(columns, "th"));
    for (const cell of head.querySelectorAll("th")) cell.scope = "col";
    table.createTBody().append(...rows.map((row) => line(row.map(shown), "td")));
    return table;
  }

  async function openRows(button) {
    const slot = button.closest(".slot");
    const file = slot.querySelector("a.export[data-kind=csv]").getAttribute("href");
    const dialog = byId("rows");
    const count = dialog.querySelector(".rows-count");
    const place = dialog.querySelector(".rows-table");
    byId("rows-title").textContent = slot.querySelector(".plot").getAttribute("aria-label");
    dialog.querySelector("a").href = file;
    count.textContent = "The numbers are on their way.";
    place.replaceChildren();
    dialog.showModal();
    try {
      const answer = await fetch(file.replace(".csv?", ".rows?"));
      if (!answer.ok) throw new Error(await answer.text());
      const told = await answer.json();
      const all = told.count.toLocaleString("en");
      count.textContent = told.rows.length < told.count ? `The first ${told.rows.length} of ${all} rows.` : `${all} rows.`;
      place.replaceChildren(tableOf(told));
    } catch (error) {
      count.textContent = error.message || "The numbers did not arrive. Try again.";
    }
  }

  // ---------------------------------------------------------------- help of the control in focus

  let byKeys = false; // a mouse shows the same words beside its pointer

  function help(target) {
    const row = target instanceof Element ? target.closest(".sections .chip[title], .sections .row[title]") : null;
    const line = byId("help-line");
    if (!line) return;
    line.hidden = !row;
    line.textContent = row ? row.title : "";
    if (row) row.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", () => (byKeys = true), true);
  document.addEventListener("pointerdown", () => (byKeys = false), true);
  document.addEventListener("focusin", ({ target }) => byKeys && help(target));
  document.addEventListener("focusout", () => help(null));
  document.addEventListener("click", ({ target, pointerType }) => {
    if (pointerType === "touch" || pointerType === "pen") help(target);
  });

  // ---------------------------------------------------------------- controls as a drawer

  function setDrawer(open) {
    root.toggleAttribute("data-drawer", open);
    const button = byId("open-controls");
    button.setAttribute("aria-expanded", String(open));
    const controls = byId("controls");
    if (open) {
      controls.tabIndex = -1; // not on its first control, whose menu would open
      controls.focus();
    } else if (controls.contains(document.activeElement)) button.focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-opens]");
    if (button?.dataset.opens === "rows") openRows(button);
    else if (button?.dataset.opens === "controls") setDrawer(!root.hasAttribute("data-drawer"));
    else if (root.hasAttribute("data-drawer") && event.target.closest?.("main, header.top")) setDrawer(false);
  });

  // Before the page's own Escape, which cancels the computation; a menu of a control closes first.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.hasAttribute("data-drawer")) return;
    if (event.target.closest?.("[aria-expanded=true][aria-haspopup]")) return;
    event.stopPropagation();
    setDrawer(false);
  }, true);

  // ---------------------------------------------------------------- the height of the bar on top

  let watched = null;

  function watchBar() {
    const bar = document.querySelector("header.top");
    if (bar === watched) return;
    watched = bar;
    new ResizeObserver(() => root.style.setProperty("--top", `${bar.offsetHeight}px`)).observe(bar);
  }

  document.addEventListener("DOMContentLoaded", () => atlas.onState(watchBar)); // page.js comes after this script
})();
