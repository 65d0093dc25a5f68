"""Curvature along the training, and the summary of a Hessian at one point that it is made of."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.curvature_along import (
    Evolution,
    EvolutionResult,
    evolution_levels,
    evolution_size,
    levels,
    measure,
    places,
)
from lossatlas.compute.analyses.table import canonical, key_for, question
from lossatlas.compute.numerics import curvature
from lossatlas.compute.numerics.curvature import (
    SMALL,
    TOP,
    effective_rank,
    estimate,
    is_small,
    rademacher,
    summarise,
    summarise_all,
)
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import every
from tests.compute.numerics.test_curvature import by_module

MIDDLE = "dataset=digits&widths=14&max_samples=60"  # 1,060 parameters: estimated, and dense is quick


def answer(query: str) -> EvolutionResult:
    found = ask(question("evolution", query))
    assert isinstance(found, EvolutionResult), found
    return found


def at(problem: Problem, seed: int = 1, part: str = "train"):
    """What `summarise` takes: the loss, a random point, the part."""
    loss = make_loss(problem)
    return loss, torch.as_tensor(initial(problem, seed, "uniform", 1.0)).to(loss.parts["train"].x.dtype), part


# ------------------------------------------------------------------------------------------------ a summary


@pytest.mark.parametrize("query", [
    "dataset=iris&widths=4&activation=tanh", "dataset=xor&widths=3-2&activation=relu&l2=0.01",
    "dataset=wine&widths=none&loss=softmax_cross_entropy", "dataset=iris&widths=3-3&skip=1&activation=gelu",
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_small_summary_is_that_of_a_dense_hessian_by_another_route(query, dtype):
    problem = parse(Problem, f"{query}&dtype={dtype}")
    loss, theta, part = at(problem)
    found = summarise(loss, theta, part)
    matrix = by_module(replace(problem, dtype="float64"), theta.double().numpy())
    values = np.linalg.eigvalsh(matrix)
    scale = np.abs(values).max()
    np.testing.assert_allclose(found.largest, values[::-1][:TOP], atol=1e-12 * scale)
    np.testing.assert_allclose(found.smallest, values[:TOP], atol=1e-12 * scale)
    assert found.trace == pytest.approx(np.trace(matrix), abs=1e-12 * scale) and found.trace_error == 0
    assert found.frobenius == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
    signs = np.sign(np.where(np.abs(values) <= 1e-8 * scale, 0, values)).astype(int)
    assert found.counts.tolist() == np.bincount(signs + 1, minlength=3).tolist() and found.converged
    share = np.abs(values) / np.abs(values).sum()
    assert found.effective_rank == pytest.approx(math.exp(-sum(p * math.log(p) for p in share if p > 0)), rel=1e-9)
    assert found.cut == pytest.approx(1e-8 * scale)


def test_a_large_summary_is_the_spectrums_estimate_and_near_the_truth():
    problem = parse(Problem, f"{MIDDLE}&activation=tanh&dtype=float64")
    spec = question("spectrum", f"{MIDDLE}&dtype=float64&steps=0&method=estimated&probes=8&lanczos=30&top=3")
    told, theta = ask(spec), torch.as_tensor(run_training(Training(spec.problem, spec.start)).reached())
    assert not is_small(problem)
    found = summarise(make_loss(problem), theta, "train")
    for name in ("largest", "smallest", "trace", "trace_error", "frobenius", "cut"):
        np.testing.assert_allclose(getattr(found, name), getattr(told, name), rtol=1e-6, err_msg=name)
    true = summarise_all(make_loss(problem), theta, "train", TOP)
    np.testing.assert_allclose(found.largest, true.largest, rtol=1e-6)
    np.testing.assert_allclose(found.smallest, true.smallest, rtol=1e-6)
    assert 0 < abs(found.trace - true.trace) < 3 * found.trace_error < 0.5 * abs(true.trace)
    assert found.frobenius == pytest.approx(true.frobenius, rel=0.1)
    assert found.counts.sum() == pytest.approx(1060)  # each is rough: rounding alone moves it by tens


def test_an_estimate_of_xor_at_zero_is_exact_as_lanczos_breaks_down():
    problem = parse(Problem, "dataset=xor&widths=2&dtype=float64")
    found = estimate(make_loss(problem), torch.zeros(9, dtype=torch.float64), "train", 2, 6, 30, 0)
    np.testing.assert_allclose(found.counts, [0, 8, 1], atol=1e-9)
    assert [*found.largest, *found.smallest] == pytest.approx([0.25, 0, 0, 0], abs=1e-14)
    assert (found.trace, found.frobenius, found.effective_rank) == pytest.approx((0.25, 0.25, 1), abs=1e-9)
    assert found.trace_error < 1e-12 and found.cut == pytest.approx(2.5e-4)


def test_more_probes_have_a_smaller_error():
    loss, theta, part = at(parse(Problem, f"{MIDDLE}&dtype=float64"))
    few, many = (estimate(loss, theta, part, 1, probes, 10, 0) for probes in (8, 128))
    true = summarise_all(loss, theta, part, 1)
    assert many.trace_error < 0.5 * few.trace_error and abs(many.trace - true.trace) < 3 * many.trace_error


def test_fewer_parameters_than_ends_and_no_curvature_at_all():
    linear = parse(Problem, "dataset=sine&widths=none")
    assert len(summarise(*at(linear)).largest) == linear.parameters == 2
    assert effective_rank(np.zeros(3), np.ones(3)) == 0
    assert set(rademacher(0, 1, 50)) == {-1, 1} and not np.array_equal(rademacher(0, 1, 50), rademacher(0, 2, 50))


@pytest.mark.parametrize("query", ["dataset=iris", MIDDLE])
def test_where_second_derivatives_are_infinite_everything_is_nan(query):
    problem = parse(Problem, f"{query}&activation=quadratic&dtype=float64")
    found = summarise(make_loss(problem), torch.full((problem.parameters,), 1e200, dtype=torch.float64), "train")
    assert np.isnan(
        [*found.largest, *found.smallest, found.trace, found.cut, *found.counts, found.effective_rank]
    ).all()


# ----------------------------------------------------------------------------------------- along the training


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_last_moment_is_the_spectrum_at_the_end(part):
    query = f"dataset=iris&steps=40&part={part}"
    result, end = answer(f"{query}&along=5"), ask(question("spectrum", f"{query}&top=3"))
    assert result.method == end.spec.method == "exact"
    for name in ("largest", "smallest", "trace", "trace_error", "cut", "loss", "gradient_norm"):
        assert np.array_equal(np.asarray(getattr(result, name))[-1], getattr(end, name)), name
    np.testing.assert_allclose(result.counts[-1], end.counts, rtol=1e-12)
    assert result.effective_rank[-1] == pytest.approx(end.effective_rank, rel=1e-12)


def test_every_moment_is_a_dense_hessian_at_its_point_of_the_training():
    result = answer("dataset=wine&widths=3&activation=silu&l2=0.01&steps=30&rate=0.1&along=4&dtype=float64")
    trained = run_training(Training(result.spec.problem, result.spec.start))
    assert result.step.tolist() == [0, 10, 20, 30]
    for row, step in enumerate(result.step):
        matrix = by_module(result.spec.problem, trained.theta[step])
        values = np.linalg.eigvalsh(matrix)
        np.testing.assert_allclose(result.largest[row], values[::-1][:3], atol=1e-12 * values[-1])
        np.testing.assert_allclose(result.smallest[row], values[:3], atol=1e-12 * values[-1])
        assert result.trace[row] == pytest.approx(np.trace(matrix), rel=1e-11)
        assert result.counts[row].sum() == result.parameters == len(values)
    np.testing.assert_allclose(result.loss, (trained.train_loss + trained.penalty)[result.step], rtol=1e-12)
    assert len(np.unique(result.trace)) == 4


@pytest.mark.parametrize("query", ["dataset=iris&steps=100", f"{MIDDLE}&steps=6"])
def test_levels_nest_and_share_every_moment(query):
    spec = canonical(question("evolution", f"{query}&along=9"))
    tasks, asked = evolution_levels(spec), levels(spec)
    assert [task.spec for task in tasks] == asked and asked[-1] == spec and tasks[-1].key == key_for(spec)
    sizes = [len(places(level)) for level in asked]
    assert sizes == [n for n in (3, 5, 9) if n < sizes[-1]] + sizes[-1:]
    moments = [task for task in every(tasks).values() if task.run is measure]
    assert len(moments) == sizes[-1] == evolution_size(spec)[0] and all(task.beside for task in moments)
    whole = ask(spec)
    steps = run_training(Training(spec.problem, spec.start)).step
    for level in asked[:-1]:
        early, rows = ask(level), np.isin(whole.step, steps[places(level)])
        assert rows.sum() == len(early.step)
        for name in early.table:
            assert early.table[name].tobytes() == whole.table[name][rows].tobytes(), name


@pytest.mark.parametrize("along", [2, 3, 4, 9, 15, 17, 64, 100])
@pytest.mark.parametrize("steps", [1, 2, 7, 199, 400, 5000])
def test_moments_begin_and_end_with_the_training_and_coarser_ones_are_among_them(along, steps):
    spec = parse(Evolution, f"along={along}&steps={steps}")
    chosen = places(spec)
    assert chosen[0] == 0 and chosen[-1] == min(steps, 199) and len(chosen) <= along
    for level in levels(spec):
        assert set(places(level)) <= set(chosen)
    gaps = np.diff(chosen)
    assert gaps.max() - gaps.min() <= 1


def test_a_summary_says_how_it_was_had():
    exact, rough = answer("dataset=iris&steps=4&along=2"), answer(f"{MIDDLE}&steps=4&along=2&activation=relu")
    assert (exact.method, rough.method) == ("exact", "estimated") and exact.parameters <= SMALL < rough.parameters
    assert not exact.trace_error.any() and (rough.trace_error > 0).all()
    assert "exact, from all 35 eigenvalues" in exact.notes[1]
    assert "8 probes of 30 Lanczos steps" in rough.notes[1] and "kink" in rough.notes[2]
    assert "Adam" in exact.notes[-1]


def test_ends_that_have_not_converged_are_counted(monkeypatch):
    monkeypatch.setattr(curvature, "ENDS_STEPS", 0)
    assert any("At 2 of 2 steps not every eigenvalue" in line for line in answer(f"{MIDDLE}&steps=1&along=2").warnings)


def test_an_answer_is_stored_read_back_and_written_as_rows():
    result = answer("dataset=xor&widths=2&steps=8&along=3")
    again = unpack(EvolutionResult, pack(result))
    assert again.spec == result.spec and pack(again) == pack(result)
    assert {len(column) for column in result.table.values()} == {3}
    assert np.array_equal(result.table["largest_2"], result.largest[:, 1])


# ---------------------------------------------------------------------------------------------- failures

DIVERGES = "dataset=xor&widths=2&activation=quadratic&loss=squared_error&optimiser=sgd&steps=60&seed=4"


def test_a_training_that_diverges_is_shown_up_to_there_and_says_so():
    result = answer(f"{DIVERGES}&rate=0.2&along=61")
    trained = run_training(Training(result.spec.problem, result.spec.start))
    assert trained.diverged_at == 4 and result.step.tolist() == [0, 1, 2, 3]
    assert "diverged: by step 4" in result.warnings[0]
    assert answer(f"{DIVERGES}&rate=0.2&along=2").step.tolist() == [0]


@pytest.mark.parametrize(("query", "kind", "words"), [
    ("dataset=iris&steps=0", "no training", "Choose steps above 0"),
    ("dataset=iris&activation=threshold", "no second derivative", "Choose another activation"),
    ("dataset=xor&part=test", "no test part", "part=train"),
    ("dataset=iris&widths=4-4&activation=quadratic&init_range=1000&steps=9&loss=squared_error&l2=100", "diverged",
     "initial point"),
])  # fmt: skip
def test_what_has_no_answer_says_why(query, kind, words):
    found = ask(question("evolution", query))
    assert isinstance(found, Failure), found
    assert found.kind == kind and re.search(words, found.sentence)


def test_points_without_finite_curvature_leave_a_gap(monkeypatch):
    monkeypatch.setattr(curvature, "check_finite", lambda *numbers: None)
    assert np.isfinite(answer("dataset=xor&widths=2&steps=2&along=3").trace).all()

    def refuse(*numbers):
        raise curvature.CannotAnswer("not finite", "diverged")

    monkeypatch.setattr(curvature, "check_finite", refuse)
    result = answer("dataset=xor&widths=2&steps=2&along=3")
    assert np.isnan(result.largest).all() and np.isnan(result.counts).all() and np.isfinite(result.loss).all()
    assert any("At 3 of 3 steps the second derivatives" in line for line in result.warnings)


def test_batchnorm_on_the_test_part_is_refused():
    with pytest.raises(BadSpec, match="BatchNorm"):
        question("evolution", "dataset=iris&norm=batch&part=test")
