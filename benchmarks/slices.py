"""How much faster is the affine first layer than one forward pass a point, and how exact is it?

Both on one thread in one run; the error is the largest relative one against the plain loop in float64.
"""

import numpy as np
import torch

from benchmarks.machine import describe, seconds
from compute.kernels.affine import losses_at
from compute.loss import make_loss
from compute.nets import Problem, initial, torch_dtype
from compute.options import parse

QUESTIONS = {
    "XOR 2-2-1 tanh": "dataset=xor&widths=2",
    "Iris 4-4-3 tanh": "dataset=iris&widths=4",
    "Heart 32-10-1 ELU": "dataset=heart&widths=10&activation=elu",
    "784-10-10 tanh, 10,000": "dataset=mnist&widths=10&test_share=0",
    "784-10-10 ReLU, 10,000": "dataset=mnist&widths=10&test_share=0&activation=relu",
    "784-128-64-10 tanh, 10,000": "dataset=mnist&widths=128-64&test_share=0",
}
SIDE, LOOPED = 51, 40  # grid points an axis; points that the plain loop is timed on


def main() -> None:
    torch.set_num_threads(1)
    print(describe())
    print(f"{SIDE}×{SIDE} slice        plain loop µs  affine µs  ratio  error float32: loop   affine")
    for name, query in QUESTIONS.items():
        print(row(name, parse(Problem, query), parse(Problem, f"{query}&dtype=float64")))


def row(name: str, problem: Problem, double: Problem) -> str:
    center = initial(problem, 0, "uniform", 1.0).astype(problem.dtype).astype(float)
    directions = np.random.default_rng(0).standard_normal((2, problem.parameters)) / 30
    axis = np.linspace(-1, 1, SIDE)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    some = grid[np.random.default_rng(1).permutation(len(grid))[:LOOPED]]

    def loop(of: Problem) -> np.ndarray:
        loss = make_loss(of)
        points = center + some @ directions
        return np.array([float(loss.data_term(torch.as_tensor(p, dtype=torch_dtype(of)))) for p in points])

    loss = make_loss(problem)
    exact, looped = loop(double), loop(problem)
    fast = losses_at(loss, center, directions, some, "train")[0]
    plain = seconds(lambda: loop(problem)) / LOOPED
    affine = seconds(lambda: losses_at(loss, center, directions, grid, "train")) / len(grid)
    errors = [np.abs(values / exact - 1).max() for values in (looped, fast)]
    return f"{name:27}{plain * 1e6:9.1f}{affine * 1e6:12.2f}{plain / affine:7.0f}×{errors[0]:18.1e}{errors[1]:11.1e}"


if __name__ == "__main__":
    main()
