"""MEASURES: the numbers of an answer that a lesson's facts speak of, as a literal table."""

from collections.abc import Callable
from typing import Any

MEASURES: dict[str, Callable[[Any], float]] = {
    "center_loss": lambda result: float(result.center_loss),
    "final_loss": lambda result: float(result.train_loss[-1]),
}
