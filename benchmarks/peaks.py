"""What can one core do? float32 products a second by each BLAS at hand, and exponentials a second.

Both on arrays that stay in its own cache as far as the work allows: the figures are what a share of the peak refers to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.machine import describe, seconds
from lossatlas.compute.service.running import one_thread

try:
    from numba import njit

    from lossatlas.compute.numerics.kernels import scalars
except ImportError:
    _fill = None
else:

    @njit(**scalars.FLAGS)
    def _fill(x, out):
        for place in range(len(x)):
            out[place] = scalars.exp_down(x[place])


SIDE = 1024  # of the matrices
ELEMENTS = 1 << 16  # of the exponentials: 256 KB
REPEATS = 200  # of the exponentials in one timing
TIMES = 5


@dataclass(frozen=True)
class Peaks:
    """The best of each, a second: floating point operations in float32 products (two a multiply-add), exponentials."""

    products: float
    exponentials: float


def products() -> dict[str, float]:
    """Floating point operations a second of a square product, by library."""
    a, b = torch.rand(2, SIDE, SIDE)
    out, there = torch.empty(SIDE, SIDE), np.empty((SIDE, SIDE), np.float32)
    x, y = a.numpy(), b.numpy()
    before, found = torch.get_float32_matmul_precision(), {}
    for precision, name in (("highest", "torch"), ("medium", "torch, precision medium (oneDNN)")):
        torch.set_float32_matmul_precision(precision)
        found[name] = _rate(lambda: torch.mm(a, b, out=out), 2 * SIDE**3)
    torch.set_float32_matmul_precision(before)
    return found | {"numpy": _rate(lambda: np.matmul(x, y, out=there), 2 * SIDE**3)}


def exponentials() -> dict[str, float]:
    """Elements a second, by function."""
    x = arguments()
    out, y, there = torch.empty_like(x), x.numpy(), np.empty(ELEMENTS, np.float32)
    functions: dict[str, Callable[[], object]] = {
        "torch.exp": lambda: torch.exp(x, out=out),
        "torch.tanh": lambda: torch.tanh(x, out=out),
        "numpy.exp": lambda: np.exp(y, out=there),
    }
    if _fill is not None:
        functions["the fused kernels' exp"] = lambda: _fill(y, there)
    return {name: _rate(function, ELEMENTS, REPEATS) for name, function in functions.items()}


def arguments() -> torch.Tensor:
    """What the exponentials are taken of; the fused kernels' own serves arguments up to 0."""
    return torch.linspace(-20, 0, ELEMENTS)


def _rate(work: Callable[[], object], amount: int, repeats: int = 1) -> float:
    def repeated() -> None:
        for _ in range(repeats):
            work()

    repeated()
    return amount * repeats / seconds(repeated, TIMES)


def measure() -> Peaks:
    """The best of each, on one thread."""
    with one_thread():
        return Peaks(max(products().values()), max(exponentials().values()))


def main() -> None:
    with one_thread():
        print(describe())
        for name, rate in products().items():
            print(f"{SIDE}×{SIDE} float32 product, {name:36}{rate / 1e9:8.1f} GFLOP/s")
        for name, rate in exponentials().items():
            print(f"{ELEMENTS:,} elements, {name:47}{rate / 1e9:8.2f} Gelem/s")


if __name__ == "__main__":
    main()
