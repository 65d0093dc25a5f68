"""Accessibility as axe-core judges it: every page, in both themes, and with each dialog open."""

from pathlib import Path

import axe_playwright_python
import pytest

from tests.browser.driver import Reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")
RUN = """async rules => {
    const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ['violations']});
    const told = (one, node) => `${one.id}: ${node.target.join(' ')} ${node.any[0]?.message ?? one.help}`;
    return violations.flatMap(one => one.nodes.map(node => told(one, node)));
}"""
QUICK = "dataset=xor&widths=2&steps=20&points=9&line_points=21&mode=contour"
PLACES = {
    "landscape": f"{QUICK}&activation=tanh,relu",
    "curvature": f"{QUICK}&activation=tanh&place=curvature&replicates=2",
    "clouds": "dataset=xor&widths=2&walks=3&walk_steps=30&activation=relu&place=clouds",
    "training": f"{QUICK}&activation=tanh&place=training",
    "morph": f"{QUICK}&activation=tanh&place=morph",
    "a lesson's question": "lesson=xor&page=2",
}
SIGNS = {
    " ": "Space", "Escape": "Esc", "PageDown": "PgDn", "PageUp": "PgUp",
    "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓",
}  # fmt: skip


def violations(one: Reader) -> list[str]:
    """One line for each element that breaks a rule, once colours have changed."""
    one.page.wait_for_function("!document.getAnimations().some(one => one instanceof CSSTransition)")
    if not one.page.evaluate("'axe' in window"):
        one.page.evaluate(AXE)
    return one.page.evaluate(RUN, list(RULES))


def darken(one: Reader) -> None:
    """From the system's light to dark, by its key."""
    for _ in range(2):
        one.page.keyboard.press("t")
    one.page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'dark'")
    one.page.wait_for_function("!window.lossatlas?.theme || window.lossatlas.ready")


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
def test_every_place_in_both_themes(visitor, place):
    visitor.open(PLACES[place])
    visitor.wait()
    visitor.page.locator("main").focus()
    assert violations(visitor) == []
    darken(visitor)
    assert violations(visitor) == []


def test_dialogs_and_the_drawer(visitor):
    visitor.open(PLACES["landscape"])
    visitor.wait()
    visitor.page.get_by_role("button", name="Help").click()
    assert visitor.page.evaluate("document.getElementById('help').scrollTop") == 0  # though its button is at the end
    assert violations(visitor) == []
    added = {SIGNS.get(key, key) for key in visitor.page.evaluate("window.lossatlas.keys")}
    assert {*visitor.page.locator("#help kbd").all_inner_texts()} == added | {"+", "−"}  # two are the surfaces' own
    visitor.page.keyboard.press("Escape")
    visitor.page.locator("#slot-0-line .exports summary").click()
    visitor.page.locator("#slot-0-line .export-rows").click()
    visitor.page.wait_for_selector("#rows table")
    assert violations(visitor) == []
    visitor.page.keyboard.press("Escape")
    visitor.page.click("#presenter")
    below = """() => { const end = (name) => document.querySelector(name).getBoundingClientRect();
        return end(".top .tools").right <= innerWidth && end(".top .tools").bottom <= end(".top").bottom &&
            end(".top").bottom <= end("#controls").top; }"""
    visitor.page.wait_for_function(below)  # larger type: the bar takes two lines, and what stands below makes room
    visitor.page.click("#presenter")
    for width in (1024, 901):
        visitor.page.set_viewport_size({"width": width, "height": 768})
        visitor.page.wait_for_function(below)
    visitor.page.set_viewport_size({"width": 820, "height": 1180})
    visitor.page.click("#open-controls")
    for more in visitor.page.locator(".sections details:visible > summary").all():
        more.click()
    darken(visitor)
    assert violations(visitor) == []


def test_a_presentation_a_room_and_what_is_shared(visitor):
    visitor.open("lesson=xor")
    visitor.wait()
    visitor.page.click("#lesson-present")
    visitor.page.keyboard.press("n")
    visitor.page.locator("#stage-notes").wait_for()
    assert violations(visitor) == [], "stage"
    visitor.page.keyboard.press("Escape")
    for button, dialog in (("Follow me", "#room-dialog"), ("Hide controls", "#hide-editor"), ("Python code", "#code")):
        if button != "Follow me":
            visitor.page.click("#share summary")
            assert violations(visitor) == [], "share"
        visitor.page.get_by_role("button", name=button).click()
        visitor.page.locator(dialog).wait_for()
        assert violations(visitor) == [], dialog
        visitor.page.keyboard.press("Escape")
    assert not visitor.errors
    for path in ("lessons", "room", "room?code=nothing", "gallery?dataset=nothing", "s/nothing", "nonsense"):
        visitor.page.goto(f"{visitor.address}/{path}")
        for theme in ("dark", "light"):
            visitor.page.emulate_media(color_scheme=theme)
            assert violations(visitor) == [], f"{path}, {theme}"
    visitor.errors.clear()  # most are refusals, which a browser takes for errors


def test_the_study_and_the_gallery_in_both_themes(visitor):
    for path in ("study", "gallery", "gallery?dataset=xor&analysis=any"):
        visitor.page.goto(f"{visitor.address}/{path}")
        assert violations(visitor) == [], path
    darken(visitor)
    assert violations(visitor) == [], "gallery, dark"
    visitor.page.emulate_media(color_scheme="dark")
    visitor.page.goto(f"{visitor.address}/study")
    assert violations(visitor) == [], "study, dark"
