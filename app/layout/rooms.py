"""The elements of rooms: the presenter's button and dialog, the follower's bar. assets/rooms/ fills them."""

from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids


def room_button() -> Component:
    """In the header: opens a room, then shows its code and how many follow."""
    return html.Button(
        "Follow me", type="button", id="follow-me", className="button",
        title="Open a room: whoever enters its code sees this page change with yours.",
        **ids.data(act="followMe"), **ids.aria(haspopup="dialog"),
    )  # fmt: skip


def room_dialog() -> Component:
    """The code in type that the last row can read, and the address to photograph."""
    return html.Dialog(
        [
            html.H2("Follow this page"),
            html.Div(
                [
                    html.Img(id="room-qr", className="room-qr", alt=""),
                    html.Div(
                        [
                            html.P("Photograph the code, or go to"),
                            html.P(html.A(id="room-address", className="room-address"), className="room-go"),
                            html.P("and enter"),
                            html.P(id="room-code", className="room-code"),
                            html.P(id="room-count", className="room-count", role="status"),
                        ],
                        className="room-words",
                    ),
                ],
                className="room-shown",
            ),
            html.P(id="room-note", className="room-note", hidden=True),
            html.Div(
                [
                    html.Form(html.Button("Back to the page", className="button"), method="dialog"),
                    html.Button(
                        "Close room", type="button", className="button", **ids.data(act="closeRoom"),
                        title="Nobody follows any more; everybody keeps the page as it is.",
                    ),
                ],
                className="room-acts",
            ),
        ],
        id="room-dialog",
        className="room-dialog",
        **ids.aria(label="Follow me"),
    )  # fmt: skip


def room_bar() -> Component:
    """On top of a follower's page."""
    return html.Div(
        [
            html.Span(id="room-says", role="status"),
            html.Button("Explore on my own", type="button", id="room-explore", className="button",
                        **ids.data(act="exploreAlone")),
            html.Button("Return to the presenter", type="button", id="room-return", className="button",
                        **ids.data(act="returnToRoom")),
            html.Button("Leave", type="button", id="room-leave", className="button", title="Take this bar away.",
                        **ids.data(act="leaveRoom")),
        ],
        id="room-bar",
        className="room-bar",
        hidden=True,
    )  # fmt: skip
