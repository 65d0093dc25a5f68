"""Several seeds: each row against the single answers of its seed, the levels, what diverges, and intervals."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.replicates import (
    CURVATURE,
    MEASURED,
    NUMBERS,
    Replicates,
    ReplicatesResult,
    measure_seed,
    replicates_levels,
    replicates_size,
)
from lossatlas.compute.analyses.saturation import Saturation
from lossatlas.compute.analyses.spectra.question import Spectrum
from lossatlas.compute.analyses.table import canonical, key_for, question
from lossatlas.compute.numerics import curvature
from lossatlas.compute.numerics.ascents import ascent, keskar
from lossatlas.compute.numerics.intervals import interval
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.limits import seconds_of
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import every

pytestmark = pytest.mark.usefixtures("as_a_worker_computes")

SOME = "dataset=xor&widths=2&activation=quadratic&loss=squared_error&optimiser=sgd&steps=60&rate=0.2"  # seed 4 diverges


def answer(query: str) -> ReplicatesResult:
    found = ask(question("replicates", query))
    assert isinstance(found, ReplicatesResult), found
    return found


# ---------------------------------------------------------------------------------- rows against single answers


@pytest.mark.parametrize("query", [
    "dataset=iris&activation=relu&steps=30&part=test&l2=0.01", "dataset=wine&widths=3-3&activation=tanh&steps=20",
    "dataset=sine&widths=5&activation=silu&steps=20", "dataset=iris&widths=3&norm=batch&activation=elu&steps=10",
    "dataset=heart&widths=4&activation=sigmoid&steps=0&dtype=float64",
])  # fmt: skip
def test_every_row_is_what_the_single_questions_of_its_seed_say(query):
    result = answer(f"{query}&seed=7&replicates=3&epsilon=5e-4&rho=0.1")
    problem, part = result.spec.problem, result.spec.part
    assert result.seed.tolist() == [7, 8, 9] and result.method == "exact"
    for row, start in enumerate(result.spec.starts):
        trained = ask(Training(problem, start))
        for name in MEASURED:
            np.testing.assert_array_equal(getattr(result, name)[row], np.float64(getattr(trained, name)[-1]))
        spectrum = ask(question("spectrum", f"{query}&seed={start.seed}"))
        told = (*spectrum.largest[:1], *spectrum.smallest[:1], spectrum.trace, spectrum.trace_error)
        assert tuple(getattr(result, name)[row] for name in CURVATURE[:4]) == told
        signs = [result.negative[row], result.zero[row], result.positive[row]]
        np.testing.assert_allclose(signs, spectrum.counts / result.parameters, atol=1e-14)
        assert result.effective_rank[row] == pytest.approx(spectrum.effective_rank, rel=1e-12)
        units = ask(Saturation(problem, start, part))
        assert result.measure == units.measure
        for name in ("saturation", "flat", "dead"):
            np.testing.assert_allclose(getattr(result, name)[row], getattr(units, name).mean(), rtol=1e-14)
        at = (make_loss(problem), torch.as_tensor(trained.reached()), part)
        bent = curvature.steepest(*at)[1]
        assert (result.keskar[row], result.sam[row]) == (keskar(*at, 5e-4, bent), ascent(*at, 0.1, math.nan))
    assert all(len(np.unique(getattr(result, name))) == 3 for name in ("train_loss", "largest", "keskar", "sam"))


def test_more_than_a_thousand_parameters_are_estimated_as_the_spectrum_does():
    query = "dataset=digits&widths=14&max_samples=60&steps=5"
    result, probes = answer(f"{query}&replicates=1"), "method=estimated&probes=8&lanczos=30&top=3"
    told = ask(question("spectrum", f"{query}&{probes}"))
    assert result.method == told.spec.method == "estimated" and "8 probes of 30" in " ".join(result.notes)
    np.testing.assert_allclose(result.largest, told.largest[:1], rtol=1e-4)
    np.testing.assert_allclose(result.trace, told.trace, rtol=1e-4)
    np.testing.assert_allclose(result.trace_error, told.trace_error, rtol=1e-3)
    assert (result.negative + result.zero + result.positive)[0] == pytest.approx(1)


@pytest.mark.parametrize(("query", "gone"), [
    ("dataset=sine&widths=5&activation=relu", {"train_accuracy", "test_accuracy"}),
    ("dataset=xor&widths=2", {"test_loss", "test_accuracy"}),
    ("dataset=iris&activation=identity", {"saturation"}),
    ("dataset=iris&widths=none", {"saturation", "flat", "dead"}),
    ("dataset=iris&activation=threshold", set(CURVATURE)),
])  # fmt: skip
def test_what_has_no_meaning_is_nan_and_all_else_a_number(query, gone):
    result = answer(f"{query}&steps=5&replicates=2")
    assert {name for name in NUMBERS if np.isnan(getattr(result, name)).all()} == gone
    assert all(np.isfinite(getattr(result, name)).all() for name in NUMBERS if name not in gone)
    assert any("No curvature" in note for note in result.notes) == ("threshold" in query)


# ---------------------------------------------------------------------------------------------------- levels


def test_where_the_gradient_is_zero_the_ascent_is_that_of_the_curvature():
    result = answer("dataset=xor&widths=2&activation=tanh&init=zero&steps=0&replicates=2&rho=0.1")
    assert result.sam.tolist() == (0.5 * result.largest * 0.1**2).tolist() and result.largest == pytest.approx(0.25)
    assert any("At 2 of the points the gradient is 0" in note for note in result.notes)
    assert not any("gradient is 0" in note for note in answer("dataset=xor&widths=2&replicates=1").notes)


def test_levels_are_one_seed_a_few_and_all_and_share_their_tasks():
    spec = canonical(question("replicates", "dataset=iris&steps=10&replicates=5"))
    levels = replicates_levels(spec)
    assert asked_of(spec) == [replace(spec, replicates=count) for count in (1, 3, 5)] and replicates_size(spec)[0] == 5
    assert levels[-1].spec == spec and levels[-1].key == key_for(spec)
    measured = [task for task in every(levels).values() if task.run is measure_seed]
    assert len(measured) == 5 and all(task.beside for task in measured)
    whole = ask(spec)
    for level in levels:
        early = ask(level.spec)
        for name in early.table:
            assert early.table[name].tobytes() == whole.table[name][: len(early.seed)].tobytes(), name
    one, three = (replace(spec, replicates=count) for count in (1, 3))
    assert asked_of(three) == [one, three] and asked_of(one) == [one]


def asked_of(spec: Replicates) -> list:
    return [task.spec for task in replicates_levels(spec)]


def test_shifted_seeds_and_single_trainings_share_their_tasks():
    first, second = (
        every(replicates_levels(canonical(question("replicates", f"steps=10&replicates=4&seed={seed}"))))
        for seed in (3, 5)
    )
    both = {key for key, task in first.items() if task.run is measure_seed} & set(second)
    assert len(both) == 2
    assert key_for(canonical(question("training", "steps=10&seed=6"))) in first.keys() & second.keys()


def test_another_radius_leaves_the_trainings():
    one, other = (
        every(replicates_levels(question("replicates", f"steps=10&replicates=2&rho={rho}"))) for rho in (1, 2)
    )
    shared = one.keys() & other.keys()
    assert {key.split("-")[0] for key in shared} == {"training"}
    assert not any(task.run is measure_seed for key, task in one.items() if key in shared)


def test_an_answer_is_stored_read_back_and_written_as_rows():
    result = answer(f"{SOME}&replicates=2&seed=3")
    again = unpack(ReplicatesResult, pack(result))
    assert again.spec == result.spec and pack(again) == pack(result)
    assert list(result.table) == ["seed", *NUMBERS] and {len(column) for column in result.table.values()} == {2}


def test_the_cost_grows_with_the_seeds():
    one, ten = (seconds_of(replicates_levels(question("replicates", f"replicates={count}"))) for count in (1, 10))
    assert ten == pytest.approx(10 * one) and one > 0


# -------------------------------------------------------------------------------------------------- failures


def test_a_training_that_diverged_is_a_row_of_nan_and_named():
    result = answer(f"{SOME}&replicates=3&seed=3")
    assert result.seed.tolist() == [3, 4, 5]
    numbers = [getattr(result, name) for name in NUMBERS if name not in ("test_loss", "test_accuracy", "saturation")]
    assert np.isnan(np.array(numbers)[:, 1]).all() and np.isfinite(np.array(numbers)[:, [0, 2]]).all()
    assert re.match(r"1 of 3 trainings diverged \(seed 4\).*Lower the learning rate \(now 0.2\)", result.warnings[0])
    assert interval(result.largest).count == 2


def test_all_trainings_may_diverge():
    result = answer(f"{SOME.replace('0.2', '50')}&replicates=2")
    assert np.isnan(result.train_loss).all() and "2 of 2 trainings diverged (seed 3, 4)" in result.warnings[0]


def test_second_derivatives_that_are_not_finite_are_named(monkeypatch):
    def refuse(*numbers):
        raise curvature.CannotAnswer("not finite", "diverged")

    monkeypatch.setattr(curvature, "check_finite", refuse)
    result = answer("dataset=xor&widths=2&steps=2&replicates=2")
    assert np.isnan(result.largest).all() and np.isfinite(result.keskar).all()
    assert "infinite or NaN at the end of 2 of 2 trainings (seed 3, 4)" in result.warnings[0]


def test_an_empty_part_has_a_sentence():
    found = ask(question("replicates", "dataset=xor&widths=2&part=test&steps=2&replicates=1"))
    assert isinstance(found, Failure) and found.kind == "no test part"


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=iris&norm=batch&part=test", "BatchNorm"), ("seed=2147483640&replicates=20", "seed must lie between"),
    ("replicates=0", "replicates must lie"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(query, words):
    with pytest.raises(BadSpec, match=words):
        question("replicates", query)


def test_memory_is_that_of_a_dense_matrix_or_of_a_basis():
    small, large = (question("replicates", query) for query in ("dataset=iris", "dataset=mnist&widths=10"))
    assert small.extra_bytes == Spectrum(small.problem).extra_bytes == 5 * 8 * 35**2
    assert large.extra_bytes == 306 * 7960 * 4


# ------------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_two_and_three_numbers_have_students_closed_forms(confidence):
    two, three = interval(np.array([1.0, 4.0]), confidence), interval(np.array([1.0, 2.0, 6.0]), confidence)
    assert two.mean == 2.5 and two.count == 2
    assert two.high - two.mean == pytest.approx(math.tan(math.pi * confidence / 2) * 1.5, rel=1e-12)  # Cauchy
    quantile = confidence * math.sqrt(2 / (1 - confidence**2))  # of two degrees of freedom
    assert three.mean == 3 and three.mean - three.low == pytest.approx(quantile * math.sqrt(7 / 3), rel=1e-12)


def test_a_textbook_case():
    """Student's own ten differences of hours of sleep (1908, The probable error of a mean, section IX)."""
    found = interval(np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]))
    assert (found.mean, found.low, found.high) == pytest.approx((1.58, 0.70011, 2.45989), abs=1e-5)


def test_the_interval_covers_as_often_as_it_says():
    rng, inside = np.random.default_rng(0), 0
    for _ in range(2000):
        found = interval(rng.normal(3.0, 2.0, size=4))
        inside += found.low <= 3 <= found.high
    assert abs(inside - 1900) <= 3 * math.sqrt(2000 * 0.95 * 0.05)


def test_gaps_are_left_out_and_too_few_numbers_have_no_interval():
    assert interval(np.array([1.0, np.nan, 3.0, np.inf])) == interval(np.array([1.0, 3.0]))
    one, none = interval(np.array([np.nan, 5.0])), interval(np.array([np.nan]))
    assert one.mean == 5 and one.count == 1 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(none.mean) and none.count == 0
    same = interval(np.full(4, 2.0))
    assert same.low == same.mean == same.high == 2
