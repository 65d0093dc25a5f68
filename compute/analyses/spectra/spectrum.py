"""The spectrum of the loss's Hessian, or of one of its parts, at the point reached or at another of its planes:
the answer, and tasks from few probes to many and, where the matrix is small enough, to all eigenvalues.

Estimated: stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017; Ghorbani, Krishnan & Xiao 2019), Lanczos for both
ends, and Hutchinson's trace with the eigenvectors at the ends taken out of its variance (`deflated`). Exact: the dense
matrix and its eigenvalues in float64, whatever the problem's precision.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossatlas.compute.analyses.planes.plane import VERSIONS as PLANE_VERSIONS
from lossatlas.compute.analyses.planes.plane import Plane
from lossatlas.compute.analyses.planes.turns import VERSIONS as TURN_VERSIONS
from lossatlas.compute.analyses.planes.turns import turned_task
from lossatlas.compute.analyses.planes.where import PARTS
from lossatlas.compute.analyses.spectra.pieces import (
    LAYER_STEPS,
    Exact,
    Probed,
    find_all,
    find_ends,
    find_layers,
    layer_ends,
    point_of,
    probe,
    samples,
    smoothed,
)
from lossatlas.compute.analyses.spectra.question import FEWEST, LIMIT, Spectrum, SpectrumResult
from lossatlas.compute.numerics.cost import loss_seconds
from lossatlas.compute.numerics.curvature import USUAL, effective_rank, exact_seconds, kinked, product_seconds
from lossatlas.compute.numerics.curvature import counts as count_sides
from lossatlas.compute.numerics.kernels.curvature import MATRICES
from lossatlas.compute.numerics.lanczos import Ends, Quadrature
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.problem.nets import offsets
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO
from lossatlas.compute.spec.tasks import Task

VERSIONS = (2, *PLANE_VERSIONS, *TURN_VERSIONS)
WIDTH = 0.003  # as a share of the spectrum's range (chosen by eye)
BINS = 1000
TAIL = 6  # widths that the density's axis goes beyond the outermost node


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
    loss, theta = point_of(spec, reached, plane)
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
        layer_ends=np.array(layer_ends(spec.problem)),
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
    cuts = itertools.pairwise(layer_ends(spec.problem))
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
