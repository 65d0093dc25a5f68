"""LESSONS: guided ways through the atlas, read from app/lessons/*.toml, one lesson a file, and from a folder of the
reader's own, LOSSATLAS_LESSONS.

A step of a lesson is a state of the page with words beside it. Its address is short, `lesson=xor&page=2`: `expand` puts
the step's state in its place, unless the address holds options of its own, which are then the reader's.
"""

import logging
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state.facts import MEASURES
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, options_of, read_query, show

FOLDER = Path(__file__).resolve().parents[1] / "lessons"  # a package of data, see pyproject.toml
OWN = "LOSSATLAS_LESSONS"  # a folder of lessons beside those of the program
_LOOKS = options_of(View)
# Of an address, and no part of the question or of its look; those that a step's state may not hold.
BESIDE = {name for name, option in _LOOKS.items() if option.belongs in ("browser", "lesson")}
OWN_ONLY = {name for name in BESIDE if not _LOOKS[name].taught}
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_STEPS, MOST_CHOICES = 40, 8
LAST = 1000  # the order of a lesson that names none


class BadLesson(ValueError):
    """A lesson that cannot be shown; its message is one sentence that names the file and the place."""


@dataclass(frozen=True)
class Ask:
    """A prediction before the reveal; `answer` counts the choices from 0."""

    question: str
    choices: tuple[str, ...]
    answer: int
    why: str


@dataclass(frozen=True)
class Fact:
    """What must hold of one answer of a step: its measure lies in [low, high]. `value` and `within`, where the file
    gives them as `is` and `within`, are the middle and half the length of that interval.
    """

    panel: str
    column: int
    measure: str
    low: float
    high: float
    says: str
    value: float = math.nan
    within: float = math.nan

    def holds(self, measured: float) -> bool:
        """Whether a measured number is as expected; NaN never is."""
        return self.low <= measured <= self.high

    @property
    def expected(self) -> str:
        """The expectation in words."""
        if not math.isnan(self.value):
            return f"{digits(self.value)} ± {digits(self.within)}" if self.within else digits(self.value)
        if self.low == -math.inf:
            return f"at most {digits(self.high)}"
        if self.high == math.inf:
            return f"at least {digits(self.low)}"
        return f"{digits(self.low)} to {digits(self.high)}"


def digits(value: float) -> str:
    """A number as a fact shows it: enough of it to tell what was measured from what was expected."""
    return number(value, 6)


@dataclass(frozen=True)
class Step:
    """A state of the page and the words beside it; paragraphs of `text` and `notes` are parted by blank lines."""

    title: str
    text: str
    state: str
    look: str
    notes: str
    ask: Ask | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Lesson:
    """`name` is that of its file and stands in addresses."""

    name: str
    title: str
    about: str
    minutes: int
    order: int
    steps: tuple[Step, ...]


class _Table:
    """A table of a lesson's file, read key by key; `end` refuses what nobody has read."""

    def __init__(self, where: str, values: object):
        if not isinstance(values, dict):
            raise BadLesson(f"{where} must be a table of keys and values; got {show(values)}.")
        self.where, self._values, self._read = where, values, list[str]()

    def _take(self, name: str, needed: bool) -> Any:
        self._read.append(name)
        if needed and name not in self._values:
            raise BadLesson(f"{self.where} has no {name}, which every such table needs.")
        return self._values.get(name)

    def refuse(self, rule: str) -> BadLesson:
        return BadLesson(f"{self.where}: {rule}")

    def text(self, name: str, needed: bool = True) -> str:
        value = self._take(name, needed)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(f"{name} must be a text that is not empty; got {show(value)}.")
        return value.strip()

    def whole(self, name: str, low: int, high: int, usual: int | None = None) -> int:
        value = self._take(name, usual is None)
        if value is None and usual is not None:
            return usual
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.refuse(f"{name} must be a whole number from {low} to {high}; got {show(value)}.")
        return value

    def number(self, name: str) -> float:
        """NaN where the table does not give it."""
        value = self._take(name, False)
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(f"{name} must be a finite number; got {show(value)}.")
        return float(value)

    def named(self, name: str, table: Iterable[str]) -> str:
        value = self.text(name)
        if value not in table:
            raise self.refuse(f"there is no {name} called {show(value)}.{nearest(value, table)}")
        return value

    def texts(self, name: str, least: int, most: int) -> tuple[str, ...]:
        value = self._take(name, True)
        fits = isinstance(value, list) and least <= len(value) <= most
        if not fits or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.refuse(f"{name} must be a list of {least} to {most} texts; got {show(value)}.")
        return tuple(one.strip() for one in value)

    def tables(self, name: str, least: int, most: int) -> list["_Table"]:
        value = self._take(name, least > 0)
        value = [] if value is None else value
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.refuse(f"{name} must be {least} to {most} tables, each under [[{name}]]; got {show(value)}.")
        return [_Table(f"{self.where}, {name} {number}", one) for number, one in enumerate(value, 1)]

    def table(self, name: str) -> "_Table | None":
        value = self._take(name, False)
        return None if value is None else _Table(f"{self.where}, {name}", value)

    def end(self) -> None:
        for name in self._values:
            if name not in self._read:
                raise self.refuse(f"there is no key called {show(name)}.{nearest(name, self._read)}")


def read_lesson(name: str, content: str) -> Lesson:
    """A lesson from its file's content. Whether its states can be asked is `stream.lesson_answers.check`'s to say.

    Raises:
        BadLesson: what is wrong first, in one sentence.
    """
    if not NAME.fullmatch(name):
        raise BadLesson(f"{show(name)}.toml: a lesson's file is named with small letters, digits, - and _.")
    try:
        table = _Table(f"{name}.toml", tomllib.loads(content))
    except tomllib.TOMLDecodeError as error:
        raise BadLesson(f"{name}.toml is no TOML: {error}.") from error
    lesson = Lesson(
        name=name,
        title=table.text("title"),
        about=table.text("about"),
        minutes=table.whole("minutes", 1, 600),
        order=table.whole("order", 0, LAST, usual=LAST),
        steps=tuple(_step(one) for one in table.tables("steps", 1, MOST_STEPS)),
    )
    table.end()
    return lesson


def _step(table: _Table) -> Step:
    asked = table.table("ask")
    step = Step(
        title=table.text("title"),
        text=table.text("text"),
        state=_state(table),
        look=table.text("look"),
        notes=table.text("notes", needed=False),
        ask=_ask(asked) if asked else None,
        facts=tuple(_fact(one) for one in table.tables("facts", 0, 20)),
    )
    table.end()
    return step


def _state(table: _Table) -> str:
    """The step's query string; an empty one is the page's own state."""
    value = table._take("state", True)
    if not isinstance(value, str):
        raise table.refuse(f"state must be a text; got {show(value)}.")
    try:
        given = read_query(value)
    except BadSpec as reason:
        raise table.refuse(str(reason)) from reason
    if taken := sorted(given.keys() & OWN_ONLY):
        raise table.refuse(f"state may not hold {taken[0]}, which is the reader's own. Leave it out.")
    return value.strip().removeprefix("?")


def _ask(table: _Table) -> Ask:
    choices = table.texts("choices", 2, MOST_CHOICES)
    if len(set(choices)) < len(choices):
        raise table.refuse("choices must differ from one another.")
    ask = Ask(table.text("question"), choices, table.whole("answer", 0, len(choices) - 1), table.text("why"))
    table.end()
    return ask


def _fact(table: _Table) -> Fact:
    value, within = table.number("is"), table.number("within")
    low, high = table.number("low"), table.number("high")
    bounded = not (math.isnan(low) and math.isnan(high))
    if math.isnan(value) == (not bounded) or (math.isnan(value) and not math.isnan(within)):
        raise table.refuse("a fact says either `is`, with `within`, or `low` and `high`, or one of these two.")
    if within < 0:
        raise table.refuse(f"within must not be negative; got {within:g}.")
    if bounded:
        low, high = (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)
    else:
        within = 0.0 if math.isnan(within) else within
        low, high = value - within, value + within
    if low > high:
        raise table.refuse(f"low must not lie above high; got {low:g} and {high:g}.")
    fact = Fact(
        panel=table.named("panel", PANELS),
        column=table.whole("column", 0, 5, usual=0),
        measure=table.named("measure", MEASURES),
        low=low,
        high=high,
        says=table.text("says"),
        value=value,
        within=within,
    )
    table.end()
    return fact


def read_lessons(folder: Path) -> dict[str, Lesson]:
    """Every lesson of a folder by its name, in order.

    Raises:
        BadLesson: as `read_lesson`, of the first file that is wrong.
    """
    found = [read_lesson(file.stem, file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.toml"))]
    return {lesson.name: lesson for lesson in sorted(found, key=lambda lesson: (lesson.order, lesson.name))}


def _all(environment: Mapping[str, str]) -> dict[str, Lesson]:
    """Those of the program, then the reader's own; one's own that is wrong is left out, and the log says why."""
    found = read_lessons(FOLDER)
    if folder := environment.get(OWN, "").strip():
        for file in sorted(Path(folder).glob("*.toml")):
            try:
                own = read_lesson(file.stem, file.read_text(encoding="utf-8"))
            except (BadLesson, OSError, UnicodeDecodeError) as reason:
                logging.getLogger(__name__).warning("%s is left out: %s", file, reason)
                continue
            found[own.name] = own
    return found


LESSONS: dict[str, Lesson] = _all(os.environ)


def step_at(name: str, page: str) -> Step | None:
    """The step that an address names, pages counted from 1; None where there is none."""
    lesson = LESSONS.get(name)
    if lesson is None or not page.isascii() or not page.isdigit() or len(page) > 3:
        return None
    number = int(page)
    return lesson.steps[number - 1] if 1 <= number <= len(lesson.steps) else None


def expand(given: Mapping[str, str]) -> dict[str, str]:
    """The options of an address, with a step's state where the address names a step and nothing else of its own; an
    address of an unknown lesson or page stays as it is and so means the page's own state.
    """
    if "lesson" not in given or given.keys() - BESIDE:
        return dict(given)
    step = step_at(given["lesson"], given.get("page", "1"))
    return {**(read_query(step.state) if step else {}), **given}


def states() -> dict[str, list[str]]:
    """The states of every lesson's steps, by the lesson's name: the browser expands short addresses by them."""
    return {name: [step.state for step in lesson.steps] for name, lesson in LESSONS.items()}
