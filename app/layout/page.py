"""The page: a document that draws pictures by itself, and the controls that Dash puts into it."""

import json
from typing import Any

import dash_ag_grid
import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from lossatlas.app.layout import frame
from lossatlas.app.layout.bar import page
from lossatlas.app.layout.controls import (
    control,
    declared,
    declared_names,
    declared_panels,
    is_first,
    sections,
)
from lossatlas.app.look import ids, plotly_script, scripts
from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.look.markup import markup, quoted
from lossatlas.app.look.places import FIRST, PLACES
from lossatlas.app.look.theme import CAMERA, FONT, PALETTES, TEMPLATES, colour_scale, gradient, tints
from lossatlas.app.panels import PANELS, panels_of
from lossatlas.app.state import hiding
from lossatlas.app.state.lesson import states
from lossatlas.app.state.page import page_options
from lossatlas.compute.analyses.slices import NARROWEST
from lossatlas.compute.spec.options import Option, text

LINKS = (
    (ids.LINK_CAMERAS, "Link cameras", "Turning one surface turns the others."),
    (ids.LINK_HOVER, "Link pointers", "Pointing at one picture shows the same place in the others of its row."),
    (ids.LINK_ZOOM, "Link zoom of curves", "A part of one curve's axis is shown in all columns."),
)
GRID = "/_dash-component-suites/dash_ag_grid/dash_ag_grid.min.js"
dash_ag_grid._js_dist[0]["dynamic"] = True  # not with the page: it is large, and table.mjs runs it with the first rows


def told() -> dict[str, Any]:
    """What the scripts must know, so that no name stands on both sides."""
    options = page_options()
    return {
        **declared_names(options),
        "controls": declared(options),
        "panels": list(PANELS),
        "facts": declared_panels(),
        "templates": {name: template.to_plotly_json() for name, template in TEMPLATES.items()},
        "camera": CAMERA,
        "palettes": {
            name: {"scale": colour_scale(name), "gradient": gradient(name), "tints": tints(name)} for name in PALETTES
        },
        "usual": {name: text(options[name].default) for name in ("palette", "log")},
        "columns": MOST_COLUMNS,
        "narrowest": NARROWEST,
        "first": FIRST,
        "places": {name: panels_of(name) for name in PLACES},
        "presets": {name: dict(panel.preset) for name, panel in PANELS.items() if panel.preset},
        "grid": {"script": GRID, "component": grid()},
        "lessons": states(),
        "tables": {
            name: {"columns": panel.table.columns(), "about": panel.table.about}
            for name, panel in PANELS.items()
            if panel.table
        },
        "hideable": hiding.declared(sections(options)),
        "plotly": plotly_script.address(),
    }


def make_index() -> str:
    """The document, with the places that Dash fills."""
    return page(
        "index.html",
        module=scripts.MAIN,
        styles=[scripts.address(name) for name in scripts.styles()],
        plotly=plotly_script.address(),
        main=ids.MAIN,
        controls=ids.CONTROLS,
        declared_at=ids.DECLARED,
        declared=quoted(json.loads(json.dumps(told(), cls=PlotlyJSONEncoder))),
        above=markup(*frame.above()),
        beside=markup(*frame.beside()),
        under_controls=markup(*frame.under_controls()),
        pictures=markup(frame.pictures()),
        templates={name: markup(part) for name, part in frame.templates().items()},
    )


def make_layout() -> Component:
    """What Dash draws: controls, the place of the table, and two values that have no control of its own."""
    options = page_options()
    return dmc.MantineProvider(
        [
            html.Span(id=ids.ADDRESS, title="", hidden=True),
            html.Span(id=ids.option("place"), title=text(options["place"].default), hidden=True),
            *(_section(heading, members, options) for heading, members in sections(options).items()),
            html.Div(id=ids.TABLE_PLACE, className="table"),
        ],
        id=ids.MANTINE,
        defaultColorScheme="auto",
        theme={
            "fontFamily": FONT,
            "primaryColor": "blue",
            "primaryShade": {"light": 7, "dark": 6},
            "cursorType": "pointer",
        },
    )


def _section(heading: str, members: list[Option], options: dict[str, Option]) -> Component:
    first = [control(option) for option in members if is_first(option, options)]
    rest = [control(option) for option in members if not is_first(option, options)]
    if heading == "View":
        first += [_own_switch(*one) for one in LINKS]
    more = [html.Details([html.Summary("more"), html.Div(rest, className="rows")])] if rest else []
    named = ids.data(group=hiding.group_of(heading))
    return html.Section([html.H2(heading), html.Div(first, className="rows"), *more], **named)


def _own_switch(name: str, label: str, about: str) -> Component:
    """A browser's own habit, kept there and in no URL."""
    switch = dmc.Switch(
        id=name, label=label, checked=True, size="sm", persistence=True, labelPosition="left",
        **ids.aria(description=about),
    )  # fmt: skip
    return html.Div(switch, className="row wide", title=about)


def grid() -> Component:
    """The table itself, empty."""
    return dash_ag_grid.AgGrid(
        id=ids.TABLE, columnDefs=[], rowData=[], getRowId="params.data.id", className="grid",
        defaultColDef={
            "sortable": True, "resizable": True, "suppressMovable": True, "wrapHeaderText": True,
            "useValueFormatterForExport": False,
        },
        dashGridOptions={
            "domLayout": "autoHeight", "enableCellTextSelection": True, "ensureDomOrder": True, "tooltipShowDelay": 300,
            "rowHeight": 30, "headerHeight": 34, "suppressDragLeaveHidesColumns": True,
        },
        style={"height": None, "width": "100%"},
    )  # fmt: skip


INDEX = make_index()
