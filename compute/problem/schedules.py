"""SCHEDULES: how the learning rate changes during a training, as a literal table. A new one is a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CONSTANT = "constant"


@dataclass(frozen=True)
class Schedule:
    """`share(step, steps)`: of the learning rate, at steps (S,) counted from 0 of so many. `note` and `source`: of what
    was chosen. `also`: what else the field calls it.
    """

    label: str
    share: Callable[[np.ndarray, int], np.ndarray]
    note: str
    source: str
    also: tuple[str, ...] = ()


def _constant(step: np.ndarray, steps: int) -> np.ndarray:
    return np.ones(len(step))


def _falling(step: np.ndarray, steps: int) -> np.ndarray:
    return 0.1 ** ((2 * step >= steps).astype(float) + (4 * step >= 3 * steps))


def _cosine(step: np.ndarray, steps: int) -> np.ndarray:
    return (1 + np.cos(np.pi * step / steps)) / 2


def _rising(step: np.ndarray, steps: int) -> np.ndarray:
    return np.minimum(1.0, (step + 1) / max(1.0, steps / 10))


SCHEDULES: dict[str, Schedule] = {
    CONSTANT: Schedule("constant", _constant, "The same at every step.", "Robbins & Monro 1951, without their fall"),
    "step": Schedule(
        "in steps", _falling, "A tenth from half of the steps on, a hundredth from three quarters on.",
        "He, Zhang, Ren & Sun 2016, section 4.2", also=("step_lr", "multistep", "multi_step_lr", "staircase"),
    ),
    "cosine": Schedule(
        "cosine", _cosine, "Falls from the whole to 0 along half a cosine.",
        "Loshchilov & Hutter 2017, without restarts", also=("cosine_annealing", "cosine_annealing_lr", "cosine_decay"),
    ),
    "warmup": Schedule(
        "warm-up", _rising, "Rises evenly over the first tenth of the steps.",
        "Goyal et al. 2017, section 2.2", also=("linear_warmup", "warm_up"),
    ),
}  # fmt: skip
