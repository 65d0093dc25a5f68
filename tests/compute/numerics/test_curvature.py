import numpy as np
import pytest
import torch
from torch.func import functional_call

from lossatlas.compute.numerics.kernels import curvature as kernel
from lossatlas.compute.numerics.kernels.curvature import MATRICES, dense, operator, products
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import BadSpec, parse
from tests import oracles
from tests.cases import SMALL, Case

TWICE = [name for name, activation in ACTIVATIONS.items() if activation.twice]
EVERY = [
    Case(f"dataset=iris&widths={widths}&activation={name}&loss={criterion}&max_samples=40&l2=0.01&dtype=float64")
    for widths, shift in (("4", 0), ("3-5", 1))
    for name, criterion in zip(TWICE, (list(CRITERIA) * len(TWICE))[shift:], strict=False)
]
OTHERS = [
    Case("dataset=digits&max_samples=12&network=lenet&channels=1-2&dense=3&activation=tanh&dtype=float64"),
    Case("dataset=iris&widths=3-3&skip=1&activation=gelu&loss=softmax_cross_entropy&l2=0.02&dtype=float64"),
    Case("dataset=iris&widths=3&norm=batch&activation=softplus&dtype=float64"),
]


def by_module(problem: Problem, theta: np.ndarray, part: str = "train") -> np.ndarray:
    """The Hessian by autograd twice through the plain torch module."""
    net = oracles.module(problem, theta)
    named = dict(net.named_parameters())

    def total(flat):
        parts = flat.split([p.numel() for p in named.values()])
        held = {name: part.view_as(p) for (name, p), part in zip(named.items(), parts, strict=True)}
        data = oracles.loss_of(problem, lambda x: functional_call(net, held, (x,)), part)  # type: ignore[arg-type]
        return data + problem.l2 * flat.square().sum()

    return torch.autograd.functional.hessian(total, torch.as_tensor(theta)).numpy()


def jacobian_form(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """G = Jᵀ C J from the Jacobian of all outputs and the second derivatives of the criterion."""
    loss = make_loss(problem)
    where, point = loss.parts["train"], torch.as_tensor(theta)
    z = loss.outputs(point, where.x)
    jacobian = torch.autograd.functional.jacobian(lambda p: loss.outputs(p, where.x).flatten(), point)
    criterion = CRITERIA[problem.loss].function
    curvature = torch.autograd.functional.hessian(
        lambda z: criterion(z.view(-1, problem.outputs), where.y).mean(), z.flatten()
    )
    return (jacobian.T @ curvature @ jacobian).numpy() + 2 * problem.l2 * np.eye(len(theta))


def vectors(count: int, P: int) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(7).standard_normal((count, P)))


def assert_near(found, expected, share: float = 1e-12) -> None:
    """Within a share of the largest entry: float64 by two routes, sums of some hundred rounded terms."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= share * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize("case", [*SMALL, *EVERY, *OTHERS], ids=str)
def test_products_equal_the_dense_hessian_of_the_plain_torch_module(case):
    problem, theta = case.problem, case.theta()
    v = vectors(3, len(theta))
    assert_near(products(make_loss(problem), torch.as_tensor(theta), v), v.numpy() @ by_module(problem, theta))


@pytest.mark.parametrize("case", [*SMALL, *EVERY[::3], *OTHERS], ids=str)
def test_gauss_newton_is_the_jacobian_form_and_the_residual_what_is_left(case):
    problem, point = case.problem, torch.as_tensor(case.theta())
    loss, v = make_loss(problem), vectors(3, len(point))
    found = {matrix: products(loss, point, v, matrix=matrix).numpy() for matrix in MATRICES}
    assert_near(found["gauss_newton"], v.numpy() @ jacobian_form(problem, case.theta()))
    assert_near(found["gauss_newton"] + found["residual"], found["hessian"])


@pytest.mark.parametrize("case", [SMALL[0], SMALL[1], SMALL[3], EVERY[4], OTHERS[1]], ids=str)
@pytest.mark.parametrize("matrix", MATRICES)
def test_the_dense_matrix_is_symmetric_and_gives_the_products(case, matrix):
    loss, point = make_loss(case.problem), torch.as_tensor(case.theta())
    found, v = dense(loss, point, matrix=matrix), vectors(2, len(point))
    assert torch.equal(found, found.T)
    assert_near(found @ v.T, products(loss, point, v, matrix=matrix).T)


@pytest.mark.parametrize("query", ["widths=4", "widths=3-3", "widths=3-3&skip=1"])
def test_the_test_part_has_its_own_curvature(query):
    problem = parse(Problem, f"dataset=wine&{query}&loss=softmax_cross_entropy&dtype=float64")
    theta = initial(problem, 1, "uniform", 1.0)
    loss, expected = make_loss(problem), by_module(problem, theta, "test")
    v = vectors(2, len(theta))
    assert_near(products(loss, torch.as_tensor(theta), v, "test"), v.numpy() @ expected)
    assert_near(dense(loss, torch.as_tensor(theta), "test"), expected)


def test_batchnorm_on_the_test_part_is_refused():
    loss = make_loss(OTHERS[2].problem)
    with pytest.raises(BadSpec, match=r"part=test.*Choose part=train"):
        operator(loss, torch.as_tensor(OTHERS[2].theta()), "test")


@pytest.mark.parametrize("case", [SMALL[2], SMALL[3], SMALL[4], SMALL[5], OTHERS[0]], ids=str)
def test_small_pieces_and_nothing_kept_give_the_same(case, monkeypatch):
    loss, point = make_loss(case.problem), torch.as_tensor(case.theta())
    v = vectors(7, len(point))
    whole = products(loss, point, v)
    monkeypatch.setattr(kernel, "NUMBERS", 1)  # the least number of patterns at a time
    monkeypatch.setattr(kernel, "TOGETHER", 3)
    assert_near(products(loss, point, v), whole)
    monkeypatch.setattr(kernel, "KEPT", 0)
    product = operator(loss, point)
    assert_near(product(v), whole)
    monkeypatch.setattr(kernel, "ENTRIES", 1)
    assert_near(dense(loss, point) @ v.T, whole.T)
    assert_near(product(v[:1]), whole[:1])  # again, and alone


@pytest.mark.parametrize("query", ["dataset=iris&widths=4", "dataset=wine&widths=8-5", "dataset=heart&widths=10"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_float32_stays_near_float64(query, matrix):
    single, double = (parse(Problem, f"{query}&dtype={dtype}") for dtype in ("float32", "float64"))
    point = torch.as_tensor(initial(single, 1, "uniform", 1.0)).float()
    v = vectors(4, len(point)).float()
    found = products(make_loss(single), point, v, matrix=matrix)
    assert found.dtype == torch.float32
    assert_near(found, products(make_loss(double), point.double(), v.double(), matrix=matrix), share=3e-6)


def test_of_a_threshold_network_only_the_output_layer_curves():
    problem = parse(Problem, "dataset=iris&widths=4-3&activation=threshold&dtype=float64")
    found = dense(make_loss(problem), torch.as_tensor(initial(problem, 1, "uniform", 1.0)))
    assert not found[:35].any() and torch.linalg.eigvalsh(found[35:, 35:])[-1] > 0.01
