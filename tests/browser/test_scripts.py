"""Scripts in a real browser: what they put on the window, and how they are fetched."""

import pytest
from playwright.sync_api import Browser, Page

from lossatlas.app.look.columns import DEFAULT_ACTIVATIONS
from lossatlas.app.panels import panels_of
from tests.browser.driver import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUICK = "dataset=xor&widths=2&steps=20&points=9&line_points=9&activation=tanh&mode=contour"
NAMES = "Object.getOwnPropertyNames(window)"


def finished(page: Page, address: str) -> Page:
    """The atlas without anything that tests put into it, once its pictures are there."""
    page.goto(f"{address}/?{QUICK}")
    page.wait_for_function("document.documentElement.dataset.phase === 'done'", timeout=PATIENCE)
    page.wait_for_function("document.querySelector('#plot-0-slice')?._fullData", timeout=PATIENCE)
    return page


def test_nothing_is_put_on_the_window_but_what_dash_calls(chromium: Browser, atlas: str):
    context = chromium.new_context()
    bare = context.new_page()
    bare.route("**/assets/**", lambda route: route.abort())
    bare.goto(f"{atlas}/?{QUICK}")
    held = bare.evaluate(
        "[...document.getElementById('dash').content.querySelectorAll('script[src]')].map((s) => s.src)"
    )
    for address in ["/plotly.min.js", *held]:
        bare.add_script_tag(url=address)  # which bring names of their own
    bare.evaluate("window.renderer = new DashRenderer()")
    bare.wait_for_function("window.dash_clientside?.set_props && window.Plotly")
    whole = finished(context.new_page(), atlas)
    whole.wait_for_selector("#option-seed")
    assert set(whole.evaluate(NAMES)) - set(bare.evaluate(NAMES)) == set()
    assert whole.evaluate("Object.keys(window.dash_clientside.lossatlas)") == ["sync"]
    context.close()


def test_every_module_is_fetched_once_by_its_fingerprint_and_kept(chromium: Browser, atlas: str):
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if ".mjs" in request.url else None)
    finished(page, atlas)
    assert len(asked) == len(set(asked)) > 50 and all("?v=" in url for url in asked)
    loaded = page.evaluate(
        "performance.getEntriesByType('resource').filter(({name}) => name.includes('.mjs')).map(({name}) => name)"
    )
    assert set(loaded) == set(asked)
    finished(page, atlas)
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter(({name}) => name.includes('.mjs'))"
        ".map(({transferSize}) => transferSize)"
    )
    assert sizes and sum(sizes) == 0  # the second visit has them all from the browser's own cache
    context.close()


def test_the_document_is_small_and_grows_by_what_is_opened(chromium: Browser, atlas: str):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{atlas}/?{QUICK}")
    page.wait_for_selector("#option-seed")
    assert page.evaluate("document.querySelectorAll('*').length") <= 4500
    assert page.locator(".slot").count() == len(panels_of("landscape")) * len(DEFAULT_ACTIVATIONS)
    assert page.locator("dialog").count() == 0
    page.get_by_text("Curvature", exact=True).first.click()
    page.wait_for_selector("#slot-0-spectrum:visible")
    page.keyboard.press("?")
    assert page.locator("dialog").count() == 1 and page.locator("#help").is_visible()
    context.close()
