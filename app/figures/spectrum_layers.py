"""Each layer's block of a matrix too large for all its eigenvalues: both ends, and the trace."""

import math

import numpy as np

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.symlog import Symlog, symlog
from lossatlas.app.look.view import View
from lossatlas.compute.analyses.spectra.question import SpectrumResult

NAMED = 1.24  # where an axis ends if names stand beside the curves
TEXT = 0.065  # height of a line of text as a share of the axis


def ends_of_layers(
    result: SpectrumResult, view: View, ends: tuple[float, float], colour: str
) -> tuple[list[dict], dict]:
    """Both ends of each layer's block joined by a line, and its trace in grey with one standard error."""
    axis, count = symlog(*ends), len(result.layer_largest)
    values = axis.axis(*ends, 6)
    places = np.arange(1, count + 1)
    line = {"color": colour, "width": 2.2}
    joined = np.stack([result.layer_smallest, result.layer_largest, np.full(count, np.nan)], 1).ravel()
    traces = [
        {"type": "scatter", "mode": "lines", "name": "blocks", "x": np.repeat(places, 3), "hoverinfo": "skip",
         "y": axis.heights(joined).astype(np.float32), "line": line},
    ]  # fmt: skip
    for name, found in (("λmin", result.layer_smallest), ("λmax", result.layer_largest)):
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": name, "x": places,
                "y": axis.heights(found).astype(np.float32), "marker": {"size": 8, "color": colour},
                "customdata": found.astype(np.float32),
                "hovertemplate": f"layer %{{x}}<br>{name} <b>%{{customdata:.4g}}</b>, to rounding<extra></extra>",
            }
        )  # fmt: skip
    traces.append(_traces_of_layers(result, axis, places))
    last = {"λmax": result.layer_largest[-1], "trace": result.layer_trace[-1], "λmin": result.layer_smallest[-1]}
    heights = [float(axis.heights(value)) for value in last.values()]
    shown = list(range(1, count + 1, math.ceil(count / 10)))
    layout = {
        "xaxis": {"title": {"text": "layer"}, "range": [0.5, 0.5 + count * NAMED], "showgrid": False,
                  "tickmode": "array", "tickvals": shown, "ticktext": [f"{place}" for place in shown]},
        "yaxis": {"title": {"text": f"eigenvalue λ, {axis.note}"}, **values},
        "annotations": parts.at_the_end(list(last), heights, tuple(values["range"]), count + 0.12, TEXT),
    }  # fmt: skip
    return traces, layout


def _traces_of_layers(result: SpectrumResult, axis: Symlog, places: np.ndarray) -> dict:
    values, errors = result.layer_trace, result.layer_trace_error
    heights = axis.heights(values)
    whiskers = {
        "type": "data", "symmetric": False, "color": "#888", "width": 4, "thickness": 1.4,
        "array": (axis.heights(values + errors) - heights).astype(np.float32),
        "arrayminus": (heights - axis.heights(values - errors)).astype(np.float32),
    }  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "name": "trace", "x": places, "y": heights.astype(np.float32),
        "marker": {"size": 8, "color": "#888", "symbol": "diamond"}, "error_y": whiskers,
        "customdata": np.stack([values, errors], 1).astype(np.float32),
        "hovertemplate": "layer %{x}<br>trace <b>%{customdata[0]:.4g}</b> ± %{customdata[1]:.2g}<extra></extra>",
    }  # fmt: skip
