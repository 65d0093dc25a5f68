"""Many pictures on one page stay usable, and what only the browser's picture needs asks the server nothing."""

import json

import pytest

from tests.browser.driver import PATIENCE, Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUICK = "dataset=xor&widths=2&steps=20&points=17&line_points=21"
SIX = "activation=tanh,relu,elu,sigmoid,gelu,sine"
MOST = 8
# Every context by the graphics card that a page makes; plotly's own count would not know of those it left behind.
COUNT = """() => {
    const made = new Set(), get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        const found = get.call(this, kind, ...rest);
        if (found && /webgl/.test(kind)) made.add(found);
        return found;
    };
    window.liveContexts = () => [...made].filter((one) => !one.isContextLost()).length;
}"""
IN_SIGHT = """() => [...document.querySelectorAll(".slot")].filter((slot) => {
    const {top, bottom, width} = slot.querySelector(".plot").getBoundingClientRect();
    return width && bottom > 0 && top < innerHeight;
})"""
UNDRAWN = f"({IN_SIGHT})().filter((slot) => !slot.querySelector('.plot .main-svg')).map((slot) => slot.id)"
SETTLED = f"window.lossatlas.ready && !({UNDRAWN}).length"
FIGURES = """() => Object.fromEntries(Object.keys(lossatlas.panels).map((key) => {
    const {data, layout} = lossatlas.figureOf(key);
    return [key, JSON.stringify({data, layout})];
}))"""
CAPTIONS = "[...document.querySelectorAll('.slot:not([hidden]) .caption')].map((one) => one.textContent)"
BAR = "document.getElementById('bar').outerHTML"


@pytest.fixture
def visitor(visitor: Reader) -> Reader:
    """One whose page counts what it holds of the graphics card."""
    visitor.page.add_init_script(f"({COUNT})()")
    return visitor


def streams(visitor: Reader) -> int:
    return sum("/stream" in url for url in visitor.requests)


def settle(visitor: Reader) -> None:
    visitor.page.wait_for_function(SETTLED, timeout=PATIENCE)


def figures(visitor: Reader) -> dict[str, dict]:
    return {panel: json.loads(figure) for panel, figure in visitor.page.evaluate(FIGURES).items()}


def seen(visitor: Reader) -> list:
    return [figures(visitor), *(visitor.page.evaluate(told) for told in (CAPTIONS, BAR))]


def freshly(chromium, atlas, visitor: Reader) -> list:
    """The same of another reader who follows the link."""
    other = reader(chromium, atlas)
    other.open(visitor.page.url.partition("?")[2])
    other.wait()
    found = seen(other)
    other.page.context.close()
    return found


@pytest.mark.parametrize("place", ["landscape", "curvature&replicates=2&along=2"])
def test_of_many_pictures_those_in_sight_are_drawn(place, visitor: Reader):
    visitor.open(f"{QUICK}&{SIX}&place={place}")
    visitor.wait()
    settle(visitor)
    height = visitor.page.evaluate("document.documentElement.scrollHeight")
    for top in [*range(0, height, 600), *range(height, -1, -900)]:
        visitor.page.evaluate("top => window.scrollTo(0, top)", top)
        settle(visitor)
        assert visitor.page.evaluate("liveContexts()") <= MOST
        # One that is being made or given back is counted a moment later.
        visitor.page.wait_for_function("liveContexts() === lossatlas.contexts", timeout=PATIENCE)
    visitor.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    if visitor.page.evaluate("scrollY") > 1200:  # the surfaces' first row is far away
        visitor.page.wait_for_function("document.querySelector('#slot-0-slice').dataset.resting", timeout=PATIENCE)
    visitor.page.evaluate("window.scrollTo(0, 0)")
    settle(visitor)
    assert visitor.page.locator("#plot-0-slice .gl-container canvas").count() == 1


def test_what_only_the_picture_needs_asks_the_server_nothing(visitor: Reader, chromium, atlas):
    visitor.open(f"{QUICK}&activation=tanh,relu")
    visitor.wait()
    settle(visitor)
    asked, first = streams(visitor), figures(visitor)
    visitor.page.focus("#plot-0-slice")
    visitor.page.keyboard.press("ArrowLeft")  # the camera
    visitor.page.wait_for_function("lossatlas.panels['1-slice'].camera")
    visitor.page.locator("main").focus()
    visitor.page.keyboard.press("l")
    visitor.page.wait_for_function("location.search.includes('log=0')")
    settle(visitor)
    assert visitor.page.evaluate("document.getElementById('plot-1-slice')._fullLayout.scene.zaxis.type") == "linear"
    visitor.page.evaluate("lossatlas.put({palette: 'magma'})")  # its menu stands behind "more"
    visitor.page.wait_for_function("location.search.includes('palette=magma')")
    settle(visitor)
    visitor.page.hover("#plot-0-line")  # the highlight
    assert streams(visitor) == asked and seen(visitor)[0] != first

    assert seen(visitor) == freshly(chromium, atlas, visitor)

    visitor.page.go_back()
    visitor.page.go_back()
    visitor.page.wait_for_function("!location.search.includes('log=0')")
    settle(visitor)
    assert figures(visitor) == first and streams(visitor) == asked

    visitor.page.keyboard.press("c")  # other pictures: one call
    visitor.page.wait_for_function("location.search.includes('mode=contour')")
    visitor.wait()
    assert streams(visitor) == asked + 1
    visitor.page.keyboard.press("l")
    visitor.page.wait_for_function("location.search.includes('log=0')")
    settle(visitor)
    maps = figures(visitor)
    assert streams(visitor) == asked + 1
    visitor.page.reload()
    visitor.wait()
    assert figures(visitor) == maps


@pytest.mark.parametrize("look", ["tint=saturation", "tint=step&multiples=1"])  # dots, and cells of mixed colours
def test_clouds_change_scale_and_palette_without_the_server(look, visitor: Reader, chromium, atlas):
    visitor.open(f"{QUICK}&place=clouds&walks=8&walk_steps=40&activation=tanh&{look}")
    visitor.wait()
    settle(visitor)
    asked, first = streams(visitor), figures(visitor)
    for changed, told in (("log", "0"), ("palette", "magma")):
        visitor.page.evaluate("changes => lossatlas.put(changes)", {changed: told})
        visitor.page.wait_for_function(f"location.search.includes('{changed}={told}')")
    settle(visitor)
    assert streams(visitor) == asked and figures(visitor) != first
    assert seen(visitor) == freshly(chromium, atlas, visitor)
