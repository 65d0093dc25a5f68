"""The eigenvalues of one column: in order, as a histogram, or the share below each value."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.oddities import Oddity
from lossatlas.app.figures.shared.symlog import Symlog, symlog
from lossatlas.app.figures.spectrum_layers import NAMED, TEXT, ends_of_layers
from lossatlas.app.look.ticks import digits, linear_ticks, log_ticks, number, numbers, percent
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.spectra.question import HIGHEST, SpectrumResult
from lossatlas.compute.numerics.kernels.curvature import MATRICES

BARS = 60  # of a histogram, over the row's range
POINTS = 1000  # shares at which an estimated curve is drawn: three a pixel of a column
MOST = 2000  # eigenvalues drawn one by one; of more, every nth between both ends
DOTS = 60  # eigenvalues up to which each has a dot
LABELS = 14  # names of blocks that find room beside their curves
HEADED = 1.09  # where it ends if they stand above them
LETTER = 0.028  # width of a letter as a share of the axis
ESTIMATE = {"color": "#888", "width": 1.3}
OF = {"hessian": "", "gauss_newton": " of G", "residual": " of R"}  # the part of the matrix, at a column's head
ENDS = {"tensors": "tensor", "layers": "layer"}


@dataclass(frozen=True)
class Curve:
    """Eigenvalues (N,) ascending, each at its share of all (N,), and their ranks from the top, or 0 where estimated."""

    name: str
    values: np.ndarray
    shares: np.ndarray
    ranks: np.ndarray
    total: int


def figure(result: SpectrumResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """All eigenvalues in the activation's colour; an estimate in it too, or thin and grey over the exact ones."""
    if why := _nothing(result, view):
        return parts.sentence(why)
    pictures = {"sorted": _curves, "cumulative": _curves, "density": _histogram}
    build = ends_of_layers if _by_ends(result, view) else pictures[view.spectrum]
    traces, layout = build(result, view, _range(result, view, scale), colour)
    layout |= {"showlegend": False, "uirevision": f"spectrum {view.spectrum} {view.blocks}"}
    layout |= {"margin": {"l": 56, "r": 10, "t": 8, "b": 40}}
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


def span(result: SpectrumResult, view: View) -> tuple[float, float]:
    """Lowest and highest eigenvalue, and the layers' traces where these are drawn."""
    if _nothing(result, view):
        return (math.nan, math.nan)
    known = [result.largest, result.smallest, result.eigenvalues, result.nodes[result.weights > 0]]
    known += [result.layer_trace] if _by_ends(result, view) else []
    values = np.concatenate(known)
    return float(values.min()), float(values.max())


def caption(result: SpectrumResult, view: View) -> str:
    """Matrix, how its eigenvalues were found, the point, and the numbers that sum them up."""
    if _nothing(result, view):
        return ""
    error = f" ± {number(result.trace_error, 2)}" if result.trace_error else ""
    part = "training" if result.spec.where.part == "train" else "test"
    condition = [f"condition {number(result.condition)}"] if math.isfinite(result.condition) else []
    return " · ".join(
        [
            f"{MATRICES[result.spec.matrix]}{_point(result)}",
            _method(result, view),
            f"total {part} loss{parts.weighed(result.spec.problem)} {number(result.loss)}",
            f"trace {number(result.trace)}{error}",
            f"λmax {number(result.largest[0])}, λmin {number(result.smallest[0])}",
            f"effective rank {number(result.effective_rank)}",
            *condition,
            f"zero: within ±{number(result.cut, 2)}, grey",
        ]
    )


def size(result: SpectrumResult) -> str:
    """How much was computed."""
    known = len(result.eigenvalues)
    return parts.counted(known, "eigenvalue") if known else parts.counted(len(result.nodes), "probe")


def words(result: SpectrumResult, view: View) -> str:
    """How many eigenvalues, between which ends, on which side of zero, and their sum."""
    below, zero, above = (f"{float(count):,.0f}" for count in result.counts)
    rough = "" if len(result.eigenvalues) else "about "
    return (
        f"{result.parameters:,} eigenvalues from {number(float(result.smallest[0]))} to "
        f"{number(float(result.largest[0]))}, {rough}{below} below zero, {rough}{zero} that count as zero, "
        f"{rough}{above} above; trace {number(result.trace)}"
    )


def head(result: SpectrumResult) -> list[tuple[str, str]]:
    """The curvature at the point, ◆ where that is not the center, of the matrix chosen; λ ≈ 0 is the share of
    eigenvalues that count as zero.
    """
    part = OF[result.spec.matrix]
    error = f" ± {digits(result.trace_error, 2)}" if result.trace_error else ""
    rough = "" if len(result.eigenvalues) else "≈ "
    return [
        (f"loss{' at ◆' if result.spec.at else ''}", digits(result.loss)),
        (f"λ max{part}", _beyond(float(result.largest[0]), result.cut)),
        (f"λ min{part}", _beyond(float(result.smallest[0]), result.cut)),
        (f"trace{part}", digits(result.trace) + error),
        (f"λ ≈ 0{part}", rough + percent(float(result.counts[1]) / result.parameters)),
    ]


def _beyond(value: float, cut: float) -> str:
    """An eigenvalue, or that it counts as zero."""
    return digits(value) if abs(value) > cut else "≈ 0"


def _nothing(result: SpectrumResult, view: View) -> str:
    if view.blocks != "tensors" or len(result.eigenvalues):
        return ""
    whole = f"method=exact with limit={result.parameters}" if result.parameters <= HIGHEST else "a smaller network"
    return (
        "A tensor's eigenvalues are known only where all are computed, and this is an estimate for "
        f"{result.parameters:,} parameters. Choose {whole}, or look at each layer."
    )


def _by_ends(result: SpectrumResult, view: View) -> bool:
    """Whether only the ends and the trace of each layer's block are known."""
    return view.blocks == "layers" and not len(result.eigenvalues)


def _range(result: SpectrumResult, view: View, scale: Scale) -> tuple[float, float]:
    """Lowest and highest eigenvalue to draw, 0 among them: the row's, or else the panel's own."""
    low, high = span(result, view)
    low = low if scale.low is None else scale.low
    high = high if scale.high is None else scale.high
    return min(low, 0.0), max(high, 0.0)


# ---------------------------------------------------------------------------------------------- which eigenvalues


def _exact(result: SpectrumResult, view: View) -> list[Curve]:
    """All eigenvalues of the matrix, or of each of its blocks; nothing where they are estimated."""
    if not len(result.eigenvalues):
        return []
    if view.blocks == "full":
        return [_one("eigenvalues", result.eigenvalues)]
    values, ends = (getattr(result, f"{ENDS[view.blocks]}_{what}") for what in ("values", "ends"))
    names = result.names if view.blocks == "tensors" else [f"layer {n}" for n in range(1, len(ends))]
    return [_one(name, values[a:b]) for name, (a, b) in zip(names, itertools.pairwise(ends), strict=True) if a < b]


def _one(name: str, values: np.ndarray) -> Curve:
    """Each in the middle of its share."""
    places = np.arange(len(values))
    return Curve(name, values, (places + 0.5) / len(values), len(values) - places, len(values))


def _to_the_edge(curve: Curve) -> Curve:
    """With its ends led on to shares of 0 and 1."""
    values, ranks = (np.pad(part, 1, "edge") for part in (curve.values, curve.ranks))
    return Curve(curve.name, values, np.concatenate([[0.0], curve.shares, [1.0]]), ranks, curve.total)


def _estimated(result: SpectrumResult) -> Curve:
    """The probes' mean quadrature by its quantiles."""
    order = np.argsort(result.nodes, axis=None)
    below = np.cumsum(result.weights.ravel()[order]) / len(result.weights)
    shares = (np.arange(POINTS) + 0.5) / POINTS
    places = np.minimum(np.searchsorted(below, shares), len(below) - 1)
    return Curve("estimate", result.nodes.ravel()[order][places], shares, np.zeros(POINTS), result.parameters)


def _risen(curve: Curve) -> Curve:
    """Shares at or below each value, from 0: a step at each, where a line goes across first and then up."""
    values, ranks = (np.pad(part, (1, 0), "edge") for part in (curve.values, curve.ranks))
    return Curve(curve.name, values, np.arange(curve.total + 1) / curve.total, ranks, curve.total)


def _bounded(curve: Curve) -> Curve:
    """At most about MOST of its points, both ends in full."""
    count = len(curve.values)
    if count <= MOST:
        return curve
    ends = np.arange(MOST // 10)
    kept = np.unique(np.concatenate([ends, np.linspace(0, count - 1, MOST).astype(int), count - 1 - ends]))
    return Curve(curve.name, curve.values[kept], curve.shares[kept], curve.ranks[kept], curve.total)


def _counts(result: SpectrumResult, view: View) -> np.ndarray:
    """(3,) negative, zero and positive: of the matrix, or of its blocks together."""
    if view.blocks == "full":
        return result.counts
    values = np.concatenate([curve.values for curve in _exact(result, view)])
    return np.array([(values < -result.cut).sum(), (np.abs(values) <= result.cut).sum(), (values > result.cut).sum()])


# ---------------------------------------------------------------------------------------------- curves


def _curves(result: SpectrumResult, view: View, ends: tuple[float, float], colour: str) -> tuple[list[dict], dict]:
    """Traces and layout of the eigenvalues in order; of the share below each, which is the same picture on its side."""
    axis, flip, blocks = symlog(*ends), view.spectrum == "cumulative", view.blocks != "full"
    exact = _exact(result, view)
    drawn = (
        [_risen(curve) for curve in exact] if flip else [_to_the_edge(curve) for curve in exact] if blocks else exact
    )
    traces = [_line(curve, axis, flip, _style(exact, number, colour, flip)) for number, curve in enumerate(drawn)]
    if not blocks:
        style = {"line": ESTIMATE if exact else {"color": colour, "width": 2.2}, "mode": "lines"}
        traces.append(_line(_estimated(result), axis, flip, style))
        traces += [] if exact else _found_ends(result, axis, flip, colour)
    of = "each block's" if blocks else f"all {result.parameters:,}"
    values = {"title": {"text": f"eigenvalue λ, {axis.note}"}, **axis.axis(*ends, 4 if flip else 6)}
    top = 1.02 if not blocks else HEADED if flip else NAMED
    shares = {
        "title": {"text": f"share of {of} eigenvalues" + " below λ" * flip},
        "range": [-0.02, top],
        "tickmode": "array", "tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "0.25", "0.5", "0.75", "1"],
    }  # fmt: skip
    cut = float(axis.heights(np.array(result.cut)))
    band = {"type": "rect", "fillcolor": "#888", "opacity": 0.16, "line": {"width": 0}, "layer": "below"}
    along, across = ("x", "y") if flip else ("y", "x")
    band |= {f"{along}0": -cut, f"{along}1": cut, f"{across}0": 0, f"{across}1": 1, f"{across}ref": f"{across} domain"}
    zero = {"type": "line", f"{along}0": 0, f"{along}1": 0, f"{across}0": 0, f"{across}1": 1}
    zero |= {f"{across}ref": f"{across} domain", "line": {"width": 1, "dash": "dot"}, "layer": "below"}
    counted = _counted(result, view)
    if not flip:
        found = np.concatenate([curve.values for curve in drawn or [_estimated(result)]])
        counted |= _free_corner(axis.heights(found), values["range"])
    notes = [counted, *(_names(exact, axis, values["range"], flip) if blocks else [])]
    x, y = (values, shares) if flip else (shares, values)
    return traces, {"xaxis": x, "yaxis": y, "shapes": [band, zero], "annotations": notes}


def _style(exact: list[Curve], number: int, colour: str, flip: bool) -> dict:
    """The first blocks pale, the last in full colour; biases dashed."""
    strength = 1.0 if len(exact) == 1 else 0.6 + 0.4 * number / (len(exact) - 1)
    dash = "dash" if exact[number].name.startswith("b") else "solid"
    dots = exact[number].total <= DOTS and len(exact) == 1 and not flip
    line = {"color": colour, "width": 2.2, "dash": dash, "shape": "hv" if flip else "linear"}
    return {
        "line": line, "opacity": strength, "mode": "lines+markers" if dots else "lines",
        "marker": {"size": 5, "color": colour},
    }  # fmt: skip


def _line(curve: Curve, axis: Symlog, flip: bool, style: dict) -> dict:
    curve = _bounded(curve)
    heights, shares = axis.heights(curve.values).astype(np.float32), curve.shares.astype(np.float32)
    rank = f"rank %{{customdata[1]:,.0f}} of {curve.total:,}<br>" if curve.ranks.any() else ""
    return {
        "type": "scatter", "name": curve.name, "x": heights if flip else shares, "y": shares if flip else heights,
        "customdata": np.stack([curve.values, curve.ranks, curve.shares], 1).astype(np.float32), **style,
        "hovertemplate": f"{curve.name} · {rank}<b>λ %{{customdata[0]:.4g}}</b> · %{{customdata[2]:.1%}} lie below"
        "<extra></extra>",
    }  # fmt: skip


def _found_ends(result: SpectrumResult, axis: Symlog, flip: bool, colour: str) -> list[dict]:
    """Both ends as dots, with whiskers of their residuals."""
    k, P = len(result.largest), result.parameters
    values = np.concatenate([result.smallest, result.largest])
    errors = np.concatenate([result.smallest_residual, result.largest_residual])
    shares = (np.concatenate([np.arange(k), P - 1 - np.arange(k)]) + 0.5) / P
    heights = axis.heights(values)
    whiskers = {
        "type": "data", "symmetric": False, "color": colour, "width": 3, "thickness": 1.2,
        "array": (axis.heights(values + errors) - heights).astype(np.float32),
        "arrayminus": (heights - axis.heights(values - errors)).astype(np.float32),
    }  # fmt: skip
    x, y = (heights, shares) if flip else (shares, heights)
    return [
        {
            "type": "scatter", "name": "ends", "mode": "markers", "x": x.astype(np.float32), "y": y.astype(np.float32),
            "marker": {"size": 6, "color": colour}, "error_x" if flip else "error_y": whiskers,
            "customdata": np.stack([values, errors], 1).astype(np.float32),
            "hovertemplate": "λ <b>%{customdata[0]:.4g}</b> ± %{customdata[1]:.2g}, the residual<extra></extra>",
        }
    ]  # fmt: skip


def _names(exact: list[Curve], axis: Symlog, ends: list[float], flip: bool) -> list[dict]:
    """Names of the blocks with the largest eigenvalues, as many as find room: beside their curves, or above them."""
    wide = (max(len(curve.name) for curve in exact) + 1) * LETTER
    most, room = (int(1 / wide), wide) if flip else (LABELS, TEXT)
    kept = sorted(exact, key=lambda curve: -float(curve.values[-1]))[:most]
    heights = [float(axis.heights(curve.values[-1])) for curve in kept]
    names = parts.at_the_end([curve.name for curve in kept], heights, (ends[0], ends[1]), 1.0, room)
    if not flip:
        return names
    above = {"y": 1.0, "xanchor": "center", "yanchor": "bottom", "xshift": 0}
    return [{**name, **above, "x": name["y"]} for name in names]


# ---------------------------------------------------------------------------------------------- histogram


def _histogram(result: SpectrumResult, view: View, ends: tuple[float, float], colour: str) -> tuple[list[dict], dict]:
    """Bars of the exact eigenvalues and, stepwise over the same bins, the estimated density; where that is all,
    marks at both ends."""
    room = 0.03 * (ends[1] - ends[0]) or 1.0
    edges = np.linspace(ends[0] - room, ends[1] + room, BARS + 1)
    exact, P, floor = _exact(result, view), result.parameters, 0.5 / result.parameters
    traces = []
    if exact:
        found = np.histogram(np.concatenate([curve.values for curve in exact]), edges)[0]
        traces.append(_bars(edges, found, P, colour))
    if view.blocks == "full":
        estimate = mass(result, edges)
        traces.append(_steps(edges, estimate, P, ESTIMATE if exact else {"color": colour, "width": 2}))
        traces += [] if exact else [_marks(result, floor, colour)]
    low, high = math.log10(floor), 0.15
    ticks = log_ticks(low, high, 5)
    layout = {
        "xaxis": {"title": {"text": "eigenvalue λ"}, "range": [edges[0], edges[-1]], "showgrid": False,
                  "tickmode": "array", **_linear(edges[0], edges[-1])},
        "yaxis": {"title": {"text": "share of eigenvalues"}, "type": "log", "range": [low, high],
                  "tickmode": "array", "tickvals": ticks, "ticktext": numbers(ticks)},
        "bargap": 0, "annotations": [_counted(result, view)],
    }  # fmt: skip
    return traces, layout


def _linear(low: float, high: float) -> dict:
    ticks = linear_ticks(low, high, 5)
    return {"tickvals": ticks, "ticktext": numbers(ticks)}


def mass(result: SpectrumResult, edges: np.ndarray) -> np.ndarray:
    """Share of the eigenvalues in each bin by the estimated density."""
    below = np.concatenate([[0.0], np.cumsum(result.density * np.diff(result.edges))])
    return np.diff(np.interp(edges, result.edges, below))


def _bars(edges: np.ndarray, found: np.ndarray, P: int, colour: str) -> dict:
    return {
        "type": "bar", "name": "eigenvalues", "x": ((edges[1:] + edges[:-1]) / 2).astype(np.float32),
        "y": np.where(found > 0, found / P, np.nan).astype(np.float32), "width": float(edges[1] - edges[0]),
        "marker": {"color": colour, "line": {"width": 0}}, "customdata": found.astype(np.float32),
        "hovertemplate": f"λ ≈ %{{x:.3g}}<br><b>%{{customdata:,.0f}}</b> of {P:,} eigenvalues<extra></extra>",
    }  # fmt: skip


def _steps(edges: np.ndarray, estimate: np.ndarray, P: int, line: dict) -> dict:
    drawn = np.maximum(estimate, 0.01 / P)  # far below the axis, so that a lone step has its flanks
    return {
        "type": "scatter", "name": "estimate", "mode": "lines", "line": {**line, "shape": "hvh"},
        "x": ((edges[1:] + edges[:-1]) / 2).astype(np.float32), "y": drawn.astype(np.float32),
        "customdata": (P * estimate).astype(np.float32),
        "hovertemplate": f"λ ≈ %{{x:.3g}}<br>estimated <b>%{{customdata:,.3g}}</b> of {P:,}<extra></extra>",
    }  # fmt: skip


def _marks(result: SpectrumResult, floor: float, colour: str) -> dict:
    values = np.concatenate([result.smallest, result.largest])
    return {
        "type": "scatter", "name": "ends", "mode": "markers", "x": values.astype(np.float32),
        "y": np.full(len(values), 1.25 * floor, np.float32), "hovertemplate": "λ <b>%{x:.4g}</b><extra></extra>",
        "marker": {"symbol": "line-ns-open", "size": 9, "color": colour, "line": {"width": 1.5, "color": colour}},
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- words


def _counted(result: SpectrumResult, view: View) -> dict:
    """How many are negative, zero and positive, where the picture is empty."""
    about = "" if len(result.eigenvalues) else "≈ "
    words = ("negative", "zero", "positive")
    counts = [f"{about}{count:,.0f} {word}" for count, word in zip(_counts(result, view), words, strict=True)]
    side = "right" if view.spectrum == "density" else "left"
    note = parts.corner("<br>".join(counts[::-1]), "counts", side)
    away = {"align": side, "xshift": 10 if side == "left" else -4}  # off the ticks
    return note | away | ({"y": 0.91} if view.spectrum == "cumulative" else {})  # below the blocks' names


def _free_corner(heights: np.ndarray, ends: list[float]) -> dict:
    """The corner that a rising curve of these heights leaves free: below on the right where most of it is high."""
    if np.median(heights) < sum(ends) / 2:
        return {}
    return {"x": 1, "xanchor": "right", "align": "right", "xshift": -4, "y": 0, "yanchor": "bottom"}


def _point(result: SpectrumResult) -> str:
    spec, at = result.spec, result.spec.at
    if not at:
        return ""
    return f" at {number(at[0])}, {number(at[1])} on the plane ({spec.where.kind}{parts.turned(spec)})"


def _method(result: SpectrumResult, view: View) -> str:
    probes = f"{len(result.nodes):,} probes × {result.spec.steps} steps"
    width = f", width {number(result.width)}" if view.spectrum == "density" else ""
    of = {"full": "", "tensors": ", blocks of each tensor", "layers": ", blocks of each layer"}[view.blocks]
    if _by_ends(result, view):
        return f"estimated, P = {result.parameters:,}, {probes}; each layer's block: trace, and both ends from within"
    if not len(result.eigenvalues):
        return f"estimated, P = {result.parameters:,}, {probes}{width}"
    over = f", grey: estimate of {probes}{width}" if view.blocks == "full" else ""
    return f"exact, P = {result.parameters:,}{of}{over}"


# ---------------------------------------------------------------------------------------------- what may look odd


def _loose(result: SpectrumResult, view: View, scale: Scale) -> bool:
    """A residual above 1 % of the largest eigenvalue in size."""
    worst = max(float(np.max(one, initial=0.0)) for one in (result.largest_residual, result.smallest_residual))
    return worst > 0.01 * max(float(np.abs(result.largest).max(initial=0.0)), 1e-300)


LOOSE = Oddity(
    "loose",
    "Ends of the spectrum are uncertain",
    "Lanczos did not converge at every eigenvalue of the ends within its steps: a large one may be larger still.",
    "Ask for fewer eigenvalues (top), or for the exact spectrum where the network is small.",
    _loose,
)
ZEROS = Oddity(
    "zeros",
    "There is no negative eigenvalue, or hardly any",
    "More than half of the eigenvalues count as zero: directions that change nothing on these patterns, as weights "
    "of dead or redundant units.",
    "This is common and no fault; Saturation shows dead units.",
    lambda result, view, scale: result.counts[1] > result.parameters / 2,
)
ODD = (LOOSE, ZEROS)
