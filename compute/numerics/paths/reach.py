"""The point that a Start reaches on a Problem: trained or walked to, rescaled where that is asked."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths import train, visits
from lossatlas.compute.numerics.paths.rescaling import check_rescaling, measure_rescaled, rescale, rescaled_level
from lossatlas.compute.numerics.paths.start import TRAINING, WALKING, Start, Training, TrainingResult, Way
from lossatlas.compute.problem.nets import UNMIXED, Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.tasks import Task


@dataclass(frozen=True)
class Route:
    """How a way is gone, by trainings that are not rescaled.

    Attributes:
        run: the answers to several that one batch may hold.
        levels: the tasks that answer one, from its key; the last has the whole answer.
    """

    run: Callable[[list[Training]], list[TrainingResult]]
    levels: Callable[[Training, str], list[Task]]


ROUTES: dict[Way, Route] = {
    TRAINING: Route(train.train_together, train.levels),
    WALKING: Route(visits.walk_all, visits.levels),
}


def run_training(spec: Training) -> TrainingResult:
    """Draw the initial point and train; full batch or mini-batches in a new order each epoch."""
    return train_many([spec])[0]


def train_many(specs: list[Training]) -> list[TrainingResult]:
    """Several trainings as one batch, for replicates over seeds and activations; each equals the same training alone
    to rounding, not to the bit: batched matrix products round differently. A stored answer is always trained alone.

    Raises:
        ValueError: the trainings differ in more than activation, its parameter, seed, initial draw and rescaling.
        CannotAnswer: a network that cannot be rescaled.
    """
    if len({batchable(spec) for spec in specs}) > 1:
        raise ValueError("Trainings in one batch may differ in activation, its parameter, seed, init and rescale only.")
    for spec in specs:
        check_rescaling(spec)
    found = ROUTES[specs[0].start.way].run([_plain(spec) for spec in specs])
    return [
        result if spec.factor == 1 else rescale(spec, result, measure_rescaled(spec, 0, len(result.step), result))
        for spec, result in zip(specs, found, strict=True)
    ]


def _plain(spec: Training) -> Training:
    return spec if spec.factor == 1 else spec.plain


def batchable(spec: Training) -> tuple[Problem, Start]:
    """What trainings in one batch must have in common: two with equal `batchable` may share one."""
    # Batches are drawn from the seed, so that trainings in mini-batches share it.
    start = replace(spec.start, init="uniform", init_range=1.0, rescale=1.0)
    return (
        replace(spec.problem, activation="identity", alpha=1.0, slope=0.01, beta=1.0, mix_with=UNMIXED),
        start if start.batch else replace(start, seed=0),
    )


def training_levels(spec: Training) -> list[Task]:
    """The tasks of a training, each ending in the answer so far."""
    key = key_of("training", train.VERSIONS, spec)
    if spec.factor != 1:
        return [rescaled_level(spec, key, training_levels(spec.plain)[-1])]
    return ROUTES[spec.start.way].levels(spec, key)


@functools.lru_cache(100)  # every question of a page begins with it, and so does every level of a surface
def reach(problem: Problem, start: Start) -> Task:
    """The task whose result is the TrainingResult that a point comes from."""
    return training_levels(Training(problem, start))[-1]


def training_size(spec: Training) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.start.steps * patterns(spec.problem), "pattern gradients"
