"""What a question costs in seconds and memory, as estimated, and whether that is more than one may."""

import functools
import math
from typing import Any

from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.numerics.cost import peak_bytes
from lossatlas.compute.numerics.paths.start import Start, Training, recorded_steps
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.tasks import Task, every


def seconds_of(levels: list[Task]) -> float:
    """Estimated seconds on one core for everything a question needs."""
    return sum(task.seconds for task in every(levels).values())


def check_cost(spec: object, most_seconds: float, most_bytes: float = math.inf) -> float:
    """The estimated seconds of a question; raises BadSpec as `affordable`."""
    return sum(task.seconds for task in affordable(spec, most_seconds, most_bytes).values())


def affordable(spec: object, most_seconds: float, most_bytes: float = math.inf) -> dict[str, Task]:
    """All tasks of a question by key, so that a page can count those that its questions share once.

    Raises:
        BadSpec: more than `most_seconds`, or a task of it needs more than `most_bytes` of memory.
    """
    needed = _usual_bytes(spec) + getattr(spec, "extra_bytes", 0.0)
    if needed > most_bytes:
        raise BadSpec(
            f"This needs about {size(needed)} of memory in a worker, and the limit is {size(most_bytes)}. "
            "Choose a smaller network, fewer patterns (max_samples), smaller batches or fewer points."
        )
    tasks = every(levels_of(spec))
    seconds = sum(task.seconds for task in tasks.values())
    if seconds > most_seconds:
        raise BadSpec(
            f"This would take about {duration(seconds)} on one core, and the limit is {duration(most_seconds)}. "
            f"{_instead(spec, most_seconds, seconds)}"
        )
    return tasks


def _instead(spec: Any, most_seconds: float, seconds: float) -> str:
    """What else to ask: a spec that knows says it with numbers."""
    if hasattr(spec, "fewer"):
        return spec.fewer(most_seconds, seconds)
    return "Choose fewer points, fewer steps, fewer patterns or a smaller network."


def _usual_bytes(spec: Any) -> float:
    """Memory of a task at its peak; the questions that name no start train nothing."""
    start = getattr(spec, "start", None)
    if start is None:
        return peak_bytes(spec.problem, 0, 0, 0)
    return peak_bytes(spec.problem, start.batch, getattr(spec, "points", 0), _recorded(spec.problem, start))


@functools.lru_cache(100)  # the questions of a column have one training
def _recorded(problem: Problem, start: Start) -> int:
    return len(recorded_steps(Training(problem, start)))


def size(count: float) -> str:
    """Bytes as a reader says them: 20 MB, 1.5 GB."""
    return f"{count / 1e9:.2g} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: 0.2 s, 45 s, 3 min, 2.5 h."""
    if seconds < 60:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
