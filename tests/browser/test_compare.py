"""Side by side in Chromium: seeds as columns; columns moved, pinned and taken away; one pointer for a row."""

import pytest

from tests.browser.driver import Reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

QUICK = "dataset=xor&widths=2&steps=20&points=17&line_points=41"


def settle(reader: Reader) -> None:
    reader.page.wait_for_timeout(700)
    reader.wait()


def columns(reader: Reader) -> list[str]:
    return reader.page.evaluate("window.lossatlas.columns()")


def box_of(visitor: Reader, name: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of an element that is scrolled into view."""
    place = visitor.page.locator(name)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def asked(reader: Reader) -> int:
    return sum("/stream" in request for request in reader.requests)


def test_columns_by_any_option_move_pin_and_go(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    visitor.choose("compare", "Seed")
    settle(visitor)
    assert columns(visitor) == ["3", "4", "5"] and "compare=seed" in visitor.page.url
    assert visitor.page.inner_text("#settings-told").startswith("Differs: seed.")
    assert "initial draw" not in visitor.page.inner_text("#equal")
    before = asked(visitor)
    visitor.page.hover("#column-0")
    visitor.page.click("#column-0 [data-act=toRight]")
    settle(visitor)
    assert columns(visitor) == ["4", "3", "5"] and asked(visitor) == before + 1
    visitor.page.hover("#column-1")
    visitor.page.click("#column-1 [data-act=pin]")
    settle(visitor)
    assert "baseline=2" in visitor.page.url
    plain = visitor.heights(0)
    visitor.page.click("label[for=option-difference]")
    settle(visitor)
    assert visitor.heights(0) != plain and "that of Seed 3" in visitor.page.inner_text("#slot-0-slice .caption")
    visitor.page.hover("#column-0")
    visitor.page.click("#column-0 [data-act=remove]")
    settle(visitor)
    assert columns(visitor) == ["3", "5"] and "baseline=1" in visitor.page.url
    visitor.page.go_back()
    settle(visitor)
    assert columns(visitor) == ["4", "3", "5"] and "baseline=2" in visitor.page.url
    visitor.choose("compare", "Activation")
    settle(visitor)
    assert columns(visitor) == ["tanh", "relu", "elu"]


def test_a_pointer_and_a_zoom_are_those_of_the_row(visitor: Reader):
    visitor.open(f"{QUICK}&activation=tanh,relu")
    visitor.wait()
    before = asked(visitor)
    left, top, width, height = box_of(visitor, "#plot-0-slice")
    middle = (left + width / 2, top + height / 2)
    visitor.page.mouse.move(*middle)
    visitor.page.mouse.move(middle[0] + 6, middle[1] + 4)
    visitor.page.wait_for_function("document.querySelector('#slot-1-slice .echo').textContent.startsWith('here')")
    assert visitor.page.locator("#slot-1-slice .echo-dot").is_visible()
    for turn in range(40):  # a pointer that goes to and fro between two points of the curve, wherever it lies by now
        left, top, width, height = box_of(visitor, "#plot-0-line")
        curve = visitor.page.evaluate(
            "point => { const plot = document.getElementById('plot-0-line'); const { xaxis, yaxis } = plot._fullLayout;"
            "const { x, y } = plot._fullData[0];"
            "return [xaxis._offset + xaxis.d2p(x[point]), yaxis._offset + yaxis.d2p(y[point])]; }",
            12 + 3 * (turn % 2),
        )
        visitor.page.mouse.move(left + curve[0], top + curve[1])
        visitor.page.wait_for_timeout(250)
        if visitor.page.locator("#plot-1-line .hovertext").count():
            break
    assert visitor.page.locator("#plot-1-line .hovertext").count()
    ends = "[0, 1].map((c) => document.getElementById(`plot-${c}-line`)._fullLayout.xaxis.range.join())"
    whole = visitor.page.evaluate(ends)[0]
    visitor.page.mouse.down()
    visitor.page.mouse.move(left + 0.7 * width, top + curve[1], steps=4)
    visitor.page.mouse.up()
    visitor.page.wait_for_function(f"whole => {{ const [a, b] = {ends}; return a === b && a !== whole; }}", arg=whole)
    assert asked(visitor) == before
