"""What leaves the page whole, in a real browser: short links, hidden controls, pictures, the page as a file."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.driver import PATIENCE, Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUICK = "dataset=xor&widths=2&steps=20&points=17&line_points=21&activation=tanh,relu"


@pytest.fixture
def writer(visitor: Reader) -> Reader:
    """A visitor whose clipboard may be written and read."""
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=visitor.address)
    visitor.page.set_default_timeout(PATIENCE)
    return visitor


def share(visitor: Reader, words: str) -> None:
    visitor.page.click("#share summary")
    visitor.page.locator("#share .item", has_text=words).click()


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, from its first chunk."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_page_travels_as_short_link_picture_code_and_file(writer: Reader, chromium, tmp_path):
    visitor = writer
    visitor.open(f"{QUICK}&theme=dark")
    visitor.wait()
    heights = visitor.heights(1)
    share(visitor, "Copy short link")
    expect(visitor.page.locator("#message")).to_contain_text("/s/")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/s/[a-z2-7]{8}", link)
    other = reader(chromium, visitor.address)
    other.page.goto(link, wait_until="commit")
    other.wait()
    names = [parse_qs(urlsplit(page.url).query) for page in (other.page, visitor.page)]
    assert names[0] == names[1] and "dark" in names[0]["theme"] and other.heights(1) == heights
    unknown = other.page.goto(f"{visitor.address}/s/aaaaaaaa")
    assert unknown and unknown.status == 404
    expect(other.page.get_by_role("link", name="Open the default question")).to_be_visible()
    other.page.context.close()

    with visitor.page.expect_download() as picture:
        share(visitor, "Picture PNG")
    assert picture.value.suggested_filename == "lossatlas-slice.png"
    picture.value.save_as(tmp_path / "row.png")
    assert size((tmp_path / "row.png").read_bytes()) == (1920, 1080)
    with visitor.page.expect_download() as drawing:
        share(visitor, "Picture SVG")
    drawing.value.save_as(tmp_path / "row.svg")
    svg = (tmp_path / "row.svg").read_text()
    words = visitor.page.inner_text("#sentence"), "tanh", "ReLU", visitor.page.inner_text("#bar .bar-title")
    assert all(word in re.sub(r"</text><text[^>]*>", " ", svg) for word in words) and svg.count("<image") >= 2

    visitor.page.click("#share summary")
    with visitor.page.expect_download() as saved:
        visitor.page.locator("#share .item", has_text="Page as HTML").click()
    saved.value.save_as(tmp_path / "page.html")
    alone = reader(chromium, "")
    alone.page.set_default_timeout(PATIENCE)
    alone.page.context.set_offline(True)
    alone.page.goto((tmp_path / "page.html").as_uri())
    plots = "[...document.querySelectorAll('.plot')]"
    alone.page.wait_for_function(f"{plots}.length === 6 && {plots}.slice(0, 2).every(plot => plot._fullData)")
    drawn = "Array.from(document.getElementById('plot-1-slice')._fullData[0].z, row => Array.from(row))"
    assert alone.page.evaluate(drawn) == heights
    assert alone.page.inner_text("#sentence") == visitor.page.inner_text("#sentence")
    numbers = ".column .numbers dd"
    assert alone.page.locator(numbers).all_inner_texts() == visitor.page.locator(f"{numbers}:visible").all_inner_texts()
    captions = ".slot-slice .caption"
    assert (
        alone.page.locator(captions).all_inner_texts() == visitor.page.locator(f"{captions}:visible").all_inner_texts()
    )
    eye = "document.getElementById('plot-{}-slice')._fullLayout.scene._scene.getCamera().eye.x"
    alone.page.evaluate(
        "Plotly.relayout('plot-0-slice', {'scene.camera': {eye: {x: 2, y: 0.5, z: 1}, center: {x: 0, y: 0, z: 0}}})"
    )
    alone.page.wait_for_function(f"Math.abs({eye.format(1)} - 2) < 1e-3")  # cameras are linked
    assert not alone.errors and all(url.startswith(("file:", "blob:", "data:")) for url in alone.requests)
    alone.page.context.close()

    share(visitor, "Python code")
    expect(visitor.page.locator("#code-text")).to_contain_text("import lossatlas")
    visitor.page.select_option("#code-of", label="Surface, ReLU")
    expect(visitor.page.locator("#code-text")).to_contain_text("activation=relu")
    compile(visitor.page.inner_text("#code-text"), "code", "exec")
    visitor.page.keyboard.press("Escape")


def test_a_lesson_hides_controls_and_their_values_and_the_way_back_stay(writer: Reader):
    visitor, page = writer, writer.page
    visitor.open(f"{QUICK}&seed=7&hide=widths,seed,start,captions,log,presenter")
    visitor.wait()
    expect(page.locator("#row-widths")).to_be_hidden()
    expect(page.locator("[data-group=start]")).to_be_hidden()
    expect(page.locator("#presenter")).to_be_hidden()
    expect(page.locator(".slot-slice .caption").first).to_be_hidden()
    expect(page.locator("#row-dataset")).to_be_visible()
    opened = page.evaluate("window.lossatlas.opened")
    page.locator("#sentence").click()
    page.keyboard.press("l")  # the log scale's key, which is hidden
    page.keyboard.press("p")
    page.keyboard.press("c")  # the contour map's, which is not
    page.wait_for_function("location.search.includes('mode=contour')")
    visitor.wait()
    assert "log=" not in page.url and not page.locator("html.presenter").count()
    assert "seed=7" in page.url and "widths=2" in page.url and page.input_value("#option-seed") == "7"
    assert page.evaluate("window.lossatlas.opened") == opened + 1

    share(visitor, "Hide controls")
    editor = page.locator("#hide-editor")
    expect(editor.get_by_label("Captions", exact=True)).to_be_checked()
    expect(editor.get_by_label("Seed", exact=True)).to_be_disabled()  # lies in Start
    editor.get_by_label("Whole sidebar").check()
    expect(page.locator("#controls")).to_be_hidden()
    assert "controls" in page.url
    editor.get_by_text("Copy the link for the lesson").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "controls" in urlsplit(link).query and page.evaluate("window.lossatlas.opened") == opened + 1
    editor.get_by_text("Close").click()
    page.reload()
    visitor.wait()
    expect(page.locator("#controls")).to_be_hidden()
    page.get_by_role("button", name="Show all controls").click()
    expect(page.locator("#controls")).to_be_visible()
    assert "hide" not in page.url and page.input_value("#option-seed") == "7"
    page.go_back()
    expect(page.locator("#controls")).to_be_hidden()

    visitor.open(f"{QUICK}&hide=start,<b>nonsense</b>,warnings")
    visitor.wait()
    assert "<b>nonsense</b>" in visitor.message() and page.locator(".slot-slice .warnings li").first.is_visible()
    expect(page.locator("[data-group=start]")).to_be_hidden()
    expect(page.locator("[data-group=problem]")).to_be_visible()
