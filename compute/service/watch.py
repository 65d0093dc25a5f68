"""What a page uses of a pool: several questions at once, every level as it comes.

A task runs under the key of its question, so that the scheduler gives two askers one computation.
"""

import contextlib
import functools
import itertools
import logging
import math
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from lossatlas.compute.analyses.table import canonical, levels_of
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.pool import PATIENCE, Pool, PoolLost
from lossatlas.compute.service.running import way
from lossatlas.compute.service.stored import keep, look_up, unanswered
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import Task

LEASE = 2.0  # seconds that a closed watch keeps its work wanted, so that a reload finds it still running
RANK = 1000  # priorities between two ranks: more than the decades of cost within one
SURE = 0.1  # share of the work done from which the time left is told
SILENCE = 10.0  # seconds without news after which a watch asks whether its work is still known


@dataclass(frozen=True)
class Update:
    """News of one question: `result` is a level's answer or a Failure, None when only progress was made.

    `share` of the estimated work is done; `rate` is in units a second; `left` is in seconds, NaN while unknown.
    """

    tag: Any
    level: int
    levels: int
    result: Any
    share: float
    units: int
    rate: float
    left: float
    cached: bool = False

    @property
    def final(self) -> bool:
        return self.result is not None and (self.level == self.levels - 1 or isinstance(self.result, Failure))


@dataclass
class _Question:
    tag: Any
    spec: Any
    levels: list[Task]
    tasks: dict[str, Task]
    rank: int = 0
    began: float = field(default_factory=time.monotonic)
    done: set[str] = field(default_factory=set)
    finished: bool = False

    def progress(self) -> tuple[float, int, float, float]:
        """Share, units done, units a second, seconds left."""
        total = sum(task.seconds for task in self.tasks.values()) or 1.0
        share = sum(self.tasks[key].seconds for key in self.done) / total
        units = sum(self.tasks[key].units for key in self.done)
        spent = max(time.monotonic() - self.began, 1e-6)
        return share, units, units / spent, spent * (1 - share) / share if share > SURE else math.nan


class Watch:
    """Questions under way on a pool, for one reader. Leaving the `with` block drops the interest after LEASE seconds:
    work that nobody else wants then ends.
    """

    def __init__(self, pool: Pool, cache: Cache | None):
        self._pool, self._cache = pool, cache
        self._client: Client | None = None
        self._news: queue.SimpleQueue[tuple[_Question, str, Future]] = queue.SimpleQueue()
        self._futures: dict[str, Future] = {}
        self._questions: list[_Question] = []
        self._ready: list[Update] = []
        self._heard, self._missing = time.monotonic(), set[str]()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        futures, self._futures = list(self._futures.values()), {}
        if futures:
            timer = threading.Timer(LEASE, _release, [futures])
            timer.daemon = True
            timer.start()

    def add(self, tag: Any, spec: object, rank: int = 0) -> None:
        """Ask one more question; its answer may come from the cache. Work of a higher rank waits while any of a lower
        one is ready; what two questions share has the rank of the first.

        Raises:
            PoolLost: no scheduler.
        """
        spec = canonical(spec)
        if (stored := look_up(spec, self._cache)) is not None:
            self._ready.append(Update(tag, 0, 1, stored, 1.0, 0, 0.0, 0.0, cached=True))
            return
        levels = levels_of(spec)
        stored_parts: dict[str, Any] = {}
        self._client = self._pool.client()
        tasks = {task.key: task for task in unanswered(levels, stored_parts, self._cache, self._futures)}
        if not tasks:  # another reader has stored it meanwhile
            answer = stored_parts[levels[-1].key]
            self._ready.append(Update(tag, 0, 1, answer, 1.0, 0, 0.0, 0.0, cached=True))
            return
        for key, value in stored_parts.items():
            self._put(key, value)
        question = _Question(tag, spec, levels, tasks, rank)
        self._questions.append(question)
        self._submit(question)

    def _submit(self, question: _Question) -> None:
        """Send what is not yet under way; later levels and dearer questions wait behind others."""
        spent, turn = 0.0, itertools.cycle(self._workers(question))
        for key, task in question.tasks.items():
            spent += task.seconds
            if key not in self._futures:
                args = [self._futures[part.key] if isinstance(part, Task) else part for part in task.args]
                priority = -round(10 * math.log10(spent + 0.01)) - RANK * question.rank
                self._send(task, args, priority, next(turn) if task.beside else None)
            self._futures[key].add_done_callback(functools.partial(self._tell, question, key))

    def _tell(self, question: _Question, key: str, future: Future) -> None:
        self._news.put((question, key, future))

    def _put(self, key: str, value: Any) -> None:
        if key not in self._futures:
            self._futures[key] = self._client.scatter({key: value}, hash=False)[key]  # type: ignore[union-attr]

    def _workers(self, question: _Question) -> list[str | None]:
        """The workers that tasks beside one another are dealt to, another one first for each question; at least one.

        Left to itself distributed gives them all to the worker that holds their plane, until another steals some: two
        workers were then 1.4 times as fast as one on a large slice, so 1.7 (benchmarks.workers).
        """
        if sum(task.beside for task in question.tasks.values()) < 2:
            return [None]
        names = sorted(self._client.scheduler_info(n_workers=-1)["workers"])  # type: ignore[union-attr]
        first = len(self._questions) % max(len(names), 1)
        return [*names[first:], *names[:first]] or [None]

    def _send(self, task: Task, args: list, priority: int, worker: str | None) -> None:
        wish = {"workers": [worker], "allow_other_workers": True} if worker else {}
        self._futures[task.key] = self._client.submit(  # type: ignore[union-attr]
            way(task), task.run, *args, key=task.key, priority=priority, pure=True, retries=0, **wish
        )

    def open(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._ready) or any(not question.finished for question in self._questions)

    def next(self, timeout: float) -> Update | None:
        """The next news, or None after `timeout` seconds.

        Raises:
            PoolLost: results under way were lost with the scheduler; ask again.
        """
        if not self._ready:
            self._wait(timeout)
        return self._ready.pop(0) if self._ready else None

    def _wait(self, timeout: float) -> None:
        with contextlib.suppress(queue.Empty):
            self._take(*self._news.get(timeout=timeout))
            self._heard = time.monotonic()
            while True:
                self._take(*self._news.get_nowait())
        if time.monotonic() - self._heard > SILENCE:
            self._heard = time.monotonic()
            self._check()
        if self._client is not None and self._client.status != "running" and self.open():
            raise PoolLost("The connection to the scheduler was lost.")

    def _check(self) -> None:
        """Whether the client follows every task waited for, and the scheduler knows it: distributed can lose one that
        is asked for at the moment when its last reader goes.

        Raises:
            PoolLost: one is missing for the second time; at first it may only be on its way.
        """
        waiting = [
            key
            for question in self._questions
            for key in question.tasks
            if not question.finished and key not in question.done
        ]
        if self._client is None or not waiting or self._client.status != "running":
            return
        missing = {key for key in waiting if key not in self._client.futures}
        missing |= set(self._client.run_on_scheduler(unknown, keys=waiting))
        if missing & self._missing:
            raise PoolLost("The scheduler lost work under way.")
        self._missing = missing

    def _take(self, question: _Question, key: str, future: Future) -> None:
        if question.tasks[key].passing and future.status == "finished":
            self._futures.pop(key, None)  # the states of a long training would fill the workers' memory
        if question.finished:
            return
        if future.status in ("cancelled", "lost"):
            raise PoolLost("The scheduler lost work under way.")
        question.done.add(key)
        level = next((n for n, task in enumerate(question.levels) if task.key == key), -1)
        result = _result(future) if level >= 0 or future.status == "error" else None
        self._report(question, level, result)

    def _report(self, question: _Question, level: int, result: Any) -> None:
        """Put the news of a question in line, in place of its older news that nobody has read."""
        older = next((update for update in self._ready if update.tag == question.tag), None)
        if older is not None:
            self._ready.remove(older)
            if result is None:
                level, result = older.level, older.result
        update = Update(question.tag, level, len(question.levels), result, *question.progress())
        question.finished = update.final
        if update.final:
            keep(question.spec, result, self._cache)
        self._ready.append(update)


def _result(future: Future) -> Any:
    """What a finished task gave; a worker that kept dying as a Failure.

    Raises:
        PoolLost: the result was lost before it could be fetched.
    """
    try:
        return future.result(timeout=PATIENCE)
    except KilledWorker:
        return Failure(
            "The worker computing this was lost three times, most likely for want of memory. "
            "Choose fewer patterns or a smaller network.",
            "worker lost",
        )
    except (OSError, TimeoutError) as error:
        raise PoolLost("A result was lost on its way from the scheduler.") from error
    except Exception as error:
        if type(error).__name__ in ("CancelledError", "FutureCancelledError", "FuturesCancelledError"):
            raise PoolLost("The scheduler lost work under way.") from error
        logging.getLogger(__name__).exception("task %s failed", future.key)
        return Failure(f"The computation failed: {type(error).__name__}. This is a fault in the program.", "fault")


def unknown(keys: list[str], dask_scheduler: Any = None) -> list[str]:
    """Those of some keys that the scheduler has no task for; runs there, and distributed names the argument."""
    return [key for key in keys if key not in dask_scheduler.tasks]


def _release(futures: list[Future]) -> None:
    for future in futures:
        future.release()
