"""How does the time of a slice grow with grid points, patterns, width and depth? One thread, with fitted exponents.

Time ~ size^exponent, fitted by least squares in logarithms: over all sizes, and over the three largest, where fixed
costs weigh least.
"""

from functools import partial

import numpy as np

from benchmarks.machine import describe, seconds
from benchmarks.planes import plane
from lossatlas.compute.numerics.kernels import plan
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.running import one_thread
from lossatlas.compute.spec.options import parse

WIDE = "dataset=mnist&test_share=0&widths=10"
SIDE = 21  # grid points an axis where they do not grow
SWEEPS = {  # sizes, and the question and the grid points an axis for each
    "grid points": {side**2: (f"{WIDE}&max_samples=1000", side) for side in (9, 17, 33, 65, 129)},
    "patterns": {count: (f"{WIDE}&max_samples={count}", SIDE) for count in (625, 1250, 2500, 5000, 10000)},
    "width": {w: (f"dataset=mnist&test_share=0&max_samples=2000&widths={w}", SIDE) for w in (8, 16, 32, 64, 128, 256)},
    "depth": {
        d: (f"dataset=mnist&test_share=0&max_samples=2000&widths={'-'.join(['32'] * d)}", SIDE) for d in range(1, 7)
    },
}


def exponent(sizes: list[int], times: list[float]) -> float:
    """The slope of log time over log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def slice_seconds(query: str, side: int) -> float:
    """Median time of a whole grid."""
    problem = parse(Problem, query)
    axis = np.linspace(0, 1, side)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    run = partial(plan.losses_at, make_loss(problem), *plane(problem), part="train")
    run(grid[:side])  # compiled and checked
    return seconds(lambda: run(grid))


def main() -> None:
    with one_thread():
        print(describe())
        for name, sweep in SWEEPS.items():
            times = [slice_seconds(query, side) for query, side in sweep.values()]
            sizes = list(sweep)
            print(
                f"{name:12} exponent {exponent(sizes, times):.2f}, of the three largest "
                f"{exponent(sizes[-3:], times[-3:]):.2f}: "
                + ", ".join(f"{size:,} {time * 1e3:.3g} ms" for size, time in zip(sizes, times, strict=True))
            )


if __name__ == "__main__":
    main()
