import math

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.datasets import DATASETS
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem, offsets, parameter_name, split
from lossatlas.compute.spec.options import BadSpec, parse
from tests.cases import EXACT, SINGLE, SMALL, Case
from tests.oracles import plain_gradient, plain_loss


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_loss_and_gradient_equal_the_plain_torch_module(case):
    loss, theta = make_loss(case.problem), case.theta()
    point = torch.as_tensor(theta)
    for part in ("train", "test") if len(loss.parts["test"]) else ("train",):
        assert float(loss.data_term(point, part)) == pytest.approx(
            plain_loss(case.problem, theta, part).item(), rel=1e-12
        )
    np.testing.assert_allclose(loss.gradient(point).numpy(), plain_gradient(case.problem, theta), **EXACT)
    assert float(loss.penalty(point)) == pytest.approx(case.problem.l2 * float(theta @ theta), rel=1e-12)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_a_batch_equals_its_points_one_at_a_time(case):
    loss = make_loss(case.problem)
    batch = torch.as_tensor(np.stack([initial(case.problem, seed, "uniform", 1.0) for seed in range(5)]))
    for function in (loss.data_term, loss.accuracy, loss.gradient, loss.penalty):
        alone = torch.stack([function(point) for point in batch])
        np.testing.assert_allclose(function(batch).numpy(), alone.numpy(), **EXACT)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_float32_stays_near_float64(case):
    single = parse(Problem, case.query.replace("float64", "float32"))
    value = make_loss(single).data_term(torch.as_tensor(case.theta(), dtype=torch.float32))
    np.testing.assert_allclose(value.numpy(), plain_loss(case.problem, case.theta()).item(), **SINGLE)


@pytest.mark.parametrize("activation", ["tanh", "elu", "relu"])
def test_xor_at_zero_is_ln_2_with_zero_gradient(activation):
    loss = make_loss(parse(Problem, f"dataset=xor&widths=2&activation={activation}&dtype=float64"))
    assert loss.problem.architecture == "2-2-1" and loss.problem.parameters == 9
    assert float(loss.data_term(torch.zeros(9).double())) == pytest.approx(math.log(2), rel=1e-15)
    assert not loss.gradient(torch.zeros(9).double()).any()


def test_dead_relu_net_on_xor_is_stationary_at_ln_2():
    loss = make_loss(parse(Problem, "dataset=xor&widths=2&activation=relu&dtype=float64"))
    theta = torch.tensor([-1.0] * 6 + [1.0, 1.0, 0.0], dtype=torch.float64)
    assert float(loss.data_term(theta)) == pytest.approx(math.log(2), rel=1e-15)
    assert not loss.gradient(theta).any()


@pytest.mark.parametrize(("dataset", "shape", "count"), [
    ("xor&widths=2", "2-2-1", 9), ("iris&widths=4", "4-4-3", 35),
    ("heart&widths=10", "32-10-1", 341), ("mnist&widths=10", "784-10-10", 7960),
])  # fmt: skip
def test_the_studys_networks_have_its_parameter_counts(dataset, shape, count):
    problem = parse(Problem, f"dataset={dataset}")
    assert (problem.architecture, problem.parameters) == (shape, count)


def test_permuting_hidden_units_or_rescaling_relu_layers_leaves_the_loss():
    case = Case("dataset=iris&widths=4&activation=relu&dtype=float64")
    loss, theta = make_loss(case.problem), torch.as_tensor(case.theta())
    (w1, b1), (w2, b2) = (tuple(part.clone() for part in layer) for layer in split(case.problem.shapes, theta))
    order, factor = torch.tensor([2, 0, 3, 1]), 7.0
    permuted = torch.cat([w1[order].flatten(), b1[order], w2[:, order].flatten(), b2])
    scaled = torch.cat([factor * w1.flatten(), factor * b1, w2.flatten() / factor, b2])
    for other in (permuted, scaled):
        assert float(loss.data_term(other)) == pytest.approx(float(loss.data_term(theta)), rel=1e-13)


def test_equal_seeds_draw_equally_for_every_activation_and_scale_by_scheme():
    tanh, relu = (parse(Problem, f"dataset=iris&widths=4&activation={name}") for name in ("tanh", "relu"))
    assert np.array_equal(initial(tanh, 5, "uniform", 1.0), initial(relu, 5, "uniform", 1.0))
    assert np.array_equal(initial(tanh, 5, "uniform", 10.0), 10 * initial(tanh, 5, "uniform", 1.0))
    xavier, he = initial(tanh, 5, "auto", 1.0), initial(relu, 5, "auto", 1.0)
    assert np.array_equal(np.sign(xavier), np.sign(he)) and not np.array_equal(xavier, he)
    weights = initial(parse(Problem, "dataset=mnist&widths=100"), 0, "he", 1.0)[: 784 * 100]
    assert weights.var() == pytest.approx(2 / 784, rel=0.02)  # 78,400 draws: standard error 0.3 %


def test_parameter_names_follow_the_order_of_the_vector():
    problem = parse(Problem, "dataset=iris&widths=4")
    assert offsets(problem.shapes) == (0, 16, 20, 32, 35)
    assert [parameter_name(problem, n) for n in (0, 5, 16, 20, 34)] == [
        "W1[0,0]",
        "W1[1,1]",
        "b1[0]",
        "W2[0,0]",
        "b2[2]",
    ]


def test_a_regression_refuses_a_loss_for_classes_and_says_which_one_fits():
    with pytest.raises(BadSpec, match="squared_error or auto"):
        parse(Problem, "dataset=sine&loss=sigmoid_cross_entropy")
    assert parse(Problem, "dataset=sine").loss == "squared_error"
    assert parse(Problem, "dataset=iris").loss == "sigmoid_cross_entropy"
    assert math.isnan(float(make_loss(parse(Problem, "dataset=sine&loss=squared_error")).accuracy(torch.zeros(13))))


def test_a_network_too_large_is_refused_with_its_size():
    with pytest.raises(BadSpec, match="5,000,000 parameters"):
        parse(Problem, "dataset=mnist&widths=4096-4096")


def test_every_criterion_is_finite_for_huge_outputs():
    z, y = torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    for criterion in CRITERIA.values():
        assert torch.isfinite(criterion.function(z, y)).all()


@pytest.mark.parametrize("query", ["", "max_samples=101", "test_share=0.33", "test_share=0"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_pattern_counts_that_captions_state_are_the_real_ones(dataset, query):
    loss = "squared_error" if DATASETS[dataset].classes == 0 else "sigmoid_cross_entropy"
    problem = parse(Problem, f"dataset={dataset}&loss={loss}&{query}")
    parts = make_loss(problem).parts
    assert [patterns(problem, part) for part in parts] == [len(part) for part in parts.values()]
