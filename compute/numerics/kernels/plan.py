"""The way a slice takes: the fastest path that serves its network and that agrees with the plain loop.

Before a path is first used for a problem it is compared with the plain loop on a few points of the problem's own
network and patterns. A path that is off is left out, with a line in the log, and the next one is tried.
"""

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.numerics.kernels import affine, fused, images, plain
from lossatlas.compute.numerics.kernels.agreement import excess, in_double
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem

POINTS, PATTERNS = 6, 192  # of the self-check: some ten milliseconds
FEWER = (
    2,
    65,
)  # where that would take LARGE multiplications, some seconds: a full strip of the kernels and a part of one
LARGE = 3e9


@dataclass(frozen=True)
class Path:
    """`serves(loss, center)`: whether it can; `losses_at`: as affine.losses_at."""

    serves: Callable[[Loss, np.ndarray], bool]
    losses_at: Callable[..., tuple[np.ndarray, np.ndarray]]


def _on_device(loss: Loss, center: np.ndarray) -> bool:
    return device() != "cpu" and affine.serves(loss, center)


def _by_device(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    return affine.losses_at(loss, center, directions, coordinates, part, accuracy, device())


def device() -> str:
    """Where slices are computed: `cuda` in a worker that the compute host gave a device, else `cpu`."""
    return os.environ.get("LOSSATLAS_DEVICE", "") or "cpu"


PATHS = {
    "device": Path(_on_device, _by_device),
    "fused": Path(fused.serves, fused.losses_at),
    "images": Path(images.serves, images.losses_at),
    "affine": Path(affine.serves, affine.losses_at),
    "plain": Path(plain.serves, plain.losses_at),
}


def losses_at(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term and accuracy at the points center + coordinates @ directions, by the path chosen for the network.

    Args:
        center: (P,), or (P + Q,) with the statistics of BatchNorm. directions: (D, P) or (D, P + Q).
        coordinates: (G, D).
        accuracy: count right answers too; without it the second array is empty.

    Returns:
        Two float64 arrays (G,) and (G,) or (0,).
    """
    name = chosen(loss.problem, len(center), len(directions))
    return PATHS[name].losses_at(loss, center, directions, coordinates, part, accuracy)


@functools.lru_cache(maxsize=256)
def chosen(problem: Problem, length: int, axes: int) -> str:
    """The path for points of a length, P or P + Q, on as many axes."""
    loss, names = make_loss(problem), [name for name in PATHS if name != "plain"]
    for name in names:
        if PATHS[name].serves(loss, np.empty(length)):
            off = worst(PATHS[name], loss, length, axes)
            if off <= 1.0:
                return name
            logging.getLogger(__name__).warning(
                "The %s path is off by %.2g times what is allowed on %s with %s; a slower one is used.",
                name, off, problem.architecture, problem.unit.label,
            )  # fmt: skip
    return "plain"


def worst(path: Path, loss: Loss, length: int, axes: int) -> float:
    """The path's largest error on a few points, as a multiple of what `excess` allows."""
    work = POINTS * PATTERNS * sum(layer.products for layer in loss.problem.layers)
    points, patterns = FEWER if work > LARGE else (POINTS, PATTERNS)
    few = replace(loss, parts={name: part.first(patterns) for name, part in loss.parts.items()})
    center, directions, coordinates = _probe(few, length, axes, points)
    args = (center.astype(loss.problem.dtype).astype(float), directions, coordinates, "train")
    mine, looped = path.losses_at(few, *args)[0], plain.losses_at(few, *args)[0]
    exact = plain.losses_at(in_double(few), *args)[0]
    return excess(mine, looped, exact, loss.problem.dtype)


def _probe(loss: Loss, length: int, axes: int, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A center (length,), directions (axes, length) of its own size, and coordinates (points, axes).

    Statistics move by a twentieth at most: a variance near 0 would magnify every rounding, the plain loop's too.
    """
    rng = np.random.default_rng(0)
    center = initial(loss.problem, 0, "auto", 1.0)
    if length > len(center):
        found = loss.statistics(torch.as_tensor(center).to(loss.parts["train"].x.dtype))
        center = np.concatenate([center, found.double().numpy()]) if found is not None else center
    count = loss.problem.parameters
    sizes = np.concatenate([np.full(count, np.sqrt(np.mean(center[:count] ** 2))), center[count:] / 20])
    directions = sizes * rng.uniform(-1, 1, (axes, length))
    return center, directions, rng.uniform(-1, 1, (points, axes))
