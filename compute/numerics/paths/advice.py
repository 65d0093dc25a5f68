"""What to change where the way to a point goes wrong: advice that fits the question, not the warning."""

import math

import numpy as np

from lossatlas.compute.numerics.paths.start import Start, Training
from lossatlas.compute.problem.initial import FIXED, INITS
from lossatlas.compute.problem.optimisers import OPTIMISERS

STEEP = 1e-2  # norm of the gradient above which an end is called no minimum (chosen by eye)
USUAL_RANGE = Start.init_range
ABOVE = 1e-3  # by which share an end must lie above the least loss on the way to be called overshot (chosen by eye)


def most_weighed(start: Start) -> float:
    """The learning rate times λ from which on the penalty alone makes steps grow: λ‖θ‖² bends by 2λ in every
    direction, and an optimiser that is stable on curvatures h up to rate · h = s is so up to rate · λ = s / 2.
    """
    return OPTIMISERS[start.optimiser].stable(*start.values) / 2


def smaller_start(spec: Training) -> str:
    """Where the first point already overflows."""
    start = spec.start
    if start.way.walks:
        return f"Lower the range of the walks (walk_range, now {start.walking.walk_range:g})."
    if start.init == "uniform":
        return f"Lower the initial range (init_range, now {start.init_range:g}) or the depth."
    return "Choose fewer layers."


def smaller_steps(spec: Training) -> str:
    """Where steps lead up or away."""
    start, weighed = spec.start, spec.start.rate * spec.problem.l2
    if start.way.walks:
        return (
            f"Lower the range of the walks (walk_range, now {start.walking.walk_range:g}), their longest step "
            f"(walk_size, now {start.walking.walk_size:g}) or the steps (now {start.steps:,})."
        )
    if weighed >= (most := most_weighed(start)):
        return (
            f"The penalty alone does it: rate · λ is {weighed:g}, and steps by {start.label} on λ‖θ‖² grow from "
            f"{most:g} on. Lower λ (l2, now {spec.problem.l2:g}) below {_down(most / start.rate):g}, or the learning "
            f"rate (now {start.rate:g}) below {_down(most / spec.problem.l2):g}."
        )
    wide = start.init == "uniform" and start.init_range > USUAL_RANGE
    more = f"; if that is not enough, the initial range (init_range, now {start.init_range:g})" if wide else ""
    return f"Lower the learning rate (now {start.rate:g}){more}."


def _down(bound: float) -> float:
    """The three leading digits of a number, so that what lies below them lies below it."""
    unit = 10.0 ** (math.floor(math.log10(bound)) - 2)
    return math.floor(bound / unit) * unit


def smaller_weights(spec: Training) -> str:
    """Where what follows from a point overflows there."""
    return smaller_steps(spec) if spec.start.steps else smaller_start(spec)


def settled(spec: Training) -> str:
    """Where a training ends on a slope, whatever its losses were."""
    if spec.start.batch:
        return "Choose batch=0: steps by mini-batches do not come to rest."
    return f"Train longer (steps, now {spec.start.steps:,}), or lower the learning rate (now {spec.start.rate:g})."


def nearer_minimum(spec: Training, total: np.ndarray) -> str:
    """Where a training ends on a slope, by its total losses (T,)."""
    if spec.start.batch:
        return settled(spec)
    if total[-1] > total.min() * (1 + ABOVE):
        return f"Its last steps overshot: lower the learning rate (now {spec.start.rate:g})."
    return f"Train longer (steps, now {spec.start.steps:,})."


def other_start(spec: Training, gradient_norm: np.ndarray) -> str:
    """Where a training hardly changes the loss, by its gradients' lengths (T,)."""
    start = spec.start
    if start.way.walks:
        return "Take longer steps (walk_size), or more of them (steps)."
    if start.init in FIXED:
        return f"From {INITS[start.init].label} no gradient leads away: choose other initial weights (init)."
    if gradient_norm[0] > STEEP:
        return f"Raise the learning rate (now {start.rate:g}), or train longer (steps, now {start.steps:,})."
    if start.init == "uniform" and start.init_range != USUAL_RANGE:
        way = "Lower" if start.init_range > USUAL_RANGE else "Raise"
        return f"{way} the initial range (init_range, now {start.init_range:g})."
    return "It begins on a plateau: choose another seed, or train longer."
