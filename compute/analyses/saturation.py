"""Saturation of the hidden units: per unit and layer, at the point reached and along the training."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.where import PARTS, part_option
from lossatlas.compute.numerics.activity import (
    HELD,
    MEASURES,
    edges_of_outputs,
    histograms,
    holding,
    layer_means,
    mean_and_sd,
    shares,
    shares_seconds,
    unit_numbers,
)
from lossatlas.compute.numerics.cost import PIECE, check_patterns, patterns
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.advice import smaller_weights
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (2, *TRAIN_VERSIONS)
CURVE = 201  # points of the activation's own curve
ALL = 6  # times of these that everything at one point takes


@dataclass(frozen=True)
class Saturation:
    """Pre-activations, outputs and saturation of all hidden units of a network."""

    problem: Problem = Problem()
    start: Start = Start()
    part: str = part_option("Which patterns are sent through the network.")
    bins: int = option(40, low=2, high=400, label="Bins", help="Of a histogram; even, so that 0 lies on an edge.")
    z_range: float | str = option(
        AUTO,
        low=1e-3,
        high=1e30,
        label="Range of pre-activations",
        help="Histograms reach from minus this to this, in every layer; auto holds 99 % of each layer and says so.",
        said="picture",
    )
    moments: int = option(
        50,
        low=1,
        high=200,
        label="Saturations along",
        help="At most so many of the training's recorded steps are measured, the last among them.",
        said="picture",
    )

    def __post_init__(self) -> None:
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


def saturation_levels(spec: Saturation) -> list[Task]:
    """First the point reached alone, then the training's other moments, which no histogram enters."""
    reached, per_moment = reach(spec.problem, spec.start), shares_seconds(spec.problem, spec.part)
    times, each = len(places(spec)) - 1, patterns(spec.problem, spec.part)
    end = replace(spec, moments=1) if times else spec
    key, seconds = key_of("saturation", VERSIONS, spec), ALL * per_moment
    levels = [Task(key_of("saturation", VERSIONS, end), at_the_end, (end, reached), seconds, each, spec=end)]
    if times:
        most = max(1, int(PIECE / per_moment))
        bare = replace(spec, z_range=AUTO, bins=Saturation.bins)
        moments = key_of("saturation-moments", VERSIONS, bare)
        pieces = [
            Task(f"{moments}-from-{begin}", at_moments, (bare, begin, stop := min(begin + most, times), reached),
                 (stop - begin) * per_moment, (stop - begin) * each, passing=True)
            for begin in range(0, times, most)
        ]  # fmt: skip
        levels.append(Task(key, assemble, (spec, levels[0], reached, *pieces), spec=spec))
    return levels


def places(spec: Saturation) -> np.ndarray:
    """Which of the training's recorded points are measured: evenly spaced, the last among them."""
    last = len(recorded_steps(Training(spec.problem, spec.start))) - 1
    return np.unique(np.linspace(last, 0, spec.moments).round().astype(int))


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
    check_patterns(problem, spec.part)
    return loss


def at_moments(spec: Saturation, begin: int, end: int, reached: TrainingResult) -> np.ndarray:
    """Layer means (3, T, L) of saturation, flatness and death at some of the places."""
    loss, points = _loss_for(spec, reached), torch.as_tensor(reached.theta[places(spec)[begin:end]])
    return np.stack([layer_means(spec.problem, shares(loss, theta, spec.part)) for theta in points], 1)


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
            "Pre-activations at the point reached are infinite or NaN. "
            f"{smaller_weights(Training(problem, spec.start))}",
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
        spec, problem.unit.saturation, edges, output_edges, layer, unit,
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
    measure = MEASURES[problem.unit.saturation]
    norm = ("BatchNorm by the means and variances of all training patterns.",) if problem.norm == "batch" else ()
    return (
        f"{problem.data.label}, {problem.architecture}, {PARTS[spec.part]}, data seed "
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
