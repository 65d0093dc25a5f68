"""What a question costs in seconds and memory, as estimated, and whether that is more than one may."""

import functools
import math
from collections.abc import Iterator
from typing import Any

from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.numerics.cost import peak_bytes
from lossatlas.compute.numerics.paths.start import Start, Training, recorded_steps
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import BadSpec, build, flat, options_of, relevant, text
from lossatlas.compute.spec.tasks import Task, every

LIGHT: dict[str, tuple[object, ...]] = {  # what may make a question cheaper, the least change first (chosen by eye)
    "max_samples": (1_000, 100), "points": (33, 9), "steps": (100, 10), "batch": (64,), "method": ("estimated",),
}  # fmt: skip


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
    needed = _bytes(spec)
    if needed > most_bytes:
        raise BadSpec(
            f"This needs about {size(needed)} of memory in a worker, and the limit is {size(most_bytes)}. "
            f"{_instead(spec, most_seconds, most_bytes)}"
        )
    tasks = every(levels_of(spec))
    seconds = sum(task.seconds for task in tasks.values())
    if seconds > most_seconds:
        instead = spec.fewer(most_seconds, seconds) if hasattr(spec, "fewer") else ""  # which knows it in numbers
        raise BadSpec(
            f"This would take about {duration(seconds)} on one core, and the limit is {duration(most_seconds)}. "
            f"{instead or _instead(spec, most_seconds, most_bytes)}"
        )
    return tasks


def _instead(spec: Any, most_seconds: float, most_bytes: float) -> str:
    """Which single changes would do, each estimated by itself."""
    found: dict[str, object] = {}
    for name, value in _lighter(spec):
        if name not in found and _fits(spec, {name: value}, most_seconds, most_bytes):
            found[name] = value
    if found:
        return f"Each of these would do: {', '.join(f'{name}={text(value)}' for name, value in found.items())}."
    return "No single option brings it below: choose a smaller network, fewer patterns (max_samples) and fewer steps."


def _lighter(spec: Any) -> Iterator[tuple[str, object]]:
    """Options of a question with a value each that may make it cheaper: the usual one, or a light one."""
    table = options_of(type(spec))
    for name, value in relevant(spec).items():
        if table[name].kind in (int, "widths") and _size(value) > _size(usual := table[name].default):
            yield name, usual
    yield from ((name, value) for name, values in LIGHT.items() if name in table for value in values)


def _size(value: Any) -> int:
    """A count, or the units of all layers."""
    return sum(value) if isinstance(value, tuple) else value


def _fits(spec: Any, change: dict[str, object], most_seconds: float, most_bytes: float) -> bool:
    try:
        lighter = build(type(spec), flat(spec) | change)
        seconds = seconds_of(levels_of(lighter))
    except BadSpec:
        return False
    return _bytes(lighter) <= most_bytes and seconds <= most_seconds


def _bytes(spec: Any) -> float:
    """Memory of a task at its peak; the questions that name no start train nothing."""
    start, more = getattr(spec, "start", None), getattr(spec, "extra_bytes", 0.0)
    if start is None:
        return peak_bytes(spec.problem, 0, 0, 0) + more
    return peak_bytes(spec.problem, start.batch, getattr(spec, "points", 0), _recorded(spec.problem, start)) + more


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
