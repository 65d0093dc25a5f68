"""What stands in the document before any script has run, outside of what Dash draws: bars, places of pictures, and as
templates what scripts make copies of when it is first needed: slots of other panels and columns, and dialogs.

Places that the scripts write to are empty here.
"""

from typing import Any

from dash import html
from dash.development.base_component import Component

from lossatlas.app.layout import accessible, help, lesson, share
from lossatlas.app.layout.bar import ENTRIES, ICON, TOOLS, Tool
from lossatlas.app.layout.player import picks, player
from lossatlas.app.layout.rooms import room_bar, room_button, room_dialog
from lossatlas.app.look import ids
from lossatlas.app.look.columns import DEFAULT_ACTIVATIONS, MOST_COLUMNS
from lossatlas.app.look.markup import Element
from lossatlas.app.look.places import FIRST
from lossatlas.app.panels import PANELS, panels_of
from lossatlas.app.state.page import page_options
from lossatlas.compute.spec.options import Option, text

EXPORTS = ("npz", "csv", "json")
BLANK = ""  # column and panel of the slot that the others are copies of


def above() -> list[Component]:
    """Over controls and pictures."""
    return [_header(page_options()["place"]), room_bar()]


def beside() -> list[Component]:
    """In the place of the controls, or over the pictures, while a lesson is read."""
    return lesson.parts()


def under_controls() -> list[Component]:
    """What the question costs, and the help of a control."""
    asked = [html.P(id=ids.COST, className="cost"), _button("Cancel", "cancel", id="cancel", hidden=True)]
    return [accessible.help_line(), html.Div(asked, className="asked")]


def pictures() -> Component:
    """Columns with the panels of the first place, and what is told about them."""
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
            html.Div([_column(place) for place in range(MOST_COLUMNS)], id=ids.COLUMNS, className="columns"),
            _comparison(),
            player(picks()),
            share.show_all(),
        ],
        id=ids.MAIN,
        tabIndex="-1",
    )  # fmt: skip


def templates() -> dict[str, Component]:
    """What is copied from, by the id of its template."""
    dialogs = {ids.HELP: help.dialog(), "room-dialog": room_dialog(), ids.ROWS: accessible.rows_dialog()}
    return {ids.BLANK_SLOT: slot(BLANK, BLANK)} | {
        ids.template(name): part for name, part in (dialogs | share.dialogs()).items()
    }


def slot(place: int | str, name: str) -> Component:
    """One panel of a column; slots.mjs names what is named here in a copy of the blank one."""
    title = PANELS[name].title if name else ""
    return html.Section(
        [
            html.Div(
                [
                    html.H3(title or None),
                    html.Span(className="echo"),
                    html.Span(className="state"),
                    _exports(title),
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


def _button(words: str, act: str, **more: Any) -> Component:
    return html.Button(words, type="button", className="button", **ids.data(act=act), **more)


def _header(place: Option) -> Component:
    links = [html.A(one.label, href=one.href, title=one.about, className="study") for one in ENTRIES if not one.place]
    return html.Header(
        [
            accessible.controls_button(),
            html.A([html.Img(src=ICON, alt="", className="mark"), "lossatlas"], href="/", className="name"),
            html.Nav(
                [html.Span(place.label, id=ids.PLACES_LABEL, className="spoken"), _switch(place), *links],
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


def _switch(place: Option) -> Component:
    """The page's places side by side: they are there before Dash is, which only keeps what is chosen."""
    return html.Div(
        [
            html.Label([_radio(name, name == text(place.default)), shown])  # type: ignore[list-item]
            for name, shown in place.menu().items()
        ],
        id=ids.PLACES, className="places", role="radiogroup",
        **ids.aria(labelledby=ids.PLACES_LABEL, description=place.help),
    )  # fmt: skip


def _radio(name: str, checked: bool) -> Element:
    given = {"type": "radio", "name": ids.PLACES, "value": name, "class": "spoken"}
    return Element("input", given | ({"checked": True} if checked else {}), ())


def _tool(tool: Tool) -> Component:
    return _button(tool.words, tool.name, id=tool.name, **(ids.aria(pressed="false") if tool.switch else {}))


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
            html.P(className="about"),
        ],
        id=ids.COMPARISON,
        className="comparison",
        hidden=True,
        **ids.aria(labelledby="label-comparison"),
    )


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


def _column(place: int) -> Component:
    seen = place < len(DEFAULT_ACTIVATIONS)
    head = html.Header(
        [
            html.Div(
                [html.Img(className="curve", alt=""), html.H2(className="activation"), _column_tools(place)],
                className="who",
            ),
            html.Dl(className="numbers"),
        ]
    )
    slots = [slot(place, name) for name in panels_of(FIRST)] if seen else []
    return html.Article([head, *slots], id=ids.column(place), className="column", hidden=not seen)


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


def _exports(title: str) -> Component:
    links = [html.A(kind, className="export", download="", **ids.data(kind=kind)) for kind in EXPORTS]
    return html.Details(
        [
            html.Summary("data", **ids.aria(label=f"Data behind {title}")),
            html.Div([*links, accessible.rows_button(title)]),
        ],
        className="exports", hidden=True,
    )  # fmt: skip
