"""The page as a reader meets it: a real server, real workers, a real browser. Few tests that each check much."""

import io
import os
import re
import signal
import time
import urllib.request

import numpy as np
import psutil
import pytest

from lossatlas.app.panels import panels_of
from lossatlas.compute.analyses.summaries import shares
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from tests.browser.driver import Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PANELS, CURVATURE = (len(panels_of(place)) for place in ("landscape", "curvature"))
QUICK = "dataset=xor&widths=2&steps=20&points=17"
MAPS = f"{QUICK}&mode=contour"  # drawn several times as fast as surfaces are in software


def test_the_default_page_then_heart_then_mnist(visitor: Reader):
    visitor.open()
    visitor.wait()
    assert len(visitor.panels()) == 3 * PANELS
    assert visitor.page.locator("html").get_attribute("lang") == "en"
    assert "Iris, network 4-4-3" in visitor.page.inner_text("#sentence")
    assert visitor.page.locator("#columns article:visible h2").all_inner_texts() == ["tanh", "ReLU", "ELU"]
    for column, activation in enumerate(("tanh", "relu", "elu")):
        expected = ask(question("slice", f"activation={activation}&extent={visitor.half_width(column)}")).loss
        np.testing.assert_allclose(np.array(visitor.heights(column)).T, expected, rtol=1e-6)  # drawn in float32

    visitor.choose("dataset", "Heart")
    visitor.page.wait_for_function("location.search.includes('dataset=heart')")
    visitor.wait()
    assert "Heart, network 32-4-1" in visitor.page.inner_text("#sentence")

    visitor.open("dataset=mnist&widths=10&steps=3&test_share=0&points=17&activation=tanh")
    visitor.wait()
    assert "784-10-10" in visitor.page.inner_text("#sentence") and "10,000" in visitor.page.inner_text("#sentence")
    assert {panel["state"] for panel in visitor.panels().values()} == {"done"}
    assert np.isfinite(visitor.heights(0)).all()


def test_the_url_is_the_state(visitor: Reader, chromium, atlas):
    visitor.open(MAPS)
    visitor.wait()
    opened = visitor.page.evaluate("window.lossatlas.opened")
    visitor.page.get_by_text("sigmoid", exact=True).first.click()
    visitor.page.wait_for_function("location.search.includes('tanh,relu,elu,sigmoid')")
    visitor.wait()
    assert len(visitor.panels()) == 4 * PANELS
    assert visitor.page.evaluate("window.lossatlas.opened") == opened + 1  # one server call a control
    visitor.page.fill("#option-seed", "8")
    visitor.page.wait_for_function("location.search.includes('seed=8')")
    visitor.wait()
    address, drawn = visitor.page.url, visitor.heights(3)
    asked = "opened => window.lossatlas.opened > opened"  # until then the page is still done with the last question
    before = visitor.page.evaluate("window.lossatlas.opened")
    visitor.page.go_back()
    visitor.page.wait_for_function(asked, arg=before)
    visitor.wait()
    assert visitor.page.input_value("#option-seed") == "3" and visitor.heights(3) != drawn
    before = visitor.page.evaluate("window.lossatlas.opened")
    visitor.page.go_forward()
    visitor.page.wait_for_function(asked, arg=before)
    visitor.wait()
    assert visitor.page.input_value("#option-seed") == "8" and visitor.heights(3) == drawn
    visitor.page.reload()
    visitor.wait()
    assert visitor.heights(3) == drawn
    other = reader(chromium, atlas, theme="dark")
    other.page.goto(address)
    other.wait()
    assert other.heights(3) == drawn and {panel["state"] for panel in other.panels().values()} == {"cached"}
    other.page.context.close()


def test_themes_modes_and_keys_need_no_computation(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    opened = visitor.page.evaluate("window.lossatlas.opened")
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "document.getElementById('plot-0-line')._fullLayout.font.color"
    light = visitor.page.evaluate(paper), visitor.page.evaluate(ink)
    visitor.page.locator("main").focus()
    visitor.page.keyboard.press("t")
    visitor.page.keyboard.press("t")
    visitor.page.wait_for_function("window.lossatlas.theme === 'dark' && window.lossatlas.ready")
    dark = visitor.page.evaluate(paper), visitor.page.evaluate(ink)
    assert light[0] != dark[0] and light[1] != dark[1]
    assert visitor.page.evaluate("window.lossatlas.opened") == opened  # the theme is the browser's own
    visitor.page.keyboard.press("c")
    visitor.page.wait_for_function("location.search.includes('mode=contour')")
    visitor.wait()
    assert visitor.page.evaluate("document.getElementById('plot-0-slice')._fullData[0].type") == "contour"
    assert {panel["state"] for panel in visitor.panels().values()} == {"cached"}
    visitor.page.keyboard.press("s")
    visitor.wait()


def drag(visitor: Reader, column: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A rectangle on a map between two places, as shares of the axes from the lower left."""
    box = visitor.page.evaluate(
        """id => {
            const plot = document.getElementById(id), {xaxis, yaxis} = plot._fullLayout;
            plot.scrollIntoView({block: 'center'});
            const {left, top} = plot.getBoundingClientRect();
            return [left + xaxis._offset, top + yaxis._offset, xaxis._length, yaxis._length];
        }""",
        f"plot-{column}-slice",
    )
    across, down = (
        [box[n] + box[n + 2] * (share if n == 0 else 1 - share) for share in (start[n], end[n])] for n in (0, 1)
    )
    visitor.page.mouse.move(across[0], down[0])
    visitor.page.mouse.down()
    visitor.page.mouse.move(sum(across) / 2, sum(down) / 2)
    visitor.page.mouse.move(across[1], down[1])
    visitor.page.mouse.up()


def window_of(visitor: Reader) -> list[float]:
    """The window that the address names."""
    text = visitor.page.evaluate("new URLSearchParams(location.search).get('window') ?? ''")
    return [float(part) for part in text.split(",")] if text else []


def crumbs(visitor: Reader) -> list[str]:
    return visitor.page.locator("#crumbs li").all_inner_texts()


def ranges(visitor: Reader) -> list[list[float]]:
    """The box that each column's map or surface shows."""
    return visitor.page.evaluate("""() => window.lossatlas.boxes().map((_, column) => {
        const layout = document.getElementById(`plot-${column}-slice`)._fullLayout;
        const {xaxis, yaxis} = layout.scene ?? layout;
        return [...xaxis.range, ...yaxis.range];
    })""")


def test_zoom_into_the_plane_by_dragging_and_back(visitor: Reader):
    visitor.open(f"{QUICK}&mode=contour")
    visitor.wait()
    opened, drawn, whole = visitor.page.evaluate("window.lossatlas.opened"), visitor.panels(), ranges(visitor)[0]
    drag(visitor, 0, (0.25, 0.5), (0.75, 0.9))
    visitor.page.wait_for_function("location.search.includes('window=')")
    visitor.wait()
    first = window_of(visitor)
    width, height = whole[1] - whole[0], whole[3] - whole[2]
    np.testing.assert_allclose(  # a pixel or two
        first, whole[0] + np.array([0.25, 0.75, 0.5, 0.9]) * [width, width, height, height], atol=0.02 * width
    )
    assert ranges(visitor) == [first] * 3 and len(crumbs(visitor)) == 2 and crumbs(visitor)[0] == "whole picture"
    assert visitor.page.evaluate("window.lossatlas.opened") == opened + 1
    for column in range(3):  # the zoom changes the surfaces' row alone
        for row in ("line", "training"):
            assert visitor.panels()[f"{column}-{row}"]["drawn"] == drawn[f"{column}-{row}"]["drawn"]
    text = ",".join(map(str, first))
    expected = ask(question("slice", f"{QUICK}&activation=elu&window={text}")).loss
    np.testing.assert_allclose(10 ** np.array(visitor.heights(2)).T, expected, rtol=1e-5)  # log10, drawn in float32

    drag(visitor, 1, (0.1, 0.1), (0.6, 0.6))
    visitor.page.wait_for_function("location.search.includes('trail=')")
    visitor.wait()
    second = window_of(visitor)
    assert ranges(visitor) == [second] * 3 and len(crumbs(visitor)) == 3
    assert first[0] <= second[0] < second[1] <= first[1] and first[2] <= second[2] < second[3] <= first[3]
    visitor.page.reload()
    visitor.wait()
    assert ranges(visitor) == [second] * 3 and len(crumbs(visitor)) == 3
    visitor.page.locator("#crumbs button").nth(1).click()
    visitor.page.wait_for_function("!location.search.includes('trail=')")
    visitor.wait()
    assert ranges(visitor) == [first] * 3 and {panel["state"] for panel in visitor.panels().values()} == {"cached"}
    visitor.page.locator("#crumbs button").first.click()
    visitor.page.wait_for_function("!location.search.includes('window=')")
    visitor.wait()
    assert ranges(visitor) == [whole] * 3 and crumbs(visitor) == ["whole picture"]
    visitor.page.go_back()
    visitor.wait()
    assert window_of(visitor) == first and ranges(visitor) == [first] * 3
    visitor.page.locator("#plot-0-slice .nsewdrag").dblclick()  # a double click goes one up, as the button does
    visitor.page.wait_for_function("!location.search.includes('window=')")
    visitor.wait()
    assert ranges(visitor) == [whole] * 3
    visitor.page.keyboard.press("s")
    visitor.wait()
    visitor.page.keyboard.press("i")  # a surface: into its middle half
    visitor.page.wait_for_function("location.search.includes('window=')")
    visitor.wait()
    np.testing.assert_allclose(ranges(visitor), [np.array(whole) / 2] * 3)
    visitor.choose("dataset", "Iris")  # another plane: its coordinates mean something else
    visitor.page.wait_for_function("location.search.includes('dataset=iris') || !location.search.includes('dataset')")
    visitor.wait()
    assert not window_of(visitor) and crumbs(visitor) == ["whole picture"]


def test_the_plane_turns_while_the_slider_moves(visitor: Reader):
    visitor.open(f"{QUICK}&activation=tanh")
    visitor.wait()
    before, lines, entries = visitor.heights(0), visitor.panels()["0-line"], visitor.page.evaluate("history.length")
    thumb = visitor.page.locator("#row-turn [role=slider]")
    thumb.scroll_into_view_if_needed()
    box, track = thumb.bounding_box(), visitor.page.locator("#row-turn .mantine-Slider-track").bounding_box()
    assert box and track
    visitor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visitor.page.mouse.down()
    visitor.page.mouse.move(track["x"] + track["width"] / 8, box["y"] + box["height"] / 2, steps=4)
    opened = visitor.page.evaluate("window.lossatlas.opened")
    visitor.wait()
    assert visitor.heights(0) != before  # the picture follows, and the address waits
    assert visitor.page.evaluate("location.search") == f"?{QUICK}&activation=tanh"
    visitor.page.mouse.up()
    visitor.page.wait_for_function("location.search.includes('turn=45.0')")
    visitor.wait()
    assert visitor.page.evaluate("window.lossatlas.opened") <= opened + 1  # letting go asks nothing new
    extent = visitor.half_width(0)
    expected = ask(question("slice", f"{QUICK}&activation=tanh&turn=45&extent={extent}")).loss
    np.testing.assert_allclose(np.array(visitor.heights(0)).T, expected, rtol=1e-6)
    assert visitor.panels()["0-line"]["drawn"] == lines["drawn"]  # the first direction stays
    thumb.press("ArrowRight")
    visitor.page.wait_for_function("location.search.includes('turn=50.0')")
    visitor.wait()
    assert visitor.page.evaluate("history.length") == entries + 2
    visitor.page.go_back()
    visitor.page.wait_for_function("document.querySelector('#row-turn [role=slider]').ariaValueNow === '45'")
    visitor.wait()
    np.testing.assert_allclose(np.array(visitor.heights(0)).T, expected, rtol=1e-6)


def test_a_nonsense_window_is_one_sentence_and_has_a_way_out(visitor: Reader):
    visitor.open(f"{MAPS}&window=1,0,0,0&trail=x")
    visitor.wait("refused")
    assert "must be a number" in visitor.message()
    visitor.open(f"{MAPS}&window=1,0,0,0")
    visitor.wait("refused")
    assert "lower end below" in visitor.message()
    assert crumbs(visitor) == ["whole picture", "?"] and visitor.page.is_disabled("#inward")
    visitor.page.locator("#crumbs button").first.click()
    visitor.wait()
    assert not window_of(visitor) and visitor.message() == ""


def test_a_refused_question_keeps_the_picture_and_says_why(visitor: Reader):
    visitor.open(MAPS)
    visitor.wait()
    before = visitor.heights(0)
    visitor.page.fill("#option-points", "18")
    visitor.wait("refused")
    assert "points must be odd" in visitor.message() and visitor.heights(0) == before
    visitor.page.fill("#option-points", "9")
    visitor.wait()
    assert visitor.message() == "" and len(visitor.heights(0)) == 9
    visitor.open("dataset=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E")
    visitor.wait("refused")
    assert "img" in visitor.message() and visitor.page.locator("#message img").count() == 0


def test_five_quick_changes_draw_the_last_and_cancel_stops(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    for seed in range(20, 25):
        visitor.page.evaluate(
            f"history.pushState(null, '', '?{QUICK}&seed={seed}'); dispatchEvent(new PopStateEvent('popstate'))"
        )
        time.sleep(0.1)
    visitor.page.wait_for_function("document.getElementById('option-seed').value === '24'")
    visitor.wait()
    expected = ask(question("slice", f"{QUICK}&seed=24&extent={visitor.half_width(0)}")).loss
    np.testing.assert_allclose(np.array(visitor.heights(0)).T, expected, rtol=1e-6)
    visitor.open("dataset=mnist&widths=30&steps=300")
    visitor.wait("computing")
    visitor.page.wait_for_selector("#cancel:not([hidden])")
    visitor.page.wait_for_function("document.querySelector('#columns')?.offsetParent && window.lossatlas.theme")
    visitor.page.keyboard.press("Escape")
    visitor.wait("cancelled")


def test_the_data_link_holds_what_the_panel_shows(visitor: Reader):
    visitor.open(QUICK)
    visitor.wait()
    link = visitor.page.locator("#slot-1-slice a.export[data-kind=npz]").get_attribute("href")
    assert link and link.startswith("/export/slice.npz?")
    with (
        urllib.request.urlopen(visitor.address + link, timeout=30) as answer,
        np.load(io.BytesIO(answer.read())) as stored,
    ):
        np.testing.assert_allclose(np.array(visitor.heights(1)).T, stored["loss"], rtol=1e-6)


def processes(atlas: str) -> dict[str, list[psutil.Process]]:
    """The server's processes by what they do."""
    port = atlas.rsplit(":", 1)[1]
    top = next(p for p in psutil.process_iter(["cmdline"]) if f"--port {port}" in " ".join(p.info["cmdline"] or []))
    below = {p: " ".join(p.cmdline()) for p in top.children(recursive=True)}
    host = [p for p, words in below.items() if "lossatlas.compute.service.host" in words]
    web = [p for p, words in below.items() if "gunicorn" in words]
    masters = [p for p in web if p.parent() == top]
    return {
        "compute host": host[:1],
        "web worker": [p for p in web if p not in masters],
        "dask worker": [p for p in below if p not in host + web and p.memory_info().rss > 150e6],
    }


@pytest.mark.parametrize("kinds", [("dask worker", "web worker"), ("compute host",)])
def test_killed_processes_in_mid_job_are_not_noticed(kinds, visitor: Reader, atlas):
    query = f"dataset=mnist&widths=10&steps=250&points=33&activation=tanh,relu&seed={len(kinds)}"
    visitor.open(query)
    visitor.wait_for_work()
    found = processes(atlas)
    for process in [one for kind in kinds for one in found[kind]]:
        os.kill(process.pid, signal.SIGKILL)
    visitor.wait()
    assert {panel["state"] for panel in visitor.panels().values()} <= {"done", "cached"}
    visitor.errors = [
        error for error in visitor.errors if "ERR_" not in error
    ]  # the browser's own note of a cut stream
    extent = visitor.half_width(1)
    expected = ask(question("slice", query.replace("tanh,", "") + f"&extent={extent}")).loss
    np.testing.assert_allclose(np.array(visitor.heights(1)).T, expected, rtol=1e-6)


def test_six_browsers_cost_one_computation(chromium, atlas):
    readers = [reader(chromium, atlas) for _ in range(6)]
    for one in readers:
        one.open("dataset=wine&activation=silu&seed=77&points=33&mode=contour")
    for one in readers:
        one.wait()
    assert all(one.heights(0) == readers[0].heights(0) for one in readers)
    for one in readers:
        one.page.context.close()


def test_the_page_loads_many_times_without_a_blank(visitor: Reader):
    """One load in about sixty of an early trial showed nothing; this one waits for pictures each time."""
    for _ in range(5):
        visitor.open(f"{MAPS}&activation=tanh")
        visitor.wait()
        assert all(panel["drawn"] for panel in visitor.panels().values())


def test_health_answers_while_every_worker_is_busy(visitor: Reader):
    visitor.open("dataset=mnist&widths=10&steps=60&seed=99")
    visitor.wait("computing")
    for _ in range(5):
        with urllib.request.urlopen(f"{visitor.address}/healthz", timeout=5) as answer:
            assert answer.status == 200
        time.sleep(0.2)


def click_on(visitor: Reader, column: int) -> None:
    """A click on the middle of a surface, without turning it."""
    plot = visitor.page.locator(f"#plot-{column}-slice")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    at = box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"]
    visitor.page.evaluate(
        "id => document.getElementById(id).on('plotly_hover', () => { window.hovered = true; })", f"plot-{column}-slice"
    )
    visitor.page.mouse.move(*at, steps=3)
    visitor.page.wait_for_function("window.hovered")  # a surface finds what lies under the pointer some frames later
    visitor.page.mouse.click(*at, delay=400)


def test_spectra_and_saturation_of_mnist_and_of_a_point_clicked(visitor: Reader):
    quick = "widths=10&steps=8&points=9&lanczos=12&probes=4&along=2&replicates=2&max_samples=1500"
    visitor.open(quick)
    visitor.wait()
    visitor.choose("dataset", "MNIST-10k")
    visitor.page.wait_for_function("location.search.includes('dataset=mnist')")
    visitor.page.get_by_text("Curvature", exact=True).first.click()
    visitor.page.wait_for_function("location.search.includes('place=curvature')")
    visitor.wait()
    assert "784-10-10" in visitor.page.inner_text("#sentence")
    shown = visitor.panels()
    assert len(shown) == 3 * CURVATURE and {p["state"] for p in shown.values()} <= {"done", "cached"}
    assert visitor.page.locator("#slot-0-line").is_hidden() and visitor.page.locator("#slot-0-spectrum").is_visible()
    assert "4 probes" in visitor.page.inner_text("#slot-0-spectrum .caption")
    assert "10 units" in visitor.page.inner_text("#slot-0-saturation .state")
    cells = visitor.page.locator("#table .ag-pinned-left-cols-container [col-id=activation]").all_inner_texts()
    assert cells == [name for name in ("tanh", "ReLU", "ELU") for _ in range(2)]
    visitor.page.locator("#table [col-id=test_loss] .ag-header-cell-label").click()
    visitor.page.wait_for_function("document.querySelector('#table [col-id=test_loss][aria-sort=ascending]')")
    values = visitor.page.evaluate("""() => {
        const found = [];
        window.dash_ag_grid.getApi("table").forEachNodeAfterFilterAndSort((node) => found.push(node.data.test_loss));
        return found;
    }""")
    assert len(values) == 6 and values == sorted(values)

    visitor.open("dataset=xor&widths=2&steps=20&points=17&replicates=2&along=2&activation=tanh")
    visitor.wait()
    assert visitor.page.is_disabled("#here")
    click_on(visitor, 0)
    visitor.page.wait_for_function("!document.getElementById('here').disabled")
    visitor.page.click("#here")
    visitor.page.wait_for_function("location.search.includes('place=curvature')")
    visitor.wait()
    a, b = map(float, visitor.page.input_value("#option-at").split(","))
    expected = ask(question("spectrum", f"dataset=xor&widths=2&steps=20&activation=tanh&at={a},{b}"))
    head = dict(
        zip(*(visitor.page.locator(f"#column-0 .numbers {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True)
    )
    assert float(head["λ max"].replace("−", "-")) == pytest.approx(expected.largest[0], rel=6e-3)
    reached = ask(question("spectrum", "dataset=xor&widths=2&steps=20&activation=tanh"))
    assert abs(expected.largest[0] - reached.largest[0]) > 0.02 * abs(reached.largest[0])
    visitor.page.click("#at-end")
    visitor.page.wait_for_function("!location.search.includes('at=')")
    visitor.wait()
    visitor.page.go_back()
    visitor.page.wait_for_function(f"document.getElementById('option-at').value === '{a},{b}'")
    visitor.wait()


def brush_over(visitor: Reader, column: int) -> None:
    """A rectangle over the lower left of a cloud."""
    left, top, width, height = visitor.page.evaluate(
        """id => {
            const plot = document.getElementById(id), {xaxis, yaxis} = plot._fullLayout;
            plot.scrollIntoView({block: 'center'});
            const box = plot.getBoundingClientRect();
            return [box.left + xaxis._offset, box.top + yaxis._offset, xaxis._length, yaxis._length];
        }""",
        f"plot-{column}-cloud",
    )
    visitor.page.mouse.move(left + 0.05 * width, top + 0.4 * height)
    visitor.page.mouse.down()
    visitor.page.mouse.move(left + 0.3 * width, top + 0.7 * height, steps=4)
    visitor.page.mouse.move(left + 0.7 * width, top + 0.95 * height, steps=4)
    visitor.page.mouse.up()


def test_clouds_of_iris_are_brushed_and_lead_to_a_slice(visitor: Reader):
    visitor.open("walks=6&walk_steps=60&walk_size=0.05&points=17")
    visitor.wait()
    visitor.page.get_by_text("Clouds", exact=True).first.click()
    visitor.page.wait_for_function("location.search.includes('place=clouds')")
    visitor.wait()
    assert {name: panel["state"] for name, panel in visitor.panels().items()} == {
        f"{n}-cloud": "done" for n in range(3)
    }
    clouds = [ask(question("cloud", f"walks=6&walk_steps=60&walk_size=0.05&activation={name}"))
              for name in ("tanh", "relu", "elu")]  # fmt: skip
    cells = visitor.page.locator("#table .ag-center-cols-container [col-id=runs_authors]")
    cells.first.wait_for()
    told = visitor.page.locator("#slot-0-cloud .caption").inner_text()
    assert "6 walks × 61 points" in told and "full Hessian" in told

    opened = visitor.page.evaluate("window.lossatlas.opened")
    visitor.choose("rule", "per weight tensor (authors)")
    visitor.page.wait_for_function("location.search.includes('rule=tensors')")
    visitor.wait()
    assert "per weight tensor" in visitor.page.locator("#slot-1-cloud .caption").inner_text()
    assert {panel["state"] for panel in visitor.panels().values()} == {"cached"}
    row = visitor.page.evaluate("window.dash_ag_grid.getApi('table').getRowNode('relu').data.convex")
    assert row == shares(clouds[1], "tensors", 0.0)["convex"].share

    brush_over(visitor, 0)
    visitor.page.wait_for_function("location.search.includes('brush=')")
    visitor.wait()
    assert visitor.page.evaluate("window.lossatlas.opened") == opened + 2  # one question a control
    left, right, low, high = map(float, visitor.page.input_value("#option-brush").split(","))
    x, y = np.log10(clouds[0].loss), np.log10(clouds[0].gradient_norm)
    inside = (left <= x) & (x <= right) & (low <= y) & (y <= high)
    assert inside.any()
    assert f"{inside.sum():,} points of {inside.any(1).sum()} walks" in visitor.page.inner_text(
        "#slot-0-cloud .selection"
    )
    walk, step = (int(word) for word in re.findall(r"[\d]+", visitor.page.inner_text("#aim")))
    assert inside[walk, step]

    visitor.page.click("#slice-here")
    visitor.page.wait_for_function("location.search.includes('optimiser=walk')")
    visitor.wait()
    assert f"walk {walk} at step {step}" in visitor.page.inner_text("#sentence")
    query = f"walk_size=0.05&optimiser=walk&seed={walk}&steps={step}&activation=tanh&points=17"
    found = ask(question("slice", f"{query}&extent={visitor.half_width(0)}"))
    assert found.center_loss == pytest.approx(clouds[0].loss[walk, step], rel=1e-5)
    np.testing.assert_allclose(np.array(visitor.heights(0)).T, found.loss, rtol=1e-6)
    visitor.page.go_back()
    visitor.page.wait_for_function("!location.search.includes('optimiser')")
    visitor.wait()
