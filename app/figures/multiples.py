"""Clouds of one data set side by side on one scale: a row an activation, a column a range and step size."""

import math

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared.dots import COLOURS, GREY
from lossatlas.app.figures.shared.points import FLOOR
from lossatlas.compute.numerics.classes import NAMES
from lossatlas.compute.study.design import Row, place

GAP, HEIGHT = 0.02, 210  # between panels, as a share of the picture; px of one
DOT = 3  # px


def figure(rows: list[Row], rule: str) -> go.Figure:
    """Loss against gradient norm, both on log scales, coloured by class under one of RULES; WebGL, no numbers on hover.

    Values below FLOOR stand there; what is not finite is left out.
    """
    activations, places = (list(dict.fromkeys(names)) for names in (
        [row.spec.problem.activation for row in rows], [place(row.spec) for row in rows],
    ))  # fmt: skip
    across, up = (_common(rows, name) for name in ("loss", "gradient_norm"))
    layout: dict = {
        "height": HEIGHT * len(activations) + 70, "margin": {"l": 62, "r": 8, "t": 26, "b": 44}, "showlegend": False,
        "dragmode": "zoom", "hovermode": False, "annotations": [],
    }  # fmt: skip
    traces = []
    for row in rows:
        line, column = activations.index(row.spec.problem.activation), places.index(place(row.spec))
        number = line * len(places) + column + 1
        traces.append(_dots(row, rule, number))
        left, top = column / len(places), 1 - line / len(activations)
        wide, high = 1 / len(places) - GAP, 1 / len(activations) - 1.5 * GAP
        own = "" if number == 1 else str(number)
        layout[f"xaxis{own}"] = _axis(across, "loss", line == len(activations) - 1) | {
            "domain": [left, left + wide], "anchor": f"y{own}",
        } | ({"matches": "x"} if own else {})  # fmt: skip
        layout[f"yaxis{own}"] = _axis(up, f"{row.spec.problem.activation}<br>gradient norm", column == 0) | {
            "domain": [top - high, top], "anchor": f"x{own}",
        } | ({"matches": "y"} if own else {})  # fmt: skip
        if line == 0:
            layout["annotations"].append(_head(place(row.spec), left + wide / 2))
    return go.Figure({"data": traces, "layout": layout})


def colours(row: Row, rule: str) -> np.ndarray:
    """(K,) the class of each drawn point under a rule, int8; −1 where not classified."""
    return getattr(row, rule)


def legend() -> list[tuple[str, str]]:
    """Colour and name of every class."""
    return [*zip(COLOURS, NAMES, strict=True), (GREY, "not classified")]


def caption(rows: list[Row]) -> str:
    """What the dots are."""
    drawn = sum(len(row.loss) for row in rows)
    points = sum(row.whole("points") for row in rows)
    lost = sum(int((~(np.isfinite(row.loss) & np.isfinite(row.gradient_norm))).sum()) for row in rows)
    low = sum(int(((row.loss < FLOOR) | (row.gradient_norm < FLOOR)).sum()) for row in rows)
    return (
        f"{drawn:,} points drawn at random of the {points:,} visited, from those classified where some are. "
        f"{low:,} with a value below {FLOOR:g} stand at {FLOOR:g}; {lost:,} not finite are left out."
    )


def _dots(row: Row, rule: str, number: int) -> dict:
    own = "" if number == 1 else str(number)
    shades = [[stop, colour] for n, colour in enumerate((GREY, *COLOURS)) for stop in (n / 5, (n + 1) / 5)]
    x, y = (np.maximum(values, FLOOR).astype(np.float32) for values in (row.loss, row.gradient_norm))
    x[~(np.isfinite(x) & np.isfinite(y))] = np.nan
    marker = {"size": DOT, "opacity": 0.6, "color": colours(row, rule), "cmin": -1.5, "cmax": 3.5, "colorscale": shades}
    return {
        "type": "scattergl", "mode": "markers", "x": x, "y": y, "marker": marker,
        "xaxis": f"x{own}", "yaxis": f"y{own}",
    }  # fmt: skip


def _common(rows: list[Row], name: str) -> tuple[float, float]:
    """log₁₀ of both ends of an axis that holds every row."""
    values = np.concatenate([getattr(row, name) for row in rows]).astype(np.float64)
    values = np.maximum(values[np.isfinite(values)], FLOOR)
    return (math.log10(values.min()), math.log10(values.max())) if len(values) else (-1.0, 1.0)


def _axis(ends: tuple[float, float], title: str, outer: bool) -> dict:
    low, high = ends
    room = 0.03 * (high - low)
    return {
        "type": "log", "range": [low - room, high + room], "exponentformat": "power", "nticks": 5, "zeroline": False,
        "showticklabels": outer, "title": {"text": title if outer else "", "standoff": 4},
    }  # fmt: skip


def _head(text: str, x: float) -> dict:
    return {
        "text": text, "showarrow": False, "x": x, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "center",
        "yanchor": "bottom",
    }  # fmt: skip
