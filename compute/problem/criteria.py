"""CRITERIA: the loss functions of a pattern, as a literal table. A mean over patterns is taken in loss.py."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax


@dataclass(frozen=True)
class Criterion:
    """`function(z, y)`: loss of each pattern, (..., N), from net outputs z (..., N, K) and targets y (N, K).

    `exact`: the same without a gradient, where another way keeps the digits of small losses; none where it does.
    `cut` is the output above which a single output says "class 1". `one_output`: two classes need one output only.
    """

    label: str
    function: Callable[[Tensor, Tensor], Tensor]
    note: str
    source: str
    cut: float = 0.0
    one_output: bool = True
    regression: bool = False
    exact: Callable[[Tensor, Tensor], Tensor] | None = None

    @property
    def values(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The way to take where no gradient is wanted."""
        return self.exact or self.function


def sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(z, y.expand_as(z), reduction="none").mean(-1)


def exact_sigmoid_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """For targets of 0 and 1. The other way loses what stands behind z in z − log σ(z): in float32 a loss of 1e-7.

    Its gradient would not do for the first's: there σ(z) − y becomes exactly 0 where float32 can tell no difference,
    which gradient walks turn on.
    """
    q = (1 - 2 * y) * z
    return (q.clamp_min(0.0) + torch.log1p(torch.exp(-q.abs()))).mean(-1)


def softmax_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return -(log_softmax(z, -1) * y).sum(-1)


def squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (z - y).square().mean(-1)


def sigmoid_squared_error(z: Tensor, y: Tensor) -> Tensor:
    return (torch.sigmoid(z) - y).square().mean(-1)


CRITERIA = {
    "sigmoid_cross_entropy": Criterion(
        "sigmoid cross-entropy",
        sigmoid_cross_entropy,
        "Binary cross-entropy of each sigmoid output, averaged over patterns and outputs.",
        "Bosman, Engelbrecht, Helbig 2023, arXiv 2306.16090",
        exact=exact_sigmoid_cross_entropy,
    ),
    "softmax_cross_entropy": Criterion(
        "softmax cross-entropy",
        softmax_cross_entropy,
        "Negative log-likelihood of the right class under a softmax, averaged over patterns.",
        "Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
        one_output=False,
    ),
    "squared_error": Criterion(
        "squared error",
        squared_error,
        "Squared difference of the linear outputs from the targets, averaged over patterns and outputs.",
        "Bishop 2006, Pattern Recognition and Machine Learning, section 3.1.1",
        cut=0.5,
        regression=True,
    ),
    "sigmoid_squared_error": Criterion(
        "squared error of sigmoid",
        sigmoid_squared_error,
        "Squared difference of the sigmoid outputs from the targets, averaged over patterns and outputs.",
        "Bosman, Engelbrecht, Helbig 2018, doi 10.1145/3205651.3208247",
    ),
}
