"""Curvature along the training: both ends of the spectrum and its trace, and below how many eigenvalues are of which
sign.
"""

import math

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.oddities import training_of
from lossatlas.app.figures.shared.symlog import Symlog, symlog
from lossatlas.app.look.ticks import linear_ticks, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.curvature_along import EvolutionResult
from lossatlas.compute.numerics.paths.advice import smaller_weights

SPLIT = 0.3  # height of the lower axis
GAP = 0.08  # between the two
NAMED = 0.34  # share of the axis of steps kept for names beside the curves
DECADES = 3  # of the axis before it becomes linear: it is half as high as that of a spectrum (chosen by eye)
TEXT = 0.1  # height of a line of text as a share of the upper axis
WORDS = ("negative", "zero", "positive")
GREYS = {"zero": "rgba(136, 136, 136, 0.35)", "negative": "rgba(136, 136, 136, 0.9)"}


def figure(result: EvolutionResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The ends in the activation's colour, the first of each bold; the trace grey with a band of one standard error."""
    if why := _nothing(result):
        return parts.sentence(why)
    low, high = span(result, view)
    ends = (low if scale.low is None else scale.low, high if scale.high is None else scale.high)
    axis = symlog(*ends, DECADES)
    value_axis = axis.axis(*ends, 5)
    traces = [*_trace(result, axis), *_ends(result, axis, colour), *_shares(result, colour)]
    steps = _steps(result)
    layout = {
        "xaxis": {"range": steps, "showticklabels": False, "domain": [0, 1], "anchor": "y"},
        "xaxis2": {"range": steps, "title": {"text": "training step"}, "anchor": "y2", **_ticks(result)},
        "yaxis": {"title": {"text": f"λ, {axis.note}"}, "domain": [SPLIT + GAP, 1], **value_axis},
        "yaxis2": {"title": {"text": "share"}, "domain": [0, SPLIT], "range": [0, 1], "anchor": "x2",
                   "tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["0", "0.5", "1"], "showgrid": False},
        "annotations": [*_names(result, axis, value_axis["range"]), *_share_names(result)],
        "shapes": [{"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": 0, "y1": 0, "layer": "below",
                    "line": {"width": 1, "dash": "dot"}}],
        "margin": {"l": 56, "r": 10, "t": 8, "b": 40}, "showlegend": False, "uirevision": "evolution",
    }  # fmt: skip
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: EvolutionResult, view: View) -> tuple[float, float]:
    """Lowest and highest of the eigenvalues and the trace along the training."""
    if _nothing(result):
        return (math.nan, math.nan)
    values = np.concatenate([result.largest.ravel(), result.smallest.ravel(), result.trace])
    return float(np.nanmin(values)), float(np.nanmax(values))


def caption(result: EvolutionResult, view: View) -> str:
    """How the numbers were found, on which patterns, and where λmax began and ended."""
    if _nothing(result):
        return ""
    known = np.flatnonzero(np.isfinite(result.largest[:, 0]))
    first, last = (number(result.largest[place, 0]) for place in known[[0, -1]])
    holes = len(result.step) - len(known)
    return " · ".join(
        [
            f"Hessian H at {len(result.step):,} steps, {result.method}, P = {result.parameters:,}",
            parts.total_loss(result.spec.problem, result.spec.part),
            f"λmax {first} → {last}",
            *(["shares ≈, rough"] if result.method == "estimated" else []),
            "grey: trace" + (" ± standard error" if (result.trace_error > 0).any() else ""),
            *([f"{holes} of {len(result.step)} steps left as gaps: second derivatives not finite"] if holes else []),
        ]
    )


def size(result: EvolutionResult) -> str:
    """How much was computed."""
    return parts.counted(len(result.step), "step")


def words(result: EvolutionResult, view: View) -> str:
    """The largest eigenvalue at both ends of the training, and where it is greatest."""
    largest = result.largest[:, 0]
    known = np.flatnonzero(np.isfinite(largest))
    if not len(known):
        return "no second derivative is finite"
    first, last, top = known[0], known[-1], known[np.argmax(largest[known])]
    return (
        f"the largest eigenvalue goes from {number(float(largest[first]))} at step {result.step[first]:,} to "
        f"{number(float(largest[last]))} at step {result.step[last]:,}, with its greatest value "
        f"{number(float(largest[top]))} at step {result.step[top]:,}"
    )


def _nothing(result: EvolutionResult) -> str:
    if len(result.step) < 2:
        return (
            f"Only the first step is known: the training diverged soon after it. {smaller_weights(training_of(result))}"
        )
    if not np.isfinite(result.largest).any():
        return f"No second derivative along this training is finite. {smaller_weights(training_of(result))}"
    return ""


def _steps(result: EvolutionResult) -> list[float]:
    first, last = float(result.step[0]), float(result.step[-1])
    return [first - 0.02 * (last - first), last + NAMED * (last - first)]


def _ticks(result: EvolutionResult) -> dict:
    """Labels up to the last step only, so that none stands under the names."""
    ticks = linear_ticks(float(result.step[0]), float(result.step[-1]), 5)
    return {"tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:,.0f}" for tick in ticks]}


def _ends(result: EvolutionResult, axis: Symlog, colour: str) -> list[dict]:
    """Largest and smallest eigenvalues, each by its rank."""
    found = []
    for name, values in (("smallest", result.smallest), ("largest", result.largest)):
        for rank in reversed(range(values.shape[1])):
            found.append(
                {
                    "type": "scatter", "mode": "lines", "name": f"{name} {rank + 1}", "x": _x(result),
                    "y": axis.heights(values[:, rank]).astype(np.float32), "opacity": 1.0 if rank == 0 else 0.5,
                    "line": {"color": colour, "width": 2.6 if rank == 0 else 1.3},
                    "customdata": values[:, rank].astype(np.float32),
                    "hovertemplate": f"step %{{x}} · {name}"
                    f"{'' if rank == 0 else f', number {rank + 1}'}<br><b>λ %{{customdata:.4g}}</b><extra></extra>",
                }
            )  # fmt: skip
    return found


def _trace(result: EvolutionResult, axis: Symlog) -> list[dict]:
    line = {
        "type": "scatter", "mode": "lines", "name": "trace", "x": _x(result),
        "y": axis.heights(result.trace).astype(np.float32), "line": {"color": "#888", "width": 1.4},
        "customdata": np.stack([result.trace, result.trace_error], 1).astype(np.float32),
        "hovertemplate": "step %{x}<br>trace <b>%{customdata[0]:.4g}</b> ± %{customdata[1]:.2g}<extra></extra>",
    }  # fmt: skip
    if not (result.trace_error > 0).any():
        return [line]
    known = np.isfinite(result.trace)
    low, high = (axis.heights(result.trace[known] + sign * result.trace_error[known]) for sign in (-1, 1))
    steps = _x(result)[known]
    band = {
        "type": "scatter", "mode": "none", "name": "error", "fill": "toself", "hoverinfo": "skip",
        "x": np.concatenate([steps, steps[::-1]]), "y": np.concatenate([low, high[::-1]]).astype(np.float32),
        "fillcolor": "rgba(136, 136, 136, 0.25)",
    }  # fmt: skip
    return [band, line]


def _shares(result: EvolutionResult, colour: str) -> list[dict]:
    """Negative eigenvalues at the bottom, then zeros, then positive ones in the activation's colour."""
    fills = GREYS | {"positive": f"rgba{(*hex_to_rgb(colour), 0.45)}"}
    shares = _of_all(result)
    return [
        {
            "type": "scatter", "mode": "lines", "name": word, "x": _x(result), "y": shares[:, place].astype(np.float32),
            "stackgroup": "sign", "line": {"width": 0}, "fillcolor": fills[word], "xaxis": "x2", "yaxis": "y2",
            "customdata": result.counts[:, place].astype(np.float32),
            "hovertemplate": f"step %{{x}}<br><b>%{{customdata:,.0f}}</b> {word} (%{{y:.1%}})<extra></extra>",
        }
        for place, word in enumerate(WORDS)
    ]  # fmt: skip


def _of_all(result: EvolutionResult) -> np.ndarray:
    return result.counts / result.parameters


def _x(result: EvolutionResult) -> np.ndarray:
    return result.step.astype(np.int32)


def _names(result: EvolutionResult, axis: Symlog, ends: list[float]) -> list[dict]:
    last = {"λmax": result.largest[:, 0], "trace": result.trace, "λmin": result.smallest[:, 0]}
    known = {name: values[np.isfinite(values)] for name, values in last.items()}
    heights = [float(axis.heights(values[-1])) for values in known.values()]
    return parts.at_the_end(list(known), heights, (ends[0], ends[1]), float(result.step[-1]), TEXT)


def _share_names(result: EvolutionResult) -> list[dict]:
    """The names of what is there at the last step, each in the middle of its area."""
    shares = _of_all(result)
    last = shares[np.isfinite(shares).all(1)][-1]
    middles = np.cumsum(last) - last / 2
    there = np.flatnonzero(last > 0).tolist()
    words, heights = [WORDS[place] for place in there], [float(middles[place]) for place in there]
    labels = parts.at_the_end(words, heights, (0.0, 1.0), float(result.step[-1]), 0.2)
    return [{**label, "xref": "x2", "yref": "y2"} for label in labels]
