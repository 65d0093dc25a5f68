"""Curvature along the training: numbers of the Hessian at some of its steps, coarse first."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.analyses.planes.where import PARTS, part_option
from lossatlas.compute.numerics.curvature import (
    Summary,
    check_curved,
    describe,
    is_small,
    kinked,
    summarise,
    summary_bytes,
    summary_seconds,
)
from lossatlas.compute.numerics.kernels.curvature import check_part
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *TRAIN_VERSIONS)


@dataclass(frozen=True)
class Evolution:
    """Ends, trace and counts of the eigenvalues of the total loss's Hessian along a training."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = part_option()
    along: int = option(
        17,
        low=2,
        high=100,
        label="Spectra along",
        help="At most so many of the training's recorded steps are measured, the first and the last among them; "
        "5, 9, 17, 33 refine evenly.",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        check_part(self.problem, self.part)

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training."""
        return summary_bytes(self.problem)


@dataclass(frozen=True)
class EvolutionResult:
    """At T of a training's recorded steps; k ends. Of a training that diverged, those before it did.

    Attributes:
        method: exact or estimated, at every step alike.
        step: (T,) training steps done.
        loss: (T,) total, on the part chosen; gradient_norm: (T,) of the total training loss.
        largest, smallest: (T, k) from the top down and from the bottom up.
        trace, trace_error: (T,) with its standard error, 0 where exact.
        counts: (T, 3) eigenvalues below −cut, within, and above cut. cut: (T,).
        effective_rank: (T,) exp of the entropy of |λ| / Σ|λ|.
        All of curvature is NaN where second derivatives are infinite or NaN.
    """

    spec: Evolution
    method: str
    parameters: int
    step: np.ndarray
    loss: np.ndarray
    gradient_norm: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray
    trace: np.ndarray
    trace_error: np.ndarray
    counts: np.ndarray
    effective_rank: np.ndarray
    cut: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a step."""
        ends = {f"{name}_{n + 1}": getattr(self, name)[:, n] for name in ("largest", "smallest")
                for n in range(self.largest.shape[1])}  # fmt: skip
        shares = {name: self.counts[:, n] for n, name in enumerate(("negative", "zero", "positive"))}
        names = ("step", "loss", "gradient_norm", "trace", "trace_error", "effective_rank", "cut")
        return {name: getattr(self, name) for name in names} | ends | shares


@dataclass(frozen=True)
class Moment:
    """At one recorded point: the total loss on the part chosen, and its curvature."""

    loss: float
    summary: Summary


def places(spec: Evolution) -> np.ndarray:
    """Which of the training's recorded points are measured: evenly spaced, the first and the last among them.

    Rounded in whole numbers, so that a level's places are among those of every level that divides it evenly.
    """
    last, gaps = len(recorded_steps(Training(spec.problem, spec.start))) - 1, spec.along - 1
    return np.unique((2 * last * np.arange(spec.along) + gaps) // (2 * gaps))


def levels(spec: Evolution) -> list[Evolution]:
    """Coarse to fine: each measures every second of the next one's places, or its ends where these do not halve."""
    sizes = [spec.along]
    while sizes[0] > 3:
        sizes.insert(0, (sizes[0] + 1) // 2 if sizes[0] % 2 else 2)
    coarser = [replace(spec, along=size) for size in sizes[:-1]]
    return [*(level for level in coarser if len(places(level)) < len(places(spec))), spec]


def evolution_levels(spec: Evolution) -> list[Task]:
    """A task a level, each the whole picture of its level, from a task a moment, which levels share."""
    reached, bare = reach(spec.problem, spec.start), replace(spec, along=Evolution.along)
    key, seconds = key_of("curvature-at", VERSIONS, bare), summary_seconds(spec.problem)

    def moment(place: int) -> Task:
        args = (bare, place, reached)
        return Task(f"{key}-{place}", measure, args, seconds, 1, passing=True, beside=True)

    return [
        Task(
            key_of("evolution", VERSIONS, level),
            assemble,
            (level, reached, *(moment(place) for place in places(level).tolist())),
            spec=level,
        )
        for level in levels(spec)
    ]


def evolution_size(spec: Evolution) -> tuple[int, str]:
    """How much is asked, and of what."""
    return len(places(spec)), "steps of the training"


def measure(spec: Evolution, place: int, reached: TrainingResult) -> Moment | None:
    """What is known at one recorded point; None beyond the step that made the training diverge.

    Raises:
        CannotAnswer: there is no training, nothing was recorded before it diverged, the part is empty, or the
            activation has no second derivative.
    """
    check_curved(spec.problem, spec.part)
    if not spec.start.steps:
        raise CannotAnswer("There is no training to follow: steps is 0. Choose steps above 0.", "no training")
    if not len(reached.step):
        raise CannotAnswer(reached.warnings[0], "diverged")
    if place >= len(reached.step):
        return None
    loss, theta = make_loss(spec.problem), torch.as_tensor(reached.theta[place])
    return Moment(float(loss.total(theta, spec.part)), summarise(loss, theta, spec.part))


def assemble(spec: Evolution, reached: TrainingResult, *moments: Moment | None) -> EvolutionResult:
    """A level's answer from its moments."""
    seen = [moment for moment in moments if moment is not None]
    kept = places(spec)[: len(seen)]

    def column(name: str) -> np.ndarray:
        return np.array([getattr(moment.summary, name) for moment in seen])

    return EvolutionResult(
        spec,
        "exact" if is_small(spec.problem) else "estimated",
        spec.problem.parameters,
        step=reached.step[kept],
        loss=np.array([moment.loss for moment in seen]),
        gradient_norm=reached.gradient_norm[kept],
        largest=column("largest"),
        smallest=column("smallest"),
        trace=column("trace"),
        trace_error=column("trace_error"),
        counts=column("counts"),
        effective_rank=column("effective_rank"),
        cut=column("cut"),
        notes=(*_notes(spec), *reached.notes),
        warnings=_warnings(reached, [moment.summary for moment in seen]),
        dtype=spec.problem.dtype,
    )


def _notes(spec: Evolution) -> tuple[str, ...]:
    problem = spec.problem
    return (
        f"Hessian of the total loss, {problem.data.label}, {problem.architecture}, {PARTS[spec.part]}, "
        f"P = {problem.parameters:,}.",
        describe(problem),
        *kinked(problem),
    )


def _warnings(reached: TrainingResult, found: list[Summary]) -> tuple[str, ...]:
    unknown, loose = (sum(many) for many in zip(*((math.isnan(s.trace), not s.converged) for s in found), strict=True))
    warnings = [*reached.warnings]
    if unknown:
        warnings.append(f"At {unknown} of {len(found)} steps the second derivatives are infinite or NaN.")
    if loose:
        warnings.append(
            f"At {loose} of {len(found)} steps not every eigenvalue at the ends has converged: large ones may be "
            "larger still, and small ones smaller."
        )
    return tuple(warnings)
