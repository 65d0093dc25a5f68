"""Curvature classes of points, from the signs of the eigenvalues of Hessians, under rules that differ a great deal.

What is kept of a point is its lowest and highest eigenvalue and the one nearest to zero: these give its class under any
tolerance. The authors' rule takes only an exact 0 for zero, so that rounding decides many a class: beside it the
classes are kept that the same Hessian gets by other routes, which differ from its own by rounding alone.
"""

import contextlib
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import patterns, step_seconds
from lossatlas.compute.numerics.kernels.hessians import hessians
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.nets import Problem, offsets

NAMES = ("convex", "concave", "saddle", "singular")
CONVEX, CONCAVE, SADDLE, SINGULAR = range(4)
UNKNOWN = -1
BYTES = 1 << 25  # of the Hessians taken together (chosen by eye)


@dataclass(frozen=True)
class Rule:
    """`eigenvalues(matrices (B, P, P), problem)`: (B, P); matrices in `dtype`; `tolerance` unless said otherwise."""

    label: str
    eigenvalues: Callable[[Tensor, Problem], Tensor]
    dtype: str
    tolerance: float
    note: str
    source: str


@dataclass(frozen=True)
class Route:
    """Another way from the float32 Hessians to the classes of the authors' rule, as a Rule has it."""

    label: str
    eigenvalues: Callable[[Tensor, Problem], Tensor]


def eigenvalues(matrices: Tensor) -> Tensor:
    """(B, n) ascending, of symmetric matrices (B, n, n).

    torch's routine gives up on a few singular matrices; these go to scipy's, in the same precision, and what that
    cannot do either is NaN.
    """
    try:
        return torch.linalg.eigvalsh(matrices)
    except torch.linalg.LinAlgError:
        return torch.cat([_stubborn(one) for one in matrices.split(1)])


def _stubborn(matrix: Tensor) -> Tensor:
    """(1, n) of one matrix (1, n, n)."""
    with contextlib.suppress(torch.linalg.LinAlgError):
        return torch.linalg.eigvalsh(matrix)
    with contextlib.suppress(np.linalg.LinAlgError):
        return torch.as_tensor(scipy.linalg.eigvalsh(matrix[0].numpy(), driver="evd"))[None]
    return torch.full_like(matrix[:, 0], torch.nan)


def _of_all(matrices: Tensor, problem: Problem) -> Tensor:
    return eigenvalues(matrices)


def _of_tensors(matrices: Tensor, problem: Problem) -> Tensor:
    """Block after block of the diagonal, a weight matrix row by row of [out, in]."""
    cuts = itertools.pairwise(offsets(problem.shapes))
    return torch.cat([eigenvalues(matrices[:, a:b, a:b].contiguous()) for a, b in cuts], 1)


def _of_tensors_as_stored_there(matrices: Tensor, problem: Problem) -> Tensor:
    """The same with each weight matrix as TensorFlow stores it, [in, out], and a filter as [height, width, in, out]."""
    place = torch.as_tensor(as_stored_there(problem))
    return _of_tensors(matrices[:, place[:, None], place], problem)


def _in_float64(matrices: Tensor, problem: Problem) -> Tensor:
    return _of_tensors(matrices.double(), problem)


def as_stored_there(problem: Problem) -> np.ndarray:
    """(P,) the places in theta of the weights in TensorFlow's order: input axes before output axes in each tensor."""
    cuts = offsets(problem.shapes)
    places = []
    for begin, shape in zip(cuts, problem.shapes, strict=False):
        axes = (*range(2, len(shape)), 1, 0)[-len(shape) :]
        places.append(begin + np.arange(math.prod(shape)).reshape(shape).transpose(axes).ravel())
    return np.concatenate(places)


RULES = {
    "full": Rule(
        "full Hessian",
        _of_all,
        "float64",
        1e-8,
        "All eigenvalues of the Hessian, in float64; one is zero up to a stated share of the largest |λ|.",
        "the definition; the tolerance is what float64 resolves with room to spare",
    ),
    "tensors": Rule(
        "per weight tensor (authors)",
        _of_tensors_as_stored_there,
        "float32",
        0.0,
        "Eigenvalues of the diagonal block of every weight matrix and bias by itself, taken together: matrix and "
        "eigenvalues in float32, weights in the order [in, out], and only an exact 0 is zero. Most points have "
        "eigenvalues smaller than what float32 resolves, and the sign of these is rounding: written in another order "
        "or solved in another precision the same matrix gets another class. The spread over such routes stands beside "
        "each share. Curvature between two tensors does not count, so that with a convex loss a piecewise linear "
        "activation makes every block positive semidefinite.",
        "the code of Bosman, Engelbrecht & Helbig 2023, arXiv 2306.16090; its eigenvalues are TensorFlow's, these "
        "LAPACK's",
    ),
    "tensors64": Rule(
        "per weight tensor, float64",
        _of_tensors,
        "float64",
        1e-6,
        "The same blocks in float64; an eigenvalue is zero up to a stated share of the largest |λ|, so that rounding "
        "decides nothing. The share of points with a negative eigenvalue beyond it is what can be relied on.",
        "the blocks are the authors'; precision and tolerance are our own choice",
    ),
}
AUTHORS, ROBUST = "tensors", "tensors64"
ROUTES = {
    "turned": Route("weights in the order [out, in]", _of_tensors),
    "solved": Route("eigenvalues in float64", _in_float64),
}
EXACT = "float64 throughout"  # a third route: the classes of the rule ROBUST where only an exact 0 is zero


@dataclass(frozen=True)
class Curvature:
    """Of B points.

    Attributes:
        extremes: (B, R, 3) the lowest eigenvalue, the highest, and the one nearest to zero under each of RULES, as
            float64; NaN where the Hessian is not finite or its eigenvalues cannot be found.
        rerouted: (B, len(ROUTES)) int8, the class under the rule AUTHORS by each of ROUTES.
    """

    extremes: np.ndarray
    rerouted: np.ndarray


def curvature(problem: Problem, thetas: np.ndarray) -> Curvature:
    """At points (B, P).

    A point's eigenvalues depend on the others asked for together by rounding. At a kink the second derivative is
    autograd's: 0, and the first derivative its one-sided choice.

    Raises:
        BadSpec: one Hessian takes too much memory.
    """
    most = max(1, BYTES // (8 * problem.parameters**2))
    pieces = [_curvature(problem, thetas[begin : begin + most]) for begin in range(0, max(len(thetas), 1), most)]
    return Curvature(*(np.concatenate([getattr(one, item.name) for one in pieces]) for item in fields(Curvature)))


def _curvature(problem: Problem, thetas: np.ndarray) -> Curvature:
    matrices = {dtype: _hessians(replace(problem, dtype=dtype), thetas) for dtype in ("float64", "float32")}
    found = [_extremes(rule.eigenvalues, problem, matrices[rule.dtype]) for rule in RULES.values()]
    others = [_extremes(route.eigenvalues, problem, matrices["float32"]) for route in ROUTES.values()]
    return Curvature(np.stack(found, 1), classify(np.stack(others, 1), RULES[AUTHORS].tolerance))


def _hessians(problem: Problem, thetas: np.ndarray) -> Tensor:
    return hessians(make_loss(problem), torch.as_tensor(thetas.astype(problem.dtype)))


def extremes(problem: Problem, thetas: np.ndarray, rule: str) -> np.ndarray:
    """(B, 3) of points (B, P) under one of RULES; see `curvature`."""
    return curvature(problem, thetas).extremes[:, list(RULES).index(rule)]


def _extremes(solve: Callable[[Tensor, Problem], Tensor], problem: Problem, matrices: Tensor) -> np.ndarray:
    found = np.full((len(matrices), 3), np.nan)
    finite = matrices.flatten(1).isfinite().all(1)
    if finite.any():
        values = solve(matrices if finite.all() else matrices[finite], problem)
        nearest = values.gather(1, values.abs().argmin(1, keepdim=True))
        found[finite.numpy()] = torch.cat([values.amin(1, keepdim=True), values.amax(1, keepdim=True), nearest], 1)
    return found


def point_seconds(problem: Problem) -> float:
    """Estimated seconds on one core of all rules and routes at one point; float64 takes twice as long as float32."""
    P, count = problem.parameters, patterns(problem)
    eigenvalues = 2e-6 * P + 2.4e-10 * P**3
    if not (problem.plain and len(problem.hidden) == 1):
        return eigenvalues + 0.75 * P * step_seconds(problem, 0)
    D, H, K = problem.sizes
    units = H * (H + 1) // 2
    elements, products = units + (H + 1) * K * (H + 1), units * (D + 1) * (D + 2)
    return eigenvalues + 3 * count * (elements / 0.4e9 + products / 60e9)


def classify(found: np.ndarray, tolerance: float) -> np.ndarray:
    """The class (...), int8, of extremes (..., 3): singular if an eigenvalue is zero up to `tolerance` times the
    largest |λ|, or else by the signs; UNKNOWN where they are NaN.
    """
    lowest, highest, nearest = np.moveaxis(np.asarray(found, dtype=np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        singular = np.abs(nearest) <= tolerance * np.maximum(-lowest, highest)
        cases = {UNKNOWN: np.isnan(lowest), SINGULAR: singular, CONVEX: lowest > 0, CONCAVE: highest < 0}
    return np.select(list(cases.values()), list(cases), SADDLE).astype(np.int8)
