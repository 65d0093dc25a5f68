"""What a loss-gradient cloud is drawn with: dots, or cells where there are many, and the histograms beside them."""

import math

import numpy as np

from lossatlas.app.figures.shared.points import Axis, Points, log_tint
from lossatlas.app.look.theme import TINTS, colour_scale, tints
from lossatlas.app.look.ticks import number
from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.numerics.classes import NAMES, UNKNOWN

CELLS = 128  # of the counts, along either axis: two pixels in a column
SHADES = 6  # of a cell's opacity, by the logarithm of its count
FAINTEST = {"class": 0.4, "tint": 0.7}  # opacity of a cell with one point; a tint must keep its own lightness
BARS = 48  # of a marginal histogram
# Of the hues of the activations, which colour-blind readers tell apart, in the order of NAMES.
COLOURS = ("#e07800", "#b830b8", "#2868f8", "#00a860")
GREY, PALE = "#868e96", "rgba(136, 136, 136, 0.3)"
LABELS = {
    "class": "curvature", "test_loss": "generalisation error E_g", "saturation": "saturation", "step": "step",
    "walk": "walk", "accuracy": "training accuracy",
}  # fmt: skip


def dots(cloud: Points) -> list[dict]:
    """Points without a colour pale and beneath, then the others; thin where there are many."""
    inside = cloud.inside
    told = cloud.kind != UNKNOWN if cloud.view.tint == "class" else np.isfinite(cloud.tint)
    marker = {"size": 3 if len(inside) > 5_000 else 4}
    return [
        _scatter(cloud, inside[~told[inside]], "no value", marker | {"color": PALE}),
        _scatter(cloud, inside[told[inside]], "points", marker | {"opacity": 0.7} | _coloured_dots(cloud)),
    ]


def _scatter(cloud: Points, rows: np.ndarray, name: str, marker: dict) -> dict:
    if "color" in marker and isinstance(marker["color"], np.ndarray):
        marker = marker | {"color": marker["color"][rows]}
    return {
        "type": "scattergl", "mode": "markers", "name": name, "x": cloud.x[rows].astype(np.float32),
        "y": cloud.y[rows].astype(np.float32), "marker": marker, "customdata": _told(cloud, rows),
        "text": _class_names(cloud.kind[rows]), "hovertemplate": _hover(cloud.result, _POINT),
    }  # fmt: skip


def _coloured_dots(cloud: Points) -> dict:
    if cloud.view.tint == "class":
        return {"color": cloud.kind, "colorscale": _steps(list(COLOURS)), "cmin": -0.5, "cmax": len(COLOURS) - 0.5}
    low, high = cloud.colours
    scale = colour_scale(cloud.view.palette)
    return {"color": cloud.tint.astype(np.float32), "colorscale": scale, "cmin": low, "cmax": high}


def _told(cloud: Points, rows: np.ndarray) -> np.ndarray:
    """(n, 7) walk number, step, class, loss, gradient norm, E_g and saturation; float32 if that holds the numbers."""
    numbers_ = cloud.result.number[cloud.walk[rows]]
    columns = [numbers_, cloud.step[rows], cloud.kind[rows]]
    columns += [cloud.of(name)[rows] for name in ("loss", "gradient_norm", "test_loss", "saturation")]
    exact = numbers_.max(initial=0) < 2**24
    return np.stack(columns, 1).astype(np.float32 if exact else np.float64)


def _class_names(kinds: np.ndarray) -> np.ndarray:
    return np.array([*NAMES, "not classified"], dtype=object)[kinds]


_POINT = "walk %{customdata[0]:d}, step %{customdata[1]:d} · <b>%{text}</b><br>"
_CELL = (
    "<b>%{customdata[7]:,d} points</b>, %{text}<br>one of them: walk %{customdata[0]:d}, step %{customdata[1]:d}<br>"
)


def _hover(result: CloudResult, begins: str) -> str:
    """What a point is; its E_g and saturation where there are such."""
    more = [("test_loss", "E_g %{customdata[5]:.4g}"), ("saturation", "saturation %{customdata[6]:.3g}")]
    known = [text for name, text in more if np.isfinite(getattr(result, name)).any()]
    last = f"<br>{' · '.join(known)}" if known else ""
    return f"{begins}loss %{{customdata[3]:.4g}} · gradient norm %{{customdata[4]:.3g}}{last}<extra></extra>"


def cells(cloud: Points) -> list[dict]:
    """A cell's colour is that of most of its classified points, or of the mean of its finite values."""
    inside = cloud.inside
    cell = _bin(cloud.y[inside], cloud.up) * CELLS + _bin(cloud.x[inside], cloud.across)
    count = np.bincount(cell, minlength=CELLS**2)
    shade = np.minimum(SHADES * np.log1p(count) / math.log1p(count.max()), SHADES - 1).astype(int)
    of_class = cloud.view.tint == "class"
    hue, text = _most(cloud, cell, inside) if of_class else _mean_tint(cloud, cell, inside)
    colours = [*COLOURS] if of_class else tints(cloud.view.palette)
    steps = [_with_opacity(one, opacity) for one in (*colours, GREY) for opacity in _opacities(of_class)]
    first = np.zeros(CELLS**2, int)
    first[cell] = inside
    told = _told(cloud, first)
    told = np.concatenate([told, count[:, None].astype(told.dtype)], 1)
    shape = (CELLS, CELLS)
    return [
        {
            "type": "heatmap", "name": "cells", "z": np.where(count, hue * SHADES + shade, np.nan).reshape(shape),
            "colorscale": _steps(steps), "zmin": -0.5, "zmax": len(steps) - 0.5, "showscale": False,
            "hoverongaps": False, "customdata": told.reshape(*shape, -1), "text": text.reshape(shape),
            "hovertemplate": _hover(cloud.result, _CELL), **_grid("x", cloud.across), **_grid("y", cloud.up),
        }
    ]  # fmt: skip


def _bin(heights: np.ndarray, axis: Axis, count: int = CELLS) -> np.ndarray:
    """Which of the cells along an axis."""
    low, high = axis.range
    return np.minimum((heights - low) * (count / (high - low)), count - 1).astype(int)


def _grid(name: str, axis: Axis) -> dict:
    low, high = axis.range
    width = (high - low) / CELLS
    return {f"{name}0": low + width / 2, f"d{name}": width}


def _most(cloud: Points, cell: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each cell's colour, that of GREY where no point is classified, and words for it."""
    kind = cloud.kind[inside]
    told = kind != UNKNOWN
    counts = np.bincount(cell[told] * len(NAMES) + kind[told], minlength=CELLS**2 * len(NAMES)).reshape(-1, len(NAMES))
    known, most = counts.sum(1), counts.argmax(1)
    text = np.full(CELLS**2, "not classified", dtype=object)
    for row in np.flatnonzero(known):
        text[row] = f"{100 * counts[row, most[row]] / known[row]:.0f} % {NAMES[most[row]]}"
    return np.where(known, most, len(NAMES)), text


def _mean_tint(cloud: Points, cell: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for the mean of a continuous colour, taken in plotted units."""
    tint = cloud.tint[inside]
    told = np.isfinite(tint)
    known = np.bincount(cell[told], minlength=CELLS**2)
    mean = np.bincount(cell[told], tint[told], CELLS**2) / np.maximum(known, 1)
    low, high = cloud.colours
    place = np.clip((mean - low) / (high - low) * TINTS, 0, TINTS - 1).astype(int)
    text = np.full(CELLS**2, "no value", dtype=object)
    for row in np.flatnonzero(known):
        value = 10.0 ** mean[row] if log_tint(cloud.view) else mean[row]
        text[row] = f"mean {LABELS[cloud.view.tint]} {number(float(value))}"
    return np.where(known, place, TINTS), text


def _steps(colours: list[str]) -> list[list]:
    """A colour scale of equal steps."""
    count = len(colours)
    return [[(place + end) / count, one] for place, one in enumerate(colours) for end in (0, 1)]


def _opacities(of_class: bool) -> list[float]:
    return np.linspace(FAINTEST["class" if of_class else "tint"], 1, SHADES).tolist()


def _with_opacity(colour: str, opacity: float) -> str:
    inner = ", ".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) if colour[0] == "#" else colour[4:-1]
    return f"rgba({inner}, {opacity:.3g})"


def bars(cloud: Points, colour: str) -> list[dict]:
    """Marginal histograms of the points drawn: of the loss above and of the gradient norm at the right; by class where
    colours stand for it.
    """
    kinds = cloud.kind[cloud.inside]
    groups = [("all points", colour, np.ones(len(kinds), bool))]
    if cloud.view.tint == "class":
        groups = [(name, COLOURS[code], kinds == code) for code, name in enumerate(NAMES)]
        groups += [("not classified", PALE, kinds == UNKNOWN)]
    found = []
    for name, fill, mine in groups:
        if mine.any():
            rows = cloud.inside[mine]
            found += [_histogram(name, fill, cloud.x[rows], cloud.across, "x"),
                      _histogram(name, fill, cloud.y[rows], cloud.up, "y")]  # fmt: skip
    return found


def _histogram(name: str, fill: str, heights: np.ndarray, axis: Axis, along: str) -> dict:
    low, high = axis.range
    width = (high - low) / BARS
    middles = (low + width * (np.arange(BARS) + 0.5)).astype(np.float32)
    counts = np.bincount(_bin(heights, axis, BARS), minlength=BARS).astype(np.float32)
    bar = {"type": "bar", "name": name, "marker": {"color": fill, "line": {"width": 0}}, "width": width}
    if along == "x":
        return bar | {"x": middles, "y": counts, "yaxis": "y2", "hovertemplate": f"%{{y:,d}} {name}<extra></extra>"}
    lying = {"xaxis": "x2", "orientation": "h", "hovertemplate": f"%{{x:,d}} {name}<extra></extra>"}
    return bar | lying | {"y": middles, "x": counts}
