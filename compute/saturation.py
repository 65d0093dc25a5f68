"""How far the hidden units have run into the flat ends of their activation: per unit and layer, at the point reached
and along the training.

Four measures, one for each shape of activation, name them in MEASURES; beside them the share of |f′| < 0.1, which every
activation has, and the dead units. A pre-activation is what enters the activation: after BatchNorm and pooling. A unit
of a convolution is a channel, and each of its pixels counts as a pattern does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from compute.activations import ACTIVATIONS
from compute.cost import PIECE, loss_seconds, patterns
from compute.datasets import DATASETS
from compute.keys import key_of
from compute.loss import Loss, make_loss
from compute.measures import FLAT, MEASURES, lower_end
from compute.nets import Problem
from compute.options import AUTO, BadSpec, check, option
from compute.planes import PARTS, symmetric_axis
from compute.products import products
from compute.tasks import CannotAnswer, Task
from compute.train import VERSIONS as TRAIN_VERSIONS
from compute.train import Start, Training, TrainingResult, reach, recorded_steps

VERSIONS = (1, *TRAIN_VERSIONS)
HELD = 0.99  # share of each layer's pre-activations that an automatic range holds (chosen by eye)
LADDER = tuple(m * 10.0**e for e in range(39) for m in (1, 2, 5))  # ranges to choose from, up to float32's largest
CURVE = 201  # points of the activation's own curve
PASS = 2.0  # times of a loss that the measures of one moment take: 1.1 to 2.4
ALL = 6  # times of these that everything at one point takes


@dataclass(frozen=True)
class Saturation:
    """Pre-activations, outputs and saturation of all hidden units of a network."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = option("train", choices=PARTS, label="Patterns", help="Which patterns are sent through the network.")
    bins: int = option(40, low=2, high=400, label="Bins", help="Of a histogram; even, so that 0 lies on an edge.")
    z_range: float | str = option(
        AUTO,
        low=1e-3,
        high=1e30,
        label="Range of pre-activations",
        help="Histograms reach from minus this to this, in every layer; auto holds 99 % of each layer and says so.",
    )
    moments: int = option(
        50,
        low=1,
        high=200,
        label="Moments",
        help="At most so many of the training's recorded steps are measured, the last among them.",
    )

    def __post_init__(self):
        check(self)
        if self.bins % 2:
            raise BadSpec(f"bins must be even so that 0, where many activations bend, is an edge; got {self.bins}.")


@dataclass(frozen=True)
class SaturationResult:
    """U hidden units of L layers; B bins; T moments of the training.

    Attributes:
        measure: which of MEASURES `saturation` is.
        edges: (B + 1,) of the histograms of pre-activations, the same for every unit; 0 is in the middle.
        output_edges: (B + 1,) of the histograms of outputs: the activation's range, and where that has no end, as far
            as the activation goes within `edges`.
        layer, unit: (U,) numbers of the hidden layer, from 1, and of the unit in it, from 0.
        inputs, outputs: (U, B) counts; a bin holds its left edge, the last one also its right.
        below, above, outputs_below, outputs_above: (U,) counts outside.
        saturation: (U,) mean over patterns, in [0, 1]; NaN for an activation without a measure.
        flat: (U,) share of |f′| < 0.1. dead: (U,) 1 if f′ is 0 on all patterns, in the problem's number format.
        mean, sd: (U,) of the pre-activations; population.
        step: (T,) of the training; the last row below is the point reached, where all of the above is taken.
        layer_saturation, layer_flat, layer_dead: (T, L) means over the units.
        curve: (3, G) z within `edges`, f(z) and f′(z).
    """

    spec: Saturation
    measure: str
    edges: np.ndarray
    output_edges: np.ndarray
    layer: np.ndarray
    unit: np.ndarray
    inputs: np.ndarray
    below: np.ndarray
    above: np.ndarray
    outputs: np.ndarray
    outputs_below: np.ndarray
    outputs_above: np.ndarray
    saturation: np.ndarray
    flat: np.ndarray
    dead: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    step: np.ndarray
    layer_saturation: np.ndarray
    layer_flat: np.ndarray
    layer_dead: np.ndarray
    curve: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a hidden unit."""
        names = ("layer", "unit", "saturation", "flat", "dead", "mean", "sd")
        return {name: getattr(self, name) for name in names}


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
    measure, slope = MEASURES[ACTIVATIONS[problem.activation].saturation], seen.slopes.abs()
    values = torch.stack([measure.function(problem, seen.z, seen.outputs), slope < FLAT, slope > 0]).sum(2)
    values = torch.where(seen.z.isfinite().all(1), values, torch.nan)
    return torch.cat([values, torch.full_like(values[:1], seen.z.shape[1])])


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
    low, high = _bounds(loss.problem)

    def counts(seen: Seen) -> Tensor:
        inside = seen.outputs.double().clamp(low, high)  # an activation leaves its range by rounding only
        return torch.stack([histogram(seen.z, edges), histogram(inside, output_edges)])

    blocks = watch(loss, theta, part)
    return _total(torch.cat([counts(seen) for seen in block], 1) for block in blocks).int().numpy()


def _bounds(problem: Problem) -> tuple[float, float]:
    """Infimum and supremum of the activation with its own parameter."""
    activation = ACTIVATIONS[problem.activation]
    own = activation.saturation == "lower asymptote" and activation.parameter  # facts are stated for its default
    return lower_end(problem.activation, problem.sharpness).value if own else activation.low, activation.high


def edges_of_outputs(problem: Problem, curve: np.ndarray, bins: int) -> np.ndarray:
    """(bins + 1,) over the activation's range, and where that has no end as far as its `curve` goes."""
    low, high = _bounds(problem)
    low = low if math.isfinite(low) else float(curve[1].min())
    return np.linspace(low, high if math.isfinite(high) else float(curve[1].max()), bins + 1)


def saturation_levels(spec: Saturation) -> list[Task]:
    """First the point reached alone, then the training's other moments."""
    reached, per_moment = reach(spec.problem, spec.start), moment_seconds(spec)
    times, each = len(places(spec)) - 1, patterns(spec.problem, spec.part)
    end = replace(spec, moments=1) if times else spec
    key, seconds = key_of("saturation", VERSIONS, spec), ALL * per_moment
    levels = [Task(key_of("saturation", VERSIONS, end), at_the_end, (end, reached), seconds, each, spec=end)]
    if times:
        most = max(1, int(PIECE / per_moment))
        pieces = [
            Task(f"{key}-from-{begin}", at_moments, (spec, begin, stop := min(begin + most, times), reached),
                 (stop - begin) * per_moment, (stop - begin) * each, passing=True)
            for begin in range(0, times, most)
        ]  # fmt: skip
        levels.append(Task(key, assemble, (spec, levels[0], reached, *pieces), spec=spec))
    return levels


def places(spec: Saturation) -> np.ndarray:
    """Which of the training's recorded points are measured: evenly spaced, the last among them."""
    last = len(recorded_steps(Training(spec.problem, spec.start))) - 1
    return np.unique(np.linspace(last, 0, spec.moments).round().astype(int))


def moment_seconds(spec: Saturation) -> float:
    """Estimated seconds of the measures at one point."""
    return PASS * loss_seconds(spec.problem, spec.part)


def saturation_size(spec: Saturation) -> tuple[int, str]:
    """How much is asked, and of what."""
    return len(places(spec)) * patterns(spec.problem, spec.part), "patterns through the network"


def _loss_for(spec: Saturation, reached: TrainingResult) -> Loss:
    """The loss whose network is looked at.

    Raises:
        CannotAnswer: the training diverged, the network has no hidden unit, or the part no patterns.
    """
    problem, loss = spec.problem, make_loss(spec.problem)
    reached.reached()
    if len(problem.layers) == 1:
        raise CannotAnswer(
            f"Saturation is a property of hidden units, and {problem.architecture} has none. Choose widths, as 4.",
            "no hidden layer",
        )
    if not len(loss.parts[spec.part]):
        raise CannotAnswer(
            f"{problem.dataset} with test_share={problem.test_share:g} has no test part. Choose part=train.",
            "no test part",
        )
    return loss


def at_moments(spec: Saturation, begin: int, end: int, reached: TrainingResult) -> np.ndarray:
    """Layer means (3, T, L) of saturation, flatness and death at some of the places."""
    loss, points = _loss_for(spec, reached), torch.as_tensor(reached.theta[places(spec)[begin:end]])
    return np.stack([layer_means(spec.problem, shares(loss, theta, spec.part)) for theta in points], 1)


def layer_means(problem: Problem, units: np.ndarray) -> np.ndarray:
    """(..., L) of values (..., U)."""
    layer = unit_numbers(problem)[0]
    return np.stack([units[..., layer == number].mean(-1) for number in np.unique(layer)], -1)


def unit_numbers(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(U,) number of the hidden layer, from 1, and of the unit in it, from 0."""
    units = [layer.units for layer in problem.layers[:-1]]
    return np.repeat(np.arange(1, len(units) + 1), units), np.concatenate([np.arange(count) for count in units])


def at_the_end(spec: Saturation, reached: TrainingResult) -> SaturationResult:
    """Everything at the point reached.

    Raises:
        CannotAnswer: as `_loss_for`, or a pre-activation is infinite or NaN.
    """
    loss, problem = _loss_for(spec, reached), spec.problem
    theta = torch.as_tensor(reached.reached())
    at = (loss, theta, spec.part)
    saturation, flat, dead = units = shares(*at)
    if np.isnan(dead).any():
        raise CannotAnswer(
            "Pre-activations at the point reached are infinite or NaN. Lower the initial range or the learning rate.",
            "diverged",
        )
    z_range = holding(*at) if spec.z_range == AUTO else float(spec.z_range)
    edges, curve = symmetric_axis(z_range, spec.bins + 1), _curve(loss, z_range)
    output_edges = edges_of_outputs(problem, curve, spec.bins)
    inputs, outputs = histograms(*at, edges, output_edges)
    layer, unit = unit_numbers(problem)
    mean, sd = mean_and_sd(*at)
    layers = layer_means(problem, units)[:, None]
    return SaturationResult(
        spec, ACTIVATIONS[problem.activation].saturation, edges, output_edges, layer, unit,
        inputs[:, 1:-1], inputs[:, 0], inputs[:, -1], outputs[:, 1:-1], outputs[:, 0], outputs[:, -1],
        saturation, flat, dead, mean, sd, reached.step[-1:], layers[0], layers[1], layers[2], curve,
        notes=_notes(spec, z_range, inputs), warnings=reached.warnings, dtype=problem.dtype,
    )  # fmt: skip


def _curve(loss: Loss, z_range: float) -> np.ndarray:
    """(3, CURVE) z, f and f′ in float64."""
    z = torch.as_tensor(symmetric_axis(z_range, CURVE))
    return torch.stack([z, *loss.activated(z)]).numpy()


def _notes(spec: Saturation, z_range: float, inputs: np.ndarray) -> tuple[str, ...]:
    problem, outside = spec.problem, float(inputs[:, [0, -1]].sum() / inputs.sum())
    how = f"a round number that holds {100 * HELD:g} % of each layer" if spec.z_range == AUTO else "as asked"
    measure = MEASURES[ACTIVATIONS[problem.activation].saturation]
    norm = ("BatchNorm by the means and variances of all training patterns.",) if problem.norm == "batch" else ()
    return (
        f"{DATASETS[problem.dataset].label}, {problem.architecture}, {PARTS[spec.part]}, data seed "
        f"{problem.data_seed}, {problem.dtype}.",
        *norm,
        f"Saturation: {measure.note} ({measure.source}).",
        f"Pre-activations from {-z_range:g} to {z_range:g}, {how}; {100 * outside:.3g} % lie outside.",
    )


def assemble(spec: Saturation, end: SaturationResult, reached: TrainingResult, *pieces: np.ndarray) -> SaturationResult:
    """The answer with the training's other moments before the point reached."""
    last = np.stack([end.layer_saturation, end.layer_flat, end.layer_dead])
    saturation, flat, dead = np.concatenate([*pieces, last], 1)
    return replace(
        end, spec=spec, step=reached.step[places(spec)],
        layer_saturation=saturation, layer_flat=flat, layer_dead=dead,
    )  # fmt: skip
