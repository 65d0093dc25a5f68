"""How saturation of the hidden layers changed along the training, as one curve a layer."""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures import saturation
from lossatlas.app.figures.shared import frames, parts
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.saturation import SaturationResult
from lossatlas.compute.numerics.activity import FLAT, MEASURES

DASHES = ("solid", "dash", "dot", "dashdot")
TEXT = 0.11  # height of a line of text as a share of the axis

words = saturation.words  # of one answer, whichever picture is drawn


def figure(result: SaturationResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The layers' saturation, or where the activation has no measure the share of flat slopes."""
    if len(result.step) < 2:
        return parts.sentence("A random point: 0 training steps, so there is no history to draw.")
    values, name = _along(result)
    layers = values.shape[1]
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": f"layer {layer + 1}", "x": result.step.astype(np.int32),
            "y": values[:, layer].astype(np.float32),
            "line": {"color": colour, "width": 2.4, "dash": DASHES[layer % len(DASHES)]},
            "hovertemplate": f"step %{{x}} · layer {layer + 1}<br>{name} <b>%{{y:.3g}}</b><extra></extra>",
        }
        for layer in range(layers)
    ]  # fmt: skip
    last = float(result.step[-1])
    texts, heights = [f"{layer + 1}" for layer in range(layers)], [float(height) for height in values[-1]]
    layout = {
        "xaxis": {"title": {"text": "training step"}, "nticks": 6,
                  "range": [-0.02 * last, (1.02 if layers == 1 else 1.08) * last]},
        "yaxis": {"title": {"text": name}, "range": [-0.04, 1.04], "nticks": 4},
        "annotations": parts.at_the_end(texts, heights, (-0.04, 1.04), last, TEXT) if layers > 1 else [],
        "margin": {"l": 56, "r": 10, "t": 8, "b": 40}, "showlegend": False, "uirevision": "saturating",
    }  # fmt: skip
    if frames.moving(view):
        shape, rows = frames.cursor(result.step, 0)
        layout |= {"shapes": [shape], "meta": frames.frames(result.step, layout=rows)}
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: SaturationResult, view: View) -> tuple[float, float]:
    """Shares: the same axis for all columns."""
    return 0.0, 1.0


def caption(result: SaturationResult, view: View) -> str:
    """The measure, and its values at both ends of the training."""
    if len(result.step) < 2:
        return ""
    values, _ = _along(result)
    measure = f"|f′| < {FLAT:g}" if result.measure == "none" else MEASURES[result.measure].label
    ends = " → ".join(number(float(np.mean(row))) for row in values[[0, -1]])
    layers = result.layer_flat.shape[1]
    return " · ".join(
        [
            f"{measure}, mean over the units{' of each layer' if layers > 1 else ''}: {ends}",
            parts.told_patterns(result.spec.problem, result.spec.part),
            result.dtype,
        ]
    )


def size(result: SaturationResult) -> str:
    """How much was looked at."""
    return parts.counted(len(result.step), "step")


def _along(result: SaturationResult) -> tuple[np.ndarray, str]:
    """(T, L) and its name."""
    return (result.layer_flat, "flat slopes") if result.measure == "none" else (result.layer_saturation, "saturation")
