"""Why a picture may look odd and what to do about it: a record for each kind, found from an answer's numbers and the
view, never from the sentences that warn of it. A kind of picture names its own, and shares these with others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.numerics.paths.advice import STEEP, nearer_minimum, settled
from lossatlas.compute.numerics.paths.start import Training, TrainingResult


@dataclass(frozen=True)
class Oddity:
    """`why` it happens, what to `do`, and whether it is `seen(result, view, scale)`. What mends it may hang on the
    question: then `do(result)` says it.
    """

    kind: str
    title: str
    why: str
    do: str | Callable[..., str]
    seen: Callable[..., bool]

    def told(self, result: Any) -> tuple[str, str, str]:
        """Title, why and what to do."""
        return self.title, self.why, self.do if isinstance(self.do, str) else self.do(result)


def training_of(result: Any) -> Training:
    """The way to the point that a picture is about."""
    return Training(result.spec.problem, result.spec.start)


def found(oddities: Sequence[Oddity], result: Any, view: View, scale: Scale) -> list[Oddity]:
    """Those of a picture's oddities that are seen, in their order."""
    return [oddity for oddity in oddities if oddity.seen(result, view, scale)]


def _of_losses(kind: str) -> Callable[..., bool]:
    """Whether the losses themselves mislead so."""
    return lambda result, view, scale: kind in parts.oddities_of(result)


def _lower(result: object, view: View, scale: Scale) -> bool:
    return view.show not in ("penalty", "accuracy") and "lower" in parts.oddities_of(result)


def _values(result: parts.Losses, view: View) -> np.ndarray:
    """What is drawn; empty where nothing is."""
    values = parts.quantity(result, view)
    return np.empty(0) if parts.nothing(values, view) else values


def _clipped(result: parts.Losses, view: View, scale: Scale) -> bool:
    values = _values(result, view)
    return bool(values.size) and bool(parts.cut(values, view, scale))


def _shelf(result: parts.Losses, view: View, scale: Scale) -> bool:
    return view.logarithmic and bool((_values(result, view) <= 0).any())


def _steep(result: Any, view: View, scale: Scale) -> bool:
    start, norm = result.spec.start, np.atleast_1d(result.gradient_norm)
    return bool(start.steps) and start.way.trained and bool(len(norm)) and bool(norm[-1] > STEEP)


def _nearer(result: Any) -> str:
    """By the losses on the way, where the answer holds them."""
    spec, total = training_of(result), getattr(result, "path_loss", None)
    if isinstance(result, TrainingResult):
        total = result.train_loss + result.penalty
    return settled(spec) if total is None else nearer_minimum(spec, total)


def _lowest(result: Any) -> str:
    """What leads to a lowest point, if there is any."""
    problem, norm = result.spec.problem, np.atleast_1d(result.gradient_norm)
    if len(norm) and norm[-1] > STEEP:
        return _nearer(result)
    if problem.data.classes and not problem.l2:
        return "Choose λ above 0 (l2=0.001): without it the loss of classes that are told apart falls for ever."
    return "Train longer. Directions: sharpest eigenvectors show the saddle, if it is one."


FLAT = Oddity(
    "flat",
    "The picture is flat",
    "All losses agree to rounding. The part shown is too small for the number format, or nothing changes there: "
    "saturated or dead units pass no change on, and their gradient is 0.",
    "Choose a larger half width or window, dtype=float64, or look at Saturation in Curvature.",
    _of_losses("flat"),
)
ROUNDING = Oddity(
    "rounding",
    "The picture is grainy",
    "The relief is hardly larger than the rounding of the number format, whose steps are seen as terraces.",
    "Choose a larger half width or window, or dtype=float64.",
    _of_losses("rounding"),
)
CLIPPED = Oddity(
    "clipped",
    "The picture is cut off",
    "All columns share one range, so that heights compare. It ends where the flattest column would be too low to "
    "see, and higher walls are cut there; the corner says how far they go.",
    "Switch the shared scale off, or the log scale on, which cuts nothing.",
    _clipped,
)
GAPS = Oddity(
    "gaps",
    "The picture has gaps",
    "There the loss is infinite or NaN: outputs overflowed, mostly far from the center. Nothing is filled in.",
    "Choose a smaller half width, or dtype=float64, which overflows later.",
    _of_losses("gaps"),
)
SHELF = Oddity(
    "shelf",
    "There is a shelf at ≤ 0",
    "A log scale has no place for values of 0 or below. They stand on a shelf under the lowest positive value, "
    "whose height means nothing.",
    "Switch the log scale off.",
    _shelf,
)
LOWER = Oddity(
    "lower",
    "The center is not the lowest point",
    "Training stopped elsewhere: on a slope, at a saddle, or in a valley that falls slowly. In a plane of random "
    "directions a lower point close by is common in wide networks.",
    _lowest,
    _lower,
)
NO_MINIMUM = Oddity(
    "steep",
    "The center is no minimum",
    f"The gradient there is longer than {STEEP:g}, so that the loss still falls in some direction, which this "
    "plane may hold or not.",
    _nearer,
    _steep,
)
OF_SURFACES = (
    FLAT,
    ROUNDING,
    CLIPPED,
    GAPS,
    SHELF,
    LOWER,
    NO_MINIMUM,
)  # and of lines: wherever losses are drawn as heights
