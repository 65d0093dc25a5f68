"""How a result is looked at. A View never enters a key and never reaches `compute`."""

from dataclasses import dataclass

from app.theme import PALETTES
from compute.options import BadSpec, check, option
from compute.slices import check_window

MODES = {"surface": "3-D surface", "contour": "contour map"}
TERMS = {"total": "loss", "data": "data term", "penalty": "L2 penalty", "accuracy": "accuracy"}
PLACES = {"landscape": "Landscape", "curvature": "Curvature"}
SPECTRA = {"sorted": "sorted", "density": "histogram", "cumulative": "cumulative"}
BLOCKS = {"full": "whole matrix", "tensors": "each weight tensor", "layers": "each layer"}
UNITS = {"layers": "pre-activations", "outputs": "outputs", "units": "each hidden unit"}
FLATNESS = {
    "largest": "largest eigenvalue", "trace": "trace", "sam": "SAM's ascent", "keskar": "Keskar's box",
    "test_loss": "test loss",
}  # fmt: skip
THEMES = {"auto": "as the system", "light": "light", "dark": "dark"}
ON_CURVATURE = ("place", lambda name: name == "curvature")
DEEPEST = 12  # windows of a trail; the page forgets the outermost beyond


@dataclass(frozen=True)
class View:
    """The picture's own choices; changing one never computes."""

    place: str = option("landscape", choices=PLACES, label="Place", help="Which pictures the page shows.")
    mode: str = option("surface", choices=MODES, label="Picture", help="Draw a slice as a surface or from above.")
    show: str = option("total", choices=TERMS, label="Show", help="Which quantity the height and colour stand for.")
    log: bool = option(True, label="Log scale", help="Heights and colours by the logarithm; accuracy is always linear.")
    shared: bool = option(True, label="Shared scale", help="One height and colour range for all columns of a row.")
    path: bool = option(True, label="Training path", help="Draw the training path on the slice.")
    palette: str = option(
        "haline", choices=PALETTES, label="Palette", help="Colours from the lowest to the highest value."
    )
    spectrum: str = option(
        "sorted",
        choices=SPECTRA,
        when=ON_CURVATURE,
        group="Spectrum",
        label="Picture of the spectrum",
        help="Eigenvalues in order, as a histogram with the estimated density, or the share below each value.",
    )
    blocks: str = option(
        "full",
        choices=BLOCKS,
        when=ON_CURVATURE,
        group="Spectrum",
        label="Spectrum of",
        help="The whole matrix, or the diagonal blocks of each weight tensor or layer.",
    )
    units: str = option(
        "layers",
        choices=UNITS,
        when=ON_CURVATURE,
        group="Saturation",
        label="Histograms of",
        help="Of all pre-activations or outputs of a layer, or of each hidden unit.",
    )
    against: str = option(
        "largest",
        choices=FLATNESS,
        when=ON_CURVATURE,
        group="Replicates",
        label="Seeds by saturation and",
        help="What stands for flatness in the picture of the seeds.",
    )
    theme: str = option("auto", choices=THEMES, label="Theme", help="Light or dark page.")
    trail: tuple[float, ...] = option(
        (),
        low=-1e6,
        high=1e6,
        longest=4 * DEEPEST,
        label="Way to the window",
        help="The windows between the whole picture and this one, four numbers each, from the outermost in.",
    )

    def __post_init__(self):
        check(self)
        if len(self.trail) % 4:
            raise BadSpec(f"trail takes four numbers for each window; got {len(self.trail)}.")
        for window in self.windows:
            check_window("trail", window)

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
    """What a row of panels has in common: its range in plotted values (log10 on a log scale), None the panel's own; and
    the coordinates of a point of the plane that other rows speak of, empty if they speak of the center.
    """

    low: float | None = None
    high: float | None = None
    point: tuple[float, ...] = ()
