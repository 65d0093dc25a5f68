"""ODD: why a picture may look odd and what to do about it, by a word for each kind; and how each kind is found.

Kinds are found from an answer's numbers and the view, never from the sentences that warn of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.table import name_of
from lossatlas.compute.numerics.paths.train import STEEP


@dataclass(frozen=True)
class Oddity:
    """`why` it happens, and what to `do`."""

    title: str
    why: str
    do: str


ODD = {
    "flat": Oddity(
        "The picture is flat",
        "All losses agree to rounding. The part shown is too small for the number format, or nothing changes there: "
        "saturated or dead units pass no change on, and their gradient is 0.",
        "Choose a larger half width or window, dtype=float64, or look at Saturation in Curvature.",
    ),
    "rounding": Oddity(
        "The picture is grainy",
        "The relief is hardly larger than the rounding of the number format, whose steps are seen as terraces.",
        "Choose a larger half width or window, or dtype=float64.",
    ),
    "clipped": Oddity(
        "The picture is cut off",
        "All columns share one range, so that heights compare. It ends where the flattest column would be too low to "
        "see, and higher walls are cut there; the corner says how far they go.",
        "Switch the shared scale off, or the log scale on, which cuts nothing.",
    ),
    "gaps": Oddity(
        "The picture has gaps",
        "There the loss is infinite or NaN: outputs overflowed, mostly far from the center. Nothing is filled in.",
        "Choose a smaller half width, or dtype=float64, which overflows later.",
    ),
    "shelf": Oddity(
        "There is a shelf at ≤ 0",
        "A log scale has no place for values of 0 or below. They stand on a shelf under the lowest positive value, "
        "whose height means nothing.",
        "Switch the log scale off.",
    ),
    "lower": Oddity(
        "The center is not the lowest point",
        "Training stopped elsewhere: on a slope, at a saddle, or in a valley that falls slowly. In a plane of random "
        "directions a lower point close by is common in wide networks.",
        "Train longer, or lower the learning rate. Directions: sharpest eigenvectors show the saddle, if it is one.",
    ),
    "steep": Oddity(
        "The center is no minimum",
        f"The gradient there is longer than {STEEP:g}, so that the loss still falls in some direction, which this "
        "plane may hold or not.",
        "Train longer, lower the learning rate, or leave mini-batches, whose steps never come to rest.",
    ),
    "raised": Oddity(
        "Training raised the loss",
        "Its steps are longer than the valley is wide, so that they climb the walls.",
        "Lower the learning rate or the initial range.",
    ),
    "diverged": Oddity(
        "Training diverged",
        "A loss or a weight became infinite or NaN; the curve ends before that step.",
        "Lower the learning rate or the initial range.",
    ),
    "still": Oddity(
        "The training is a straight line",
        "The loss did not change by more than a part in a thousand: the start lies on a plateau, as with saturated or "
        "dead units, or the steps are too short.",
        "Raise the learning rate, train longer, or lower the initial range.",
    ),
    "loose": Oddity(
        "Ends of the spectrum are uncertain",
        "Lanczos did not converge at every eigenvalue of the ends within its steps: a large one may be larger still.",
        "Ask for fewer eigenvalues (top), or for the exact spectrum where the network is small.",
    ),
    "zeros": Oddity(
        "There is no negative eigenvalue, or hardly any",
        "More than half of the eigenvalues count as zero: directions that change nothing on these patterns, as weights "
        "of dead or redundant units.",
        "This is common and no fault; Saturation shows dead units.",
    ),
    "overflowed": Oddity(
        "Some walks end early",
        "Their loss or gradient became infinite or NaN. They are kept as they are and not drawn beyond that point.",
        "Choose a smaller range or smaller steps.",
    ),
    "unclassified": Oddity(
        "Points have no curvature class",
        "Classes need the eigenvalues of a Hessian at each point, which is computed for a share of the points only, or "
        "for none in large networks and where the activation has no second derivative.",
        "Ask for a larger share (classified), a smaller network, or another colour.",
    ),
    "lost": Oddity(
        "Seeds are missing",
        "Their training diverged, so that there is no end to measure; means are over the others.",
        "Lower the learning rate or the initial range.",
    ),
}  # fmt: skip


def kinds(result, view: View, scale: Scale) -> list[str]:
    """What is odd about a picture, by the names of ODD and in its order."""
    found = {kind for kind, seen in SIGNS.get(name_of(result.spec), {}).items() if seen(result, view, scale)}
    if name_of(result.spec) in ("slice", "line"):
        lossless = {"lower"} if view.show in ("penalty", "accuracy") else set()
        found |= set(parts.oddities_of(result)) - lossless
    return [kind for kind in ODD if kind in found]


def told(result, view: View, scale: Scale) -> list[tuple[str, str, str]]:
    """Title, why and what to do, of everything odd about a picture."""
    return [(odd.title, odd.why, odd.do) for odd in (ODD[kind] for kind in kinds(result, view, scale))]


def _values(result, view: View) -> np.ndarray:
    """What is drawn; empty where nothing is."""
    values = parts.quantity(result, view)
    return np.empty(0) if parts.nothing(values, view) else values


def _clipped(result, view: View, scale: Scale) -> bool:
    values = _values(result, view)
    return bool(values.size) and bool(parts.cut(values, view, scale))


def _shelf(result, view: View, scale: Scale) -> bool:
    return view.logarithmic and bool((_values(result, view) <= 0).any())


def _steep(result, view: View, scale: Scale) -> bool:
    start, norm = result.spec.start, np.atleast_1d(result.gradient_norm)
    return bool(start.steps) and start.way.trained and bool(len(norm)) and bool(norm[-1] > STEEP)


def _went(result) -> np.ndarray:
    """The total training loss along a training, (T,)."""
    return result.train_loss + result.penalty


def _raised(result, view: View, scale: Scale) -> bool:
    total = _went(result)
    return result.spec.start.way.trained and len(total) > 1 and bool(total[-1] > total[0])


def _still(result, view: View, scale: Scale) -> bool:
    total = _went(result)
    return len(total) > 1 and bool(np.ptp(total) <= 1e-3 * np.abs(total).max())


def _loose(result, view: View, scale: Scale) -> bool:
    """A residual above 1 % of the largest eigenvalue in size."""
    worst = max(float(np.max(one, initial=0.0)) for one in (result.largest_residual, result.smallest_residual))
    return worst > 0.01 * max(float(np.abs(result.largest).max(initial=0.0)), 1e-300)


SIGNS: dict[str, dict[str, Callable[..., bool]]] = {
    "slice": {"clipped": _clipped, "shelf": _shelf, "steep": _steep},
    "line": {"clipped": _clipped, "shelf": _shelf, "steep": _steep},
    "training": {
        "steep": _steep, "raised": _raised, "still": _still,
        "diverged": lambda result, view, scale: result.diverged_at >= 0,
    },
    "spectrum": {
        "loose": _loose,
        "zeros": lambda result, view, scale: result.counts[1] > result.parameters / 2,
    },
    "cloud": {
        "overflowed": lambda result, view, scale: bool((result.broken_at >= 0).any()),
        "unclassified": lambda result, view, scale: view.tint == "class" and result.looked.size < result.loss.size,
    },
    "replicates": {"lost": lambda result, view, scale: bool(np.isnan(result.train_loss).any())},
}  # fmt: skip
