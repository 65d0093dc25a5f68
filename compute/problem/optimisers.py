"""OPTIMISERS: what steps a training, as a literal table. A new one is a line here; one in UPDATES of the compiled loops
(numerics/kernels/training/pointwise.py) makes it quick.

A step has to be elementwise: what becomes of a number depends on its own gradients only. It must not depend on the
number's place either, so that equal units stay equal: torch's fused forms round the last numbers of a vector otherwise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop


@dataclass(frozen=True)
class Optimiser:
    """`make(theta, rate, *values)`: torch's optimiser of theta, of the values of `options`, fields of a Start that mean
    something to it beside the learning rate. `plain`: the optimiser that it is where these are 0. `also`: what else the
    field calls it. `stable(*values)`: from which rate · curvature on its steps on a quadratic grow; infinity where
    their size does not hang on the gradient's. `note`: what it does, in one sentence.
    """

    label: str
    make: Callable[..., Optimizer]
    options: tuple[str, ...] = ()
    plain: str = ""
    also: tuple[str, ...] = ()
    stable: Callable[..., float] = lambda *values: math.inf
    note: str = ""
    source: str = ""


def _momentum(theta: Tensor, rate: float, momentum: float) -> Optimizer:
    return SGD([theta], lr=rate, momentum=momentum, foreach=False)


def _adamw(theta: Tensor, rate: float, decay: float) -> Optimizer:
    return AdamW([theta], lr=rate, weight_decay=decay, foreach=False)


def _rmsprop(theta: Tensor, rate: float, smoothing: float) -> Optimizer:
    return RMSprop([theta], lr=rate, alpha=smoothing, foreach=False)


OPTIMISERS: dict[str, Optimiser] = {
    "sgd": Optimiser(
        "SGD", lambda theta, rate: SGD([theta], lr=rate, foreach=False), also=("gradient_descent", "gd"),
        stable=lambda: 2.0, note="Against the gradient, by the learning rate times its length.",
        source="Robbins & Monro 1951",
    ),
    "momentum": Optimiser(
        "SGD with momentum", _momentum, options=("momentum",), plain="sgd",
        also=("sgd_momentum", "momentum_sgd", "heavy_ball"),
        stable=lambda momentum: 2 * (1 + momentum),  # both roots of z² − (1 + β − ηh) z + β lie in the unit circle
        note="A share of the last step is kept, and the new one added to it.", source="Polyak 1964",
    ),
    "adam": Optimiser(
        "Adam", lambda theta, rate: Adam([theta], lr=rate, foreach=False),
        note="Along the mean gradient over the root of its mean square, both of the last steps.",
        source="Kingma & Ba 2015",
    ),
    "adamw": Optimiser(
        "AdamW", _adamw, options=("decay",), plain="adam", also=("adam_w",),
        note="Adam, and each step takes a share off every weight, apart from the gradient.",
        source="Loshchilov & Hutter 2019",
    ),
    "rmsprop": Optimiser(
        "RMSprop", _rmsprop, options=("smoothing",), also=("rms_prop",),
        note="Along the gradient over the root of its mean square of the last steps.",
        source="Tieleman & Hinton 2012, lecture 6e",
    ),
}  # fmt: skip
