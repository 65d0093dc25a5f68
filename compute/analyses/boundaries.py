"""What a network of one or two inputs says over the range of its data, at some steps of the training: the decision
boundary of a classification, the fitted function of a regression.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import CALL, PIECE, loss_seconds, patterns
from lossatlas.compute.numerics.loss import Loss, make_loss, right
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.sources import names_of
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *TRAIN_VERSIONS)
MARGIN = 0.15  # of the data's range, shown beyond it on both sides (chosen by eye)
FINER = 4  # times as many intervals where there is one axis only
MOST_NUMBERS = 4_000_000  # outputs of all steps together: 16 MB in float32


@dataclass(frozen=True)
class Boundary:
    """Outputs of the network on a grid over its inputs, along the training."""

    problem: Problem = Problem()
    start: Start = Start()
    boundary_points: int = option(
        41,
        low=5,
        high=201,
        label="Points of the boundary",
        help="Along each of two inputs; a network of one input is looked at in four times as many intervals.",
        first=True,
        said="picture",
    )
    boundary_moments: int = option(
        50,
        low=1,
        high=200,
        label="Boundaries along",
        help="At most so many of the training's recorded steps are looked at, the first and the last among them.",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        numbers = self.boundary_points**2 * self.boundary_moments * self.problem.outputs
        if self.problem.data.inputs == 2 and numbers > MOST_NUMBERS:
            raise BadSpec(
                f"A boundary takes at most {MOST_NUMBERS:,} numbers, so that the page can hold it; boundary_points="
                f"{self.boundary_points} at boundary_moments={self.boundary_moments} steps are {numbers:,}. "
                "Lower one of them."
            )

    @property
    def drawable(self) -> bool:
        """Whether the data have so few inputs that a picture can hold them."""
        return self.problem.data.inputs <= 2


@dataclass(frozen=True)
class BoundaryResult:
    """At F steps of a training; D inputs, K outputs. Of a training that diverged, those before it did.

    Attributes:
        step: (F,) training steps done.
        x: (G,) of the first input, evenly spaced over the range of all patterns and MARGIN beyond. y: (G,) of the
            second; (0,) where there is one input only.
        output: (F, G, G, K), rows along the second input, or (F, G, K): what leaves the last layer, in the problem's
            dtype.
        train_x, test_x: (N, D) and (T, D) patterns as the network reads them; train_y, test_y: (N,) and (T,) class
            numbers, or targets.
        accuracy: (F,) share of the training patterns put in the right class; NaN for a regression.
    """

    spec: Boundary
    step: np.ndarray
    x: np.ndarray
    y: np.ndarray
    output: np.ndarray
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    accuracy: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a step and point."""
        axes = {"y": self.y, "x": self.x} if len(self.y) else {"x": self.x}
        step, *places = np.meshgrid(self.step, *axes.values(), indexing="ij")
        outputs = {f"output_{k}": self.output[..., k].ravel() for k in range(self.output.shape[-1])}
        inputs = {name: place.ravel() for name, place in zip(axes, places, strict=True)}
        return {"step": step.ravel(), **dict(sorted(inputs.items())), **outputs}


def places(spec: Boundary) -> np.ndarray:
    """Which of the training's recorded points are looked at: evenly spaced, the first and the last among them."""
    last = len(recorded_steps(Training(spec.problem, spec.start))) - 1
    return np.unique(np.linspace(last, 0, spec.boundary_moments).round().astype(int))


def boundary_levels(spec: Boundary) -> list[Task]:
    """The whole answer, from tasks of some steps each."""
    key = key_of("boundary", VERSIONS, spec)
    if not spec.drawable:
        return [Task(key, refuse, (spec,), spec=spec)]  # says so at once, without training
    reached, count = reach(spec.problem, spec.start), len(places(spec))
    per_step = CALL + loss_seconds(spec.problem) * (1 + _points(spec) / patterns(spec.problem))
    most = max(1, int(PIECE / per_step))
    pieces = [
        Task(f"{key}-from-{begin}", at_steps, (spec, begin, stop := min(begin + most, count), reached),
             (stop - begin) * per_step, stop - begin, passing=True, beside=True)
        for begin in range(0, count, most)
    ]  # fmt: skip
    return [Task(key, assemble, (spec, reached, *pieces), spec=spec)]


def boundary_size(spec: Boundary) -> tuple[int, str]:
    """How much is asked, and of what."""
    return (len(places(spec)) * _points(spec) if spec.drawable else 0), "outputs"


def _points(spec: Boundary) -> int:
    if spec.problem.data.inputs == 2:
        return spec.boundary_points**2
    return FINER * (spec.boundary_points - 1) + 1


def refuse(spec: Boundary) -> None:
    """Raises CannotAnswer: the data have too many inputs for a picture."""
    data = spec.problem.data
    fit = names_of(lambda dataset: dataset.inputs <= 2)
    dense = " and network=mlp" if spec.problem.convolutions else ""
    raise CannotAnswer(
        f"A boundary is drawn over one or two inputs, and {data.label} has {data.inputs}. Choose dataset={fit}{dense}.",
        "other inputs",
    )


def at_steps(spec: Boundary, begin: int, end: int, reached: TrainingResult) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (f, points, K) on the grid and accuracies (f,) at some of the places; fewer where it diverged."""
    loss = make_loss(spec.problem)
    points = torch.as_tensor(_patterns(spec, *axes(spec, loss))).to(loss.parts["train"].x)
    chosen = [place for place in places(spec)[begin:end] if place < len(reached.theta)]
    thetas = [torch.as_tensor(reached.theta[place]) for place in chosen]
    outputs = [loss.outputs_at(theta, points).numpy() for theta in thetas]
    shape = (0, len(points), spec.problem.outputs)
    found = np.stack(outputs) if outputs else np.empty(shape, dtype=spec.problem.dtype)
    return found, np.array([_accuracy(loss, theta) for theta in thetas])


def _accuracy(loss: Loss, theta: Tensor) -> float:
    part = loss.parts["train"]
    if part.labels is None:
        return float("nan")
    return float(right(loss.problem, loss.outputs_at(theta, part.x), part.labels).double().mean())


def axes(spec: Boundary, loss: Loss) -> tuple[np.ndarray, ...]:
    """Coordinates (G,) along each input, float64."""
    patterns_of_all = torch.cat([part.x for part in loss.parts.values()]).double().numpy()
    low, high = patterns_of_all.min(0), patterns_of_all.max(0)
    room = np.where(high > low, MARGIN * (high - low), 1.0)
    count = spec.boundary_points if len(low) == 2 else _points(spec)
    return tuple(np.linspace(a - r, b + r, count) for a, b, r in zip(low, high, room, strict=True))


def _patterns(spec: Boundary, *ends: np.ndarray) -> np.ndarray:
    """(points, D) the grid's points as inputs; the first input goes fastest."""
    if len(ends) == 1:
        return ends[0][:, None]
    y, x = np.meshgrid(ends[1], ends[0], indexing="ij")
    return np.stack([x.ravel(), y.ravel()], 1)


def assemble(spec: Boundary, reached: TrainingResult, *pieces: tuple[np.ndarray, np.ndarray]) -> BoundaryResult:
    """The answer from its pieces.

    Raises:
        CannotAnswer: nothing was recorded before the training diverged.
    """
    output, accuracy = (np.concatenate(part) for part in zip(*pieces, strict=True))
    if not len(output):
        raise CannotAnswer(reached.warnings[0], "diverged")
    loss = make_loss(spec.problem)
    x, *others = axes(spec, loss)
    y = others[0] if others else np.empty(0)
    shape = (len(output), len(y), len(x), -1) if len(y) else (len(output), len(x), -1)
    parts = {name: (part.x.numpy(), (part.y[:, 0] if part.labels is None else part.labels).numpy())
             for name, part in loss.parts.items()}  # fmt: skip
    return BoundaryResult(
        spec,
        reached.step[places(spec)[: len(output)]],
        x,
        y,
        output.reshape(shape),
        *parts["train"],
        *parts["test"],
        accuracy,
        notes=(_told(spec), *reached.notes),
        warnings=reached.warnings if reached.diverged_at >= 0 else (),  # the others are about minima
        dtype=spec.problem.dtype,
    )


def _told(spec: Boundary) -> str:
    problem = spec.problem
    norm = " BatchNorm by the means and variances of all training patterns." if problem.norm == "batch" else ""
    return (
        f"Outputs of the last layer of {problem.architecture} over the inputs of {problem.data.label}, "
        f"data seed {problem.data_seed}, {problem.dtype}.{norm}"
    )
