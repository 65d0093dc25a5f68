"""OPTIMISERS: what steps a training, as a literal table. A new one is a line here.

Trainings of several seeds or activations are stepped as one tensor (B, P), so that a step has to be elementwise: what
becomes of a number depends on its own gradients only.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.optim import SGD, Adam, Optimizer


@dataclass(frozen=True)
class Optimiser:
    """`make(theta, rate, *values)`: torch's optimiser of theta, of the values of `options`, fields of a Start that mean
    something to it beside the learning rate. `plain`: the optimiser that it is where these are 0. `also`: what else the
    field calls it. `stable(*values)`: from which rate · curvature on its steps on a quadratic grow; infinity where
    their size does not hang on the gradient's.
    """

    label: str
    make: Callable[..., Optimizer]
    options: tuple[str, ...] = ()
    plain: str = ""
    also: tuple[str, ...] = ()
    stable: Callable[..., float] = lambda *values: math.inf


def _momentum(theta: Tensor, rate: float, momentum: float) -> Optimizer:
    return SGD([theta], lr=rate, momentum=momentum)


OPTIMISERS: dict[str, Optimiser] = {
    "sgd": Optimiser(
        "SGD", lambda theta, rate: SGD([theta], lr=rate), also=("gradient_descent", "gd"), stable=lambda: 2.0
    ),
    "momentum": Optimiser(
        "SGD with momentum",
        _momentum,
        options=("momentum",),
        plain="sgd",
        also=("sgd_momentum", "momentum_sgd", "heavy_ball"),
        stable=lambda momentum: 2 * (1 + momentum),
    ),  # Polyak 1964: both roots of z² − (1 + β − ηh) z + β lie in the unit circle for ηh < 2 (1 + β)
    "adam": Optimiser("Adam", lambda theta, rate: Adam([theta], lr=rate, fused=True)),
}
