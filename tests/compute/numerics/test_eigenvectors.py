"""The plane of the two sharpest directions: its curvature is the slice's second derivative."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.planes.where import Place
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.table import key_for, levels_of, question
from lossatlas.compute.numerics import eigenvectors
from lossatlas.compute.numerics.eigenvectors import COUNT, Sharpest, find_sharpest
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.limits import check_cost
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import Failure, pack
from lossatlas.compute.spec.tasks import every
from tests.compute.numerics.test_curvature import by_module

pytestmark = pytest.mark.usefixtures("as_a_worker_computes")

STEP = 2e-3  # of the differences: rounding / STEP² is 1e-10, what the formula cuts off STEP⁴ times a sixth derivative
NEAR: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-7}  # both of them, for networks of sharpness up to some hundred
NETWORKS = [
    "dataset=xor&widths=2&activation=tanh",
    "dataset=iris&widths=4&activation=tanh&l2=0.01",
    "dataset=iris&widths=4&activation=softplus&loss=softmax_cross_entropy",
    "dataset=iris&widths=3-3&activation=gelu&loss=softmax_cross_entropy&l2=0.001",
    "dataset=wine&widths=3&activation=sigmoid&loss=squared_error",
    "dataset=wine&widths=3-2&activation=silu&loss=sigmoid_squared_error&l2=0.01",
    "dataset=breast_cancer&widths=3&activation=mish&loss=softmax_cross_entropy",
    "dataset=sine&widths=6&activation=sine&loss=squared_error",
    "dataset=moons&widths=4-3&activation=gaussian",
    "dataset=heart&widths=4&activation=softplus&beta=3",
    "dataset=iris&widths=none&loss=softmax_cross_entropy&l2=0.01",
    "dataset=iris&widths=3-3&skip=1&activation=tanh",
]


def ask_slice(query: str, step: float = STEP) -> SliceResult:
    """Five points an axis, `step` apart."""
    result = ask(question("slice", f"{query}&directions=eigenvectors&points=5&extent={2 * step}"))
    assert isinstance(result, SliceResult), result
    return result


def curvatures(result: SliceResult) -> np.ndarray:
    """Second derivatives (3,) at the center: along u, along v, mixed; by central differences of fourth order."""
    loss, h, weights = result.loss, result.a[3], np.array([-1.0, 16, -30, 16, -1]) / 12

    def mixed(n: int) -> float:
        low, high = 2 - n, 2 + n
        return (loss[high, high] - loss[high, low] - loss[low, high] + loss[low, low]) / (2 * n * h) ** 2

    return np.array([weights @ loss[:, 2] / h**2, weights @ loss[2] / h**2, (4 * mixed(1) - mixed(2)) / 3])


def at_the_end(query: str) -> Sharpest:
    spec = question("training", query)
    return find_sharpest(spec.problem, run_training(spec))


@pytest.mark.parametrize("query", NETWORKS)
def test_the_slices_curvature_is_the_two_largest_eigenvalues_and_none_is_mixed(query):
    query = f"{query}&dtype=float64&steps=60&rate=0.02"
    result = ask_slice(query)
    matrix = by_module(result.spec.problem, result.theta)
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(curvatures(result), [values[-1], values[-2], 0.0], **NEAR)
    for vector, value in zip((result.u, result.v), values[:-3:-1], strict=True):
        np.testing.assert_allclose(matrix @ vector, value * vector, atol=1e-10 * np.abs(values).max())
        assert np.linalg.norm(vector) == pytest.approx(1, rel=1e-12) and vector[np.abs(vector).argmax()] > 0
    assert abs(result.u @ result.v) < 1e-10
    assert result.names == tuple(f"v{n}, λ = {value:.3g}" for n, value in ((1, values[-1]), (2, values[-2])))
    assert np.array_equal(result.theta, run_training(question("training", query)).reached())


def test_in_float32_the_directions_are_those_of_float64_at_the_same_point():
    result = ask_slice("dataset=iris&widths=4&steps=100", step=0.1)
    matrix = by_module(result.spec.problem, result.theta.astype(float))
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(matrix @ result.u, values[-1] * result.u, atol=1e-12)
    # float32 rounds a loss of 0.1 by 1e-8, and the difference divides by 0.1²; what is cut off is 1e-4 of a derivative
    np.testing.assert_allclose(curvatures(result), [values[-1], values[-2], 0.0], atol=2e-4)


@pytest.mark.parametrize("query", [
    "dataset=iris&widths=4", "dataset=heart&widths=8&activation=gelu",
    "dataset=wine&widths=5-4&activation=silu&l2=0.01",
    "dataset=iris&widths=3&norm=batch&activation=tanh",
])  # fmt: skip
def test_lanczos_finds_what_the_dense_matrix_has(query, monkeypatch):
    whole = at_the_end(f"{query}&steps=50")
    monkeypatch.setattr(eigenvectors, "DENSE", 0)
    found = at_the_end(f"{query}&steps=50")
    assert found.steps > 0 == whole.steps and found.converged and whole.converged
    assert len(found.values) == COUNT and (np.diff(found.values) < 0).all()
    np.testing.assert_allclose(found.values, whole.values, rtol=1e-9)
    np.testing.assert_allclose(found.vectors, whole.vectors, atol=1e-6)


def test_directions_that_have_not_converged_say_so_and_still_name_their_own_curvature(monkeypatch):
    monkeypatch.setattr(eigenvectors, "DENSE", 0)
    monkeypatch.setattr("lossatlas.compute.numerics.curvature.ENDS_STEPS", 0)  # two for each that is asked for
    result = ask_slice("dataset=heart&widths=10&steps=5&dtype=float64")
    assert any("not converged in 6 Lanczos steps: ‖Hv − λv‖ is" in note for note in result.notes)
    matrix = by_module(result.spec.problem, result.theta)
    own = [result.u @ matrix @ result.u, result.v @ matrix @ result.v, 0.0]
    assert own[0] < np.linalg.eigvalsh(matrix)[-1] * (1 - 1e-6)
    np.testing.assert_allclose(curvatures(result), own, **NEAR)
    assert result.names[0] == f"v1, λ = {own[0]:.3g}"


def test_turned_by_a_quarter_the_second_direction_is_the_third_eigenvector():
    query = f"{NETWORKS[3]}&dtype=float64&steps=60&rate=0.02"
    values = np.linalg.eigvalsh(by_module((flat := ask_slice(query)).spec.problem, flat.theta))
    for angle in (30, 90):
        turned = ask_slice(f"{query}&turn={angle}")
        share = np.cos(np.radians(angle)) ** 2
        second = share * values[-2] + (1 - share) * values[-3]
        np.testing.assert_allclose(curvatures(turned), [values[-1], second, 0.0], **NEAR)
        assert np.array_equal(turned.u, flat.u) and turned.extent == flat.extent
        assert turned.names[1] == f"{flat.names[1]} at {angle}°"


BATCH = "dataset=iris&widths=4&norm=batch&activation=tanh&steps=30&dtype=float64"


def test_with_batchnorm_the_curvature_is_that_of_statistics_that_follow_the_weights():
    results = {kind: ask_slice(f"{BATCH}&statistics={kind}") for kind in ("fixed", "moved", "recomputed")}
    free = results["recomputed"]
    values = np.linalg.eigvalsh(by_module(free.spec.problem, free.theta))
    np.testing.assert_allclose(curvatures(free), [values[-1], values[-2], 0.0], **NEAR)
    for kind, result in results.items():
        assert np.array_equal(result.u, free.u)
        told = any("only with statistics=recomputed" in note for note in result.notes)
        assert told == (kind != "recomputed")
        if told:
            assert abs(curvatures(result) - curvatures(free)).max() > 1e-4


@pytest.mark.parametrize("turn", [0, 90])
def test_statistics_moved_along_eigenvectors_keep_the_slope_of_the_loss(turn):
    query = f"{BATCH.replace('steps=30', 'steps=3')}&statistics=moved&turn={turn}"
    result = ask_slice(query, step=1e-4)
    gradient = make_loss(result.spec.problem).gradient(torch.as_tensor(result.theta)).numpy()
    slopes = [line @ [1, -8, 0, 8, -1] / (12 * 1e-4) for line in (result.loss[:, 2], result.loss[2])]
    expected = [gradient @ result.u, gradient @ result.v]
    assert np.abs(expected).min() > 1e-3
    np.testing.assert_allclose(slopes, expected, rtol=1e-5)
    held = ask_slice(query.replace("moved", "fixed"), step=1e-4)
    assert abs(held.loss[:, 2] @ [1, -8, 0, 8, -1] / (12 * 1e-4) - expected[0]) > 1e-3


def test_half_width_window_and_line_work_and_equal_questions_have_equal_bytes():
    query = "dataset=iris&steps=50&directions=eigenvectors"
    one, two = (ask(question("slice", f"{query}&points=17")) for _ in range(2))
    assert pack(one) == pack(two)
    assert one.extent == ask(question("extent", query)).extent and one.loss[0, 8] > one.center_loss
    line = ask(question("line", f"{query}&line_points=17"))
    assert line.name == one.names[0]
    np.testing.assert_allclose(line.loss, one.loss[:, 8], rtol=1e-6)
    low, high = one.a[4], one.a[12]
    window = ask(question("slice", f"{query}&points=9&window={low},{high},{low},{high}"))
    np.testing.assert_allclose(window.loss, one.loss[4:13, 4:13], rtol=1e-6)


def test_the_directions_are_the_training_losss_whatever_the_patterns_shown():
    train, test = (ask_slice(f"dataset=wine&widths=4&steps=30&part={part}") for part in ("train", "test"))
    assert np.array_equal(train.u, test.u) and train.names == test.names
    assert any("total training loss" in note for note in test.notes)


def test_the_memory_that_the_directions_take_is_told_beforehand():
    large, small = (
        question("slice", f"dataset=mnist&widths=256&directions={kind}") for kind in ("eigenvectors", "filter")
    )
    basis = eigenvectors.most_steps(large.problem.parameters, COUNT, 8) * large.problem.parameters * 8
    assert small.extra_bytes == 0 and basis < large.extra_bytes < 2 * basis
    with pytest.raises(BadSpec, match="of memory in a worker"):
        check_cost(large, 1e9, 3e8)


def test_only_these_directions_ask_for_curvature_and_no_seed_reaches_them():
    keys = {key_for(question("slice", f"directions=eigenvectors&direction_seed={seed}")) for seed in (0, 7)}
    assert len(keys) == 1
    for kind, expected in (("filter", 0), ("eigenvectors", 1)):
        tasks = every(levels_of(question("slice", f"directions={kind}&turn=30"))).values()
        assert sum(task.run is find_sharpest for task in tasks) == expected
    assert Place(where=question("slice", "directions=eigenvectors").where).where.direction.unit == "parameter units"


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=iris&activation=threshold", "no curvature to speak of.*Choose another activation"),
    ("dataset=sine&loss=squared_error&widths=none&turn=20", "only two directions.*turn=0"),
    ("dataset=sine&loss=squared_error&activation=quadratic&optimiser=sgd&rate=50&steps=200", "diverged"),
])  # fmt: skip
def test_without_such_directions_there_is_a_sentence(query, words):
    answer = ask(question("slice", f"{query}&directions=eigenvectors&points=5"))
    assert isinstance(answer, Failure) and re.search(words, answer.sentence)


def test_kinks_are_named_and_a_flat_plane_has_its_one_curve():
    assert any("has a kink" in note for note in ask_slice("dataset=iris&activation=relu&steps=10").notes)
    result = ask_slice("dataset=xor&widths=2&dtype=float64&init_range=1e-6&steps=0", step=0.01)
    np.testing.assert_allclose(curvatures(result), [0.25, 0, 0], atol=1e-5)  # at zero eight of nine eigenvalues are 0
