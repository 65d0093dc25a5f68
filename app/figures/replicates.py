"""Saturation against flatness over seeds: a dot for each, and how the two go together."""

import math

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.oddities import Oddity, training_of
from lossatlas.app.look.ticks import linear_ticks, log_ticks, number, numbers
from lossatlas.app.look.view import FLATNESS, Scale, View
from lossatlas.compute.analyses.replicates import ReplicatesResult
from lossatlas.compute.numerics.activity import FLAT, MEASURES, UNMEASURED
from lossatlas.compute.numerics.intervals import correlation
from lossatlas.compute.numerics.paths.advice import smaller_weights

TITLES = {
    "largest": "λmax",
    "trace": "trace",
    "sam": "SAM's ascent",
    "keskar": "Keskar's box",
    "test_loss": "test loss",
}
FACTS = (
    ("train_loss", "training loss"),
    ("test_loss", "test loss"),
    ("train_accuracy", "training accuracy"),
    ("test_accuracy", "test accuracy"),
    ("gradient_norm", "gradient norm"),
    ("largest", "λmax"),
    ("smallest", "λmin"),
    ("trace", "trace"),
    ("effective_rank", "effective rank"),
    ("keskar", "Keskar's box"),
    ("sam", "SAM's ascent"),
    ("saturation", "saturation"),
    ("flat", f"|f′| < {FLAT:g}"),
    ("dead", "dead units"),
)


FEWEST = 3  # seeds of a correlation: two points always lie on a line


def figure(result: ReplicatesResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """A dot a seed, the page's own ringed; a log axis unless a value of the row is 0 or below."""
    if why := _nothing(result, view):
        return parts.sentence(why)
    x, y = _across(result), _up(result, view)
    low, high = span(result, view)
    low, high = low if scale.low is None else scale.low, high if scale.high is None else scale.high
    layout = {
        "xaxis": {"title": {"text": _measure(result)}, "range": [-0.03, 1.03], "tickmode": "array",
                  "tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "0.25", "0.5", "0.75", "1"]},
        "yaxis": _axis(low, high, TITLES[view.against]),
        "annotations": [_note(x, y, TITLES[view.against], low > 0)],
        "margin": {"l": 68, "r": 10, "t": 8, "b": 40}, "showlegend": False, "uirevision": f"seeds {view.against}",
    }  # fmt: skip
    return parts.bare(go.Figure({"data": _dots(result, x, y, colour), "layout": layout}))


def span(result: ReplicatesResult, view: View) -> tuple[float, float]:
    """Lowest and highest of what stands for flatness."""
    if _nothing(result, view):
        return (math.nan, math.nan)
    values = _up(result, view)[_both(result, view)]
    return float(values.min()), float(values.max())


def caption(result: ReplicatesResult, view: View) -> str:
    """What is drawn against what, over how many seeds, and which are missing."""
    seeds = result.seed
    if _nothing(result, view):
        return ""
    missing = len(seeds) - int(_both(result, view).sum())
    return " · ".join(
        [
            f"{_measure(result)}, mean over all hidden units, against {FLATNESS[view.against]}{_within(result, view)}",
            f"seeds {seeds.min()} to {seeds.max()}, {seeds[0]} ringed" if len(seeds) > 1 else f"seed {seeds[0]}",
            *([f"curvature {result.method}, P = {result.parameters:,}"] if np.isfinite(result.largest).any() else []),
            result.dtype,
            *([f"{missing} of {len(seeds)} seeds not finite, left out"] if missing else []),
        ]
    )


def _within(result: ReplicatesResult, view: View) -> str:
    """The radius of a measure that has one."""
    radii = {"keskar": f", ε = {result.spec.epsilon:g}", "sam": f", ρ = {result.spec.rho:g}"}
    return radii.get(view.against, "")


def size(result: ReplicatesResult) -> str:
    """How much was computed."""
    return parts.counted(len(result.seed), "seed")


def words(result: ReplicatesResult, view: View) -> str:
    """How many seeds, and the two quantities that are drawn."""
    against = getattr(result, view.against)
    return (
        f"{parts.counted(len(result.seed), 'seed')}, {parts.ranged(result.saturation, 'saturation')}, "
        f"{parts.ranged(against, FLATNESS[view.against])}, {parts.ranged(result.train_loss, 'training loss')}"
    )


def _nothing(result: ReplicatesResult, view: View) -> str:
    if _both(result, view).any():
        return ""
    if not np.isfinite(result.train_loss).any():
        return f"Every training diverged. {smaller_weights(training_of(result))}"
    if not np.isfinite(_across(result)).any():
        return "There is no saturation to draw: this network has no hidden units. Choose widths, as 4."
    if view.against == "test_loss":
        return "There is no test loss: this data set has no test patterns here. Choose another measure of flatness."
    return f"No seed has a finite {FLATNESS[view.against]}. Choose another measure of flatness."


def _across(result: ReplicatesResult) -> np.ndarray:
    """(R,) saturation, or the share of flat slopes for an activation that has no measure."""
    return result.flat if result.measure in UNMEASURED else result.saturation


def _up(result: ReplicatesResult, view: View) -> np.ndarray:
    return np.asarray(getattr(result, view.against), dtype=np.float64)


def _both(result: ReplicatesResult, view: View) -> np.ndarray:
    return np.isfinite(_across(result)) & np.isfinite(_up(result, view))


def _measure(result: ReplicatesResult) -> str:
    unmeasured = result.measure in UNMEASURED
    return f"share of |f′| < {FLAT:g}" if unmeasured else f"saturation: {MEASURES[result.measure].label}"


def _axis(low: float, high: float, title: str) -> dict:
    """Log where all values of the row are positive, else linear; the title says which."""
    if low > 0:
        bottom, top = math.log10(low), math.log10(high)
        room = max(0.08 * (top - bottom), 0.1)
        bottom, top = bottom - room, top + 3 * room
        ticks, kind = log_ticks(bottom, top, 5), "log"
    else:
        room = 0.08 * (high - low) or 0.5
        bottom, top = low - room, high + 3 * room
        ticks, kind = linear_ticks(bottom, top, 5), "linear"
    return {
        "type": kind, "range": [bottom, top], "title": {"text": f"{title}, {kind} scale"},
        "tickmode": "array", "tickvals": ticks, "ticktext": numbers(ticks),
    }  # fmt: skip


def _note(x: np.ndarray, y: np.ndarray, name: str, logarithmic: bool) -> dict:
    """Pearson's r with its interval, in a corner."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = correlation(x, np.log10(y) if logarithmic else y)
    with_what = f" with log {name}" if logarithmic else ""
    if found.count < FEWEST:
        text = "too few seeds for a correlation"
    elif math.isnan(found.r):
        text = "no correlation: one of the two is constant"
    elif math.isnan(found.low):
        text = f"r = {found.r:.2f}{with_what}<br>{found.count} seeds: too few for an interval"
    else:
        text = f"r = {found.r:.2f}{with_what}<br>95 % interval [{found.low:.2f}, {found.high:.2f}], n = {found.count}"
    return {**parts.corner(text.replace("-", "−"), "correlation", "right"), "align": "right"}


def _dots(result: ReplicatesResult, x: np.ndarray, y: np.ndarray, colour: str) -> list[dict]:
    dots = {
        "type": "scatter", "mode": "markers", "name": "seeds", "x": x.astype(np.float32), "y": y.astype(np.float32),
        "marker": {"size": 8, "color": colour, "opacity": 0.75}, "text": _told(result),
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    own = {
        "type": "scatter", "mode": "markers", "name": "own seed", "x": x[:1].astype(np.float32),
        "y": y[:1].astype(np.float32), "hoverinfo": "skip",
        "marker": {"symbol": "circle-open", "size": 15, "color": colour, "line": {"width": 2, "color": colour}},
    }  # fmt: skip
    return [dots, own]


def _told(result: ReplicatesResult) -> list[str]:
    """All numbers of each seed."""
    columns = [(label, getattr(result, name)) for name, label in FACTS]
    return [
        "<br>".join([f"<b>seed {seed}</b>", *(f"{label} {number(values[place])}" for label, values in columns)])
        for place, seed in enumerate(result.seed)
    ]


# ---------------------------------------------------------------------------------------------- what may look odd


LOST = Oddity(
    "lost",
    "Seeds are missing",
    "Their training diverged, so that there is no end to measure; means are over the others.",
    lambda result: smaller_weights(training_of(result)),
    lambda result, view, scale: bool(np.isnan(result.train_loss).any()),
)
ODD = (LOST,)
