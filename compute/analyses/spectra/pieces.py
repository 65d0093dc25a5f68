"""The pieces of a spectrum: ends, layers, probes, all eigenvalues, and what the ends take out of a probe's variance."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.analyses.planes.plane import Plane, check_spanned
from lossatlas.compute.analyses.spectra.question import Spectrum
from lossatlas.compute.numerics.curvature import check_curved, find_rules, in_float64, rademacher
from lossatlas.compute.numerics.curvature import find_ends as ends_of
from lossatlas.compute.numerics.kernels.curvature import operator
from lossatlas.compute.numerics.lanczos import Ends, Quadrature, quadrature
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.problem.nets import Problem, offsets, torch_dtype
from lossatlas.compute.spec.tasks import CannotAnswer

BLOCKS = 6  # number of the stream of random numbers that the layers' Lanczos starts from
LAYER_STEPS = 30  # Lanczos steps of each layer's block, all layers at once (chosen by eye)


@dataclass(frozen=True)
class Exact:
    """All eigenvalues (P,) ascending, and those of the diagonal blocks of each tensor and layer, one after another."""

    values: np.ndarray
    tensors: np.ndarray
    layers: np.ndarray
    trace: float
    frobenius: float


@dataclass(frozen=True)
class Probed(Quadrature):
    """Rules of K probes v of ±1; `shares` (K, L): of vᵀ A v, what the rows of each layer bring."""

    shares: np.ndarray


def point_of(spec: Spectrum, reached: TrainingResult, plane: Plane | None) -> tuple[Loss, Tensor]:
    """The loss and theta (P,): the point reached, or that of the plane, rounded to the problem's precision.

    Raises:
        CannotAnswer: the training diverged, the part is empty, the activation has no second derivative, the plane is
            none, or the loss at the point of the plane is infinite or NaN.
    """
    check_curved(spec.problem, spec.where.part)
    loss, theta = make_loss(spec.problem), torch.as_tensor(reached.reached())
    if plane is None:
        return loss, theta
    check_spanned(plane)
    a, b = spec.at
    theta = torch.as_tensor(plane.center + a * plane.u + b * plane.v).to(torch_dtype(spec.problem))
    if not math.isfinite(float(loss.total(theta, spec.where.part))):
        raise CannotAnswer(
            f"The loss is infinite or NaN at a = {a:g}, b = {b:g}. Choose a point nearer the center.", "diverged"
        )
    return loss, theta


def find_ends(spec: Spectrum, reached: TrainingResult, plane: Plane | None = None) -> Ends:
    """k eigenvalues from both ends."""
    loss, theta = point_of(spec, reached, plane)
    return ends_of(operator(loss, theta, spec.where.part, spec.matrix), theta, spec.count, spec.probe_seed)


def find_layers(spec: Spectrum, reached: TrainingResult, plane: Plane | None = None) -> np.ndarray:
    """(2, L) largest and smallest eigenvalue of each layer's diagonal block, after LAYER_STEPS Lanczos steps.

    A start that is 0 outside its layer stays so under products cut to that layer.
    """
    loss, theta = point_of(spec, reached, plane)
    product, cuts = operator(loss, theta, spec.where.part, spec.matrix), layer_ends(spec.problem)
    inside = torch.zeros(len(cuts) - 1, len(theta), dtype=theta.dtype)
    for row, (begin, end) in zip(inside, itertools.pairwise(cuts), strict=True):
        row[begin:end] = 1.0
    drawn = np.random.default_rng(np.random.SeedSequence(spec.probe_seed, spawn_key=(BLOCKS,)))
    starts = inside * torch.as_tensor(drawn.standard_normal(len(theta))).to(theta.dtype)
    rule = quadrature(lambda vectors: product(vectors) * inside, starts, LAYER_STEPS)
    found, nothing = rule.weights > 0, math.inf
    return np.stack([np.where(found, rule.nodes, -nothing).max(1), np.where(found, rule.nodes, nothing).min(1)])


def probe(spec: Spectrum, begin: int, end: int, reached: TrainingResult, plane: Plane | None = None) -> Probed:
    """The quadrature of some probes by number."""
    loss, theta = point_of(spec, reached, plane)
    product, numbers = operator(loss, theta, spec.where.part, spec.matrix), range(begin, end)
    rule = find_rules(product, theta, numbers, spec.steps, spec.probe_seed)
    v = torch.as_tensor(np.stack([rademacher(spec.probe_seed, number, len(theta)) for number in numbers]))
    each = (v * product(v.to(theta.dtype))).double().numpy()
    return Probed(**vars(rule), shares=np.add.reduceat(each, layer_ends(spec.problem)[:-1], axis=1))


def find_all(spec: Spectrum, reached: TrainingResult, plane: Plane | None = None) -> Exact:
    """All eigenvalues, in float64."""
    matrix = in_float64(*point_of(spec, reached, plane), spec.where.part, spec.matrix)
    return Exact(
        torch.linalg.eigvalsh(matrix).numpy(),
        tensors=_of_blocks(matrix, offsets(spec.problem.shapes)),
        layers=_of_blocks(matrix, layer_ends(spec.problem)),
        trace=float(matrix.trace()),
        frobenius=float(torch.linalg.matrix_norm(matrix)),
    )


def layer_ends(problem: Problem) -> tuple[int, ...]:
    sizes = [sum(math.prod(shape) for shape in layer.tensors.values()) for layer in problem.layers]
    return tuple(itertools.accumulate(sizes, initial=0))


def _of_blocks(matrix: Tensor, cuts: tuple[int, ...]) -> np.ndarray:
    parts = [torch.linalg.eigvalsh(matrix[a:b, a:b]) for a, b in itertools.pairwise(cuts)]
    return torch.cat(parts).numpy()


def smoothed(edges: np.ndarray, nodes: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """Mean density in bins (S,) of nodes and weights (any shape) that sum to 1, each node a Gaussian."""
    order, below = np.argsort(nodes, axis=None), np.empty(len(edges))
    nodes, weights = nodes.ravel()[order], weights.ravel()[order]
    before = np.concatenate([[0.0], np.cumsum(weights)])
    for place, edge in enumerate(edges):  # beyond some widths a Gaussian lies wholly on one side
        low, high = np.searchsorted(nodes, [edge - 9 * width, edge + 9 * width])
        below[place] = before[low] + weights[low:high] @ normal((edge - nodes[low:high]) / width)
    return np.diff(np.maximum.accumulate(below)) / np.diff(edges)  # it rises, rounding apart


def normal(x: np.ndarray) -> np.ndarray:
    """The normal distribution function."""
    return torch.special.ndtr(torch.as_tensor(x)).numpy()


def samples(spec: Spectrum, found: Ends, *rules: Probed) -> tuple[np.ndarray, np.ndarray]:
    """From each probe: of the trace, what each layer brings (V, L), and of the square of the norm (V,)."""
    shares = np.concatenate([rule.shares for rule in rules])
    squares = spec.problem.parameters * np.concatenate([rule.square for rule in rules])
    off_shares, off_squares = deflated(spec, len(shares), found)
    return shares - off_shares, squares - off_squares


def deflated(spec: Spectrum, probes: int, found: Ends) -> tuple[np.ndarray, np.ndarray]:
    """What the eigenvectors q at the ends add to each probe's vᵀ A v, layer by layer (V, L), and to ‖A v‖² (V,), beyond
    the mean over all probes: Σ λ (q_l·v_l)(q·v) − λ‖q_l‖², and Σ λ² ((q·v)² − 1).

    Its mean is 0 for any q of length 1 drawn apart from v, converged or not. Taken away, it leaves the variance of the
    rest of the matrix: as Hutch++ (Meyer et al. 2021) does, yet without a product beyond those that the ends took.
    """
    cuts, lower = layer_ends(spec.problem)[:-1], found.top.shape[1] - spec.count  # so many are not among the upper
    values = np.concatenate([found.largest, found.smallest[:lower]])
    q = np.concatenate([found.top, found.bottom[:lower]]).astype(np.float64)  # (2k, P)
    own = np.add.reduceat(q * q, cuts, axis=1)  # (2k, L)
    traces, squares = np.empty((probes, len(cuts))), np.empty(probes)
    for number in range(probes):
        part = np.add.reduceat(q * rademacher(spec.probe_seed, number, len(q.T)), cuts, axis=1)
        along = part.sum(1)
        traces[number] = values @ (part * along[:, None] - own)
        squares[number] = values**2 @ (along**2 - own.sum(1))
    return traces, squares
