"""A Problem and its network: shapes, initial draw and forward pass for one parameter vector or a batch.

A point is a flat vector theta (P,), or a batch (B, P), in the order of `parameters()` of the plain torch module:
W1 (out, in), b1 (out,), W2, b2, ...
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compute.activations import ACTIVATIONS
from compute.criteria import CRITERIA
from compute.datasets import DATASETS
from compute.options import AUTO, BadSpec, check, option

DRAW = 1  # number of the stream of random numbers
MOST_PARAMETERS = 5_000_000  # 40 MB a point in float64; a recorded trajectory holds up to 200 (chosen by eye)
DTYPES = {"float32": "float32", "float64": "float64"}
INITS = {
    "auto": "suited to the activation",
    "uniform": "uniform [−b, b]",
    "xavier": "Xavier",
    "he": "He",
    "lecun": "LeCun",
}
_VARIANCE = {  # of a weight, from fan-in and fan-out: Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


def _reads(parameter: str) -> tuple[str, Callable[[str], bool]]:
    return ("activation", lambda name: ACTIVATIONS[name].parameter == parameter)


@dataclass(frozen=True)
class Problem:
    """Which loss: data, network and criterion. Plain values only, so that it can be written as a query string."""

    dataset: str = option("iris", choices=DATASETS, label="Data set", help="The patterns the loss is averaged over.")
    widths: tuple[int, ...] = option(
        (4,),
        low=1,
        high=4096,
        longest=16,
        label="Hidden widths",
        help="Hidden units of each layer, as 128-64; none for a network without a hidden layer.",
    )
    activation: str = option("tanh", choices=ACTIVATIONS, label="Activation", help="The function of every hidden unit.")
    alpha: float = option(
        1.0,
        low=1e-3,
        high=100.0,
        when=_reads("alpha"),
        label="α (ELU, CELU)",
        help="Scale of the negative part (ELU, CELU).",
    )
    slope: float = option(
        0.01,
        low=-1.0,
        high=1.0,
        when=_reads("slope"),
        label="Slope (leaky ReLU)",
        help="Slope of leaky ReLU for negative inputs.",
    )
    beta: float = option(
        1.0,
        low=1e-2,
        high=100.0,
        when=_reads("beta"),
        label="β (softplus)",
        help="Sharpness of softplus; large is near ReLU.",
    )
    loss: str = option(
        AUTO,
        choices=lambda: {AUTO: "suited to the data", **CRITERIA},
        label="Loss",
        help="What one pattern costs; auto is sigmoid cross-entropy for classes, squared error for a regression.",
    )
    l2: float = option(
        0.0,
        low=0.0,
        high=100.0,
        label="L2 penalty λ",
        help="Adds λ‖θ‖² over all weights and biases; shown apart.",
    )
    data_seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        label="Data seed",
        help="Seed of the split, the label noise and generated data.",
    )
    test_share: float = option(
        0.2,
        low=0.0,
        high=0.9,
        label="Test share",
        help="Share of the patterns kept out of training.",
    )
    noise: float = option(
        0.0,
        low=0.0,
        high=1.0,
        label="Label noise",
        help="Share of the training labels replaced by another class.",
    )
    max_samples: int = option(
        0,
        low=0,
        high=1_000_000,
        label="Most patterns",
        help="Use at most this many patterns; 0 means all.",
    )
    dtype: str = option("float32", choices=DTYPES, label="Precision", help="Number format of points and losses.")

    def __post_init__(self):
        check(self)
        if self.loss == AUTO:
            regression = DATASETS[self.dataset].classes == 0
            object.__setattr__(self, "loss", "squared_error" if regression else "sigmoid_cross_entropy")
        self._check_loss()
        if self.parameters > MOST_PARAMETERS:
            raise BadSpec(
                f"A network may have at most {MOST_PARAMETERS:,} parameters, so that its trajectory fits in memory; "
                f"{self.architecture} has {self.parameters:,}. Choose smaller widths."
            )

    def _check_loss(self):
        regression = DATASETS[self.dataset].classes == 0
        if regression and not CRITERIA[self.loss].regression:
            raise BadSpec(
                f"{DATASETS[self.dataset].label} is a regression and needs the loss squared_error or auto; "
                f"{self.loss} is for classes."
            )

    @property
    def outputs(self) -> int:
        classes = DATASETS[self.dataset].classes
        return 1 if classes == 0 or (classes == 2 and CRITERIA[self.loss].one_output) else classes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of every layer, inputs first."""
        return (DATASETS[self.dataset].inputs, *self.widths, self.outputs)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the tensors in theta, in order."""
        return tuple(
            shape
            for fan_in, fan_out in zip(self.sizes, self.sizes[1:], strict=False)
            for shape in ((fan_out, fan_in), (fan_out,))
        )

    @property
    def parameters(self) -> int:
        """P."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def architecture(self) -> str:
        return "-".join(map(str, self.sizes))

    @property
    def sharpness(self) -> float:
        """The activation's own parameter; 0 where it has none."""
        name = ACTIVATIONS[self.activation].parameter
        return getattr(self, name) if name else 0.0


@functools.cache
def offsets(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Where each tensor begins in theta, and P at the end."""
    return tuple(np.cumsum([0] + [math.prod(shape) for shape in shapes]).tolist())


def split(shapes: tuple[tuple[int, ...], ...], theta: Tensor) -> list[tuple[Tensor, Tensor]]:
    """theta (..., P) as its layers: weights (..., out, in) and biases (..., out), as views."""
    cuts = offsets(shapes)
    parts = [
        theta[..., begin:end].unflatten(-1, shape) for begin, end, shape in zip(cuts, cuts[1:], shapes, strict=False)
    ]
    return list(zip(parts[::2], parts[1::2], strict=True))


def parameter_name(shapes: tuple[tuple[int, ...], ...], index: int) -> str:
    """The name of coordinate `index` of theta, as W1[2,0] (unit, input, from 0) or b1[2]."""
    cuts = offsets(shapes)
    tensor = int(np.searchsorted(cuts, index, side="right")) - 1
    place = np.unravel_index(index - cuts[tensor], shapes[tensor])
    return f"{'Wb'[tensor % 2]}{tensor // 2 + 1}[{','.join(map(str, place))}]"


def initial(problem: Problem, seed: int, init: str, bound: float) -> np.ndarray:
    """theta (P,) in float64. Equal seeds give the same underlying draw for every activation and scheme:
    one uniform number in [−1, 1) a coordinate, which the scheme only scales.

    `uniform`: all coordinates in [−bound, bound). Schemes: uniform weights with the scheme's variance, biases 0.
    """
    stream = np.random.SeedSequence(seed, spawn_key=(DRAW,))  # of its own: a data set of the same seed is unrelated
    draw = np.random.default_rng(stream).uniform(-1.0, 1.0, problem.parameters)
    scheme = ACTIVATIONS[problem.activation].init if init == "auto" else init
    if scheme == "uniform":
        return bound * draw
    cuts = offsets(problem.shapes)
    for begin, end, shape in zip(cuts, cuts[1:], problem.shapes, strict=False):
        if len(shape) == 1:
            draw[begin:end] = 0.0
        else:
            draw[begin:end] *= math.sqrt(3 * _VARIANCE[scheme](shape[1], shape[0]))
    return draw


def activation_of(problem: Problem) -> Callable[[Tensor], Tensor]:
    """The hidden units' function with its parameter filled in."""
    function, parameter = ACTIVATIONS[problem.activation].function, problem.sharpness
    return lambda z: function(z, parameter)


def forward(shapes: tuple[tuple[int, ...], ...], act: Callable[[Tensor], Tensor], theta: Tensor, x: Tensor) -> Tensor:
    """Net outputs (N, K) of theta (P,), or (B, N, K) of a batch (B, P), for patterns x (N, D)."""
    layers = split(shapes, theta)
    weight, bias = layers[0]
    hidden = x @ weight.mT + bias.unsqueeze(-2)
    for weight, bias in layers[1:]:
        hidden = act(hidden) @ weight.mT + bias.unsqueeze(-2)
    return hidden


def torch_dtype(problem: Problem) -> torch.dtype:
    return {"float32": torch.float32, "float64": torch.float64}[problem.dtype]
