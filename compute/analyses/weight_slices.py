"""The loss along every single coordinate of theta around the point reached, for small networks."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.where import PARTS, part_option
from lossatlas.compute.numerics.cost import PIECE, check_patterns, loss_seconds
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem, parameter_names, smaller_network
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *TRAIN_VERSIONS)
MOST = 200  # parameters whose curves a picture can tell apart (chosen by eye)
ROUND = (1, 1.5, 2, 3, 5, 7)  # leading digits of an automatic range


@dataclass(frozen=True)
class WeightSlices:
    """Loss along each weight and bias alone, all others held at the point reached."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = part_option()
    weight_range: float | str = option(
        AUTO,
        low=1e-6,
        high=1e6,
        label="Range of a weight",
        help="Each weight is moved by as much to both sides; auto is a round number that takes every one past 0.",
        first=True,
        said="picture",
    )
    weight_points: int = option(
        41,
        low=5,
        high=1001,
        label="Points a weight",
        help="Odd, so that the point reached is among them.",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.weight_points % 2 == 0:
            raise BadSpec(
                f"weight_points must be odd so that the point reached is among them; got {self.weight_points}."
            )


@dataclass(frozen=True)
class WeightSlicesResult:
    """The total loss at θ + axis[s]·e_p, for each of P coordinates and S displacements.

    Attributes:
        axis: (S,) displacements in parameter units; 0 at S // 2 and ∓weight_range exactly at the ends.
        loss: (P, S) data term and penalty; the middle column holds the training's own final loss to the bit.
        theta: (P,) the point reached.
    """

    spec: WeightSlices
    axis: np.ndarray
    loss: np.ndarray
    theta: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        return parameter_names(self.spec.problem)

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a displacement, a column a parameter."""
        return {"displacement": self.axis} | dict(zip(self.names, self.loss, strict=True))


def weight_slices_levels(spec: WeightSlices) -> list[Task]:
    """The whole answer, from tasks of some weights each."""
    key, count = key_of("weight_slices", VERSIONS, spec), spec.problem.parameters
    if count > MOST:
        return [Task(key, refuse, (spec,), spec=spec)]  # says so at once, without training
    reached, each = reach(spec.problem, spec.start), spec.weight_points * loss_seconds(spec.problem, spec.part)
    most = max(1, int(PIECE / each))
    pieces = [
        Task(f"{key}-from-{begin}", along_weights, (spec, begin, stop := min(begin + most, count), reached),
             (stop - begin) * each, (stop - begin) * spec.weight_points, passing=True, beside=True)
        for begin in range(0, count, most)
    ]  # fmt: skip
    return [Task(key, assemble, (spec, reached, *pieces), spec=spec)]


def weight_slices_size(spec: WeightSlices) -> tuple[int, str]:
    """How much is asked, and of what."""
    return (spec.problem.parameters * spec.weight_points if spec.problem.parameters <= MOST else 0), "losses"


def refuse(spec: WeightSlices) -> None:
    """Raises CannotAnswer: the network has too many weights."""
    problem = spec.problem
    raise CannotAnswer(
        f"Slices are drawn along at most {MOST} weights, and {problem.architecture} has {problem.parameters:,}. "
        f"{smaller_network(problem, MOST)} A plane of two has directions=weights.",
        "not drawn",
    )


def along_weights(spec: WeightSlices, begin: int, end: int, reached: TrainingResult) -> np.ndarray:
    """Total losses (end − begin, S) along some coordinates.

    Raises:
        CannotAnswer: the training diverged, or the part has no patterns.
    """
    loss, center = make_loss(spec.problem), torch.as_tensor(reached.reached())
    check_patterns(spec.problem, spec.part)
    axis = torch.as_tensor(symmetric_axis(reach_of(spec, reached), spec.weight_points))
    rows = []
    for place in range(begin, end):
        points = center.double().repeat(len(axis), 1)
        points[:, place] += axis
        rows.append(loss.total(points.to(center.dtype), spec.part).numpy())
    return np.stack(rows)


def reach_of(spec: WeightSlices, reached: TrainingResult) -> float:
    """Half width: as asked, or the smallest round number not below the largest |θ|; 1 where that is 0."""
    if spec.weight_range != AUTO:
        return float(spec.weight_range)
    largest = float(np.abs(reached.reached()).max())
    if not largest:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next((lead * power for lead in ROUND if lead * power >= largest), 10 * power)


def assemble(spec: WeightSlices, reached: TrainingResult, *pieces: np.ndarray) -> WeightSlicesResult:
    """The answer from its pieces."""
    axis, loss = symmetric_axis(reach_of(spec, reached), spec.weight_points), np.concatenate(pieces)
    final = reached.train_loss if spec.part == "train" else reached.test_loss
    loss[:, len(axis) // 2] = final[-1] + reached.penalty[-1]
    return WeightSlicesResult(
        spec,
        axis,
        loss,
        reached.reached(),
        notes=(*_notes(spec, float(axis[-1])), *reached.notes),
        warnings=(*reached.warnings, *_warnings(loss)),
        dtype=spec.problem.dtype,
    )


def _notes(spec: WeightSlices, reach_to: float) -> tuple[str, ...]:
    problem = spec.problem
    norm = ("BatchNorm by means and variances taken anew at every point.",) if problem.norm == "batch" else ()
    how = "as asked" if spec.weight_range != AUTO else "a round number that takes every weight past 0"
    return (
        f"Total loss along each of {problem.parameters} parameters alone, {problem.data.label}, "
        f"{problem.architecture}, {PARTS[spec.part]}, data seed {problem.data_seed}, {problem.dtype}.",
        f"Moved by at most {reach_to:g} to both sides, {how}.",
        *norm,
    )


def _warnings(loss: np.ndarray) -> tuple[str, ...]:
    middle = loss[:, loss.shape[1] // 2]
    found = []
    if missing := int((~np.isfinite(loss)).sum()):
        found.append(f"{missing} of {loss.size} points are infinite or NaN and are left out.")
    lowest = np.nanmin(np.where(np.isfinite(loss), loss, np.nan), axis=1)
    if lower := int((lowest < 0.999 * middle).sum()):
        found.append(f"Along {lower} of {len(loss)} weights the loss falls below that of the point reached.")
    return tuple(found)
