"""A small network drawn with its weights: units as dots, edges by sign and size of their weight, biases as colours."""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import frames, parts
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.weights import WeightsResult
from lossatlas.compute.problem.nets import offsets

POSITIVE, NEGATIVE, MIDDLE = "#0072b2", "#e69f00", "#b8bcc2"  # told apart with any colour vision (Okabe & Ito 2008)
WIDEST = 8.0  # pixels
LEVELS = 40  # widths that are told apart
MOST_FRAMES = 100
ALONG = 0.3  # share of an edge at which its value can be asked for: halves of edges meet, these do not
NAMED = 8  # units of a layer that have room for names


def figure(result: WeightsResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The network at the last step, and what the player needs for the others."""
    largest = scale.high or span(result, view)[1]
    edges, biases = _edges(result), _biases(result)
    kept = frames.thinned(len(result.step), MOST_FRAMES)
    texts = [f"step {result.step[place]:,}" for place in kept]
    weights = parts.finite(result.theta[kept][:, edges["index"]])
    units = [_units(result, largest, colour), _inputs(result)]
    traces = [*_lines(edges, weights[-1], largest), _asked(result, edges, weights[-1]), *units]
    layout = {
        "xaxis": {"visible": False, "range": [-0.35, len(_sizes(result)) - 0.65], "fixedrange": True},
        "yaxis": {"visible": False, "range": [-0.06, 1.06], "fixedrange": True},
        "annotations": [{**parts.corner(texts[-1], "moment", "left"), "yanchor": "bottom"}, *_names(result)],
        "margin": {"l": 12, "r": 12, "t": 24, "b": 8}, "showlegend": False, "hovermode": "closest",
        "uirevision": "weights",
    }  # fmt: skip
    if frames.moving(view):
        count = len(edges["index"])
        bias_rows = parts.finite(result.theta[kept][:, biases["index"]])
        moved = {
            count: {"customdata": frames.packed(weights)},
            count + 1: {"marker.color": frames.packed(bias_rows), "customdata": frames.packed(bias_rows)},
        }
        rows = {"annotations[0].text": texts}
        layout["meta"] = frames.frames(result.step[kept], moved, rows, _tables(weights, largest))
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: WeightsResult, view: View) -> tuple[float, float]:
    """0 and the largest weight or bias of all steps: one width for one size in all columns."""
    return 0.0, max(float(np.nanmax(np.abs(parts.finite(result.theta)))), 1e-9)


def caption(result: WeightsResult, view: View) -> str:
    """What colours and widths stand for."""
    norm = "γ and β of BatchNorm not drawn" if result.spec.problem.norm == "batch" else ""
    return " · ".join(
        [
            "blue, solid: positive; orange, dotted: negative; width: size; dots: biases in the same colours",
            f"largest |weight| or |bias| {number(span(result, view)[1])}",
            f"P = {result.theta.shape[1]}",
            *([norm] if norm else []),
            result.dtype,
        ]
    )


def size(result: WeightsResult) -> str:
    """How much is drawn."""
    return f"{parts.counted(result.theta.shape[1], 'weight')}, {parts.counted(len(result.step), 'step')}"


def words(result: WeightsResult, view: View) -> str:
    """How many parameters, and the largest at the end."""
    last = result.theta[-1]
    most = int(np.nanargmax(np.abs(last)))
    largest = f"the largest in size {result.names[most]} with {number(float(last[most]))}"
    steps = parts.counted(result.spec.start.steps, "step")
    return f"{parts.counted(len(last), 'parameter')} {parts.ended(result)} of {steps}, {largest}"


def _sizes(result: WeightsResult) -> list[int]:
    layers = result.spec.problem.layers
    return [layers[0].fan_in, *(layer.units for layer in layers)]


def _heights(count: int) -> np.ndarray:
    """(count,) of a layer's units, the first on top, in the middle of as many equal parts."""
    return 1 - (np.arange(count) + 0.5) / count


def _tensors(result: WeightsResult) -> list[tuple[int, str, int]]:
    """Layer from 0, letter and first place in theta of each tensor."""
    problem = result.spec.problem
    names = [(place, letter) for place, layer in enumerate(problem.layers) for letter in layer.tensors]
    return [(place, letter, begin) for (place, letter), begin in zip(names, offsets(problem.shapes), strict=False)]


def _edges(result: WeightsResult) -> dict[str, np.ndarray]:
    """Place in theta and both ends of every edge: (E,) each."""
    sizes, found = _sizes(result), []
    for place, letter, begin in _tensors(result):
        if letter != "W":
            continue
        unit, source = np.indices((sizes[place + 1], sizes[place])).reshape(2, -1)
        ends = _heights(sizes[place])[source], _heights(sizes[place + 1])[unit]
        found.append(np.stack([begin + np.arange(len(unit)), np.full(len(unit), place), *ends]))
    index, left, low, high = np.concatenate(found, 1)
    return {"index": index.astype(int), "x": left, "from": low, "to": high}


def _biases(result: WeightsResult) -> dict[str, np.ndarray]:
    """Place in theta and position of every unit with a bias: (U,) each."""
    sizes = _sizes(result)
    found = [
        np.stack([begin + np.arange(sizes[place + 1]), np.full(sizes[place + 1], place + 1),
                  _heights(sizes[place + 1])])
        for place, letter, begin in _tensors(result) if letter == "b"
    ]  # fmt: skip
    index, x, y = np.concatenate(found, 1)
    return {"index": index.astype(int), "x": x, "y": y}


def _widths(weights: np.ndarray, largest: float) -> np.ndarray:
    """Places in the table of widths; a gap has none."""
    return np.nan_to_num(np.clip(np.ceil(LEVELS * np.abs(weights) / largest), 0, LEVELS))


def _tables(weights: np.ndarray, largest: float) -> list[dict]:
    """How lines change: width by size, colour and dashes by sign."""
    lines = list(range(weights.shape[1]))
    sign = frames.levels(np.nan_to_num(weights) >= 0)
    return [
        {"traces": lines, "attribute": "line.width", "values": [WIDEST * n / LEVELS for n in range(LEVELS + 1)],
         "at": frames.levels(_widths(weights, largest))},
        {"traces": lines, "attribute": "line.color", "values": [NEGATIVE, POSITIVE], "at": sign},
        {"traces": lines, "attribute": "line.dash", "values": ["dot", "solid"], "at": sign},
    ]  # fmt: skip


def _lines(edges: dict[str, np.ndarray], weights: np.ndarray, largest: float) -> list[dict]:
    widths = WIDEST * _widths(weights, largest) / LEVELS
    return [
        {
            "type": "scatter", "mode": "lines", "x": [x, x + 1], "y": [begin, end], "hoverinfo": "skip",
            "line": {"width": float(width), "color": POSITIVE if weight >= 0 else NEGATIVE,
                     "dash": "solid" if weight >= 0 else "dot"},
        }
        for x, begin, end, weight, width in zip(
            edges["x"].tolist(), edges["from"].tolist(), edges["to"].tolist(), weights, widths, strict=True
        )
    ]  # fmt: skip


def _asked(result: WeightsResult, edges: dict[str, np.ndarray], weights: np.ndarray) -> dict:
    """Unseen marks on the edges that tell their weights; `meta.weights` says which these are."""
    return {
        "type": "scatter", "mode": "markers", "name": "edges", "x": edges["x"] + ALONG,
        "y": (1 - ALONG) * edges["from"] + ALONG * edges["to"], "marker": {"size": 14, "opacity": 0},
        "text": [result.names[index] for index in edges["index"]], "customdata": weights.astype(np.float32),
        "hovertemplate": "%{text} <b>%{customdata:.3g}</b><extra></extra>",
        "meta": {"weights": edges["index"].tolist()},
    }  # fmt: skip


def _units(result: WeightsResult, largest: float, colour: str) -> dict:
    found = _biases(result)
    values = parts.finite(result.theta[-1, found["index"]]).astype(np.float32)
    return {
        "type": "scatter", "mode": "markers", "name": "units", "x": found["x"], "y": found["y"],
        "marker": {"size": 17 if max(_sizes(result)) <= NAMED else 10, "color": values, "cmin": -largest,
                   "cmax": largest, "colorscale": [[0, NEGATIVE], [0.5, MIDDLE], [1, POSITIVE]], "opacity": 1,
                   "line": {"width": 1.5, "color": colour}},
        "text": [result.names[index] for index in found["index"]], "customdata": values,
        "hovertemplate": "%{text} <b>%{customdata:.3g}</b><extra></extra>",
        "meta": {"weights": found["index"].tolist()},
    }  # fmt: skip


def _inputs(result: WeightsResult) -> dict:
    count = _sizes(result)[0]
    return {
        "type": "scatter", "mode": "markers", "name": "inputs", "x": np.zeros(count), "y": _heights(count),
        "marker": {"size": 9, "color": MIDDLE}, "text": [f"input {n}" for n in range(1, count + 1)],
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _names(result: WeightsResult) -> list[dict]:
    """Inputs and outputs by their numbers, where there is room."""
    sizes, found = _sizes(result), []
    for place, word, side in ((0, "x", "right"), (len(sizes) - 1, "y", "left")):
        if sizes[place] > NAMED:
            continue
        for number_of, height in enumerate(_heights(sizes[place]).tolist(), 1):
            found.append(
                {"text": f"{word}{number_of}" if sizes[place] > 1 else word, "showarrow": False, "x": place,
                 "y": height, "xanchor": side, "yanchor": "middle", "xshift": -10 if side == "right" else 12}
            )  # fmt: skip
    return found
