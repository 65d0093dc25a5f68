"""A point rescaled after it was reached: the same function, elsewhere in the space of parameters."""

from dataclasses import replace

import numpy as np
import torch

from lossatlas.compute.numerics.cost import PIECE, loss_seconds, step_seconds
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import Training, TrainingResult, recorded_steps
from lossatlas.compute.numerics.paths.train import Recorded, finish, joined, record, warnings
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.spec.tasks import CannotAnswer, Task


def rescaled(problem: Problem, theta: np.ndarray, factor: float) -> np.ndarray:
    """theta (..., P) with the first layer's weights and biases times a factor, the next layer's weights divided by it.

    With an activation that is positively homogeneous, without BatchNorm and skip connections, the network computes
    what it did, to rounding (Dinh et al. 2017, arXiv 1703.04933): 2×2 maximum pooling passes the factor on as well.
    """
    first, second = offsets(problem.shapes)[2:4]
    found = theta.copy()
    found[..., :first] *= factor
    found[..., first:second] /= factor
    return found


def check_rescaling(spec: Training) -> None:
    """Raises CannotAnswer where the Start rescales and the network would not compute the same function."""
    if sentence := rescaling_refused(spec):
        raise CannotAnswer(sentence, "rescale")


def rescaling_refused(spec: Training) -> str:
    """Why the network cannot be rescaled as asked; empty if it can or nothing is rescaled."""
    problem, rule = spec.problem, f"rescale={spec.factor:g} multiplies the first hidden layer and divides the next one"
    if spec.factor == 1:
        return ""
    if len(problem.layers) == 1:
        return f"{rule}, and {problem.architecture} has no hidden layer. Choose widths, as 4, or rescale=1."
    if problem.norm == "batch":
        return f"{rule}; BatchNorm undoes the first, so the function would change. Choose norm=none or rescale=1."
    if any(layer.skip for layer in problem.layers):
        return (
            f"{rule}; skip connections carry the first layer past the next, so the function would change. "
            "Choose skip=false or rescale=1."
        )
    return ""


def measure_rescaled(spec: Training, begin: int, end: int, plain: TrainingResult) -> Recorded:
    """Some recorded points of the training that is not rescaled, rescaled and measured."""
    loss = make_loss(spec.problem)
    points = torch.as_tensor(rescaled(spec.problem, plain.theta[begin:end], spec.factor))
    steps = plain.step[begin:end].tolist()
    rows = (record(loss, step, theta, *loss.with_gradient(theta)) for step, theta in zip(steps, points, strict=True))
    return joined(spec, tuple(rows))


def rescale(spec: Training, plain: TrainingResult, *pieces: Recorded) -> TrainingResult:
    """The answer from the training that is not rescaled and what was measured; whether the loss rose is told of that
    training.
    """
    told = f"First hidden layer times {spec.factor:g}, next layer divided by {spec.factor:g}: the same function."
    found = finish(spec, joined(spec, pieces), plain.diverged_at, *plain.notes, told)
    went = plain.train_loss + plain.penalty
    return replace(found, warnings=warnings(spec, plain.diverged_at, went, plain.gradient_norm))


def rescaled_level(spec: Training, key: str, plain: Task) -> Task:
    """The task of a training that is rescaled, from its key and the task of the one that is not."""
    if rescaling_refused(spec):
        return Task(key, check_rescaling, (spec,), spec=spec)  # says so at once, without training
    per_point, points = step_seconds(spec.problem, 0) + loss_seconds(spec.problem, "test"), len(recorded_steps(spec))
    most = max(1, int(PIECE / per_point))
    pieces = [
        Task(f"{key}-from-{begin}", measure_rescaled, (spec, begin, stop := min(begin + most, points), plain),
             (stop - begin) * per_point, passing=True, beside=True)
        for begin in range(0, points, most)
    ]  # fmt: skip
    return Task(key, rescale, (spec, plain, *pieces), spec=spec)
