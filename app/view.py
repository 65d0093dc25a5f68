"""How a result is looked at. A View never enters a key and never reaches `compute`."""

from dataclasses import dataclass

from app.theme import PALETTES
from compute.options import BadSpec, check, option
from compute.slices import check_window

MODES = {"surface": "3-D surface", "contour": "contour map"}
TERMS = {"total": "loss", "data": "data term", "penalty": "L2 penalty", "accuracy": "accuracy"}
THEMES = {"auto": "as the system", "light": "light", "dark": "dark"}
DEEPEST = 12  # windows of a trail; the page forgets the outermost beyond


@dataclass(frozen=True)
class View:
    """The picture's own choices; changing one never computes."""

    mode: str = option("surface", choices=MODES, label="Picture", help="Draw a slice as a surface or from above.")
    show: str = option("total", choices=TERMS, label="Show", help="Which quantity the height and colour stand for.")
    log: bool = option(True, label="Log scale", help="Heights and colours by the logarithm; accuracy is always linear.")
    shared: bool = option(True, label="Shared scale", help="One height and colour range for all columns of a row.")
    path: bool = option(True, label="Training path", help="Draw the training path on the slice.")
    palette: str = option(
        "haline", choices=PALETTES, label="Palette", help="Colours from the lowest to the highest value."
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
    """The common range of a row of panels in plotted values (log10 on a log scale); None: the panel's own."""

    low: float | None = None
    high: float | None = None
