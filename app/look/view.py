"""How a result is looked at. A View never enters a key and never reaches `compute`."""

from dataclasses import dataclass
from typing import Any

from lossatlas.app.look.places import FIRST, PLACES
from lossatlas.app.look.theme import PALETTES
from lossatlas.compute.analyses.slices import check_window
from lossatlas.compute.numerics.classes import RULES
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option

MODES = {"surface": "3-D surface", "contour": "contour map"}
TERMS = {"total": "loss", "data": "data term", "penalty": "L2 penalty", "accuracy": "accuracy"}
SPECTRA = {"sorted": "sorted", "density": "histogram", "cumulative": "cumulative"}
BLOCKS = {"full": "whole matrix", "tensors": "each weight tensor", "layers": "each layer"}
UNITS = {"layers": "pre-activations", "outputs": "outputs", "units": "each hidden unit"}
FLATNESS = {
    "largest": "largest eigenvalue", "trace": "trace", "sam": "SAM's ascent", "keskar": "Keskar's box",
    "test_loss": "test loss",
}  # fmt: skip
TINTS = {
    "class": "curvature class", "test_loss": "generalisation error", "accuracy": "accuracy",
    "saturation": "saturation", "step": "step", "walk": "walk",
}  # fmt: skip
THEMES = {"auto": "as the system", "light": "light", "dark": "dark"}
CLOUD_ENDS = "left,right,low,high"  # of a region of a cloud
BASELINES = {"0": "none", **{str(place): f"column {place}" for place in range(1, 7)}}
PINNED = ("baseline", lambda place: place != "0")
DEEPEST = 12  # windows of a trail; the page forgets the outermost beyond


def box_option(label: str, told: str) -> Any:
    """A rectangle on a cloud, or nothing."""
    return option(
        (), low=-1e6, high=1e6, longest=4, group="Cloud", label=label, help=told, lies="region", pictures=("cloud",)
    )


@dataclass(frozen=True)
class View:
    """The picture's own choices; changing one never computes."""

    place: str = option(
        FIRST,
        choices=PLACES,
        label="Place",
        help="Which pictures the page shows.",
        keys={place.key: name for name, place in PLACES.items()},
        belongs="header",
    )
    mode: str = option(
        "surface",
        choices=MODES,
        label="Picture",
        help="Draw a slice as a surface or from above.",
        first=True,
        keys={"s": "surface", "c": "contour"},
    )
    show: str = option(
        "total", choices=TERMS, label="Show", help="Which quantity the height and colour stand for.", first=True
    )
    log: bool = option(
        True,
        label="Log scale",
        help="Heights and colours by the logarithm; accuracy is always linear.",
        first=True,
        keys={"l": ""},
        leaves=("region",),
    )
    shared: bool = option(
        True, label="Shared scale", help="One height and colour range for all columns of a row.", first=True
    )
    path: bool = option(True, label="Training path", help="Draw the training path on the slice.", first=True)
    palette: str = option(
        "haline", choices=PALETTES, label="Palette", help="Colours from the lowest to the highest value."
    )
    spectrum: str = option(
        "sorted",
        choices=SPECTRA,
        group="Spectrum",
        label="Picture of the spectrum",
        help="Eigenvalues in order, as a histogram with the estimated density, or the share below each value.",
        first=True,
        pictures=("spectrum",),
    )
    blocks: str = option(
        "full",
        choices=BLOCKS,
        group="Spectrum",
        label="Spectrum of",
        help="The whole matrix, or the diagonal blocks of each weight tensor or layer.",
        first=True,
        pictures=("spectrum",),
    )
    units: str = option(
        "layers",
        choices=UNITS,
        group="Saturation",
        label="Histograms of",
        help="Of all pre-activations or outputs of a layer, or of each hidden unit.",
        first=True,
        pictures=("saturation",),
    )
    against: str = option(
        "largest",
        choices=FLATNESS,
        group="Replicates",
        label="Seeds by saturation and",
        help="What stands for flatness in the picture of the seeds.",
        first=True,
        wide=True,
        pictures=("replicates",),
    )
    tint: str = option(
        "class",
        choices=TINTS,
        group="Cloud",
        label="Colour by",
        help="What the colour of a point says.",
        first=True,
        pictures=("cloud",),
    )
    rule: str = option(
        "full",
        choices=RULES,
        group="Cloud",
        label="Curvature rule",
        help="Classes from the full Hessian, or from one for each weight tensor: as in the study, where float32 "
        "rounds, or in float64.",
        first=True,
        wide=True,
        pictures=("cloud",),
    )
    tolerance: float | str = option(
        AUTO,
        low=0.0,
        high=0.5,
        group="Cloud",
        label="Zero tolerance of classes",
        help="An eigenvalue within this share of the largest makes a point singular; auto is the rule's own.",
        pictures=("cloud",),
    )
    multiples: bool = option(
        False,
        group="Cloud",
        label="Small multiples",
        help="Below it the study's two ranges and step sizes, with one scale; four times the work.",
        first=True,
        pictures=("cloud",),
    )
    frame: tuple[float, ...] = box_option(
        "Shown region", "What of the clouds is drawn: left, right, lower and upper end as the axes plot them."
    )
    brush: tuple[float, ...] = box_option(
        "Brushed region", "A rectangle drawn over a cloud, whose points are summed up in every column."
    )
    baseline: str = option(
        "0",
        choices=BASELINES,
        label="Baseline",
        help="The column that the others are compared with.",
        first=True,
        wide=True,
    )
    difference: bool = option(
        False, when=PINNED, label="Difference", help="Surfaces show each column minus the baseline."
    )
    overlay: bool = option(
        False, when=PINNED, label="Baseline's curves", help="Curves and spectra of the baseline dashed over the others."
    )
    band: bool = option(
        False, label="Mean and spread", help="Behind each curve the mean of all columns and their standard deviation."
    )
    hide: str = option(
        "",
        longest=600,
        label="Hidden",
        help="Parts of the page that a lesson leaves out, with commas.",
        belongs="browser",
        taught=True,
    )
    lesson: str = option("", longest=60, label="Lesson", help="The lesson that the page shows.", belongs="lesson")
    page: int = option(1, low=1, high=99, label="Page", help="The step of the lesson, from 1.", belongs="lesson")
    room: str = option(
        "", longest=20, label="Room", help="The code of the room that the page follows.", belongs="browser"
    )
    theme: str = option("auto", choices=THEMES, label="Theme", help="Light or dark page.", belongs="browser")
    trail: tuple[float, ...] = option(
        (),
        low=-1e6,
        high=1e6,
        longest=4 * DEEPEST,
        label="Way to the window",
        help="The windows between the whole picture and this one, four numbers each, from the outermost in.",
        belongs="crumbs",
    )

    def __post_init__(self) -> None:
        check(self)
        if len(self.trail) % 4:
            raise BadSpec(f"trail takes four numbers for each window; got {len(self.trail)}.")
        for window in self.windows:
            check_window("trail", window)
        for name in ("frame", "brush"):
            if box := getattr(self, name):
                check_window(name, box, CLOUD_ENDS)

    @property
    def windows(self) -> list[tuple[float, ...]]:
        """The trail's windows."""
        return [self.trail[place : place + 4] for place in range(0, len(self.trail), 4)]

    @property
    def logarithmic(self) -> bool:
        """Whether heights are plotted as log10: accuracy, which may be 0, never is."""
        return self.log and self.show != "accuracy"


@dataclass(frozen=True)
class Scale:
    """What a row of panels has in common: its range in plotted values (log10 on a log scale), None the panel's own; of
    clouds also that across and that of the colours; and the coordinates of a point of the plane that other rows speak
    of, empty if they speak of the center, or of a cloud the number of a walk and its step.
    """

    low: float | None = None
    high: float | None = None
    left: float | None = None
    right: float | None = None
    tint_low: float | None = None
    tint_high: float | None = None
    point: tuple[float, ...] = ()
