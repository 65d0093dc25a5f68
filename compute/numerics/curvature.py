"""Numbers of the total loss's Hessian at one point: both ends of its spectrum, trace, norm, counts and effective rank.

Exact: the dense matrix and its eigenvalues in float64, whatever the problem's precision. Estimated: stochastic Lanczos
quadrature (Ubaru, Chen & Saad 2017), Hutchinson's trace, and Lanczos for both ends.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import check_patterns, step_seconds
from lossatlas.compute.numerics.kernels.curvature import Product, dense, operator
from lossatlas.compute.numerics.lanczos import Ends, Quadrature, check_finite, ends, quadrature
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem, torch_dtype
from lossatlas.compute.spec.tasks import CannotAnswer

PROBES = 5  # number of the stream of random numbers
SMALL, SMALL_BY_AUTODIFF = 1_000, 400  # parameters up to which a summary is exact, in about half a second at most
TOP = 3  # eigenvalues of each end in a summary (chosen by eye)
FEW = (8, 30)  # probes and Lanczos steps of a summary's estimate (chosen by eye)
SEED = 0  # of a summary's probes
ENDS_STEPS, ENDS_BYTES = 300, 2**28  # most steps toward both ends, and memory of their basis (chosen by eye)
USUAL = 60  # steps that the ends take; a product alone costs four times its share of many
ENDS_TOLERANCE = 1e-4  # of a residual, relative to the largest |λ|; the eigenvalue itself is nearer (chosen by eye)
ZERO_EXACT, ZERO_ESTIMATED = 1e-8, 1e-3  # what float64 resolves with room to spare, and some tens of Lanczos steps


@dataclass(frozen=True)
class Summary:
    """Of a Hessian P × P at one point.

    Attributes:
        largest, smallest: (k,) from the top down and from the bottom up.
        trace, trace_error: Hutchinson's mean, the ends taken out of its variance; its standard error, 0 where exact.
        frobenius: ‖H‖; estimated, the root of the probes' mean ‖H v‖², likewise.
        counts: (3,) eigenvalues below −cut, within, and above cut; estimated they are P times the probes' mean mass.
        effective_rank: as `effective_rank`.
        converged: whether both ends are within ENDS_TOLERANCE.
    """

    largest: np.ndarray
    smallest: np.ndarray
    trace: float
    trace_error: float
    frobenius: float
    counts: np.ndarray
    cut: float
    effective_rank: float
    converged: bool


def check_curved(problem: Problem, part: str) -> None:
    """Raises CannotAnswer where the activation has no second derivative, or the part no patterns."""
    if not curved(problem):
        raise CannotAnswer(
            f"The loss of a network of {problem.unit.label} units has no curvature to speak of: every derivative of a "
            "step is 0. Choose another activation.",
            "no second derivative",
        )
    check_patterns(problem, part)


def curved(problem: Problem) -> bool:
    """Whether the loss has second derivatives that say something."""
    return problem.unit.twice or len(problem.layers) == 1


def stepping(problem: Problem) -> str:
    """The labels of what has no second derivative among the hidden units' activations."""
    entries = [ACTIVATIONS[name] for name, _, _ in problem.blend]
    return " and ".join(entry.label for entry in entries if not entry.twice)


def kinked(problem: Problem) -> tuple[str, ...]:
    """A note where the activation has kinks, of which second derivatives see nothing."""
    if "kink" not in problem.unit.smoothness or len(problem.layers) == 1:
        return ()
    label = problem.unit.label
    return (f"{label} has a kink, whose second derivative counts as 0: curvature that sits in kinks is not seen.",)


def is_small(problem: Problem) -> bool:
    """Whether a summary of the problem is exact."""
    return problem.parameters <= (SMALL if problem.plain else SMALL_BY_AUTODIFF)


def describe(problem: Problem) -> str:
    """How a summary of the problem came about, in one sentence."""
    if is_small(problem):
        return (
            f"Curvature is exact, from all {problem.parameters} eigenvalues in float64; within {ZERO_EXACT:g} of the "
            "largest they count as zero."
        )
    probes, steps = FEW
    return (
        f"Curvature is estimated from {probes} probes of {steps} Lanczos steps ({problem.dtype}, probe seed {SEED}): "
        "the trace is a mean with its standard error, counts and effective rank come from the density and are rough; "
        f"eigenvalues within {ZERO_ESTIMATED:g} of the largest count as zero."
    )


def summarise(loss: Loss, theta: Tensor, part: str) -> Summary:
    """Numbers of the Hessian at theta (P,): exact of a small problem, else estimated from FEW probes; all NaN where
    second derivatives are infinite or NaN.

    Raises:
        BadSpec: BatchNorm on a part other than the training's.
    """
    k = min(TOP, len(theta))
    try:
        if is_small(loss.problem):
            return summarise_all(loss, theta, part, k)
        return estimate(loss, theta, part, k, *FEW, SEED)
    except CannotAnswer:
        return unknown(k)


def unknown(k: int) -> Summary:
    """Where there is no curvature to summarise."""
    nothing, end = math.nan, np.full(k, np.nan)
    return Summary(end, end, nothing, nothing, nothing, np.full(3, np.nan), nothing, nothing, True)


def summarise_all(loss: Loss, theta: Tensor, part: str, k: int) -> Summary:
    """From all eigenvalues, in float64.

    Raises:
        CannotAnswer: the second derivatives are infinite or NaN.
    """
    matrix = in_float64(loss, theta, part)
    values = torch.linalg.eigvalsh(matrix).numpy()
    cut, multiplicity = ZERO_EXACT * float(np.abs(values).max()), np.ones(len(values))
    return Summary(
        values[::-1][:k], values[:k], float(matrix.trace()), 0.0, float(torch.linalg.matrix_norm(matrix)),
        counts(values, multiplicity, cut), cut, effective_rank(values, multiplicity), True,
    )  # fmt: skip


def steepest(loss: Loss, theta: Tensor, part: str, k: int = TOP) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues (k,), from the top down, and their vectors (k, P), k at most P: from the dense matrix in
    float64 of a small problem, else by Lanczos in the problem's precision. Errors as `summarise_all`, and BadSpec:
    BatchNorm on a part other than the training's.
    """
    k = min(k, len(theta))
    if not is_small(loss.problem):
        far = find_ends(operator(loss, theta, part), theta, k, SEED)
        return far.largest, far.top
    values, vectors = torch.linalg.eigh(in_float64(loss, theta, part))
    return values.numpy()[::-1][:k], vectors.numpy().T[::-1][:k]


def in_float64(loss: Loss, theta: Tensor, part: str, matrix: str = "hessian") -> Tensor:
    """The dense matrix (P, P).

    Raises:
        CannotAnswer: an entry is infinite or NaN.
    """
    exact = make_loss(replace(loss.problem, dtype="float64"))
    found = dense(exact, theta.to(torch_dtype(exact.problem)), part, matrix)
    check_finite(found.dtype, found.sum())
    return found


def estimate(loss: Loss, theta: Tensor, part: str, k: int, probes: int, steps: int, seed: int) -> Summary:
    """From both ends, 2 k of at most P, and a quadrature of some probes (2 or more), in the problem's precision. Errors
    as `summarise_all`.
    """
    P, product = len(theta), operator(loss, theta, part)
    far, rule = find_ends(product, theta, k, seed), find_rules(product, theta, range(probes), steps, seed)
    traces, squares = _deflated(rule, far, seed)
    values, share = rule.nodes.ravel(), rule.weights.ravel() / probes
    known = np.concatenate([values[share > 0], far.largest, far.smallest])
    cut = ZERO_ESTIMATED * float(np.abs(known).max())
    return Summary(
        far.largest, far.smallest, float(traces.mean()), float(traces.std(ddof=1) / math.sqrt(probes)),
        math.sqrt(max(squares.mean(), 0.0)), counts(values, P * share, cut), cut, effective_rank(values, P * share),
        far.converged,
    )  # fmt: skip


def _deflated(rule: Quadrature, far: Ends, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Each probe's vᵀ H v and ‖H v‖², (V,), less what the eigenvectors q at the ends add beyond its mean over all
    probes, λ ((q·v)² − 1) and λ² ((q·v)² − 1): the mean stays, and the variance is that of the rest of the matrix.
    """
    values, q = np.concatenate([far.largest, far.smallest]), np.concatenate([far.top, far.bottom]).astype(np.float64)
    probes = np.stack([rademacher(seed, number, q.shape[1]) for number in range(len(rule.moment))], 1)  # (P, V)
    beyond = (q @ probes) ** 2 - np.square(q).sum(1, keepdims=True)
    return q.shape[1] * rule.moment - values @ beyond, q.shape[1] * rule.square - values**2 @ beyond


def find_ends(product: Product, theta: Tensor, k: int, seed: int) -> Ends:
    """k eigenvalues from both ends of a matrix known by its products."""
    P = len(theta)
    return ends(product, P, k, most_steps(P, k, theta.element_size()), ENDS_TOLERANCE, theta.dtype,
                np.random.SeedSequence(seed, spawn_key=(PROBES,)))  # fmt: skip


def most_steps(P: int, k: int, itemsize: int) -> int:
    """Lanczos steps that the memory of the basis allows."""
    return min(ENDS_STEPS + 2 * k, max(ENDS_BYTES // (P * itemsize), 2 * k))


def find_rules(product: Product, theta: Tensor, numbers: range, steps: int, seed: int) -> Quadrature:
    """The quadrature of some probes by number."""
    starts = torch.as_tensor(np.stack([rademacher(seed, number, len(theta)) for number in numbers]))
    return quadrature(product, starts.to(theta.dtype), steps)


def rademacher(seed: int, number: int, P: int) -> np.ndarray:
    """A probe (P,) of −1 and 1, as int8."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PROBES, number)))
    return 2 * rng.integers(0, 2, P, dtype=np.int8) - 1


def counts(values: np.ndarray, multiplicity: np.ndarray, cut: float) -> np.ndarray:
    """(3,) how many lie below −cut, within, and above cut, each counted so often."""
    return np.array([multiplicity[side].sum() for side in (values < -cut, np.abs(values) <= cut, values > cut)])


def effective_rank(values: np.ndarray, multiplicity: np.ndarray) -> float:
    """exp of the entropy of |λ| / Σ|λ|, each λ counted so often (Roy & Vetterli 2007); 0 of a zero matrix, else at
    least 1, where a λ counted less than once would give less.
    """
    sizes = np.abs(values)
    total = float(multiplicity @ sizes)
    if total == 0:
        return 0.0
    share = sizes / total
    return max(1.0, math.exp(-float(multiplicity @ (share * np.log(np.where(share > 0, share, 1.0))))))


# ---------------------------------------------------------------------------------------------- cost


def product_seconds(problem: Problem) -> float:
    """One product among many at once, by hand or by autodiff: shares of a training step, measured."""
    return (0.25 if problem.plain else 1.2) * step_seconds(problem, 0)


def exact_seconds(problem: Problem) -> float:
    """The dense matrix in float64 and its eigenvalues; one hidden layer costs less."""
    P = problem.parameters
    return 2 * P * product_seconds(problem) / (8 if len(problem.layers) < 3 else 1) + 1.5e-10 * P**3


def summary_seconds(problem: Problem) -> float:
    """Estimated seconds of `summarise`."""
    if is_small(problem):
        return exact_seconds(problem)
    probes, steps = FEW
    return (4 * USUAL + probes * steps) * product_seconds(problem)


def summary_bytes(problem: Problem) -> float:
    """Memory of `summarise`: five arrays of P × P in float64, or the basis of the ends."""
    P, itemsize = problem.parameters, 8 if problem.dtype == "float64" else 4
    return 5 * 8.0 * P**2 if is_small(problem) else float(most_steps(P, TOP, itemsize) * P * itemsize)
