"""The point that a Start reaches on a Problem: trained or walked to, rescaled where that is asked."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths import train, visits
from lossatlas.compute.numerics.paths.rescaling import check_rescaling, measure_rescaled, rescale, rescaled_level
from lossatlas.compute.numerics.paths.start import TRAINING, WALKING, Start, Training, TrainingResult, Way
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.tasks import Task


@dataclass(frozen=True)
class Route:
    """How a way is gone, by trainings that are not rescaled.

    Attributes:
        run: the answer.
        levels: the tasks that give it, from its key; the last has the whole answer.
    """

    run: Callable[[Training], TrainingResult]
    levels: Callable[[Training, str], list[Task]]


ROUTES: dict[Way, Route] = {
    TRAINING: Route(train.train, train.levels),
    WALKING: Route(visits.walk_there, visits.levels),
}


def run_training(spec: Training) -> TrainingResult:
    """Draw the initial point and train; full batch or mini-batches in a new order each epoch.

    Raises:
        CannotAnswer: a network that cannot be rescaled.
    """
    check_rescaling(spec)
    plain = ROUTES[spec.start.way].run(spec.plain if spec.factor != 1 else spec)
    return plain if spec.factor == 1 else rescale(spec, plain, measure_rescaled(spec, 0, len(plain.step), plain))


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
