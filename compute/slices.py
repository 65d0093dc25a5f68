"""The loss on a square around a point: spec, result, and the tasks that fill the grid from coarse to fine."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from compute.cost import PIECE, affine_seconds, loss_seconds
from compute.kernels.affine import losses_at
from compute.keys import key_of
from compute.loss import make_loss
from compute.nets import Problem, torch_dtype
from compute.options import BadSpec, check, option
from compute.planes import VERSIONS as PLANE_VERSIONS
from compute.planes import Place, Plane, Where, describe, penalty_on, plane_task, symmetric_axis, warnings_of
from compute.tasks import CannotAnswer, Task
from compute.train import Start, TrainingResult, reach

VERSIONS = (1, *PLANE_VERSIONS)
COARSEST = 9  # points per axis of the first picture


@dataclass(frozen=True)
class Slice:
    """Loss on a square around a start point, in units of the directions' length."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()
    accuracy: bool = option(False, label="Accuracy", help="Compute the accuracy on the grid as well.")
    points: int = option(
        65,
        low=5,
        high=513,
        label="Points per axis",
        help="Odd, so that the start lies on the grid; 65, 129, 257 refine evenly.",
    )

    def __post_init__(self):
        check(self)
        _ = self.place  # its own checks
        if self.points % 2 == 0:
            raise BadSpec(f"points must be odd so that the start lies on the grid; got {self.points}.")

    @property
    def place(self) -> Place:
        return Place(self.problem, self.start, self.where)


@dataclass(frozen=True)
class SliceResult:
    """The loss on an S × S grid, rows along u and columns along v.

    Attributes:
        axis: (S,) coordinates of rows and of columns; axis[S // 2] is 0 and the ends are ∓extent.
        loss, data, penalty: (S, S) total, data term and λ‖θ‖²; accuracy: (S, S), or (0, 0) when not asked for.
        center_loss: the total loss at the start, by loss.py; the grid's center holds it to the bit.
        gradient_norm: of the total training loss at the center, in theta.
        theta, u, v: (P,) the center and the two directions.
        path: (T, 2) the training's points on the plane; path_loss: (T,) their true total training loss;
            off_plane: (T,) their distance from the plane. explained: (2,) shares of variance, NaN unless PCA.
    """

    spec: Slice
    axis: np.ndarray
    loss: np.ndarray
    data: np.ndarray
    penalty: np.ndarray
    accuracy: np.ndarray
    center_loss: float
    gradient_norm: float
    theta: np.ndarray
    u: np.ndarray
    v: np.ndarray
    extent: float
    path: np.ndarray
    path_loss: np.ndarray
    off_plane: np.ndarray
    explained: np.ndarray
    names: tuple[str, ...]
    units: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str


def levels(points: int) -> list[int]:
    """Nested grid sizes, coarse to fine: each holds every second point of the next."""
    sizes = [points]
    while sizes[0] > COARSEST and (sizes[0] - 1) % 4 == 0:
        sizes.insert(0, (sizes[0] + 1) // 2)
    return sizes


def new_points(points: int, coarser: int | None) -> np.ndarray:
    """(G, 2) row and column of the points of a grid that the next coarser grid lacks."""
    wanted = np.ones((points, points), dtype=bool)
    if coarser is not None:
        wanted[::2, ::2] = False
    return np.argwhere(wanted)


def slice_levels(spec: Slice) -> list[Task]:
    """One task a level, each the whole picture of its level; the last is the answer."""
    reached, plane = reach(spec.problem, spec.start), plane_task(spec.place)
    found: list[Task] = []
    for coarser, size in zip([None, *levels(spec.points)], levels(spec.points), strict=False):
        found.append(_level(replace(spec, points=size), coarser, plane, reached, found[-1] if found else None))
    return found


def _level(spec: Slice, coarser: int | None, plane: Task, reached: Task, below: Task | None) -> Task:
    key, per_point = key_of("slice", VERSIONS, spec), affine_seconds(spec.problem, spec.where.part)
    count, most = len(new_points(spec.points, coarser)), max(16, int(PIECE / per_point))
    pieces = []
    for begin in range(0, count, most):
        end = min(begin + most, count)
        args = (spec, coarser, begin, end, plane)
        pieces.append(
            Task(f"{key}-from-{begin}", fill_piece, args, (end - begin) * per_point, end - begin, passing=True)
        )
    return Task(key, assemble, (spec, coarser, plane, reached, below, *pieces), loss_seconds(spec.problem), spec=spec)


def fill_piece(spec: Slice, coarser: int | None, begin: int, end: int, plane: Plane) -> np.ndarray:
    """Data term and accuracy at some of a level's new points: (2, G) or (1, G)."""
    axis = symmetric_axis(plane.extent, spec.points)
    coordinates = axis[new_points(spec.points, coarser)[begin:end]]
    directions = np.stack([plane.u, plane.v])
    data, accuracy = losses_at(
        make_loss(spec.problem), plane.center, directions, coordinates, spec.where.part, spec.accuracy
    )
    return np.stack([data, accuracy]) if len(accuracy) else data[None]


def assemble(
    spec: Slice,
    coarser: int | None,
    plane: Plane,
    reached: TrainingResult,
    below: SliceResult | None,
    *pieces: np.ndarray,
) -> SliceResult:
    """A level's answer from the coarser one and its pieces.

    Raises:
        CannotAnswer: the two directions are one, or the loss is not finite anywhere on the grid.
    """
    if not plane.v.any():
        raise CannotAnswer(
            "This network has only one filter-normalised direction, and a plane needs two. "
            "Choose directions=gaussian or directions=weights.",
            "no plane",
        )
    size, loss = spec.points, make_loss(spec.problem)
    axis = symmetric_axis(plane.extent, size)
    values = np.concatenate(pieces, axis=1)
    grids = np.empty((len(values), size, size))
    rows, columns = new_points(size, coarser).T
    grids[:, rows, columns] = values
    if below is not None:
        grids[:, ::2, ::2] = np.stack([below.data, below.accuracy][: len(values)])
    center = torch.as_tensor(plane.center, dtype=torch_dtype(spec.problem))
    grids[:, size // 2, size // 2] = [float(f(center, spec.where.part)) for f in (loss.data_term, loss.accuracy)][
        : len(values)
    ]
    if not np.isfinite(grids[0]).any():
        raise CannotAnswer("The loss is infinite or NaN on the whole grid. Choose a smaller half width.", "diverged")
    penalty = penalty_on(loss, plane, axis[:, None], axis[None, :])
    total = grids[0] + penalty
    return SliceResult(
        spec,
        axis,
        total,
        grids[0],
        penalty,
        grids[1] if len(grids) > 1 else np.empty((0, 0)),
        float(total[size // 2, size // 2]),
        gradient_norm=float(reached.gradient_norm[-1]),
        theta=reached.reached(),
        u=plane.u,
        v=plane.v,
        extent=plane.extent,
        path=plane.path if spec.start.steps else np.empty((0, 2)),
        path_loss=reached.train_loss + reached.penalty if spec.start.steps else np.empty(0),
        off_plane=plane.off_plane if spec.start.steps else np.empty(0),
        explained=plane.explained,
        names=plane.names,
        units=spec.where.unit,
        notes=(describe(spec.place), *plane.notes),
        warnings=warnings_of(reached, total),
        dtype=spec.problem.dtype,
    )


def slice_size(spec: Slice) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.points**2, "losses"
