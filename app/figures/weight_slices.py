"""The loss along each single weight around the point reached: a picture for each tensor, a curve for each weight."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import linear_ticks, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.weight_slices import WeightSlicesResult
from lossatlas.compute.problem.nets import offsets

MOST = 8  # tensors that have room in one column (chosen by eye)
LINE = 0.1  # height of a line of text over each as a share of the picture of two rows
APART = 0.08  # between two side by side


def figure(result: WeightSlicesResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The total loss, whatever else the surfaces show; one height for all pictures of a row."""
    look = _look(view)
    values = parts.finite(result.loss)
    if why := parts.nothing(values, look):
        return parts.sentence(why)
    heights, tensors = parts.raised(values, look, scale), _tensors(result)
    shown = tensors[:MOST]
    boxes = _boxes(len(shown))
    traces: list[dict] = []
    notes: list[dict] = []
    shapes: list[dict] = []
    layout: dict = {}
    axis = parts.value_axis(values, look, scale, 3)
    for number_of, ((name, begin, end), box) in enumerate(zip(shown, boxes, strict=True), 1):
        traces += [_curve(result, heights, values, weight, number_of, colour) for weight in range(begin, end)]
        notes.append(_title(f"{name}: {parts.counted(end - begin, 'weight' if name[0] == 'W' else 'value')}", box))
        shapes.append(_center(number_of))
        layout |= _axes(result, axis, number_of, box, number_of > len(shown) - 2)
    layout |= {
        "annotations": [*notes, _aside(), _below()], "shapes": shapes, "margin": {"l": 56, "r": 10, "t": 4, "b": 40},
        "showlegend": False, "hovermode": "closest", "uirevision": "weight_slices",
    }  # fmt: skip
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: WeightSlicesResult, view: View) -> tuple[float, float]:
    """Lowest and highest plotted value; parts.common makes the range of a row from these."""
    return parts.reach(parts.finite(result.loss), _look(view), Scale())


def caption(result: WeightSlicesResult, view: View) -> str:
    """What is moved, which loss is drawn, and what the picture leaves out."""
    values, look, spec = parts.finite(result.loss), _look(view), result.spec
    if parts.nothing(values, look):
        return ""
    left_out = len(_tensors(result)) - MOST
    norm = ["BatchNorm statistics taken anew at every point"] if spec.problem.norm == "batch" else []
    return " · ".join(
        [
            f"each weight alone moved by up to ±{number(float(result.axis[-1]))} from the point reached",
            parts.total_loss(spec.problem, spec.part),
            *norm,
            result.dtype,
            *([f"the last {left_out} tensors not drawn"] if left_out > 0 else []),
            *parts.gaps(values, look),
        ]
    )


def size(result: WeightSlicesResult) -> str:
    """How much was computed."""
    return f"{len(result.theta)} weights × {len(result.axis)}"


def words(result: WeightSlicesResult, view: View) -> str:
    """Along which single weight the loss rises most, and along which least."""
    rise = result.loss.max(1) - result.loss[:, len(result.axis) // 2]
    most, least = int(np.nanargmax(rise)), int(np.nanargmin(rise))
    center = number(float(result.loss[0, len(result.axis) // 2]))
    return (
        f"loss {center} at the center of {parts.counted(len(rise), 'curve')}, one a parameter; within "
        f"±{number(float(result.axis[-1]))} it rises most along {result.names[most]}, by {number(float(rise[most]))}, "
        f"and least along {result.names[least]}, by {number(float(rise[least]))}"
    )


def _look(view: View) -> View:
    return replace(view, show="total")


def _tensors(result: WeightSlicesResult) -> list[tuple[str, int, int]]:
    """Name, first and last place in theta of each tensor."""
    problem = result.spec.problem
    cuts = offsets(problem.shapes)
    return list(zip(problem.tensor_names, cuts, cuts[1:], strict=False))


def _boxes(count: int) -> list[tuple[float, float, float, float]]:
    """Left, right, bottom and top of each small picture's place, two side by side; a line of text is its top."""
    columns = min(count, 2)
    width, height = (1 - APART * (columns - 1)) / columns, 1 / -(-count // columns)
    corners = [((place % columns) * (width + APART), 1 - (place // columns) * height) for place in range(count)]
    return [(left, left + width, top - height, top) for left, top in corners]


def _axes(
    result: WeightSlicesResult, axis: dict, number_of: int, box: tuple[float, float, float, float], lowest: bool
) -> dict:
    left, right, bottom, top = box
    ends = [float(result.axis[0]), float(result.axis[-1])]
    return {
        f"xaxis{number_of}": {
            "anchor": f"y{number_of}", "domain": [left, right], "range": ends, "showticklabels": lowest,
            "showgrid": False, "tickvals": linear_ticks(ends[0], ends[1], 3),
        },
        f"yaxis{number_of}": {
            **axis, "anchor": f"x{number_of}", "domain": [bottom, top - LINE], "showticklabels": left == 0,
        },
    }  # fmt: skip


def _curve(
    result: WeightSlicesResult, heights: np.ndarray, values: np.ndarray, weight: int, number_of: int, colour: str
) -> dict:
    name = result.names[weight]
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": result.axis.astype(np.float32),
        "y": heights[weight].astype(np.float32), "xaxis": f"x{number_of}", "yaxis": f"y{number_of}",
        "line": {"color": colour, "width": 1.4}, "opacity": 0.7, "connectgaps": False,
        "customdata": values[weight].astype(np.float32), "meta": {"weight": weight},
        "hovertemplate": f"{name} = {number(float(result.theta[weight]))} %{{x:+.3g}}<br>"
        "<b>loss %{customdata:.4g}</b><extra></extra>",
    }  # fmt: skip


def _title(text: str, box: tuple[float, float, float, float]) -> dict:
    return {
        "text": text, "showarrow": False, "x": box[0], "y": box[3], "xref": "paper", "yref": "paper",
        "xanchor": "left", "yanchor": "top", "borderpad": 0,
    }  # fmt: skip


def _aside() -> dict:
    """One title for the heights of all small pictures."""
    return {
        "text": "loss", "showarrow": False, "textangle": -90, "x": 0, "xref": "paper", "xshift": -48, "y": 0.5,
        "yref": "paper", "yanchor": "middle",
    }  # fmt: skip


def _below() -> dict:
    """One title for what goes across them; two side by side would overlap in a column."""
    return {
        "text": "change of the weight", "showarrow": False, "x": 0.5, "xref": "paper", "y": 0, "yref": "paper",
        "yanchor": "top", "yshift": -20,
    }  # fmt: skip


def _center(number_of: int) -> dict:
    """The point reached."""
    return {
        "type": "line", "x0": 0, "x1": 0, "xref": f"x{number_of}", "y0": 0, "y1": 1,
        "yref": "y domain" if number_of == 1 else f"y{number_of} domain", "layer": "below",
        "line": {"width": 1.2, "dash": "dash"},
    }  # fmt: skip
