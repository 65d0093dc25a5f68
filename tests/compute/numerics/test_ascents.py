"""Sharpness against closed forms of quadratic losses, and the answer `sharpness` against a second route."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.sharpness import COARSE, RADII, RiseResult
from lossatlas.compute.analyses.table import levels_of, question
from lossatlas.compute.numerics import ascents
from lossatlas.compute.numerics.curvature import steepest
from lossatlas.compute.numerics.loss import Loss, make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import Task, every
from tests.cases import EXACT, SMALL, Case
from tests.oracles import module, plain_gradient, plain_loss

pytestmark = pytest.mark.usefixtures("as_a_worker_computes")

# Without a hidden layer and with squared errors, so that the loss is a quadratic form, apart for each output.
LINEAR = [
    Case(f"dataset={dataset}&widths=none&dtype=float64&loss=squared_error", seed)
    for dataset, seed in (("sine", 1), ("xor", 1), ("moons&l2=0.3", 2), ("xor_cloud", 3), ("iris", 2), ("wine", 3))
]


def keskar(loss: Loss, theta: torch.Tensor, part: str, epsilon: float) -> float:
    return ascents.keskar(loss, theta, part, epsilon, steepest(loss, theta, part)[1])


def ascent(loss: Loss, theta: torch.Tensor, part: str, rho: float) -> float:
    return ascents.ascent(loss, theta, part, rho, steepest(loss, theta, part)[0][0])


def quadratic(problem: Problem, theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss, gradient and Hessian of mean (A θ − y)² + λ‖θ‖², from the patterns alone."""
    part, K = make_loss(problem).parts["train"], problem.outputs
    x, y = part.x.numpy(), part.y.numpy().ravel()
    a = np.stack([np.concatenate([np.kron(unit, row), unit]) for row in x for unit in np.eye(K)])
    off = a @ theta - y
    return (
        off @ off / len(a) + problem.l2 * theta @ theta,
        2 * (a.T @ off / len(a) + problem.l2 * theta),
        2 * (a.T @ a / len(a) + problem.l2 * np.eye(len(theta))),
    )


def highest_corner(problem: Problem, theta: np.ndarray, epsilon: float) -> float:
    """The largest rise of a convex quadratic in Keskar's box: at a corner, found among the 2^(D+1) of each output."""
    _, gradient, hessian = quadratic(problem, theta)
    D, K = problem.sizes[0], problem.outputs
    signs, risen = np.array(list(itertools.product([-1.0, 1.0], repeat=D + 1))), 0.0
    for output in range(K):
        mine = np.r_[output * D : (output + 1) * D, K * D + output]
        corners = signs * epsilon * (np.abs(theta[mine]) + 1)
        risen += (corners @ gradient[mine] + 0.5 * ((corners @ hessian[mine][:, mine]) * corners).sum(1)).max()
    return risen


@pytest.mark.parametrize("case", LINEAR, ids=str)
@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 2.0])
def test_the_box_of_a_convex_quadratic_is_highest_at_a_corner(case, epsilon):
    problem, theta = case.problem, case.theta()
    exact = 100 * highest_corner(problem, theta, epsilon) / (1 + quadratic(problem, theta)[0])
    found = keskar(make_loss(problem), torch.as_tensor(theta), "train", epsilon)
    if problem.parameters < 15:
        assert found == pytest.approx(exact, rel=1e-9)
    else:  # a lower bound: the climbs find another corner
        assert 0.85 * exact < found <= exact * (1 + 1e-9)


@pytest.mark.parametrize("case", LINEAR, ids=str)
def test_the_ascent_of_a_quadratic_is_its_closed_form(case):
    problem, theta = case.problem, case.theta()
    _, g, hessian = quadratic(problem, theta)
    for rho in (1e-3, 0.05, 1.0, 30.0):
        expected = rho * np.linalg.norm(g) + 0.5 * rho**2 * (g @ hessian @ g) / (g @ g)
        found = ascent(make_loss(problem), torch.as_tensor(theta), "train", rho)
        assert found == pytest.approx(expected, rel=1e-9)  # a rise of 1e-3 beside a loss of 1


def corners_by_hand(loss: Loss, theta: np.ndarray, epsilon: float) -> float:
    """Keskar's percentage of the best of all corners, by the plain module one corner at a time."""
    box, here = epsilon * (np.abs(theta) + 1), plain_loss(loss.problem, theta).item()
    signs = itertools.product([-1.0, 1.0], repeat=len(theta))
    best = max(plain_loss(loss.problem, theta + box * np.array(side)).item() for side in signs)
    return 100 * (best - here) / (1 + here)


@pytest.mark.parametrize("epsilon", [1e-2, 0.3])
@pytest.mark.parametrize(
    "case",
    [
        Case("dataset=xor&widths=2&activation=tanh&dtype=float64"),
        Case("dataset=unit&widths=1-1&activation=identity&dtype=float64"),
    ],
    ids=str,
)
@pytest.mark.parametrize("still", [True, False])
def test_of_few_parameters_no_corner_is_higher(case, epsilon, still):
    """At 0, where the gradient vanishes, as at any other point."""
    theta = case.theta() * (not still)
    loss = make_loss(case.problem)
    found = keskar(loss, torch.as_tensor(theta), "train", epsilon)
    assert found >= corners_by_hand(loss, theta, epsilon) * (1 - 1e-9) > 0


def test_where_the_gradient_vanishes_the_box_is_as_high_as_its_highest_corner():
    result = answer("dataset=unit&activation=identity&widths=1&optimiser=sgd&rate=0.1&steps=200&seed=6&dtype=float64")
    assert result.keskar[RADII.index(0.05)] == pytest.approx(6.2449, abs=5e-5)
    trained = run_training(Training(result.spec.problem, result.spec.start)).reached()
    exact = corners_by_hand(make_loss(result.spec.problem), trained, 0.05)
    assert result.keskar[RADII.index(0.05)] == pytest.approx(exact, rel=1e-9)
    np.testing.assert_allclose(result.sam, 0.5 * result.largest * np.array(RADII) ** 2, rtol=1e-12)


def test_at_a_minimum_of_a_quadratic_the_rise_grows_with_the_square_of_the_radius():
    problem = LINEAR[2].problem
    _, gradient, hessian = quadratic(problem, nothing := np.zeros(problem.parameters))
    loss, point = make_loss(problem), torch.as_tensor(nothing + np.linalg.solve(hessian, -gradient))
    one, two, ten = (keskar(loss, point, "train", 1e-2 * times) for times in (1, 2, 10))
    assert one > 0 and two == pytest.approx(4 * one, rel=1e-8) and ten == pytest.approx(100 * one, rel=1e-8)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_box_holds_the_ascent_and_what_random_points_find(case):
    loss, theta, rng = make_loss(case.problem), torch.as_tensor(case.theta()), np.random.default_rng(0)
    here = float(loss.total(theta))
    for epsilon in (1e-2, 0.3):
        box = epsilon * (theta.abs() + 1)
        rise = keskar(loss, theta, "train", epsilon) * (1 + here) / 100
        points = theta + box * torch.as_tensor(rng.uniform(-1, 1, (300, len(theta))))
        corners = theta + box * torch.as_tensor(rng.choice([-1.0, 1.0], (300, len(theta))))
        assert rise >= ascent(loss, theta, "train", epsilon) * (1 - 1e-12) > 0
        assert rise >= float((loss.total(torch.cat([points, corners])) - here).max())


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_ascent_is_a_step_along_the_gradient_of_the_part_by_another_route(part):
    case = SMALL[3]
    problem, theta = case.problem, case.theta()
    net = module(problem, theta)
    chosen = make_loss(problem).parts[part]
    assert chosen.labels is not None
    value = torch.nn.functional.cross_entropy(net(chosen.x), chosen.labels)
    g = np.concatenate([slope.numpy().ravel() for slope in torch.autograd.grad(value, list(net.parameters()))])
    expected = plain_loss(problem, theta + 0.1 * g / np.linalg.norm(g), part) - plain_loss(problem, theta, part)
    found = ascent(make_loss(problem), torch.as_tensor(theta), part, 0.1)
    assert found == pytest.approx(expected.item(), rel=1e-10)


def test_without_a_gradient_the_rise_is_that_of_the_curvature_and_the_box_rises_all_the_same():
    problem = parse(Problem, "dataset=xor&widths=2&activation=relu&dtype=float64")
    dead = torch.tensor([-1.0] * 6 + [1.0, 1.0, 0.0], dtype=torch.float64)  # 2-2-1: no unit is on, the output is ½
    loss = make_loss(problem)
    assert ascents.stationary(loss, dead, "train", 0.25)
    assert ascent(loss, dead, "train", 0.5) == pytest.approx(0.5 * 0.25 * 0.5**2, rel=1e-12)  # eigenvalues ¼ and 0
    assert ascents.ascent(loss, dead, "train", 0.5, -1.0) == 0.0  # a maximum is as high as it gets
    assert math.isnan(ascents.ascent(loss, dead, "train", 0.5, math.nan))
    for epsilon in (1e-2, 0.5, 0.8):  # up to ½ every unit stays off in the box, and only b2 moves the outputs
        exact = 100 * (np.log(2 * np.cosh(epsilon / 2)) - math.log(2)) / (1 + math.log(2))
        found = keskar(loss, dead, "train", epsilon)
        assert found > exact * 1.01 if epsilon > 0.5 else found == pytest.approx(exact, rel=1e-8)


def test_float32_problems_are_measured_in_float64():
    problem = SMALL[2].problem
    theta = torch.as_tensor(SMALL[2].theta()).float()
    single = make_loss(replace(problem, dtype="float32"))
    for radius in (1e-4, 1e-1):
        for measure in (keskar, ascent):
            exact = measure(make_loss(problem), theta.double(), "train", radius)
            # the patterns are rounded, the rise is not: 1e-4 along the gradient is far below the rounding of a loss
            assert measure(single, theta, "train", radius) == pytest.approx(exact, rel=1e-5)


def test_batch_normalised_networks_rise_on_training_patterns_only():
    problem = parse(Problem, "dataset=iris&widths=4&norm=batch&dtype=float64")
    theta = torch.as_tensor(Case("dataset=iris&widths=4&norm=batch&dtype=float64").theta())
    loss = make_loss(problem)
    rise = ascent(loss, theta, "train", 0.1)
    g = plain_gradient(problem, theta.numpy())
    there = torch.as_tensor(theta.numpy() + 0.1 * g / np.linalg.norm(g))
    assert rise == pytest.approx(float(loss.total(there) - loss.total(theta)), rel=1e-8)
    for measure in (keskar, ascent):
        with pytest.raises(BadSpec, match="BatchNorm"):
            measure(loss, theta, "test", 0.1)


# ---------------------------------------------------------------------------------------------- the answer

TINY = "dataset=xor&widths=3&steps=60&dtype=float64"


def answer(query: str) -> RiseResult:
    found = ask(question("sharpness", query))
    assert isinstance(found, RiseResult), found
    return found


def run(task: Task, done: dict):
    if task.key not in done:
        done[task.key] = task.run(*(run(part, done) if isinstance(part, Task) else part for part in task.args))
    return done[task.key]


def test_the_answer_holds_what_the_measures_and_the_dense_hessian_give():
    result = answer(f"{TINY}&activation=tanh")
    trained = run_training(Training(result.spec.problem, result.spec.start))
    loss, theta = make_loss(result.spec.problem), torch.as_tensor(trained.reached())
    assert tuple(result.radii) == RADII and (np.diff(result.keskar) >= 0).all()
    here = float(loss.total(theta))
    assert result.loss == here
    for place, radius in enumerate(RADII):
        assert result.sam[place] == ascent(loss, theta, "train", radius)
        assert result.keskar[place] >= keskar(loss, theta, "train", radius)
        assert result.keskar[place] >= 100 * result.sam[place] / (1 + here) * (1 - 1e-12)
    assert result.sam_by == "gradient" and set(result.table["sam_by"]) == {"gradient"}
    columns = []
    for place in range(len(theta)):  # the Hessian by differences of torch's own gradients
        step = np.zeros(len(theta))
        step[place] = 1e-5
        ahead, behind = (plain_gradient(result.spec.problem, theta.numpy() + sign * step) for sign in (1, -1))
        columns.append((ahead - behind) / 2e-5)
    assert result.largest == pytest.approx(np.linalg.eigvalsh(np.array(columns)).max(), rel=1e-7)


def test_a_coarse_picture_comes_first_and_shares_its_radii_with_the_last():
    levels = levels_of(question("sharpness", f"{TINY}&activation=relu&rescale=3"))
    done: dict = {}
    coarse, fine = (run(level, done) for level in levels)
    kept = np.isin(RADII, COARSE)
    assert np.array_equal(coarse.radii, np.array(COARSE)) and np.array_equal(coarse.sam, fine.sam[kept])
    assert np.array_equal(coarse.before_sam, fine.before_sam[kept])
    assert set(every(levels[:1])) - {levels[0].key} <= set(every(levels)) and levels[0].spec is None
    within = [task for task in every(levels).values() if task.run.__name__ == "rise_within"]
    assert len(within) == 2 * len(RADII) and all(task.beside and task.seconds > 0 for task in within)


@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_rescaling_changes_every_sharpness_and_no_output(factor):
    result = answer(f"{TINY}&activation=relu&rescale={factor}")
    before, problem = answer(f"{TINY}&activation=relu"), result.spec.problem
    assert np.array_equal(result.before_sam, before.sam) and np.array_equal(result.before_keskar, before.keskar)
    assert (result.before_loss, result.before_largest) == (before.loss, before.largest)
    assert abs(result.loss - before.loss) <= 1e-12 and result.difference <= 1e-12
    assert (np.abs(result.sam / before.sam - 1) > 0.1).all() and abs(result.largest / before.largest - 1) > 0.1
    x = make_loss(problem).parts["train"].x
    outputs = [
        module(problem, run_training(Training(problem, start)).reached())(x)
        for start in (result.spec.start, before.spec.start)
    ]
    off = (outputs[0] - outputs[1]).abs().max().item()
    assert off <= 1e-12 and result.difference == pytest.approx(off, abs=1e-13)
    columns = {"radius", "sam", "sam_by", "keskar"}
    assert result.table.keys() == columns | {"before_sam", "before_sam_by", "before_keskar"}


def test_what_has_no_meaning_is_left_out_and_said():
    plain = answer(f"{TINY}&activation=tanh&rescale=10")
    assert len(plain.before_sam) == len(plain.before_keskar) == 0
    assert all(math.isnan(value) for value in (plain.before_loss, plain.before_largest, plain.difference))
    assert plain.table.keys() == {"radius", "sam", "sam_by", "keskar"}
    step = answer(f"{TINY}&activation=threshold")
    assert math.isnan(step.largest) and (step.keskar > 0).all() and any("λmax is not given" in n for n in step.notes)
    refused = ask(question("sharpness", f"{TINY}&activation=relu&norm=batch&rescale=2"))
    assert isinstance(refused, Failure) and "BatchNorm" in refused.sentence
    nothing = ask(question("sharpness", f"{TINY}&test_share=0&part=test"))
    assert isinstance(nothing, Failure) and "no test part" in nothing.sentence
    with pytest.raises(BadSpec, match="BatchNorm"):
        question("sharpness", "dataset=iris&norm=batch&part=test")


def test_at_a_stationary_point_it_is_said_what_is_shown():
    result = answer("dataset=xor&widths=2&activation=tanh&init=zero&steps=0&l2=0.01")
    np.testing.assert_allclose(result.sam, 0.5 * result.largest * np.array(RADII) ** 2, rtol=1e-12)
    assert result.sam_by == "curvature" and set(result.table["sam_by"]) == {"curvature"}
    assert any("½ λmax ρ²" in note for note in result.notes) and 0.26 < result.largest < 0.28
    step = answer("dataset=xor&widths=2&activation=threshold&init=zero&steps=0")
    assert np.isnan(step.sam).all() and any("nothing is shown" in note for note in step.notes)
    assert not any("½ λmax" in note for note in answer(f"{TINY}&activation=tanh").notes)
    assert unpack(RiseResult, pack(result)).sam_by == "curvature"


def test_an_answer_is_stored_and_read_again():
    result = answer(f"{TINY}&activation=leaky_relu&rescale=2&l2=0.01")
    again = unpack(RiseResult, pack(result))
    assert again.spec == result.spec and again.notes == result.notes
    np.testing.assert_allclose(again.keskar, result.keskar, **EXACT)
    assert result.loss != result.before_loss and any("L2 penalty" in note for note in result.notes)
