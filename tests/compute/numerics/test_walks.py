import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.kernels import gradients
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths import walks
from lossatlas.compute.numerics.paths.walk_kinds import KINDS, Walks
from lossatlas.compute.numerics.paths.walks import WalksResult, advance, begin, finish, run_walks
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import pack, unpack
from tests.borders import assert_accuracies, steady
from tests.oracles import plain_gradient, plain_loss

ROOT = Path(__file__).parents[3]
XOR = "dataset=xor&widths=2"
SHORT = "walks=5&walk_steps=40&walk_seed=3"
# One question for each way a walk is computed: compiled, side by side, by torch in float64, in batches, of more layers.
ROUTES = {
    "few": f"{XOR}&{SHORT}&l2=0.01",
    "compiled": f"dataset=iris&widths=4&{SHORT}",
    "float64": f"dataset=iris&widths=4&{SHORT}&dtype=float64",
    "batches": f"dataset=iris&widths=4&{SHORT}&walk_batch=32",
    "deep": f"dataset=wine&widths=5-4&activation=gelu&l2=0.01&{SHORT}",
}
# 100 walks from [−10, 10] through the mean squared error of sigmoid units, as in PGW 2018.
PUBLISHED = f"{XOR}&activation=sigmoid&loss=sigmoid_squared_error&walk_range=10&walks=100"


def walked(query: str, **kept) -> WalksResult:
    return run_walks(parse(Walks, query), **kept)


def same(one: WalksResult, other: WalksResult, which: slice = slice(None)) -> bool:
    names = ("loss", "gradient_norm", "accuracy", "test_loss", "test_accuracy", "theta")
    pairs = [(getattr(one, name), getattr(other, name)[which]) for name in names]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@pytest.mark.parametrize("query", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_is_what_the_points_give(kind, query):
    result = walked(f"{query}&walk={kind}", points=True, held_out=True)
    spec, loss = result.spec, make_loss(result.spec.problem)
    tolerance: dict[str, Any] = {"rtol": 1e-12} if spec.problem.dtype == "float64" else {"rtol": 3e-5, "atol": 1e-6}
    for t in (0, 17, 40):
        points = torch.as_tensor(result.theta[:, t])
        here = walks.of_batch(spec, loss, t)
        np.testing.assert_allclose(result.loss[:, t], here.total(points).numpy(), **tolerance)
        norm = here.gradient(points).double().norm(dim=1).numpy()
        np.testing.assert_allclose(result.gradient_norm[:, t], norm, **tolerance)
        assert_accuracies(here, result.theta[:, t], "train", result.accuracy[:, t], here.accuracy(points).numpy())
        np.testing.assert_allclose(result.test_loss[:, t], loss.data_term(points, "test").numpy(), **tolerance)
        if len(loss.parts["test"]):
            right = loss.accuracy(points, "test").numpy()
            assert_accuracies(loss, result.theta[:, t], "test", result.test_accuracy[:, t], right)
        else:
            assert np.isnan(result.test_accuracy[:, t]).all()


@pytest.mark.parametrize("query", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_alone_or_in_segments_is_the_same_to_the_bit(kind, query):
    spec = parse(Walks, f"{query}&walk={kind}&walks=9")
    whole = run_walks(spec, points=True, held_out=True)
    alone = finish(spec, [advance(spec, begin(spec, 7, 1), 40, points=True, held_out=True)])
    assert same(alone, whole, slice(7, 8))
    states = [begin(spec, 0, 4), begin(spec, 4, 5)]
    for until in (0, 13, 14, 40):
        states = [advance(spec, state, until, points=True, held_out=True) for state in states]
    assert same(finish(spec, states), whole)


def test_walks_do_not_depend_on_places_in_blocks_of_torch(monkeypatch):
    spec = parse(Walks, f"{ROUTES['float64']}&walks=9")
    monkeypatch.setattr(walks, "_block_size", lambda spec: 4)
    whole = run_walks(spec)
    for number in range(9):
        assert same(finish(spec, [advance(spec, begin(spec, number, 1), 40)]), whole, slice(number, number + 1))


def test_a_gradient_walk_equals_a_plain_loop():
    result = walked(f"{XOR}&dtype=float64&walks=3&walk_steps=60&l2=0.01&walk_seed=5", points=True)
    for number in range(3):
        stream = np.random.SeedSequence(5, spawn_key=(4, number, 1))
        draws, w = np.random.default_rng(stream).random((60, 9)), result.theta[number, 0].copy()
        for t in range(61):
            g = plain_gradient(result.spec.problem, w)
            total = plain_loss(result.spec.problem, w).item() + 0.01 * w @ w
            assert result.loss[number, t] == pytest.approx(total, rel=1e-10)
            assert result.gradient_norm[number, t] == pytest.approx(np.linalg.norm(g), rel=1e-9)
            np.testing.assert_allclose(result.theta[number, t], w, rtol=0, atol=1e-13)
            if t < 60:
                w += np.where(g > 0, -1.0, 1.0) * 0.02 * draws[t]


@pytest.mark.parametrize("seed", [0, 1, 99])
@pytest.mark.parametrize("query", ["dtype=float64", "dtype=float32", "dtype=float32&widths=3-3"])
def test_every_step_goes_against_the_slope_by_half_the_longest_on_average(query, seed):
    result = walked(
        f"dataset=iris&{query}&walks=3&walk_steps=80&walk_seed={seed}&walk_range=2&walk_size=0.005", points=True
    )
    s, dtype = result.spec.longest, result.theta.dtype
    assert s == pytest.approx(0.02)
    moves = np.diff(result.theta.astype(np.float64), axis=1)
    rounding = np.finfo(dtype).eps * (np.abs(result.theta).max() + s)
    assert np.abs(moves).max() <= s + rounding
    points = torch.as_tensor(result.theta[:, :-1].reshape(-1, moves.shape[2]))
    slopes = make_loss(result.spec.problem).gradient(points).numpy().reshape(moves.shape)
    clear = (np.abs(slopes) > 1e-6) & (np.abs(moves) > rounding)
    assert clear.mean() > 0.9 and (np.sign(moves) == -np.sign(slopes))[clear].all()
    budget = 5 * s / np.sqrt(12 * moves.size)  # five standard errors of the mean of uniform numbers
    assert abs(np.abs(moves).mean() - s / 2) < budget + rounding


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_slope_of_exactly_zero_moves_up(dtype):
    result = walked(f"dataset=iris&widths=4&activation=threshold&dtype={dtype}&walks=3&walk_steps=20", points=True)
    moves = np.diff(result.theta, axis=1)
    assert (moves[:, :, :20] >= 0).all() and moves[:, :, :20].mean() > 0  # hidden weights have no slope at all
    assert (moves[:, :, 20:] < 0).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["bounded_gradient", "random", "progressive_random"])
def test_bounded_walks_stay_inside_and_step_no_further_than_s(kind, dtype):
    result = walked(f"{XOR}&walk={kind}&dtype={dtype}&walks=5&walk_steps=300&walk_size=0.1&walk_range=3", points=True)
    assert np.abs(result.theta).max() <= 3
    moves = np.diff(result.theta, axis=1)
    assert 0.55 < np.abs(moves).max() <= 0.6 + 1e-6
    assert (np.abs(result.theta).max((0, 1)) > 2.4).all()  # every coordinate has met its edge: within s = 0.6 of it


def test_an_unbounded_walk_leaves_the_range():
    assert np.abs(walked(f"{XOR}&walks=2&walk_steps=300", points=True).theta).max() > 1.5


def test_a_progressive_random_walk_keeps_its_heading_between_edges():
    spec = parse(
        Walks, f"{XOR}&walk=progressive_random&walks=200&walk_steps=80&walk_range=3&walk_size=0.1&dtype=float64"
    )
    result = run_walks(spec, points=True)
    starts, headings = result.theta[:, 0], begin(spec).heading
    assert (np.abs(starts) < 3).all() and abs(np.abs(starts).mean() - 1.5) < 0.1  # uniform: five standard errors
    assert (np.sign(starts) == -headings).all()  # away from the side of the corner
    assert abs((headings == 1).mean() - 0.5) < 0.06  # 1800 of them: five standard errors
    signs, inside = np.sign(np.diff(result.theta, axis=1)), np.abs(result.theta[:, 1:-1]) < 2.4  # not near an edge
    turned = signs[:, 1:] != signs[:, :-1]
    assert not turned[inside].any() and turned.any()
    assert (signs[:, 0] == headings).mean() > 0.95  # but for those turned at once


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_progressive_random_walk_equals_a_plain_loop(dtype):
    """Where a step would leave, the heading turns and the step is taken along it: PGW 2018's mask."""
    query = f"{XOR}&walk=progressive_random&walks=3&walk_steps=60&walk_range=2&walk_size=0.1&dtype={dtype}"
    result = walked(query, points=True)
    turns = 0
    for number in range(3):
        stream = np.random.SeedSequence(0, spawn_key=(4, number, 1))
        draws, w = np.random.default_rng(stream).random((60, 9)), result.theta[number, 0].copy()
        heading = begin(result.spec).heading[number].astype(dtype)
        for t in range(60):
            size = (0.4 * draws[t]).astype(dtype)
            out = np.abs(w + heading * size) > 2
            heading, turns = np.where(out, -heading, heading), turns + out.sum()
            w = w + heading * size
            np.testing.assert_allclose(result.theta[number, t + 1], w, rtol=0, atol=4 * np.finfo(dtype).eps)
    assert turns > 50


def test_weights_of_progressive_random_walks_spread_as_published():
    """5.38 over the points of 100 macro walks on XOR: a weight that is mirrored at the edge would spread to 5.72."""
    theta = walked(f"{PUBLISHED}&walk=progressive_random&walk_size=0.1&walk_steps=100", points=True).theta
    squares, spread = np.square(theta.astype(float)).mean((1, 2)), theta.std()
    error = np.sqrt(2) * squares.std() / (2 * spread) / 10  # of the difference of two such numbers
    assert abs(spread - 5.38) < 3 * error < 0.1


def test_a_random_walk_goes_either_way_evenly():
    moves = np.diff(
        walked(f"{XOR}&walk=random&walks=20&walk_steps=200&walk_size=0.001&dtype=float64", points=True).theta, axis=1
    )
    assert abs((moves > 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(moves.size)
    assert abs(moves.std() / 0.002 - 3**-0.5) < 0.01  # U(−s, s)


@pytest.mark.parametrize(("walk", "mean", "spread", "micro"), [
    ("random", 0.457, 0.082, True), ("random", 0.457, 0.082, False), ("bounded_gradient", 0.092, 0.089, True),
])  # fmt: skip
def test_losses_of_xor_walks_are_the_published_ones(walk, mean, spread, micro):
    steps = "walk_size=0.01&walk_steps=1000" if micro else "walk_size=0.1&walk_steps=100"
    loss = walked(f"{PUBLISHED}&walk={walk}&{steps}").loss
    error = np.sqrt(2) * loss.mean(1).std() / 10  # of the difference of two means over 100 walks
    assert abs(loss.mean() - mean) < 3 * error
    assert abs(loss.std() - spread) < 0.01


def test_saturated_units_have_slopes_of_exactly_zero_in_float32_and_seldom_in_float64():
    """PGW 2018's unbounded walks are matched only in float32, where 13 % of the slopes are exactly 0 and move up."""
    shares = []
    for dtype in ("float32", "float64"):
        result = walked(f"{PUBLISHED}&dtype={dtype}&walk_steps=200&walks=30&walk_size=0.05", points=True)
        points = result.theta.reshape(-1, 9)[::5]
        shares.append((make_loss(result.spec.problem).gradient(torch.as_tensor(points)) == 0).double().mean().item())
    assert shares[0] > 0.08 and shares[0] > 1.5 * shares[1]


@pytest.mark.parametrize("activation", ["tanh", "elu", "softplus"])
def test_walks_on_xor_end_at_its_stationary_levels(activation):
    """Cross-entropy ln 2 (a half of all), 0.477386 (three patterns wrong on average), half of ln 2, and 0."""
    loss = walked(f"{XOR}&activation={activation}&walks=60").loss[:, -200:].mean(1)
    off = np.abs(loss[:, None] - [0.693147, 0.477386, 0.346574, 0.0])
    assert (off.min(1) < 0.02).mean() >= 0.9
    assert len(set(off.argmin(1)[off.min(1) < 0.02])) >= 3


@pytest.mark.parametrize("activation", gradients.ACTIVATIONS)
def test_compiled_gradients_are_as_exact_as_torchs(activation):
    pytest.importorskip("numba")
    for loss in gradients.COSTS:
        for data in ("iris&widths=4&l2=0.01", "heart&widths=3", "xor&widths=2"):
            assert gradients.worst(make_loss(parse(Problem, f"dataset={data}&activation={activation}&loss={loss}"))) < 1


@pytest.mark.parametrize("dataset", ["iris", "heart", "xor", "digits"])
def test_compiled_walks_follow_those_of_torch(dataset, monkeypatch):
    pytest.importorskip("numba")
    spec = parse(
        Walks, f"dataset={dataset}&widths=3&activation=elu&walks=3&walk_steps=15&l2=0.01&walk=bounded_gradient"
    )
    assert gradients.trusted(spec.problem)
    assert gradients.few_patterns(spec.problem) == (dataset == "xor")
    fast = run_walks(spec, points=True, held_out=True)
    monkeypatch.setattr(gradients, "trusted", lambda problem: False)
    plain = run_walks(spec, points=True, held_out=True)
    loss = make_loss(spec.problem)
    alike = steady(loss, plain.theta)
    assert alike.sum() > 0.8 * fast.loss.size  # nearly all of the steps
    for walk, last in enumerate(alike):
        until = slice(0, last + 1)
        for name in ("theta", "loss", "gradient_norm", "test_loss"):
            one, other = (getattr(result, name)[walk, until] for result in (fast, plain))
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-6)
        for part, name in (("train", "accuracy"), ("test", "test_accuracy")):
            if len(loss.parts[part]):
                routes = (getattr(result, name)[walk, until] for result in (fast, plain))
                assert_accuracies(loss, plain.theta[walk, until], part, *routes)


def test_compiled_walks_are_for_what_they_can_do():
    problem = parse(Problem, "dataset=iris")
    others = ("dtype=float64", "widths=4-4", "widths=none", "activation=gelu", "norm=batch")
    assert gradients.serves(problem) == (gradients.njit is not None)
    assert not any(gradients.serves(parse(Problem, f"dataset=iris&{other}")) for other in others)
    assert set(gradients.ACTIVATIONS) <= set(ACTIVATIONS)


def test_compiled_gradients_that_are_off_are_not_used(monkeypatch, caplog):
    problem = parse(Problem, "dataset=iris&widths=6")
    monkeypatch.setattr(gradients, "with_gradient", lambda loss, points: [
        v.numpy() * 1.001 for v in loss.with_gradient(torch.as_tensor(points))
    ])  # fmt: skip
    assert not gradients.trusted.__wrapped__(problem)
    assert gradients.njit is None or "times what is allowed on 4-6-3 with tanh" in caplog.text


def test_without_numba_walks_are_taken_all_the_same():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from lossatlas.compute.numerics.kernels import gradients\n"
        "from lossatlas.compute.spec.options import parse\n"
        "from lossatlas.compute.numerics.paths.walk_kinds import Walks\n"
        "from lossatlas.compute.numerics.paths.walks import run_walks\n"
        f"spec = parse(Walks, {f'{XOR}&walks=3&walk_steps=5'!r})\n"
        "print(gradients.trusted(spec.problem), run_walks(spec).loss.shape)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "False (3, 6)", ended.stderr


def test_equal_seeds_draw_equally_for_every_activation_and_range():
    one, other = (begin(parse(Walks, f"{XOR}&walks=4&activation={name}")).theta for name in ("tanh", "relu"))
    wide = begin(parse(Walks, f"{XOR}&walks=4&walk_range=10")).theta
    assert np.array_equal(one, other)
    np.testing.assert_allclose(wide, 10 * one, rtol=1e-6)
    assert not np.array_equal(one, begin(parse(Walks, f"{XOR}&walks=4&walk_seed=1")).theta)
    starts = begin(parse(Walks, "dataset=xor&widths=20&walks=100&dtype=float64")).theta
    assert np.abs(starts).max() < 1 and abs(starts.std() - 3**-0.5) < 0.01
    assert not np.isin(initial(parse(Problem, XOR), 0, "uniform", 1.0), one).any()  # a stream of its own


def test_walks_that_overflow_are_kept_counted_and_named():
    query = "dataset=wine&widths=6-6-6-6&activation=quadratic&walk_range=5&walks=8&walk_steps=30&walk=random"
    result = walked(query)
    broken = ~np.isfinite(result.loss)
    numbers = np.flatnonzero(broken.any(1))
    assert 0 < len(numbers) < 8 and result.loss.shape == (8, 31)
    assert (result.broken_at[numbers] >= 0).all() and (np.delete(result.broken_at, numbers) == -1).all()
    named = ", ".join(map(str, numbers))
    assert f"{len(numbers)} of 8 walks met an infinite or NaN loss or gradient (numbers {named};" in result.warnings[0]
    assert walked(f"{XOR}&walks=2&walk_steps=3").warnings == ()


def test_ten_walks_for_each_parameter_unless_said_otherwise():
    assert parse(Walks, XOR).count == 90 and parse(Walks, f"{XOR}&walks=7").count == 7
    assert walked(f"{XOR}&walk_steps=0").loss.shape == (90, 1)


def test_too_much_is_refused_with_the_estimate_and_the_limit():
    with pytest.raises(BadSpec, match=r"fit in 268 MB; 79,600 walks of 1,000 steps take 10,791 MB"):
        parse(Walks, "dataset=mnist&widths=10")
    spec = parse(Walks, "dataset=heart&widths=10&walks=500")
    with pytest.raises(BadSpec, match=r"268 MB; 500 walks of 341 parameters take 683 MB"):
        run_walks(spec, points=True)


def test_what_was_done_is_said():
    assert walked(f"{XOR}&walks=2&walk_steps=3&walk_range=10&walk=random").notes == (
        "2 walks, random, 3 steps of at most 0.2 a weight, from points in [−10, 10], kept there, seed 0, float32.",
    )
    assert "batch of 32 patterns, not of all" in walked(f"{ROUTES['batches']}&walk_steps=2").notes[1]


def test_an_answer_survives_storage():
    result = walked(f"{XOR}&walks=2&walk_steps=3", points=True)
    stored = unpack(WalksResult, pack(result))
    assert same(stored, result) and replace(stored.spec) == result.spec and stored.notes == result.notes
