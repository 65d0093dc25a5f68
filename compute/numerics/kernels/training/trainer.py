"""Trainings by compiled loops: which are served, and their steps.

A training is stepped alone, so that it is what it is in any company. Before the loop is first used for a problem, its
loss and gradient are compared with torch's on a few points of it, and its optimiser's steps with torch's. Without numba
nothing is served here.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lossatlas.compute.numerics.cost import looped, patterns
from lossatlas.compute.numerics.kernels.agreement import excess, in_double
from lossatlas.compute.numerics.loss import Loss, Part, make_loss, parts_of, patterns_asked
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.optimisers import OPTIMISERS

try:
    from lossatlas.compute.numerics.kernels.training import loop, pointwise, tiles
    from lossatlas.compute.numerics.kernels.training.tiles import LANES
except (ImportError, RuntimeError):  # RuntimeError: numba finds no folder that it may keep compiled code in
    AVAILABLE = False
else:
    AVAILABLE = True

POINTS, PATTERNS, STEPS, RATE = 3, 192, 3, 0.01  # of the self-check
WIDTHS = 64, 256  # patterns of a block: at least, and at most
BLOCK = 1 << 16  # numbers of all layers and inputs in a block, so that they stay in the L2 cache
MANY = 64  # inputs from which on patterns are read as rows: once from memory for a step, not twice


# ---------------------------------------------------------------------------------------------- which are served


def serves(problem: Problem, optimiser: str) -> bool:
    """Whether the loop can train a problem."""
    return (
        AVAILABLE
        and looped(problem)
        and all(name in pointwise.SLOPES for name, _, _ in problem.blend)
        and (problem.loss in pointwise.COSTS or problem.loss == pointwise.SOFTMAX)
        and optimiser in pointwise.UPDATES
    )


@functools.lru_cache(maxsize=256)
def trusted(problem: Problem, optimiser: str, values: tuple[float, ...]) -> bool:
    """Whether the loop can train a problem by an optimiser with such values of its options, and does it as torch."""
    if not serves(problem, optimiser):
        return False
    off = max(worst(problem), worst_step(optimiser, values, problem.dtype))
    if off > 1.0:
        logging.getLogger(__name__).warning(
            "Compiled trainings are off by %.2g times what is allowed on %s with %s by %s; torch's are used.",
            off, problem.architecture, problem.unit.label, OPTIMISERS[optimiser].label,
        )  # fmt: skip
    return off <= 1.0


@functools.lru_cache(maxsize=256)
def worst(problem: Problem) -> float:
    """The largest error of loss and gradient on a few patterns, as a multiple of what is allowed."""
    whole = make_loss(problem)
    few = replace(whole, parts={name: part.first(PATTERNS) for name, part in whole.parts.items()})
    width = width_of(problem, len(few.parts["train"]))
    train, test = (patterns_of(few.parts[name], width, name == "train") for name in ("train", "test"))
    points = np.stack([initial(problem, seed, "auto", 1.0) for seed in range(POINTS)]).astype(problem.dtype)
    trainer = Trainer.on(problem, train, test, width)
    mine = [np.stack(side) for side in zip(*(trainer.measure(point) for point in points), strict=True)]
    plain, exact = (_looped(of, points) for of in (few, in_double(few)))
    return max(excess(*three, problem.dtype) for three in zip(mine, plain, exact, strict=True))


def _looped(loss: Loss, points: np.ndarray) -> list[np.ndarray]:
    thetas = torch.as_tensor(points).to(loss.parts["train"].x.dtype)
    gradient, term, _ = loss.with_gradient(thetas)
    test = loss.measure(thetas, "test")[0]
    return [gradient.numpy(), torch.stack([term, test], -1).nan_to_num().numpy()]


@functools.lru_cache(maxsize=256)
def worst_step(optimiser: str, values: tuple[float, ...], dtype: str) -> float:
    """The largest error of a few steps of some numbers, as a multiple of what is allowed."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=8 * LANES).astype(dtype), rng.normal(size=(STEPS, 8 * LANES)).astype(dtype)
    mine, memory = start.copy(), np.zeros((2, len(start)), dtype)
    for row, gradient in zip(
        coefficients_of(optimiser, 0, np.full(STEPS, RATE), values, dtype), gradients, strict=True
    ):
        loop.step_once(pointwise.update_pass(optimiser, dtype), mine, gradient, *memory, row)
    plain, exact = (_stepped(optimiser, values, start.astype(of), gradients) for of in (dtype, "float64"))
    return excess(mine, plain, exact, dtype)


def _stepped(optimiser: str, values: tuple[float, ...], start: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    theta = torch.as_tensor(start)
    stepped = OPTIMISERS[optimiser].make(theta, RATE, *values)
    for gradient in gradients:
        theta.grad = torch.as_tensor(gradient.astype(start.dtype))
        stepped.step()
    return theta.numpy()


# ---------------------------------------------------------------------------------------------- parameters


@dataclass(frozen=True)
class Shape:
    """Where the numbers of a network stand: `net` (layers, loop.COLUMNS); how long packed parameters are, and scratch:
    `space` for a block of one pattern, `turned` for one of `width`, `moments`; `places` (P,) of a point among packed
    parameters.
    """

    net: np.ndarray
    parameters: int
    space: int
    turned: int
    moments: int
    places: np.ndarray


def _padded(count: int) -> int:
    return -(-count // LANES) * LANES


@functools.lru_cache(maxsize=64)
def shape_of(layers: tuple[Layer, ...], width: int) -> Shape:
    """For blocks of at most so many patterns."""
    net, places = np.zeros((len(layers), loop.COLUMNS), np.int64), []
    parameters = space = moments = 0
    turned = layers[0].fan_in * _padded(layers[0].units) + width * _padded(layers[0].units)
    for depth, layer in enumerate(layers):
        inputs, units = layer.fan_in, layer.units
        row, wide = _padded(inputs), _padded(units)
        bias = parameters + units * row
        gain = bias + wide
        parts = [space + units * part for part in range(6)]
        net[depth] = (
            inputs,
            units,
            row,
            parameters,
            bias,
            gain if layer.norm else -1,
            layer.skip,
            *parts,
            turned,
            moments,
        )
        weights = parameters + row * np.arange(units)[:, None] + np.arange(inputs)
        behind = [bias, gain, gain + wide] if layer.norm else [bias]
        places += [weights.ravel(), *(begin + np.arange(units) for begin in behind)]
        parameters = bias + wide * len(behind)
        space, moments, turned = space + 6 * units, moments + 2 * units, turned + row * width
    return Shape(net, parameters, space, turned, moments + 2, np.concatenate(places))


# ---------------------------------------------------------------------------------------------- patterns


@dataclass(frozen=True)
class Patterns:
    """A part in blocks of patterns: x (blocks, D, width), y (blocks, K, width), and as rows (N, padded D) and (N, K),
    all flat; labels (N,), −1 in a regression. Where patterns have many inputs only their rows are kept.
    """

    x: np.ndarray
    y: np.ndarray
    by_pattern: np.ndarray
    targets: np.ndarray
    labels: np.ndarray
    number: int


def patterns_of(part: Part, width: int, trained: bool) -> Patterns:
    """`trained`: as rows too, as gradients read them."""
    x, y, count = part.x.numpy(), part.y.numpy(), len(part)
    many = x.shape[1] >= MANY
    rows = np.zeros((count if trained or many else 0, _padded(x.shape[1])), x.dtype)
    rows[:, : x.shape[1]] = x[: len(rows)]
    labels = np.full(count, -1) if part.labels is None else part.labels.numpy()
    return Patterns(_blocks(x[:0] if many else x, width), _blocks(y, width), rows.ravel(), y.ravel(), labels, count)


def _blocks(rows: np.ndarray, width: int) -> np.ndarray:
    count = -(-len(rows) // width)
    filled = np.zeros((count * width, rows.shape[1]), rows.dtype)
    filled[: len(rows)] = rows
    return np.ascontiguousarray(filled.reshape(count, width, rows.shape[1]).transpose(0, 2, 1)).ravel()


def width_of(problem: Problem, count: int) -> int:
    """Patterns of a block; BatchNorm ties all of them together."""
    if problem.norm == "batch":
        return _padded(count)
    most = BLOCK // (problem.sizes[0] + 3 * sum(problem.sizes[1:])) // WIDTHS[0] * WIDTHS[0]
    most = min(max(most, WIDTHS[0]), WIDTHS[1])
    return _padded(-(-count // max(1, -(-count // most))))


@functools.lru_cache(maxsize=2)
def _blocks_of(asked: tuple, width: int) -> tuple[Patterns, Patterns]:
    parts = parts_of(*asked)
    return patterns_of(parts["train"], width, True), patterns_of(parts["test"], width, False)


# ---------------------------------------------------------------------------------------------- steps


@dataclass(frozen=True)
class Steps:
    """What steps: an optimiser, the learning rate of each step (S,), the values of its options, how many steps were
    taken before, and of each the patterns chosen; all of them where that is empty.
    """

    optimiser: str
    rates: np.ndarray
    values: tuple[float, ...]
    done: int = 0
    chosen: tuple[np.ndarray, ...] = ()


NONE = Steps("sgd", np.empty(0), ())


@dataclass(frozen=True)
class Trainer:
    """A problem made ready for the loop, with scratch of its own: not for two threads at a time."""

    problem: Problem
    shape: Shape
    train: Patterns
    test: Patterns
    width: int
    scratch: tuple[np.ndarray, ...]  # gradient, space, turned, moments, spare

    @classmethod
    def of(cls, problem: Problem) -> "Trainer":
        """For all patterns of the problem."""
        width = width_of(problem, patterns(problem))
        return cls.on(problem, *_blocks_of(patterns_asked(problem), width), width)

    @classmethod
    def on(cls, problem: Problem, train: Patterns, test: Patterns, width: int) -> "Trainer":
        """For some patterns in blocks."""
        shape, dtype = shape_of(problem.layers, width), problem.dtype
        spare = max(2 * max(problem.hidden, default=0), problem.outputs + 1) * width
        scratch = (np.zeros(shape.parameters, dtype), np.zeros(shape.space * width, dtype),
                   np.zeros(shape.turned, dtype), np.zeros(shape.moments), np.zeros(spare, dtype))  # fmt: skip
        return cls(problem, shape, train, test, width, scratch)

    def begin(self, theta: np.ndarray) -> np.ndarray:
        """Parameters, and what an optimiser remembers, (3, packed), of a point (P,) before the first step."""
        state = np.zeros((3, self.shape.parameters), self.problem.dtype)
        state[0, self.shape.places] = theta
        return state

    def point(self, state: np.ndarray) -> np.ndarray:
        """(P,) of what `begin` made."""
        return state[0, self.shape.places]

    def measure(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (P,) of the total loss, and the data terms of the parts, (2,)."""
        record = self.run(self.begin(theta), NONE, np.ones(1, bool))[0]
        return self.scratch[0][self.shape.places], np.nan_to_num(record[0, :2])

    def run(self, state: np.ndarray, steps: Steps, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Step on in place. `wanted` (S,), or (S + 1,) for the end too: whether a point is recorded.

        Returns:
            Of T recorded points (T, 6): data terms of training and test part, their accuracies, the gradient's norm and
            the penalty; the points (T, P); and the step at which it diverged, or −1.
        """
        problem, shape, (train, test) = self.problem, self.shape, (self.train, self.test)
        dtype, criterion = np.dtype(problem.dtype).type, problem.criterion
        record, points = np.empty((wanted.sum(), 6)), np.empty((wanted.sum(), problem.parameters), dtype)
        first, *second = problem.blend
        acts = [pointwise.activation_pass(name, problem.dtype) for name, _, _ in (first, *(second or [first]))]
        parameters = np.array([first[1], (second or [first])[0][1], first[2], (second or [first])[0][2]], dtype)
        coefficients = coefficients_of(steps.optimiser, steps.done, steps.rates, steps.values, problem.dtype)
        kept, diverged = loop.train(
            shape.net, *state[:1], self.scratch[0], *state[1:], *self.scratch[1:], tiles.product_pass(problem.dtype),
            train.x, train.by_pattern, train.y, train.targets, train.labels, train.number,
            test.x, test.by_pattern, test.y, test.labels, test.number, self.width, *self._batches(steps.chosen),
            *acts, parameters, bool(second), pointwise.criterion_pass(problem.loss, problem.dtype),
            dtype(criterion.cut), criterion.coupled, pointwise.update_pass(steps.optimiser, problem.dtype),
            coefficients, np.array([2 * problem.l2], dtype), steps.done, wanted, shape.places, record, points,
        )  # fmt: skip
        record = record[:kept]
        record[:, 5] = problem.l2 * record[:, 5] if problem.l2 else 0.0  # the square may be infinite
        return record, points[:kept], diverged

    def _batches(self, chosen: tuple[np.ndarray, ...]) -> tuple[Any, ...]:
        """The rows of all batches, where each begins, and room for one in blocks."""
        most = max((len(rows) for rows in chosen), default=0)
        narrow = min(self.width, _padded(most))
        full, inputs = (-(-most // narrow) * narrow if most else 0), self.problem.sizes[0]
        sizes = (inputs if inputs < MANY else 0, _padded(inputs), self.problem.outputs)
        room = [np.zeros(full * size, self.problem.dtype) for size in sizes]
        cuts = np.cumsum([0, *map(len, chosen)]) if chosen else np.empty(0, int)
        return np.concatenate([*chosen, np.empty(0, int)]), cuts, *room, narrow


def coefficients_of(optimiser: str, done: int, rates: np.ndarray, values: Sequence[float], dtype: str) -> np.ndarray:
    """(S, C) of the steps that follow so many."""
    steps = np.arange(done + 1, done + 1 + len(rates), dtype=float)
    columns = pointwise.UPDATES[optimiser].rates(steps, rates, *values)
    found = np.empty((len(rates), len(columns)), dtype)
    for place, column in enumerate(columns):
        found[:, place] = column
    return found
