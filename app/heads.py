"""HEADS: the five numbers at a column's head, by the panel whose answer they come from."""

import math
from collections.abc import Callable

import numpy as np


def digits(value: float, count: int = 3) -> str:
    """So many digits; a dash where there is no number."""
    if not math.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 10**count:
        return f"{value:.{count}g}"
    if 10**count <= abs(value) < 1e5:
        return f"{value:.0f}"
    return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def of_training(result) -> list[tuple[str, str]]:
    """Where the training ended."""

    def last(values: np.ndarray) -> float:
        return float(values[-1]) if len(values) else math.nan

    return [
        ("train loss", digits(last(result.train_loss))),
        ("test loss", digits(last(result.test_loss))),
        ("train acc.", percent(last(result.train_accuracy))),
        ("test acc.", percent(last(result.test_accuracy))),
        ("grad. norm", digits(last(result.gradient_norm))),
    ]


def of_spectrum(result) -> list[tuple[str, str]]:
    """The curvature at the point; λ ≈ 0 is the share of eigenvalues that count as zero."""
    error = f" ± {digits(result.trace_error, 2)}" if result.trace_error else ""
    return [
        ("loss", digits(result.loss)),
        ("λ max", digits(float(result.largest[0]))),
        ("λ min", digits(float(result.smallest[0]))),
        ("trace", digits(result.trace) + error),
        ("λ ≈ 0", ("" if len(result.eigenvalues) else "≈ ") + percent(float(result.counts[1]) / result.parameters)),
    ]


HEADS: dict[str, Callable[..., list[tuple[str, str]]]] = {"training": of_training, "spectrum": of_spectrum}
