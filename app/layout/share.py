"""The menu Share and its dialogs: links, pictures, files, the code, and what a lesson hides."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids
from lossatlas.app.look.markup import Element

WHITE = Element("input", {"type": "checkbox", "id": "share-white"}, ())


def menu() -> Component:
    """The menu of the top bar."""
    return html.Details(
        [
            html.Summary("Share", className="button", **ids.aria(label="Share and keep this page")),
            html.Div(
                [
                    _item("Copy link", "copyWhole"),
                    _item("Copy short link", "copyShort", title="A link to read out, kept by this server."),
                    html.Hr(),
                    html.Label(["Row", html.Select([], id="share-row", **ids.aria(label="Row of the picture"))]),
                    html.Label([WHITE, "light, on white"]),  # type: ignore[list-item]
                    _item("Picture PNG", "savePng", title="The row of all columns, 1920 pixels wide."),
                    _item("Picture SVG", "saveSvg", title="The same, to be edited; surfaces in it are pixels."),
                    html.Hr(),
                    html.A(
                        "Page as HTML", id="share-page", className="item", download="lossatlas.html",
                        title="One file with these pictures, to turn and to zoom, that needs no server.",
                    ),
                    _item("Python code", "showCode"),
                    _item("Hide controls", "editHidden"),
                ],
                className="items",
            ),
        ],
        id="share",
        className="menu",
    )  # fmt: skip


def _item(words: str, act: str, **more: Any) -> Component:
    return html.Button(words, type="button", className="item", **ids.data(act=act), **more)


def show_all() -> Component:
    """The way back from a page with hidden controls, at its foot."""
    button = html.Button("Show all controls", type="button", className="quiet", **ids.data(act="showAll"))
    return html.P(button, id="show-all", className="show-all", hidden=True)


def dialogs() -> dict[str, Component]:
    """The code of the page's pictures, and the list of what can be hidden, by their ids."""
    return {"code": _code(), "hide-editor": _editor()}


def _code() -> Component:
    which = html.Select([], id="code-of", **ids.aria(label="Code of"))
    return html.Dialog(
        [
            html.H2("The same pictures from Python"),
            html.P("Where lossatlas is installed this computes the numbers again, to the last bit on the same kind of "
                   "processor, and needs no server."),
            html.Div([html.Label(["Of", which]), _button("Copy", "copyCode"),
                      html.A("Download", id="code-file", className="button", download="lossatlas.py"), _close()],
                     className="line"),
            html.Pre(html.Code(id="code-text"), tabIndex="0"),
        ],
        id="code", className="wide-dialog", **ids.aria(label="Python code"),
    )  # fmt: skip


def _editor() -> Component:
    """A checkbox for each name, drawn by the script; not modal, so that the page shows at once what it leaves out."""
    return html.Dialog(
        [
            html.H2("Hide controls"),
            html.P("For a lesson: what is ticked leaves the page and keeps its value. Warnings stay. At the foot of "
                   "the page, whoever has the link can show all controls again."),
            html.Div([_button("Copy the link for the lesson", "copyLesson"), _button("Show all", "showAll"), _close()],
                     className="line"),
            html.Div(id="hide-boxes", className="hide-boxes"),
        ],
        id="hide-editor", **ids.aria(label="Hide controls"),
    )  # fmt: skip


def _button(words: str, act: str) -> Component:
    return html.Button(words, type="button", className="button", **ids.data(act=act))


def _close() -> Component:
    return html.Form(html.Button("Close", className="button"), method="dialog")
