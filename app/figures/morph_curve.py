"""Beside a morph: where each frame's training ended, against t or the parameter, and the activation itself. A line and
two dots, and the activation's curve, move with the frames.
"""

import math
from collections.abc import Iterator

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures import morph
from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import log_ticks, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.morphs import MorphResult
from lossatlas.compute.numerics.cost import patterns

SHARE = 0.6  # of the width for the losses (chosen by eye)
GAP = 0.13
HEIGHTS, MOST = (-1.6, 3.2), 4.2  # of the activation's axis: most stay within for |z| < 3; and how far it may go

words = morph.words  # of one answer, whichever picture is drawn


def figure(result: MorphResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """Losses, or accuracies, at the end of the training; and f(z) of the frame, over those of both ends."""
    both = _ended(result, view)
    if why := _nothing(both, view):
        return parts.sentence(why)
    fixed = Scale(*parts.window(both, view, scale))
    raised, axis = parts.raised(both, view, fixed), parts.value_axis(both, view, fixed, 3)
    drawn = [
        *_curves(result, both, raised, colour, view),
        *_cursor(result, raised, np.array([parts.own_units(end, view) for end in axis["range"]]), colour),
        *_units(result, colour),
    ]
    changes = [change for _, change in drawn]
    layout = {
        **_axes(result, {**axis, "title": {"text": parts.title(view)}}),
        "legend": {"x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom", "orientation": "h", "itemwidth": 30},
        "margin": {"l": 56, "r": 10, "t": 24, "b": 40}, "showlegend": True, "uirevision": "morph-curve",
        "meta": {"frames": morph.frames(result, changes)}, "annotations": parts.cut_note(both, view, fixed),
    }  # fmt: skip
    return parts.bare(go.Figure({"data": [trace for trace, _ in drawn], "layout": layout}))


def span(result: MorphResult, view: View) -> tuple[float, float]:
    """Lowest and highest plotted value of both curves."""
    both = _ended(result, view)
    return (math.nan, math.nan) if _nothing(both, view) else parts.reach(both, view, Scale())


def caption(result: MorphResult, view: View) -> str:
    """Which patterns, and where the lowest is."""
    both = _ended(result, view)
    if _nothing(both, view):
        return ""
    problem, best = result.spec.problem, np.nanargmax if view.show == "accuracy" else np.nanargmin
    word = "highest" if view.show == "accuracy" else "lowest"
    test = f", test on {patterns(problem, 'test'):,}" if np.isfinite(both[1]).any() else ""
    found = [f"at the end of each training, on {parts.told_patterns(problem)}{test}"]
    found += [
        f"{word} {name} {number(row[best(row)])} at {result.spec.told(int(best(row)))}"
        for name, row in zip(("training", "test"), both, strict=True)
        if np.isfinite(row).any()
    ]
    return " · ".join([*found, "grey dots: f at both ends"])


def size(result: MorphResult) -> str:
    """How much was computed."""
    return parts.counted(len(result.values), "training")


def _ended(result: MorphResult, view: View) -> np.ndarray:
    """(2, F) what training and test patterns have where each training ended, in its own units."""
    if view.show == "accuracy":
        return 100 * np.stack([result.train_accuracy, result.test_accuracy])
    middle = result.penalty[:, len(result.a) // 2, len(result.b) // 2]
    if view.show == "penalty":
        return parts.finite(np.stack([middle, np.full_like(middle, np.nan)]))
    return parts.finite(np.stack([result.train_loss, result.test_loss]) + (middle if view.show == "total" else 0.0))


def _nothing(both: np.ndarray, view: View) -> str:
    if view.show == "accuracy" and np.isnan(both).all():
        return "A regression has no accuracy."
    return parts.nothing(both, view)


# A trace, and what of it changes from frame to frame; empty if nothing does.
Drawn = tuple[dict, list[dict]]


def _curves(result: MorphResult, both: np.ndarray, raised: np.ndarray, colour: str, view: View) -> Iterator[Drawn]:
    """The losses or accuracies, which stay as they are."""
    for row, (name, dash) in enumerate((("training", "solid"), ("test", "dot"))):
        if np.isfinite(both[row]).any():
            yield {
                "type": "scatter", "mode": "lines+markers", "name": name, "x": result.values,
                "y": raised[row].astype(np.float32), "customdata": both[row].astype(np.float32), "connectgaps": False,
                "line": {"color": colour, "width": 2.2, "dash": dash}, "marker": {"size": 3.5, "color": colour},
                "hovertemplate": f"{result.spec.letter} = %{{x:.3g}} · {name}<br>"
                f"<b>{parts.title(view)} %{{customdata:.4g}}</b><extra></extra>",
            }, []  # fmt: skip


def _cursor(result: MorphResult, raised: np.ndarray, ends: np.ndarray, colour: str) -> Iterator[Drawn]:
    """A line at the frame's value, and dots where it meets the curves."""
    across = [[float(value)] * 2 for value in result.values]
    same = {"type": "scatter", "hoverinfo": "skip", "showlegend": False, "x": across[0]}
    line = {**same, "mode": "lines", "name": "frame", "y": ends, "line": {"width": 1.5, "color": "#888"}}
    yield line, [{"x": x} for x in across]
    up = raised.T.astype(np.float32)
    dots = {**same, "mode": "markers", "name": "now", "y": up[0], "marker": {"size": 8, "color": colour}}
    yield dots, [{"x": x, "y": y} for x, y in zip(across, up, strict=True)]


def _units(result: MorphResult, colour: str) -> Iterator[Drawn]:
    """f of the frame, over those of both ends."""
    for name, k in (("first", 0), ("last", -1)):
        yield _unit(result, result.curve[k], f"f, {name} frame", {"color": "#888", "width": 1.2, "dash": "dot"}), []
    now = _unit(result, result.curve[0], "f", {"color": colour, "width": 2.6})
    yield now, [{"y": curve.astype(np.float32)} for curve in result.curve]


def _unit(result: MorphResult, curve: np.ndarray, name: str, line: dict) -> dict:
    return {
        "type": "scatter", "mode": "lines", "name": name, "showlegend": False, "xaxis": "x2", "yaxis": "y2",
        "x": result.z.astype(np.float32), "y": curve.astype(np.float32), "hoverinfo": "skip", "line": line,
    }  # fmt: skip


def _axes(result: MorphResult, values: dict) -> dict:
    """Losses at the left; the hidden units' function at the right."""
    ends = [float(result.z[0]), float(result.z[-1])]
    low, high = (min(MOST, max(-MOST, end)) for end in (float(result.curve.min()), float(result.curve.max())))
    return {
        "xaxis": {"domain": [0, SHARE], "title": {"text": result.spec.letter}, "showgrid": False, **_along(result)},
        "yaxis": values,
        "xaxis2": {"domain": [SHARE + GAP, 1], "anchor": "y2", "range": ends, "title": {"text": "z"},
                   "tickvals": [-3, 0, 3], "ticktext": ["−3", "0", "3"]},
        "yaxis2": {"anchor": "x2", "range": [min(HEIGHTS[0], low - 0.2), max(HEIGHTS[1], high + 0.2)],
                   "title": {"text": "f(z)"}, "tickvals": [-3, 0, 3], "ticktext": ["−3", "0", "3"]},
    }  # fmt: skip


def _along(result: MorphResult) -> dict:
    """The values along, as the frames go: evenly, or on a log axis by equal factors."""
    first, last = float(result.values[0]), float(result.values[-1])
    if result.spec.evenly:
        room = 0.03 * (last - first)
        return {"range": [first - room, last + room], "nticks": 5}
    low, high = math.log10(first), math.log10(last)
    room = 0.03 * (high - low)
    ticks = log_ticks(low, high, 5)
    return {
        "type": "log", "range": [low - room, high + room], "tickmode": "array", "tickvals": ticks,
        "ticktext": [number(tick) for tick in ticks],
    }  # fmt: skip
