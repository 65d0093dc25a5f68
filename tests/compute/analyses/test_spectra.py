import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.planes.plane import make_plane
from lossatlas.compute.analyses.spectra.pieces import Exact, find_all, find_ends, find_layers, probe, samples, smoothed
from lossatlas.compute.analyses.spectra.question import Spectrum, SpectrumResult
from lossatlas.compute.analyses.spectra.spectrum import counts, spectrum_levels
from lossatlas.compute.analyses.table import canonical, key_for, question
from lossatlas.compute.numerics.curvature import effective_rank, rademacher
from lossatlas.compute.numerics.kernels.curvature import MATRICES, operator
from lossatlas.compute.numerics.lanczos import ends, quadrature
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import CannotAnswer, every
from tests.compute.numerics.test_curvature import by_module
from tests.oracles import plain_gradient

TWICE = [name for name, activation in ACTIVATIONS.items() if activation.twice]
DEAD = [-1.0] * 6 + [1.0, 1.0, 0.0]


def point_at(problem: Problem, theta) -> TrainingResult:
    """A training whose point is theta."""
    result = run_training(Training(problem, Start(steps=0)))
    return replace(result, theta=np.array(theta, problem.dtype)[None])


def all_at(query: str, theta) -> Exact:
    spec = parse(Spectrum, query)
    return find_all(spec, point_at(spec.problem, theta))


def times(matrix: np.ndarray):
    """A dense symmetric matrix as its products."""
    held = torch.as_tensor(matrix)
    return lambda vectors: vectors @ held


def random_symmetric(values, seed: int = 0) -> np.ndarray:
    turned = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    return turned * np.asarray(values) @ turned.T


# ---------------------------------------------------------------------------------------------- quadrature


def test_two_steps_on_a_diagonal_are_the_rule_known():
    rule = quadrature(times(np.diag(np.arange(1.0, 6))), torch.ones(1, 5).double(), 2)
    np.testing.assert_allclose(rule.nodes, [[3 - math.sqrt(2), 3 + math.sqrt(2)]], rtol=1e-14)  # 1.585786, 4.414214
    np.testing.assert_allclose(rule.weights, [[0.5, 0.5]], rtol=1e-14)


def test_five_steps_on_five_numbers_are_exact_and_no_more_are_taken():
    rule = quadrature(times(np.diag(np.arange(1.0, 6))), torch.ones(1, 5).double(), 50)
    np.testing.assert_allclose(rule.nodes, [np.arange(1.0, 6)], rtol=1e-13)
    np.testing.assert_allclose(rule.weights, [[0.2] * 5], rtol=1e-12)


def test_moments_are_exact_up_to_twice_the_steps():
    matrix = random_symmetric(np.random.default_rng(1).standard_normal(30))
    starts = torch.as_tensor(np.random.default_rng(2).standard_normal((4, 30)))
    rule = quadrature(times(matrix), starts, 6)
    unit = starts.numpy() / np.linalg.norm(starts.numpy(), axis=1, keepdims=True)
    assert (rule.weights >= 0).all()
    np.testing.assert_allclose(rule.weights.sum(1), 1, rtol=1e-14)
    for power in range(12):
        expected = np.einsum("ki,ij,kj->k", unit, np.linalg.matrix_power(matrix, power), unit)
        np.testing.assert_allclose((rule.weights * rule.nodes**power).sum(1), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(rule.moment, np.einsum("ki,ij,kj->k", unit, matrix, unit), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(rule.square, ((unit @ matrix) ** 2).sum(1), rtol=1e-12)


def test_a_probe_of_signs_gives_trace_and_norm_of_a_diagonal_exactly():
    numbers = np.random.default_rng(3).standard_normal(50)
    starts = torch.as_tensor(np.stack([rademacher(0, n, 50) for n in range(5)])).double()
    assert set(starts.unique().tolist()) == {-1.0, 1.0}
    rule = quadrature(times(np.diag(numbers)), starts, 8)
    np.testing.assert_allclose(50 * rule.moment, numbers.sum(), rtol=1e-12)
    np.testing.assert_allclose(50 * rule.square, (numbers**2).sum(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_xor_at_zero_has_a_ninth_of_its_mass_at_a_quarter_after_a_breakdown(dtype):
    spec = parse(Spectrum, f"dataset=xor&widths=2&dtype={dtype}")
    rule = probe(spec, 0, 6, point_at(spec.problem, np.zeros(9)))
    assert (rule.broken_at == 2).all() and rule.nodes.shape == (6, 2)
    np.testing.assert_allclose(rule.nodes, [[0, 0.25]] * 6, atol=1e-7)
    np.testing.assert_allclose(rule.weights, [[8 / 9, 1 / 9]] * 6, rtol=1e-6)


def test_probes_that_break_down_leave_the_others_untouched():
    matrix = random_symmetric(np.arange(1.0, 21))
    vector = np.linalg.eigh(matrix)[1][:, 4]
    other = np.random.default_rng(4).standard_normal(20)
    both = quadrature(times(matrix), torch.as_tensor(np.stack([vector, other])), 10)
    alone = quadrature(times(matrix), torch.as_tensor(other[None]), 10)
    assert both.broken_at.tolist() == [1, -1]
    assert both.weights[0] @ both.nodes[0] == pytest.approx(5, rel=1e-12) and both.weights[0].max() > 1 - 1e-12
    np.testing.assert_allclose(both.nodes[1], alone.nodes[0], rtol=1e-10)


def test_the_trace_lies_within_three_standard_errors_on_99_of_100_seeds():
    spec = parse(Spectrum, "dataset=iris&widths=4&dtype=float64&steps=0&probes=64")
    reached, within = run_training(Training(spec.problem, spec.start)), []
    found = find_all(spec, reached)
    product = operator(make_loss(spec.problem), torch.as_tensor(reached.reached()))
    for seed in range(100):
        starts = torch.as_tensor(np.stack([rademacher(seed, n, 35) for n in range(64)])).double()
        rule = quadrature(product, starts, 1)
        off = [35 * rule.moment - found.trace, 35 * rule.square - found.frobenius**2]
        within.append([abs(samples.mean()) <= 3 * samples.std(ddof=1) / 8 for samples in off])
    assert (np.sum(within, 0) >= 99).all()


@pytest.mark.parametrize("query", ["dataset=iris&widths=4", "dataset=heart&widths=4&activation=relu"])
def test_without_the_ends_the_trace_is_as_right_and_several_times_as_sure(query):
    """On 100 seeds of a trained network; of each layer, and of the norm, in the mean over these seeds."""
    spec = parse(Spectrum, f"{query}&dtype=float64&steps=100&method=estimated&lanczos=2")
    reached = run_training(Training(spec.problem, spec.start))
    exact, far = find_all(spec, reached), find_ends(spec, reached)
    layers = [part.sum() for part in np.split(exact.layers, layer_cuts(spec.problem)[1:-1])]
    within, errors, off = [], [], []
    for seed in range(100):
        one = replace(spec, probe_seed=seed)
        rule = probe(one, 0, 64, reached)
        shares, squares = samples(one, far, rule)
        traces, raw = shares.sum(1), rule.shares.sum(1)
        np.testing.assert_allclose(raw, spec.problem.parameters * rule.moment, rtol=1e-9, atol=1e-9)
        within.append(abs(traces.mean() - exact.trace) <= 3 * traces.std(ddof=1) / 8)
        errors.append([traces.std(ddof=1), raw.std(ddof=1)])
        off.append([*(shares.mean(0) - layers), squares.mean() - exact.frobenius**2])
    assert sum(within) >= 99
    assert (abs(np.mean(off, 0)) <= 3 * np.std(off, 0, ddof=1) / 10).all()
    ours, plain = np.median(errors, 0)
    assert ours < plain / 4


def layer_cuts(problem: Problem) -> np.ndarray:
    return np.cumsum([0, *(np.prod(shape) for shape in problem.shapes)])[::2]


def test_a_matrix_of_a_few_eigenvalues_leaves_nothing_to_estimate():
    spec = parse(Spectrum, "dataset=xor&widths=2&dtype=float64&method=estimated")
    reached = point_at(spec.problem, np.zeros(9))  # one eigenvalue of 1/4, all others 0
    shares, squares = samples(spec, find_ends(spec, reached), probe(spec, 0, 16, reached))
    np.testing.assert_allclose(shares, [[0, 0.25]] * 16, atol=1e-12)
    np.testing.assert_allclose(squares, 0.25**2, atol=1e-12)


# ---------------------------------------------------------------------------------------------- both ends


@pytest.mark.parametrize("values", [
    np.linspace(-1, 3, 60), np.r_[np.zeros(40), -0.5, 1, 2, 5], np.random.default_rng(0).standard_normal(80) ** 3,
], ids=["even", "rank four", "heavy tails"])  # fmt: skip
def test_ends_are_those_of_eigh_with_vectors_and_residuals(values):
    matrix, k = random_symmetric(values), 4
    found = ends(times(matrix), len(values), k, len(values), 1e-10, torch.float64, 0)
    exact = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(found.largest, exact[::-1][:k], atol=1e-9)
    np.testing.assert_allclose(found.smallest, exact[:k], atol=1e-9)
    assert found.converged and max(found.top_residual.max(), found.bottom_residual.max()) <= 1e-10 * np.abs(exact).max()
    np.testing.assert_allclose(found.top @ found.top.T, np.eye(k), atol=1e-10)
    np.testing.assert_allclose(matrix @ found.top[0], exact[-1] * found.top[0], atol=1e-8)


def test_ends_that_have_not_converged_say_so_and_lie_within_their_residuals():
    matrix = random_symmetric(np.linspace(0, 1, 200))
    found = ends(times(matrix), 200, 3, 12, 1e-6, torch.float64, 0)
    assert not found.converged and found.steps == 12
    exact = np.linalg.eigvalsh(matrix)
    for value, off in zip(found.largest, found.top_residual, strict=True):
        assert off > 1e-6 and np.abs(exact - value).min() <= off * (1 + 1e-9)


@pytest.mark.parametrize(("theta", "expected"), [
    ((0, 0), (-1, 1)), ((1, 1), (0, 2)), ((2, 0.5), (0, 4.25)), ((-1, -1), (0, 2)),
])  # fmt: skip
def test_ends_of_the_hyperbola(theta, expected):
    matrix = torch.autograd.functional.hessian(
        lambda w: (w[0] * w[1] - 1) ** 2 / 2, torch.tensor(theta, dtype=torch.float64)
    ).numpy()
    found = ends(times(matrix), 2, 2, 2, 1e-8, torch.float64, 0)
    np.testing.assert_allclose(found.smallest, expected, atol=1e-14)


@pytest.mark.parametrize("query", [
    "dataset=iris&widths=4&activation=gelu&loss=softmax_cross_entropy", "dataset=heart&widths=6-4",
    "dataset=wine&widths=5&activation=relu&matrix=gauss_newton",
])  # fmt: skip
def test_ends_of_networks_are_those_of_the_dense_matrix(query):
    spec = parse(Spectrum, f"{query}&dtype=float64&steps=30")
    reached = run_training(Training(spec.problem, spec.start))
    found, exact = find_ends(spec, reached), find_all(spec, reached)
    assert found.converged
    scale = np.abs(exact.values).max()
    np.testing.assert_allclose(found.largest, exact.values[::-1][:5], atol=1e-6 * scale)
    assert found.smallest[0] == pytest.approx(exact.values[0], abs=1e-6 * scale)
    for value, off in zip(found.smallest, found.bottom_residual, strict=True):  # zeros of G may be found once only
        assert off <= 1e-4 * scale and np.abs(exact.values - value).min() <= off + 1e-12 * scale


# ---------------------------------------------------------------------------------------------- exact


@pytest.mark.parametrize(("activation", "loss", "largest"), [
    ("tanh", "sigmoid_cross_entropy", 0.25), ("elu", "sigmoid_cross_entropy", 0.25),
    ("tanh", "sigmoid_squared_error", 0.125), ("elu", "sigmoid_squared_error", 0.125),
    ("sigmoid", "sigmoid_cross_entropy", 0.375), ("sigmoid", "sigmoid_squared_error", 0.1875),
])  # fmt: skip
def test_xor_at_zero(activation, loss, largest):
    query = f"dataset=xor&widths=2&activation={activation}&loss={loss}"
    found = all_at(query, np.zeros(9))
    assert found.values[-1] == pytest.approx(largest, rel=1e-14) and np.abs(found.values[:-1]).max() < 1e-15  # singular
    assert found.trace == pytest.approx(largest, rel=1e-14)
    assert stationary_loss(query, np.zeros(9)) == pytest.approx(0.25 if "squared" in loss else math.log(2), rel=1e-14)


def stationary_loss(query: str, theta) -> float:
    """The loss where the gradient is 0 to rounding."""
    loss, point = make_loss(parse(Problem, f"{query}&dtype=float64")), torch.as_tensor(np.array(theta))
    assert loss.gradient(point).abs().max() < 1e-16
    return float(loss.total(point))


def test_a_dead_relu_net():
    query = "dataset=xor&widths=2&activation=relu"
    found = all_at(query, DEAD)
    np.testing.assert_allclose(found.values, [0] * 8 + [0.25], atol=1e-16)
    np.testing.assert_allclose(found.tensors, [0] * 8 + [0.25], atol=1e-16)
    np.testing.assert_allclose(found.layers, [0] * 8 + [0.25], atol=1e-16)
    assert stationary_loss(query, DEAD) == pytest.approx(math.log(2), rel=1e-15)


def closed_form(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """The Hessian of linear, logistic and softmax regression, in theta's order W (K, D), b (K,)."""
    part, K = make_loss(problem).parts["train"], problem.outputs
    x = np.c_[part.x.numpy(), np.ones(len(part))]
    D = x.shape[1] - 1
    z = x @ np.c_[theta[: K * D].reshape(K, D), theta[K * D :]].T
    if problem.loss == "squared_error":
        curvature = np.tile(2 / K * np.eye(K), (len(x), 1, 1))
    elif problem.loss == "softmax_cross_entropy":
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        curvature = np.einsum("nk,kl->nkl", p, np.eye(K)) - p[:, :, None] * p[:, None]
    else:
        p = 1 / (1 + np.exp(-z))
        curvature = np.einsum("nk,kl->nkl", p * (1 - p) / K, np.eye(K))
    full = np.einsum("nkl,ni,nj->kilj", curvature, x, x) / len(x)
    order = [*((k, i) for k in range(K) for i in range(D)), *((k, D) for k in range(K))]
    rows = np.array([k * (D + 1) + i for k, i in order])
    return full.reshape(K * (D + 1), -1)[np.ix_(rows, rows)]


@pytest.mark.parametrize("query", [
    "dataset=sine&loss=squared_error", "dataset=heart&loss=sigmoid_cross_entropy",
    "dataset=iris&loss=sigmoid_cross_entropy", "dataset=wine&loss=softmax_cross_entropy",
    "dataset=breast_cancer&loss=softmax_cross_entropy", "dataset=iris&loss=squared_error",
])  # fmt: skip
def test_regressions_have_their_closed_forms(query):
    result = ask(question("spectrum", f"{query}&widths=none&dtype=float64&steps=5&rate=0.01"))
    theta = run_training(Training(result.spec.problem, result.spec.start)).reached()
    matrix = closed_form(result.spec.problem, theta)
    expected = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(result.eigenvalues, expected, atol=1e-12 * expected[-1])
    assert result.trace == pytest.approx(np.trace(matrix), rel=1e-12)
    assert result.frobenius == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
    residual = ask(question("spectrum", f"{query}&widths=none&dtype=float64&steps=5&rate=0.01&matrix=residual"))
    assert not residual.eigenvalues.any() and residual.effective_rank == 0


@pytest.mark.parametrize("activation", TWICE)
@pytest.mark.parametrize("widths", ["3", "3-2"])
def test_eigenvalues_are_those_of_a_dense_hessian_by_another_route(activation, widths):
    spec = parse(Spectrum, f"dataset=iris&widths={widths}&activation={activation}&max_samples=40&steps=0&l2=0.01")
    theta = run_training(Training(spec.problem, spec.start)).reached().astype(float)
    matrix = by_module(replace(spec.problem, dtype="float64"), theta)
    found = find_all(spec, point_at(spec.problem, theta))
    scale = np.abs(matrix).max()  # the problem is float32: the answer is float64 all the same
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(matrix), atol=1e-12 * scale)
    cuts = np.cumsum([0, *(np.prod(shape) for shape in spec.problem.shapes)])
    blocks = [np.linalg.eigvalsh(matrix[a:b, a:b]) for a, b in itertools.pairwise(cuts)]
    np.testing.assert_allclose(found.tensors, np.concatenate(blocks), atol=1e-12 * scale)
    layers = [np.linalg.eigvalsh(matrix[a:b, a:b]) for a, b in itertools.pairwise(cuts[::2])]
    np.testing.assert_allclose(found.layers, np.concatenate(layers), atol=1e-12 * scale)


@pytest.mark.parametrize("query", [
    "dataset=wine&widths=10-8&activation=gelu&loss=softmax_cross_entropy", "dataset=iris&widths=4",
    "dataset=heart&widths=10&matrix=residual", "dataset=iris&widths=3&norm=batch", "dataset=iris&widths=none",
    "dataset=digits&max_samples=40&network=lenet&channels=1-1&dense=3",
])  # fmt: skip
def test_each_layer_has_the_ends_and_the_trace_of_its_block(query):
    query = f"{query}&dtype=float64&steps=30&probes=32"
    exact, rough = (ask(question("spectrum", f"{query}&method={method}")) for method in ("exact", "estimated"))
    parts = np.split(exact.layer_values, exact.layer_ends[1:-1])
    np.testing.assert_array_equal(exact.layer_largest, [part.max() for part in parts])
    np.testing.assert_array_equal(exact.layer_smallest, [part.min() for part in parts])
    assert exact.layer_trace.sum() == pytest.approx(exact.trace, rel=1e-9) and not exact.layer_trace_error.any()
    np.testing.assert_allclose(rough.layer_largest, exact.layer_largest, rtol=1e-3)
    span = exact.layer_largest - exact.layer_smallest
    assert (rough.layer_smallest - exact.layer_smallest >= -1e-12 * span).all()  # from within
    assert (rough.layer_smallest - exact.layer_smallest <= 0.05 * span).all()
    assert (abs(rough.layer_trace - exact.layer_trace) <= 4 * rough.layer_trace_error + 1e-12 * span).all()
    assert (rough.layer_trace_error > 0).all()


@pytest.mark.parametrize("query", ["dataset=iris&widths=4", "dataset=xor&widths=3", "dataset=moons&widths=3-3"])
def test_every_tensor_of_relu_with_cross_entropy_is_convex_but_not_all_together(query):
    result = ask(question("spectrum", f"{query}&activation=relu&steps=0&init_range=2"))
    assert result.tensor_values.min() > -1e-14 and result.eigenvalues[0] < -1e-3
    assert len(result.tensor_values) == result.tensor_ends[-1] == result.parameters
    assert len(result.names) == len(result.tensor_ends) - 1


def test_gauss_newton_and_residual_add_up():
    found = [ask(question("spectrum", f"dataset=iris&steps=20&matrix={matrix}")) for matrix in MATRICES]
    whole, newton, residual = (result.trace for result in found)
    assert whole == pytest.approx(newton + residual, rel=1e-10)
    assert found[1].eigenvalues[0] > -1e-14 and found[2].eigenvalues[0] < 0 < found[2].eigenvalues[-1]


def test_counts_rank_and_condition_follow_the_stated_tolerance():
    query = "dataset=xor&widths=2&dtype=float64&seed=2&steps=50"
    fine, coarse = (ask(question("spectrum", f"{query}&zero={zero}")) for zero in (1e-8, 0.3))
    for result in (fine, coarse):
        values, cut = result.eigenvalues, result.spec.tolerance * np.abs(result.eigenvalues).max()
        assert result.cut == pytest.approx(cut)
        signs = np.sign(np.where(abs(values) <= cut, 0, values)).astype(int)
        assert result.counts.round(9).tolist() == np.bincount(signs + 1, minlength=3).tolist()
        above = values[values > cut]
        assert result.condition == pytest.approx(above.max() / above.min())
    assert coarse.counts[1] > fine.counts[1]
    assert effective_rank(np.ones(7), np.ones(7)) == pytest.approx(7)
    assert effective_rank(np.array([0.0, -2.0, 2.0]), np.array([5.0, 1.0, 2.0])) == pytest.approx(3)


# ---------------------------------------------------------------------------------------------- density


@pytest.mark.parametrize("query", [
    "dataset=iris", "dataset=iris&width=1e-6", "dataset=iris&width=3", "dataset=xor&widths=2&lanczos=3",
    "dataset=heart&widths=10&activation=relu&matrix=residual", "dataset=wine&widths=4-4&method=estimated",
    "dataset=iris&widths=none&matrix=residual",
])  # fmt: skip
def test_densities_integrate_to_one_and_weights_are_shares(query):
    result = ask(question("spectrum", f"{query}&steps=10&probes=6"))
    assert (result.weights >= 0).all() and (result.density >= 0).all()
    np.testing.assert_allclose(result.weights.sum(1), 1, rtol=1e-12)
    for density in (result.density, result.exact_density):
        if len(density):
            assert (density * np.diff(result.edges)).sum() == pytest.approx(1, abs=1e-8)
    assert result.counts.sum() == pytest.approx(result.parameters)


def test_smoothing_is_the_sum_of_gaussians():
    edges, nodes, weights = np.linspace(-2, 3, 40_001), np.array([[0.1, 1.5]]), np.array([[0.3, 0.7]])
    middle = (edges[:-1] + edges[1:]) / 2
    expected = sum(
        w * np.exp(-(((middle - x) / 0.2) ** 2) / 2) / (0.2 * math.sqrt(2 * math.pi))
        for x, w in zip(nodes[0], weights[0], strict=True)
    )
    np.testing.assert_allclose(smoothed(edges, nodes, weights, 0.2), expected, atol=1e-6)


def test_the_estimated_density_nears_the_exact_one_with_more_probes():
    query = "dataset=heart&widths=10&steps=50&lanczos=60"
    off = []
    for probes in (2, 8, 64):
        result = ask(question("spectrum", f"{query}&probes={probes}"))
        off.append((np.abs(result.density - result.exact_density) * np.diff(result.edges)).sum())
    assert off[2] < off[1] < off[0] and off[2] < 0.1


def test_levels_share_their_probes_and_the_error_bar_shrinks():
    assert counts(16) == [2, 4, 8, 16] and counts(10) == [2, 3, 5, 10] and counts(2) == [2]
    spec = canonical(question("spectrum", "dataset=iris&steps=5&probes=64&method=estimated"))
    levels = spectrum_levels(spec)
    assert levels[-1].spec == spec and levels[-1].key == key_for(spec)
    probed = [task for task in every(levels).values() if task.run is probe]
    assert sum(task.args[2] - task.args[1] for task in probed) == 64
    fewer = spectrum_levels(canonical(question("spectrum", "dataset=iris&steps=5&probes=8&method=estimated")))
    assert [task.key for task in fewer] == [task.key for task in levels[:3]]
    seen: list[SpectrumResult] = []
    result = ask(spec)
    for task in levels:
        seen.append(ask(task.spec))
        assert np.array_equal(seen[-1].traces, result.traces[: len(seen[-1].traces)])
    assert [len(level.traces) for level in seen] == [2, 4, 8, 16, 32, 64]
    assert seen[-1].trace_error < seen[1].trace_error
    theta = run_training(Training(spec.problem, spec.start)).reached().astype(float)
    matrix = by_module(replace(spec.problem, dtype="float64"), theta)
    values, vectors = np.linalg.eigh(matrix)
    values[:5] = values[-5:] = 0  # the ends are taken out
    matrix = vectors * values @ vectors.T
    sure = math.sqrt(2 * ((matrix**2).sum() - (matrix.diagonal() ** 2).sum()) / 64)  # Hutchinson's variance
    assert result.trace_error == pytest.approx(sure, rel=0.3)  # from 64 samples
    exact = ask(question("spectrum", "dataset=iris&steps=5"))
    assert abs(result.trace - exact.trace) < 3 * result.trace_error and exact.trace_error == 0
    assert abs(result.frobenius - exact.frobenius) < 3 * result.frobenius_error


def test_the_exact_answer_comes_after_the_estimates_and_holds_them():
    spec = canonical(question("spectrum", "dataset=iris&steps=5&limit=200"))
    assert spec.method == "exact"
    levels = spectrum_levels(spec)
    seen = [ask(task.spec) for task in levels]
    assert [answer.spec.method for answer in seen] == ["estimated"] * 4 + ["exact"]
    before, result = seen[-2:]
    assert np.array_equal(before.nodes, result.nodes) and not len(before.eigenvalues)
    np.testing.assert_allclose(before.largest, result.largest, rtol=1e-5)


def test_an_answer_is_stored_and_read_back():
    result = ask(question("spectrum", "dataset=xor&widths=2&steps=5"))
    again = unpack(SpectrumResult, pack(result))
    assert again.spec == result.spec and pack(again) == pack(result)


# ---------------------------------------------------------------------------------------------- elsewhere on a plane

PLANES = [
    "dataset=iris&widths=4&l2=0.01", "dataset=iris&widths=3-3&activation=gelu&directions=trajectory&turn=40",
    "dataset=wine&widths=4&activation=softplus&directions=eigenvectors&turn=90&loss=softmax_cross_entropy",
    "dataset=moons&widths=4&directions=weights&weight_a=3&weight_b=9", "dataset=heart&widths=3&part=test",
    "dataset=iris&widths=3&norm=batch&directions=gaussian",
]  # fmt: skip


@pytest.mark.parametrize("query", PLANES)
def test_a_point_of_a_plane_has_the_curvature_loss_and_gradient_it_has_there(query):
    query = f"{query}&dtype=float64&steps=20"
    result = ask(question("spectrum", f"{query}&at=0.3,-0.2"))
    drawn = ask(question("slice", f"{query}&points=5&window=0.3,0.4,-0.3,-0.2&statistics=recomputed"))
    point, part = drawn.theta + 0.3 * drawn.u - 0.2 * drawn.v, drawn.spec.where.part
    matrix = by_module(result.spec.problem, point, part)
    np.testing.assert_allclose(result.eigenvalues, np.linalg.eigvalsh(matrix), atol=1e-10 * np.abs(matrix).max())
    assert result.loss == pytest.approx(drawn.loss[0, -1], rel=1e-10)
    gradient = np.linalg.norm(plain_gradient(result.spec.problem, point))
    assert result.gradient_norm == pytest.approx(gradient, rel=1e-9)
    assert any("At a = 0.3 along" in note and drawn.names[1] in note for note in result.notes)
    here = ask(question("spectrum", query))
    assert not np.allclose(here.eigenvalues, result.eigenvalues, rtol=1e-3)
    assert here.gradient_norm == drawn.gradient_norm and not any("At a =" in note for note in here.notes)


def test_an_estimate_is_of_the_same_point():
    query = "dataset=heart&widths=10&steps=20&directions=eigenvectors&at=2,1&turn=15"
    exact, rough = (ask(question("spectrum", f"{query}&method={method}")) for method in ("exact", "estimated"))
    np.testing.assert_allclose(rough.largest, exact.largest, rtol=1e-4)
    assert rough.loss == exact.loss and abs(rough.trace - exact.trace) < 4 * rough.trace_error
    again = unpack(SpectrumResult, pack(rough))
    assert again.spec == rough.spec and again.spec.at == (2.0, 1.0) and pack(again) == pack(rough)


def test_batchnorm_says_whose_statistics_these_are():
    notes = ask(question("spectrum", "dataset=iris&widths=3&norm=batch&steps=5&at=0.1,0.1")).notes
    assert any("BatchNorm's statistics are those of this point" in note for note in notes)


@pytest.mark.parametrize(("one", "other"), [
    ("", "at=0,0"), ("", "at=none"), ("", "directions=gaussian&direction_seed=4&extent=3&turn=20"),
    ("at=1,2", "at=1.0, 2.0"), ("at=1,2", "at=1,2&extent=7"),
    ("at=1,2&norm=batch", "at=1,2&norm=batch&statistics=moved"),
    ("at=1,2&directions=weights", "at=1,2&directions=weights&turn=30&direction_seed=5"),
])  # fmt: skip
def test_what_has_no_meaning_at_a_point_does_not_reach_the_answer(one, other):
    assert key_for(canonical(question("spectrum", one))) == key_for(canonical(question("spectrum", other)))


@pytest.mark.parametrize(("one", "other"), [
    ("at=1,2", "at=2,1"), ("at=1,2", "at=1,2&turn=10"), ("at=1,2", "at=1,2&direction_seed=1"), ("", "at=1e-6,0"),
    ("", "part=test"),
])  # fmt: skip
def test_what_has_a_meaning_does(one, other):
    assert key_for(canonical(question("spectrum", one))) != key_for(canonical(question("spectrum", other)))


def test_the_point_reached_asks_for_no_plane_and_half_widths_are_never_sought():
    for query, expected in (("", 0), ("at=1,2", 1)):
        tasks = every(spectrum_levels(question("spectrum", query))).values()
        planes = [task.args[0] for task in tasks if task.run is make_plane]
        assert len(planes) == expected and all(place.where.extent == 1.0 for place in planes)


# ---------------------------------------------------------------------------------------------- failures


def test_more_ends_than_eigenvalues_are_cut_with_a_note():
    result = ask(question("spectrum", "dataset=xor&widths=2&top=20&steps=0"))
    assert len(result.largest) == len(result.smallest) == 9
    assert any("only 9 eigenvalues" in note for note in result.notes)
    np.testing.assert_allclose(result.largest[::-1], result.eigenvalues)


def test_the_breakdown_is_noted():
    spec = question("spectrum", "dataset=xor&widths=2&activation=quadratic&init_range=1e-6&steps=0")
    assert any("breakdown" in note for note in ask(spec).notes)


def test_ends_that_have_not_converged_are_warned_of(monkeypatch):
    monkeypatch.setattr("lossatlas.compute.numerics.curvature.ENDS_STEPS", 0)
    result = ask(question("spectrum", "dataset=heart&widths=10&method=estimated&steps=0&top=3"))
    assert any("has converged in 6 Lanczos steps" in warning for warning in result.warnings)


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=iris&activation=threshold", "threshold units has no curvature.*Choose another activation"),
    ("dataset=iris&rate=1e4&optimiser=sgd&loss=squared_error&activation=identity", "[Tt]raining diverged"),
    ("dataset=xor&part=test", "no test part"),
    ("dataset=iris&activation=quadratic&widths=4-4-4-4-4&steps=1&at=1e6,1e6", "infinite or NaN at a = 1e.06.*nearer"),
    ("dataset=sine&loss=squared_error&widths=none&steps=5&at=1,1", "one filter-normalised direction.*gaussian"),
    ("dataset=iris&steps=0&directions=interpolation&at=1,1", "not trained"),
    ("dataset=iris&activation=threshold&at=1,1", "threshold units has no curvature"),
])  # fmt: skip
def test_what_cannot_be_answered_has_a_sentence(query, words):
    result = ask(question("spectrum", query))
    assert isinstance(result, Failure)
    assert re.search(words, result.sentence)


@pytest.mark.parametrize("value", [1e200, math.nan])
def test_points_that_overflow_and_nan_weights_have_a_sentence(value):
    spec = parse(Spectrum, "dataset=iris&activation=quadratic&dtype=float64")
    far = point_at(spec.problem, np.full(35, value))
    for find in (find_all, find_ends, find_layers, lambda spec, reached: probe(spec, 0, 2, reached)):
        with pytest.raises(CannotAnswer, match="infinite or NaN"):
            find(spec, far)


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=mnist&widths=10&method=exact", r"5,000 parameters \(limit\).*784-10-10 has 7,960.*method=est"),
    ("dataset=iris&norm=batch&part=test", "BatchNorm.*Choose part=train"),
    ("dataset=iris&probes=1", "probes must lie between 2"),
    ("at=0.3", "at takes two numbers.*got 0.3"),
    ("at=1,2,3", "at must name at most 2 numbers; got 3"),
    ("at=1,nan", "at must be a finite number"),
    ("at=1,2&directions=weights&weight_a=99", "weight_a and weight_b must be below 35"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_a_sentence(query, words):
    with pytest.raises(BadSpec, match=words):
        question("spectrum", query)


def test_the_method_is_chosen_by_the_limit():
    assert question("spectrum", "dataset=mnist&widths=10").method == "estimated"
    assert question("spectrum", "dataset=mnist&widths=10&limit=8000").method == "exact"
    assert key_for(question("spectrum", "dataset=iris")) == key_for(question("spectrum", "dataset=iris&method=exact"))
    assert question("spectrum", "dataset=iris&widths=none&activation=threshold").method == "exact"
