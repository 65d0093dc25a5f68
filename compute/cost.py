"""What a question costs before it is asked: seconds on one core, from the shape of the network and the patterns.

The rates are rough medians of one core of a two-core cloud machine, printed by `python -m benchmarks.calibrate`;
an estimate is good to a factor of about three and serves to warn and to cut work into pieces, never to be right.
"""

from compute.datasets import DATASETS
from compute.nets import Problem

PRODUCTS = 40e9  # floating point operations a second in matrix products, float32
ELEMENTS = 0.25e9  # activations or output losses a second, float32
SUMS = 0.35e9  # parameters of later layers a second, summed for each point of a slice
UPDATES = 0.1e9  # parameters a second in an optimiser step and its recording
CALL = 60e-6  # seconds of overhead of a forward pass
GRADIENT_CALL = 350e-6  # seconds of overhead of a gradient and an optimiser step
PIECE = 0.25  # seconds a task should take, so that progress shows and a cancelled job ends soon


def patterns(problem: Problem, part: str = "train") -> int:
    """How many patterns a part has, to rounding."""
    dataset = DATASETS[problem.dataset]
    total = min(dataset.size, problem.max_samples or dataset.size)
    test = round(total * problem.test_share) if dataset.split else 0
    return test if part == "test" else total - test


def _slower(problem: Problem) -> float:
    return 2.0 if problem.dtype == "float64" else 1.0


def _layer_seconds(problem: Problem, count: int, first: bool) -> float:
    pairs = list(zip(problem.sizes, problem.sizes[1:], strict=False))
    products = sum(a * b for a, b in (pairs if first else pairs[1:]))
    elements = sum(problem.sizes[1:]) + 3 * problem.outputs
    return _slower(problem) * count * (2 * products / PRODUCTS + elements / ELEMENTS)


def loss_seconds(problem: Problem, part: str = "train") -> float:
    """One loss by the plain path."""
    return CALL + _layer_seconds(problem, patterns(problem, part), first=True)


def affine_seconds(problem: Problem, part: str = "train") -> float:
    """One loss on a slice, where the first layer is a sum of stored responses."""
    later = problem.parameters - (problem.sizes[0] + 1) * problem.sizes[1]
    return 0.4e-6 + _slower(problem) * later / SUMS + _layer_seconds(problem, patterns(problem, part), first=False)


def step_seconds(problem: Problem, batch: int) -> float:
    """One training step; `batch` 0 means all patterns."""
    count = patterns(problem)
    return (
        GRADIENT_CALL
        + _slower(problem) * problem.parameters / UPDATES
        + 3 * _layer_seconds(problem, min(batch or count, count), first=True)
    )


def trajectory_seconds(problem: Problem, points: int) -> float:
    """Principal components of a path of some recorded points."""
    return points * points * problem.parameters / 0.7e9
