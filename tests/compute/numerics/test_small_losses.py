"""Every way to a loss, a gradient or a Hessian keeps the digits of small ones: of 1e-3, 1e-7 and 1e-12, for every loss.

The networks have the identity for an activation and weights whose sums are exact, so that the outputs are numbers known
to the last bit, and what is left of an error is the criterion's and that of sums. These are held to their worst case:
n terms, each with some roundings of its own, are off by (ULPS + n) eps times the sum of their sizes at most.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import functional_call

from lossatlas.compute.numerics.kernels import affine, fused, gradients, hessians, images, plain
from lossatlas.compute.numerics.kernels.curvature import dense, operator
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.spec.options import parse
from tests.oracles import exact_criterion, module

ULPS = 16  # as in tests/compute/problem/test_criteria.py
PATTERNS = 20
NETS = {
    "iris": "dataset=iris&widths=2",
    "xor": "dataset=xor&widths=2",
    "deep": "dataset=iris&widths=2-2",
    "skip": "dataset=iris&widths=2-2&skip=true",
    "lenet": "dataset=digits&network=lenet&channels=2-2&dense=3",
}

# How far outputs lie from 0, or from their targets, for losses of about 1e-3, 1e-7 and 1e-12.
MARGINS = {
    "sigmoid_cross_entropy": (6.875, 16.125, 27.625),
    "softmax_cross_entropy": (3.5, 8.0, 13.75),
    "squared_error": (2.0**-5, 2.0**-12, 2.0**-20),
    "sigmoid_squared_error": (3.5, 8.0, 13.75),
}


@functools.cache
def of_one_class(net: str, criterion: str, dtype: str) -> Loss:
    """The loss on a few patterns of class 1, all of them for training."""
    loss = make_loss(parse(Problem, f"{NETS[net]}&activation=identity&loss={criterion}&dtype={dtype}"))
    part = loss.parts["train"]
    assert part.labels is not None
    rows = torch.nonzero(part.labels == 1)[:PATTERNS, 0].repeat(PATTERNS)[:PATTERNS]
    some = replace(part, x=part.x[rows], y=part.y[rows], labels=part.labels[rows])
    return replace(loss, parts={"train": some, "test": some.first(0)})


def point(loss: Loss, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """theta (P,) and the outputs (K,) there: on the right side of 0 by the margin, or near their targets.

    Of an MLP every hidden unit of the first layer is 1 and the later weights are eighths; of a LeNet all is 0 but what
    is added to the outputs.
    """
    problem, y = loss.problem, loss.parts["train"].y[0].double().numpy()
    K = len(y)
    z = (2 * y - 1) * margin + np.arange(K) / 8
    if problem.loss == "squared_error":
        z = y + abs(margin) * (1 + np.arange(K))
    theta = np.zeros(problem.parameters)
    if problem.network == "mlp":
        cuts = offsets(problem.shapes)
        theta[cuts[1] : cuts[2]] = 1.0
        theta[cuts[2] :] = np.arange(problem.parameters - cuts[2]) % 5 / 8 - 0.25
        theta[-K:] = 0.0
    theta[-K:] = z - module(problem, theta)(loss.parts["train"].x[:1].double())[0].detach().numpy()
    return theta, z


def known(loss: Loss) -> Iterator[tuple[np.ndarray, float, np.ndarray, np.ndarray]]:
    """theta, loss, gradient r and curvature C in the outputs, equal for all patterns, by every margin, and as far on
    the wrong side.
    """
    margins = MARGINS[loss.problem.loss]
    for margin in (*margins, -margins[-1]):
        theta, z = point(loss, margin)
        assert (theta.astype(np.float32) == theta).all()
        yield theta, *exact_criterion(loss.problem.loss, z, loss.parts["train"].y[0].double().numpy())


def assert_within(loss: Loss, found, expected, size, terms: int = PATTERNS) -> None:
    eps = torch.finfo(loss.parts["train"].x.dtype).eps
    off = np.abs(np.asarray(found, dtype=float) - expected)
    assert (off <= (ULPS + terms) * eps * np.asarray(size)).all(), (off / (eps * np.maximum(size, 1e-300))).max()


# ---------------------------------------------------------------------------------------------- losses


def by_path(path) -> Callable[[Loss, np.ndarray], float]:
    def measured(loss: Loss, theta: np.ndarray) -> float:
        assert path.serves(loss, theta)
        return path.losses_at(loss, theta, np.zeros((2, len(theta))), np.zeros((1, 2)), "train")[0][0]

    return measured


def by_torch(loss: Loss, theta: np.ndarray) -> float:
    return float(loss.with_gradient(torch.as_tensor(theta).to(loss.parts["train"].x))[1])


def in_company(loss: Loss, theta: np.ndarray) -> float:
    batch = torch.as_tensor(np.stack([theta, 0 * theta])).to(loss.parts["train"].x)
    return float(loss.with_gradient(batch)[1][0])


def compiled(loss: Loss, theta: np.ndarray) -> float:
    return float(gradients.with_gradient(loss, theta.astype(np.float32)[None])[1][0])


def side_by_side(loss: Loss, theta: np.ndarray) -> float:
    return float(gradients.together_at(loss, theta.astype(np.float32)[None])[0, 0])


LOSSES = {
    "plain": (by_path(plain), "iris", "float32"), "plain, float64": (by_path(plain), "iris", "float64"),
    "affine": (by_path(affine), "iris", "float32"), "affine, float64": (by_path(affine), "iris", "float64"),
    "affine, one output": (by_path(affine), "xor", "float32"), "affine, skip": (by_path(affine), "skip", "float32"),
    "fused": (by_path(fused), "iris", "float32"), "fused, one output": (by_path(fused), "xor", "float32"),
    "images": (by_path(images), "lenet", "float32"), "images, affine": (by_path(affine), "lenet", "float32"),
    "with the gradient": (by_torch, "iris", "float32"), "with the graph": (by_torch, "lenet", "float32"),
    "in company": (in_company, "iris", "float32"),
    "compiled": (compiled, "iris", "float32"), "side by side": (side_by_side, "xor", "float32"),
}  # fmt: skip
COMPILED = {"fused", "fused, one output", "images", "compiled", "side by side"}


def skip_without_numba(route: str) -> None:
    if route in COMPILED:
        pytest.importorskip("numba")


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("route", LOSSES)
def test_every_way_to_a_loss_keeps_its_digits(route, criterion):
    skip_without_numba(route)
    way, net, dtype = LOSSES[route]
    loss = of_one_class(net, criterion, dtype)
    for theta, value, _, _ in known(loss):
        assert_within(loss, way(loss, theta), value, value, terms=0)  # losses are added in float64


# ---------------------------------------------------------------------------------------------- gradients


def gradient_by_torch(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return loss.gradient(torch.as_tensor(theta).to(loss.parts["train"].x)).numpy()


def gradient_of_some(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return loss.gradient(torch.as_tensor(theta).to(loss.parts["train"].x), torch.arange(PATTERNS)).numpy()


def gradient_compiled(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return gradients.with_gradient(loss, theta.astype(np.float32)[None])[0][0]


GRADIENTS = {
    "by hand": (gradient_by_torch, "iris", "float32"), "by hand, float64": (gradient_by_torch, "iris", "float64"),
    "deep": (gradient_by_torch, "deep", "float32"), "batches": (gradient_of_some, "iris", "float32"),
    "by graph": (gradient_by_torch, "skip", "float32"), "by graph, float64": (gradient_by_torch, "skip", "float64"),
    "compiled": (gradient_compiled, "iris", "float32"),
}  # fmt: skip


def outputs_by_parameter(net: str, criterion: str) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives of every output, (n, K, P) and (n, K, P, P), of the plain torch module: at any of
    the points, as these differ in what is added to the outputs only.
    """
    return _by_parameter(net, "softmax_cross_entropy" if CRITERIA[criterion].coupled else "squared_error")


@functools.cache
def _by_parameter(net: str, criterion: str) -> tuple[np.ndarray, np.ndarray]:
    loss = of_one_class(net, criterion, "float64")
    theta, _ = point(loss, 0.0)
    plain_net = module(loss.problem, theta)
    named, x = dict(plain_net.named_parameters()), loss.parts["train"].x.double()

    def outputs(flat: torch.Tensor) -> torch.Tensor:
        parts = flat.split([p.numel() for p in named.values()])
        held = {name: part.view_as(p) for (name, p), part in zip(named.items(), parts, strict=True)}
        return functional_call(plain_net, held, (x,))

    first: Callable = torch.func.jacrev(outputs)
    at = torch.as_tensor(theta)
    return first(at).numpy(), torch.func.jacrev(first)(at).numpy()


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("route", GRADIENTS)
def test_every_way_to_a_gradient_keeps_its_digits(route, criterion):
    skip_without_numba(route)
    way, net, dtype = GRADIENTS[route]
    loss = of_one_class(net, criterion, dtype)
    first, _ = outputs_by_parameter(net, criterion)
    for theta, _, r, _ in known(loss):
        sizes = np.einsum("nkp,k->p", np.abs(first), np.abs(r)) / PATTERNS
        assert_within(loss, way(loss, theta), np.einsum("nkp,k->p", first, r) / PATTERNS, sizes)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_walks_side_by_side_keep_the_digits_of_their_gradients(criterion):
    pytest.importorskip("numba")
    loss = of_one_class("xor", criterion, "float32")
    for theta, _, r, _ in known(loss):
        length = np.linalg.norm(np.einsum("nkp,k->p", outputs_by_parameter("xor", criterion)[0], r) / PATTERNS)
        assert_within(loss, gradients.together_at(loss, theta.astype(np.float32)[None])[0, 1], length, length)


# ---------------------------------------------------------------------------------------------- Hessians


def closed(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return hessians.hessians(loss, torch.as_tensor(theta)[None])[0].numpy()


def whole(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return dense(loss, torch.as_tensor(theta)).numpy()


def by_products(loss: Loss, theta: np.ndarray) -> np.ndarray:
    return operator(loss, torch.as_tensor(theta))(torch.eye(len(theta))).numpy()


HESSIANS = {
    "closed": (closed, "iris", "float32"), "closed, float64": (closed, "iris", "float64"),
    "closed, one output": (closed, "xor", "float32"), "autodiff": (closed, "deep", "float32"),
    "autodiff, float64": (closed, "deep", "float64"), "dense": (whole, "iris", "float32"),
    "dense, float64": (whole, "iris", "float64"), "products": (by_products, "iris", "float32"),
    "products, deep": (by_products, "deep", "float32"), "products, float64": (by_products, "deep", "float64"),
    "products by autodiff": (by_products, "skip", "float32"),
}  # fmt: skip


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("route", HESSIANS)
def test_every_way_to_a_hessian_keeps_its_digits(route, criterion):
    way, net, dtype = HESSIANS[route]
    loss = of_one_class(net, criterion, dtype)
    first, second = outputs_by_parameter(net, criterion)
    for theta, _, r, C in known(loss):
        expected, sizes = put_together(first, second, C, r), put_together(*map(np.abs, (first, second, C, r)))
        assert_within(loss, way(loss, theta), expected, sizes)


def put_together(first: np.ndarray, second: np.ndarray, C: np.ndarray, r: np.ndarray) -> np.ndarray:
    return (np.einsum("nkp,kl,nlq->pq", first, C, first) + np.einsum("nkpq,k->pq", second, r)) / PATTERNS


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("net", ["iris", "deep", "skip"])
def test_both_parts_of_a_hessian_keep_their_digits(net, criterion):
    loss = of_one_class(net, criterion, "float32")
    first, second = outputs_by_parameter(net, criterion)
    for theta, _, r, C in known(loss):
        expected, sizes = (
            put_together(one, second, two, 0 * r) for one, two in ((first, C), (np.abs(first), np.abs(C)))
        )
        found = operator(loss, torch.as_tensor(theta), matrix="gauss_newton")(torch.eye(len(theta))).numpy()
        assert_within(loss, found, expected, sizes)


def test_every_criterion_is_looked_at():
    assert MARGINS.keys() == CRITERIA.keys()
