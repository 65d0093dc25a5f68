"""PANELS and PLACES: the pictures of the page and where they stand, as literal tables. A new kind of picture is one
figure file and one line here.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from lossatlas.app.figures import (
    boundary,
    cloud,
    curvature_along,
    line,
    morph,
    morph_curve,
    replicates,
    saturation,
    saturation_along,
    sharpness,
    slice,
    spectrum,
    training,
    weight_slices,
    weights,
)
from lossatlas.app.figures.shared import parts
from lossatlas.compute.analyses.boundaries import Boundary
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.analyses.curvature_along import Evolution
from lossatlas.compute.analyses.lines import Line
from lossatlas.compute.analyses.morphs import Morph
from lossatlas.compute.analyses.replicates import Replicates
from lossatlas.compute.analyses.saturation import Saturation
from lossatlas.compute.analyses.sharpness import Rise
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.spectra.question import Spectrum
from lossatlas.compute.analyses.weight_slices import WeightSlices
from lossatlas.compute.analyses.weights import Weights
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import AUTO, text
from lossatlas.compute.study.design import PACES, RANGES


def widest(results: Sequence) -> dict[str, float]:
    """One range of pre-activations for all columns: the largest that a column chose for itself."""
    return {"z_range": max(float(result.edges[-1]) for result in results)}


@dataclass(frozen=True)
class Panel:
    """`picture` is a module of figures: `figure(result, view, scale, colour)`, `span(result, view)` of what a shared
    range must hold, `caption(result, view)` and `size(result)`, a few words on how much was computed. `places` are
    those where it stands, in the order of PANELS.

    `common(spans, view)` makes the range of a row from the spans; `coarse` panels are drawn as their answers come, the
    others once their row has its range. `agree(results)` names options that all columns of a row take, where the
    reader left each to `auto`. Panels that `reach` over a half width wait until one is found for all columns; work for
    a panel of a higher `rank` waits for that of the lower ones. Where a column is the baseline, panels
    that `differ` can show what others have more, and those that `overlay` its curves over theirs; `curve(result, view)`
    gives (x, y), of which a mean over columns is taken. A panel with a `preset` asks with these options instead
    of the reader's, only where small multiples are wanted, and shares the scale of the panel whose name begins its own.
    """

    title: str
    spec: type
    picture: ModuleType
    places: tuple[str, ...]
    common: Callable = parts.hull
    coarse: bool = False
    reaches: bool = False
    agree: Callable[[Sequence], dict] | None = None
    rank: int = 0
    differs: bool = False
    overlays: bool = False
    curve: Callable | None = None
    preset: Mapping[str, str] = field(default_factory=dict)


def small_multiples() -> dict[str, Panel]:
    """A cloud for each range and step size of the study."""
    return {
        f"cloud-{bound:g}-{pace}": Panel(
            f"±{bound:g}, {pace}", Cloud, cloud, CLOUDS, common=cloud.common, coarse=True, rank=1 + number,
            preset={"walk_range": text(bound), "walk_size": text(size), "walk_steps": text(steps)},
        )
        for number, (bound, (pace, (size, steps))) in enumerate(itertools.product(RANGES, PACES.items()))
    }  # fmt: skip


LANDSCAPE, CURVATURE, CLOUDS = (("landscape",), ("curvature",), ("clouds",))
TRAINING, MORPH = (("training",), ("morph",))
PANELS = {
    "slice": Panel(
        "Surface", Slice, slice, (*LANDSCAPE, *CURVATURE, *TRAINING), common=parts.common, coarse=True, reaches=True,
        differs=True,
    ),
    "line": Panel(
        "1-D slice", Line, line, LANDSCAPE, common=parts.common, reaches=True, overlays=True, curve=line.curve
    ),
    "training": Panel(
        "Training", Training, training, (*LANDSCAPE, *TRAINING), common=parts.common, overlays=True,
        curve=training.curve,
    ),
    "boundary": Panel("Decision boundary", Boundary, boundary, TRAINING),
    "weights": Panel("Weights", Weights, weights, TRAINING),
    "saturation-along": Panel("Saturation along the training", Saturation, saturation_along, TRAINING, rank=1),
    "weight_slices": Panel(
        "Loss along each weight", WeightSlices, weight_slices, TRAINING, common=parts.common, rank=1
    ),
    "spectrum": Panel("Spectrum", Spectrum, spectrum, CURVATURE, coarse=True, overlays=True),
    "evolution": Panel("Along the training", Evolution, curvature_along, CURVATURE, coarse=True, rank=1, overlays=True),
    "sharpness": Panel("Sharpness", Rise, sharpness, CURVATURE, coarse=True, rank=1, overlays=True),
    "saturation": Panel("Saturation", Saturation, saturation, CURVATURE, agree=widest),
    "replicates": Panel("Over seeds", Replicates, replicates, CURVATURE, coarse=True, rank=2),
    "cloud": Panel("Cloud", Cloud, cloud, CLOUDS, common=cloud.common, coarse=True),
    **small_multiples(),
    "morph": Panel("Morph", Morph, morph, MORPH, common=parts.common, coarse=True, reaches=True),
    "morph-curve": Panel(
        "Along the morph", Morph, morph_curve, MORPH, common=parts.common, coarse=True, reaches=True
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The panels of a place from top to bottom; `head` is the one whose answer gives the numbers at a column's head."""

    panels: tuple[str, ...]
    head: str


PLACES = {  # by the names of look.view.PLACES
    place: Rows(tuple(name for name, panel in PANELS.items() if place in panel.places), head)
    for place, head in (
        ("landscape", "training"),
        ("curvature", "spectrum"),
        ("clouds", "cloud"),
        ("training", "training"),
        ("morph", "morph"),
    )
}


def places_of(name: str, options: Callable[[type], Mapping[str, object]]) -> list[str]:
    """The places where a panel's question has an option of this name."""
    return [place for place, rows in PLACES.items() if any(name in options(PANELS[p].spec) for p in rows.panels)]


def analysis_of(name: str) -> str:
    """The analysis that a panel asks for, and the panel whose scale it shares."""
    return name.split("-")[0]


def left_open(spec, names: Mapping[str, object]) -> bool:
    """Whether a spec leaves all of these options to `auto`."""
    return all(getattr(spec, name) == AUTO for name in names)
