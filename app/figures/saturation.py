"""Pre-activations of each hidden layer over the activation's own curve, its outputs, or every unit; and saturation
along the training.
"""

import itertools

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.saturation import SaturationResult
from lossatlas.compute.numerics.activity import FLAT, MEASURES, UNMEASURED

MOST = 4  # layers that have room in one column (chosen by eye)
LINE = 0.085  # height of a layer's line of text as a share of the picture
TRAINING, BETWEEN = 0.21, 0.19  # heights of the axis of steps, and of what stands over it (chosen by eye)
APART = 0.09  # between two side by side
DASHES = ("solid", "dash", "dot", "dashdot")
CURVES = (("f", "solid"), ("f′", "dot"))
MARGIN = {"l": 56, "r": 10, "t": 8, "b": 40}


def figure(result: SaturationResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """Histograms of each hidden layer's pre-activations or outputs, or of each unit's pre-activations."""
    if view.units == "units":
        return _map(result, colour)
    return _histograms(result, view, scale, colour)


def span(result: SaturationResult, view: View) -> tuple[float, float]:
    """0 and the highest bar of the layers drawn; the largest of a row gives the columns one height."""
    return 0.0, max(float(_shares(result, layer, view).max()) for layer in _layers(result))


def caption(result: SaturationResult, view: View) -> str:
    """The measure, patterns, number format, dead units, and what the picture leaves out."""
    outputs = view.units == "outputs"
    outside = sum(_outside(result, outputs).values()) / (result.inputs.sum() + (result.below + result.above).sum())
    left_out = 0 if view.units == "units" else result.layer[-1] - len(_layers(result))
    return " · ".join(
        [
            f"saturation: {MEASURES[result.measure].label}",
            f"flat: |f′| < {FLAT:g}" + (", shaded" if view.units == "layers" else ""),
            f"pre-activations within ±{number(float(result.edges[-1]))}",
            parts.told_patterns(result.spec.problem, result.spec.part),
            f"{int(result.dead.sum()):,} of {len(result.dead):,} units dead",
            result.dtype,
            *(
                [f"{number(100 * outside)} % of {'outputs' if outputs else 'pre-activations'} outside"]
                if outside
                else []
            ),
            *([f"the last {left_out} of {result.layer[-1]} layers not drawn"] if left_out else []),
        ]
    )


def size(result: SaturationResult) -> str:
    """How much was looked at."""
    return parts.counted(len(result.layer), "unit")


def words(result: SaturationResult, view: View) -> str:
    """Each layer's mean at the point reached."""
    measure = MEASURES[result.measure].label
    layers = [
        f"layer {number_} {number(float(value))}" for number_, value in enumerate(result.layer_saturation[-1], 1)
        if np.isfinite(value)
    ]  # fmt: skip
    flat = [f"layer {number_} {100 * float(value):.0f} %" for number_, value in enumerate(result.layer_flat[-1], 1)]
    first = f"saturation ({measure}) {', '.join(layers)}; " if layers else ""
    return f"{first}flat {', '.join(flat)}; {int(result.dead.sum())} of {len(result.dead)} units dead"


# ---------------------------------------------------------------------------------------------- layers


def _histograms(result: SaturationResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """A histogram for each layer, two side by side where there are more; below, the layers' measures by step."""
    layers, along = _layers(result), len(result.step) > 1
    top, boxes = scale.high or span(result, view)[1], _boxes(len(layers), along)
    traces = [_bars(result, view, layer, colour) for layer in layers]
    shapes: list[dict] = []
    notes = [_told(result, layer, boxes[layer - 1], len(layers) > 2) for layer in layers]
    layout: dict = {}
    for layer, box in zip(layers, boxes, strict=True):
        layout |= _axes(result, view, layer, box, top)
        if view.units == "layers":
            traces += _curve(result, layer)
            shapes += [_shade(ends, layer) for ends in _flat_stretches(result)]
    if along:
        traces += _training(result, colour)
        layout |= _training_axes(result)
        notes += _training_names(result)
    layout |= {
        "bargap": 0, "barmode": "overlay", "showlegend": False, "margin": MARGIN, "shapes": shapes,
        "annotations": [*notes, _aside(view, (1 + _foot(along)) / 2)], "uirevision": f"saturation {view.units}",
    }  # fmt: skip
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def _foot(along: bool) -> float:
    """Height below the histograms."""
    return TRAINING + BETWEEN if along else 0.0


def _boxes(count: int, along: bool) -> list[tuple[float, float, float, float]]:
    """Left, right, bottom and top of each layer's place, as shares of the picture; a line of text is its top."""
    columns = 1 if count <= 2 else 2
    width, height = (1 - APART * (columns - 1)) / columns, (1 - _foot(along)) / -(-count // columns)
    corners = [((place % columns) * (width + APART), 1 - (place // columns) * height) for place in range(count)]
    return [(left, left + width, top - height, top) for left, top in corners]


def _axes(result: SaturationResult, view: View, layer: int, box: tuple[float, float, float, float], top: float) -> dict:
    edges, count, (left, right, bottom, head) = _edges(result, view), len(_layers(result)), box
    columns = 1 if count <= 2 else 2
    lowest = layer + columns > count
    title = {"title": {"text": "output f(z)" if view.units == "outputs" else "pre-activation z"}}
    axes = {
        f"xaxis{layer}": {
            "anchor": f"y{layer}", "domain": [left, right], "range": [edges[0], edges[-1]], "showticklabels": lowest,
            "showgrid": False, "nticks": 7 if columns == 1 else 4, **(title if lowest else {}),
        },
        f"yaxis{layer}": {
            "anchor": f"x{layer}", "domain": [bottom, head - LINE], "range": [0, 1.04 * top], "tickformat": ".0%",
            "nticks": 4, "showticklabels": left == 0,
        },
    }  # fmt: skip
    if view.units == "layers":
        axes[f"yaxis{layer + MOST}"] = {
            "overlaying": f"y{layer}", "anchor": f"x{layer}", "range": [-1.04, 1.04], "visible": False,
        }  # fmt: skip
    return axes


def _layers(result: SaturationResult) -> list[int]:
    return list(range(1, min(int(result.layer[-1]), MOST) + 1))


def _edges(result: SaturationResult, view: View) -> np.ndarray:
    return result.output_edges if view.units == "outputs" else result.edges


def _centers(edges: np.ndarray) -> np.ndarray:
    return ((edges[1:] + edges[:-1]) / 2).astype(np.float32)


def _outside(result: SaturationResult, outputs: bool) -> dict[str, float]:
    """Counts below and above the histograms."""
    names = ("outputs_below", "outputs_above") if outputs else ("below", "above")
    return {name: float(getattr(result, name).sum()) for name in names}


def _shares(result: SaturationResult, layer: int, view: View) -> np.ndarray:
    """(B,) share of a layer's pre-activations, or outputs, in each bin."""
    mine = result.layer == layer
    total = result.inputs[mine].sum() + result.below[mine].sum() + result.above[mine].sum()
    counts = result.outputs if view.units == "outputs" else result.inputs
    return counts[mine].sum(0) / total


def _bars(result: SaturationResult, view: View, layer: int, colour: str) -> dict:
    edges, symbol = _edges(result, view), "f(z)" if view.units == "outputs" else "z"
    return {
        "type": "bar", "name": f"layer {layer}", "x": _centers(edges), "width": float(edges[1] - edges[0]),
        "y": _shares(result, layer, view).astype(np.float32), "marker": {"color": colour, "line": {"width": 0}},
        "xaxis": f"x{layer}", "yaxis": f"y{layer}",
        "hovertemplate": f"{symbol} ≈ %{{x:.3g}}<br><b>%{{y:.2%}}</b> of layer {layer}<extra></extra>",
    }  # fmt: skip


def _curve(result: SaturationResult, layer: int) -> list[dict]:
    """f and f′, each scaled to its own largest size."""
    z, *curves = result.curve
    return [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": z.astype(np.float32),
            "y": (values / max(np.abs(values).max(), 1e-300)).astype(np.float32), "xaxis": f"x{layer}",
            "yaxis": f"y{layer + MOST}", "line": {"color": "#888", "width": 1.6, "dash": dash},
            "customdata": values.astype(np.float32),
            "hovertemplate": f"z %{{x:.3g}}<br>{name} %{{customdata:.3g}}<extra></extra>",
        }
        for values, (name, dash) in zip(curves, CURVES, strict=True)
    ]  # fmt: skip


def _shade(ends: tuple[float, float], layer: int) -> dict:
    return {
        "type": "rect", "x0": ends[0], "x1": ends[1], "y0": 0, "y1": 1, "xref": f"x{layer}",
        "yref": "y domain" if layer == 1 else f"y{layer} domain", "fillcolor": "#888",
        "opacity": 0.14, "line": {"width": 0}, "layer": "below",
    }  # fmt: skip


def _flat_stretches(result: SaturationResult) -> list[tuple[float, float]]:
    """Where |f′| < FLAT, as intervals of z to the curve's own resolution."""
    z, _, slopes = result.curve
    runs = itertools.groupby(range(len(z)), lambda place: bool(abs(slopes[place]) < FLAT))
    found = [list(places) for flat, places in runs if flat]
    return [(float(z[places[0]]), float(z[places[-1]])) for places in found]


def _told(result: SaturationResult, layer: int, box: tuple[float, float, float, float], short: bool) -> dict:
    """A layer's measures in the line over its axis; saturation alone where it has one and the line is short."""
    saturation, flat = result.layer_saturation[-1, layer - 1], result.layer_flat[-1, layer - 1]
    measured = [] if np.isnan(saturation) else [f"saturation {number(saturation, 2)}"]
    found = [*measured, f"flat {number(100 * flat, 2)} %"]
    text = f"{layer}: {found[0]}" if short else " · ".join([f"layer {layer}", *found])
    return {
        "text": text, "name": f"layer {layer}", "showarrow": False, "x": box[0], "y": box[3], "xanchor": "left",
        "yanchor": "top", "xref": "paper", "yref": "paper", "borderpad": 0, "yshift": 2,
    }  # fmt: skip


def _aside(view: View, middle: float) -> dict:
    """One title for the axes of all layers."""
    what = "outputs" if view.units == "outputs" else "pre-activations"
    return {
        "text": f"share of {what}", "name": "share", "showarrow": False, "textangle": -90, "x": 0, "xref": "paper",
        "xshift": -48, "y": middle, "yref": "paper", "yanchor": "middle",
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- training


def _training(result: SaturationResult, colour: str) -> list[dict]:
    """The layers' saturation, or where the activation has no measure the share of flat slopes."""
    values, name = _along(result)
    return [
        {
            "type": "scatter", "mode": "lines", "name": f"training {layer}", "x": result.step.astype(np.int32),
            "y": values[:, layer - 1].astype(np.float32), "xaxis": "x9", "yaxis": "y9",
            "line": {"color": colour, "width": 2.2, "dash": dash},
            "hovertemplate": f"step %{{x}} · layer {layer}<br>{name} <b>%{{y:.3g}}</b><extra></extra>",
        }
        for layer, dash in zip(_layers(result), DASHES, strict=False)
    ]  # fmt: skip


def _along(result: SaturationResult) -> tuple[np.ndarray, str]:
    return (result.layer_flat, "flat") if result.measure in UNMEASURED else (result.layer_saturation, "saturation")


def _training_axes(result: SaturationResult) -> dict:
    last = float(result.step[-1])
    return {
        "xaxis9": {"anchor": "y9", "title": {"text": "training step"}, "nticks": 6,
                   "range": [float(result.step[0]), last if len(_layers(result)) == 1 else 1.07 * last]},
        "yaxis9": {"anchor": "x9", "title": {"text": _along(result)[1]}, "domain": [0, TRAINING],
                   "range": [-0.04, 1.04], "tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["0", "0.5", "1"]},
    }  # fmt: skip


def _training_names(result: SaturationResult) -> list[dict]:
    """Numbers of the layers beside their curves, where there are more than one."""
    layers, (values, _) = _layers(result), _along(result)
    if len(layers) == 1:
        return []
    texts, heights = [f"{layer}" for layer in layers], [float(values[-1, layer - 1]) for layer in layers]
    names = parts.at_the_end(texts, heights, (-0.04, 1.04), float(result.step[-1]), 0.24)
    return [{**name, "xref": "x9", "yref": "y9"} for name in names]


# ---------------------------------------------------------------------------------------------- units


def _map(result: SaturationResult, colour: str) -> go.Figure:
    """The histogram of every unit as a row of a map, layer upon layer, each row on a scale of its own."""
    shares = result.inputs / np.maximum(result.inputs.max(1, keepdims=True), 1)
    names = [f"layer {layer}, unit {unit}" for layer, unit in zip(result.layer, result.unit, strict=True)]
    facts = np.stack([result.saturation, result.flat, result.dead], -1)[:, None].repeat(result.inputs.shape[1], 1)
    drawn = {
        "type": "heatmap", "name": "units", "x": _centers(result.edges), "y": np.arange(len(names)),
        "z": shares.astype(np.float32), "text": np.repeat(np.array(names)[:, None], shares.shape[1], 1),
        "customdata": facts.astype(np.float32), "showscale": False, "zmin": 0, "zmax": 1,
        "colorscale": [[0, "rgba(128, 128, 128, 0)"], [1, colour]],
        "hovertemplate": f"%{{text}}<br>{MEASURES[result.measure].label} <b>%{{customdata[0]:.3g}}</b> · "
        f"|f′| < {FLAT:g}: %{{customdata[1]:.3g}} · dead %{{customdata[2]}}<extra></extra>",
    }  # fmt: skip
    borders = [
        {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": place + 0.5, "y1": place + 0.5,
         "line": {"width": 1.2}}
        for place in np.flatnonzero(np.diff(result.layer)).tolist()
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "pre-activation z"}, "range": [result.edges[0], result.edges[-1]]},
        "yaxis": {"title": {"text": "" if result.layer[-1] > 1 else "hidden unit"}, "autorange": "reversed",
                  "showgrid": False, **_unit_ticks(result)},
        "shapes": borders, "margin": MARGIN, "uirevision": "saturation units",
    }  # fmt: skip
    return parts.bare(go.Figure({"data": [drawn], "layout": layout}))


def _unit_ticks(result: SaturationResult) -> dict:
    """The first unit of each layer; of a single layer every nth unit, by its number."""
    count = len(result.layer)
    every = max(1, -(-count // 8))
    places = [p for p in range(count) if result.unit[p] == 0 or (result.layer[-1] == 1 and p % every == 0)]
    layers = result.layer[-1] > 1
    texts = [f"layer {result.layer[p]}" if layers else f"{result.unit[p]}" for p in places]
    return {"tickmode": "array", "tickvals": places, "ticktext": texts}
