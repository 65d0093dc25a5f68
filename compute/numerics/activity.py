"""What hidden units do with some patterns at one point: how far they have run into the flat ends of their activation,
and histograms of what enters and leaves them.

Four measures, one for each shape of activation, name them in MEASURES; beside them the share of |f′| < 0.1, which every
activation has, and the dead units. A pre-activation is what enters the activation: after BatchNorm and pooling. A unit
of a convolution is a channel, and each of its pixels counts as a pattern does.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import loss_seconds
from lossatlas.compute.numerics.kernels.products import products
from lossatlas.compute.numerics.loss import Loss
from lossatlas.compute.problem.activations import Blend, unit_of
from lossatlas.compute.problem.nets import Problem

FLAT = 0.1  # a derivative below this counts as flat (chosen by eye)
NEAR = 0.1  # share of an activation's bend within which its output counts as at the lower asymptote (chosen by eye)
FAR = -1e4  # where an output is its lower asymptote
HELD = 0.99  # share of each layer's pre-activations that an automatic range holds (chosen by eye)
LADDER = tuple(m * 10.0**e for e in range(39) for m in (1, 2, 5))  # ranges to choose from, up to float32's largest
NUMBERS = 1 << 16  # pre-activations at a time: their few arrays in float64 stay in L2
PASS = 2.0  # times of a loss that `shares` takes: 1.1 to 2.4


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
def lower_end(blend: Blend) -> LowerEnd:
    """Found on a grid of 0.001, so that the turn of a dipping activation is good to that."""
    function, parameter = unit_of(blend).function, blend[0][1]
    z = torch.linspace(-10, 0, 10_001, dtype=torch.float64)
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
    return phi(outputs, problem.unit.low, problem.unit.high)


def _zero(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return (outputs == 0).double()


def _lower(problem: Problem, z: Tensor, outputs: Tensor) -> Tensor:
    return settled(z, outputs, lower_end(problem.blend))


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
    "mixed": Measure(
        "none", _none, "none, since the two activations that are mixed are measured in different ways", "our own choice"
    ),
}
UNMEASURED = ("none", "mixed")


@dataclass(frozen=True)
class Seen:
    """What one hidden layer does with some patterns: pre-activations, outputs and f′, each (units, n), pixels among
    the patterns.
    """

    z: Tensor
    outputs: Tensor
    slopes: Tensor


def watch(loss: Loss, theta: Tensor, part: str) -> Iterator[list[Seen]]:
    """The hidden layers, block by block of patterns; BatchNorm by the statistics of all training patterns."""
    x, found = loss.parts[part].x, list[Seen]()

    def act(z: Tensor) -> Tensor:
        outputs, slopes = loss.activated(z)
        found.append(Seen(*(values.transpose(0, 1).flatten(1) for values in (z, outputs, slopes))))
        return outputs

    watched, statistics = replace(loss, act=act), loss.statistics(theta)
    multiplications = sum(layer.products for layer in loss.problem.layers)
    for rows in loss.blocks(len(x)):
        found.clear()
        with torch.no_grad(), products(len(x[rows]) * multiplications):
            watched.outputs(theta, x[rows], statistics)
        yield list(found)


def shares(loss: Loss, theta: Tensor, part: str) -> np.ndarray:
    """(3, U) of each hidden unit: saturation, share of |f′| < FLAT, and 1 if it is dead; NaN where a pre-activation is
    infinite or NaN.
    """
    blocks = watch(loss, theta, part)
    saturated, flat, steep, count = _total(
        torch.cat([_sums(loss.problem, seen) for seen in block], 1) for block in blocks
    )
    dead = torch.where(steep.isnan(), torch.nan, (steep == 0).double())
    return torch.stack([saturated / count, flat / count, dead]).numpy()


def _total(tensors: Iterator[Tensor]) -> Tensor:
    """Their sum, one in memory at a time."""
    total = next(tensors)
    for tensor in tensors:
        total = total + tensor
    return total


def _sums(problem: Problem, seen: Seen) -> Tensor:
    """(4, units) sums over patterns: saturation, |f′| < FLAT, f′ ≠ 0, and their number."""
    measure, slope = MEASURES[problem.unit.saturation], seen.slopes.abs()
    values = torch.stack([measure.function(problem, seen.z, seen.outputs), slope < FLAT, slope > 0]).sum(2)
    values = torch.where(seen.z.isfinite().all(1), values, torch.nan)
    return torch.cat([values, torch.full_like(values[:1], seen.z.shape[1])])


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
    measure, x = MEASURES[loss.problem.unit.saturation].function, loss.parts["train"].x
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


def mean_and_sd(loss: Loss, theta: Tensor, part: str) -> np.ndarray:
    """(2, U) of the pre-activations, merged block by block (Chan, Golub & LeVeque 1983): no sum of squares cancels."""
    count, mean, square = torch.zeros(3, sum(layer.units for layer in loss.problem.layers[:-1]), dtype=torch.float64)
    for block in watch(loss, theta, part):
        own = torch.cat([torch.stack([z.mean(1), z.var(1, correction=0)]) for z in (s.z.double() for s in block)], 1)
        n = torch.cat([torch.full((len(seen.z),), float(seen.z.shape[1])) for seen in block])
        off, together = own[0] - mean, count + n
        square = square + own[1] * n + off.square() * n * count / together
        mean, count = mean + off * n / together, together
    return torch.stack([mean, (square / count).sqrt()]).numpy()


def holding(loss: Loss, theta: Tensor, part: str) -> float:
    """The smallest range of LADDER with HELD of each layer's pre-activations within ±range."""
    steps = np.array([0.0, *LADDER])
    counts = _total(
        torch.cat([histogram(seen.z.abs().flatten()[None], steps) for seen in block])
        for block in watch(loss, theta, part)
    ).numpy()
    held = counts[:, 1:-1].cumsum(1) / counts.sum(1, keepdims=True)
    return LADDER[int((held >= HELD).all(0).argmax())]


def histogram(values: Tensor, edges: np.ndarray) -> Tensor:
    """Counts (U, B + 2) of values (U, n): those below, in B bins, and above. A bin holds its left edge, the last one
    also its right.
    """
    ends, count = torch.as_tensor(edges), len(edges) + 1
    place = torch.bucketize(values.double().contiguous(), ends, right=True)
    place = torch.where(values == ends[-1], count - 2, place) + count * torch.arange(len(values))[:, None]
    return torch.bincount(place.flatten(), minlength=count * len(values)).view(-1, count)


def histograms(loss: Loss, theta: Tensor, part: str, edges: np.ndarray, output_edges: np.ndarray) -> np.ndarray:
    """Counts (2, U, B + 2) of pre-activations and of outputs, as `histogram`."""
    low, high = loss.problem.unit.low, loss.problem.unit.high

    def counts(seen: Seen) -> Tensor:
        inside = seen.outputs.double().clamp(low, high)  # an activation leaves its range by rounding only
        return torch.stack([histogram(seen.z, edges), histogram(inside, output_edges)])

    blocks = watch(loss, theta, part)
    return _total(torch.cat([counts(seen) for seen in block], 1) for block in blocks).int().numpy()


def edges_of_outputs(problem: Problem, curve: np.ndarray, bins: int) -> np.ndarray:
    """(bins + 1,) over the activation's range, and where that has no end as far as its `curve` goes."""
    low, high = problem.unit.low, problem.unit.high
    low = low if math.isfinite(low) else float(curve[1].min())
    return np.linspace(low, high if math.isfinite(high) else float(curve[1].max()), bins + 1)


def layer_means(problem: Problem, units: np.ndarray) -> np.ndarray:
    """(..., L) of values (..., U)."""
    layer = unit_numbers(problem)[0]
    return np.stack([units[..., layer == number].mean(-1) for number in np.unique(layer)], -1)


def unit_numbers(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(U,) number of the hidden layer, from 1, and of the unit in it, from 0."""
    units = [layer.units for layer in problem.layers[:-1]]
    return np.repeat(np.arange(1, len(units) + 1), units), np.concatenate([np.arange(count) for count in units])


def shares_seconds(problem: Problem, part: str) -> float:
    """Estimated seconds of `shares`."""
    return PASS * loss_seconds(problem, part)
