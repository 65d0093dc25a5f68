"""Directions in parameter space: Gaussian, filter-normalised, trajectory, and single weights. All float64, (P,)."""

import numpy as np

from compute.nets import offsets
from compute.tasks import CannotAnswer

Shapes = tuple[tuple[int, ...], ...]


def gaussian(count: int, seed: int, which: int) -> np.ndarray:
    """Independent N(0, 1) coordinates; `which` numbers the directions of one seed."""
    return np.random.default_rng([seed, which]).standard_normal(count)


def filter_normalised(direction: np.ndarray, center: np.ndarray, shapes: Shapes) -> np.ndarray:
    """Each unit's incoming weights scaled to the norm of the center's own; biases 0 (Li et al. 2018, section 4)."""
    result, cuts = np.zeros_like(direction), offsets(shapes)
    for begin, end, shape in zip(cuts, cuts[1:], shapes, strict=False):
        if len(shape) > 1:
            rows, own = direction[begin:end].reshape(shape), center[begin:end].reshape(shape)
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            scale = np.linalg.norm(own, axis=1, keepdims=True) / np.where(norms > 0, norms, 1.0)
            result[begin:end] = (rows * scale).ravel()
    return result


def orthogonal(direction: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The direction less its part along `to`."""
    along = to @ to
    return direction - (direction @ to / along) * to if along > 0 else direction


def trajectory_pca(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two principal unit directions (2, P) of θ_i − θ_end over a trajectory (T, P), and their shares (2,) of the
    variance about θ_end (Li et al. 2018, section 7, which takes differences from the end without centring them).

    Raises:
        CannotAnswer: the trajectory spans less than a plane.
    """
    steps = (theta - theta[-1]).astype(np.float64)
    _, sizes, rows = np.linalg.svd(steps, full_matrices=False)
    if len(sizes) < 2 or sizes[1] <= 1e-12 * max(sizes[0], 1e-300):
        raise CannotAnswer(
            "The trajectory plane needs a path that turns; this one has too few points. "
            "Train for more steps or choose random directions.",
            "no plane",
        )
    signs = np.where(rows[:2] @ steps[0] < 0, -1.0, 1.0)  # the start lies on the positive side, whatever the library
    return rows[:2] * signs[:, None], sizes[:2] ** 2 / (sizes**2).sum()


def weight_axis(count: int, index: int) -> np.ndarray:
    """The unit direction of coordinate `index`."""
    result = np.zeros(count)
    result[index] = 1.0
    return result
