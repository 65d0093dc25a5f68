"""What a question costs before it is asked: seconds on one core, from the shape of the network and the patterns.

The rates are rough medians of one core of a two-core cloud machine, printed by `python -m benchmarks.calibrate`;
an estimate is good to a factor of about three and serves to warn and to cut work into pieces, never to be right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.nets import BLOCK, Problem
from lossatlas.compute.problem.sources import sizes
from lossatlas.compute.spec.tasks import CannotAnswer

CALL = 60e-6  # seconds of overhead of a forward pass
GRADIENT_CALL = 350e-6  # seconds of overhead of a gradient and an optimiser step
SUMS = 0.35e9  # parameters of later layers a second, summed for each point of a slice
LOOPED_UPDATES = 1e9  # the same in a compiled loop
UPDATES = 0.1e9  # parameters a second in an optimiser step and its recording
KEPT = 4  # arrays of pre-activations that a gradient holds at its peak
POINTS_KEPT = 40  # parameter vectors of a training, its optimiser, and the plane made from it
PATHS_KEPT = 6  # copies of a recorded path while it is projected on a plane
GRIDS = 12  # arrays of a grid's size while an answer is put together and packed
PIECE = 0.25  # seconds a task should take, so that progress shows and a cancelled job ends soon
SHARE = 0.1  # of a task's time that may go into what it does before its first point


@dataclass(frozen=True)
class Rates:
    """`products`: floating point operations a second in matrix products; `elements`: activations or output losses."""

    products: float
    elements: float


PLAIN = Rates(60e9, 0.25e9)  # loss.py
EAGER = Rates(60e9, 0.6e9)  # kernels/affine.py
COMPILED = Rates(150e9, 5e9)  # kernels/fused.py and images.py
WALKED = Rates(100e9, 1.5e9)  # kernels/gradients.py
WALK_CALL = 0.5e-6  # seconds of overhead of a compiled walk's step
LOOPED = {  # kernels/training; of float64 the elementary functions are not vector instructions
    "float32": Rates(100e9, 2.5e9),
    "float64": Rates(100e9, 0.8e9),
}
LOOP_CALL = 0.8e-6  # seconds of overhead of a compiled training's step
EPOCH = 30e-6  # seconds that the order of an epoch's batches takes
MEASURED = 0.15e9  # pre-activations a second whose saturation is measured
NUMBA = find_spec("numba") is not None
WIDEST_LOOPED = 512  # hidden units of a compiled training: torch's products of wider layers are faster
WIDEST = 512  # hidden units of a compiled path: beyond, what 64 patterns take leaves the caches


def patterns(problem: Problem, part: str = "train") -> int:
    """How many patterns a part has."""
    return sizes(problem.dataset, problem.test_share, problem.max_samples)[part == "test"]


def check_patterns(problem: Problem, part: str) -> None:
    """Raises CannotAnswer where the part is empty."""
    if not patterns(problem, part):
        share = f" with test_share={problem.test_share:g}" if problem.data.split else ""
        more = ", or a larger test_share" if share else ""
        raise CannotAnswer(f"{problem.dataset} has no test part{share}. Choose part=train{more}.", "no test part")


def _slower(problem: Problem) -> float:
    return 2.0 if problem.dtype == "float64" else 1.0


def _seconds(problem: Problem, count: int, layers: Sequence[Layer], rates: Rates) -> float:
    """Of passes of `count` patterns through some layers."""
    products = 2 * sum(layer.products for layer in layers)
    elements = sum(layer.numbers for layer in problem.layers) + 3 * problem.outputs
    return _slower(problem) * count * (products / rates.products + elements / rates.elements)


def loss_seconds(problem: Problem, part: str = "train") -> float:
    """One loss by the plain path; BatchNorm's statistics take a pass a layer before it."""
    passes = 1 + sum(layer.norm for layer in problem.layers)
    return CALL + passes * _seconds(problem, patterns(problem, part), problem.layers, PLAIN)


def compiled(problem: Problem) -> bool:
    """Whether a slice takes a compiled path, as far as can be said beforehand."""
    quick = NUMBA and problem.dtype == "float32" and not problem.mixed
    dense = not problem.convolutions and max(problem.hidden, default=0) <= WIDEST
    return quick and (dense or problem.convolutions == 2)


def slice_seconds(problem: Problem, part: str = "train") -> float:
    """One loss on a slice, where the first dense layer is a sum of stored responses."""
    first = problem.layers[0]
    layers = problem.layers if first.side and compiled(problem) else problem.layers[1:]
    later = sum(math.prod(shape) for layer in problem.layers[1:] for shape in layer.tensors.values())
    rates = COMPILED if compiled(problem) else EAGER
    return 0.3e-6 + _slower(problem) * later / SUMS + _seconds(problem, patterns(problem, part), layers, rates)


def setup_seconds(problem: Problem, part: str = "train") -> float:
    """What a task of a slice does before its first point: the first layer's responses to center and directions."""
    return 1e-3 + 3 * 2 * patterns(problem, part) * problem.layers[0].products * _slower(problem) / PLAIN.products


def piece(problem: Problem, part: str, per_point: float) -> int:
    """Points of one task: a quarter second's worth, or more where its beginning would take too large a share."""
    return max(1, int(max(PIECE, setup_seconds(problem, part) / SHARE) / per_point))


def step_seconds(problem: Problem, batch: int) -> float:
    """One training step; `batch` 0 means all patterns."""
    count = patterns(problem)
    return (
        GRADIENT_CALL
        + _slower(problem) * problem.parameters / UPDATES
        + 3 * _seconds(problem, min(batch or count, count), problem.layers, PLAIN)
    )


def looped(problem: Problem) -> bool:
    """Whether a training takes a compiled loop, as far as can be said beforehand."""
    return NUMBA and not problem.convolutions and max(problem.hidden, default=0) <= WIDEST_LOOPED


def training_seconds(problem: Problem, batch: int, recorded: float) -> float:
    """One step of a training, of which a share is recorded, with the test part."""
    if not looped(problem):
        return step_seconds(problem, batch) + recorded * loss_seconds(problem)
    rates, count = LOOPED[problem.dtype], patterns(problem)
    each = min(batch or count, count)
    some = 3 * _seconds(problem, each, problem.layers, rates)
    whole = 3 * _seconds(problem, count, problem.layers, rates) if each < count else 0.0
    test = _seconds(problem, patterns(problem, "test"), problem.layers, rates)
    order = EPOCH * each / count if each < count else 0.0
    update = _slower(problem) * problem.parameters / LOOPED_UPDATES
    return LOOP_CALL + order + update + some + recorded * (whole + test)


def walk_seconds(problem: Problem, batch: int) -> float:
    """One step of a walk among many, with the test part and the saturation of the hidden units."""
    count, test = patterns(problem), patterns(problem, "test")
    each = min(batch or count, count)
    quick = compiled(problem) and problem.plain and len(problem.hidden) == 1 and each == count
    rates = WALKED if quick else PLAIN
    steps = 3 * _seconds(problem, each, problem.layers, rates) + _seconds(problem, test, problem.layers, rates)
    call = WALK_CALL if quick else (GRADIENT_CALL + CALL) / 16
    return call + steps + each * sum(layer.numbers for layer in problem.layers[:-1]) / MEASURED


def trajectory_seconds(problem: Problem, points: int) -> float:
    """Principal components of a path of some recorded points."""
    return points * points * problem.parameters / 0.7e9


def peak_bytes(problem: Problem, batch: int, points: int, recorded: int = 1) -> float:
    """Memory of a task at its peak, beyond the program's own: data, points, the recorded points of a training and what
    is made of them, one block or batch of pre-activations with what a gradient keeps of them, and the grid.

    BatchNorm ties the patterns of a full batch together; any other loss is taken in blocks.
    """
    itemsize, units = 8 if problem.dtype == "float64" else 4, sum(problem.sizes[1:])
    total = patterns(problem) + patterns(problem, "test")
    together = patterns(problem) if problem.norm == "batch" else min(batch or patterns(problem), BLOCK // units + 64)
    data = total * problem.sizes[0] * (8 + 3 * itemsize)
    vectors = POINTS_KEPT + PATHS_KEPT * recorded
    return data + KEPT * together * units * itemsize + vectors * problem.parameters * 8 + GRIDS * points**2 * 8
