"""What makes the page everyone's: words for each picture, its numbers as a table, help at the controls' foot, and a
button for the controls where the window has no room for them. Scripts in assets/page/, and pictures/words.mjs, fill and
open these.
"""

from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids

ALT, ODD = "alt", "odd"


def alternative(place: int | str, panel: str) -> Component:
    """The words for a picture, which its description names; never seen."""
    return html.P(id=ids.alternative(place, panel), className=f"spoken {ALT}")


def why_odd() -> Component:
    """Explanations beside the warnings, closed at first."""
    return html.Details([html.Summary("Why does this look odd?"), html.Dl()], className=ODD, hidden=True)


def rows_button(title: str) -> Component:
    """In a panel's data menu."""
    return html.Button(
        "table", type="button", className="export-rows",
        **ids.data(opens=ids.ROWS), **ids.aria(haspopup="dialog", label=f"Table of {title}"),
    )  # fmt: skip


def rows_dialog() -> Component:
    """The first rows of what a panel shows."""
    return html.Dialog(
        [
            html.H2(id=ids.ROWS_TITLE),
            html.P(role="status", className="rows-count"),
            html.Div(className="rows-table", tabIndex="0", role="region", **ids.aria(labelledby=ids.ROWS_TITLE)),
            html.Form(
                [
                    html.A("Download all as CSV", className="button", download="", href="#"),
                    html.Button("Close", className="button"),
                ],
                method="dialog",
                className="line",
            ),
        ],
        id=ids.ROWS,
        **ids.aria(labelledby=ids.ROWS_TITLE),
    )


def help_line() -> Component:
    """The help of the control in focus. A screen reader has it from the control itself."""
    return html.P(id=ids.HELP_LINE, className="help-line", hidden=True, **ids.aria(hidden="true"))


def controls_button() -> Component:
    """Shown where the window is narrow: the controls lie over the pictures then."""
    return html.Button(
        "Settings", type="button", className="button", id=ids.OPEN_CONTROLS,
        **ids.data(opens=ids.CONTROLS), **ids.aria(expanded="false", controls=ids.CONTROLS),
    )  # fmt: skip
