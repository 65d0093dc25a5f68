"""When a fast way counts as right: the rule by which every compiled or eager path is held against the plain one."""

from dataclasses import replace

import numpy as np

from lossatlas.compute.numerics.loss import Loss, Part

ALLOWED = 2.0  # times the plain way's own error
FLOOR = {"float32": 4.0, "float64": 64.0}  # units in the last place that any order of sums may cost


def excess(mine: np.ndarray, plain: np.ndarray, exact: np.ndarray, dtype: str) -> float:
    """The largest error as a multiple of what is allowed; infinite where one of two is finite and the other not.

    In float32 a value may err by twice the plain way's largest error against float64, in float64 by rounding alone.
    """
    if not (np.isfinite(mine) == np.isfinite(plain)).all():
        return np.inf
    finite = np.isfinite(exact) & np.isfinite(plain)  # float32 overflows where float64 does not
    if not finite.any():
        return 0.0
    floor = FLOOR[dtype] * np.finfo(dtype).eps * np.abs(exact[finite]).max()
    allowed = ALLOWED * np.abs(plain - exact)[finite].max() + floor
    return float(np.abs(mine - exact)[finite].max() / allowed)


def in_double(loss: Loss) -> Loss:
    """The same loss on the same patterns in float64."""
    parts = {name: Part(part.x.double(), part.y.double(), part.labels) for name, part in loss.parts.items()}
    return replace(loss, problem=replace(loss.problem, dtype="float64"), parts=parts)
