"""A Chromium for each file of tests, and a visitor who must meet no script error and no other host."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.driver import Reader, browser, reader


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with browser(chromium_path) as found:
        yield found


@pytest.fixture
def visitor(chromium: Browser, atlas: str) -> Iterator[Reader]:
    one = reader(chromium, atlas)
    yield one
    one.page.context.close()
    assert not one.errors
    assert {url.split("/")[2] for url in one.requests if url.startswith("http")} == {atlas.split("/")[2]}
