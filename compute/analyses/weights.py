"""The weights of a small network along its training, for the drawing of the network."""

from dataclasses import dataclass

import numpy as np

from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem, parameter_names, smaller_network
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import check
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *TRAIN_VERSIONS)
MOST = 200  # parameters that a picture can tell apart (chosen by eye)


@dataclass(frozen=True)
class Weights:
    """Every weight and bias of a small network at the recorded steps of its training."""

    problem: Problem = Problem()
    start: Start = Start()

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class WeightsResult:
    """At T recorded steps of a training. Of a training that diverged, those before it did.

    Attributes:
        step: (T,) training steps done.
        theta: (T, P) in the problem's dtype; `names` are those of the columns.
    """

    spec: Weights
    step: np.ndarray
    theta: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        return parameter_names(self.spec.problem)

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a step, a column a parameter."""
        return {"step": self.step} | dict(zip(self.names, self.theta.T, strict=True))


def weights_levels(spec: Weights) -> list[Task]:
    """The training's own record."""
    key = key_of("weights", VERSIONS, spec)
    if refused(spec.problem):
        return [Task(key, check_drawable, (spec.problem,), spec=spec)]  # says so at once, without training
    return [Task(key, run_weights, (spec, reach(spec.problem, spec.start)), spec=spec)]


def refused(problem: Problem) -> str:
    """Why the network cannot be drawn; empty if it can."""
    if problem.convolutions:
        return "The weights of convolutions are not drawn as lines between units. Choose network=mlp."
    if problem.parameters > MOST:
        return (
            f"A drawing tells at most {MOST} weights apart, and {problem.architecture} has {problem.parameters:,}. "
            f"{smaller_network(problem, MOST)}"
        )
    return ""


def check_drawable(problem: Problem) -> None:
    """Raises CannotAnswer where the network cannot be drawn."""
    if sentence := refused(problem):
        raise CannotAnswer(sentence, "not drawn")


def run_weights(spec: Weights, reached: TrainingResult) -> WeightsResult:
    """The record as an answer of its own.

    Raises:
        CannotAnswer: nothing was recorded before the training diverged.
    """
    if not len(reached.step):
        raise CannotAnswer(reached.warnings[0], "diverged")
    warnings = reached.warnings if reached.diverged_at >= 0 else ()  # the others are about minima
    return WeightsResult(spec, reached.step, reached.theta, reached.notes, warnings, spec.problem.dtype)


def weights_size(spec: Weights) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.problem.parameters, "weights"
