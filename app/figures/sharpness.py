"""How far the loss can rise within a radius: along the gradient (SAM) and in Keskar's box; before rescaling too."""

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.sharpness import RiseResult

LOG = View(log=True)  # both axes are logarithmic, whatever the view of the losses is
GREY = "#868e96"  # of the network before rescaling; seen on both grounds
LABELS = 0.95  # decades to the right of the last radius, for the names of the curves
LINE = 0.075  # height of a line of text as a share of the axis, at about 250 px
NARROW = {"0.0001": "10⁻⁴"}  # leaves room for the axis's title
BY_CURVATURE = "½ λmax ρ²"  # what SAM's rise is where the gradient gives no direction
SHOWN = 1e-3  # the radius whose numbers the caption gives (chosen by eye)


@dataclass(frozen=True)
class _Curve:
    """`rises` (K,) of the loss; `told` (K,) in the measure's own unit."""

    name: str
    rises: np.ndarray
    told: np.ndarray
    dash: str
    colour: str
    radius: str
    unit: str = ""
    by: str = ""  # said where the pointer is: what stands in for the measure


def figure(result: RiseResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """Rise of the loss against the radius, both on log scales: SAM solid, Keskar's box dashed, before rescaling grey.

    Keskar's percentages are drawn as the rises that they stand for, so that both have one unit.
    """
    curves = _curves(result, colour)
    values = np.stack([curve.rises for curve in curves])
    if not (values > 0).any():
        return parts.sentence("The loss does not rise within any of the radii, or is infinite or NaN.")
    drawn, axis = go.Figure(), parts.value_axis(values, LOG, scale, 5)
    axis["ticktext"] = [NARROW.get(text, text) for text in axis["ticktext"]]
    for curve in curves:
        drawn.add_scatter(
            x=result.radii.astype(np.float32), y=curve.rises.astype(np.float32), mode="lines+markers", name=curve.name,
            line={"color": curve.colour, "width": 2.4, "dash": curve.dash}, marker={"size": 4}, connectgaps=False,
            customdata=curve.told.astype(np.float32),
            hovertemplate=f"{curve.radius} = %{{x:.3g}} · {curve.name}{curve.by} "
            f"<b>%{{customdata:.3g}}{curve.unit}</b><br>"
            "rise of the loss %{y:.3g}<extra></extra>",
        )  # fmt: skip
    _add_names(drawn, curves, axis["range"])
    low, high = np.log10(result.radii[[0, -1]])
    drawn.update_layout(
        xaxis={
            "title": {"text": "radius: ρ of SAM, ε of Keskar's box"}, "type": "log", "showgrid": False,
            "range": [low - 0.06, high + LABELS], "tickmode": "array", "tickvals": [1e-3, 1e-2, 1e-1, 1.0],
            "ticktext": ["0.001", "0.01", "0.1", "1"],
        },
        yaxis={**axis, "title": {"text": "rise of the loss"}},
        margin={"l": 56, "r": 10, "t": 8, "b": 40},
        showlegend=False,
        uirevision="sharpness",
    )  # fmt: skip
    for note in parts.cut_note(values, LOG, scale):
        drawn.add_annotation(note)
    return parts.bare(drawn)


def span(result: RiseResult, view: View) -> tuple[float, float]:
    """log10 of the lowest and the highest rise; parts.hull makes the range of a row from these."""
    values = np.stack([curve.rises for curve in _curves(result, "")])
    return parts.reach(values, LOG, Scale()) if (values > 0).any() else (math.nan, math.nan)


def caption(result: RiseResult, view: View) -> str:
    """λmax, one sharpness as a number, patterns, number format, and what rescaling left and changed."""
    spec, where = result.spec, int(np.argmin(np.abs(np.log(result.radii / SHOWN))))
    told = [
        *([f"λmax {number(result.largest)}"] if np.isfinite(result.largest) and not len(result.before_sam) else []),
        f"Keskar {number(result.keskar[where])} % at ε = {result.radii[where]:g}",
        parts.total_loss(spec.problem, spec.part),
        result.dtype,
    ]
    if len(result.before_sam):
        told.append(_compared(result))
    if result.sam_by == "curvature" and np.isfinite(result.sam).any():
        told.append(f"the gradient is 0: SAM is {BY_CURVATURE}, to second order")
    if falling := int((result.sam < 0).sum()):
        told.append(f"the loss falls along the gradient at {falling} of {len(result.radii)} radii, left as gaps")
    if level := int((result.sam == 0).sum()):
        told.append(f"no rise along the gradient at {level} of {len(result.radii)} radii, left as gaps")
    return " · ".join(told)


def size(result: RiseResult) -> str:
    """How much was computed."""
    return f"{len(result.radii)} radii"


def words(result: RiseResult, view: View) -> str:
    """Both rises at the smallest and the largest radius, and the largest eigenvalue."""

    def ends(values: np.ndarray, unit: str) -> str:
        return f"{number(float(values[0]))}{unit} to {number(float(values[-1]))}{unit}"

    radii = f"radii from {number(float(result.radii[0]))} to {number(float(result.radii[-1]))}"
    most = f", largest eigenvalue {number(result.largest)}" if math.isfinite(result.largest) else ""
    by = f", {BY_CURVATURE} as the gradient is 0," if result.sam_by == "curvature" else ""
    return (
        f"over {radii} SAM's rise{by} goes from {ends(result.sam, '')}, Keskar's from {ends(result.keskar, ' %')}{most}"
    )


def _compared(result: RiseResult) -> str:
    outputs = f"rescaled by {result.spec.start.rescale:g}: outputs differ by at most {number(result.difference)}"
    if not np.isfinite(result.largest):
        return outputs
    return f"{outputs} while λmax went from {number(result.before_largest)} to {number(result.largest)}"


def _curves(result: RiseResult, colour: str) -> list[_Curve]:
    """The curves before rescaling, where there are any, then those of the network itself; rises ≤ 0 are NaN."""
    found = []
    if len(result.before_sam):
        found += _pair(
            "before, ", result.before_sam, result.before_sam_by, result.before_keskar, result.before_loss, GREY
        )
    return found + _pair("", result.sam, result.sam_by, result.keskar, result.loss, colour)


def _pair(when: str, sam: np.ndarray, by: str, keskar: np.ndarray, loss: float, colour: str) -> list[_Curve]:
    in_box, instead = keskar * (1 + loss) / 100, f" = {BY_CURVATURE}" if by == "curvature" else ""
    return [
        _Curve(f"{when}SAM", _positive(sam), sam, "solid", colour, "ρ", by=instead),
        _Curve(f"{when}Keskar", _positive(in_box), keskar, "dash", colour, "ε", " %"),
    ]


def _positive(values: np.ndarray) -> np.ndarray:
    kept = parts.finite(values)
    return np.where(kept > 0, kept, np.nan)


def _add_names(drawn: go.Figure, curves: list[_Curve], ends: list[float]) -> None:
    """Each curve's name where it ends, in its colour; those before rescaling are all called so."""
    named = [(curve, np.flatnonzero(np.isfinite(curve.rises))) for curve in curves]
    shown = [(curve, math.log10(curve.rises[kept[-1]])) for curve, kept in named if len(kept)]
    texts = ["before" if curve.colour == GREY else curve.name for curve, _ in shown]
    notes = parts.at_the_end(texts, [height for _, height in shown], (ends[0], ends[1]), 0.0, LINE)
    for (curve, _), note in zip(shown, notes, strict=True):
        drawn.add_annotation(note, font={"color": curve.colour})
