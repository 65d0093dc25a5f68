"""How far a picture reaches, and how that was chosen."""

import math
from dataclasses import replace

import numpy as np
import torch

from lossatlas.compute.numerics.kernels.plan import losses_at
from lossatlas.compute.numerics.loss import Loss

JUDGED = 2000  # patterns that decide how far a picture should reach (chosen by eye)
RUNGS = 6  # of the ladder at a time, the first of which is the center
LADDER = tuple(m * 10.0**e for e in range(-3, 3) for m in (1, 1.5, 2, 3, 5, 7))


def symmetric_axis(extent: float, points: int) -> np.ndarray:
    """(S,) evenly spaced, 0 exactly at S // 2 and ∓extent exactly at the ends."""
    half = points // 2
    return extent * (np.arange(-half, half + 1) / half)


def path_fits(path: np.ndarray) -> tuple[float, str]:
    """A half width that holds a path (T, 2), and a sentence that says so."""
    extent = _rung(1.15 * float(np.abs(path).max()))
    return extent, f"Half width {extent:g}: the whole path fits."


def start_to_end(path: np.ndarray) -> tuple[float, str]:
    """A half width that holds −1 and 0, and a sentence that says what lies there."""
    return 1.5, "Half width 1.5: the initial point lies at −1, the end at 0."


def _rung(least: float) -> float:
    """The smallest round number not below `least`."""
    for step in LADDER:
        if step >= least:
            return step
    return math.ceil(least)


def rising(loss: Loss, part: str, state: np.ndarray) -> tuple[float, str]:
    """The smallest round half width at whose edge the median loss of eight directions stands above the center's by
    the loss of a network that outputs zero: far enough to see the walls, near enough to see the basin (chosen by eye).

    The loss is taken over at most JUDGED patterns, from the inside outwards, until the width is found.
    """
    few = replace(loss, parts={name: some.first(JUDGED) for name, some in loss.parts.items()})
    turns = np.arange(8) * math.pi / 4
    ring = np.stack([np.cos(turns), np.sin(turns)], 1)
    zero = float(loss.problem.criterion.values(torch.zeros_like(few.parts[part].y), few.parts[part].y).double().mean())
    ladder, medians = np.array([0.0, *(step for step in LADDER if 0.05 <= step <= 50)]), list[float]()
    for begin in range(0, len(ladder), RUNGS):
        radii = ladder[begin : begin + RUNGS]
        coordinates = (radii[:, None, None] * ring).reshape(-1, 2)
        values = losses_at(few, state[0], state[1:], coordinates, part)[0]
        medians.extend(np.median(values.reshape(-1, 8), axis=1))
        enough = np.array(medians[1:]) - medians[0] >= zero
        if enough.any():
            extent = float(ladder[1 + np.argmax(enough)])
            how = "there the data term has risen by that of a network that outputs zero."
            return extent, f"Half width {extent:g}: {how}"
    return 1.0, "Half width 1: up to 50 the data term does not rise by that of a network that outputs zero."
