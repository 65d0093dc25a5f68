"""OPTIMISERS: what steps a training, as a literal table. A new one is a line here.

Trainings of several seeds or activations are stepped as one tensor (B, P), so that a step has to be elementwise: what
becomes of a number depends on its own gradients only.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.optim import SGD, Adam, Optimizer


@dataclass(frozen=True)
class Optimiser:
    """`make(theta, rate, *values)`: torch's optimiser of theta, of the values of `options`, fields of a Start that mean
    something to it beside the learning rate. `also`: what else the field calls it.
    """

    label: str
    make: Callable[..., Optimizer]
    options: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def _momentum(theta: Tensor, rate: float, momentum: float) -> Optimizer:
    return SGD([theta], lr=rate, momentum=momentum)


OPTIMISERS: dict[str, Optimiser] = {
    "sgd": Optimiser("SGD", lambda theta, rate: SGD([theta], lr=rate), also=("gradient_descent", "gd")),
    "momentum": Optimiser(
        "SGD with momentum", _momentum, options=("momentum",), also=("sgd_momentum", "momentum_sgd", "heavy_ball")
    ),
    "adam": Optimiser("Adam", lambda theta, rate: Adam([theta], lr=rate, fused=True)),
}
