"""Losses and gradients at many points, and whole walks, as compiled loops: one hidden layer, float32.

One point at a time in the core's cache, so that what a point gives never depends on how many are asked for. Slopes are
written as torch's own backward passes write them (tanh: 1 − a²): they are exactly 0 where a unit is saturated to the
last bit of float32, as torch's are. Without numba nothing is served here.
"""

import functools
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy import float32 as f

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.kernels.agreement import excess, in_double
from lossatlas.compute.numerics.loss import Loss, Part, make_loss
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem

try:
    from numba import njit

    from lossatlas.compute.numerics.kernels import scalars
except ImportError:
    njit = None  # type: ignore[assignment]

SINGLE = "float32"  # the only format served
POINTS, PATTERNS = 4, 192  # of the self-check
WIDTH = 256  # patterns at a time: 32 inputs of them are 32 KB (Heart, µs a step; 128: 31, 256: 25, 736: 25)
LANES = 16  # elementwise passes run over whole vectors of so many numbers
TOGETHER, FEW = 32, 16  # walks side by side where there are but few patterns (XOR, µs a step; alone: 0.8, 32: 0.17)

ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "hardtanh", "softsign", "relu", "leaky_relu", "relu6", "elu", "selu", "celu",
    "silu", "gaussian", "quadratic", "threshold",
)  # fmt: skip
(
    IDENTITY, SIGMOID, TANH, HARDTANH, SOFTSIGN, RELU, LEAKY_RELU, RELU6, ELU, SELU, CELU,
    SILU, GAUSSIAN, QUADRATIC, THRESHOLD,
) = range(15)  # fmt: skip
COSTS = ("sigmoid_cross_entropy", "softmax_cross_entropy", "squared_error", "sigmoid_squared_error")
CROSS_ENTROPY, SOFTMAX, SQUARE, SIGMOID_SQUARE = range(4)
SENSES = ("gradient", "random", "heading")  # what gives a step its direction
EDGES = ("none", "negated", "turned")  # what becomes of a step that would leave [−b, b]
BY_GRADIENT, AT_RANDOM, BY_HEADING = range(3)
NO_EDGE, NEGATED, TURNED = range(3)
SELU_SCALE, SELU_ALPHA = f(1.0507009873554805), f(1.6732632423543772)


class Net(NamedTuple):
    """The network as numbers that a compiled loop can read."""

    inputs: int
    hidden: int
    outputs: int
    activation: int
    parameter: np.float32
    cost: int
    cut: np.float32
    l2: np.float32


class Patterns(NamedTuple):
    """Patterns in blocks of equal width, as columns: x (blocks, D, width), y (blocks, K · width, padded), label
    (blocks, width); −1 in a regression.
    """

    x: np.ndarray
    y: np.ndarray
    label: np.ndarray
    number: int


class Rule(NamedTuple):
    """How a walk steps; see walks.py."""

    sense: int
    edge: int
    size: float
    bound: np.float32


@functools.lru_cache(maxsize=256)
def trusted(problem: Problem) -> bool:
    """Whether the functions here serve a problem and agree with torch's gradients on a few points of it."""
    if not serves(problem):
        return False
    off = worst(make_loss(problem))
    if off > 1.0:
        logging.getLogger(__name__).warning(
            "Compiled gradients are off by %.2g times what is allowed on %s with %s; torch's are used.",
            off, problem.architecture, problem.unit.label,
        )  # fmt: skip
    return off <= 1.0


def worst(loss: Loss) -> float:
    """The largest error of loss and gradient on a few patterns, as a multiple of what is allowed."""
    single = replace(loss, parts={"train": loss.parts["train"].first(PATTERNS)})
    double = in_double(single)
    points = np.stack([initial(loss.problem, seed, "auto", 1.0) for seed in range(POINTS)]).astype(np.float32)
    mine = with_gradient(single, points)
    plain, exact = ([v.numpy() for v in of.with_gradient(torch.as_tensor(points).to(of.parts["train"].x))]
                    for of in (single, double))  # fmt: skip
    found = max(excess(*three, SINGLE) for three in zip(mine[:2], plain[:2], exact[:2], strict=True))
    if not few_patterns(loss.problem):
        return found
    penalty = single.penalty(torch.as_tensor(points)).numpy()
    looped, true = ([of[1] + penalty, np.linalg.norm(of[0].astype(float), axis=1)] for of in (plain, exact))
    beside = together_at(single, points).T
    return max(found, *(excess(*three, SINGLE) for three in zip(beside, looped, true, strict=True)))


def together_at(loss: Loss, points: np.ndarray) -> np.ndarray:
    """Total losses and gradient norms (B, 2) at points (B, P), B ≤ TOGETHER, as `walk_together` has them."""
    theta = np.zeros((points.shape[1], TOGETHER), np.float32)
    theta[:, : len(points)] = points.T
    record, none = np.empty((TOGETHER, 1, 5)), np.empty((TOGETHER, 0, len(theta)))
    start, heading = rule("gradient", "none", 0.0, 1.0), np.ones(theta.shape, np.int8)
    walk_together(
        net_of(loss), copies_of(loss.parts["train"]), start, theta, heading, none, True, record, none.astype(np.float32)
    )
    return record[: len(points), 0, :2]


def serves(problem: Problem) -> bool:
    """Whether the functions here can be used."""
    return (
        njit is not None
        and problem.plain
        and len(problem.hidden) == 1
        and problem.dtype == "float32"
        and not problem.mixed
        and problem.activation in ACTIVATIONS
        and problem.loss in COSTS
    )


def net_of(loss: Loss) -> Net:
    problem = loss.problem
    inputs, hidden, outputs = problem.sizes
    return Net(
        inputs,
        hidden,
        outputs,
        ACTIVATIONS.index(problem.activation),
        f(problem.parameter_value),
        COSTS.index(problem.loss),
        f(problem.criterion.cut),
        f(problem.l2),
    )


def width_of(part: Part) -> int:
    """Patterns of a block: about WIDTH, so that a part's blocks are nearly full."""
    return max(1, -(-len(part) // max(1, -(-len(part) // WIDTH))))


def patterns_of(part: Part, width: int) -> Patterns:
    """The patterns of a part; the last block is filled up with zeros that are not counted."""
    count, K = len(part), part.y.shape[1]
    blocks = -(-count // width)
    x = np.zeros((blocks, part.x.shape[1], width), np.float32)
    y = np.zeros((blocks, _padded(K * width)), np.float32)
    label = np.full((blocks, width), -1)
    for block in range(blocks):
        rows = slice(block * width, min(count, (block + 1) * width))
        n = rows.stop - rows.start
        x[block, :, :n] = part.x[rows].numpy().T
        y[block, : K * width].reshape(K, width)[:, :n] = part.y[rows].numpy().T
        if part.labels is not None:
            label[block, :n] = part.labels[rows].numpy()
    return Patterns(x, y, label, count)


def rule(sense: str, edge: str, size: float, bound: float) -> Rule:
    return Rule(SENSES.index(sense), EDGES.index(edge), size, f(bound))


def with_gradient(loss: Loss, thetas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As Loss.with_gradient for points (B, P) in float32: gradients (B, P), data terms (B,), accuracies (B,)."""
    gradients, measured = np.empty_like(thetas), np.empty((len(thetas), 2))
    train = loss.parts["train"]
    _at_points(net_of(loss), patterns_of(train, width_of(train)), thetas, gradients, measured)
    return gradients, measured[:, 0], measured[:, 1]


def _passing(function: Callable) -> Callable:
    """Compiled; elementwise passes and everything around them."""
    if njit is None:
        return function
    return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)


def _summing(function: Callable) -> Callable:
    """Compiled; the compiler may change the order of sums, always to the same one."""
    if njit is None:
        return function
    return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})(function)


@_passing
def _padded(count: int) -> int:
    return (count + LANES - 1) // LANES * LANES


@_passing
def _activate(code: int, parameter: f, z: np.ndarray, a: np.ndarray, slope: np.ndarray) -> None:
    """f and f′ of all numbers. At a kink the slope is torch's own."""
    if code == TANH:
        for j in range(z.size):
            a[j] = scalars.tanh(z[j], parameter)
            slope[j] = f(1) - a[j] * a[j]
    elif code == SIGMOID:
        for j in range(z.size):
            a[j] = scalars.sigmoid(z[j], parameter)
            slope[j] = (f(1) - a[j]) * a[j]
    elif code == RELU:
        for j in range(z.size):
            a[j] = scalars.relu(z[j], parameter)
            slope[j] = f(1) if z[j] > f(0) else f(0)
    elif code in (ELU, SELU, CELU):
        _activate_linear_above(code, parameter, z, a, slope)
    elif code == LEAKY_RELU:
        for j in range(z.size):
            a[j] = scalars.leaky_relu(z[j], parameter)
            slope[j] = f(1) if z[j] > f(0) else parameter
    elif code == IDENTITY:
        for j in range(z.size):
            a[j] = z[j]
            slope[j] = f(1)
    else:
        _activate_other(code, parameter, z, a, slope)


@_passing
def _activate_linear_above(code: int, parameter: f, z: np.ndarray, a: np.ndarray, slope: np.ndarray) -> None:
    if code == ELU:
        for j in range(z.size):
            a[j] = scalars.elu(z[j], parameter)
            slope[j] = f(1) if z[j] > f(0) else parameter * scalars.exp_down(-abs(z[j]))
    elif code == SELU:
        for j in range(z.size):
            a[j] = scalars.selu(z[j], parameter)
            slope[j] = SELU_SCALE * (f(1) if z[j] > f(0) else SELU_ALPHA * scalars.exp_down(-abs(z[j])))
    else:
        for j in range(z.size):
            a[j] = scalars.celu(z[j], parameter)
            slope[j] = f(1) if z[j] > f(0) else scalars.exp_down(-abs(z[j]) / parameter)


@_passing
def _activate_other(code: int, parameter: f, z: np.ndarray, a: np.ndarray, slope: np.ndarray) -> None:
    if code == HARDTANH:
        for j in range(z.size):
            a[j] = scalars.hardtanh(z[j], parameter)
            slope[j] = f(1) if abs(z[j]) < f(1) else f(0)
    elif code == SOFTSIGN:
        for j in range(z.size):
            a[j] = scalars.softsign(z[j], parameter)
            slope[j] = f(1) / ((f(1) + abs(z[j])) * (f(1) + abs(z[j])))
    elif code == RELU6:
        for j in range(z.size):
            a[j] = scalars.relu6(z[j], parameter)
            slope[j] = f(1) if (z[j] > f(0)) & (z[j] < f(6)) else f(0)
    elif code == SILU:
        for j in range(z.size):
            s = scalars.sigmoid(z[j], parameter)
            a[j] = z[j] * s
            slope[j] = s * (f(1) + z[j] * (f(1) - s))
    elif code == GAUSSIAN:
        for j in range(z.size):
            a[j] = scalars.gaussian(z[j], parameter)
            slope[j] = f(-2) * z[j] * a[j]
    elif code == QUADRATIC:
        for j in range(z.size):
            a[j] = z[j] * z[j]
            slope[j] = f(2) * z[j]
    else:
        for j in range(z.size):
            a[j] = scalars.threshold(z[j], parameter)
            slope[j] = f(0)


@_passing
def _criticise(
    code: int, K: int, count: int, z: np.ndarray, y: np.ndarray, cost: np.ndarray, slope: np.ndarray, share: f
) -> None:
    """Losses of single outputs, to be added and divided by K where `share` is 1 / K, and the criterion's gradient. Both
    keep their digits where they are small, as criteria.py has it.
    """
    if code == CROSS_ENTROPY:
        for j in range(z.size):
            sign = f(1) - f(2) * y[j]
            q = sign * z[j]
            e = scalars.exp_down(-abs(q))
            cost[j] = (f(0) if q < f(0) else q) + scalars.log1p_unit(e)
            slope[j] = sign * share * ((e if q < f(0) else f(1)) / (f(1) + e))
    elif code == SQUARE:
        for j in range(z.size):
            off = z[j] - y[j]
            cost[j] = off * off
            slope[j] = f(2) * off * share
    elif code == SIGMOID_SQUARE:
        for j in range(z.size):
            sign = f(1) - f(2) * y[j]
            q = sign * z[j]
            off = scalars.sigmoid(q, f(0))
            cost[j] = off * off
            slope[j] = f(2) * sign * share * (off * off * scalars.sigmoid(-q, f(0)))
    else:
        _criticise_softmax(K, count // K, z, y, cost, slope)


@_passing
def _criticise_softmax(K: int, width: int, z: np.ndarray, y: np.ndarray, cost: np.ndarray, slope: np.ndarray) -> None:
    """Shares of the other classes are slopes, and what they have together less of the right one. Of the K + 1 rows of
    losses, K ≥ 2, three first hold of each pattern the largest output z_s, the sum of exp(z_k − z_s) over the other
    classes, and the power of the right one, whose place the logarithm then takes.
    """
    top, others, own = cost[:width], cost[width : 2 * width], cost[K * width : (K + 1) * width]
    for j in range(width):
        top[j], others[j], own[j] = z[j], f(0), f(0)
    for begin in range(width, K * width, width):
        for j in range(width):
            top[j] = z[begin + j] if z[begin + j] > top[j] else top[j]
    for begin in range(0, K * width, width):
        for j in range(width):
            power = scalars.exp_down(z[begin + j] - top[j])
            slope[begin + j] = power
            others[j] += (f(1) - y[begin + j]) * power
            own[j] += y[begin + j] * power
    for begin in range(0, K * width, width):
        for j in range(width):
            share = (f(1) - y[begin + j]) * slope[begin + j] - y[begin + j] * others[j]
            slope[begin + j] = share / (others[j] + own[j])
    for j in range(width):
        own[j] = scalars.log1p_up(others[j] + (own[j] - f(1)))
    for begin in range((K - 1) * width, -1, -width):
        for j in range(width):
            cost[begin + j] = y[begin + j] * (own[j] + (top[j] - z[begin + j]))


@_passing
def _affine(out: np.ndarray, row: int, n: int, theta: np.ndarray, weights: int, bias: int, x: np.ndarray) -> None:
    """out[row] = w · x + b for n patterns; w and b begin at these places of theta."""
    D = x.shape[0]
    for j in range(n):
        out[row, j] = theta[bias]
    for d in range(0, D - D % 4, 4):
        w0, w1, w2, w3 = theta[weights + d], theta[weights + d + 1], theta[weights + d + 2], theta[weights + d + 3]
        for j in range(n):
            out[row, j] += w0 * x[d, j] + w1 * x[d + 1, j] + w2 * x[d + 2, j] + w3 * x[d + 3, j]
    for d in range(D - D % 4, D):
        w0 = theta[weights + d]
        for j in range(n):
            out[row, j] += w0 * x[d, j]


@_summing
def _add_products(
    slopes: np.ndarray, row: int, n: int, gradient: np.ndarray, weights: int, bias: int, x: np.ndarray
) -> None:
    """Add the gradient of what `_affine` made, from the slopes of its results."""
    D = x.shape[0]
    alone = f(0)
    for j in range(n):
        alone += slopes[row, j]
    gradient[bias] += alone
    for d in range(0, D - D % 4, 4):
        s0, s1, s2, s3 = f(0), f(0), f(0), f(0)
        for j in range(n):
            s0 += slopes[row, j] * x[d, j]
            s1 += slopes[row, j] * x[d + 1, j]
            s2 += slopes[row, j] * x[d + 2, j]
            s3 += slopes[row, j] * x[d + 3, j]
        gradient[weights + d] += s0
        gradient[weights + d + 1] += s1
        gradient[weights + d + 2] += s2
        gradient[weights + d + 3] += s3
    for d in range(D - D % 4, D):
        s0 = f(0)
        for j in range(n):
            s0 += slopes[row, j] * x[d, j]
        gradient[weights + d] += s0


@_passing
def _back(
    net: Net, slope: np.ndarray, slopes: np.ndarray, h: int, n: int, theta: np.ndarray, second: int, out: np.ndarray
) -> None:
    """The loss's slope in the h-th hidden pre-activation."""
    for j in range(n):
        out[h, j] = theta[second + h] * slopes[0, j]
    for k in range(1, net.outputs):
        w = theta[second + k * net.hidden + h]
        for j in range(n):
            out[h, j] += w * slopes[k, j]
    for j in range(n):
        out[h, j] *= slope[h, j]


@_summing
def _total(values: np.ndarray, row: int, n: int) -> float:
    total = 0.0
    for j in range(n):
        total += values[row, j]
    return total


@_summing
def _length(values: np.ndarray) -> float:
    total = 0.0
    for j in range(values.size):
        total += np.float64(values[j]) * np.float64(values[j])
    return math.sqrt(total)


@_passing
def _is_right(net: Net, z: np.ndarray, at: int, label: int) -> float:
    """1 where outputs z[:, at] name the right class, 0 where not; NaN if an output is, or without a class."""
    said, spoiled = 0, z[0, at] != z[0, at]
    if net.outputs == 1:
        said = 1 if z[0, at] > net.cut else 0
    for k in range(1, net.outputs):
        spoiled = spoiled or z[k, at] != z[k, at]
        if z[k, at] > z[said, at]:
            said = k
    return np.nan if spoiled or label < 0 else 1.0 if said == label else 0.0


# Arrays are handed over one by one: taking one out of a tuple counts a reference, which for XOR costs as much as the
# arithmetic.
@_passing
def _evaluate(
    net: Net, x: np.ndarray, y: np.ndarray, label: np.ndarray, number: int, theta: np.ndarray, gradient: np.ndarray,
    z1: np.ndarray, a: np.ndarray, slope: np.ndarray, z2: np.ndarray, cost: np.ndarray, slopes: np.ndarray,
    hidden: np.ndarray, after: np.ndarray, gain: np.ndarray, outputs: np.ndarray, costs: np.ndarray, errors: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """Data term and accuracy; unless it has length 0, `gradient` becomes that of the total loss."""
    D, H, K = net.inputs, net.hidden, net.outputs
    blocks, _, width = x.shape
    b1 = H * D
    w2, b2 = b1 + H, b1 + H + K * H
    loss, right = 0.0, 0.0
    gradient[:] = f(0)
    for block in range(blocks):
        n = min(width, number - block * width)
        here = x[block]
        for h in range(H):
            _affine(hidden, h, n, theta, h * D, b1 + h, here)
        _activate(net.activation, net.parameter, z1, a, slope)
        for k in range(K):
            _affine(outputs, k, n, theta, w2 + k * H, b2 + k, after)
        _criticise(net.cost, K, K * width, z2, y[block], cost, slopes, f(1) / f(K))
        for k in range(K):
            loss += _total(costs, k, n)
        for j in range(n):
            right += _is_right(net, outputs, j, label[block, j])
        if gradient.size:
            for k in range(K):
                _add_products(errors, k, n, gradient, w2 + k * H, b2 + k, after)
            for h in range(H):
                _back(net, gain, errors, h, n, theta, w2, hidden)
                _add_products(hidden, h, n, gradient, h * D, b1 + h, here)
    for j in range(gradient.size):
        gradient[j] = gradient[j] / f(number) + f(2) * net.l2 * theta[j]
    share = np.float64(number) if net.cost == SOFTMAX else np.float64(number) * K
    return loss / share, right / number


@_passing
def _buffers(net: Net, width: int) -> tuple[np.ndarray, ...]:
    """Pre-activations, activations and their slopes; outputs, their losses, with a row to spare, and slopes: padded,
    and by units.
    """
    H, K = net.hidden, net.outputs
    hidden, outputs = H * width, K * width
    z1, a, slope = np.zeros(_padded(hidden), f), np.zeros(_padded(hidden), f), np.zeros(_padded(hidden), f)
    z2, slopes = np.zeros(_padded(outputs), f), np.zeros(_padded(outputs), f)
    cost = np.zeros(_padded(outputs) + width, f)
    return (
        z1, a, slope, z2, cost, slopes,
        z1[:hidden].reshape(H, width), a[:hidden].reshape(H, width), slope[:hidden].reshape(H, width),
        z2[:outputs].reshape(K, width), cost[:outputs].reshape(K, width), slopes[:outputs].reshape(K, width),
    )  # fmt: skip


@_passing
def _at_points(net: Net, some: Patterns, thetas: np.ndarray, gradients: np.ndarray, measured: np.ndarray) -> None:
    x, y, label, number = some
    z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors = _buffers(net, x.shape[2])
    for b in range(len(thetas)):
        measured[b, 0], measured[b, 1] = _evaluate(
            net, x, y, label, number, thetas[b], gradients[b],
            z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors,
        )  # fmt: skip


@_passing
def _moved(rule: Rule, w: f, slope: f, heading: int, draw: float) -> tuple[f, int]:
    """A coordinate after one step, and its heading; as walks.step has it, in the same arithmetic."""
    if rule.sense == BY_GRADIENT:
        size = f(rule.size * draw)
        move = -size if slope > f(0) else size
    elif rule.sense == AT_RANDOM:
        move = f(rule.size * (2.0 * draw - 1.0))
    else:
        move = f(heading) * f(rule.size * draw)
    reached = w + move
    if rule.edge == NO_EDGE or not abs(reached) > rule.bound:
        return reached, heading
    return w - move, -heading if rule.edge == TURNED else heading


@_passing
def walk(
    net: Net, train: Patterns, test: Patterns, rule: Rule, theta: np.ndarray, heading: np.ndarray, draws: np.ndarray,
    last: bool, record: np.ndarray, points: np.ndarray,
) -> None:  # fmt: skip
    """Walk on from theta (P,) and heading (P,), in place, one step for each row of draws (S, P).

    Each row of `record` (S, 5) takes total loss, gradient norm, accuracy, test loss, test accuracy before the step,
    each row of `points`, if it has any, the point. With `last` nothing is stepped and one row is recorded. Both parts
    come in blocks of one width; the test part is left out if it has no patterns.
    """
    gradient, none = np.empty(theta.size, f), np.empty(0, f)
    x, y, label, number = train
    x2, y2, label2, number2 = test
    z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors = _buffers(net, x.shape[2])
    for t in range(len(record)):
        term, record[t, 2] = _evaluate(
            net, x, y, label, number, theta, gradient,
            z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors,
        )  # fmt: skip
        length = _length(theta)
        record[t, 0], record[t, 1] = term + np.float64(net.l2) * length * length, _length(gradient)
        record[t, 3], record[t, 4] = np.nan, np.nan
        if number2:
            record[t, 3], record[t, 4] = _evaluate(
                net, x2, y2, label2, number2, theta, none,
                z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors,
            )  # fmt: skip
        if len(points):
            points[t] = theta
        if not last:
            for p in range(theta.size):
                theta[p], heading[p] = _moved(rule, theta[p], gradient[p], heading[p], draws[t, p])


# For a handful of patterns the loops of `_evaluate` cost more than what they do. Here a row runs over patterns and
# walks, j · TOGETHER + walk, and every number of a row has its own copy of the weight.


def few_patterns(problem: Problem) -> bool:
    """Whether walks are taken by `walk_together`: it knows no test part."""
    return 0 < patterns(problem) <= FEW and patterns(problem, "test") == 0


def copies_of(part: Part) -> Patterns:
    """One block of patterns, each beside itself for every walk; label (1, patterns)."""
    x, y = (np.repeat(side.numpy().T, TOGETHER, axis=1) for side in (part.x, part.y))
    label = np.full(len(part), -1) if part.labels is None else part.labels.numpy()
    return Patterns(x[None], y.reshape(1, -1), label[None], len(part))


@_passing
def _spread(theta: np.ndarray, wide: np.ndarray) -> None:
    for p in range(len(theta)):
        for begin in range(0, wide.shape[1], TOGETHER):
            for w in range(TOGETHER):
                wide[p, begin + w] = theta[p, w]


@_passing
def _affine_each(out: np.ndarray, row: int, wide: np.ndarray, weights: int, bias: int, x: np.ndarray) -> None:
    width = x.shape[1]
    for i in range(width):
        out[row, i] = wide[bias, i]
    for d in range(x.shape[0]):
        for i in range(width):
            out[row, i] += wide[weights + d, i] * x[d, i]


@_passing
def _products_each(slopes: np.ndarray, row: int, wide: np.ndarray, weights: int, bias: int, x: np.ndarray) -> None:
    width = x.shape[1]
    for i in range(width):
        wide[bias, i] = slopes[row, i]
    for d in range(x.shape[0]):
        for i in range(width):
            wide[weights + d, i] = slopes[row, i] * x[d, i]


@_passing
def _back_each(
    net: Net, gain: np.ndarray, errors: np.ndarray, h: int, wide: np.ndarray, second: int, out: np.ndarray
) -> None:
    width = gain.shape[1]
    for i in range(width):
        out[h, i] = wide[second + h, i] * errors[0, i]
    for k in range(1, net.outputs):
        for i in range(width):
            out[h, i] += wide[second + k * net.hidden + h, i] * errors[k, i]
    for i in range(width):
        out[h, i] *= gain[h, i]


@_passing
def _gather(net: Net, number: int, wide: np.ndarray, theta: np.ndarray, gradient: np.ndarray) -> None:
    """Gradients (P, walks) of the total loss from the parts of single patterns."""
    for p in range(len(theta)):
        for w in range(TOGETHER):
            gradient[p, w] = wide[p, w]
        for begin in range(TOGETHER, wide.shape[1], TOGETHER):
            for w in range(TOGETHER):
                gradient[p, w] += wide[p, begin + w]
        for w in range(TOGETHER):
            gradient[p, w] = gradient[p, w] / f(number) + f(2) * net.l2 * theta[p, w]


@_passing
def _add_squares(values: np.ndarray, total: np.ndarray) -> None:
    for p in range(len(values)):
        for w in range(TOGETHER):
            total[w] += np.float64(values[p, w]) * np.float64(values[p, w])


@_passing
def _record_each(
    net: Net, number: int, label: np.ndarray, theta: np.ndarray, gradient: np.ndarray, outputs: np.ndarray,
    costs: np.ndarray, sums: np.ndarray, record: np.ndarray, t: int,
) -> None:  # fmt: skip
    """Total loss, gradient norm and accuracy of every walk; `sums` (4, walks) is scratch."""
    sums[:] = 0.0
    for k in range(net.outputs):
        for j in range(number):
            for w in range(TOGETHER):
                sums[0, w] += costs[k, j * TOGETHER + w]
    for j in range(number):
        for w in range(TOGETHER):
            sums[1, w] += _is_right(net, outputs, j * TOGETHER + w, label[j])
    _add_squares(theta, sums[2])
    _add_squares(gradient, sums[3])
    share = np.float64(number) if net.cost == SOFTMAX else np.float64(number) * net.outputs
    for w in range(TOGETHER):
        record[w, t, 0] = sums[0, w] / share + np.float64(net.l2) * sums[2, w]
        record[w, t, 1], record[w, t, 2] = math.sqrt(sums[3, w]), sums[1, w] / number
        record[w, t, 3], record[w, t, 4] = np.nan, np.nan


@_passing
def _move_each(
    rule: Rule, theta: np.ndarray, gradient: np.ndarray, heading: np.ndarray, draws: np.ndarray, t: int
) -> None:
    for p in range(len(theta)):
        for w in range(TOGETHER):
            theta[p, w], heading[p, w] = _moved(rule, theta[p, w], gradient[p, w], heading[p, w], draws[w, t, p])


@_passing
def walk_together(
    net: Net, copies: Patterns, rule: Rule, theta: np.ndarray, heading: np.ndarray, draws: np.ndarray, last: bool,
    record: np.ndarray, points: np.ndarray,
) -> None:  # fmt: skip
    """As `walk` for TOGETHER walks side by side: theta and heading (P, walks), draws (walks, S, P), record
    (walks, S, 5), points (walks, S, P) or (walks, 0, P).
    """
    x, y, label, number = copies[0][0], copies[1][0], copies[2][0], copies[3]
    D, H, K = net.inputs, net.hidden, net.outputs
    b1, w2, b2 = H * D, H * D + H, H * D + H + K * H
    z1, a, slope, z2, cost, slopes, hidden, after, gain, outputs, costs, errors = _buffers(net, x.shape[1])
    wide, gradient = np.empty((len(theta), x.shape[1]), f), np.empty(theta.shape, f)
    sums = np.empty((4, TOGETHER))
    for t in range(record.shape[1]):
        _spread(theta, wide)
        for h in range(H):
            _affine_each(hidden, h, wide, h * D, b1 + h, x)
        _activate(net.activation, net.parameter, z1, a, slope)
        for k in range(K):
            _affine_each(outputs, k, wide, w2 + k * H, b2 + k, after)
        _criticise(net.cost, K, K * x.shape[1], z2, y, cost, slopes, f(1) / f(K))
        for h in range(H):
            _back_each(net, gain, errors, h, wide, w2, hidden)
        for k in range(K):
            _products_each(errors, k, wide, w2 + k * H, b2 + k, after)
        for h in range(H):
            _products_each(hidden, h, wide, h * D, b1 + h, x)
        _gather(net, number, wide, theta, gradient)
        _record_each(net, number, label, theta, gradient, outputs, costs, sums, record, t)
        if points.shape[1]:
            points[:, t] = theta.T
        if not last:
            _move_each(rule, theta, gradient, heading, draws, t)
