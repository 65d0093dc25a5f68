"""What is asked of a spectrum, and what the answer holds."""

from dataclasses import dataclass, replace

import numpy as np

from lossatlas.compute.analyses.planes.turns import turn_option
from lossatlas.compute.analyses.planes.where import Place, Where
from lossatlas.compute.numerics.curvature import ZERO_ESTIMATED, ZERO_EXACT, most_steps
from lossatlas.compute.numerics.kernels.curvature import MATRICES, check_part
from lossatlas.compute.numerics.paths.start import Start
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option

LIMIT, HIGHEST = 5_000, 11_500  # parameters up to which all eigenvalues are computed, usually and at most
METHODS = {AUTO: "exact where small enough", "exact": "exact", "estimated": "estimated"}
FEWEST = 2  # probes of the first picture: the least that have a standard error


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
        said="picture",
    )
    matrix: str = option(
        "hessian",
        choices=MATRICES,
        label="Matrix",
        help="The Hessian H = G + R, its positive semidefinite part G, or what the residuals add.",
        first=True,
        said="picture",
    )
    method: str = option(
        AUTO,
        choices=METHODS,
        label="Method",
        help="All eigenvalues of the dense matrix, or an estimated density.",
        first=True,
        said="picture",
        told="{} eigenvalues",
    )
    limit: int = option(
        LIMIT,
        low=1,
        high=HIGHEST,
        label="Exact up to P =",
        help="Parameters up to which all eigenvalues are computed; the time grows with the cube.",
        when=("method", lambda name: name != "estimated"),
        said="never",
    )
    probes: int = option(
        16,
        low=FEWEST,
        high=1024,
        label="Probes",
        help="Random vectors that an estimate averages.",
        said="picture",
    )
    lanczos: int = option(
        40,
        low=2,
        high=500,
        label="Lanczos steps",
        help="Steps a probe; at most P are taken.",
        said="picture",
    )
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
        told="zero within {} of the largest",
    )
    probe_seed: int = option(0, low=0, high=2**31 - 1, label="Probe seed", help="Seed of the random vectors.")

    def __post_init__(self) -> None:
        check(self)
        self._place_point()
        check_part(self.problem, self.where.part)
        P = self.problem.parameters
        within = self.limit >= P
        if self.method == AUTO:
            object.__setattr__(self, "method", "exact" if within else "estimated")
        if self.method == "exact" and not within:
            raise BadSpec(
                f"All eigenvalues are computed for at most {self.limit:,} parameters (limit), as their time grows with "
                f"the cube; {self.problem.architecture} has {P:,}. Choose method=estimated, "
                f"{f'limit={P} or' if P <= HIGHEST else 'or'} a smaller network."
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
