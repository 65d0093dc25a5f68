"""Losses on a line or plane for a LeNet, by kernels that numba compiles, in float32 on a CPU."""

import math

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.kernels.fused import MOST_OUTPUTS, strips_of
from lossatlas.compute.numerics.loss import Loss
from lossatlas.compute.problem.layers import statistics_count
from lossatlas.compute.problem.nets import Problem

try:
    from lossatlas.compute.numerics.kernels import scalars, strips
except (ImportError, RuntimeError):  # as in fused.py
    AVAILABLE = False
else:
    AVAILABLE = True

STRIPS = 16  # at a time: 4 MB of padded images


def serves(loss: Loss, center: np.ndarray) -> bool:
    """LeNets in float32, if numba is there and knows their activation and criterion; with BatchNorm, if its statistics
    are given beside theta.
    """
    problem = loss.problem
    return (
        AVAILABLE
        and problem.convolutions == 2
        and (problem.norm == "none" or len(center) > problem.parameters)
        and problem.dtype == "float32"
        and not problem.mixed
        and problem.activation in scalars.SCALARS
        and scalars.scores(problem.loss)
        and problem.outputs <= MOST_OUTPUTS
        and loss.parts["train"].x.device.type == "cpu"
    )


@torch.no_grad()
def losses_at(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term and accuracy at the points center + coordinates @ directions.

    Args:
        center: (P,), or (P + Q,) with the statistics of BatchNorm. directions: (D, P) or (D, P + Q).
        coordinates: (G, D).
        accuracy: count right answers too; without it the second array is empty.

    Returns:
        Two float64 arrays (G,) and (G,) or (0,). A point's values do not depend on the other points.
    """
    problem, where = loss.problem, loss.parts[part]
    given = np.concatenate([center[None], directions]).astype(np.float32)  # (1 + D, P)
    t = np.array(coordinates, dtype=np.float32, order="C")
    counted = accuracy and where.labels is not None
    losses, rights, raw = np.zeros(len(t)), np.zeros(len(t)), np.empty(given.shape[1], np.float32)
    shape, windows, sizes = _plan(problem)
    act, criterion = scalars.activation_pass(problem.activation), scalars.criterion_pass(problem.loss)
    for begin in range(0, len(where), STRIPS * strips.LANES):
        x, y, valid = strips_of(where, slice(begin, begin + STRIPS * strips.LANES))
        strips.add_images(
            _padded(problem, x), given.ravel(), t, y.flatten().numpy(), shape, windows, sizes, valid,
            np.float32(problem.parameter_value), act, criterion, counted, np.float32(problem.criterion.cut),
            problem.norm == "batch", *_scratch(problem), raw, losses, rights,
        )  # fmt: skip
    terms = len(where) * (1 if problem.criterion.coupled else problem.outputs)
    if not terms:
        return np.full(len(t), np.nan), np.full(len(t) if counted else 0, np.nan)
    return losses / terms, rights / len(where) if counted else np.empty(0)


def _plan(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`shape`, `windows` and `sizes` of strips.add_images."""
    shape, windows = [], []
    for layer in problem.layers:
        if not layer.side:
            break
        filters, channels, kernel, _ = layer.shape
        padded = layer.side + 2 * layer.padding
        shape.append((filters, channels, kernel, padded, padded - kernel + 1))
        channel, row, column = np.indices((channels, kernel, kernel))
        windows.append(((channel * padded + row) * padded + column).ravel())
    dense = [layer for layer in problem.layers if not layer.side]
    return np.array(shape), np.concatenate(windows), np.array([dense[0].fan_in, *(layer.units for layer in dense)])


def _padded(problem: Problem, x: list[Tensor]) -> np.ndarray:
    """Arrays (some strips, LANES, side²) as one (strips, padded, padded, LANES), flat."""
    first = problem.layers[0]
    square = torch.cat([some.mT for some in x]).unflatten(1, (first.side, first.side))  # (strips, side, side, LANES)
    edge = [0, 0, first.padding, first.padding, first.padding, first.padding]
    return torch.nn.functional.pad(square, edge).flatten().numpy()


def _scratch(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`space`, `pair` and `wide` of strips.add_images."""
    lanes, layers = strips.LANES, problem.layers
    widest = max(layer.numbers // (4 if layer.side else 1) for layer in layers)
    pair = max(2 * layer.units * math.isqrt(layer.places) for layer in layers if layer.side)
    space = np.empty((2 * widest + 4) * lanes + statistics_count(layers) + problem.parameters, np.float32)
    return space, np.empty(pair * lanes, np.float32), np.empty(3 * lanes)
