"""How far the loss can rise near a point: anywhere in a box (Keskar et al. 2017, arXiv 1609.04836), and by one step
along the gradient (SAM, Foret et al. 2021, arXiv 2010.01412).

Both take the total loss in float64, whatever the problem's precision: at a small radius the rise is smaller than
float32's rounding of the loss.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import Bounds, minimize
from torch import Tensor

from lossatlas.compute.numerics.kernels.curvature import check_part
from lossatlas.compute.numerics.loss import Loss, Part

BOX = 7  # number of the stream of random numbers
ITERATIONS = 10  # of L-BFGS-B (Keskar et al. 2017, section 2.2.2)
HOPS = 10  # from corner to corner before these (chosen by eye)
CORNERS = 3  # random starts beside the one along the gradient (chosen by eye)
EVERY = 12  # parameters up to which every corner is looked at: 4096 of them
NUMBERS = 1 << 18  # pre-activations at a time at corners: 2 MB
GRADIENTS = 60  # that `keskar` takes: 17 to 280 for small networks, 57 in the mean (measured)

Total = Callable[[np.ndarray], tuple[float, np.ndarray]]


def keskar(loss: Loss, theta: Tensor, part: str, epsilon: float, bent: np.ndarray) -> float:
    """Keskar's sharpness in percent: 100 (max f − f(x)) / (1 + f(x)) in the box |zᵢ| ≤ ε (|xᵢ| + 1) around x = theta.

    A lower bound of it, and never below 0: the best of a few climbs from fixed starts. One begins at x + ε g/|g|, so
    that the rise is at least that of `ascent` at ρ = ε where there is a gradient, others at random corners, the same at
    every call; from x itself a climb stalls where the gradient is 0. With no more than EVERY parameters one begins at
    the best of all corners, where the loss is highest if it is convex; with more at those that the signs of `bent`
    point at, and opposite. Each hops to the corner that the gradient's signs point at, as long as the loss rises (it
    does where the loss is convex), and ends with at most ten iterations of L-BFGS-B, as the paper has them.

    Args:
        bent: (k, P) directions in which the loss curves up most; none are known as (0, P).

    Raises:
        BadSpec: BatchNorm on a part other than the training's.
    """
    alone, x = _in_double(loss, part), theta.detach().double().numpy()
    total = _total(alone)
    here, gradient = total(x)
    box = epsilon * (np.abs(x) + 1)

    def rise(t: np.ndarray) -> tuple[float, np.ndarray]:
        there, slope = total(x + box * t)
        return there - here, box * slope

    starts = [*_starts(gradient, box, epsilon), *_far_corners(alone, x, box, bent)]
    return 100 * max(0.0, *(_climb(rise, start) for start in starts)) / (1 + here)


def ascent(loss: Loss, theta: Tensor, part: str, rho: float, largest: float) -> float:
    """SAM's rise f(x + ρ g/|g|) − f(x) of the total loss at x = theta, below 0 where that step leads over a hill.

    At a stationary point, where that step has no direction, it is how far the loss rises within ρ to second order:
    ½ λmax ρ² of the largest eigenvalue, 0 at a maximum, NaN where λmax is. Errors as `keskar`.
    """
    total, x = total_on(loss, part), theta.detach().double().numpy()
    here, gradient = total(x)
    if _vanishes(gradient, x, largest):
        return 0.5 * max(largest, 0.0) * rho**2 if math.isfinite(largest) else math.nan
    return total(x + rho * gradient / float(np.linalg.norm(gradient)))[0] - here


def stationary(loss: Loss, theta: Tensor, part: str, largest: float) -> bool:
    """Whether the gradient of the total loss is 0 to the rounding of float64. Arguments and errors as `ascent`."""
    x = theta.detach().double().numpy()
    return _vanishes(total_on(loss, part)(x)[1], x, largest)


def _vanishes(gradient: np.ndarray, x: np.ndarray, largest: float) -> bool:
    """Whether it is 0, or no longer than what the last bits of x change it by, so that its direction is an accident."""
    last_bits = np.finfo(float).eps * abs(largest) * float(np.linalg.norm(x))
    return bool(not gradient.any() or np.linalg.norm(gradient) <= last_bits)  # a bound of NaN holds for none


def total_on(loss: Loss, part: str) -> Total:
    """x (P,) -> the total loss on a part and its gradient (P,), in float64. Errors as `keskar`."""
    return _total(_in_double(loss, part))


def _in_double(loss: Loss, part: str) -> Loss:
    """The loss on a part in float64, as its training part: a Loss knows gradients on no other."""
    check_part(loss.problem, part)
    chosen = loss.parts[part]
    return replace(loss, parts={"train": Part(chosen.x.double(), chosen.y.double(), chosen.labels)})


def _total(loss: Loss) -> Total:
    def total(x: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.as_tensor(x)
        gradient, data, _ = loss.with_gradient(point)
        return float(data + loss.penalty(point)), gradient.numpy()

    return total


def _far_corners(loss: Loss, x: np.ndarray, box: np.ndarray, bent: np.ndarray) -> list[np.ndarray]:
    """The best of all corners of the box where they are few, else those by `bent`, in units of the box."""
    if len(x) > EVERY:
        return [side * np.sign(direction) for direction in bent for side in (1.0, -1.0)]
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * len(x)).view(-1, len(x))
    most = max(1, NUMBERS // (len(loss.parts["train"]) * sum(loss.problem.sizes[1:])))
    heights = torch.cat([loss.total(torch.as_tensor(x + box * some.numpy())) for some in corners.split(most)])
    return [corners[heights.nan_to_num(-math.inf, -math.inf, -math.inf).argmax()].numpy()]


def _starts(gradient: np.ndarray, box: np.ndarray, epsilon: float) -> Iterator[np.ndarray]:
    """Where climbs begin, in units of the box."""
    length = float(np.linalg.norm(gradient))
    if length:
        yield epsilon * gradient / length / box
    for number in range(CORNERS):
        rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(BOX, number)))
        yield rng.choice([-1.0, 1.0], len(box))


def _climb(rise: Total, start: np.ndarray) -> float:
    """The highest rise found from a start in [−1, 1]^P; −inf where none is finite."""
    best, at, slope, there = -np.inf, start, np.zeros_like(start), start
    for _ in range(HOPS + 1):
        value, pull = rise(there)
        if not value > best:
            break
        best, at, slope = value, there, pull
        there = np.where(pull == 0, there, np.sign(pull))
    unit = float(np.abs(slope).sum()) or 1.0  # L-BFGS-B is not free of scale

    def fall(t: np.ndarray) -> tuple[float, np.ndarray]:
        value, pull = rise(t)
        return -value / unit, -pull / unit

    found = minimize(
        fall, at, jac=True, method="L-BFGS-B", bounds=Bounds(-1.0, 1.0),
        options={"maxiter": ITERATIONS, "ftol": 0.0, "gtol": 0.0},
    )  # fmt: skip
    end = -unit * float(found.fun)
    return max(best, end) if np.isfinite(end) else best
