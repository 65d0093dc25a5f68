"""An axis for values of both signs over many decades: linear around 0 and logarithmic beyond. Plotly has none."""

import math
from dataclasses import dataclass

import numpy as np

from lossatlas.app.look.ticks import raised

DECADES = 5  # that an axis shows of the largest value before it becomes linear (chosen by eye)
_LEAST = 1e-290  # a largest value below this counts as 0


@dataclass(frozen=True)
class Symlog:
    """Heights sign(x) log10(1 + |x| / threshold): 0 stays 0, and far out a decade is 1.

    The slope at 0 is log10(e) / threshold, so that values well within ±threshold are drawn in proportion.
    """

    threshold: float

    def heights(self, values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.log1p(np.abs(values) / self.threshold) / math.log(10)

    def values(self, heights: np.ndarray) -> np.ndarray:
        """The inverse of `heights`."""
        return np.sign(heights) * self.threshold * np.expm1(np.abs(heights) * math.log(10))

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """0 and powers of ten of both signs within [low, high], which holds 0: `most` in all, at least 3, evenly apart
        but for those near 0.
        """
        bottom, top = (float(end) for end in self.heights(np.array([low, high])))
        gap, largest = (top - bottom) / (2 * most), max(abs(low), abs(high))
        if largest < self.threshold:
            return [0.0]
        first = math.floor(math.log10(largest) + 1e-9)
        last = math.floor(math.log10(self.threshold) + 1e-9)
        for stride in range(max(1, math.ceil(gap)), first - last + 2):
            sizes = [size for power in range(first, last - 1, -stride) if self._height(size := 10.0**power) > gap]
            found = [value for size in sizes for value in (-size, size) if low <= value <= high]
            if len(found) < most:
                break
        return sorted([0.0, *found])

    def _height(self, value: float) -> float:
        return math.log10(1 + value / self.threshold)

    def axis(self, low: float, high: float, most: int) -> dict:
        """Range and ticks of a plotly axis from `low` to `high` and 0, in heights, with a little room."""
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = -self.threshold, self.threshold
        bottom, top = (float(end) for end in self.heights(np.array([low, high])))
        room, ticks = 0.04 * (top - bottom), self.ticks(low, high, most)
        return {
            "range": [bottom - room, top + room], "tickmode": "array", "ticktext": [_text(tick) for tick in ticks],
            "tickvals": [float(height) for height in self.heights(np.array(ticks))],
        }  # fmt: skip

    @property
    def note(self) -> str:
        """Where the axis is linear, for its title."""
        return f"linear within ±{_text(self.threshold)}"


def _text(value: float) -> str:
    """0, or a power of ten with its sign, in few characters."""
    if 0 < abs(value) < 0.01 or abs(value) >= 1000:
        return "-" * (value < 0) + f"10{raised(round(math.log10(abs(value))))}"
    return f"{value:g}"


def symlog(low: float, high: float, decades: int = DECADES) -> Symlog:
    """Linear within a power of ten, so many decades below the largest of the values from `low` to `high`."""
    largest = max(abs(low), abs(high))
    return Symlog(10.0 ** (math.floor(math.log10(largest)) - decades) if largest > _LEAST else 1.0)
