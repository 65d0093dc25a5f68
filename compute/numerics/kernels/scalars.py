"""Activations and criteria of the fused kernels: scalar float32 functions, and passes compiled from them.

A fused activation is one scalar function and one line in SCALARS. Scalars are free of branches, so that a pass over a
row becomes vector instructions; selections are written so that NaN stays NaN: `low if x < low else x`. Each is right
to a few units in the last place of its own value, near zero too. On one Zen 5 core,
summed over two directions, tanh passes 4.2 · 10⁹ numbers a second (torch.tanh alone 0.36), sigmoid 5.0 (2.0), ReLU 9.4
(2.9), as printed by `python -m benchmarks.tune`.

Needs numba; importing this module without it fails.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cfunc, config, types
from numba.extending import register_jitable
from numpy import float32 as f
from numpy import int32

from lossatlas.compute.numerics.kernels import folder
from lossatlas.compute.problem.criteria import CRITERIA

numbas: Any = config
if not numbas.CACHE_DIR and (there := folder.compiled()):
    numbas.CACHE_DIR = str(there)  # else numba's own choice: in a folder that is not ours nobody edits files

LANES = 64  # patterns of a strip, the inner dimension of every array here; change it in strips.py too

# error_model: a check for division by zero would stop vectorisation. contract: fused multiply-adds. Not reassoc, which
# undoes the range reduction of exp; not nnan or ninf. Stated again for the scalars: they would inherit their caller's.
FLAGS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
BARE: dict[str, Any] = FLAGS | {"_nrt": False}  # no reference counts: they cost more than a row; so no new arrays
scalar = register_jitable(**FLAGS)

LOG2_E, LN_2_HIGH, LN_2_LOW = f(1.4426950408889634), f(0.693359375), f(-2.12194440e-4)
ROUND = f(12583039.0)  # 1.5 · 2²³ + 127: added, it leaves the nearest integer n in the low bits, as 127 + n
ZERO_FROM = f(-88.0)  # exp is below float32's normal numbers, and 0 here
ONE_OVER_PI, PI_HIGH, PI_MIDDLE, PI_LOW = f(0.3183098861837907), f(3.1415927), f(-8.742278e-08), f(-3.4302490e-15)
SINE_ROUND = f(12582912.0)  # 1.5 · 2²³
SELU_ALPHA, SELU_SCALE = f(1.6732632423543772), f(1.0507009873554805)


@scalar
def as_bits(x: f) -> int32:
    return np.float32(x).view(np.int32)


@scalar
def as_float(bits: int32) -> f:
    return np.int32(bits).view(np.float32)


@scalar
def _exp_parts(x: f) -> tuple[f, f]:
    """2ⁿ and q = exp(r) − 1 with exp(x) = 2ⁿ (1 + q), |r| ≤ ln 2 / 2, for x ≤ 0."""
    x = ZERO_FROM if x < ZERO_FROM else x
    shifted = x * LOG2_E + ROUND
    n = shifted - ROUND
    r = x - n * LN_2_HIGH - n * LN_2_LOW
    tail = f(0.16666537523269653) + r * (
        f(0.041666265577077866) + r * (f(0.008367246948182583) + r * f(0.0013947595143690705))
    )  # least maximum of |error / r|, 1.4e-8
    return as_float(as_bits(shifted) << int32(23)), r + r * r * (f(0.5) + r * tail)


@scalar
def exp_down(x: f) -> f:
    """exp(x) for x ≤ 0."""
    scale, q = _exp_parts(x)
    return scale + scale * q


@scalar
def expm1_down(x: f) -> f:
    """exp(x) − 1 for x ≤ 0."""
    scale, q = _exp_parts(x)
    return scale * q + (scale - f(1.0))


@scalar
def log1p_unit(x: f) -> f:
    """log(1 + x) for x in [0, 1]: twice the inverse hyperbolic tangent of x / (2 + x)."""
    s = x / (f(2.0) + x)
    u = s * s
    tail = f(0.3333320617675781) + u * (
        f(0.20010849833488464) + u * (f(0.13999569416046143) + u * f(0.14012232422828674))
    )  # least maximum error relative to s, 4.5e-9
    return f(2.0) * (s + s * u * tail)


@scalar
def log1p_up(x: f) -> f:
    """log(1 + x) for finite x ≥ 0: k log 2 + log(m) with 1 + x = 2ᵏ m, where k = 0 of x itself."""
    bits = as_bits(f(1.0) + x)
    k, m = (bits >> int32(23)) - int32(127), as_float((bits & int32(0x7FFFFF)) | int32(0x3F800000))
    rest = x if k == int32(0) else m - f(1.0)
    size = f(k) * LN_2_HIGH + (log1p_unit(rest) + f(k) * LN_2_LOW)
    return size if x == x else x


@scalar
def identity(x: f, _: f) -> f:
    return x


@scalar
def sigmoid(x: f, _: f) -> f:
    e = exp_down(-abs(x))
    return (e if x < f(0.0) else f(1.0)) / (f(1.0) + e)


@scalar
def tanh(x: f, _: f) -> f:
    m = expm1_down(f(-2.0) * abs(x))
    size = -m / (f(2.0) + m)
    return -size if x < f(0.0) else size


@scalar
def hardtanh(x: f, _: f) -> f:
    x = f(-1.0) if x < f(-1.0) else x
    return f(1.0) if x > f(1.0) else x


@scalar
def softsign(x: f, _: f) -> f:
    return x / (f(1.0) + abs(x))


@scalar
def relu(x: f, _: f) -> f:
    return f(0.0) if x < f(0.0) else x


@scalar
def leaky_relu(x: f, slope: f) -> f:
    return slope * x if x < f(0.0) else x


@scalar
def relu6(x: f, _: f) -> f:
    x = f(0.0) if x < f(0.0) else x
    return f(6.0) if x > f(6.0) else x


@scalar
def elu(x: f, alpha: f) -> f:
    return alpha * expm1_down(-abs(x)) if x < f(0.0) else x


@scalar
def selu(x: f, _: f) -> f:
    return SELU_SCALE * elu(x, SELU_ALPHA)


@scalar
def celu(x: f, alpha: f) -> f:
    return alpha * expm1_down(-abs(x) / alpha) if x < f(0.0) else x


@scalar
def normal_share(x: f) -> f:
    """Φ(x), from Φ(−a) = exp(−a² / 2) P(s), s = 0.3 a / (1 + 0.3 a); P of least maximum relative error, 6e-8."""
    a = abs(x)
    a = f(14.0) if a > f(14.0) else a
    s = f(0.3) * a / (f(1.0) + f(0.3) * a)
    p = f(0.11728839576244354) + s * (f(-0.13663765788078308) + s * f(0.038033969700336456))
    p = f(-0.045074865221977234) + s * (f(0.10927094519138336) + s * p)
    p = f(1.4481004476547241) + s * (f(-0.7011640667915344) + s * p)
    p = f(0.5) + s * (f(-1.3298110961914062) + s * p)
    tail = exp_down(f(-0.5) * a * a) * p
    return tail if x < f(0.0) else f(1.0) - tail


@scalar
def gelu(x: f, _: f) -> f:
    return x * normal_share(x)


@scalar
def silu(x: f, beta: f) -> f:
    return x * sigmoid(x, beta)


@scalar
def mish(x: f, _: f) -> f:
    """x tanh(log(1 + eˣ)), with the fraction of tanh written in e = exp(−|x|)."""
    e = exp_down(-abs(x))
    top = e * (e + f(2.0)) if x < f(0.0) else f(1.0) + f(2.0) * e
    return x * (top / (top + (f(2.0) if x < f(0.0) else f(2.0) * e * e)))


@scalar
def softplus(x: f, beta: f) -> f:
    scaled = beta * abs(x)
    bend = log1p_unit(exp_down(-scaled)) / beta
    return (f(0.0) if x < f(0.0) else x) + bend


@scalar
def sine(x: f, _: f) -> f:
    """Cody and Waite's reduction by π in three parts, exact to 2²² π.

    Beyond, neighbouring float32 numbers are further apart than 1 and the sine is arbitrary; it stays bounded.
    """
    shifted = x * ONE_OVER_PI + SINE_ROUND
    return _sine_near(x, shifted - SINE_ROUND, as_bits(shifted))


@scalar
def cosine(x: f) -> f:
    """The sine of x + π/2, whose multiple of π is taken off x at once."""
    shifted = (x * ONE_OVER_PI + f(0.5)) + SINE_ROUND
    return _sine_near(x, (shifted - SINE_ROUND) - f(0.5), as_bits(shifted))


@scalar
def _sine_near(x: f, n: f, bits: int32) -> f:
    """± sin(x − n π), minus where the last of the bits is set."""
    odd = bits & int32(1)
    r = x - n * PI_HIGH - n * PI_MIDDLE - n * PI_LOW
    r = f(-2.0) if r < f(-2.0) else r
    r = f(2.0) if r > f(2.0) else r
    u = r * r
    tail = f(-0.16666659712791443) + u * (
        f(0.008333059959113598) + u * (f(-0.00019808848446700722) + u * f(2.603570692372159e-06))
    )  # least maximum error relative to r, 6e-9
    return (r + r * u * tail) * (f(1.0) if odd == int32(0) else f(-1.0))


@scalar
def gaussian(x: f, _: f) -> f:
    return exp_down(-(x * x))


@scalar
def quadratic(x: f, _: f) -> f:
    return x * x


@scalar
def threshold(x: f, _: f) -> f:
    step = f(1.0) if x > f(0.0) else f(0.0)
    return step if x == x else x


SCALARS: dict[str, Callable] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "hardtanh": hardtanh,
    "softsign": softsign,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "relu6": relu6,
    "elu": elu,
    "selu": selu,
    "celu": celu,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": softplus,
    "sine": sine,
    "gaussian": gaussian,
    "quadratic": quadratic,
    "threshold": threshold,
}

# ---- passes over one strip: rows of LANES patterns, a row for each unit or output

ROW, SUMS, SINGLE = types.float32[::1], types.float64[::1], types.float32


def sigmoid_cross_entropy(
    z: np.ndarray, y: np.ndarray, sums: np.ndarray, product: np.ndarray, spare: np.ndarray
) -> None:
    """max(q, 0) + log(1 + exp(−|q|)) of q = (1 − 2y) z, for targets of 0 and 1."""
    linear, grown = spare[:LANES], spare[LANES : 2 * LANES]
    for i in range(LANES):
        linear[i], grown[i] = f(0.0), f(0.0)
    for row in range(0, len(z), LANES):
        out, target = z[row : row + LANES], y[row : row + LANES]
        for i in range(LANES):
            q = (f(1.0) - f(2.0) * target[i]) * out[i]
            e = exp_down(-abs(q))
            linear[i] += f(0.0) if q < f(0.0) else q
            grown[i] += e + grown[i] * e
    for i in range(LANES):
        sums[i] += np.float64(linear[i])
        product[i] += np.float64(grown[i]) * (1.0 + product[i])


def softmax_cross_entropy(
    z: np.ndarray, y: np.ndarray, sums: np.ndarray, product: np.ndarray, spare: np.ndarray
) -> None:
    """−Σ y d + log Σ exp d with d = z − max z; Σ exp d − 1 keeps its digits where it is small."""
    top, picked, small, ones = spare[:LANES], spare[LANES : 2 * LANES], spare[2 * LANES : 3 * LANES], spare[3 * LANES :]
    for i in range(LANES):
        top[i], picked[i], small[i], ones[i] = z[i], f(0.0), f(0.0), f(-1.0)
    for row in range(LANES, len(z), LANES):
        out = z[row : row + LANES]
        for i in range(LANES):
            top[i] = out[i] if out[i] > top[i] else top[i]
    for row in range(0, len(z), LANES):
        out, target = z[row : row + LANES], y[row : row + LANES]
        for i in range(LANES):
            d = out[i] - top[i]
            picked[i] += target[i] * d
            small[i] += f(0.0) if d == f(0.0) else exp_down(d)
            ones[i] += f(1.0) if d == f(0.0) else f(0.0)
    for i in range(LANES):
        sums[i] -= np.float64(picked[i])
        product[i] += np.float64(ones[i] + small[i]) * (1.0 + product[i])


def sigmoid_squared_error(
    z: np.ndarray, y: np.ndarray, sums: np.ndarray, product: np.ndarray, spare: np.ndarray
) -> None:
    """(σ(z) − y)² for y of 0 or 1, without the cancellation: 1 − σ(z) = σ(−z)."""
    for i in range(LANES):
        spare[i] = f(0.0)
    for row in range(0, len(z), LANES):
        out, target = z[row : row + LANES], y[row : row + LANES]
        for i in range(LANES):
            d = sigmoid((f(1.0) - f(2.0) * target[i]) * out[i], f(0.0))
            spare[i] += d * d
    for i in range(LANES):
        sums[i] += np.float64(spare[i])


# Criteria over a strip, made by hand; the others are made from the scalar that their entry in CRITERIA gives.
#
# `run(z, y, sums, product, spare)` adds the outputs z (K, LANES) against targets y, a pattern's in float32 and those
# in float64: the loss of lane i is sums_i + log(1 + product_i), divided by K unless the outputs are coupled. One
# logarithm then serves many patterns; product, less 1, keeps its digits where losses are tiny.
SCORES: dict[str, Callable] = {
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_squared_error": sigmoid_squared_error,
}


def scores(name: str) -> bool:
    """Whether there is a pass of a criterion, or what one is made from."""
    return name in SCORES or CRITERIA[name].scalar is not None


@functools.cache
def criterion_pass(name: str) -> Any:
    return compiled(SCORES.get(name) or _summed(name), types.void(ROW, ROW, SUMS, SUMS, ROW))


def _summed(name: str) -> Callable:
    """The pass of a criterion that is a mean over outputs, from what one output adds. It is named by the code of that
    function too, which stands in a file that numba does not look at.
    """
    of_one: Any = scalar(CRITERIA[name].scalar)  # type: ignore[type-var]
    code = of_one.__code__
    mark = hashlib.sha256(repr((code.co_code, code.co_consts, code.co_names)).encode()).hexdigest()[:8]

    def run(z: np.ndarray, y: np.ndarray, sums: np.ndarray, product: np.ndarray, spare: np.ndarray) -> None:
        for i in range(LANES):
            spare[i] = f(0.0)
        for row in range(0, len(z), LANES):
            out, target = z[row : row + LANES], y[row : row + LANES]
            for i in range(LANES):
                spare[i] += of_one(out[i], target[i])
        for i in range(LANES):
            sums[i] += np.float64(spare[i])

    run.__qualname__ = run.__name__ = f"criterion_{name}_{mark}"
    return run


@functools.cache
def activation_pass(name: str) -> Any:
    """`run(out, response, t, p)`: out (n,) = f(response₀ + Σ t_k response_k; p) of responses (1 + D, n), flat."""
    act = SCALARS[name]

    def run(out: np.ndarray, response: np.ndarray, t: np.ndarray, p: f) -> None:
        n = len(out)
        base = response[:n]
        if len(t) == 2:
            first, second, a, b = response[n : 2 * n], response[2 * n : 3 * n], t[0], t[1]
            for i in range(n):
                out[i] = act(base[i] + a * first[i] + b * second[i], p)
        else:
            for i in range(n):
                out[i] = base[i]
            for k in range(len(t)):
                more, a = response[(k + 1) * n : (k + 2) * n], t[k]
                for i in range(n):
                    out[i] += a * more[i]
            for i in range(n):
                out[i] = act(out[i], p)

    run.__qualname__ = run.__name__ = f"activation_{name}"
    return compiled(run, types.void(ROW, ROW, ROW, SINGLE))


def compiled(run: Callable, signature: Any) -> Any:
    """A function that a kernel can be given as an argument, compiled or loaded from disk.

    Each needs a name of its own, which names its cache file: in a shared one, two processes that compile different
    functions at once could leave one's code under the other's entry. It may close over plain functions only: numba
    numbers its dispatchers anew in every process, so that the entry would never be found again.
    """
    return cfunc(signature, cache=True, **BARE)(run)
