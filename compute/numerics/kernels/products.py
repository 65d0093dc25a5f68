"""Which float32 matrix products torch uses on a CPU: the faster of its two libraries, where that is as exact.

The setting "medium" sends products to oneDNN. On one core of an AMD EPYC with AVX-512 a training step of 784-10-10 on
8,000 patterns takes 7 ms instead of 13, one of 32-10-1 on 242 patterns 0.9 ms instead of 0.7: so it is used for large
products only. On other processors it may also mean products of bfloat16, with three digits: so the error is measured,
in every process, before the setting is used.
"""

import contextlib
import functools
import math
from collections.abc import Iterator

import torch

LARGE = 4_000_000  # multiplications of a pass from which the setting pays
SHAPES = ((512, 784, 10), (10, 2048, 96), (256, 128, 64), (64, 16, 16))  # (rows, summed, columns)


@contextlib.contextmanager
def products(multiplications: int) -> Iterator[None]:
    """Torch's matrix products by the faster library within the context, if it is exact here and the work is large.

    The setting is the process's own, restored at the end; a worker runs one task at a time.
    """
    if multiplications < LARGE or precision() == "highest":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision())
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@functools.cache
def precision() -> str:
    """`medium` if oneDNN's products are float32 sums on every shape, else `highest`.

    Random rounding in a sum of K products costs about eps √K of its size, in whatever order they are added; bfloat16
    costs a hundred times more.
    """
    limit = [math.sqrt(summed) * torch.finfo(torch.float32).eps for _, summed, _ in SHAPES]
    return "medium" if all(found <= most for found, most in zip(errors("medium"), limit, strict=True)) else "highest"


def errors(setting: str) -> list[float]:
    """The largest error of a product under a setting, relative to its largest entry, for each shape."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(setting)
    try:
        return [_error(*shape) for shape in SHAPES]
    finally:
        torch.set_float32_matmul_precision(before)


def _error(rows: int, summed: int, columns: int) -> float:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(shape, generator=generator) for shape in ((rows, summed), (summed, columns)))
    exact = left.double() @ right.double()
    return float((left @ right - exact).abs().max() / exact.abs().max())
