from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.table import canonical, key_for, question
from lossatlas.compute.numerics.kernels.curvature import dense
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training, training_levels
from lossatlas.compute.numerics.paths.rescaling import rescaled
from lossatlas.compute.numerics.paths.start import Start, Training, recorded_steps
from lossatlas.compute.numerics.paths.train import _advance_by_torch, _advance_compiled, _begin
from lossatlas.compute.numerics.paths.walk_kinds import Walks
from lossatlas.compute.numerics.paths.walks import run_walks
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.problem.sources import prepare
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse, relevant
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import CannotAnswer, Task, every
from tests.cases import EXACT
from tests.oracles import module, plain_gradient, plain_loss

pytestmark = pytest.mark.usefixtures("as_a_worker_computes")

SMALL = "dataset=iris&widths=4&steps=30&dtype=float64"


def run(task: Task):
    return task.run(*(run(part) if isinstance(part, Task) else part for part in task.args))


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("batch", [0, 32])
def test_training_equals_a_plain_torch_loop(optimiser, batch):
    spec = parse(
        Training, f"{SMALL}&optimiser={optimiser}&rate=0.02&batch={batch}&l2=0.01&momentum=0.8&decay=0.3&smoothing=0.7"
    )
    result = run_training(spec)
    net = module(spec.problem, result.theta[0])
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.02),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8),
        "adam": lambda p: torch.optim.Adam(p, lr=0.02),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.3),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.7),
    }
    optimiser_ = kinds[optimiser](net.parameters())
    part = make_loss(spec.problem).parts["train"]
    for step in range(30):
        rows = torch.arange(len(part))
        if batch:
            epoch, place = divmod(step, -(-len(part) // batch))
            stream = np.random.SeedSequence(spec.start.seed, spawn_key=(3, epoch))
            order = np.random.default_rng(stream).permutation(len(part))
            rows = torch.as_tensor(order[place * batch : (place + 1) * batch])
        optimiser_.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(part.x[rows]), part.y[rows])
        (loss + 0.01 * sum(p.square().sum() for p in net.parameters())).backward()
        optimiser_.step()
    expected = torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    np.testing.assert_allclose(result.theta[-1], expected, rtol=1e-9, atol=1e-11)  # 30 steps carry rounding on


def test_history_holds_what_the_points_give():
    result = run_training(parse(Training, SMALL))
    problem = result.spec.problem
    for row in (0, 7, -1):
        theta = result.theta[row]
        assert result.train_loss[row] == pytest.approx(plain_loss(problem, theta).item(), rel=1e-12)
        assert result.test_loss[row] == pytest.approx(plain_loss(problem, theta, "test").item(), rel=1e-12)
        assert result.gradient_norm[row] == pytest.approx(np.linalg.norm(plain_gradient(problem, theta)), rel=1e-10)
    assert result.step[0] == 0 and result.step[-1] == 30
    assert result.train_loss[-1] < result.train_loss[0]


def test_at_most_200_points_are_kept_and_fewer_of_a_large_network():
    for steps, count in ((0, 1), (1, 2), (199, 200), (5000, 200)):
        kept = recorded_steps(parse(Training, f"dataset=iris&steps={steps}"))
        assert len(kept) == count and kept[0] == 0 and kept[-1] == steps
    large = parse(Training, "dataset=mnist&widths=4096&steps=1000&dtype=float64")
    assert len(recorded_steps(large)) * large.problem.parameters * 8 <= 64e6


@pytest.mark.parametrize("query", [SMALL, f"{SMALL}&batch=16&optimiser=momentum", "dataset=xor&widths=2&steps=0"])
def test_segments_equal_the_training_in_one_go(query, monkeypatch):
    monkeypatch.setattr("lossatlas.compute.numerics.paths.train.PIECE", 1e-9)  # a segment a step
    spec = parse(Training, query)
    levels, whole = training_levels(spec), run_training(spec)
    assert len(list(chain(levels[-1]))) == max(spec.start.steps, 1)
    result = run(levels[-1])
    for name in ("step", "theta", "train_loss", "test_loss", "gradient_norm"):
        assert np.array_equal(getattr(result, name), getattr(whole, name), equal_nan=True), name


def chain(task: Task):
    yield task
    for needed in task.needs():
        yield from chain(needed)


def test_divergence_names_the_step_and_keeps_what_was_before():
    spec = parse(Training, "dataset=sine&loss=squared_error&activation=quadratic&optimiser=sgd&rate=50&steps=200")
    result = run_training(spec)
    assert 0 < result.diverged_at < 200
    assert np.isfinite(result.train_loss).all() and (result.step < result.diverged_at).all()
    with pytest.raises(CannotAnswer, match=f"step {result.diverged_at} "):
        result.reached()


def test_xor_trains_to_its_known_levels():
    ends = [
        run_training(parse(Training, f"dataset=xor&widths=2&steps=1500&rate=0.05&seed={seed}&init=uniform")).train_loss[
            -1
        ]
        for seed in range(12)
    ]
    levels = np.array([np.log(2), 0.477386, np.log(2) / 2, 0.0])  # stationary levels of XOR
    distance = np.abs(np.array(ends)[:, None] - levels).min(1)
    assert (distance < 0.02).all()  # a training still creeps along a plateau
    assert min(ends) < 0.02


def test_a_segment_leaves_the_state_it_starts_from_as_it_was():
    spec = parse(Training, SMALL)
    for advance in (_advance_compiled, _advance_by_torch):
        begun = advance(spec, _begin(spec), 5)
        one, two = (advance(spec, begun, 10) for _ in range(2))
        assert np.array_equal(one.theta, two.theta) and not np.array_equal(begun.theta, one.theta)


def test_a_loss_that_rises_is_not_told_to_train_longer():
    spec = parse(
        Training, "dataset=sine&loss=squared_error&widths=none&optimiser=sgd&rate=1.03&steps=300&dtype=float64"
    )
    assert "raised the loss" in run_training(spec).warnings[0]
    spec = parse(
        Training,
        "dataset=sine&loss=squared_error&activation=quadratic&widths=4-4-4-4-4-4&init=uniform&init_range=1000&steps=0",
    )
    assert "initial point" in run_training(spec).warnings[0]


def test_the_initial_draw_is_unrelated_to_generated_data_of_the_same_seed():
    spec = parse(
        Training, "dataset=sine&loss=squared_error&widths=100&seed=5&data_seed=5&steps=0&init=uniform&dtype=float64"
    )
    x = np.sort(prepare("sine", 5, 0.2, 0.0, 0).x_train[:, 0])
    theta = np.sort(run_training(spec).theta[0][:100])
    assert not np.isin(theta, x).any()


# ---------------------------------------------------------------------------------------------- rescaling

RESCALED = [
    f"{SMALL}&activation=relu&rescale=10", f"{SMALL}&activation=leaky_relu&slope=0.2&rescale=0.03&l2=0.01",
    f"{SMALL}&activation=identity&rescale=4",
    "dataset=wine&widths=5-3&steps=12&dtype=float64&activation=relu&rescale=7",
    "dataset=digits&network=lenet&channels=2-3&dense=5&max_samples=60&steps=4&dtype=float64&activation=relu&rescale=5",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_called_positively_homogeneous_where_it_is(name):
    function, x = ACTIVATIONS[name].function, torch.linspace(-5, 5, 201, dtype=torch.float64)
    values = [function(factor * x, 0.3) / factor for factor in (0.01, 1.0, 7.0)]  # 0.3: slope, α or β
    equal = all(torch.allclose(value, values[1], rtol=1e-12, atol=0) for value in values)
    assert equal == ACTIVATIONS[name].homogeneous


@pytest.mark.parametrize("query", RESCALED)
def test_a_rescaled_network_computes_what_it_did(query):
    spec = parse(Training, query)
    result, plain = run_training(spec), run_training(spec.plain)
    assert np.array_equal(result.step, plain.step) and not np.array_equal(result.theta[0], plain.theta[0])
    x = make_loss(spec.problem).parts["test"].x
    for row in (0, -1):
        now, before = (module(spec.problem, each.theta[row])(x).detach() for each in (result, plain))
        np.testing.assert_allclose(now, before, rtol=1e-12, atol=1e-12)
    for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
        np.testing.assert_allclose(getattr(result, name), getattr(plain, name), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("query", RESCALED[:4])
def test_gradients_are_those_of_the_rescaled_point(query):
    spec = parse(Training, query)
    result, plain = run_training(spec), run_training(spec.plain)
    loss, cuts = make_loss(spec.problem), offsets(spec.problem.shapes)
    slope = np.ones(spec.problem.parameters)  # ∂θ/∂θ′: f(Rθ) = f(θ) makes the gradient there R⁻¹ ∇f(θ)
    slope[: cuts[2]], slope[cuts[2] : cuts[3]] = 1 / spec.start.rescale, spec.start.rescale
    for row in (0, 5, -1):
        data = loss.gradient(torch.as_tensor(plain.theta[row])).numpy() - 2 * spec.problem.l2 * plain.theta[row]
        expected = np.linalg.norm(slope * data + 2 * spec.problem.l2 * result.theta[row])
        assert result.gradient_norm[row] == pytest.approx(expected, rel=1e-10)
        assert result.gradient_norm[row] == pytest.approx(
            np.linalg.norm(plain_gradient(spec.problem, result.theta[row])), rel=1e-10
        )
        penalty = spec.problem.l2 * np.square(result.theta[row]).sum()
        assert result.penalty[row] == pytest.approx(penalty, rel=1e-12)


def test_rescaling_back_gives_the_same_point():
    problem = parse(Problem, "dataset=wine&widths=5-3")
    theta = np.random.default_rng(0).normal(size=(2, problem.parameters))
    there = rescaled(problem, theta, 8.0)  # a power of two is exact
    assert np.array_equal(rescaled(problem, there, 1 / 8), theta)
    changed = there != theta
    assert changed[:, : 5 * 13 + 5 + 15].all() and not changed[:, 5 * 13 + 5 + 15 :].any()


def test_rescaling_is_one_more_step_after_the_same_training():
    query = "dataset=iris&widths=4&steps=30&activation=relu"
    plain, ten, two = (parse(Training, f"{query}{more}") for more in ("", "&rescale=10", "&rescale=2"))
    tasks = [every(training_levels(spec)) for spec in (plain, ten, two)]
    assert set(tasks[0]) < set(tasks[1]) and set(tasks[0]) < set(tasks[2])
    assert set(tasks[1]) & set(tasks[2]) == set(tasks[0])
    result, whole = ask(ten), run_training(ten)
    for name in ("step", "theta", "train_loss", "gradient_norm"):
        assert np.array_equal(getattr(result, name), getattr(whole, name)), name
    assert result.spec == ten and "the same function" in result.notes[-1]
    assert result.notes[:-1] == ask(plain).notes


def test_rescaling_has_no_part_in_questions_of_other_activations():
    for name in ("slice", "training", "spectrum"):
        one, other = (question(name, f"dataset=iris&activation=tanh{more}") for more in ("", "&rescale=10"))
        assert key_for(one) == key_for(other) and canonical(one) == canonical(other)
        first, second = (question(name, f"dataset=iris&activation=relu{more}") for more in ("", "&rescale=10"))
        assert key_for(first) != key_for(second) and canonical(second).start.rescale == 10
    tanh = parse(Training, "dataset=xor&widths=2&steps=3&rescale=10")
    assert tanh.factor == 1 and np.array_equal(run_training(tanh).theta, run_training(tanh.plain).theta)
    assert relevant(Start(rescale=3.0))["rescale"] == 3.0  # alone, a Start does not know the activation


@pytest.mark.parametrize(
    ("query", "word"),
    [("widths=none", "no hidden layer"), ("widths=4&norm=batch", "BatchNorm"), ("widths=4-4-4&skip=1", "skip")],
)
def test_networks_whose_function_would_change_are_refused_before_they_are_trained(query, word):
    spec = parse(Training, f"dataset=iris&activation=relu&rescale=10&{query}")
    (task,) = every(training_levels(spec)).values()
    refused = ask(spec)
    assert isinstance(refused, Failure) and word in refused.sentence and "rescale=1" in refused.sentence
    with pytest.raises(CannotAnswer, match=word):
        task.run(*task.args)
    with pytest.raises(CannotAnswer, match=word):
        run_training(spec)


def test_a_training_that_diverged_stays_so_when_rescaled():
    query = "dataset=sine&loss=squared_error&activation=identity&widths=4-4-4&optimiser=sgd&rate=50&steps=200"
    result, plain = ask(parse(Training, f"{query}&rescale=2")), ask(parse(Training, query))
    assert 0 < plain.diverged_at == result.diverged_at and len(result.step) == len(plain.step)
    with pytest.raises(CannotAnswer, match="diverged"):
        result.reached()


def test_sharpness_and_gaussian_slices_change_and_filter_normalised_ones_do_not():
    """Each filter-normalised direction is rescaled with its weights, and biases stay where they are. The second one
    is turned orthogonal in parameter space, which rescaling does not keep: `filter_original` leaves it as published.
    """

    def pair(name: str, query: str):
        asked = [question(name, f"{SMALL}&activation=relu&extent=0.5&{query}{more}") for more in ("", "&rescale=10")]
        return (ask(spec).data for spec in asked)

    before, now = pair("slice", "points=9&directions=filter_original")
    np.testing.assert_allclose(now, before, rtol=1e-10, atol=1e-12)
    before, now = pair("line", "line_points=11")
    np.testing.assert_allclose(now, before, rtol=1e-10, atol=1e-12)
    before, now = pair("slice", "points=9&directions=gaussian")
    assert abs(np.ptp(now) / np.ptp(before) - 1) > 0.5
    spec = parse(Training, f"{SMALL}&activation=relu&rescale=10")
    sharpest = [
        float(torch.linalg.eigvalsh(dense(make_loss(spec.problem), torch.as_tensor(run_training(each).reached())))[-1])
        for each in (spec, spec.plain)
    ]
    assert abs(sharpest[0] / sharpest[1] - 1) > 0.5
    np.testing.assert_allclose(run_training(spec).train_loss, run_training(spec.plain).train_loss, **EXACT)


def test_a_rescaled_net_is_as_near_to_a_minimum_as_it_was():
    spec = parse(Training, "dataset=wine&widths=5&activation=relu&steps=200&rate=0.02")
    plain, scaled = run_training(spec), run_training(replace(spec, start=replace(spec.start, rescale=1000.0)))
    assert scaled.gradient_norm[-1] > 1e-2 > plain.gradient_norm[-1]
    assert scaled.warnings == plain.warnings == ()


WALKED = "optimiser=walk&walk_range=2&walk_size=0.05&seed=7&steps=40"


@pytest.mark.parametrize("more", ["", "&walk=bounded_gradient&dtype=float64", "&walk_batch=16&walk_seed=5"])
def test_a_start_that_walks_reaches_the_point_that_the_walk_visits(more):
    spec = canonical(question("training", f"dataset=iris&{WALKED}{more}"))
    walking = replace(spec.start.walking, walks=9, walk_steps=60)
    walks = run_walks(Walks(spec.problem, walking), points=True)
    found = ask(spec)
    np.testing.assert_array_equal(found.theta, walks.theta[7, found.step])
    for step, loss, norm in zip(found.step, found.train_loss, found.gradient_norm, strict=True):
        theta = walks.theta[7, step].astype(np.float64)
        exact = replace(spec.problem, dtype="float64")
        assert loss == pytest.approx(float(plain_loss(exact, theta)), rel=1e-4)
        assert norm == pytest.approx(float(np.linalg.norm(plain_gradient(exact, theta))), rel=1e-3)
    assert found.warnings == () and found.notes[0].startswith("Walk 7 of seed")


def test_what_guides_an_optimiser_means_nothing_to_a_walk_and_the_reverse():
    def key(query: str) -> str:
        return key_for(canonical(question("training", f"dataset=iris&{query}")))

    plain = key(WALKED)
    for other in ("rate=0.3", "batch=8", "init_range=3", "walks=20", "walk_steps=5"):
        assert key(f"{WALKED}&{other}") == plain
    assert key(f"{WALKED}&walk_seed=1") != plain != key(f"{WALKED}&steps=41")
    assert key("walk_seed=1&walk_range=5") == key("")
