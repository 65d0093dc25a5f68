"""Lessons as a reader and as an audience meet them, in a real browser on stored answers: one whole lesson and the
sample step by step, every lesson with `make nightly`. That the facts of all hold is tested without a browser.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lossatlas.app.state.lesson import LESSONS, OWN, read_lessons
from lossatlas.app.stream.lesson_answers import survey, warm
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.settings import Settings
from tests.browser.conftest import forget
from tests.browser.driver import PATIENCE, Reader, reader
from tests.conftest import ROOT, free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SAMPLES = Path(__file__).parent.parent / "lessons"
NIGHTLY = os.environ.get("NIGHTLY") == "1"
ALL = {name: lesson for name, lesson in LESSONS.items() if NIGHTLY or name == "xor"} | read_lessons(SAMPLES)
AT = "([page, mode]) => window.lossatlas?.lesson?.page === page && lossatlas.lesson.mode === mode"


@pytest.fixture(scope="module")
def taught(tmp_path_factory, pool):
    """The address of a server whose cache holds every step of these lessons, and the file of what it complained of."""
    folder = tmp_path_factory.mktemp("taught")
    settings = Settings(folder / "cache")
    cache = Cache(settings.cache, settings.cache_size)
    assert list(warm(survey(list(ALL.values()), cache, settings), cache, pool, settings, lambda progress: None)) == []
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = os.environ | {"LOSSATLAS_CACHE": str(settings.cache), OWN: str(SAMPLES)}
    words = ["serve", "--port", str(port), "--scheduler", pool.address, "--web-workers", "1"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "lossatlas", *words], cwd=ROOT, env=environment, stderr=log)
    wait_for(address)
    yield address, folder / "log"
    server.terminate()
    server.wait(20)


@pytest.fixture
def visitor(known, taught):
    address, log = taught
    one = reader(known, address, 1000, 560)  # few pictures in sight at a time: drawing them takes longest
    forget(one)
    faults: list[str] = []
    one.page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
    yield one
    one.page.close()
    assert not one.errors and not faults and "Traceback" not in log.read_text()
    assert {url.split("/")[2] for url in one.requests if url.startswith("http")} == {address.split("/")[2]}


def at(visitor: Reader, page: int, mode: str) -> None:
    """Until a step is there with all its pictures."""
    visitor.page.wait_for_function(AT, arg=[page, mode], timeout=PATIENCE)
    visitor.wait()


def step(visitor: Reader, number: int):
    return visitor.page.locator(f".step[data-step='{number}']")


def facts(visitor: Reader, number: int) -> list[str]:
    """Whether each fact of a step holds, once this machine's numbers stand there."""
    step(visitor, number).locator(".facts[data-measured]").wait_for(timeout=PATIENCE)
    return [fact.get_attribute("data-holds") or "" for fact in step(visitor, number).locator(".facts li").all()]


@pytest.mark.parametrize("name", ALL)
def test_every_step_shows_its_pictures_and_its_facts_hold(name, visitor: Reader):
    lesson = ALL[name]
    visitor.open(f"lesson={name}")
    for number, told in enumerate(lesson.steps, 1):
        at(visitor, number, "read")
        if told.ask:
            step(visitor, number).locator("input").nth(told.ask.answer).check()
            step(visitor, number).get_by_role("button", name="Check").click()
            assert told.ask.why in step(visitor, number).locator(".verdict").inner_text()
        states = {place: panel["state"] for place, panel in visitor.panels().items()}
        assert set(states.values()) <= {"cached", "none"}, states
        seen = [panel for panel in visitor.panels().values() if panel["near"] and panel["state"] == "cached"]
        assert seen and all(panel["drawn"] for panel in seen)  # what is out of sight is not drawn in 3-D
        assert not visitor.page.evaluate("document.documentElement.hasAttribute('data-veil')")
        assert visitor.page.is_hidden("#message") and visitor.page.is_hidden("#controls")
        if told.facts:
            expected = ["false" if fact.value == 99 else "true" for fact in told.facts]  # 99: the sample's false one
            assert facts(visitor, number) == expected, step(visitor, number).locator(".facts").inner_text()
        assert visitor.page.evaluate("location.search") == (f"?lesson={name}&page={number}" if number > 1
                                                            else f"?lesson={name}")  # fmt: skip
        if number < len(lesson.steps):
            visitor.page.click("#lesson-next")


def test_a_reader_predicts_wanders_off_and_comes_back(visitor: Reader):
    visitor.open("lesson=sample&page=2")
    at(visitor, 2, "read")
    # the prediction comes before pictures, look and facts
    assert visitor.page.evaluate("lossatlas.lesson.veiled")
    hidden = "name => getComputedStyle(document.querySelector(name)).visibility === 'hidden'"
    assert all(visitor.page.evaluate(hidden, name) for name in (".numbers", ".warnings", ".odd"))
    assert step(visitor, 2).locator(".reveal").is_hidden() and not visitor.page.is_visible("#plot-0-slice")
    assert visitor.page.locator(".step .ask button[type=submit]").is_disabled()
    step(visitor, 2).locator("input").first.focus()
    for key in ("Space", "ArrowDown", "ArrowDown"):
        visitor.page.keyboard.press(key)
        assert step(visitor, 2).locator(".reveal").is_hidden()  # moving through the choices is not choosing
    visitor.page.keyboard.press("Enter")
    assert "Not so: it is “in the center”." in step(visitor, 2).locator(".verdict").inner_text()
    assert visitor.page.is_visible("#plot-0-slice")
    # exploring: controls, a state of one's own, and back
    visitor.page.get_by_role("button", name="Explore").click()
    assert visitor.page.is_visible("#controls") and visitor.page.is_hidden("#lesson")
    visitor.page.locator("main").focus()
    visitor.page.keyboard.press("c")
    visitor.page.wait_for_function("location.search.includes('mode=contour')")
    assert visitor.page.evaluate("location.search").endswith("lesson=sample&page=2")
    visitor.wait()
    visitor.page.reload()
    at(visitor, 2, "explore")
    assert visitor.page.evaluate("document.getElementById('plot-0-slice')._fullData[0].type") == "contour"
    visitor.page.get_by_role("button", name="Back to the lesson").click()
    visitor.page.wait_for_function("location.search === '?lesson=sample&page=2'")
    at(visitor, 2, "read")
    # scrolling asks for the step that stays in view
    opened = visitor.page.evaluate("lossatlas.opened")
    visitor.page.locator("#lesson-steps").hover()
    visitor.page.mouse.wheel(0, 2000)
    at(visitor, 3, "read")
    assert visitor.page.evaluate("lossatlas.opened") == opened + 1
    visitor.page.go_back()
    at(visitor, 2, "read")
    visitor.page.get_by_role("button", name="Leave", exact=True).click()
    visitor.page.wait_for_function("location.search.startsWith('?') && !location.search.includes('lesson')")
    assert visitor.page.is_visible("#controls") and "widths=2" in visitor.page.evaluate("location.search")
    # what is no lesson
    visitor.open("lesson=sample&page=9")
    visitor.page.get_by_text("has no such page").wait_for(timeout=PATIENCE)
    assert visitor.page.evaluate("location.search") == "" and visitor.page.is_visible("#controls")
    visitor.page.goto(f"{visitor.address}/lessons")
    visitor.page.keyboard.press("Tab")
    visitor.page.get_by_role("link", name="A sample").focus()
    visitor.page.keyboard.press("Enter")
    at(visitor, 1, "read")


def test_a_presenter_goes_through_the_steps_by_keys(visitor: Reader):
    visitor.open("lesson=sample&hide=keys")  # the page's are off, the presenter's never
    at(visitor, 1, "read")
    visitor.page.get_by_role("button", name="Present").click()
    at(visitor, 1, "present")
    assert visitor.page.is_hidden(".top") and visitor.page.is_hidden("#lesson") and visitor.page.is_hidden("#controls")
    visitor.page.wait_for_function("lossatlas.lesson.ahead.includes('sample 2')", timeout=PATIENCE)
    opened = visitor.page.evaluate("lossatlas.opened")
    assert visitor.page.inner_text("#stage-title") == "Before training"
    visitor.page.set_viewport_size({"width": 1000, "height": 1400})  # higher than wide, a scene would lose its sides
    visitor.page.wait_for_function(
        """() => { const { clientWidth, clientHeight, _fullLayout } = document.getElementById("plot-0-slice");
            const [low, high] = _fullLayout.scene.domain.y;
            return clientHeight > 1.3 * clientWidth && (high - low) * clientHeight < 1.2 * clientWidth; }""",
        timeout=PATIENCE,
    )
    visitor.page.keyboard.press("n")
    assert "share the draw" in visitor.page.inner_text("#stage-notes")
    visitor.page.keyboard.press("n")
    assert visitor.page.is_hidden("#stage-notes")
    for key, dark in (("b", True), ("b", False), (".", True), ("PageDown", False)):
        visitor.page.keyboard.press(key)
        assert visitor.page.is_visible("#lesson-black") == dark
    assert visitor.page.evaluate("[lossatlas.lesson.page, lossatlas.opened]") == [1, opened]  # it only lit the screen
    visitor.page.keyboard.press("PageDown")
    at(visitor, 2, "present")
    assert visitor.page.evaluate("lossatlas.lesson.veiled") and visitor.page.inner_text("#stage-look") == ""
    assert "nowhere" in visitor.page.inner_text("#stage-choices")
    visitor.page.keyboard.press("Space")
    assert not visitor.page.evaluate("lossatlas.lesson.veiled")
    assert visitor.page.inner_text("#stage-choices [data-answer]") == "in the center"
    visitor.page.keyboard.press("ArrowRight")
    at(visitor, 3, "present")
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("PageUp")
    at(visitor, 2, "present")
    assert not visitor.page.evaluate("lossatlas.lesson.veiled")
    if visitor.page.evaluate("Boolean(document.fullscreenElement)"):
        visitor.page.keyboard.press("f")
        visitor.page.wait_for_function("!document.fullscreenElement && lossatlas.lesson.mode === 'present'")
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_function("lossatlas.lesson.mode === 'read'")
    assert visitor.page.is_visible("#lesson") and not visitor.page.evaluate("Boolean(document.fullscreenElement)")
