"""XOR's stationary levels against networks that take them, and against the best output that patterns can share."""

import itertools
import math

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.stationary import LEVELS, levels
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse

TARGETS = np.array([0.0, 1.0, 1.0, 0.0])
FAR = 40.0  # an output, or a pre-activation, beyond which tanh and the sigmoid are at their ends in float64
# Which of the patterns 00, 01, 10, 11 share an output; weights (2, 2) and biases (2,) of tanh units for the others.
SHARED = {
    0: ((), [[FAR, FAR], [FAR, FAR]], [-FAR / 2, -1.5 * FAR]),  # or, and
    2: ((2, 3), [[FAR, FAR], [-FAR, FAR]], [-FAR / 2, -FAR / 2]),  # or, and whether only the second input is on
    3: ((1, 2, 3), [[FAR, FAR], [0.0, 0.0]], [-FAR / 2, 0.0]),
    4: ((0, 1, 2, 3), [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]),
}


def wanted(shared: tuple[int, ...], criterion: str) -> np.ndarray:
    """Outputs before the sigmoid, if there is one: right, or the shared patterns' mean target."""
    means = TARGETS.copy()
    means[list(shared)] = TARGETS[list(shared)].mean() if shared else 0.0
    if criterion == "squared_error":
        return means
    with np.errstate(divide="ignore"):
        return np.clip(np.log(means) - np.log1p(-means), -FAR, FAR)


@pytest.mark.parametrize("criterion", LEVELS)
@pytest.mark.parametrize("count", SHARED)
def test_a_network_with_shared_outputs_is_stationary_at_the_level(criterion, count):
    problem = parse(Problem, f"dataset=xor&widths=2&loss={criterion}&dtype=float64")
    shared, weights, biases = SHARED[count]
    loss, z = make_loss(problem), wanted(shared, criterion)
    hidden = np.tanh(loss.parts["train"].x.numpy() @ np.array(weights).T + biases)
    assert np.array_equal(loss.parts["train"].y.numpy().ravel(), TARGETS)
    last = np.linalg.lstsq(np.column_stack([hidden, np.ones(4)]), z, rcond=None)[0]
    np.testing.assert_allclose(np.column_stack([hidden, np.ones(4)]) @ last, z, atol=1e-9)
    theta = torch.tensor(np.concatenate([np.ravel(weights), biases, last]))
    gradient = loss.gradient(theta)
    assert float(loss.data_term(theta)) == pytest.approx(levels(problem)[[0, 2, 3, 4].index(count)], abs=1e-9)
    assert float(gradient.norm()) < 1e-8


@pytest.mark.parametrize("criterion", LEVELS)
def test_levels_are_the_least_losses_of_patterns_that_share_an_output(criterion):
    z = torch.linspace(-6, 6, 12_001, dtype=torch.float64)[:, None, None]
    losses = CRITERIA[criterion].function(z.expand(-1, 4, 1), torch.tensor(TARGETS)[:, None])
    found = {0.0}
    for count in (2, 3, 4):
        for shared in itertools.combinations(range(4), count):
            if len(set(TARGETS[list(shared)])) == 2:
                found.add(round(float(losses[:, list(shared)].sum(1).min()) / 4, 6))
    np.testing.assert_allclose(sorted(found), LEVELS[criterion], atol=2e-6)


@pytest.mark.parametrize(
    "query",
    ["dataset=iris", "l2=0.1", "widths=3", "widths=2-2", "noise=0.5", "max_samples=3", "loss=softmax_cross_entropy"],
)
def test_elsewhere_no_levels_are_known(query):
    names = dict(part.split("=") for part in f"dataset=xor&widths=2&{query}".split("&"))
    assert levels(parse(Problem, "&".join(f"{name}={value}" for name, value in names.items()))) == ()
    assert levels(parse(Problem, "dataset=xor&widths=2"))[-1] == math.log(2)
