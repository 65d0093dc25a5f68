"""HEADS: the five numbers at a column's head, by the panel whose answer they come from."""

import math
from collections.abc import Callable

import numpy as np

from lossatlas.app.figures import cloud
from lossatlas.app.look.ticks import number

PARTS = {"hessian": "", "gauss_newton": " of G", "residual": " of R"}


def digits(value: float, count: int = 3) -> str:
    """So many digits; a dash where there is no number."""
    return number(value, count) if math.isfinite(value) else "–"


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
    """The curvature at the point, ◆ where that is not the center, of the matrix chosen; λ ≈ 0 is the share of
    eigenvalues that count as zero.
    """
    part = PARTS[result.spec.matrix]
    error = f" ± {digits(result.trace_error, 2)}" if result.trace_error else ""
    rough = "" if len(result.eigenvalues) else "≈ "
    return [
        (f"loss{' at ◆' if result.spec.at else ''}", digits(result.loss)),
        (f"λ max{part}", _beyond(float(result.largest[0]), result.cut)),
        (f"λ min{part}", _beyond(float(result.smallest[0]), result.cut)),
        (f"trace{part}", digits(result.trace) + error),
        (f"λ ≈ 0{part}", rough + percent(float(result.counts[1]) / result.parameters)),
    ]


def _beyond(value: float, cut: float) -> str:
    """An eigenvalue, or that it counts as zero."""
    return digits(value) if abs(value) > cut else "≈ 0"


def of_morph(result) -> list[tuple[str, str]]:
    """Where the trainings at both ends came to, and the best of all frames."""
    rows = [
        (f"{name} at {number(result.values[k])}", digits(values[k]))
        for name, values in (("train", result.train_loss), ("test", result.test_loss))
        for k in (0, -1)
    ]
    if not np.isfinite(result.train_loss).any():
        return rows
    lowest = int(np.nanargmin(result.train_loss))
    return [*rows, ("lowest train at", result.spec.told(lowest))]


HEADS: dict[str, Callable[..., list[tuple[str, str]]]] = {
    "training": of_training,
    "spectrum": of_spectrum,
    "cloud": cloud.head,
    "morph": of_morph,
}
