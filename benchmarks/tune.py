"""Which numbers the fused kernels' details were decided by. One thread; compare within a block, not between runs."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numba import njit

from benchmarks.machine import describe, paired, seconds
from benchmarks.peaks import measure
from lossatlas.compute.numerics.kernels import affine, fused, scalars, strips
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.running import one_thread
from lossatlas.compute.spec.options import parse

ELEMENTS, UNITS, OUTPUTS = 4096, 128, 64
NARROW = "dataset=mnist&test_share=0&widths=10"
DEEP = "dataset=mnist&test_share=0&widths=128-64"


@njit
def _again(times, run, out, response, t, parameter):
    for _ in range(times):
        run(out, response, t, parameter)


@njit
def _layers(times, z, w, bias, a):
    for _ in range(times):
        strips.layer(z, w, bias, a, OUTPUTS, UNITS)


def rate(work: Callable[[], object], amount: float) -> float:
    """Units of 10⁹ a second."""
    work()
    return amount / seconds(work, 5) / 1e9


def activations(times: int = 300) -> None:
    """An activation with the sum of its two directions, against torch's alone."""
    print("activation       fused  torch   Gelem/s")
    response = np.random.default_rng(0).standard_normal(3 * ELEMENTS).astype(np.float32)
    out, t = np.empty(ELEMENTS, np.float32), np.array([0.5, -0.5], np.float32)
    z = torch.as_tensor(response[:ELEMENTS])
    for name in scalars.SCALARS:
        run, function = scalars.activation_pass(name), ACTIVATIONS[name].function
        mine = rate(partial(_again, times, run, out, response, t, np.float32(1)), times * ELEMENTS)
        theirs = rate(partial(repeated, times, partial(function, z, 1.0)), times * ELEMENTS)
        print(f"{name:16}{mine:6.1f}{theirs:7.2f}")


def repeated(times: int, work: Callable[[], object]) -> None:
    for _ in range(times):
        work()


def products(times: int = 200) -> None:
    """A layer of 128 to 64 units: ours in strips, the libraries on as many patterns as suits them."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((OUTPUTS, UNITS)).astype(np.float32)
    a = rng.standard_normal((UNITS, 2500)).astype(np.float32)
    z, bias, strip = np.empty(OUTPUTS * strips.LANES, np.float32), w[:, 0].copy(), a[:, : strips.LANES].flatten()
    one = 2 * OUTPUTS * UNITS
    mine = rate(partial(_layers, times, z, w.ravel(), bias, strip), times * strips.LANES * one)
    print(f"layer 128 to 64, patterns at a time: {strips.LANES} by the fused tile {mine:.0f} GFLOP/s")
    before = torch.get_float32_matmul_precision()
    for count in (256, 1024, 2500):
        x, there = a[:, :count].copy(), np.empty((OUTPUTS, count), np.float32)
        found = [rate(partial(repeated, 50, partial(np.matmul, w, x, out=there)), 50 * count * one)]
        product = partial(torch.mm, torch.as_tensor(w), torch.as_tensor(x), out=torch.empty(OUTPUTS, count))
        for precision in ("highest", "medium"):
            torch.set_float32_matmul_precision(precision)
            found.append(rate(partial(repeated, 50, product), 50 * count * one))
        torch.set_float32_matmul_precision(before)
        print(f"{count:5} by NumPy {found[0]:.0f}, by torch {found[1]:.0f}, with precision medium {found[2]:.0f}")


def question(query: str) -> tuple[Loss, np.ndarray, np.ndarray]:
    problem = parse(Problem, query)
    center = initial(problem, 0, "auto", 1.0)
    return make_loss(problem), center, np.random.default_rng(0).standard_normal((2, len(center))) / 30


def point(query: str, points: int, losses_at: Callable = fused.losses_at) -> float:
    """Seconds that one more point costs."""
    loss, center, directions = question(query)
    grid = np.random.default_rng(0).uniform(-1, 1, (points, 2))
    few, many = paired(
        lambda: losses_at(loss, center, directions, grid[:1], "train"),
        lambda: losses_at(loss, center, directions, grid, "train"),
        5,
    )
    return (many - few) / (points - 1)


def blocks() -> None:
    print("bytes of first responses at a time      784-10-10  784-128-64-10  784-512-512-10   µs a point")
    chosen = fused.RESPONSES
    for size in (1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21):
        fused.RESPONSES = size
        fused.kept_blocks.cache_clear()
        deeper = [point(DEEP, 40), point(DEEP.replace("128-64", "512-512"), 4)]
        found = [point(NARROW, 400), *deeper]
        print(f"{size:30,}{''.join(f'{value * 1e6:16.1f}' for value in found)}")
    fused.RESPONSES = chosen


def smallest() -> None:
    print("patterns of an Iris 4-4-3      fused  affine   µs a point")
    for count in (4, 8, 16, 32, 120):
        query = f"dataset=iris&widths=4&test_share=0&max_samples={count}"
        found = [point(query, 2601, path) for path in (fused.losses_at, affine.losses_at)]
        print(f"{count:24}{found[0] * 1e6:12.2f}{found[1] * 1e6:8.2f}")


def shares() -> None:
    """What part of the core's measured peaks the arithmetic alone amounts to."""
    peaks = measure()
    print(f"peaks: {peaks.products / 1e9:.0f} GFLOP/s, {peaks.exponentials / 1e9:.1f} Gexp/s")
    for name, query, points in (("784-10-10", NARROW, 400), ("784-128-64-10", DEEP, 60)):
        for activation in ("tanh", "relu"):
            cost = point(f"{query}&activation={activation}", points)
            problem = replace(parse(Problem, query), activation=activation)
            pairs = zip(problem.sizes[1:], problem.sizes[2:], strict=False)
            operations = 10_000 * (4 * problem.sizes[1] + 2 * sum(a * b for a, b in pairs))
            exponentials = 10_000 * sum(problem.sizes[1:] if activation == "tanh" else problem.sizes[-1:])
            print(
                f"{name:14} {activation:5}{cost * 1e6:8.1f} µs a point: "
                f"products {operations / cost / peaks.products:.0%}, exponentials "
                f"{exponentials / cost / peaks.exponentials:.0%}"
            )


def main() -> None:
    with one_thread():
        print(describe())
        for block in (activations, products, blocks, smallest, shares):
            block()


if __name__ == "__main__":
    main()
