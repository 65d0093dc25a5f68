"""The page as one file that needs no server and no network: columns, pictures, texts and table, to turn and zoom."""

from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from lossatlas.app.export.standalone import LOAD, asset, element, packed_plotly, quoted
from lossatlas.app.layout.bar import page as filled
from lossatlas.app.layout.player import player
from lossatlas.app.look.templating import verbatim
from lossatlas.app.look.theme import CAMERA, TEMPLATES
from lossatlas.app.panels import PANELS
from lossatlas.app.state import hiding
from lossatlas.app.state.page import page_options
from lossatlas.app.stream.snapshot import Gathered

STYLES = ("style.css", "player.css", "morph.css")
SCRIPTS = ("keys.js", "player.js")  # the page's own


def page_html(page: Gathered) -> str:
    """The file, with what is missing in it named."""
    figures = {
        f"{column}-{name}": {"data": shown.figure["data"], "layout": shown.figure["layout"]}
        for (column, name), shown in page.panels.items()
        if shown.figure
    }
    told = {
        "figures": figures,
        "camera": CAMERA,
        "theme": page.view.theme,
        "templates": {name: template.to_plotly_json() for name, template in TEMPLATES.items()},
    }
    return filled(
        "saved.html",
        page=page,
        titles={name: panel.title for name, panel in PANELS.items()},
        colours=asset("colours.css"),
        styles=[asset(name) for name in STYLES],
        hidden=_hidden(page),
        bar=page.bar if any(PANELS[name].plane for name in page.plan["panels"]) else None,
        table=_table(page),
        moves=_moves(page),
        player=element(player()),  # the page's own; assets/player.js fills and shows it
        version=version("lossatlas"),
        query=quote(page.query, safe="=&,.-_%+~"),
        told=quoted(told),
        plotly=packed_plotly(),
        scripts=[*map(asset, SCRIPTS), verbatim(LOAD), verbatim(_SCRIPT)],
    )


def _hidden(page: Gathered) -> list[Markup]:
    """What the state's `hide` takes from the page, it takes from the file: our own selectors."""
    names = hiding.hidden(page.view.hide, page_options())
    return [verbatim(one) for name in names if name in hiding.PAGE for one in hiding.PAGE[name].selectors]


def _table(page: Gathered) -> dict[str, Any] | None:
    """The columns that are shown, and a line of texts for each row."""
    name, rows = page.table or ("", [])
    if not name or not (table := PANELS[name].table):
        return None
    columns = [column for column in table.columns() if not column.get("hide")]
    lines = [[_cell(row, column) for column in columns] for row in rows]
    return {"columns": columns, "lines": lines, "about": table.about}


def _cell(row: dict, column: dict) -> str:
    value = row["texts"].get(column["field"], row.get(column["field"]))
    return "–" if value is None else str(value)


def _moves(page: Gathered) -> bool:
    """Whether some picture holds frames."""
    return any("frames" in shown.figure["layout"].get("meta", ()) for shown in page.panels.values() if shown.figure)


# A picture by the graphics card is drawn when it comes near the window and put away when it leaves: a browser holds
# some sixteen of them at a time.
_SCRIPT = """
const told = JSON.parse(read("told"));
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const copy = value => structuredClone(value);
const drawn = new Set();
let camera = told.camera;
const theme = () => told.theme === "auto" ? (prefersDark.matches ? "dark" : "light") : told.theme;
const same = (one, other) => ["eye", "center", "up"].every(part => ["x", "y", "z"].every(
  axis => Math.abs((one[part]?.[axis] ?? 0) - (other[part]?.[axis] ?? 0)) < 1e-5));
function dress(layout) {
  const all = {...layout, template: told.templates[theme()], autosize: true};
  if (all.scene) all.scene = {...all.scene, camera: copy(camera)};
  return all;
}
function turn(plot, next) {
  if (!next || same(next, camera)) return;
  camera = copy(next);
  for (const other of drawn) {
    if (other === plot || !other._fullLayout?.scene || other.following) continue;
    other.following = true;
    requestAnimationFrame(() => {
      other.following = false;
      if (drawn.has(other)) Plotly.relayout(other, {"scene.camera": copy(camera)});
    });
  }
}
const slots = new Map([...document.querySelectorAll(".plot")].map(plot => [plot, {
  plot, place: plot.closest(".slot"), figure: told.figures[plot.id.replace("plot-", "")], listens: false}]));
async function draw(plot) {
  const slot = slots.get(plot), layout = dress(slot.figure.layout);
  drawn.add(plot);
  const fresh = !plot._fullLayout;
  await Plotly.react(plot, lossatlas.framed(slot, layout), layout, {displaylogo: false, responsive: true,
    showTips: false, scrollZoom: false, modeBarButtons: [layout.scene ? ["toImage"] : ["toImage", "resetScale2d"]]});
  slot.listens = drawn.has(plot);
  lossatlas.drew(slot);
  if (!fresh || !layout.scene) return;
  const moved = event => turn(plot, event["scene.camera"]);
  plot.on("plotly_relayouting", moved);
  plot.on("plotly_relayout", moved);
  plot.addEventListener("dblclick", () => {
    const home = copy(told.camera);
    turn(null, home);
  });
}
function put(plot) {
  drawn.delete(plot);
  slots.get(plot).listens = false;
  Plotly.purge(plot);
}
function arrange() {
  const place = document.getElementById("columns"), count = Number(place.dataset.count);
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const fit = Math.max(1, Math.floor(place.clientWidth / (17.5 * rem)));
  place.style.setProperty("--across", Math.ceil(count / Math.ceil(count / fit)));
}
function look() {
  document.documentElement.dataset.mantineColorScheme = theme();
  for (const plot of drawn) draw(plot);
}
async function begin() {
  look();
  arrange();
  await load();
  const heavy = ({figure}) => figure.layout.scene || figure.data.some(trace => trace.type.endsWith("gl"));
  const near = new IntersectionObserver(entries => {
    for (const {target, isIntersecting} of entries) {
      if (isIntersecting) draw(target);
      else if (drawn.has(target)) put(target);
    }
  }, {rootMargin: "300px"});
  new ResizeObserver(arrange).observe(document.getElementById("columns"));
  prefersDark.addEventListener("change", look);
  for (const slot of slots.values()) if (heavy(slot)) near.observe(slot.plot);
  for (const slot of slots.values()) if (!heavy(slot)) await draw(slot.plot);
}
begin();
"""
