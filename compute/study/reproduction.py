"""The study's experiment from end to end: every setting asked in parts, each stored, and a row kept of each.

What is done is not computed again: a row is read from the cache, and of a row that is not there yet, its parts.
"""

import contextlib
import functools
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossatlas.compute.analyses.clouds import Cloud, CloudResult, merge, parts
from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import seconds_of
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.stored import look_up
from lossatlas.compute.service.watch import Watch
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.results import Damaged, Failure, pack, unpack
from lossatlas.compute.study.design import VERSIONS, Row, place, row_of, split

AHEAD = 3  # parts under way on a pool
TICK = 0.1  # seconds
PART = 20.0  # estimated seconds on one core of a part
SURE = 5.0  # seconds of work after which the time left is told


class Stopped(Exception):
    """A part has no answer; its message is one sentence fit for a reader."""


@dataclass
class Progress:
    """How far the experiment is. `seconds` estimated of each setting, `done` of them, on one core.

    Estimates are off by a factor that is much the same within a data set: the one measured there corrects the rest.
    """

    seconds: dict[Cloud, float]
    done: dict[Cloud, float] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)  # by data set: wall clock, and what was estimated
    what: str = ""  # came last

    @property
    def share(self) -> float:
        """Of the estimated work, in [0, 1]."""
        return sum(self.done.values()) / max(sum(self.seconds.values()), 1e-9)

    @property
    def left(self) -> float:
        """Seconds of wall clock to come; NaN while unknown."""
        clock, guess = (sum(one[n] for one in self.took.values()) for n in (0, 1))
        if clock < SURE:
            return math.nan
        return sum(
            (seconds - self.done.get(spec, 0.0)) * self._pace(spec, clock / guess)
            for spec, seconds in self.seconds.items()
        )

    def _pace(self, spec: Cloud, otherwise: float) -> float:
        clock, guess = self.took.get(spec.problem.dataset, (0.0, 0.0))
        return clock / guess if clock > SURE else otherwise

    def note(self, spec: Cloud, clock: float, guess: float) -> None:
        """That so many seconds have passed on what was estimated to take so many."""
        self.what = f"{spec.problem.dataset} {place(spec)} {spec.problem.activation}"
        self.done[spec] = self.done.get(spec, 0.0) + guess
        mine = self.took.setdefault(spec.problem.dataset, [0.0, 0.0])
        mine[0] += clock
        mine[1] += guess


@dataclass
class _Setting:
    """A setting in work: its parts, the answers so far, and the wall clock that they took."""

    spec: Cloud
    answers: dict[int, CloudResult]
    parts: list[Cloud]
    seconds: float = 0.0
    stored: int = 0


def carry_out(
    specs: Sequence[Cloud], cache: Cache | None, pool: Pool | None, tell: Callable[[Progress], None]
) -> Iterator[Row]:
    """A row of each question as soon as it is there; stored ones first.

    Raises:
        Stopped: a part has no answer. PoolLost: the scheduler went away. What is done by then is stored.
    """
    missing = []
    for spec in specs:
        if (row := stored_row(spec, cache)) is not None:
            yield row
        else:
            missing.append(_Setting(spec, {}, [part for one in split(spec) for part in parts(one, PART)]))
    progress = Progress({one.spec: _estimated(one.parts) for one in missing})
    queue = [(one, n, part) for one in missing for n, part in enumerate(one.parts)]
    asked = [part for _, _, part in queue]
    began = time.monotonic()
    tell(progress)
    for number, answer, from_cache in answers(asked, cache, pool):
        one, n, part = queue[number]
        if isinstance(answer, Failure):
            raise Stopped(answer.sentence)
        now = time.monotonic()
        one.answers[n], one.stored = answer, one.stored + from_cache
        one.seconds += now - began
        progress.note(one.spec, now - began, _estimated([part]))
        began = now
        tell(progress)
        if len(one.answers) == len(one.parts):
            yield _finished(one, cache)


def _estimated(some: Sequence[Cloud]) -> float:
    return sum(_seconds(part) for part in some)


@functools.lru_cache(maxsize=4096)
def _seconds(part: Cloud) -> float:
    return seconds_of(levels_of(part))


def _finished(one: _Setting, cache: Cache | None) -> Row:
    ordered = [one.answers[n] for n in range(len(one.parts))]
    one.answers = {}
    row = row_of(merge(one.spec, *ordered), one.seconds, len(ordered), one.stored)
    if cache:
        cache.put(_key(one.spec), pack(row))
    return row


def _key(spec: Cloud) -> str:
    return key_of("row", VERSIONS, spec)


def stored_row(spec: Cloud, cache: Cache | None) -> Row | None:
    """The row of a question as the cache has it, or None."""
    data = cache.get(_key(spec)) if cache else None
    with contextlib.suppress(Damaged):
        return unpack(Row, data) if data is not None else None
    return None


def answers(specs: Sequence[Cloud], cache: Cache | None, pool: Pool | None) -> Iterator[tuple[int, Any, bool]]:
    """(number, answer, whether it was stored) of each question as it comes: AHEAD at a time on a pool, or one here."""
    if pool is None:
        for number, spec in enumerate(specs):
            known = look_up(spec, cache)
            yield number, known if known is not None else ask(spec, cache=cache), known is not None
        return
    waiting, open_ = deque(enumerate(specs)), dict[int, Watch]()
    with contextlib.ExitStack() as all_:
        while waiting or open_:
            while waiting and len(open_) < AHEAD:
                number, spec = waiting.popleft()
                open_[number] = all_.enter_context(Watch(pool, cache))
                open_[number].add(number, spec, rank=number)
            for number, watch in list(open_.items()):
                update = watch.next(TICK)
                if update is not None and update.final:
                    open_.pop(number).__exit__()
                    yield number, update.result, update.cached
