"""One door: `ask(spec)` gives the answer from the cache, from a pool of workers, or by computing it here.

    ask(spec)                 here, in this process
    ask(spec, pool=Pool(...)) on the pool; equal questions of any number of callers are computed once
    Watch(pool)               what a page uses: several questions at once, every level as it comes

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
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from distributed import Client, Future
from distributed.scheduler import KilledWorker
from threadpoolctl import ThreadpoolController

from lossatlas.compute.analyses.table import ANALYSES, canonical, key_for, levels_of, name_of
from lossatlas.compute.analyses.table import question as question  # beside `ask`, for three lines in a notebook
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import duration
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import LASTING, Damaged, Failure, pack, unpack
from lossatlas.compute.spec.tasks import CannotAnswer, Task

LEASE = 2.0  # seconds that a closed watch keeps its work wanted, so that a reload finds it still running
PATIENCE = 20.0  # seconds to wait for a scheduler that does not answer
RANK = 1000  # priorities between two ranks: more than the decades of cost within one
SURE = 0.1  # share of the work done from which the time left is told
SILENCE = 10.0  # seconds without news after which a watch asks whether its work is still known
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class _Threads:
    """How many tasks run in this process, and what the thread numbers were before the first."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 0
        self._blas = ThreadpoolController()
        self._limit = contextlib.ExitStack()

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = torch.get_num_threads()
                torch.set_num_threads(1)
                self._limit.enter_context(self._blas.limit(limits=1, user_api="blas"))

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.close()
                torch.set_num_threads(self._before)


_threads = _Threads()


class PoolLost(ConnectionError):
    """The scheduler or the results it held are gone; asking again may succeed."""


# ---------------------------------------------------------------------------------------------- running a task


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch and numpy on one thread: equal bits wherever a task runs, and one busy core a worker.

    The settings are the process's own, so that overlapping tasks share them: the first sets, the last restores.
    """
    _threads.enter()
    try:
        yield
    finally:
        _threads.leave()


def guarded(run: Callable, *args: Any) -> Any:
    """The result of run(*args); a reason why there is none as a Failure; a Failure among the arguments as it is."""
    for value in args:
        if isinstance(value, Failure):
            return value
    return attempted(run, *args)


def attempted(run: Callable, *args: Any) -> Any:
    """The result of run(*args), or a reason why there is none as a Failure; a Failure among the arguments is one."""
    try:
        with one_thread():
            return run(*args)
    except CannotAnswer as reason:
        return Failure(reason.sentence, reason.kind)
    except BadSpec as reason:
        return Failure(str(reason), "bad question")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        return Failure("There was not enough memory for this. Choose fewer patterns or a smaller network.", "memory")


def _way(task: Task) -> Callable:
    return attempted if task.gaps else guarded


# ---------------------------------------------------------------------------------------------- the door


def ask(spec, *, pool: "Pool | None" = None, cache: Cache | None = None, progress=None, patience: float = math.inf):
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


_reasons: dict[str, Failure] = {}  # by key: why some questions have no answer, as far as this process has heard
MOST_REASONS = 10_000


def look_up(spec, cache: Cache | None):
    """The stored answer, or the reason why there cannot be one, or None; a torn or foreign one is None."""
    data = cache.get(key := key_for(spec)) if cache else None
    if data is None:
        return _reasons.get(key) if cache else None
    with contextlib.suppress(Damaged):
        return unpack(ANALYSES[name_of(spec)].result, data)
    return None


def keep(spec, answer, cache: Cache | None) -> None:
    """Store an answer. A Failure is not one; that there cannot be one is remembered in this process."""
    if not cache:
        return
    if not isinstance(answer, Failure):
        cache.put(key_for(spec), pack(answer))
    elif answer.kind in LASTING and len(_reasons) < MOST_REASONS:
        _reasons[key_for(spec)] = answer


def _ask_here(spec, cache: Cache | None, progress):
    levels = levels_of(spec)
    results: dict[str, Any] = {}
    tasks = _unanswered(levels, results, cache)
    readers = Counter(needed.key for task in tasks for needed in task.needs())
    total, done = sum(task.seconds for task in tasks) or 1.0, 0.0
    for task in tasks:
        args = [results[part.key] if isinstance(part, Task) else part for part in task.args]
        results[task.key] = _way(task)(task.run, *args)
        for needed in task.needs():
            readers[needed.key] -= 1
            if not readers[needed.key]:
                del results[needed.key]  # the states of a long training would fill the memory
        done += task.seconds
        if progress:
            progress(min(done / total, 1.0))
    return results[levels[-1].key]


def _unanswered(
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


def _ask_pool(spec, pool: "Pool", cache: Cache | None, progress, patience: float):
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


# ---------------------------------------------------------------------------------------------- the pool


class Pool:
    """A connection to a dask scheduler, opened when first used and again after the scheduler was lost."""

    def __init__(self, address: str):
        self.address = address
        self._lock = threading.Lock()
        self._client: Client | None = None

    def client(self) -> Client:
        """The connected client.

        Raises:
            PoolLost: no scheduler answers at the address within PATIENCE seconds.
        """
        with self._lock:
            if self._client is None or self._client.status not in ("running", "connecting"):
                self._client = _connect(self.address)
            return self._client

    def workers(self) -> int:
        """How many workers the scheduler has now."""
        return len(self.client().scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close(timeout=2)
                self._client = None


def _connect(address: str) -> Client:
    logging.getLogger("distributed").setLevel(logging.ERROR)  # a lost scheduler is told in our own words
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False, name="lossatlas")
    except (OSError, TimeoutError, ValueError) as error:
        raise PoolLost(f"No dask scheduler answers at {address}. Start one, or leave --scheduler out.") from error


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

    def add(self, tag: Any, spec, rank: int = 0) -> None:
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
        tasks = {task.key: task for task in _unanswered(levels, stored_parts, self._cache, self._futures)}
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
            _way(task), task.run, *args, key=task.key, priority=priority, pure=True, retries=0, **wish
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
