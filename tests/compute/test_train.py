import numpy as np
import pytest
import torch

from compute.datasets import prepare
from compute.loss import make_loss
from compute.options import parse
from compute.tasks import CannotAnswer, Task
from compute.train import (
    Training,
    _advance,
    _begin,
    batchable,
    recorded_steps,
    run_training,
    train_many,
    training_levels,
)
from tests.oracles import module, plain_gradient, plain_loss

SMALL = "dataset=iris&widths=4&steps=30&dtype=float64"


def run(task: Task):
    return task.run(*(run(part) if isinstance(part, Task) else part for part in task.args))


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch", [0, 32])
def test_training_equals_a_plain_torch_loop(optimiser, batch):
    spec = parse(Training, f"{SMALL}&optimiser={optimiser}&rate=0.02&batch={batch}&l2=0.01&momentum=0.8")
    result = run_training(spec)
    net = module(spec.problem, result.theta[0])
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.02),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8),
        "adam": lambda p: torch.optim.Adam(p, lr=0.02),
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


@pytest.mark.parametrize(
    "query", [f"{SMALL}&batch=32", "dataset=heart&widths=6&steps=25&dtype=float64", "dataset=xor&widths=2"]
)
def test_a_batch_of_trainings_equals_each_alone(query):
    query = f"{query}&dtype=float64&steps=25"
    specs = [parse(Training, f"{query}&activation={name}") for name in ("tanh", "relu", "elu", "tanh")]
    if not specs[0].start.batch:
        specs += [parse(Training, f"{query}&activation=gelu&seed={seed}") for seed in (1, 2)]
    for spec, joint in zip(specs, train_many(specs), strict=True):
        alone = run_training(spec)
        for name in ("theta", "train_loss", "test_loss", "gradient_norm"):
            one, other = getattr(joint, name), getattr(alone, name)
            # 25 steps carry the rounding of batched products on
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10, equal_nan=True)


def test_trainings_that_differ_in_more_cannot_share_a_batch():
    one, other = parse(Training, "dataset=iris"), parse(Training, "dataset=iris&rate=0.1")
    assert batchable(one) != batchable(other)
    with pytest.raises(ValueError, match="differ"):
        train_many([one, other])


@pytest.mark.parametrize("query", [SMALL, f"{SMALL}&batch=16&optimiser=momentum", "dataset=xor&widths=2&steps=0"])
def test_segments_equal_the_training_in_one_go(query, monkeypatch):
    monkeypatch.setattr("compute.train.PIECE", 1e-9)  # a segment a step
    spec = parse(Training, query)
    levels, whole = training_levels(spec), run_training(spec)
    assert len(list(chain(levels[-1]))) == max(spec.start.steps, 1) + 2
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
    begun = _advance([spec], _begin([spec]), 5)
    one, two = (_advance([spec], begun, 10) for _ in range(2))
    assert torch.equal(one.theta, two.theta)


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
