"""The plane, or line, that an analysis looks at: a center, one or two directions, and how far to go.

The center is the point that the Start reaches. `extent=auto` is decided here, and says how.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from lossatlas.compute.analyses.planes.directions import Given
from lossatlas.compute.analyses.planes.extent import rising
from lossatlas.compute.analyses.planes.where import Place, Where
from lossatlas.compute.numerics.cost import check_patterns, loss_seconds, slice_seconds, trajectory_seconds
from lossatlas.compute.numerics.curvature import kinked
from lossatlas.compute.numerics.eigenvectors import TOLERANCE, Sharpest, sharpest_task
from lossatlas.compute.numerics.eigenvectors import VERSIONS as SHARPEST_VERSIONS
from lossatlas.compute.numerics.kernels.plan import losses_at
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Training, TrainingResult, recorded_steps
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (3, *SHARPEST_VERSIONS)


@dataclass(frozen=True)
class Plane:
    """Directions u, v (P,) through center (P,), float64; the path (T, 2) of the training on it.

    Attributes:
        explained: (2,) share of the path's variance along u and v; NaN unless a trajectory plane.
        off_plane: (T,) Euclidean distance of each path point from the plane.
        buffers: (3, Q) BatchNorm's statistics at the center and how they change along u and v; (3, 0) without
            BatchNorm, or where they are recomputed.
        extent: half width in units of the directions' length.
    """

    center: np.ndarray
    u: np.ndarray
    v: np.ndarray
    names: tuple[str, str]
    path: np.ndarray
    off_plane: np.ndarray
    explained: np.ndarray
    extent: float
    notes: tuple[str, ...]
    buffers: np.ndarray


def point_seconds(place: Place) -> float:
    """Estimated seconds of one loss on the plane."""
    if place.problem.norm == "batch" and place.where.statistics == "recomputed":
        return loss_seconds(place.problem, place.where.part)
    return slice_seconds(place.problem, place.where.part)


@functools.lru_cache(100)  # every level of a surface asks for it
def plane_task(place: Place) -> Task:
    """The task whose result is the Plane."""
    reached = reach(place.problem, place.start)
    seconds = 80 * point_seconds(place)
    if place.where.direction.holds_path:
        seconds += trajectory_seconds(place.problem, len(recorded_steps(Training(place.problem, place.start))))
    return Task(key_of("plane", VERSIONS, place), make_plane, (place, reached, *curvature_of(place)), seconds)


def curvature_of(place: Place) -> tuple[Task, ...]:
    """The task that finds the sharpest directions, where they are asked for."""
    return (sharpest_task(place.problem, place.start),) if place.where.direction.sharpest else ()


def make_plane(place: Place, reached: TrainingResult, sharpest: Sharpest | None = None) -> Plane:
    """The plane of a place; `sharpest` for its eigenvectors.

    Raises:
        CannotAnswer: the training diverged, the part has no patterns, or the directions do not exist.
    """
    where, center = place.where, reached.reached().astype(np.float64)
    loss = make_loss(place.problem)
    check_patterns(place.problem, where.part)
    given = given_of(place, center, reached, sharpest)
    u, v, names, explained = where.direction.axes(given)
    path, off_plane = project(reached.theta - center, u, v)
    here = _statistics(place, loss, reached)
    # Whatever becomes of BatchNorm's statistics, how far the picture reaches is decided with them held.
    held = np.stack([here, np.zeros_like(here), np.zeros_like(here)])
    extent, how = _extent(where, loss, np.hstack([np.stack([center, u, v]), held]), path)
    kind = f"Directions: {where.kind}.{where.direction.told}"
    notes = (kind, *(_curvature_notes(place, sharpest) if sharpest else ()), how)
    buffers = _moved(where, given, held, path, u, v)
    return Plane(center, u, v, names, path, off_plane, explained, extent, notes, buffers)


def given_of(place: Place, center: np.ndarray, reached: TrainingResult, sharpest: Sharpest | None) -> Given:
    """What the directions of a place are made from."""
    where = place.where
    weights = where.weight_a, where.weight_b
    return Given(place.problem, reached, center, where.direction_seed, weights, sharpest)


def _statistics(place: Place, loss: Loss, reached: TrainingResult) -> np.ndarray:
    """BatchNorm's at the center, (Q,) float64; (0,) without BatchNorm."""
    found = loss.statistics(torch.as_tensor(reached.theta)[-1])
    return np.empty(0) if found is None else found.double().numpy()


def _moved(where: Where, given: Given, held: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """BatchNorm's statistics at the center and their change along both directions, as the question wants them."""
    if where.statistics == "fixed" or not held.size:
        return held
    if where.statistics == "recomputed":
        return np.empty((3, 0))
    return np.stack([held[0], *where.direction.statistics.along(given, held[0], path, u, v)])


def _extent(where: Where, loss: Loss, state: np.ndarray, path: np.ndarray) -> tuple[float, str]:
    """Half width and a sentence on how it was chosen; `state` (3, P + Q) holds center, u, v with their buffers."""
    if where.extent != AUTO:
        return float(where.extent), f"Half width {where.extent:g} as asked."
    if where.direction.extent is not None:
        return where.direction.extent(path)
    return rising(loss, where.part, state)


def _curvature_notes(place: Place, found: Sharpest) -> Iterator[str]:
    """Of which matrix the directions are eigenvectors, and what keeps the slice's curvature from being theirs."""
    yield (
        "Eigenvectors, in float64, of the Hessian of the total training loss at the center, for its largest and "
        f"second-largest eigenvalue: {found.values[0]:.6g} and {found.values[1]:.6g}."
    )
    if not found.converged:
        off = " and ".join(f"{off:.2g}" for off in found.residuals[:2])
        yield (
            f"They have not converged in {found.steps} Lanczos steps: ‖Hv − λv‖ is {off}, where {TOLERANCE:g} of the "
            "largest |λ| was asked for. The curvature along them is λ all the same."
        )
    yield from kinked(place.problem)
    if place.problem.norm == "batch" and place.where.statistics != "recomputed":
        yield (
            "The Hessian is that of the loss whose BatchNorm statistics follow the weights; only with "
            "statistics=recomputed is it the curvature of the picture."
        )


def check_spanned(plane: Plane) -> None:
    """Raises CannotAnswer where the two directions are one."""
    if not plane.v.any():
        raise CannotAnswer(
            "This network has only one filter-normalised direction, and a plane needs two. "
            "Choose directions=gaussian or directions=weights.",
            "too few directions",
        )


def losses_on(
    loss: Loss, plane: Plane, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term (G,) and accuracy (G,) or (0,) at coordinates (G, 2) on a plane, or (G, 1) on its first axis."""
    axes = coordinates.shape[1]
    state = np.hstack([np.stack([plane.center, plane.u, plane.v]), plane.buffers])
    return losses_at(loss, state[0], state[1 : 1 + axes], coordinates, part, accuracy)


def project(steps: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (T, 2) of steps (T, P) on the plane of u and v, and their distance (T,) from it."""
    steps = steps.astype(np.float64)
    basis = np.stack([u, v], 1)
    coordinates = np.linalg.lstsq(basis, steps.T, rcond=None)[0].T
    return coordinates, np.linalg.norm(steps - coordinates @ basis.T, axis=1)


def penalty_on(loss: Loss, plane: Plane, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """λ‖c + a·u + b·v‖² from six inner products, shaped as a and b broadcast; exact where both are 0."""
    c, u, v = plane.center, plane.u, plane.v
    square = a * a * (u @ u) + b * b * (v @ v) + 2 * (a * (c @ u) + b * (c @ v) + a * b * (u @ v))
    return float(loss.penalty(torch.as_tensor(c))) + loss.problem.l2 * square
