"""The bar from which a training is watched, and the weights picked for a plane; player.mjs and weights.mjs fill it."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids

PLAYER_KEYS = (("Space", "play or pause"), (", · .", "one step back · one step on"))


def _button(words: str, act: str, **more: Any) -> Component:
    return html.Button(words, type="button", className="button", **ids.data(player=act), **more)


def player(*more: Component) -> Component:
    """Hidden until a picture has moments to show; `more` stands below the bar."""
    return html.Section(
        [
            html.Div(
                [
                    _button("‹", "back", title="One recorded step back.", **ids.aria(label="Step back")),
                    _button("Play", "toggle", id=ids.PLAY, **ids.aria(pressed="false")),
                    _button("›", "forward", title="One recorded step on.", **ids.aria(label="Step on")),
                    html.Span(id=ids.SCRUB, className="scrub"),
                    html.Span(id=ids.MOMENT, className="moment"),
                    _button("1×", "speed", id=ids.SPEED, title="How fast the training is played."),
                ],
                className="watch",
            ),
            *more,
        ],
        id=ids.PLAYER,
        className="player",
        hidden=True,
        **ids.aria(label="Player"),
    )


def picks() -> Component:
    """The weights picked, and the way to their plane."""
    return html.Div(
        [
            html.Span(id=ids.PICKED),
            html.Button("Plane of these two weights", id=ids.PLANE, **_acts("planeOfPicks")),
            html.Button("Forget", **_acts("forgetPicks")),
        ],
        id=ids.PICKS,
        className="picks",
        hidden=True,
    )


def _acts(name: str) -> dict[str, Any]:
    return {"type": "button", "className": "button", **ids.data(act=name)}
