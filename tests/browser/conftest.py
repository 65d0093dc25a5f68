"""A Chromium for each file of tests, and a visitor who must meet no script error and no other host."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.driver import Reader, browser, reader


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with browser(chromium_path) as found:
        yield found


@pytest.fixture(scope="module")
def known(chromium: Browser) -> BrowserContext:
    """One that keeps the page's scripts from test to test: without them a page takes a second longer."""
    return chromium.new_context()


def forget(one: Reader) -> None:
    """What an earlier reader of this context chose to keep: theme, type size, rooms."""
    kept = {"origin": one.address, "storageTypes": "local_storage"}
    one.page.context.new_cdp_session(one.page).send("Storage.clearDataForOrigin", kept)


@pytest.fixture
def visitor(known: BrowserContext, atlas: str) -> Iterator[Reader]:
    one = reader(known, atlas)
    forget(one)
    yield one
    one.page.close()
    assert not one.errors
    assert {url.split("/")[2] for url in one.requests if url.startswith("http")} == {atlas.split("/")[2]}
