"""What a cache holds, as questions: each read once from the first bytes of its answer, and remembered."""

import threading
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from lossatlas.compute.analyses.table import ANALYSES, key_for
from lossatlas.compute.service.cache import Cache, Kept, is_key
from lossatlas.compute.spec.options import flat
from lossatlas.compute.spec.results import Damaged, spec_at, unpack

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
        # Spec and rest; None: no answer that can be asked for. An answer computed anew is another one by its time.
        self._known: dict[Kept, tuple[Any, tuple] | None] = {}

    def entries(self, analyses: Container[str] = ANALYSES) -> list[Entry]:
        """The newest LONGEST answers to these analyses, newest first."""
        kept = [one for one in self.cache.kept() if _analysis(one.key) in analyses][:LONGEST]
        self._read(kept)
        with self._lock:
            known = [(one, self._known.get(one)) for one in kept]
        return [Entry(one.key, *found, one.when) for one, found in known if found is not None]

    def spec(self, key: str) -> Any:
        """The question of a stored answer; None where there is no such answer."""
        if not is_key(key) or _analysis(key) not in ANALYSES:
            return None
        head = self.cache.heads([key], HEAD).get(key)
        found = _question(key, head) if head is not None else None
        return found[0] if found else None

    def answer(self, key: str) -> Any:
        """The stored answer; None where there is none. Not a use."""
        if self.spec(key) is None or (data := self.cache.peek(key)) is None:
            return None
        try:
            return unpack(ANALYSES[_analysis(key)].result, data)
        except Damaged:
            return None

    def _read(self, kept: list[Kept]) -> None:
        with self._lock:
            if len(self._known) > 4 * LONGEST:
                self._known.clear()
            unknown = [one for one in kept if one not in self._known]
        for begin in range(0, len(unknown), AT_ONCE):
            some = unknown[begin : begin + AT_ONCE]
            heads = self.cache.heads([one.key for one in some], HEAD)
            read = {one: _question(one.key, heads[one.key]) for one in some if one.key in heads}
            with self._lock:
                self._known |= read


def _analysis(key: str) -> str:
    return key.partition("-")[0]


def _question(key: str, head: bytes) -> tuple[Any, tuple] | None:
    """The spec, if its key says that it is the one asked for, and what of it is not the activation; else None."""
    try:
        spec: Any = spec_at(ANALYSES[_analysis(key)].spec, head)
    except Damaged:
        return None
    rest = tuple(value for name, value in flat(spec).items() if name != "activation")
    return (spec, (_analysis(key), *rest)) if key_for(spec) == key else None
