"""The loss along a line through a point, or from the start of a training to its end."""

from dataclasses import dataclass

import numpy as np
import torch

from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.plane import VERSIONS as PLANE_VERSIONS
from lossatlas.compute.analyses.planes.plane import Plane, losses_on, penalty_on, plane_task, point_seconds
from lossatlas.compute.analyses.planes.where import Place, Where, describe, nearer, warnings_of
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.problem.nets import Problem, torch_dtype
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *PLANE_VERSIONS)


@dataclass(frozen=True)
class Line:
    """Loss along the first direction of a plane through the start point."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()
    line_points: int = option(
        201,
        low=5,
        high=10_001,
        label="Points on the line",
        help="Odd, so that the start lies on the line.",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        _ = self.place  # its own checks
        if self.line_points % 2 == 0:
            raise BadSpec(f"line_points must be odd so that the start lies on the line; got {self.line_points}.")

    @property
    def place(self) -> Place:
        return Place(self.problem, self.start, self.where)


@dataclass(frozen=True)
class LineResult:
    """The loss at S points center + axis · u.

    Attributes:
        axis: (S,) in units of u's length; 0 at S // 2. loss, data, penalty, accuracy: (S,); accuracy NaN for a
            regression. center_loss: by loss.py; the line's middle holds it to the bit.
        gradient_norm: of the total training loss at the center. theta, u: (P,).
        name: of the direction. unit: what a coordinate of 1 means.
    """

    spec: Line
    axis: np.ndarray
    loss: np.ndarray
    data: np.ndarray
    penalty: np.ndarray
    accuracy: np.ndarray
    center_loss: float
    gradient_norm: float
    theta: np.ndarray
    u: np.ndarray
    extent: float
    name: str
    units: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str


def line_levels(spec: Line) -> list[Task]:
    """The whole line in one task: it costs as much as two or three rows of a grid."""
    seconds = spec.line_points * point_seconds(spec.place)
    needs = (spec, plane_task(spec.place), reach(spec.problem, spec.start))
    return [Task(key_of("line", VERSIONS, spec), run_line, needs, seconds, spec.line_points, spec)]


def run_line(spec: Line, plane: Plane, reached: TrainingResult) -> LineResult:
    """Evaluate the line.

    Raises:
        CannotAnswer: the loss is not finite anywhere on it.
    """
    loss, axis, middle = make_loss(spec.problem), symmetric_axis(plane.extent, spec.line_points), spec.line_points // 2
    data, accuracy = losses_on(loss, plane, axis[:, None], spec.where.part, accuracy=True)
    accuracy = accuracy if len(accuracy) else np.full_like(axis, np.nan)
    center = torch.as_tensor(plane.center, dtype=torch_dtype(spec.problem))
    data[middle], accuracy[middle] = (float(one) for one in loss.measure(center, spec.where.part))
    if not np.isfinite(data).any():
        raise CannotAnswer(f"The loss is infinite or NaN on the whole line. {nearer()}", "diverged")
    penalty = penalty_on(loss, plane, axis, np.zeros_like(axis))
    total = data + penalty
    return LineResult(
        spec,
        axis,
        total,
        data,
        penalty,
        accuracy,
        center_loss=float(total[middle]),
        gradient_norm=float(reached.gradient_norm[-1]),
        theta=reached.reached(),
        u=plane.u,
        extent=plane.extent,
        name=plane.names[0],
        units=spec.where.direction.unit,
        notes=(describe(spec.place), *plane.notes),
        warnings=warnings_of(reached, total, float(total[middle])),
        dtype=spec.problem.dtype,
    )


def line_size(spec: Line) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.line_points, "losses"
