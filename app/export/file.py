"""The page as one file that needs no server and no network: columns, pictures, texts and table, to turn and zoom."""

from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from lossatlas.app.export.standalone import asset, packed_plotly, script
from lossatlas.app.layout.bar import page as filled
from lossatlas.app.layout.player import player
from lossatlas.app.look.markup import element, quoted
from lossatlas.app.look.templating import verbatim
from lossatlas.app.look.theme import CAMERA, TEMPLATES
from lossatlas.app.panels import PANELS
from lossatlas.app.state import hiding
from lossatlas.app.state.page import page_options
from lossatlas.app.stream.snapshot import Gathered

STYLES = ("style.css", "player.css", "morph.css")
SCRIPT = "pages/saved.mjs"


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
        player=element(player()),  # the page's own; player.mjs fills and shows it
        version=version("lossatlas"),
        query=quote(page.query, safe="=&,.-_%+~"),
        told=quoted(told),
        plotly=packed_plotly(),
        script=script(SCRIPT),
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
