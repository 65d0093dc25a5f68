"""One forward pass a point: the reference that the fast paths are held against, and what serves everything."""

import numpy as np
import torch

from lossatlas.compute.numerics.loss import Loss


def serves(loss: Loss, center: np.ndarray) -> bool:
    return True


def losses_at(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term (G,) and accuracy (G,) or (0,), float64, at the points center + coordinates @ directions.

    Points (P,) take BatchNorm's statistics from all training patterns, each anew; points (P + Q,) bring their own.
    """
    count, dtype = loss.problem.parameters, loss.parts[part].x.dtype
    found = np.empty((2, len(coordinates)))
    for place, here in enumerate(coordinates):
        point = torch.as_tensor(center + here @ directions).to(dtype)
        statistics = point[count:] if len(point) > count else None
        found[:, place] = [float(value) for value in loss.measure(point[:count], part, statistics)]
    return found[0], found[1] if accuracy and loss.parts[part].labels is not None else np.empty(0)
