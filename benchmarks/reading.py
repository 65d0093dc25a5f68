"""A reader in Chromium of an atlas with an empty cache: for the benchmarks that look at the page."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.serving import atlas
from tests.browser.driver import Reader, browser, reader
from tests.conftest import find_chromium

PATIENCE = 300_000  # ms


@contextmanager
def reading(width: int = 1280, height: int = 720) -> Iterator[Reader]:
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium found; install one or name it in CHROME_PATH.")
    with atlas() as (address, _), browser(path) as chromium:
        one = reader(chromium, address, width, height)
        one.page.set_default_timeout(PATIENCE)
        yield one
