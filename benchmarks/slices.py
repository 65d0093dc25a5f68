"""How much faster than loss-landscapes is a slice, and how exact is it? Needs `make bench`, which installs the peer.

The same plane, network, patterns and loss for both: loss-landscapes walks its `planar_interpolation` from a corner of
the plane, as shipped, with `deepcopy_model=True` (without, it leaves the model moved). It is slow, so that it gets
fewer points of the plane; ours gets all 51×51 where that takes seconds. Both are given a point.

Errors are the largest relative ones against a plain float64 loop at the points that loss-landscapes really visits: of
every second row it labels each point one step too far (main.py: it adds a step before the points of an even row and
subtracts one before those of an odd one). Its parameters are a running float32 sum over the whole grid.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from loss_landscapes import planar_interpolation
from loss_landscapes.metrics import Loss as PeerLoss
from torch import nn

from benchmarks.machine import once, paired
from benchmarks.planes import plane
from benchmarks.table import Row, Skipped, report
from lossatlas.compute.numerics.kernels import affine, fused, plain, plan
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse

PEER = "loss-landscapes 3.0.6"
SIDE = 51
LONGEST = 6.0  # seconds that one of our runs may take
Losses = Callable[..., tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Work:
    """A network and its patterns, the points an axis that the peer gets, the ratio to it and the share of the
    machine's floor that are to be reached.
    """

    name: str
    query: str
    side: int
    gate: float
    least: float = math.nan


WIDE = Work("slice 784-10-10 tanh, 10,000", "dataset=mnist&test_share=0&widths=10", 11, 80, 0.6)
WORKS = (
    Work("slice XOR 2-2-1 tanh", "dataset=xor&widths=2", 51, 50),
    Work("slice Iris 4-4-3 tanh", "dataset=iris&widths=4", 51, 20),
    WIDE,
    Work("slice 784-128-64-10 tanh, 10,000", "dataset=mnist&test_share=0&widths=128-64", 7, 12, 0.75),
    Work("slice 784-128-64-10 ReLU, 10,000", "dataset=mnist&test_share=0&widths=128-64&activation=relu", 7, 15, 0.75),
    Work("slice LeNet 28×28 tanh, 2,000", "dataset=mnist&test_share=0&max_samples=2000&network=lenet", 4, 6, 0.65),
)


def rows() -> Iterator[Row | Skipped]:
    """A row for every network; the eager path, as without numba; and all again on CUDA where there is a device."""
    for work in WORKS:
        problem = parse(Problem, work.query)
        yield row(work, plan.losses_at, f"{plan.chosen(problem, problem.parameters, 2)} path")
    yield row(replace(WIDE, name=f"{WIDE.name}, no numba", gate=15, least=math.nan), affine.losses_at, "affine path")
    if not torch.cuda.is_available():
        yield Skipped("slices on CUDA", "torch finds no CUDA device")
        return
    for work in WORKS:
        on_device = partial(affine.losses_at, device="cuda")
        name = work.name.replace("slice", "CUDA")
        yield row(
            replace(work, name=name, gate=math.nan, least=math.nan), on_device, torch.cuda.get_device_name(), "cuda"
        )


def row(work: Work, losses_at: Losses, note: str, device: str = "cpu") -> Row:
    """Peer and ours in turn on one plane. On a CUDA device the clock is the wall's."""
    problem = parse(Problem, work.query)
    loss, double = make_loss(problem), make_loss(replace(problem, dtype="float64"))
    corner, sides = plane(problem)
    some, grid = visited(work.side), visited(SIDE)
    clock = time.process_time if device == "cpu" else time.perf_counter

    def ours(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fused.kept_blocks.cache_clear()  # each begins anew
        return losses_at(loss, corner, sides, points, part="train")

    mine = ours(some)[0]
    grid = grid[: SIDE * max(1, int(LONGEST / once(lambda: ours(grid[:SIDE]), clock)))]
    peer = peer_run(loss, corner, sides, work.side, device)
    theirs = peer().ravel()
    peer_seconds, our_seconds = paired(peer, lambda: ours(grid), clock=clock)
    exact, looped = (plain.losses_at(of, corner, sides, some, "train")[0] for of in (double, loss))
    peer_error, our_error, loop_error = (float(np.abs(values / exact - 1).max()) for values in (theirs, mine, looped))
    products, exponentials = needed(loss) if device == "cpu" else (0, 0)
    return Row(
        work.name, PEER, peer_seconds / len(some), our_seconds / len(grid), peer_error, our_error, loop_error,
        work.gate, products, exponentials, f"{note}; {len(some)} and {len(grid)} points", work.least,
    )  # fmt: skip


def visited(side: int) -> np.ndarray:
    """(side², 2) coordinates in [0, 1] at which planar_interpolation evaluates, in the order of its answer."""
    rows, columns = np.divmod(np.arange(side * side), side)
    return np.stack([rows, columns + (rows % 2 == 0)], 1) / side


def peer_run(loss: Loss, corner: np.ndarray, sides: np.ndarray, side: int, device: str) -> Callable[[], np.ndarray]:
    """loss-landscapes' own walk over the plane: (side, side)."""
    nets = [network(loss.problem, theta).to(device) for theta in (corner, *(corner + sides))]
    where = loss.parts["train"]
    metric = PeerLoss(nn.BCEWithLogitsLoss(), where.x.to(device), where.y.to(device))
    return lambda: planar_interpolation(*nets, metric, steps=side, deepcopy_model=True)


def network(problem: Problem, theta: np.ndarray) -> nn.Sequential:
    """The plain torch network, as one writes it for the peer."""
    act = {"tanh": nn.Tanh, "relu": nn.ReLU}[problem.activation]
    parts = _modules(problem.layers[0])
    if problem.layers[0].side:
        parts.insert(0, nn.Unflatten(1, (problem.layers[0].shape[1], *2 * [problem.layers[0].side])))
    for before, layer in itertools.pairwise(problem.layers):
        parts.append(act())
        if before.side and not layer.side:
            parts.append(nn.Flatten())
        parts += _modules(layer)
    net = nn.Sequential(*parts)
    nn.utils.vector_to_parameters(torch.as_tensor(theta, dtype=torch.float32), net.parameters())
    return net


def _modules(layer: Layer) -> list[nn.Module]:
    units, inputs = layer.shape[:2]
    if not layer.side:
        return [nn.Linear(inputs, units)]
    return [nn.Conv2d(inputs, units, layer.shape[2], padding=layer.padding), nn.MaxPool2d(2)]


def needed(loss: Loss) -> tuple[float, float]:
    """Floating point operations and exponentials of a point with an affine first layer on a plane."""
    layers, count = loss.problem.layers, len(loss.parts["train"])
    operations = 4 * layers[0].numbers + 2 * sum(layer.products for layer in layers[1:])
    hidden = sum(layer.numbers // (4 if layer.side else 1) for layer in layers[:-1])
    return count * operations, count * (layers[-1].numbers + (hidden if loss.problem.activation == "tanh" else 0))


if __name__ == "__main__":
    report(rows())
