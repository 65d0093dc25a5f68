"""Pictures that move in time: what the page's player needs to draw any moment by itself, and the marks that follow it.

`layout.meta.frames` holds
    name, values   what a frame's number is called, and the numbers (F,), ascending
    labels         what a frame is called, where that is not its number
    traces         {index of a trace: {attribute: rows}}, the first axis of rows being the frame
    tables         [{traces: (n,), attribute, values, at: (F, n)}]: trace n takes values[at[k][n]] in frame k
    layout         {attribute of the layout: rows}
Rows are lists, or numbers packed as plotly packs them, with a `scale` where they are whole multiples of it.
"""

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.look.places import PLACES
from lossatlas.app.look.view import View
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.numerics.paths.start import Training, recorded_steps

GAP = -32768  # stands for NaN among packed multiples
CURSOR = {"width": 1.6, "color": "#888"}
RIM = "#ffffff"


def moving(view: View) -> bool:
    """Whether the page's player is there."""
    return PLACES[view.place].played


def frames(
    values: np.ndarray,
    traces: dict[int, dict] | None = None,
    layout: dict | None = None,
    tables: list[dict] | None = None,
) -> dict:
    """For `layout.meta`."""
    told = {"name": "step", "values": [int(value) for value in values]}
    parts = {"traces": {str(place): rows for place, rows in (traces or {}).items()}, "layout": layout, "tables": tables}
    return {"frames": told | {name: part for name, part in parts.items() if part}}


def packed(values: np.ndarray, scale: float | None = None) -> dict:
    """Numbers in base64: float32, or with a scale multiples of it in 16 bits, clipped to what these hold."""
    if scale is None:
        return _spec(values.astype(np.float32), "f4")
    whole = np.clip(np.round(values / scale), -32767, 32767)
    return _spec(np.where(np.isnan(whole), GAP, whole).astype(np.int16), "i2") | {"scale": scale}


def unpacked(rows: list | dict, k: int) -> Any:
    """What an attribute is in frame k: what the page's player makes of rows."""
    if isinstance(rows, list):
        return rows[k]
    shape = tuple(map(int, rows["shape"].split(",")))
    values = np.frombuffer(base64.b64decode(rows["bdata"]), rows["dtype"]).reshape(shape)[k]
    return np.where(values == GAP, np.nan, values * rows["scale"]) if "scale" in rows else values


def levels(values: np.ndarray) -> dict:
    """Places in a table of at most 256 entries."""
    return _spec(values.astype(np.uint8), "u1")


def _spec(values: np.ndarray, dtype: str) -> dict:
    shape = ", ".join(str(length) for length in values.shape)
    return {"dtype": dtype, "bdata": base64.b64encode(values.tobytes()).decode(), "shape": shape}


def cursor(steps: np.ndarray, place: int, axis: str = "") -> tuple[dict, dict]:
    """A line across a curve at the last step, and the rows that move it as shape number `place` of the layout."""
    last = int(steps[-1])
    shape = {
        "type": "line", "name": "moment", "x0": last, "x1": last, "xref": f"x{axis}", "y0": 0, "y1": 1,
        "yref": f"y{axis} domain", "line": CURSOR,
    }  # fmt: skip
    rows = [int(step) for step in steps]
    return shape, {f"shapes[{place}].x0": rows, f"shapes[{place}].x1": rows}


def add_cursor(drawn: go.Figure, steps: np.ndarray, view: View) -> None:
    """The same for a figure of one curve, where the player is."""
    if not moving(view):
        return
    shape, rows = cursor(steps, len(drawn.layout.shapes))
    drawn.add_shape(shape)
    drawn.update_layout(meta=frames(steps, layout=rows))


def add_marker(
    result: SliceResult, view: View, traces: list[dict], layout: dict, colour: str, heights: np.ndarray | None
) -> None:
    """A dot on a slice where the training stands, where the player is: on a surface at its `heights` (T,) as plotted,
    none of which means that the surface cannot carry it. Outside the picture there is none.
    """
    if not moving(view) or not len(result.path) or (view.mode == "surface" and heights is None):
        return
    a_low, a_high, b_low, b_high = layout["meta"]["box"]
    x, y = result.path.T
    inside = (a_low <= x) & (x <= a_high) & (b_low <= y) & (y <= b_high)
    steps = recorded_steps(Training(result.spec.problem, result.spec.start))[: len(x)]
    places = [x - layout["meta"]["shift"][0], y - layout["meta"]["shift"][1]]
    if view.mode == "surface" and heights is not None:
        layout["meta"] |= frames(steps, layout=_on_surface(layout["scene"], [*places, heights], inside, colour))
    else:
        layout["meta"] |= frames(steps, {len(traces): _on_map(traces, places, inside, colour)})


def _on_map(traces: list[dict], places: list[np.ndarray], inside: np.ndarray, colour: str) -> dict:
    """Adds the dot as a trace; the rows that move it."""
    rows = {name: np.where(inside, values, np.nan)[:, None] for name, values in zip("xy", places, strict=True)}
    mark = {
        "type": "scatter", "mode": "markers", "name": "moment", "hoverinfo": "skip",
        "marker": {"size": 13, "color": RIM, "line": {"width": 3.5, "color": colour}},  # the center's, inside out
    }  # fmt: skip
    traces.append(mark | {name: values[-1].astype(np.float32) for name, values in rows.items()})
    return {name: packed(values) for name, values in rows.items()}


def _on_surface(scene: dict, places: list[np.ndarray], inside: np.ndarray, colour: str) -> dict:
    """Adds the dot as texts above the surface, into which a marker would sink by half; the rows that move them."""
    seen = inside & np.isfinite(places[2])
    moved: dict = {}
    for size, ink in ((26, RIM), (17, colour)):
        path = f"scene.annotations[{len(scene['annotations'])}]"
        ends = {name: float(np.nan_to_num(values[-1], nan=1.0)) for name, values in zip("xyz", places, strict=True)}
        scene["annotations"].append(
            {"text": "●", "name": f"moment {ink}", "showarrow": False, "font": {"size": size, "color": ink},
             "visible": bool(seen[-1]), **ends}
        )  # fmt: skip
        moved |= {f"{path}.{name}": packed(values) for name, values in zip("xyz", places, strict=True)}
        moved[f"{path}.visible"] = seen.tolist()
    return moved


def thinned(count: int, most: int) -> np.ndarray:
    """At most so many of `count` frames, evenly spaced, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
