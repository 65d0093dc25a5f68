"""ALTERNATIVES: what a picture shows, in a sentence with its key numbers, for those who do not see it."""

import math
from collections.abc import Callable

import numpy as np

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.ticks import interval, number
from lossatlas.app.look.view import FLATNESS, View
from lossatlas.app.panels import PANELS
from lossatlas.compute.analyses.summaries import mean_of, shares
from lossatlas.compute.numerics.activity import MEASURES
from lossatlas.compute.numerics.classes import RULES

MOST_LETTERS = 700  # a screen reader reads all of them


def told(panel: str, result, view: View) -> str:
    """The key numbers, and the picture's caption; panel and column are the picture's name."""
    numbers = ALTERNATIVES[PANELS[panel].analysis](result, view)
    words = ". ".join(part for part in (numbers.rstrip("."), PANELS[panel].picture.caption(result, view)) if part)
    words = f"{words[:1].upper()}{words[1:]}."
    return words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…"


def _range(values: np.ndarray, what: str) -> str:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return f"no finite {what}"
    return f"{what} from {number(finite.min())} to {number(finite.max())}"


def of_slice(result, view: View) -> str:
    """The loss at the center, where on the plane it is least, and its range."""
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return why
    row, column = np.unravel_index(np.nanargmin(values), values.shape)
    a_low, a_high, b_low, b_high = (float(axis[end]) for axis in (result.a, result.b) for end in (0, -1))
    what = parts.title(view)
    least = f"the lowest value {number(float(values[row, column]))} at {_point(result.a[row], result.b[column])}"
    return (
        f"loss {number(result.center_loss)} at the center, {_range(values, what)}, {least}, over "
        f"{interval(a_low, a_high)} × {interval(b_low, b_high)}, {len(result.a)} by {len(result.b)} points"
    )


def _point(a: float, b: float) -> str:
    return f"({number(float(a))}, {number(float(b))})"


def of_line(result, view: View) -> str:
    values = parts.quantity(result, view)
    if why := parts.nothing(values, view):
        return why
    least = int(np.nanargmin(values))
    ends = f"{number(float(values[0]))} at the left end, {number(float(values[-1]))} at the right"
    return (
        f"loss {number(result.center_loss)} at the center, {ends}, the lowest {parts.title(view)} "
        f"{number(float(values[least]))} at {number(float(result.axis[least]))}, along "
        f"{interval(float(result.axis[0]), float(result.axis[-1]))}"
    )


def of_training(result, view: View) -> str:
    """Where the training began and ended, on both parts."""
    if not len(result.step):
        return "nothing was recorded"
    curves = (("training loss", result.train_loss), ("test loss", result.test_loss))
    parts_told = [
        f"{name} from {number(float(curve[0]))} to {number(float(curve[-1]))}"
        for name, curve in curves
        if np.isfinite(curve[[0, -1]]).all()
    ]
    end = f"gradient norm {number(float(result.gradient_norm[-1]))} at the end"
    return f"over {int(result.step[-1]):,} steps, {', '.join([*parts_told, end])}"


def of_spectrum(result, view: View) -> str:
    below, zero, above = (f"{float(count):,.0f}" for count in result.counts)
    rough = "" if len(result.eigenvalues) else "about "
    return (
        f"{result.parameters:,} eigenvalues from {number(float(result.smallest[0]))} to "
        f"{number(float(result.largest[0]))}, {rough}{below} below zero, {rough}{zero} that count as zero, "
        f"{rough}{above} above; trace {number(result.trace)}"
    )


def of_evolution(result, view: View) -> str:
    largest = result.largest[:, 0]
    known = np.flatnonzero(np.isfinite(largest))
    if not len(known):
        return "no second derivative is finite"
    first, last, top = known[0], known[-1], known[np.argmax(largest[known])]
    return (
        f"the largest eigenvalue goes from {number(float(largest[first]))} at step {result.step[first]:,} to "
        f"{number(float(largest[last]))} at step {result.step[last]:,}, with its greatest value "
        f"{number(float(largest[top]))} at step {result.step[top]:,}"
    )


def of_sharpness(result, view: View) -> str:
    def ends(values: np.ndarray, unit: str) -> str:
        return f"{number(float(values[0]))}{unit} to {number(float(values[-1]))}{unit}"

    radii = f"radii from {number(float(result.radii[0]))} to {number(float(result.radii[-1]))}"
    most = f", largest eigenvalue {number(result.largest)}" if math.isfinite(result.largest) else ""
    return f"over {radii} SAM's rise goes from {ends(result.sam, '')}, Keskar's from {ends(result.keskar, ' %')}{most}"


def of_saturation(result, view: View) -> str:
    """Each layer's mean at the point reached."""
    measure = MEASURES[result.measure].label
    layers = [
        f"layer {number_} {number(float(value))}" for number_, value in enumerate(result.layer_saturation[-1], 1)
        if np.isfinite(value)
    ]  # fmt: skip
    flat = [f"layer {number_} {100 * float(value):.0f} %" for number_, value in enumerate(result.layer_flat[-1], 1)]
    first = f"saturation ({measure}) {', '.join(layers)}; " if layers else ""
    return f"{first}flat {', '.join(flat)}; {int(result.dead.sum())} of {len(result.dead)} units dead"


def of_replicates(result, view: View) -> str:
    """How many seeds, and the two quantities that are drawn."""
    against = getattr(result, view.against)
    return (
        f"{parts.counted(len(result.seed), 'seed')}, {_range(result.saturation, 'saturation')}, "
        f"{_range(against, FLATNESS[view.against])}, {_range(result.train_loss, 'training loss')}"
    )


def of_cloud(result, view: View) -> str:
    """How many points, where they lie, and their classes by the rule in use."""
    W, S = result.loss.shape
    where = f"{_range(result.loss, 'loss')}, {_range(result.gradient_norm, 'gradient norm')}"
    ends = f"mean loss at the end of a walk {number(mean_of(result.loss[:, -1]).mean)}"
    if not result.looked.size:
        return f"{W * S:,} points of {parts.counted(W, 'walk')}, {where}; {ends}; no point is classified"
    tolerance = RULES[view.rule].tolerance if isinstance(view.tolerance, str) else view.tolerance
    found = shares(result, view.rule, tolerance)
    classes = ", ".join(f"{100 * one.share:.0f} % {name}" for name, one in found.items() if one.share > 0)
    return f"{W * S:,} points of {parts.counted(W, 'walk')}, {where}; {ends}; of the classified points {classes}"


def of_boundary(result, view: View) -> str:
    """How many steps, and how well the network says what the patterns are at both ends."""
    moments = parts.counted(len(result.step), "recorded step")
    shares = result.accuracy[np.isfinite(result.accuracy)]
    if not len(shares):
        return f"fitted function over {moments}, {_range(result.output[-1], 'output at the end')}"
    right = f"{number(100 * float(shares[0]))} % of the training patterns right at the start"
    return f"decision boundary over {moments}, {right}, {number(100 * float(shares[-1]))} % at the end"


def of_weights(result, view: View) -> str:
    """How many parameters, and the largest at the end."""
    last = result.theta[-1]
    most = int(np.nanargmax(np.abs(last)))
    largest = f"the largest in size {result.names[most]} with {number(float(last[most]))}"
    return f"{parts.counted(len(last), 'parameter')} at the end of {_steps(result)}, {largest}"


def _steps(result) -> str:
    return parts.counted(int(result.step[-1]), "step")


def of_weight_slices(result, view: View) -> str:
    """Along which single weight the loss rises most, and along which least."""
    rise = result.loss.max(1) - result.loss[:, len(result.axis) // 2]
    most, least = int(np.nanargmax(rise)), int(np.nanargmin(rise))
    center = number(float(result.loss[0, len(result.axis) // 2]))
    return (
        f"loss {center} at the center of {parts.counted(len(rise), 'curve')}, one a parameter; within "
        f"±{number(float(result.axis[-1]))} it rises most along {result.names[most]}, by {number(float(rise[most]))}, "
        f"and least along {result.names[least]}, by {number(float(rise[least]))}"
    )


def of_morph(result, view: View) -> str:
    """The loss at the center of the first and of the last frame, and of all."""
    frames = (
        f"{parts.counted(len(result.values), 'frame')} from {result.spec.letter} = {number(float(result.values[0]))}"
    )
    ends = f"{number(float(result.center_loss[0]))} in the first, {number(float(result.center_loss[-1]))} in the last"
    return (
        f"{frames} to {number(float(result.values[-1]))}; loss at the center {ends}; "
        f"{_range(parts.quantity(result, view), parts.title(view))} over all frames"
    )


ALTERNATIVES: dict[str, Callable[..., str]] = {  # by analysis: small multiples tell what their own cloud does
    "slice": of_slice,
    "line": of_line,
    "training": of_training,
    "spectrum": of_spectrum,
    "evolution": of_evolution,
    "sharpness": of_sharpness,
    "saturation": of_saturation,
    "replicates": of_replicates,
    "cloud": of_cloud,
    "boundary": of_boundary,
    "weights": of_weights,
    "weight_slices": of_weight_slices,
    "morph": of_morph,
}
