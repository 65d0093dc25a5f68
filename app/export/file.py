"""The page as one file that needs no server and no network: columns, pictures, texts and table, to turn and zoom."""

import functools
import html
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from lossatlas.app.export.standalone import LOAD, markup, packed_plotly, quoted
from lossatlas.app.layout.player import player
from lossatlas.app.look.theme import CAMERA, TEMPLATES
from lossatlas.app.panels import PANELS
from lossatlas.app.state import hiding
from lossatlas.app.state.page import page_options
from lossatlas.app.stream.snapshot import Gathered, Shown

ASSETS = Path(__file__).resolve().parents[2] / "assets"
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
    return _PAGE.format(
        title=html.escape(page.plan["sentence"]),
        style=_style() + _hidden(page),
        place=html.escape(page.plan["place"]),
        body="\n".join(part(page) for part in (_lead, _settings, _missing, _columns, _table, _player, _foot)),
        told=quoted(told),
        plotly=packed_plotly(),
        script=_own() + LOAD + _SCRIPT,
    )


@functools.cache
def _style() -> str:
    """The page's own style sheets, and what stands only here."""
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES) + _STYLE


@functools.cache
def _own() -> str:
    """Those scripts of the page that the file needs too."""
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)


def _hidden(page: Gathered) -> str:
    """What the state's `hide` takes from the page, it takes from the file."""
    names = hiding.hidden(page.view.hide, page_options())
    return "".join(
        f"{selector} {{ display: none; }}\n" for name in names if name in hiding.PAGE
        for selector in hiding.PAGE[name].selectors
    )  # fmt: skip


def _lead(page: Gathered) -> str:
    sentence, equal = (html.escape(page.plan.get(name, "")) for name in ("sentence", "equal"))
    words = f'<h1 id="sentence">{sentence}</h1><p id="equal" class="equal">{equal}</p>'
    return f'<div class="lead"><div>{words}</div>{_bar(page)}</div>'


def _bar(page: Gathered) -> str:
    if not page.bar or not any(PANELS[name].plane for name in page.plan["panels"]):
        return ""
    ticks = "".join(f'<span style="left: {place:g}%">{html.escape(text)}</span>' for place, text in page.bar["ticks"])
    return (
        f'<div id="bar" class="bar"><span class="bar-title">{html.escape(page.bar["title"])}</span>'
        f'<div class="gradient" style="background-image: {html.escape(page.bar["gradient"])}"></div>'
        f'<div class="ticks">{ticks}</div></div>'
    )


def _settings(page: Gathered) -> str:
    """What differs between the columns, and what is equal."""
    settings = page.plan["settings"]
    lines = "".join(
        f"<tr><th>{html.escape(label)}</th>{''.join(f'<td>{html.escape(text)}</td>' for text in texts)}</tr>"
        for _, label, texts in settings["differ"]
    )
    equal = " · ".join(f"{label} {text}" for _, label, text in settings["equal"])
    return (
        f'<details class="settings"><summary>Settings: {len(settings["differ"])} differ, {len(settings["equal"])} are '
        f"equal</summary><div><table>{lines}</table><p>{html.escape(equal)}</p></div></details>"
    )


def _missing(page: Gathered) -> str:
    if not page.missing:
        return ""
    names = "; ".join(f"{PANELS[name].title} of {page.columns[column]['label']}" for column, name in page.missing)
    return (
        f'<p class="message">Missing or unfinished, as no answer came within {page.patience:.0f} s when this file was '
        f"made: {html.escape(names)}. Wait on the page until they are done, and save it again.</p>"
    )


def _columns(page: Gathered) -> str:
    columns = "".join(_column(page, number) for number in range(len(page.columns)))
    return (
        f'<div id="columns" class="columns" data-count="{len(page.columns)}" '
        f'style="--rows: {len(page.plan["panels"]) + 1}">{columns}</div>'
    )


def _column(page: Gathered, number: int) -> str:
    column = page.columns[number]
    numbers = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in page.numbers.get(number, [])
    )
    slots = "".join(_slot(number, name, page.panels[number, name]) for name in page.plan["panels"])
    return (
        f'<article class="column" style="--hue: {html.escape(column["hue"])}"><header><div class="who">'
        f'<img class="curve" alt="" src="{html.escape(column["curve"])}"><h2 class="activation">'
        f'{html.escape(column["label"])}</h2></div><dl class="numbers">{numbers}</dl></header>{slots}</article>'
    )


def _slot(number: int, name: str, shown: Shown) -> str:
    picture = f'<div class="plot" id="plot-{number}-{name}"></div>' if shown.figure else ""
    reason = f'<p class="failure">{html.escape(shown.text or "not computed")}</p>' if not shown.figure else ""
    listed = "".join(f"<li>{html.escape(warning)}</li>" for warning in shown.warnings)
    return (
        f'<section class="slot slot-{name}" data-state="{shown.state}"><div class="line"><h3>'
        f'{html.escape(PANELS[name].title)}</h3><span class="state">{html.escape(_state(shown))}</span></div>{picture}'
        f'{reason}<p class="caption">{html.escape(shown.caption)}</p><ul class="warnings">{listed}</ul></section>'
    )


def _state(shown: Shown) -> str:
    return shown.text.split(" · ")[0] if shown.figure else ""


def _table(page: Gathered) -> str:
    name, rows = page.table or ("", [])
    if not name or not (table := PANELS[name].table):
        return ""
    columns = [column for column in table.columns() if not column.get("hide")]
    head = "".join(f'<th title="{html.escape(one.get("headerTooltip", ""))}">{html.escape(one["headerName"])}</th>'
                   for one in columns)  # fmt: skip
    lines = "".join(f"<tr>{''.join(f'<td>{_cell(row, one)}</td>' for one in columns)}</tr>" for row in rows)
    return (
        '<section id="comparison" class="comparison"><div class="table wide" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
        f'<p class="about">{html.escape(table.about)}</p></section>'
    )


def _cell(row: dict, column: dict) -> str:
    value = row["texts"].get(column["field"], row.get(column["field"]))
    return html.escape("–" if value is None else str(value))


def _moves(page: Gathered) -> bool:
    """Whether some picture holds frames."""
    return any("frames" in shown.figure["layout"].get("meta", ()) for shown in page.panels.values() if shown.figure)


def _player(page: Gathered) -> str:
    """The page's own; assets/player.js fills and shows it."""
    return markup(player()) if _moves(page) else ""


def _foot(page: Gathered) -> str:
    """The question, so that the file says what it is of."""
    keys = " Space plays and pauses; , and . go one step back and on." if _moves(page) else ""
    return (
        f'<footer class="made">Made by lossatlas {html.escape(version("lossatlas"))}. Drag a surface to turn all of '
        f"them; double click to go back.{keys} The page: "
        f"<code>/?{html.escape(quote(page.query, safe='=&,.-_%+~'))}</code></footer>"
    )


_PAGE = """<!doctype html>
<html lang="en" data-place="{place}" data-mantine-color-scheme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{style}</style></head>
<body><main>{body}</main>
<script type="application/json" id="told">{told}</script>
<script type="text/plain" id="plotly">{plotly}</script>
<script>{script}</script></body></html>
"""

_STYLE = """
body { font-family: Inter, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; margin: 0; }
.wide { overflow-x: auto; }
.comparison table { border-collapse: collapse; font-size: 0.78rem; font-variant-numeric: tabular-nums; }
.comparison :is(th, td) { border-bottom: 1px solid var(--edge); padding: 0.25rem 0.6rem; text-align: left;
  white-space: nowrap; }
.made { color: var(--quiet); font-size: 0.75rem; margin-top: 0.75rem; overflow-wrap: anywhere; }
"""

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
