"""A two-dimensional slice as a surface or a contour map. Rows of the result run along u, drawn as x."""

import numpy as np
import plotly.graph_objects as go

from app.figures import parts
from app.figures.ticks import linear_ticks, number, round_below
from app.theme import CAMERA, colour_scale
from app.view import Scale, View
from compute.cost import patterns

LINES = 14  # contour lines over the common range (chosen by eye)
LIGHT = {"ambient": 0.78, "diffuse": 0.45, "specular": 0.03, "roughness": 0.9, "fresnel": 0.05}
CASING, CORE = "#101113", "#ffffff"  # the path is a white line in a dark one: seen on every palette and theme
_PATH_HOVER = "training path<br><b>loss %{{{}:.4g}}</b><extra></extra>"
ASPECT = {"x": 1.0, "y": 1.0, "z": 0.8}


def figure(result, view: View, scale: Scale, colour: str) -> go.Figure:
    """The slice of one column; `colour` is its activation's, for the mark at the center."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return parts.sentence(why)
    build = _surface if view.mode == "surface" else _map
    traces, layout = build(result, values, view, scale, colour)
    low, high = parts.window(values, view, scale)
    layout["coloraxis"] = {
        "cmin": low, "cmax": high, "colorscale": colour_scale(view.palette), "showscale": False,
    }  # fmt: skip
    layout["annotations"] = [*layout.get("annotations", []), *parts.cut_note(values, view, scale)]
    # One construction from plain dictionaries: plotly checks each update of a figure anew, 20 ms a time.
    return parts.bare(go.Figure({"data": traces, "layout": {**layout, "showlegend": False, "uirevision": "slice"}}))


def span(result, view: View) -> tuple[float, float]:
    """Lowest and highest plotted value; parts.common makes the range of a row from these."""
    return parts.reach(parts.quantity(result, view), view, Scale())


def caption(result, view: View) -> str:
    """Kind of plane, loss term, patterns, number format, and what the picture leaves out or cannot show."""
    values = parts.quantity(result, view)
    if parts.nothing(values, view):
        return ""
    subject = parts.subject(result, view, patterns(result.spec.problem, result.spec.where.part))
    admitted = [*_path_note(result, view), *parts.gaps(values, view)]
    return " · ".join([_directions(result), subject, result.dtype, *admitted])


def _directions(result) -> str:
    spec = result.spec
    if spec.where.directions == "trajectory":
        share, off = 100 * float(np.sum(result.explained)), float(np.max(result.off_plane, initial=0.0))
        return f"trajectory PCA: {share:.3g} % of the path's variance, at most {off:.2g} off the plane"
    return parts.direction_kind(result)


def _path_note(result, view: View) -> list[str]:
    if not view.path or not len(result.path):
        return []
    if view.mode == "surface" and not _path_has_height(result, view):
        return ["path left out: its heights are total training losses"]
    note = [] if result.spec.where.directions == "trajectory" else ["path projected on the plane"]
    if np.abs(result.path).max() > abs(result.axis[-1]):
        note.append("path leaves the picture")
    return note


def _path_has_height(result, view: View) -> bool:
    """The path's own losses are total training losses; only such a surface can carry them."""
    return result.spec.where.part == "train" and (
        view.show == "total" or (view.show == "data" and result.spec.problem.l2 == 0)
    )


def _inside(result) -> np.ndarray:
    """(T, 2) the path with the points outside the square as gaps."""
    path = np.asarray(result.path, dtype=np.float64)
    outside = (np.abs(path) > abs(result.axis[-1])).any(axis=1)
    return np.where(outside[:, None], np.nan, path)


def _contours(values: np.ndarray, view: View, scale: Scale) -> tuple[float, float, float]:
    """First level, last level and step, in plotted values; equal for all panels of one scale."""
    low, high = parts.window(values, view, scale)
    step = (high - low) / LINES
    return low + step / 2, high, step


def _hover(names: tuple[str, ...], units: str, view: View, value: str) -> str:
    return (
        f"{names[0]} %{{x:.4g}}<br>{names[1]} %{{y:.4g}} {units}<br>"
        f"<b>{parts.title(view)} {value}</b><extra></extra>"
    )  # fmt: skip


def _surface(result, values: np.ndarray, view: View, scale: Scale, colour: str) -> tuple[list[dict], dict]:
    """z in its own units on a log or linear axis.

    On a log axis plotly colours and contours a surface by log10 z, so the colour range is in plotted values.
    """
    axis = result.axis.astype(np.float32)
    heights = parts.raised(values, view, scale)
    first, last, step = _contours(values, view, scale)
    lines = {
        "show": True, "start": first, "end": last, "size": step, "width": 1, "highlight": False,
        "color": "rgba(255,255,255,0.4)", "usecolormap": False,
    }  # fmt: skip
    surface = {
        "type": "surface", "x": axis, "y": axis, "z": heights.T.astype(np.float32), "coloraxis": "coloraxis",
        "lighting": LIGHT, "lightposition": {"x": -2000, "y": -4000, "z": 9000}, "connectgaps": False,
        "contours": {"x": {"highlight": False}, "y": {"highlight": False}, "z": lines},
        "hovertemplate": _hover(result.names, result.units, view, "%{z:.4g}"), "name": "slice",
    }  # fmt: skip
    shown = view.path and len(result.path) and _path_has_height(result, view)
    text = f"↑ {parts.title(view)}{', log scale' if view.logarithmic else ''}"  # a 3-D title is cut in a column
    layout = {
        "scene": _scene(result, heights, values, view, scale),
        "margin": dict.fromkeys("lrtb", 0),
        "annotations": [parts.corner(text, "height", "left")],
    }
    return [surface, *(_path_3d(result) if shown else [])], layout


def _path_3d(result) -> list[dict]:
    x, y = _inside(result).T.astype(np.float32)
    z = parts.finite(result.path_loss).astype(np.float32)
    return [
        {
            "type": "scatter3d", "x": x, "y": y, "z": z, "mode": "lines", "name": name,
            "line": {"width": width, "color": ink},
            "hovertemplate": _PATH_HOVER.format("z") if ink == CORE else None,
            "hoverinfo": "skip" if ink == CASING else None,
        }
        for width, ink, name in ((9, CASING, "path casing"), (4, CORE, "path"))
    ]  # fmt: skip


def _scene(result, heights: np.ndarray, values: np.ndarray, view: View, scale: Scale) -> dict:
    reach = float(result.axis[-1])
    inner = round_below(0.85 * reach)
    ticks = [-inner, 0.0, inner]
    across = {
        "range": [-reach, reach], "tickmode": "array", "tickvals": ticks,
        "ticktext": [number(tick).replace("-", "−") for tick in ticks],
    }  # fmt: skip
    return {
        "xaxis": {**across, "title": {"text": result.names[0]}},
        "yaxis": {**across, "title": {"text": result.names[1]}},
        "zaxis": {**parts.value_axis(values, view, scale, 4), "title": {"text": ""}},
        "annotations": _center_3d(heights, view),
        "aspectmode": "manual", "aspectratio": ASPECT, "camera": CAMERA, "dragmode": "orbit",
    }  # fmt: skip


def _center_3d(heights: np.ndarray, view: View) -> list[dict]:
    """The mark at the start, as texts above the surface: a 3-D marker there would sink into it by half."""
    middle = len(heights) // 2
    place = {
        "x": 0.0,
        "y": 0.0,
        "z": float(parts.plotted(heights[middle, middle], view)),
        "showarrow": False,
        "text": "●",
    }
    return [
        {**place, "name": f"center {ink}", "font": {"size": size, "color": ink}}
        for size, ink in ((22, CASING), (14, CORE))
    ]


def _map(result, values: np.ndarray, view: View, scale: Scale, colour: str) -> tuple[list[dict], dict]:
    axis = result.axis.astype(np.float32)
    heights = parts.plotted(parts.raised(values, view, scale), view).T.astype(np.float32)
    first, last, step = _contours(values, view, scale)
    own = values.T.astype(np.float32) if view.logarithmic else None
    contour = {
        "type": "contour", "x": axis, "y": axis, "z": heights, "coloraxis": "coloraxis", "connectgaps": False,
        "contours": {"start": first, "end": last, "size": step}, "name": "slice", "customdata": own,
        "line": {"width": 0.6, "color": "rgba(255,255,255,0.5)"},
        "hovertemplate": _hover(result.names, result.units, view, "%{z:.4g}" if own is None else "%{customdata:.4g}"),
    }  # fmt: skip
    middle = len(axis) // 2
    center = {
        "type": "scatter", "x": [0.0], "y": [0.0], "mode": "markers", "name": "center",
        "customdata": [float(values[middle, middle])],
        "marker": {"size": 10, "color": colour, "line": {"width": 2, "color": CORE}},
        "hovertemplate": f"center<br><b>{parts.title(view)} %{{customdata:.4g}}</b><extra></extra>",
    }  # fmt: skip
    path = _path_2d(result) if view.path and len(result.path) else []
    return [contour, *path, center], _map_layout(result)


def _map_layout(result) -> dict:
    reach = float(result.axis[-1])
    across = {"range": [-reach, reach], "constrain": "domain", "tickvals": linear_ticks(-reach, reach, 5)}
    return {
        "xaxis": {**across, "title": {"text": parts.with_unit(result.names[0], result.units)}},
        "yaxis": {**across, "title": {"text": result.names[1]}, "scaleanchor": "x"},
        "margin": {"l": 52, "r": 10, "t": 8, "b": 44},
    }


def _path_2d(result) -> list[dict]:
    x, y = np.asarray(result.path, dtype=np.float32).T
    return [
        {
            "type": "scatter", "x": x, "y": y, "mode": "lines", "name": name, "line": {"width": width, "color": ink},
            "customdata": result.path_loss.astype(np.float32),
            "hovertemplate": _PATH_HOVER.format("customdata") if ink == CORE else None,
            "hoverinfo": "skip" if ink == CASING else None,
        }
        for width, ink, name in ((5, CASING, "path casing"), (2.2, CORE, "path"))
    ]  # fmt: skip
