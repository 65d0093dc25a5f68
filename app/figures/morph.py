"""A morph's surface, or map, frame by frame: one height, one colour range and one camera for all frames.

The data are the first frame; what the others change stands in `layout.meta.frames`.
"""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures import slice
from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.frames import packed
from lossatlas.app.look.ticks import digits, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.morphs import MorphResult
from lossatlas.compute.analyses.slices import SliceResult

span = parts.span  # of all frames

Traces = list[dict]


def figure(result: MorphResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The first frame of one column, with the others beside it."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return parts.sentence(why)
    low, high = parts.window(values, view, scale)
    fixed = Scale(low, high)
    heights = parts.raised(values, view, fixed)  # (F, S, S), one shelf for all
    traces, layout = slice.drawing(_slice(result, heights[0], view), heights[0], view, fixed, colour)
    build = _surfaces if view.mode == "surface" else _maps
    traces, changes = build(result, traces, values, heights, view, fixed, colour)
    _fix_axis(layout, values, view, fixed)
    layout["meta"] = {**layout["meta"], "frames": frames(result, changes)}
    layout["dragmode"] = layout.get("dragmode", False)  # a map's own zoom has no way back
    layout["annotations"] = [
        *(note for note in layout["annotations"] if note.get("name") != "cut"), *parts.cut_note(values, view, scale)
    ]  # fmt: skip
    return parts.bare(go.Figure({"data": traces, "layout": {**layout, "showlegend": False, "uirevision": "morph"}}))


def frames(result: MorphResult, changes: list[list[dict]]) -> dict:
    """For `layout.meta`, from what changes of each trace, frame by frame."""
    return {
        "name": result.spec.letter,
        "values": [float(value) for value in result.values],
        "labels": [result.spec.told(k) for k in range(len(result.values))],
        "traces": {str(number): _rows(change) for number, change in enumerate(changes) if any(change)},
    }


def _rows(change: list[dict]) -> dict:
    """{attribute: its rows}, packed where they are arrays."""
    rows = {name: [part[name] for part in change] for name in change[0]}
    return {name: packed(np.stack(one)) if isinstance(one[0], np.ndarray) else one for name, one in rows.items()}


def caption(result: MorphResult, view: View) -> str:
    """From what to what, kind of plane, loss term, patterns, number format, and gaps."""
    values = parts.quantity(result, view)
    if parts.nothing(values, view):
        return ""
    spec = result.spec
    return " · ".join(
        [
            f"{spec.label}, {parts.counted(len(result.values), 'frame')}, each trained anew",
            parts.direction_kind(result) + parts.turned(spec),
            *parts.statistics(result),
            parts.subject(result, view),
            result.dtype,
            *parts.gaps(values, view),
        ]
    )


def size(result: MorphResult) -> str:
    """How much was computed."""
    return f"{parts.counted(len(result.values), 'frame')} of {len(result.a)}×{len(result.b)}"


def words(result: MorphResult, view: View) -> str:
    """The loss at the center of the first and of the last frame, and of all."""
    frames = (
        f"{parts.counted(len(result.values), 'frame')} from {result.spec.letter} = {number(float(result.values[0]))}"
    )
    ends = f"{number(float(result.center_loss[0]))} in the first, {number(float(result.center_loss[-1]))} in the last"
    return (
        f"{frames} to {number(float(result.values[-1]))}; loss at the center {ends}; "
        f"{parts.ranged(parts.quantity(result, view), parts.title(view))} over all frames"
    )


def head(result: MorphResult) -> list[tuple[str, str]]:
    """Where the trainings at both ends came to, and the best of all frames."""
    rows = [
        (f"{name} at {number(result.values[k])}", digits(values[k]))
        for name, values in (("train", result.train_loss), ("test", result.test_loss))
        for k in (0, -1)
    ]
    if not np.isfinite(result.train_loss).any():
        return rows
    lowest = int(np.nanargmin(result.train_loss))
    return [*rows, ("lowest train at", result.spec.told(lowest))]


def _slice(result: MorphResult, grid: np.ndarray, view: View) -> SliceResult:
    """A frame as the slice that it is, with heights as they are drawn, and without a path."""
    none, nothing = np.empty((0, 2)), np.empty(0)
    middle = float(grid[len(result.a) // 2, len(result.b) // 2])
    return SliceResult(
        result.spec.question(0), result.a, result.b, grid, grid, grid, grid, middle, np.nan, nothing, nothing, nothing,
        result.extent, none, nothing, nothing, np.full(2, np.nan), result.names, result.units, (), (), result.dtype,
    )  # fmt: skip


def _fix_axis(layout: dict, values: np.ndarray, view: View, scale: Scale) -> None:
    if "scene" in layout:
        layout["scene"] = {
            **layout["scene"],
            "annotations": [],
            "zaxis": {**parts.value_axis(values, view, scale, 4), "title": {"text": ""}},
        }


def _surfaces(
    result: MorphResult, traces: Traces, values: np.ndarray, heights: np.ndarray, view: View, scale: Scale, colour: str
) -> tuple[Traces, list[Traces]]:
    """The surface, and a pin at the center: its height changes with the frame, as that of a text above it could not."""
    z = [{"z": grid.T.astype(np.float32)} for grid in heights]
    top = parts.own_units(scale.high or 0.0, view)
    ends = [_pin(grid, top) for grid in heights]
    pins = [
        {
            "type": "scatter3d", "x": [0.0, 0.0], "y": [0.0, 0.0], "z": ends[0], "mode": "lines+markers", "name": name,
            "line": {"width": width, "color": ink}, "marker": {"size": [0, head], "color": ink, "line": {"width": 0}},
            "hoverinfo": "skip",
        }
        for width, ink, head, name in ((6, slice.CASING, 9, "center casing"), (2, slice.CORE, 6, "center"))
    ]  # fmt: skip
    lifted = [{"z": end} for end in ends]
    return [*traces, *pins], [z, lifted, lifted]


def _pin(grid: np.ndarray, top: float) -> np.ndarray:
    """From the center up to the top of the picture, so that its head is seen over every wall."""
    return np.array([grid[len(grid) // 2, grid.shape[1] // 2], top], dtype=np.float32)


def _maps(
    result: MorphResult, traces: Traces, values: np.ndarray, heights: np.ndarray, view: View, scale: Scale, colour: str
) -> tuple[Traces, list[Traces]]:
    """The map and the center's value; a frame's own values stand in the hover."""
    changes = []
    middle = len(result.a) // 2
    for trace in traces:
        if trace["type"] == "contour":
            drawn = [{"z": parts.plotted(grid, view).T.astype(np.float32)} for grid in heights]
            own = (
                [{"customdata": grid.T.astype(np.float32)} for grid in values]
                if view.logarithmic
                else [{}] * len(values)
            )
            changes.append([one | two for one, two in zip(drawn, own, strict=True)])
        else:
            changes.append([{"customdata": [float(grid[middle, middle])]} for grid in values])
    return traces, changes
