"""Saturation: the measures' known numbers, the analysis against hooks in plain torch modules, and laws."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.compute.analyses.saturation import (
    Saturation,
    SaturationResult,
    at_moments,
    at_the_end,
    places,
    saturation_levels,
    saturation_size,
)
from lossatlas.compute.analyses.table import question
from lossatlas.compute.numerics import loss
from lossatlas.compute.numerics.activity import (
    FLAT,
    HELD,
    LADDER,
    MEASURES,
    histogram,
    histograms,
    lower_end,
    mean_and_sd,
    phi,
    settled,
    shares,
)
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import CannotAnswer, every
from tests.cases import EXACT
from tests.oracles import module

SUMS: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11}  # float64: torch sums convolutions and batches in another order
NETWORKS = [
    "dataset=iris&widths=5&activation=tanh",
    "dataset=iris&widths=5-3&activation=elu&alpha=1.5",
    "dataset=iris&widths=5-5-5&skip=1&activation=relu",
    "dataset=iris&widths=5-4&norm=batch&activation=sigmoid",
    "dataset=moons&widths=6-6-6&skip=1&norm=batch&activation=gelu&max_samples=40",
    "dataset=digits&network=lenet&channels=3-4&dense=7&activation=softplus&beta=2&max_samples=30",
    "dataset=digits&network=lenet&channels=3-4&dense=6-5&norm=batch&activation=silu&max_samples=30",
    "dataset=iris&widths=4&activation=leaky_relu",
]


def spec_of(query: str, dtype: str = "float64") -> Saturation:
    return parse(Saturation, f"steps=8&rate=0.1&dtype={dtype}&{query}")


def answer(query: str, dtype: str = "float64") -> SaturationResult:
    found = ask(spec_of(query, dtype))
    assert isinstance(found, SaturationResult), found
    return found


# -------------------------------------------------------------------------------------------------- the measures


def by_bins(outputs: np.ndarray, low: float, high: float, bins: int = 10) -> float:
    """φ as published: Σ|ḡ_b| f_b / Σ f_b over equal bins of outputs rescaled to [−1, 1]."""
    scaled = 2 * (outputs - low) / (high - low) - 1
    place = np.minimum((scaled + 1) // (2 / bins), bins - 1)
    groups = [scaled[place == b] for b in range(bins)]
    return sum(abs(group.mean()) * len(group) for group in groups if len(group)) / len(outputs)


def test_phi_gives_the_published_numbers():
    assert phi(torch.tensor([-1.0, 1.0, 1.0, -1.0]), -1, 1).mean() == 1
    assert phi(torch.zeros(5), -1, 1).mean() == 0
    evenly = (torch.arange(1000, dtype=torch.float64) + 0.5) / 500 - 1
    assert float(phi(evenly, -1, 1).mean()) == pytest.approx(0.5, abs=1e-12)
    assert phi(torch.tensor([0.0, 1.0]), 0, 1).mean() == 1 and phi(torch.tensor([0.5]), 0, 1).mean() == 0


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (0.0, 6.0)])
def test_phi_is_the_binned_measure(low, high):
    outputs = np.random.default_rng(0).beta(0.4, 0.7, 500) * (high - low) + low
    assert float(phi(torch.as_tensor(outputs), low, high).mean()) == pytest.approx(by_bins(outputs, low, high), 1e-12)
    turned = torch.as_tensor(low + high - outputs)  # the two ends are alike
    assert float(phi(turned, low, high).mean()) == pytest.approx(by_bins(outputs, low, high), 1e-12)


def test_the_zero_share_gives_the_known_number():
    outputs = torch.tensor([0.0, 0, 0, 2, 3, 5])
    assert MEASURES["zero share"].function(Problem(activation="relu"), outputs, outputs).mean() == 0.5


@pytest.mark.parametrize(("name", "parameter", "value", "bend", "last"), [
    ("elu", 1.5, -1.5, 1.5, math.log(0.1)),
    ("celu", 3.0, -3.0, 3.0, 3 * math.log(0.1)),
    ("celu", 100.0, -100.0, 100.0, 100 * math.log(0.1)),
    ("selu", 0.0, -1.7580993408473766, 1.7580993408473766, math.log(0.1)),
    ("softplus", 2.0, 0.0, math.log(2) / 2, math.log(2**0.1 - 1) / 2),
    ("softplus", 0.01, 0.0, 100 * math.log(2), 100 * math.log(2**0.1 - 1)),
])  # fmt: skip
def test_the_lower_end_of_monotone_activations(name, parameter, value, bend, last):
    end = lower_end(((name, parameter, 1.0),))
    np.testing.assert_allclose([end.value, end.turn, end.bend], [value, 0, bend], rtol=1e-12, atol=1e-12)
    z = torch.tensor([1e3 * last, 1.001 * last, 0.999 * last, 0.0, 5.0], dtype=torch.float64)
    assert settled(z, ACTIVATIONS[name].function(z, parameter), end).tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(("name", "dip"), [("gelu", -0.7518), ("silu", -1.2785), ("mish", -1.1924)])
def test_a_dipping_activation_is_settled_beyond_its_dip_and_not_where_it_passes_zero(name, dip):
    end = lower_end(((name, 0.0, 1.0),))
    assert end.turn == pytest.approx(dip, abs=1e-3) and end.bend == pytest.approx(-ACTIVATIONS[name].low, rel=1e-5)
    z = torch.tensor([-50, -20, dip - 0.1, dip, -0.01, 0.0, 0.01, 3.0], dtype=torch.float64)
    assert settled(z, ACTIVATIONS[name].function(z, 0.0), end).tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_those_of_small_differences(name):
    loss = make_loss(Problem(activation=name, dtype="float64"))
    z = torch.linspace(-8, 8, 97, dtype=torch.float64)[:, None] + 0.013  # off every kink
    outputs, slopes = loss.activated(z)
    assert torch.equal(outputs, loss.act(z)) and not outputs.requires_grad
    np.testing.assert_allclose(slopes, (loss.act(z + 1e-5) - loss.act(z - 1e-5)) / 2e-5, rtol=1e-6, atol=1e-8)


# ------------------------------------------------------------------------------------------------- the analysis


class Kept(nn.Module):
    """An activation that keeps what enters it, as (units, patterns × pixels)."""

    def __init__(self, act: nn.Module, kept: list[np.ndarray]):
        super().__init__()
        self.act, self.kept = act, kept

    def forward(self, z):
        self.kept.append(z.detach().transpose(0, 1).flatten(1).numpy())
        return self.act(z)


def hooked(problem: Problem, theta: np.ndarray, part: str = "train") -> list[np.ndarray]:
    """Pre-activations of every hidden layer by the plain torch module; on the test part with training statistics."""
    net, kept, parts = module(problem, theta), list[np.ndarray](), make_loss(problem).parts
    blocks: list[Any] = [block for block in net if hasattr(block, "act")]
    for block in blocks:
        block.act = Kept(block.act, kept)
        if hasattr(block.norm, "momentum"):
            block.norm.momentum = 1.0
    net(parts["train"].x)
    if part == "test":
        for block, layer in zip(blocks, problem.layers, strict=False):
            if hasattr(block.norm, "momentum"):
                seen = len(parts["train"]) * layer.places
                block.norm.running_var *= (seen - 1) / seen
        kept.clear()
        net.eval()(parts["test"].x)
    return kept


def measured(problem: Problem, z: np.ndarray) -> np.ndarray:
    """Saturation (units,) of pre-activations (units, n), each activation by an expression of its own."""
    y = ACTIVATIONS[problem.activation].function(torch.as_tensor(z), problem.parameter_value).numpy()
    rules = {
        "tanh": lambda: [by_bins(row, -1, 1) for row in y], "sigmoid": lambda: [by_bins(row, 0, 1) for row in y],
        "relu": lambda: (y == 0).mean(1), "elu": lambda: (y <= -0.9 * problem.alpha).mean(1),
        "softplus": lambda: (y <= 0.1 * math.log(2) / problem.beta).mean(1),
        "gelu": lambda: ((z < -0.7518) & (y >= -0.1 * 0.1699712)).mean(1),
        "silu": lambda: ((z < -1.2785) & (y >= -0.1 * 0.2784645)).mean(1),
        "leaky_relu": lambda: np.full(len(z), np.nan),
    }  # fmt: skip
    return np.array(rules[problem.activation]())


def slope(problem: Problem, z: np.ndarray) -> np.ndarray:
    point = torch.tensor(z, requires_grad=True)
    ACTIVATIONS[problem.activation].function(point, problem.parameter_value).sum().backward()
    assert point.grad is not None
    return point.grad.abs().numpy()


def agrees_with_hooks(result: SaturationResult, part: str) -> None:
    problem = result.spec.problem
    trained = run_training(Training(problem, result.spec.start))
    seen = hooked(problem, trained.reached(), part)
    rows = [row for z in seen for row in z]
    slopes = [slope(problem, z) for z in seen]
    np.testing.assert_allclose(result.saturation, np.concatenate([measured(problem, z) for z in seen]), **SUMS)
    np.testing.assert_allclose(result.flat, np.concatenate([(s < FLAT).mean(1) for s in slopes]), **SUMS)
    assert np.array_equal(result.dead, np.concatenate([(s == 0).all(1) for s in slopes]))
    np.testing.assert_allclose(result.mean, [row.mean() for row in rows], **SUMS)
    np.testing.assert_allclose(result.sd, [row.std() for row in rows], **SUMS)
    off = sum(
        np.abs(np.histogram(row, result.edges)[0] - mine).sum() for row, mine in zip(rows, result.inputs, strict=True)
    )
    assert off == 0
    assert np.array_equal(result.below, [(row < result.edges[0]).sum() for row in rows])
    assert np.array_equal(result.above, [(row > result.edges[-1]).sum() for row in rows])
    assert result.layer.tolist() == [number for number, z in enumerate(seen, 1) for _ in z]
    outputs = [loss_act(problem, row) for row in rows]
    assert np.array_equal(result.outputs, [np.histogram(row, result.output_edges)[0] for row in outputs])


def loss_act(problem: Problem, z: np.ndarray) -> np.ndarray:
    return make_loss(problem).act(torch.as_tensor(z)).numpy()


@pytest.mark.parametrize("query", NETWORKS)
def test_everything_agrees_with_hooks_in_the_torch_module(query):
    agrees_with_hooks(answer(query), "train")


@pytest.mark.parametrize("query", [NETWORKS[0], NETWORKS[3], NETWORKS[6]])
def test_the_test_part_is_normalised_by_the_training_patterns(query):
    agrees_with_hooks(answer(f"{query}&part=test"), "test")


@pytest.mark.parametrize("query", [NETWORKS[2], NETWORKS[3], NETWORKS[5]])
def test_layers_along_the_training_agree_with_hooks(query):
    result = answer(f"{query}&moments=4")
    problem = result.spec.problem
    trained = run_training(Training(problem, result.spec.start))
    assert result.step.tolist() == [0, 3, 5, 8]
    for row, step in enumerate(result.step):
        seen = hooked(problem, trained.theta[step])
        slopes = [slope(problem, z) for z in seen]
        np.testing.assert_allclose(result.layer_saturation[row], [measured(problem, z).mean() for z in seen], **SUMS)
        np.testing.assert_allclose(result.layer_flat[row], [(s < FLAT).mean() for s in slopes], **SUMS)
        np.testing.assert_allclose(result.layer_dead[row], [(s == 0).all(1).mean() for s in slopes], **SUMS)


@pytest.mark.parametrize("query", NETWORKS)
def test_histograms_hold_every_pattern_of_every_unit_in_float32_too(query):
    result = answer(query, "float32")
    problem = result.spec.problem
    counts = (
        result.inputs.sum(1) + result.below + result.above,
        result.outputs.sum(1) + result.outputs_below + result.outputs_above,
    )
    patterns = len(make_loss(problem).parts["train"])
    pixels = [
        (problem.layers[number - 1].places // 4 if problem.layers[number - 1].side else 1) for number in result.layer
    ]
    for count in counts:
        assert np.array_equal(count, patterns * np.array(pixels))
    for name in ("saturation", "flat", "dead"):
        mean = [getattr(result, name)[result.layer == number].mean() for number in np.unique(result.layer)]
        assert np.array_equal(getattr(result, f"layer_{name}")[-1], mean, equal_nan=True)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_an_answer_within_its_bounds(name):
    result = answer(f"dataset=iris&widths=3&activation={name}&init_range=4&steps=0&bins=10", "float32")
    assert (
        np.isnan(result.saturation).all()
        if result.measure == "none"
        else ((result.saturation >= 0) & (result.saturation <= 1)).all()
    )
    assert ((result.flat >= 0) & (result.flat <= 1)).all()
    assert not result.outputs_below.any()  # each activation's range begins where its own does
    low, high = ACTIVATIONS[name].low, ACTIVATIONS[name].high
    assert result.output_edges[0] == pytest.approx(low, rel=1e-5) if math.isfinite(low) else result.output_edges[0] < 0
    assert result.output_edges[-1] == (high if math.isfinite(high) else result.curve[1].max())
    assert (MEASURES[result.measure].source in " ".join(result.notes)) and len(result.step) == 1


def test_the_dead_network_on_xor_is_dead_and_threshold_always_is():
    trained = run_training(parse(Training, "dataset=xor&widths=2&activation=relu&steps=0&dtype=float64"))
    theta = np.array([[-1, -1, -1, -1, -1, -1, 1, 1, 0.0]])  # W1 = −1, b1 = −1
    dead = at_the_end(
        parse(Saturation, "dataset=xor&widths=2&activation=relu&steps=0&dtype=float64"), replace(trained, theta=theta)
    )
    assert dead.saturation.tolist() == dead.flat.tolist() == dead.dead.tolist() == [1, 1]
    assert answer("dataset=iris&activation=threshold").dead.all()


def test_a_leaky_relu_without_a_slope_is_measured_as_the_relu_that_it_is():
    query = "dataset=iris&widths=6&init=dead&steps=3&activation="
    leaky, relu = (ask(question("saturation", f"{query}{name}")) for name in ("leaky_relu&slope=0", "relu"))
    assert leaky.measure == relu.measure == "zero share" and leaky.notes[-2] == relu.notes[-2]
    for name in ("saturation", "flat", "dead", "output_edges"):
        assert np.array_equal(getattr(leaky, name), getattr(relu, name))
    assert np.isnan(ask(question("saturation", f"{query}leaky_relu")).saturation).all()


def test_a_histogram_keeps_its_ends():
    counts = histogram(torch.tensor([[-2.0, -1, -0.5, 0, 0.5, 1, 1.5], [1, 1, 1, 1, 1, 1, -1]]), np.array([-1.0, 0, 1]))
    assert counts.tolist() == [[1, 2, 3, 1], [0, 1, 6, 0]]


# ------------------------------------------------------------------------------------------------------ laws

AT = "dataset=iris&widths=5&activation=relu&dtype=float64"


def point(problem: Problem, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=problem.parameters)


def of(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Everything per unit, (U, …)."""
    at = (make_loss(problem), torch.as_tensor(theta), "train")
    edges = np.linspace(-3, 3, 13)
    return np.hstack([shares(*at).T, mean_and_sd(*at).T, *histograms(*at, edges, edges)])


def test_permuting_units_permutes_rows():
    problem, order = parse(Problem, AT), [3, 1, 4, 0, 2]
    theta = point(problem)
    w1, b1, rest = theta[:20].reshape(5, 4), theta[20:25], theta[25:]
    turned = np.concatenate([w1[order].ravel(), b1[order], rest])
    np.testing.assert_allclose(of(problem, turned), of(problem, theta)[order], **EXACT)
    assert len(np.unique(of(problem, theta)[:, 0])) > 2  # rows that differ


@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_scaling_a_relu_layer_leaves_its_zero_share_and_its_dead_units(factor):
    problem = parse(Problem, AT)
    theta, scaled = point(problem), point(problem)
    scaled[:25] *= factor
    before, after = (shares(make_loss(problem), torch.as_tensor(t), "train") for t in (theta, scaled))
    assert np.array_equal(before, after) and 0 < before[0].mean() < 1


def test_larger_weights_saturate_tanh_more():
    problem = parse(Problem, AT.replace("relu", "tanh"))
    found = [shares(make_loss(problem), torch.as_tensor(a * point(problem)), "train") for a in (1e-9, 0.5, 1, 4, 1e9)]
    values = np.array([[units[0].mean(), units[1].mean()] for units in found])
    assert (np.diff(values[:, 0]) > 0).all() and (np.diff(values[:, 1]) >= 0).all()
    np.testing.assert_allclose(values[[0, -1]], [[0, 0], [1, 1]], atol=1e-8)


def test_blocks_of_patterns_give_the_whole(monkeypatch):
    problem = parse(Problem, "dataset=iris&widths=5-5&norm=batch&activation=elu&dtype=float64")
    whole = of(problem, point(problem))
    monkeypatch.setattr(loss, "BLOCK", 1)
    assert len(list(make_loss(problem).blocks(120))) == 2
    np.testing.assert_allclose(of(problem, point(problem)), whole, **SUMS)


def test_the_automatic_range_is_the_smallest_round_one_that_holds_each_layer():
    result = answer("dataset=iris&widths=6-6&activation=relu&init_range=3&steps=0")
    seen = hooked(result.spec.problem, run_training(Training(result.spec.problem, result.spec.start)).reached())
    smaller = LADDER[LADDER.index(result.edges[-1]) - 1]
    assert all((np.abs(z) <= result.edges[-1]).mean() >= HELD for z in seen)
    assert any((np.abs(z) <= smaller).mean() < HELD for z in seen)


def test_an_asked_range_counts_what_lies_outside_and_says_so():
    result = answer("dataset=iris&widths=6&activation=relu&init_range=3&z_range=0.5&steps=0&bins=4")
    assert np.array_equal(result.edges, [-0.5, -0.25, 0, 0.25, 0.5])
    outside = (result.below + result.above).sum() / 720
    assert outside > 0.5 and f"{100 * outside:.3g} % lie outside" in result.notes[-1]
    assert np.array_equal(result.curve[0][[0, 100, 200]], [-0.5, 0, 0.5])


# -------------------------------------------------------------------------------------------- levels and failures


def test_the_first_level_is_the_point_reached_and_the_last_adds_the_way_there():
    spec = spec_of("dataset=iris&widths=4&moments=5")
    first, last = saturation_levels(spec)
    assert first.spec == replace(spec, moments=1) and last.spec == spec
    assert (
        sum(task.units for task in every([last]).values() if not task.key.startswith("training"))
        == saturation_size(spec)[0]
    )
    early, whole = ask(first.spec), ask(spec)
    assert early.step.tolist() == [8] and whole.step.tolist() == [0, 2, 4, 6, 8]
    assert np.array_equal(early.layer_saturation[0], whole.layer_saturation[-1])
    assert np.array_equal(early.inputs, whole.inputs)


def test_another_range_or_number_of_bins_asks_for_the_end_alone():
    specs = [spec_of(f"dataset=iris&moments=5&{query}") for query in ("", "z_range=0.5", "bins=6", "moments=4")]
    keys = [{task.key for task in every(saturation_levels(spec)).values() if task.run is at_moments} for spec in specs]
    assert keys[0] and keys[0] == keys[1] == keys[2] and not keys[0] & keys[3]
    wide, narrow = ask(specs[0]), ask(specs[1])
    assert wide.layer_saturation.tobytes() == narrow.layer_saturation.tobytes()
    assert wide.inputs.tobytes() != narrow.inputs.tobytes()


@pytest.mark.parametrize("steps", [0, 1, 7, 5000])
@pytest.mark.parametrize("moments", [1, 2, 50, 200])
def test_moments_end_at_the_point_reached(steps, moments):
    chosen = places(parse(Saturation, f"steps={steps}&moments={moments}"))
    assert len(chosen) == min(moments, steps + 1, 200) and chosen[-1] == min(steps, 199)


@pytest.mark.parametrize(("query", "kind", "words"), [
    ("dataset=sine&loss=squared_error&activation=quadratic&optimiser=sgd&rate=50&steps=200", "diverged", "step"),
    ("widths=none", "no hidden layer", "Choose widths"),
    ("dataset=xor&widths=2&part=test", "no test part", "part=train"),
    ("dataset=iris&test_share=0&part=test&moments=1", "no test part", "part=train"),
])  # fmt: skip
def test_what_has_no_answer_says_why(query, kind, words):
    found = ask(spec_of(query))
    assert isinstance(found, Failure) and found.kind == kind and words in found.sentence


def test_infinite_pre_activations_are_refused_and_leave_a_gap_along_the_training():
    spec = parse(Saturation, "dataset=iris&widths=3&steps=0")
    reached = run_training(Training(spec.problem, spec.start))
    huge = np.full_like(reached.theta, 3e38)
    with pytest.raises(CannotAnswer, match="infinite"):
        at_the_end(spec, replace(reached, theta=huge))
    assert np.isnan(shares(make_loss(spec.problem), torch.as_tensor(huge[0]), "train")).all()


def test_bins_are_even():
    with pytest.raises(BadSpec, match="even"):
        parse(Saturation, "bins=11")
