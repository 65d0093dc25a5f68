"""What lies on a border may be named either way, and everything else may not."""

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse
from tests.borders import accuracies, assert_accuracies, reach, steady, undecided

NETS = {
    "one output": "dataset=moons&widths=6-3&activation=gelu&loss=squared_error&max_samples=180",
    "three outputs": "dataset=iris&widths=4&activation=tanh",
    "no hidden layer": "dataset=iris&widths=none",
    "float64": "dataset=iris&widths=4&dtype=float64",
    "statistics": "dataset=iris&widths=4&norm=batch",
}


@pytest.mark.parametrize(("outputs", "reach", "expected"), [
    ([[0.4], [0.6]], 0.05, [False, False]), ([[0.46], [0.5], [0.54]], 0.05, [True, True, True]),
    ([[1.0, 0.9], [0.8, 1.0]], 0.06, [True, False]),  # both outputs move: the gap of 0.1 closes by 0.12
    ([[0.0, 1.0, 0.95], [1.0, 0.0, 0.95]], 0.02, [False, False]), ([[2.0, 2.0, 0.0]], 0.0, [True]),
])  # fmt: skip
def test_a_pattern_is_undecided_where_two_errors_close_its_gap(outputs, reach, expected):
    exact = np.array(outputs)
    assert undecided(exact, np.full_like(exact, reach), 0.5).tolist() == expected


def test_what_any_route_may_err_by_grows_with_the_plain_ones_error_and_with_what_is_summed():
    exact, size = np.array([1.0, -3.0]), np.array([2.0, 4.0])
    last = float(np.finfo(np.float32).eps)
    np.testing.assert_allclose(reach(exact, exact, size, "float32"), 4 * last * size, rtol=1e-15)
    off = reach(exact + np.array([0.0, 0.04]), exact, size, "float32")
    np.testing.assert_allclose(off, size * (2 * 0.01 + 4 * last), rtol=1e-12)
    assert (reach(exact, exact, size, "float64") < 1e-7 * off).all()


@pytest.mark.parametrize("query", NETS.values(), ids=NETS)
def test_one_clear_pattern_named_wrongly_is_noticed(query):
    problem = parse(Problem, query)
    loss, points = make_loss(problem), np.stack([initial(problem, seed, "uniform", 1.0) for seed in range(4)])
    found = loss.accuracy(torch.as_tensor(points).to(loss.parts["test"].x.dtype), "test").numpy()
    assert_accuracies(loss, points, "test", found)
    _, free = accuracies(loss, points, "test")
    clear = int(np.flatnonzero(free == 0)[0])  # most points have no pattern near a border
    for wrong in (-1, 1):
        other = found.copy()
        other[clear] += wrong / len(loss.parts["test"])
        with pytest.raises(AssertionError, match="may be rounding"):
            assert_accuracies(loss, points, "test", found, other)
    with pytest.raises(AssertionError, match="may be rounding"):
        assert_accuracies(loss, points, "test", found * np.nan)


def test_a_pattern_moved_onto_the_border_may_be_named_either_way_and_the_next_one_may_not():
    loss = make_loss(parse(Problem, NETS["one output"]))
    theta = initial(loss.problem, 3, "uniform", 1.0)
    z = loss.outputs(torch.as_tensor(theta).float(), loss.parts["train"].x)[:, 0]
    theta[-1] += 0.5 - float(z[7])  # the bias of the output: the eighth pattern stands on the cut of 0.5
    exact, free = accuracies(loss, theta[None])
    one = 1 / len(z)
    assert free == pytest.approx([one])
    for moved in (-one, 0.0, one):
        assert_accuracies(loss, theta[None], "train", exact + moved)
    for moved in (-2 * one, 2 * one):
        with pytest.raises(AssertionError):
            assert_accuracies(loss, theta[None], "train", exact + moved)


def test_a_walk_is_the_same_by_every_route_up_to_a_slope_that_rounding_may_turn():
    loss = make_loss(parse(Problem, "dataset=xor&widths=2"))
    here = np.stack([initial(loss.problem, seed, "uniform", 1.0) for seed in range(12)]).reshape(2, 6, 9)
    assert steady(loss, here).tolist() == [5, 5]
    here[1, 3] = 0.0  # a stationary point
    assert steady(loss, here).tolist() == [5, 3]
