"""The page's elements, once and for all: the scripts fill, show and hide them, and never make new ones.

Places that the scripts write to are empty here, so that React has nothing to put back.
"""

import json
from typing import Any

import dash_ag_grid
import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from lossatlas.app.layout import accessible, lesson, share
from lossatlas.app.layout.bar import ENTRIES, ICON, TOOLS, Tool, page
from lossatlas.app.layout.controls import (
    control,
    declared,
    declared_names,
    declared_panels,
    is_first,
    sections,
    switch_between,
)
from lossatlas.app.layout.player import PLAYER_KEYS, picks, player
from lossatlas.app.layout.rooms import room_bar, room_button, room_dialog
from lossatlas.app.look import ids, scripts
from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.look.places import FIRST, PLACES
from lossatlas.app.look.theme import CAMERA, FONT, PALETTES, TEMPLATES, colour_scale, gradient, tints
from lossatlas.app.panels import PANELS, panels_of
from lossatlas.app.state.hiding import group_of
from lossatlas.app.state.lesson import states
from lossatlas.app.state.page import page_options
from lossatlas.compute.analyses.slices import NARROWEST
from lossatlas.compute.spec.options import Option, text

EXPORTS = ("npz", "csv", "json")
ABOUT = (
    *(paragraph for place in PLACES.values() for paragraph in place.about),
    "Colours: the palettes of values, named in the view, are perceptually uniform and rise in lightness, so that no "
    "hue need be seen. Each column has a hue of its own (green, mauve, blue, red, sky blue, orange, magenta or pine), "
    "chosen to differ with deuteranopia and protanopia. Curves of one picture differ in their dashes or markers too, "
    "and every column bears its name.",
    "Every picture has its numbers in words for screen readers, and as a table under data. Where one looks odd, a line "
    "below it explains why and says what to do.",
    "Drag a rectangle on a contour map, and every column computes that window of its plane at full resolution; "
    "Zoom in does it on surfaces, around the point last clicked. Breadcrumbs above the pictures, Back out and a "
    "double click on a map lead back. Turn tilts the plane about its first direction.",
)
PAGE_KEYS = (
    ("/", "to the data set"),
    ("s · c", "3-D surface · contour map"),
    (
        " · ".join(place.key for place in PLACES.values()),
        f"to {' · '.join(f'the {place.label.lower()}' for place in PLACES.values())}",
    ),
    ("i · o", "zoom into the plane · back out"),
    ("l", "log scale on and off"),
    ("t", "theme: as the system, light, dark"),
    ("p", "presenter's type size"),
    ("Esc", "cancel what is being computed"),
    ("?", "this help"),
)
SURFACE_KEYS = (("← · → · ↑ · ↓", "turn it"), ("+ · −", "closer · away"), ("Home", "back to the first view"))
KEYS = {
    "Keys": PAGE_KEYS,
    "Keys of the surface in focus": SURFACE_KEYS,
    "Keys while a training or a morph is watched": PLAYER_KEYS,
    "Keys while a lesson is presented": lesson.STAGE_KEYS,
}
LINKS = (
    (ids.LINK_CAMERAS, "Link cameras", "Turning one surface turns the others."),
    (ids.LINK_HOVER, "Link pointers", "Pointing at one picture shows the same place in the others of its row."),
    (ids.LINK_ZOOM, "Link zoom of curves", "A part of one curve's axis is shown in all columns."),
)
GRID = "/_dash-component-suites/dash_ag_grid/dash_ag_grid.min.js"
dash_ag_grid._js_dist[0]["dynamic"] = True  # not with the page: it is large, and table.mjs runs it with the first rows

PLOTLY = "/plotly.min.js"  # fetched early, run by draw.mjs once the controls stand

INDEX = page(
    "index.html",
    module=scripts.MAIN,
    plotly=PLOTLY,
    main=ids.MAIN,
    names_at=ids.NAMES,
    names=declared_names(page_options()),
)


def make_layout(panels: list[tuple[str, str]]) -> Component:
    """The whole page; `panels` are the rows of a column as (name, title)."""
    options = page_options()
    told = {
        "controls": declared(options),
        "panels": [name for name, _ in panels],
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
        "grid": {"script": GRID, "component": json.loads(json.dumps(grid(), cls=PlotlyJSONEncoder))},
        "lessons": states(),
        "tables": {
            name: {"columns": panel.table.columns(), "about": panel.table.about}
            for name, panel in PANELS.items()
            if panel.table
        },
    }
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.LOCATION, refresh=False),
            dcc.Store(id=ids.DECLARED, data=told),
            _header(options["place"]),
            room_bar(),
            html.Div([*lesson.parts(), _sidebar(options), _main(panels)], className="body"),
            _help(),
            room_dialog(),
            accessible.rows_dialog(),
            *share.dialogs(sections(options)),
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


def _button(words: str, act: str, **more: Any) -> Component:
    return html.Button(words, type="button", className="button", **ids.data(act=act), **more)


def _header(place: Option) -> Component:
    return html.Header(
        [
            accessible.controls_button(),
            html.A([html.Img(src=ICON, alt="", className="mark"), "lossatlas"], href="/", className="name"),
            html.Nav(
                [
                    html.Span(place.label, id=f"label-{place.name}", className="spoken"),
                    switch_between(place, className="places", **ids.aria(description=place.help)),
                    *(
                        html.A(entry.label, href=entry.href, title=entry.about, className="study")
                        for entry in ENTRIES
                        if not entry.place
                    ),
                ],
                **ids.aria(label="Places"),
            ),
            html.Div(
                [
                    share.menu(),
                    *map(_tool, TOOLS),
                    room_button(),
                    _button("Help", "help", **ids.aria(haspopup="dialog")),
                ],
                className="tools",
            ),
        ],
        className="top",
    )


def _tool(tool: Tool) -> Component:
    return _button(tool.words, tool.name, id=tool.name, **(ids.aria(pressed="false") if tool.switch else {}))


def _sidebar(options: dict[str, Option]) -> Component:
    return html.Aside(
        [
            html.Div(
                [_section(heading, members, options) for heading, members in sections(options).items()],
                className="sections", role="form", **ids.aria(label="The question and the view"),
            ),
            accessible.help_line(),
            html.Div(
                [
                    html.P(id=ids.COST, className="cost"),
                    _button("Cancel", "cancel", id="cancel", hidden=True),
                ],
                className="asked",
            ),
        ],
        id=ids.CONTROLS,
    )  # fmt: skip


def _section(heading: str, members: list[Option], options: dict[str, Option]) -> Component:
    first = [control(option) for option in members if is_first(option, options)]
    rest = [control(option) for option in members if not is_first(option, options)]
    if heading == "View":
        first += [_own_switch(*one) for one in LINKS]
    more = [html.Details([html.Summary("more"), html.Div(rest, className="rows")])] if rest else []
    named = ids.data(group=group_of(heading))
    return html.Section([html.H2(heading), html.Div(first, className="rows"), *more], **named)


def _own_switch(name: str, label: str, told: str) -> Component:
    """A browser's own habit, kept there and in no URL."""
    switch = dmc.Switch(
        id=name, label=label, checked=True, size="sm", persistence=True, labelPosition="left",
        **ids.aria(description=told),
    )  # fmt: skip
    return html.Div(switch, className="row wide", title=told)


def _main(panels: list[tuple[str, str]]) -> Component:
    return html.Main(
        [
            html.Div(
                [
                    html.Div([html.H1(id=ids.SENTENCE), html.P(id=ids.EQUAL, className="equal")]),
                    _colour_bar(),
                ],
                className="lead",
            ),
            html.Details(
                [html.Summary(id=ids.SETTINGS_TOLD), html.Div(id=ids.SETTINGS)], className="settings", hidden=True
            ),
            _windows(),
            html.P(id=ids.MESSAGE, className="message", role="alert", hidden=True),
            html.P(html.A("Open the default question", href="/"), className="way-out"),
            html.P(id=ids.PROGRESS, className="spoken", role="status"),
            html.Div(
                [_column(place, panels) for place in range(MOST_COLUMNS)], id=ids.COLUMNS, className="columns"
            ),
            _comparison(),
            player(picks()),
            share.show_all(),
        ],
        id=ids.MAIN,
        tabIndex="-1",
    )  # fmt: skip


def _comparison() -> Component:
    """The table across activations; the grid is put into it when its place is first opened, as its script is large."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Activations compared", id="label-comparison"),
                    _button("Copy table", "copyTable", id=ids.COPY_TABLE),
                    _button("CSV", "saveTable"),
                ],
                className="line",
            ),
            html.Div(id=ids.TABLE_PLACE, className="table"),
            html.P(className="about"),
        ],
        id=ids.COMPARISON,
        className="comparison",
        hidden=True,
        **ids.aria(labelledby="label-comparison"),
    )


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


def _windows() -> Component:
    """Breadcrumbs from the whole picture to the window shown, and the ways in and out."""
    return html.Nav(
        [
            html.Ol(id=ids.CRUMBS, className="crumbs"),
            html.Span(id=ids.AIM, className="aim"),
            _button("Zoom in", "inward", id=ids.INWARD, title="Half as wide; a click on a picture chooses the point."),
            _button("Back out", "outward", id=ids.OUTWARD),
            _button("Slice here", "sliceHere", id=ids.SLICE_HERE, title="The loss around the point of a walk clicked."),
            _button("Spectrum here", "spectrumHere", id=ids.HERE, title="The Hessian's spectrum at the point clicked."),
            _button("Spectrum at the end", "spectrumAtEnd", id=ids.AT_END, title="Back to the center.", hidden=True),
        ],
        className="windows",
        **ids.aria(label="Windows of the plane"),
    )


def _colour_bar() -> Component:
    parts = [html.Span(className="bar-title"), html.Div(className="gradient"), html.Div(className="ticks")]
    return html.Div(parts, id=ids.BAR, className="bar", hidden=True, role="img")


def _column(place: int, panels: list[tuple[str, str]]) -> Component:
    head = html.Header(
        [
            html.Div(
                [html.Img(className="curve", alt=""), html.H2(className="activation"), _column_tools(place)],
                className="who",
            ),
            html.Dl(className="numbers"),
        ]
    )
    slots = [_slot(place, name, title) for name, title in panels]
    return html.Article([head, *slots], id=ids.column(place), className="column", hidden=place >= 3)


def _column_tools(place: int) -> Component:
    """What a reader does with a whole column."""
    tools = (
        ("pin", "pin", "Compare the other columns with this one"),
        ("toLeft", "←", "Move to the left"),
        ("toRight", "→", "Move to the right"),
        ("remove", "×", "Take this column away"),
    )
    return html.Span(
        [
            html.Button(sign, type="button", title=told, **ids.data(act=act, column=str(place)), **ids.aria(label=told))
            for act, sign, told in tools
        ],
        className="column-tools",
    )


def _slot(place: int, name: str, title: str) -> Component:
    return html.Section(
        [
            html.Div(
                [
                    html.H3(title),
                    html.Span(className="echo"),
                    html.Span(className="state"),
                    _exports(name, title),
                ],
                className="line",
            ),
            html.Div(
                id=ids.plot(place, name), className="plot", role="figure",
                **ids.aria(describedby=ids.alternative(place, name)),
            ),
            html.Span(className="echo-dot", hidden=True),
            accessible.alternative(place, name),
            html.P(className="failure", hidden=True),
            html.P(className="selection", hidden=True),
            html.P(className="caption"),
            html.Ul(className="warnings", hidden=True),
            accessible.why_odd(),
        ],
        id=ids.slot(place, name),
        className=f"slot slot-{name}",
        **ids.data(state="waiting"),
    )  # fmt: skip


def _exports(name: str, title: str) -> Component:
    links = [html.A(kind, className="export", download="", **ids.data(kind=kind)) for kind in EXPORTS]
    return html.Details(
        [
            html.Summary("data", **ids.aria(label=f"Data behind {title}")),
            html.Div([*links, accessible.rows_button(title)]),
        ],
        className="exports", hidden=True,
    )  # fmt: skip


def _help() -> Component:
    return html.Dialog(
        [
            html.H2("What is shown"),
            *(html.P(paragraph) for paragraph in ABOUT),
            *(part for heading, keys in KEYS.items() for part in (html.H2(heading), _keys(keys))),
            html.Form(html.Button("Close", className="button", autoFocus="autofocus"), method="dialog"),
        ],
        id=ids.HELP,
        **ids.aria(label="Help"),
    )


def _keys(keys: tuple[tuple[str, str], ...]) -> Component:
    rows = [(html.Dt([html.Kbd(key) for key in names.split(" · ")]), html.Dd(does)) for names, does in keys]
    return html.Dl([part for row in rows for part in row], className="keys")
