"""The plane turned about its first direction: the second one moves toward a third of the same kind.

v(φ) = cos φ · v + sin φ · w. The first direction, the center and the half width stay, so the loss along the first
direction is the same at every angle. At 0° the plane is the one that plane.py makes; at 180° it is mirrored.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from lossatlas.compute.analyses.planes.directions import DIRECTIONS
from lossatlas.compute.analyses.planes.plane import Plane, curvature_of, given_of, plane_task, project
from lossatlas.compute.analyses.planes.where import Place
from lossatlas.compute.numerics.eigenvectors import Sharpest
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.spec.options import option
from lossatlas.compute.spec.tasks import Task

VERSIONS = (2,)


def turn_option() -> Any:
    """The field of a spec that says how far its plane is turned: declared once for all that look at a plane."""
    return option(
        0.0,
        low=0.0,
        high=360.0,
        label="Turn, degrees",
        help="Turns the plane about its first direction: the second one moves toward a third of its kind.",
        when=("directions", lambda name: DIRECTIONS[name].third is not None),
        group="Slice",
        means=((), lambda turn: turn % 360),
        told="turned {}°",
        said="picture",
        first=True,
        slider=5.0,
    )


def turned_task(place: Place, turn: float) -> Task:
    """The task whose result is the Plane of a place, turned by `turn` degrees."""
    plane = plane_task(place)
    if turn == 0 or place.where.direction.third is None:  # as of two weights: which would be the third?
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
    direction = place.where.direction
    if not plane.v.any() or direction.third is None:
        return plane  # one direction only: the slice says that there is no plane
    given = given_of(place, plane.center, reached, sharpest)
    w, share = direction.third(given, plane.u, plane.v)
    cosine, sine = cosine_and_sine(turn)
    v, buffers = cosine * plane.v + sine * w, plane.buffers.copy()
    if buffers[1:].any():
        buffers[2] = cosine * buffers[2] + sine * direction.statistics.beyond(
            given, buffers[0], plane.path, buffers[1:], w
        )
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
