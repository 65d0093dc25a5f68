"""Boundaries: the plain module's outputs, the training's own accuracy, and what has no picture."""

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.boundaries import MARGIN, Boundary, places
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure, pack, unpack
from tests.cases import EXACT, SINGLE
from tests.oracles import module

QUICK = "steps=30&boundary_points=9&boundary_moments=5"
CASES = [
    "dataset=circles&widths=4&activation=tanh&dtype=float64",
    "dataset=blobs&widths=3-3&skip=1&activation=elu&dtype=float64&loss=softmax_cross_entropy",
    "dataset=moons&widths=4&activation=relu&norm=batch&dtype=float64",
    "dataset=xor&widths=2&activation=sine&dtype=float64&loss=squared_error&rescale=3",
    "dataset=sine&widths=5&activation=gelu&dtype=float64",
]


def asked(query: str):
    return ask(question("boundary", f"{query}&{QUICK}")), ask(question("training", f"{query}&steps=30"))


def points_of(result) -> np.ndarray:
    """The grid's points one by one, as a reader of the docstring would make them."""
    if not len(result.y):
        return np.array([[x] for x in result.x])
    return np.array([[x, y] for y in result.y for x in result.x])


@pytest.mark.parametrize("query", CASES)
def test_outputs_are_the_plain_modules_at_every_step_shown(query):
    result, training = asked(query)
    points = torch.as_tensor(points_of(result))
    for place, step in enumerate(result.step):
        theta = training.theta[training.step == step][0]
        net = module(result.spec.problem, theta)
        if (
            result.spec.problem.norm == "batch"
        ):  # a pass over all training patterns in training mode sets the statistics
            for part in net.modules():
                if isinstance(part, torch.nn.BatchNorm1d):
                    part.momentum = 1.0
            net(torch.as_tensor(result.train_x))
            for part in net.modules():
                if isinstance(part, torch.nn.BatchNorm1d):  # torch keeps the variance of a sample
                    assert part.running_var is not None
                    part.running_var.mul_((len(result.train_x) - 1) / len(result.train_x))
            net.eval()
        with torch.no_grad():
            expected = net(points).numpy()
        np.testing.assert_allclose(result.output[place].reshape(expected.shape), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("query", CASES)
def test_the_share_of_right_patterns_is_the_trainings_accuracy(query):
    result, training = asked(query)
    kept = np.isin(training.step, result.step)
    np.testing.assert_array_equal(result.accuracy, training.train_accuracy[kept])
    assert result.step[-1] == 30 and result.step[0] == 0


def test_a_pattern_on_the_grid_is_classified_as_the_picture_shows():
    """A second route to the accuracy: the nearest point of a fine grid names the class of nearly every pattern."""
    result = ask(question("boundary", "dataset=circles&steps=200&boundary_points=201&boundary_moments=1"))
    column = np.abs(result.train_x[:, :1] - result.x).argmin(1)
    row = np.abs(result.train_x[:, 1:] - result.y).argmin(1)
    said = result.output[-1, row, column, 0] > 0
    assert abs((said == result.train_y).mean() - result.accuracy[-1]) < 0.03 and result.accuracy[-1] > 0.8


def test_the_grid_reaches_beyond_all_patterns_by_its_margin():
    result, _ = asked("dataset=moons")
    for axis, number in ((result.x, 0), (result.y, 1)):
        values = np.concatenate([result.train_x, result.test_x])[:, number]
        room = MARGIN * np.ptp(values)
        np.testing.assert_allclose(axis[[0, -1]], [values.min() - room, values.max() + room], **SINGLE)
        np.testing.assert_allclose(np.diff(axis), np.diff(axis)[0], **EXACT)
    assert result.output.shape == (5, 9, 9, 1) and result.output.dtype == np.float32


def test_the_table_names_step_and_place_of_every_output():
    result, _ = asked("dataset=blobs&widths=3")
    table = result.table
    assert list(table) == ["step", "x", "y", "output_0", "output_1", "output_2"]
    row = np.ravel_multi_index((3, 2, 7), (5, 9, 9))
    assert table["step"][row] == result.step[3]
    assert (table["y"][row], table["x"][row]) == (result.y[2], result.x[7])
    assert table["output_1"][row] == result.output[3, 2, 7, 1]


def test_a_regression_has_targets_and_no_accuracy():
    result, training = asked("dataset=sine&widths=5&dtype=float64")
    assert np.isnan(result.accuracy).all() and result.output.shape == (5, 33, 1) and not len(result.y)
    near = np.abs(result.x[:, None] - result.train_x[:, 0]).argmin(0)
    mean_square = np.mean((result.output[-1, near, 0] - result.train_y) ** 2)
    assert mean_square == pytest.approx(training.train_loss[-1], rel=0.2)  # the grid's nearest point, not the pattern


def test_other_inputs_have_no_picture_and_cost_no_training():
    answer = ask(question("boundary", "dataset=iris&steps=100000"))
    assert isinstance(answer, Failure) and answer.kind == "other inputs"
    assert "Iris has 4" in answer.sentence and "circles" in answer.sentence


def test_a_diverged_training_shows_what_came_before_or_says_that_there_is_nothing():
    diverged = "dataset=circles&widths=4&activation=quadratic&optimiser=sgd&rate=1000"
    result = ask(question("boundary", f"{diverged}&{QUICK}"))
    assert not isinstance(result, Failure) and "diverged" in result.warnings[0]
    assert 1 <= len(result.step) < 5 and np.isfinite(result.accuracy).all()
    nothing = ask(
        question("boundary", f"dataset=circles&widths=4-4-4-4-4-4-4-4&activation=quadratic&init_range=900&{QUICK}")
    )
    assert isinstance(nothing, Failure) and nothing.kind == "diverged"


def test_bounds_and_places():
    with pytest.raises(BadSpec, match="at most 4,000,000 numbers"):
        parse(Boundary, "dataset=circles&boundary_points=201&boundary_moments=200")
    spec = parse(Boundary, "dataset=circles&steps=400&boundary_moments=7")
    assert len(places(spec)) == 7 and places(spec)[0] == 0 and places(spec)[-1] == 199
    assert len(places(parse(Boundary, "dataset=circles&steps=0"))) == 1
    result, _ = asked("dataset=circles")
    again = unpack(type(result), pack(result))
    np.testing.assert_array_equal(again.output, result.output)
