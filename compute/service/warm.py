"""Small questions, by which kernels are compiled or loaded from disk: preloaded by every worker, so that nobody's first
click waits for torch's first gradient; and all of them once, when the program is installed.
"""

import contextlib
import os
from collections.abc import Iterator

from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.numerics.paths.start import Start
from lossatlas.compute.numerics.paths.walk_kinds import Walk
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.running import guarded
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.tasks import Task, every

FIRST = ("tanh", "relu", "elu")  # those that the page opens with; another takes about a second, once in each worker

NICE = 10  # behind the web server and the browser, where they share a machine: a page answers while all workers compute


def dask_setup(worker: object) -> None:  # the name that dask looks for
    os.nice(NICE)
    for activation in FIRST:
        ask(_slice(Problem(activation=activation)))


def kernels() -> Iterator[str]:
    """Compile for every activation and every loss; yields the name of each that is done."""
    for name in (*ACTIVATIONS, *CRITERIA):
        with contextlib.suppress(BadSpec):  # a loss that does not go with the data is no question
            problem = Problem(activation=name) if name in ACTIVATIONS else Problem(loss=name)
            ask(_slice(problem))
            ask(Cloud(problem, Walk(walks=2, walk_steps=2)))
        yield name


def count() -> int:
    """How many `kernels` yields."""
    return len(ACTIVATIONS) + len(CRITERIA)


def ask(question: object) -> None:
    """Compute an answer, and forget it."""
    results: dict = {}
    for task in every(levels_of(question)).values():
        results[task.key] = guarded(task.run, *(results[a.key] if isinstance(a, Task) else a for a in task.args))


def _slice(problem: Problem) -> Slice:
    return Slice(problem, Start(steps=2), points=9)
