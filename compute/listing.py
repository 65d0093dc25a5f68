"""What a cache holds, as questions: each read once from the first bytes of its answer, and remembered by its key."""

import threading
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from compute.analyses import ANALYSES, key_for
from compute.cache import Cache, is_key
from compute.options import flat
from compute.results import Damaged, spec_at, unpack

HEAD = 32_000  # bytes in which the spec stands: four a letter, of about 900
AT_ONCE = 200  # answers looked into between two looks at whether to go on
LONGEST = 5_000  # of the newest answers that are listed (chosen by eye)


@dataclass(frozen=True)
class Entry:
    """A stored answer's question; `when` it was stored, in seconds since 1970. Answers to one question but for the
    activation have equal `rest`s.
    """

    key: str
    spec: Any
    rest: tuple
    when: float

    @property
    def analysis(self) -> str:
        return _analysis(self.key)


class Listing:
    """The questions whose answers are stored and would be found by asking: none of an older version of an analysis, and
    none whose spec is not what its key says.
    """

    def __init__(self, cache: Cache):
        self.cache = cache
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Any, tuple] | None] = {}  # spec and rest; None: no answer that can be asked for

    def entries(self, analyses: Container[str] = ANALYSES) -> list[Entry]:
        """The newest LONGEST answers to these analyses, newest first."""
        kept = [one for one in self.cache.kept() if _analysis(one.key) in analyses][:LONGEST]
        self._read([one.key for one in kept])
        with self._lock:
            known = {one.key: self._known.get(one.key) for one in kept}
        return [Entry(one.key, *found, one.when) for one in kept if (found := known[one.key]) is not None]

    def spec(self, key: str):
        """The question of a stored answer; None where there is no such answer."""
        if not is_key(key) or _analysis(key) not in ANALYSES:
            return None
        self._read([key])
        with self._lock:
            found = self._known.get(key)
        return found[0] if found else None

    def answer(self, key: str):
        """The stored answer; None where there is none. Not a use."""
        if self.spec(key) is None or (data := self.cache.peek(key)) is None:
            return None
        try:
            return unpack(ANALYSES[_analysis(key)].result, data)
        except Damaged:
            return None

    def _read(self, keys: list[str]) -> None:
        with self._lock:
            if len(self._known) > 4 * LONGEST:
                self._known.clear()
            unknown = [key for key in keys if key not in self._known]
        for begin in range(0, len(unknown), AT_ONCE):
            heads = self.cache.heads(unknown[begin : begin + AT_ONCE], HEAD)
            read = {key: _question(key, head) for key, head in heads.items()}
            with self._lock:
                self._known |= read


def _analysis(key: str) -> str:
    return key.partition("-")[0]


def _question(key: str, head: bytes) -> tuple[Any, tuple] | None:
    """The spec, if its key says that it is the one asked for, and what of it is not the activation; else None."""
    try:
        spec = spec_at(ANALYSES[_analysis(key)].spec, head)
    except Damaged:
        return None
    rest = tuple(value for name, value in flat(spec).items() if name != "activation")
    return (spec, (_analysis(key), *rest)) if key_for(spec) == key else None
