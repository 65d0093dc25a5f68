"""A two-dimensional slice as a surface or a contour map. Rows of the result run along u, drawn as x.

`layout.meta` tells the page the box that is drawn, [a_low, a_high, b_low, b_high], and what was taken from coordinates.
"""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import frames, parts
from lossatlas.app.look.theme import CAMERA, colour_scale
from lossatlas.app.look.ticks import apart, interval, linear_ticks, number, round_below
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.slices import SliceResult

LINES = 14  # contour lines over the common range (chosen by eye)
LIGHT = {"ambient": 0.78, "diffuse": 0.45, "specular": 0.03, "roughness": 0.9, "fresnel": 0.05}
CASING, CORE = "#101113", "#ffffff"  # the path is a white line in a dark one: seen on every palette and theme
CENTER, POINT = "●", "◆"
_PATH_HOVER = "training path<br><b>loss %{{{}:.4g}}</b><extra></extra>"
HEIGHT = 0.8  # of a surface, whose longer side measures 1
NARROW = 1e-3  # below this share of their size coordinates leave too few digits to a graphics card's float32
SLIMMEST = 0.25  # least ratio of a surface's sides; a longer window is drawn out of scale (chosen by eye)
span = parts.span


def figure(result: SliceResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """The slice of one column; `colour` is its activation's, for the marks at the center and at the chosen point."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return parts.sentence(why)
    traces, layout = drawing(result, values, view, scale, colour)
    # One construction from plain dictionaries: plotly checks each update of a figure anew, 20 ms a time.
    return parts.bare(go.Figure({"data": traces, "layout": {**layout, "showlegend": False, "uirevision": "slice"}}))


def drawing(result: SliceResult, values: np.ndarray, view: View, scale: Scale, colour: str) -> tuple[list[dict], dict]:
    """Traces and layout of a picture that has something to draw, as plain dictionaries."""
    build = _surface if view.mode == "surface" else _map
    traces, layout = build(result, values, view, scale, colour)
    carried = view.path and _path_has_height(result, view)
    frames.add_marker(result, view, traces, layout, colour, _path_heights(result, view, scale) if carried else None)
    low, high = parts.window(values, view, scale)
    layout["coloraxis"] = {
        "cmin": low, "cmax": high, "colorscale": colour_scale(view.palette), "showscale": False,
    }  # fmt: skip
    if view.mode == "contour" and (not view.shared or scale.low is None):  # no bar of the page says what colours mean
        bar = parts.colour_bar(low, high, view.logarithmic, parts.title(view))
        layout["coloraxis"] |= {"showscale": True, "colorbar": bar}
        layout["margin"]["t"] += parts.BAR
    layout["annotations"] = [*layout.get("annotations", []), *parts.cut_note(values, view, scale)]
    return traces, layout


def caption(result: SliceResult, view: View) -> str:
    """Kind of plane, loss term, patterns, number format, and what the picture leaves out or cannot show."""
    values = parts.quantity(result, view)
    if parts.nothing(values, view):
        return ""
    subject = parts.subject(result, view)
    admitted = [*_path_note(result, view), *parts.gaps(values, view)]
    plane = [*parts.mixed(result), *_window(result), *_units(result), _directions(result), *parts.statistics(result)]
    return " · ".join([*plane, subject, result.dtype, *admitted])


def _window(result: SliceResult) -> list[str]:
    a_low, a_high, b_low, b_high = box(result)
    return [f"window {interval(a_low, a_high)} × {interval(b_low, b_high)}"] if result.spec.window else []


def _units(result: SliceResult) -> list[str]:
    a_low, a_high, b_low, b_high = box(result)
    sides = (a_high - a_low, b_high - b_low)
    return ["axes not in equal units"] if min(sides) < SLIMMEST * max(sides) else []


def _directions(result: SliceResult) -> str:
    spec, turned = result.spec, parts.turned(result.spec)
    if spec.where.direction.holds_path:
        share, off = 100 * float(np.sum(result.explained)), float(np.max(result.off_plane, initial=0.0))
        return f"trajectory PCA{turned}: {share:.3g} % of the path's variance, at most {off:.2g} off the plane"
    return parts.direction_kind(result) + turned


def size(result: SliceResult) -> str:
    """How much was computed."""
    return f"{len(result.a)}×{len(result.b)}"


def words(result: SliceResult, view: View) -> str:
    """The loss at the center, where on the plane it is least, and its range."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return why
    row, column = np.unravel_index(np.nanargmin(values), values.shape)
    a_low, a_high, b_low, b_high = (float(axis[end]) for axis in (result.a, result.b) for end in (0, -1))
    what = parts.title(view)
    least = f"the lowest value {number(float(values[row, column]))} at {_named(result.a[row], result.b[column])}"
    return (
        f"loss {number(result.center_loss)} at the center, {parts.ranged(values, what)}, {least}, over "
        f"{interval(a_low, a_high)} × {interval(b_low, b_high)}, {len(result.a)} by {len(result.b)} points"
    )


def _named(a: float, b: float) -> str:
    return f"({number(float(a))}, {number(float(b))})"


def box(result: SliceResult) -> list[float]:
    """The ends of both axes, [a_low, a_high, b_low, b_high]."""
    return [float(axis[end]) for axis in (result.a, result.b) for end in (0, -1)]


def _path_note(result: SliceResult, view: View) -> list[str]:
    if not view.path or not len(result.path):
        return []
    if view.mode == "surface" and not _path_has_height(result, view):
        return ["path left out: its heights are total training losses"]
    shown = "window" if result.spec.window else "picture"
    if not len(_inside(result, view)):
        return [f"path outside the {shown}"]
    note = [] if result.spec.where.direction.holds_path else ["path projected on the plane"]
    a_low, a_high, b_low, b_high = box(result)
    if (result.path < [a_low, b_low]).any() or (result.path > [a_high, b_high]).any():
        note.append(f"path leaves the {shown}")
    return note


def _path_has_height(result: SliceResult, view: View) -> bool:
    """The path's own losses are total training losses; only such a surface can carry them."""
    return result.spec.where.part == "train" and (
        view.show == "total" or (view.show == "data" and result.spec.problem.l2 == 0)
    )


def _path_heights(result: SliceResult, view: View, scale: Scale) -> np.ndarray:
    """(T,) plotted: the path's own losses, those ≤ 0 on the shelf of a log scale."""
    return parts.plotted(parts.raised(parts.finite(result.path_loss), view, scale), view)


def _inside(result: SliceResult, view: View) -> np.ndarray:
    """(N, 3) what of the path lies in the picture: a, b and its true loss, cut where it crosses the edge; NaN rows part
    the pieces. Between two recorded points the loss goes straight, as the picture's axis measures it.
    """
    points = np.column_stack([result.path, parts.finite(result.path_loss)]).astype(np.float64)
    enter, leave = _crossings(points[:, :2], box(result))
    rows: list[np.ndarray] = []
    for place in np.flatnonzero(enter < leave):
        ends = [_between(points[place : place + 2], share, view) for share in (enter[place], leave[place])]
        if rows and np.array_equal(rows[-1], ends[0]):
            rows.append(ends[1])
        else:
            rows += [np.full(3, np.nan)] * bool(rows) + ends
    return np.array(rows).reshape(-1, 3)


def _crossings(path: np.ndarray, ends: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """(T − 1,) twice: the shares of each step at which it enters and leaves a box; enter ≥ leave where it misses it.

    Liang & Barsky 1984.
    """
    low, high = np.array(ends[::2]), np.array(ends[1::2])
    start, step = path[:-1], np.diff(path, axis=0)
    still = step == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.sort([(low - start) / step, (high - start) / step], axis=0)  # (2, T − 1, 2)
    outside = (start < low) | (start > high)
    first = np.where(still, np.where(outside, np.inf, -np.inf), shares[0]).max(1)
    last = np.where(still, np.inf, shares[1]).min(1)
    return np.maximum(first, 0.0), np.minimum(last, 1.0)


def _between(pair: np.ndarray, share: float, view: View) -> np.ndarray:
    """The point (3,) at a share of the way between two; the two themselves to the bit."""
    if share in (0.0, 1.0):
        return pair[int(share)]
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = parts.plotted(pair[:, 2], view)
        height = (1 - share) * heights[0] + share * heights[1]
    return np.append((1 - share) * pair[0, :2] + share * pair[1, :2], parts.own_units(height, view))


def _contours(values: np.ndarray, view: View, scale: Scale) -> tuple[float, float, float]:
    """First level, last level and step, in plotted values; equal for all panels of one scale."""
    low, high = parts.window(values, view, scale)
    step = (high - low) / LINES
    return low + step / 2, high, step


def _hover(result: SliceResult, view: View, value: str, shift: tuple[float, float] = (0.0, 0.0)) -> str:
    ends, told = box(result), []
    for axis, letter, name in ((0, "x", result.names[0]), (1, "y", result.names[1])):
        low, high = ends[2 * axis : 2 * axis + 2]
        away = f"{shift[axis]:.10g} + ".replace("-", "−") if shift[axis] else ""
        digits = 4 if away else max(4, apart(low, high) + 1)
        told.append(f"{name} {away}%{{{letter}:.{digits}~g}}")
    return f"{told[0]}<br>{told[1]} {result.units}<br><b>{parts.title(view)} {value}</b><extra></extra>"


def _surface(result: SliceResult, values: np.ndarray, view: View, scale: Scale, colour: str) -> tuple[list[dict], dict]:
    """z in its own units on a log or linear axis.

    On a log axis plotly colours and contours a surface by log10 z, so the colour range is in plotted values.
    """
    shift = _shift(result)
    heights = parts.raised(values, view, scale)
    first, last, step = _contours(values, view, scale)
    lines = {
        "show": True, "start": first, "end": last, "size": step, "width": 1, "highlight": False,
        "color": "rgba(255,255,255,0.4)", "usecolormap": False,
    }  # fmt: skip
    surface = {
        "type": "surface", "x": (result.a - shift[0]).astype(np.float32),
        "y": (result.b - shift[1]).astype(np.float32), "z": heights.T.astype(np.float32), "coloraxis": "coloraxis",
        "lighting": LIGHT, "lightposition": {"x": -2000, "y": -4000, "z": 9000}, "connectgaps": False,
        "contours": {"x": {"highlight": False}, "y": {"highlight": False}, "z": lines},
        "hovertemplate": _hover(result, view, "%{z:.4g}", shift), "name": "slice",
    }  # fmt: skip
    shown = view.path and len(result.path) and _path_has_height(result, view)
    text = f"↑ {parts.title(view)}{', log scale' if view.logarithmic else ''}"  # a 3-D title is cut in a column
    layout = {
        "scene": _scene(result, heights, values, view, scale, shift),
        "margin": dict.fromkeys("lrtb", 0),
        "annotations": [parts.corner(text, "height", "left")],
        "meta": {"box": box(result), "shift": shift},
    }
    return [surface, *(_path_3d(result, view, shift) if shown else [])], layout


def _shift(result: SliceResult) -> tuple[float, float]:
    """What is taken from a surface's coordinates: the middle of a window that is narrow and far from the center."""
    a_low, a_high, b_low, b_high = box(result)
    ends = ((a_low, a_high), (b_low, b_high))
    return tuple((low + high) / 2 if high - low < NARROW * max(abs(low), abs(high)) else 0.0 for low, high in ends)  # type: ignore[return-value]


def _path_3d(result: SliceResult, view: View, shift: tuple[float, float]) -> list[dict]:
    x, y, z = (_inside(result, view) - [*shift, 0.0]).T.astype(np.float32)
    if not len(x):
        return []
    return [
        {
            "type": "scatter3d", "x": x, "y": y, "z": z, "mode": "lines", "name": name,
            "line": {"width": width, "color": ink},
            "hovertemplate": _PATH_HOVER.format("z") if ink == CORE else None,
            "hoverinfo": "skip" if ink == CASING else None,
        }
        for width, ink, name in ((9, CASING, "path casing"), (4, CORE, "path"))
    ]  # fmt: skip


def _scene(
    result: SliceResult, heights: np.ndarray, values: np.ndarray, view: View, scale: Scale, shift: tuple[float, float]
) -> dict:
    a_low, a_high, b_low, b_high = box(result)
    longer = max(a_high - a_low, b_high - b_low)
    return {
        "xaxis": {**_floor_axis(a_low, a_high, shift[0]), "title": {"text": result.names[0]}},
        "yaxis": {**_floor_axis(b_low, b_high, shift[1]), "title": {"text": result.names[1]}},
        "zaxis": {**parts.value_axis(values, view, scale, 4), "title": {"text": ""}},
        "annotations": _marks_3d(result, heights, view, scale, shift),
        "aspectmode": "manual", "camera": CAMERA, "dragmode": "orbit",
        "aspectratio": {
            "x": max((a_high - a_low) / longer, SLIMMEST), "y": max((b_high - b_low) / longer, SLIMMEST), "z": HEIGHT,
        },
    }  # fmt: skip


def _floor_axis(low: float, high: float, shift: float) -> dict:
    if low == -high:
        inner = round_below(0.85 * high)
        ticks = [-inner, 0.0, inner]
    else:
        ticks = linear_ticks(low, high, 3)
    return {
        "range": [low - shift, high - shift], "tickmode": "array", "tickvals": [tick - shift for tick in ticks],
        "ticktext": _tick_texts(ticks, low, high),
    }  # fmt: skip


def _tick_texts(ticks: list[float], low: float, high: float) -> list[str]:
    digits = apart(low, high)
    return [(number(tick) if digits <= 3 else f"{tick:.{digits}g}").replace("-", "−") for tick in ticks]


def _at(result: SliceResult, values: np.ndarray, place: tuple[float, ...]) -> float:
    """What the picture shows at coordinates (a, b): from the grid, to the bit where it holds the place and else between
    its four neighbours; NaN outside.
    """
    a_low, a_high, b_low, b_high = box(result)
    if not (a_low <= place[0] <= a_high and b_low <= place[1] <= b_high):
        return np.nan
    size = len(result.a)
    axes = tuple(zip((result.a, result.b), place, strict=True))
    row, column = (min(int(np.searchsorted(axis, at, side="right")) - 1, size - 2) for axis, at in axes)
    shares = [
        float((at - axis[n]) / (axis[n + 1] - axis[n])) for (axis, at), n in zip(axes, (row, column), strict=True)
    ]
    weights = np.outer([1 - shares[0], shares[0]], [1 - shares[1], shares[1]])
    return float((weights * values[row : row + 2, column : column + 2])[weights > 0].sum())


def _marks_3d(
    result: SliceResult, heights: np.ndarray, view: View, scale: Scale, shift: tuple[float, float]
) -> list[dict]:
    """The center and the chosen point, as texts above the surface: a 3-D marker there would sink into it by half."""
    plotted = parts.plotted(heights, view)
    found = []
    for name, text, place in (("center", CENTER, (0.0, 0.0)), ("point", POINT, scale.point)):
        height = _at(result, plotted, place) if place else np.nan
        if np.isfinite(height):
            mark = {"x": place[0] - shift[0], "y": place[1] - shift[1], "z": height, "showarrow": False, "text": text}
            found += [
                {**mark, "name": f"{name} {ink}", "font": {"size": size, "color": ink}}
                for size, ink in ((22, CASING), (14, CORE))
            ]
    return found


def _map(result: SliceResult, values: np.ndarray, view: View, scale: Scale, colour: str) -> tuple[list[dict], dict]:
    heights = parts.plotted(parts.raised(values, view, scale), view).T.astype(np.float32)
    first, last, step = _contours(values, view, scale)
    own = values.T.astype(np.float32) if view.logarithmic else None
    contour = {
        "type": "contour", "x": result.a, "y": result.b, "z": heights, "coloraxis": "coloraxis", "connectgaps": False,
        "contours": {"start": first, "end": last, "size": step}, "name": "slice", "customdata": own,
        "line": {"width": 0.6, "color": "rgba(255,255,255,0.5)"},
        "hovertemplate": _hover(result, view, "%{z:.4g}" if own is None else "%{customdata:.4g}"),
    }  # fmt: skip
    path = _path_2d(result) if view.path and len(result.path) else []
    return [contour, *path, *_marks_2d(result, values, view, scale, colour)], _map_layout(result)


def _marks_2d(result: SliceResult, values: np.ndarray, view: View, scale: Scale, colour: str) -> list[dict]:
    found = []
    for name, symbol, place in (("center", "circle", (0.0, 0.0)), ("point", "diamond", scale.point)):
        here = _at(result, values, place) if place else np.nan
        if np.isfinite(here):
            exact = name == "center" and view.show == "total"
            mark = {
                "type": "scatter", "x": [place[0]], "y": [place[1]], "mode": "markers", "name": name,
                "customdata": [result.center_loss if exact else here],
                "marker": {"size": 10, "symbol": symbol, "color": colour, "line": {"width": 2, "color": CORE}},
                "hovertemplate": f"{name}<br><b>{parts.title(view)} %{{customdata:.4g}}</b><extra></extra>",
            }  # fmt: skip
            found.append(mark)
    return found


def _map_layout(result: SliceResult) -> dict:
    """Both directions in one unit; the page sees to that by the axes' domains, so that any rectangle may be dragged."""
    a_low, a_high, b_low, b_high = ends = box(result)
    across, up = _map_axis(a_low, a_high), _map_axis(b_low, b_high)
    longest = max(map(len, up["ticktext"]), default=0)
    return {
        "xaxis": {**across, "title": {"text": parts.with_unit(result.names[0], result.units)}},
        "yaxis": {**up, "title": {"text": result.names[1]}, "scaleanchor": "x"},
        "margin": {"l": 52 + 7 * max(0, longest - 4), "r": 10, "t": 8, "b": 44},
        "meta": {"box": ends, "shift": [0.0, 0.0]},
    }


def _map_axis(low: float, high: float) -> dict:
    ticks = linear_ticks(low, high, 5)
    if max(map(len, _tick_texts(ticks, low, high))) > 6:
        ticks = linear_ticks(low, high, 3)  # long texts need room
    return {
        "range": [low, high], "tickvals": ticks, "ticktext": _tick_texts(ticks, low, high), "constrain": "domain",
    }  # fmt: skip


def _path_2d(result: SliceResult) -> list[dict]:
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
