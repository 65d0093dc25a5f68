"""The plane, or line, that an analysis looks at: a center, one or two directions, and how far to go.

The center is the point that the Start reaches. `extent=auto` is decided here, and says how.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lossatlas.compute.numerics.cost import loss_seconds, slice_seconds, trajectory_seconds
from lossatlas.compute.numerics.curvature import kinked
from lossatlas.compute.numerics.directions import filter_normalised, gaussian, orthogonal, trajectory_pca, weight_axis
from lossatlas.compute.numerics.eigenvectors import TOLERANCE, Sharpest, sharpest_bytes, sharpest_task
from lossatlas.compute.numerics.eigenvectors import VERSIONS as SHARPEST_VERSIONS
from lossatlas.compute.numerics.kernels.plan import losses_at
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.train import Start, Training, TrainingResult, reach, recorded_steps
from lossatlas.compute.problem.datasets import DATASETS
from lossatlas.compute.problem.nets import Problem, offsets, parameter_name
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (3, *SHARPEST_VERSIONS)

JUDGED = 2000  # patterns that decide how far a picture should reach (chosen by eye)
RUNGS = 5  # of the ladder at a time
BUFFERS = 16  # the first of the random directions of BatchNorm's statistics; those below are the planes' own
STATISTICS = {
    "fixed": "held at the center's",
    "moved": "moved along the directions",
    "recomputed": "recomputed at every point",
}
PARTS = {"train": "training part", "test": "test part"}


def part_option(told: str = "Which patterns the loss is averaged over.") -> Any:
    """The field of a spec that says which patterns it looks at: declared once for all that ask."""
    return option("train", choices=PARTS, label="Patterns", help=told, compared=True, decides=("data",))


DIRECTIONS = {
    "filter": "filter-normalised, orthogonal",
    "filter_original": "filter-normalised, as published",
    "gaussian": "Gaussian, unit length",
    "trajectory": "trajectory (PCA)",
    "interpolation": "start to end",
    "weights": "a pair of weights",
    "eigenvectors": "sharpest eigenvectors",
    "output": "output layer",
}
FILTERED = ("filter", "filter_original", "output")  # their random directions are filter-normalised
TURNED = " is turned orthogonal, so its units keep the weights' norms only roughly."
TOLD = {  # of some kinds, after their name
    "filter": f" The second{TURNED}",
    "output": " The first is the output layer's own weights and biases: at a, outputs before the loss are 1 + a times "
    f"those of the center. The second, filter-normalised,{TURNED}",
}
SEEDLESS = ("trajectory", "weights", "eigenvectors")  # nothing of theirs is drawn
STRIDE = 1e-4  # to both sides, for the slope of BatchNorm's statistics in float64: 1e-8 of it is cut off (by eye)
LADDER = tuple(m * 10.0**e for e in range(-3, 3) for m in (1, 1.5, 2, 3, 5, 7))


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
    )
    direction_seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        label="Direction seed",
        help="A random plane is one of many: try several.",
        when=("directions", lambda name: name not in SEEDLESS),
        compared=True,
        decides=("plane",),
    )
    weight_a: int = option(
        0,
        low=0,
        high=5_000_000,
        label="First weight",
        when=("directions", lambda name: name == "weights"),
        help="Place in the parameter vector, from 0, of the weight on the first axis.",
        decides=("plane",),
        leaves=("plane",),
    )
    weight_b: int = option(
        1,
        low=0,
        high=5_000_000,
        label="Second weight",
        when=("directions", lambda name: name == "weights"),
        help="Place in the parameter vector, from 0, of the weight on the second axis.",
        decides=("plane",),
        leaves=("plane",),
    )
    extent: float | str = option(
        AUTO,
        low=1e-6,
        high=1e6,
        label="Half width",
        help="How far the picture reaches, in units of the directions' length; auto chooses and says how.",
        first=True,
        leaves=("plane",),
    )
    part: str = part_option()
    statistics: str = option(
        "fixed",
        choices=STATISTICS,
        label="BatchNorm statistics",
        help="Means and variances away from the center: held, moved as weights are, or taken anew at every point.",
        when=("norm", lambda name: name == "batch"),
        compared=True,
    )

    def __post_init__(self):
        check(self)
        if self.directions == "weights" and self.weight_a == self.weight_b:
            raise BadSpec(f"weight_a and weight_b must differ to span a plane; both are {self.weight_a}.")

    @property
    def unit(self) -> str:
        """What a coordinate of 1 means."""
        if self.directions in ("filter", "filter_original"):
            return "filter norms"
        lengths = {"interpolation": "start-to-end distances", "output": "the weights' own norms"}
        return lengths.get(self.directions, "parameter units")

    @property
    def kind(self) -> str:
        """Which directions these are, with their seed where something is drawn."""
        seed = "" if self.directions in SEEDLESS else f", seed {self.direction_seed}"
        return f"{DIRECTIONS[self.directions]}{seed}"


@dataclass(frozen=True)
class Place:
    """A plane through the point that a start reaches."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()

    def __post_init__(self):
        check(self)
        highest, count = max(self.where.weight_a, self.where.weight_b), self.problem.parameters
        if self.where.directions == "weights" and highest >= count:
            raise BadSpec(
                f"weight_a and weight_b must be below {count}, the number of parameters of "
                f"{self.problem.architecture}; got {highest}."
            )

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training."""
        return sharpest_bytes(self.problem) if self.where.directions == "eigenvectors" else 0.0


@dataclass(frozen=True)
class Plane:
    """Directions u, v (P,) through center (P,), float64; the path (T, 2) of the training on it.

    Attributes:
        explained: (2,) share of the path's variance along u and v; NaN unless a trajectory plane.
        off_plane: (T,) Euclidean distance of each path point from the plane.
        buffers: (3, Q) BatchNorm's statistics at the center and how they change along u and v; (3, 0) without
            BatchNorm, or where they are recomputed.
        extent: half width in units of the directions' length.
    """

    center: np.ndarray
    u: np.ndarray
    v: np.ndarray
    names: tuple[str, str]
    path: np.ndarray
    off_plane: np.ndarray
    explained: np.ndarray
    extent: float
    notes: tuple[str, ...]
    buffers: np.ndarray


def symmetric_axis(extent: float, points: int) -> np.ndarray:
    """(S,) evenly spaced, 0 exactly at S // 2 and ∓extent exactly at the ends."""
    half = points // 2
    return extent * (np.arange(-half, half + 1) / half)


def point_seconds(place: Place) -> float:
    """Estimated seconds of one loss on the plane."""
    if place.problem.norm == "batch" and place.where.statistics == "recomputed":
        return loss_seconds(place.problem, place.where.part)
    return slice_seconds(place.problem, place.where.part)


def plane_task(place: Place) -> Task:
    """The task whose result is the Plane."""
    reached = reach(place.problem, place.start)
    seconds = 80 * point_seconds(place)
    if place.where.directions == "trajectory":
        seconds += trajectory_seconds(place.problem, len(recorded_steps(Training(place.problem, place.start))))
    return Task(key_of("plane", VERSIONS, place), make_plane, (place, reached, *curvature_of(place)), seconds)


def curvature_of(place: Place) -> tuple[Task, ...]:
    """The task that finds the sharpest directions, where they are asked for."""
    return (sharpest_task(place.problem, place.start),) if place.where.directions == "eigenvectors" else ()


def make_plane(place: Place, reached: TrainingResult, sharpest: Sharpest | None = None) -> Plane:
    """The plane of a place; `sharpest` for its eigenvectors.

    Raises:
        CannotAnswer: the training diverged, the part has no patterns, or the directions do not exist.
    """
    where, center = place.where, reached.reached().astype(np.float64)
    loss = make_loss(place.problem)
    if not len(loss.parts[where.part]):
        raise CannotAnswer(
            f"{place.problem.dataset} with test_share={place.problem.test_share:g} has no test part. "
            "Choose part=train.",
            "no test part",
        )
    u, v, names, explained = _directions(place, center, reached, sharpest)
    path, off_plane = project(reached.theta - center, u, v)
    # Whatever becomes of BatchNorm's statistics, how far the picture reaches is decided with them held.
    held = _buffers(replace(place, where=replace(where, statistics="fixed")), loss, reached, path, (u, v))
    extent, how = _extent(where, loss, np.hstack([np.stack([center, u, v]), held]), path)
    buffers = held if where.statistics == "fixed" else _buffers(place, loss, reached, path, (u, v))
    kind = f"Directions: {where.kind}.{TOLD.get(where.directions, '')}"
    notes = (kind, *(_curvature_notes(place, sharpest) if sharpest else ()), how)
    return Plane(center, u, v, names, path, off_plane, explained, extent, notes, buffers)


def _curvature_notes(place: Place, found: Sharpest) -> Iterator[str]:
    """Of which matrix the directions are eigenvectors, and what keeps the slice's curvature from being theirs."""
    yield (
        "Eigenvectors, in float64, of the Hessian of the total training loss at the center, for its largest and "
        f"second-largest eigenvalue: {found.values[0]:.6g} and {found.values[1]:.6g}."
    )
    if not found.converged:
        off = " and ".join(f"{off:.2g}" for off in found.residuals[:2])
        yield (
            f"They have not converged in {found.steps} Lanczos steps: ‖Hv − λv‖ is {off}, where {TOLERANCE:g} of the "
            "largest |λ| was asked for. The curvature along them is λ all the same."
        )
    yield from kinked(place.problem)
    if place.problem.norm == "batch" and place.where.statistics != "recomputed":
        yield (
            "The Hessian is that of the loss whose BatchNorm statistics follow the weights; only with "
            "statistics=recomputed is it the curvature of the picture."
        )


def check_spanned(plane: Plane) -> None:
    """Raises CannotAnswer where the two directions are one."""
    if not plane.v.any():
        raise CannotAnswer(
            "This network has only one filter-normalised direction, and a plane needs two. "
            "Choose directions=gaussian or directions=weights.",
            "no plane",
        )


def losses_on(
    loss: Loss, plane: Plane, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term (G,) and accuracy (G,) or (0,) at coordinates (G, 2) on a plane, or (G, 1) on its first axis."""
    axes = coordinates.shape[1]
    state = np.hstack([np.stack([plane.center, plane.u, plane.v]), plane.buffers])
    return losses_at(loss, state[0], state[1 : 1 + axes], coordinates, part, accuracy)


def _buffers(place: Place, loss: Loss, reached: TrainingResult, path: np.ndarray, directions) -> np.ndarray:
    """Statistics of BatchNorm at the center and their change along both directions, (3, Q).

    Moved along random directions they go as far as they are long, mean and variance of each layer apart; along the
    path's own plane as the training moved them (least squares); along eigenvectors by their slope at the center, as
    the weights move them there; along single weights not at all.
    """
    where, points = place.where, torch.as_tensor(reached.theta)
    center = loss.statistics(points[-1])
    if center is None or where.statistics == "recomputed":
        return np.empty((3, 0))
    here = center.double().numpy()
    result = np.stack([here, np.zeros_like(here), np.zeros_like(here)])
    if where.statistics == "fixed" or where.directions == "weights":
        return result
    if where.directions in ("trajectory", "interpolation"):
        moved = np.stack([loss.statistics(point).double().numpy() for point in points]) - here  # type: ignore[union-attr]
        result[1:] = np.linalg.lstsq(path, moved, rcond=None)[0]
        return result
    if where.directions == "eigenvectors":
        result[1:] = [statistics_slope(place.problem, reached.theta[-1].astype(float), along) for along in directions]
        return result
    result[1:] = [drawn_statistics(place, here, which) for which in (0, 1)]
    if where.directions == "output":
        result[1] = 0.0  # no unit with BatchNorm comes after it
    return result


def drawn_statistics(place: Place, here: np.ndarray, which: int) -> np.ndarray:
    """Change (Q,) of BatchNorm's statistics along random direction `which`: each layer's means, and its variances, as
    long as they are at the center.
    """
    drawn = gaussian(len(here), place.where.direction_seed, BUFFERS + 1 + which)
    cuts = np.cumsum([0, *(layer.units for layer in place.problem.layers if layer.norm for _ in ("mean", "variance"))])
    for begin, end in itertools.pairwise(cuts):
        drawn[begin:end] *= np.linalg.norm(here[begin:end]) / np.linalg.norm(drawn[begin:end])
    return drawn


def statistics_slope(problem: Problem, center: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Derivative (Q,) of BatchNorm's statistics at the center along a direction, by central differences in float64."""
    loss = make_loss(replace(problem, dtype="float64"))
    ahead, behind = (loss.statistics(torch.as_tensor(center + h * along)).numpy() for h in (STRIDE, -STRIDE))  # type: ignore[union-attr]
    return (ahead - behind) / (2 * STRIDE)


def _directions(place: Place, center: np.ndarray, reached: TrainingResult, sharpest: Sharpest | None):
    """u, v, their names, and the explained variance."""
    where, shapes, none = place.where, place.problem.shapes, np.full(2, np.nan)
    if where.directions == "trajectory":
        (u, v), explained = trajectory_pca(reached.theta)
        return u, v, ("PC 1", "PC 2"), explained
    if where.directions == "weights":
        chosen = (where.weight_a, where.weight_b)
        u, v = (weight_axis(len(center), index) for index in chosen)
        return u, v, tuple(parameter_name(place.problem, index) for index in chosen), none
    if sharpest is not None:
        names = tuple(f"v{n}, λ = {value:.3g}" for n, value in enumerate(sharpest.values[:2], 1))
        return *sharpest.vectors[:2], names, none
    if where.directions == "interpolation":
        return *_interpolation(where, center, reached), ("start → end", "random"), none
    if where.directions == "output":
        return *_output(where, center, shapes), ("output layer", "random"), none
    return *_random(where, center, shapes), ("direction 1", "direction 2"), none


def _random(where: Where, center: np.ndarray, shapes) -> tuple[np.ndarray, np.ndarray]:
    u, v = (gaussian(len(center), where.direction_seed, which) for which in (0, 1))
    if where.directions == "gaussian":
        v = orthogonal(v, u)
        return u / np.linalg.norm(u), v / np.linalg.norm(v)
    u, v = (_filtered(direction, center, shapes) for direction in (u, v))
    return u, _beside(v, u, turn=where.directions == "filter")


def _filtered(direction: np.ndarray, center: np.ndarray, shapes) -> np.ndarray:
    """Filter-normalised.

    Raises:
        CannotAnswer: the center's weights have no length to take.
    """
    found = filter_normalised(direction, center, shapes)
    if not found.any():
        raise CannotAnswer(
            "Filter-normalised directions are as long as the weights, and here the weights are all 0. "
            "Choose directions=gaussian or directions=weights.",
            "no plane",
        )
    return found


def _beside(v: np.ndarray, u: np.ndarray, turn: bool) -> np.ndarray:
    """v, turned orthogonal to u and as long as before where that is asked; 0 if the two are collinear."""
    turned = orthogonal(v, u)
    lengths = np.linalg.norm(turned), np.linalg.norm(v)
    if lengths[0] <= 1e-9 * lengths[1]:
        return np.zeros_like(u)  # the network has only one such direction
    return turned * (lengths[1] / lengths[0]) if turn else v


def _output(where: Where, center: np.ndarray, shapes) -> tuple[np.ndarray, np.ndarray]:
    """u is the center in the output layer and 0 before it: at a the outputs before the loss are 1 + a times the
    center's, the path to infinity of Sun et al. 2020 (arXiv 2007.01429). v is random, filter-normalised and turned
    orthogonal to u.

    Raises:
        CannotAnswer: the output layer is 0.
    """
    u = np.zeros_like(center)
    begin = offsets(shapes)[-3]
    u[begin:] = center[begin:]
    if not u.any():
        raise CannotAnswer(
            "The output layer's weights and biases are all 0 here, and no multiple of them leads anywhere. "
            "Choose directions=gaussian or directions=weights.",
            "no plane",
        )
    drawn = gaussian(len(center), where.direction_seed, 1)
    return u, _beside(_filtered(drawn, center, shapes), u, turn=True)


def _interpolation(where: Where, center: np.ndarray, reached: TrainingResult) -> tuple[np.ndarray, np.ndarray]:
    """u leads from the initial point (−1) to the end (0); v is random, orthogonal to u and as long."""
    u = center - reached.theta[0]
    length = np.linalg.norm(u)
    if length == 0:
        raise CannotAnswer(
            "A line from start to end needs two points, and this start is not trained. Set steps above 0.", "no plane"
        )
    v = orthogonal(gaussian(len(center), where.direction_seed, 1), u)
    return u, v * (length / np.linalg.norm(v))


def project(steps: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (T, 2) of steps (T, P) on the plane of u and v, and their distance (T,) from it."""
    steps = steps.astype(np.float64)
    basis = np.stack([u, v], 1)
    coordinates = np.linalg.lstsq(basis, steps.T, rcond=None)[0].T
    return coordinates, np.linalg.norm(steps - coordinates @ basis.T, axis=1)


def _extent(where: Where, loss: Loss, state: np.ndarray, path: np.ndarray):
    """Half width and a sentence on how it was chosen; `state` (3, P + Q) holds center, u, v with their buffers."""
    if where.extent != AUTO:
        return float(where.extent), f"Half width {where.extent:g} as asked."
    if where.directions == "interpolation":
        return 1.5, "Half width 1.5: the initial point lies at −1, the end at 0."
    if where.directions == "trajectory":
        extent = _ladder(1.15 * float(np.abs(path).max()))
        return extent, f"Half width {extent:g}: the whole path fits."
    return _rising_extent(loss, where.part, state)


def _ladder(least: float) -> float:
    """The smallest round number not below `least`."""
    for step in LADDER:
        if step >= least:
            return step
    return math.ceil(least)


def _rising_extent(loss: Loss, part: str, state: np.ndarray) -> tuple[float, str]:
    """The smallest round half width at whose edge the median loss of eight directions stands above the center's by
    the loss of a network that outputs zero: far enough to see the walls, near enough to see the basin (chosen by eye).

    The loss is taken over at most JUDGED patterns, from the inside outwards, until the width is found.
    """
    few = replace(loss, parts={name: some.first(JUDGED) for name, some in loss.parts.items()})
    turns = np.arange(8) * math.pi / 4
    ring = np.stack([np.cos(turns), np.sin(turns)], 1)
    zero = float(few.data_term(torch.zeros(loss.problem.parameters, dtype=loss.parts[part].x.dtype), part))
    here = losses_at(few, state[0], state[1:], np.zeros((1, 2)), part)[0][0]
    ladder = np.array([step for step in LADDER if 0.05 <= step <= 50])
    for begin in range(0, len(ladder), RUNGS):
        radii = ladder[begin : begin + RUNGS]
        coordinates = (radii[:, None, None] * ring).reshape(-1, 2)
        values = losses_at(few, state[0], state[1:], coordinates, part)[0]
        enough = np.median(values.reshape(-1, 8), axis=1) - here >= zero
        if enough.any():
            extent = float(radii[np.argmax(enough)])
            how = "there the data term has risen by that of a network that outputs zero."
            return extent, f"Half width {extent:g}: {how}"
    return 1.0, "Half width 1: up to 50 the data term does not rise by that of a network that outputs zero."


def penalty_on(loss: Loss, plane: Plane, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """λ‖c + a·u + b·v‖² from six inner products, shaped as a and b broadcast; exact where both are 0."""
    c, u, v = plane.center, plane.u, plane.v
    square = a * a * (u @ u) + b * b * (v @ v) + 2 * (a * (c @ u) + b * (c @ v) + a * b * (u @ v))
    return float(loss.penalty(torch.as_tensor(c))) + loss.problem.l2 * square


def describe(place: Place) -> str:
    """What was averaged: data, network, patterns, number format."""
    problem = place.problem
    norm = f"statistics {STATISTICS[place.where.statistics]}, " if problem.norm == "batch" else ""
    mixed = f"{problem.unit.label}, " if problem.mixed else ""
    return (
        f"{DATASETS[problem.dataset].label}, {problem.architecture}, {mixed}{norm}{PARTS[place.where.part]}, "
        f"data seed {problem.data_seed}, {problem.dtype}."
    )


def warnings_of(
    reached: TrainingResult, values: np.ndarray, center_loss: float, shown: str = "picture"
) -> tuple[str, ...]:
    """What may mislead about losses around the start: those of the training, gaps, a flat picture, a lower point.

    `shown` is "picture", or "window" for a part of the plane, which need not hold the center.
    """
    return (*reached.warnings, *oddities(reached.spec, values, center_loss, shown).values())


def oddities(spec, values: np.ndarray, center_loss: float, shown: str = "picture") -> dict[str, str]:
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
    if spec.start.steps and finite.min() < 0.999 * center_loss:
        lower = "The center is not the lowest point of the picture."
        found["lower"] = "This window holds points lower than the center." if shown == "window" else lower
    return found
