"""The points of a loss-gradient cloud as a view has them: where they lie, what their colours stand for, and what those
in a box are.

Both axes are plotted as log10 on linear axes, which dots, counts and bars then share, or as they are.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import linear_ticks, log_ticks, numbers, raised
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.analyses.summaries import spread
from lossatlas.compute.numerics.classes import AUTHORS, NAMES, RULES, UNKNOWN
from lossatlas.compute.numerics.intervals import Share, share_of
from lossatlas.compute.spec.results import once

DOTS = 40_000  # points up to which each has a dot; a pan then takes 0.2 s where WebGL runs in software
FLOOR = 1e-9  # values below this are drawn with those of 0 on a log scale (chosen by eye)
BELOW = 0.5  # decades between the smallest value above FLOOR and the shelf
NAMED = ("lowest gradient", "middle", "highest gradient")  # points of a brushed box
UNIT = ("saturation", "accuracy")  # their colours always reach from 0 to 1


@dataclass(frozen=True)
class Axis:
    """Own units to plotted ones: log10 with what is below FLOOR on a shelf, or as they are.

    `low` and `high` are the ends in plotted units; `shelf` is NaN where nothing lies on it.
    """

    log: bool
    low: float
    high: float
    shelf: float
    exact: bool  # everything on the shelf is exactly 0

    def plotted(self, values: np.ndarray) -> np.ndarray:
        if not self.log:
            return values
        return np.where(values < FLOOR, self.shelf, np.log10(np.maximum(values, FLOOR)))

    @property
    def range(self) -> tuple[float, float]:
        """The ends with a little room."""
        room = 0.04 * (self.high - self.low)
        return self.low - room, self.high + room

    def layout(self, title: str, most: int) -> dict:
        ticks = log_ticks(self.low, self.high, most) if self.log else linear_ticks(self.low, self.high, most)
        places = [math.log10(tick) for tick in ticks if tick > 0] if self.log else ticks
        texts = decades([tick for tick in ticks if tick > 0]) if self.log else numbers(ticks)
        if self.log and self.shelf >= self.range[0]:
            near = 0.09 * (self.high - self.low)
            kept = [i for i, place in enumerate(places) if abs(place - self.shelf) > near]
            name = "0" if self.exact else f"<{decades([FLOOR])[0]}"
            places, texts = [self.shelf, *(places[i] for i in kept)], [name, *(texts[i] for i in kept)]
        return {
            "title": {"text": title}, "range": list(self.range), "tickmode": "array", "tickvals": places,
            "ticktext": texts, "tickangle": 0, "zeroline": False,
        }  # fmt: skip


def decades(values: list[float]) -> list[str]:
    """Powers of ten as such where they are small or large, in few characters."""
    texts = numbers(values)
    powers = [round(math.log10(value)) for value in values]
    return [
        f"10{raised(power)}" if abs(power) > 2 and math.isclose(value, 10.0**power) else text
        for value, power, text in zip(values, powers, texts, strict=True)
    ]


@dataclass(frozen=True)
class Points:
    """The points (N,) of a result that have a finite loss and gradient norm, and how a view has them.

    `walk`, `step` are places in the result's arrays.
    """

    result: CloudResult
    view: View
    scale: Scale

    @cached_property
    def place(self) -> np.ndarray:
        """(N,) of the points in the flattened result, in an order that favours no walk."""
        return _order(self.result)

    def of(self, name: str) -> np.ndarray:
        """A measured quantity (N,)."""
        return parts.finite(getattr(self.result, name).ravel()[self.place]).astype(np.float64)

    @cached_property
    def walk(self) -> np.ndarray:
        return self.place // self.result.loss.shape[1]

    @cached_property
    def step(self) -> np.ndarray:
        return self.place % self.result.loss.shape[1]

    @cached_property
    def kind(self) -> np.ndarray:
        """Class of each point, UNKNOWN where it is not classified."""
        return classes(self.result, self.view).ravel()[self.place]

    @cached_property
    def x(self) -> np.ndarray:
        return self.across.plotted(self.of("loss"))

    @cached_property
    def y(self) -> np.ndarray:
        return self.up.plotted(self.of("gradient_norm"))

    @cached_property
    def across(self) -> Axis:
        return _axis(self.of("loss"), self.view.log, self.scale.left, self.scale.right)

    @cached_property
    def up(self) -> Axis:
        return _axis(self.of("gradient_norm"), self.view.log, self.scale.low, self.scale.high)

    @cached_property
    def inside(self) -> np.ndarray:
        """(n,) the points within both ranges."""
        (left, right), (low, high) = self.across.range, self.up.range
        return np.flatnonzero((left <= self.x) & (self.x <= right) & (low <= self.y) & (self.y <= high))

    @property
    def counted(self) -> bool:
        """Whether points are counted in cells: too many for dots, or in more pictures than a browser draws by WebGL."""
        return len(self.inside) > DOTS or self.view.multiples

    @cached_property
    def tint(self) -> np.ndarray:
        """(N,) what a continuous colour stands for, as plotted; NaN where there is none."""
        if self.view.tint == "step":
            return self.step.astype(np.float64)
        if self.view.tint == "walk":
            return self.result.number[self.walk].astype(np.float64)
        values = self.of(self.view.tint)
        return np.log10(np.maximum(values, FLOOR)) if log_tint(self.view) else values

    @property
    def colours(self) -> tuple[float, float]:
        """Lowest and highest value of the colours."""
        low, high = tint_span(self.result, self.view)
        low = low if self.scale.tint_low is None else self.scale.tint_low
        high = high if self.scale.tint_high is None else self.scale.tint_high
        return (low, high) if high > low else (low - 0.5, high + 0.5)


@once
def _order(result: CloudResult) -> np.ndarray:
    loss, norm = (parts.finite(getattr(result, name).ravel()) for name in ("loss", "gradient_norm"))
    found = np.flatnonzero(np.isfinite(loss) & np.isfinite(norm))
    return found[np.random.default_rng(0).permutation(len(found))]


def _axis(values: np.ndarray, log: bool, low: float | None, high: float | None) -> Axis:
    bottom, top = reach(values, log)
    shelved = values[values < FLOOR] if log else values[:0]
    bottom, top = bottom if low is None else low, top if high is None else high
    shelf = min(_shelf(values), bottom) if len(shelved) else math.nan
    if not top - bottom > 1e-9 * max(abs(bottom), abs(top), 1e-30):
        bottom, top = bottom - 0.5, top + 0.5
    return Axis(log, bottom, top, shelf, not shelved.any())


def _shelf(values: np.ndarray) -> float:
    return math.log10(float(values[values >= FLOOR].min(initial=1.0))) - BELOW


def reach(values: np.ndarray, log: bool) -> tuple[float, float]:
    """Ends of the values in plotted units: the shelf included on a log scale, 0 on a linear one."""
    if not log:
        return min(0.0, float(values.min())), float(values.max())
    kept = values[values >= FLOOR]
    low = _shelf(values) if len(kept) < len(values) else math.log10(float(kept.min()))
    return low, math.log10(float(kept.max())) if len(kept) else low + 1.0


def classes(result: CloudResult, view: View) -> np.ndarray:
    """(W, S) int8, UNKNOWN where not classified."""
    found = np.full(result.loss.shape, UNKNOWN, np.int8)
    np.put_along_axis(found, result.looked, result.classes(view.rule, tolerance(view)), 1)
    return found


def tolerance(view: View) -> float:
    return RULES[view.rule].tolerance if view.tolerance == "auto" else float(view.tolerance)


def rounded(result: CloudResult, view: View) -> dict[str, tuple[float, float]]:
    """Least and largest share of each class by order of weights and solver; empty where rounding decides no class."""
    return spread(result) if view.rule == AUTHORS and not tolerance(view) and result.looked.size else {}


def log_tint(view: View) -> bool:
    return view.log and view.tint == "test_loss"


def tint_span(result: CloudResult, view: View) -> tuple[float, float]:
    """Ends of the colours in plotted units; 0 and 0 where there is no value."""
    if view.tint in ("class", *UNIT):
        return 0.0, 1.0
    if view.tint == "step":
        return 0.0, float(result.loss.shape[1] - 1)
    if view.tint == "walk":
        return float(result.number[0]), float(result.number[-1])
    values = parts.finite(result.test_loss)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    return (math.log10(max(low, FLOOR)), math.log10(max(high, FLOOR))) if log_tint(view) else (min(low, 0.0), high)


def selected(result: CloudResult, view: View, scale: Scale, box: tuple[float, float, float, float]) -> dict:
    """What the points of a brushed box are: left, right, low, high in plotted units, as drawn under this scale.

    `points` of `walks` (their numbers); `classified` of them and the `shares` of classes with intervals over walks;
    means of the finite `saturation` and `test_loss`, NaN without any; `steps`, the first and the last; `named`, the
    points of NAMED as {name, walk, step, x, y}. `steps` and `named` are empty without points.
    """
    cloud = Points(result, view, scale)
    left, right, low, high = box
    kept = np.flatnonzero((left <= cloud.x) & (cloud.x <= right) & (low <= cloud.y) & (cloud.y <= high))
    walk, step, kind = cloud.walk[kept], cloud.step[kept], cloud.kind[kept]
    found = {
        "points": len(kept),
        "walks": result.number[np.unique(walk)],
        "classified": int((kind != UNKNOWN).sum()),
        "shares": _shares(walk, kind, len(result.loss)),
        "saturation": _finite_mean(cloud.of("saturation")[kept]),
        "test_loss": _finite_mean(cloud.of("test_loss")[kept]),
    }
    if not len(kept):
        return found | {"steps": (), "named": []}
    away = (cloud.x[kept] - (left + right) / 2) ** 2 / max(right - left, 1e-30) ** 2
    away += (cloud.y[kept] - (low + high) / 2) ** 2 / max(high - low, 1e-30) ** 2
    norm = cloud.of("gradient_norm")[kept]
    chosen = [int(np.lexsort((step, walk, worst))[0]) for worst in (norm, away, -norm)]  # the first of equals
    return found | {
        "steps": (int(step.min()), int(step.max())),
        "named": [
            {"name": name, "walk": int(result.number[walk[one]]), "step": int(step[one]),
             "x": float(cloud.x[kept[one]]), "y": float(cloud.y[kept[one]])}
            for name, one in zip(NAMED, chosen, strict=True)
        ],
    }  # fmt: skip


def _shares(walk: np.ndarray, kind: np.ndarray, walks: int) -> dict[str, Share]:
    counts = np.bincount(walk[kind != UNKNOWN], minlength=walks)
    return {name: share_of(np.bincount(walk[kind == code], minlength=walks), counts) for code, name in enumerate(NAMES)}


def _finite_mean(values: np.ndarray) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean(dtype=np.float64)) if len(kept) else math.nan
