"""ANALYSES: what can be asked, as a literal table. A new analysis is one file and one line here."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lossatlas.compute.analyses import (
    boundaries,
    clouds,
    curvature_along,
    extents,
    lines,
    morphs,
    replicates,
    saturation,
    sharpness,
    slices,
    weight_slices,
    weights,
)
from lossatlas.compute.analyses.planes import where
from lossatlas.compute.analyses.spectra import spectrum
from lossatlas.compute.numerics.paths import reach, start, train
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, Option, build, flat, options_of, parse, relevant, show
from lossatlas.compute.spec.tasks import Task

T = TypeVar("T")

REMEMBERED = 100  # questions whose tasks a process keeps: a page counts them before it asks


@dataclass(frozen=True)
class Analysis:
    """`levels(spec)` gives tasks from coarse to fine, the last one the answer; `size(spec)` how much that is."""

    label: str
    spec: type
    result: type
    levels: Callable[..., list[Task]]
    size: Callable[..., tuple[int, str]]
    versions: tuple[int, ...]
    note: str


ANALYSES = {
    "training": Analysis(
        "Training", start.Training, start.TrainingResult, reach.training_levels, reach.training_size, train.VERSIONS,
        "Loss, accuracy and gradient norm along a training, on training and test patterns.",
    ),
    "slice": Analysis(
        "Slice", slices.Slice, slices.SliceResult, slices.slice_levels, slices.slice_size, slices.VERSIONS,
        "Loss on a plane through the point reached, coarse first.",
    ),
    "line": Analysis(
        "Line", lines.Line, lines.LineResult, lines.line_levels, lines.line_size, lines.VERSIONS,
        "Loss and accuracy along a line through the point reached.",
    ),
    "extent": Analysis(
        "Extent", where.Place, extents.ExtentResult, extents.extent_levels, extents.extent_size, extents.VERSIONS,
        "How far a picture should reach to show a basin and its walls.",
    ),
    "saturation": Analysis(
        "Saturation", saturation.Saturation, saturation.SaturationResult, saturation.saturation_levels,
        saturation.saturation_size, saturation.VERSIONS,
        "Pre-activations, outputs, saturation and dead units of every hidden layer, and along the training.",
    ),
    "spectrum": Analysis(
        "Spectrum", spectrum.Spectrum, spectrum.SpectrumResult, spectrum.spectrum_levels, spectrum.spectrum_size,
        spectrum.VERSIONS,
        "Eigenvalues of the Hessian, or of its parts, at the point reached or one of its planes: density, ends, trace.",
    ),
    "evolution": Analysis(
        "Curvature along training", curvature_along.Evolution, curvature_along.EvolutionResult,
        curvature_along.evolution_levels, curvature_along.evolution_size, curvature_along.VERSIONS,
        "Ends, trace and counts of the Hessian's eigenvalues at some steps of the training.",
    ),
    "replicates": Analysis(
        "Seeds", replicates.Replicates, replicates.ReplicatesResult, replicates.replicates_levels,
        replicates.replicates_size, replicates.VERSIONS,
        "Loss, accuracy, curvature, sharpness and saturation at the end of the training from several seeds.",
    ),
    "sharpness": Analysis(
        "Sharpness", sharpness.Rise, sharpness.RiseResult, sharpness.rise_levels, sharpness.rise_size,
        sharpness.VERSIONS,
        "How far the loss can rise within a radius: along the gradient (SAM), in a box (Keskar), and λmax.",
    ),
    "cloud": Analysis(
        "Loss-gradient cloud", clouds.Cloud, clouds.CloudResult, clouds.cloud_levels, clouds.cloud_size,
        clouds.VERSIONS,
        "Every point that walks visit: loss, gradient norm, test loss, saturation, curvature, stagnation.",
    ),
    "boundary": Analysis(
        "Decision boundary", boundaries.Boundary, boundaries.BoundaryResult, boundaries.boundary_levels,
        boundaries.boundary_size, boundaries.VERSIONS,
        "What a network of one or two inputs says over the range of its data, along the training.",
    ),
    "weights": Analysis(
        "Weights", weights.Weights, weights.WeightsResult, weights.weights_levels, weights.weights_size,
        weights.VERSIONS,
        "Every weight and bias of a small network along the training.",
    ),
    "weight_slices": Analysis(
        "Slices along weights", weight_slices.WeightSlices, weight_slices.WeightSlicesResult,
        weight_slices.weight_slices_levels, weight_slices.weight_slices_size, weight_slices.VERSIONS,
        "Loss along each single weight of a small network around the point reached.",
    ),
    "morph": Analysis(
        "Morph", morphs.Morph, morphs.MorphResult, morphs.morph_levels, morphs.morph_size, morphs.VERSIONS,
        "Slices from one activation to another, or over its own parameter, each frame trained anew.",
    ),
}  # fmt: skip


def every_option() -> dict[str, Option]:
    """Every option of every question, by name, as the first analysis that has it declares it."""
    known: dict[str, Option] = {}
    for analysis in ANALYSES.values():
        for name, option in options_of(analysis.spec).items():
            known.setdefault(name, option)
    return known


def name_of(spec: object) -> str:
    """The analysis that a spec asks for.

    Raises:
        TypeError: it is no spec.
    """
    for name, analysis in ANALYSES.items():
        if type(spec) is analysis.spec:
            return name
    raise TypeError(f"{type(spec).__name__} is not the spec of an analysis")


def key_for(spec: object) -> str:
    """The key of a spec's answer."""
    name = name_of(spec)
    return key_of(name, ANALYSES[name].versions, spec)


def levels_of(spec: object) -> list[Task]:
    """The tasks of a spec, coarse to fine."""
    return list(remembered_levels(canonical(spec)))


@functools.lru_cache(REMEMBERED)
def remembered_levels(spec: object) -> tuple[Task, ...]:
    return tuple(ANALYSES[name_of(spec)].levels(spec))


def canonical(spec: T) -> T:
    """The spec with every option that has no meaning in it at its default, and of several values that ask for the same
    the one that stands for all, so that one key means one answer.
    """
    table, meant = options_of(type(spec)), relevant(spec)
    settled = all(value == meant.get(name, table[name].default) for name, value in flat(spec).items())
    return spec if settled else build(type(spec), meant)


def question(analysis: str, query: str) -> Any:
    """A spec from the name of an analysis and a query string, as `question("slice", "dataset=iris&widths=4")`.

    Raises:
        BadSpec: an unknown analysis or option (the nearest is suggested), or a value that is not allowed.
    """
    if analysis not in ANALYSES:
        raise BadSpec(f"There is no analysis called {show(analysis)}.{nearest(analysis, ANALYSES)}")
    return parse(ANALYSES[analysis].spec, query)
