"""Walks over the loss landscape: from random points, in steps whose directions come from gradient signs or from chance.

A walk depends on its number, the seed and the problem only: it is the same to the last bit whether it is taken alone
or among thousands, in one go or in segments.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.kernels import gradients
from lossatlas.compute.numerics.loss import Loss, Part, make_loss
from lossatlas.compute.numerics.paths.walk_kinds import KINDS, MOST_BYTES, Kind, Walks
from lossatlas.compute.spec.options import BadSpec

ORDER, DRAW = 3, 4  # numbers of the streams of random numbers: of the batches, as in a training, and of the walks
START, STEPS = 0, 1  # streams of one walk
DRAWS = 1 << 16  # random numbers at a time: 512 KB stay in L2
NUMBERS = 1 << 17  # pre-activations at a time where torch evaluates several walks together (as a slice's chunk)
MOST = 256  # walks that torch takes together
MOST_BATCHED = 16  # in mini-batches, where the test part fills the cache anyway: a walk costs the same from 16 on

Full = tuple[np.ndarray, np.ndarray]  # theta and heading of a whole block
Streams = list[np.random.Generator]  # of the walks of a block that are asked for


@dataclass(frozen=True)
class WalksResult:
    """Recorded at every step before it is taken, so that column 0 is the start and column T the end.

    Of walks in mini-batches loss, gradient and accuracy are those of the batch that the step is taken by.

    Attributes:
        loss: (W, T + 1) total training loss, the penalty included.
        gradient_norm: (W, T + 1) Euclidean norm of its gradient.
        accuracy: (W, T + 1) on the training part; NaN for a regression.
        test_loss, test_accuracy: (W, T + 1) data term on the test part; NaN where not asked for or without one.
        theta: (W, T + 1, P) in the problem's dtype; (W, 0, P) where not asked for.
        broken_at: (W,) the first step whose loss or gradient is infinite or NaN; −1 if none is. Such a walk goes on
            and is kept as it is: an undefined slope moves a weight up, as a slope of 0 does.
    """

    spec: Walks
    loss: np.ndarray
    gradient_norm: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    theta: np.ndarray
    broken_at: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """Where some consecutive walks stand after `step` steps, and what they recorded.

    Attributes:
        first: number of the first of them.
        theta: (w, P) in the problem's dtype. heading: (w, P) of −1 and 1.
        record: (w, step, 5) total loss, gradient norm, accuracy, test loss, test accuracy; step + 1 at the end.
        points: (w, step, P), or (w, 0, P) where not asked for.
    """

    step: int
    first: int
    theta: np.ndarray
    heading: np.ndarray
    record: np.ndarray
    points: np.ndarray


def run_walks(spec: Walks, points: bool = False, held_out: bool = False) -> WalksResult:
    """All walks of a question.

    Args:
        points: keep the points visited. held_out: record the loss and accuracy of the test part too.

    Raises:
        BadSpec: the points would take more than MOST_BYTES.
    """
    return finish(spec, [advance(spec, begin(spec), spec.walk.walk_steps, points, held_out)])


def begin(spec: Walks, first: int = 0, count: int | None = None) -> State:
    """`count` walks from number `first` on, all of them if not given, where they start."""
    numbers = range(first, first + (spec.count - first if count is None else count))
    theta = np.empty((len(numbers), spec.problem.parameters), spec.problem.dtype)
    heading = np.empty(theta.shape, np.int8)
    for place, number in enumerate(numbers):
        theta[place], heading[place] = _start(spec, number)
    none = np.empty((len(numbers), 0, theta.shape[1]), theta.dtype)
    return State(0, first, theta, heading, np.empty((len(numbers), 0, 5)), none)


def _start(spec: Walks, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A walk's first point (P,), float64, and the coordinates' headings (P,).

    Of a progressive random walk the zone is a corner of the cube, drawn at random; the start is uniform in the half of
    every coordinate's range that the corner lies in. (In Malan & Engelbrecht 2014 one coordinate, drawn at random,
    stands on the edge itself; in PGW 2018's walks none does.)
    """
    rng, P, b = stream(spec, number, START), spec.problem.parameters, spec.walk.walk_range
    theta = rng.uniform(-b, b, P)
    if KINDS[spec.walk.walk].sense != "heading":
        return theta, np.ones(P, np.int8)
    heading = rng.choice(np.array([-1, 1], np.int8), P)
    return -heading * (b - np.abs(theta)), heading


def stream(spec: Walks, number: int, which: int, skipped: int = 0) -> np.random.Generator:
    """The random numbers of one walk, after the first `skipped`."""
    seed = np.random.SeedSequence(spec.walk.walk_seed, spawn_key=(DRAW, number, which))
    return np.random.Generator(np.random.PCG64(seed).advance(skipped))


def advance(spec: Walks, state: State, until: int, points: bool = False, held_out: bool = False) -> State:
    """Walk to step `until`; at the last step the end is recorded too. Arguments and errors as `run_walks`."""
    loss, steps = make_loss(spec.problem), until - state.step
    if not held_out:
        loss = replace(loss, parts={"train": loss.parts["train"], "test": _nothing(loss.parts["test"])})
    rows = steps + (until == spec.walk.walk_steps)
    _refuse_points(spec, state, rows if points else 0)
    theta, heading = state.theta.copy(), state.heading.copy()
    record = np.empty((len(theta), rows, 5))
    kept = np.empty((len(theta), rows if points else 0, theta.shape[1]), theta.dtype)
    _way(spec)(spec, loss, state, theta, heading, record, kept)
    return State(
        until,
        state.first,
        theta,
        heading,
        np.concatenate([state.record, record], 1),
        np.concatenate([state.points, kept], 1),
    )


def _way(spec: Walks) -> Callable[..., None]:
    """The function that takes the walks; chosen by the problem alone, or equal walks would differ by rounding."""
    if not _whole(spec) or not gradients.trusted(spec.problem):
        return _take_blocks
    return _take_few if gradients.few_patterns(spec.problem) else _take_compiled


def together(spec: Walks) -> int:
    """How many walks cost as much as one: they are taken in blocks of so many, by number, and others are idle."""
    if not _whole(spec) or not gradients.serves(spec.problem):
        return _block_size(spec)
    return gradients.TOGETHER if gradients.few_patterns(spec.problem) else 1


def _whole(spec: Walks) -> bool:
    """Whether each step sees all patterns."""
    return not spec.walk.walk_batch or spec.walk.walk_batch >= patterns(spec.problem)


def _nothing(part: Part) -> Part:
    return Part(part.x[:0], part.y[:0], None if part.labels is None else part.labels[:0])


def _refuse_points(spec: Walks, state: State, rows: int) -> None:
    need = (state.points.shape[1] + rows) * state.theta.nbytes
    if need > MOST_BYTES:
        raise BadSpec(
            f"The points kept of walks must fit in {MOST_BYTES / 1e6:.0f} MB; {len(state.theta):,} walks of "
            f"{spec.problem.parameters:,} parameters take {need / 1e6:,.0f} MB. Ask for fewer walks or steps at a time."
        )


def _take_compiled(
    spec: Walks, loss: Loss, state: State, theta: np.ndarray, heading: np.ndarray, record: np.ndarray, kept: np.ndarray
) -> None:
    """One walk after another."""
    net, width = gradients.net_of(loss), gradients.width_of(loss.parts["train"])
    train, test = (gradients.patterns_of(loss.parts[name], width) for name in ("train", "test"))
    kind, P = KINDS[spec.walk.walk], theta.shape[1]
    rule = gradients.rule(kind.sense, kind.edge, spec.longest, spec.walk.walk_range)
    for w, point in enumerate(theta):
        rng = stream(spec, state.first + w, STEPS, state.step * P)
        for rows, last in _pieces(spec, state.step, record.shape[1], max(1, DRAWS // P)):
            draws = rng.random((0 if last else rows.stop - rows.start, P))
            points = kept[w, rows]
            gradients.walk(net, train, test, rule, point, heading[w], draws, last, record[w, rows], points)


def _pieces(spec: Walks, begin: int, count: int, most: int) -> Iterator[tuple[slice, bool]]:
    """Rows of the record at most so many at a time, the end of the walks by itself, and whether it is that."""
    steps = min(count, spec.walk.walk_steps - begin)
    for row in range(0, steps, most):
        yield slice(row, min(steps, row + most)), False
    if steps < count:
        yield slice(steps, count), True


def _take_few(
    spec: Walks, loss: Loss, state: State, theta: np.ndarray, heading: np.ndarray, record: np.ndarray, kept: np.ndarray
) -> None:
    """Side by side, on but a few patterns."""
    net, copies = gradients.net_of(loss), gradients.copies_of(loss.parts["train"])
    kind = KINDS[spec.walk.walk]
    rule = gradients.rule(kind.sense, kind.edge, spec.longest, spec.walk.walk_range)

    def take(full: Full, place: slice, streams: Streams, record: np.ndarray, kept: np.ndarray) -> None:
        theta, heading = (np.ascontiguousarray(side.T) for side in full)
        for rows, draws in _draws(spec, state.step, record.shape[1], len(full[0]), place, streams):
            part = np.zeros((len(full[0]), rows.stop - rows.start, 5))
            points = np.zeros((len(full[0]), rows.stop - rows.start if kept.shape[1] else 0, len(theta)), theta.dtype)
            gradients.walk_together(net, copies, rule, theta, heading, draws, not draws.shape[1], part, points)
            record[:, rows], kept[:, rows] = part[place], points[place]
        full[0][:], full[1][:] = theta.T, heading.T

    _in_blocks(spec, gradients.TOGETHER, state, theta, heading, record, kept, take)


def _take_blocks(
    spec: Walks, loss: Loss, state: State, theta: np.ndarray, heading: np.ndarray, record: np.ndarray, kept: np.ndarray
) -> None:
    """By torch, several at a time."""
    kind = KINDS[spec.walk.walk]

    def take(full: Full, place: slice, streams: Streams, record: np.ndarray, kept: np.ndarray) -> None:
        theta, heading = full
        for rows, draws in _draws(spec, state.step, record.shape[1], len(theta), place, streams):
            for row in range(rows.start, rows.stop):
                if kept.shape[1]:
                    kept[:, row] = theta[place]
                gradient, measured = _measure(spec, loss, theta, state.step + row)
                record[:, row] = measured[place]
                if draws.shape[1]:
                    now = draws[:, row - rows.start]
                    step(kind, theta, gradient, heading, now, spec.longest, spec.walk.walk_range)

    _in_blocks(spec, _block_size(spec), state, theta, heading, record, kept, take)


def _in_blocks(
    spec: Walks, size: int, state: State, theta: np.ndarray, heading: np.ndarray, record: np.ndarray, kept: np.ndarray,
    take: Callable[..., None],
) -> None:  # fmt: skip
    """Walks in blocks of fixed size: take(full, place, streams, record, kept) for each.

    A walk's place in its block is its number modulo the size, and the places of walks not asked for are filled with
    zeros: a product of many may round differently at another place or in another size, so neither may change.
    """
    for begin in range(state.first // size * size, state.first + len(theta), size):
        numbers = range(max(begin, state.first), min(begin + size, state.first + len(theta)))
        mine, place = (slice(numbers.start - n, numbers.stop - n) for n in (state.first, begin))
        full = np.zeros((size, theta.shape[1]), theta.dtype), np.ones((size, theta.shape[1]), np.int8)
        full[0][place], full[1][place] = theta[mine], heading[mine]
        streams = [stream(spec, number, STEPS, state.step * theta.shape[1]) for number in numbers]
        take(full, place, streams, record[mine], kept[mine])
        theta[mine], heading[mine] = full[0][place], full[1][place]


def _draws(
    spec: Walks, begin: int, count: int, size: int, place: slice, streams: Streams
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows of the record and the random numbers (size, rows, P) of their steps; none for the end of the walks."""
    P = spec.problem.parameters
    for rows, last in _pieces(spec, begin, count, max(1, DRAWS // (P * size))):
        draws = np.zeros((size, 0 if last else rows.stop - rows.start, P))
        for mine, own in zip(draws[place], streams, strict=True):
            own.random(out=mine)
        yield rows, draws


def _block_size(spec: Walks) -> int:
    """A power of two, so that whole blocks fill the cache."""
    count = min(spec.walk.walk_batch or math.inf, patterns(spec.problem))
    most = MOST if _whole(spec) else MOST_BATCHED
    return 2 ** int(math.log2(min(most, max(1, NUMBERS // (count * sum(spec.problem.sizes[1:]))))))


def _measure(spec: Walks, loss: Loss, theta: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (w, P) and what is recorded (w, 5)."""
    points = torch.as_tensor(theta)
    gradient, term, accuracy = of_batch(spec, loss, at).with_gradient(points)
    norm = torch.linalg.vector_norm(gradient.double(), dim=-1)
    measures = [term + loss.penalty(points), norm, accuracy, *loss.measure(points, "test")]
    return gradient.numpy(), torch.stack(measures, 1).numpy()


def of_batch(spec: Walks, loss: Loss, at: int) -> Loss:
    """The loss on the patterns of a step: all, or a batch, each epoch in a new order by seed."""
    where, size = loss.parts["train"], spec.walk.walk_batch
    if not size or size >= len(where):
        return loss
    epoch, place = divmod(at, math.ceil(len(where) / size))
    rows = _permutation(spec.walk.walk_seed, epoch, len(where))[place * size : (place + 1) * size]
    some = Part(where.x[rows], where.y[rows], None if where.labels is None else where.labels[rows])
    return replace(loss, parts=loss.parts | {"train": some})


@functools.lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> torch.Tensor:
    stream = np.random.SeedSequence(seed, spawn_key=(ORDER, epoch))
    return torch.as_tensor(np.random.default_rng(stream).permutation(count))


def step(
    kind: Kind, theta: np.ndarray, gradient: np.ndarray, heading: np.ndarray, draws: np.ndarray,
    longest: float, bound: float,
) -> None:  # fmt: skip
    """Move theta (w, P) and heading (w, P) in place by draws (w, P), uniform in [0, 1)."""
    if kind.sense == "random":
        move = (longest * (2.0 * draws - 1.0)).astype(theta.dtype)
    else:
        size = (longest * draws).astype(theta.dtype)
        move = np.where(gradient > 0, -size, size) if kind.sense == "gradient" else heading * size
    reached, edge = theta + move, theta.dtype.type(bound)
    out = np.abs(reached) > edge
    theta[...] = reached if kind.edge == "none" else np.where(out, theta - move, reached)
    if kind.edge == "turned":
        heading[out] *= -1


def finish(spec: Walks, states: list[State]) -> WalksResult:
    """The answer, from the ends of consecutive groups of walks."""
    record = np.concatenate([state.record for state in states])
    loss, gradient_norm, accuracy, test_loss, test_accuracy = np.moveaxis(record, 2, 0)
    broken_at = first_broken(loss, gradient_norm)
    return WalksResult(
        spec,
        loss,
        gradient_norm,
        accuracy,
        test_loss,
        test_accuracy,
        theta=np.concatenate([state.points for state in states]),
        broken_at=broken_at,
        notes=notes(spec, len(record)),
        warnings=told_broken(broken_at),
    )


def first_broken(loss: np.ndarray, gradient_norm: np.ndarray) -> np.ndarray:
    """(W,) of each walk (W, T + 1) the first step whose loss or gradient is infinite or NaN; −1 if none is."""
    broken = ~(np.isfinite(loss) & np.isfinite(gradient_norm))
    return np.where(broken.any(1), broken.argmax(1), -1)


def notes(spec: Walks, count: int) -> tuple[str, ...]:
    walk, kind = spec.walk, KINDS[spec.walk.walk]
    bounds = "unbounded" if kind.edge == "none" else "kept"
    what = (
        f"{count} walks, {kind.label}, {walk.walk_steps} steps of at most {spec.longest:g} a weight, from points in "
        f"[−{walk.walk_range:g}, {walk.walk_range:g}], {bounds} there, seed {walk.walk_seed}, {spec.problem.dtype}."
    )
    if _whole(spec):
        return (what,)
    return (
        what,
        f"Loss, gradient and accuracy are those of each step's batch of {walk.walk_batch} patterns, not of all.",
    )


def told_broken(broken_at: np.ndarray, first: int = 0) -> tuple[str, ...]:
    """A sentence that counts and names the walks that overflowed; `first` is the first one's number."""
    numbers = np.flatnonzero(broken_at >= 0)
    if not len(numbers):
        return ()
    named = ", ".join(map(str, first + numbers[:10])) + (" …" if len(numbers) > 10 else "")
    return (
        f"{len(numbers)} of {len(broken_at)} walks met an infinite or NaN loss or gradient (numbers {named}; the "
        f"earliest at step {broken_at[numbers].min()}). They are kept as they are.",
    )
