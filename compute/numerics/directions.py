"""Directions in parameter space: Gaussian, filter-normalised, trajectory, and single weights. All float64, (P,)."""

import numpy as np

from lossatlas.compute.problem.nets import offsets
from lossatlas.compute.spec.tasks import CannotAnswer

DRAW = 2  # number of the stream of random numbers; a seed's other streams draw weights (1) and batches (3)
Shapes = tuple[tuple[int, ...], ...]


def gaussian(count: int, seed: int, which: int) -> np.ndarray:
    """Independent N(0, 1) coordinates; `which` numbers the directions of one seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(DRAW, which))).standard_normal(count)


def filter_normalised(direction: np.ndarray, center: np.ndarray, shapes: Shapes) -> np.ndarray:
    """Each unit's or filter's incoming weights scaled to the norm of the center's own; biases and BatchNorm's gains and
    shifts 0 (Li et al. 2018, section 4).
    """
    result, cuts = np.zeros_like(direction), offsets(shapes)
    for begin, end, shape in zip(cuts, cuts[1:], shapes, strict=False):
        if len(shape) > 1:
            rows, own = (vector[begin:end].reshape(shape[0], -1) for vector in (direction, center))
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            scale = np.linalg.norm(own, axis=1, keepdims=True) / np.where(norms > 0, norms, 1.0)
            result[begin:end] = (rows * scale).ravel()
    return result


def orthogonal(direction: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The direction less its part along `to`."""
    along = to @ to
    return direction - (direction @ to / along) * to if along > 0 else direction


def trajectory_pca(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two principal unit directions (2, P) of a trajectory (T, P), and their shares (2,) of its variance.

    Principal components about the mean point, as the code published with Li et al. 2018 (section 7) computes them;
    found from the (T, T) inner products, which for T ≤ 200 costs far less than the (T, P) decomposition.

    Raises:
        CannotAnswer: the trajectory spans less than a plane, to rounding.
    """
    steps, centred, sizes, rows, least = _components(theta)
    if len(sizes) < 2 or sizes[1] <= least:
        short = "has too few points. Train for more steps (steps)"
        why = short if len(theta) < 3 else "is straight to rounding. Choose random directions (directions=gaussian)"
        raise CannotAnswer(f"The trajectory plane needs a path that turns; this one {why}.", "no plane")
    u, v = (rows[:, -1 - n] @ centred / sizes[n] for n in (0, 1))
    v = orthogonal(v, u)
    pair = np.stack([u / np.linalg.norm(u), v / np.linalg.norm(v)])
    return pair * _sides(pair, steps)[:, None], sizes[:2] ** 2 / (sizes**2).sum()


def third_component(theta: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    """The third principal unit direction (P,) after u and v, and its share of the trajectory's variance.

    Raises:
        CannotAnswer: the trajectory lies in a plane, to rounding.
    """
    steps, centred, sizes, rows, least = _components(theta)
    if len(sizes) < 3 or sizes[2] <= least:
        short = "has too few points. Train for more steps (steps) or set turn=0"
        why = short if len(theta) < 4 else "lies in a plane to rounding. Set turn=0"
        raise CannotAnswer(f"Turning a trajectory plane needs a path in three dimensions; this one {why}.", "no plane")
    w = orthogonal(orthogonal(rows[:, -3] @ centred / sizes[2], u), v)
    w = w / np.linalg.norm(w)
    return w * _sides(w[None], steps)[0], float(sizes[2] ** 2 / (sizes**2).sum())


def _components(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Steps from the end and about their mean (T, P), component sizes (T,) falling, the eigenvectors (T, T) in columns
    rising, and the size that is no more than rounding.
    """
    steps = theta.astype(np.float64) - theta[-1]
    centred = steps - steps.mean(0)
    squares, rows = np.linalg.eigh(centred @ centred.T)  # ascending
    sizes = np.sqrt(np.maximum(squares[::-1], 0.0))
    noise = np.finfo(theta.dtype).eps * np.linalg.norm(theta[-1].astype(np.float64)) * np.sqrt(len(theta))
    return steps, centred, sizes, rows, max(1e-7 * sizes[0], noise)


def _sides(directions: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Signs that put the start on each direction's positive side, whatever the library."""
    return np.where(directions @ steps[0] < 0, -1.0, 1.0)


def weight_axis(count: int, index: int) -> np.ndarray:
    """The unit direction of coordinate `index`."""
    result = np.zeros(count)
    result[index] = 1.0
    return result
