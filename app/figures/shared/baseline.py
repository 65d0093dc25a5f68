"""What of other columns goes into a column's picture: its difference from the baseline, the baseline's curves, and the
mean of all columns with their spread.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.picture import Picture
from lossatlas.app.look.theme import colour_scale
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.slices import SliceResult

DIVERGING = "balance"  # cmocean, blue through white to red: perceptually uniform, and seen with colour blindness
GREY = "#868e96"
TERMS = ("loss", "data", "penalty", "accuracy")


@dataclass(frozen=True)
class Beside:
    """`baseline` is the answer that others are compared with, or None, and `label` its column's name; `row` are the
    answers of all columns that a mean is taken of; `like` is the name of a column to the left with the same numbers.
    """

    baseline: Any = None
    label: str = ""
    row: tuple = ()
    like: str = ""


NOTHING = Beside()


# ---------------------------------------------------------------------------------------------- a difference


def minus(result: SliceResult, base: SliceResult, view: View) -> SliceResult | None:
    """A slice less the baseline's at the same coordinates; on a log scale their ratio. None where the grids do not
    hold the same points.
    """
    rows, columns = (_places(getattr(base, axis), getattr(result, axis)) for axis in "ab")
    if rows is None or columns is None:
        return None
    taken = {}
    for name in TERMS:
        mine, other = getattr(result, name), getattr(base, name)
        if mine.size and other.size:
            other = other[np.ix_(rows, columns)].astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                taken[name] = mine / other if view.logarithmic else mine - other
        elif mine.size:
            taken[name] = np.full(mine.shape, np.nan)  # the baseline has no such quantity
    with np.errstate(divide="ignore", invalid="ignore"):
        mine, other = np.float64(result.center_loss), np.float64(base.center_loss)
        taken["center_loss"] = float(mine / other if view.logarithmic else mine - other)
    return replace(result, **taken)


def _places(axis: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Where each wanted coordinate stands on an axis; None if one is missing."""
    places = np.minimum(np.searchsorted(axis, wanted), len(axis) - 1)
    return places if np.array_equal(axis[places], wanted) else None


def even(scale: Scale) -> Scale:
    """The range that reaches as far below equality as above it, so that the middle colour says equal."""
    most = max(abs(end) for end in (scale.low, scale.high) if end is not None) if scale.low is not None else None
    return scale if most is None else replace(scale, low=-most, high=most)


def told(view: View, label: str) -> str:
    """What the height stands for."""
    sign = "÷" if view.logarithmic else "−"
    return f"{parts.title(view)} {sign} that of {label}"


def difference(picture: Picture, result: SliceResult, view: View, scale: Scale, colour: str, label: str) -> go.Figure:
    """A difference as the picture draws a loss, without the training path, whose losses are no differences."""
    if view.show == "penalty" and not np.nanmax(np.abs(parts.quantity(result, view)), initial=0.0) > 0:
        ratio = "A ratio of penalties needs λ above 0 in both columns; switch the log scale off."
        return parts.sentence(ratio if view.logarithmic else f"The L2 penalty is that of {label} everywhere.")
    drawn = picture.figure(result, replace(view, path=False), scale, colour)
    drawn.update_layout(coloraxis={"colorscale": colour_scale(DIVERGING)})
    if drawn.layout.coloraxis.showscale:
        drawn.update_layout(coloraxis_colorbar_title_text=told(view, label))
    for trace in drawn.data:
        if trace.hovertemplate:
            trace.hovertemplate = trace.hovertemplate.replace(f"<b>{parts.title(view)} ", f"<b>{told(view, label)} ")
    for note in drawn.layout.annotations:
        if note.name == "height":
            note.text = f"↑ {told(view, label)}{', log scale' if view.logarithmic else ''}"
    return drawn


# ---------------------------------------------------------------------------------------------- curves


def overlaid(drawn: go.Figure, baseline: go.Figure, label: str) -> go.Figure:
    """The baseline's curves over a figure, grey and dotted: told apart without colour."""
    for trace in baseline.data:
        if trace.type in ("scatter", "scattergl") and "lines" in (trace.mode or ""):
            trace.update(line={"color": GREY, "dash": "dot", "width": 1.6}, name=label, hoverinfo="skip", fill=None)
            trace.update(hovertemplate=None, showlegend=False)
            drawn.add_trace(trace)
    return drawn


def banded(drawn: go.Figure, curves: list[tuple[np.ndarray, np.ndarray]], view: View) -> go.Figure:
    """Behind a figure the mean of (x, y) curves and one population standard deviation to both sides, as the axis
    measures them; a gap where a curve has no value.
    """
    x, heights = curves[0][0], _heights(curves, view)
    middle, spread = heights.mean(0), heights.std(0)
    low, high = (parts_of(end, view) for end in (middle - spread, middle + spread))
    band = [
        {"y": low, "line": {"width": 0}},
        {"y": high, "line": {"width": 0}, "fill": "tonexty", "fillcolor": "rgba(134,142,150,0.25)"},
        {"y": parts_of(middle, view), "line": {"color": GREY, "width": 1.6}},
    ]  # fmt: skip
    added = [
        go.Scatter(x=x, mode="lines", name=name, hoverinfo="skip", showlegend=False, **one)
        for name, one in zip(("spread", "spread", "mean"), band, strict=True)
    ]
    return go.Figure([*added, *drawn.data], drawn.layout)


def _heights(curves: list[tuple[np.ndarray, np.ndarray]], view: View) -> np.ndarray:
    """(C, X) heights of curves as the axis measures them; NaN where not finite, and where a log scale has no place."""
    values = np.stack([y for _, y in curves]).astype(np.float64)
    drawn = np.isfinite(values) & ((values > 0) | (not view.logarithmic))
    return parts.plotted(np.where(drawn, values, np.nan), view)


def parts_of(heights: np.ndarray, view: View) -> np.ndarray:
    """Plotted heights in the axis' own units, as float32."""
    return (10.0**heights if view.logarithmic else heights).astype(np.float32)


def comparable(curves: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether curves have a mean: two or more, at the same places."""
    return len(curves) > 1 and all(np.array_equal(x, curves[0][0]) for x, _ in curves)


def mean_note(curves: list[tuple[np.ndarray, np.ndarray]], view: View) -> str:
    """What a caption says of the mean."""
    if not comparable(curves):
        return "no mean: the columns are not measured at the same places"
    how = "of the logarithms, " if view.logarithmic else ""
    missing = int(np.isnan(_heights(curves, view)).any(0).sum())
    lacks = "a value ≤ 0 or none" if view.logarithmic else "no value"
    left_out = f", left out at {parts.counted(missing, 'place')} where one has {lacks}" if missing else ""
    return f"grey: mean {how}± 1 sd of {len(curves)} columns (population sd{left_out})"
