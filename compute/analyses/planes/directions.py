"""DIRECTIONS: the kinds of direction that span a plane, as a literal table. A new one is a function here and a line.

Where they need nothing else, a kind's second direction is turned toward a third one drawn at random, BatchNorm's
statistics move along a random direction of their own, and the picture reaches as far as the loss rises.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from lossatlas.compute.analyses.planes.extent import path_fits, start_to_end
from lossatlas.compute.numerics.directions import (
    filter_normalised,
    gaussian,
    orthogonal,
    third_component,
    trajectory_pca,
    weight_axis,
)
from lossatlas.compute.numerics.eigenvectors import Sharpest
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.problem.nets import Problem, offsets, parameter_name
from lossatlas.compute.spec.tasks import CannotAnswer

BUFFERS = 16  # the first of the random directions of BatchNorm's statistics; those below are the planes' own
STRIDE = 1e-4  # to both sides, for the slope of BatchNorm's statistics in float64: 1e-8 of it is cut off (by eye)
TURNED = " is turned orthogonal, so its units keep the weights' norms only roughly."
NO_THIRD = "This network has only two directions of this kind, and turning the plane needs a third. Set turn=0."

UNTRAINED = (  # sentence and kind
    "A line from start to end needs two points, and this start is not trained. Set steps above 0.", "no training",
)  # fmt: skip
UNMOVED = (
    "A line from start to end needs two points, and this training did not move: no step changed a weight. Choose "
    "another init, or directions=gaussian.", "no plane",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Given:
    """What directions are made from: the way to the center (P,), float64, and what was chosen for them."""

    problem: Problem
    reached: TrainingResult
    center: np.ndarray
    seed: int
    weights: tuple[int, int]
    sharpest: Sharpest | None

    def drawn(self, which: int) -> np.ndarray:
        """A random direction (P,) of the seed."""
        return gaussian(len(self.center), self.seed, which)


class Axes(NamedTuple):
    """Directions (P,), their names, and their shares of the path's variance (2,), NaN unless principal components."""

    u: np.ndarray
    v: np.ndarray
    names: tuple[str, str]
    explained: np.ndarray


@dataclass(frozen=True)
class Moves:
    """How BatchNorm's statistics (Q,) change along directions.

    Attributes:
        along: (given, here, path, u, v) -> (2, Q), from those `here` at the center and the path (T, 2) on the plane.
        beyond: (given, here, path, changes, w) -> (Q,), along a third direction after the `changes` along two.
    """

    along: Callable[..., np.ndarray]
    beyond: Callable[..., np.ndarray]


# ---------------------------------------------------------------------------------------------- BatchNorm's statistics


def drawn_statistics(given: Given, here: np.ndarray, which: int) -> np.ndarray:
    """Change (Q,) of BatchNorm's statistics along random direction `which`: each layer's means, and its variances, as
    long as they are at the center.
    """
    drawn = gaussian(len(here), given.seed, BUFFERS + 1 + which)
    cuts = np.cumsum([0, *(layer.units for layer in given.problem.layers if layer.norm for _ in ("mean", "variance"))])
    for begin, end in itertools.pairwise(cuts):
        drawn[begin:end] *= np.linalg.norm(here[begin:end]) / np.linalg.norm(drawn[begin:end])
    return drawn


def statistics_slope(problem: Problem, center: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Derivative (Q,) of BatchNorm's statistics at the center along a direction, by central differences in float64."""
    loss = make_loss(replace(problem, dtype="float64"))
    ahead, behind = (loss.statistics(torch.as_tensor(center + h * along)).numpy() for h in (STRIDE, -STRIDE))  # type: ignore[union-attr]
    return (ahead - behind) / (2 * STRIDE)


def _drawn_along(given: Given, here: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack([drawn_statistics(given, here, which) for which in (0, 1)])


def _drawn_beyond(given: Given, here: np.ndarray, path: np.ndarray, changes: np.ndarray, w: np.ndarray) -> np.ndarray:
    return drawn_statistics(given, here, 2)


def _output_along(given: Given, here: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """No unit with BatchNorm comes after the output layer."""
    return np.stack([np.zeros_like(here), drawn_statistics(given, here, 1)])


def _held_along(given: Given, here: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.zeros((2, len(here)))


def _slopes_along(given: Given, here: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack([statistics_slope(given.problem, given.center, along) for along in (u, v)])


def _slope_beyond(given: Given, here: np.ndarray, path: np.ndarray, changes: np.ndarray, w: np.ndarray) -> np.ndarray:
    return statistics_slope(given.problem, given.center, w)


def _trained_along(given: Given, here: np.ndarray, path: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Least squares."""
    return np.linalg.lstsq(path, _moved(given, here), rcond=None)[0]


def _trained_beyond(given: Given, here: np.ndarray, path: np.ndarray, changes: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Beyond what u and v account for."""
    along = ((given.reached.theta - given.center) @ w / (w @ w))[:, None]  # (T, 1)
    return np.linalg.lstsq(along, _moved(given, here) - path @ changes, rcond=None)[0][0]


def _moved(given: Given, here: np.ndarray) -> np.ndarray:
    """(T, Q) by which the training moved the statistics, seen from its end."""
    loss = make_loss(given.problem)
    points = torch.as_tensor(given.reached.theta)
    return np.stack([loss.statistics(point).double().numpy() for point in points]) - here  # type: ignore[union-attr]


# As far as they are long, mean and variance of each layer apart.
DRAWN = Moves(_drawn_along, _drawn_beyond)
OF_OUTPUT = Moves(_output_along, _drawn_beyond)
HELD = Moves(_held_along, _drawn_beyond)
SLOPES = Moves(_slopes_along, _slope_beyond)  # as the weights move them at the center
AS_TRAINED = Moves(_trained_along, _trained_beyond)


# ---------------------------------------------------------------------------------------------- third directions


def _third(given: Given, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    return _free(given.drawn(2), u, v), math.nan


def _third_filtered(given: Given, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    return _free(_like_filters(given), u, v), math.nan


def _third_as_published(given: Given, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    drawn = _like_filters(given)
    _free(drawn, u, v)  # raises where it would be none
    return drawn, math.nan


def _like_filters(given: Given) -> np.ndarray:
    return filter_normalised(given.drawn(2), given.center, given.problem.shapes)


def _free(drawn: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """What of a direction is orthogonal to both, as long as v.

    Raises:
        CannotAnswer: nothing is.
    """
    free = orthogonal(orthogonal(drawn, u), orthogonal(v, u))
    if np.linalg.norm(free) <= 1e-9 * np.linalg.norm(drawn):
        raise CannotAnswer(NO_THIRD, "too few directions")
    return free * (np.linalg.norm(v) / np.linalg.norm(free))


def _third_of_path(given: Given, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    return third_component(given.reached.theta, u, v)


def _third_sharpest(given: Given, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float]:
    assert given.sharpest is not None
    if len(given.sharpest.values) < 3:
        raise CannotAnswer(NO_THIRD, "too few directions")
    return given.sharpest.vectors[2], math.nan


# ---------------------------------------------------------------------------------------------- the kinds


@dataclass(frozen=True)
class Direction:
    """A kind of direction.

    Attributes:
        axes: makes the two; raises CannotAnswer where they do not exist.
        source: who used them first, as far as we know.
        told: what else has to be known of them, after their name.
        unit: what a coordinate of 1 means.
        seeded: something is drawn. weighted: weight_a and weight_b name two parameters. sharpest: they are made from
            the Hessian's eigenvectors. holds_path: the plane is the path's own. from_start: the first leads from the
            initial point, at −1, to the end, at 0.
        third: (given, u, v) -> a third one (P,), as long as the second and orthogonal to both where those are to one
            another, and its share of the path's variance, NaN unless it is a principal component; raises CannotAnswer
            where there is none. None: the plane cannot be turned.
        statistics: how BatchNorm's means and variances move along them.
        extent: half width and a sentence, from the path (T, 2); None: as far as the loss rises.
    """

    label: str
    axes: Callable[[Given], Axes]
    source: str = ""
    told: str = ""
    unit: str = "parameter units"
    seeded: bool = True
    weighted: bool = False
    sharpest: bool = False
    holds_path: bool = False
    from_start: bool = False
    third: Callable[[Given, np.ndarray, np.ndarray], tuple[np.ndarray, float]] | None = _third
    statistics: Moves = DRAWN
    extent: Callable[[np.ndarray], tuple[float, str]] | None = None


def _unexplained(u: np.ndarray, v: np.ndarray, *names: str) -> Axes:
    first, second = names or ("direction 1", "direction 2")
    return Axes(u, v, (first, second), np.full(2, np.nan))


def _filter(given: Given) -> Axes:
    u, v = _filter_normalised_pair(given)
    return _unexplained(u, _beside(v, u, turn=True))


def _filter_original(given: Given) -> Axes:
    u, v = _filter_normalised_pair(given)
    return _unexplained(u, _beside(v, u, turn=False))


def _filter_normalised_pair(given: Given) -> tuple[np.ndarray, np.ndarray]:
    u, v = (_filtered(given, given.drawn(which)) for which in (0, 1))
    return u, v


def _filtered(given: Given, direction: np.ndarray) -> np.ndarray:
    """Filter-normalised.

    Raises:
        CannotAnswer: the center's weights have no length to take.
    """
    found = filter_normalised(direction, given.center, given.problem.shapes)
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


def _gaussian(given: Given) -> Axes:
    u, v = given.drawn(0), given.drawn(1)
    v = orthogonal(v, u)
    return _unexplained(u / np.linalg.norm(u), v / np.linalg.norm(v))


def _trajectory(given: Given) -> Axes:
    (u, v), explained = trajectory_pca(given.reached.theta)
    return Axes(u, v, ("PC 1", "PC 2"), explained)


def _interpolation(given: Given) -> Axes:
    """u leads from the initial point (−1) to the end (0); v is random, orthogonal to u and as long."""
    u = given.center - given.reached.theta[0]
    length = np.linalg.norm(u)
    if length == 0:
        raise CannotAnswer(*(UNMOVED if given.reached.spec.start.steps else UNTRAINED))
    v = orthogonal(given.drawn(1), u)
    return _unexplained(u, v * (length / np.linalg.norm(v)), "start → end", "random")


def _weights(given: Given) -> Axes:
    u, v = (weight_axis(len(given.center), index) for index in given.weights)
    return _unexplained(u, v, *(parameter_name(given.problem, index) for index in given.weights))


def _eigenvectors(given: Given) -> Axes:
    assert given.sharpest is not None
    u, v = given.sharpest.vectors[:2]
    return _unexplained(u, v, *(f"v{n}, λ = {value:.3g}" for n, value in enumerate(given.sharpest.values[:2], 1)))


def _output(given: Given) -> Axes:
    """u is the center in the output layer and 0 before it: at a the outputs before the loss are 1 + a times the
    center's, the path to infinity of Sun et al. 2020 (arXiv 2007.01429). v is random, filter-normalised and turned
    orthogonal to u.

    Raises:
        CannotAnswer: the output layer is 0.
    """
    u = np.zeros_like(given.center)
    begin = offsets(given.problem.shapes)[-3]
    u[begin:] = given.center[begin:]
    if not u.any():
        raise CannotAnswer(
            "The output layer's weights and biases are all 0 here, and no multiple of them leads anywhere. "
            "Choose directions=gaussian or directions=weights.",
            "no plane",
        )
    v = _beside(_filtered(given, given.drawn(1)), u, turn=True)
    return _unexplained(u, v, "output layer", "random")


# fmt: off
DIRECTIONS: dict[str, Direction] = {
    "filter": Direction(
        "filter-normalised, orthogonal", _filter, "Li et al. 2018, arXiv 1712.09913, section 4",
        told=f" The second{TURNED}", unit="filter norms", third=_third_filtered,
    ),
    "filter_original": Direction(
        "filter-normalised, as published", _filter_original, "Li et al. 2018, arXiv 1712.09913, section 4",
        unit="filter norms", third=_third_as_published,
    ),
    "gaussian": Direction("Gaussian, unit length", _gaussian),
    "trajectory": Direction(
        "trajectory (PCA)", _trajectory, "Li et al. 2018, arXiv 1712.09913, section 7",
        seeded=False, holds_path=True, third=_third_of_path, statistics=AS_TRAINED, extent=path_fits,
    ),
    "interpolation": Direction(
        "start to end", _interpolation, "Goodfellow, Vinyals & Saxe 2015, arXiv 1412.6544",
        unit="start-to-end distances", from_start=True, statistics=AS_TRAINED, extent=start_to_end,
    ),
    "weights": Direction(
        "a pair of weights", _weights, seeded=False, weighted=True, third=None, statistics=HELD,
    ),
    "eigenvectors": Direction(
        "sharpest eigenvectors", _eigenvectors, "Yao et al. 2020, arXiv 1912.07145",
        seeded=False, sharpest=True, third=_third_sharpest, statistics=SLOPES,
    ),
    "output": Direction(
        "output layer", _output, "Sun et al. 2020, arXiv 2007.01429",
        told=" The first is the output layer's own weights and biases: at a, outputs before the loss are 1 + a times "
        f"those of the center. The second, filter-normalised,{TURNED}",
        unit="the weights' own norms", third=_third_filtered, statistics=OF_OUTPUT,
    ),
}
# fmt: on
