"""The page that a first visitor opens, computed while the server starts."""

import threading
import time

from lossatlas.app.stream.serving import stream
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.spec.settings import Settings

FIRST_PAGE = ""  # as its address asks for it
LONGEST = 30.0  # seconds for which the address is not told; a reader may wait in front of what comes
ENDED = "event: done"

ready = threading.Event()  # whether the first page is there, or has had its time


def prepare(pool: Pool, cache: Cache, settings: Settings) -> None:
    """Ask for the first page in the background: answers go to the cache, and this process keeps what it sends."""
    threading.Thread(target=_prepare, args=(pool, cache, settings), daemon=True).start()
    late = threading.Timer(LONGEST, ready.set)
    late.daemon = True
    late.start()


def _prepare(pool: Pool, cache: Cache, settings: Settings) -> None:
    end = time.monotonic() + LONGEST
    while not _asked(pool, cache, settings) and time.monotonic() < end:
        time.sleep(0.5)  # the compute host is on its way
    _asked(pool, cache, settings)  # once more: what comes whole from the cache is kept as it was sent
    ready.set()


def _asked(pool: Pool, cache: Cache, settings: Settings) -> bool:
    """Whether the page came to its end."""
    return any(part.startswith(ENDED) or f"\n{ENDED}" in part for part in stream(FIRST_PAGE, pool, cache, settings))
