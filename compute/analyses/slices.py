"""The loss on a square around a point, or on a window of its plane: spec, result, and the tasks that fill the grid
from coarse to fine.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.plane import VERSIONS as PLANE_VERSIONS
from lossatlas.compute.analyses.planes.plane import Plane, check_spanned, losses_on, penalty_on, point_seconds
from lossatlas.compute.analyses.planes.turns import VERSIONS as TURN_VERSIONS
from lossatlas.compute.analyses.planes.turns import turn_option, turned_task
from lossatlas.compute.analyses.planes.where import Place, Where, describe, nearer, warnings_of
from lossatlas.compute.numerics.cost import loss_seconds, piece
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.problem.nets import Problem, torch_dtype
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (2, *PLANE_VERSIONS, *TURN_VERSIONS)
COARSEST = 9  # points per axis of the first picture
QUICK = 0.05  # seconds of a whole grid: a coarser one before it would cost a tenth of them and be seen by nobody
NARROWEST = 1e-9  # a window's least width, as a share of the larger of 1 and its distance from the center


@dataclass(frozen=True)
class Slice:
    """Loss on a square around a start point, or on a window of the plane, in units of the directions' length."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()
    accuracy: bool = option(False, label="Accuracy", help="Compute the accuracy on the grid as well.", said="never")
    points: int = option(
        65,
        low=5,
        high=513,
        label="Points per axis",
        help="Odd, so that the start lies on the grid; 65, 129, 257 refine evenly.",
        first=True,
        said="picture",
    )
    turn: float = turn_option()
    window: tuple[float, ...] = option(
        (),
        low=-1e6,
        high=1e6,
        longest=4,
        label="Window",
        help="The part of the plane to draw, as a_low,a_high,b_low,b_high along both directions; none is the whole.",
        lies="plane",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        _ = self.place  # its own checks
        if self.points % 2 == 0:
            raise BadSpec(f"points must be odd so that the start lies on the grid; got {self.points}.")
        if self.window:
            check_window("window", self.window)

    @property
    def place(self) -> Place:
        return Place(self.problem, self.start, self.where)

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training and the grid."""
        return self.place.extra_bytes


@dataclass(frozen=True)
class SliceResult:
    """The loss on an S × S grid, rows along u and columns along v.

    Attributes:
        a, b: (S,) coordinates of rows and of columns. Their ends are those of the window; without one they are
            ∓extent, and a[S // 2] and b[S // 2] are 0.
        loss, data, penalty: (S, S) total, data term and λ‖θ‖²; accuracy: (S, S), or (0, 0) when not asked for.
        center_loss: the total loss at the start, by loss.py; where the grid holds the start, it holds this to the bit.
        gradient_norm: of the total training loss at the center, in theta.
        theta, u, v: (P,) the center and the two directions, v as turned.
        extent: half width of the whole picture, also where a window shows less of it.
        path: (T, 2) the training's points on the plane; path_loss: (T,) their true total training loss;
            off_plane: (T,) their distance from the plane. explained: (2,) shares of variance, NaN unless PCA.
    """

    spec: Slice
    a: np.ndarray
    b: np.ndarray
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


def _too_fine(spec: Slice, *axes: np.ndarray) -> list[str]:
    """A warning if float32 can hardly tell an axis's neighbouring coordinates apart."""
    if spec.problem.dtype == "float64":
        return []
    eps = np.finfo(np.float32).eps
    if all((axis[1] - axis[0]) >= 8 * eps * max(abs(axis[0]), abs(axis[-1])) for axis in axes):
        return []
    return ["Neighbouring points are nearly one in float32 so far from the center. Zoom out or choose dtype=float64."]


def check_window(name: str, window: tuple[float, ...], ends: str = "a_low,a_high,b_low,b_high") -> None:
    """Raises BadSpec unless these are the lower and upper ends of two intervals that 64-bit coordinates can divide.

    `ends` is what a reader calls them.
    """
    told = ",".join(f"{end:g}" for end in window)
    if len(window) != 4:
        raise BadSpec(f"{name} takes four numbers, {ends}; got {len(window)}.")
    for low, high in (window[:2], window[2:]):
        if low >= high:
            raise BadSpec(f"{name} needs each lower end below the upper one, as {ends}; got {told}.")
        if high - low < (least := NARROWEST * max(1.0, abs(low), abs(high))):
            raise BadSpec(
                f"{name} must be at least {least:.3g} wide here, or its points are one to rounding; "
                f"got {high - low:.3g}. Zoom out."
            )


def axes(spec: Slice, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (S,) of rows and of columns: ends exact, every second one the coarser grid's to the bit."""
    if not spec.window:
        axis = symmetric_axis(extent, spec.points)
        return axis, axis
    share = np.arange(spec.points) / (spec.points - 1)
    a_low, a_high, b_low, b_high = spec.window
    return (1 - share) * a_low + share * a_high, (1 - share) * b_low + share * b_high


def levels(points: int, per_point: float = math.inf) -> list[int]:
    """Nested grid sizes, coarse to fine: each holds every second point of the next. A grid that takes less than QUICK
    at some seconds `per_point` is not drawn coarser first; whether it is depends on nothing finer.
    """
    sizes = [points]
    while sizes[0] > COARSEST and (sizes[0] - 1) % 4 == 0 and sizes[0] ** 2 * per_point > QUICK:
        sizes.insert(0, (sizes[0] + 1) // 2)
    return sizes


def new_points(points: int, coarser: int | None) -> np.ndarray:
    """(G, 2) row and column of the points of a grid that the next coarser grid lacks."""
    wanted = np.ones((points, points), dtype=bool)
    if coarser is not None:
        wanted[::2, ::2] = False
    return np.argwhere(wanted)


def slice_levels(spec: Slice, plane: Task | None = None) -> list[Task]:
    """One task a level, each the whole picture of its level; the last is the answer. On a `plane` that is not the
    question's own they are no answers to it.
    """
    reached = reach(spec.problem, spec.start)
    found: list[Task] = []
    sizes = levels(spec.points, point_seconds(spec.place))
    for coarser, size in zip([None, *sizes], sizes, strict=False):
        found.append(_level(replace(spec, points=size), coarser, plane, reached, found[-1] if found else None))
    return found


def _level(spec: Slice, coarser: int | None, other: Task | None, reached: Task, below: Task | None) -> Task:
    place = spec.place
    plane, per_point = other or turned_task(place, spec.turn), point_seconds(place)
    key = key_of("slice", VERSIONS, spec) + (f"-on-{other.key}" if other else "")
    count = spec.points**2 - (coarser**2 if coarser else 0)  # as many as `new_points`
    most = piece(spec.problem, spec.where.part, per_point)
    pieces = []
    for begin in range(0, count, most):
        end = min(begin + most, count)
        args = (spec, coarser, begin, end, plane)
        pieces.append(
            Task(
                f"{key}-from-{begin}",
                fill_piece,
                args,
                (end - begin) * per_point,
                end - begin,
                passing=True,
                beside=True,
            )
        )
    needed = (spec, coarser, plane, reached, below, *pieces)
    return Task(key, assemble, needed, loss_seconds(spec.problem), spec=None if other else spec)


def fill_piece(spec: Slice, coarser: int | None, begin: int, end: int, plane: Plane) -> np.ndarray:
    """Data term and accuracy at some of a level's new points: (2, G) or (1, G)."""
    a, b = axes(spec, plane.extent)
    rows, columns = new_points(spec.points, coarser)[begin:end].T
    coordinates = np.stack([a[rows], b[columns]], 1)
    data, accuracy = losses_on(make_loss(spec.problem), plane, coordinates, spec.where.part, spec.accuracy)
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
    check_spanned(plane)
    loss, (a, b) = make_loss(spec.problem), axes(spec, plane.extent)
    grids = _filled(spec.points, coarser, below, np.concatenate(pieces, axis=1))
    middle = (a[:, None] == 0) & (b[None, :] == 0)
    if below is None or middle.any() > middle[::2, ::2].any():
        center = torch.as_tensor(plane.center, dtype=torch_dtype(spec.problem))
        here = torch.stack(loss.measure(center, spec.where.part)).numpy()
        grids[:, middle] = here[: len(grids), None]
        center_loss = float(here[0]) + float(penalty_on(loss, plane, np.zeros(()), np.zeros(())))
    else:
        center_loss = below.center_loss
    if not np.isfinite(grids[0]).any():
        raise CannotAnswer(f"The loss is infinite or NaN on the whole grid. {nearer(spec.window)}", "diverged")
    penalty = penalty_on(loss, plane, a[:, None], b[None, :])
    total = grids[0] + penalty
    return SliceResult(
        spec,
        a,
        b,
        total,
        grids[0],
        penalty,
        grids[1] if len(grids) > 1 else np.empty((0, 0)),
        center_loss,
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
        units=spec.where.direction.unit,
        notes=(describe(spec.place), *plane.notes, *_window_note(spec)),
        warnings=(
            *warnings_of(reached, total, center_loss, "window" if spec.window else "picture"),
            *_too_fine(spec, a, b),
        ),
        dtype=spec.problem.dtype,
    )


def _filled(points: int, coarser: int | None, below: SliceResult | None, values: np.ndarray) -> np.ndarray:
    """(1 or 2, S, S) data term and accuracy: the `values` of a grid's new points, and the coarser grid's own."""
    grids = np.empty((len(values), points, points))
    rows, columns = new_points(points, coarser).T
    grids[:, rows, columns] = values
    if below is not None:
        grids[:, ::2, ::2] = np.stack([below.data, below.accuracy][: len(values)])
    return grids


def _window_note(spec: Slice) -> tuple[str, ...]:
    if not spec.window:
        return ()
    a_low, a_high, b_low, b_high = spec.window
    return (f"A window of the plane: [{a_low!r}, {a_high!r}] along the first direction × [{b_low!r}, {b_high!r}].",)


def slice_size(spec: Slice) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.points**2, "losses"
