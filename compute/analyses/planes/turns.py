"""The plane turned about its first direction: the second one moves toward a third of the same kind.

v(φ) = cos φ · v + sin φ · w. The first direction, the center and the half width stay, so the loss along the first
direction is the same at every angle. At 0° the plane is the one that planes.py makes; at 180° it is mirrored.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lossatlas.compute.analyses.planes.plane import (
    FILTERED,
    Place,
    Plane,
    curvature_of,
    drawn_statistics,
    plane_task,
    project,
    statistics_slope,
)
from lossatlas.compute.numerics.directions import filter_normalised, gaussian, orthogonal, third_component
from lossatlas.compute.numerics.eigenvectors import Sharpest
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.train import TrainingResult, reach
from lossatlas.compute.spec.options import option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (2,)
NO_THIRD = "This network has only two directions of this kind, and turning the plane needs a third. Set turn=0."


def turn_option() -> Any:
    """The field of a spec that says how far its plane is turned: declared once for all that look at a plane."""
    return option(
        0.0,
        low=0.0,
        high=360.0,
        label="Turn, degrees",
        help="Turns the plane about its first direction: the second one moves toward a third of its kind.",
        when=("directions", lambda name: name != "weights"),
        group="Slice",
        first=True,
        slider=5.0,
    )


def turned_task(place: Place, turn: float) -> Task:
    """The task whose result is the Plane of a place, turned by `turn` degrees."""
    plane = plane_task(place)
    if turn == 0 or place.where.directions == "weights":  # there is no third weight to turn to
        return plane
    key = f"{plane.key}-turned-{turn!r}-{'-'.join(map(str, VERSIONS))}"
    args = (place, turn, plane, reach(place.problem, place.start), *curvature_of(place))
    return Task(key, turn_plane, args, plane.seconds / 10)


def turn_plane(
    place: Place, turn: float, plane: Plane, reached: TrainingResult, sharpest: Sharpest | None = None
) -> Plane:
    """The plane of u and v(φ), with the path on it.

    Raises:
        CannotAnswer: there is no third direction.
    """
    if not plane.v.any():
        return plane  # one direction only: the slice says that there is no plane
    w, share = _third(place, plane, reached, sharpest)
    cosine, sine = cosine_and_sine(turn)
    v, buffers = cosine * plane.v + sine * w, plane.buffers.copy()
    if buffers[1:].any():
        buffers[2] = cosine * buffers[2] + sine * _third_statistics(place, plane, reached, w)
    path, off_plane = project(reached.theta - plane.center, plane.u, v)
    kind, *others = plane.notes
    return replace(
        plane,
        v=v,
        names=(plane.names[0], f"{plane.names[1]} at {turn:g}°"),
        path=path,
        off_plane=off_plane,
        # Scores on principal components are uncorrelated, so their variances add up.
        explained=np.array([plane.explained[0], cosine**2 * plane.explained[1] + sine**2 * share]),
        notes=(kind, f"Turned by {turn:g}° about the first direction, toward a third of the second's kind.", *others),
        buffers=buffers,
    )


def cosine_and_sine(degrees: float) -> tuple[float, float]:
    """Of an angle in degrees; exact at multiples of 90."""
    quarter, rest = divmod(degrees, 90.0)
    cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    return [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)][int(quarter) % 4]


def _third(place: Place, plane: Plane, reached: TrainingResult, sharpest: Sharpest | None) -> tuple[np.ndarray, float]:
    """A third direction (P,), as long as the second and orthogonal to both where those are to one another; and its
    share of the path's variance, NaN unless it is a principal component.
    """
    where = place.where
    if where.directions == "trajectory":
        return third_component(reached.theta, plane.u, plane.v)
    if sharpest is not None:
        if len(sharpest.values) < 3:
            raise CannotAnswer(NO_THIRD, "no plane")
        return sharpest.vectors[2], math.nan
    drawn = gaussian(len(plane.u), where.direction_seed, 2)
    if where.directions in FILTERED:
        drawn = filter_normalised(drawn, plane.center, place.problem.shapes)
    free = orthogonal(orthogonal(drawn, plane.u), orthogonal(plane.v, plane.u))
    if np.linalg.norm(free) <= 1e-9 * np.linalg.norm(drawn):
        raise CannotAnswer(NO_THIRD, "no plane")
    if where.directions == "filter_original":
        return drawn, math.nan
    return free * (np.linalg.norm(plane.v) / np.linalg.norm(free)), math.nan


def _third_statistics(place: Place, plane: Plane, reached: TrainingResult, w: np.ndarray) -> np.ndarray:
    """Change (Q,) of BatchNorm's statistics along w, by the rule of the other two directions: drawn, by their slope at
    the center, or as the training moved them beyond what u and v account for.
    """
    here = plane.buffers[0]
    if place.where.directions == "eigenvectors":
        return statistics_slope(place.problem, plane.center, w)
    if place.where.directions not in ("trajectory", "interpolation"):
        return drawn_statistics(place, here, 2)
    loss = make_loss(place.problem)
    moved = np.stack([loss.statistics(point).double().numpy() for point in torch.as_tensor(reached.theta)]) - here  # type: ignore[union-attr]
    along = ((reached.theta - plane.center) @ w / (w @ w))[:, None]  # (T, 1)
    return np.linalg.lstsq(along, moved - plane.path @ plane.buffers[1:], rcond=None)[0][0]
