"""How a task runs, wherever it does: on one thread, and with a reason why there is no result as its result."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import CannotAnswer, Task

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


def way(task: Task) -> Callable:
    """How a task is run: as `guarded` or `attempted`."""
    return attempted if task.gaps else guarded
