"""The fused kernels against the plain loss in float64, and their scalar functions against torch."""

import functools
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.kernels import fused, plain
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse
from tests.borders import assert_accuracies

try:
    from numba import njit
except ImportError:
    njit = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[3]

needs_numba = pytest.mark.skipif(not fused.AVAILABLE, reason="numba is not installed")

DEPTHS = {"none": "moons", "5": "iris", "6-3": "moons", "5-4-3": "iris"}  # hidden widths; one output, and three
EPS = float(np.finfo(np.float32).eps)
FLOOR = 4 * EPS  # of the largest loss: what rounding center and directions costs any float32 route; the plain loop's
# own error may be less by luck
NORMAL = float(np.finfo(np.float32).tiny)  # below it exponentials answer 0; SiLU and Mish multiply that by up to 90
PARAMETERS = {"alpha": 1.5, "slope": 0.1, "beta": 2.0, "": 0.0}


@functools.cache
def losses(query: str) -> tuple[Loss, Loss]:
    """In float32 and in float64, on equal patterns."""
    problem = parse(Problem, query)
    single, double = make_loss(problem), make_loss(replace(problem, dtype="float64"))
    parts = {
        name: replace(part, x=part.x.double(), y=part.y.double(), labels=part.labels)
        for name, part in single.parts.items()
    }
    return single, replace(double, parts=parts)


def query_of(dataset: str, activation: str, criterion: str = "sigmoid_cross_entropy", widths: str = "5") -> str:
    more = {"alpha": "&alpha=1.5", "slope": "&slope=0.1", "beta": "&beta=2"}
    parameter = more.get(ACTIVATIONS[activation].parameter, "")
    return f"dataset={dataset}&activation={activation}&loss={criterion}&widths={widths}&max_samples=180{parameter}"


def plane(problem: Problem, axes: int = 2, points: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Center (P,), directions (axes, P) and coordinates (points, axes), all of them float32 numbers."""
    rng = np.random.default_rng(5)
    center, directions = initial(problem, 3, "uniform", 1.0), rng.standard_normal((axes, problem.parameters))
    found = center, directions, rng.uniform(-1, 1, (points, axes))
    return tuple(values.astype(np.float32).astype(float) for values in found)  # type: ignore[return-value]


def assert_as_exact(query: str, axes: int = 2) -> None:
    """|error| ≤ 2 × the plain float32 loop's, over all points; accuracies differ by undecided patterns only."""
    single, double = losses(query)
    args = (*plane(single.problem, axes), "train", True)
    assert fused.serves(single, args[0])
    mine, looped, exact = (route(*args) for route in _routes(single, double))
    floor = FLOOR * np.abs(exact[0]).max()
    assert np.abs(mine[0] - exact[0]).max() <= 2 * np.abs(looped[0] - exact[0]).max() + floor
    if single.parts["train"].labels is None:
        assert len(mine[1]) == len(looped[1]) == 0
    else:
        assert_accuracies(single, args[0] + args[2] @ args[1], "train", mine[1], looped[1])


def _routes(single: Loss, double: Loss):
    return (
        functools.partial(fused.losses_at, single),
        functools.partial(plain.losses_at, single),
        functools.partial(plain.losses_at, double),
    )


@needs_numba
@pytest.mark.parametrize("widths", DEPTHS)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_kernel_is_as_exact_as_the_plain_loop(activation, criterion, widths):
    assert_as_exact(query_of(DEPTHS[widths], activation, criterion, widths))


@needs_numba
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_any_number_of_directions(axes):
    assert_as_exact(query_of("iris", "tanh"), axes)
    assert_as_exact("dataset=sine&widths=6&activation=sine", axes)  # a regression: no accuracy


@needs_numba
@pytest.mark.parametrize(
    "more",
    ["5-5-5&skip=true", "5&norm=batch", "5-5&skip=true&norm=batch&loss=softmax_cross_entropy", "7-4-3&norm=batch"],
)
@pytest.mark.parametrize("activation", ["tanh", "relu", "silu"])
def test_skip_connections_and_batchnorm(activation, more):
    """BatchNorm's statistics are moved along the directions too, below 0 at one point."""
    single, double = losses(f"dataset=iris&activation={activation}&widths={more}")
    center, directions, grid = plane(single.problem)
    statistics = single.statistics(torch.as_tensor(center).float())
    if statistics is not None:
        held = statistics.double().numpy()
        moved = np.random.default_rng(1).uniform(-0.3, 0.3, (2, len(held))) * held
        center, directions = np.concatenate([center, held]), np.hstack([directions, moved])
        grid = np.concatenate([grid, [[4.0, 4.0]]])
        assert (center + grid @ directions)[:, single.problem.parameters :].min() < 0
    mine, looped, exact = (route(center, directions, grid, "train", True) for route in _routes(single, double))
    assert fused.serves(single, center)
    floor = FLOOR * np.abs(exact[0])
    assert (np.abs(mine[0] - exact[0]) <= 2 * np.abs(looped[0] - exact[0]).max() + floor).all()
    assert_accuracies(single, center + grid @ directions, "train", mine[1], looped[1])


@needs_numba
def test_many_patterns_and_blocks():
    """More strips than one block holds, and than one product of 1 + e may."""
    assert_as_exact("dataset=digits&widths=40-12&loss=sigmoid_cross_entropy")
    assert_as_exact("dataset=mnist&widths=9&max_samples=9000&activation=relu")
    assert_as_exact("dataset=mnist&widths=9&max_samples=9000&loss=softmax_cross_entropy")


TINY = {  # loss of class 1 where its output is z and another, if there is one, 0
    "sigmoid_cross_entropy": lambda z: np.log1p(np.exp(-z)),
    "softmax_cross_entropy": lambda z: np.log1p(np.exp(-z)),
    "sigmoid_squared_error": lambda z: (1 + np.exp(z)) ** -2.0,
}


@needs_numba
@pytest.mark.parametrize("criterion", TINY)
def test_tiny_losses_keep_their_digits(criterion):
    """All parameters 0 but a bias of the right class, so that every pattern has the same tiny loss."""
    loss = losses(f"dataset=moons&widths=none&loss={criterion}&max_samples=100")[0]
    where = loss.parts["train"]
    rows = where.y[:, -1] == 1
    loss = replace(loss, parts={"train": replace(where, x=where.x[rows], y=where.y[rows])})
    bias = np.array([[0.0], [10.0], [25.0], [40.0]])
    center = np.zeros(loss.problem.parameters)
    found = fused.losses_at(loss, center, np.eye(len(center))[-1:], bias, "train")[0]
    np.testing.assert_allclose(found, TINY[criterion](bias[:, 0]), rtol=FLOOR)


@needs_numba
@pytest.mark.parametrize("widths", ["5", "6-70-3"])
def test_a_point_does_not_depend_on_the_others(widths):
    loss = losses(query_of("iris", "silu", widths=widths))[0]
    center, directions, coordinates = plane(loss.problem, points=9)
    at = functools.partial(fused.losses_at, loss, center, directions, part="train", accuracy=True)
    whole = np.array(at(coordinates))
    alone = np.concatenate([np.array(at(coordinates[i : i + 1])) for i in range(9)], axis=1)
    turned = np.array(at(coordinates[::-1]))[:, ::-1]
    assert len(set(whole[0])) == 9
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_array_equal(whole, turned)


@needs_numba
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_not_finite_stays_so(activation, criterion, value):
    """In each layer's weights and biases, as in the plain loop; NaN accuracy where an output is NaN.

    In float64, because torch 2.13's GELU of infinity is NaN in float32.
    """
    single, double = losses(query_of("moons" if np.isnan(value) else "iris", activation, criterion, "3"))
    center, directions, coordinates = plane(single.problem, points=1)
    shapes = [int(np.prod(shape)) for shape in single.problem.shapes]
    for place in np.cumsum([0, *shapes[:-1]]):
        moved = center.copy()
        moved[place] = value
        args = (moved, directions, coordinates, "train", True)
        mine, looped = fused.losses_at(single, *args), plain.losses_at(double, *args)
        np.testing.assert_array_equal(np.isnan(mine[0]), np.isnan(looped[0]))
        np.testing.assert_array_equal(mine[0] == np.inf, looped[0] == np.inf)
        assert_accuracies(single, moved + coordinates @ directions, "train", mine[1], looped[1])


@needs_numba
def test_kept_responses_are_those_of_these_patterns_and_numbers():
    (one, _), (other, _) = losses(query_of("iris", "tanh")), losses(query_of("iris", "tanh") + "&data_seed=1")
    center, directions, grid = plane(one.problem)
    first = fused.losses_at(one, center, directions, grid, "train")[0]
    for loss, scale in ((one, 1.0), (one, 1.5), (other, 1.0), (one, 1.0)):
        found = fused.losses_at(loss, scale * center, directions, grid, "train")[0]
        fused.kept_blocks.cache_clear()
        assert np.array_equal(found, fused.losses_at(loss, scale * center, directions, grid, "train")[0])
        assert np.array_equal(found, first) == (loss is one and scale == 1.0)


@needs_numba
def test_an_empty_part_has_no_loss():
    loss = losses("dataset=iris&widths=4&test_share=0")[0]
    found = fused.losses_at(loss, *plane(loss.problem), "test", True)
    assert [len(values) for values in found] == [5, 5] and np.isnan(found).all()


@pytest.mark.parametrize(
    "query",
    [
        "dataset=iris&widths=4&dtype=float64",
        "dataset=iris&widths=4&norm=batch",
        "dataset=iris&widths=600",
        "dataset=xor&widths=2",
        "dataset=mnist&network=lenet&max_samples=50",
    ],
)
def test_what_is_left_to_other_paths(query):
    loss = make_loss(parse(Problem, query))
    assert not fused.serves(loss, np.empty(loss.problem.parameters))


# torch's own GELU and normal distribution function lose their digits for x < −5, in float64 too
PRECISE = {"gelu": lambda x, _: x / 2 * torch.special.erfc(-x / math.sqrt(2))}


def inputs() -> np.ndarray:
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-30, 4, 4000) * rng.choice([-1, 1], 4000)
    ends = [0.0, 1e-42, 1e4, -1e4, 87.3, -87.4, 88.0, 0.34657, 1e30, -1e30, np.inf, -np.inf, np.nan]
    return np.concatenate([rng.standard_normal(4000) * 3, rng.uniform(-100, 100, 4000), sizes, ends]).astype(np.float32)


@needs_numba
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_scalar_functions_are_those_of_torch(name):
    """Each within a few units in its own last place, or twice the error of torch's float32 where this is more."""
    x, parameter = inputs(), PARAMETERS[ACTIVATIONS[name].parameter]
    mine = applied(name, x, parameter)
    function = ACTIVATIONS[name].function
    exact = PRECISE.get(name, function)(torch.as_tensor(x.astype(float)), float(np.float32(parameter))).numpy()
    single = function(torch.as_tensor(x), parameter).numpy()
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(exact))
    infinite = np.abs(exact) > np.finfo(np.float32).max
    np.testing.assert_array_equal(mine[infinite], np.copysign(np.inf, exact[infinite]))
    where = np.isfinite(exact) & ~infinite & (np.abs(x) < 1e7)  # beyond, the sine of a float32 number is arbitrary
    assert where.sum() > 11_000
    error, theirs = np.abs(mine[where] - exact[where]), np.abs(single[where] - exact[where])
    assert (error <= 2 * EPS * np.abs(exact[where]) + 2 * theirs + 100 * NORMAL).all()


def applied(name: str, x: np.ndarray, parameter: float) -> np.ndarray:
    """An activation by its compiled pass, without directions."""
    out = np.empty_like(x)
    caller()(fused.scalars.activation_pass(name), out, x, np.empty(0, np.float32), np.float32(parameter))
    return out


@functools.cache
def caller():
    return njit(lambda run, out, response, t, parameter: run(out, response, t, parameter))


@needs_numba
def test_sine_stays_bounded():
    x = np.float32(10.0) ** np.arange(0, 39, dtype=np.float32)
    assert (np.abs(applied("sine", x, 0.0)) <= 1.0).all()


@needs_numba
def test_every_activation_and_criterion_is_fused():
    assert list(fused.scalars.SCALARS) == list(ACTIVATIONS)
    assert all(map(fused.scalars.scores, CRITERIA))
    assert fused.strips.LANES == fused.scalars.LANES


def in_a_process(code: str, **environment: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@needs_numba
def test_a_second_process_compiles_nothing(tmp_path):
    code = (
        "from lossatlas.compute.numerics.kernels import fused, scalars, strips;"
        "from lossatlas.compute.problem.nets import Problem;"
        "fused.warm(Problem()); fused.warm(Problem(activation='elu'));"
        "passes = [scalars.activation_pass('tanh'), scalars.activation_pass('elu'),"
        " scalars.criterion_pass('sigmoid_cross_entropy')];"
        "print(sum(p.cache_hits for p in passes), sum(strips.add_block.stats.cache_hits.values()))"
    )
    assert in_a_process(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0 0"
    assert in_a_process(code, NUMBA_CACHE_DIR=str(tmp_path)) == "3 1"
    indexes = [file.name for file in tmp_path.rglob("*.nbi")]
    assert sum("activation_" in name for name in indexes) == 2  # never two functions in one index: see _compiled


def test_without_numba_nothing_is_served():
    code = (
        "import sys; sys.modules['numba'] = None;"
        "from lossatlas.compute.numerics.kernels import fused;"
        "from lossatlas.compute.numerics.loss import make_loss;"
        "from lossatlas.compute.problem.nets import Problem;"
        "fused.warm(Problem()); print(fused.AVAILABLE, fused.serves(make_loss(Problem()), None))"
    )
    assert in_a_process(code) == "False False"
