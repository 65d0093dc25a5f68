"""Curvature classes of points, from the signs of the eigenvalues of Hessians, under two rules that differ a great deal.

What is kept of a point is its lowest and highest eigenvalue and the one nearest to zero: these give its class under any
tolerance.
"""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

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
    """Block after block of the diagonal."""
    cuts = itertools.pairwise(offsets(problem.shapes))
    return torch.cat([eigenvalues(matrices[:, a:b, a:b].contiguous()) for a, b in cuts], 1)


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
        "per weight tensor",
        _of_tensors,
        "float32",
        0.0,
        "Eigenvalues of the diagonal block of every weight matrix and bias by itself, taken together, in float32; only "
        "an exact 0 is zero. Curvature between two tensors does not count, so that with a convex loss a piecewise "
        "linear activation makes every block positive semidefinite.",
        "the code of Bosman, Engelbrecht & Helbig 2023, arXiv 2306.16090",
    ),
}


def extremes(problem: Problem, thetas: np.ndarray, rule: str) -> np.ndarray:
    """(B, 3) of points (B, P): the lowest eigenvalue, the highest, and the one nearest to zero; float64.

    NaN where the Hessian is not finite or its eigenvalues cannot be found. A point's eigenvalues depend on the others
    asked for together by rounding. At a kink the second derivative is autograd's: 0, and the first derivative its
    one-sided choice.

    Raises:
        BadSpec: one Hessian takes too much memory.
    """
    how = RULES[rule]
    problem = replace(problem, dtype=how.dtype)
    loss, P = make_loss(problem), problem.parameters
    points = torch.as_tensor(thetas.astype(how.dtype))
    most = max(1, BYTES // (P * P * points.element_size()))
    return np.concatenate([_extremes(how, problem, hessians(loss, some)) for some in points.split(most)])


def _extremes(how: Rule, problem: Problem, matrices: Tensor) -> np.ndarray:
    found = np.full((len(matrices), 3), np.nan)
    finite = matrices.flatten(1).isfinite().all(1)
    if finite.any():
        values = how.eigenvalues(matrices if finite.all() else matrices[finite], problem)
        nearest = values.gather(1, values.abs().argmin(1, keepdim=True))
        found[finite.numpy()] = torch.cat([values.amin(1, keepdim=True), values.amax(1, keepdim=True), nearest], 1)
    return found


def point_seconds(problem: Problem) -> float:
    """Estimated seconds on one core of both rules at one point; float64 takes twice as long as float32."""
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
