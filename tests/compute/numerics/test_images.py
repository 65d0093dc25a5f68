"""The compiled LeNet against the plain loop: error, accuracy, and values that do not depend on their company."""

from typing import Any

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.kernels import images, plain, plan
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse
from tests.borders import assert_accuracies

pytestmark = pytest.mark.skipif(not images.AVAILABLE, reason="numba is not installed")
DIGITS = "dataset=digits&network=lenet&channels=3-6&dense=7-5&max_samples=150"  # a full strip and a part of one
MNIST = "dataset=mnist&network=lenet&channels=2-5&dense=9&max_samples=70"


def asked(query: str, points: int = 5) -> tuple[Any, Any, Any, Any]:
    problem, rng = parse(Problem, query), np.random.default_rng(0)
    loss, center = make_loss(problem), initial(problem, 0, "auto", 1.0) + 0.05 * rng.standard_normal(problem.parameters)
    found = loss.statistics(torch.as_tensor(center).float())
    directions = 0.05 * rng.standard_normal((2, len(center)))
    if found is not None:
        center = np.concatenate([center, found.double().numpy()])
        directions = np.hstack([directions, 0.1 * rng.uniform(-1, 1, (2, len(found))) * found.double().numpy()])
    return loss, center.astype("float32").astype(float), directions, rng.uniform(-1, 1, (points, 2))


@pytest.mark.parametrize("query", [
    *(f"{DIGITS}&loss={name}" for name in CRITERIA), f"{DIGITS}&activation=relu", f"{DIGITS}&activation=gelu", MNIST,
    f"{MNIST}&activation=elu&alpha=1.5&loss=softmax_cross_entropy", f"{DIGITS}&norm=batch",
    f"{MNIST}&norm=batch&activation=silu&loss=squared_error",
])  # fmt: skip
def test_losses_and_accuracies_are_those_of_the_plain_loop(query):
    loss, center, directions, coordinates = asked(query)
    assert plan.worst(plan.PATHS["images"], loss, len(center), 2) <= 1.0
    for part in ("train", "test"):
        data, accuracy = images.losses_at(loss, center, directions, coordinates, part, True)
        expected, right = plain.losses_at(loss, center, directions, coordinates, part, True)
        np.testing.assert_allclose(data, expected, rtol=2e-6)  # float32 sums of up to some hundred terms
        assert_accuracies(loss, center + coordinates @ directions, part, accuracy, right)


def test_a_value_does_not_depend_on_the_other_points():
    loss, center, directions, coordinates = asked(DIGITS, 9)
    whole = images.losses_at(loss, center, directions, coordinates, "train")[0]
    pieces = [images.losses_at(loss, center, directions, c, "train")[0] for c in np.split(coordinates, [2, 3])]
    assert np.array_equal(whole, np.concatenate(pieces))
    along = images.losses_at(loss, center, directions[:1], coordinates[:, :1], "train")[0]
    flat = coordinates * [1, 0]
    np.testing.assert_allclose(along, images.losses_at(loss, center, directions, flat, "train")[0], rtol=1e-6)


def test_nan_stays_nan_and_an_empty_part_has_no_loss():
    loss, center, directions, coordinates = asked(f"{DIGITS}&test_share=0")
    assert np.isnan(images.losses_at(loss, center, directions, coordinates, "test", True)).all()
    center[5] = np.nan  # a weight of the first convolution
    assert np.isnan(images.losses_at(loss, center, directions, coordinates, "train", True)).all()


def test_a_variance_that_moves_below_zero_counts_as_zero():
    loss, center, directions, coordinates = asked(f"{DIGITS}&norm=batch")
    directions[:, loss.problem.parameters :] *= 100
    data = images.losses_at(loss, center, directions, coordinates, "train")[0]
    expected = plain.losses_at(loss, center, directions, coordinates, "train")[0]
    np.testing.assert_allclose(data, expected, rtol=1e-4)  # 1 / √1e-5 magnifies the rounding of float32


def test_lenets_without_batchnorm_in_float32_are_served():
    def path(query: str) -> str:
        problem = parse(Problem, query)
        return plan.chosen(problem, problem.parameters, 2)

    assert path(DIGITS) == "images"
    assert path(f"{DIGITS}&dtype=float64") == "affine"
    assert path(f"{DIGITS}&norm=batch") == "plain"  # statistics anew at every point
