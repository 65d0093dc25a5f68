"""The numbers of one cloud, with their spread over walks: a row of the study's tables."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.numerics.classes import AUTHORS, NAMES, ROBUST, RULES, UNKNOWN
from lossatlas.compute.numerics.intervals import Correlation, Share, grouped_correlation, share_of
from lossatlas.compute.numerics.stagnation import COUNTERS
from lossatlas.compute.spec.results import once

LOW = 0.1  # share of the visited points, those of least loss, that count as low (chosen by eye)


@dataclass(frozen=True)
class Mean:
    """Over walks, population standard deviation as in the study; `left_out` have no such number."""

    mean: float
    sd: float
    count: int
    left_out: int


@dataclass(frozen=True)
class Valleys:
    """How the width of valleys goes with saturation, at the points of low loss.

    A valley is the narrower, the larger the gradient norm is at a given loss. `plain`: Pearson's r of log₁₀ of the
    gradient norm and the saturation; `partial`: the same with log₁₀ of the loss held fixed, since gradients shrink as
    the loss does. Positive: narrow valleys go with saturated units. Intervals over walks.

    Attributes:
        below: the loss up to which points count as low.
        left_out: low points whose loss, gradient or saturation is 0 or not finite, so that it has no logarithm.
    """

    below: float
    plain: Correlation
    partial: Correlation
    left_out: int


@dataclass(frozen=True)
class Summary:
    """Of W walks with N points in all.

    Attributes:
        runs, length: n_stag and l_stag, by the names of COUNTERS.
        first, last: means of every measured quantity at the start and at the end of the walks; `whole`: of each
            walk's own mean over its points, the points that are not finite left out.
        shares: by rule and class name; of the points whose Hessian is finite. `unclassified`: those where it is not.
        routes: by route and class name, the same under the authors' rule by other orders of weights and solvers.
        negative: by rule, the share of points with an eigenvalue below −tolerance times the largest |λ|.
    """

    walks: int
    points: int
    broken: int
    runs: dict[str, Mean]
    length: dict[str, Mean]
    first: dict[str, Mean]
    last: dict[str, Mean]
    whole: dict[str, Mean]
    classified: int
    unclassified: dict[str, int]
    shares: dict[str, dict[str, Share]]
    routes: dict[str, dict[str, Share]]
    negative: dict[str, Share]
    valleys: Valleys
    tolerance: dict[str, float] = field(default_factory=dict)


def summarise(cloud: CloudResult, tolerance: float | None = None, groups: np.ndarray | None = None) -> Summary:
    """All numbers of a cloud; `tolerance` is that of the full Hessian, if not its own.

    `groups`: (W,) what the walks belong to, as the split of their data. Intervals are then over groups, and cover what
    differs between these beside what differs between walks; without, they are over walks.
    """
    tolerances = {name: rule.tolerance for name, rule in RULES.items()}
    if tolerance is not None:
        tolerances["full"] = tolerance
    return Summary(
        walks=len(cloud.loss),
        points=cloud.loss.size,
        broken=int((cloud.broken_at >= 0).sum()),
        runs=by_counter(cloud.runs),
        length=by_counter(cloud.length),
        first=_means(cloud, lambda values: values[:, 0]),
        last=_means(cloud, lambda values: values[:, -1]),
        whole=_means(cloud, over_steps),
        classified=cloud.looked.size,
        unclassified={rule: int((cloud.classes(rule) == UNKNOWN).sum()) for rule in RULES},
        shares={rule: shares(cloud, rule, tolerances[rule], groups) for rule in RULES},
        routes={name: _of_classes(classes, groups) for name, classes in cloud.routes.items()},
        negative={rule: negative(cloud, rule, tolerances[rule], groups) for rule in RULES},
        valleys=valleys(cloud) if groups is None else _valleys(cloud, LOW, 0, groups),
        tolerance=tolerances,
    )


def by_counter(values: np.ndarray) -> dict[str, Mean]:
    """Of n_stag or l_stag, as a cloud holds them."""
    return dict(zip(COUNTERS, map(mean_of, values), strict=True))


def mean_of(values: np.ndarray) -> Mean:
    """Of one number a walk."""
    kept = values[np.isfinite(values)].astype(np.float64)
    if not len(kept):
        return Mean(math.nan, math.nan, 0, len(values))
    return Mean(float(kept.mean()), float(kept.std()), len(kept), len(values) - len(kept))


def _means(cloud: CloudResult, taken: Callable[[np.ndarray], np.ndarray]) -> dict[str, Mean]:
    names = ("loss", "gradient_norm", "accuracy", "test_loss", "test_accuracy", "saturation")
    return {name: mean_of(taken(getattr(cloud, name))) for name in names}


def over_steps(values: np.ndarray) -> np.ndarray:
    """Each walk's own mean (W,); NaN without a finite value."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(finite, values, 0.0).sum(1, dtype=np.float64) / finite.sum(1)


def shares(cloud: CloudResult, rule: str, tolerance: float, groups: np.ndarray | None = None) -> dict[str, Share]:
    """Share of each curvature class among the classified points, with an interval over walks, or groups of them."""
    return _of_classes(cloud.classes(rule, tolerance), groups)


def _of_classes(classes: np.ndarray, groups: np.ndarray | None) -> dict[str, Share]:
    known = classes != UNKNOWN
    return {name: _share(classes == code, known, groups) for code, name in enumerate(NAMES)}


def _share(hits: np.ndarray, known: np.ndarray, groups: np.ndarray | None) -> Share:
    """Of the points known (W, k). Where all or none are hits no group differs from another: the cases are walks."""
    if groups is None or hits[known].all() or not hits.any():
        return share_of(hits.sum(1), known.sum(1))
    return share_of(np.bincount(groups, hits.sum(1)), np.bincount(groups, known.sum(1)))


def spread(cloud: CloudResult) -> dict[str, tuple[float, float]]:
    """Least and largest share of each class under the authors' rule over its own and every other order of weights and
    solver: the class of one matrix, so that all that moves is rounding.
    """
    ways = [cloud.classes(AUTHORS), *cloud.routes.values()]
    found = [_of_classes(classes, None) for classes in ways]
    ends = {name: [one[name].share for one in found] for name in NAMES}
    return {name: (min(some), max(some)) for name, some in ends.items()}


def negative(cloud: CloudResult, rule: str, tolerance: float, groups: np.ndarray | None = None) -> Share:
    """Share of points with a negative eigenvalue beyond the tolerance."""
    lowest, highest, _ = np.moveaxis(getattr(cloud, rule), -1, 0)
    with np.errstate(invalid="ignore"):
        down = lowest < -tolerance * np.maximum(-lowest, highest)
    return _share(down, np.isfinite(lowest), groups)


def relied(rule: str, tolerance: float) -> tuple[str, float]:
    """The rule and tolerance that a share of negative eigenvalues can be relied on under; the authors' rule, by which
    rounding decides, has the same blocks in float64.
    """
    return (ROBUST, max(tolerance, RULES[ROBUST].tolerance)) if rule == AUTHORS else (rule, tolerance)


@once
def without_gradient(cloud: CloudResult) -> Share:
    """Share of the visited points whose gradient is exactly 0 in the cloud's number format, with an interval.

    Of a saturated network float32 gives such points where float64 does not.
    """
    return share_of((cloud.gradient_norm == 0).sum(1), np.isfinite(cloud.gradient_norm).sum(1))


@once
def valleys(cloud: CloudResult, low: float = LOW, seed: int = 0) -> Valleys:
    """Width of valleys and saturation among the share `low` of all visited points that have the least loss."""
    return _valleys(cloud, low, seed, np.arange(len(cloud.loss)))


def _valleys(cloud: CloudResult, low: float, seed: int, groups: np.ndarray) -> Valleys:
    """With intervals over groups (W,) of walks."""
    loss, norm, saturation = (getattr(cloud, name).ravel() for name in ("loss", "gradient_norm", "saturation"))
    finite = loss[np.isfinite(loss)]
    below = float(np.quantile(finite, low)) if len(finite) else math.nan
    rows = np.flatnonzero(loss <= below)
    with np.errstate(divide="ignore"):
        narrow, deep = np.log10(norm[rows].astype(np.float64)), np.log10(loss[rows].astype(np.float64))
    plain, partial = grouped_correlation(narrow, saturation[rows], deep, groups[rows // cloud.loss.shape[1]], seed)
    return Valleys(below, plain, partial, len(rows) - plain.count)
