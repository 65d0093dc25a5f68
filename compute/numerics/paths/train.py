"""Trainings: the initial draw, an optimiser's steps, and the recorded trajectory."""

import copy
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import PIECE, training_seconds
from lossatlas.compute.numerics.kernels.training import trainer
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.advice import STEEP, nearer_minimum, smaller_start, smaller_steps
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.problem.initial import FIXED, INITS, initial
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.problem.schedules import CONSTANT, SCHEDULES
from lossatlas.compute.spec.tasks import Task

VERSIONS = (3,)
ORDER = 3  # number of the stream of random numbers
CHOSEN = 1 << 20  # patterns of batches that the compiled loop is given at a time
WHOLE = 64  # numbers: torch's loops over so many, or a multiple, have no rest that is computed otherwise


@dataclass(frozen=True)
class Recorded:
    """T recorded points: step (T,), six measures (T, 6) in the order of TrainingResult, theta (T, P)."""

    step: np.ndarray
    measures: np.ndarray
    theta: np.ndarray

    def before(self, step: int) -> "Recorded":
        """Those of earlier steps."""
        early = self.step < step
        return Recorded(self.step[early], self.measures[early], self.theta[early])


@dataclass(frozen=True)
class State:
    """Where a training stands: its point (P,), what its optimiser remembers, and what was recorded so far."""

    step: int
    theta: np.ndarray
    memory: Any
    recorded: tuple[Recorded, ...]
    diverged_at: int


def train(spec: Training) -> TrainingResult:
    """The answer to a training that is not rescaled; a training is the same to the bit in whatever company."""
    return _finish(spec, _advance(spec, _begin(spec), spec.start.steps))


def _finish(spec: Training, state: State) -> TrainingResult:
    told = _told(spec.start, state.diverged_at)
    return finish(spec, joined(spec, state.recorded), state.diverged_at, told)


def _begin(spec: Training) -> State:
    start = spec.start
    theta = initial(spec.problem, start.seed, start.init, start.init_range).astype(spec.problem.dtype)
    return State(0, theta, None, (), -1)


def _advance(spec: Training, state: State, until: int) -> State:
    """Train to step `until`, recording on the way; at the last step the final point is recorded too."""
    if state.diverged_at >= 0:
        return replace(state, step=until)
    start = spec.start
    quick = trainer.trusted(spec.problem, start.optimiser, start.values)
    return (_advance_compiled if quick else _advance_by_torch)(spec, state, until)


def _advance_compiled(spec: Training, state: State, until: int) -> State:
    """By compiled loops; what is remembered are the packed parameters and what goes with each."""
    start, ready = spec.start, trainer.Trainer.of(spec.problem)
    memory = ready.begin(state.theta) if state.memory is None else state.memory.copy()
    wanted, recorded, diverged = recorded_steps(spec), list(state.recorded), -1
    for begin, end in _pieces(start, state.step, until):
        here = wanted[(wanted >= begin) & (wanted < end + (end == start.steps))]
        kept = np.zeros(end - begin + (end == start.steps), bool)
        kept[here - begin] = True
        batches = _batches(start, ready.train.number, begin, end)
        ahead = trainer.Steps(start.optimiser, start.rates(begin, end), start.values, begin, batches)
        measures, points, diverged = ready.run(memory, ahead, kept)
        recorded.append(Recorded(here[: len(points)], measures, points))
        if diverged >= 0:
            break
    return State(until, ready.point(memory), memory, tuple(recorded), diverged)


def _pieces(start: Start, begin: int, until: int) -> Iterator[tuple[int, int]]:
    """Steps at a time, so that what is chosen for them fits in memory; one piece of none where there are none."""
    most = max(1, CHOSEN // max(1, start.batch))
    yield from ((at, min(at + most, until)) for at in range(begin, max(until, begin + 1), most))


def _advance_by_torch(spec: Training, state: State, until: int) -> State:
    """By torch, for every network and optimiser; what is remembered is the optimiser's own state."""
    start, loss = spec.start, make_loss(spec.problem)
    whole = torch.zeros(-(-len(state.theta) // WHOLE) * WHOLE, dtype=loss.parts["train"].x.dtype)
    theta, slopes = whole[: len(state.theta)], torch.zeros_like(whole)
    theta.copy_(torch.as_tensor(state.theta))
    optimiser = OPTIMISERS[start.optimiser].make(whole, start.rate, *start.values)
    if state.memory is not None:
        optimiser.load_state_dict(copy.deepcopy(state.memory))  # it keeps the tensors, and steps change them
    wanted, recorded, diverged = set(recorded_steps(spec).tolist()), list(state.recorded), -1
    rates, last = start.rates(state.step, until), until == start.steps
    for step in range(state.step, until + last):
        gradient = None
        if step in wanted:
            gradient, *measures = loss.with_gradient(theta)
            recorded.append(record(loss, step, theta, gradient, *measures))
            diverged = -1 if np.isfinite(recorded[-1].measures[0, 0]) else step
        if step == start.steps or diverged >= 0:
            break
        chosen = _batches(start, len(loss.parts["train"]), step, step + 1)
        if gradient is None or chosen:
            gradient = loss.gradient(theta, torch.as_tensor(chosen[0]) if chosen else None)
        slopes[: len(theta)] = gradient
        whole.grad = slopes
        optimiser.param_groups[0]["lr"] = float(rates[step - state.step])
        optimiser.step()
        if not torch.isfinite(theta).all():
            diverged = step + 1
            break
    return State(until, theta.numpy().copy(), optimiser.state_dict(), tuple(recorded), diverged)


def record(loss: Loss, step: int, theta: Tensor, gradient: Tensor, train: Tensor, accuracy: Tensor) -> Recorded:
    """A point theta (P,) with its gradient, data term and accuracy on the training patterns."""
    test, test_accuracy = loss.measure(theta, "test")
    norm = torch.linalg.vector_norm(gradient.double())
    measures = torch.stack([train, test, accuracy, test_accuracy, norm, loss.penalty(theta)])
    return Recorded(np.array([step]), measures.numpy()[None], theta.numpy().copy()[None])


def joined(spec: Training, parts: tuple[Recorded, ...]) -> Recorded:
    """One after the other."""
    nothing = np.empty((0, spec.problem.parameters), spec.problem.dtype)
    return Recorded(
        np.concatenate([np.empty(0, int), *(part.step for part in parts)]),
        np.concatenate([np.empty((0, 6)), *(part.measures for part in parts)]),
        np.concatenate([nothing, *(part.theta for part in parts)]),
    )


def _batches(start: Start, count: int, begin: int, end: int) -> tuple[np.ndarray, ...]:
    """The patterns of some steps; none where each sees all of them."""
    if start.batch == 0 or start.batch >= count:
        return ()
    return tuple(_batch(start, count, step) for step in range(begin, end))


def _batch(start: Start, count: int, step: int) -> np.ndarray:
    """The patterns of a step: each epoch is a new permutation by seed."""
    epoch, place = divmod(step, math.ceil(count / start.batch))
    return _permutation(start.seed, epoch, count)[place * start.batch : (place + 1) * start.batch]


@functools.lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    stream = np.random.SeedSequence(seed, spawn_key=(ORDER, epoch))
    return np.random.default_rng(stream).permutation(count)


def finish(spec: Training, recorded: Recorded, diverged: int, *notes: str) -> TrainingResult:
    """The answer, from all that was recorded."""
    kept = recorded if diverged < 0 else recorded.before(diverged)
    train_loss, test_loss, train_accuracy, test_accuracy, gradient_norm, penalty = kept.measures.T.copy()
    return TrainingResult(
        spec,
        kept.step,
        train_loss,
        test_loss,
        train_accuracy,
        test_accuracy,
        gradient_norm,
        penalty,
        theta=kept.theta,
        diverged_at=diverged,
        notes=notes,
        warnings=warnings(spec, diverged, train_loss + penalty, gradient_norm),
    )


def _told(start: Start, diverged: int) -> str:
    """By what, and how far, from where."""
    batch = f"batches of {start.batch}" if start.batch else "full batch"
    fixed = INITS[start.init].label if start.init in FIXED else ""
    drawn = f"from {fixed}" if fixed else f"from seed {start.seed}"
    far = f"{start.steps} steps" if diverged < 0 else f"stopped by step {diverged} of {start.steps},"
    rate = f"rate {start.rate:g}" + ("" if start.schedule == CONSTANT else f", {SCHEDULES[start.schedule].label}")
    how = f"{start.label}, {rate}, {batch}, {far} {drawn}."
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
    """A chain of segments of about a quarter second; a short training is one task."""
    steps = spec.start.steps
    per_step = training_seconds(spec.problem, spec.start.batch, len(recorded_steps(spec)) / (steps + 1))
    length = max(1, int(PIECE / per_step), math.ceil(steps / 400))
    state: Task | None = None
    for until in range(length, steps, length):
        state = Task(f"{key}-to-{until}", _advance_task, (spec, state, until), length * per_step, length, passing=True)
    rest = steps - (steps - 1) // length * length if steps else 0
    return [Task(key, _finish_task, (spec, state), rest * per_step, rest, spec=spec)]


def _advance_task(spec: Training, state: State | None, until: int) -> State:
    return _advance(spec, state or _begin(spec), until)


def _finish_task(spec: Training, state: State | None) -> TrainingResult:
    return _finish(spec, _advance_task(spec, state, spec.start.steps))
