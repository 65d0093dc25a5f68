"""Losses on a line or plane by kernels that numba compiles: the fastest path for plain MLPs in float32 on a CPU.

As in numerics.kernels.affine the first layer is a sum of stored responses. Here all that follows for 64 patterns, up to
their loss, happens before the next 64 are looked at, and nothing of it leaves the caches. Without numba nothing is
served and the other paths answer.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import WIDEST
from lossatlas.compute.numerics.loss import Loss, Part
from lossatlas.compute.problem.nets import Problem, split

try:
    from lossatlas.compute.numerics.kernels import scalars, strips
except (ImportError, RuntimeError):  # RuntimeError: numba finds no folder that it may keep compiled code in
    AVAILABLE = False
else:
    AVAILABLE = True

# Below, most of a strip is empty: a point on 4 patterns takes 0.25 µs here, 0.16 by the affine path; on 16, 0.26 and
# 0.59 (benchmarks.tune).
FEWEST = 16
MOST_OUTPUTS = 100  # a pattern's product of 1 + e, e ≤ 1, over the outputs is kept in float32
RESPONSES = 1 << 20  # bytes of first responses at a time; more helps wide layers, little else (benchmarks.tune)


def serves(loss: Loss, center: np.ndarray) -> bool:
    """Plain MLPs in float32 on a CPU, if numba is there and their activation and criterion are in its tables."""
    where = loss.parts["train"]
    return knows(loss.problem) and where.x.device.type == "cpu" and len(where) >= FEWEST


def knows(problem: Problem) -> bool:
    """Whether there are kernels for the problem's network."""
    return (
        AVAILABLE
        and problem.plain
        and problem.dtype == "float32"
        and not problem.mixed
        and problem.activation in scalars.SCALARS
        and scalars.scores(problem.loss)
        and max(problem.hidden, default=0) <= WIDEST
        and problem.outputs <= MOST_OUTPUTS
    )


def warm(problem: Problem) -> None:
    """Compile what a problem needs, a second or two each time something changed, or load it from disk."""
    if knows(problem):
        nothing, (act, criterion) = np.empty(0, np.float32), passes(problem)
        strips.add_block(
            nothing, nothing, np.empty((0, 2), np.float32), nothing, np.array(problem.sizes[1:]), strips.LANES,
            np.float32(0), act, criterion, False, np.float32(0), *strips.scratch(problem.sizes[1:], 0),
            np.empty(0), np.empty(0),
        )  # fmt: skip


@torch.no_grad()
def losses_at(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term and accuracy at the points center + coordinates @ directions.

    Args:
        center: (P,). directions: (D, P). coordinates: (G, D).
        accuracy: count right answers too; without it the second array is empty.

    Returns:
        Two float64 arrays (G,) and (G,) or (0,). A point's values do not depend on the other points.
    """
    problem, where = loss.problem, loss.parts[part]
    given = torch.as_tensor(np.concatenate([center[None], directions]), dtype=torch.float32)  # (1 + D, P)
    t = np.array(coordinates, dtype=np.float32, order="C")
    counted = accuracy and where.labels is not None
    losses, rights = np.zeros(len(t)), np.zeros(len(t))
    act, criterion = passes(problem)
    weight, bias = split(problem.shapes, given)[0]  # (1 + D, H, inputs), (1 + D, H)
    later = given[:, weight[0].numel() + bias[0].numel() :].flatten().numpy()
    scratch = strips.scratch(problem.sizes[1:], len(later) // len(given))
    size = _block(problem, len(given))
    for begin in range(0, len(where), size):
        x, y, valid = strips_of(where, slice(begin, begin + size))
        response = weight.flatten(0, 1) @ x.mT + bias.flatten()[:, None]  # (strips, (1 + D) · H, LANES)
        strips.add_block(
            response.flatten().numpy(), later, t, y.flatten().numpy(), np.array(problem.sizes[1:]), valid,
            np.float32(problem.parameter_value), act, criterion, counted, np.float32(problem.criterion.cut),
            *scratch, losses, rights,
        )  # fmt: skip
    terms = len(where) * (1 if problem.criterion.coupled else problem.outputs)
    if not terms:
        return np.full(len(t), np.nan), np.full(len(t) if counted else 0, np.nan)
    return losses / terms, rights / len(where) if counted else np.empty(0)


def passes(problem: Problem) -> tuple[Any, Any]:
    """Activation and criterion, compiled or loaded from disk."""
    name = problem.activation if problem.hidden else "identity"
    return scalars.activation_pass(name), scalars.criterion_pass(problem.loss)


def _block(problem: Problem, vectors: int) -> int:
    """Patterns at a time."""
    across = 4 * vectors * problem.sizes[1] * strips.LANES
    count = max(1, min(RESPONSES // across, strips.MOST_FACTORS // problem.outputs))
    return count * strips.LANES


def strips_of(where: Part, rows: slice) -> tuple[Tensor, Tensor, int]:
    """Inputs (strips, LANES, inputs) and targets (strips, K, LANES) of some patterns, and how many the first strip has.

    The first strip is filled up with the first pattern.
    """
    x, y = where.x[rows], where.y[rows]
    valid = len(x) % strips.LANES or strips.LANES
    if valid < strips.LANES:
        fill = torch.zeros(strips.LANES - valid, dtype=torch.int64)
        order = torch.cat([torch.arange(valid), fill, torch.arange(valid, len(x))])
        x, y = x[order], y[order]
    return (
        x.unflatten(0, (-1, strips.LANES)),
        y.unflatten(0, (-1, strips.LANES)).transpose(1, 2).contiguous(),
        valid,
    )
