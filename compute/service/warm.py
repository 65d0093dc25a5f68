"""Preloaded by every worker: small questions, so that nobody's first click waits for torch's first gradient, or for
kernels to be compiled or loaded from disk.
"""

import os

from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.numerics.paths.start import Start
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.running import guarded
from lossatlas.compute.spec.tasks import Task, every

ACTIVATIONS = ("tanh", "relu", "elu")  # those that the page opens with; another takes about a second, once

NICE = 10  # behind the web server and the browser, where they share a machine: a page answers while all workers compute


def dask_setup(worker: object) -> None:  # the name that dask looks for
    os.nice(NICE)
    for activation in ACTIVATIONS:
        results: dict = {}
        question = Slice(Problem(activation=activation), Start(steps=2), points=9)
        for task in every(levels_of(question)).values():
            results[task.key] = guarded(task.run, *(results[a.key] if isinstance(a, Task) else a for a in task.args))
