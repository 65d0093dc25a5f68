"""Slices along single weights against the plain loop, and the weights along the training."""

import numpy as np
import pytest

from lossatlas.compute.analyses.table import question
from lossatlas.compute.problem.nets import parameter_name
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import Failure
from tests.cases import EXACT, SMALL
from tests.oracles import plain_loss

FEW = "steps=20&weight_points=5"


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_every_curve_is_the_plain_loops(case):
    result = ask(question("weight_slices", f"{case}&{FEW}&weight_range=0.7"))
    problem, theta = case.problem, result.theta.astype(np.float64)
    assert result.loss.shape == (problem.parameters, 5)
    np.testing.assert_allclose(result.axis, [-0.7, -0.35, 0, 0.35, 0.7], **EXACT)
    rng = np.random.default_rng(0)
    for weight in rng.permutation(problem.parameters)[:12]:
        for place in range(5):
            point = theta.copy()
            point[weight] += result.axis[place]
            expected = float(plain_loss(problem, point).detach()) + problem.l2 * point @ point
            np.testing.assert_allclose(result.loss[weight, place], expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_middle_is_the_trainings_final_loss_to_the_bit(dtype, part):
    query = f"dataset=iris&widths=4&l2=0.01&steps=20&dtype={dtype}"
    result = ask(question("weight_slices", f"{query}&weight_points=41&part={part}"))
    training = ask(question("training", query))
    final = training.train_loss if part == "train" else training.test_loss
    assert (result.loss[:, 20] == final[-1] + training.penalty[-1]).all()
    assert np.ptp(result.loss, axis=1).min() > 0  # the curves themselves move


def test_moving_the_outgoing_weight_of_a_dead_unit_changes_the_penalty_alone():
    """A unit of a ReLU network that is off for all patterns: the curve is the penalty's parabola, else it is not."""
    inputs, found = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), set()
    for seed in range(8):
        query = f"dataset=xor&widths=2&activation=relu&dtype=float64&steps=0&l2=0.1&seed={seed}"
        result = ask(question("weight_slices", query))
        theta, axis = result.theta, result.axis
        for unit, place in enumerate((6, 7)):
            off = bool((inputs @ theta[2 * unit : 2 * unit + 2] + theta[4 + unit] <= 0).all())
            change = result.loss[place] - result.loss[place, len(axis) // 2]
            parabola = 0.1 * (2 * theta[place] * axis + axis**2)
            assert np.allclose(change, parabola, rtol=1e-9, atol=1e-12) == off
            found.add(off)
    assert found == {True, False}


def test_the_automatic_range_takes_every_weight_past_zero():
    result = ask(question("weight_slices", f"dataset=iris&widths=4&{FEW}"))
    assert result.axis[-1] >= np.abs(result.theta).max() > result.axis[-1] / 2
    assert result.axis[0] == -result.axis[-1] and result.axis[2] == 0
    ladder = result.axis[-1] / 10.0 ** np.floor(np.log10(result.axis[-1]))
    assert round(float(ladder), 9) in (1, 1.5, 2, 3, 5, 7)


def test_names_and_tables():
    result = ask(question("weight_slices", f"dataset=iris&widths=4&{FEW}"))
    table = result.table
    assert list(table)[:2] == ["displacement", "W1[0,0]"] and list(table)[-1] == "b2[2]"
    np.testing.assert_array_equal(table["b1[1]"], result.loss[17])
    along = ask(question("weights", "dataset=iris&widths=4&steps=20"))
    assert along.table["W2[1,2]"].shape == along.step.shape


def test_weights_are_the_trainings_own():
    query = "dataset=circles&widths=3&norm=batch&steps=50"
    result, training = ask(question("weights", query)), ask(question("training", query))
    np.testing.assert_array_equal(result.theta, training.theta)
    np.testing.assert_array_equal(result.step, training.step)
    assert result.names == tuple(parameter_name(result.spec.problem, n) for n in range(result.theta.shape[1]))


@pytest.mark.parametrize("analysis", ["weights", "weight_slices"])
def test_large_networks_are_refused_without_training(analysis):
    answer = ask(question(analysis, "dataset=heart&widths=10&steps=100000"))
    assert isinstance(answer, Failure) and answer.kind == "not drawn" and "341" in answer.sentence


def test_what_cannot_be_asked_or_answered():
    with pytest.raises(BadSpec, match="weight_points must be odd"):
        question("weight_slices", "weight_points=8")
    answer = ask(question("weight_slices", "dataset=xor&widths=2&part=test&steps=5"))
    assert isinstance(answer, Failure) and answer.kind == "no test part"
    answer = ask(question("weights", "dataset=digits&network=lenet&channels=1-1&dense=none&steps=1"))
    assert isinstance(answer, Failure) and "network=mlp" in answer.sentence
