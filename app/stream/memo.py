"""Texts kept in a process: figures drawn lately, and pages that came whole from the cache, as they were sent."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator

REMEMBERED = 64_000_000  # characters of a kind that a process keeps; a figure has about 40,000
PATIENCE = 1.5  # seconds to wait for another reader's equal page before making it oneself


class Texts:
    """Texts by key, the least recently used dropped beyond `most` characters; for many threads at once."""

    def __init__(self, most: int):
        self._most, self._size, self._lock = most, 0, threading.Lock()
        self._kept: OrderedDict[Hashable, str] = OrderedDict()

    def get(self, key: Hashable) -> str | None:
        """The text put under this key, or None. Counts as a use."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, text: str) -> None:
        """Keep this text."""
        with self._lock:
            self._size += len(text) - len(self._kept.pop(key, ""))
            self._kept[key] = text
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1])


class Pages:
    """The texts of pages by question: a lecture hall asks for one page many times at once."""

    def __init__(self, most: int):
        self.texts = Texts(most)
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, threading.Event] = {}

    def serve(
        self, key: Hashable, make: Callable[[], Iterator[str]], stored: Callable[[], bool], whole: Callable[[], bool]
    ) -> Iterator[str]:
        """The parts of a page as `make` gives them, or one kept text of all. Others wait while everything so far was
        `stored`, so that not all of a lecture hall make it at once; kept if it is `whole` at the end.
        """
        mine = threading.Event()
        self._await_turn(key, mine)
        try:
            if (kept := self.texts.get(key)) is not None:
                yield kept
                return
            sent = []
            for part in make():
                if stored():
                    sent.append(part)
                else:
                    sent.clear()  # what was computed is not kept
                    mine.set()
                yield part
            if whole():
                self.texts.put(key, "".join(sent))
        finally:
            with self._lock:
                if self._under_way.get(key) is mine:
                    del self._under_way[key]
            mine.set()

    def _await_turn(self, key: Hashable, mine: threading.Event) -> None:
        """Until the page is kept, or must be computed, or this reader is the one who makes it. One takes over from
        another whose page is not there after PATIENCE seconds: that one's browser may have stopped reading.
        """
        other = None
        while True:
            with self._lock:
                now = self._under_way.get(key)
                if now is None or now is other:
                    self._under_way[key] = mine
                    return
            other = now
            if other.wait(PATIENCE):
                return
