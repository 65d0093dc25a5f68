import itertools
import math

import numpy as np
import pytest
import torch
from torch.func import functional_call

from lossatlas.compute.numerics.kernels import hessians as kernel
from lossatlas.compute.numerics.kernels.hessians import hessians
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.spec.options import BadSpec, parse
from tests import oracles
from tests.cases import SMALL, Case

CRITERIA_IN_TURN = list(CRITERIA) * len(ACTIVATIONS)
EVERY = [
    Case(f"dataset=iris&widths=4&activation={name}&loss={criterion}&max_samples=40&dtype=float64")
    for name, criterion in zip(ACTIVATIONS, CRITERIA_IN_TURN, strict=False)
]
COUPLED = Case("dataset=wine&widths=3&activation=gelu&loss=softmax_cross_entropy&l2=0.02&dtype=float64")


def dense(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """By autograd twice through the plain torch module, one point at a time."""
    net = oracles.module(problem, theta)
    named = dict(net.named_parameters())

    def total(flat):
        parts = flat.split([p.numel() for p in named.values()])
        held = {name: part.view_as(p) for (name, p), part in zip(named.items(), parts, strict=True)}
        return oracles.loss_of(problem, lambda x: functional_call(net, held, (x,)), "train")  # type: ignore[arg-type]

    data = torch.autograd.functional.hessian(total, torch.as_tensor(theta))
    return data.numpy() + 2 * problem.l2 * np.eye(len(theta))


def at(problem: Problem, *thetas) -> np.ndarray:
    points = torch.as_tensor(np.array(thetas), dtype=torch.float64)
    return hessians(make_loss(problem), points).numpy()


def assert_near(found: np.ndarray, expected: np.ndarray, share: float = 1e-12) -> None:
    """Within a share of the largest entry: float64 by two routes, sums of some hundred rounded terms."""
    assert np.abs(found - expected).max() <= share * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize("case", [*SMALL, *EVERY, COUPLED], ids=str)
def test_hessians_equal_autograd_twice_through_the_plain_torch_module(case):
    points = [initial(case.problem, seed, "uniform", 1.5) for seed in (1, 2)]
    found = at(case.problem, *points)
    assert np.array_equal(found, found.transpose(0, 2, 1))
    for one, theta in zip(found, points, strict=True):
        assert_near(one, dense(case.problem, theta))


@pytest.mark.parametrize("query", [
    "dataset=digits&max_samples=12&network=lenet&channels=1-2&dense=3&activation=tanh",
    "dataset=iris&widths=3-3&skip=1&activation=gelu",
    "dataset=iris&widths=3&norm=batch&activation=softplus",
])  # fmt: skip
def test_other_networks_have_the_slope_of_their_gradient(query):
    problem = parse(Problem, f"{query}&dtype=float64&l2=0.01")
    theta, v = (torch.as_tensor(initial(problem, seed, "auto", 1.0)) for seed in (1, 2))
    loss, h = make_loss(problem), 1e-5
    slope = (loss.gradient(theta + h * v) - loss.gradient(theta - h * v)) / (2 * h)
    found = hessians(loss, theta[None])[0] @ v
    assert_near(found.numpy(), slope.numpy(), share=1e-7)  # central differences: h² and rounding / h


@pytest.mark.parametrize(("activation", "loss", "largest"), [
    ("tanh", "sigmoid_cross_entropy", 0.25), ("elu", "sigmoid_cross_entropy", 0.25),
    ("tanh", "sigmoid_squared_error", 0.125), ("elu", "sigmoid_squared_error", 0.125),
    ("sigmoid", "sigmoid_cross_entropy", 0.375), ("sigmoid", "sigmoid_squared_error", 0.1875),
])  # fmt: skip
def test_xor_at_zero_curves_one_way_only(activation, loss, largest):
    problem = parse(Problem, f"dataset=xor&widths=2&activation={activation}&loss={loss}&dtype=float64")
    values = np.linalg.eigvalsh(at(problem, np.zeros(9))[0])
    assert values[-1] == pytest.approx(largest, rel=1e-14) and np.abs(values[:-1]).max() < 1e-15


def test_a_dead_relu_net_curves_in_the_output_bias_only():
    problem = parse(Problem, "dataset=xor&widths=2&activation=relu&dtype=float64")
    found = at(problem, [-1.0] * 6 + [1.0, 1.0, 0.0])[0]
    assert found[8, 8] == pytest.approx(0.25, rel=1e-15)
    assert np.count_nonzero(found) == 1


@pytest.mark.parametrize("query", ["dataset=iris&widths=4", "dataset=xor&widths=3", "dataset=moons&widths=3-3"])
def test_relu_with_cross_entropy_is_convex_in_each_tensor(query):
    problem = parse(Problem, f"{query}&activation=relu&dtype=float64")
    found = at(problem, *(initial(problem, seed, "uniform", 2.0) for seed in range(5)))
    cuts = offsets(problem.shapes)
    for begin, end in itertools.pairwise(cuts):
        assert np.linalg.eigvalsh(found[:, begin:end, begin:end]).min() > -1e-14
    assert np.linalg.eigvalsh(found)[:, 0].min() < -1e-3  # but not in all of them together


def test_of_a_threshold_network_only_the_output_layer_curves():
    problem = parse(Problem, "dataset=iris&widths=4&activation=threshold&dtype=float64")
    found = at(problem, initial(problem, 1, "uniform", 1.0))[0]
    assert not found[:20].any() and not found[:, :20].any()
    assert np.linalg.eigvalsh(found[20:, 20:])[-1] > 0.01


@pytest.mark.parametrize("case", [SMALL[2], SMALL[7], COUPLED], ids=str)
def test_small_pieces_give_the_same(case, monkeypatch):
    points = [initial(case.problem, seed, "uniform", 1.0) for seed in range(7)]
    whole = at(case.problem, *points)
    rows = max(case.problem.sizes[0], 40)
    monkeypatch.setattr(kernel, "NUMBERS", 13 * rows // 8)  # some patterns of one point at a time
    monkeypatch.setattr(kernel, "COLUMNS", 50)  # some products of inputs at a time
    assert_near(at(case.problem, *points), whole)
    for one, theta in zip(whole, points, strict=True):
        assert_near(at(case.problem, theta)[0], one)


def test_the_penalty_is_on_the_diagonal_and_can_be_left_out():
    loss = make_loss(COUPLED.problem)
    point = torch.as_tensor(COUPLED.theta())[None]
    added = hessians(loss, point) - hessians(loss, point, penalty=False)
    np.testing.assert_allclose(added[0].numpy(), 0.04 * np.eye(added.shape[1]), atol=1e-15)


@pytest.mark.parametrize("query", ["dataset=iris&widths=4", "dataset=heart&widths=10", "dataset=wine&widths=4-3"])
def test_float32_stays_near_float64(query):
    single, double = (parse(Problem, f"{query}&dtype={dtype}") for dtype in ("float32", "float64"))
    points = torch.as_tensor(np.stack([initial(single, seed, "uniform", 1.0) for seed in range(3)])).float()
    found = hessians(make_loss(single), points)
    assert found.dtype == torch.float32
    assert_near(found.numpy(), at(double, *points.double().numpy()), share=2e-6)


def test_a_point_that_overflows_spoils_itself_only():
    problem = parse(Problem, "dataset=iris&widths=4&dtype=float64")
    theta = initial(problem, 1, "uniform", 1.0)
    found = at(problem, theta, np.full_like(theta, math.nan), theta)
    assert np.isfinite(found[[0, 2]]).all() and np.isnan(found[1]).any()


def test_too_much_at_once_is_refused_with_the_estimate_and_the_limit():
    loss = make_loss(parse(Problem, "dataset=mnist&widths=30&max_samples=100"))
    with pytest.raises(BadSpec, match=r"2\.15 GB.*1 of 784-30-10 with 23,860 parameters take about 11\.39 GB"):
        hessians(loss, torch.zeros(1, 23_860))
