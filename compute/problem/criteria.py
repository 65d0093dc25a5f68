"""CRITERIA: the loss functions of a pattern, as a literal table. A mean over patterns is taken in loss.py.

A new one is its functions here and a line in CRITERIA. What it does without answers more slowly: without `slope` and
`curvature` derivatives are taken by autodiff, without `scalar` losses are those of the plain loop, where no kernel is
made by hand.

A loss of 1e-12 has as many digits as one of 1, and so have its gradient and curvature, in float32 too: nothing small is
the difference of two numbers near 1. So 1 − σ(q) is written σ(−q), and what a softmax leaves to the other classes is
their sum. Targets of classes are 0 and 1; of q = (1 − 2y) z, the loss of a sigmoid output falls as q does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

# The criterion's gradient and curvature in the outputs z (B, K, n), of one pattern: r (B, K, n), and C as c, its
# diagonal, and q, with −q_k q_l beside it; q is None where the outputs are not coupled. A coupled criterion does not
# change when all outputs grow alike, and the rows of its C sum to 0: what C does to a vector follows from q alone.
Curvature = tuple[Tensor, Tensor, Tensor | None]


@dataclass(frozen=True)
class Shares:
    """What of the outputs is shown as each class's share: `function` of outputs (..., K), float64, in [0, 1]."""

    label: str
    function: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Criterion:
    """`function(z, y)`: loss of each pattern, (..., N), from net outputs z (..., N, K) and targets y (N, K). Autodiff
    of it, once or twice, is as exact as its values.

    `quick(z, y)`: the same in less time where no derivative is wanted; none where there is no such way.
    `slope(z, y)`: its gradient (..., N, K) in the outputs, in closed form.
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
    quick: Callable[[Tensor, Tensor], Tensor] | None = None
    slope: Callable[[Tensor, Tensor], Tensor] | None = None
    curvature: Callable[[Tensor, Tensor], Curvature] | None = None
    scalar: Callable | None = None
    also: tuple[str, ...] = ()

    @property
    def values(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The way to take where no derivative is wanted."""
        return self.quick or self.function


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


def _size(q: Tensor) -> Tensor:
    """|q|, with the slope 1 at 0: autodiff of what is smooth there is then right there too."""
    return torch.where(q < 0, -q, q)


def _by_unit(slope: Callable[[Tensor, Tensor], Tensor], z: Tensor, y: Tensor) -> Tensor:
    """A slope (B, K, n) of outputs (B, K, n) and targets (K, n)."""
    return slope(z.mT, y.mT).mT


def sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """max(q, 0) + log(1 + exp(−|q|))."""
    q = (1 - 2 * y) * z
    return (torch.where(q < 0, 0.0, q) + torch.log1p(torch.exp(-_size(q)))).mean(-1)


def slope_of_sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    signs = 1 - 2 * y
    return torch.sigmoid(signs * z) * (signs / z.shape[-1])


def _of_sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Curvature:
    return _by_unit(slope_of_sigmoid_cross_entropy, z, y), torch.sigmoid(z) * torch.sigmoid(-z) / z.shape[1], None


def softmax_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """z_s − z_y + log(1 + Σ exp(z_k − z_s)) over all k but s, the class of the largest output."""
    top = (z.argmax(-1, keepdim=True) == torch.arange(z.shape[-1], device=z.device)).to(z.dtype)
    others = (1 - top) * torch.exp(z - (top * z).sum(-1, keepdim=True))
    return ((top - y) * z).sum(-1) + torch.log1p(others.sum(-1))


def quick_softmax_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """With the sum over all classes but the right one; exp(z_y − z_s) − 1 is exactly 0 where that is the largest."""
    below = z - z.amax(-1, keepdim=True)
    own = (below * y).sum(-1)
    return torch.log1p((torch.exp(below) * (1 - y)).sum(-1) + torch.expm1(own)) - own


def slope_of_softmax_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Shares of the other classes; of the right one less what they have together."""
    powers = torch.exp(z - z.amax(-1, keepdim=True))
    others = powers * (1 - y)
    return (others - y * others.sum(-1, keepdim=True)) / powers.sum(-1, keepdim=True)


def _of_softmax_cross_entropy(z: Tensor, y: Tensor) -> Curvature:
    """The largest share takes the sum of the others for what it lacks to 1; of the rest none is above one half."""
    p, place = torch.softmax(z, 1), z.argmax(1, keepdim=True)
    rest = torch.scatter(p, 1, place, 0.0)
    lacks = torch.scatter(1 - rest, 1, place, rest.sum(1, keepdim=True))
    return _by_unit(slope_of_softmax_cross_entropy, z, y), p * lacks, p


def squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (z - y).square().mean(-1)


def slope_of_squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (z - y) * (2 / z.shape[-1])


def _of_squared_error(z: Tensor, y: Tensor) -> Curvature:
    return _by_unit(slope_of_squared_error, z, y), torch.full_like(z, 2 / z.shape[1]), None


def square(z: Any, y: Any) -> Any:
    """The scalar of the squared error."""
    d = z - y
    return d * d


def sigmoid_squared_error(z: Tensor, y: Tensor) -> Tensor:
    """σ(q)², since |σ(z) − y| = σ(q)."""
    q = (1 - 2 * y) * z
    e = torch.exp(-_size(q))
    return torch.where(q < 0, e, 1.0).div(1 + e).square().mean(-1)


def slope_of_sigmoid_squared_error(z: Tensor, y: Tensor) -> Tensor:
    signs = 1 - 2 * y
    q = signs * z
    return torch.sigmoid(q).square() * torch.sigmoid(-q) * (signs * (2 / z.shape[-1]))


def _of_sigmoid_squared_error(z: Tensor, y: Tensor) -> Curvature:
    q = (1 - 2 * y) * z
    p, rest = torch.sigmoid(q), torch.sigmoid(-q)
    bend = p * p * rest * (2 * rest - p) * (2 / z.shape[1])
    return _by_unit(slope_of_sigmoid_squared_error, z, y), bend, None


CRITERIA: dict[str, Criterion] = {
    "sigmoid_cross_entropy": Criterion(
        "sigmoid cross-entropy",
        sigmoid_cross_entropy,
        PROBABILITY,
        "Binary cross-entropy of each sigmoid output, averaged over patterns and outputs.",
        "Bosman, Engelbrecht, Helbig 2023, arXiv 2306.16090",
        slope=slope_of_sigmoid_cross_entropy,
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
        quick=quick_softmax_cross_entropy,
        slope=slope_of_softmax_cross_entropy,
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
        slope=slope_of_squared_error,
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
        slope=slope_of_sigmoid_squared_error,
        curvature=_of_sigmoid_squared_error,
    ),
}
