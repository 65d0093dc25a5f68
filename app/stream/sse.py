"""Server-sent events, and how many streams of them a process may hold."""

import contextlib
import json
import threading
import zlib
from collections.abc import Generator, Iterator
from typing import Any


def event(name: str, data: object) -> str:
    """One event.

    Raises:
        ValueError: a number that is not finite, which JSON does not know.
    """
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n"


def read_event(sent: str) -> tuple[str, Any]:
    """Name and data of what `event` wrote."""
    name, data = sent.removeprefix("event: ").rstrip("\n").split("\ndata: ", 1)
    return name, json.loads(data)


def gzipped(texts: Generator[str, None, None]) -> Iterator[bytes]:
    """The texts as one gzip file, each sent as it comes: a page of clouds has megabytes, a lecture hall one network."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: with gzip's header
    with contextlib.closing(texts):
        for text in texts:
            yield packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


class Places:
    """How many streams may be open at a time: fewer than threads, so that pages and health checks find one free."""

    def __init__(self, most: int):
        self.most = most
        self.free = threading.BoundedSemaphore(most)
