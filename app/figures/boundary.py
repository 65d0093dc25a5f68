"""What a network of one or two inputs says along its training: the decision boundary, or the fitted function."""

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import frames, parts
from lossatlas.app.look.ticks import linear_ticks, number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.boundaries import BoundaryResult

# Orange, blue, bluish green, …: told apart with any colour vision (Okabe & Ito 2008); classes have symbols besides.
CLASSES = ("#e69f00", "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
CASING = "#101113"
STRONG = 0.85  # opacity of a certain answer
LEVEL = 101  # whole percents of each class, where there are more than two
HALF = 50.0  # percent at which the answer changes: each criterion's cut is one half of what is shown of it
UNIT = 0.01  # percent, to which shares are rounded on their way to the page
MARGIN = {"l": 52, "r": 10, "t": 24, "b": 42}


def figure(result: BoundaryResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """A map over two inputs, or a curve over one, at the last step, and what the player needs for the others."""
    build = _map if len(result.y) else _curve
    traces, layout, rows = build(result, scale, colour)
    texts = [_text(result, place) for place in range(len(result.step))]
    layout |= {
        "annotations": [{**parts.corner(texts[-1], "moment", "left"), "yanchor": "bottom"}],
        "margin": MARGIN, "showlegend": False, "uirevision": "boundary",
    }  # fmt: skip
    if frames.moving(view):
        layout["meta"] = frames.frames(result.step, {0: rows}, {"annotations[0].text": texts})
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: BoundaryResult, view: View) -> tuple[float, float]:
    """Of a fitted function, the range that its columns share; of shares that from 0 to 100 %."""
    return (0.0, 100.0) if _classes(result) else _heights(result)


def caption(result: BoundaryResult, view: View) -> str:
    """What colours and dots stand for."""
    problem = result.spec.problem
    test = f", open: {len(result.test_y):,} test patterns" if len(result.test_y) else ""
    dots = f"dots: {parts.told_patterns(problem)}{test}"
    return " · ".join([_told(result), dots, problem.dtype])


def size(result: BoundaryResult) -> str:
    """How much was computed."""
    grid = f"{len(result.x)}×{len(result.y)}" if len(result.y) else f"{len(result.x)} points"
    return f"{grid}, {parts.counted(len(result.step), 'step')}"


def words(result: BoundaryResult, view: View) -> str:
    """How many steps, and how well the network says what the patterns are at both ends."""
    moments = parts.counted(len(result.step), "recorded step")
    shares = result.accuracy[np.isfinite(result.accuracy)]
    if not len(shares):
        return f"fitted function over {moments}, {parts.ranged(result.output[-1], f'output {parts.ended(result)}')}"
    right = f"{number(100 * float(shares[0]))} % of the training patterns right at the start"
    return f"decision boundary over {moments}, {right}, {number(100 * float(shares[-1]))} % {parts.ended(result)}"


def _classes(result: BoundaryResult) -> int:
    return result.spec.problem.data.classes


def _told(result: BoundaryResult) -> str:
    if not _classes(result):
        return "line: the network's output; the axis holds the data and the output at the last step"
    if _classes(result) == 2:
        return f"colour: {_measure(result)} of class 1, blue, against class 0, orange; line: {HALF:g} %"
    return "colour: the class with the largest output, stronger the further the next one lies behind"


def _measure(result: BoundaryResult) -> str:
    """What of an output is shown as a share."""
    return result.spec.problem.criterion.shares.label


def _text(result: BoundaryResult, place: int) -> str:
    right = "" if np.isnan(result.accuracy[place]) else f" · {number(100 * result.accuracy[place])} % right"
    return f"step {result.step[place]:,}{right}"


def shares(result: BoundaryResult) -> np.ndarray:
    """Each class's share (..., K) from outputs, in percent; of a single output class 1's alone (..., 1)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return 100 * result.spec.problem.criterion.shares.function(result.output.astype(np.float64))


def _map(result: BoundaryResult, scale: Scale, colour: str) -> tuple[list[dict], dict, dict]:
    """Traces, layout, and the rows of the first trace."""
    found = shares(result)
    drawn, values = (_two if _classes(result) == 2 else _many)(result, found)
    rows = {"z": frames.packed(values, UNIT if _classes(result) == 2 else 1.0)}
    axes = {
        name: {"title": {"text": f"input {n}"}, "range": [float(along[0]), float(along[-1])], "nticks": 6,
               "showgrid": False, "zeroline": False}
        for n, (name, along) in enumerate((("xaxis", result.x), ("yaxis", result.y)), 1)
    }  # fmt: skip
    axes["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}  # a circle looks like one
    axes["xaxis"] |= {"constrain": "domain"}
    return [drawn, *_patterns(result)], axes, rows


def _two(result: BoundaryResult, found: np.ndarray) -> tuple[dict, np.ndarray]:
    """Two classes: the share of class 1 in colour, and the line where it is one half."""
    values = found[..., -1]
    trace = {
        "type": "contour", "name": "boundary", "x": result.x, "y": result.y, "z": values[-1].astype(np.float32),
        "zmin": 0, "zmax": 100, "zauto": False, "showscale": False, "connectgaps": False, "autocontour": False,
        "contours": {"coloring": "heatmap", "start": HALF, "end": HALF, "size": HALF},
        "line": {"width": 2, "color": "#888"},
        "colorscale": [[0, _clear(CLASSES[0], STRONG)], [0.5, "rgba(136, 136, 136, 0.06)"],
                       [1, _clear(CLASSES[1], STRONG)]],
        "hovertemplate": f"input 1 %{{x:.3g}}, input 2 %{{y:.3g}}<br><b>{_measure(result)} of class 1 %{{z:.1f}} %</b>"
        "<extra></extra>",
    }  # fmt: skip
    return trace, values


def _many(result: BoundaryResult, found: np.ndarray) -> tuple[dict, np.ndarray]:
    """More classes: the one with the largest output, in steps of one percent of its lead."""
    ranked = np.sort(found, -1)
    lead = np.clip(np.round(ranked[..., -1] - ranked[..., -2]), 0, LEVEL - 1)
    values = result.output.argmax(-1) * LEVEL + lead
    top = found.shape[-1] * LEVEL - 1
    stops = []
    for number_of, ink in zip(range(found.shape[-1]), CLASSES, strict=False):
        for ends, strength in ((0, 0.15), (LEVEL - 1, STRONG)):
            stops.append([(number_of * LEVEL + ends) / top, _clear(ink, strength)])
    trace = {
        "type": "heatmap", "name": "boundary", "x": result.x, "y": result.y, "z": values[-1].astype(np.float32),
        "zmin": 0, "zmax": top, "zauto": False, "showscale": False, "colorscale": stops, "zsmooth": False,
        "hovertemplate": "input 1 %{x:.3g}, input 2 %{y:.3g}<extra></extra>",
    }  # fmt: skip
    return trace, values


def _clear(ink: str, opacity: float) -> str:
    red, green, blue = (int(ink[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def _patterns(result: BoundaryResult) -> list[dict]:
    """Training patterns filled, test patterns open, each class in its colour and symbol."""
    found = []
    for name, x, y in (("test", result.test_x, result.test_y), ("training", result.train_x, result.train_y)):
        for which in np.unique(y).astype(int).tolist():
            mine, ink = x[y == which], CLASSES[which % len(CLASSES)]
            symbol = SYMBOLS[which % len(SYMBOLS)]
            open_ = name == "test"
            found.append(
                {
                    "type": "scatter", "mode": "markers", "name": f"class {which}, {name}",
                    "x": mine[:, 0].astype(np.float32), "y": mine[:, 1].astype(np.float32),
                    "marker": {"symbol": f"{symbol}-open" if open_ else symbol, "size": 6 if len(y) > 50 else 11,
                               "color": ink, "line": {"width": 1.4 if open_ else 0.8,
                                                      "color": ink if open_ else CASING}},
                    "hovertemplate": f"class {which}, {name} pattern<br>input 1 %{{x:.3g}}, input 2 %{{y:.3g}}"
                    "<extra></extra>",
                }
            )  # fmt: skip
    return found


def _heights(result: BoundaryResult) -> tuple[float, float]:
    values = np.concatenate([result.train_y, result.test_y, result.output[-1].ravel()])
    values = values[np.isfinite(values)]
    return float(values.min()), float(values.max())


def _curve(result: BoundaryResult, scale: Scale, colour: str) -> tuple[list[dict], dict, dict]:
    """Traces, layout, and the rows of the first trace: the function over one input."""
    values = parts.finite(result.output[..., 0])
    line = {
        "type": "scatter", "mode": "lines", "name": "function", "x": result.x.astype(np.float32),
        "y": values[-1].astype(np.float32), "line": {"color": colour, "width": 3},
        "hovertemplate": "input %{x:.3g}<br><b>output %{y:.3g}</b><extra></extra>",
    }  # fmt: skip
    dots = [
        {
            "type": "scatter", "mode": "markers", "name": f"{name} patterns", "x": x[:, 0].astype(np.float32),
            "y": y.astype(np.float32),
            "marker": {"size": 4, "color": "#888", "symbol": "circle-open" if name == "test" else "circle",
                       "opacity": 0.7},
            "hovertemplate": f"{name} pattern<br>input %{{x:.3g}}, target %{{y:.3g}}<extra></extra>",
        }
        for name, x, y in (("training", result.train_x, result.train_y), ("test", result.test_x, result.test_y))
        if len(y)
    ]  # fmt: skip
    low, high = _heights(result) if scale.low is None or scale.high is None else (scale.low, scale.high)
    return [line, *dots], _curve_axes(result, low, high), {"y": frames.packed(values)}


def _curve_axes(result: BoundaryResult, low: float, high: float) -> dict:
    room = 0.08 * max(high - low, 1e-6)
    return {
        "xaxis": {"title": {"text": "input"}, "range": [float(result.x[0]), float(result.x[-1])], "nticks": 6},
        "yaxis": {"title": {"text": "output and targets"}, "range": [low - room, high + room],
                  "tickvals": linear_ticks(low, high, 5)},
    }  # fmt: skip
