"""The spectrum of the loss's Hessian, or of one of its parts, at the point reached or at another of its planes: spec,
result, and tasks from few probes to many and, where the matrix is small enough, to all eigenvalues.

Estimated: stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017; Ghorbani, Krishnan & Xiao 2019), Lanczos for both
ends, and Hutchinson's trace with the eigenvectors at the ends taken out of its variance (`deflated`). Exact: the dense
matrix and its eigenvalues in float64, whatever the problem's precision.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.analyses.planes.plane import PARTS, Place, Plane, Where, check_spanned
from lossatlas.compute.analyses.planes.plane import VERSIONS as PLANE_VERSIONS
from lossatlas.compute.analyses.planes.turns import VERSIONS as TURN_VERSIONS
from lossatlas.compute.analyses.planes.turns import turn_option, turned_task
from lossatlas.compute.numerics.cost import loss_seconds
from lossatlas.compute.numerics.curvature import (
    USUAL,
    ZERO_ESTIMATED,
    ZERO_EXACT,
    check_curved,
    effective_rank,
    exact_seconds,
    find_rules,
    in_float64,
    kinked,
    most_steps,
    product_seconds,
    rademacher,
)
from lossatlas.compute.numerics.curvature import counts as count_sides
from lossatlas.compute.numerics.curvature import find_ends as ends_of
from lossatlas.compute.numerics.kernels.curvature import MATRICES, check_part, operator
from lossatlas.compute.numerics.lanczos import Ends, Quadrature, quadrature
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.train import Start, TrainingResult, reach
from lossatlas.compute.problem.nets import Problem, offsets, torch_dtype
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (2, *PLANE_VERSIONS, *TURN_VERSIONS)
BLOCKS = 6  # number of the stream of random numbers that the layers' Lanczos starts from
LIMIT = 5_000
METHODS = {AUTO: "exact where small enough", "exact": "exact", "estimated": "estimated"}
FEWEST = 2  # probes of the first picture: the least that have a standard error
LAYER_STEPS = 30  # Lanczos steps of each layer's block, all layers at once (chosen by eye)
WIDTH = 0.003  # as a share of the spectrum's range (chosen by eye)
BINS = 1000
TAIL = 6  # widths that the density's axis goes beyond the outermost node


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the second derivatives of the total loss at the point a Start reaches, or `at` another point of
    the plane that `where` and `turn` name.

    As soon as the spec is made, `method` becomes exact or estimated, and what has no meaning takes its default: the
    plane without a point on it, and always how far it reaches.
    """

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()
    turn: float = turn_option()
    at: tuple[float, ...] = option(
        (),
        low=-1e6,
        high=1e6,
        longest=2,
        label="Point",
        help="Coordinates a,b of a point on the plane, along both directions; none is the point reached.",
        first=True,
        lies="plane",
    )
    matrix: str = option(
        "hessian",
        choices=MATRICES,
        label="Matrix",
        help="The Hessian H = G + R, its positive semidefinite part G, or what the residuals add.",
        first=True,
    )
    method: str = option(
        AUTO,
        choices=METHODS,
        label="Method",
        help="All eigenvalues of the dense matrix, or an estimated density.",
        first=True,
    )
    limit: int = option(
        LIMIT,
        low=1,
        high=11_500,
        label="Exact up to P =",
        help="Parameters up to which all eigenvalues are computed; the time grows with the cube.",
        when=("method", lambda name: name != "estimated"),
    )
    probes: int = option(16, low=FEWEST, high=1024, label="Probes", help="Random vectors that an estimate averages.")
    lanczos: int = option(40, low=2, high=500, label="Lanczos steps", help="Steps a probe; at most P are taken.")
    top: int = option(
        5,
        low=1,
        high=100,
        label="Eigenvalues an end",
        help="How many eigenvalues of each end are computed with their residuals.",
    )
    width: float | str = option(
        AUTO,
        low=1e-12,
        high=1e12,
        label="Smoothing width",
        help="Standard deviation of the Gaussian that smooths the density; auto is 0.3 % of the spectrum's range.",
    )
    zero: float | str = option(
        AUTO,
        low=0.0,
        high=0.5,
        label="Zero tolerance",
        help="Eigenvalues below this share of the largest count as zero; auto is 1e-8 exact, 1e-3 estimated.",
    )
    probe_seed: int = option(0, low=0, high=2**31 - 1, label="Probe seed", help="Seed of the random vectors.")

    def __post_init__(self):
        check(self)
        self._place_point()
        check_part(self.problem, self.where.part)
        within = self.problem.parameters <= self.limit
        if self.method == AUTO:
            object.__setattr__(self, "method", "exact" if within else "estimated")
        if self.method == "exact" and not within:
            raise BadSpec(
                f"All eigenvalues are computed for at most {self.limit:,} parameters (limit), as their time grows with "
                f"the cube; {self.problem.architecture} has {self.problem.parameters:,}. Choose method=estimated, a "
                "smaller network or a higher limit."
            )

    def _place_point(self) -> None:
        if len(self.at) == 1:
            raise BadSpec(f"at takes two numbers, the coordinates a,b of a point on the plane; got {self.at[0]:g}.")
        if not any(self.at):  # the point reached, whatever the plane
            plain = Where(part=self.where.part)
            values: dict[str, object] = {"at": (), "where": plain, "turn": Spectrum.turn}
        else:
            values = {"where": replace(self.where, extent=1.0, statistics=Where.statistics)}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _ = self.place  # its own checks

    @property
    def place(self) -> Place:
        return Place(self.problem, self.start, self.where)

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training: five arrays of P × P in float64 where all eigenvalues are computed, the
        basis of the ends, and what the plane takes.
        """
        P, itemsize = self.problem.parameters, 8 if self.problem.dtype == "float64" else 4
        whole = 5 * 8.0 * P**2 if self.method == "exact" else 0.0
        return max(whole, float(most_steps(P, self.count, itemsize) * P * itemsize), self.place.extra_bytes)

    @property
    def count(self) -> int:
        """k, eigenvalues of each end."""
        return min(self.top, self.problem.parameters)

    @property
    def steps(self) -> int:
        """M, Lanczos steps of a probe."""
        return min(self.lanczos, self.problem.parameters)

    @property
    def tolerance(self) -> float:
        """Of zero, relative to the largest |λ|."""
        if self.zero != AUTO:
            return float(self.zero)
        return ZERO_EXACT if self.method == "exact" else ZERO_ESTIMATED


@dataclass(frozen=True)
class SpectrumResult:
    """Of a matrix P × P; V probes, M ≤ lanczos steps, k ends, S bins, T tensors of theta, L layers.

    Attributes:
        eigenvalues: (P,) ascending; (0,) where estimated.
        tensor_values: (P,) those of the diagonal block of each weight tensor (the study's rule), ascending, tensor
            after tensor; tensor_ends: (T + 1,) where each begins, P at the end. layer_values, layer_ends: (P,),
            (L + 1,) of the block of each layer. (0,) where estimated, but for the ends.
        layer_largest, layer_smallest: (L,) of each layer's block; estimated they lie between the true ones and 0 or
            each other, from 30 Lanczos steps. layer_trace, layer_trace_error: (L,), 0 where exact.
        nodes, weights: (V, M) of each probe's quadrature; weights of a probe sum to 1.
        edges: (S + 1,), density: (S,) mean of the probes' rules, smoothed by a Gaussian of standard deviation `width`:
            share of the eigenvalues for a unit of λ, averaged over each bin, so that it integrates to one.
        exact_density: (S,) of all eigenvalues, smoothed equally; (0,) where estimated.
        traces, squares: (V,) from each probe v of ±1: vᵀ A v and ‖A v‖², less by how much `directions`' eigenvectors
            move them off their mean (see `deflated`): unbiased for the trace and the square of the norm.
        trace, frobenius: exact where the method is; else the means (of the root), trace_error and frobenius_error
            their standard errors, 0 where exact.
        largest, smallest: (k,) from the top down and from the bottom up; estimated, a multiple eigenvalue may be given
            once only. largest_residual, smallest_residual: (k,) ‖A v − λ v‖, 0 where exact.
        directions: (min(k, 2), P) unit vectors of the first of the largest.
        counts: (3,) eigenvalues below −cut, within, and above cut; estimated they are P times the probes' mean mass.
        effective_rank: exp of the entropy of |λ| / Σ|λ| (Roy & Vetterli 2007), from 0 (A = 0) to P.
        condition: largest over smallest eigenvalue above cut; NaN where there is none or where estimated.
        loss, gradient_norm: of the total loss on the part chosen; of the training part. Both at theta's own point.
    """

    spec: Spectrum
    parameters: int
    eigenvalues: np.ndarray
    tensor_values: np.ndarray
    tensor_ends: np.ndarray
    layer_values: np.ndarray
    layer_ends: np.ndarray
    layer_largest: np.ndarray
    layer_smallest: np.ndarray
    layer_trace: np.ndarray
    layer_trace_error: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    edges: np.ndarray
    density: np.ndarray
    exact_density: np.ndarray
    width: float
    traces: np.ndarray
    squares: np.ndarray
    trace: float
    trace_error: float
    frobenius: float
    frobenius_error: float
    largest: np.ndarray
    smallest: np.ndarray
    largest_residual: np.ndarray
    smallest_residual: np.ndarray
    directions: np.ndarray
    cut: float
    counts: np.ndarray
    effective_rank: float
    condition: float
    loss: float
    gradient_norm: float
    names: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row an eigenvalue; where they are estimated, a row a bin of the density, by its middle."""
        if len(self.eigenvalues):
            return {"eigenvalue": self.eigenvalues}
        return {"lambda": (self.edges[:-1] + self.edges[1:]) / 2, "density": self.density}


@dataclass(frozen=True)
class Exact:
    """All eigenvalues (P,) ascending, and those of the diagonal blocks of each tensor and layer, one after another."""

    values: np.ndarray
    tensors: np.ndarray
    layers: np.ndarray
    trace: float
    frobenius: float


# ---------------------------------------------------------------------------------------------- what is computed


@dataclass(frozen=True)
class Probed(Quadrature):
    """Rules of K probes v of ±1; `shares` (K, L): of vᵀ A v, what the rows of each layer bring."""

    shares: np.ndarray


def _point(spec: Spectrum, reached: TrainingResult, plane: Plane | None) -> tuple[Loss, Tensor]:
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
    loss, theta = _point(spec, reached, plane)
    return ends_of(operator(loss, theta, spec.where.part, spec.matrix), theta, spec.count, spec.probe_seed)


def find_layers(spec: Spectrum, reached: TrainingResult, plane: Plane | None = None) -> np.ndarray:
    """(2, L) largest and smallest eigenvalue of each layer's diagonal block, after LAYER_STEPS Lanczos steps.

    A start that is 0 outside its layer stays so under products cut to that layer.
    """
    loss, theta = _point(spec, reached, plane)
    product, cuts = operator(loss, theta, spec.where.part, spec.matrix), _layer_ends(spec.problem)
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
    loss, theta = _point(spec, reached, plane)
    product, numbers = operator(loss, theta, spec.where.part, spec.matrix), range(begin, end)
    rule = find_rules(product, theta, numbers, spec.steps, spec.probe_seed)
    v = torch.as_tensor(np.stack([rademacher(spec.probe_seed, number, len(theta)) for number in numbers]))
    each = (v * product(v.to(theta.dtype))).double().numpy()
    return Probed(**vars(rule), shares=np.add.reduceat(each, _layer_ends(spec.problem)[:-1], axis=1))


def find_all(spec: Spectrum, reached: TrainingResult, plane: Plane | None = None) -> Exact:
    """All eigenvalues, in float64."""
    matrix = in_float64(*_point(spec, reached, plane), spec.where.part, spec.matrix)
    return Exact(
        torch.linalg.eigvalsh(matrix).numpy(),
        tensors=_of_blocks(matrix, offsets(spec.problem.shapes)),
        layers=_of_blocks(matrix, _layer_ends(spec.problem)),
        trace=float(matrix.trace()),
        frobenius=float(torch.linalg.matrix_norm(matrix)),
    )


def _layer_ends(problem: Problem) -> tuple[int, ...]:
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
    cuts, lower = _layer_ends(spec.problem)[:-1], found.top.shape[1] - spec.count  # so many are not among the upper
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


# ---------------------------------------------------------------------------------------------- the answer


def assemble(
    spec: Spectrum,
    reached: TrainingResult,
    plane: Plane | None,
    found: Ends,
    blocks: np.ndarray,
    exact: Exact | None,
    *rules: Probed,
) -> SpectrumResult:
    """A level's answer from its parts; `blocks` as `find_layers` gives them."""
    loss, theta = _point(spec, reached, plane)
    P = len(theta)
    nodes, weights = _padded([rule.nodes for rule in rules]), _padded([rule.weights for rule in rules])
    shares, squares = samples(spec, found, *rules)
    traces = shares.sum(1)
    values = nodes.ravel() if exact is None else exact.values
    share = weights.ravel() / len(weights) if exact is None else np.full(P, 1 / P)
    known = values if exact is not None else np.concatenate([values[share > 0], found.largest, found.smallest])
    cut = spec.tolerance * float(np.abs(known).max())
    width, edges = _axis(spec, np.concatenate([known, nodes[weights > 0]]))
    frobenius = math.sqrt(max(squares.mean(), 0.0))
    layers, empty = _layers(blocks, shares), np.empty(0)
    estimated = SpectrumResult(
        spec,
        P,
        eigenvalues=empty,
        tensor_values=empty,
        tensor_ends=np.array(offsets(spec.problem.shapes)),
        layer_values=empty,
        layer_ends=np.array(_layer_ends(spec.problem)),
        layer_largest=layers[0],
        layer_smallest=layers[1],
        layer_trace=layers[2],
        layer_trace_error=layers[3],
        nodes=nodes,
        weights=weights,
        edges=edges,
        density=smoothed(edges, nodes, weights / len(weights), width),
        exact_density=empty,
        width=width,
        traces=traces,
        squares=squares,
        trace=float(traces.mean()),
        trace_error=_error(traces),
        frobenius=frobenius,
        frobenius_error=_error(squares) / (2 * frobenius) if frobenius else 0.0,
        largest=found.largest,
        smallest=found.smallest,
        largest_residual=found.top_residual,
        smallest_residual=found.bottom_residual,
        directions=found.top[:2],
        cut=cut,
        counts=count_sides(values, P * share, cut),
        effective_rank=effective_rank(values, P * share),
        condition=math.nan,
        loss=float(loss.total(theta, spec.where.part)),
        gradient_norm=float(reached.gradient_norm[-1] if plane is None else loss.gradient(theta).double().norm()),
        names=spec.problem.tensor_names,
        notes=_notes(spec, plane, width, cut, rules),
        warnings=_warnings(spec, reached, found),
        dtype=spec.problem.dtype,
    )
    return estimated if exact is None else _exactly(estimated, exact)


def _exactly(estimated: SpectrumResult, exact: Exact) -> SpectrumResult:
    """With the whole matrix's own numbers in the estimates' place."""
    spec, values = estimated.spec, exact.values
    layers, positive = _layers_exactly(spec, exact), values[values > estimated.cut]
    return replace(
        estimated,
        eigenvalues=values,
        tensor_values=exact.tensors,
        layer_values=exact.layers,
        layer_largest=layers[0],
        layer_smallest=layers[1],
        layer_trace=layers[2],
        layer_trace_error=layers[3],
        exact_density=smoothed(estimated.edges, values, np.full(len(values), 1 / len(values)), estimated.width),
        trace=exact.trace,
        trace_error=0.0,
        frobenius=exact.frobenius,
        frobenius_error=0.0,
        largest=values[::-1][: spec.count],
        smallest=values[: spec.count],
        largest_residual=np.zeros(spec.count),
        smallest_residual=np.zeros(spec.count),
        condition=float(positive.max() / positive.min()) if len(positive) else math.nan,
    )


def _layers(blocks: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(4, L) largest, smallest, trace and its error of each layer, estimated."""
    return np.stack([*blocks, shares.mean(0), [_error(samples) for samples in shares.T]])


def _layers_exactly(spec: Spectrum, exact: Exact) -> np.ndarray:
    cuts = itertools.pairwise(_layer_ends(spec.problem))
    parts = [exact.layers[begin:end] for begin, end in cuts]
    return np.array([[part[-1], part[0], part.sum(), 0.0] for part in parts]).T


def _padded(parts: list[np.ndarray]) -> np.ndarray:
    """Rules of some probes (K, M') as one (V, M): nodes of 0 and of weight 0 are added."""
    most = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, [(0, 0), (0, most - part.shape[1])]) for part in parts])


def _axis(spec: Spectrum, values: np.ndarray) -> tuple[float, np.ndarray]:
    """The smoothing width and the bins' edges."""
    low, high = float(values.min()), float(values.max())
    scale = max(high - low, 1e-3 * max(abs(low), abs(high)), np.finfo(float).tiny ** 0.5)
    width = WIDTH * scale if spec.width == AUTO else float(spec.width)
    return width, np.linspace(low - TAIL * width, high + TAIL * width, BINS + 1)


def _error(samples: np.ndarray) -> float:
    """Standard error of a mean."""
    return float(samples.std(ddof=1) / math.sqrt(len(samples)))


def _notes(
    spec: Spectrum, plane: Plane | None, width: float, cut: float, rules: tuple[Quadrature, ...]
) -> tuple[str, ...]:
    P = spec.problem.parameters
    probes = sum(len(rule.nodes) for rule in rules)
    found = [
        f"{MATRICES[spec.matrix]} of the total loss, {PARTS[spec.where.part]}, P = {P:,}.",
        *([] if plane is None else _where_notes(spec, plane)),
        f"Density from {probes} probes of {spec.steps} Lanczos steps ({spec.problem.dtype}, probe seed "
        f"{spec.probe_seed}), smoothed by a Gaussian of standard deviation {width:.3g}.",
        f"Eigenvalues within ±{cut:.3g} ({spec.tolerance:g} of the largest) count as zero.",
    ]
    if spec.method == "exact":
        found.append("All eigenvalues, counts, trace and norm are exact, in float64.")
    else:
        found.append(
            f"Trace and norm are means of {probes} probes with their standard errors, the eigenvectors at the ends "
            "taken out of their variance; counts and effective rank come from the density and are rough near zero. A "
            f"multiple eigenvalue may stand once only among the ends. A layer's ends are from {LAYER_STEPS} Lanczos "
            "steps, within the true ones."
        )
    if spec.top > spec.count:
        found.append(f"There are only {P} eigenvalues, so {spec.count} of each end are given and not {spec.top}.")
    if broken := sum(int((rule.broken_at >= 0).sum()) for rule in rules):
        found.append(
            f"{broken} of {probes} probes met all the eigenvalues they hold within these steps: these rules are "
            "exact (Lanczos breakdown)."
        )
    return (*found, *kinked(spec.problem))


def _where_notes(spec: Spectrum, plane: Plane) -> Iterator[str]:
    """Which point this is, where it is not the one reached."""
    (a, b), turned = spec.at, f", turned {spec.turn:g}°" if spec.turn else ""
    yield (
        f"At a = {a:g} along {plane.names[0]} and b = {b:g} along {plane.names[1]} on the plane of the point reached "
        f"({spec.where.kind}{turned}), not at that point itself."
    )
    if spec.problem.norm == "batch":
        yield "BatchNorm's statistics are those of this point, taken anew and following the weights."


def _warnings(spec: Spectrum, reached: TrainingResult, found: Ends) -> tuple[str, ...]:
    if found.converged or spec.method == "exact":
        return reached.warnings
    worst = max(found.top_residual.max(), found.bottom_residual.max())
    return (
        *reached.warnings,
        f"Not every eigenvalue at the ends has converged in {found.steps} Lanczos steps: the largest residual is "
        f"{worst:.2g}. Each is within its residual of an eigenvalue; ask for fewer (top).",
    )


# ---------------------------------------------------------------------------------------------- tasks


def spectrum_levels(spec: Spectrum) -> list[Task]:
    """A picture from two probes, then of twice as many each, and all eigenvalues at last where these are asked for."""
    bare, one, reached = _bare(spec), product_seconds(spec.problem), reach(spec.problem, spec.start)
    plane = turned_task(spec.place, spec.turn) if spec.at else None
    far_key, layers_key = (key_of(f"spectrum-{part}", VERSIONS, bare) for part in ("ends", "layers"))
    far = Task(far_key, find_ends, (bare, reached, plane), 4 * USUAL * one, USUAL, passing=True)
    work = LAYER_STEPS * len(spec.problem.layers)
    layers = Task(layers_key, find_layers, (bare, reached, plane), work * one, work, passing=True)
    probed = replace(bare, top=Spectrum.top, lanczos=spec.lanczos)
    key = key_of("spectrum-probes", VERSIONS, probed)
    found: list[Task] = []
    rules: list[Task] = []
    for begin, end in itertools.pairwise([0, *counts(spec.probes)]):
        work = (end - begin) * (spec.steps + 1)
        args = (probed, begin, end, reached, plane)
        rules.append(Task(f"{key}-{begin}-{end}", probe, args, work * one, work, passing=True))
        level = replace(spec, method="estimated", limit=LIMIT, probes=end)
        found.append(_level(level, reached, plane, far, layers, None, *rules))
    if spec.method == "exact":
        plain = replace(probed, lanczos=Spectrum.lanczos, probe_seed=Spectrum.probe_seed)
        every_key = key_of("spectrum-all", VERSIONS, plain)
        every = Task(every_key, find_all, (plain, reached, plane), exact_seconds(spec.problem), passing=True)
        found.append(_level(spec, reached, plane, far, layers, every, *rules))
    return found


def _level(spec: Spectrum, *parts: Task | None) -> Task:
    seconds = loss_seconds(spec.problem, spec.where.part)
    return Task(key_of("spectrum", VERSIONS, spec), assemble, (spec, *parts), seconds, spec=spec)


def _bare(spec: Spectrum) -> Spectrum:
    """Without the options that only an answer's last step reads."""
    return replace(
        spec, method="estimated", limit=LIMIT, probes=FEWEST, lanczos=Spectrum.lanczos, width=AUTO, zero=AUTO
    )


def counts(probes: int) -> list[int]:
    """Probes of each level, few to many."""
    found = [probes]
    while found[0] > FEWEST:
        found.insert(0, max(FEWEST, math.ceil(found[0] / 2)))
    return found


def spectrum_size(spec: Spectrum) -> tuple[int, str]:
    """How much is asked, and of what."""
    layers = LAYER_STEPS * len(spec.problem.layers)
    return USUAL + layers + spec.probes * (spec.steps + 1), "Hessian products"
