"""The cloud against the walks, Hessians and saturations it is made of; nested questions; what is refused and told."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses import clouds
from lossatlas.compute.analyses.clouds import (
    MEASURED,
    MOST_BYTES,
    Cloud,
    CloudResult,
    cloud_levels,
    cloud_size,
    merge,
    parts,
    point,
)
from lossatlas.compute.analyses.saturation import shares
from lossatlas.compute.numerics.activity import mean_saturation
from lossatlas.compute.numerics.classes import RULES, SINGULAR, UNKNOWN, extremes
from lossatlas.compute.numerics.kernels.hessians import hessians
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.walk_kinds import Walks
from lossatlas.compute.numerics.paths.walks import of_batch, run_walks
from lossatlas.compute.numerics.stagnation import COUNTERS, stagnation
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.limits import check_cost
from lossatlas.compute.spec.options import BadSpec, parse, to_query
from lossatlas.compute.spec.results import pack, unpack
from lossatlas.compute.spec.tasks import every
from tests.cases import EXACT

pytestmark = pytest.mark.usefixtures("as_a_worker_computes")

# One question for each way a walk is computed: side by side, compiled, by torch in float64, in batches, of more layers.
ROUTES = {
    "few": "dataset=xor&widths=2&walks=40&walk_steps=30&walk_seed=3",
    "compiled": "dataset=iris&widths=4&activation=elu&walks=5&walk_steps=30&walk_range=10&walk_size=0.1",
    "float64": "dataset=iris&widths=4&activation=relu&walks=5&walk_steps=30&dtype=float64&walk=bounded_gradient",
    "batches": "dataset=iris&widths=4&walks=5&walk_steps=30&walk_batch=32&classified=0.2",
    "deep": "dataset=wine&widths=5-4&activation=gelu&walks=3&walk_steps=20&classified=0.3",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, CloudResult]:
    return {name: ask(parse(Cloud, query)) for name, query in ROUTES.items()}


def visited(result: CloudResult):
    """Its walks with their points."""
    spec = result.spec
    return run_walks(Walks(spec.problem, spec.walking), points=True, held_out=True)


@pytest.mark.parametrize("route", ROUTES)
def test_the_rows_are_those_of_the_walks(answers, route):
    result, plain = answers[route], visited(answers[route])
    for name in MEASURED[:-1]:
        expected = getattr(plain, name).astype(result.dtype)
        assert np.array_equal(getattr(result, name), expected, equal_nan=True)
    rows = result.table
    assert {len(column) for column in rows.values()} == {result.loss.size}
    row = np.flatnonzero((rows["walk"] == 2) & (rows["step"] == 7)).item()
    assert rows["loss"][row] == result.loss[2, 7] and rows["saturation"][row] == result.saturation[2, 7]


@pytest.mark.parametrize("route", ROUTES)
def test_a_point_is_found_again_to_the_bit(answers, route):
    spec, plain = answers[route].spec, visited(answers[route])
    for walk, step in ((0, 0), (2, 7), (1, spec.walking.walk_steps)):
        assert np.array_equal(point(spec, walk, step), plain.theta[walk, step])


@pytest.mark.parametrize("route", ROUTES)
def test_saturation_is_the_mean_over_units_of_the_analysis(answers, route):
    result, plain = answers[route], visited(answers[route])
    loss = make_loss(result.spec.problem)
    for walk, step in ((0, 0), (2, 7), (1, 20)):
        here = of_batch(Walks(result.spec.problem, result.spec.walking), loss, step)
        expected = shares(here, torch.as_tensor(plain.theta[walk, step]), "train")[0].mean()
        assert result.saturation[walk, step] == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("route", ROUTES)
def test_curvature_is_that_of_the_points_at_the_steps_named(answers, route):
    result, plain = answers[route], visited(answers[route])
    spec = result.spec
    assert result.looked.shape == (len(result.loss), spec.looked)
    assert (np.diff(result.looked, axis=1) > 0).all() and result.looked.max() <= spec.walking.walk_steps
    loss = make_loss(replace(spec.problem, dtype="float64"))
    for walk in (0, 2):
        thetas = plain.theta[walk, result.looked[walk]]
        values = torch.linalg.eigvalsh(hessians(loss, torch.as_tensor(thetas).double())).numpy()
        tolerance = 1e-11 * np.abs(values).max()
        np.testing.assert_allclose(result.full[walk, :, 0], values[:, 0], atol=tolerance)
        np.testing.assert_allclose(result.full[walk, :, 1], values[:, -1], atol=tolerance)
        np.testing.assert_allclose(np.abs(result.full[walk, :, 2]), np.abs(values).min(1), atol=tolerance)
        assert np.array_equal(result.tensors[walk], extremes(spec.problem, thetas, "tensors"))
    names = result.table["full"].reshape(result.loss.shape)
    assert (np.take_along_axis(names, result.looked, 1) == result.classes("full")).all()
    assert (names == UNKNOWN).sum() == result.loss.size - result.looked.size
    at_looked = result.at_looked("loss")
    assert at_looked[2, 0] == result.loss[2, result.looked[2, 0]]


def test_a_larger_tolerance_makes_more_points_singular_without_a_new_answer(answers):
    counts = [(answers["few"].classes("full", tolerance) == SINGULAR).sum() for tolerance in (1e-8, 1e-4, 1e-2)]
    assert counts[0] < counts[1] < counts[2]


def test_stagnation_is_that_of_the_recorded_losses(answers):
    for result in answers.values():
        for row, counter in enumerate(COUNTERS):
            found = stagnation(result.loss, counter)
            for name in ("runs", "length", "span"):
                assert np.array_equal(getattr(result, name)[row], getattr(found, name))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("query", [
    "dataset=iris&widths=5", "dataset=iris&widths=5-3&activation=relu",
    "dataset=iris&widths=4-6&norm=batch&activation=elu",
    "dataset=digits&network=lenet&channels=2-3&dense=5&activation=softplus&max_samples=20",
])  # fmt: skip
def test_saturation_in_batches_is_that_of_single_points(query, dtype, monkeypatch):
    problem = parse(Problem, f"{query}&dtype={dtype}")
    thetas = np.stack([initial(problem, seed, "uniform", 2.0) for seed in range(5)]).astype(dtype)
    loss = make_loss(problem)
    expected = [shares(loss, torch.as_tensor(theta), "train")[0].mean() for theta in thetas]
    for numbers in (1, 1 << 16):
        monkeypatch.setattr("lossatlas.compute.numerics.activity.NUMBERS", numbers)
        found = mean_saturation(loss, torch.as_tensor(thetas)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-10)


def test_saturation_of_a_point_that_overflows_or_without_a_measure_is_none():
    problem = parse(Problem, "dataset=iris&widths=4")
    thetas = torch.zeros(3, 35)
    thetas[1, 0] = math.inf
    found = mean_saturation(make_loss(problem), thetas)
    assert found[[0, 2]].tolist() == [0, 0] and found[1].isnan()
    for query in ("dataset=iris&widths=4&activation=leaky_relu", "dataset=iris&widths=none"):
        problem = parse(Problem, query)
        assert mean_saturation(make_loss(problem), torch.zeros(2, problem.parameters)).isnan().all()


# ---------------------------------------------------------------------------------------------- levels and parts


def same_walks(few: CloudResult, all_: CloudResult, begin: int = 0) -> bool:
    mine = slice(begin, begin + len(few.loss))
    names = (*MEASURED, "broken_at")
    equal = all(np.array_equal(getattr(few, n), getattr(all_, n)[mine], equal_nan=True) for n in names)
    return equal and all(np.array_equal(getattr(few, n), getattr(all_, n)[:, mine]) for n in ("runs", "length", "span"))


def run_levels(spec: Cloud) -> list[CloudResult]:
    found: dict[str, Any] = {}
    for key, task in every(cloud_levels(spec)).items():
        found[key] = task.run(*(found[a.key] if hasattr(a, "key") else a for a in task.args))
    return [found[level.key] for level in cloud_levels(spec)]


@pytest.mark.parametrize("route", ROUTES)
def test_levels_are_a_few_walks_then_all_then_their_curvature(route, answers, monkeypatch):
    monkeypatch.setattr(clouds, "FIRST", 0.0)
    monkeypatch.setattr(clouds, "PIECE", 1e-4)  # many small groups, and stretches where a group is long
    spec = answers[route].spec
    levels = run_levels(spec)
    few, all_, full = levels[0], levels[-2], levels[-1]
    assert same_walks(few, full) and same_walks(all_, full)
    assert not few.looked.size and not all_.looked.size and full.looked.size
    if route in ("few", "compiled"):
        assert len(levels) == 3 and len(few.loss) < len(full.loss)
    for level, result in zip(cloud_levels(spec), levels, strict=True):
        assert level.spec == result.spec and result.spec.walking.walks == len(result.loss)
    assert pack(ask(few.spec)) == pack(few) and pack(ask(spec)) == pack(full)  # a level is an answer of its own
    monkeypatch.setattr(clouds, "FIRST", 9.0)
    assert pack(run_levels(spec)[-1]) == pack(full)


@pytest.mark.parametrize("route", ROUTES)
def test_work_in_stretches_gives_the_same(route, answers, monkeypatch):
    monkeypatch.setattr(clouds, "THETA_BYTES", 4e4)  # some steps at a time
    spec, whole = answers[route].spec, answers[route]
    assert sum(task.run is clouds.walk_on for task in every(cloud_levels(spec)).values()) > 2
    found = ask(spec)
    for name in (*MEASURED[:-1], "looked", "runs", "length", "broken_at"):
        assert np.array_equal(getattr(found, name), getattr(whole, name), equal_nan=True)
    # sums over other numbers of points together round differently, in float32 and, of full, in float64
    np.testing.assert_allclose(found.saturation, whole.saturation, rtol=1e-6)
    np.testing.assert_allclose(found.tensors, whole.tensors, rtol=0, atol=1e-5 * np.abs(whole.tensors).max())
    np.testing.assert_allclose(found.full, whole.full, rtol=0, atol=1e-12 * np.abs(whole.full).max())


@pytest.mark.parametrize("route", ["few", "compiled", "batches"])
def test_parts_merge_into_the_whole_to_the_bit(route, answers, monkeypatch):
    monkeypatch.setattr(clouds, "PIECE", 1e-3)
    spec = answers[route].spec
    some = parts(spec, seconds=1e-3)
    assert (len(some) > 1) == (route != "batches")  # torch takes all of these walks together anyway
    assert sum(part.walking.walks for part in some) == spec.walking.walks
    assert pack(merge(spec, *map(ask, some))) == pack(ask(spec))


def test_walks_have_numbers_so_that_a_question_can_begin_at_any(answers):
    result = ask(
        replace(answers["compiled"].spec, first_walk=3, walking=replace(answers["compiled"].spec.walking, walks=2))
    )
    assert result.number.tolist() == [3, 4] and same_walks(result, answers["compiled"], 3)
    assert np.array_equal(result.full, answers["compiled"].full[3:5])
    assert result.table["walk"][0] == 3 and "Walks 3 to 4." in result.notes


def test_which_points_are_looked_at_depends_on_the_walk_alone(answers):
    spec = answers["deep"].spec
    steps = [clouds.looked_at(spec, number) for number in range(200)]
    assert all(np.array_equal(row, steps[number]) for number, row in enumerate(answers["deep"].looked))
    places = np.bincount(np.concatenate(steps), minlength=spec.points)
    share = spec.looked / spec.points  # 200 draws of each step: five standard errors
    assert np.abs(places / 200 - share).max() < 5 * math.sqrt(share * (1 - share) / 200)
    assert len({tuple(row) for row in steps}) > 150


# ---------------------------------------------------------------------------------------------- science


SMOOTH = [name for name, entry in ACTIVATIONS.items() if entry.twice and "C" in entry.smoothness]
MONOTONE = ("sigmoid", "tanh", "softsign", "elu", "celu", "softplus")
LEVELS = (math.log(2), 0.477386, math.log(2) / 2, 0.0)  # XOR's stationary levels of the cross-entropy


@pytest.mark.parametrize("activation", SMOOTH)
def test_xors_stationary_levels_are_where_walks_end(activation):
    """Whatever the smooth activation, walks end at one of the four levels, to a step's noise; monotone ones at three or
    four of them. Of the others each unit can bend by itself, and their walks from [−1, 1] all end at 0, or nearly.
    """
    spec = parse(Walks, f"dataset=xor&widths=2&activation={activation}&walks=32&walk_steps=2500")
    off = np.abs(run_walks(spec).loss[:, -500:].mean(1)[:, None] - LEVELS)
    reached = set(off.argmin(1)[off.min(1) < 0.03])
    assert (off.min(1) < 0.03).mean() > 0.9
    if activation == "identity":
        assert reached == {0}
    elif activation in MONOTONE:
        assert len(reached) >= 3
    else:
        assert 3 in reached


def test_walks_that_overflow_are_kept_counted_and_named():
    query = "dataset=wine&widths=6-6-6-6&activation=quadratic&walk_range=5&walks=8&walk_steps=30&walk=random"
    result = ask(parse(Cloud, f"{query}&classified=0.1"))
    broken = ~(np.isfinite(result.loss) & np.isfinite(result.gradient_norm))
    numbers = np.flatnonzero(broken.any(1))
    assert 0 < len(numbers) < 8 and (result.broken_at[numbers] == broken[numbers].argmax(1)).all()
    named = ", ".join(map(str, numbers))
    assert f"{len(numbers)} of 8 walks met an infinite or NaN loss or gradient (numbers {named};" in result.warnings[0]
    assert np.isnan(result.runs[:, ~np.isfinite(result.loss).all(1)]).all()
    last = ask(parse(Cloud, f"{query}&classified=0&first_walk={numbers[0]}&walks=1"))
    assert f"numbers {numbers[0]};" in last.warnings[0]


# ---------------------------------------------------------------------------------------------- the question


def test_what_is_asked_for_by_default():
    xor, iris, heart, mnist = (
        parse(Cloud, q)
        for q in ("dataset=xor&widths=2", "dataset=iris&widths=4", "dataset=heart&widths=10", "dataset=mnist&widths=10")
    )
    assert [spec.walking.walks for spec in (xor, iris, heart, mnist)] == [90, 350, 410, 17]
    assert [spec.looked for spec in (xor, iris)] == [1001, 1001] and 1 <= heart.looked <= 100 and mnist.looked == 0
    whole = parse(Cloud, "dataset=heart&widths=10&walks=3410")
    assert whole.looked == 1 and check_cost(whole, math.inf) < 3600
    assert parse(Cloud, to_query(heart)) == heart
    assert cloud_size(xor) == (90 * 1001, "losses at points of walks")


def test_a_share_of_points_rounds_to_at_least_one():
    spec = parse(Cloud, "dataset=xor&widths=2&walk_steps=9&classified=0.25")
    assert spec.looked == 2 and parse(Cloud, "dataset=xor&widths=2&walk_steps=9&classified=0.001").looked == 1
    assert parse(Cloud, "dataset=xor&widths=2&walk_steps=0&classified=1").looked == 1
    assert ask(parse(Cloud, "dataset=xor&widths=2&walks=2&walk_steps=0")).loss.shape == (2, 1)


def test_what_cannot_be_had_is_refused_with_the_reason():
    with pytest.raises(BadSpec, match=r"fit in 268 MB; 100,000 walks of 1,000 steps take 2,4\d\d MB.*first"):
        parse(Cloud, "dataset=iris&walks=100000&classified=0")
    with pytest.raises(BadSpec, match=r"at most [\d,]+ walks \(walks=\d+\)") as refused:
        parse(Cloud, "dataset=iris&walks=100000&classified=0")
    fitting = int(str(refused.value).split("walks=")[1].split(")")[0])
    assert parse(Cloud, f"dataset=iris&walks={fitting}&classified=0").bytes <= MOST_BYTES
    with pytest.raises(BadSpec, match="268 MB"):
        parse(Cloud, f"dataset=iris&walks={fitting + 1}&classified=0")
    with pytest.raises(BadSpec, match=r"limit is 30 s.*at most") as refused:
        check_cost(parse(Cloud, "dataset=iris&walks=10000&classified=0"), 30.0, math.inf)
    fitting = int(str(refused.value).split("walks=")[1].split(")")[0])
    check_cost(parse(Cloud, f"dataset=iris&walks={fitting}&classified=0"), 30.0, math.inf)
    with pytest.raises(BadSpec, match=r"classified up to 2,000 parameters.*784-10-10 has 7,960"):
        parse(Cloud, "dataset=mnist&widths=10&classified=0.5")
    with pytest.raises(BadSpec, match="no curvature to speak of"):
        parse(Cloud, "dataset=iris&activation=threshold&classified=1")
    assert parse(Cloud, "dataset=iris&activation=threshold").looked == 0
    with pytest.raises(BadSpec, match="memory in a worker"):
        check_cost(parse(Cloud, "dataset=iris&walks=350"), math.inf, 1e8)


def test_what_is_shown_is_said(answers):
    notes = answers["deep"].notes
    assert notes[0] == "Wine, 13-5-4-3, data seed 0." and notes[1].startswith("3 walks, progressive gradient, 20 steps")
    assert notes[-1] == "Curvature: 6 of 21, drawn at random, points of each walk."
    assert "not of a batch" in answers["batches"].notes[-1]
    assert "ReLU has a kink" in answers["float64"].notes[-1] and answers["float64"].notes[-1].startswith(
        "Curvature: All"
    )
    none = ask(parse(Cloud, "dataset=iris&activation=threshold&walks=2&walk_steps=3"))
    assert none.notes[-1] == "No point is classified by its curvature. threshold has no second derivative."


def test_dependent_inputs_make_every_full_hessian_singular_and_that_is_said():
    """Heart's columns for one answer each add up to a constant."""
    result = ask(parse(Cloud, "dataset=heart&widths=3&walks=2&walk_steps=40&classified=0.1"))
    assert "33 inputs span only 28 dimensions: 15 directions of the first layer" in result.notes[-1]
    assert (result.classes("full") == SINGULAR).all() and (result.classes("tensors") != SINGULAR).any()
    thetas = torch.as_tensor(point(result.spec, 0, 40)).double()[None]
    loss = make_loss(replace(result.spec.problem, dtype="float64"))
    sizes = torch.linalg.eigvalsh(hessians(loss, thetas))[0].abs().sort().values
    assert sizes[14] < 1e-12 * sizes[-1]
    penalised = ask(parse(Cloud, "dataset=heart&widths=3&walks=2&walk_steps=40&classified=0.1&l2=0.01"))
    assert "span" not in penalised.notes[-1] and (penalised.classes("full") != SINGULAR).all()


def test_an_answer_survives_storage(answers):
    for result in answers.values():
        stored = unpack(CloudResult, pack(result))
        assert stored.spec == result.spec and pack(stored) == pack(result)
        for rule in RULES:
            assert np.array_equal(stored.classes(rule), result.classes(rule))
        np.testing.assert_allclose(stored.full, result.full, **EXACT)
