"""The compiled loop against torch's, which is the reference."""

import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.kernels.training import trainer
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths import train
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.problem.schedules import SCHEDULES
from lossatlas.compute.spec.options import parse

pytestmark = [
    pytest.mark.usefixtures("as_a_worker_computes"),
    pytest.mark.skipif(not trainer.AVAILABLE, reason="needs numba"),
]

IRIS = "dataset=iris&dtype=float64"
NETS = ("widths=none", "widths=4", "widths=5-3", "widths=4-4-4", "widths=4-4-4&skip=1", "widths=3&norm=batch",
        "widths=4-4-4&skip=1&norm=batch")  # fmt: skip
MEASURES = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "gradient_norm", "penalty")


def both(spec: Training, until: int | None = None) -> tuple[TrainingResult, TrainingResult]:
    """The training by the compiled loop, and by torch."""
    ways = (train._advance_compiled, train._advance_by_torch)
    states = (way(spec, train._begin(spec), spec.start.steps if until is None else until) for way in ways)
    one, other = (train._finish(spec, state) for state in states)
    return one, other


def assert_equal(one: TrainingResult, other: TrainingResult, rtol: float, atol: float) -> None:
    assert np.array_equal(one.step, other.step) and one.diverged_at == other.diverged_at
    for name in ("theta", *MEASURES):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=atol, err_msg=name)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("loss", CRITERIA)
def test_steps_equal_torchs_for_every_optimiser_and_schedule(net, loss):
    for optimiser, schedule in itertools.product(OPTIMISERS, SCHEDULES):
        steering = f"optimiser={optimiser}&schedule={schedule}&rate=0.02&decay=0.3&smoothing=0.8&steps=4&l2=0.01"
        spec = parse(Training, f"{IRIS}&{net}&loss={loss}&{steering}")
        assert trainer.trusted(spec.problem, optimiser, spec.start.values)
        # A step by moments divides by the gradient's own size: what rounding leaves of one near 0 grows by 1e8.
        assert_equal(*both(spec), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_every_activation_err_no_more_than_torchs(name, dtype):
    for more in ("", "&mix_with=relu&mix=0.3", "&alpha=0.4&beta=3&slope=-0.2"):
        problem = parse(Problem, f"dataset=wine&widths=5-3&activation={name}&dtype={dtype}{more}")
        assert trainer.serves(problem, "adam") and trainer.worst(problem) <= 1.0


@pytest.mark.parametrize(
    "query",
    ["dataset=xor&widths=2", "dataset=heart&widths=33-5", "dataset=digits&widths=17&max_samples=300&steps=40",
     "dataset=sine&widths=8&activation=gelu", f"{IRIS}&widths=5-5&skip=1&batch=32&optimiser=rmsprop",
     f"{IRIS}&widths=4&norm=batch&batch=50&optimiser=momentum&schedule=cosine", f"{IRIS}&test_share=0&noise=0.2",
     "dataset=digits&widths=6&max_samples=300&batch=100&optimiser=adamw&steps=60",
     "dataset=circles&widths=4-4&activation=elu&batch=300&optimiser=sgd&rate=0.3"],
)  # fmt: skip
def test_a_training_of_400_steps_ends_where_torchs_does(query):
    spec = parse(Training, f"rate=0.01&steps=400&dtype=float64&{query}")
    assert trainer.trusted(spec.problem, spec.start.optimiser, spec.start.values)
    assert_equal(*both(spec), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_moves_equal_numbers_equally_whatever_their_place(name, dtype):
    whole = torch.full((3 * train.WHOLE,), 0.3, dtype=dtype)
    optimiser = OPTIMISERS[name].make(whole, 0.05, *replace(Start(), optimiser=name).values)
    for size in np.random.default_rng(0).normal(size=9):
        whole.grad = torch.full_like(whole, size)
        optimiser.step()
    assert (whole == whole[0]).all() and whole[0] != 0.3


@pytest.mark.parametrize(
    ("way", "units"),
    # torch's products of five units round by place, whatever then steps them
    [(train._advance_compiled, 3), (train._advance_compiled, 5), (train._advance_by_torch, 3)],
)
def test_equal_units_stay_equal(way, units):
    steps = 2000
    query = f"dataset=moons&widths={units}&activation=sigmoid&init=zero&optimiser=adam&steps={steps}"
    spec = parse(Training, query)
    theta = way(spec, train._begin(spec), steps).theta
    inputs, biases, outputs = (theta[begin:end] for begin, end in itertools.pairwise(offsets(spec.problem.shapes)[:4]))
    for rows in (inputs.reshape(units, -1), biases[:, None], outputs[:, None]):
        assert (rows == rows[0]).all() and rows.any()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_units_of_wide_layers_have_equal_gradients(name, dtype):
    """Whatever their place among the rows of a tile, or the numbers of a pass."""
    problem = parse(Problem, f"dataset=wine&widths=37-35&activation={name}&dtype={dtype}&loss=softmax_cross_entropy")
    cuts, rng = offsets(problem.shapes), np.random.default_rng(1)
    theta = np.zeros(problem.parameters)
    for begin, end, shape in zip(cuts, cuts[1:], problem.shapes, strict=False):
        alike = rng.normal(size=shape[-1:] if shape[0] != 3 else shape)  # all hidden units are equal
        if len(shape) == 2 and begin:
            alike = rng.normal(size=(shape[0] if shape[0] == 3 else 1, 1))  # and are read alike
        elif len(shape) == 1 and shape[0] != 3:
            alike = rng.normal(size=1)
        theta[begin:end] = np.broadcast_to(alike, shape).ravel()
    gradient = trainer.Trainer.of(problem).measure(theta)[0]
    first, second, third = (gradient[cuts[n] : cuts[n + 1]].reshape(problem.shapes[n]) for n in (0, 2, 4))
    assert (first == first[0]).all() and (second == second[0, 0]).all() and (third == third[:, :1]).all()


@pytest.mark.parametrize("query", ["widths=4", "widths=5-5&skip=1&norm=batch", "widths=4&batch=32"])
def test_a_training_is_equal_to_the_bit_in_any_company(query):
    specs = [
        parse(Training, f"dataset=iris&steps=30&{query}&activation={name}&seed={seed}")
        for name in ("tanh", "elu") for seed in (1, 2)
    ]  # fmt: skip
    alone = [run_training(spec) for spec in specs]
    for spec, before in reversed(list(zip(specs, alone, strict=True))):
        now = run_training(spec)
        assert all(
            np.array_equal(getattr(now, name), getattr(before, name), equal_nan=True) for name in ("theta", *MEASURES)
        )


def test_the_way_that_is_not_trusted_is_left(monkeypatch, caplog):
    spec = parse(Training, "dataset=iris&widths=7&steps=5")
    monkeypatch.setattr(trainer, "worst", lambda problem: 1.5)
    trainer.trusted.cache_clear()
    result = run_training(spec)
    trainer.trusted.cache_clear()
    assert np.array_equal(result.theta, both(spec)[1].theta) and "1.5 times" in caplog.text


def test_without_numba_torch_trains():
    run = subprocess.run(
        [sys.executable, "-c",
         "import sys; sys.modules['numba'] = None\n"
         "from lossatlas.compute.numerics.kernels.training import trainer\n"
         "from lossatlas.compute.numerics.paths.reach import run_training\n"
         "from lossatlas.compute.numerics.paths.start import Training\n"
         "from lossatlas.compute.spec.options import parse\n"
         "assert not trainer.AVAILABLE\n"
         f"print(run_training(parse(Training, '{IRIS}&steps=5')).train_loss[-1])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    spec = parse(Training, f"{IRIS}&steps=5")
    assert float(run.stdout) == pytest.approx(run_training(spec).train_loss[-1], rel=1e-12)


def test_a_training_that_diverges_is_told_at_the_same_step():
    quadratic = "dataset=sine&loss=squared_error&activation=quadratic&optimiser=sgd&rate=50&steps=200&dtype=float64"
    one, other = both(parse(Training, quadratic))
    assert 0 < one.diverged_at < 200 and one.diverged_at == other.diverged_at and len(one.step) == len(other.step)
    deep = "dataset=sine&loss=squared_error&activation=quadratic&widths=4-4-4-4-4-4&init_range=1000&steps=0"
    assert [result.diverged_at for result in both(parse(Training, deep))] == [0, 0]


def test_what_is_recorded_is_what_the_points_give():
    spec = parse(Training, "dataset=iris&widths=4&norm=batch&batch=40&steps=30&dtype=float64&l2=0.02")
    result, loss = both(spec)[0], make_loss(spec.problem)
    points = torch.as_tensor(result.theta)
    assert np.array_equal(result.step, recorded_steps(spec))
    np.testing.assert_allclose(result.test_loss, loss.data_term(points, "test").numpy(), rtol=1e-10)
    np.testing.assert_allclose(result.train_loss, loss.data_term(points).numpy(), rtol=1e-10)
    np.testing.assert_allclose(result.gradient_norm, loss.gradient(points).norm(dim=-1).numpy(), rtol=1e-9)
    np.testing.assert_allclose(result.penalty, loss.penalty(points).numpy(), rtol=1e-12)
    assert np.array_equal(result.test_accuracy, loss.accuracy(points, "test").numpy())


def test_schedules_begin_and_end_where_they_say():
    shares = {name: schedule.share(np.arange(100), 100) for name, schedule in SCHEDULES.items()}
    assert (shares["constant"] == 1).all()
    np.testing.assert_allclose(shares["step"][[0, 49, 50, 74, 75, 99]], [1, 1, 0.1, 0.1, 0.01, 0.01])
    np.testing.assert_allclose(shares["cosine"][[0, 50, 99]], [1, 0.5, (1 + np.cos(0.99 * np.pi)) / 2], atol=1e-15)
    np.testing.assert_allclose(shares["warmup"][[0, 4, 9, 10, 99]], [0.1, 0.5, 1, 1, 1])
    assert all(share.min() > 0 and share.max() <= 1 for share in shares.values())
