"""Watching a training in a real browser: every picture in step, without a request."""

from urllib.request import urlopen

import numpy as np
import pytest

from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from tests.browser.driver import PATIENCE, Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUESTION = "dataset=circles&widths=3&steps=30"
SHARED = f"{QUESTION}&points=9&boundary_points=9&boundary_moments=16&weight_points=9"
LABELS = "id => document.getElementById(id)._fullLayout.annotations.map(note => note.text).find(t => /^step/.test(t))"
DOT = "id => document.getElementById(id)._fullData.filter(t => t.name === 'moment').map(({x, y}) => [x[0], y[0]])[0]"
DOTS = "id => document.getElementById(id)._fullData.filter(t => t.name === 'moment').length"
CURSOR = "id => document.getElementById(id)._fullLayout.shapes.find(shape => shape.name === 'moment').x0"


@pytest.fixture
def visitor(visitor: Reader) -> Reader:
    """One with every row on the screen: pictures out of sight wait."""
    visitor.page.set_viewport_size({"width": 1280, "height": 2400})
    return visitor


# What the player says of itself on its bar, in a saved page too: its step, and whether pictures are on their way to it.
STEP = "Number(document.getElementById('player')?.dataset.step)"
SETTLED = "document.getElementById('player') && !document.getElementById('player').hasAttribute('data-moving')"
PLAYING = "document.getElementById('play')?.getAttribute('aria-pressed') === 'true'"


def step_of(visitor: Reader) -> int:
    return visitor.page.evaluate(STEP)


def settle(visitor: Reader, step: int) -> None:
    visitor.page.wait_for_function(f"step => {STEP} === step && {SETTLED}", arg=step, timeout=PATIENCE)


def test_all_columns_and_pictures_move_in_step_without_a_request(visitor: Reader, chromium, tmp_path):
    watched = f"place=training&mode=contour&activation=tanh,relu&{SHARED}"
    visitor.open(watched)
    visitor.wait()
    page = visitor.page
    assert "30 of 30" in page.inner_text("#moment") and page.inner_text("#play") == "Play"
    paths = [ask(question("slice", f"{QUESTION}&points=9&activation={name}")).path for name in ("tanh", "relu")]
    trained = ask(question("training", f"{QUESTION}&activation=tanh"))
    weights = [ask(question("weights", f"{QUESTION}&activation={name}")).theta for name in ("tanh", "relu")]
    largest = max(np.abs(theta).max() for theta in weights)
    opened, visitor.requests[:] = page.evaluate("window.lossatlas.opened"), []

    def check(step: int, visitor: Reader = visitor) -> None:
        """Every picture of both columns shows the step, or of those it has the nearest one."""
        settle(visitor, step)
        page = visitor.page
        for column, path in enumerate(paths):
            place = int(np.flatnonzero(trained.step == step)[0])
            extent = page.evaluate("id => document.getElementById(id).layout.meta.box[1]", f"plot-{column}-slice")
            dot = page.evaluate(DOT, f"plot-{column}-slice")
            if np.abs(path[place]).max() <= extent:
                np.testing.assert_allclose(np.array(dot, dtype=float), path[place], rtol=1e-5, atol=1e-6)
            assert page.evaluate(CURSOR, f"plot-{column}-training") == step
            assert page.evaluate(CURSOR, f"plot-{column}-saturation-along") == step
            assert page.evaluate(LABELS, f"plot-{column}-weights") == f"step {step}"
            assert page.evaluate(LABELS, f"plot-{column}-boundary").split(" · ")[0] == f"step {step - step % 2}"
        width = page.evaluate("document.getElementById('plot-0-weights')._fullData[0].line.width")
        assert width == pytest.approx(8 * np.ceil(40 * abs(weights[0][step, 0]) / largest) / 40, abs=1e-6)

    check(30)
    page.locator("#scrub input").fill("10")  # as a drag ends
    check(10)
    page.locator("main").focus()
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    check(11)
    for _ in range(3):
        page.click("#speed")
    assert page.inner_text("#speed") == "½×"
    page.click("#play")
    page.wait_for_function(f"{PLAYING} && {STEP} > 13", timeout=PATIENCE)
    page.locator("main").focus()
    page.keyboard.press(" ")
    page.wait_for_function(f"!({PLAYING}) && {SETTLED}", timeout=PATIENCE)
    assert page.inner_text("#play") == "Play"
    paused = step_of(visitor)
    check(paused)
    page.wait_for_timeout(300)
    assert step_of(visitor) == paused < 30
    assert [url for url in visitor.requests if not url.startswith("data:")] == []

    saved = tmp_path / "page.html"
    saved.write_bytes(urlopen(f"{visitor.address}/export/page.html?{watched}").read())
    alone = reader(chromium, "", height=2400)
    alone.page.context.set_offline(True)
    alone.page.goto(saved.as_uri())
    check(30, alone)
    alone.page.locator("#scrub input").fill("10")
    check(10, alone)
    alone.page.keyboard.press(".")
    check(11, alone)
    alone.page.click("#play")
    alone.page.wait_for_function(f"{STEP} > 11", timeout=PATIENCE)
    alone.page.click("#play")
    check(step_of(alone), alone)
    assert alone.page.inner_text("#play") == "Play"
    assert not alone.errors and all(url.startswith(("file:", "blob:", "data:")) for url in alone.requests)
    alone.page.context.close()

    page.keyboard.press("t")
    page.keyboard.press("t")  # another theme draws everything anew, at the same step
    page.wait_for_function("window.lossatlas.theme === 'dark' && window.lossatlas.ready")
    check(paused)
    assert page.evaluate("window.lossatlas.opened") == opened
    page.keyboard.press("1")
    page.wait_for_function("window.lossatlas.place === 'landscape'")
    visitor.wait()
    assert not page.is_visible("#player") and page.evaluate(f"({DOTS})('plot-0-slice')") == 0
    page.keyboard.press("4")
    page.wait_for_function("window.lossatlas.place === 'training'")
    visitor.wait()
    check(paused)

    page.keyboard.press("s")
    for column in range(2):
        page.wait_for_function(
            "id => document.getElementById(id)._fullLayout?.scene", arg=f"plot-{column}-slice", timeout=PATIENCE
        )
    visitor.wait()
    mark = "id => document.getElementById(id)._fullLayout.scene.annotations.filter(n => /^moment/.test(n.name))"
    for column, path in enumerate(paths):
        *_, last = page.evaluate(
            f"id => ({mark})(id).map(({{x, y, visible}}) => [x, y, visible])", f"plot-{column}-slice"
        )
        if last[2]:
            np.testing.assert_allclose(last[:2], path[paused], rtol=1e-5, atol=1e-6)
    page.reload()
    visitor.wait()
    assert step_of(visitor) == 30
    page.click("#speed")  # twice as fast
    page.click("#play")
    page.wait_for_function(f"{STEP} < 30", timeout=PATIENCE)  # from the end it starts again
    page.wait_for_function(f"!({PLAYING})", timeout=PATIENCE)
    settle(visitor, 30)
    page.emulate_media(reduced_motion="reduce")  # no motion: a still a second, a twelfth of the training further each
    page.click("#play")
    page.wait_for_function(f"{STEP} > 0", timeout=PATIENCE)
    page.click("#play")
    assert step_of(visitor) in (2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30)


def test_two_weights_picked_by_clicks_span_the_plane(visitor: Reader):
    visitor.open(f"place=training&activation=tanh&{SHARED}")
    visitor.wait()
    page = visitor.page
    click = """name => {
        const plot = document.getElementById('plot-0-weight_slices');
        plot.emit('plotly_click', {points: [{data: plot.data.find(trace => trace.name === name), pointNumber: 0}]});
    }"""
    page.evaluate(click, "W1[2,1]")
    assert page.is_visible("#picks") and not page.is_visible("#plane")
    page.evaluate(click, "b2[0]")
    assert page.inner_text("#picked") == "W1[2,1] and b2[0]"
    page.click("#plane")
    page.wait_for_function("location.search.includes('directions=weights')")
    visitor.wait()
    assert {"weight_a=5", "weight_b=12"} <= set(page.url.split("?")[1].split("&"))
    assert page.evaluate("document.getElementById('plot-0-slice')._fullLayout.scene.xaxis.title.text") == "W1[2,1]"
    page.go_back()
    page.wait_for_function("!location.search.includes('directions=weights')")
    visitor.wait()
