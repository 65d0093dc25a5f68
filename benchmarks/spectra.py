"""Hessian products, spectral density and the whole Hessian, against PyHessian 0.1; agreement with two more libraries.

One thread, one run, float32, 1,000 patterns of MNIST; the density after 100 steps of training. PyHessian's `density()`
calls `torch.eig`, which torch has removed: a stand-in built on torch.linalg.eig takes its place here. Errors: of
products the largest against float64, relative to the largest entry; of densities the L1 distance from that of all
eigenvalues, smoothed equally, so that 2 would be nothing in common.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.machine import paired
from benchmarks.table import Row, Skipped, report
from lossatlas.compute.analyses.spectra.pieces import smoothed
from lossatlas.compute.analyses.spectra.spectrum import BINS, TAIL, WIDTH
from lossatlas.compute.numerics.curvature import rademacher
from lossatlas.compute.numerics.kernels.curvature import dense, operator
from lossatlas.compute.numerics.lanczos import ends, quadrature
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Start, Training
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem, split
from lossatlas.compute.service.running import one_thread
from lossatlas.compute.spec.options import parse

try:
    from curvlinops import GGNLinearOperator, HessianLinearOperator
    from hessian_eigenthings import HessianOperator, lanczos
    from hessian_eigenthings.loss_fns import supervised_loss
    from pyhessian import hessian as pyhessian
    from pyhessian.utils import hessian_vector_product
except ImportError:
    pyhessian = None

MNIST = "dataset=mnist&max_samples=1250&loss=softmax_cross_entropy"
QUESTIONS = {"784-10-10": ("widths=10", 4), "784-128-64-10": ("widths=128-64", 1.5)}  # and the gates
TOGETHER = 16  # vectors at once
PROBES, STEPS, THEIR_STEPS = 8, 40, 100  # theirs is PyHessian's default
COLUMNS = 200  # of the Hessian that column-by-column products are timed on
AGREE = (
    "dataset=iris&widths=4&activation=tanh", "dataset=wine&widths=6-5&activation=gelu",
    "dataset=digits&widths=8&activation=relu&max_samples=300", "dataset=breast_cancer&widths=5&activation=softplus",
)  # fmt: skip
ACTIVATIONS = {"tanh": nn.Tanh, "gelu": nn.GELU, "relu": nn.ReLU, "softplus": nn.Softplus}


def rows() -> Iterator[Row | Skipped]:
    if pyhessian is None:
        yield Skipped("Hessian products, density, dense", "PyHessian is not installed (make bench)")
        return
    for name, (query, gate) in QUESTIONS.items():
        yield products_row(name, *at(f"{MNIST}&{query}"), gate)
    loss, theta = at(f"{MNIST}&widths=10")
    yield from dense_rows(loss, theta)
    start = Start(init="auto", rate=0.01, steps=100)
    yield density_row(loss, torch.as_tensor(run_training(Training(loss.problem, start)).reached()))


def at(query: str) -> tuple[Loss, Tensor]:
    """A loss and a point of it."""
    loss = make_loss(parse(Problem, query))
    return loss, torch.as_tensor(initial(loss.problem, 1, "auto", 1.0)).to(loss.parts["train"].x.dtype)


def module(problem: Problem, theta: Tensor) -> nn.Sequential:
    """The plain torch network holding theta, in its dtype."""
    found: list[nn.Module] = []
    for weight, _ in split(problem.shapes, theta):
        found += [nn.Linear(weight.shape[1], weight.shape[0]), ACTIVATIONS[problem.activation]()]
    net = nn.Sequential(*found[:-1]).to(theta.dtype)
    nn.utils.vector_to_parameters(theta, net.parameters())
    return net


def peer(loss: Loss, theta: Tensor):
    part = loss.parts["train"]
    return pyhessian(module(loss.problem, theta), nn.CrossEntropyLoss(), data=(part.x, part.labels), cuda=False)


def their_product(held, vector: Tensor) -> Tensor:
    shaped = [
        part.view_as(p) for p, part in zip(held.params, vector.split([p.numel() for p in held.params]), strict=True)
    ]
    return torch.cat([part.flatten() for part in hessian_vector_product(held.gradsH, held.params, shaped)])


def double(loss: Loss, theta: Tensor) -> tuple[Loss, Tensor]:
    return make_loss(replace(loss.problem, dtype="float64")), theta.double()


def products_row(name: str, loss: Loss, theta: Tensor, gate: float) -> Row:
    vectors = torch.as_tensor(np.random.default_rng(0).standard_normal((TOGETHER, len(theta)))).float()
    held, product = peer(loss, theta), operator(loss, theta)
    exact = operator(*double(loss, theta))(vectors.double())
    found = [torch.stack([their_product(held, v) for v in vectors]), product(vectors)]
    off = [float((some - exact).abs().max() / exact.abs().max()) for some in found]
    alone, ours = paired(lambda: [their_product(held, v) for v in vectors], lambda: product(vectors), times=9)
    first, *later = (layer.products for layer in loss.problem.layers)
    return Row(
        f"Hessian product {name}", "PyHessian", alone / TOGETHER, ours / TOGETHER, off[0], off[1], gate=gate,
        products=4 * len(loss.parts["train"]) * (first + 3 * sum(later)), note=f"{TOGETHER} at once",
    )  # fmt: skip


def dense_rows(loss: Loss, theta: Tensor) -> Iterator[Row]:
    held, P = peer(loss, theta), len(theta)
    columns = torch.as_tensor(np.random.default_rng(1).choice(P, COLUMNS, replace=False))
    unit = torch.eye(P)[columns]
    exact = dense(*double(loss, theta))
    theirs = torch.stack([their_product(held, v) for v in unit])
    scale = float(exact.abs().max())
    for dtype, gate, given in (("float32", 10.0, (loss, theta)), ("float64", math.nan, double(loss, theta))):
        off = float((dense(*given) - exact).abs().max()) / scale
        alone, ours = paired(lambda: [their_product(held, v) for v in unit], partial(dense, *given))
        yield Row(
            f"whole Hessian 784-10-10, ours {dtype}", "PyHessian, columns", alone * P / COLUMNS, ours,
            float((theirs - exact[columns]).abs().max()) / scale, off, gate=gate, note=f"{COLUMNS} columns timed",
        )  # fmt: skip


def density_row(loss: Loss, theta: Tensor) -> Row:
    values = torch.linalg.eigvalsh(dense(loss, theta)).double().numpy()
    width = WIDTH * (values[-1] - values[0])
    edges = np.linspace(values[0] - TAIL * width, values[-1] + TAIL * width, BINS + 1)
    exact = smoothed(edges, values, np.full(len(values), 1 / len(values)), width)

    def off(nodes: np.ndarray, weights: np.ndarray) -> float:
        found = smoothed(edges, nodes, weights / len(weights), width)
        return float((np.abs(found - exact) * np.diff(edges)).sum())

    torch.eig = old_eig  # type: ignore[assignment]
    held, product, errors = peer(loss, theta), operator(loss, theta), []
    starts = torch.as_tensor(np.stack([rademacher(0, n, len(theta)) for n in range(PROBES)])).float()
    for seed in range(3):  # each probe's error is chance
        torch.manual_seed(seed)
        theirs = held.density(iter=THEIR_STEPS, n_v=PROBES)
        signs = np.stack([rademacher(seed, n, len(theta)) for n in range(PROBES)])
        mine = quadrature(product, torch.as_tensor(signs).float(), STEPS)
        errors.append((off(*map(np.array, theirs)), off(mine.nodes, mine.weights)))
    alone, ours = paired(lambda: held.density(iter=THEIR_STEPS, n_v=PROBES), lambda: quadrature(product, starts, STEPS))
    their_error, our_error = (float(error) for error in np.mean(errors, 0))
    shortened = partial(held.density, iter=STEPS, n_v=PROBES)
    short, again = paired(shortened, lambda: quadrature(product, starts, STEPS))
    return Row(
        "spectral density 784-10-10", "PyHessian, torch.eig*", alone / PROBES, ours / PROBES,
        their_error, our_error, gate=8,
        note=f"a probe; {THEIR_STEPS} and {STEPS} steps; at {STEPS} each {short / again:.3g}×",
    )  # fmt: skip


def old_eig(matrix: Tensor, eigenvectors: bool = False) -> tuple[Tensor, Tensor]:
    """torch.eig as it was: eigenvalues (n, 2), real and imaginary, and the vectors."""
    values, vectors = torch.linalg.eig(matrix)
    return torch.view_as_real(values), vectors.real if eigenvectors else torch.empty(0)


# ---------------------------------------------------------------------------------------------- agreement


def agreement() -> Iterator[str]:
    """Lines of the table: largest relative difference of the dense H and G, and of the largest eigenvalue, float64."""
    heads = f"{'H: curvlinops':>15}{'G: curvlinops':>15}{'λmax':>10}{'curvlinops':>12}{'eigenthings':>13}"
    yield f"{'float64':58}{'P':>5}{heads}"
    for query in AGREE:
        loss, theta = at(f"{query}&loss=softmax_cross_entropy&dtype=float64")
        part, P = loss.parts["train"], len(theta)
        net, criterion = module(loss.problem, theta), nn.CrossEntropyLoss()
        given = (net, criterion, list(net.parameters()), [(part.x, part.labels)])
        unit = torch.eye(P, dtype=torch.float64)
        matrix = (HessianLinearOperator(*given) @ unit).detach()
        newton = (GGNLinearOperator(*given) @ unit).detach()
        mine = ends(operator(loss, theta), P, 1, P, 1e-9, torch.float64, 0).largest[0]
        found = lanczos(HessianOperator(net, given[3], supervised_loss(criterion)), k=1, max_iter=min(P, 60), seed=0)
        yield (
            f"{query:58}{P:5}{_far(dense(loss, theta), matrix):15.0e}"
            f"{_far(dense(loss, theta, matrix='gauss_newton'), newton):15.0e}{mine:10.4f}"
            f"{abs(float(torch.linalg.eigvalsh(matrix)[-1]) / mine - 1):12.0e}"
            f"{abs(float(found.eigenvalues[0]) / mine - 1):13.0e}"
        )


def _far(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def main() -> None:
    report(rows())
    if pyhessian is not None:
        with one_thread():
            print(*agreement(), sep="\n")


if __name__ == "__main__":
    main()
