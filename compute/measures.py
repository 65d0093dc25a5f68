"""How near an activation's outputs are to its flat ends: four measures, one for each shape of activation."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from compute.activations import ACTIVATIONS
from compute.loss import Loss
from compute.nets import Problem

FLAT = 0.1  # a derivative below this counts as flat (chosen by eye)
NEAR = 0.1  # share of an activation's bend within which its output counts as at the lower asymptote (chosen by eye)
FAR = -1e4  # where an output is its lower asymptote
NUMBERS = 1 << 16  # pre-activations at a time: their few arrays in float64 stay in L2


def phi(outputs: Tensor, low: float, high: float) -> Tensor:
    """Saturation of each output in [low, high]: its distance from the middle, 1 at both ends.

    The mean over patterns is φ of Rakitianskaia & Engelbrecht 2015, Σ|ḡ_b| f_b / Σ f_b over ten equal bins of outputs
    rescaled to [−1, 1] (ḡ_b the mean output in bin b, f_b the number in it): where the number of bins is even, no bin
    holds outputs of both signs, and φ is the mean |output|.
    """
    return (outputs.double() - (low + high) / 2).abs_().mul_(2 / (high - low))


@dataclass(frozen=True)
class LowerEnd:
    """f towards −∞: it ends at `value`; `bend` is the largest distance from there that f has for z ≤ 0, at `turn`."""

    value: float
    turn: float
    bend: float


@functools.lru_cache(maxsize=64)
def lower_end(activation: str, parameter: float) -> LowerEnd:
    """Found on a grid of 0.001, so that the turn of a dipping activation is good to that."""
    function, z = ACTIVATIONS[activation].function, torch.linspace(-10, 0, 10_001, dtype=torch.float64)
    value = function(torch.tensor(FAR, dtype=torch.float64), parameter)
    bends = (function(z, parameter) - value).abs()
    return LowerEnd(float(value), float(z[bends.argmax()]), float(bends.max()))


def settled(z: Tensor, outputs: Tensor, end: LowerEnd) -> Tensor:
    """1 where an output has come within NEAR of `bend` to the lower asymptote for good, left of `turn`; else 0.

    Our own choice. For ELU it is an output within 10 % of −α. GELU and its kin pass through their asymptote 0 at z = 0
    as well, where they are steep: that does not count.
    """
    return ((z <= end.turn) & ((outputs.double() - end.value).abs() <= NEAR * end.bend)).double()


def _bounded(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return phi(outputs, ACTIVATIONS[problem.activation].low, ACTIVATIONS[problem.activation].high)


def _zero(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return (outputs == 0).double()


def _lower(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return settled(z, outputs, lower_end(problem.activation, problem.sharpness))


def _none(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return torch.full_like(outputs, torch.nan, dtype=torch.float64)


@dataclass(frozen=True)
class Measure:
    """`function(problem, z, outputs)`: saturation in [0, 1] of each pre-activation; a mean over patterns follows."""

    label: str
    function: Callable[[Problem, Tensor, Tensor], Tensor]
    note: str
    source: str


MEASURES = {
    "bounded": Measure(
        "φ",
        _bounded,
        "φ: mean distance of the outputs from the middle of their range, 1 if all lie at its ends, ½ if they are "
        "uniform in it; it asks where an output lies, not whether the activation is flat there",
        "Rakitianskaia & Engelbrecht 2015, doi 10.1109/SSCI.2015.202",
    ),
    "zero share": Measure(
        "share of zeros",
        _zero,
        "share of outputs that are exactly 0",
        "Bosman, Engelbrecht, Helbig 2023, arXiv 2306.16090",
    ),
    "lower asymptote": Measure(
        "lower-end share",
        _lower,
        f"share of outputs within {100 * NEAR:g} % of the lower asymptote, where 100 % is the activation's largest "
        "distance from it for z ≤ 0, on the stretch from there to −∞",
        "our own choice",
    ),
    "none": Measure("none", _none, "none, since the activation is flat at neither end", "our own choice"),
}


def mean_saturation(loss: Loss, thetas: Tensor) -> Tensor:
    """Saturation at points (B, P) over all hidden units and training patterns, units counting equally: (B,), float64.

    NaN for an activation without a measure, a network without hidden units, and where a pre-activation is infinite or
    NaN. A point's value depends on the others asked for together by no more than rounding.
    """
    numbers = len(loss.parts["train"]) * sum(layer.numbers for layer in loss.problem.layers[:-1])
    if not numbers:
        return torch.full((len(thetas),), torch.nan, dtype=torch.float64)
    return torch.cat([_mean_saturation(loss, some) for some in thetas.split(max(1, NUMBERS // numbers))])


def _mean_saturation(loss: Loss, thetas: Tensor) -> Tensor:
    measure, x = MEASURES[ACTIVATIONS[loss.problem.activation].saturation].function, loss.parts["train"].x
    units = [layer.units for layer in loss.problem.layers[:-1]]
    layers, sums = iter(units), torch.zeros(len(thetas), dtype=torch.float64)

    def act(z: Tensor) -> Tensor:
        nonlocal sums
        outputs = loss.act(z)
        values = measure(loss.problem, z, outputs).flatten(1).mean(1)
        if not z.sum().isfinite():  # quicker than to look at each number
            values = torch.where(z.flatten(1).isfinite().all(1), values, torch.nan)
        sums = sums + values * (next(layers) * z.shape[1])
        return outputs

    watched, statistics = replace(loss, act=act), loss.statistics(thetas)
    with torch.no_grad():
        for rows in loss.blocks(len(x)):
            layers = iter(units)
            watched.outputs(thetas, x[rows], statistics)
    return sums / (sum(units) * len(x))
