"""Accessibility as axe-core judges it: every page, in both themes, and with each dialog open."""

from pathlib import Path

import axe_playwright_python
import pytest

from tests.browser.driver import Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")
RUN = """async rules => {
    const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ['violations']});
    const told = (one, node) => `${one.id}: ${node.target.join(' ')} ${node.any[0]?.message ?? one.help}`;
    return violations.flatMap(one => one.nodes.map(node => told(one, node)));
}"""
QUICK = "dataset=xor&widths=2&steps=20&points=9&line_points=21&activation=tanh,relu&mode=contour"
PLACES = {
    "landscape": QUICK,
    "curvature": f"{QUICK}&place=curvature&replicates=2",
    "clouds": "dataset=xor&widths=2&walks=3&walk_steps=30&activation=tanh,relu&place=clouds",
}


@pytest.fixture(params=["light", "dark"])
def themed(request, chromium, atlas):
    one = reader(chromium, atlas, theme=request.param)
    yield one
    one.page.context.close()
    assert not one.errors


def violations(one: Reader) -> list[str]:
    """One line for each element that breaks a rule."""
    if not one.page.evaluate("'axe' in window"):
        one.page.evaluate(AXE)
    return one.page.evaluate(RUN, list(RULES))


def test_axe_notices_an_offence(visitor):
    """The rules are at work: a button without a name and a quiet grey are found."""
    visitor.page.goto(f"{visitor.address}/gallery")
    assert violations(visitor) == []
    visitor.page.evaluate("""() => {
        const button = document.createElement('button'), words = document.createElement('p');
        Object.assign(words, {textContent: 'hardly seen', style: 'color: #bbb; background: #fff'});
        document.querySelector('main').append(button, words);
    }""")
    assert {line.split(":")[0] for line in violations(visitor)} == {"button-name", "color-contrast"}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_in_both_themes_and_with_its_dialogs(themed, place):
    themed.open(PLACES[place])
    themed.wait()
    assert violations(themed) == []
    if place != "landscape":
        return
    themed.page.get_by_role("button", name="Help").click()
    assert violations(themed) == []
    themed.page.keyboard.press("Escape")
    themed.page.locator("#slot-0-line .exports summary").click()
    themed.page.locator("#slot-0-line .export-rows").click()
    themed.page.wait_for_selector("#rows table")
    assert violations(themed) == []
    themed.page.keyboard.press("Escape")
    themed.page.set_viewport_size({"width": 820, "height": 1180})
    themed.page.click("#open-controls")
    for more in themed.page.locator(".sections details:visible > summary").all():
        more.click()
    assert violations(themed) == []


def test_the_study_and_the_gallery_in_both_themes(themed):
    for path in ("study", "gallery", "gallery?dataset=xor&analysis=any", "gallery?dataset=nonsense"):
        themed.page.goto(f"{themed.address}/{path}")
        assert violations(themed) == [], path
    themed.errors.clear()  # the last one is answered with 400, which the console tells
