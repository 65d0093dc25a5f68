"""How far the loss can rise within a radius of the point reached: in Keskar's box, along the gradient (SAM), and the
Hessian's largest eigenvalue beside them.

With Start.rescale the same of the network before it was rescaled, which computes the same function: none of the three
is a property of the function alone (Dinh et al. 2017, arXiv 1703.04933).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.analyses.planes.where import PARTS, part_option
from lossatlas.compute.numerics.ascents import GRADIENTS, ascent, keskar, stationary
from lossatlas.compute.numerics.cost import check_patterns, loss_seconds, patterns, step_seconds
from lossatlas.compute.numerics.curvature import (
    TOP,
    USUAL,
    curved,
    exact_seconds,
    is_small,
    kinked,
    most_steps,
    product_seconds,
    steepest,
    stepping,
)
from lossatlas.compute.numerics.kernels.curvature import check_part
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.rescaling import rescaling_refused
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import check
from lossatlas.compute.spec.tasks import Task

VERSIONS = (2, *TRAIN_VERSIONS)
RADII = (1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1.0)
COARSE = (1e-3, 1e-2, 1e-1, 1.0)  # of the first picture
VECTORS = 25  # of P numbers that L-BFGS-B keeps


@dataclass(frozen=True)
class Rise:
    """How far the total loss can rise from the point a Start reaches."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = part_option()

    def __post_init__(self) -> None:
        check(self)
        check_part(self.problem, self.part)

    @property
    def plain(self) -> "Rise":
        """The same question before rescaling."""
        return replace(self, start=replace(self.start, rescale=1.0))

    @property
    def compared(self) -> bool:
        """Whether there is a network before rescaling to compare with."""
        training = Training(self.problem, self.start)
        return training.factor != 1 and not rescaling_refused(training)

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training: the patterns once more, in float64, and what the searches keep."""
        P, doubled = self.problem.parameters, self.problem.dtype != "float64"
        inputs = 8.0 * doubled * patterns(self.problem, self.part) * self.problem.sizes[0]
        return inputs + 8.0 * max(VECTORS * P, 5 * P**2 if is_small(self.problem) else most_steps(P, TOP, 8) * P)


@dataclass(frozen=True)
class RiseResult:
    """Rises of the total loss on the part within K radii, in float64; `before`: of the network before rescaling.

    Attributes:
        radii: (K,) increasing: SAM's ρ, a Euclidean length, and Keskar's ε, of the box |zᵢ| ≤ ε (|xᵢ| + 1).
        sam: (K,) f(x + ρ g/|g|) − f(x), which may be negative; where the gradient g is 0 to the rounding of float64,
            and gives no direction, ½ λmax ρ² instead. sam_by: `gradient` or `curvature`, which of the two;
            before_sam_by likewise, empty where nothing is rescaled.
        keskar: (K,) Keskar's sharpness 100 (max f − f(x)) / (1 + f(x)) in percent, a lower bound of the maximum; never
            falling, as a box lies within the next.
        before_sam, before_keskar: (K,), or (0,) where nothing is rescaled.
        loss, before_loss: f(x); largest, before_largest: λmax of the Hessian, NaN where the activation has no second
            derivative. difference: largest |difference| of any output of the two networks on any pattern of the part.
            NaN where nothing is rescaled.
    """

    spec: Rise
    radii: np.ndarray
    sam: np.ndarray
    keskar: np.ndarray
    before_sam: np.ndarray
    before_keskar: np.ndarray
    loss: float
    before_loss: float
    largest: float
    before_largest: float
    sam_by: str
    before_sam_by: str
    difference: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a radius."""
        by = np.full(len(self.radii), self.sam_by)
        found = {"radius": self.radii, "sam": self.sam, "sam_by": by, "keskar": self.keskar}
        if not self.spec.compared:
            return found
        before_by = np.full(len(self.radii), self.before_sam_by)
        return found | {
            "before_sam": self.before_sam, "before_sam_by": before_by, "before_keskar": self.before_keskar,
        }  # fmt: skip


# ---------------------------------------------------------------------------------------------- what is computed


def _point(spec: Rise, reached: TrainingResult) -> tuple[Loss, Tensor]:
    """The loss and the point reached, in the problem's precision.

    Raises:
        CannotAnswer: the training diverged, or the part is empty.
    """
    theta = torch.as_tensor(reached.reached())
    check_patterns(spec.problem, spec.part)
    return make_loss(spec.problem), theta


@dataclass(frozen=True)
class Center:
    """Where the loss is to rise from: the total loss, whether its gradient vanishes, the largest eigenvalue of its
    Hessian, NaN where there is none, and the directions (k, P) in which it curves up most.
    """

    loss: float
    stationary: bool
    largest: float
    bent: np.ndarray


def center(spec: Rise, reached: TrainingResult) -> Center:
    """At the point reached."""
    loss, theta = _point(spec, reached)
    at, largest, vectors = (loss, theta, spec.part), math.nan, np.empty((0, len(theta)))
    if curved(spec.problem):
        values, vectors = steepest(*at)
        largest = float(values[0])
    return Center(float(loss.total(theta, spec.part)), stationary(*at, largest), largest, vectors)


def rise_within(spec: Rise, radius: float, reached: TrainingResult, around: Center) -> np.ndarray:
    """(2,) SAM's rise and Keskar's sharpness at one radius."""
    loss, theta = _point(spec, reached)
    at = (loss, theta, spec.part, radius)
    return np.array([ascent(*at, around.largest), keskar(*at, around.bent)])


@dataclass(frozen=True)
class Curve:
    """Of one network: SAM's rise and Keskar's sharpness at K radii."""

    loss: float
    largest: float
    sam: np.ndarray
    sam_by: str
    keskar: np.ndarray


def curve(around: Center, *rises: np.ndarray) -> Curve:
    """From the rises within each radius, which increase."""
    sam, found = np.stack(rises, 1)
    by = "curvature" if around.stationary else "gradient"
    return Curve(around.loss, around.largest, sam, by, np.maximum.accumulate(found))  # a box lies within the next


@torch.no_grad()
def difference(spec: Rise, reached: TrainingResult, before: TrainingResult) -> float:
    """The largest |difference| of any output on any pattern between two points, in the problem's precision."""
    loss, theta = _point(spec, reached)
    other, x = torch.as_tensor(before.reached()), loss.parts[spec.part].x
    off = [(loss.outputs(theta, x[rows]) - loss.outputs(other, x[rows])).abs().max() for rows in loss.blocks(len(x))]
    return float(torch.stack(off).max())


# ---------------------------------------------------------------------------------------------- the answer


def assemble(
    spec: Rise, radii: tuple[float, ...], reached: TrainingResult, here: Curve, before: Curve | None, off: float
) -> RiseResult:
    """A level's answer; `before` and the difference `off` where the network is rescaled."""
    empty = np.empty(0)
    return RiseResult(
        spec,
        np.array(radii),
        here.sam,
        here.keskar,
        before_sam=before.sam if before else empty,
        before_keskar=before.keskar if before else empty,
        loss=here.loss,
        before_loss=before.loss if before else math.nan,
        largest=here.largest,
        before_largest=before.largest if before else math.nan,
        sam_by=here.sam_by,
        before_sam_by=before.sam_by if before else "",
        difference=off,
        notes=_notes(spec, "curvature" in (here.sam_by, before.sam_by if before else "")),
        warnings=reached.warnings,
        dtype=spec.problem.dtype,
    )


def _notes(spec: Rise, stationary: bool) -> tuple[str, ...]:
    problem, factor = spec.problem, Training(spec.problem, spec.start).factor
    found = [
        f"{problem.data.label}, {problem.architecture}, {PARTS[spec.part]}, data seed "
        f"{problem.data_seed}; rises of the total loss in float64 at the point reached in {problem.dtype}.",
        "SAM: f(x + ρ g/|g|) − f(x) along the gradient g (Foret et al. 2021). Keskar: 100 (max f − f(x)) / (1 + f(x)) "
        "in the box |zᵢ| ≤ ε (|xᵢ| + 1) (Keskar et al. 2017), a lower bound: the best of a few climbs.",
    ]
    if stationary:
        shown = "shown is ½ λmax ρ², how far the loss rises to second order" if curved(problem) else "nothing is shown"
        found.append(f"The gradient is 0 to float64's rounding, so that SAM's step has no direction: {shown}.")
    if factor != 1:
        found.append(
            f"First hidden layer times {factor:g}, next layer divided by {factor:g}: the same function at another "
            "point, before and after (Dinh et al. 2017)."
        )
        if problem.l2:
            found.append("The L2 penalty is a function of the weights and changes with them; the data term does not.")
    if not curved(problem):
        steps = stepping(problem)
        found.append(f"λmax is not given: every derivative of {steps} units is 0. The rises do not need it.")
    return (*found, *kinked(problem))


# ---------------------------------------------------------------------------------------------- tasks


def rise_levels(spec: Rise) -> list[Task]:
    """A picture of a radius a decade, then of all."""
    reached, before = reach(spec.problem, spec.start), reach(spec.problem, spec.plain.start)
    off: Task | float = math.nan
    if spec.compared:
        key, seconds = key_of("rise-difference", VERSIONS, spec), 2 * loss_seconds(spec.problem, spec.part)
        off = Task(key, difference, (spec, reached, before), seconds, passing=True)
    found = []
    for radii in (COARSE, RADII):
        last = radii == RADII
        key = key_of("sharpness", VERSIONS, spec) + ("" if last else "-coarse")
        args = (spec, radii, reached, _curve(spec, radii), _curve(spec.plain, radii) if spec.compared else None, off)
        found.append(Task(key, assemble, args, spec=spec if last else None))
    return found


def _curve(spec: Rise, radii: tuple[float, ...]) -> Task:
    """The task of one network's Curve; a radius is computed once for both levels."""
    key, reached = key_of("rise", VERSIONS, spec), reach(spec.problem, spec.start)
    point = Task(f"{key}-point", center, (spec, reached), largest_seconds(spec), passing=True)
    each, one = rise_seconds(spec), GRADIENTS * patterns(spec.problem, spec.part)
    rises = [
        Task(f"{key}-{radius:g}", rise_within, (spec, radius, reached, point), each, one, passing=True, beside=True)
        for radius in radii
    ]
    return Task(f"{key}-{len(radii)}", curve, (point, *rises), passing=True)


def rise_seconds(spec: Rise) -> float:
    """Estimated seconds at one radius, in float64; a step's share for the training part serves for any."""
    share = patterns(spec.problem, spec.part) / max(patterns(spec.problem), 1)
    return (GRADIENTS + 4) * step_seconds(replace(spec.problem, dtype="float64"), 0) * share


def largest_seconds(spec: Rise) -> float:
    """Estimated seconds of λmax."""
    if is_small(spec.problem):
        return exact_seconds(spec.problem)
    return 4 * USUAL * product_seconds(spec.problem)


def rise_size(spec: Rise) -> tuple[int, str]:
    """How much is asked, and of what."""
    radii = len(RADII) * (1 + spec.compared)
    return radii * GRADIENTS * patterns(spec.problem, spec.part), "pattern gradients"
