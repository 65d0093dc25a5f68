"""The plane that the slices are timed on."""

import numpy as np

from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem

EXTENT = 0.5  # half width, in lengths of the center


def plane(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """A corner (P,) of the plane and its two sides (2, P), each a float32 vector."""
    center = initial(problem, 0, "auto", 1.0)
    sides = np.random.default_rng(0).standard_normal((2, len(center)))
    sides *= 2 * EXTENT * np.linalg.norm(center) / np.linalg.norm(sides, axis=1, keepdims=True)
    corner = (center - sides.sum(0) / 2).astype(np.float32)
    ends = (corner + sides).astype(np.float32)
    return corner.astype(float), ends.astype(float) - corner
