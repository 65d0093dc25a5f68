"""Pre-activations of each hidden layer over the activation's own curve, and its saturation along the training."""

import itertools

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures import parts
from app.figures.ticks import number
from app.view import Scale, View
from compute.cost import patterns
from compute.saturation import FLAT, MEASURES

MOST = 4  # layers that have room in one column (chosen by eye)
HEAD = 1.3  # height of a layer's axis over its highest bar: room for a line of text
DASHES = ("solid", "dash", "dot", "dashdot")
CURVES = (("f", "solid"), ("f′", "dot"))


def figure(result, view: View, scale: Scale, colour: str) -> go.Figure:
    """A histogram for each hidden layer, shaded where |f′| < 0.1; below, the layers' measures against the step."""
    layers, along = _layers(result), len(result.step) > 1
    drawn = make_subplots(
        rows=len(layers) + along, cols=1, vertical_spacing=0.4 / (len(layers) + along),
        specs=[[{"secondary_y": True}] for _ in layers] + [[{}]] * along,
    )  # fmt: skip
    for row, layer in enumerate(layers, 1):
        _add_layer(drawn, result, scale, colour, row, layer)
    if along:
        _add_training(drawn, result, colour, len(layers) + 1)
    drawn.update_xaxes(title={"text": "pre-activation z"}, row=len(layers), col=1)
    drawn.update_layout(
        barmode="overlay", bargap=0, showlegend=False, uirevision="saturation",
        margin={"l": 56, "r": 10, "t": 8, "b": 40},
    )  # fmt: skip
    return parts.bare(drawn)


def units(result, view: View, scale: Scale, colour: str) -> go.Figure:
    """The histogram of every unit as a row of a map, layer upon layer, each row on a scale of its own."""
    shares = result.inputs / np.maximum(result.inputs.max(1, keepdims=True), 1)
    names = [f"layer {layer}, unit {unit}" for layer, unit in zip(result.layer, result.unit, strict=True)]
    facts = np.stack([result.saturation, result.flat, result.dead], -1)[:, None].repeat(result.inputs.shape[1], 1)
    drawn = go.Figure(
        go.Heatmap(
            x=_centers(result).astype(np.float32), y=np.arange(len(names)), z=shares.astype(np.float32), name="units",
            text=np.repeat(np.array(names)[:, None], shares.shape[1], 1), customdata=facts.astype(np.float32),
            colorscale=[[0, "rgba(128, 128, 128, 0)"], [1, colour]], showscale=False, zmin=0, zmax=1,
            hovertemplate=f"%{{text}}<br>{MEASURES[result.measure].label} <b>%{{customdata[0]:.3g}}</b> · "
            f"|f′| < {FLAT:g}: %{{customdata[1]:.3g}} · dead %{{customdata[2]}}<extra></extra>",
        )
    )  # fmt: skip
    for border in np.flatnonzero(np.diff(result.layer)):
        drawn.add_hline(y=float(border) + 0.5, line={"width": 1.2})
    drawn.update_layout(
        xaxis={"title": {"text": "pre-activation z"}, "range": [result.edges[0], result.edges[-1]]},
        yaxis={"title": {"text": "hidden unit"}, "autorange": "reversed", "showgrid": False, "nticks": 4},
        margin={"l": 56, "r": 10, "t": 8, "b": 40},
        uirevision="saturation",
    )
    return parts.bare(drawn)


def span(result, view: View) -> tuple[float, float]:
    """0 and the highest bar of the layers drawn; the largest of a row gives the columns one height."""
    return 0.0, max(float(_shares(result, layer).max()) for layer in _layers(result))


def caption(result, view: View) -> str:
    """The measure, patterns, number format, dead units, and what the picture leaves out."""
    part = "training" if result.spec.part == "train" else "test"
    outside = (result.below + result.above).sum() / (result.inputs.sum() + (result.below + result.above).sum())
    left_out = result.layer[-1] - len(_layers(result))
    return " · ".join(
        [
            f"saturation: {MEASURES[result.measure].label}",
            f"{patterns(result.spec.problem, result.spec.part):,} {part} patterns",
            f"{int(result.dead.sum()):,} of {len(result.dead):,} units dead",
            result.dtype,
            *([f"{number(100 * outside)} % of pre-activations outside"] if outside else []),
            *([f"the last {left_out} layers are not drawn"] if left_out else []),
        ]
    )


def _layers(result) -> list[int]:
    return list(range(1, min(int(result.layer[-1]), MOST) + 1))


def _centers(result) -> np.ndarray:
    return (result.edges[1:] + result.edges[:-1]) / 2


def _shares(result, layer: int) -> np.ndarray:
    """(B,) share of a layer's pre-activations in each bin."""
    mine = result.layer == layer
    total = result.inputs[mine].sum() + result.below[mine].sum() + result.above[mine].sum()
    return result.inputs[mine].sum(0) / total


def _add_layer(drawn: go.Figure, result, scale: Scale, colour: str, row: int, layer: int) -> None:
    shares, top = _shares(result, layer), scale.high or span(result, View())[1]
    drawn.add_bar(
        x=_centers(result).astype(np.float32), y=shares.astype(np.float32), width=float(np.diff(result.edges)[0]),
        name=f"layer {layer}", marker={"color": colour, "line": {"width": 0}}, row=row, col=1,
        hovertemplate="z ≈ %{x:.3g}<br><b>%{y:.2%}</b> of the layer<extra></extra>",
    )  # fmt: skip
    for low, high in _flat_stretches(result):
        drawn.add_vrect(x0=low, x1=high, fillcolor="#888", opacity=0.14, line_width=0, layer="below", row=row, col=1)
    z, *curves = result.curve
    for values, (name, dash) in zip(curves, CURVES, strict=True):
        drawn.add_scatter(
            x=z.astype(np.float32), y=(values / max(np.abs(values).max(), 1e-300)).astype(np.float32), mode="lines",
            name=name, line={"color": "#888", "width": 1.6, "dash": dash}, customdata=values.astype(np.float32),
            hovertemplate=f"z %{{x:.3g}}<br>{name} %{{customdata:.3g}}<extra></extra>",
            row=row, col=1, secondary_y=True,
        )  # fmt: skip
    last = layer == _layers(result)[-1]
    drawn.update_xaxes(range=[result.edges[0], result.edges[-1]], showticklabels=last, row=row, col=1)
    drawn.update_yaxes(
        title={"text": f"layer {layer}"}, range=[0, HEAD * top], tickformat=".0%", nticks=4, secondary_y=False,
        row=row, col=1,
    )  # fmt: skip
    drawn.update_yaxes(range=[-1.0, 2 * HEAD - 1], visible=False, secondary_y=True, row=row, col=1)
    drawn.add_annotation(
        text=_told(result, layer), name=f"layer {layer}", showarrow=False, x=0, y=1, xanchor="left", yanchor="top",
        xref="x domain", yref="y domain", row=row, col=1,
    )  # fmt: skip


def _told(result, layer: int) -> str:
    saturation, flat = result.layer_saturation[-1, layer - 1], result.layer_flat[-1, layer - 1]
    label = "" if np.isnan(saturation) else f"{MEASURES[result.measure].label} {number(saturation)} · "
    return f"{label}|f′| < {FLAT:g}: {number(100 * flat)} %"


def _flat_stretches(result) -> list[tuple[float, float]]:
    """Where |f′| < FLAT, as intervals of z to the curve's own resolution."""
    z, _, slopes = result.curve
    runs = itertools.groupby(range(len(z)), lambda place: bool(abs(slopes[place]) < FLAT))
    found = [list(places) for flat, places in runs if flat]
    return [(float(z[places[0]]), float(z[places[-1]])) for places in found]


def _add_training(drawn: go.Figure, result, colour: str, row: int) -> None:
    """The layers' saturation, or where the activation has no measure the share of flat slopes."""
    measured = result.measure != "none"
    values = result.layer_saturation if measured else result.layer_flat
    title = MEASURES[result.measure].label if measured else f"|f′| < {FLAT:g}"
    for layer, dash in zip(_layers(result), DASHES, strict=False):
        drawn.add_scatter(
            x=result.step.astype(np.int32), y=values[:, layer - 1].astype(np.float32), mode="lines",
            name=f"training {layer}", line={"color": colour, "width": 2.2, "dash": dash},
            hovertemplate=f"step %{{x}} · layer {layer} <b>%{{y:.3g}}</b><extra></extra>", row=row, col=1,
        )  # fmt: skip
    drawn.update_xaxes(title={"text": "training step"}, nticks=6, row=row, col=1)
    drawn.update_yaxes(title={"text": title}, range=[-0.02, 1.02], nticks=4, row=row, col=1)
