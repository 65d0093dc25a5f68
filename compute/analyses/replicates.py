"""What several seeds reach: loss, accuracy, curvature, sharpness and saturation at the end of each training."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.analyses.planes.where import PARTS, part_option
from lossatlas.compute.numerics.activity import MEASURES, shares, shares_seconds
from lossatlas.compute.numerics.ascents import EVERY, ascent, keskar, stationary
from lossatlas.compute.numerics.cost import check_patterns, step_seconds
from lossatlas.compute.numerics.curvature import (
    curved,
    describe,
    is_small,
    kinked,
    steepest,
    stepping,
    summarise,
    summary_bytes,
    summary_seconds,
)
from lossatlas.compute.numerics.kernels.curvature import check_part
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.advice import smaller_weights
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (3, *TRAIN_VERSIONS)
LEVELS = (1, 3)  # seeds of the first pictures
MEASURED = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "gradient_norm")  # by the training itself
CURVATURE = ("largest", "smallest", "trace", "trace_error", "negative", "zero", "positive", "effective_rank")
GRADIENTS = 50  # in float64, of both sharpnesses: three climbs of ten iterations (measured, 19 to 48)
LOOSE = "loose"  # after NUMBERS: 1 if an end of the spectrum has not converged
STATIONARY = "stationary"  # and 1 if the gradient vanishes
NUMBERS = (*MEASURED, *CURVATURE, "keskar", "sam", "saturation", "flat", "dead")


@dataclass(frozen=True)
class Replicates:
    """The same training from several seeds, and what is known of the point that each reaches."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = part_option("Which patterns curvature, sharpness and saturation are taken on.")
    replicates: int = option(
        10,
        low=1,
        high=200,
        label="Seeds",
        help="Trainings from so many seeds, the start's own and those after it.",
        also=("n_seeds", "num_seeds", "repeats"),
        first=True,
        said="picture",
        told="{} seeds",
    )
    epsilon: float = option(
        1e-3,
        low=1e-8,
        high=1.0,
        label="ε (Keskar)",
        help="Half width of the box, ε (|θ| + 1), in which the loss may rise; Keskar et al. 2017 take 0.001 and "
        "0.0005.",
        told="ε = {}",
    )
    rho: float = option(
        0.05,
        low=1e-8,
        high=100.0,
        label="ρ (SAM)",
        help="Length of the step along the gradient; Foret et al. 2021 take 0.05.",
        told="ρ = {}",
    )

    def __post_init__(self) -> None:
        check(self)
        check_part(self.problem, self.part)
        _ = self.starts  # their own checks

    @property
    def starts(self) -> tuple[Start, ...]:
        """One for each seed."""
        return tuple(replace(self.start, seed=self.start.seed + n) for n in range(self.replicates))

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training."""
        return summary_bytes(self.problem)


@dataclass(frozen=True)
class ReplicatesResult:
    """R seeds, a number each, (R,); NaN where a training diverged.

    Attributes:
        method: exact or estimated, how curvature was had. measure: which of MEASURES `saturation` is.
        train_loss, test_loss: data terms; test_loss is NaN without a test part. train_accuracy, test_accuracy: in
            [0, 1]; NaN for a regression. gradient_norm: of the total training loss.
        largest, smallest: eigenvalues of the total loss's Hessian. trace, trace_error: with its standard error, 0 where
            exact. negative, zero, positive: shares of the eigenvalues, in [0, 1]. effective_rank: exp of the entropy of
            |λ| / Σ|λ|. All NaN where second derivatives do not exist or are not finite.
        keskar: percent. sam: rise of the loss; ½ λmax ρ² where the gradient vanishes.
        saturation, flat, dead: means over all hidden units; NaN without hidden units, `saturation` also without a
            measure.
    """

    spec: Replicates
    method: str
    measure: str
    parameters: int
    seed: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    gradient_norm: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray
    trace: np.ndarray
    trace_error: np.ndarray
    negative: np.ndarray
    zero: np.ndarray
    positive: np.ndarray
    effective_rank: np.ndarray
    keskar: np.ndarray
    sam: np.ndarray
    saturation: np.ndarray
    flat: np.ndarray
    dead: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a seed."""
        return {name: getattr(self, name) for name in ("seed", *NUMBERS)}


def replicates_levels(spec: Replicates) -> list[Task]:
    """The first seed, a few, and all; levels share a task for each seed."""
    sizes = [*(size for size in LEVELS if size < spec.replicates), spec.replicates]
    each = [_seed_task(spec, start) for start in spec.starts]
    return [
        Task(key_of("replicates", VERSIONS, level), assemble, (level, *each[: level.replicates]), spec=level)
        for level in (replace(spec, replicates=size) for size in sizes)
    ]


def _seed_task(spec: Replicates, start: Start) -> Task:
    alone = replace(spec, start=start, replicates=1)
    key, args = key_of("replicate", VERSIONS, alone), (alone, reach(spec.problem, start))
    return Task(key, measure_seed, args, seed_seconds(spec), 1, passing=True, beside=True)


def seed_seconds(spec: Replicates) -> float:
    """Estimated seconds of what follows a training."""
    curvature = summary_seconds(spec.problem) if curved(spec.problem) else 0.0
    precise = replace(spec.problem, dtype="float64")
    return curvature + shares_seconds(spec.problem, spec.part) + GRADIENTS * step_seconds(precise, 0)


def replicates_size(spec: Replicates) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.replicates, "trainings"


def measure_seed(spec: Replicates, reached: TrainingResult) -> np.ndarray:
    """NUMBERS, LOOSE and STATIONARY at the point reached from one seed; NaN if the training diverged.

    Raises:
        CannotAnswer: the part has no patterns.
    """
    check_patterns(spec.problem, spec.part)
    if reached.diverged_at >= 0:
        return np.append(np.full(len(NUMBERS), np.nan), [0.0, 0.0])
    loss, theta = make_loss(spec.problem), torch.as_tensor(reached.reached())
    at = (loss, theta, spec.part)
    measured = [float(getattr(reached, name)[-1]) for name in MEASURED]
    *curvature, loose = _curvature(*at)
    largest = curvature[CURVATURE.index("largest")]
    sharpness = [keskar(*at, spec.epsilon, _bent(*at)), ascent(*at, spec.rho, largest)]
    return np.array([*measured, *curvature, *sharpness, *_activity(*at), loose, stationary(*at, largest)])


def _bent(loss: Loss, theta: Tensor, part: str) -> np.ndarray:
    """Directions for `keskar`, which of few parameters does not look at any."""
    if len(theta) <= EVERY or not curved(loss.problem):
        return np.empty((0, len(theta)))
    try:
        return steepest(loss, theta, part)[1]
    except CannotAnswer:
        return np.empty((0, len(theta)))


def _curvature(loss: Loss, theta: Tensor, part: str) -> list[float]:
    """The numbers of CURVATURE, and 1 if an end has not converged."""
    if not curved(loss.problem):
        return [np.nan] * len(CURVATURE) + [0.0]
    found = summarise(loss, theta, part)
    signs = (found.counts / len(theta)).tolist()
    ends = [found.largest[0], found.smallest[0], found.trace, found.trace_error]
    return [*ends, *signs, found.effective_rank, float(not found.converged)]


def _activity(loss: Loss, theta: Tensor, part: str) -> list[float]:
    """Saturation, flat share and dead share, means over the hidden units."""
    if len(loss.problem.layers) == 1:
        return [np.nan] * 3
    return shares(loss, theta, part).mean(1).tolist()


def assemble(spec: Replicates, *each: np.ndarray) -> ReplicatesResult:
    """A level's answer from its seeds."""
    columns = dict(zip((*NUMBERS, LOOSE, STATIONARY), np.stack(each, 1), strict=True))
    seeds = np.array([start.seed for start in spec.starts])
    loose, still = (int((columns.pop(name) == 1).sum()) for name in (LOOSE, STATIONARY))
    return ReplicatesResult(
        spec,
        "exact" if is_small(spec.problem) else "estimated",
        spec.problem.unit.saturation,
        spec.problem.parameters,
        seeds,
        **columns,
        notes=_notes(spec, still),
        warnings=_warnings(spec, seeds, columns, loose),
        dtype=spec.problem.dtype,
    )


def _notes(spec: Replicates, still: int) -> tuple[str, ...]:
    problem, start, last = spec.problem, spec.start, spec.starts[-1].seed
    factor = Training(problem, start).factor
    moved = "" if factor == 1 else f", rescaled by {factor:g}"
    word = "walk" if start.way.walks else "seed"
    seeds = f"{word}s {start.seed} to {last}" if spec.replicates > 1 else f"{word} {start.seed}"
    curvature = [describe(problem), *kinked(problem)]
    if not curved(problem):
        curvature = [f"No curvature: the derivatives of {stepping(problem)} units are 0, and second ones say nothing."]
    measure = MEASURES[problem.unit.saturation]
    hidden = [f"Saturation: {measure.note} ({measure.source}); means over all hidden units."]
    return (
        f"{problem.data.label}, {problem.architecture}, P = {problem.parameters:,}, {seeds}, "
        f"{start.steps} steps{moved}, data seed {problem.data_seed}, {problem.dtype}; curvature, sharpness and "
        f"saturation on: {PARTS[spec.part]}.",
        *curvature,
        f"Keskar's sharpness in the box of ε = {spec.epsilon:g}, in percent (Keskar et al. 2017); SAM's rise over ρ = "
        f"{spec.rho:g} along the gradient (Foret et al. 2021)."
        + (f" At {still} of the points the gradient is 0 to rounding, and SAM is ½ λmax ρ²." if still else ""),
        *(hidden if len(problem.layers) > 1 else ["No hidden units, and no saturation."]),
    )


def _warnings(spec: Replicates, seeds: np.ndarray, columns: dict[str, np.ndarray], loose: int) -> tuple[str, ...]:
    diverged = np.isnan(columns["train_loss"])
    infinite = np.isnan(columns["trace"]) & ~diverged & curved(spec.problem)
    found = []
    if diverged.any():
        found.append(
            f"{diverged.sum()} of {len(seeds)} trainings diverged (seed {_listed(seeds[diverged])}) and are left out "
            f"of means. {smaller_weights(Training(spec.problem, spec.start))}"
        )
    if infinite.any():
        found.append(
            f"The second derivatives are infinite or NaN at the end of {infinite.sum()} of {len(seeds)} trainings "
            f"(seed {_listed(seeds[infinite])})."
        )
    if loose:
        found.append(
            f"Not every eigenvalue at the ends has converged at {loose} of {len(seeds)} points: a large one may be "
            "larger still, and a small one smaller."
        )
    return tuple(found)


def _listed(seeds: np.ndarray, most: int = 10) -> str:
    """Numbers in a row, the first few of many."""
    return ", ".join(map(str, seeds[:most])) + (", …" if len(seeds) > most else "")
