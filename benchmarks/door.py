"""What does a question cost beside its arithmetic? A slice through `ask`, in this process, against the kernel alone.

`ask` counts accuracies, draws coarser grids first, finds the half width, measures the center and the gradient there,
and makes the answer. The kernel gets the same points in one call, with accuracies.
Both begin without kept responses; the kernels are compiled and the path chosen before.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.machine import paired
from benchmarks.table import Row, report
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.numerics.kernels import fused
from lossatlas.compute.numerics.kernels.plan import losses_at
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.service.ask import ask

LEAST = 0.9  # of the whole that the kernel alone should be, for work of a second
QUESTIONS = {
    "Iris 4-4-3, 65×65": ("dataset=iris&steps=0", float("nan")),
    "784-10-10, 10,000, 25×25": ("dataset=mnist&test_share=0&widths=10&steps=0&points=25", float("nan")),
    "784-10-10, 10,000, 129×129": ("dataset=mnist&test_share=0&widths=10&steps=0&points=129", LEAST),
    "784-128-64-10, 10,000, 25×25": ("dataset=mnist&test_share=0&widths=128-64&steps=0&points=25", LEAST),
}


def rows() -> Iterator[Row]:
    """Of each question; the unit is a point. The ratio is the kernel's share of the whole."""
    for name, (query, gate) in QUESTIONS.items():
        yield row(name, question("slice", f"{query}&accuracy=true"), gate)


def row(name: str, spec: object, gate: float) -> Row:
    result = ask(spec)
    alone, whole = paired(lambda: kernel(result), lambda: through(spec), times=5)
    note = f"the door adds {(whole - alone) * 1e3:.2g} ms to {alone * 1e3:.3g}"
    points = result.loss.size
    return Row(f"door {name}", "kernel alone", alone / points, whole / points, gate=gate, note=note)


def through(spec: object) -> None:
    fused.kept_blocks.cache_clear()
    ask(spec)


def kernel(result: SliceResult) -> None:
    """All points of the answer by one call of the way that was chosen."""
    fused.kept_blocks.cache_clear()
    grid = np.stack(np.meshgrid(result.a, result.b, indexing="ij"), -1).reshape(-1, 2)
    axes = np.stack([result.u, result.v])
    losses_at(make_loss(result.spec.problem), result.theta, axes, grid, result.spec.where.part, accuracy=True)


if __name__ == "__main__":
    report(rows())
