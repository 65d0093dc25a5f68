"""PANELS and PLACES: the pictures of the page and where they stand, as literal tables. A new kind of picture is one
figure file and one line here.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from app.figures import cloud, evolution, line, parts, replicates, rises, saturation, slice, spectrum, training
from compute.clouds import Cloud
from compute.evolution import Evolution
from compute.lines import Line
from compute.options import AUTO, text
from compute.replicates import Replicates
from compute.rises import Rise
from compute.saturation import Saturation
from compute.slices import Slice
from compute.spectra import Spectrum
from compute.study import PACES, RANGES
from compute.train import Training


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
PANELS = {
    "slice": Panel(
        "Surface", Slice, slice, (*LANDSCAPE, *CURVATURE), common=parts.common, coarse=True, reaches=True, differs=True
    ),
    "line": Panel(
        "1-D slice", Line, line, LANDSCAPE, common=parts.common, reaches=True, overlays=True, curve=line.curve
    ),
    "training": Panel(
        "Training", Training, training, LANDSCAPE, common=parts.common, overlays=True, curve=training.curve
    ),
    "spectrum": Panel("Spectrum", Spectrum, spectrum, CURVATURE, coarse=True, overlays=True),
    "evolution": Panel("Along the training", Evolution, evolution, CURVATURE, coarse=True, rank=1, overlays=True),
    "sharpness": Panel("Sharpness", Rise, rises, CURVATURE, coarse=True, rank=1, overlays=True),
    "saturation": Panel("Saturation", Saturation, saturation, CURVATURE, agree=widest),
    "replicates": Panel("Over seeds", Replicates, replicates, CURVATURE, coarse=True, rank=2),
    "cloud": Panel("Cloud", Cloud, cloud, CLOUDS, common=cloud.common, coarse=True),
    **small_multiples(),
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The panels of a place from top to bottom; `head` is the one whose answer gives the numbers at a column's head."""

    panels: tuple[str, ...]
    head: str


PLACES = {  # by the names of app.view.PLACES
    place: Rows(tuple(name for name, panel in PANELS.items() if place in panel.places), head)
    for place, head in (("landscape", "training"), ("curvature", "spectrum"), ("clouds", "cloud"))
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
