"""PLACES: what the page can show, one place at a time, as a literal table. A new place is one line here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A tab of the page. Its rows are the panels that name it as theirs, below those it `borrows` from other places.

    Attributes:
        label: of its tab. key: of the keyboard. about: the paragraphs about it in the help.
        head: the panel whose answer gives the numbers at a column's head, and whose question is the place's own.
        played: moments of a training are watched here, so that pictures hold all of them.
        morphs: columns go from one activation to another, and are called so.
        beyond: what its questions take beside losses, as the estimated cost says it.
    """

    label: str
    key: str
    about: tuple[str, ...]
    head: str
    borrows: tuple[str, ...] = ()
    played: bool = False
    morphs: bool = False
    beyond: str = ""


PLACES = {
    "landscape": Place(
        "Landscape", "1", (
            "Each column is one network, equal but for its activation function. The surface is the loss around the "
            "point that training reached: the center is that point, height and colour are the loss when all weights "
            "move along two directions. Below it stand the loss along the first direction alone, and the training "
            "that led there.",
            "A plane shows two of many directions; another direction seed may look different. The address of the "
            "page holds the whole question: whoever opens it sees the same picture.",
            "Drag a surface to turn it, right-drag to move it, Ctrl and wheel to come closer, double click to go back.",
        ), head="training",
    ),
    "curvature": Place(
        "Curvature", "2", (
            "The second place, Curvature, shows the eigenvalues of the loss's Hessian, how they change along the "
            "training, how far the loss can rise nearby, what the hidden units do, and what several seeds have in "
            "common. A click on a surface there takes the eigenvalues at that point.",
        ), head="spectrum", borrows=("slice",), beyond=" and the curvature",
    ),
    "clouds": Place(
        "Clouds", "3", (
            "The third place, Clouds, shows every point that walks visit, by its loss and gradient norm. Drag a "
            "rectangle over points to learn what they are, and Zoom in to see them alone; click a point to look at the "
            "loss, or at the spectrum, around it. Its curvature is judged by the full Hessian, or by one Hessian for "
            "each weight tensor: as in the study, in float32 and with only an exact 0 for zero, or in float64 with a "
            "tolerance. The study's rule names most points by the last bits of float32: in round brackets stand the "
            "shares by other orders of weights and solvers. Both leave out all curvature between tensors, so that with "
            "a convex loss no point of a ReLU network has a negative eigenvalue but by rounding: part of what makes it "
            '"most convex".',
        ), head="cloud",
    ),
    "training": Place(
        "Training", "4", (
            "The fourth place, Training, is for watching: Play, or the slider, moves through the recorded steps of the "
            "training in all columns at once. A dot moves on the surface, and the decision boundary or fitted function "
            "and the network's weights are those of the step. Columns that were recorded at other steps show their "
            "nearest one. A click on two curves of the loss along each weight, or on two edges of the network, offers "
            "the plane of these two weights.",
        ), head="training", borrows=("slice", "training"), played=True,
    ),
    "morph": Place(
        "Morph", "5", (
            "The fifth place, Morph, goes from each activation to another one, or over its own parameter, in frames: "
            "each trains a network of its own from the same initial weights, and looks at it along the same "
            "directions, on one scale. In the other places Mix with and its slider stay at one mixture.",
        ), head="morph", morphs=True,
    ),
}  # fmt: skip
FIRST = next(iter(PLACES))  # what the page shows unless its address names another
