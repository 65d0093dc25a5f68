"""Server-sent events: as values, as the text that is sent, and how many streams of them a process may hold."""

import contextlib
import json
import threading
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """News for a browser: `data` is what JSON holds; `figure_json` one more entry of it, `figure`, as text already."""

    name: str
    data: Any
    figure_json: str = ""


def encoded(news: Event | None) -> str:
    """What is sent: an event, or a comment where there is none, by which a closed page is noticed.

    Raises:
        ValueError: a number that is not finite, which JSON does not know.
    """
    if news is None:
        return ": beat\n\n"
    data = json.dumps(news.data, allow_nan=False)
    if news.figure_json:
        data = f'{data[:-1]}, "figure": {news.figure_json}}}'
    return f"event: {news.name}\ndata: {data}\n\n"


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
