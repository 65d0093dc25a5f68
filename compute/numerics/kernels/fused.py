"""Losses on a line or plane by kernels that numba compiles: the fastest path for MLPs in float32 on a CPU.

As in numerics.kernels.affine the first layer is a sum of stored responses. Here all that follows for 64 patterns, up to
their loss, happens before the next 64 are looked at, and nothing of it leaves the caches. Without numba nothing is
served and the other paths answer.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import WIDEST
from lossatlas.compute.numerics.loss import Loss, Part
from lossatlas.compute.problem.nets import Problem

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
KEPT, PICTURES = 1 << 24, 3  # bytes of a picture's responses, and of how many, that a process keeps
Block = tuple[np.ndarray, np.ndarray, int]  # `response`, `y` and `valid` of strips.add_block
RESPONSES = 1 << 20  # bytes of first responses at a time; more helps wide layers, little else (benchmarks.tune)


def serves(loss: Loss, center: np.ndarray) -> bool:
    """MLPs in float32 on a CPU, if numba is there and their activation and criterion are in its tables; with BatchNorm,
    if its statistics are given beside theta.
    """
    where = loss.parts["train"]
    given = loss.problem.norm == "none" or len(center) > loss.problem.parameters
    return given and knows(loss.problem) and where.x.device.type == "cpu" and len(where) >= FEWEST


def knows(problem: Problem) -> bool:
    """Whether there are kernels for the problem's network."""
    return (
        AVAILABLE
        and not problem.convolutions
        and not problem.layers[0].skip
        and len({layer.norm for layer in problem.layers[:-1]}) < 2
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
            np.float32(0), act, criterion, False, np.float32(0), False, _skips(problem),
            *strips.scratch(problem.sizes[1:], 0), np.empty(0), np.empty(0),
        )  # fmt: skip


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
    given = torch.as_tensor(np.concatenate([center[None], directions]), dtype=torch.float32)  # (1 + D, P)
    t = np.array(coordinates, dtype=np.float32, order="C")
    counted = accuracy and where.labels is not None
    losses, rights = np.zeros(len(t)), np.zeros(len(t))
    act, criterion = passes(problem)
    cut = math.prod(problem.shapes[0]) + problem.sizes[1]
    later = given[:, cut:].flatten().numpy()
    scratch = strips.scratch(problem.sizes[1:], len(later) // len(given))
    normed, skips = problem.norm == "batch", _skips(problem)
    for response, y, valid in _blocks(FirstLayer(where, given[:, :cut].clone(), problem)):
        strips.add_block(
            response, later, t, y, np.array(problem.sizes[1:]), valid, np.float32(problem.parameter_value), act,
            criterion, counted, np.float32(problem.criterion.cut), normed, skips,
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


def _skips(problem: Problem) -> np.ndarray:
    return np.array([layer.skip for layer in problem.layers])


class FirstLayer:
    """Weights and biases of center and directions (1 + D, P₁), and the patterns that they are to see. Two are equal
    where these are the same object and the numbers the same; a kept one keeps its patterns, and so their id.
    """

    def __init__(self, where: Part, given: Tensor, problem: Problem):
        self.where, self.given, self.shape, self.outputs = where, given, problem.shapes[0], problem.outputs
        self._known = (id(where.x), id(where.y), self.shape, given.numpy().tobytes())

    def __hash__(self) -> int:
        return hash(self._known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FirstLayer) and self._known == other._known

    @property
    def bytes(self) -> int:
        """Of all responses."""
        return 4 * len(self.given) * self.shape[0] * len(self.where)

    def blocks(self) -> Iterator[Block]:
        """Block after block of the patterns."""
        split_at = math.prod(self.shape)
        weight, bias = self.given[:, :split_at].unflatten(1, self.shape), self.given[:, split_at:]
        across = 4 * len(self.given) * self.shape[0] * strips.LANES
        size = strips.LANES * max(1, min(RESPONSES // across, strips.MOST_FACTORS // self.outputs))
        for begin in range(0, len(self.where), size):
            x, y, valid = strips_of(self.where, slice(begin, begin + size))
            response = torch.cat([weight.flatten(0, 1) @ some.mT for some in x])  # (strips, (1 + D) · H, LANES)
            response += bias.flatten()[:, None]
            yield response.flatten().numpy(), y.flatten().numpy(), valid


def _blocks(first: FirstLayer) -> Iterable[Block]:
    """Every task of a picture begins with the same responses, so that the last few are kept."""
    return kept_blocks(first) if first.bytes <= KEPT else first.blocks()


@functools.lru_cache(maxsize=PICTURES)
def kept_blocks(first: FirstLayer) -> list[Block]:
    return list(first.blocks())


def strips_of(where: Part, rows: slice) -> tuple[list[Tensor], Tensor, int]:
    """Inputs as one or two arrays (some strips, LANES, inputs), targets (strips, K, LANES) of some patterns, and how
    many the first strip has.

    The first strip is filled up with the first pattern; it stands alone then, so that the others are not copied.
    """
    x, y = where.x[rows], where.y[rows]
    valid = len(x) % strips.LANES
    if not valid:
        return [_in_strips(x)], _in_strips(y).transpose(1, 2).contiguous(), strips.LANES
    order = torch.tensor([*range(valid), *[0] * (strips.LANES - valid)])
    targets = torch.cat([y[order], y[valid:]])
    return [_in_strips(x[order]), _in_strips(x[valid:])], _in_strips(targets).transpose(1, 2).contiguous(), valid


def _in_strips(rows: Tensor) -> Tensor:
    return rows.unflatten(0, (-1, strips.LANES))
