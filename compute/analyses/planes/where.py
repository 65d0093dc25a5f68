"""Where an analysis looks: a plane or line through the point that a Start reaches, and what is said of such a place."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lossatlas.compute.analyses.planes.directions import DIRECTIONS, Direction
from lossatlas.compute.numerics.eigenvectors import sharpest_bytes
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option

STATISTICS = {
    "fixed": "held at the center's",
    "moved": "moved along the directions",
    "recomputed": "recomputed at every point",
}
PARTS = {"train": "training part", "test": "test part"}


def part_option(told: str = "Which patterns the loss is averaged over.") -> Any:
    """The field of a spec that says which patterns it looks at: declared once for all that ask."""
    return option(
        "train",
        choices=PARTS,
        label="Patterns",
        help=told,
        compared=True,
        decides=("data",),
        told="on the {}",
        said="picture",
    )


@dataclass(frozen=True)
class Where:
    """Which plane or line through the start, how far along it, and on which patterns."""

    directions: str = option(
        "filter",
        choices=DIRECTIONS,
        label="Directions",
        help="The axes. Filter-normalised: random, each unit's weights as long as its own (Li et al. 2018). "
        "Sharpest: eigenvectors of the training loss's Hessian. Output layer: its own weights and biases, so that 1 "
        "doubles the network's outputs before the sigmoid, and a random direction.",
        first=True,
        compared=True,
        decides=("plane",),
        leaves=("plane",),
        said="picture",
        told="{} directions",
    )
    direction_seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        label="Direction seed",
        help="A random plane is one of many: try several.",
        when=("directions", lambda name: DIRECTIONS[name].seeded),
        compared=True,
        decides=("plane",),
        said="picture",
    )
    weight_a: int = option(
        0,
        low=0,
        high=5_000_000,
        label="First weight",
        when=("directions", lambda name: DIRECTIONS[name].weighted),
        help="Place in the parameter vector, from 0, of the weight on the first axis.",
        decides=("plane",),
        leaves=("plane",),
        told="weight {} on the first axis",
    )
    weight_b: int = option(
        1,
        low=0,
        high=5_000_000,
        label="Second weight",
        when=("directions", lambda name: DIRECTIONS[name].weighted),
        help="Place in the parameter vector, from 0, of the weight on the second axis.",
        decides=("plane",),
        leaves=("plane",),
        told="weight {} on the second axis",
    )
    extent: float | str = option(
        AUTO,
        low=1e-6,
        high=1e6,
        label="Half width",
        help="How far the picture reaches, in units of the directions' length; auto chooses and says how.",
        first=True,
        leaves=("plane",),
        told=(("at",), lambda extent, at: "" if at else f"half width {extent:g}"),
        said="picture",
    )
    part: str = part_option()
    statistics: str = option(
        "fixed",
        choices=STATISTICS,
        label="BatchNorm statistics",
        help="Means and variances away from the center: held, moved as weights are, or taken anew at every point.",
        when=("norm", lambda name: name == "batch"),
        compared=True,
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.direction.weighted and self.weight_a == self.weight_b:
            raise BadSpec(f"weight_a and weight_b must differ to span a plane; both are {self.weight_a}.")

    @property
    def direction(self) -> Direction:
        """What is true of the directions."""
        return DIRECTIONS[self.directions]

    @property
    def kind(self) -> str:
        """Which directions these are, with their seed where something is drawn."""
        seed = f", seed {self.direction_seed}" if self.direction.seeded else ""
        return f"{self.direction.label}{seed}"


class Reaching(Protocol):
    """A question about the point that a start reaches."""

    @property
    def problem(self) -> Problem: ...

    @property
    def start(self) -> Start: ...


@dataclass(frozen=True)
class Place:
    """A plane through the point that a start reaches."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()

    def __post_init__(self) -> None:
        check(self)
        highest, count = max(self.where.weight_a, self.where.weight_b), self.problem.parameters
        if self.where.direction.weighted and highest >= count:
            raise BadSpec(
                f"weight_a and weight_b must be below {count}, the number of parameters of "
                f"{self.problem.architecture}; got {highest}."
            )

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training."""
        return sharpest_bytes(self.problem) if self.where.direction.sharpest else 0.0


def describe(place: Place) -> str:
    """What was averaged: data, network, patterns, number format."""
    problem = place.problem
    norm = f"statistics {STATISTICS[place.where.statistics]}, " if problem.norm == "batch" else ""
    mixed = f"{problem.unit.label}, " if problem.mixed else ""
    return (
        f"{problem.data.label}, {problem.architecture}, {mixed}{norm}{PARTS[place.where.part]}, "
        f"data seed {problem.data_seed}, {problem.dtype}."
    )


def nearer(window: tuple[float, ...] = ()) -> str:
    """What to do where no loss of a picture is finite. Without a window it holds the center, whose training loss is:
    a test loss is what overflows there.
    """
    return "Choose a window nearer the center." if window else "So it is at the center: choose part=train."


def warnings_of(
    reached: TrainingResult, values: np.ndarray, center_loss: float, shown: str = "picture"
) -> tuple[str, ...]:
    """What may mislead about losses around the start: those of the training, gaps, a flat picture, a lower point.

    `shown` is "picture", or "window" for a part of the plane, which need not hold the center.
    """
    return (*reached.warnings, *oddities(reached.spec, values, center_loss, shown).values())


def oddities(spec: Reaching, values: np.ndarray, center_loss: float, shown: str = "picture") -> dict[str, str]:
    """What may mislead about losses themselves, as kind -> sentence: "gaps", "flat" or "rounding", "lower"."""
    found, finite = {}, values[np.isfinite(values)]
    if missing := values.size - finite.size:
        found["gaps"] = f"{missing} of {values.size} points are infinite or NaN and are left out."
    if not finite.size:
        return found
    dtype = spec.problem.dtype
    rounding = float(np.finfo(dtype).eps) * float(np.abs(finite).max())
    larger = f"Choose a larger {'window' if shown == 'window' else 'half width'}"
    advice = f"{larger}." if dtype == "float64" else f"{larger} or dtype=float64."
    if finite.size > 1 and np.ptp(finite) <= 8 * rounding:
        flat = f"The loss is {finite.max():.6g} everywhere, to rounding: the {shown} is flat."
        found["flat"] = f"{flat} {advice}" if shown == "window" else flat
    elif finite.size > 1 and np.ptp(finite) <= 400 * rounding:
        found["rounding"] = f"The relief is hardly larger than rounding. {advice}"
    if spec.start.steps and spec.start.way.trained and finite.min() < 0.999 * center_loss:
        lower = "The center is not the lowest point of the picture."
        found["lower"] = "This window holds points lower than the center." if shown == "window" else lower
    return found
