"""Trainings: the initial draw, an optimiser's steps, and the recorded trajectory."""

import copy
import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import PIECE, loss_seconds, step_seconds
from lossatlas.compute.numerics.loss import Loss, make_joint_loss
from lossatlas.compute.numerics.paths.advice import STEEP, nearer_minimum, smaller_start, smaller_steps
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.problem.initial import FIXED, INITS, initial
from lossatlas.compute.problem.nets import torch_dtype
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.spec.tasks import Task

VERSIONS = (2,)
ORDER = 3  # number of the stream of random numbers


@dataclass(frozen=True)
class State:
    """Where B trainings stand: points (B, P), optimiser, and what was recorded so far."""

    step: int
    theta: Tensor
    optimiser: dict
    rows: tuple[tuple[np.ndarray, ...], ...]  # per recorded step: step, six measures (B,) each, theta (B, P)
    diverged_at: tuple[int, ...]


def train_together(specs: list[Training]) -> list[TrainingResult]:
    """The answers to several trainings that one batch may hold; none is rescaled."""
    state = _advance(specs, _begin(specs), specs[0].start.steps)
    return [finish(spec, state, n, _told(spec.start, state.diverged_at[n])) for n, spec in enumerate(specs)]


def _begin(specs: list[Training]) -> State:
    start = specs[0].start
    draws = [initial(s.problem, s.start.seed, s.start.init, s.start.init_range) for s in specs]
    theta = torch.as_tensor(np.stack(draws)).to(torch_dtype(specs[0].problem))
    return State(0, theta, _optimiser(start, theta).state_dict(), (), (-1,) * len(specs))


def _optimiser(start: Start, theta: Tensor) -> torch.optim.Optimizer:
    entry = OPTIMISERS[start.optimiser]
    return entry.make(theta, start.rate, *(getattr(start, name) for name in entry.options))


def _advance(specs: list[Training], state: State, until: int) -> State:
    """Train to step `until`, recording on the way; at the last step the final point is recorded too."""
    start = specs[0].start
    loss = make_joint_loss([spec.problem for spec in specs])
    theta = state.theta.clone()
    optimiser = _optimiser(start, theta)
    optimiser.load_state_dict(copy.deepcopy(state.optimiser))  # it keeps the tensors, and steps change them
    wanted, rows, diverged = set(recorded_steps(specs[0]).tolist()), list(state.rows), np.array(state.diverged_at)
    last = until == start.steps
    for step in range(state.step, until + last):
        chosen, gradient = _batch(start, len(loss.parts["train"]), step), None
        if step in wanted:
            gradient, *measures = loss.with_gradient(theta)
            rows.append(record(loss, step, theta, gradient, *measures))
            diverged = np.where((diverged < 0) & ~np.isfinite(rows[-1][1]), step, diverged)
        if step == start.steps or (diverged >= 0).all():
            break
        theta.grad = gradient if chosen is None and gradient is not None else loss.gradient(theta, chosen)
        optimiser.step()
        broken = ~torch.isfinite(theta).all(-1).numpy()
        diverged = np.where((diverged < 0) & broken, step + 1, diverged)
    return State(until, theta.detach(), optimiser.state_dict(), tuple(rows), tuple(diverged.tolist()))


def record(
    loss: Loss, step: int, theta: Tensor, gradient: Tensor, train: Tensor, accuracy: Tensor
) -> tuple[np.ndarray, ...]:
    """The step, six measures (B,) in the order of TrainingResult, and theta (B, P)."""
    point = theta.detach()
    test, test_accuracy = loss.measure(point, "test")
    norm = torch.linalg.vector_norm(gradient.double(), dim=-1)
    measures = (train, test, accuracy, test_accuracy, norm, loss.penalty(point))
    return (np.array(step), *(measure.numpy() for measure in measures), point.numpy().copy())


def _batch(start: Start, count: int, step: int) -> Tensor | None:
    """The patterns of a step, or None for all of them: each epoch is a new permutation by seed."""
    if start.batch == 0 or start.batch >= count:
        return None
    epoch, place = divmod(step, math.ceil(count / start.batch))
    return _permutation(start.seed, epoch, count)[place * start.batch : (place + 1) * start.batch]


@functools.lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> Tensor:
    stream = np.random.SeedSequence(seed, spawn_key=(ORDER, epoch))
    return torch.as_tensor(np.random.default_rng(stream).permutation(count))


def finish(spec: Training, state: State, index: int, *notes: str) -> TrainingResult:
    """The answer of one of the trainings."""
    diverged = state.diverged_at[index]
    kept = [row for row in state.rows if diverged < 0 or row[0] < diverged]
    measures = [np.array([row[place][index] for row in kept]) for place in range(1, 7)]
    train_loss, test_loss, train_accuracy, test_accuracy, gradient_norm, penalty = measures
    return TrainingResult(
        spec,
        np.array([row[0] for row in kept]),
        train_loss,
        test_loss,
        train_accuracy,
        test_accuracy,
        gradient_norm,
        penalty,
        theta=np.stack([row[7][index] for row in kept])
        if kept
        else np.empty((0, spec.problem.parameters), dtype=spec.problem.dtype),
        diverged_at=int(diverged),
        notes=notes,
        warnings=warnings(spec, int(diverged), train_loss + penalty, gradient_norm),
    )


def _told(start: Start, diverged: int) -> str:
    """By what, and how far, from where."""
    batch = f"batches of {start.batch}" if start.batch else "full batch"
    fixed = INITS[start.init].label if start.init in FIXED else ""
    drawn = f"from {fixed}" if fixed else f"from seed {start.seed}"
    far = f"{start.steps} steps" if diverged < 0 else f"stopped by step {diverged} of {start.steps},"
    how = f"{start.label}, rate {start.rate:g}, {batch}, {far} {drawn}."
    untrained = f"Not trained: {fixed}." if fixed else f"Random point, seed {start.seed}, not trained."
    return how if start.steps else untrained


def warnings(spec: Training, diverged: int, total: np.ndarray, gradient_norm: np.ndarray) -> tuple[str, ...]:
    """What may mislead about the end, reached at total losses (T,) with gradients so long (T,)."""
    if diverged == 0:
        return (f"The loss of the initial point is infinite or NaN. {smaller_start(spec)}",)
    if diverged > 0:
        broken = "The walk" if spec.start.way.walks else "Training"
        return (
            f"{broken} diverged: by step {diverged} the loss or a weight had become infinite or NaN. "
            f"{smaller_steps(spec)}",
        )
    if not spec.start.way.trained:
        return ()  # no minimum was sought
    if not total[-1] <= total[0]:
        return (f"Training raised the loss from {total[0]:.3g} to {total[-1]:.3g}. {smaller_steps(spec)}",)
    if spec.start.steps and gradient_norm[-1] > STEEP:
        end = f"Not a minimum: the gradient norm at the end is {gradient_norm[-1]:.3g}."
        return (f"{end} {nearer_minimum(spec, total)}",)
    return ()


# ---------------------------------------------------------------------------------------------- tasks


def levels(spec: Training, key: str) -> list[Task]:
    """A chain of segments of about a quarter second, each ending in the answer so far."""
    points = len(recorded_steps(spec))
    per_step = step_seconds(spec.problem, spec.start.batch)
    per_step += loss_seconds(spec.problem) * points / (spec.start.steps + 1)
    length = max(1, int(PIECE / per_step), math.ceil(spec.start.steps / 400))
    state = Task(f"{key}-begin", _begin_task, (spec,), passing=True)
    for until in [*range(length, spec.start.steps, length), spec.start.steps]:
        count = min(length, until) if spec.start.steps else 0
        state = Task(f"{key}-to-{until}", _advance_task, (spec, state, until), count * per_step, count, passing=True)
    return [Task(key, _finish_task, (spec, state), spec=spec)]


def _begin_task(spec: Training) -> State:
    return _begin([spec])


def _advance_task(spec: Training, state: State, until: int) -> State:
    return _advance([spec], state, until)


def _finish_task(spec: Training, state: State) -> TrainingResult:
    return finish(spec, state, 0, _told(spec.start, state.diverged_at[0]))
