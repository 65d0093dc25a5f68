"""Networks beyond the MLP: skip connections, LeNet and BatchNorm, against plain torch modules in float64."""

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.plane import make_plane
from lossatlas.compute.analyses.planes.where import STATISTICS, Place
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.numerics.directions import filter_normalised
from lossatlas.compute.numerics.kernels import affine, plain
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem, offsets, parameter_name
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse, relevant
from tests.cases import EXACT
from tests.oracles import module, plain_gradient, plain_loss

NETWORKS = [
    "dataset=iris&widths=5-5-5&skip=1&activation=elu",
    "dataset=iris&widths=5&norm=batch&activation=tanh",
    "dataset=moons&widths=6-6-6&skip=1&norm=batch&activation=gelu&max_samples=40",
    "dataset=digits&network=lenet&channels=3-4&dense=7&max_samples=30",
    "dataset=digits&network=lenet&channels=3-4&dense=6-5&norm=batch&activation=silu&max_samples=30",
    "dataset=mnist&network=lenet&channels=2-3&dense=5&activation=softplus&max_samples=12&loss=softmax_cross_entropy",
]
CONV: dict[str, Any] = {
    "rtol": 1e-10,
    "atol": 1e-12,
}  # float64: torch's convolution sums in another order by batch size


def problem_of(query: str, dtype: str = "float64") -> Problem:
    return parse(Problem, f"{query}&dtype={dtype}")


def point(problem: Problem, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)  # γ and β too, unlike an initial draw
    return initial(problem, seed, "auto", 1.0) + 0.1 * rng.standard_normal(problem.parameters)


@pytest.mark.parametrize("query", NETWORKS)
def test_loss_and_gradient_agree_with_the_torch_module(query):
    problem = problem_of(query)
    loss, theta = make_loss(problem), point(problem)
    assert sum(p.numel() for p in module(problem, theta).parameters()) == problem.parameters
    measured = float(loss.data_term(torch.as_tensor(theta)))
    np.testing.assert_allclose(measured, plain_loss(problem, theta).item(), **CONV)
    gradient, data, _ = loss.with_gradient(torch.as_tensor(theta))
    np.testing.assert_allclose(gradient.numpy(), plain_gradient(problem, theta), rtol=1e-8, atol=1e-11)
    assert float(data) == pytest.approx(measured, rel=1e-12)


@pytest.mark.parametrize("query", NETWORKS)
def test_a_batch_of_points_equals_its_points(query):
    problem = problem_of(query)
    loss, batch = make_loss(problem), torch.as_tensor(np.stack([point(problem, seed) for seed in range(3)]))
    together = loss.measure(batch)
    for place, theta in enumerate(batch):
        for found, alone in zip(together, loss.measure(theta), strict=True):
            np.testing.assert_allclose(found[place], alone, **CONV)
    gradients = loss.gradient(batch)
    for place, theta in enumerate(batch):
        np.testing.assert_allclose(gradients[place], loss.gradient(theta), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("query", [q for q in NETWORKS if "norm=batch" in q])
def test_statistics_are_those_torch_uses_and_the_test_part_is_normalised_by_them(query):
    problem = problem_of(query)
    loss, theta = make_loss(problem), point(problem)
    net = module(problem, theta)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.momentum = 1.0
    net(loss.parts["train"].x)
    count = len(loss.parts["train"])
    expected = []
    blocks: list[Any] = [block for block in net if hasattr(block, "norm")]
    for layer, block in zip([layer for layer in problem.layers if layer.norm], blocks, strict=True):
        seen = count * layer.places
        block.norm.running_var *= (seen - 1) / seen  # torch keeps the unbiased one
        expected += [block.norm.running_mean, block.norm.running_var]
    found = loss.statistics(torch.as_tensor(theta))
    assert found is not None
    np.testing.assert_allclose(found, torch.cat(expected), rtol=1e-9, atol=1e-12)
    net.eval()
    where = loss.parts["test"]
    z = net(where.x)
    right = (z.argmax(-1) == where.labels) if problem.outputs > 1 else ((z[:, 0] > 0) == where.labels)
    assert float(loss.accuracy(torch.as_tensor(theta), "test")) == pytest.approx(float(right.double().mean()))


@pytest.mark.parametrize("query", NETWORKS)
def test_the_affine_path_equals_the_plain_loop(query):
    problem = problem_of(query)
    loss, center = make_loss(problem), point(problem)
    rng = np.random.default_rng(0)
    found = loss.statistics(torch.as_tensor(center))
    if found is not None:
        center = np.concatenate([center, found.numpy()])
    directions, coordinates = 0.1 * rng.standard_normal((2, len(center))), rng.uniform(-1, 1, (7, 2))
    for part in ("train", "test"):
        args = (loss, center, directions, coordinates, part, True)
        for fast, slow in zip(affine.losses_at(*args), plain.losses_at(*args), strict=True):
            np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-12)


def test_a_negative_variance_counts_as_zero_and_never_gives_nan():
    problem = problem_of("dataset=iris&widths=5&norm=batch")
    loss, theta = make_loss(problem), point(problem)
    below = torch.cat([torch.zeros(5), -torch.ones(5)]).double()
    values = [float(loss.measure(torch.as_tensor(theta), "train", s)[0]) for s in (below, below.clamp_min(0.0))]
    assert np.isfinite(values).all() and values[0] == values[1]


def test_skip_connections_with_zero_inner_layers_are_the_shallow_network():
    deep, shallow = (
        problem_of(f"dataset=iris&widths={w}&activation=tanh&{s}") for w, s in (("4-4-4", "skip=1"), ("4", ""))
    )
    theta = point(shallow)
    first, last = theta[: 4 * 5], theta[4 * 5 :]
    padded = np.concatenate([first, np.zeros(2 * (16 + 4)), last])  # tanh(0) = 0: each block adds nothing
    values = [float(make_loss(p).data_term(torch.as_tensor(t))) for p, t in ((deep, padded), (shallow, theta))]
    np.testing.assert_allclose(values[0], values[1], **EXACT)


def test_scaling_the_weights_before_batchnorm_leaves_the_loss():
    problem = problem_of("dataset=iris&widths=5&norm=batch&activation=relu")
    theta = point(problem)
    scaled = theta.copy()
    scaled[: 4 * 5] *= 3.0
    values = [float(make_loss(problem).data_term(torch.as_tensor(t))) for t in (theta, scaled)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)  # but for the 1e-5 added to a variance
    assert values[0] != values[1]


def test_filter_normalisation_scales_whole_filters_and_leaves_norm_layers_alone():
    problem = problem_of("dataset=digits&network=lenet&channels=3-4&dense=6&norm=batch")
    center, drawn = point(problem, 1), np.random.default_rng(0).standard_normal(problem.parameters)
    found = filter_normalised(drawn, center, problem.shapes)
    named = zip(problem.shapes, np.split(found, offsets(problem.shapes)[1:-1]), strict=True)
    for (shape, part), own, raw in zip(
        named,
        np.split(center, offsets(problem.shapes)[1:-1]),
        np.split(drawn, offsets(problem.shapes)[1:-1]),
        strict=True,
    ):
        if len(shape) == 1:
            assert not part.any()
            continue
        rows, weights, draws = (vector.reshape(shape[0], -1) for vector in (part, own, raw))
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.linalg.norm(weights, axis=1), rtol=1e-12)
        ratio = rows / draws  # a filter's direction is parallel to its draw
        np.testing.assert_allclose(ratio, np.repeat(ratio[:, :1], rows.shape[1], 1), rtol=1e-12)


def test_a_mini_batch_is_taken_in_blocks_where_it_can_be():
    problem = problem_of("dataset=digits&network=lenet&channels=3-4&dense=6&max_samples=900")
    loss, theta = make_loss(problem), torch.as_tensor(point(problem))
    chosen = torch.arange(700)
    whole = loss.gradient(theta, chosen)
    pieces = replace(loss, parts=loss.parts)
    object.__setattr__(pieces, "blocks", lambda count: iter([slice(0, 300), slice(300, count)]))
    np.testing.assert_allclose(pieces.gradient(theta, chosen), whole, rtol=1e-9, atol=1e-12)


def test_names_and_architecture():
    problem = problem_of("dataset=digits&network=lenet&channels=3-4&dense=6&norm=batch")
    assert problem.architecture == "8×8-3c3-4c3-6-10, BatchNorm"
    assert [parameter_name(problem, n) for n in (0, 27, 30, 33)] == ["W1[0,0,0,0]", "b1[0]", "γ1[0]", "β1[0]"]
    assert problem_of("dataset=mnist&network=lenet").parameters == 61_706  # LeNet-5 on 28×28, first layer padded
    assert problem_of("dataset=iris&widths=8-8&skip=1").architecture == "4-8-8-3 with skips"


def test_options_of_the_other_network_do_not_enter_a_question():
    lenet = relevant(problem_of("dataset=digits&network=lenet"))
    assert "widths" not in lenet and "skip" not in lenet and "channels" in lenet
    assert "channels" not in relevant(Problem())
    assert dataclasses.replace(problem_of("dataset=digits&network=lenet"), skip=True).layers[3].skip is False


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=iris&network=lenet", "digits, mnist"),
    ("dataset=iris&widths=4-5&skip=1", "one width"),
    ("dataset=iris&widths=4&skip=1", "two or more"),
    ("dataset=iris&widths=none&norm=batch", "none"),
    ("dataset=digits&network=lenet&channels=6", "two convolutions"),
])  # fmt: skip
def test_networks_that_cannot_be_are_refused_with_a_reason(query, words):
    with pytest.raises(BadSpec, match=words):
        problem_of(query)


BATCHED = "dataset=iris&widths=5-5&skip=1&norm=batch&steps=30&points=9&extent=0.5&dtype=float64&activation=tanh"


@pytest.mark.parametrize("directions", ["filter", "gaussian", "trajectory", "interpolation", "weights"])
def test_the_three_treatments_of_batchnorm_agree_at_the_center_and_differ_elsewhere(directions):
    results = {name: ask(parse(Slice, f"{BATCHED}&directions={directions}&statistics={name}")) for name in STATISTICS}
    grids = [result.data for result in results.values()]
    assert all(np.isfinite(grid).all() for grid in grids)
    assert grids[0][4, 4] == grids[1][4, 4] == grids[2][4, 4]
    others = [grid[4, 6] for grid in grids]
    assert len(set(others)) == (2 if directions == "weights" else 3)  # single weights move no statistics
    for name, result in results.items():
        assert STATISTICS[name] in result.notes[0]
        if name == "recomputed":
            assert result.data[4, 6] == pytest.approx(plain_value(result, 4, 6), rel=1e-12)


def plain_value(result, row: int, column: int) -> float:
    """The loss of a grid point by the torch module in training mode: statistics of its own."""
    axis = symmetric_axis(result.extent, result.spec.points)
    theta = result.theta + axis[row] * result.u + axis[column] * result.v
    return plain_loss(result.spec.problem, theta).item()


def test_statistics_moved_on_a_trajectory_plane_are_the_least_squares_fit_of_those_on_the_path():
    place = parse(
        Place, "dataset=iris&widths=5&norm=batch&dtype=float64&directions=trajectory&statistics=moved&steps=2"
    )
    trained = run_training(Training(place.problem, place.start))
    plane, loss = make_plane(place, trained), make_loss(place.problem)
    assert len(plane.path) == 3  # the center and two more points: the fit is exact
    for coordinates, theta in zip(plane.path, trained.theta, strict=True):
        moved, found = plane.buffers[0] + coordinates @ plane.buffers[1:], loss.statistics(torch.as_tensor(theta))
        assert found is not None
        np.testing.assert_allclose(moved, found, rtol=1e-7, atol=1e-10)
