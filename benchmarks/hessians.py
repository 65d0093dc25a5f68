"""How much faster are Hessians at many points in closed form than torch.func.hessian in a Python loop over points?

One thread, one run, float32: microseconds a point. The error is the largest against torch.func.hessian in float64,
relative to the largest entry.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch.func import hessian

from benchmarks.machine import paired
from benchmarks.table import Row, report
from lossatlas.compute.numerics.kernels.hessians import hessians
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse

QUESTIONS = {  # how many points at once, and the gate
    "XOR 2-2-1 tanh": ("dataset=xor&widths=2", 20_000, 2000),
    "Iris 4-4-3 tanh": ("dataset=iris&widths=4", 2_000, 20),
    "Iris 4-4-3 softmax": ("dataset=iris&widths=4&loss=softmax_cross_entropy", 2_000, 20),
    "Heart 32-10-1 tanh": ("dataset=heart&widths=10", 200, 8),
    "Heart 32-10-1 ReLU": ("dataset=heart&widths=10&activation=relu", 200, 8),
}
LOOPED = 20  # points that the loop is timed on


def rows() -> Iterator[Row]:
    for name, (query, count, gate) in QUESTIONS.items():
        yield row(f"full Hessian {name}", query, count, gate)


def row(name: str, query: str, count: int, gate: float) -> Row:
    loss, double = make_loss(parse(Problem, query)), make_loss(parse(Problem, f"{query}&dtype=float64"))
    points = torch.as_tensor(np.stack([initial(loss.problem, seed, "uniform", 1.0) for seed in range(count)])).float()
    some = points[:LOOPED]
    exact, plain, mine = loop(double, some.double()), loop(loss, some), hessians(loss, some)
    alone, ours = paired(partial(loop, loss, some), partial(hessians, loss, points))
    off = [float((found - exact).abs().max() / exact.abs().max()) for found in (plain, mine)]
    return Row(
        name, "torch.func, loop", alone / LOOPED, ours / count, off[0], off[1], off[0], gate,
        note=f"{LOOPED} and {count:,} points",
    )  # fmt: skip


def loop(loss: Loss, points: torch.Tensor) -> torch.Tensor:
    """torch.func.hessian at each point."""
    part, criterion = loss.parts["train"], CRITERIA[loss.problem.loss].function
    return torch.stack([hessian(lambda p: criterion(loss.outputs(p, part.x), part.y).mean())(p) for p in points])


if __name__ == "__main__":
    report(rows())
