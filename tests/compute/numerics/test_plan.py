"""The choice of a path, its self-check, and the size of batches."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from lossatlas.compute.numerics.kernels import affine, fused, plain, plan, products
from lossatlas.compute.numerics.kernels.batches import Device, in_batches
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import parse
from tests.cases import SMALL
from tests.compute.problem.test_networks import NETWORKS

OFF = 1e-5  # relative: far above rounding in float32, far below what a picture shows


def paths_of(query: str, axes: int = 2, statistics: int = 0) -> str:
    problem = parse(Problem, query)
    return plan.chosen(problem, problem.parameters + statistics, axes)


def test_every_network_gets_the_fastest_path_that_serves_it():
    assert paths_of("dataset=iris&dtype=float64") == "affine"
    assert paths_of("dataset=iris&norm=batch", statistics=8) == ("fused" if fused.AVAILABLE else "affine")
    assert paths_of("dataset=iris&norm=batch") == "plain"  # statistics anew at every point
    assert paths_of("dataset=iris") == ("fused" if fused.AVAILABLE else "affine")


@pytest.fixture
def crooked(monkeypatch):
    """The affine path, off by OFF; the fused one is not there."""

    def losses_at(*args):
        data, accuracy = affine.losses_at(*args)
        return data * (1 + OFF), accuracy

    monkeypatch.setitem(plan.PATHS, "fused", replace(plan.PATHS["fused"], serves=lambda loss, center: False))
    monkeypatch.setitem(plan.PATHS, "affine", plan.Path(affine.serves, losses_at))
    plan.chosen.cache_clear()
    yield
    plan.chosen.cache_clear()


def test_a_path_that_is_off_is_left_out_and_the_log_says_so(crooked, caplog):
    with caplog.at_level(logging.WARNING):
        assert paths_of("dataset=iris&activation=tanh") == "plain"
    assert "affine path is off" in caplog.text and "4-4-3" in caplog.text
    problem = parse(Problem, "dataset=iris&activation=tanh")
    loss, center = make_loss(problem), initial(problem, 0, "auto", 1.0)
    args = (loss, center, np.eye(2, len(center)), np.array([[0.1, 0.2]]), "train")
    assert plan.losses_at(*args)[0] == plain.losses_at(*args)[0]


def test_a_path_that_loses_nan_or_infinity_is_off():
    loss = make_loss(parse(Problem, "dataset=iris&activation=quadratic&widths=5-5-5-5-5-5-5-5"))
    finite = plan.Path(plain.serves, lambda *args: (np.zeros(len(args[3])), np.empty(0)))
    huge = replace(loss, act=lambda z: z * 1e30)
    assert plan.worst(finite, huge, loss.problem.parameters, 2) == np.inf


@pytest.mark.parametrize("query", [case.query for case in SMALL] + NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_paths_in_use_pass_their_self_check_and_a_crooked_one_does_not(query, dtype):
    problem = parse(Problem, f"{query}&dtype={dtype}")
    loss = make_loss(problem)
    found = loss.statistics(torch.as_tensor(initial(problem, 0, "auto", 1.0)).to(loss.parts["train"].x))
    length = problem.parameters + (0 if found is None else len(found))
    for path in plan.PATHS.values():
        if path.serves(loss, np.empty(length)):
            assert plan.worst(path, loss, length, 2) <= 1.0

    def crooked(*args):
        return plain.losses_at(*args)[0] * (1 + OFF), np.empty(0)

    assert plan.worst(plan.Path(plain.serves, crooked), loss, length, 2) > 1.0


def test_a_batch_that_runs_out_of_memory_is_halved_and_nothing_is_lost_or_done_twice():
    done: list[int] = []
    tried: list[int] = []

    def work(place: slice) -> None:
        tried.append(place.stop - place.start)
        if place.stop - place.start > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        done.extend(range(place.start, place.stop))

    in_batches(20, 16, work)
    assert done == list(range(20)) and tried[:4] == [16, 8, 4, 2]
    with pytest.raises(torch.OutOfMemoryError):
        in_batches(2, 16, lambda place: (_ for _ in ()).throw(torch.OutOfMemoryError()))


def test_a_devices_batches_fill_a_share_of_its_free_memory(monkeypatch):
    problem = parse(Problem, "dataset=mnist&widths=10")
    sizes = {}
    for free in (2**30, 2**34):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda name, free=free: (free, 2**40))
        device = Device("cuda")
        patterns = device.patterns(2048, problem)
        points = device.points(problem, min(patterns, 10_000), 110)
        sizes[free] = points * min(patterns, 10_000) * sum(problem.sizes[1:]) * 8
        assert sizes[free] < free / 2
    assert sizes[2**34] > 8 * sizes[2**30]


def test_large_products_take_the_faster_library_only_where_it_is_exact(monkeypatch):
    before = torch.get_float32_matmul_precision()
    for exact, expected in ((1e-7, "medium"), (1e-3, "highest")):
        monkeypatch.setattr(products, "errors", lambda setting, exact=exact: [exact] * len(products.SHAPES))
        products.precision.cache_clear()
        with products.products(products.LARGE):
            assert torch.get_float32_matmul_precision() == expected
        with products.products(products.LARGE - 1):
            assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before
    products.precision.cache_clear()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("query", [case.query for case in SMALL] + NETWORKS)
def test_a_cuda_device_gives_the_losses_of_the_plain_loop(query):
    problem = parse(Problem, query)
    loss, center = make_loss(problem), initial(problem, 0, "auto", 1.0)
    found = loss.statistics(torch.as_tensor(center).to(loss.parts["train"].x))
    if found is not None:
        center = np.concatenate([center, found.double().numpy()])
    rng = np.random.default_rng(0)
    args = (loss, center, 0.1 * rng.standard_normal((2, len(center))), rng.uniform(-1, 1, (50, 2)), "train", True)
    for fast, slow in zip(affine.losses_at(*args, device="cuda"), plain.losses_at(*args), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-4 if problem.dtype == "float32" else 1e-9)
