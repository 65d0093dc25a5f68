"""A one-dimensional slice: the loss along one direction, or from the start to the end of a training."""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import interval, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.lines import LineResult

span = parts.span


def figure(result: LineResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The curve of one column in its activation's colour."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return parts.sentence(why)
    heights = parts.raised(values, view, scale)
    drawn = go.Figure(
        go.Scatter(
            x=result.axis.astype(np.float32), y=heights.astype(np.float32), mode="lines", name="slice",
            line={"color": colour, "width": 2.6}, connectgaps=False, customdata=values.astype(np.float32),
            hovertemplate=f"{result.name} %{{x:.4g}}<br>"
            f"<b>{parts.title(view)} %{{customdata:.4g}}</b><extra></extra>",
        )
    )  # fmt: skip
    _add_marks(drawn, result, heights, colour)
    drawn.update_layout(
        xaxis={
            "title": {"text": parts.with_unit(result.name, result.units)},
            "range": _ends(result),
            "showgrid": False,
        },
        yaxis={**parts.value_axis(values, view, scale, 4), "title": {"text": parts.title(view)}},
        margin={"l": 56, "r": 10, "t": 8, "b": 40},
        showlegend=False,
        uirevision="line",
    )
    for note in parts.cut_note(values, view, scale):
        drawn.add_annotation(note)
    return parts.bare(drawn)


def curve(result: LineResult, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(S,) twice: places on the line and what is shown there."""
    return result.axis, parts.quantity(result, view)


def caption(result: LineResult, view: View) -> str:
    """Direction, patterns, loss term, number format, and what the picture leaves out."""
    values = parts.quantity(result, view)
    if parts.nothing(values, view):
        return ""
    return " · ".join(
        [
            *parts.mixed(result),
            parts.direction_kind(result),
            *parts.statistics(result),
            parts.subject(result, view),
            result.dtype,
            *parts.gaps(values, view),
        ]
    )


def size(result: LineResult) -> str:
    """How much was computed."""
    return f"{len(result.axis)} points"


def words(result: LineResult, view: View) -> str:
    """The loss at the center, at both ends, and where on the line it is least."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return why
    least = int(np.nanargmin(values))
    ends = f"{number(float(values[0]))} at the left end, {number(float(values[-1]))} at the right"
    return (
        f"loss {number(result.center_loss)} at the center, {ends}, the lowest {parts.title(view)} "
        f"{number(float(values[least]))} at {number(float(result.axis[least]))}, along "
        f"{interval(float(result.axis[0]), float(result.axis[-1]))}"
    )


def _ends(result: LineResult) -> list[float]:
    low, high = float(result.axis[0]), float(result.axis[-1])
    room = 0.02 * (high - low)
    return [low - room, high + room]


def _add_marks(drawn: go.Figure, result: LineResult, heights: np.ndarray, colour: str) -> None:
    """A dashed line and a dot at the center; a second line at the start where the line leads from there."""
    dash = {"width": 1.2, "dash": "dash"}
    drawn.add_vline(x=0, line=dash, layer="below")
    if result.spec.where.direction.from_start:
        drawn.add_vline(x=-1, line=dash, layer="below")
        for x, text in ((-1, "start"), (0, "end")):
            drawn.add_annotation(
                x=x, y=1, yref="y domain", text=text, showarrow=False, xanchor="left", yanchor="top", xshift=3
            )
    drawn.add_scatter(
        x=[0.0], y=[float(heights[len(heights) // 2])], mode="markers", hoverinfo="skip", name="center",
        marker={"size": 9, "color": colour},
    )  # fmt: skip
