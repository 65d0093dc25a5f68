"""Activations and criteria with their slopes, and updates of optimisers, number by number: what a training's loop is
given as passes, in float32 and float64.

Written once, with numbers of the format `f`. Slopes are written as torch's own backward passes write them (tanh:
1 − a²): they are exactly 0 where a unit is saturated to the last bit, as torch's are. Passes go over LANES numbers at a
time, so that none has a rest that is computed otherwise. Needs numba; importing this module without it fails.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
from numba import types
from numpy import float32 as f

from lossatlas.compute.numerics.kernels.scalars import (
    SCALARS,
    SELU_ALPHA,
    SELU_SCALE,
    compiled,
    cosine,
    exp_down,
    log1p_unit,
    log1p_up,
    normal_share,
    scalar,
    sigmoid,
)
from lossatlas.compute.numerics.kernels.training.tiles import FORMATS, LANES

ROOT_2_PI = f(0.3989422804014327)  # 1 / √(2π)

# ---------------------------------------------------------------------------------------------- f′(z), of a = f(z)


def of_identity(z: f, a: f, _: f) -> f:
    return f(1.0)


def of_sigmoid(z: f, a: f, _: f) -> f:
    return (f(1.0) - a) * a


def of_tanh(z: f, a: f, _: f) -> f:
    return f(1.0) - a * a


def of_hardtanh(z: f, a: f, _: f) -> f:
    return f(1.0) if abs(z) < f(1.0) else f(0.0)


def of_softsign(z: f, a: f, _: f) -> f:
    return f(1.0) / ((f(1.0) + abs(z)) * (f(1.0) + abs(z)))


def of_relu(z: f, a: f, _: f) -> f:
    return f(1.0) if z > f(0.0) else f(0.0)


def of_leaky_relu(z: f, a: f, slope: f) -> f:
    return f(1.0) if z > f(0.0) else slope


def of_relu6(z: f, a: f, _: f) -> f:
    return f(1.0) if (z > f(0.0)) & (z < f(6.0)) else f(0.0)


def of_elu(z: f, a: f, alpha: f) -> f:
    return f(1.0) if z > f(0.0) else alpha * exp_down(-abs(z))


def of_selu(z: f, a: f, _: f) -> f:
    return SELU_SCALE * (f(1.0) if z > f(0.0) else SELU_ALPHA * exp_down(-abs(z)))


def of_celu(z: f, a: f, alpha: f) -> f:
    return f(1.0) if z > f(0.0) else exp_down(-abs(z) / alpha)


def of_gelu(z: f, a: f, _: f) -> f:
    return normal_share(z) + z * (exp_down(f(-0.5) * z * z) * ROOT_2_PI)


def of_silu(z: f, a: f, _: f) -> f:
    s = sigmoid(z, f(0.0))
    return s * (f(1.0) + z * (f(1.0) - s))


def of_mish(z: f, a: f, _: f) -> f:
    """With the tanh t of the softplus, of which 1 − t² is written without the cancellation."""
    e = exp_down(-abs(z))
    top = e * (e + f(2.0)) if z < f(0.0) else f(1.0) + f(2.0) * e
    rest = f(2.0) if z < f(0.0) else f(2.0) * e * e
    t = top / (top + rest)
    return t + z * ((rest / (top + rest)) * (f(1.0) + t) * sigmoid(z, f(0.0)))


def of_softplus(z: f, a: f, beta: f) -> f:
    return sigmoid(beta * z, f(0.0))


def of_sine(z: f, a: f, _: f) -> f:
    return cosine(z)


def of_gaussian(z: f, a: f, _: f) -> f:
    return f(-2.0) * z * a


def of_quadratic(z: f, a: f, _: f) -> f:
    return f(2.0) * z


def of_threshold(z: f, a: f, _: f) -> f:
    return f(0.0)


SLOPES: dict[str, Callable] = {
    "identity": of_identity,
    "sigmoid": of_sigmoid,
    "tanh": of_tanh,
    "hardtanh": of_hardtanh,
    "softsign": of_softsign,
    "relu": of_relu,
    "leaky_relu": of_leaky_relu,
    "relu6": of_relu6,
    "elu": of_elu,
    "selu": of_selu,
    "celu": of_celu,
    "gelu": of_gelu,
    "silu": of_silu,
    "mish": of_mish,
    "softplus": of_softplus,
    "sine": of_sine,
    "gaussian": of_gaussian,
    "quadratic": of_quadratic,
    "threshold": of_threshold,
}

# ---------------------------------------------------------------------------------------------- criteria, of one output

# cost(z, y), to be added up over outputs and divided by their number, and its slope in z. Both keep their digits where
# they are small, as criteria.py has it. The softmax's, of whole patterns, is a pass of its own.


def cost_of_cross_entropy(z: f, y: f) -> f:
    q = (f(1.0) - f(2.0) * y) * z
    return (f(0.0) if q < f(0.0) else q) + log1p_unit(exp_down(-abs(q)))


def of_cross_entropy(z: f, y: f) -> f:
    sign = f(1.0) - f(2.0) * y
    return sign * sigmoid(sign * z, f(0.0))


def cost_of_square(z: f, y: f) -> f:
    off = z - y
    return off * off


def of_square(z: f, y: f) -> f:
    return f(2.0) * (z - y)


def cost_of_sigmoid_square(z: f, y: f) -> f:
    off = sigmoid((f(1.0) - f(2.0) * y) * z, f(0.0))
    return off * off


def of_sigmoid_square(z: f, y: f) -> f:
    sign = f(1.0) - f(2.0) * y
    off = sigmoid(sign * z, f(0.0))
    return f(2.0) * sign * (off * off * sigmoid(-sign * z, f(0.0)))


COSTS: dict[str, tuple[Callable, Callable]] = {
    "sigmoid_cross_entropy": (cost_of_cross_entropy, of_cross_entropy),
    "squared_error": (cost_of_square, of_square),
    "sigmoid_squared_error": (cost_of_sigmoid_square, of_sigmoid_square),
}
SOFTMAX = "softmax_cross_entropy"

# ---------------------------------------------------------------------------------------------- updates, of one number

# (w, first, second) after a step along the gradient g, from what the optimiser remembers of the number and the step's
# coefficients.


def by_gradient(w: f, g: f, first: f, second: f, c: np.ndarray) -> tuple[f, f, f]:
    return w - c[0] * g, first, second


def by_momentum(w: f, g: f, first: f, second: f, c: np.ndarray) -> tuple[f, f, f]:
    first = c[1] * first + g
    return w - c[0] * first, first, second


def by_moments(w: f, g: f, first: f, second: f, c: np.ndarray) -> tuple[f, f, f]:
    """Kingma & Ba 2015; with a decay of the weights apart from the gradient, Loshchilov & Hutter 2019."""
    first = first + (g - first) * c[1]
    second = second * c[2] + g * g * c[3]
    return w * c[6] - c[0] * (first / (np.sqrt(second) / c[4] + c[5])), first, second


def by_squares(w: f, g: f, first: f, second: f, c: np.ndarray) -> tuple[f, f, f]:
    second = second * c[1] + g * g * c[2]
    return w - c[0] * (g / (np.sqrt(second) + c[3])), first, second


def rates_of_gradient(steps: np.ndarray, rates: np.ndarray) -> list[Any]:
    return [rates]


def rates_of_momentum(steps: np.ndarray, rates: np.ndarray, momentum: float) -> list[Any]:
    return [rates, momentum]


def rates_of_moments(steps: np.ndarray, rates: np.ndarray, decay: float = 0.0) -> list[Any]:
    one, two = 0.9, 0.999  # as in the paper, and torch's defaults
    roots = np.sqrt(1 - two**steps)
    return [rates / (1 - one**steps), 1 - one, two, 1 - two, roots, 1e-8, 1 - rates * decay]


def rates_of_squares(steps: np.ndarray, rates: np.ndarray, smoothing: float) -> list[Any]:
    return [rates, smoothing, 1 - smoothing, 1e-8]


@dataclass(frozen=True)
class Update:
    """`moved`: of one number. `rates(steps, rates, *values)`: the coefficients of steps, counted from 1, with their
    learning rates (S,), and the values of the optimiser's options: a list of numbers and arrays (S,).
    """

    moved: Callable
    rates: Callable[..., list[Any]]


UPDATES: dict[str, Update] = {
    "sgd": Update(by_gradient, rates_of_gradient),
    "momentum": Update(by_momentum, rates_of_momentum),
    "adam": Update(by_moments, rates_of_moments),
    "adamw": Update(by_moments, rates_of_moments),
    "rmsprop": Update(by_squares, rates_of_squares),
}

# ---------------------------------------------------------------------------------------------- in float64


def _sine(x: float, _: float) -> float:
    return math.sin(x)


def _gelu(x: float, _: float) -> float:
    return x * (0.5 * math.erfc(-x * 0.7071067811865476))


def _normal_share(x: float) -> float:
    return 0.5 * math.erfc(-x * 0.7071067811865476)


DOUBLE: dict[str, Any] = {
    "__name__": __name__,
    "__builtins__": __builtins__,
    "np": np,
    "f": np.float64,
    "exp_down": math.exp,
    "expm1_down": math.expm1,
    "log1p_unit": math.log1p,
    "log1p_up": math.log1p,
    "cosine": math.cos,
    "sine": scalar(_sine),
    "gelu": scalar(_gelu),
    "normal_share": scalar(_normal_share),
    "SELU_ALPHA": np.float64(1.6732632423543772848170429916717),
    "SELU_SCALE": np.float64(1.0507009873554804934193349852946),
    "ROOT_2_PI": np.float64(0.3989422804014326779),
}


def _in_double(function: Callable) -> Callable:
    """The same lines with numbers of float64, and elementary functions that are right to its last digits."""
    return scalar(FunctionType(function.__code__, DOUBLE, function.__name__))


DOUBLE |= {name: _in_double(function) for name, function in SCALARS.items() if name not in DOUBLE}

# ---------------------------------------------------------------------------------------------- passes


def _read(function: Callable, dtype: str) -> Any:
    return scalar(function) if dtype == "float32" else _in_double(function)


@functools.cache
def activation_pass(name: str, dtype: str) -> Any:
    """`run(z, a, slope, p)`: f and f′ of all numbers of z, a multiple of LANES."""
    value: Any = SCALARS[name] if dtype == "float32" else DOUBLE[name]
    slope_of: Any = _read(SLOPES[name], dtype)

    def run(z: np.ndarray, a: np.ndarray, slope: np.ndarray, p: f) -> None:
        for begin in range(0, len(z), LANES):
            reads, values, slopes = z[begin : begin + LANES], a[begin : begin + LANES], slope[begin : begin + LANES]
            for i in range(LANES):
                values[i] = value(reads[i], p)
                slopes[i] = slope_of(reads[i], values[i], p)

    return _pass(run, f"trained_{name}", dtype, "aaan")


@functools.cache
def criterion_pass(name: str, dtype: str) -> Any:
    """`run(z, y, cost, slope, width, share)`: losses of single outputs (K, width), flat, and the criterion's slope.

    Losses are to be added and, where `share` is 1 / K, divided by K. `cost` has a row more than z to spare.
    """
    if name == SOFTMAX:
        return _pass(_softmax(dtype), f"trained_{name}", dtype, "aaaain")
    costs_of, slope_of = (_read(function, dtype) for function in COSTS[name])

    def run(z: np.ndarray, y: np.ndarray, cost: np.ndarray, slope: np.ndarray, width: int, share: f) -> None:
        for begin in range(0, len(z), LANES):
            end = begin + LANES
            outputs, targets, costs, slopes = z[begin:end], y[begin:end], cost[begin:end], slope[begin:end]
            for i in range(LANES):
                costs[i] = costs_of(outputs[i], targets[i])
                slopes[i] = share * slope_of(outputs[i], targets[i])

    return _pass(run, f"trained_{name}", dtype, "aaaain")


def _softmax(dtype: str) -> Callable:
    """Shares of the other classes are slopes, and what they have together less of the right one. Of the K + 1 rows of
    losses, K ≥ 2, three first hold of each pattern the largest output z_s, the sum of exp(z_k − z_s) over the other
    classes, and the power of the right one, whose place the logarithm then takes.
    """
    exp: Any = exp_down if dtype == "float32" else math.exp
    log1p: Any = log1p_up if dtype == "float32" else math.log1p
    number = np.float32 if dtype == "float32" else np.float64

    def run(z: np.ndarray, y: np.ndarray, cost: np.ndarray, slope: np.ndarray, width: int, share: f) -> None:
        size, one, zero = len(z), number(1.0), number(0.0)
        top, others, own = cost[:width], cost[width : 2 * width], cost[size : size + width]
        for j in range(width):
            top[j], others[j], own[j] = z[j], zero, zero
        for begin in range(width, size, width):
            for j in range(width):
                top[j] = z[begin + j] if z[begin + j] > top[j] else top[j]
        for begin in range(0, size, width):
            for j in range(width):
                power = exp(z[begin + j] - top[j])
                slope[begin + j] = power
                others[j] += (one - y[begin + j]) * power
                own[j] += y[begin + j] * power
        for begin in range(0, size, width):
            for j in range(width):
                part = (one - y[begin + j]) * slope[begin + j] - y[begin + j] * others[j]
                slope[begin + j] = part / (others[j] + own[j])
        for j in range(width):
            own[j] = log1p(others[j] + (own[j] - one))
        for begin in range(size - width, -1, -width):
            for j in range(width):
                cost[begin + j] = y[begin + j] * (own[j] + (top[j] - z[begin + j]))

    return run


@functools.cache
def update_pass(name: str, dtype: str) -> Any:
    """`run(theta, gradient, first, second, c)`: one step, in place; lengths are multiples of LANES."""
    moved: Any = _read(UPDATES[name].moved, dtype)

    def run(theta: np.ndarray, gradient: np.ndarray, first: np.ndarray, second: np.ndarray, c: np.ndarray) -> None:
        for begin in range(0, len(theta), LANES):
            end = begin + LANES
            w, g, one, two = theta[begin:end], gradient[begin:end], first[begin:end], second[begin:end]
            for i in range(LANES):
                w[i], one[i], two[i] = moved(w[i], g[i], one[i], two[i], c)

    return _pass(run, f"trained_by_{name}", dtype, "aaaaa")


def _pass(run: Callable, name: str, dtype: str, takes: str) -> Any:
    """Compiled, by what it takes: arrays, numbers of the format, and integers."""
    number = FORMATS[dtype]
    kinds = {"a": number[::1], "n": number, "i": types.int64}
    run.__qualname__ = run.__name__ = f"{name}_{dtype}"
    return compiled(run, types.void(*(kinds[letter] for letter in takes)))
