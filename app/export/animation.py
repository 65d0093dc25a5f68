"""A figure that moves, as a file of its own: plotly's slider and buttons in place of the page's player."""

import plotly.graph_objects as go

from lossatlas.app.figures.shared.frames import unpacked

STEP = 400  # ms a frame (chosen by eye)


def _part(rows: dict, k: int) -> dict:
    return {name: unpacked(one, k) for name, one in rows.items()}


def animated(figure: go.Figure) -> go.Figure:
    """The figure with a slider over the frames that its `layout.meta.frames` names; as it is without any."""
    told = (figure.layout.meta or {}).get("frames")
    if not told:
        return figure
    numbers = [int(number) for number in told["traces"]]
    still = {"frame": {"duration": STEP, "redraw": True}, "mode": "immediate", "transition": {"duration": 0}}
    figure.frames = [
        go.Frame(
            name=label,
            traces=numbers,
            data=[{"type": figure.data[number].type, **_part(told["traces"][str(number)], k)} for number in numbers],
        )
        for k, label in enumerate(told["labels"])
    ]
    play = {"label": "Play", "method": "animate", "args": [None, {**still, "fromcurrent": True}]}
    stop = {"label": "Pause", "method": "animate", "args": [[None], still]}
    steps = [{"label": label, "method": "animate", "args": [[label], still]} for label in told["labels"]]
    return figure.update_layout(
        margin={"b": 130},
        sliders=[{"steps": steps, "currentvalue": {"visible": True}, "pad": {"t": 30}}],
        updatemenus=[{"type": "buttons", "direction": "left", "buttons": [play, stop], "x": 0, "y": 0,
                      "xanchor": "left", "yanchor": "top", "pad": {"t": 90}}],
    )  # fmt: skip
