"""Answers that are known already, in the cache or as reasons why there are none, and what is left to compute."""

import contextlib
from collections.abc import Container
from typing import Any

from lossatlas.compute.analyses.table import ANALYSES, key_for, name_of
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.results import LASTING, Damaged, Failure, pack, unpack
from lossatlas.compute.spec.tasks import Task

_reasons: dict[str, Failure] = {}  # by key: why some questions have no answer, as far as this process has heard
MOST_REASONS = 10_000


def look_up(spec: object, cache: Cache | None) -> Any:
    """The stored answer, or the reason why there cannot be one, or None; a torn or foreign one is None."""
    data = cache.get(key := key_for(spec)) if cache else None
    if data is None:
        return _reasons.get(key) if cache else None
    with contextlib.suppress(Damaged):
        return unpack(ANALYSES[name_of(spec)].result, data)
    return None


def keep(spec: object, answer: object, cache: Cache | None) -> None:
    """Store an answer. A Failure is not one; that there cannot be one is remembered in this process."""
    if not cache:
        return
    if not isinstance(answer, Failure):
        cache.put(key_for(spec), pack(answer))
    elif answer.kind in LASTING and len(_reasons) < MOST_REASONS:
        _reasons[key_for(spec)] = answer


def unanswered(
    levels: list[Task], results: dict[str, Any], cache: Cache | None, under_way: Container[str] = ()
) -> list[Task]:
    """The tasks that the last level needs and the cache does not answer, in order; stored answers go to `results`.

    What a task under way needs is left out: it has it already.
    """
    wanted: dict[str, Task] = {}

    def visit(task: Task) -> None:
        if task.key in wanted or task.key in results:
            return
        if task.key in under_way:
            wanted[task.key] = task
            return
        stored = look_up(task.spec, cache) if task.spec is not None else None
        if stored is not None:
            results[task.key] = stored
            return
        for needed in task.needs():
            visit(needed)
        wanted[task.key] = task

    visit(levels[-1])
    return list(wanted.values())
