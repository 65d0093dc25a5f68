"""The gallery, the words and tables behind pictures, and the page on a tablet, as a reader meets them."""

import json
import urllib.request

import numpy as np
import pytest

from tests.browser.driver import Reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUICK = "dataset=xor&widths=2&steps=30&points=9&line_points=21&activation=tanh,elu&mode=contour"


def test_a_finished_picture_is_a_card_that_opens_it_again(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    drawn = visitor.heights(1)
    visitor.page.get_by_role("link", name="Gallery").click()
    visitor.page.wait_for_selector("h1:text-is('Gallery')")
    visitor.page.keyboard.press("/")
    assert visitor.page.evaluate("document.activeElement.id") == "dataset"
    visitor.page.select_option("#analysis", "slice")
    visitor.page.fill("#network", "2-2-1")
    visitor.page.get_by_role("button", name="Show").click()
    card = visitor.page.locator(".card", has_text="tanh, ELU").filter(has_text="30 steps").first
    card.scroll_into_view_if_needed()
    visitor.page.wait_for_function(
        "[...document.querySelectorAll('#card-1 img')].every(image => image.complete && image.naturalWidth === 192)"
    )
    paper = "getComputedStyle(document.body).backgroundColor"
    light = visitor.page.evaluate(paper)
    visitor.page.keyboard.press("Escape")
    visitor.page.locator("#main").focus()
    visitor.page.keyboard.press("t")
    visitor.page.keyboard.press("t")
    assert visitor.page.evaluate(paper) != light
    visitor.page.reload()
    assert visitor.page.evaluate(paper) != light  # kept in this browser
    card.get_by_role("link").focus()
    visitor.page.keyboard.press("Enter")
    visitor.wait()
    visitor.page.keyboard.press("c")
    visitor.page.wait_for_function("location.search.includes('mode=contour')")
    visitor.wait()
    assert visitor.panels()["1-slice"]["state"] == "cached" and visitor.heights(1) == drawn
    assert visitor.page.evaluate("window.lossatlas.theme") == "dark"


def test_every_picture_has_words_a_table_and_a_reason_to_look_odd(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    words = visitor.page.evaluate("""() => {
        const said = plot => document.getElementById(plot.getAttribute('aria-describedby')).textContent;
        const plots = [...document.querySelectorAll('.column:not([hidden]) .slot:not([hidden]) .plot')];
        return plots.map(plot => [plot.getAttribute('aria-label'), said(plot)]);
    }""")
    assert len(words) == 6 and all(label and "loss" in told.lower() for label, told in words)
    slot = visitor.page.locator("#slot-1-slice")
    slot.locator(".exports summary").click()
    slot.locator(".export-rows").focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector("#rows table")
    assert visitor.page.inner_text("#rows-title") == "Surface of ELU"
    cells = visitor.page.locator("#rows tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    with urllib.request.urlopen(
        visitor.address + (slot.locator("a.export[data-kind=json]").get_attribute("href") or ""), timeout=30
    ) as answer:
        loss = np.array(json.loads(answer.read())["loss"])
    heads = visitor.page.locator("#rows th[scope=col]").all_inner_texts()
    assert len(cells) == 81 and heads[:3] == ["a", "b", "loss"]
    np.testing.assert_allclose([float(row[2]) for row in cells], loss.ravel(), rtol=1e-5)  # six digits are shown
    visitor.page.keyboard.press("Escape")
    odd = visitor.page.locator("#slot-0-slice .odd")
    assert odd.locator("dd").count() > 0 and not odd.locator("dl").is_visible()
    odd.locator("summary").focus()
    visitor.page.keyboard.press("Enter")
    assert odd.locator("dl").is_visible() and "no minimum" in odd.inner_text()


def test_help_stands_at_the_controls_foot_for_keys(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    line = visitor.page.locator("#help-line")
    visitor.page.focus("#option-seed")
    assert not line.is_visible()  # a mouse has it beside its pointer
    visitor.page.keyboard.press("Tab")
    row = visitor.page.evaluate("document.activeElement.closest('.row').title")
    assert row and line.inner_text() == row
    visitor.page.evaluate("document.activeElement.blur()")
    assert not line.is_visible()


SMALL = """() => [...document.querySelectorAll('button, summary, select, .chips label, .top a')]
    .filter(one => one.offsetParent && getComputedStyle(one).visibility !== 'hidden')
    .filter(one => !one.closest('.plot, .mantine-NumberInput-control')) // arrow keys do what its arrows do
    .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
    .filter(([, box]) => box.height < 23.5 || box.width < 23.5).map(([words]) => words)"""
FITS = "document.documentElement.scrollWidth <= innerWidth"


def test_no_window_scrolls_sideways_and_targets_are_large_enough(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    for width, height in ((1920, 1080), (1180, 820), (1024, 768), (820, 1180)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        narrow = width < 900
        assert visitor.page.locator("#open-controls").is_visible() == narrow
        assert visitor.page.locator("#option-seed").is_visible() != narrow
        assert visitor.page.evaluate(FITS) and visitor.page.evaluate(SMALL) == []
    visitor.page.click("#open-controls")
    assert visitor.page.evaluate("document.activeElement.id") == "controls"
    assert visitor.page.evaluate(SMALL) == []
    visitor.page.locator("#option-seed").fill("5")
    visitor.page.wait_for_function("location.search.includes('seed=5')")
    visitor.page.keyboard.press("Escape")
    assert not visitor.page.locator("#option-seed").is_visible()
    assert visitor.page.evaluate("document.activeElement.id") == "open-controls"
    assert visitor.page.evaluate("window.lossatlas.phase") != "cancelled"  # that Escape was the drawer's
    for page in ("gallery", "lessons", "study", "room"):
        visitor.page.goto(f"{visitor.address}/{page}")
        for width in (1920, 1024, 820, 390):
            visitor.page.set_viewport_size({"width": width, "height": 800})
            assert visitor.page.evaluate(FITS) and visitor.page.evaluate(SMALL) == [], page


# Of each entry of the bar and each button that every page has: its words, its place and size, its type and colours.
BAR = """() => {
    const bar = document.querySelector('header.top'), left = bar.querySelector('.name').getBoundingClientRect().left;
    const entries = [...bar.querySelectorAll('.name, .places, .places label, .places a, .study, #presenter, #theme')];
    return entries.map(one => {
        const box = one.getBoundingClientRect(), look = getComputedStyle(one), words = one.innerText.split('\\n')[0];
        const far = one.closest('.tools') ? [] : [box.left - left], round = value => Math.round(2 * value) / 2;
        const held = words === 'Landscape' ? [] : [look.color]; // in the atlas it is the place that is open
        const type = one.matches('.places') ? [look.backgroundColor] : [look.fontSize, look.fontWeight, ...held];
        return [words, ...[...far, box.width, box.height].map(round), ...type];
    });
}"""


def test_the_bar_looks_the_same_on_every_page_and_in_both_themes(visitor: Reader):
    for theme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        visitor.open(QUICK)
        visitor.page.locator(".places label").first.wait_for()
        visitor.page.wait_for_function(f"document.documentElement.dataset.mantineColorScheme === '{theme}'")
        visitor.page.wait_for_function("!document.getAnimations().some(one => one instanceof CSSTransition)")
        mine = visitor.page.evaluate(BAR)
        assert len(mine) == 12
        for page in ("gallery", "lessons", "study", "room", "nonsense", "s/nothing"):
            visitor.page.goto(f"{visitor.address}/{page}")
            assert visitor.page.evaluate(BAR) == mine, page
    visitor.errors.clear()  # two are refusals, which a browser takes for errors
