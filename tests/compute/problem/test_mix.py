"""Mixtures of two activations: (1 − t) f₁ + t f₂ by a second route, wherever the hidden units' function is used."""

import math

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.table import key_for, question
from lossatlas.compute.numerics.activity import MEASURES, UNMEASURED, edges_of_outputs
from lossatlas.compute.numerics.cost import compiled
from lossatlas.compute.numerics.kernels import gradients
from lossatlas.compute.numerics.kernels.curvature import dense
from lossatlas.compute.numerics.kernels.plan import chosen
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Start, Training
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem, activation_of
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec import keys
from lossatlas.compute.spec.options import parse, relevant, to_query
from lossatlas.compute.spec.results import Failure
from tests.cases import EXACT, SINGLE
from tests.oracles import plain_gradient, plain_loss

THEN = {  # the versions by which the keys below were made, that of the numerics aside, which was 2
    "slice": (2, 3, 1, 1, 2), "line": (1, 3, 1, 1), "training": (1,), "extent": (1, 3, 1, 1), "saturation": (2, 1),
    "spectrum": (2, 3, 1, 1, 2), "evolution": (1, 1), "replicates": (2, 1), "sharpness": (1, 1), "cloud": (2,),
}  # fmt: skip
BEFORE = [  # keys of before there were mixtures: what was asked then is asked in the same way
    ("slice", "dataset=iris&widths=4&activation=tanh&seed=0", "slice-e2d8c54dd2f3c6ddfdc2040e3f30a072c22712ec"),
    ("slice", "activation=elu&alpha=2.5&points=17&extent=0.5", "slice-2511963e344e467e7484c3d9e768a5577a502fba"),
    ("line", "dataset=xor&activation=softplus&beta=3", "line-ee65a354c8d45ff0dcbbba1134ab645be486cd70"),
    ("training", "dataset=heart&activation=relu&rescale=2&init=he",
     "training-e5f5ebd52cda0a30ab498702f156db13b2608ec5"),
    ("extent", "activation=leaky_relu&slope=0.2", "extent-5812e017dcb8db4c148b972b46a7c2e5adcf41e5"),
    ("saturation", "dataset=wine&activation=gelu", "saturation-85064a10032e2a92bc370d125b5391615d514b99"),
    ("spectrum", "dataset=xor&widths=2&activation=celu&alpha=0.5", "spectrum-86b11de46ac8337bec76dc265242d8e936cf330d"),
    ("evolution", "activation=sine", "evolution-b165756bb019a4119a0d9f54e7db0faf914b42b3"),
    ("replicates", "activation=selu&replicates=3", "replicates-4c74fa1e041f6b565dc893c5fa9b59a5df103e2b"),
    ("sharpness", "dataset=iris&activation=relu", "sharpness-74e59e91f25d144bbc6ee6505116b6637f90e133"),
    ("cloud", "dataset=xor&widths=2&activation=tanh&walks=3", "cloud-6422f561b5c060d0406ab56f18666820a00c056e"),
]  # fmt: skip
MIXED = [
    "dataset=iris&widths=4&activation=tanh&mix_with=relu&mix=0.3&l2=0.01",
    "dataset=iris&widths=5-3&activation=elu&alpha=1.5&mix_with=leaky_relu&slope=0.2&mix=0.75",
    "dataset=wine&widths=3&activation=softplus&beta=3&mix_with=sine&mix=0.5&loss=softmax_cross_entropy",
    "dataset=moons&widths=4-4&skip=1&activation=gelu&mix_with=celu&alpha=0.5&mix=0.1&loss=sigmoid_squared_error",
    "dataset=digits&max_samples=60&network=lenet&channels=2-2&dense=6&activation=tanh&mix_with=silu&mix=0.4",
]
PAIRS = [(one, other) for one in ACTIVATIONS for other in ("tanh", "relu", "elu", "gelu", "identity") if one != other]


def problem(query: str, dtype: str = "float64") -> Problem:
    return parse(Problem, f"{query}&dtype={dtype}")


@pytest.mark.parametrize(("analysis", "query", "key"), BEFORE)
def test_keys_of_before_stand(analysis, query, key, monkeypatch):
    monkeypatch.setattr(keys, "NUMERICS", 2)
    own = question(analysis, query).problem.activation
    for same in ("", "mix=0.3", "mix_with=none&mix=0.7", "mix_with=gaussian&mix=0", f"mix_with={own}&mix=0.4"):
        spec = question(analysis, f"{query}&{same}".removesuffix("&"))
        assert keys.key_of.__wrapped__(analysis, THEN[analysis], spec) == key, same


def test_a_mixture_has_a_key_of_its_own_and_its_end_that_of_the_other_activation():
    queries = [
        "", "mix_with=elu&mix=0.3", "mix_with=elu&mix=0.4", "mix_with=celu&mix=0.3", "mix_with=elu&mix=0.3&alpha=2",
        "mix_with=leaky_relu&mix=0.3", "mix_with=leaky_relu&mix=0.3&slope=0.2", "mix_with=relu&mix=0.3",
    ]  # fmt: skip
    assert len({key_for(question("slice", query)) for query in queries}) == len(queries)
    keys = {key_for(question("slice", f"mix_with=elu&mix=1&alpha=2&{q}")) for q in ("", "activation=sine", "slope=0.5")}
    assert keys == {key_for(question("slice", "activation=elu&alpha=2"))}
    assert key_for(question("slice", "mix_with=relu&mix=0.3&alpha=2")) == key_for(question("slice", queries[-1]))


@pytest.mark.parametrize("query", MIXED)
def test_a_mixture_is_written_and_read_as_any_question(query):
    spec = problem(query)
    assert parse(Problem, to_query(spec)) == spec and spec.mixed
    assert {"mix", "mix_with"} <= relevant(spec).keys() and not {"mix", "mix_with"} & relevant(Problem()).keys()
    assert ("alpha" in relevant(spec)) == ("alpha" in query)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_values_and_slopes_are_the_weighted_sum_of_both(one, other):
    z, t = torch.linspace(-4, 4, 81, dtype=torch.float64) + 0.01, 0.3
    own = {"alpha": 1.7, "slope": 0.2, "beta": 2.5, "dtype": "float64"}
    mixed, first, second = (
        make_loss(Problem(activation=name, mix_with=to, mix=t, **own)).activated(z)  # type: ignore[arg-type]
        for name, to in ((one, other), (one, "none"), (other, "none"))
    )
    for whole, left, right in zip(mixed, first, second, strict=True):
        np.testing.assert_allclose(whole, (1 - t) * left + t * right, **EXACT)


@pytest.mark.parametrize("query", MIXED[:1] + MIXED[2:3])
def test_outputs_of_one_hidden_layer_go_straight_from_one_end_to_the_other(query):
    """At fixed weights they are affine in t, a law that needs no second implementation."""
    base = problem(query)
    theta = torch.as_tensor(initial(base, 1, "uniform", 1.0))
    x = make_loss(base).parts["train"].x
    first, inside, last = (make_loss(problem(f"{query}&mix={t}")).outputs(theta, x) for t in ("0.0", "0.35", "1.0"))
    np.testing.assert_allclose(inside, 0.65 * first + 0.35 * last, **EXACT)
    assert not torch.allclose(first, last)


@pytest.mark.parametrize("query", MIXED)
def test_loss_and_gradient_are_those_of_a_plain_module(query):
    spec = problem(query)
    theta, loss = initial(spec, 1, "uniform", 1.0), make_loss(spec)
    assert float(loss.data_term(torch.as_tensor(theta))) == pytest.approx(plain_loss(spec, theta).item(), rel=1e-12)
    np.testing.assert_allclose(
        loss.gradient(torch.as_tensor(theta)), plain_gradient(spec, theta), rtol=1e-10, atol=1e-13
    )


def test_second_derivatives_are_those_of_the_gradient():
    spec = problem(MIXED[2])
    theta, loss, step = torch.as_tensor(initial(spec, 1, "uniform", 1.0)), make_loss(spec), 1e-6
    steps = step * torch.eye(len(theta), dtype=torch.float64)
    differences = torch.stack([(loss.gradient(theta + e) - loss.gradient(theta - e)) / (2 * step) for e in steps])
    # central differences: rounding over the step, 1e-16 / 1e-6
    np.testing.assert_allclose(dense(loss, theta), differences, atol=1e-8)


@pytest.mark.parametrize(("query", "dtype"), [(query, dtype) for query in MIXED for dtype in ("float32", "float64")])
def test_a_slice_agrees_with_a_plain_float64_loop(query, dtype):
    result = ask(question("slice", f"{query}&dtype={dtype}&steps=3&points=5&extent=0.5"))
    spec = result.spec.problem
    expected = [
        [plain_loss(spec, p := result.theta.astype(float) + a * result.u + b * result.v).item() + spec.l2 * p @ p
         for b in result.b] for a in result.a
    ]  # fmt: skip
    np.testing.assert_allclose(result.loss, expected, **(SINGLE if dtype == "float32" else dict(rtol=1e-11)))
    assert spec.unit.label in result.notes[0]


@pytest.mark.parametrize("query", MIXED)
def test_compiled_kernels_know_the_activations_they_were_made_for_and_no_mixture(query):
    spec = problem(query, "float32")
    assert chosen(spec, spec.parameters, 2) in ("affine", "plain", "device")
    assert not compiled(spec) and not gradients.serves(spec) and not gradients.trusted(spec)


def test_near_an_end_a_mixture_is_that_end():
    for t, pure in ((1e-13, "tanh"), (1 - 1e-13, "elu")):
        near, there = (
            ask(question("slice", f"dataset=iris&dtype=float64&steps=0&extent=0.5&points=5&{q}"))
            for q in (f"activation=tanh&mix_with=elu&mix={t!r}", f"activation={pure}")
        )
        np.testing.assert_allclose(near.loss, there.loss, rtol=1e-11)
        assert near.spec.problem.mixed


def test_initial_weights_are_one_draw_whose_variance_goes_from_scheme_to_scheme():
    """Xavier for tanh, He for ReLU: the same uniform numbers, so that squares add up weight by weight."""
    first, inside, last = (
        initial(Problem(activation="tanh", mix_with="relu", mix=t), 3, "auto", 1.0) for t in (0.0, 0.3, 1.0)
    )
    np.testing.assert_allclose(inside**2, 0.7 * first**2 + 0.3 * last**2, **EXACT)
    assert (first[:16] != last[:16]).all() and np.array_equal(np.sign(first), np.sign(last))
    assert np.array_equal(last, initial(Problem(activation="relu"), 3, "he", 1.0))
    draws = [initial(Problem(mix_with="relu", mix=t), 3, "uniform", 1.0) for t in (0.0, 0.3, 1.0)]
    assert np.array_equal(draws[0], draws[1]) and np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_facts_of_a_mixture_hold_of_its_function(one, other):
    spec = Problem(activation=one, mix_with=other, mix=0.4, dtype="float64")
    unit, act = spec.unit, activation_of(spec)
    z = torch.linspace(-30, 30, 6001, dtype=torch.float64)
    values = act(z)
    assert unit.low - 1e-9 <= float(values.min()) and float(values.max()) <= unit.high + 1e-9
    equal = torch.allclose(act(2.5 * z), 2.5 * values, rtol=1e-12, atol=1e-12)
    assert unit.homogeneous == equal
    both = (ACTIVATIONS[one], ACTIVATIONS[other])
    assert unit.twice == all(entry.twice for entry in both)
    for word in ("kink", "jumps"):
        assert (word in unit.smoothness) == any(word in e.smoothness for e in both) or "jumps" in unit.smoothness
    assert unit.label == f"{both[0].label} → {both[1].label}, t = 0.40"


@pytest.mark.parametrize(("one", "other", "measure"), [
    ("tanh", "sigmoid", "bounded"), ("elu", "gelu", "lower asymptote"), ("tanh", "relu", "mixed"),
    ("relu", "elu", "mixed"), ("identity", "quadratic", "none"), ("identity", "tanh", "mixed"),
])  # fmt: skip
def test_saturation_is_measured_only_where_both_are_measured_alike(one, other, measure):
    spec = Problem(activation=one, mix_with=other, mix=0.4, alpha=2.0, dtype="float64")
    z = torch.tensor([-1e4, 0.0], dtype=torch.float64)
    saturated = MEASURES[spec.unit.saturation].function(spec, z, activation_of(spec)(z)).tolist()
    assert spec.unit.saturation == measure
    if measure in UNMEASURED:
        assert all(map(math.isnan, saturated))
    else:
        assert saturated == pytest.approx([1.0, 0.0], abs=1e-12)
    result = ask(question("saturation", f"dataset=iris&steps=5&activation={one}&mix_with={other}&mix=0.4&alpha=2"))
    assert any(MEASURES[measure].note in note for note in result.notes)
    assert np.isnan(result.saturation).all() == (measure in UNMEASURED) and np.isfinite(result.flat).all()


def test_the_lower_end_of_a_mixture_is_that_of_its_parameters():
    spec = Problem(activation="elu", mix_with="gelu", mix=0.25, alpha=2.0)
    edges = edges_of_outputs(spec, np.array([[-3.0, 3.0], [-1.5, 3.0]]), 4)
    assert edges[0] == pytest.approx(0.75 * -2.0 + 0.25 * ACTIVATIONS["gelu"].low) and edges[-1] == 3.0


def test_a_step_mixed_in_leaves_no_second_derivative_to_speak_of():
    query = "dataset=xor&widths=2&steps=5&activation=tanh&mix_with=threshold&mix=0.2"
    answer = ask(question("spectrum", query))
    assert isinstance(answer, Failure) and "tanh → threshold, t = 0.20" in answer.sentence
    notes = ask(question("replicates", f"{query}&replicates=1")).notes
    assert any("No curvature: the derivatives of threshold units are 0" in note for note in notes)
    assert np.isfinite(ask(question("slice", f"{query}&points=5")).loss).all()


def test_rescaling_needs_both_to_be_homogeneous():
    both, one = (
        Training(Problem(activation="relu", mix_with=other, mix=0.5, dtype="float64"), Start(steps=5, rescale=4.0))
        for other in ("leaky_relu", "tanh")
    )
    assert both.factor == 4.0 and one.factor == 1.0
    moved, plain = run_training(both), run_training(both.plain)
    np.testing.assert_allclose(moved.train_loss, plain.train_loss, rtol=1e-12)
    assert not np.allclose(moved.theta, plain.theta)


def test_walks_follow_the_gradient_of_the_mixture():
    query = "dataset=xor&widths=2&walks=2&walk_steps=5&walk_size=0.1&classified=0&dtype=float64"
    mixed, pure = (ask(question("cloud", f"{query}{more}")) for more in ("&mix_with=relu&mix=0.5", ""))
    assert np.isfinite(mixed.loss).all() and not np.array_equal(mixed.loss, pure.loss)
