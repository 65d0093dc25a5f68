"""Colours and type: templates for both themes, palettes of the surfaces, one hue per activation."""

import functools
from typing import Any
from urllib.parse import quote

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.colors import get_colorscale, sample_colorscale

from lossatlas.app.look.templating import render
from lossatlas.app.look.ticks import numbers
from lossatlas.compute.problem.activations import ACTIVATIONS, Activation
from lossatlas.compute.problem.nets import Problem

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
CAMERA = {  # high enough to look into a valley; the start of a trajectory lies at the back (chosen by eye)
    "eye": {"x": -1.12, "y": -1.62, "z": 1.75},
    "center": {"x": 0.0, "y": 0.0, "z": -0.13},
    "up": {"x": 0, "y": 0, "z": 1},
}

# Perceptually uniform, lightness rising from the valley up: Nuñez et al. 2018 (cividis), van der Walt & Smith
# 2015 (viridis, magma), Thyng et al. 2016 (the others, cmocean).
PALETTES = {
    "haline": "haline, blue to yellow",
    "cividis": "cividis, navy to yellow",
    "viridis": "viridis, violet to yellow",
    "thermal": "thermal, navy to yellow",
    "deep": "deep, plum to cream",
    "dense": "dense, plum to ice",
    "matter": "matter, wine to sand",
    "magma": "magma, black to cream",
    "ice": "ice, black to ice",
}
TINTS = 32  # colours of a palette where values are drawn by steps
_LIGHT_FIRST = {"deep", "dense", "matter"}  # carried from light to dark: turned round

# Eight hues, found by search: contrast of at least 3 : 1 on white and on #242424, and the largest distance
# between any two in CIE Lab as seen with deuteranopia and protanopia (Machado et al. 2009).
HUES = ("#00a860", "#b880b8", "#2868f8", "#d82830", "#1898f8", "#e07800", "#b830b8", "#388070")


def colour_scale(palette: str) -> list[list]:
    """[[position in 0..1, colour], …] from the lowest value to the highest."""
    return [list(stop) for stop in get_colorscale(f"{palette}_r" if palette in _LIGHT_FIRST else palette)]


def tints(palette: str) -> list[str]:
    """TINTS colours of a palette from the lowest value to the highest, each as rgb(r, g, b)."""
    return sample_colorscale(colour_scale(palette), TINTS)


def gradient(palette: str) -> str:
    """A palette as CSS, from left to right."""
    stops = ", ".join(f"{colour} {100 * place:.4g}%" for place, colour in colour_scale(palette))
    return f"linear-gradient(to right, {stops})"


def hue(name: str, taken: tuple[str, ...] = ()) -> str:
    """An activation's colour: its own by its place in ACTIVATIONS, or the next one not taken."""
    names = list(ACTIVATIONS)
    first = names.index(name) if name in names else 0
    turned = [HUES[(first + step) % len(HUES)] for step in range(len(HUES))]
    return next((colour for colour in turned if colour not in taken), turned[0])


def hues(names: tuple[str, ...]) -> dict[str, str]:
    """Colours of the activations on one page: each its own if no earlier one has it, else the next free."""
    found: dict[str, str] = {}
    for name in names:
        if hue(name) not in found.values():
            found[name] = hue(name)
    for name in names:
        if name not in found:
            found[name] = hue(name, tuple(found.values()))
    return {name: found[name] for name in names}


def colour_bar(low: float, high: float, view: Any, palette: str = "") -> dict:
    """The page's one colour bar: a CSS gradient, ticks as (position in percent, text), and what it measures.

    `low` and `high` are plotted values: log10 where the view is logarithmic. `palette` is another than the view's.
    """
    ends = (low, (low + high) / 2, high)
    texts = numbers([10**value if view.logarithmic else value for value in ends])
    unit = " %" if view.show == "accuracy" else ""
    return {
        "gradient": gradient(palette or view.palette),
        "ticks": [(place, text + unit) for place, text in zip((0, 50, 100), texts, strict=True)],
    }


@functools.lru_cache(200)  # activations in the colours that a column may have
def curve(name: str, colour: str, parameter: float | None = None, unit: Activation | None = None) -> str:
    """The activation on [−3, 3] as a data: URI of a 54×34 SVG, both axes in one unit.

    `parameter` is its α, slope or β; None takes the default. `unit` is drawn in its place where it is mixed.
    """
    problem = Problem(activation=name)
    z = torch.linspace(-3, 3, 145, dtype=torch.float64)
    y = (unit or ACTIVATIONS[name]).function(z, problem.parameter_value if parameter is None else parameter)
    across, down = 27 + 9 * z.numpy(), 17 - 9 * np.clip(y.numpy(), -4, 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return f"data:image/svg+xml,{quote(render('curve.svg', points=points, colour=colour))}"


def _template(text: str, quiet: str, grid: str, ground: str, scene_grid: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid, "linecolor": grid, "zeroline": False, "ticks": "", "automargin": False,
        "tickfont": {"size": 12, "color": quiet},
        "title": {"font": {"size": 12, "color": quiet}, "standoff": 6},
    }  # fmt: skip
    scene_axis = {
        "showbackground": False, "gridcolor": scene_grid, "zeroline": False, "linecolor": scene_grid,
        "showspikes": False, "tickfont": {"size": 12, "color": quiet},
        "title": {"font": {"size": 13, "color": text}},
    }  # fmt: skip
    label = {"bgcolor": ground, "bordercolor": grid, "font": {"family": FONT, "size": 13, "color": text}}
    clear = "rgba(0,0,0,0)"
    layout = {
        "paper_bgcolor": clear, "plot_bgcolor": clear, "font": {"family": FONT, "size": 13, "color": text},
        "xaxis": axis, "yaxis": axis, "hoverlabel": label,
        "scene": {"bgcolor": clear, "xaxis": scene_axis, "yaxis": scene_axis, "zaxis": scene_axis},
        "legend": {"bgcolor": clear, "font": {"size": 12, "color": text}},
        "annotationdefaults": {"font": {"size": 12, "color": quiet}},
        "shapedefaults": {"line": {"color": quiet}},
    }  # fmt: skip
    return go.layout.Template(layout=layout)


TEMPLATES = {
    "light": _template("#1a1b1e", "#495057", "#dee2e6", "#ffffff", "#ced4da"),
    "dark": _template("#e9ecef", "#b4bac2", "#3b3d42", "#1a1b1e", "#404349"),
}
