"""How much faster do two workers finish a large slice than one? Through the real pool, by the wall's clock.

Of an idle machine with two cores at least 1.7 times is wished; the load stands in the first line. The pieces that the
slice is cut into for the pool are also computed one after the other here, against all points in one call.
"""

import statistics
import sys
import time
from functools import partial
from typing import Any

import numpy as np

from benchmarks.machine import describe, once, paired
from benchmarks.serving import pool
from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.plane import Plane
from lossatlas.compute.analyses.slices import Slice, fill_piece
from lossatlas.compute.analyses.table import levels_of, question
from lossatlas.compute.numerics.cost import PIECE
from lossatlas.compute.numerics.kernels import plan
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.running import one_thread
from lossatlas.compute.spec.tasks import Task, every

QUESTION = "dataset=mnist&test_share=0&widths=10&steps=0&extent=1"
POINTS = 257  # an axis
GATE = 1.7
TIMES = 3


def main(points: int) -> None:
    print(describe())
    with pool(1) as one, pool(2) as two:
        for each in (one, two):
            answer_seconds(each, 33, -1)  # data loaded, kernels compiled
            answer_seconds(each, 33, -2)
        pairs = [(answer_seconds(one, points, seed), answer_seconds(two, points, seed)) for seed in range(TIMES)]
    alone, together = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{points}×{points} slice of 784-10-10, 10,000 patterns, median of {TIMES}, from question to answer:")
    ratio = f"{alone / together:.2f}× (wished on an idle machine: {GATE}×)"
    print(f"1 worker {alone:.2f} s, 2 workers {together:.2f} s, {ratio}")
    with one_thread():
        cut(question("slice", f"{QUESTION}&points={points}"))


def answer_seconds(on: Pool, points: int, seed: int) -> float:
    """Wall-clock of one question that nobody asked before."""
    spec = question("slice", f"{QUESTION}&points={points}&direction_seed={seed % 1000}")
    return once(lambda: ask(spec, pool=on), time.monotonic)


def cut(spec: Slice) -> None:
    """Print what cutting into pieces costs."""
    results: dict[str, Any] = {}
    pieces = []
    for task in every(levels_of(spec)).values():
        run = partial(task.run, *(results[part.key] if isinstance(part, Task) else part for part in task.args))
        results[task.key] = run()
        if task.run is fill_piece:
            pieces.append(run)
    plane = next(result for result in results.values() if isinstance(result, Plane))
    axis = symmetric_axis(plane.extent, spec.points)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    whole = partial(plan.losses_at, make_loss(spec.problem), plane.center, np.stack([plane.u, plane.v]), part="train")
    apart, together = paired(lambda: [piece() for piece in pieces], lambda: whole(grid))
    print(f"Processor time of {len(pieces)} pieces, each estimated at {PIECE} s or less, one after the other:")
    print(f"{apart:.2f} s, {apart / len(pieces) * 1e3:.0f} ms each; all points in one call {together:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else POINTS)
