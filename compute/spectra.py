"""The spectrum of the loss's Hessian at a point, or of one of its parts: spec, result, and tasks from few probes to
many and, where the matrix is small enough, to all eigenvalues.

Estimated: stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017; Ghorbani, Krishnan & Xiao 2019), Hutchinson's trace,
and Lanczos for both ends. Exact: the dense matrix and its eigenvalues in float64, whatever the problem's precision.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from compute.activations import ACTIVATIONS
from compute.cost import patterns, step_seconds
from compute.kernels.curvature import MATRICES, check_part, dense, operator
from compute.keys import key_of
from compute.lanczos import Ends, Quadrature, check_finite, ends, quadrature
from compute.loss import Loss, make_loss
from compute.nets import Problem, offsets, torch_dtype
from compute.options import AUTO, BadSpec, check, option
from compute.planes import PARTS
from compute.tasks import CannotAnswer, Task
from compute.train import VERSIONS as TRAIN_VERSIONS
from compute.train import Start, TrainingResult, reach

VERSIONS = (1, *TRAIN_VERSIONS)
PROBES = 5  # number of the stream of random numbers
LIMIT = 5_000
METHODS = {AUTO: "exact where small enough", "exact": "exact", "estimated": "estimated"}
FEWEST = 2  # probes of the first picture: the least that have a standard error
ENDS_STEPS, ENDS_BYTES = 300, 2**28  # most steps toward both ends, and memory of their basis (chosen by eye)
USUAL = 60  # steps that the ends take; a product alone costs four times its share of many
ENDS_TOLERANCE = 1e-4  # of a residual, relative to the largest |λ|; the eigenvalue itself is nearer (chosen by eye)
ZERO_EXACT, ZERO_ESTIMATED = 1e-8, 1e-3  # what float64 resolves with room to spare, and some tens of Lanczos steps
WIDTH = 0.003  # as a share of the spectrum's range (chosen by eye)
BINS = 1000
TAIL = 6  # widths that the density's axis goes beyond the outermost node


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the second derivatives of the total loss at the point a Start reaches.

    `method` becomes exact or estimated as soon as the spec is made.
    """

    problem: Problem = Problem()
    start: Start = Start()
    part: str = option("train", choices=PARTS, label="Patterns", help="Which patterns the loss is averaged over.")
    matrix: str = option(
        "hessian",
        choices=MATRICES,
        label="Matrix",
        help="The Hessian H = G + R, its positive semidefinite part G, or what the residuals add.",
    )
    method: str = option(
        AUTO, choices=METHODS, label="Method", help="All eigenvalues of the dense matrix, or an estimated density."
    )
    limit: int = option(
        LIMIT,
        low=1,
        high=11_500,
        label="Exact up to",
        help="Parameters up to which all eigenvalues are computed; the time grows with the cube.",
        when=("method", lambda name: name != "estimated"),
    )
    probes: int = option(16, low=FEWEST, high=1024, label="Probes", help="Random vectors that an estimate averages.")
    lanczos: int = option(40, low=2, high=500, label="Lanczos steps", help="Steps a probe; at most P are taken.")
    top: int = option(
        5, low=1, high=100, label="Ends", help="How many eigenvalues of each end are computed with their residuals."
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
        label="Zero up to",
        help="Eigenvalues below this share of the largest count as zero; auto is 1e-8 exact, 1e-3 estimated.",
    )
    probe_seed: int = option(0, low=0, high=2**31 - 1, label="Probe seed", help="Seed of the random vectors.")

    def __post_init__(self):
        check(self)
        check_part(self.problem, self.part)
        within = self.problem.parameters <= self.limit
        if self.method == AUTO:
            object.__setattr__(self, "method", "exact" if within else "estimated")
        if self.method == "exact" and not within:
            raise BadSpec(
                f"All eigenvalues are computed for at most {self.limit:,} parameters (limit), as their time grows with "
                f"the cube; {self.problem.architecture} has {self.problem.parameters:,}. Choose method=estimated, a "
                "smaller network or a higher limit."
            )

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training: five arrays of P × P in float64 where all eigenvalues are computed."""
        return 5 * 8.0 * self.problem.parameters**2 if self.method == "exact" else 0.0

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
        nodes, weights: (V, M) of each probe's quadrature; weights of a probe sum to 1.
        edges: (S + 1,), density: (S,) mean of the probes' rules, smoothed by a Gaussian of standard deviation `width`:
            share of the eigenvalues for a unit of λ, averaged over each bin, so that it integrates to one.
        exact_density: (S,) of all eigenvalues, smoothed equally; (0,) where estimated.
        traces, squares: (V,) each probe's vᵀ A v and ‖A v‖², v of ±1: unbiased for the trace and its square norm.
        trace, frobenius: exact where the method is; else the means (of the root), trace_error and frobenius_error
            their standard errors, 0 where exact.
        largest, smallest: (k,) from the top down and from the bottom up; estimated, a multiple eigenvalue may be given
            once only. largest_residual, smallest_residual: (k,) ‖A v − λ v‖, 0 where exact.
        directions: (min(k, 2), P) unit vectors of the first of the largest.
        counts: (3,) eigenvalues below −cut, within, and above cut; estimated they are P times the probes' mean mass.
        effective_rank: exp of the entropy of |λ| / Σ|λ| (Roy & Vetterli 2007), from 0 (A = 0) to P.
        condition: largest over smallest eigenvalue above cut; NaN where there is none or where estimated.
        loss, gradient_norm: of the total loss on the part chosen; of the training part.
    """

    spec: Spectrum
    parameters: int
    eigenvalues: np.ndarray
    tensor_values: np.ndarray
    tensor_ends: np.ndarray
    layer_values: np.ndarray
    layer_ends: np.ndarray
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


def _point(spec: Spectrum, reached: TrainingResult, dtype: str = "") -> tuple[Loss, Tensor]:
    """The loss in a precision, the problem's if not given, and theta (P,) in it.

    Raises:
        CannotAnswer: the training diverged, the part is empty, or the activation has no second derivative.
    """
    theta, activation = reached.reached(), ACTIVATIONS[spec.problem.activation]
    if not activation.twice and len(spec.problem.layers) > 1:
        raise CannotAnswer(
            f"The loss of a network of {activation.label} units has no curvature to speak of: every derivative of a "
            "step is 0. Choose another activation.",
            "no second derivative",
        )
    if not patterns(spec.problem, spec.part):
        raise CannotAnswer(f"{spec.problem.dataset} has no test part here. Choose part=train.", "no test part")
    loss = make_loss(replace(spec.problem, dtype=dtype or spec.problem.dtype))
    return loss, torch.as_tensor(theta).to(torch_dtype(loss.problem))


def find_ends(spec: Spectrum, reached: TrainingResult) -> Ends:
    """k eigenvalues from both ends."""
    loss, theta = _point(spec, reached)
    product = operator(loss, theta, spec.part, spec.matrix)
    seed = np.random.SeedSequence(spec.probe_seed, spawn_key=(PROBES,))
    most = min(ENDS_STEPS + 2 * spec.count, max(ENDS_BYTES // (len(theta) * theta.element_size()), 2 * spec.count))
    return ends(product, len(theta), spec.count, most, ENDS_TOLERANCE, theta.dtype, seed)


def probe(spec: Spectrum, begin: int, end: int, reached: TrainingResult) -> Quadrature:
    """The quadrature of some probes by number."""
    loss, theta = _point(spec, reached)
    starts = torch.as_tensor(np.stack([rademacher(spec.probe_seed, n, len(theta)) for n in range(begin, end)]))
    return quadrature(operator(loss, theta, spec.part, spec.matrix), starts.to(theta.dtype), spec.steps)


def rademacher(seed: int, number: int, P: int) -> np.ndarray:
    """A probe (P,) of −1 and 1, as int8."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PROBES, number)))
    return 2 * rng.integers(0, 2, P, dtype=np.int8) - 1


def find_all(spec: Spectrum, reached: TrainingResult) -> Exact:
    """All eigenvalues, in float64."""
    loss, theta = _point(spec, reached, "float64")
    matrix = dense(loss, theta, spec.part, spec.matrix)
    check_finite(matrix.sum())
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


def effective_rank(values: np.ndarray, multiplicity: np.ndarray) -> float:
    """exp of the entropy of |λ| / Σ|λ|, each λ counted so often."""
    sizes = np.abs(values)
    total = float(multiplicity @ sizes)
    if total == 0:
        return 0.0
    share = sizes / total
    return math.exp(-float(multiplicity @ (share * np.log(np.where(share > 0, share, 1.0)))))


# ---------------------------------------------------------------------------------------------- the answer


def assemble(
    spec: Spectrum, reached: TrainingResult, found: Ends, exact: Exact | None, *rules: Quadrature
) -> SpectrumResult:
    """A level's answer from its parts."""
    loss, theta = _point(spec, reached)
    P = len(theta)
    nodes, weights = _padded([rule.nodes for rule in rules]), _padded([rule.weights for rule in rules])
    traces, squares = (P * np.concatenate([getattr(rule, name) for rule in rules]) for name in ("moment", "square"))
    values = nodes.ravel() if exact is None else exact.values
    share = weights.ravel() / len(weights) if exact is None else np.full(P, 1 / P)
    known = values if exact is not None else np.concatenate([values[share > 0], found.largest, found.smallest])
    cut = spec.tolerance * float(np.abs(known).max())
    width, edges = _axis(spec, np.concatenate([known, nodes[weights > 0]]))
    positive = values[values > cut]
    frobenius = math.sqrt(squares.mean())
    empty = np.empty(0)
    return SpectrumResult(
        spec,
        P,
        eigenvalues=empty if exact is None else exact.values,
        tensor_values=empty if exact is None else exact.tensors,
        tensor_ends=np.array(offsets(spec.problem.shapes)),
        layer_values=empty if exact is None else exact.layers,
        layer_ends=np.array(_layer_ends(spec.problem)),
        nodes=nodes,
        weights=weights,
        edges=edges,
        density=smoothed(edges, nodes, weights / len(weights), width),
        exact_density=empty if exact is None else smoothed(edges, values, share, width),
        width=width,
        traces=traces,
        squares=squares,
        trace=float(traces.mean()) if exact is None else exact.trace,
        trace_error=_error(traces) if exact is None else 0.0,
        frobenius=frobenius if exact is None else exact.frobenius,
        frobenius_error=_error(squares) / (2 * frobenius) if exact is None and frobenius else 0.0,
        largest=found.largest if exact is None else values[::-1][: spec.count],
        smallest=found.smallest if exact is None else values[: spec.count],
        largest_residual=found.top_residual if exact is None else np.zeros(spec.count),
        smallest_residual=found.bottom_residual if exact is None else np.zeros(spec.count),
        directions=found.top[:2],
        cut=cut,
        counts=P * np.array([share[side].sum() for side in (values < -cut, np.abs(values) <= cut, values > cut)]),
        effective_rank=effective_rank(values, P * share),
        condition=float(positive.max() / positive.min()) if exact is not None and len(positive) else math.nan,
        loss=float(loss.total(theta, spec.part)),
        gradient_norm=float(reached.gradient_norm[-1]),
        names=_tensor_names(spec.problem),
        notes=_notes(spec, width, cut, rules),
        warnings=_warnings(spec, reached, found),
        dtype=spec.problem.dtype,
    )


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


def _tensor_names(problem: Problem) -> tuple[str, ...]:
    return tuple(f"{letter}{number}" for number, layer in enumerate(problem.layers, 1) for letter in layer.tensors)


def _notes(spec: Spectrum, width: float, cut: float, rules: tuple[Quadrature, ...]) -> tuple[str, ...]:
    P, activation = spec.problem.parameters, ACTIVATIONS[spec.problem.activation]
    probes = sum(len(rule.nodes) for rule in rules)
    found = [
        f"{MATRICES[spec.matrix]} of the total loss, {PARTS[spec.part]}, P = {P:,}.",
        f"Density from {probes} probes of {spec.steps} Lanczos steps ({spec.problem.dtype}, probe seed "
        f"{spec.probe_seed}), smoothed by a Gaussian of standard deviation {width:.3g}.",
        f"Eigenvalues within ±{cut:.3g} ({spec.tolerance:g} of the largest) count as zero.",
    ]
    if spec.method == "exact":
        found.append("All eigenvalues, counts, trace and norm are exact, in float64.")
    else:
        found.append(
            f"Trace and norm are means of {probes} probes with their standard errors; counts and effective rank come "
            "from the density and are rough near zero. A multiple eigenvalue may stand once only among the ends."
        )
    if spec.top > spec.count:
        found.append(f"There are only {P} eigenvalues, so {spec.count} of each end are given and not {spec.top}.")
    if broken := sum(int((rule.broken_at >= 0).sum()) for rule in rules):
        found.append(
            f"{broken} of {probes} probes met all the eigenvalues they hold before the last step: these rules are "
            "exact (Lanczos breakdown)."
        )
    if "kink" in activation.smoothness and len(spec.problem.layers) > 1:
        found.append(
            f"{activation.label} has a kink, whose second derivative counts as 0: curvature that sits in kinks is not "
            "seen."
        )
    return tuple(found)


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
    reached, bare = reach(spec.problem, spec.start), _bare(spec)
    one = product_seconds(spec)
    far = Task(
        key_of("spectrum-ends", VERSIONS, bare), find_ends, (bare, reached), 4 * USUAL * one, USUAL, passing=True
    )
    probed = replace(bare, top=Spectrum.top, lanczos=spec.lanczos)
    key = key_of("spectrum-probes", VERSIONS, probed)
    found: list[Task] = []
    rules: list[Task] = []
    for begin, end in itertools.pairwise([0, *counts(spec.probes)]):
        work = (end - begin) * spec.steps
        args = (probed, begin, end, reached)
        rules.append(Task(f"{key}-{begin}-{end}", probe, args, work * one, work, passing=True))
        level = replace(spec, method="estimated", limit=LIMIT, probes=end)
        found.append(_level(level, reached, far, None, rules))
    if spec.method == "exact":
        plain = replace(probed, lanczos=Spectrum.lanczos, probe_seed=Spectrum.probe_seed)
        every = Task(
            key_of("spectrum-all", VERSIONS, plain), find_all, (plain, reached), exact_seconds(spec), passing=True
        )
        found.append(_level(spec, reached, far, every, rules))
    return found


def _level(spec: Spectrum, reached: Task, far: Task, every: Task | None, rules: list[Task]) -> Task:
    return Task(key_of("spectrum", VERSIONS, spec), assemble, (spec, reached, far, every, *rules), spec=spec)


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


def product_seconds(spec: Spectrum) -> float:
    """One product among many at once, by hand or by autodiff: shares of a training step, measured."""
    return (0.25 if spec.problem.plain else 1.2) * step_seconds(spec.problem, 0)


def exact_seconds(spec: Spectrum) -> float:
    """The dense matrix in float64 and its eigenvalues; one hidden layer costs less."""
    P = spec.problem.parameters
    return 2 * P * product_seconds(spec) / (8 if len(spec.problem.layers) < 3 else 1) + 1.5e-10 * P**3


def spectrum_size(spec: Spectrum) -> tuple[int, str]:
    """How much is asked, and of what."""
    return USUAL + spec.probes * spec.steps, "Hessian products"
