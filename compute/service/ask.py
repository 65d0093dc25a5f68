"""One door: `ask(spec)` gives the answer from the cache, from a pool of workers, or by computing it here. On a pool,
equal questions of any number of callers are computed once.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from lossatlas.compute.analyses.table import canonical, levels_of
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import duration
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.running import way
from lossatlas.compute.service.stored import keep, look_up, unanswered
from lossatlas.compute.service.watch import Watch
from lossatlas.compute.spec.tasks import Task

Progress = Callable[[float], object]  # called with a share in [0, 1]


def ask(
    spec: object, *, pool: Pool | None = None, cache: Cache | None = None, progress: Progress | None = None,
    patience: float = math.inf,
) -> Any:  # fmt: skip
    """The answer to a spec, or a Failure that says why there is none.

    Args:
        pool: where to compute; without one it is computed in this process.
        cache: where answers are kept; without one nothing is read or written.
        progress: called with the share of the work done, in [0, 1].
        patience: seconds to wait for a pool.

    Raises:
        TimeoutError: the pool did not answer within `patience`; what it was computing is dropped.
        PoolLost: the scheduler went away and did not come back.
    """
    spec = canonical(spec)
    if (stored := look_up(spec, cache)) is not None:
        return stored
    answer = _ask_pool(spec, pool, cache, progress, patience) if pool else _ask_here(spec, cache, progress)
    keep(spec, answer, cache)
    return answer


def _ask_here(spec: object, cache: Cache | None, progress: Progress | None) -> Any:
    levels = levels_of(spec)
    results: dict[str, Any] = {}
    tasks = unanswered(levels, results, cache)
    readers = Counter(needed.key for task in tasks for needed in task.needs())
    total, done = sum(task.seconds for task in tasks) or 1.0, 0.0
    for task in tasks:
        args = [results[part.key] if isinstance(part, Task) else part for part in task.args]
        results[task.key] = way(task)(task.run, *args)
        for needed in task.needs():
            readers[needed.key] -= 1
            if not readers[needed.key]:
                del results[needed.key]  # the states of a long training would fill the memory
        done += task.seconds
        if progress:
            progress(min(done / total, 1.0))
    return results[levels[-1].key]


def _ask_pool(spec: object, pool: Pool, cache: Cache | None, progress: Progress | None, patience: float) -> Any:
    end = time.monotonic() + patience
    with Watch(pool, cache) as watch:
        watch.add("only", spec)
        while True:
            if time.monotonic() > end:
                raise TimeoutError(f"The answer was not there after {duration(patience)}.")
            update = watch.next(timeout=1.0)
            if update is None:
                continue
            if progress:
                progress(update.share)
            if update.final:
                return update.result
