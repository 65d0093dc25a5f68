"""One server-sent-events stream a page: from the page's state to finished figures, coarse ones first.

    plan      the columns, the sentence on top, the cost          once
    panel     state, text, caption, warnings and figure of one panel
    numbers   the five numbers at a column's head
    table     the comparison table's rows
    bar       the colour bar that the columns share
    twin      what the linear picture has otherwise than the logarithmic one that was sent, or the other way round
    refused   one sentence: the question cannot be asked          ends the stream
    busy      too many readers just now                           ends the stream
    done      every panel is finished                             ends the stream

A stream that ends without `refused`, `busy` or `done` was cut off: the browser asks again by itself.
"""

from collections.abc import Generator, Iterator

from lossatlas.app.state.page import read_state
from lossatlas.app.stream import alive
from lossatlas.app.stream.memo import REMEMBERED, Pages
from lossatlas.app.stream.page import Page
from lossatlas.app.stream.sse import Event, Places, encoded
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.pool import Pool, PoolLost
from lossatlas.compute.service.watch import Watch
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings

_places = Places(48)
_pages = Pages(REMEMBERED)


def allow_streams(most: int) -> None:
    """Set how many streams this process may hold; before the first one."""
    global _places
    _places = Places(most)


def stream(query: str, pool: Pool, cache: Cache | None, settings: Settings) -> Generator[str, None, None]:
    """The events of a page whose state is `query`, as they are sent."""
    yield "retry: 500\n\n"
    places = _places
    if not places.free.acquire(blocking=False):
        sentence = f"{places.most} readers are being served; yours is next. Trying again soon."
        yield encoded(Event("busy", {"sentence": sentence}))
        return
    try:
        yield from _sent(query, pool, cache, settings)
    except BadSpec as reason:
        yield encoded(Event("refused", {"sentence": str(reason)}))
    except PoolLost:
        return
    finally:
        places.free.release()


def _sent(query: str, pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[str]:
    page = Page(read_state(query))
    asked = (query, cache.folder if cache else None, settings)
    yield from _pages.serve(asked, lambda: map(encoded, made(page, pool, cache, settings)), page.stored, page.whole)


def made(page: Page, pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[Event | None]:
    """The events of a page from `plan` to `done`; None where there was no news for a while.

    Raises:
        BadSpec: as `Page.plan`.
        PoolLost: no scheduler.
    """
    yield page.plan(settings)
    with Watch(pool, cache) as watch:
        yield from page.ask(watch)
        yield from page.news(watch)
    if alive.ALIVE():
        yield from page.twins()
        yield Event("done", {})
