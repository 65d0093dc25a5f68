"""Starts, data and directions of known closed form: zero and dead points, the deep linear network, the output layer."""

import math

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.lines import LineResult
from lossatlas.compute.analyses.planes.directions import DIRECTIONS
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.spectra.question import SpectrumResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import TrainingResult
from lossatlas.compute.problem.initial import INITS, initial
from lossatlas.compute.problem.nets import Problem, offsets, split
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse
from lossatlas.compute.spec.results import Failure
from tests.cases import EXACT

LN2 = math.log(2)
ALONE = "steps=0&dtype=float64"


def spectrum(query: str) -> SpectrumResult:
    result = ask(question("spectrum", query))
    assert isinstance(result, SpectrumResult), result
    return result


def sliced(query: str) -> SliceResult:
    result = ask(question("slice", query))
    assert isinstance(result, SliceResult), result
    return result


def line(query: str) -> LineResult:
    result = ask(question("line", query))
    assert isinstance(result, LineResult), result
    return result


# ---------------------------------------------------------------------------------------------- starts


@pytest.mark.parametrize(("query", "values"), [
    ("activation=tanh", (LN2, 0.25)),
    ("activation=elu", (LN2, 0.25)),
    ("activation=tanh&loss=sigmoid_squared_error", (0.25, 0.125)),
    ("activation=sigmoid", (LN2, 0.375)),
    ("activation=sigmoid&loss=sigmoid_squared_error", (0.25, 0.1875)),
])  # fmt: skip
def test_all_parameters_zero_is_a_stationary_point_of_xor_with_one_curved_direction(query, values):
    result = spectrum(f"dataset=xor&widths=2&init=zero&{ALONE}&{query}")
    np.testing.assert_allclose(result.eigenvalues, [0.0] * 8 + [values[1]], atol=1e-15)
    assert result.loss == pytest.approx(values[0], rel=1e-14) and result.gradient_norm < 1e-15


@pytest.mark.parametrize("widths", ["1", "2", "7", "30", "3-3", "2-5-2"])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_a_dead_start_is_a_bad_stationary_point_of_xor_at_any_width_and_depth(widths, activation):
    result = spectrum(f"dataset=xor&widths={widths}&activation={activation}&init=dead&{ALONE}")
    P = result.parameters
    np.testing.assert_allclose(result.eigenvalues, [0.0] * (P - 1) + [0.25], atol=1e-15)
    assert result.loss == pytest.approx(LN2, rel=1e-14) and result.gradient_norm < 1e-15


def test_a_dead_start_is_the_one_written_down():
    problem = parse(Problem, "dataset=xor&widths=2&activation=relu")
    assert initial(problem, 3, "dead", 1.0).tolist() == [-1, -1, -1, -1, -1, -1, 1, 1, 0]
    deep = parse(Problem, "dataset=xor&widths=2-2&activation=relu")
    later = [float(part.unique()) for layer in split(deep.shapes, torch.as_tensor(initial(deep, 0, "dead", 1.0)))[1:]
             for part in layer]  # fmt: skip
    assert later == [1, 0, 1, 0]


def test_training_does_not_leave_a_dead_start_and_leaves_it_with_a_leak():
    trained = [ask(question("training", f"dataset=xor&widths=4&init=dead&activation={name}&steps=300"))
               for name in ("relu", "leaky_relu")]  # fmt: skip
    dead, leaky = trained
    assert np.array_equal(dead.theta[0], dead.theta[-1]) and dead.gradient_norm.max() == 0
    assert not np.array_equal(leaky.theta[0], leaky.theta[-1])


def test_fixed_starts_know_neither_seed_nor_range_and_batchnorm_begins_as_ever():
    problem = parse(Problem, "dataset=iris&widths=4&norm=batch")
    cuts = offsets(problem.shapes)
    for init in ("zero", "dead"):
        theta = initial(problem, 1, init, 1.0)
        assert np.array_equal(theta, initial(problem, 9, init, 7.0))
        assert (theta[cuts[2] : cuts[3]] == 1).all() and (theta[cuts[3] : cuts[4]] == 0).all()  # γ, β


@pytest.mark.parametrize("init", INITS)
def test_the_note_says_where_a_start_lies(init):
    told = [ask(question("training", f"dataset=xor&init={init}&steps={steps}")).notes[0] for steps in (0, 3)]
    fixed = init in ("zero", "dead")
    assert all((INITS[init].label in note) == fixed for note in told)
    assert told[0].startswith("Random") != fixed


# ---------------------------------------------------------------------------------------------- deep linear


PRODUCT = f"dataset=unit&activation=identity&widths=1&init=zero&directions=weights&weight_a=0&weight_b=2&{ALONE}"


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_two_linear_weights_are_the_deep_linear_loss(gamma):
    result = sliced(f"{PRODUCT}&l2={gamma}&extent=1.5&points=17")
    a, b = result.a[:, None], result.b[None]
    np.testing.assert_allclose(result.loss, (a * b - 1) ** 2 + gamma * (a**2 + b**2), **EXACT)
    assert result.names == ("W1[0,0]", "W2[0,0]")
    assert not result.path.size


def test_three_linear_layers_are_the_deep_linear_loss_of_depth_three():
    # At (w, w, 0) the third weight is 0, so that a plane of the first and third weights is 1 + γ Σ w².
    result = sliced(f"{PRODUCT.replace('widths=1', 'widths=1-1')}&l2=0.3&extent=1.5&points=9")
    np.testing.assert_allclose(result.loss, 1 + 0.3 * (result.a[:, None] ** 2 + result.b[None] ** 2), **EXACT)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_the_saddle_at_zero_has_the_curvature_of_the_product(gamma):
    found = spectrum(f"{PRODUCT}&l2={gamma}").eigenvalues
    np.testing.assert_allclose(found, 2 * gamma + np.array([-2.0, 0.0, 2.0, 2.0]), atol=1e-14)


@pytest.mark.parametrize(("depth", "gamma"), [(2, 0.3), (3, 0.1)])
def test_training_finds_the_closed_forms_minimum(depth, gamma):
    w = np.linspace(0.5, 1, 200_001)
    least = ((w**depth - 1) ** 2 + depth * gamma * w**2).min()
    assert depth != 2 or least == pytest.approx(0.51, abs=1e-9)  # at w = √.7
    query = f"dataset=unit&activation=identity&widths={'-'.join('1' * (depth - 1))}&l2={gamma}&dtype=float64"
    ends = []
    for seed in range(4):  # of three layers one may end at 0, a minimum too
        result = ask(question("training", f"{query}&init_range=2&seed={seed}&steps=1500&rate=0.02"))
        ends.append(result.train_loss[-1] + result.penalty[-1])
    assert min(ends) == pytest.approx(least, abs=1e-8)
    assert set(np.round(ends, 6)) <= {round(least, 6), 1.0}


def test_with_decay_zero_is_a_bad_minimum_of_three_linear_layers_and_a_saddle_of_two():
    two, three = (
        spectrum(f"dataset=unit&activation=identity&widths={widths}&init=zero&l2=0.1&{ALONE}")
        for widths in ("1", "1-1")
    )
    assert two.gradient_norm == three.gradient_norm == 0 and two.loss == three.loss == 1
    assert two.eigenvalues[0] == pytest.approx(-1.8) and three.eigenvalues[0] == pytest.approx(0.2)


# ---------------------------------------------------------------------------------------------- the output layer


@pytest.mark.parametrize("query", [
    "dataset=xor&widths=3&activation=tanh&steps=200", "dataset=iris&widths=5-3&activation=relu&steps=20",
    "dataset=iris&widths=none&steps=20", "dataset=digits&network=lenet&steps=0&max_samples=50",
])  # fmt: skip
def test_the_output_direction_is_the_output_layers_own_weights_and_biases(query):
    result = line(f"{query}&directions=output&extent=3&line_points=7&dtype=float64")
    begin = offsets(result.spec.problem.shapes)[-3]
    assert not result.u[:begin].any() and np.array_equal(result.u[begin:], result.theta[begin:])
    assert result.loss[2] == pytest.approx(  # at −1 every output is 0
        float(make_loss(result.spec.problem).data_term(torch.zeros(len(result.u), dtype=torch.float64))), rel=1e-12
    )
    assert result.name == "output layer" and "output layer" in result.notes[1]


def test_scaling_a_net_that_classifies_correctly_lowers_its_loss_for_ever_and_decay_brings_a_minimum_back():
    net = "dataset=xor&widths=3&activation=tanh&steps=300&directions=output&dtype=float64&line_points=101"
    free, held = (line(f"{net}&l2={l2}&extent=50") for l2 in (0, 0.001))
    assert free.accuracy[50] == held.accuracy[50] == 1
    beyond = free.axis >= -1
    assert (np.diff(free.loss[beyond]) < 0).all() and free.loss[-1] < 1e-6 * free.loss[50]
    lowest = int(held.loss.argmin())
    assert 0 < lowest < 100 and held.loss[-1] > held.loss[lowest]


def test_the_output_layers_plane_is_spanned_by_it_and_a_random_direction():
    one, two = (sliced(f"dataset=iris&widths=4&steps=20&points=5&directions=output&direction_seed={n}") for n in (0, 1))
    assert np.array_equal(one.u, two.u) and not np.array_equal(one.v, two.v)
    assert abs(one.u @ one.v) < 1e-10 * (one.u @ one.u)
    weights = np.concatenate([one.theta[:16], one.theta[20:32]])
    assert np.linalg.norm(one.v) == pytest.approx(np.linalg.norm(weights), rel=1e-6)


@pytest.mark.parametrize(("query", "words"), [
    ("init=zero&directions=output", "all 0"),
    ("init=zero&directions=filter", "all 0"),
    ("init=zero&directions=filter_original", "all 0"),
])  # fmt: skip
def test_directions_as_long_as_weights_of_length_zero_are_refused(query, words):
    for analysis in ("slice", "line"):
        answer = ask(question(analysis, f"dataset=xor&steps=0&{query}"))
        assert isinstance(answer, Failure) and words in answer.sentence and "directions=gaussian" in answer.sentence


def test_every_kind_of_directions_makes_a_plane_of_a_trained_network():
    for kind in DIRECTIONS:
        result = sliced(f"dataset=iris&widths=3&steps=30&points=5&directions={kind}&turn=30")
        assert np.isfinite(result.loss).all() and result.u.any() and result.v.any()


def test_batchnorms_statistics_do_not_move_with_the_output_layer():
    query = "dataset=iris&widths=4&norm=batch&steps=20&points=5&directions=output&extent=0.5&dtype=float64"
    moved, fixed = (sliced(f"{query}&statistics={name}") for name in ("moved", "fixed"))
    assert np.array_equal(moved.loss[:, 2], fixed.loss[:, 2])
    assert not np.allclose(moved.loss[2], fixed.loss[2])


def test_a_zero_start_that_is_trained_is_a_training():
    assert isinstance(ask(question("training", "dataset=iris&init=zero&steps=5")), TrainingResult)
