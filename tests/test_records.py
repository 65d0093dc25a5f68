"""Networks, optimisers, losses, data and directions are records: nobody asks for one by its name, and a new one is
functions and a line in one file, after which everything follows.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import NAdam

from lossatlas.app.figures import boundary
from lossatlas.app.layout.page import make_layout
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.planes.directions import DIRECTIONS, Axes, Direction, Given
from lossatlas.compute.analyses.table import question
from lossatlas.compute.numerics.kernels import fused, plan
from lossatlas.compute.numerics.kernels.hessians import hessians
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import WAYS
from lossatlas.compute.problem.criteria import CRITERIA, Criterion, Shares
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.networks.network import Ends, Network, dense
from lossatlas.compute.problem.networks.table import NETWORKS
from lossatlas.compute.problem.optimisers import OPTIMISERS, Optimiser
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse
from tests.test_imports import FILES

NAMES = NETWORKS.keys() | OPTIMISERS.keys() | WAYS.keys() | CRITERIA.keys() | DIRECTIONS.keys()
OTHER_THINGS = {  # comparisons with something else that has one of these names
    "lossatlas.app.figures.shared.points": ("tint",),  # dots are coloured by walk
}
TABLES = (  # dictionaries by these names: the registries, and what is made by hand for some of the losses
    "lossatlas.compute.problem.networks.table", "lossatlas.compute.problem.optimisers",
    "lossatlas.compute.problem.criteria", "lossatlas.compute.analyses.planes.directions",
    "lossatlas.compute.numerics.paths.start", "lossatlas.compute.numerics.kernels.scalars",
    "lossatlas.compute.numerics.stationary", "lossatlas.compute.numerics.kernels.training.pointwise",
)  # fmt: skip


def compared(tree: ast.AST) -> Iterator[ast.expr]:
    """What is compared with one of the names, or looked for among some of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_named(side) for side in sides):
                yield next((side for side in sides if not _named(side)), node)
        elif isinstance(node, ast.Match):
            patterns = [
                part.value for case in node.cases for part in ast.walk(case) if isinstance(part, ast.MatchValue)
            ]
            if any(map(_named, patterns)):
                yield node.subject


def _named(side: ast.expr) -> bool:
    if isinstance(side, ast.Tuple | ast.List | ast.Set):
        return any(map(_named, side.elts))
    return isinstance(side, ast.Constant) and side.value in NAMES


def lookups(tree: ast.AST) -> Iterator[str]:
    """Dictionaries by two or more of the names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            names = [key.value for key in node.keys if isinstance(key, ast.Constant) and key.value in NAMES]
            if len(names) > 1 and len(names) == len(node.keys):
                yield ast.unparse(node)[:60]


def offences(module: str, source: str) -> list[str]:
    tree = ast.parse(source)
    others = OTHER_THINGS.get(module, ())
    found = [ast.unparse(side) for side in compared(tree) if getattr(side, "attr", "") not in others]
    return found + (list(lookups(tree)) if module not in TABLES else [])


@pytest.mark.parametrize("module", FILES)
def test_no_module_asks_for_a_record_by_its_name(module):
    assert offences(module, FILES[module].read_text()) == []


@pytest.mark.parametrize("source", [
    "problem.loss == 'squared_error'",
    "'mlp' != problem.network",
    "where.directions in ('trajectory', 'interpolation')",
    "lambda name: name == 'walk'",
    "match start.optimiser:\n    case 'adam':\n        pass",
    "{'squared_error': 1, 'softmax_cross_entropy': 2}.get(loss)",
])  # fmt: skip
def test_an_offence_is_noticed(source):
    assert offences("lossatlas.app.figures.slice", source)


def test_data_have_one_door():
    """Nobody but sources.py knows the table of data sets."""
    know = {
        module for module, file in FILES.items()
        if any(isinstance(node, ast.Name) and node.id == "DATASETS" for node in ast.walk(ast.parse(file.read_text())))
    }  # fmt: skip
    assert know == {"lossatlas.compute.problem.datasets", "lossatlas.compute.problem.sources"}


# ---------------------------------------------------------------------------------------------- a new one of each


def listed(label: str) -> bool:
    return label in str(make_layout())


def pseudo_huber(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (torch.sqrt(1 + (z - y).square()) - 1).mean(-1)


def of_one_output(z, y):
    d = z - y
    return np.sqrt(np.float32(1.0) + d * d) - np.float32(1.0)


def halves(z: np.ndarray) -> np.ndarray:
    return np.clip(0.25 + z / 2, 0.0, 1.0)


HUBER = Criterion("pseudo-Huber", pseudo_huber, Shares("half of the output", halves), "Rounded.", "here", cut=0.5)
BY_SCALAR = replace(HUBER, scalar=of_one_output)
CIRCLES = "dataset=circles&widths=3&loss=huber&steps=3"


@pytest.fixture
def added(monkeypatch) -> Iterator[Callable]:
    """Put a record into a registry as long as a test runs; what was remembered of problems with it is forgotten."""
    yield monkeypatch.setitem
    plan.chosen.cache_clear()


@pytest.mark.parametrize(("entry", "compiled"), [(HUBER, False), (BY_SCALAR, True)], ids=["plain", "compiled"])
def test_a_new_loss_is_a_line(added, entry, compiled):
    added(CRITERIA, "huber", entry)
    problem = parse(Problem, "dataset=iris&widths=3&loss=huber")
    loss, points = make_loss(problem), torch.as_tensor(initial(problem, 1, "uniform", 1.0))[None]
    assert hessians(loss, points).isfinite().all()
    assert fused.knows(problem) == (compiled and fused.AVAILABLE)
    if compiled and fused.AVAILABLE:
        theta = points.numpy()
        mine = fused.losses_at(loss, theta[0], theta, np.array([[0.0], [0.5]]), "train")[0]
        plain = loss.data_term(torch.cat([points, 1.5 * points]).float()).numpy()
        assert np.allclose(mine, plain, rtol=1e-5)
    assert listed("pseudo-Huber")


def test_a_new_losss_outputs_are_drawn_as_it_says(added):
    added(CRITERIA, "huber", HUBER)
    result = ask(question("boundary", f"{CIRCLES}&boundary_points=5"))
    assert np.array_equal(boundary.shares(result), 100 * halves(result.output.astype(float)))
    drawn = boundary.figure(result, View(), Scale(), "#888")
    assert "half of the output of class 1" in str(drawn.data[0].hovertemplate)


def test_a_new_optimiser_is_a_line(added):
    added(OPTIMISERS, "nadam", Optimiser("NAdam", lambda theta, rate: NAdam([theta], lr=rate)))
    result = ask(question("training", "dataset=xor&widths=2&optimiser=nadam&steps=5"))
    assert result.train_loss[-1] < result.train_loss[0] and "NAdam" in result.notes[0]
    assert listed("NAdam")


def hourglass(ends: Ends, normed: bool, widths: tuple[int, ...]) -> tuple:
    return dense((ends.inputs, *widths, *widths[::-1], ends.outputs), normed)


def test_a_new_kind_of_network_is_a_line(added):
    added(NETWORKS, "hourglass", Network("Hourglass", ("widths",), hourglass, lambda widths: ""))
    result = ask(question("slice", "dataset=iris&network=hourglass&widths=5-2&steps=3&points=5&norm=batch"))
    assert result.spec.problem.architecture == "4-5-2-2-5-3, BatchNorm" and np.isfinite(result.loss).all()
    plain = parse(Problem, "dataset=iris&network=hourglass&widths=5-2")
    assert plain.plain and plain.hidden == (5, 2, 2, 5) and fused.knows(plain) == fused.AVAILABLE
    assert listed("Hourglass")


def biases(given: Given, length: float) -> Axes:
    u, v = np.zeros((2, len(given.center)))
    u[-1], v[-2] = length, length
    return Axes(u, v, ("last", "last but one"), np.full(2, np.nan))


def test_a_new_kind_of_direction_is_a_line(added):
    added(DIRECTIONS, "biases", Direction("last two biases", partial(biases, length=2.0), seeded=False))
    result = ask(question("slice", "dataset=iris&widths=2&steps=3&points=5&directions=biases&turn=30"))
    assert result.names[0] == "last" and "last two biases." in str(result.notes) and np.isfinite(result.loss).all()
    assert abs(result.u @ result.v) < 1e-9 and np.linalg.norm(result.v) == pytest.approx(2.0)
    assert listed("last two biases")
