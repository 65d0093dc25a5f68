"""The answers behind a lesson's steps: whether a step can be asked, what of it is stored, its facts, and computing all
ahead of an audience. Every question is made by the page itself, so that it has the key that the page asks for.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from lossatlas.app.state.facts import MEASURES
from lossatlas.app.state.lesson import BadLesson, Lesson, Step, digits
from lossatlas.app.state.page import PageState, read_state
from lossatlas.app.stream.asking import Asking, Source
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.plan import plan
from lossatlas.compute.analyses.table import levels_of
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import seconds_of
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.stored import look_up
from lossatlas.compute.service.watch import Update, Watch
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import LASTING, Failure
from lossatlas.compute.spec.settings import Settings

AHEAD = 2  # steps under way on a pool: the first ones of the second fill the workers that the first leaves free
TICK = 0.1  # seconds
SURE = 5.0  # seconds of work after which the time left is told


@dataclass
class AtOnce:
    """What the cache answers when it is asked, and what this process computes then, if it `computes`."""

    cache: Cache | None
    computes: bool = False
    _ready: list[Update] = field(default_factory=list)

    def add(self, tag: Any, spec: Any, rank: int = 0) -> None:
        known = look_up(spec, self.cache)
        result = ask(spec, cache=self.cache) if known is None and self.computes else known
        if result is not None:
            self._ready.append(Update(tag, 0, 1, result, 1.0, 0, 0.0, 0.0, cached=known is not None))

    def open(self) -> bool:
        return bool(self._ready)

    def next(self, timeout: float) -> Update | None:
        return self._ready.pop(0) if self._ready else None


def _begun(state: PageState, source: Source, settings: Settings) -> Asking:
    """A page that has asked its first questions.

    Raises:
        BadSpec: the state cannot be asked, or takes too much.
    """
    _, refused = plan(state, settings)
    asking = Asking(Pictures(state), refused)
    asking.begin(source)
    return asking


def stored(state: PageState, cache: Cache | None, settings: Settings) -> Pictures:
    """Every answer of a page that the cache holds.

    Raises:
        BadSpec: as the stream refuses.
    """
    source = AtOnce(cache)
    asking = _begun(state, source, settings)
    while (update := source.next(0)) is not None:
        asking.take(update, source)
    return asking.pictures


def check(lesson: Lesson) -> None:
    """That every step's state can be asked, and shows what its facts speak of.

    Raises:
        BadLesson: the first that does not, in one sentence.
    """
    for number, step in enumerate(lesson.steps, 1):
        where = f"{lesson.name}.toml, steps {number}"
        try:
            state = read_state(step.state)
        except BadSpec as reason:
            raise BadLesson(f"{where}: the state cannot be asked. {reason}") from reason
        for fact in step.facts:
            if fact.panel not in state.panels:
                raise BadLesson(
                    f"{where}: a fact speaks of {fact.panel}, which is not among the panels of its place: "
                    f"{', '.join(state.panels)}."
                )
            if fact.column >= columns(state):
                raise BadLesson(f"{where}: a fact speaks of column {fact.column}; there are {columns(state)}, from 0.")


def columns(state: PageState) -> int:
    """How many networks stand side by side."""
    return len(state.columns)


def facts(step: Step, cache: Cache | None, settings: Settings) -> list[dict]:
    """Each fact of a step as the page shows it: what is expected and what the cache's answers give; `here` is empty
    while there is no answer.

    Raises:
        BadSpec: the step's state cannot be asked.
    """
    answers = stored(read_state(step.state), cache, settings).answers if step.facts else {}
    found = []
    for fact in step.facts:
        answer = answers.get((fact.column, fact.panel))
        measured = MEASURES[fact.measure](answer) if answer is not None else None
        found.append(
            {
                "says": fact.says,
                "expected": fact.expected,
                "here": "" if measured is None else digits(measured),
                "holds": measured is not None and fact.holds(measured),
            }
        )
    return found


# ---------------------------------------------------------------------------------------------- ahead of an audience


@dataclass
class Progress:
    """How far the computing of some steps is: estimated seconds on one core of each panel that is not stored yet."""

    seconds: dict[tuple, float]
    done: float = 0.0
    what: str = ""  # the step in work
    began: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        """Of the estimated work, in [0, 1]."""
        total = sum(self.seconds.values())
        return min(self.done / total, 1.0) if total else 1.0

    @property
    def left(self) -> float:
        """Seconds of wall clock to come; NaN while unknown."""
        spent = time.monotonic() - self.began
        return spent * (1 - self.share) / self.share if spent > SURE and self.share > 0 else float("nan")

    def note(self, *panel: object) -> None:
        """That a panel of a step has its answer."""
        self.done += self.seconds.get(panel, 0.0)


@dataclass
class Survey:
    """What is to be computed: the state of each step, by its lesson's name and its number from 1, and the progress."""

    states: dict[tuple[str, int], PageState]
    progress: Progress

    @property
    def waiting(self) -> list[tuple[str, int]]:
        """The steps of which something is missing."""
        return [place for place in self.states if any(panel[0] == place for panel in self.progress.seconds)]


def survey(lessons: Sequence[Lesson], cache: Cache, settings: Settings) -> Survey:
    """What the cache cannot answer of some lessons.

    Raises:
        BadSpec: a step cannot be asked.
    """
    states = {(lesson.name, n): read_state(step.state) for lesson in lessons for n, step in enumerate(lesson.steps, 1)}
    missing = {
        (place, *panel): seconds
        for place, state in states.items()
        for panel, seconds in _missing(state, cache, settings).items()
    }
    return Survey(states, Progress(missing))


@dataclass
class _Work:
    """A step in work: `place` is its lesson's name and its number, from 1."""

    place: tuple[str, int]
    asking: Asking
    source: Source
    held: ExitStack  # closed, it lets the workers forget the answers


def warm(
    found: Survey, cache: Cache, pool: Pool | None, settings: Settings, tell: Callable[[Progress], None]
) -> Iterator[str]:
    """Compute and store every answer that is missing; yields a sentence for each panel that should have one and has
    none.

    Raises:
        PoolLost: the scheduler went away. What is done by then is stored.
    """
    waiting, progress = found.waiting, found.progress
    tell(progress)
    with ExitStack() as all_:
        open_: list[_Work] = []
        while waiting or open_:
            while waiting and len(open_) < (AHEAD if pool else 1):
                place = waiting.pop(0)
                held = all_.enter_context(ExitStack())
                source: Source = held.enter_context(Watch(pool, cache)) if pool else AtOnce(cache, computes=True)
                open_.append(_Work(place, _begun(found.states[place], source, settings), source, held))
            for work in list(open_):
                yield from _go_on(work, progress, tell)
                if not work.source.open():
                    open_.remove(work)
                    work.held.close()


def _missing(state: PageState, cache: Cache, settings: Settings) -> dict[tuple[int, str], float]:
    """The panels of a page that the cache cannot fill, and how long each takes."""
    known = stored(state, cache, settings)
    asked = [(column, name) for name in state.panels for column in range(columns(state))]
    return {
        (column, name): seconds_of(levels_of(state.question(name, state.columns[column])))
        for column, name in asked
        if (column, name) not in known.ended
    }


def _go_on(work: _Work, progress: Progress, tell: Callable[[Progress], None]) -> Iterator[str]:
    """The next news of a step."""
    update = work.source.next(TICK)
    if update is None:
        return
    work.asking.take(update, work.source)
    if update.final:
        progress.what = f"{work.place[0]}, step {work.place[1]}"
        progress.note(work.place, *update.tag)
        tell(progress)
        if isinstance(update.result, Failure) and update.result.kind not in LASTING:
            yield f"{progress.what}, {update.tag[1]} of column {update.tag[0] + 1}: {update.result.sentence}"
