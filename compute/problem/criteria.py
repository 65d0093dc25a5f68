"""CRITERIA: the loss functions of a pattern, as a literal table. A mean over patterns is taken in loss.py.

A new one is its functions here and a line in CRITERIA. What it does without answers more slowly: without `curvature`
Hessians are taken by autodiff, without `scalar` losses are those of the plain loop, where no kernel is made by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

# The criterion's gradient and curvature in the outputs z (B, K, n), of one pattern: r (B, K, n), and C as c and q with
# C = diag(c) − q qᵀ; q is None where the outputs are not coupled.
Curvature = tuple[Tensor, Tensor, Tensor | None]


@dataclass(frozen=True)
class Shares:
    """What of the outputs is shown as each class's share: `function` of outputs (..., K), float64, in [0, 1]."""

    label: str
    function: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Criterion:
    """`function(z, y)`: loss of each pattern, (..., N), from net outputs z (..., N, K) and targets y (N, K).

    `exact`: the same without a gradient, where another way keeps the digits of small losses; none where it does.
    `cut` is the output above which a single output says "class 1", where its share is one half.
    `coupled`: the outputs are weighed against one another, so that two classes need two of them; other criteria are
    means over outputs, and one output tells two classes apart.
    `curvature(z, y)`: its derivatives in closed form, of outputs (B, K, n) and targets (K, n).
    `scalar(z, y)`: what one output adds before the mean over outputs, in float32 and without a branch, from which
    kernels are compiled; it may use arithmetic, `abs` and NumPy's elementary functions, and calls no other function.
    `also`: what else the field calls it; what may be two of them stands at both.
    """

    label: str
    function: Callable[[Tensor, Tensor], Tensor]
    shares: Shares
    note: str
    source: str
    cut: float = 0.0
    coupled: bool = False
    regression: bool = False
    exact: Callable[[Tensor, Tensor], Tensor] | None = None
    curvature: Callable[[Tensor, Tensor], Curvature] | None = None
    scalar: Callable | None = None
    also: tuple[str, ...] = ()

    @property
    def values(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The way to take where no gradient is wanted."""
        return self.exact or self.function


# ---------------------------------------------------------------------------------------------- what outputs mean


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _cut(z: np.ndarray) -> np.ndarray:
    return np.clip(z, 0.0, 1.0)


PROBABILITY = Shares("probability", _sigmoid)
SOFTMAX = Shares("softmax share", _softmax)
OUTPUT = Shares("output, cut to [0, 1],", _cut)


# ---------------------------------------------------------------------------------------------- the criteria


def sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(z, y.expand_as(z), reduction="none").mean(-1)


def exact_sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """For targets of 0 and 1. The other way loses what stands behind z in z − log σ(z): in float32 a loss of 1e-7.

    Its gradient would not do for the first's: there σ(z) − y becomes exactly 0 where float32 can tell no difference,
    which gradient walks turn on.
    """
    q = (1 - 2 * y) * z
    return (q.clamp_min(0.0) + torch.log1p(torch.exp(-q.abs()))).mean(-1)


def _of_sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Curvature:
    p = torch.sigmoid(z)
    return (p - y) / z.shape[1], p * torch.sigmoid(-z) / z.shape[1], None


def softmax_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return -(log_softmax(z, -1) * y).sum(-1)


def _of_softmax_cross_entropy(z: Tensor, y: Tensor) -> Curvature:
    p = torch.softmax(z, 1)
    return p - y, p, p  # of targets that sum to 1


def squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (z - y).square().mean(-1)


def _of_squared_error(z: Tensor, y: Tensor) -> Curvature:
    return (z - y) * (2 / z.shape[1]), torch.full_like(z, 2 / z.shape[1]), None


def square(z: Any, y: Any) -> Any:
    """The scalar of the squared error."""
    d = z - y
    return d * d


def sigmoid_squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (torch.sigmoid(z) - y).square().mean(-1)


def _of_sigmoid_squared_error(z: Tensor, y: Tensor) -> Curvature:
    p = torch.sigmoid(z)
    slope, off = p * torch.sigmoid(-z), p - y
    return off * slope * (2 / z.shape[1]), slope * (slope + off * (1 - 2 * p)) * (2 / z.shape[1]), None


CRITERIA: dict[str, Criterion] = {
    "sigmoid_cross_entropy": Criterion(
        "sigmoid cross-entropy",
        sigmoid_cross_entropy,
        PROBABILITY,
        "Binary cross-entropy of each sigmoid output, averaged over patterns and outputs.",
        "Bosman, Engelbrecht, Helbig 2023, arXiv 2306.16090",
        exact=exact_sigmoid_cross_entropy,
        curvature=_of_sigmoid_cross_entropy,
        also=(
            "bce",
            "sigmoid_cross_entropy_with_logits",
            "binary_log_loss",
            "bce_loss",
            "bce_with_logits",
            "bce_with_logits_loss",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "sigmoid_binary_cross_entropy",
            "logistic_loss",
            "cross_entropy",
            "log_loss",
        ),
    ),
    "softmax_cross_entropy": Criterion(
        "softmax cross-entropy",
        softmax_cross_entropy,
        SOFTMAX,
        "Negative log-likelihood of the right class under a softmax, averaged over patterns.",
        "Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
        coupled=True,
        curvature=_of_softmax_cross_entropy,
        also=(
            "categorical_cross_entropy",
            "softmax_cross_entropy_with_logits",
            "sparse_categorical_cross_entropy",
            "softmax_cross_entropy_with_integer_labels",
            "nll",
            "nll_loss",
            "negative_log_likelihood",
            "cross_entropy_loss",
            "cross_entropy",
            "log_loss",
        ),
    ),
    "squared_error": Criterion(
        "squared error",
        squared_error,
        OUTPUT,
        "Squared difference of the linear outputs from the targets, averaged over patterns and outputs.",
        "Bishop 2006, Pattern Recognition and Machine Learning, section 3.1.1",
        cut=0.5,
        regression=True,
        curvature=_of_squared_error,
        scalar=square,
        also=("mse", "mse_loss", "mean_squared_error", "squared_loss", "least_squares"),
    ),
    "sigmoid_squared_error": Criterion(
        "squared error of sigmoid",
        sigmoid_squared_error,
        PROBABILITY,
        "Squared difference of the sigmoid outputs from the targets, averaged over patterns and outputs.",
        "Bosman, Engelbrecht, Helbig 2018, doi 10.1145/3205651.3208247",
        curvature=_of_sigmoid_squared_error,
    ),
}
