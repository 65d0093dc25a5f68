"""PANELS: the pictures of the page and the places that they stand at, as a literal table. A new kind of picture is one
figure file and one line here.
"""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lossatlas.app.figures import (
    boundary,
    cloud,
    cloud_table,
    curvature_along,
    line,
    morph,
    morph_curve,
    replicates,
    replicates_table,
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
from lossatlas.app.figures.shared.oddities import OF_SURFACES, Oddity
from lossatlas.app.figures.shared.picture import Picture
from lossatlas.app.figures.shared.tables import Table
from lossatlas.app.look.places import PLACES
from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.spec.options import AUTO, Option, options_of, text
from lossatlas.compute.study.design import PACES, RANGES


def widest(results: Sequence) -> dict[str, float]:
    """One range of pre-activations for all columns: the largest that a column chose for itself."""
    return {"z_range": max(float(result.edges[-1]) for result in results)}


@dataclass(frozen=True)
class Panel:
    """`picture` is a module of figures. It shows answers of one `analysis` and stands at one `place`, in the order of
    PANELS; other places may borrow it. Panels of one analysis share their scale. `head(result)` gives the numbers at a
    column's head, where the place takes them from this panel; `table` sums up all columns; `odd` are the reasons why
    the picture may look odd.

    `common(spans, view)` makes the range of a row from the spans; `coarse` panels are drawn as their answers come, the
    others once their row has its range. `agree(results)` names options that all columns of a row take, where the
    reader left each to `auto`. Panels that `reach` over a half width wait until one is found for all columns; work for
    a panel of a higher `rank` waits for that of the lower ones. Where a column is the baseline, panels
    that `differ` can show what others have more, and those that `overlay` its curves over theirs; `curve(result, view)`
    gives (x, y), of which a mean over columns is taken. A panel with a `preset` asks with these options instead
    of the reader's, only where small multiples are wanted. Options that it `ignores` its question sets by itself.

    `surface`: its colours are those of the bar that the columns share. `plane`: it shows the plane that the page speaks
    of: a window of it needs no half width, the point chosen is marked on it, and where it cannot be asked the whole
    page is refused. `walks`: its question is of many walks, not of one point. `brushes(result, view, scale)` tells what
    a rectangle drawn over it holds. `picks`: a click on it picks a weight, and `marks` shows which are picked.
    `warns`: the answer's warnings stand below it; of two pictures of one answer below one. `main`: looked for first.
    """

    title: str
    analysis: str
    picture: Picture
    place: str
    head: Callable[..., list[tuple[str, str]]] | None = None
    table: Table | None = None
    odd: tuple[Oddity, ...] = ()
    common: Callable = parts.hull
    coarse: bool = False
    reaches: bool = False
    agree: Callable[[Sequence], dict] | None = None
    rank: int = 0
    differs: bool = False
    overlays: bool = False
    curve: Callable | None = None
    preset: Mapping[str, str] = field(default_factory=dict)
    ignores: tuple[str, ...] = ()
    surface: bool = False
    plane: bool = False
    walks: bool = False
    brushes: Callable | None = None
    picks: bool = False
    marks: bool = False
    warns: bool = True
    main: bool = False

    @property
    def spec(self) -> type:
        """The kind of its question."""
        return ANALYSES[self.analysis].spec

    def asks(self, option: Option) -> bool:
        """Whether the option has a meaning in its question."""
        known = option.name in options_of(self.spec) and option.name not in self.ignores
        return known and (self.walks or not option.many)


CLOUD = Panel(
    "Cloud", "cloud", cloud, "clouds", head=cloud.head, table=cloud_table.TABLE, odd=cloud.ODD, common=cloud.common,
    coarse=True, walks=True, brushes=cloud.brushed, main=True,
)  # fmt: skip


def small_multiples() -> dict[str, Panel]:
    """A cloud for each range and step size of the study."""
    return {
        f"cloud-{bound:g}-{pace}": replace(
            CLOUD, title=f"±{bound:g}, {pace}", rank=1 + number, main=False, table=None,
            preset={"walk_range": text(bound), "walk_size": text(size), "walk_steps": text(steps)},
        )
        for number, (bound, (pace, (size, steps))) in enumerate(itertools.product(RANGES, PACES.items()))
    }  # fmt: skip


PANELS = {
    "slice": Panel(
        "Surface", "slice", slice, "landscape", odd=OF_SURFACES, common=parts.common, coarse=True, reaches=True,
        differs=True, surface=True, plane=True, main=True,
    ),
    "line": Panel(
        "1-D slice", "line", line, "landscape", odd=OF_SURFACES, common=parts.common, reaches=True, overlays=True,
        curve=line.curve,
    ),
    "training": Panel(
        "Training", "training", training, "landscape", head=training.head, odd=training.ODD, common=parts.common,
        overlays=True, curve=training.curve,
    ),
    "boundary": Panel("Decision boundary", "boundary", boundary, "training"),
    "weights": Panel("Weights", "weights", weights, "training", picks=True),
    "saturation-along": Panel(
        "Saturation along the training", "saturation", saturation_along, "training", rank=1, warns=False
    ),
    "weight_slices": Panel(
        "Loss along each weight", "weight_slices", weight_slices, "training", common=parts.common, rank=1, picks=True,
        marks=True,
    ),
    "spectrum": Panel(
        "Spectrum", "spectrum", spectrum, "curvature", head=spectrum.head, odd=spectrum.ODD, coarse=True, overlays=True,
        main=True,
    ),
    "evolution": Panel(
        "Along the training", "evolution", curvature_along, "curvature", coarse=True, rank=1, overlays=True
    ),
    "sharpness": Panel("Sharpness", "sharpness", sharpness, "curvature", coarse=True, rank=1, overlays=True),
    "saturation": Panel("Saturation", "saturation", saturation, "curvature", agree=widest),
    "replicates": Panel(
        "Over seeds", "replicates", replicates, "curvature", table=replicates_table.TABLE, odd=replicates.ODD,
        coarse=True, rank=2,
    ),
    "cloud": CLOUD,
    **small_multiples(),
    "morph": Panel(
        "Morph", "morph", morph, "morph", common=parts.common, coarse=True, reaches=True, surface=True, head=morph.head,
        ignores=("mix_with", "mix"),
    ),
    "morph-curve": Panel(
        "Along the morph", "morph", morph_curve, "morph", common=parts.common, coarse=True, reaches=True, warns=False,
        ignores=("mix_with", "mix"),
    ),
}  # fmt: skip


def panels_of(place: str) -> tuple[str, ...]:
    """The rows of a place from top to bottom: those it borrows, then its own."""
    own = (name for name, panel in PANELS.items() if panel.place == place)
    return (*PLACES[place].borrows, *own)


@functools.cache
def question_options() -> dict[str, Option]:
    """Every option that a question on the page may have, as the first panel that has it declares it."""
    found: dict[str, Option] = {}
    for spec_type in (panel.spec for panel in PANELS.values()):
        found = found | {name: one for name, one in options_of(spec_type).items() if name not in found}
    return found


def places_of(option: Option) -> list[str]:
    """The places where a panel's question has this option, or a picture of its own reads it."""
    if option.name in question_options():
        asking = {name for name, panel in PANELS.items() if panel.asks(option)}
    else:
        asking = set(option.pictures or PANELS)
    return [place for place in PLACES if asking.intersection(panels_of(place))]


def left_open(spec: object, names: Mapping[str, object]) -> bool:
    """Whether a spec leaves all of these options to `auto`."""
    return all(getattr(spec, name) == AUTO for name in names)
