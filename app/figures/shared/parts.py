"""What the figures share: the values a view asks for, their common range, tick texts, sentences."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.look.ticks import linear_ticks, log_ticks, number, numbers
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.lines import LineResult
from lossatlas.compute.analyses.morphs import Morph, MorphResult
from lossatlas.compute.analyses.planes.where import STATISTICS, oddities
from lossatlas.compute.analyses.slices import Slice, SliceResult
from lossatlas.compute.analyses.spectra.question import Spectrum
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.problem.nets import Problem

Losses = SliceResult | LineResult | MorphResult  # whose values are heights over a plane or a line
FLATTEST = 0.2  # share of the common height that the flattest column keeps on a linear scale (chosen by eye)
STILL = 1e-3  # a column this much flatter than the tallest counts as constant and sets no range (chosen by eye)
BELOW = 0.5  # decades between the smallest positive value and the shelf where values ≤ 0 are drawn
_ATTRIBUTES = {"total": "loss", "data": "data", "penalty": "penalty", "accuracy": "accuracy"}
_TERMS = {"total": "total loss", "data": "data term", "penalty": "L2 penalty", "accuracy": "accuracy"}
_TITLES = {"total": "loss", "data": "data loss", "penalty": "L2 penalty", "accuracy": "accuracy, %"}


def title(view: View) -> str:
    """The name of the value axis."""
    return _TITLES[view.show]


def quantity(result: Losses, view: View) -> np.ndarray:
    """What a slice or a line shows, in its own units: a loss, or accuracy in percent.

    Infinities become NaN.
    """
    values = np.asarray(getattr(result, _ATTRIBUTES[view.show]), dtype=np.float64)
    return finite(100 * values if view.show == "accuracy" else values)


def finite(values: np.ndarray) -> np.ndarray:
    """Values as float32 draws them: NaN where not finite there, 0 where too small for it."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        kept = np.where(np.isfinite(values.astype(np.float32)), values, np.nan)
    return np.where(np.abs(kept) < np.finfo(np.float32).tiny, 0.0, kept)


def nothing(values: np.ndarray, view: View) -> str:
    """Why there is nothing to draw, as a sentence; empty if there is."""
    if values.size == 0:
        return "Accuracy was not computed on this grid, which takes as long again; switch it on in the slice."
    if np.isnan(values).all():
        if view.show == "accuracy":
            return "There is no accuracy: this part has no patterns with a class."
        return "No value here is finite: every loss is infinite or NaN."
    if view.show == "penalty" and not np.nanmax(np.abs(values)) > 0:
        return "The L2 penalty is 0 everywhere: λ is 0 in this problem."
    if view.logarithmic and not np.nanmax(values) > 0:
        return "No value here is above 0, and a log scale needs one; switch the log scale off."
    return ""


def shelf(values: np.ndarray, view: View, scale: Scale) -> float:
    """log10 of the height where values ≤ 0 are drawn on a log scale; NaN where there is none of them."""
    if not view.logarithmic or not (values <= 0).any():
        return math.nan
    own = math.log10(float(values[values > 0].min())) - BELOW
    return own if scale.low is None else min(own, scale.low)


def raised(values: np.ndarray, view: View, scale: Scale) -> np.ndarray:
    """The values with those ≤ 0 put on the shelf, so that a log axis can hold them."""
    level = shelf(values, view, scale)
    return values if math.isnan(level) else np.where(values <= 0, 10.0**level, values)


def plotted(values: np.ndarray, view: View) -> np.ndarray:
    """Heights as the axis measures them: log10 of positive values on a log scale."""
    return np.log10(values) if view.logarithmic else values


def reach(values: np.ndarray, view: View, scale: Scale) -> tuple[float, float]:
    """Lowest and highest plotted value, the shelf included; NaN where there is nothing to draw."""
    if nothing(values, view):
        return (math.nan, math.nan)
    heights = plotted(raised(values, view, scale), view)
    return float(np.nanmin(heights)), float(np.nanmax(heights))


def span(result: Losses, view: View) -> tuple[float, float]:
    """Lowest and highest plotted value of a slice or a line; `common` makes the range of a row from these."""
    return reach(quantity(result, view), view, Scale())


def window(values: np.ndarray, view: View, scale: Scale) -> tuple[float, float]:
    """The range to draw: the shared one where it is given, else the panel's own; never of zero height."""
    low, high = reach(values, view, scale)
    low = low if scale.low is None else scale.low
    high = high if scale.high is None else scale.high
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-30):
        return low, high
    room = 0.5 if view.logarithmic else max(0.05 * abs(low), 1e-6)
    return low - room, high + room


def common(spans: list[tuple[float, float]], view: View) -> tuple[float, float]:
    """One range for a row of panels, from the span of each.

    On a log scale it holds everything. On a linear one it ends where the flattest column would keep less than
    FLATTEST of the height; higher walls are cut there, and their panels say so.
    """
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    if view.logarithmic or view.show == "accuracy":
        return low, high
    tops = [top for bottom, top in spans if top - bottom > STILL * (high - low)]
    return low, min(high, low + (min(tops, default=high) - low) / FLATTEST)


def hull(spans: list[tuple[float, ...]], view: View) -> tuple[float, float]:
    """One range for a row of panels that holds everything."""
    return min(span[0] for span in spans), max(span[1] for span in spans)


def cut(values: np.ndarray, view: View, scale: Scale) -> str:
    """Says that values beyond the shared range are cut off, and how far they go; empty if none is."""
    bottom, top = reach(values, view, scale)
    low, high = window(values, view, scale)
    slack = 1e-6 * (high - low)
    found = []
    if top > high + slack:
        found.append(f"cut at {number(own_units(high, view))}, reaches {number(own_units(top, view))}")
    if bottom < low - slack:
        found.append(f"cut below {number(own_units(low, view))}, reaches {number(own_units(bottom, view))}")
    return "; ".join(found)


def cut_note(values: np.ndarray, view: View, scale: Scale) -> list[dict]:
    """An annotation in the upper right corner if values are cut off, else none."""
    text = cut(values, view, scale)
    return [corner(text, "cut", "right")] if text else []


def corner(text: str, name: str, side: str) -> dict:
    """An annotation in an upper corner of the panel."""
    return {
        "text": text, "name": name, "showarrow": False, "x": float(side == "right"), "y": 1,
        "xref": "paper", "yref": "paper", "xanchor": side, "yanchor": "top",
    }  # fmt: skip


def at_the_end(texts: list[str], heights: list[float], ends: tuple[float, float], x: float, line: float) -> list[dict]:
    """Names of curves where these end at x, each at its height, pushed apart where they would overlap.

    `line` is the height of a line of text as a share of the axis, which reaches between `ends`.
    """
    places = spread(heights, line * (ends[1] - ends[0]), ends)
    return [
        {"text": text, "name": text, "showarrow": False, "x": x, "y": y, "xanchor": "left", "yanchor": "middle",
         "xshift": 4}
        for text, y in zip(texts, places, strict=True)
    ]  # fmt: skip


def spread(heights: list[float], gap: float, ends: tuple[float, float]) -> list[float]:
    """Heights moved up or down within `ends` until they are `gap` apart, or as far as there is room; in one order."""
    gap = min(gap, (ends[1] - ends[0]) / max(len(heights), 1))
    order = np.argsort(heights, kind="stable")
    steps = gap * np.arange(len(order))
    lifted = np.maximum.accumulate(np.asarray(heights, dtype=np.float64)[order] - steps)  # each at least a gap higher
    room = ends[1] + gap / 2 - gap * len(order)
    placed = np.empty(len(order))
    placed[order] = np.clip(lifted, ends[0] + gap / 2, room) + steps
    return [float(height) for height in placed]


def own_units(height: float, view: View) -> float:
    return 10.0**height if view.logarithmic else height


def value_axis(values: np.ndarray, view: View, scale: Scale, most: int) -> dict:
    """Type, range and ticks of the axis of the values, for two dimensions as for three."""
    low, high = window(values, view, scale)
    room = 0.04 * (high - low)
    ticks = log_ticks(low, high, most) if view.logarithmic else linear_ticks(low, high, most)
    texts = numbers(ticks)
    level = shelf(values, view, scale)
    if not math.isnan(level):
        near = 0.08 * (high - low)
        kept = [i for i, tick in enumerate(ticks) if abs(math.log10(tick) - level) > near]
        ticks, texts = [10.0**level] + [ticks[i] for i in kept], ["≤0"] + [texts[i] for i in kept]
    return {
        "type": "log" if view.logarithmic else "linear", "range": [low - room, high + room],
        "tickmode": "array", "tickvals": ticks, "ticktext": texts,
    }  # fmt: skip


BAR = 38  # px that a colour bar takes above a picture


def colour_bar(low: float, high: float, log: bool, title: str) -> dict:
    """Above a picture, from a lowest to a highest plotted value: log10 where `log`."""
    ticks = log_ticks(low, high, 4) if log else linear_ticks(low, high, 4)
    return {
        "orientation": "h", "x": 0, "xanchor": "left", "xpad": 0, "y": 1, "yanchor": "bottom", "ypad": 2,
        "thickness": 7, "outlinewidth": 0, "ticks": "", "tickfont": {"size": 12},
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "tickmode": "array", "tickvals": [math.log10(t) for t in ticks] if log else ticks, "ticktext": numbers(ticks),
    }  # fmt: skip


def gaps(values: np.ndarray, view: View) -> list[str]:
    """What the picture must admit about its values: gaps, and the shelf of a log scale."""
    found = []
    if holes := int(np.isnan(values).sum()):
        found.append(f"{holes:,} of {values.size:,} values not finite, left as gaps")
    if view.logarithmic and (below := int((values <= 0).sum())):
        found.append(f"{below:,} values ≤ 0 drawn on a shelf below the log scale")
    return found


def direction_kind(result: Losses) -> str:
    """Kind and normalisation of the directions, and their seed where they are drawn at random."""
    where = result.spec.where
    if where.direction.weighted:
        return "weights" if hasattr(result, "v") else "a weight"
    return where.kind


def turned(spec: Slice | Morph | Spectrum) -> str:
    """How far the second direction is turned, as it stands behind the directions' kind."""
    return f", turned {spec.turn:g}°" if spec.turn else ""


def mixed(result: Losses | TrainingResult) -> list[str]:
    """Which two activations are mixed, and how much of each; nothing where there is one."""
    return [result.spec.problem.unit.label] if result.spec.problem.mixed else []


def statistics(result: Losses) -> list[str]:
    """What becomes of BatchNorm's means and variances away from the center; nothing without them."""
    if result.spec.problem.norm != "batch":
        return []
    return [f"BatchNorm statistics {STATISTICS[result.spec.where.statistics]}"]


def warnings(result: Any, view: View) -> list[str]:
    """The result's warnings, but those of lower points only where a loss is drawn."""
    if view.show not in ("penalty", "accuracy"):
        return list(result.warnings)
    lower = [oddities_of(result, shown).get("lower") for shown in ("picture", "window")]
    return [warning for warning in result.warnings if warning not in lower]


def oddities_of(result: object, shown: str = "") -> dict[str, str]:
    """What may mislead about the losses of a slice or a line, as kind -> sentence; nothing of other answers."""
    if not isinstance(result, SliceResult | LineResult):
        return {}
    shown = shown or ("window" if getattr(result.spec, "window", ()) else "picture")
    return oddities(result.spec, result.loss, result.center_loss, shown)


def subject(result: Losses, view: View) -> str:
    """Which quantity, on how many patterns of which part."""
    problem, part = result.spec.problem, result.spec.where.part
    if view.show == "penalty":
        return f"{_TERMS['penalty']}{weighed(problem)}"
    penalised = weighed(problem) if view.show == "total" else ""
    return f"{_TERMS[view.show]}{penalised}, {told_patterns(problem, part)}"


def total_loss(problem: Problem, part: str) -> str:
    """A total loss, with its penalty's weight, and the patterns that it is taken on."""
    return f"total loss{weighed(problem)}, {told_patterns(problem, part)}"


def weighed(problem: Problem) -> str:
    """What stands behind a total loss that has a penalty in it."""
    return f" (λ = {problem.l2:g})" if problem.l2 else ""


def told_patterns(problem: Problem, part: str = "train") -> str:
    """How many patterns a part has, and how many labels among them are not the data set's own."""
    count, name = patterns(problem, part), "training" if part == "train" else "test"
    changed = problem.changed if part == "train" else 0
    things = "labels" if problem.data.classes else "targets"
    return counted(count, f"{name} pattern") + (f", {changed:,} {things} changed" if changed else "")


def ended(result: Any) -> str:
    """Where along a training the last recorded point stands: before its end, if it broke off."""
    last = int(result.step[-1])
    return "at the end" if last == result.spec.start.steps else f"at step {last:,}, the last recorded"


def counted(count: int, thing: str) -> str:
    """1 seed, 2 seeds."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def ranged(values: np.ndarray, what: str) -> str:
    """`what` from its lowest to its highest finite value."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return f"no finite {what}"
    return f"{what} from {number(finite.min())} to {number(finite.max())}"


def with_unit(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def sentence(text: str) -> go.Figure:
    """A panel that has nothing to draw and says why."""
    figure = go.Figure()
    figure.add_annotation(text=wrapped(text), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False}, margin={"l": 12, "r": 12, "t": 0, "b": 0})
    return bare(figure)


def wrapped(text: str, width: int = 40) -> str:
    """Text in lines of about `width` characters, broken by <br>."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def bare(figure: go.Figure) -> go.Figure:
    """Without plotly's default template: the browser puts the theme's own there."""
    return figure.update_layout(template=None)
