"""Preloaded by every worker: one small question, so that nobody's first click waits for torch's first gradient."""

from compute.analyses import levels_of
from compute.jobs import guarded
from compute.slices import Slice
from compute.tasks import Task, every
from compute.train import Start


def dask_setup(worker) -> None:  # the name that dask looks for
    results: dict = {}
    for task in every(levels_of(Slice(start=Start(steps=2), points=9))).values():
        results[task.key] = guarded(task.run, *(results[a.key] if isinstance(a, Task) else a for a in task.args))
